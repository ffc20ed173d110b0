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


def evaluated_rates(rates: Floats, trial: Trial) -> Floats:
    """DLT rates among the patients who are evaluable, of true rates of any shape.

    Where patients who leave before the end of their observation are replaced, the two differ: a DLT before leaving
    counts, so that those with a DLT remain more often than those without.
    """
    calendar, window = trial.time, trial.dlt_window_days
    if calendar is None or window is None or calendar.inevaluable == 0:
        return rates
    found, place = np.unique(rates, return_inverse=True)
    # Who leaves does so on a day uniform in the window: before the DLT with the mean share of it.
    before = np.array([calendar.onset.mean_share(rate, window) for rate in found.tolist()])
    with_dlt = found * (1 - calendar.inevaluable * before)
    evaluable = with_dlt + (1 - found) * (1 - calendar.inevaluable)
    return (with_dlt / evaluable)[place].reshape(rates.shape)


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
