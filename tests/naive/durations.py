"""How long trials last that wait for complete data, in plain Python: over every path, and by playing trials.

A cohort's days come from the chance that all of its patients are complete by a day, one patient after the other, for
every choice of those who have a DLT. A rule is one of `tests.naive.rules`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from math import comb, floor, sqrt

import numpy as np

from escalation.plans.clock import Clock
from tests.naive.play import Rule, cohort
from tests.naive.rules import History, Stop

NODES, WEIGHTS = np.polynomial.legendre.leggauss(40)
Moments = tuple[float, float]


def panels(ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights between ends, along the last axis."""
    half = np.diff(ends, axis=-1)[..., None] / 2
    points = ends[..., :-1, None] + half * (1 + NODES)
    return points.reshape(*points.shape[:-2], -1), (half * WEIGHTS).reshape(*points.shape[:-2], -1)


@dataclass(frozen=True)
class PoissonCohort:
    """The chance that a cohort is complete within u of its first patient's enrolment.

    ``toxic`` says who has a DLT. With ``waits``, the next cohort's first patient must also have arrived by then, or
    within that many days more.
    """

    clock: Clock
    rate: float
    toxic: tuple[bool, ...]
    waits: float | None = None

    def complete(self, u: np.ndarray, first: int = 0) -> np.ndarray:
        """For patients from ``first`` on, the first of whom is enrolled at once."""
        clock = self.clock
        # A patient without a DLT is complete at the end of the window itself, too.
        own = clock.onset.cdf(u, self.rate) if self.toxic[first] else (u >= clock.window * (1 - 1e-14)).astype(float)
        if first == len(self.toxic) - 1:
            return own if self.waits is None else own * -np.expm1(-(u + self.waits) / clock.mean_gap)
        # The next patient comes after v; what is then left, u - v, passes the kinks.
        kinks = [0.0, *clock.onset.kinks, clock.window]
        ends = np.sort(np.stack([np.clip(u - kink, 0, u) for kink in kinks] + [np.zeros_like(u)], axis=-1), axis=-1)
        v, weights = panels(ends)
        density = np.exp(-v / clock.mean_gap) / clock.mean_gap
        return own * (weights * density * self.complete(u[..., None] - v, first + 1)).sum(axis=-1)

    def moments(self) -> Moments:
        """Mean, and mean of the square, of the days until then."""
        clock = self.clock
        far = clock.window + clock.mean_gap * np.array([0, 1, 3, 6, 12, 24, 36])
        t, weights = panels(np.array([0.0, *clock.onset.kinks, *far]))
        open_still = weights * (1 - self.complete(t))
        return float(open_still.sum()), float((2 * t * open_still).sum())


@cache
def poisson_moments(clock: Clock, rate: float, size: int, dlts: int, last: bool) -> Moments:
    """Mean and mean square of the days that a cohort adds to a trial."""
    waits = clock.review if clock.while_closed == "wait" and not last else None
    chosen = list(combinations(range(size), dlts))
    sums = np.zeros(2)
    for toxic in chosen:
        who = tuple(patient in toxic for patient in range(size))
        sums += PoissonCohort(clock, rate, who, waits).moments()
    mean, square = (sums / len(chosen)).tolist()
    if last:
        return mean, square
    extra = clock.mean_gap if clock.while_closed == "lost" else 0.0
    later = clock.review + extra
    return mean + later, square + 2 * mean * later + later**2 + extra**2


def fixed_moments(clock: Clock, rate: float, size: int, dlts: int, last: bool) -> Moments:
    """The same where patients come a gap apart: sums over a fine grid of days, split at the kinks."""
    chosen = list(combinations(range(size), dlts))
    found = np.zeros(2)
    for toxic in chosen:
        entered = [(clock.mean_gap * patient, patient in toxic) for patient in range(size)]
        kinks = {0.0} | {t + kink for t, _ in entered for kink in (0.0, *clock.onset.kinks, clock.window)}
        end = max(kinks) + clock.review + clock.mean_gap
        next_arrival = clock.mean_gap * size
        if not last:
            kinks |= {next_arrival - clock.review}
        kinks = {kink for kink in kinks if 0 <= kink <= end}
        t, weights = panels(np.array(sorted(kinks | {end})))

        def complete(t: np.ndarray, entered: list = entered) -> np.ndarray:
            chance = np.ones_like(t)
            for day, has_dlt in entered:
                since = t - day
                chance *= clock.onset.cdf(since, rate) if has_dlt else since >= clock.window - 1e-9
            return chance

        if last or clock.while_closed == "ready":
            open_still, later = 1 - complete(t), 0.0 if last else clock.review
        elif clock.while_closed == "wait":
            open_still, later = 1 - complete(t) * (t >= next_arrival - clock.review), clock.review
        else:
            arrivals = np.arange(floor(end / clock.mean_gap) + 2)
            after = 1 - complete(arrivals * clock.mean_gap - clock.review)  # whether that arrival is still too early
            found += clock.mean_gap * after.sum(), clock.mean_gap**2 * (after * (2 * arrivals + 1)).sum()
            continue
        mean, square = (weights * open_still).sum(), (weights * 2 * t * open_still).sum()
        found += mean + later, square + 2 * mean * later + later**2
    mean, square = (found / len(chosen)).tolist()
    return mean, square


def moments(clock: Clock, rate: float, size: int, dlts: int, last: bool) -> Moments:
    """Mean and mean square of the days that a cohort adds to a trial."""
    return (fixed_moments if clock.arrivals == "fixed" else poisson_moments)(clock, rate, size, dlts, last)


def duration(
    rule: Rule, rates: Sequence[float], days: Callable[[float, int, int, bool], Moments]
) -> tuple[float, float]:
    """Return mean and standard deviation of a trial's days over every path.

    ``days`` are those of a cohort: from the rate of its dose, its patients and DLTs, and whether it is the last.
    """

    def follow(history: History, probability: float, mean: float, square: float) -> np.ndarray:
        decision = rule.next(history)
        over = isinstance(decision, Stop)
        if history:
            dose, outcomes = history[-1]
            own, own_square = days(rates[dose - 1], len(outcomes), sum(outcomes), over)
            mean, square = mean + own, square + 2 * mean * own + own_square
        if isinstance(decision, Stop):
            return probability * np.array([mean, square])
        rate, total = rates[decision.dose - 1], np.zeros(2)
        for dlts in range(decision.size + 1):
            chance = comb(decision.size, dlts) * rate**dlts * (1 - rate) ** (decision.size - dlts)
            total += follow([*history, cohort(decision, dlts)], probability * chance, mean, square)
        return total

    mean, square = follow([], 1.0, 0.0, 0.0).tolist()
    return mean, sqrt(max(square - mean * mean, 0.0))


def played(rule: Rule, rates: Sequence[float], clock: Clock, random: np.random.Generator) -> tuple[float, float, float]:
    """Play one trial day by day: return its last completion, its last enrolment and its days on hold."""
    history: list[tuple[int, tuple[int, ...]]] = []
    enrolled, held = 0.0, 0.0  # day of the next enrolment

    def gap() -> float:
        return random.exponential(clock.mean_gap) if clock.arrivals == "poisson" else clock.mean_gap

    while True:
        decision = rule.next(history)
        assert not isinstance(decision, Stop)
        rate, completions, outcomes = rates[decision.dose - 1], [], []
        for place in range(decision.size):
            if place:
                enrolled += gap()
            has_dlt = random.random() < rate
            day = float(clock.onset.quantile(random.random(), rate)) if has_dlt else clock.window
            completions.append(enrolled + day)
            outcomes.append(int(has_dlt))
        history.append((decision.dose, tuple(outcomes)))
        complete = max(completions)
        if isinstance(rule.next(history), Stop):
            return complete, enrolled, held
        opens = complete + clock.review
        held += opens - enrolled
        if clock.while_closed == "ready":
            enrolled = opens
        elif clock.while_closed == "wait":
            enrolled = max(opens, enrolled + gap())
        else:
            while enrolled < opens - 1e-9:
                enrolled += gap()
