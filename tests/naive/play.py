"""Whole trials under a rule: every possible one with its probability, or one with given patients.

An ending is ``(patients, dlts, recommended, reason)``, the first two as tuples with one number per dose.
"""

from collections.abc import Sequence
from math import comb
from typing import Protocol

from tests.naive.rules import History, Stop, Treat, totals

Ending = tuple[tuple[int, ...], tuple[int, ...], int | None, str]


class Rule(Protocol):
    """What a rule must offer."""

    @property
    def doses(self) -> int:
        """The number of dose levels."""

    def next(self, history: History) -> Treat | Stop:
        """Return what to do after this history."""


def every_path(rule: Rule, rates: Sequence[float]) -> dict[Ending, float]:
    """Return the probability of every ending, given the true DLT rate of each dose.

    Every sequence of DLT counts, cohort by cohort, is followed to its end. A cohort's DLTs are binomial.
    """
    endings: dict[Ending, float] = {}

    def follow(history: History, probability: float) -> None:
        decision = rule.next(history)
        if isinstance(decision, Stop):
            reached = ending(rule, history, decision)
            endings[reached] = endings.get(reached, 0.0) + probability
            return
        rate = rates[decision.dose - 1]
        for dlts in range(decision.size + 1):
            chance = comb(decision.size, dlts) * rate**dlts * (1 - rate) ** (decision.size - dlts)
            follow([*history, cohort(decision, dlts)], probability * chance)

    follow([], 1.0)
    return endings


def count_paths(rule: Rule) -> int:
    """Return the number of different sequences of DLT counts, cohort by cohort, that a trial can take."""

    def below(history: History) -> int:
        decision = rule.next(history)
        if isinstance(decision, Stop):
            return 1
        return sum(below([*history, cohort(decision, dlts)]) for dlts in range(decision.size + 1))

    return below([])


def run_trial(rule: Rule, rates: Sequence[float], tolerances: Sequence[float]) -> Ending:
    """Play one trial with given patients.

    Patient i, in order of enrolment, has a DLT when ``tolerances[i]`` is below the true rate of the dose.
    """
    history: list[tuple[int, tuple[int, ...]]] = []
    enrolled = 0
    while isinstance(decision := rule.next(history), Treat):
        patients = range(enrolled, enrolled + decision.size)
        rate = rates[decision.dose - 1]
        history.append((decision.dose, tuple(int(tolerances[i] < rate) for i in patients)))
        enrolled += decision.size
    return ending(rule, history, decision)


def cohort(decision: Treat, dlts: int) -> tuple[int, tuple[int, ...]]:
    """Return a cohort with this many DLTs; the order of its patients does not matter."""
    return decision.dose, (1,) * dlts + (0,) * (decision.size - dlts)


def ending(rule: Rule, history: History, decision: Stop) -> Ending:
    """Return how a trial ended."""
    patients, dlts = totals(history, rule.doses)
    return patients, dlts, decision.recommended, decision.reason
