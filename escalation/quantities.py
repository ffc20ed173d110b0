"""Quantities of single trials, whose means are operating characteristics; and which doses are correct."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from escalation.kernels.codes import (
    ENOUGH_AT_DOSE,
    EXPANSION_STOPPED,
    NO_DOSE,
    REASON_NAMES,
    SLACK,
    STOPPING_RULE,
    TOO_TOXIC,
)
from escalation.outcomes import Outcomes

Floats = NDArray[np.float64]

TOLERATED_EXCESS = 0.10
"""A truth whose lowest rate exceeds the target by more than this has no correct dose."""

CONFIDENCE = 0.95

EARLY = (TOO_TOXIC, ENOUGH_AT_DOSE, STOPPING_RULE, EXPANSION_STOPPED)
"""Reasons for which a trial stops early."""


def correct_doses(rates: Sequence[float] | Floats, target: float) -> tuple[int, ...]:
    """Doses whose true rate is closest to the target, 1-based; none when even the lowest rate is far above it."""
    array = np.asarray(rates, dtype=np.float64)
    if array.min() > target + TOLERATED_EXCESS + SLACK:
        return ()
    distance = np.abs(array - target)
    return tuple(int(dose) + 1 for dose in np.flatnonzero(distance <= distance.min() + SLACK))


def trial_quantities(outcomes: Outcomes, correct: Sequence[int]) -> dict[str, NDArray[Any]]:
    """Quantities of single trials whose means are operating characteristics.

    Returns
    -------
    dict of bool[E], int64[E] or float64[E]
        By name; bool where the mean is a probability. Doses are numbered from 1.
    """
    patients, dlts = outcomes.patients.astype(np.int64), outcomes.dlts.astype(np.int64)
    total, total_dlts = patients.sum(axis=1), dlts.sum(axis=1)
    over = patients[:, outcomes.rates > outcomes.trial.target + SLACK].sum(axis=1)
    doses = range(outcomes.trial.levels)
    indices = [dose - 1 for dose in correct]
    wanted = np.array(indices or [NO_DOSE])

    quantities: dict[str, NDArray[Any]] = {f"selection.{d + 1}": outcomes.recommended == d for d in doses}
    quantities["no_selection"] = outcomes.recommended == NO_DOSE
    quantities["pcs"] = np.isin(outcomes.recommended, wanted)
    quantities |= {f"patients.{d + 1}": patients[:, d] for d in doses}
    quantities |= {f"dlts.{d + 1}": dlts[:, d] for d in doses}
    quantities["sample_size"] = total
    quantities["total_dlts"] = total_dlts
    quantities["mean_of_rates"] = total_dlts / total
    quantities["above_target"] = over
    quantities["overdosing_60"] = 5 * over > 3 * total
    quantities["overdosing_80"] = 5 * over > 4 * total
    if indices:
        at_correct = patients[:, indices].sum(axis=1)
        quantities["poor_allocation"] = at_correct * outcomes.trial.levels < outcomes.trial.max_patients
    quantities["early_stop"] = np.isin(outcomes.reason, EARLY)
    quantities |= {f"stop_reasons.{name}": outcomes.reason == code for code, name in REASON_NAMES.items()}
    if outcomes.declared is not None:
        quantities |= {f"declared.{d + 1}": outcomes.declared == d for d in doses}
        quantities["none_declared"] = outcomes.declared == NO_DOSE
    return quantities


def expectation(outcomes: Outcomes, values: NDArray[Any]) -> float:
    """Mean over trials of a quantity of single trials, float64[E] or bool[E].

    A sum by numpy, not an inner product by BLAS: the latter depends, in its last bits, on the number of threads.
    """
    return float(np.sum(outcomes.probability * values))


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
