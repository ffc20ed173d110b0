"""The exact engine: every way a trial can end, with the number of patient sequences that lead there.

Decisions depend on the data through the counts at each dose (and, for some rules, the last cohort), so that all paths
that reach the same counts and the same next dose go on alike and are merged. Breadth first over cohorts, a state's
weight is the number of patient sequences that reach it. None of this depends on the truth; see `endings`.
"""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import special

from escalation.engines.allowance import Allowance, MostStates, too_many
from escalation.engines.bound import check_bound
from escalation.engines.endings import Enumeration
from escalation.engines.expansion import endings_after
from escalation.engines.outcomes import refuse_undecided, reject_too_toxic
from escalation.engines.packing import packed, packing_of
from escalation.engines.timing import Timing
from escalation.errors import StateSpaceError
from escalation.kernels.codes import EXPANSION_STOPPED, NO_DOSE
from escalation.kernels.exact_states import merge_children, next_sizes, unpack
from escalation.kernels.layout import Children, Packing, StateArrays
from escalation.numbers import cells_of
from escalation.plans.expansion import ExpansionPlan
from escalation.plans.plan import Plan
from escalation.plans.start import Start

UNCHECKED = 5_000_000
"""States that are visited before a bound on all is worked out: it would take most of the time of small trials."""


def enumerate_endings(start: Start, allowance: Allowance) -> Enumeration:
    """Every ending from a start; raises DesignError and StateSpaceError as `exact` does."""
    limit = allowance.most_states(start.plan)
    return enumerated(start, cohort_by_cohort(start, limit), limit)


def enumerated(start: Start, cohorts: Iterable[tuple[StateArrays, StateArrays]], limit: MostStates) -> Enumeration:
    """Every ending, from the states after each cohort of dose escalation, not looked at when that has ended.

    Raises StateSpaceError where with an expansion there are more than `limit` states.
    """
    endings = _ended(start) if start.has_escalated else escalated(start, cohorts)
    return endings if start.expansion is None else with_expansion(endings, start.plan, start.expansion, limit)


def escalated(start: Start, cohorts: Iterable[tuple[StateArrays, StateArrays]]) -> Enumeration:
    """Every ending of dose escalation."""
    plan, trial = start.plan, start.trial
    visited, parts = 1, []
    for living, endings in cohorts:
        visited += len(living.rows) + len(endings.rows)
        parts.append(endings)
    rows, reason, sequences, choices = (np.concatenate(part) for part in zip(*parts, strict=True))
    patients, dlts = np.empty((2, len(rows), trial.levels), np.int16)
    unpack(packing_of(trial.levels, trial.max_patients), rows, cells_of(trial.max_patients), patients, dlts)
    reason = reason.astype(np.int8)
    refuse_undecided(patients, dlts, reason)
    recommended = plan.recommend(patients, dlts, choices)
    reject_too_toxic(plan, patients, dlts, recommended, reason)
    return Enumeration(trial, patients, dlts, recommended, None, reason, sequences, visited, start.data)


def cohort_by_cohort(
    start: Start, limit: MostStates, timing: Timing | None = None
) -> Iterator[tuple[StateArrays, StateArrays]]:
    """The states that go on and those that have ended, after each cohort.

    `timing` of a trial before its first patient goes along. Raises StateSpaceError where there are more than `limit` in
    all.
    """
    if start.pending is not None:
        raise StateSpaceError("late-onset: what is known when a dose is decided on depends on days")
    plan, trial = start.plan, start.trial
    cells, packing = cells_of(trial.max_patients), packing_of(trial.levels, trial.max_patients)
    conduct, settle = plan.conduct.arrays(plan.levels), plan.settler(packing, cells)
    living = _states(1, packing)
    runs, first = plan.conduct.runs, plan.conduct.start
    first = first * runs + min(plan.conduct.run, runs - 1)
    living.rows[:], living.columns[:], living.sequences[:] = packed(packing, *start.counts), first, 1
    visited = 1
    bounded = plan.table if start.data is None else None  # until its bound has been looked at
    allowed = limit.states if bounded is None else min(limit.states, UNCHECKED)
    while len(living.rows):
        sizes, doses = np.empty(len(living.rows), np.int16), living.columns // runs
        treated = next_sizes(conduct, packing, living.rows, doses, cells, sizes)
        children = children_of(packing, living.rows, doses, sizes, cells, allowed - visited)
        if children is None and bounded is not None:
            check_bound(bounded, limit)
            bounded, allowed = None, limit.states
            children = children_of(packing, living.rows, doses, sizes, cells, allowed - visited)
        if children is None:
            raise too_many(plan, limit, treated)
        ways = children if timing is None else children._replace(parents=children.parents.copy())
        room = len(children.parents)
        going_on, ended = _states(room, packing), _states(room, packing)
        alive, over = settle(living, sizes, children, going_on, ended)
        if timing is not None:
            timing.follow(living, sizes, ways, children.parents, (alive, over))
        living, endings = _first(going_on, alive), _first(ended, over)
        if visited == 1 and start.begun[0] > 0:
            living, endings = (_with_begun(start, int(sizes[0]), packing, states) for states in (living, endings))
        visited += len(living.rows) + len(endings.rows)
        if visited > limit.states:
            if bounded is not None:
                check_bound(bounded, limit)
            raise too_many(plan, limit, treated)
        yield living, endings


def _with_begun(start: Start, size: int, packing: Packing, states: StateArrays) -> StateArrays:
    """Of the states after the first cohort those that patients treated already leave possible, and the ways to them."""
    patients, dlts = np.empty((2, len(states.rows), start.trial.levels), np.int16)
    unpack(packing, states.rows, cells_of(start.trial.max_patients), patients, dlts)
    dose, (begun, known) = start.plan.conduct.start, start.begun
    toxic = dlts[:, dose] - start.counts[1, dose]
    ways = special.comb(size - begun, toxic - known) / special.comb(size, toxic)
    kept = ways > 0
    return StateArrays(states.rows[kept], states.columns[kept], (states.sequences * ways)[kept], states.choices[kept])


def _ended(start: Start) -> Enumeration:
    """Dose escalation that has ended already: the one ending that it has."""
    patients, dlts = start.counts[:, None].astype(np.int16)
    recommended, declared = np.array([[start.recommended], [start.declared]], np.int16)
    known = None if start.trial.expansion is None else declared
    reason = np.array([start.reason], np.int8)
    return Enumeration(start.trial, patients, dlts, recommended, known, reason, np.ones(1), 1, start.data)


def with_expansion(endings: Enumeration, plan: Plan, expansion: ExpansionPlan, limit: MostStates) -> Enumeration:
    """Every ending after the expansion."""
    trial, visited = endings.trial, endings.states
    after = endings_after(expansion, endings.patients, endings.dlts, endings.recommended, limit.states - visited)
    if after is None:
        assert trial.expansion is not None
        raise too_many(plan, limit, trial.max_patients, f" and an expansion of {trial.expansion.patients}")
    before = after.before
    patients, dlts, declared = endings.patients[before], endings.dlts[before], endings.recommended[before]
    row = np.arange(len(before))
    patients[row, declared] += after.patients  # none where no dose was declared
    dlts[row, declared] += after.dlts
    return Enumeration(
        trial=trial,
        patients=patients,
        dlts=dlts,
        recommended=np.where(after.rejected, np.int16(NO_DOSE), declared),
        declared=declared,
        reason=np.where(after.rejected & after.early, np.int8(EXPANSION_STOPPED), endings.reason[before]),
        sequences=endings.sequences[before] * after.sequences,
        states=visited + len(before),
        after=endings.after,
    )


def children_of(
    packing: Packing,
    rows: NDArray[np.uint64],
    doses: NDArray[np.int16],
    sizes: NDArray[np.int16],
    cells: NDArray[np.int16],
    limit: int,
) -> Children | None:
    """The children of living states, by their next dose and its size; None when more than `limit` counts differ."""
    ways = int(sizes.sum()) + len(sizes)
    room = min(ways, max(limit, 0))
    children = Children(
        np.empty((room, rows.shape[1]), np.uint64),
        np.empty(room + 1, np.int64),
        np.empty(ways, np.int32),
        np.empty(ways, np.int8),
    )
    count = merge_children(packing, rows, doses, sizes, cells, children)
    if count < 0:
        return None
    return children._replace(rows=children.rows[:count], starts=children.starts[: count + 1])


def _states(room: int, packing: Packing) -> StateArrays:
    """Room for states; memory that is not written to is not taken."""
    words = packing.words[-1] + 1
    return StateArrays(
        np.empty((room, words), np.uint64), np.empty(room, np.int16), np.empty(room), np.empty(room, np.int8)
    )


def _first(states: StateArrays, count: int) -> StateArrays:
    return StateArrays(states.rows[:count], states.columns[:count], states.sequences[:count], states.choices[:count])
