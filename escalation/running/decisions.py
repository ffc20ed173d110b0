"""What a design decides after a cohort, and what bounded the decision: one trial, in plain Python.

The engines follow all trials at once, in compiled code. Here the same plans are read for a single trial, and every
decision says what it rests on. The tests hold the decisions equal to those of the engines.
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple

from escalation.kernels.codes import (
    ALL_DOSES,
    ANY_DOSE,
    COHERENT_COHORT,
    COHERENT_DOSE,
    DE_ESCALATE,
    ELIMINATE,
    ESCALATE,
    NEXT_DOSE,
    NO_DOSE,
    SAME_DOSE,
    SLACK,
    STAY,
)
from escalation.plans.conduct import Criterion, Stop
from escalation.plans.curves import CurvePlan, Intervals, MaximumLikelihood
from escalation.plans.plan import Plan
from escalation.plans.table import TablePlan
from escalation.running.reading import Reading, read_model


class Bound(Enum):
    """Why the next dose is another than the one that the table or the model asks for."""

    HIGHEST = auto()  # there is no higher dose
    LOWEST = auto()  # there is no lower dose
    CLOSED = auto()  # the dose above is eliminated
    CEILING = auto()  # so high a dose may not follow the last one
    FLOOR = auto()  # so low a dose may not follow the last one
    HOLD = auto()  # so many DLTs in the trial that nothing goes up
    COHERENCE = auto()  # no escalation after such a cohort, or at such a rate
    ONE_UP = auto()  # one dose up at a time until the first DLT
    OVERDOSE = auto()  # the floor is, or a dose up to it, a probable overdose


class Expanding(NamedTuple):
    """Where an expansion stands."""

    dose: int  # index of the RP2D
    patients: int  # of the expansion
    dlts: int
    reason: int  # why dose escalation ended
    rejected: bool = False  # for good


@dataclass(frozen=True)
class State:
    """Where a trial stands.

    Attributes
    ----------
    patients, dlts : tuple of int
        At each dose.
    dose : int or None
        Index of the last cohort's dose; None before the first.
    size, toxic : int
        Patients and DLTs of the last cohort.
    expanding : Expanding or None
        Once the expansion has begun.
    """

    patients: tuple[int, ...]
    dlts: tuple[int, ...]
    dose: int | None = None
    size: int = 0
    toxic: int = 0
    expanding: Expanding | None = None

    @property
    def treated(self) -> int:
        """Patients at all doses."""
        return sum(self.patients)


@dataclass(frozen=True)
class Decision:
    """What happens next.

    Attributes
    ----------
    next_dose : int or None
        Index of the next cohort's dose; None when the trial ends.
    size : int
        Patients of the next cohort.
    reason : int
        Why dose escalation or the trial ended: a key of `kernels.codes.REASON_NAMES`; 0 while dose escalation goes on.
    code : int or None
        What a decision table says.
    bounds : tuple of Bound
        What kept the next dose from being the one that the table or the model asks for.
    stops : tuple of Stop
        The rules that hold and give the reason.
    titrating : bool
        Whether it is the titration that decides.
    reading : Reading or None
        What a model says.
    expanding : bool
        Whether the next cohort is one of the expansion, or the trial ended in it.
    """

    next_dose: int | None
    size: int = 0
    reason: int = 0
    code: int | None = None
    bounds: tuple[Bound, ...] = ()
    stops: tuple[Stop, ...] = ()
    titrating: bool = False
    reading: Reading | None = None
    expanding: bool = False


def lowest_closed(plan: TablePlan, state: State) -> int:
    """Index of the lowest eliminated dose; the number of doses when none is."""
    counts = zip(state.patients, state.dlts, strict=True)
    found = (dose for dose, (n, y) in enumerate(counts) if plan.codes[dose, n, y] == ELIMINATE)
    return next(found, plan.levels)


def by_table(plan: TablePlan, state: State, *, titrating: bool) -> Decision:
    """The next dose by the decision table, or none where the lowest dose is eliminated."""
    dose = state.dose
    assert dose is not None
    code = int(plan.codes[dose, state.patients[dose], state.dlts[dose]])
    if titrating:
        code = STAY if state.dlts[dose] else ESCALATE
    wanted = dose + {ESCALATE: 1, STAY: 0, DE_ESCALATE: -1, ELIMINATE: -1}[code]
    closed = lowest_closed(plan, state)
    bounds: list[Bound] = []
    next_dose = wanted
    if closed < dose:  # no trial of this design comes here
        next_dose = _limited(wanted, closed - 1, Bound.CLOSED, bounds)
    elif code == ESCALATE:
        next_dose = _limited(next_dose, plan.levels - 1, Bound.HIGHEST, bounds)
        next_dose = _limited(next_dose, closed - 1, Bound.CLOSED, bounds)
        if next_dose > dose:
            next_dose = _limited(next_dose, dose if _held(plan, state) else next_dose, Bound.HOLD, bounds)
            next_dose = _limited(next_dose, _ceiling(plan, dose), Bound.CEILING, bounds)
    elif code == DE_ESCALATE and wanted < 0:
        next_dose = 0
        bounds.append(Bound.LOWEST)
    return Decision(
        next_dose if next_dose >= 0 else None,
        code=code,
        bounds=tuple(bounds),
        titrating=titrating,
    )


def by_model(plan: CurvePlan, state: State, *, titrating: bool) -> Decision:
    """The next dose by the model, or none where the trial is too toxic."""
    dose = state.dose
    assert dose is not None
    bounds: list[Bound] = []
    if titrating:
        wanted = dose if state.dlts[dose] else dose + 1
        next_dose = _limited(wanted, plan.levels - 1, Bound.HIGHEST, bounds)
        next_dose = _limited(next_dose, dose if _held(plan, state) else next_dose, Bound.HOLD, bounds)
        next_dose = _limited(next_dose, _ceiling(plan, dose), Bound.CEILING, bounds)
        return Decision(next_dose, bounds=tuple(bounds), titrating=True)
    reading = read_model(plan, state.patients, state.dlts)
    choice = reading.choice
    if choice == NO_DOSE:
        return Decision(None, reading=reading)
    one_up = isinstance(plan.reading, MaximumLikelihood) and not any(state.dlts)
    limits = {
        Bound.HOLD: dose if _held(plan, state) else plan.levels,
        Bound.ONE_UP: dose + 1 if one_up else plan.levels,
        Bound.CEILING: _ceiling(plan, dose),
        Bound.COHERENCE: plan.levels if _may_escalate(plan, state) else dose,
    }
    allowed = choice
    for bound, limit in limits.items():
        allowed = _limited(allowed, limit, bound, bounds)
    next_dose = reading.prefer(allowed) if isinstance(plan.reading, Intervals) else allowed
    floor = 0 if plan.floor is None else int(plan.floor[dose])
    if floor > next_dose:
        if floor > reading.highest_open:
            floor = max(reading.highest_open, next_dose)
            bounds.append(Bound.OVERDOSE)
        if floor > next_dose:
            next_dose = floor
            bounds.append(Bound.FLOOR)
    return Decision(next_dose, bounds=tuple(bounds), reading=reading)


def _limited(dose: int, limit: int, bound: Bound, bounds: list[Bound]) -> int:
    """The dose, or a lower limit, which is then noted."""
    if limit >= dose:
        return dose
    bounds.append(bound)
    return limit


def _held(plan: Plan, state: State) -> bool:
    return sum(state.dlts) >= plan.hold_at


def _ceiling(plan: Plan, dose: int) -> int:
    return plan.levels - 1 if plan.ceiling is None else int(plan.ceiling[dose])


def _may_escalate(plan: CurvePlan, state: State) -> bool:
    """Whether `coherent` lets a higher dose follow."""
    dose = state.dose
    assert dose is not None
    if plan.coherent == COHERENT_COHORT:
        size, toxic = last_cohort(plan, state)
        return toxic < (plan.target - SLACK) * size
    if plan.coherent == COHERENT_DOSE:
        return state.dlts[dose] <= (plan.target + SLACK) * state.patients[dose]
    return True


def last_cohort(plan: Plan, state: State) -> tuple[int, int]:
    """Patients and DLTs of the last cohort; the titrated patient is one of the cohort that filled up the dose."""
    dose = state.dose
    assert dose is not None
    others = state.treated - state.patients[dose]
    tried = sum(n > 0 for n in state.patients)
    if plan.titration and state.patients[dose] == state.size + 1 and others == tried - 1:
        return state.patients[dose], state.dlts[dose]
    return state.size, state.toxic


def holding(stops: tuple[Stop, ...], state: State, next_dose: int) -> tuple[Stop, ...]:
    """The rules that hold after a cohort."""
    return tuple(stop for stop in stops if all(_holds(part, state, next_dose) for part in stop.criteria))


def _holds(criterion: Criterion, state: State, next_dose: int) -> bool:
    holds = criterion.holds
    if criterion.place == ALL_DOSES:
        return bool(holds[0, state.treated, sum(state.dlts)])
    counts = list(zip(state.patients, state.dlts, strict=True))
    if criterion.place == ANY_DOSE:
        return any(bool(holds[dose, n, y]) for dose, (n, y) in enumerate(counts))
    dose = next_dose if criterion.place == NEXT_DOSE else state.dose
    assert dose is not None
    return bool(holds[(dose, *counts[dose])]) and (criterion.place != SAME_DOSE or next_dose == state.dose)
