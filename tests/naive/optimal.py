"""The non-parametric optimal benchmark read the obvious way: every way in which patients' tolerances can fall."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from math import factorial


def optimal_selection(rates: Sequence[Fraction], target: Fraction, patients: int) -> list[Fraction]:
    """Probability that each dose is recommended.

    Tolerances fall into D + 1 intervals between the rates in order: a dose's DLTs are the patients in those below it.
    """
    order = sorted(range(len(rates)), key=lambda dose: (rates[dose], dose))
    bounds = [Fraction(0), *(rates[dose] for dose in order), Fraction(1)]
    widths = [high - low for low, high in pairwise(bounds)]
    found = [Fraction(0)] * len(rates)
    for inside in compositions(patients, len(widths)):
        probability = Fraction(factorial(patients))
        for number, width in zip(inside, widths, strict=True):
            probability *= width**number / factorial(number)
        counts = [sum(inside[: place + 1]) for place in range(len(order))]
        found[order[recommended([Fraction(count, patients) for count in counts], target)]] += probability
    return found


def recommended(estimates: Sequence[Fraction], target: Fraction) -> int:
    """The place of the closest estimate; of equally close ones the highest below the target, else the lowest."""
    nearest = min(abs(estimate - target) for estimate in estimates)
    close = [place for place, estimate in enumerate(estimates) if abs(estimate - target) == nearest]
    below = [place for place in close if estimates[place] < target]
    return below[-1] if below else close[0]


def compositions(total: int, parts: int) -> Iterator[tuple[int, ...]]:
    """All ways to write a number as a sum of so many others, in order."""
    if parts == 1:
        yield (total,)
        return
    for first in range(total + 1):
        for rest in compositions(total - first, parts - 1):
            yield (first, *rest)
