"""How many states the exact engine may visit, and how many a trial can have at most, found before any is enumerated.

Under a table plan there is a bound. The doses of a trial's cohorts are a walk. Between two neighbouring doses it goes
down as often as up, but for one move up more when it started on the lower side and is now on the upper. The last move
from a dose below the present one was up, from a dose above it down. Under a table plan a move depends on the counts at
the dose it starts from alone. So whole rows of counts need not be tried: dose by dose, from the highest to the lowest,
count the cells whose own history can have made as many moves up as the dose above has made down.

It is an upper bound: not all histories that match at the borders fit together, and what happens at one dose when a rule
ends the trial at another is left out. For plain BOIN it is 6 % too high.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from escalation.errors import StateSpaceError
from escalation.kernels.codes import DE_ESCALATE, ELIMINATE, ESCALATE
from escalation.plans import Plan, TablePlan

MOST_STATES = 50_000_000
"""No more states than this are visited unless the caller allows it: they would take a quarter to one minute."""

MEMORY_SHARE = 0.5
"""Share of the machine's memory that the exact engine may use unless the caller allows more."""

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
    return min(MOST_STATES, int(MEMORY_SHARE * machine_memory() / state_bytes(plan)))


def machine_memory() -> int:
    """Physical memory in bytes; where the system does not tell, 4 GB."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 4_000_000_000


def state_bytes(plan: Plan) -> int:
    """Memory that a state takes, at most."""
    row = 8 * words_per_row(plan.levels, plan.max_patients)
    ending = 2 * (row + 1 + 8 + 1) + 8 * plan.levels + 2  # held twice while the cohorts' parts are joined
    living = row + 1 + 8 + 1 + 2 + 4 + (plan.cohort_size + 1) * (4 + 1)
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
    """Refuse a plan whose bound on the states exceeds `limit`; of a long trial only the first cohorts are looked at.

    Raises
    ------
    StateSpaceError
    """
    if _all_rows(plan) * (plan.levels + 1) <= limit:
        return
    cohorts = HORIZON // 4
    while True:  # the first cohorts of a large trial alone may be too many
        patients = min(cohorts * plan.cohort_size, plan.max_patients)
        bound = most_states(replace(plan, max_patients=patients), limit)
        if bound > limit:
            raise StateSpaceError(
                f"up to {bound:,.0f} states ({_memory(bound, plan)})"
                f"{'' if patients == plan.max_patients else f' in the first {patients} patients'}, "
                f"{_advice(limit, plan)}"
            )
        if patients == plan.max_patients or cohorts == HORIZON:
            return
        cohorts *= 2


def too_many(plan: Plan, limit: int, treated: int) -> StateSpaceError:
    """The error when more than `limit` states were found after `treated` patients."""
    return StateSpaceError(
        f"more than {limit:,} states after {treated} of {plan.max_patients} patients, {_advice(limit, plan)}"
    )


def _advice(limit: int, plan: Plan) -> str:
    return (
        f"where at most {limit:,} ({_memory(limit, plan)}) are allowed; larger cohorts, fewer patients or fewer "
        f"doses need fewer, a higher --max-states (in Python max_states) allows more"
    )


def _memory(states: float, plan: Plan) -> str:
    size = states * state_bytes(plan)
    return f"{size / 1e9:,.1f} GB" if size > 1e8 else f"{size / 1e6:,.1f} MB"


def _all_rows(plan: TablePlan) -> float:
    """Number of rows of counts with so many cohorts or fewer, whatever the decisions."""
    cohorts = -(-plan.max_patients // plan.cohort_size)
    cells = plan.cohort_size * np.arange(cohorts + 1.0) + 1  # at a dose, by its number of cohorts
    if plan.titration:
        cells += cells + 1  # with a patient more
    rows = np.ones(1)
    for _ in range(plan.levels):
        rows = np.convolve(rows, cells)[: cohorts + 1]
    return float(rows.sum())


def most_states(plan: TablePlan, limit: float = np.inf) -> float:
    """An upper bound on the states that the trials of a plan can have, endings included.

    A float: large trials have more than any integer type holds. Under titration not completed once it exceeds `limit`.
    """
    if not plan.titration:
        return _most_rows(plan, plan.start, plan.max_patients)
    # Titration ends at some dose, with one patient at each dose before it; three states lead through each dose.
    bound = 0.0
    for dose in range(plan.start, plan.levels):
        patients = plan.max_patients - (dose - plan.start)
        if patients > 0 and bound <= limit:
            bound += 3 + _most_rows(plan, dose, patients)
    return bound


def _most_rows(plan: TablePlan, start: int, patients: int) -> float:
    """Bound for trials with full cohorts from dose `start` on, after titration there if there was any below."""
    cohorts, rest = divmod(patients, plan.cohort_size)
    # By what a dose needs to know of the doses above: whether the present dose is among them, whether the one next
    # above is closed, and how many moves down that has made (as bits); how many rows of these there are, by cohorts.
    rows: dict[tuple[bool, bool, int], NDArray[np.float64]] = {(False, False, 1): np.eye(1, cohorts + 1)[0]}
    for dose in range(plan.levels - 1, -1, -1):
        alone = plan.titration and plan.start <= dose < start
        cells = _cells(plan, dose, 1 if alone else 0, cohorts)
        below: dict[tuple[bool, bool, int], NDArray[np.float64]] = defaultdict(lambda: np.zeros(cohorts + 1))
        for (present_above, closed, downs), counts in rows.items():
            most_visits = cohorts - np.flatnonzero(counts)[0]
            for (visits, cell), cells_alike in cells.items():
                if visits > most_visits:
                    break  # the cells come by visits
                for key, reached in _matches(cell, present_above, closed, downs, dose < start):
                    if reached:
                        below[*key, reached][visits:] += cells_alike * counts[: cohorts + 1 - visits]
        rows = below
    # Where the present dose is not among the doses, the trial has ended: the lowest dose was closed.
    ended_or_present = [counts for (present_above, closed, _), counts in rows.items() if present_above or closed]
    by_cohorts = np.sum(ended_or_present, axis=0)
    # A smaller last cohort: every state before it, with each number of DLTs.
    return float(by_cohorts.sum() + (by_cohorts[-1] * (rest + 1) if rest else 0))


def _cells(plan: TablePlan, dose: int, patients: int, cohorts: int) -> Counter[tuple[int, _Cell]]:
    """How many cells of a dose have the same number of cohorts and the same possible histories.

    `patients`, without DLTs, are there before the first cohort.
    """
    untried: _Cell = (UNTRIED, ((0, 1),))
    at_y = {0: untried}
    found = Counter({(0, untried): 1})
    for visit in range(1, cohorts + 1):
        patients += plan.cohort_size
        if patients > plan.max_patients or patients - plan.cohort_size >= plan.cap:
            break
        moves_before: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        for dlts, (last, moves) in at_y.items():
            for toxic in range(0 if last in (CLOSED, ENDED) else plan.cohort_size + 1):
                for ups, downs in moves:
                    moves_before[dlts + toxic][ups] |= downs
        at_y = {}
        for dlts, before in moves_before.items():
            last, up, down = _move(plan, dose, patients, dlts)
            at_y[dlts] = last, tuple(sorted((ups + up, downs << down) for ups, downs in before.items()))
            found[visit, at_y[dlts]] += 1
    return found


def _move(plan: TablePlan, dose: int, patients: int, dlts: int) -> tuple[int, int, int]:
    """What the decision at a cell means: the kind of move, moves up, moves down."""
    code = plan.codes[dose, patients, dlts]
    if code == ELIMINATE:
        return CLOSED, 0, 1
    if code == ESCALATE and dose < plan.levels - 1:
        return UP if patients < plan.enough else UP_WITH_ENOUGH, 1, 0
    if code == DE_ESCALATE and dose > 0:
        return DOWN, 0, 1
    return STAYED if patients < plan.enough else ENDED, 0, 0


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
