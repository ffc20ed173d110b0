"""How many patients a CRM needs, by formula.

The optimal benchmark knows for every patient whether there would be a DLT at each dose; by the normal approximation its
probability of correct selection after n patients is

    1/K + (1 - 1/K) (2 Phi(sqrt(n) delta) - 1)

with K doses, of which neighbours of the MTD differ from the target by an odds ratio, and delta the mean of the
standardised distances to either neighbour. A regression on simulated trials says which accuracy to ask of the benchmark
for the CRM to have the accuracy that is wanted.

Source: Cheung YK (2013) Sample size formulae for the Bayesian continual reassessment method. Clin Trials 10:852-861;
as dfcrm::getn.
"""

import math
import sys

import numpy as np
from numpy.typing import NDArray
from scipy import special

from escalation.errors import DesignError

Floats = NDArray[np.float64]

MOST = 1_000_000
"""No trial is looked for beyond so many patients."""

MOST_DOSES = 1000
"""Far beyond any trial; the formula has their square."""


def crm_sample_size(*, pcs: float, target: float, doses: int, odds_ratio: float, correction: bool = True) -> int:
    """Number of patients with which a one-stage Bayesian CRM has this probability of correct selection.

    On average over truths in which each dose in turn is the MTD and neighbours differ by the odds ratio. The CRM has a
    power model with a normal prior of variance 1.34, a skeleton of half-width a quarter of the target about the middle
    dose, and starts there. The author validated it for targets of 0.1 to 0.3, 4 to 8 doses, odds ratios of 1.25 to 2.5
    and up to 40 patients, as a starting point for simulation.

    Parameters
    ----------
    pcs : float
        Wanted, above 1 / doses and below 1.
    target : float
        Target DLT rate.
    doses : int
        Dose levels, from 2 to 1000.
    odds_ratio : float
        Between the true DLT rates of neighbouring doses, above 1.
    correction : bool
        Whether the distances are corrected for continuity.

    Raises
    ------
    DesignError
        A ValueError: an argument is outside its domain, or a million patients would be too few.

    Examples
    --------
    >>> crm_sample_size(pcs=0.6, target=0.25, doses=5, odds_ratio=1.8)
    32
    """
    for name, share in (("pcs", pcs), ("target", target)):
        if not _is_number(share) or not 0 < share < 1:
            raise DesignError(f"{name}: {share!r} should be a number strictly between 0 and 1")
    if not _is_number(odds_ratio) or not 1 < odds_ratio <= sys.float_info.max:
        raise DesignError(f"odds_ratio: {odds_ratio!r} should be a number above 1")
    if isinstance(doses, bool) or not isinstance(doses, int) or not 2 <= doses <= MOST_DOSES:
        raise DesignError(f"doses: {doses!r} should be a whole number from 2 to {MOST_DOSES}")
    guess = 1 / doses
    term = special.logit(pcs) - 2.26 + 0.00235 * doses**2 + 0.7 * odds_ratio + 1.903 / odds_ratio
    asked = float(special.expit(term / 0.854))
    if min(pcs, asked) <= guess:
        raise DesignError(f"pcs: {pcs:g} is so low that a guess among {doses} doses would do")
    # The argument of Phi at which the benchmark has this accuracy, whatever n and delta.
    reach = float(special.ndtri(1 - (1 - asked) / (1 - guess) / 2))
    if math.isinf(reach):
        raise DesignError(
            f"pcs: no benchmark has the accuracy that the formula asks for at an odds ratio of {odds_ratio:g}"
        )
    correction_for = 0.0
    if correction:  # of half a DLT among the patients, whose number is sought
        patients = np.arange(1, MOST + 1)
        enough = np.sqrt(patients) * _distance(target, odds_ratio, 0.5 / patients) >= reach
        correction_for = 0.5 / patients[enough.argmax()] if enough.any() else 0.0
    needed = (reach / _distance(target, odds_ratio, correction_for)) ** 2
    if not needed <= MOST:
        raise DesignError(f"odds_ratio: {odds_ratio!r} is so close to 1 that {MOST:,} patients are too few")
    return math.ceil(needed)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _distance(target: float, odds_ratio: float, correction: Floats | float) -> Floats | float:
    """Mean distance of the target from the neighbours' rates, in standard deviations of one patient's contribution."""
    below = target / (target + odds_ratio * (1 - target))
    above = odds_ratio * target / (1 - target + odds_ratio * target)

    def sd(low: float, high: float) -> float:
        # Of (DLT at low - target) + (DLT at high - target): a patient with a DLT at a dose has one at all above.
        return math.sqrt(low * (1 - low) + high * (1 - high) + 2 * low * (1 - high))

    return ((target - below + correction) / sd(below, target) + (above - target - correction) / sd(target, above)) / 2
