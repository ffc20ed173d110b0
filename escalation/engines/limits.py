"""How many states the exact engine may visit, and how many a trial can have at most, found without visiting them.

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

from escalation.errors import DesignError, StateSpaceError
from escalation.kernels.codes import DE_ESCALATE, ELIMINATE, ESCALATE, NEXT_DOSE, SAME_DOSE
from escalation.memory import machine_memory
from escalation.numbers import is_whole
from escalation.plans.plan import Plan
from escalation.plans.table import TablePlan

MOST_STATES = 50_000_000
"""No more states than this are visited unless the caller allows it: they would take a quarter to one minute."""

MOST_SECONDS = 30.0
"""Nor are states visited for longer than about this unless the caller allows more of them: a model takes its time."""

MEMORY_SHARE = 0.5
"""Share of the memory that there is to use, which the exact engine may use unless the caller allows more."""

HORIZON = 64
"""The bound looks no further than this many cohorts: for more it would take longer than the enumeration."""

UNTRIED, UP, UP_WITH_ENOUGH, STAYED, DOWN, CLOSED, ENDED = range(7)
"""The last move from a dose. WITH_ENOUGH: if the dose above is closed, it is a stay at which the trial ends. ENDED: the
trial ended instead of a stay."""

_Moves = tuple[tuple[int, int], ...]
"""Moves from a dose in the possible histories of a cell: moves up, and as bits the moves down that go with them."""

_Cell = tuple[int, _Moves]
"""The last move, which the cell's own decision is, and all moves."""


def default_max_states(plan: Plan) -> int:
    """States that may be visited unless the caller says otherwise."""
    in_memory = int(MEMORY_SHARE * machine_memory() / state_bytes(plan))
    return min(MOST_STATES, in_memory, int(MOST_SECONDS / plan.seconds_per_state))


def states_allowed(plan: Plan, max_states: int | None) -> int:
    """How many states may be visited, None asking for the default; DesignError for what is no number from 1."""
    limit = default_max_states(plan) if max_states is None else max_states
    if not is_whole(limit) or limit < 1:
        raise DesignError(f"max_states: {max_states!r} should be a whole number, at least 1")
    return limit


def state_bytes(plan: Plan) -> int:
    """Memory that a state takes, at most."""
    row = 8 * words_per_row(plan.levels, plan.conduct.max_patients)
    ending = 2 * (row + 2 + 8 + 1) + 8 * plan.levels + 2  # held twice while the cohorts' parts are joined
    living = row + 2 + 8 + 1 + 2 + 2 + 4 + (plan.conduct.largest + 1) * (4 + 1)
    return max(ending, living) + row + 8  # and the row it came from


def bits_per_cell(max_patients: int) -> int:
    """Bits for a cell number; no cell has all of them set."""
    return ((max_patients + 1) * (max_patients + 2) // 2).bit_length()


def cells_per_word(max_patients: int) -> int:
    """Cell numbers that fit into 64 bits."""
    return 64 // bits_per_cell(max_patients)


def words_per_row(levels: int, max_patients: int) -> int:
    """64-bit words for the cells of all doses."""
    return -(-levels // cells_per_word(max_patients))


def check_bound(plan: TablePlan, limit: int) -> None:
    """Raise StateSpaceError where a bound on the states, of the first cohorts of a long trial, exceeds `limit`."""
    if not has_bound(plan) or _all_rows(plan) * (plan.levels + 1) <= limit:
        return
    cohorts = HORIZON // 4
    while True:  # the first cohorts of a large trial alone may be too many
        patients = min(cohorts * plan.conduct.largest, plan.conduct.max_patients)
        bound = most_states(plan.conducted(max_patients=patients), limit)
        if bound > limit:
            raise StateSpaceError(
                f"up to {bound:,.0f} states ({_memory(bound, plan)})"
                f"{'' if patients == plan.conduct.max_patients else f' in the first {patients} patients'}, "
                f"{_advice(limit, plan)}"
            )
        if patients == plan.conduct.max_patients or cohorts == HORIZON:
            return
        cohorts *= 2


def check_memory(plan: Plan) -> None:
    """Raise StateSpaceError where a plan's own numbers would take too much memory."""
    if plan.exact_bytes > MEMORY_SHARE * machine_memory() / 2:  # as much again is needed while they are made
        raise StateSpaceError(
            f"the likelihoods of up to {plan.conduct.max_patients} patients at {plan.levels} doses would take "
            f"{plan.exact_bytes / 1e9:.1f} GB; fewer patients need less"
        )


def too_many(plan: Plan, limit: int, treated: int, further: str = "") -> StateSpaceError:
    """The error when more than `limit` states were found after `treated` patients, and what `further` says."""
    return StateSpaceError(
        f"more than {limit:,} states after {treated} of {plan.conduct.max_patients} patients{further}, "
        f"{_advice(limit, plan)}"
    )


def _advice(limit: int, plan: Plan) -> str:
    return (
        f"where at most {limit:,} ({_memory(limit, plan)}{_time(limit, plan)}) are allowed; larger cohorts, fewer "
        f"patients or fewer doses need fewer, a higher --max-states (in Python max_states) allows more"
    )


def _time(states: int, plan: Plan) -> str:
    """How long so many states take, where that is more than a moment."""
    seconds = states * plan.seconds_per_state
    return f", about {seconds:,.0f} s" if seconds > 1 else ""


def _memory(states: float, plan: Plan) -> str:
    size = states * state_bytes(plan)
    return f"{size / 1e9:,.1f} GB" if size > 1e8 else f"{size / 1e6:,.1f} MB"


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


def most_states(plan: TablePlan, limit: float = np.inf) -> float:
    """An upper bound on the states that the trials of a plan can have, endings included.

    A float: large trials have more than any integer type holds. Under titration not completed once it exceeds `limit`.
    """
    if not plan.conduct.titration:
        return _most_rows(plan, plan.conduct.start, plan.conduct.max_patients)
    # Titration ends at some dose, with one patient at each dose before it; three states lead through each dose.
    bound = 0.0
    for dose in range(plan.conduct.start, plan.levels):
        patients = plan.conduct.max_patients - (dose - plan.conduct.start)
        if patients > 0 and bound <= limit:
            bound += 3 + _most_rows(plan, dose, patients)
    return bound


def _most_rows(plan: TablePlan, start: int, most: int) -> float:
    """Bound for trials of `most` patients from dose `start` on, after titration there if there was any below."""
    # By what a dose needs to know of the doses above: whether the present dose is among them, whether the one next
    # above is closed, and how many moves down that has made (as bits); how many rows of these there are, by patients.
    rows: dict[tuple[bool, bool, int], NDArray[np.float64]] = {(False, False, 1): np.eye(1, most + 1)[0]}
    for dose in range(plan.levels - 1, -1, -1):
        alone = plan.conduct.titration and plan.conduct.start <= dose < start
        cells = _cells(plan, dose, 1 if alone else 0, most)
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
    closed, enough = _holding(plan, NEXT_DOSE)[dose], _holding(plan, SAME_DOSE)[dose]
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


def _holding(plan: TablePlan, place: int) -> NDArray[np.bool_]:
    """Cells at which a rule of this place ends the trial, bool[D, N + 1, N + 1]."""
    holds = np.zeros(plan.codes.shape, np.bool_)
    for stop in plan.conduct.stops:
        if stop.counts[0].place == place:
            holds |= stop.counts[0].holds
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
