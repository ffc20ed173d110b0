"""How many states a trial can have at most, found without visiting them.

Under a table plan there is a bound. The doses of a trial's cohorts are a walk. Between two neighbouring doses it goes
down as often as up, but for one move up more when it started on the lower side and is now on the upper. The last move
from a dose below the present one was up, from a dose above it down. Under a table plan a move depends on the counts at
the dose it starts from alone. So whole rows of counts need not be tried: dose by dose, from the highest to the lowest,
count the cells whose own history can have made as many moves up as the dose above has made down.

It is an upper bound: not all histories that match at the borders fit together, and what happens at one dose when a rule
ends the trial at another is left out. For plain BOIN it is 6 % too high. There is no bound where a move or a stop
depends on several doses at once.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from escalation.engines.allowance import MostStates, memory
from escalation.errors import StateSpaceError
from escalation.kernels.codes import DE_ESCALATE, ELIMINATE, ESCALATE, NEXT_DOSE, SAME_DOSE
from escalation.plans.table import TablePlan

HORIZON = 64
"""The bound looks no further than this many cohorts: for more it would take longer than the enumeration."""

MOST_MATCHES = 4_000_000
"""Nor does it try more cells than this, which take some seconds: the enumeration then goes on to its limit."""

UNTRIED, UP, UP_WITH_ENOUGH, STAYED, DOWN, CLOSED, ENDED = range(7)
"""The last move from a dose. WITH_ENOUGH: if the dose above is closed, it is a stay at which the trial ends. ENDED: the
trial ended instead of a stay."""

_Moves = tuple[tuple[int, int], ...]
"""Moves from a dose in the possible histories of a cell: moves up, and as bits the moves down that go with them."""

_Cell = tuple[int, _Moves]
"""The last move, which the cell's own decision is, and all moves."""


def check_bound(plan: TablePlan, limit: MostStates) -> None:
    """Raise StateSpaceError where a bound on the states, of the first cohorts of a long trial, exceeds `limit`."""
    most = limit.states
    if not has_bound(plan) or _all_rows(plan) * (plan.levels + 1) <= most:
        return
    cohorts = HORIZON // 4
    while True:  # the first cohorts of a large trial alone may be too many
        patients = min(cohorts * plan.conduct.largest, plan.conduct.max_patients)
        bound = most_states(plan.conducted(max_patients=patients), most, MOST_MATCHES)
        if bound is None:
            return
        if bound > most:
            raise StateSpaceError(
                f"up to {bound:,.0f} states ({memory(bound * limit.size)})"
                f"{'' if patients == plan.conduct.max_patients else f' in the first {patients} patients'}, "
                f"{limit.advice}"
            )
        if patients == plan.conduct.max_patients or cohorts == HORIZON:
            return
        cohorts *= 2


def has_bound(plan: TablePlan) -> bool:
    """Whether each move, each size and each stop depends on the counts at one dose alone."""
    conduct = plan.conduct
    moves_alone = (conduct.ceiling is None or len(conduct.ceiling) == 1) and conduct.tried_ceiling is None
    return moves_alone and not conduct.sizes_by_trial and all(stop.is_single for stop in conduct.stops)


def _all_rows(plan: TablePlan) -> float:
    """Number of rows of counts with so many cohorts or fewer, whatever the decisions."""
    reach = plan.conduct.max_patients + plan.conduct.largest  # the last cohort may be smaller
    rows = np.ones(1)
    for dose in range(plan.levels):
        cells = np.zeros(reach + 1)
        for first in (0, 1) if plan.conduct.titration else (0,):
            patients = first
            while patients <= reach:
                cells[patients] = patients + 1
                patients += int(plan.conduct.sizes[dose, min(patients, plan.conduct.max_patients)])
        rows = np.convolve(rows, cells)[: reach + 1]
    return float(rows.sum())


def most_states(plan: TablePlan, limit: float = np.inf, most_matches: float = np.inf) -> float | None:
    """An upper bound on the states that the trials of a plan can have, endings included.

    A float: large trials have more than any integer type holds. Under titration not completed once it exceeds `limit`.
    None where more than `most_matches` cells would have to be tried.
    """
    if not plan.conduct.titration:
        return _most_rows(plan, plan.conduct.start, plan.conduct.max_patients, most_matches)
    # Titration ends at some dose, with one patient at each dose before it; three states lead through each dose.
    bound = 0.0
    for dose in range(plan.conduct.start, plan.levels):
        patients = plan.conduct.max_patients - (dose - plan.conduct.start)
        if patients > 0 and bound <= limit:
            rows = _most_rows(plan, dose, patients, most_matches)
            if rows is None:
                return None
            bound += 3 + rows
    return bound


def _most_rows(plan: TablePlan, start: int, most: int, most_matches: float) -> float | None:
    """Bound for trials of `most` patients from dose `start` on, after titration there if there was any below."""
    # By what a dose needs to know of the doses above: whether the present dose is among them, whether the one next
    # above is closed, and how many moves down that has made (as bits); how many rows of these there are, by patients.
    rows: dict[tuple[bool, bool, int], NDArray[np.float64]] = {(False, False, 1): np.eye(1, most + 1)[0]}
    for dose in range(plan.levels - 1, -1, -1):
        alone = plan.conduct.titration and plan.conduct.start <= dose < start
        cells = _cells(plan, dose, 1 if alone else 0, most)
        most_matches -= len(rows) * len(cells)
        if most_matches < 0:
            return None
        below: dict[tuple[bool, bool, int], NDArray[np.float64]] = defaultdict(lambda: np.zeros(most + 1))
        for (present_above, closed, downs), counts in rows.items():
            room = most - np.flatnonzero(counts)[0]
            for (patients, cell), cells_alike in cells.items():
                if patients > room:
                    break  # the cells come by patients
                for key, reached in _matches(cell, present_above, closed, downs, dose < start):
                    if reached:
                        below[*key, reached][patients:] += cells_alike * counts[: most + 1 - patients]
        rows = below
    # Where the present dose is not among the doses, the trial has ended: the lowest dose was closed.
    ended_or_present = [counts for (present_above, closed, _), counts in rows.items() if present_above or closed]
    by_patients = np.sum(ended_or_present, axis=0)
    # A smaller last cohort: every state before it, with each number of DLTs.
    left = np.arange(most, -1, -1)
    last = (left > 0) & (left < plan.conduct.largest)
    return float(by_patients.sum() + (by_patients * (left + 1))[last].sum())


def _cells(plan: TablePlan, dose: int, before: int, most: int) -> Counter[tuple[int, _Cell]]:
    """How many cells of a dose have the same number of patients and the same possible histories.

    `before` patients, without DLTs and not counted, are there before the first cohort.
    """
    closed, enough = _holding(plan, NEXT_DOSE, dose), _holding(plan, SAME_DOSE, dose)
    patients = before
    untried: _Cell = (UNTRIED, ((0, 1),))
    at_y = {0: untried}
    found = Counter({(0, untried): 1})
    while True:
        size = int(plan.conduct.sizes[dose, patients])
        patients += size
        if patients - before > most:
            return found
        moves_before: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        for dlts, (last, moves) in at_y.items():
            if last in (CLOSED, ENDED) or closed[patients - size, dlts]:
                continue
            for toxic in range(size + 1):
                for ups, downs in moves:
                    moves_before[dlts + toxic][ups] |= downs
        if not moves_before:
            return found
        at_y = {}
        for dlts, history in moves_before.items():
            last, up, down = _move(plan, dose, patients, dlts, bool(enough[patients, dlts]))
            at_y[dlts] = last, tuple(sorted((ups + up, downs << down) for ups, downs in history.items()))
            found[patients - before, at_y[dlts]] += 1


def _holding(plan: TablePlan, place: int, dose: int) -> NDArray[np.bool_]:
    """Cells of a dose at which a rule of this place ends the trial, bool[N + 1, N + 1]."""
    holds = np.zeros(plan.codes.shape[1:], np.bool_)
    for stop in plan.conduct.stops:
        if stop.counts[0].place == place:
            holds |= stop.counts[0].holds[dose]
    return holds


def _move(plan: TablePlan, dose: int, patients: int, dlts: int, enough: bool) -> tuple[int, int, int]:
    """What the decision at a cell means: the kind of move, moves up, moves down."""
    code = plan.codes[dose, patients, dlts]
    ceiling = plan.levels - 1 if plan.conduct.ceiling is None else plan.conduct.ceiling[0, dose]
    if code == ELIMINATE:
        return CLOSED, 0, 1
    if code == ESCALATE and dose < ceiling:
        return UP_WITH_ENOUGH if enough else UP, 1, 0
    if code == DE_ESCALATE and dose > 0:
        return DOWN, 0, 1
    return ENDED if enough else STAYED, 0, 0


def _matches(
    cell: _Cell, present_above: bool, closed: bool, downs: int, started_above: bool
) -> Iterator[tuple[tuple[bool, bool], int]]:
    """Ways in which a cell fits the doses above: what each tells the doses below, and the moves down as bits.

    The dose can be below the present dose, or the present dose, or above it, which it may have closed. What it tells is
    whether the present dose is here or above, and whether this dose is closed. Without bits, the way is none.
    """
    last, moves = cell
    exactly = more = 0  # moves down with as many moves up as the dose above needs, and with more
    for ups, with_downs in moves:
        needed = ups - present_above + started_above
        if needed >= 0:
            exactly |= with_downs if downs >> needed & 1 else 0
            more |= with_downs if downs & ((1 << needed) - 1) else 0

    # Once the dose above is closed, further moves up are stays; with enough patients, the trial ends at the first.
    if closed and last == UP_WITH_ENOUGH:
        yield (True, False), exactly
        yield (True, False), more
        return
    reached = exactly | more if closed else exactly
    if present_above:
        parts = [(True, False)] * (last in (UNTRIED, UP, UP_WITH_ENOUGH))
    else:
        parts = [(False, True)] if last == CLOSED else [(True, False)]
        parts += [(False, False)] * (last in (UNTRIED, DOWN))
    for part in parts:
        yield part, reached
