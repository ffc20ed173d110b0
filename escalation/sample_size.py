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

from scipy import special

from escalation.errors import DesignError

MOST = 1_000_000
"""No trial is looked for beyond so many patients."""


def crm_sample_size(*, pcs: float, target: float, doses: int, odds_ratio: float, correction: bool = True) -> int:
    """Number of patients with which a one-stage Bayesian CRM has this probability of correct selection.

    On average over truths in which each dose in turn is the MTD and neighbours differ by the odds ratio. For a power
    model with a normal prior of variance 1.34, a skeleton of half-width a quarter of the target about the middle dose, and
    a start there. Its author validated it for targets of 0.1 to 0.3, 4 to 8 doses, odds ratios of 1.25 to 2.5 and up to 40
    patients, as a starting point for simulation.

    Parameters
    ----------
    pcs : float
        Wanted, above 1 / doses and below 1.
    target : float
        Target DLT rate.
    doses : int
        Dose levels, at least 2.
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
    for name, value, low, high in (("pcs", pcs, 0, 1), ("target", target, 0, 1), ("odds_ratio", odds_ratio, 1, math.inf)):
        if isinstance(value, bool) or not isinstance(value, int | float) or not low < value < high:
            raise DesignError(f"{name}: {value!r} should be a number above {low}" + (f" and below {high}" if high == 1 else ""))
    if isinstance(doses, bool) or not isinstance(doses, int) or doses < 2:
        raise DesignError(f"doses: {doses!r} should be a whole number, at least 2")
    guess = 1 / doses
    term = special.logit(pcs) - 2.26 + 0.00235 * doses**2 + 0.7 * odds_ratio + 1.903 / odds_ratio
    asked = float(special.expit(term / 0.854))
    for what, share in (("", pcs), (" (the benchmark's share of it)", asked)):
        if share <= guess:
            raise DesignError(f"pcs: {pcs:g}{what} is no more than a guess among {doses} doses has, {guess:.3g}")
    # The argument of Phi at which the benchmark has this accuracy, whatever n and delta.
    reach = float(special.ndtri(1 - (1 - asked) / (1 - guess) / 2))
    patients = 1
    while correction and math.sqrt(patients) * _distance(target, odds_ratio, 0.5 / patients) < reach:
        patients += 1
        if patients > MOST:
            raise DesignError(f"odds_ratio: {odds_ratio:g} is so close to 1 that {MOST:,} patients are too few")
    needed = (reach / _distance(target, odds_ratio, 0.5 / patients if correction else 0.0)) ** 2
    return math.ceil(needed)


def _distance(target: float, odds_ratio: float, correction: float) -> float:
    """Mean distance of the target from the neighbours' rates, in standard deviations of one patient's contribution."""
    below = target / (target + odds_ratio * (1 - target))
    above = odds_ratio * target / (1 - target + odds_ratio * target)

    def sd(low: float, high: float) -> float:
        # Of (DLT at low - target) + (DLT at high - target): a patient with a DLT at a dose has one at all above.
        return math.sqrt(low * (1 - low) + high * (1 - high) + 2 * low * (1 - high))

    return ((target - below + correction) / sd(below, target) + (above - target - correction) / sd(target, above)) / 2
