"""True DLT rates: whether they are usable, and which doses are correct under them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from escalation.errors import DesignError
from escalation.kernels.codes import SLACK
from escalation.numbers import Floats
from escalation.trial.trial import Trial


def check_rates(rates: ArrayLike, trial: Trial) -> Floats:
    """True DLT rates as an array, float64[D]; DesignError unless there is one in [0, 1] for each dose level."""
    array = _numbers(rates)
    if array.shape != (trial.levels,):
        raise DesignError(f"rates: {array.size} values for {trial.levels} dose levels")
    if not all(0 <= rate <= 1 for rate in array.tolist()):  # a few numbers: arrays would take three times as long
        raise DesignError("rates: every rate should be between 0 and 1")
    return array


def check_truths(rates: ArrayLike, trial: Trial) -> Floats:
    """True DLT rates of many truths as an array, float64[T, D]; DesignError as for `check_rates`."""
    array = _numbers(rates)
    if array.ndim != 2 or array.shape[1] != trial.levels or len(array) == 0:
        raise DesignError(f"rates: should be a row of {trial.levels} rates, one for each dose level, for each truth")
    if not ((array >= 0) & (array <= 1)).all():
        raise DesignError("rates: every rate should be between 0 and 1")
    return array


def _numbers(rates: ArrayLike) -> Floats:
    try:
        given = np.asarray(rates)
    except ValueError:  # rows of different lengths
        raise DesignError("rates: should be as many numbers for each truth") from None
    if given.dtype.kind not in "fiu":
        raise DesignError("rates: should be numbers")
    return given.astype(np.float64)


TOLERATED_EXCESS = 0.10
"""A truth whose lowest rate exceeds the target by more than this has no correct dose."""


def correct_doses(rates: Sequence[float] | Floats, target: float) -> tuple[int, ...]:
    """Doses whose true rate is closest to the target, 1-based; none when even the lowest rate is far above it."""
    return tuple(int(dose) + 1 for dose in np.flatnonzero(are_correct(np.asarray(rates, dtype=np.float64), target)))


def are_correct(rates: Floats, target: float) -> NDArray[np.bool_]:
    """Whether each dose is a correct one, by the same rule; of rates of any number of truths, float64[..., D]."""
    distance = np.abs(rates - target)
    closest = distance <= distance.min(axis=-1, keepdims=True) + SLACK
    return closest & (rates.min(axis=-1, keepdims=True) <= target + TOLERATED_EXCESS + SLACK)
