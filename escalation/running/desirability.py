"""What a protocol prints of a design that decides by responses: by the counts at a dose, how desirable it is.

The desirabilities are those that the design's plan compares. Their ranks, over the counts that are listed and at which
a dose may be given, with equal ones at the mean of their places, are the rank-based desirability scores (RDS) of Lin et
al. (2020); they order doses as the desirabilities do.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import isnan

import numpy as np
from scipy import stats

from escalation.kernels.codes import ABOVE, BELOW, BESIDE
from escalation.plans.decision import State
from escalation.plans.joint import JointPlan

MOST_PATIENTS = 30
"""Patients at a dose up to which there are rows: they grow with the third power, or the fourth."""

LEADS = {BELOW: "down", BESIDE: "not up", ABOVE: "any"}
ENDS = "end"
"""Where counts at the last cohort's dose lead: below; not above; anywhere; to the end of the trial."""


@dataclass(frozen=True)
class DesirabilityRow:
    """What counts at a dose say of it."""

    patients: int
    occurs: bool  # whether the cohorts can make this number of patients, or it is 0
    dlts: int
    responses: int
    with_dlt: int | None  # patients with both; None where only the sums matter
    leads: str | None  # from here, when the last cohort was at the dose; None without patients
    explores: bool  # whether, if not down, an untried dose above goes before that
    eliminated: bool  # with all doses above
    futile: bool
    desirability: float  # probability that the mean utility exceeds the benchmark
    rank: float | None = None  # from 1, the least desirable; None where the dose is closed, or the counts do not occur


def desirability_rows(plan: JointPlan, occurs: frozenset[int]) -> tuple[DesirabilityRow, ...]:
    """A row for all counts at a dose; `occurs` are the numbers of patients that the cohorts can make."""
    found = list(_rows(plan, occurs | {0}))
    order = [place if row.occurs and not (row.eliminated or row.futile) else np.nan for row, place in found]
    ranks = stats.rankdata(order, nan_policy="omit").tolist()
    return tuple(row if isnan(rank) else replace(row, rank=rank) for (row, _), rank in zip(found, ranks, strict=True))


def _rows(plan: JointPlan, occurs: frozenset[int]) -> Iterator[tuple[DesirabilityRow, int]]:
    """The rows without ranks, and the place of each in the order of the plan."""
    for n in range(min(len(plan.moves) - 1, MOST_PATIENTS) + 1):
        for t in range(n + 1):
            ends = plan.enough is not None and n >= plan.enough
            move = int(plan.moves[n, t])
            explores = plan.explore_from is not None and n >= plan.explore_from and move != BELOW and not ends
            for well, ill in _responses(plan, n, t):
                state = State((n,), (t,), 0, responses=((well, ill),))
                row = DesirabilityRow(
                    patients=n,
                    occurs=n in occurs,
                    dlts=t,
                    responses=well + ill,
                    with_dlt=None if plan.is_additive else ill,
                    leads=None if n == 0 else ENDS if ends else LEADS[move],
                    explores=explores,
                    eliminated=bool(plan.toxic[n, t]),
                    futile=bool(plan.futile[n, well + ill]),
                    desirability=plan.desirable(state, 0),
                )
                yield row, plan.rank(state, 0)


def _responses(plan: JointPlan, n: int, t: int) -> Iterator[tuple[int, int]]:
    """Responses of patients without and with a DLT; where only their sum matters, one way for each sum."""
    if plan.is_additive:
        yield from ((min(e, n - t), max(e - (n - t), 0)) for e in range(n + 1))
    else:
        yield from ((well, ill) for ill in range(t + 1) for well in range(n - t + 1))
