"""The exact engine: every way a trial can end, with the number of patient sequences that lead there.

Decisions depend on the data through the counts at each dose (and, for some rules, the last cohort), so that all paths
that reach the same counts and the same next dose go on alike and are merged. Breadth first over cohorts, a state's
weight is the number of patient sequences that reach it. Under a truth p an ending with counts n, y has probability

    sequences x prod_d p_d^y_d (1 - p_d)^(n_d - y_d).

The enumeration does not depend on the truth: another truth costs one pass over the endings.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from escalation.designs import Design
from escalation.errors import StateSpaceError
from escalation.kernels.codes import REASON_NAMES
from escalation.kernels.curve_states import expand_curves
from escalation.kernels.probability import ending_probabilities
from escalation.kernels.states import EMPTY
from escalation.kernels.table_states import expand_table
from escalation.outcomes import Outcomes, check_rates
from escalation.plans import CurvePlan, Plan
from escalation.recommend import recommend, recommend_by_model
from escalation.trial import Trial

MOST_STATES = 20_000_000
"""No more states than this are enumerated unless the caller allows it: it would take about half a minute."""

MEMORY_SHARE = 0.5
"""Share of the machine's memory that the enumeration may use unless the caller allows more."""

REASONS = max(REASON_NAMES)


@dataclass(frozen=True, eq=False)
class Enumeration:
    """Every ending of a design's trials.

    Attributes
    ----------
    trial : Trial
    patients, dlts : int16[E, D]
        Counts at each dose at each ending.
    recommended : int16[E]
        Recommended dose, as an index from 0; NO_DOSE (-1) for none.
    reason : int8[E]
        Why the trial ended: a key of `kernels.codes.REASON_NAMES`.
    sequences : float64[E]
        Number of patient sequences with this ending.
    states : int
        Number of states that were visited, endings included.
    """

    trial: Trial
    patients: NDArray[np.int16]
    dlts: NDArray[np.int16]
    recommended: NDArray[np.int16]
    reason: NDArray[np.int8]
    sequences: NDArray[np.float64]
    states: int

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
        """
        true_rates = check_rates(rates, self.trial)
        counts = np.arange(self.trial.max_patients + 1)
        dlt, no_dlt = (rate[:, None] ** counts for rate in (true_rates, 1 - true_rates))
        patients, dlts = np.meshgrid(counts, counts, indexing="ij")
        pattern = dlt[:, dlts] * no_dlt[:, np.maximum(patients - dlts, 0)]
        probability = np.empty(len(self.sequences))
        ending_probabilities(self.patients, self.dlts, self.sequences, np.ascontiguousarray(pattern), probability)
        return Outcomes(
            trial=self.trial,
            rates=true_rates,
            patients=self.patients,
            dlts=self.dlts,
            recommended=self.recommended,
            reason=self.reason,
            probability=probability,
        )


def exact(design: Design, trial: Trial, *, max_states: int | None = None) -> Enumeration:
    """Enumerate every ending of a design's trials.

    Parameters
    ----------
    design : Design
    trial : Trial
    max_states : int, optional
        Refuse when there are more states than this. By default 20 million, or as many as fit into half of the
        machine's memory when that is less.

    Returns
    -------
    Enumeration
        Ask it for the `outcomes` under as many truths as you like.

    Raises
    ------
    DesignError
        A ValueError: the design does not fit the trial.
    StateSpaceError
        There are more than `max_states` states, or the likelihoods of a curve plan do not fit into the memory.

    Examples
    --------
    >>> from escalation import BOIN, Trial, operating_characteristics
    >>> trial = Trial(doses=[50, 150, 300, 600], target=0.25, max_patients=36)
    >>> endings = exact(BOIN(), trial)
    >>> round(operating_characteristics(endings.outcomes([0.05, 0.12, 0.25, 0.40])).pcs, 4)
    0.6035
    """
    plan = design.plan(trial)
    limit = default_max_states(trial.levels) if max_states is None else max_states
    cells = _cells(trial.max_patients)
    expand = _expander(plan, cells)
    states = np.zeros((1, trial.levels), np.int32)
    doses = np.array([plan.start], np.int8)
    sequences = np.ones(1)
    visited = 1
    endings: list[_Endings] = []
    while len(states):
        level = expand(states, doses, sequences, limit - visited)
        at, column = np.nonzero(level.arrivals)
        visited += len(at)
        if level.overflow or visited > limit:
            treated = cells[0, states[0]].sum() + plan.cohort_size
            raise StateSpaceError(
                f"more than {limit:,} states (about {limit * state_bytes(trial.levels) / 1e9:.1f} GB) after some "
                f"{treated} of {trial.max_patients} patients; larger cohorts, fewer patients or fewer doses need "
                f"fewer states"
            )
        ended = column >= trial.levels
        endings.append(_endings(plan, level, at[ended], column[ended], cells))
        at, column = at[~ended], column[~ended]
        states, doses, sequences = level.rows[at], column.astype(np.int8), level.arrivals[at, column]
    joined = _Endings(*(np.concatenate(part) for part in zip(*endings, strict=True)))
    for part in joined:
        part.flags.writeable = False  # the outcomes under every truth share them
    return Enumeration(trial, *joined, visited)


class _Level(NamedTuple):
    """All states after one more cohort.

    Attributes
    ----------
    rows : int32[R, D]
        The different counts, as cells.
    arrivals : float64[R, D + REASONS]
        Sequences that reach a row and go on at dose d (column d) or end for reason r (column D + r - 1).
    choices : int8[R]
        What the model chooses after each row; without meaning under a table plan.
    overflow : bool
        There would have been more rows than allowed; what is here is not complete.
    """

    rows: NDArray[np.int32]
    arrivals: NDArray[np.float64]
    choices: NDArray[np.int8]
    overflow: bool


class _Endings(NamedTuple):
    """The attributes of `Enumeration` that have one entry an ending."""

    patients: NDArray[np.int16]
    dlts: NDArray[np.int16]
    recommended: NDArray[np.int16]
    reason: NDArray[np.int8]
    sequences: NDArray[np.float64]


_Expand = Callable[[NDArray[np.int32], NDArray[np.int8], NDArray[np.float64], int], _Level]


def state_bytes(levels: int) -> int:
    """Memory that a state takes, at most, while trials with this many dose levels are enumerated."""
    row = 4 * levels + 8 * (levels + REASONS) + 1
    slots = 4 * 4  # a hash table has up to four places a row
    ending = 2 * 2 * levels + 2 + 1 + 8
    return row + slots + 2 * ending  # endings are held twice while their parts are joined


def default_max_states(levels: int) -> int:
    """States that may be enumerated for trials with this many dose levels, unless the caller says otherwise."""
    return min(MOST_STATES, int(MEMORY_SHARE * _machine_memory() / state_bytes(levels)))


def _machine_memory() -> int:
    """Physical memory in bytes; where the system does not tell, 4 GB."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 4_000_000_000


def _cells(max_patients: int) -> NDArray[np.int16]:
    """Patients and DLTs of each cell, int16[2, C]; see `kernels.states`."""
    patients = np.repeat(np.arange(max_patients + 1), np.arange(1, max_patients + 2))
    dlts = np.concatenate([np.arange(n + 1) for n in range(max_patients + 1)])
    return np.array([patients, dlts], np.int16)


def _expander(plan: Plan, cells: NDArray[np.int16]) -> _Expand:
    """Prepare what the plan's kernel needs at every cohort."""
    arrays = plan.arrays()
    size = plan.cohort_size + 1
    binomials = special.comb(np.arange(size)[:, None], np.arange(size)).astype(np.float64)
    likelihood = _likelihood_table(plan, cells) if isinstance(plan, CurvePlan) else None

    def expand(
        states: NDArray[np.int32], doses: NDArray[np.int8], sequences: NDArray[np.float64], limit: int
    ) -> _Level:
        # One more than there can be: where a candidate is written before it is looked up.
        most = max(min(len(states) * size, limit), 1) + 1
        slots = np.full(1 << int(2 * most).bit_length(), EMPTY, np.int32)
        rows = np.empty((most, plan.levels), np.int32)
        arrivals = np.zeros((most, plan.levels + REASONS))
        choices = np.zeros(most, np.int8)
        if isinstance(plan, CurvePlan):
            reached = expand_curves(
                arrays, likelihood, states, doses, sequences, cells, binomials, slots, rows, arrivals, choices
            )
        else:
            reached = expand_table(arrays, states, doses, sequences, cells, binomials, slots, rows, arrivals)
        overflow = reached < 0
        return _Level(rows[: max(reached, 0)], arrivals[: max(reached, 0)], choices[: max(reached, 0)], overflow)

    return expand


def _likelihood_table(plan: CurvePlan, cells: NDArray[np.int16]) -> NDArray[np.float64]:
    size = plan.levels * cells.shape[1] * len(plan.weight) * 8
    if size > MEMORY_SHARE * _machine_memory() / 2:  # as much again is needed while it is made
        raise StateSpaceError(
            f"the likelihoods of up to {plan.max_patients} patients at {plan.levels} doses would take "
            f"{size / 1e9:.1f} GB; fewer patients need less"
        )
    return plan.likelihood(cells[0].astype(np.int64), cells[1].astype(np.int64))


def _endings(
    plan: Plan, level: _Level, at: NDArray[np.intp], column: NDArray[np.intp], cells: NDArray[np.int16]
) -> _Endings:
    """The endings among a level's states: row and column of each in its arrivals."""
    patients, dlts = cells[0][level.rows[at]], cells[1][level.rows[at]]
    if isinstance(plan, CurvePlan):
        recommended = recommend_by_model(plan, patients, level.choices[at])
    else:
        recommended = recommend(plan, patients, dlts)
    reason = (column - plan.levels + 1).astype(np.int8)
    return _Endings(patients, dlts, recommended, reason, level.arrivals[at, column])
