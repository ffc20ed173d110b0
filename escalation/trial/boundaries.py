"""Stopping boundaries for one dose, calibrated to the probability of stopping when its DLT rate is acceptable.

A rule measures the *evidence* e(n, y) of y DLTs in n patients that the rate exceeds the limit p0, more DLTs being more
evidence. Looks are at n = m, 2m, ..., N for cohorts of m and at most N patients, or after each cohort of other sizes
that are planned. At a look the dose is stopped when

    e(n, y) >= c

with one critical value c for all looks: the smallest, and so the largest set of counts that stop, for which the
probability of stopping at any look, if the rate is p0, is at most alpha. There are as many boundaries as values that
e takes at the looks, and that probability falls as c rises: c is found by bisection over these values, exactly.
A real trial may be looked at after other numbers of patients. The same c decides there.

    Pocock            e = -log P(Y >= y), Y ~ Bin(n, p0)
    Wang-Tsiatis      e = (n/N)^(1/2 - delta) z, z = (y - n p0) / sqrt(n p0 (1 - p0))
    SPRT              e = y log(p1/p0) + (n - y) log((1 - p1)/(1 - p0)), up to a factor
    beta-binomial     e = -log P(rate <= p0 | Beta(a + y, b + n - y))

Logarithms, so that the slack of comparisons is relative where probabilities are small.

Source: Ivanova A, Qaqish BF, Schell MJ (2005) Biometrics 61:540-545; Wang SK, Tsiatis AA (1987) Biometrics 43:193-199;
Goldman AI (1987) Control Clin Trials 8:327-337; Geller NL et al. (2003), in Advances in Clinical Trial Biostatistics.
"""

from bisect import bisect_left
from itertools import accumulate
from math import log1p

import numpy as np
from numpy.typing import NDArray
from scipy import special

from escalation.kernels.codes import SLACK
from escalation.numbers import Floats, count_grid
from escalation.trial.cohorts import Cohorts

Counts = NDArray[np.int64]


def pocock(limit: float, n: Counts, y: Counts) -> Floats:
    """Evidence by the binomial tail: the same significance level at every look (Ivanova et al. 2005)."""
    return _negative_log(np.where(y > 0, special.betainc(np.maximum(y, 1), n - y + 1, limit), 1.0))


def wang_tsiatis(limit: float, n: Counts, y: Counts, delta: float) -> Floats:
    """Evidence by the standardized number of DLTs: critical value c (n/N)^(delta - 1/2) (Wang & Tsiatis 1987)."""
    standardized = (y - n * limit) / np.sqrt(np.maximum(n, 1) * limit * (1 - limit))
    return standardized * (n / np.max(n)) ** (0.5 - delta)


def sprt(limit: float, n: Counts, y: Counts, p1: float) -> Floats:
    """Evidence by the likelihood ratio of the rate p1 to the limit (Goldman 1987).

    Divided by the log odds ratio, and so in DLTs: y - n s, where s lies between the limit and p1.
    """
    fewer_without = log1p((p1 - limit) / (1 - p1))
    return y - n * fewer_without / (log1p((p1 - limit) / limit) + fewer_without)


def beta_binomial(limit: float, n: Counts, y: Counts, prior: tuple[float, float]) -> Floats:
    """Evidence by the posterior probability that the rate exceeds the limit (Geller et al. 2003)."""
    return _negative_log(special.betainc(prior[0] + y, prior[1] + n - y, limit))


def calibrated(
    evidence: Floats, limit: float, alpha: float, *, cohort_size: Cohorts, min_patients: int = 1
) -> NDArray[np.bool_]:
    """The largest set of counts that stop, all those with enough evidence, which is crossed with probability <= alpha.

    At the rate `limit`, over the planned looks; equality is allowed. By patients and DLTs, as the evidence,
    bool[N + 1, N + 1]: true also between looks, but nowhere before `min_patients`, and nowhere at all when even the
    strongest evidence is more probable than alpha.
    """
    max_patients = len(evidence) - 1
    patients, dlts = count_grid(max_patients)
    counts = (patients >= max(min_patients, 1)) & (dlts <= patients)
    values = np.unique(evidence[counts & np.isin(patients, looks(cohort_size, max_patients))])

    def stops(critical: float) -> NDArray[np.bool_]:
        return counts & (evidence >= critical - SLACK)

    def holds(critical: float) -> bool:
        # The slack is relative: alpha may be as small as the slack itself.
        return crossing_probability(stops(critical), cohort_size, limit) <= alpha * (1 + SLACK)

    smallest = bisect_left(values, True, key=holds)
    return stops(values[smallest] if smallest < len(values) else np.inf)


def crossing_probability(stops: NDArray[np.bool_], cohort_size: Cohorts, rate: float) -> float:
    """Probability that a trial of one dose is stopped at any look, the last included; `stops` by patients and DLTs."""
    max_patients = len(stops) - 1
    at = looks(cohort_size, max_patients)
    chances = {size: _chances(size, rate) for size in set(np.diff([0, *at]).tolist())}
    living, treated, crossed = np.ones(1), 0, 0.0
    for patients in at:
        reached = np.convolve(living, chances[patients - treated])
        stopped = stops[patients, : patients + 1]
        crossed += float(reached[stopped].sum())
        living, treated = np.where(stopped, 0.0, reached), patients
    return crossed


def _chances(size: int, rate: float) -> Floats:
    """Probabilities of the numbers of DLTs in a cohort."""
    toxic = np.arange(size + 1)
    found: Floats = special.comb(size, toxic) * rate**toxic * (1 - rate) ** (size - toxic)
    return found


def looks(cohort_size: Cohorts, max_patients: int) -> list[int]:
    """Patients treated after each cohort; the last cohort may be smaller."""
    sizes = (cohort_size,) if isinstance(cohort_size, int) else cohort_size
    first = [patients for patients in accumulate(sizes) if patients < max_patients]
    return [*first, *range(sum(sizes) + sizes[-1], max_patients, sizes[-1]), max_patients]


def _negative_log(probability: NDArray[np.floating]) -> Floats:
    """Probabilities too small for a floating-point number are taken for equal."""
    logarithm: Floats = np.log(np.maximum(probability, np.finfo(np.float64).tiny))
    return -logarithm
