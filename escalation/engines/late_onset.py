"""The exact engine for designs that decide while patients are pending.

Where a patient comes at each step, and is lost while accrual is held, a trial goes on from what is known at steps; see
`plans.steps` and `kernels.exact_steps`. Its states are merged treatment by treatment. Where the day of a DLT has the
same distribution at every dose, an enumeration serves all truths, as in the exact engine for complete data. Otherwise
each truth has one of its own.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from escalation.engines.allowance import Allowance, MostStates, too_many
from escalation.engines.endings import Enumeration
from escalation.engines.exact import with_expansion
from escalation.engines.outcomes import (
    DURATION,
    HOLD,
    LAST_ENROLMENT,
    Outcomes,
    WhilePending,
    refuse_undecided,
    reject_too_toxic,
)
from escalation.engines.packing import packed, packing_of
from escalation.errors import StateSpaceError
from escalation.kernels.exact_states import unpack
from escalation.kernels.exact_steps import (
    DECISIONS,
    END,
    END_VARIANCE,
    ENDING_COLUMNS,
    HELD,
    HOLDS,
    LAST,
    LAST_VARIANCE,
    PENDING,
    STATE_COLUMNS,
    WITH_PENDING,
    treat_one_more,
)
from escalation.kernels.layout import MergedStates, Packing, StepArrays
from escalation.numbers import cells_of
from escalation.plans.clock import Clock, clock_of
from escalation.plans.late_onset import late_onset
from escalation.plans.pending import PendingPlan
from escalation.plans.start import Start
from escalation.plans.steps import Steps
from escalation.plans.table import TablePlan
from escalation.trial.rates import check_rates

Floats = NDArray[np.float64]

FIRST_ROOM = 1024
"""States that there is room for at first."""

KNOWN = 32
"""Bytes for what is known of the last completion, for each pattern of who is pending."""

FULL_WORD = 2**62
"""What there is to a state beside the counts is a number below this."""


def late_endings(start: Start, allowance: Allowance) -> Enumeration:
    """Every ending of a late-onset design's trials under any truth.

    Raises StateSpaceError where that cannot be, or is more than is allowed, and where each truth has its own.
    """
    table, clock, steps = _conducted(start)
    if clock.onset.depends_on_rate:
        raise StateSpaceError(
            f"late-onset: with onset {clock.onset.kind!r} what is known when a dose is decided on depends on the true "
            "DLT rates: exact only under one truth at a time, in run, compare and report"
        )
    return _enumerated(start, table, clock, steps, _limit(table, steps, allowance), None)


@dataclass(frozen=True, eq=False)
class EndingsByTruth:
    """A late-onset design's trials, whose endings are enumerated when they are asked for, for each truth again."""

    start: Start
    allowance: Allowance

    def outcomes(self, rates: ArrayLike) -> Outcomes:
        """As `Enumeration.outcomes`; raises StateSpaceError as `late_endings` does."""
        table, clock, steps = _conducted(self.start)
        true_rates = check_rates(rates, self.start.trial)
        found = _enumerated(self.start, table, clock, steps, _limit(table, steps, self.allowance), true_rates)
        return found.outcomes(true_rates)


def _conducted(start: Start) -> tuple[TablePlan, Clock, Steps]:
    """The plan for complete data as patients are treated by it, the clock, and the steps."""
    pending, calendar, clock = start.pending, start.trial.time, clock_of(start.trial)
    if not isinstance(pending, PendingPlan) or calendar is None or clock is None:
        raise StateSpaceError("late-onset: what a model says while patients are pending is simulated only")
    if calendar.inexact_steps is not None:
        raise StateSpaceError(f"late-onset: {calendar.inexact_steps}: simulated only")
    table = late_onset(start.plan, pending).table
    assert table is not None
    return table, clock, Steps(pending, clock, start.trial.max_patients)


def _limit(table: TablePlan, steps: Steps, allowance: Allowance) -> MostStates:
    """How many states may be visited; StateSpaceError where what is needed before them is too much."""
    conduct, seats = table.conduct, table.levels + 1
    rest = (conduct.largest + 1) * conduct.runs * table.levels
    if rest * seats ** (steps.window - 1) > FULL_WORD:
        raise StateSpaceError(
            f"late-onset: {steps.window} patients come within a DLT window and the review, too many for exact values "
            f"at {table.levels} doses; fewer dose levels or a lower accrual need fewer states"
        )
    doses = table.levels if steps.clock.onset.depends_on_rate else 1
    kept = steps.bytes + KNOWN * _patterns(steps.window, doses)
    return allowance.most_late_states(table, steps.entries, steps.window, kept)


def _patterns(window: int, doses: int) -> int:
    """What can become of those who were treated within a window: nobody was, no DLT, or a DLT at one of these doses."""
    return (2 + doses) ** window


def _enumerated(
    start: Start, table: TablePlan, clock: Clock, steps: Steps, limit: MostStates, rates: Floats | None
) -> Enumeration:
    """Every ending; under true rates, float64[D], where the day of a DLT depends on them."""
    trial, levels = start.trial, table.levels
    arrays = steps.arrays(rates)
    packing, cells = packing_of(levels, trial.max_patients), cells_of(trial.max_patients)
    endings, closed, visited = _walk(table, arrays, packing, limit)
    order = np.lexsort(endings.rows.T[::-1])
    rows, means, weights = endings.rows[order], endings.means[order], endings.sequences[order]
    patients, dlts = np.empty((2, len(rows), levels), np.int16)
    unpack(packing, rows[:, :-1].copy(), cells, patients, dlts)
    reason = rows[:, -1].astype(np.int8)
    refuse_undecided(patients, dlts, reason)
    recommended = table.recommend(patients, dlts)
    reject_too_toxic(table, patients, dlts, recommended, reason)
    found = Enumeration(trial, patients, dlts, recommended, None, reason, weights, visited)
    if start.expansion is not None:
        return with_expansion(found, start.plan, start.expansion, limit)
    nothing = np.zeros(len(rows))
    days = {
        DURATION: means[:, [END, END_VARIANCE]],
        LAST_ENROLMENT: means[:, [LAST, LAST_VARIANCE]] * [clock.mean_gap, clock.mean_gap**2],
        HOLD: np.stack([means[:, HELD] * clock.mean_gap, nothing], axis=1),
    }
    responses = start.responses
    if responses is not None:  # the last is known so long after the last enrolment
        days[DURATION] = days[LAST_ENROLMENT] + np.array([responses.window, 0.0])
    # The endings that a trial would have if it went no further than to who is treated at a closed dose.
    counts = np.empty((2, len(closed.rows), levels), np.int16)
    unpack(packing, closed.rows[:, :-1].copy(), cells, *counts)
    ends = replace(
        found,
        patients=counts[0],
        dlts=counts[1],
        recommended=np.zeros(len(closed.rows), np.int16),
        reason=np.zeros(len(closed.rows), np.int8),
        sequences=closed.sequences,
    )
    told = {
        "holds": means[:, HOLDS],
        "turned_away": means[:, HELD],
        "decisions": means[:, DECISIONS],
        "pending": means[:, PENDING],
        "with_pending": means[:, WITH_PENDING],
    }
    return replace(
        found,
        days=(lambda what, _: days[what]) if responses is None or responses.at_end else None,
        while_pending=lambda under: WhilePending(**told, at_closed=float(ends.probabilities(under).sum())),
    )


def _walk(
    table: TablePlan, arrays: StepArrays, packing: Packing, limit: MostStates
) -> tuple[MergedStates, MergedStates, int]:
    """The endings, the counts at which somebody is treated at a closed dose, and the number of states."""
    plan, cells, conduct = table.arrays(), cells_of(table.conduct.max_patients), table.conduct
    window = len(arrays.complete)
    living, endings, closed = _first(table, packing, window), _room(packing, ENDING_COLUMNS), _room(packing, 0)
    known = np.full((2, _patterns(window, arrays.shown.shape[1]), 2), np.nan)
    visited = 0
    for treated in range(1, conduct.max_patients + 1):
        visited += int(living.used[0])
        children = _room(packing, STATE_COLUMNS)
        told = plan, arrays, packing, cells, living, treated, limit.states - visited
        children, endings, closed = treat_one_more(*told, children, endings, closed, known)
        if visited + sum(int(states.used[0]) for states in (children, endings, closed)) > limit.states:
            raise too_many(table, limit, treated + 1)
        living = children
    visited += int(endings.used[0]) + int(closed.used[0])
    return _filled(endings), _filled(closed), visited


def _first(table: TablePlan, packing: Packing, window: int) -> MergedStates:
    """The state just after the first treatment."""
    conduct, levels = table.conduct, table.levels
    dose, nobody = conduct.start, (0,) * levels
    counts = np.zeros((2, levels), np.int64)
    counts[0, dose] = 1
    left = conduct.size(dose, nobody, nobody) - 1
    rest = ((left * conduct.runs + conduct.run) * levels + dose) * (levels + 1) ** (window - 1)
    states = _room(packing, STATE_COLUMNS)
    states.rows[0] = [*packed(packing, *counts).tolist(), rest]
    states.sequences[0], states.means[0], states.used[0] = 1, 0, 1
    return states


def _room(packing: Packing, columns: int) -> MergedStates:
    """Room for states."""
    words = int(packing.words[-1]) + 2
    return MergedStates(
        np.zeros(4 * FIRST_ROOM, np.int64),
        np.empty((FIRST_ROOM, words), np.uint64),
        np.empty(FIRST_ROOM),
        np.empty((FIRST_ROOM, columns)),
        np.zeros(1, np.int64),
    )


def _filled(states: MergedStates) -> MergedStates:
    """The states without the room for more."""
    count = int(states.used[0])
    return states._replace(rows=states.rows[:count], sequences=states.sequences[:count], means=states.means[:count])
