"""The non-parametric optimal benchmark: what could be known if every patient's outcome at every dose were seen.

A patient with tolerance u, uniform on [0, 1], has a DLT at every dose whose true rate exceeds u. A trial sees each
patient at one dose; the benchmark sees all doses. Of n patients C_d have a DLT at dose d, and the benchmark recommends
the dose whose C_d / n is closest to the target.

Ties are broken as by the isotonic designs (`kernels.selection.closest_dose`): of equally close doses the highest below
the target, else the lowest. Doses are in the order of their true rates here, those with the same rate in their own:
along it no count ever decreases, also where a truth does.

It is exact. With rates q_1 <= ... <= q_D in this order and m = n target, let j be the last dose with C_j < m. A dose
below j has the same count, and loses the tie, or is farther from the target; one above j + 1 likewise. So only j and
j + 1 compete. C_j is binomial, and given C_j = c so is C_{j+1} - c among the other n - c patients, with rate
(q_{j+1} - q_j) / (1 - q_j). Dose j is as close as j + 1 when C_{j+1} - c >= 2 (m - c), so that

    P(j is recommended, and not j + 1) = sum over c < m of P(C_j = c) P(C_{j+1} - c >= 2 (m - c) | C_j = c);

the rest of P(C_j < m <= C_{j+1}) = P(C_j < m) - P(C_{j+1} < m) goes to j + 1. The lowest dose is also recommended when
no count is below m, the highest when all are.

Source: O'Quigley J, Paoletti X, Maccario J (2002) Non-parametric optimal design in dose finding studies. Biostatistics
3:51-56, where it is simulated; the sum is ours.
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from escalation.errors import DesignError
from escalation.kernels.codes import SLACK
from escalation.trial.rates import check_rates, check_truths
from escalation.trial.trial import Trial

Floats = NDArray[np.float64]


def optimal_selection(rates: ArrayLike, trial: Trial) -> Floats:
    """How often the benchmark recommends each dose.

    Parameters
    ----------
    rates : float[D] or float[T, D]
        True DLT rates of one truth or of many; they may decrease along doses.
    trial : Trial
        Its target, and its `max_patients`: those of an expansion do not take part in the choice of a dose.

    Returns
    -------
    float64, of the shape of `rates`
        Probability that each dose is recommended. It always recommends one.

    Raises
    ------
    DesignError
        A ValueError: not one rate in [0, 1] for each dose level.

    Examples
    --------
    >>> from escalation import Trial
    >>> trial = Trial(doses=[50, 150, 300, 600], target=0.25, max_patients=36)
    >>> optimal_selection([0.05, 0.12, 0.25, 0.40], trial).round(4).tolist()
    [0.0006, 0.1554, 0.7205, 0.1235]
    """
    several = np.iterable(rates) and any(map(np.iterable, rates))
    truths = check_truths(rates, trial) if several else check_rates(rates, trial)
    order = np.argsort(truths, axis=-1, kind="stable")
    selection = np.empty_like(truths)
    np.put_along_axis(selection, order, _of_rising(np.take_along_axis(truths, order, axis=-1), trial), axis=-1)
    return selection


def optimal_pcs(rates: ArrayLike, correct: ArrayLike, trial: Trial) -> Floats:
    """How often the benchmark recommends a correct dose, float64[T], or float64[] for one truth.

    NaN where no dose is correct: it cannot recommend none. Raises DesignError as `optimal_selection`, or where
    `correct`, bool of the shape of `rates`, is of another shape.
    """
    selection, chosen = optimal_selection(rates, trial), np.asarray(correct)
    if chosen.dtype != np.bool_ or chosen.shape != selection.shape:
        raise DesignError("correct: should be true or false for each rate")
    return np.where(chosen.any(axis=-1), selection.sum(axis=-1, where=chosen), np.nan)


def _of_rising(rates: Floats, trial: Trial) -> Floats:
    """The selection probabilities where rates do not decrease along the last axis."""
    patients = trial.max_patients
    wanted = patients * trial.target
    lower, upper = rates[..., :-1], rates[..., 1:]
    # The rate of DLTs at j + 1 among patients without one at j.
    further = np.divide(upper - lower, 1 - lower, out=np.zeros_like(lower), where=lower < 1)
    below = np.zeros_like(rates)  # P(C_j < m)
    kept = np.zeros_like(lower)  # P(j is recommended, and not j + 1)
    for dlts in range(math.ceil(wanted - SLACK)):
        law = math.comb(patients, dlts) * rates**dlts * (1 - rates) ** (patients - dlts)
        below += law
        others, enough = patients - dlts, math.ceil(2 * (wanted - dlts) - SLACK)
        if enough <= others:
            kept += law[..., :-1] * special.betainc(enough, others - enough + 1, further)
    left = np.concatenate([1 - below[..., :1], below[..., :-1] - below[..., 1:] - kept], axis=-1)
    # Rounding may leave the difference of equal probabilities below 0.
    return np.concatenate([kept, below[..., -1:]], axis=-1) + np.maximum(left, 0.0)
