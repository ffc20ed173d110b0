"""The course of one trial: what a design decides after each cohort, and what bounded the decision.

The engines follow all trials at once, in compiled code. Here one trial is followed in plain Python, from the same
plans, and every decision says what it rests on. The tests hold the decisions equal to those of the engines.
"""

from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import NamedTuple

import numpy as np

from escalation.conduct import Criterion, Stop
from escalation.designs import Design
from escalation.kernels.codes import (
    ALL_DOSES,
    ANY_DOSE,
    COHERENT_COHORT,
    COHERENT_DOSE,
    DE_ESCALATE,
    ELIMINATE,
    ESCALATE,
    EXPANSION_STOPPED,
    MAX_PATIENTS,
    NEXT_DOSE,
    NO_DOSE,
    RULE_COMPLETE,
    SAME_DOSE,
    SLACK,
    STAY,
    TOO_TOXIC,
)
from escalation.model_reading import Reading, read_model
from escalation.plans import CurvePlan, ExpansionPlan, Intervals, MaximumLikelihood, Plan, TablePlan, expansion_plan
from escalation.recommend import recommend, recommend_by_model
from escalation.trial import Trial


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
    wanted : int or None
        Index of the dose that the table or the model asks for, before the bounds; minus one below the lowest.
    bounds : tuple of Bound
        What kept the next dose from being that one.
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
    wanted: int | None = None
    bounds: tuple[Bound, ...] = ()
    stops: tuple[Stop, ...] = ()
    titrating: bool = False
    reading: Reading | None = None
    expanding: bool = False


@dataclass(frozen=True, eq=False)
class Rules:
    """A design compiled for a trial, to be asked about one state after the other.

    Attributes
    ----------
    design : Design
    trial : Trial
        As the design runs it.
    plan : Plan
    expansion : ExpansionPlan or None
    large : Trial
        The trial, or one with room for more patients than it has, if so many were treated.
    """

    design: Design
    trial: Trial
    plan: Plan
    expansion: ExpansionPlan | None

    large: Trial

    @property
    def start(self) -> State:
        """Before the first cohort."""
        none = (0,) * self.trial.levels
        return State(none, none)

    def decide(self, state: State) -> Decision:
        """What the design decides."""
        if state.expanding is not None:
            return self._expand(state)
        decision = self._escalate(state)
        if decision.reason == 0 or self.expansion is None:
            return decision
        declared = self.recommended(state)
        if declared is None:
            return decision
        return replace(decision, next_dose=declared, size=int(self.expansion.cohorts[0]), expanding=True)

    def after(self, state: State, decision: Decision, dlts: int) -> State:
        """Where the trial stands when the cohort that was decided on has had so many DLTs."""
        assert decision.next_dose is not None
        return self.treated(state, decision, decision.next_dose, decision.size, dlts)

    def treated(self, state: State, decision: Decision, dose: int, size: int, toxic: int) -> State:
        """Where the trial stands after a cohort, be it the one that was decided on or another.

        A cohort belongs to the expansion when that was to come, or has begun, and at its dose.
        """
        patients, dlts = list(state.patients), list(state.dlts)
        patients[dose] += size
        dlts[dose] += toxic
        expanding = state.expanding
        if expanding is None and decision.expanding and dose == decision.next_dose:
            expanding = Expanding(dose, 0, 0, decision.reason)
        if expanding is not None and dose == expanding.dose:
            expanding = expanding._replace(patients=expanding.patients + size, dlts=expanding.dlts + toxic)
            rejected = expanding.rejected or self._rejects(expanding, patients[dose], dlts[dose])
            expanding = expanding._replace(rejected=rejected)
        return State(tuple(patients), tuple(dlts), dose, size, toxic, expanding)

    def recommended(self, state: State) -> int | None:
        """Index of the dose that would be recommended if the trial ended now."""
        if state.expanding is not None:
            return None if state.expanding.rejected else state.expanding.dose
        decision = self._escalate(state)
        toxic = decision.reason == TOO_TOXIC or any(stop.reason == TOO_TOXIC for stop in decision.stops)
        if state.treated == 0 or toxic:
            return None
        patients, dlts = (np.array([counts], np.int16) for counts in (state.patients, state.dlts))
        if isinstance(self.plan, CurvePlan):
            choice = read_model(self.plan, state.patients, state.dlts).choice
            found = recommend_by_model(self.plan, patients, np.array([choice], np.int8))
        else:
            found = recommend(self.plan, patients, dlts)
        return None if found[0] == NO_DOSE else int(found[0])

    def closed(self, state: State) -> tuple[bool, ...]:
        """Whether each dose is eliminated, or excluded as a probable overdose."""
        levels = range(self.trial.levels)
        if state.expanding is not None and state.expanding.rejected:
            return tuple(dose >= state.expanding.dose for dose in levels)
        if isinstance(self.plan, TablePlan):
            lowest = _lowest_closed(self.plan, state)
            return tuple(dose >= lowest for dose in levels)
        if state.treated == 0:
            return tuple(False for _ in levels)
        reading = read_model(self.plan, state.patients, state.dlts)
        return tuple(reading.too_toxic or dose > reading.highest_open for dose in levels)

    def prior(self, state: State) -> tuple[float, float]:
        """Parameters of the Beta prior under which a dose's own rate is looked at."""
        monitoring = None if self.trial.expansion is None else self.trial.expansion.monitoring
        if state.expanding is not None and monitoring is not None:
            return monitoring.prior
        return self.design.beta_prior

    def _expand(self, state: State) -> Decision:
        expansion, at = self.expansion, state.expanding
        assert expansion is not None
        assert at is not None
        left = int(expansion.cohorts.sum()) - at.patients
        if left <= 0:
            return Decision(None, reason=at.reason, expanding=True)
        if at.rejected:
            return Decision(None, reason=EXPANSION_STOPPED, expanding=True)
        return Decision(at.dose, min(int(expansion.cohorts[0]), left), reason=at.reason, expanding=True)

    def _rejects(self, at: Expanding, patients: int, dlts: int) -> bool:
        """Whether the expansion's rule stops the dose; `patients` and `dlts` are all at it."""
        assert self.expansion is not None
        return bool(self.expansion.rejects[(at.patients, at.dlts) if self.expansion.own else (patients, dlts)])

    def _escalate(self, state: State) -> Decision:
        """What dose escalation decides."""
        plan = self.plan
        if state.dose is None:
            return self._on(plan.start, state, Decision(None, titrating=plan.titration))
        full = state.treated >= plan.max_patients
        titrating = plan.titration and max(state.patients) == 1
        if isinstance(plan, TablePlan):
            decision = _by_table(plan, state, titrating=titrating)
        else:
            decision = _by_model(plan, state, titrating=titrating)
        if decision.next_dose is None:
            return replace(decision, reason=MAX_PATIENTS if full else TOO_TOXIC)
        stops = () if titrating else _holding(plan.stops, state, decision.next_dose)
        reason = min((stop.reason for stop in stops), default=0)
        if full and reason != RULE_COMPLETE:
            toxic = tuple(stop for stop in stops if stop.reason == TOO_TOXIC)  # which then recommend no dose
            return replace(decision, next_dose=None, reason=MAX_PATIENTS, stops=toxic)
        if reason:
            given = tuple(stop for stop in stops if stop.reason == reason)
            return replace(decision, next_dose=None, reason=reason, stops=given)
        return self._on(decision.next_dose, state, decision)

    def _on(self, dose: int, state: State, decision: Decision) -> Decision:
        """The decision, with the size of the next cohort."""
        plan, there = self.plan, state.patients[dose]
        size = int(plan.sizes[there])
        if plan.titration and max(state.patients) <= 1:
            size = int(plan.sizes[0]) - 1 if there else 1
        return replace(decision, next_dose=dose, size=min(size, plan.max_patients - state.treated))


def rules_of(design: Design, trial: Trial, *, treated: int = 0) -> Rules:
    """Compile a design for a trial.

    Parameters
    ----------
    design : Design
    trial : Trial
    treated : int
        Patients that were treated already. They may be more than the trial has: then it is over.

    Raises
    ------
    DesignError
        The design does not fit the trial.
    """
    trial = design.applied_to(trial)
    # Tables for all who were treated.
    large = trial.model_copy(update={"max_patients": max(trial.max_patients, treated)})
    expansion = expansion_plan(large)
    if expansion is not None and len(expansion.rejects) <= treated:
        more = treated + 1 - len(expansion.rejects)
        expansion = replace(expansion, rejects=np.pad(expansion.rejects, (0, more), mode="edge"))
    return Rules(design, trial, replace(design.plan(large), max_patients=trial.max_patients), expansion, large)


def _lowest_closed(plan: TablePlan, state: State) -> int:
    """Index of the lowest eliminated dose; the number of doses when none is."""
    counts = zip(state.patients, state.dlts, strict=True)
    found = (dose for dose, (n, y) in enumerate(counts) if plan.codes[dose, n, y] == ELIMINATE)
    return next(found, plan.levels)


def _by_table(plan: TablePlan, state: State, *, titrating: bool) -> Decision:
    dose = state.dose
    assert dose is not None
    code = int(plan.codes[dose, state.patients[dose], state.dlts[dose]])
    if titrating:
        code = STAY if state.dlts[dose] else ESCALATE
    wanted = dose + {ESCALATE: 1, STAY: 0, DE_ESCALATE: -1, ELIMINATE: -1}[code]
    closed = _lowest_closed(plan, state)
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
        wanted=wanted,
        bounds=tuple(bounds),
        titrating=titrating,
    )


def _by_model(plan: CurvePlan, state: State, *, titrating: bool) -> Decision:
    dose = state.dose
    assert dose is not None
    bounds: list[Bound] = []
    if titrating:
        wanted = dose if state.dlts[dose] else dose + 1
        next_dose = _limited(wanted, plan.levels - 1, Bound.HIGHEST, bounds)
        next_dose = _limited(next_dose, dose if _held(plan, state) else next_dose, Bound.HOLD, bounds)
        next_dose = _limited(next_dose, _ceiling(plan, dose), Bound.CEILING, bounds)
        return Decision(next_dose, wanted=wanted, bounds=tuple(bounds), titrating=True)
    reading = read_model(plan, state.patients, state.dlts)
    choice = reading.choice
    if choice == NO_DOSE:
        return Decision(None, wanted=-1, reading=reading)
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
    return Decision(next_dose, wanted=choice, bounds=tuple(bounds), reading=reading)


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
    others = sum(state.patients) - state.patients[dose]
    tried = sum(n > 0 for n in state.patients)
    if plan.titration and state.patients[dose] == state.size + 1 and others == tried - 1:
        return state.patients[dose], state.dlts[dose]
    return state.size, state.toxic


def _holding(stops: tuple[Stop, ...], state: State, next_dose: int) -> tuple[Stop, ...]:
    """The rules that hold after a cohort."""
    return tuple(stop for stop in stops if all(_holds(part, state, next_dose) for part in stop.criteria))


def _holds(criterion: Criterion, state: State, next_dose: int) -> bool:
    holds = criterion.holds
    if criterion.place == ALL_DOSES:
        return bool(holds[0, sum(state.patients), sum(state.dlts)])
    counts = list(zip(state.patients, state.dlts, strict=True))
    if criterion.place == ANY_DOSE:
        return any(bool(holds[dose, n, y]) for dose, (n, y) in enumerate(counts))
    dose = next_dose if criterion.place == NEXT_DOSE else state.dose
    assert dose is not None
    return bool(holds[(dose, *counts[dose])]) and (criterion.place != SAME_DOSE or next_dose == state.dose)
