"""Outcomes: the weighted endings of trials, whichever engine lists them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from escalation.errors import DesignError
from escalation.interim import InterimData
from escalation.trial import Trial


@dataclass(frozen=True, eq=False)
class Outcomes:
    """How trials end under one truth.

    Attributes
    ----------
    trial : Trial
    rates : float64[D]
        The true DLT rates.
    patients, dlts : int16[E, D]
        Counts at each dose at each ending.
    recommended : int16[E]
        Recommended dose, as an index from 0; NO_DOSE (-1) for none.
    reason : int8[E]
        Why the trial ended: a key of `kernels.codes.REASON_NAMES`.
    probability : float64[E]
        Probability of each ending; simulated trials have 1 / trials each.
    trials : int or None
        Number of simulated trials; None when the endings are all there can be.
    declared : int16[E] or None
        In a trial with an expansion, the RP2D that dose escalation declared; `recommended` is what is left of it.
    after : InterimData or None
        The data of a running trial that all endings begin with; probabilities are those given these data.
    """

    trial: Trial
    rates: NDArray[np.float64]
    patients: NDArray[np.int16]
    dlts: NDArray[np.int16]
    recommended: NDArray[np.int16]
    reason: NDArray[np.int8]
    probability: NDArray[np.float64]
    trials: int | None = None
    declared: NDArray[np.int16] | None = None
    after: InterimData | None = None


def check_rates(rates: ArrayLike, trial: Trial) -> NDArray[np.float64]:
    """True DLT rates as an array, float64[D].

    Raises
    ------
    DesignError
        A ValueError: not one rate in [0, 1] for each dose level.
    """
    array = _numbers(rates)
    if array.shape != (trial.levels,):
        raise DesignError(f"rates: {array.size} values for {trial.levels} dose levels")
    if not all(0 <= rate <= 1 for rate in array.tolist()):  # a few numbers: arrays would take three times as long
        raise DesignError("rates: every rate should be between 0 and 1")
    return array


def check_truths(rates: ArrayLike, trial: Trial) -> NDArray[np.float64]:
    """True DLT rates of many truths as an array, float64[T, D].

    Raises
    ------
    DesignError
        A ValueError: not one rate in [0, 1] for each dose level of each truth.
    """
    array = _numbers(rates)
    if array.ndim != 2 or array.shape[1] != trial.levels or len(array) == 0:
        raise DesignError(f"rates: should be a row of {trial.levels} rates, one for each dose level, for each truth")
    if not ((array >= 0) & (array <= 1)).all():
        raise DesignError("rates: every rate should be between 0 and 1")
    return array


def _numbers(rates: ArrayLike) -> NDArray[np.float64]:
    try:
        given = np.asarray(rates)
    except ValueError:  # rows of different lengths
        raise DesignError("rates: should be as many numbers for each truth") from None
    if given.dtype.kind not in "fiu":
        raise DesignError("rates: should be numbers")
    return given.astype(np.float64)
