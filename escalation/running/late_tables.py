"""The decision table of a late-onset design: what is decided by the patients, DLTs and pending patients at a dose.

Cells are what the rule for pending patients says, asked for each interval between its cuts of follow-up. As in the
papers' tables, least follow-up before an escalation is left to a sentence, and no dose is the lowest or the highest.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from math import inf, isfinite

import numpy as np

from escalation.designs import Design
from escalation.designs.pending.weigh import LEAST
from escalation.kernels.codes import ELIMINATE, SLACK
from escalation.plans.pending import SIX, Effective, PendingPlan, Rolled, Weighed
from escalation.trial.trial import Trial

MOST_PATIENTS = 60
"""Patients at a dose up to which there are rows: they grow with the third power."""


@dataclass(frozen=True)
class PendingRow:
    """What is decided at one number of patients and DLTs, and from one number of pending patients to another.

    The follow-up has as many decisions as there are intervals between its cuts. A cut belongs to the decision below it
    where that is to de-escalate, else to the one above.
    """

    patients: int
    dlts: int
    pending: tuple[int, int]
    occurs: bool  # whether the cohorts can make this number of patients
    codes: tuple[int, ...]  # ESCALATE, STAY, DE_ESCALATE, ELIMINATE or SUSPEND, as follow-up rises
    cuts: tuple[float, ...] = ()

    def between(self, code: int) -> tuple[float, float] | None:
        """The follow-up with a decision, from and to; infinite where there is no bound, None where there is none."""
        if code not in self.codes:
            return None
        at = self.codes.index(code)
        ends = (-inf, *self.cuts, inf)
        return ends[at], ends[at + 1]


@dataclass(frozen=True)
class PendingTable:
    """What is decided while patients are pending, at doses that are decided alike."""

    doses: tuple[int, ...]  # dose levels, from 1
    measure: str  # of the follow-up: "STFT", "ESS", or nothing where it does not decide
    rows: tuple[PendingRow, ...]


def pending_tables(design: Design, trial: Trial, occurs: list[frozenset[int]]) -> tuple[PendingTable, ...] | None:
    """The tables of a late-onset design; None where more decides than these numbers.

    `occurs` are the numbers of patients that the cohorts can make at each dose.
    """
    rule = design.pending_plan(trial)
    if isinstance(rule, Rolled):
        every = frozenset(range(1, SIX + 1))
        return (PendingTable(tuple(range(1, trial.levels + 1)), "", tuple(_rows(rule, SIX, every, lowest=False))),)
    if not isinstance(rule, Weighed):
        return None
    rule = replace(rule, limits=rule.limits._replace(least_follow_up=0.0))
    lowest, others = rule.cuts.eliminate_from
    groups = [tuple(range(1, trial.levels + 1))]
    if trial.levels > 1 and not np.array_equal(lowest, others):
        groups = [(1,), groups[0][1:]]
    measure, most = "ESS" if isinstance(rule, Effective) else "STFT", min(rule.cuts.most, MOST_PATIENTS)
    return tuple(
        PendingTable(doses, measure, tuple(_rows(rule, most, _made(doses, occurs), lowest=1 in doses)))
        for doses in groups
    )


def _made(doses: tuple[int, ...], occurs: list[frozenset[int]]) -> frozenset[int]:
    return frozenset().union(*(occurs[dose - 1] for dose in doses))


def _rows(rule: PendingPlan, most: int, occurs: frozenset[int], *, lowest: bool) -> Iterator[PendingRow]:
    for patients in range(1, most + 1):
        for dlts in range(patients + 1):
            row: PendingRow | None = None
            for pending in range(patients - dlts + 1):
                codes, cuts = _cell(rule, patients, dlts, pending, lowest=lowest)
                if row is not None and (row.codes, row.cuts) == (codes, cuts):
                    row = replace(row, pending=(row.pending[0], pending))
                    continue
                if row is not None:
                    yield row
                row = PendingRow(patients, dlts, (pending, pending), patients in occurs, codes, cuts)
            assert row is not None
            yield row


def _cell(
    rule: PendingPlan, patients: int, dlts: int, pending: int, *, lowest: bool
) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """The decisions as follow-up rises, and the cuts between them."""
    cuts: list[float] = []
    least = 0.0
    if isinstance(rule, Weighed) and pending:
        least = rule.seen(patients, np.zeros(pending))
        up, down = rule.cell(patients, dlts, pending)
        inside = {cut for cut in (down, up) if isfinite(cut) and least + 2 * LEAST < cut < least + pending - SLACK}
        cuts = sorted(inside)
    ends = [least, *cuts, least + pending]
    codes: list[int] = []
    kept: list[float] = []
    for low, high in pairwise(ends):
        share = ((low + high) / 2 - least) / pending if pending else 0.0
        code = _code(rule, patients, dlts, [share] * pending, lowest=lowest)
        if codes and code == codes[-1]:
            continue
        codes.append(code)
        kept += [low] if len(codes) > 1 else []
    return tuple(codes), tuple(kept)


def _code(rule: PendingPlan, patients: int, dlts: int, follow_up: list[float], *, lowest: bool) -> int:
    """What the rule says where there is a dose below and one above."""
    if rule.eliminates(patients, dlts, len(follow_up), lowest=lowest):
        return ELIMINATE
    return rule.decide(patients, dlts, follow_up).code
