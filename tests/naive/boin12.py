"""BOIN12 in plain Python, from its description: fractions, scipy's distributions, every path of a trial."""

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import product
from math import factorial, log, prod

from scipy import stats

CLOSE = 1e-10


@cache
def tail(limit, a, b):
    return float(stats.beta.sf(limit, a, b))


@dataclass(frozen=True)
class Boin12:
    """`utilities` are those of N, E, T and B; a cell is the patients of a dose with each."""

    phi_t: float
    phi_e: float
    utilities: tuple[int, int, int, int] = (40, 100, 0, 60)
    c_t: float = 0.95
    c_e: float = 0.90
    least_dlts: int = 3
    n_star: int = 6
    explore: int | None = 9
    stop: int | None = 12
    ties: str = "random"

    @property
    def edges(self):
        low, mid, high = 0.6 * self.phi_t, self.phi_t, 1.4 * self.phi_t
        odds = [p / (1 - p) for p in (low, mid, high)]
        return (
            log((1 - low) / (1 - mid)) / log(odds[1] / odds[0]),
            log((1 - mid) / (1 - high)) / log(odds[2] / odds[1]),
        )

    @property
    def benchmark(self):
        t, e = self.phi_t, self.phi_e
        cells = ((1 - t) * (1 - e), (1 - t) * e, t * (1 - e), t * e)
        mean = sum(u * p for u, p in zip(self.utilities, cells, strict=True))
        return (mean + 100) / 2 / 100

    def total(self, cell):
        return Fraction(sum(u * n for u, n in zip(self.utilities, cell, strict=True)), 100)

    def desirability(self, cell):
        x, n = self.total(cell), sum(cell)
        return tail(self.benchmark, float(1 + x), float(1 + n - x))

    def too_toxic(self, cell):
        n, t = sum(cell), cell[2] + cell[3]
        return n >= 3 and t >= self.least_dlts and tail(self.phi_t, 1 + t, 1 + n - t) > self.c_t + CLOSE

    def futile(self, cell):
        n, e = sum(cell), cell[1] + cell[3]
        return n >= 3 and 1 - tail(self.phi_e, 1 + e, 1 + n - e) > self.c_e + CLOSE

    def admissible(self, cells):
        lowest = next((dose for dose, cell in enumerate(cells) if self.too_toxic(cell)), len(cells))
        return [dose < lowest and not self.futile(cell) for dose, cell in enumerate(cells)]

    def next_doses(self, cells, dose):
        """The equally desirable doses of which one is next; none where the trial ends with no dose."""
        open_ones = [d for d, may_be in enumerate(self.admissible(cells)) if may_be]
        n, t = sum(cells[dose]), cells[dose][2] + cells[dose][3]
        low, high = self.edges
        down = max((d for d in open_ones if d < dose), default=None)
        up = min((d for d in open_ones if d > dose), default=None)
        here = dose if dose in open_ones else None
        if t / n >= high - CLOSE:
            return {down} if down is not None else {here} if here is not None else set()
        asked = [down, here] if t / n > low + CLOSE and n >= self.n_star else [down, here, up]
        asked = [d for d in asked if d is not None]
        if not asked:
            return set()
        if self.explore is not None and n >= self.explore and up is not None and not sum(cells[up]):
            return {up}
        best = max(self.desirability(cells[d]) for d in asked)
        tied = {d for d in asked if abs(self.desirability(cells[d]) - best) < 1e-13}
        return {"random": tied, "lowest": {min(tied)}, "highest": {max(tied)}}[self.ties]

    def ends(self, cells, dose, most):
        """Why the trial ends after a cohort, or None."""
        if not self.next_doses(cells, dose):
            return "too_toxic" if self.too_toxic(cells[0]) else "futility"
        if self.stop is not None and sum(cells[dose]) >= self.stop:
            return "enough_at_dose"
        return "max_patients" if sum(map(sum, cells)) >= most else None

    def mtd(self, cells):
        """The nearest isotonic estimate among tried doses that are not eliminated, the highest of equal ones."""
        tried = [dose for dose, cell in enumerate(cells) if sum(cell)]
        rates = [Fraction(cells[d][2] + cells[d][3], sum(cells[d])) for d in tried]
        fit = [
            max(min(sum(rates[i:j]) / (j - i) for j in range(k + 1, len(rates) + 1)) for i in range(k + 1))
            for k in range(len(rates))
        ]
        lowest = next((dose for dose, cell in enumerate(cells) if self.too_toxic(cell)), len(cells))
        apart = {d: abs(float(f) - self.phi_t) for d, f in zip(tried, fit, strict=True) if d < lowest}
        return max((d for d in apart if apart[d] <= min(apart.values()) + CLOSE), default=None)

    def obd(self, cells):
        """The largest posterior mean utility up to the MTD, the lowest of equal ones; or why there is none."""
        highest = self.mtd(cells)
        if highest is None:
            return "safety"
        may_be = self.admissible(cells)
        found = [d for d in range(highest + 1) if sum(cells[d]) and may_be[d]]
        if not found:
            return "futility" if any(map(sum, cells[: highest + 1])) else "nothing_acceptable"
        return min(found, key=lambda d: (-(1 + self.total(cells[d])) / (2 + sum(cells[d])), d))


def every_ending(rule, probabilities, most, size, cells=None, doses=(0,), first=None):
    """Every ending over all paths, with its probability: cells, reason, and the optimal dose or why there is none.

    A running trial has `cells`, one of `doses` next by lot, and `first` patients to fill up its last cohort.
    """
    found = {}

    def treat(cells, dose, chance, size=size):
        count = min(size, most - sum(map(sum, cells)))
        for outcome in product(range(count + 1), repeat=3):
            cohort = (*outcome, count - sum(outcome))
            if min(cohort) < 0:
                continue
            ways = factorial(count) // prod(map(factorial, cohort))
            share = chance * ways * prod(p**k for p, k in zip(probabilities[dose], cohort, strict=True))
            if share == 0:
                continue
            after = list(cells)
            after[dose] = tuple(a + b for a, b in zip(cells[dose], cohort, strict=True))
            after = tuple(after)
            reason = rule.ends(after, dose, most)
            if reason is None:
                doses = rule.next_doses(after, dose)
                for one in doses:
                    treat(after, one, share / len(doses))
                continue
            optimal = "futility" if reason == "futility" else rule.obd(after)
            found[after, reason, optimal] = found.get((after, reason, optimal), 0.0) + share

    for dose in doses:
        treat(cells or ((0, 0, 0, 0),) * len(probabilities), dose, 1 / len(doses), first or size)
    return found
