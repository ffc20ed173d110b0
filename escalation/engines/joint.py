"""The engines for designs that decide by DLTs and responses: exact under given truths, and simulated trials.

Every truth gives each state its own probability, and all truths of a study go along together: the states are found
once. What trials come to at the end is summed as they end, because the endings, with their responses, would be too many
to keep.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from escalation.engines.optimal import OptimalDoses
from escalation.kernels.codes import NO_OPTIMAL_DOSE
from escalation.kernels.exact_joint import place_all, treat_cohorts, unpack_endings
from escalation.kernels.layout import JointCells, JointStates, JointSums
from escalation.numbers import cells_of
from escalation.plans.joint import JointPlan
from escalation.trial.joint import JointRates

FIRST_ROOM = 1024
"""States that there is room for at first."""

Whole = NDArray[np.int64]
Floats = NDArray[np.float64]


def joint_cells(plan: JointPlan) -> JointCells:
    """The counts that a dose can come to in trials from the start, and the outcomes of a cohort."""
    conduct, most = plan.conduct, len(plan.moves) - 1
    largest = min(conduct.largest, conduct.max_patients)
    goes_on = most if plan.enough is None else min(plan.enough - 1, most)
    split = 0 if plan.is_additive else most + 1
    dims = most + 1, most + 1, (most + 1) if plan.is_additive else (most + 1) ** 2
    codes = np.full(dims, -1, np.int32)
    count_codes = np.full((most + 1, most + 1), -1, np.int32)
    rows, counts = [], []
    for n in _numbers(plan):
        for t in range(n + 1):
            count_codes[n, t] = len(counts)
            counts.append((n, t))
            if n > goes_on:
                continue
            splits = [(e, 0) for e in range(n + 1)]
            if not plan.is_additive:
                splits = [(well, ill) for ill in range(t + 1) for well in range(n - t + 1)]
            for well, ill in splits:
                codes[n, t, split * ill + well] = len(rows)
                rows.append((n, t, well, ill))
    starts, outcomes = [0], []
    for size in range(largest + 1):
        for toxic in range(size + 1):
            if plan.is_additive:
                outcomes += [(toxic, e, 0) for e in range(size + 1)]
            else:
                outcomes += [(toxic, well, ill) for ill in range(toxic + 1) for well in range(size - toxic + 1)]
        starts.append(len(outcomes))
    cell, outcome = np.array(rows, np.int64), np.array(outcomes, np.int64)
    return JointCells(
        codes=codes,
        split=split,
        patients=cell[:, 0].copy(),
        dlts=cell[:, 1].copy(),
        responses=np.ascontiguousarray(cell[:, 2:]),
        base=np.uint64(len(rows)),
        count_codes=count_codes,
        count_cells=np.array(counts, np.int64),
        count_base=np.uint64(len(counts)),
        starts=np.array(starts, np.int64),
        toxic=outcome[:, 0].copy(),
        responding=np.ascontiguousarray(outcome[:, 1:]),
        largest=largest,
    )


def _numbers(plan: JointPlan) -> range:
    """The numbers of patients that a dose may come to."""
    most, size, conduct = len(plan.moves) - 1, int(plan.conduct.sizes[0, 0]), plan.conduct
    alike = conduct.trial_sizes is None and (conduct.sizes == size).all() and conduct.max_patients % size == 0
    return range(0, most + 1, size if alike else 1)


def cohort_chances(cells: JointCells, joint: JointRates) -> Floats:
    """Probability of each outcome of a cohort at each dose, float64[D, O]."""
    size = np.repeat(np.arange(len(cells.starts) - 1), np.diff(cells.starts))
    toxic, (well, ill) = cells.toxic, cells.responding.T
    chances = np.zeros((len(joint.dlt), len(size)))
    splits = range(cells.largest + 1) if cells.split == 0 else (0,)
    for with_dlt in splits:  # where responses are not told apart, by how many of them are those with a DLT
        counts = np.array([size - toxic - well + with_dlt, well - with_dlt, toxic - ill - with_dlt, ill + with_dlt])
        possible = (counts >= 0).all(axis=0)
        counts = np.where(possible, counts, 0)
        ways = np.exp(special.gammaln(size + 1) - special.gammaln(counts + 1).sum(axis=0))
        ways = np.where(possible, np.rint(ways), 0)
        for dose, cell in enumerate(joint.cells):
            chances[dose] += ways * np.prod(cell[:, None] ** counts, axis=0)
    return chances


def _states(room: int, truths: int) -> JointStates:
    places = 1 << (2 * room - 1).bit_length()
    return JointStates(
        np.zeros(places, np.int64), np.empty(room, np.uint64), np.empty((room, truths)), np.zeros(1, np.int64)
    )


def _grown(states: JointStates, least: int) -> JointStates:
    """The same states with room for so many more at least."""
    used = int(states.used[0])
    larger = _states(max(2 * len(states.keys), used + least), states.mass.shape[1])
    larger.keys[:used], larger.mass[:used], larger.used[0] = states.keys[:used], states.mass[:used], used
    place_all(larger)
    return larger


def run_exact(plan: JointPlan, joints: list[JointRates]):
    cells = joint_cells(plan)
    truths, levels, most = len(joints), plan.levels, len(plan.moves) - 1
    chances = np.stack([cohort_chances(cells, joint) for joint in joints])
    width = (most + 1) * (most + 2) // 2
    found = JointSums(np.zeros((truths, levels, most + 1)), np.zeros((truths, levels, width)), np.zeros((truths, 3)))
    ended, states = _states(FIRST_ROOM, truths), _states(1, truths)
    states.keys[0], states.mass[0], states.used[0] = plan.conduct.start, 1.0, 1
    visited = 0
    while states.used[0]:
        living, first = _states(max(FIRST_ROOM, 4 * int(states.used[0])), truths), 0
        while (first := treat_cohorts(plan.arrays, cells, chances, states, first, living, ended, found)) < states.used[0]:
            needed = 3 * int(np.diff(cells.starts).max())
            if living.used[0] + needed > len(living.keys):
                living = _grown(living, needed)
            needed = (cells.largest + 1) * 4
            if ended.used[0] + needed > len(ended.keys):
                ended = _grown(ended, needed)
        visited += int(states.used[0])
        states = living
    return found, ended, cells, visited
