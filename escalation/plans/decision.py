"""Where one trial stands, what is decided there, and what bounded the decision."""

from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import NamedTuple

from escalation.kernels.codes import ALL_DOSES, ANY_DOSE, NEXT_DOSE, SAME_DOSE, SLACK, UNCHANGED
from escalation.plans.conduct import Belief, Conduct, Criterion, Stop
from escalation.plans.readings import Judgement


class Bound(Enum):
    """Why the next dose is another than the one that the table or the model asks for."""

    HIGHEST = auto()  # there is no higher dose
    LOWEST = auto()  # there is no lower dose
    CLOSED = auto()  # the dose above is eliminated
    CEILING = auto()  # so high a dose may not follow the last one
    CEILING_OF_TRIED = auto()  # so high a dose may not follow the highest that was given
    FLOOR = auto()  # so low a dose may not follow the last one
    COHERENCE_COHORT = auto()  # no escalation after a cohort with such a rate
    COHERENCE_DOSE = auto()  # no escalation at such a rate at the dose
    COHERENCE_RECENT = auto()  # no escalation after a cohort with a DLT
    ONE_UP = auto()  # one dose up at a time until the first DLT
    OVERDOSE = auto()  # the floor is, or a dose up to it, a probable overdose
    RULED_OUT = auto()  # those who conduct the trial have closed the dose
    HELD = auto()  # they let no higher dose follow


class Expanding(NamedTuple):
    """Where an expansion stands."""

    dose: int  # index of the RP2D
    patients: int  # of the expansion
    dlts: int
    reason: int  # why dose escalation ended
    rejected: bool = False  # for good


@dataclass(frozen=True)
class State:
    """Where a trial stands."""

    patients: tuple[int, ...]  # at each dose
    dlts: tuple[int, ...]
    dose: int | None = None  # index of the last cohort's; None before the first
    size: int = 0  # of the last cohort
    toxic: int = 0  # DLTs in it
    run: int = 0  # cohorts in a row at its dose, itself included, counted as far as a rule looks at them
    missing: int = 0  # patients that the last cohort still lacks
    expanding: Expanding | None = None  # once the expansion has begun
    responses: tuple[tuple[int, int], ...] | None = None  # at each dose, of patients without and with a DLT

    @property
    def treated(self) -> int:
        """Patients at all doses."""
        return sum(self.patients)

    @property
    def last_dose(self) -> int:
        """Index of the last cohort's dose, of which there is one."""
        assert self.dose is not None
        return self.dose


@dataclass(frozen=True)
class Decision:
    """What happens next."""

    next_dose: int | None  # index; None when the trial ends, or nothing is decided
    size: int = 0  # of the next cohort
    reason: int = 0  # why dose escalation or the trial ended, a key of REASON_NAMES; 0 while dose escalation goes on
    code: int | None = None  # what a decision table says
    bounds: tuple[Bound, ...] = ()
    stops: tuple[Stop, ...] = ()  # the rules that hold and give the reason
    titrating: bool = False  # whether it is the titration that decides
    judgement: Judgement | None = None  # what a model says
    tied: tuple[int, ...] = ()  # indices of equally desirable doses, of which one is next at random
    exploring: bool = False  # whether the next dose is one that is to be explored
    expanding: bool = False  # whether the next cohort is one of the expansion, or the trial ended in it
    completing: bool = False  # whether the next patients fill up the last cohort
    filled: tuple["Decision", ...] = ()  # where it is not full: the decision when it is, by the further DLTs
    foregone: bool = (
        False  # whether this is what follows because every way of filling it up leads down or ends the trial
    )

    @property
    def ends(self) -> bool:
        """Whether nobody more is treated."""
        return self.next_dose is None and self.reason != 0

    @property
    def is_open(self) -> bool:
        """Whether nothing is decided, because a table of the user's own has no row for the counts."""
        return self.next_dose is None and self.reason == 0


class Ruling(NamedTuple):
    """What those who conduct a trial have ruled for the next cohort."""

    closed_from: int | None = None  # index of the lowest dose that may not be given, nor any above
    stays: bool = False  # whether no dose above the last may follow

    def bound(self, state: State, decision: Decision) -> Decision:
        """The decision within the ruling; a model then chooses among what is left."""
        assert decision.next_dose is not None
        bounds = list(decision.bounds)
        allowed = decision.next_dose
        if self.closed_from is not None:
            allowed = limited(allowed, self.closed_from - 1, Bound.RULED_OUT, bounds)
        if self.stays and state.dose is not None:
            allowed = limited(allowed, state.dose, Bound.HELD, bounds)
        if allowed == decision.next_dose:
            return decision
        if decision.judgement is not None:
            allowed = decision.judgement.prefer(allowed)
        return replace(decision, next_dose=allowed, bounds=tuple(bounds))


def limited(dose: int, limit: int, bound: Bound, bounds: list[Bound]) -> int:
    """The dose, or a lower limit, which is then noted."""
    if limit >= dose:
        return dose
    bounds.append(bound)
    return limit


def last_cohort(conduct: Conduct, state: State) -> tuple[int, int]:
    """Patients and DLTs of the last cohort; the titrated patient is one of the cohort that filled up the dose."""
    dose = state.last_dose
    others = state.treated - state.patients[dose]
    tried = sum(n > 0 for n in state.patients)
    if conduct.titration and state.patients[dose] == state.size + 1 and others == tried - 1:
        return state.patients[dose], state.dlts[dose]
    return state.size, state.toxic


def run_after(conduct: Conduct, state: State, dose: int, *, completing: bool = False) -> int:
    """Cohorts in a row at a dose with the one that it gets now, which may complete the last."""
    filled_up = conduct.titration and dose == state.dose and max(state.patients) == 1
    if completing or filled_up:
        return state.run
    return min(state.run + 1 if dose == state.dose else 1, conduct.runs)


def holding(stops: tuple[Stop, ...], state: State, decision: Decision) -> tuple[Stop, ...]:
    """The rules that hold after a cohort, when the next would be as decided."""
    return tuple(stop for stop in stops if all(_holds(part, state, decision) for part in stop.criteria))


def _holds(criterion: Criterion | Belief, state: State, decision: Decision) -> bool:
    next_dose = decision.next_dose
    assert next_dose is not None
    if isinstance(criterion, Belief):
        assert decision.judgement is not None
        return bool(decision.judgement.believed[criterion][next_dose] >= criterion.at_least - SLACK)
    holds = criterion.holds
    if criterion.place == UNCHANGED:
        return next_dose == state.dose and bool(holds[0, state.run, 0])
    if criterion.place == ALL_DOSES:
        return bool(holds[0, state.treated, sum(state.dlts)])
    counts = list(zip(state.patients, state.dlts, strict=True))
    if criterion.place == ANY_DOSE:
        return any(bool(holds[dose, n, y]) for dose, (n, y) in enumerate(counts))
    dose = next_dose if criterion.place == NEXT_DOSE else state.last_dose
    return bool(holds[(dose, *counts[dose])]) and (criterion.place != SAME_DOSE or next_dose == state.dose)
