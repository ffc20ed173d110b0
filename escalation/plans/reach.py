"""Which doses a trial can come to under a plan, without enumerating it.

A dose can be reached when some outcomes lead there. Courses are followed from the ones with the fewest DLTs on, and, to
doses below the first, from those with the most; what is found so is certain. That a dose cannot be reached is certain
when no course is left, or when a bound says so: of a table plan the patients that it takes to leave each dose on the
way, of a curve plan whose curves are ordered the course without any DLT (see `CurvePlan.is_ordered`).
"""

from dataclasses import dataclass, replace
from heapq import heappop, heappush
from itertools import count

import numpy as np

from escalation.kernels.codes import ALL_DOSES, DOSE_TOO_TOXIC, MAX_PATIENTS, RANK, RULE_COMPLETE, TOO_TOXIC, UNDECIDED
from escalation.plans.decision import Decision, Ruling, State, holding, run_after
from escalation.plans.plan import Plan

NO_RULING = Ruling()


@dataclass(frozen=True, eq=False)
class End:
    """Where the course without any DLT, or with nothing else, ended."""

    state: State
    highest: int  # index of the highest dose that was given
    wanted: Decision  # what the plan alone asked for in the end
    decision: Decision  # what was decided, stops and the number of patients included


@dataclass(frozen=True, eq=False)
class Reach:
    """Doses that the plan was not found to give, by index, and why not; the doses of a side share an end."""

    above: tuple[int, ...]  # the start dose
    below: tuple[int, ...]
    end: End  # of the course without a DLT
    proven_above: bool  # that no trial gives them; if not, that no trial without any DLT does
    proven_below: bool


def reach(plan: Plan) -> Reach | None:
    """Doses that no trial is found to come to; None when all can be reached, or too much would have to be looked at."""
    levels, start = plan.levels, plan.conduct.start
    if plan.most_decisions < levels - start:
        return None
    up = _searched(plan, toxic=False)
    if up is None:
        return None
    given, exhausted, end = up
    missing = set(range(levels)) - given
    if any(dose < start for dose in missing) and not exhausted:
        down = _searched(plan, toxic=True)
        if down is not None:
            missing -= down[0]
            exhausted = exhausted or down[1]
    above = tuple(sorted(dose for dose in missing if dose > start))
    below = tuple(sorted(dose for dose in missing if dose < start))
    if not above and not below:
        return None
    return Reach(
        above,
        below,
        end,
        bool(above) and (exhausted or plan.never_rises_to(above[0], _most_patients(plan))),
        bool(below) and (exhausted or plan.never_falls_to(below[-1], _most_patients(plan))),
    )


def _searched(plan: Plan, *, toxic: bool) -> tuple[set[int], bool, End] | None:
    """The doses that are given, whether all courses were followed, and the end of the first; None without an end."""
    order = count()
    begin = State((0,) * plan.levels, (0,) * plan.levels)
    queue = [(0, 0, next(order), begin)]
    seen = {begin}
    given: set[int] = set()
    end: End | None = None
    asked = 0
    while queue and asked < plan.most_decisions:
        off, _, _, state = heappop(queue)
        wanted, decision = escalated(plan, state)
        asked += 1
        if decision.next_dose is None:
            end = End(state, max(given), wanted, decision) if end is None else end
            continue
        given.add(decision.next_dose)
        if len(given) == plan.levels:
            return given, False, end or End(state, max(given), wanted, decision)
        for dlts in range(decision.size + 1):
            child = after(plan, state, decision, dlts)
            if child not in seen:
                seen.add(child)
                cost = off + (decision.size - dlts if toxic else dlts)
                # Of equally favourable courses the one that has come farthest.
                heappush(queue, (cost, -child.treated, next(order), child))
    return None if end is None else (given, not queue, end)


def _most_patients(plan: Plan) -> int:
    """Patients at which every trial has ended."""
    most = plan.conduct.max_patients
    for stop in plan.conduct.stops:
        if all(part.place == ALL_DOSES for part in stop.criteria):
            holds = np.logical_and.reduce([part.holds[0] for part in stop.counts])
            always = [n for n in range(1, most + 1) if holds[n, : n + 1].all()]
            most = min([most, *always])
    return most


def after(plan: Plan, state: State, decision: Decision, dlts: int) -> State:
    """Where dose escalation stands when the cohort that was decided on has had so many DLTs."""
    assert decision.next_dose is not None
    patients, toxic, dose = list(state.patients), list(state.dlts), decision.next_dose
    patients[dose] += decision.size
    toxic[dose] += dlts
    return State(tuple(patients), tuple(toxic), dose, decision.size, dlts, run_after(plan.conduct, state, dose))


def escalated(plan: Plan, state: State, ruling: Ruling = NO_RULING) -> tuple[Decision, Decision]:
    """What the plan alone asks for, and what dose escalation decides within a ruling."""
    conduct = plan.conduct
    if state.dose is None:
        first = ruling.bound(state, Decision(conduct.start, titrating=conduct.titration))
        assert first.next_dose is not None
        return first, on(plan, first.next_dose, state, first)
    full = state.treated >= conduct.max_patients
    titrating = plan.titrates(state.patients)
    wanted = plan.decide(state, titrating=titrating)
    if wanted.next_dose is None:
        undecided = wanted.code == UNDECIDED
        return wanted, replace(wanted, reason=MAX_PATIENTS if full else 0 if undecided else TOO_TOXIC)
    stops = () if titrating else holding(conduct.stops, state, wanted)
    reason = min((stop.reason for stop in stops), key=RANK.__getitem__, default=0)
    if full and reason != RULE_COMPLETE:
        # Those that then recommend no dose, or one below.
        toxic = tuple(stop for stop in stops if stop.reason == reason and reason in (TOO_TOXIC, DOSE_TOO_TOXIC))
        return wanted, replace(wanted, next_dose=None, reason=MAX_PATIENTS, stops=toxic)
    if reason:
        given = tuple(stop for stop in stops if stop.reason == reason)
        return wanted, replace(wanted, next_dose=None, reason=reason, stops=given)
    allowed = ruling.bound(state, wanted)
    assert allowed.next_dose is not None
    return wanted, on(plan, allowed.next_dose, state, allowed)


def on(plan: Plan, dose: int, state: State, decision: Decision) -> Decision:
    """The decision, with the size of the next cohort."""
    conduct = plan.conduct
    size = conduct.size(dose, state.patients, state.dlts)
    if plan.titrates(state.patients):
        size = int(conduct.sizes[dose, 0]) - 1 if state.patients[dose] else 1
    return replace(decision, next_dose=dose, size=min(size, conduct.max_patients - state.treated))
