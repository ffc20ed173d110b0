"""Designs that compare the DLT rate at the current dose with an interval around the target."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import sqrt

from scipy.special import betainc

from tests.naive.rules.boin import isotonic_rates, nearest_isotonic
from tests.naive.rules.history import (
    SLACK,
    History,
    Stop,
    Treat,
    at_least,
    greater,
    probability_above,
    stop_as_too_toxic,
    totals,
)


@cache
def probability_between(low: float, high: float, a: float, b: float) -> float:
    """Return P(low < rate < high) when the rate has a Beta(a, b) distribution."""
    return float(betainc(a, b, high) - betainc(a, b, low))


@dataclass(frozen=True)
class IntervalRule(ABC):
    """What all of them do, given what each says about y DLTs in n patients: "up", "stay" or "down".

    A dose is eliminated, with all doses above it, when ``fewest`` patients were treated there and
    P(rate > target) is greater than ``cutoff_eli``, the rate having the posterior of a Beta(``prior``,
    ``prior``) prior. A move to a dose that does not exist or is eliminated is a stay. ``stop_at``: the trial
    ends when the current dose has that many patients and would be given again. The recommended dose has the
    isotonic estimate nearest to the target, among the doses that were tried and are not eliminated.
    """

    doses: int
    target: float
    max_patients: int
    cohort_size: int
    start_dose: int = 1
    cutoff_eli: float = 0.95
    stop_at: int | None = None

    fewest = 1
    prior = 1.0

    @abstractmethod
    def direction(self, n: int, y: int) -> str:
        """Say where y DLTs in n patients lead."""

    def next(self, history: History) -> Treat | Stop:
        """Return what to do after this history."""
        if not history:
            return Treat(self.start_dose, min(self.cohort_size, self.max_patients))
        patients, dlts = totals(history, self.doses)
        highest = self.highest_open(patients, dlts)
        if highest == 0:
            return stop_as_too_toxic(patients, self.max_patients)
        remaining = self.max_patients - sum(patients)
        if remaining == 0:
            return Stop(self.recommended(patients, dlts), "max_patients")
        current = history[-1][0]
        dose = self.next_dose(current, highest, patients[current - 1], dlts[current - 1])
        if self.stop_at is not None and dose == current and patients[current - 1] >= self.stop_at:
            return Stop(self.recommended(patients, dlts), "enough_at_dose")
        return Treat(dose, min(self.cohort_size, remaining))

    def eliminated(self, n: int, y: int) -> bool:
        """Say whether y DLTs in n patients rule a dose out."""
        if n == 0 or n < self.fewest:
            return False
        return greater(probability_above(self.target, self.prior + y, self.prior + n - y), self.cutoff_eli)

    def highest_open(self, patients: Sequence[int], dlts: Sequence[int]) -> int:
        """Return the dose just below the lowest eliminated one, 0 when that is dose 1."""
        for dose, (n, y) in enumerate(zip(patients, dlts, strict=True), start=1):
            if self.eliminated(n, y):
                return dose - 1
        return self.doses

    def next_dose(self, current: int, highest: int, n: int, y: int) -> int:
        """Return the dose of the next cohort."""
        if current > highest:
            return current - 1
        direction = self.direction(n, y)
        if direction == "up":
            return min(current + 1, highest)
        return max(current - 1, 1) if direction == "down" else current

    def recommended(self, patients: Sequence[int], dlts: Sequence[int]) -> int | None:
        """Return the dose whose isotonic estimate is nearest to the target, or None when no dose can be."""
        tried = [d for d in range(1, self.highest_open(patients, dlts) + 1) if patients[d - 1] > 0]
        estimates = isotonic_rates([patients[d - 1] for d in tried], [dlts[d - 1] for d in tried])
        return nearest_isotonic(dict(zip(tried, estimates, strict=True)), self.target)


@dataclass(frozen=True)
class EquivalenceIntervalRule(IntervalRule):
    """A rule with an interval from target - epsilon1 to target + epsilon2."""

    epsilon1: float = 0.05
    epsilon2: float = 0.05

    @property
    def low(self) -> float:
        """The lower end of the interval."""
        return self.target - self.epsilon1

    @property
    def high(self) -> float:
        """The upper end of the interval."""
        return self.target + self.epsilon2


class I3Plus3(EquivalenceIntervalRule):
    """The i3+3 design (Liu, Wang & Ji, Journal of Biopharmaceutical Statistics 2020; 30:294).

    Up when y/n is below the interval. Stay when it is in the interval, ends included. When it is above: stay
    if (y - 1)/n is below the interval, otherwise down.
    """

    def direction(self, n: int, y: int) -> str:
        """Say where y DLTs in n patients lead."""
        if greater(self.low, y / n):
            return "up"
        if at_least(self.high, y / n) or greater(self.low, (y - 1) / n):
            return "stay"
        return "down"


@dataclass(frozen=True)
class CumulativeCohorts(IntervalRule):
    """The cumulative cohort design (Ivanova et al., J Statistical Planning and Inference 2007; 137:2316).

    Up when y/n is at most target - half_width, down when it is at least target + half_width. The safety rule
    is that of BOIN.
    """

    half_width: float = 0.1

    fewest = 3

    def direction(self, n: int, y: int) -> str:
        """Say where y DLTs in n patients lead."""
        if at_least(self.target - self.half_width, y / n):
            return "up"
        return "down" if at_least(y / n, self.target + self.half_width) else "stay"


@dataclass(frozen=True)
class Tpi(IntervalRule):
    """The toxicity probability interval design (Ji, Li & Bekele, Clinical Trials 2007; 4:235).

    The rate has a Beta(0.005, 0.005) prior; s is its posterior standard deviation. The most probable of
    three intervals says where to go: below target - k2 s (up), from there to target + k1 s (stay), above (down).
    """

    k1: float = 1.0
    k2: float = 1.5

    prior = 0.005

    def direction(self, n: int, y: int) -> str:
        """Say where y DLTs in n patients lead."""
        a, b = self.prior + y, self.prior + n - y
        s = sqrt(a * b / (a + b + 1)) / (a + b)
        low, high = max(self.target - self.k2 * s, 0.0), min(self.target + self.k1 * s, 1.0)
        up, stay, down = (probability_between(*part, a, b) for part in ((0.0, low), (low, high), (high, 1.0)))
        return strongest([(up, "up"), (stay, "stay"), (down, "down")])


class Mtpi(EquivalenceIntervalRule):
    """The modified toxicity probability interval design (Ji et al., Clinical Trials 2010; 7:653).

    The interval cuts the rates into three parts. The one with the largest unit probability mass, its
    posterior probability divided by its length, says where to go.
    """

    def direction(self, n: int, y: int) -> str:
        """Say where y DLTs in n patients lead."""
        parts = ((0.0, self.low, "up"), (self.low, self.high, "stay"), (self.high, 1.0, "down"))
        return strongest([(unit_mass(low, high, n, y), word) for low, high, word in parts])


class MtpiTwo(EquivalenceIntervalRule):
    """The mTPI-2 design (Guo et al., Contemporary Clinical Trials 2017; 58:23).

    From the interval downwards and upwards the rates are cut into parts of the interval's length; the last
    part on each side may be shorter. The one with the largest unit probability mass says where to go.
    """

    def direction(self, n: int, y: int) -> str:
        """Say where y DLTs in n patients lead."""
        length = self.high - self.low
        masses = []
        upper = self.low
        while upper > SLACK:
            masses.insert(0, (unit_mass(max(upper - length, 0.0), upper, n, y), "up"))
            upper -= length
        masses.append((unit_mass(self.low, self.high, n, y), "stay"))
        lower = self.high
        while lower < 1 - SLACK:
            masses.append((unit_mass(lower, min(lower + length, 1.0), n, y), "down"))
            lower += length
        return strongest(masses)


@dataclass(frozen=True)
class Keyboard(IntervalRule):
    """The Keyboard design (Yan, Mandrekar & Yuan, Clinical Cancer Research 2017; 23:3994).

    The target key reaches from target - half_width to target + half_width; on both sides there are keys of
    the same width. The key with the largest posterior probability says where to go. A key that is cut off by 0 or
    by 1 counts for its probability times the factor by which a whole one is wider (as in the R package Keyboard).
    """

    half_width: float = 0.05

    fewest = 3

    def direction(self, n: int, y: int) -> str:
        """Say where y DLTs in n patients lead."""
        width = 2 * self.half_width
        keys = []
        for number in range(-round(1 / width) - 1, round(1 / width) + 2):
            centre = self.target + number * width
            left, right = max(centre - self.half_width, 0.0), min(centre + self.half_width, 1.0)
            if right - left > SLACK:
                strength = probability_between(left, right, 1 + y, 1 + n - y) * width / (right - left)
                keys.append((strength, "up" if number < 0 else "down" if number > 0 else "stay"))
        return strongest(keys)


def unit_mass(low: float, high: float, n: int, y: int) -> float:
    """Return the posterior probability of an interval divided by its length, after a uniform prior."""
    return probability_between(low, high, 1 + y, 1 + n - y) / (high - low)


def strongest(parts: Sequence[tuple[float, str]]) -> str:
    """Return the word of the part with the largest number, of tied ones the highest part."""
    largest = max(number for number, _ in parts)
    return [word for number, word in parts if at_least(number, largest)][-1]
