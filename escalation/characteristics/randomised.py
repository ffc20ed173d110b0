"""Operating characteristics of a randomised comparison of doses after dose escalation."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from escalation.characteristics.distributions import Law, event
from escalation.engines.outcomes import Outcomes
from escalation.engines.randomised import DLTS, PATIENTS, RESPONSES, Stage

COUNTED = {"patients": PATIENTS, "dlts": DLTS, "responses": RESPONSES}
"""What is counted at each dose."""

CLOSED = "closed_for_dlts", "closed_for_responses"
"""Of arms at each dose."""


@dataclass(frozen=True)
class RandomisedCharacteristics:
    """What happens in the comparison. Patients of dose escalation are in none of these numbers but the last two.

    Attributes
    ----------
    reached : float
        Probability that there is a comparison: that a dose is recommended which was tried, or that lies above one.
    arms : dict of str to float
        Probability of every number of arms, none included.
    patients, dlts, responses : tuple of float
        Mean number at each dose.
    total_patients, total_dlts, total_responses : float
        Mean per trial; a trial without a comparison has none.
    closed_for_dlts, closed_for_responses : tuple of float
        Probability that the dose is an arm that is closed at a look.
    patients_in_all, dlts_in_all : float
        Mean per trial, with those of dose escalation.
    """

    reached: float
    arms: dict[str, float]
    patients: tuple[float, ...]
    dlts: tuple[float, ...]
    responses: tuple[float, ...]
    total_patients: float
    total_dlts: float
    total_responses: float
    closed_for_dlts: tuple[float, ...]
    closed_for_responses: tuple[float, ...]
    patients_in_all: float
    dlts_in_all: float


def stage_laws(stage: Stage) -> dict[str, Law]:
    """The law of each quantity of single trials whose mean is one of these, by name."""
    counts = np.arange(stage.laws.shape[2], dtype=np.float64)
    laws = {f"randomised.arms.{number}": event(share) for number, share in enumerate(stage.arms)}
    for name, what in COUNTED.items():
        laws |= {f"randomised.{name}.{dose}": Law(counts, law) for dose, law in enumerate(stage.laws[what], 1)}
    for name, shares in zip(CLOSED, stage.closed, strict=True):
        laws |= {f"randomised.{name}.{dose}": event(share) for dose, share in enumerate(shares, 1)}
    return laws


def randomised_characteristics(
    stage: Stage, outcomes: Outcomes
) -> tuple[RandomisedCharacteristics, dict[str, Any] | None]:
    """The characteristics, and of at least two simulated trials their Monte Carlo standard errors."""
    means = stage.laws @ np.arange(stage.laws.shape[2])
    totals = means.sum(axis=1)
    escalated = [float(outcomes.probability @ part.sum(axis=1)) for part in (outcomes.patients, outcomes.dlts)]
    numbers: dict[str, Any] = {
        "reached": min(float(stage.arms[1:].sum()), 1.0),
        "arms": {str(number): min(float(share), 1.0) for number, share in enumerate(stage.arms)},
        **{name: tuple(means[what].tolist()) for name, what in COUNTED.items()},
        **{f"total_{name}": float(totals[what]) for name, what in COUNTED.items()},
        **{name: tuple(shares.tolist()) for name, shares in zip(CLOSED, stage.closed, strict=True)},
        "patients_in_all": escalated[0] + float(totals[PATIENTS]),
        "dlts_in_all": escalated[1] + float(totals[DLTS]),
    }
    found = RandomisedCharacteristics(**numbers)
    if stage.counts is None or len(stage.counts) == 1:
        return found, None
    return found, _errors(stage.counts, numbers, outcomes)


def _errors(counts: NDArray[np.int16], numbers: dict[str, Any], outcomes: Outcomes) -> dict[str, Any]:
    """Standard errors of the means over simulated trials."""
    root = math.sqrt(len(counts))

    def of_event(share: float) -> float:
        return math.sqrt(max(share * (1 - share), 0.0)) / root

    totals = counts.sum(axis=2, dtype=np.int64)
    escalated = [part.sum(axis=1, dtype=np.int64) for part in (outcomes.patients, outcomes.dlts)]
    return {
        "reached": of_event(numbers["reached"]),
        "arms": {number: of_event(share) for number, share in numbers["arms"].items()},
        **{name: tuple((counts[:, what].std(axis=0) / root).tolist()) for name, what in COUNTED.items()},
        **{f"total_{name}": float(totals[:, what].std()) / root for name, what in COUNTED.items()},
        **{name: tuple(map(of_event, numbers[name])) for name in CLOSED},
        "patients_in_all": float((escalated[0] + totals[:, PATIENTS]).std()) / root,
        "dlts_in_all": float((escalated[1] + totals[:, DLTS]).std()) / root,
    }
