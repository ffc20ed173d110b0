"""A running trial: from its data to where it stands under a design.

Known cohort by cohort, a trial is followed from its first cohort on, and where it departed from the design is noted.
Known as counts, it is searched for among the courses that the design can take.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from escalation.designs import Design
from escalation.errors import DesignError, OutcomesError
from escalation.kernels.codes import REASON_NAMES
from escalation.plans.decision import Decision, State
from escalation.running.decider import Decider, decider_of
from escalation.trial.data import Cohort, InterimData
from escalation.trial.trial import Trial

MOST_SEARCHED = 50_000
"""States among which counts are looked for: some seconds."""


DEPENDS_ON_DAYS = "which dose follows depends on the days on which outcomes become known"
"""Of a late-onset design."""

_NO_PATHS = (
    "{design}: pending: "
    + DEPENDS_ON_DAYS
    + ", which no path of complete data has; ask `next` as the trial goes on, or "
    'look at kind = "{waits}", the design that waits'
)


@dataclass(frozen=True, eq=False)
class Standing:
    """Where a running trial stands."""

    decider: Decider
    state: State
    decision: Decision
    departures: tuple[str, ...]  # where the data are not what the design would have done


def standing(design: Design, trial: Trial, data: InterimData) -> Standing:
    """Where a trial stands with these data.

    Raises DesignError where the design does not fit the trial, or decides while patients are pending; OutcomesError for
    data of another number of dose levels, with patients pending, or that leave open what the design looks at.
    """
    if design.is_late_onset:
        raise DesignError(_NO_PATHS.format(design=design.kind, waits=design.waiting.kind))
    if any(data.pending):
        raise OutcomesError(
            f"outcomes: {_patients(sum(data.pending))} pending: how the trial goes on depends on outcomes that are not "
            "known, and on when they will be; `next` shows the decision under each"
        )
    return stand(decider_for(design, trial, data), data)


def decider_for(design: Design, trial: Trial, data: InterimData) -> Decider:
    """The design compiled for a trial with these data; raises as `standing` does."""
    if len(data.patients) != trial.levels:
        raise OutcomesError(f"outcomes: {len(data.patients)} dose levels, but the trial has {trial.levels}")
    return decider_of(design, trial, treated=data.treated)


def stand(decider: Decider, data: InterimData, *, ruled: Decider | None = None) -> Standing:
    """Where a trial stands with data of which nothing is pending.

    `ruled` decides on what comes next in place of the decider, who followed the trial so far.
    """
    most = decider.trial.most_patients
    departures = [too_many(data.treated, most)] * (data.treated > most)
    if data.cohorts is not None:
        state, found = _followed(decider, data.cohorts)
    else:
        state, found = _searched(decider, data)
    return Standing(decider, state, (ruled or decider).decide(state), (*departures, *found))


def too_many(treated: int, most: int) -> str:
    """That more patients were treated than the trial has."""
    return f"{treated} patients were treated; the trial has at most {most}"


def _followed(decider: Decider, cohorts: Iterable[Cohort]) -> tuple[State, list[str]]:
    """The trial cohort by cohort, and where it departed from the design."""
    state, departures, short = decider.start, list[str](), ""
    closed: dict[int, str] = {}  # since which cohort a dose is eliminated
    for name, cohort, decision, after in _whole(decider, cohorts):
        if short:  # of which nothing is said while the cohort is the last
            departures.append(short)
        departure = _departing(decider.trial, decision, cohort)
        said = f"{name} ({cohort.written(decider.trial.labels)})"
        begun = bool(after.missing) and decision.next_dose == cohort.dose - 1
        short = f"{said}: {departure}" if departure and begun else ""
        if departure and not begun:
            departures.append(f"{said}: {departure}")
        state = after
        for level in range(_lowest_eliminated(decider, state) + 1, decider.trial.levels + 1):
            closed.setdefault(level, name)
    lifted = [level for level in closed if level <= _lowest_eliminated(decider, state)]
    if lifted:
        departures.append(
            f"{decider.trial.at_level(lifted[0] - 1)} was eliminated after {closed[lifted[0]]}; by the numbers there "
            "now it is not, and these decide"
        )
    return state, departures


def _lowest_eliminated(decider: Decider, state: State) -> int:
    """Index of the lowest dose that its counts eliminate, or the rule of an expansion; the number of doses for none."""
    if decider.plan.table is None and state.expanding is None:
        return decider.plan.lowest_eliminated(state)
    return [*decider.closed(state), True].index(True)


def _whole(decider: Decider, cohorts: Iterable[Cohort]) -> Iterator[tuple[str, Cohort, Decision, State]]:
    """Each cohort with its name, the decision before and the state after; one that fills up another is part of it."""
    state, given, following = decider.start, list(cohorts), 0
    while following < len(given):
        first, whole = following, given[following]
        decision = decider.decide(state)
        after = decider.treated(state, decision, whole.dose - 1, whole.patients, whole.dlts)
        following += 1
        while after.missing and following < len(given) and given[following].dose == whole.dose:
            whole = whole.filled_by(given[following])
            after = decider.treated(state, decision, whole.dose - 1, whole.patients, whole.dlts)
            following += 1
        if not whole.patients:  # nobody who can be evaluated: the trial stands where it stood
            after = state
        name = f"cohort {following}" if following == first + 1 else f"cohorts {first + 1} to {following}"
        yield name, whole, decision, after
        state = after


def _departing(trial: Trial, decision: Decision, cohort: Cohort) -> str | None:
    """What the design would have done instead of a cohort; None where it did the same."""
    if decision.is_open:
        return "the table decides nothing before it"
    if decision.next_dose is None:
        return f"the design ends the trial before it, {_reason(decision)}"
    if decision.next_dose != cohort.dose - 1:
        return f"the design gives {trial.at_level(decision.next_dose)}, not {trial.level_names[cohort.dose - 1]}"
    return None if cohort.patients in (0, decision.size) else f"the design treats {_patients(decision.size)}"


def _searched(decider: Decider, data: InterimData) -> tuple[State, list[str]]:
    """The state that counts stand for, and what is known of how the design came there."""
    if decider.plan.looks_at_cohort and data.last_cohort is None:
        raise OutcomesError(
            "last cohort: needed, because this design does not escalate after a cohort with too many DLTs; "
            "give its patients and DLTs, or the outcomes cohort by cohort"
        )
    reached, farthest, complete = _search(decider, data)
    states = sorted((state for state in reached if _fits(state, data)), key=lambda state: state.dose or 0)
    if not states or not complete:
        if decider.plan.conduct.runs > 1:
            raise OutcomesError(
                "outcomes: needed cohort by cohort, because the design looks at how many cohorts in a row had a dose"
            )
        return _as_given(decider, data), [_departure(decider, data, farthest, complete=complete)]
    decisions = map(decider.decide, states)
    if len({(decision.next_dose, decision.size, decision.reason) for decision in decisions}) > 1:
        doses = sorted({state.dose for state in states if state.dose is not None})
        names = decider.trial.level_names
        if len(doses) > 1:
            raise OutcomesError(
                f"dose of the last cohort: needed; it may have been dose level {_or(names[dose] for dose in doses)}, "
                "and the design decides differently"
            )
        raise OutcomesError(
            "outcomes: these counts can have come about in ways that the design decides differently; "
            "give the outcomes cohort by cohort"
        )
    return states[0], []


def _search(decider: Decider, data: InterimData) -> tuple[list[State], State, bool]:
    """States with these counts that the design can reach; the state that comes closest; whether all were looked at."""
    # Dictionaries, because the order of a set may differ from run to run.
    living, farthest, visited = {decider.start: None}, decider.start, 0
    found: list[State] = []
    while living:
        visited += len(living)
        if visited > MOST_SEARCHED:
            return found, farthest, False
        reached: dict[State, None] = {}
        for state in living:
            if state.patients == data.patients:
                if state.dlts == data.dlts:
                    found.append(state)
                continue
            if state.treated > farthest.treated:
                farthest = state
            decision = decider.decide(state)
            if decision.next_dose is not None:
                children = [decider.after(state, decision, dlts) for dlts in range(decision.size + 1)]
                reached |= {child: None for child in children if _within(child, data)}
                found += _begun(decider, state, decision, data)
        living = reached
    return found, farthest, True


def _begun(decider: Decider, state: State, decision: Decision, data: InterimData) -> Iterator[State]:
    """The state with these counts if they are those of a state and the first patients of the cohort that follows it."""
    dose = decision.next_dose
    assert dose is not None
    added = [n - before for n, before in zip(data.patients, state.patients, strict=True)]
    toxic = [y - before for y, before in zip(data.dlts, state.dlts, strict=True)]
    size, more = added.pop(dose), toxic.pop(dose)
    if 0 < size < decision.size and 0 <= more <= size and not any(added) and not any(toxic):
        yield decider.treated(state, decision, dose, size, more)


def _within(state: State, data: InterimData) -> bool:
    """Whether more patients can lead from a state to the data."""
    left = zip(state.patients, state.dlts, data.patients, data.dlts, strict=True)
    return all(n <= n_end and y <= y_end and y_end - y <= n_end - n for n, y, n_end, y_end in left)


def _fits(state: State, data: InterimData) -> bool:
    """Whether a state's last cohort is that of the data, as far as it is known."""
    if data.dose is not None and state.dose != data.dose - 1:
        return False
    return data.last_cohort is None or (state.size, state.toxic) == data.last_cohort


def _as_given(decider: Decider, data: InterimData) -> State:
    """The state of data that the design does not lead to."""
    tried = [dose for dose in range(1, len(data.patients) + 1) if data.may_have_ended_at(dose)]
    if data.dose is None and len(tried) > 1:
        names = [decider.trial.level_names[dose - 1] for dose in tried]
        raise OutcomesError(f"dose of the last cohort: needed; it may have been dose level {_or(names)}")
    dose = (tried[0] if data.dose is None else data.dose) - 1
    size, toxic = data.last_cohort or (data.patients[dose], data.dlts[dose])
    # Before the last cohort; of a dose whose patients may be several cohorts all are taken for the last.
    patients, dlts = list(data.patients), list(data.dlts)
    patients[dose] -= size
    dlts[dose] -= toxic
    before = State(tuple(patients), tuple(dlts))
    return decider.treated(before, Decision(None), dose, size, toxic)


def _departure(decider: Decider, data: InterimData, farthest: State, *, complete: bool) -> str:
    if not complete:
        return "whether the design can lead to these counts was not found out: there are too many ways to them"
    last = " with this last cohort" if data.dose is not None or data.last_cohort is not None else ""
    decision = decider.decide(farthest)
    then = "ends the trial" if decision.next_dose is None else f"gives {decider.trial.at_level(decision.next_dose)}"
    counts = ", ".join(
        f"{y} of {n} at {decider.trial.at_level(dose)}"
        for dose, (n, y) in enumerate(zip(farthest.patients, farthest.dlts, strict=True))
        if n
    )
    begins = f"after DLTs in {counts} it {then}" if counts else f"it {then} first"
    return f"the design does not lead to these counts{last}: {begins}"


def _reason(decision: Decision) -> str:
    return REASON_NAMES[decision.reason].replace("_", " ")


def _patients(number: int) -> str:
    return f"{number} patient" if number == 1 else f"{number} patients"


def _or(names: Iterable[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} or {last}"
