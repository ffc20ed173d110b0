"""The days of a trial that go along with the states of the exact engine.

A state has the mean and the variance of the days from the first patient, over all patient sequences that lead to it. A
cohort's days are independent of those before. So means and variances add along a way, and are averaged over the ways,
the variance with that of their means. Nothing is subtracted that is nearly as large: a trial whose days are certain has
a variance of 0.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from escalation.kernels.layout import Children, StateArrays
from escalation.numbers import binomials
from escalation.plans.plan import Plan

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class TimeTables:
    """Mean and variance of the days of cohorts, by dose, patients and DLTs, float64[D, m + 1, m + 1, 2]."""

    opening: Floats  # until the next cohort's first patient
    closing: Floats  # until the end of a trial whose last cohort it is


@dataclass(eq=False)
class Timing:
    """The days to the states of a plan, cohort by cohort."""

    plan: Plan
    tables: TimeTables
    living: Floats = field(default_factory=lambda: np.zeros((1, 2)))  # of the states that the last cohort left
    ended: list[Floats] = field(default_factory=list)  # of the endings of each cohort

    def follow(
        self,
        before: StateArrays,
        sizes: NDArray[np.int16],
        ways: Children,
        led: NDArray[np.int32],
        kept: tuple[int, int],
    ) -> None:
        """Go on by one cohort, which left so many living states and endings.

        `ways` are the children of the states before it with their parents still in, `led` is what decisions put there.
        """
        from escalation.kernels.exact_times import follow_days

        runs = self.plan.conduct.runs
        living, endings = (np.empty((number, 2)) for number in kept)
        told = before.columns // runs, sizes, before.sequences, self.living
        tables = self.tables.opening, self.tables.closing
        columns = self.plan.levels * runs
        follow_days(told, binomials(self.plan.conduct.largest), ways, led, columns, *tables, living, endings)
        self.living = living
        self.ended.append(endings)

    @property
    def endings(self) -> Floats:
        """Mean and variance of the days to each ending, float64[E, 2]."""
        return np.concatenate(self.ended)
