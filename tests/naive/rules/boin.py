"""The Bayesian optimal interval design."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

from tests.naive.rules.history import (
    History,
    Stop,
    Treat,
    at_least,
    greater,
    probability_above,
    stop_as_too_toxic,
    totals,
)


@dataclass(frozen=True)
class Boin:
    """The Bayesian optimal interval design (Liu & Yuan, JRSS C 2015; 64:507).

    At the current dose, with y DLTs in n patients: escalate when y/n is at most lambda_e, de-escalate when
    y/n is greater than lambda_d, otherwise stay. A dose is eliminated, with all doses above it, when n is
    at least 3 and P(p > target) is greater than ``cutoff_eli`` for p distributed as Beta(1 + y, 1 + n - y).
    A move to a dose that does not exist or is eliminated is a stay.

    ``extra_safe``: the lowest dose is eliminated already at ``cutoff_eli - offset``. ``stop_at``: the trial
    ends when the current dose has that many patients and would be given again. ``bound_mtd``: only doses
    estimated at most lambda_d can be recommended. ``titration``: one patient per dose from the lowest dose
    upwards until the first DLT or the highest dose, then the rest of a cohort at that dose, then the rule
    above.

    The recommended dose has the isotonic estimate nearest to the target, among the doses that were tried
    and are not eliminated.
    """

    doses: int
    target: float
    max_patients: int
    cohort_size: int
    start_dose: int = 1
    p_saf: float | None = None
    p_tox: float | None = None
    cutoff_eli: float = 0.95
    extra_safe: bool = False
    offset: float = 0.05
    stop_at: int | None = None
    bound_mtd: bool = False
    titration: bool = False

    @property
    def lambda_e(self) -> float:
        """The highest DLT rate at which one escalates."""
        low, phi = 0.6 * self.target if self.p_saf is None else self.p_saf, self.target
        return log((1 - low) / (1 - phi)) / log(phi * (1 - low) / (low * (1 - phi)))

    @property
    def lambda_d(self) -> float:
        """The DLT rate above which one de-escalates."""
        high, phi = 1.4 * self.target if self.p_tox is None else self.p_tox, self.target
        return log((1 - phi) / (1 - high)) / log(high * (1 - phi) / (phi * (1 - high)))

    @property
    def titrates(self) -> bool:
        """Whether the trial begins with single patients (cohorts of one have no need of titration)."""
        return self.titration and self.cohort_size > 1

    def next(self, history: History) -> Treat | Stop:
        """Return what to do after this history."""
        if not history:
            first = Treat(1, 1) if self.titrates else Treat(self.start_dose, self.cohort_size)
            return Treat(first.dose, min(first.size, self.max_patients))
        patients, dlts = totals(history, self.doses)
        if self.highest_open(patients, dlts) == 0:
            return stop_as_too_toxic(patients, self.max_patients)
        remaining = self.max_patients - sum(patients)
        if remaining == 0:
            return Stop(self.recommended(patients, dlts), "max_patients")
        if self.titrates and (step := self.titration_step(history)) is not None:
            return Treat(step.dose, min(step.size, remaining))
        current = history[-1][0]
        dose = self.next_dose(current, patients, dlts)
        if self.stop_at is not None and dose == current and patients[current - 1] >= self.stop_at:
            return Stop(self.recommended(patients, dlts), "enough_at_dose")
        return Treat(dose, min(self.cohort_size, remaining))

    def titration_step(self, history: History) -> Treat | None:
        """Return the next single patient or the fill-up cohort, None once the fill-up cohort was treated."""
        for position, (dose, outcomes) in enumerate(history, start=1):
            if sum(outcomes) > 0 or dose == self.doses:
                return Treat(dose, self.cohort_size - 1) if position == len(history) else None
        return Treat(history[-1][0] + 1, 1)

    def eliminated(self, dose: int, n: int, y: int) -> bool:
        """Say whether y DLTs in n patients rule this dose out."""
        cutoff = self.cutoff_eli - self.offset if self.extra_safe and dose == 1 else self.cutoff_eli
        return n >= 3 and greater(probability_above(self.target, 1 + y, 1 + n - y), cutoff)

    def highest_open(self, patients: Sequence[int], dlts: Sequence[int]) -> int:
        """Return the dose just below the lowest eliminated one, 0 when that is dose 1."""
        for dose, (n, y) in enumerate(zip(patients, dlts, strict=True), start=1):
            if self.eliminated(dose, n, y):
                return dose - 1
        return self.doses

    def next_dose(self, current: int, patients: Sequence[int], dlts: Sequence[int]) -> int:
        """Return the dose of the next cohort."""
        highest = self.highest_open(patients, dlts)
        rate = dlts[current - 1] / patients[current - 1]
        if current > highest:
            return current - 1
        if at_least(self.lambda_e, rate):
            return min(current + 1, highest)
        if greater(rate, self.lambda_d):
            return max(current - 1, 1)
        return current

    def recommended(self, patients: Sequence[int], dlts: Sequence[int]) -> int | None:
        """Return the dose whose isotonic estimate is nearest to the target, or None when no dose can be."""
        tried = [d for d in range(1, self.highest_open(patients, dlts) + 1) if patients[d - 1] > 0]
        estimates = isotonic_rates([patients[d - 1] for d in tried], [dlts[d - 1] for d in tried])
        candidates = dict(zip(tried, estimates, strict=True))
        if self.bound_mtd:
            candidates = {dose: rate for dose, rate in candidates.items() if at_least(self.lambda_d, rate)}
        return nearest_isotonic(candidates, self.target)


def isotonic_rates(patients: Sequence[int], dlts: Sequence[int]) -> list[float]:
    """Return the isotonic estimates of the DLT rates by the max-min formula.

    Each dose alone has the estimate (y + 0.05) / (n + 0.1), weighted by the inverse of the variance of
    Beta(y + 0.05, n - y + 0.05). The isotonic estimate of dose i is the largest, over doses j <= i, of the
    smallest, over doses k >= i, of the weighted means of the doses j to k.
    """
    pairs = list(zip(patients, dlts, strict=True))
    raw = [(y + 0.05) / (n + 0.1) for n, y in pairs]
    weights = [(n + 0.1) ** 2 * (n + 0.1 + 1) / ((y + 0.05) * (n - y + 0.05)) for n, y in pairs]

    def pooled(first: int, last: int) -> float:
        span = range(first, last + 1)
        return sum(weights[d] * raw[d] for d in span) / sum(weights[d] for d in span)

    doses = range(len(raw))
    return [max(min(pooled(j, k) for k in doses if k >= i) for j in doses if j <= i) for i in doses]


def nearest_isotonic(estimates: dict[int, float], target: float) -> int | None:
    """Return the dose whose estimate is nearest to the target, or None when there is no dose.

    Tied doses below the target go before tied doses above it. Of those below the highest dose is taken,
    otherwise (at or above the target) the lowest.
    """
    if not estimates:
        return None
    smallest = min(abs(rate - target) for rate in estimates.values())
    tied = {dose: rate for dose, rate in estimates.items() if at_least(smallest, abs(rate - target))}
    below = [dose for dose, rate in tied.items() if greater(target, rate)]
    return max(below) if below else min(tied)
