"""Which doses are correct, what designs are compared by in single trials, and confidence limits of a rate."""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from escalation.kernels.codes import NO_DOSE, SLACK
from escalation.outcomes import Outcomes

Floats = NDArray[np.float64]

TOLERATED_EXCESS = 0.10
"""A truth whose lowest rate exceeds the target by more than this has no correct dose."""

CONFIDENCE = 0.95


def correct_doses(rates: Sequence[float] | Floats, target: float) -> tuple[int, ...]:
    """Doses whose true rate is closest to the target, 1-based; none when even the lowest rate is far above it."""
    return tuple(int(dose) + 1 for dose in np.flatnonzero(are_correct(np.asarray(rates, dtype=np.float64), target)))


def are_correct(rates: Floats, target: float) -> NDArray[np.bool_]:
    """Whether each dose is a correct one, by the same rule; of rates of any number of truths, float64[..., D]."""
    distance = np.abs(rates - target)
    closest = distance <= distance.min(axis=-1, keepdims=True) + SLACK
    correct: NDArray[np.bool_] = closest & (rates.min(axis=-1, keepdims=True) <= target + TOLERATED_EXCESS + SLACK)
    return correct


def quantile(values: Floats, share: float) -> Any:
    """The smallest value such that at least this share of the values is not larger; along the last axis."""
    place = max(math.ceil(share * values.shape[-1] - SLACK) - 1, 0)
    return np.sort(values, axis=-1)[..., place]


def trial_quantities(outcomes: Outcomes, correct: Sequence[int]) -> dict[str, NDArray[Any]]:
    """What designs are compared by, of every single trial: trials on the same patients differ by these.

    Parameters
    ----------
    outcomes : Outcomes
    correct : sequence of int
        The correct doses, 1-based.

    Returns
    -------
    dict of bool[E] or int64[E]
        By the names of `laws.Laws.by_quantity`; bool where the mean is a probability.
    """
    return {
        "pcs": np.isin(outcomes.recommended, [dose - 1 for dose in correct] or [NO_DOSE]),
        "above_target": outcomes.patients[:, outcomes.rates > outcomes.trial.target + SLACK].sum(
            axis=1, dtype=np.int64
        ),
        "sample_size": outcomes.patients.sum(axis=1, dtype=np.int64),
        "total_dlts": outcomes.dlts.sum(axis=1, dtype=np.int64),
    }


@lru_cache(maxsize=8)
def clopper_pearson(max_patients: int) -> tuple[Floats, Floats]:
    """95 % Clopper-Pearson limits of a rate, by patients and DLTs.

    Returns
    -------
    lower, upper : float64[N + 1, N + 1]
        NaN where there are no patients or more DLTs than patients.

    Source: Clopper CJ, Pearson ES (1934) Biometrika 26:404-413.
    """
    patients, dlts = np.indices((max_patients + 1, max_patients + 1)).astype(np.float64)
    impossible = (patients == 0) | (dlts > patients)
    tail = (1 - CONFIDENCE) / 2
    with np.errstate(invalid="ignore"):
        lower = np.where(dlts == 0, 0.0, special.betaincinv(dlts, patients - dlts + 1, tail))
        upper = np.where(dlts == patients, 1.0, special.betaincinv(dlts + 1, patients - dlts, 1 - tail))
    limits = np.where(impossible, np.nan, lower), np.where(impossible, np.nan, upper)
    for limit in limits:
        limit.flags.writeable = False
    return limits
