"""Safety monitoring of a single dose."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import comb, inf, log, sqrt

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
class Monitoring:
    """Monitoring of the DLT rate at a single dose, looked at after each cohort once ``min_patients`` were treated.

    ``rule = "bayes"`` (Thall & Simon, Biometrics 1994; 50:337): the rate has a Beta(a, b) prior, and the dose is
    eliminated when P(rate > limit), for a rate distributed as Beta(a + y, b + n - y), is greater than the threshold.

    Every other rule eliminates the dose when a statistic of the DLTs reaches a critical value. Of all values that the
    statistic takes at the looks, the critical one is the smallest with which the dose is eliminated, at any look, with
    a probability of at most alpha when its rate is the limit. The statistics are

    - "pocock" (Ivanova, Qaqish & Schell, Biometrics 2005; 61:540): 1 - P(Y >= y), with Y binomial;
    - "wang-tsiatis" (Biometrics 1987; 43:193): z / (n / N)^(delta - 1/2), z being the standardized number of DLTs, and
      "obrien-fleming" the same with delta = 0;
    - "sprt" (Goldman, Control Clin Trials 1987; 8:327): the log likelihood ratio of the rates p1 and limit;
    - "beta-binomial" (Geller et al. 2003): the probability that "bayes" compares with the threshold.

    The dose is recommended unless it is eliminated.
    """

    limit: float
    threshold: float
    prior: tuple[float, float]
    min_patients: int
    max_patients: int
    cohort_size: int
    rule: str = "bayes"
    alpha: float = 0.05
    delta: float = 0.0
    p1: float = 0.5

    @property
    def doses(self) -> int:
        """The number of dose levels: one."""
        return 1

    def next(self, history: History) -> Treat | Stop:
        """Return what to do after this history."""
        patients, dlts = totals(history, self.doses)
        n, y = patients[0], dlts[0]
        if self.eliminated(n, y):
            return stop_as_too_toxic(patients, self.max_patients)
        if n == self.max_patients:
            return Stop(1, "max_patients")
        return Treat(1, self.next_size(n))

    def next_size(self, n: int) -> int:
        """Return the size of the cohort after n patients."""
        return min(self.cohort_size, self.max_patients - n)

    def eliminated(self, n: int, y: int) -> bool:
        """Say whether y DLTs in n patients, at a look, rule the dose out."""
        if n == 0 or n < self.min_patients:
            return False
        if self.rule == "bayes":
            return greater(self.exceeds(n, y), self.threshold)
        return at_least(statistic(self, n, y), critical_value(self))

    def exceeds(self, n: int, y: int) -> float:
        """Return the posterior probability that the rate is above the limit."""
        a, b = self.prior
        return probability_above(self.limit, a + y, b + n - y)


@cache
def statistic(rule: Monitoring, n: int, y: int) -> float:
    """Return what a rule other than "bayes" compares with its critical value."""
    p0, p1 = rule.limit, rule.p1
    if rule.rule == "pocock":
        return 1 - sum(comb(n, k) * p0**k * (1 - p0) ** (n - k) for k in range(y, n + 1))
    if rule.rule == "sprt":
        return y * log(p1 / p0) + (n - y) * log((1 - p1) / (1 - p0))
    if rule.rule == "beta-binomial":
        return rule.exceeds(n, y)
    delta = {"obrien-fleming": 0.0, "wang-tsiatis": rule.delta}[rule.rule]
    z = (y - n * p0) / sqrt(n * p0 * (1 - p0))
    return z / (n / rule.max_patients) ** (delta - 0.5)


@cache
def critical_value(rule: Monitoring) -> float:
    """Return the smallest value of the statistic with which alpha is kept, infinity when there is none."""
    looks = [*range(rule.cohort_size, rule.max_patients, rule.cohort_size), rule.max_patients]
    for value in sorted(statistic(rule, n, y) for n in looks for y in range(n + 1) if n >= rule.min_patients):
        if not greater(chance_of_elimination(rule, rule.limit, crossed_at(rule, value)), rule.alpha):
            return value
    return inf


def crossed_at(rule: Monitoring, value: float) -> Callable[[int, int], bool]:
    """Return whether y DLTs in n patients eliminate the dose when this is the critical value."""
    return lambda n, y: n >= rule.min_patients and at_least(statistic(rule, n, y), value)


def chance_of_elimination(rule: Monitoring, rate: float, eliminated: Callable[[int, int], bool]) -> float:
    """Return the probability that the dose is eliminated at any look, seen from the first patient on."""

    @cache
    def after(n: int, y: int) -> float:
        if n > 0 and eliminated(n, y):
            return 1.0
        if n == rule.max_patients:
            return 0.0
        size = rule.next_size(n)
        return sum(
            comb(size, dlts) * rate**dlts * (1 - rate) ** (size - dlts) * after(n + size, y + dlts)
            for dlts in range(size + 1)
        )

    return after(0, 0)
