"""The exact engine: every way a trial can end, with the number of patient sequences that lead there.

Decisions depend on the data through the counts at each dose (and, for some rules, the last cohort), so that all paths
that reach the same counts and the same next dose go on alike and are merged. Breadth first over cohorts, a state's
weight is the number of patient sequences that reach it. Under a truth p an ending with counts n, y has probability

    sequences x prod_d p_d^y_d (1 - p_d)^(n_d - y_d).

The enumeration does not depend on the truth: another truth costs one pass over the endings.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from escalation.designs import Design
from escalation.errors import DesignError, EscalationError, StateSpaceError
from escalation.expansion import endings_after
from escalation.interim import InterimData
from escalation.kernels.codes import EXPANSION_STOPPED, NO_DOSE
from escalation.kernels.curve_states import settle_curves
from escalation.kernels.layout import Children, Packing, StateArrays
from escalation.kernels.probability import ending_probabilities
from escalation.kernels.states import merge_children, next_sizes, unpack
from escalation.kernels.table_states import settle_table
from escalation.outcomes import Outcomes, check_rates
from escalation.plans import CurvePlan, ExpansionPlan, Plan, TablePlan
from escalation.recommend import recommend, recommend_by_model, reject_too_toxic
from escalation.start import Start, start_of
from escalation.state_limits import (
    MEMORY_SHARE,
    bits_per_cell,
    cells_per_word,
    check_bound,
    default_max_states,
    machine_memory,
    too_many,
)
from escalation.trial import Trial

WRONG = 1e-9
"""Rounding moves a sum of probabilities from 1 by some 1e-15; by more than this, something is wrong."""


@dataclass(frozen=True, eq=False)
class Enumeration:
    """Every ending of a design's trials.

    The same counts are listed apart when they end for different reasons and, under titration, after different numbers
    of cohorts.

    Attributes
    ----------
    trial : Trial
    cells : int32[E, D]
        Counts at each dose at each ending, n (n + 1) / 2 + y for n patients with y DLTs.
    patients, dlts : int16[E, D]
        The same counts.
    recommended : int16[E]
        Recommended dose, as an index from 0; NO_DOSE (-1) for none.
    declared : int16[E] or None
        In a trial with an expansion, the RP2D that dose escalation declared; `recommended` is what is left of it.
    reason : int8[E]
        Why the trial ended: a key of `kernels.codes.REASON_NAMES`.
    sequences : float64[E]
        Number of patient sequences with this ending.
    states : int
        Number of states that were visited, endings included.
    after : InterimData or None
        The data of a running trial that all endings begin with. Sequences are those of the patients who follow.
    """

    trial: Trial
    cells: NDArray[np.int32]
    patients: NDArray[np.int16]
    dlts: NDArray[np.int16]
    recommended: NDArray[np.int16]
    declared: NDArray[np.int16] | None
    reason: NDArray[np.int8]
    sequences: NDArray[np.float64]
    states: int
    after: InterimData | None = None

    def outcomes(self, rates: ArrayLike) -> Outcomes:
        """Probability of every ending under a truth.

        Parameters
        ----------
        rates : sequence of float
            True DLT rate of each dose level.

        Raises
        ------
        DesignError
            A ValueError: not one rate in [0, 1] for each dose level.
        EscalationError
            The probabilities do not sum to 1.
        """
        true_rates = check_rates(rates, self.trial)
        patients, dlts = cells_of(self.trial.most_patients)
        counts = np.arange(self.trial.most_patients + 1)
        seen, toxic = self._seen  # patients who follow: those at the end but those who were seen
        with_dlt = np.maximum(counts - toxic[:, None], 0)
        without = np.maximum(counts - (seen - toxic)[:, None], 0)
        pattern = (true_rates[:, None] ** with_dlt)[:, dlts]
        pattern *= ((1 - true_rates)[:, None] ** without)[:, patients - dlts]
        probability = np.empty(len(self.sequences))
        ending_probabilities(self.cells, self.sequences, np.ascontiguousarray(pattern), probability)
        total = float(probability.sum())
        if not abs(total - 1) < WRONG:
            raise EscalationError(f"the probabilities of all endings sum to {total:g}: an error in this package")
        return Outcomes(
            trial=self.trial,
            rates=true_rates,
            patients=self.patients,
            dlts=self.dlts,
            recommended=self.recommended,
            reason=self.reason,
            probability=probability,
            declared=self.declared,
            after=self.after,
        )

    @property
    def _seen(self) -> NDArray[np.int64]:
        """Patients and DLTs at each dose that all endings begin with, int64[2, D]."""
        if self.after is None:
            return np.zeros((2, self.trial.levels), np.int64)
        return np.array([self.after.patients, self.after.dlts])


def exact(
    design: Design, trial: Trial, *, max_states: int | None = None, after: InterimData | str | None = None
) -> Enumeration:
    """Enumerate every ending of a design's trials.

    Parameters
    ----------
    design : Design
    trial : Trial
    max_states : int, optional
        Refuse when there are, or may be, more states than this. By default 50 million, or as many as fit into half of
        the machine's memory when that is less.
    after : InterimData or str, optional
        The data of a running trial, such as "1NNN 2NTT": every ending that is still possible.

    Returns
    -------
    Enumeration
        Ask it for the `outcomes` under as many truths as you like.

    Raises
    ------
    DesignError
        A ValueError: the design does not fit the trial, or `max_states` is below 1.
    OutcomesError
        A ValueError: the data cannot be read, or leave open what the design looks at.
    StateSpaceError
        There may be more than `max_states` states: for a table plan said before any is enumerated (unless there are
        more than 64 cohorts), and for a curve plan, which has no useful bound, as soon as there are. Or the
        likelihoods of a curve plan do not fit into the memory.

    Examples
    --------
    >>> from escalation import BOIN, Trial, operating_characteristics
    >>> trial = Trial(doses=[50, 150, 300, 600], target=0.25, max_patients=36)
    >>> endings = exact(BOIN(), trial)
    >>> round(operating_characteristics(endings.outcomes([0.05, 0.12, 0.25, 0.40])).pcs, 4)
    0.6035
    """
    start = start_of(design, trial, after)
    limit = states_allowed(start, max_states)
    return enumerated(start, cohort_by_cohort(start, limit), limit)


def enumerated(start: Start, cohorts: Iterable[tuple[StateArrays, StateArrays]], limit: int) -> Enumeration:
    """Every ending, from the states after each cohort of dose escalation; these are not looked at when it has ended.

    Raises
    ------
    StateSpaceError
        With an expansion there are more than `limit` states.
    """
    escalated = _ended(start) if start.has_escalated else _escalated(start, cohorts)
    enumeration = escalated
    if start.expansion is not None:
        enumeration = _expanded(escalated, start.plan, start.expansion, limit)
    for part in vars(enumeration).values():
        if isinstance(part, np.ndarray):
            part.flags.writeable = False  # the outcomes under every truth share them
    return enumeration


def states_allowed(start: Start, max_states: int | None) -> int:
    """How many states may be visited.

    Raises
    ------
    DesignError
        `max_states` is below 1.
    StateSpaceError
        A table plan has more.
    """
    limit = default_max_states(start.plan) if max_states is None else max_states
    if limit < 1:
        raise DesignError(f"max_states: {max_states} should be at least 1")
    if isinstance(start.plan, TablePlan) and start.data is None:
        check_bound(start.plan, limit)
    return limit


def _escalated(start: Start, cohorts: Iterable[tuple[StateArrays, StateArrays]]) -> Enumeration:
    """Every ending of dose escalation."""
    plan, trial = start.plan, start.trial
    visited, parts = 1, []
    for living, endings in cohorts:
        visited += len(living.rows) + len(endings.rows)
        parts.append(endings)
    rows, reason, sequences, choices = (np.concatenate(part) for part in zip(*parts, strict=True))
    shape = len(rows), trial.levels
    numbers, patients, dlts = np.empty(shape, np.int32), np.empty(shape, np.int16), np.empty(shape, np.int16)
    packing, cells = packing_of(trial.levels, trial.max_patients), cells_of(trial.max_patients)
    unpack(packing, rows, cells, numbers, patients, dlts)
    if isinstance(plan, CurvePlan):
        recommended = recommend_by_model(plan, patients, choices)
    else:
        recommended = recommend(plan, patients, dlts)
    reject_too_toxic(recommended, reason)
    return Enumeration(trial, numbers, patients, dlts, recommended, None, reason, sequences, visited, start.data)


def cohort_by_cohort(start: Start, limit: int) -> Iterator[tuple[StateArrays, StateArrays]]:
    """The states that go on and those that have ended, after each cohort.

    Raises
    ------
    StateSpaceError
        There are more than `limit` in all.
    """
    plan, trial = start.plan, start.trial
    cells, packing = cells_of(trial.max_patients), packing_of(trial.levels, trial.max_patients)
    conduct, settle = plan.conduct_arrays(), _settler(plan, packing, cells)
    living = _states(1, packing)
    living.rows[:], living.columns[:], living.sequences[:] = packed(packing, *start.counts), plan.start, 1
    visited = 1
    while len(living.rows):
        sizes = np.empty(len(living.rows), np.int16)
        treated = next_sizes(conduct, packing, living.rows, living.columns, cells, sizes)
        children = children_of(packing, living, sizes, cells, limit - visited)
        if children is None:
            raise too_many(plan, limit, treated)
        living, endings = settle(living, sizes, children)
        visited += len(living.rows) + len(endings.rows)
        if visited > limit:
            raise too_many(plan, limit, treated)
        yield living, endings


def _ended(start: Start) -> Enumeration:
    """Dose escalation that has ended already: the one ending that it has."""
    patients, dlts = start.counts[:, None].astype(np.int16)
    return Enumeration(
        trial=start.trial,
        cells=cells_at(patients, dlts),
        patients=patients,
        dlts=dlts,
        recommended=np.array([start.recommended], np.int16),
        declared=None if start.trial.expansion is None else np.array([start.declared], np.int16),
        reason=np.array([start.reason], np.int8),
        sequences=np.ones(1),
        states=1,
        after=start.data,
    )


def _expanded(escalated: Enumeration, plan: Plan, expansion: ExpansionPlan, limit: int) -> Enumeration:
    """Every ending after the expansion."""
    trial, visited = escalated.trial, escalated.states
    after = endings_after(expansion, escalated.patients, escalated.dlts, escalated.recommended, limit - visited)
    if after is None:
        assert trial.expansion is not None
        raise too_many(plan, limit, trial.max_patients, f" and an expansion of {trial.expansion.patients}")
    before = after.before
    patients, dlts, declared = escalated.patients[before], escalated.dlts[before], escalated.recommended[before]
    row = np.arange(len(before))
    patients[row, declared] += after.patients  # none where no dose was declared
    dlts[row, declared] += after.dlts
    return Enumeration(
        trial=trial,
        cells=cells_at(patients, dlts),
        patients=patients,
        dlts=dlts,
        recommended=np.where(after.rejected, np.int16(NO_DOSE), declared),
        declared=declared,
        reason=np.where(after.rejected & after.early, np.int8(EXPANSION_STOPPED), escalated.reason[before]),
        sequences=escalated.sequences[before] * after.sequences,
        states=visited + len(before),
        after=escalated.after,
    )


def cells_at(patients: NDArray[np.int16], dlts: NDArray[np.int16]) -> NDArray[np.int32]:
    """Cells of counts, int32[...]; see `kernels.states`."""
    n = patients.astype(np.int32)
    return n * (n + 1) // 2 + dlts


def packed(packing: Packing, patients: NDArray[np.int64], dlts: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Counts at each dose as a row of packed cells, uint64[W]."""
    row = np.zeros(packing.words[-1] + 1, np.uint64)
    for word, shift, number in zip(packing.words, packing.shifts, patients * (patients + 1) // 2 + dlts, strict=True):
        row[word] |= np.uint64(number) << shift
    return row


_Settle = Callable[[StateArrays, NDArray[np.int16], Children], tuple[StateArrays, StateArrays]]


@lru_cache(maxsize=8)
def cells_of(max_patients: int) -> NDArray[np.int16]:
    """Patients and DLTs of each cell, int16[2, C]; see `kernels.states`."""
    patients = np.repeat(np.arange(max_patients + 1), np.arange(1, max_patients + 2))
    dlts = np.concatenate([np.arange(n + 1) for n in range(max_patients + 1)])
    cells = np.array([patients, dlts], np.int16)
    cells.flags.writeable = False
    return cells


def packing_of(levels: int, max_patients: int) -> Packing:
    """As many cells to a word as fit, the lowest dose in the highest bits."""
    bits = bits_per_cell(max_patients)
    in_a_word = cells_per_word(max_patients)
    dose = np.arange(levels)
    return Packing(
        words=dose // in_a_word,
        shifts=((in_a_word - 1 - dose % in_a_word) * bits).astype(np.uint64),
        mask=np.uint64((1 << bits) - 1),
    )


def children_of(
    packing: Packing, living: StateArrays, sizes: NDArray[np.int16], cells: NDArray[np.int16], limit: int
) -> Children | None:
    """The children of the living states; None when they have more than `limit` different counts."""
    ways = int(sizes.sum()) + len(sizes)
    room = min(ways, limit)
    children = Children(
        np.empty((room, living.rows.shape[1]), np.uint64),
        np.empty(room + 1, np.int64),
        np.empty(ways, np.int32),
        np.empty(ways, np.int8),
    )
    count = merge_children(packing, living.rows, living.columns, sizes, cells, children)
    if count < 0:
        return None
    return children._replace(rows=children.rows[:count], starts=children.starts[: count + 1])


def _settler(plan: Plan, packing: Packing, cells: NDArray[np.int16]) -> _Settle:
    """Prepare what the plan's kernel needs at every cohort."""
    arrays = plan.arrays()
    size = int(plan.sizes.max()) + 1
    binomials = special.comb(np.arange(size)[:, None], np.arange(size)).astype(np.float64)
    evidence = _evidence_table(plan, cells) if isinstance(plan, CurvePlan) else None

    def settle(before: StateArrays, sizes: NDArray[np.int16], children: Children) -> tuple[StateArrays, StateArrays]:
        """The living states and the endings after one more cohort."""
        room = len(children.parents)
        living, endings = _states(room, packing), _states(room, packing)
        common = (packing, cells, binomials, before.columns, sizes, before.sequences, children, living, endings)
        if isinstance(plan, CurvePlan):
            alive, ended = settle_curves(arrays, evidence, *common)
        else:
            alive, ended = settle_table(arrays, *common)
        return _first(living, alive), _first(endings, ended)

    return settle


def _states(room: int, packing: Packing) -> StateArrays:
    """Room for states; memory that is not written to is not taken."""
    words = packing.words[-1] + 1
    return StateArrays(
        np.empty((room, words), np.uint64), np.empty(room, np.int8), np.empty(room), np.empty(room, np.int8)
    )


def _first(states: StateArrays, count: int) -> StateArrays:
    return StateArrays(states.rows[:count], states.columns[:count], states.sequences[:count], states.choices[:count])


def _evidence_table(plan: CurvePlan, cells: NDArray[np.int16]) -> NDArray[np.float64]:
    size = plan.levels * cells.shape[1] * len(plan.weight) * 8
    if size > MEMORY_SHARE * machine_memory() / 2:  # as much again is needed while it is made
        raise StateSpaceError(
            f"the likelihoods of up to {plan.max_patients} patients at {plan.levels} doses would take "
            f"{size / 1e9:.1f} GB; fewer patients need less"
        )
    return plan.evidence(cells[0].astype(np.int64), cells[1].astype(np.int64))
