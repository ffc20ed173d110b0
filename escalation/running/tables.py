"""The decision table that a protocol prints: what a design decides, by the patients and DLTs at a dose.

The table holds the decisions of the design's plan; the boundaries ("escalate if at most so many DLTs") are read off
them, where the decisions go one way as DLTs go up. A design that decides on the data at all doses has no such table.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from escalation.designs import Design
from escalation.kernels.codes import ANY_DOSE, DE_ESCALATE, ELIMINATE, ESCALATE, NEXT_DOSE, SAME_DOSE, STAY, UNDECIDED
from escalation.plans.expansion import ExpansionPlan, expansion_plan
from escalation.plans.pending import PendingPlan
from escalation.plans.plan import Plan
from escalation.running.desirability import DesirabilityRow, desirability_rows
from escalation.running.late_tables import PendingTable, pending_tables
from escalation.running.pathways import first_pathways
from escalation.running.tree import Pathways
from escalation.trial.trial import Trial

Cells = NDArray[np.bool_]

EACH_PATIENT = (
    "While patients are pending the follow-up of each of them decides, which no table of numbers of patients holds: "
    "`next` gives the decisions."
)


@dataclass(frozen=True, eq=False)
class PatientsRow:
    """The decisions after one number of patients at a dose."""

    patients: int
    occurs: bool  # whether the cohorts can make this number
    # int8[patients + 1], ESCALATE, STAY, DE_ESCALATE or ELIMINATE, by DLTs; UNDECIDED where a user's table has no row.
    codes: NDArray[np.int8]

    @property
    def is_monotone(self) -> bool:
        """Whether all is decided and no decision leads higher after more DLTs, so that boundaries say it all."""
        return bool(np.all(np.diff(self.codes) <= 0) and self.codes[0] != UNDECIDED)

    @property
    def escalate_if_at_most(self) -> int | None:
        """Most DLTs that escalate; None when none do, or the row is not monotone."""
        return self._last(self.codes == ESCALATE)

    @property
    def stay_if(self) -> tuple[int, int] | None:
        """Fewest and most DLTs that stay; None when none do, or the row is not monotone."""
        first, last = self._first(self.codes == STAY), self._last(self.codes == STAY)
        return None if first is None or last is None else (first, last)

    @property
    def de_escalate_if_at_least(self) -> int | None:
        """Fewest DLTs that de-escalate or eliminate; None when none do, or the row is not monotone."""
        return self._first(self.codes <= DE_ESCALATE)

    @property
    def eliminate_if_at_least(self) -> int | None:
        """Fewest DLTs that eliminate; None when none do, or the row is not monotone."""
        return self._first(self.codes == ELIMINATE)

    def _first(self, holds: Cells) -> int | None:
        return int(holds.argmax()) if self.is_monotone and holds.any() else None

    def _last(self, holds: Cells) -> int | None:
        return int(np.flatnonzero(holds)[-1]) if self.is_monotone and holds.any() else None


@dataclass(frozen=True, eq=False)
class DoseTable:
    """The decisions at doses that are decided alike."""

    doses: tuple[int, ...]  # dose levels, from 1
    rows: tuple[PatientsRow, ...]  # for each number of patients from 1 on that the table decides on

    @property
    def decisions(self) -> frozenset[int]:
        """The codes that stand somewhere in the table."""
        return frozenset(int(code) for row in self.rows for code in np.unique(row.codes))

    @property
    def moves(self) -> bool:
        """Whether any decision is to escalate or de-escalate; if not, the dose is only monitored."""
        return bool(self.decisions & {ESCALATE, DE_ESCALATE})


@dataclass(frozen=True, eq=False)
class ExpansionTable:
    """When the monitoring of an expansion stops the dose."""

    own: bool  # whether the expansion's own patients are counted; if not, all at the dose
    # For each number of counted patients from 1 on; the codes are ELIMINATE, where the dose is stopped, and STAY.
    rows: tuple[PatientsRow, ...]


@dataclass(frozen=True, eq=False)
class ProtocolTable:
    """What a protocol prints of a design's decisions.

    Attributes
    ----------
    table : tuple of DoseTable or None
        One for each group of doses that are decided alike; None when the design decides on the data at all doses.
    reason : str or None
        Why there is neither this table nor one of desirability.
    parameters : dict of str to float
        The numbers that the design compares the data at a dose with, as lambda_e and lambda_d of BOIN.
    rules : tuple of str
        Sentences on what decides besides the table.
    titration : PatientsRow or None
        What follows a single patient during titration, when the tables do not decide yet.
    expansion : ExpansionTable or None
        The monitoring of the expansion, if there is one.
    pathways : Pathways or None
        Where there is no table: those of the first three cohorts, or of fewer where three have too many.
    pending : tuple of PendingTable or None
        Of a late-onset design: the decisions while patients are pending; `table` is then for complete data.
    pending_reason : str or None
        Why a late-onset design has no such tables.
    desirability : tuple of DesirabilityRow or None
        Of a design that decides by responses, in place of the table: by the counts at a dose how desirable it is.
    """

    table: tuple[DoseTable, ...] | None
    reason: str | None
    parameters: dict[str, float] = field(default_factory=dict)
    rules: tuple[str, ...] = ()
    titration: PatientsRow | None = None
    expansion: ExpansionTable | None = None
    pathways: Pathways | None = None
    pending: tuple[PendingTable, ...] | None = None
    pending_reason: str | None = None
    desirability: tuple[DesirabilityRow, ...] | None = None


def decision_table(design: Design, trial: Trial) -> ProtocolTable:
    """The decision table of a design for a trial.

    Raises
    ------
    DesignError
        An option of the design does not fit the trial.

    Examples
    --------
    >>> from escalation import BOIN
    >>> boin = decision_table(BOIN(), Trial(doses=[50, 150, 300, 600], target=0.25, max_patients=9))
    >>> for row in boin.table[0].rows:
    ...     if row.occurs:
    ...         print(row.patients, row.escalate_if_at_most, row.de_escalate_if_at_least, row.eliminate_if_at_least)
    3 0 1 3
    6 1 2 4
    9 1 3 5
    """
    plan, trial = design.plan(trial), design.applied_to(trial)
    titration = PatientsRow(1, True, np.array([ESCALATE, STAY], np.int8)) if plan.conduct.titration else None
    late = design.pending_plan(trial)
    if isinstance(late, PendingPlan) and late.one_at_a_time:
        plan = plan.conducted(sizes=np.ones_like(plan.conduct.sizes), trial_sizes=None)
    occurring = numbers_of_patients(plan)
    pending = pending_tables(design, trial, occurring) if isinstance(late, PendingPlan) else None
    table, fewest = plan.table, 1 if titration is None else 2  # of a single patient the titration decides
    joint = plan.joint
    has_table = table is not None or joint is not None
    return ProtocolTable(
        table=None if table is None else tuple(_dose_tables(table.codes, occurring, fewest)),
        reason=None if has_table else no_table(design),
        parameters=design.parameters(trial),
        rules=tuple(design.further_rules(trial, plan)),
        titration=titration,
        expansion=_expansion_table(trial, occurring, recommends_untried=plan.recommends_untried),
        pathways=None if has_table or late is not None else first_pathways(design, trial),
        pending=pending,
        pending_reason=EACH_PATIENT if isinstance(late, PendingPlan) and pending is None else None,
        desirability=None if joint is None else desirability_rows(joint, frozenset().union(*occurring)),
    )


def no_table(design: Design) -> str:
    """Why a design has no table by the counts at a dose."""
    instead = (
        "With patients pending or not, `next` gives them"
        if design.is_late_onset
        else "Its dose transition pathways take the table's place"
    )
    return (
        f"The {design.kind.upper()} decides on the data at all doses; no table by the counts at one dose can hold its "
        f"decisions. {instead}."
    )


def _dose_tables(codes: NDArray[np.int8], occurring: list[frozenset[int]], fewest: int) -> Iterator[DoseTable]:
    alike: dict[bytes, list[int]] = {}
    for dose, table in enumerate(codes):
        alike.setdefault(table.tobytes(), []).append(dose)
    for doses in alike.values():
        occurs = frozenset().union(*(occurring[dose] for dose in doses))
        yield DoseTable(tuple(dose + 1 for dose in doses), _rows(codes[doses[0]], occurs, fewest))


def _rows(codes: NDArray[np.int8], occurs: frozenset[int], fewest: int = 1) -> tuple[PatientsRow, ...]:
    numbers = range(fewest, len(codes))
    rows = (PatientsRow(patients, patients in occurs, codes[patients, : patients + 1]) for patients in numbers)
    return tuple(row for row in rows if not (row.codes == UNDECIDED).all())


def _expansion_table(
    trial: Trial, occurring: list[frozenset[int]], *, recommends_untried: bool
) -> ExpansionTable | None:
    plan = expansion_plan(trial)
    if plan is None or trial.expansion is None or trial.expansion.monitoring is None:
        return None
    before = {0} if plan.own or recommends_untried else set()
    before |= set() if plan.own else set().union(*occurring)
    occurs = frozenset(number + added for number in before for added in accumulate(plan.cohorts.tolist()))
    return ExpansionTable(plan.own, _rows(_expansion_codes(plan), occurs))


def _expansion_codes(plan: ExpansionPlan) -> NDArray[np.int8]:
    return np.where(plan.rejects, ELIMINATE, STAY).astype(np.int8)


def numbers_of_patients(plan: Plan) -> list[frozenset[int]]:
    """Numbers of patients that each dose can have had after a cohort.

    Full cohorts follow each other at a dose while it may be given again after some number of DLTs. The last cohort of
    the trial is smaller where the patients of all other doses leave too few for a full one. What the data at other
    doses must be for that is not looked at, so that a few of these numbers may be out of reach; none is left out.
    """
    again = _given_again(plan)
    full = [_full_cohorts(plan, dose, again[dose]) for dose in range(plan.levels)]
    elsewhere = _sums_without_each([_as_mask(numbers, plan.conduct.max_patients) for numbers in full])
    found = []
    for dose, numbers in enumerate(full):
        last = {
            number + fewer
            for number in numbers
            for size in _sizes(plan, dose, number)
            for fewer in range(1, min(size, plan.conduct.max_patients + 1 - number))
            if again[dose][number] and elsewhere[dose][plan.conduct.max_patients - number - fewer]
        }
        found.append(frozenset((numbers | last) - {0}))
    return found


def _given_again(plan: Plan) -> Cells:
    """Whether a dose with so many patients may get a cohort after some number of DLTs, bool[D, N + 1]."""
    size = plan.conduct.max_patients + 1
    closed: Cells = np.tile(~np.tri(size, dtype=np.bool_), (plan.levels, 1, 1))  # more DLTs than patients
    if plan.table is not None:
        closed |= plan.table.codes == ELIMINATE
    if plan.joint is not None and plan.joint.enough is not None:
        closed[:, plan.joint.enough :] = True
    at_next = {NEXT_DOSE, ANY_DOSE} | ({SAME_DOSE} if plan.levels == 1 else set())
    for stop in plan.conduct.stops:
        if all(criterion.place in at_next for criterion in stop.criteria):
            closed |= np.stack([criterion.holds for criterion in stop.counts]).all(axis=0)
    if plan.conduct.titration:
        closed[:, 1, 0] = False  # until titration ends, stopping rules rest
    return np.asarray(~closed.all(axis=2))


def _full_cohorts(plan: Plan, dose: int, again: Cells) -> set[int]:
    """Numbers of patients at a dose that full cohorts make, 0 included."""
    numbers, open_ends = {0}, [0]
    while open_ends:
        number = open_ends.pop()
        for size in _sizes(plan, dose, number) if again[number] else ():
            if number + size <= plan.conduct.max_patients and number + size not in numbers:
                numbers.add(number + size)
                open_ends.append(number + size)
    return numbers


def _sizes(plan: Plan, dose: int, number: int) -> set[int]:
    """Sizes that the next full cohort at a dose with so many patients can have."""
    own, by_trial = int(plan.conduct.sizes[dose, number]), plan.conduct.trial_sizes
    usual = {own} if by_trial is None else {max(own, int(size)) for size in np.unique(by_trial[number:])}
    if not plan.conduct.titration or number > 1:
        return usual
    titrated = {1} if number == 0 else {int(plan.conduct.sizes[dose, 0]) - 1}
    # The start dose always begins with a single patient, and an only dose goes on by filling up the cohort.
    only = (number == 0 and dose == plan.conduct.start) or plan.levels == 1
    return titrated if only else titrated | usual


def _as_mask(numbers: set[int], most: int) -> Cells:
    return np.isin(np.arange(most + 1), list(numbers))


def _sums_without_each(masks: list[Cells]) -> list[Cells]:
    """For each of several sets of numbers the sums of one number of each other set; sets as masks, sums cut off."""
    zero = np.zeros_like(masks[0])
    zero[0] = True

    def add(left: Cells, right: Cells) -> Cells:
        return np.asarray(np.convolve(left, right)[: len(left)] > 0, np.bool_)

    before = list(accumulate(masks[:-1], add, initial=zero))
    after = list(accumulate(masks[:0:-1], add, initial=zero))[::-1]
    return [add(left, right) for left, right in zip(before, after, strict=True)]
