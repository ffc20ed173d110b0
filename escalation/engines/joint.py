"""The engines for designs that decide by DLTs and responses: exact under given truths, and simulated trials.

Every truth gives each state its own probability, and all truths of a study go along together: the states are found
once. What trials come to at the end is summed as they end, because the endings, with their responses, would be too many
to keep.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import special

from escalation.engines.allowance import Allowance, too_many
from escalation.engines.clock import NO_TIMES, STOPPED, clock_arrays, response_clock_arrays
from escalation.engines.durations import days_by_size
from escalation.engines.endings import check_total
from escalation.engines.outcomes import OptimalDoses, Outcomes, ResponseSums
from escalation.engines.patients import tolerance_limits
from escalation.errors import StateSpaceError
from escalation.kernels.codes import NO_OPTIMAL_DOSE
from escalation.kernels.exact_joint import ENDS, begin_of, place_all, treat_cohorts, unpack_endings
from escalation.kernels.joint import run_joint_trials
from escalation.kernels.layout import JointCells, JointStates, JointSums
from escalation.numbers import cells_of
from escalation.plans.clock import evaluated_rates
from escalation.plans.joint import JointPlan
from escalation.plans.plan import Tolerances
from escalation.plans.start import JointStart, Start
from escalation.trial.joint import JointRates
from escalation.trial.trial import Trial

MOST_COUNTS = 200_000
"""Counts of patients, DLTs and responses at a dose that are told apart."""

FIRST_ROOM = 1024
"""States that there is room for at first."""

Keys = NDArray[np.uint64]
Whole = NDArray[np.int64]
Floats = NDArray[np.float64]


def joint_cells(plan: JointPlan, counts: Whole, begins: JointStart) -> JointCells:
    """The counts that a dose can come to in trials from so many patients and DLTs, and the outcomes of a cohort."""
    conduct, most = plan.conduct, len(plan.moves) - 1
    largest = min(conduct.largest, conduct.max_patients)
    goes_on = most if plan.enough is None else min(max(plan.enough - 1, int(counts[0].max())), most)
    split = 0 if plan.is_additive else most + 1
    dims = most + 1, most + 1, (most + 1) if plan.is_additive else (most + 1) ** 2
    codes = np.full(dims, -1, np.int32)
    count_codes = np.full((most + 1, most + 1), -1, np.int32)
    rows: list[tuple[int, int, int, int]] = []
    ends: list[tuple[int, int]] = []
    firsts, base = np.zeros(most + 2, np.int64), 0
    opens, given = np.zeros(most + 1, np.int64), _given(counts, begins, apart=split > 0)
    for n in _numbers(plan, counts[0], begins):
        here: list[tuple[int, int, int, int]] = []
        for t in range(n + 1):
            count_codes[n, t] = len(ends)
            ends.append((n, t))
            splits = [(e, 0) for e in range(n + 1)]
            if not plan.is_additive:
                splits = [(well, ill) for ill in range(t + 1) for well in range(n - t + 1)]
            here += [(n, t, well, ill) for well, ill in splits]
        # Those with which a dose may be given come first: no others are in a group.
        may_be = [cell in given or not (plan.toxic[n, cell[1]] or plan.futile[n, cell[2] + cell[3]]) for cell in here]
        opens[n] = sum(may_be)
        rows += sorted(here, key=dict(zip(here, may_be, strict=True)).__getitem__, reverse=True)
        firsts[n + 1 :] = len(rows)
        base = len(rows) if n <= goes_on else base
    for code, (n, t, well, ill) in enumerate(rows):
        codes[n, t, split * ill + well] = code
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
        firsts=firsts,
        opens=opens,
        widest=int(np.diff(firsts).max()),
        patients=cell[:, 0].copy(),
        dlts=cell[:, 1].copy(),
        responses=np.ascontiguousarray(cell[:, 2:]),
        base=np.uint64(base),
        count_codes=count_codes,
        count_cells=np.array(ends, np.int64),
        count_base=np.uint64(len(ends)),
        starts=np.array(starts, np.int64),
        toxic=outcome[:, 0].copy(),
        responding=np.ascontiguousarray(outcome[:, 1:]),
        largest=largest,
    )


def check_counts(plan: JointPlan, counts: Whole, begins: JointStart) -> None:
    """Refuse, with a StateSpaceError, trials in which a dose can come to too many counts."""
    ways = sum((n + 1) ** 2 if plan.is_additive else math.comb(n + 3, 3) for n in _numbers(plan, counts[0], begins))
    if ways > MOST_COUNTS:
        raise StateSpaceError(
            f"{ways:,} counts of patients, DLTs and responses can be seen at a dose, where {MOST_COUNTS:,} are looked "
            "at; fewer patients at a dose, as by stop_at, or larger cohorts have fewer"
        )


def _numbers(plan: JointPlan, patients: Whole, begins: JointStart) -> list[int]:
    """The numbers of patients that a dose may come to."""
    most, size, conduct = len(plan.moves) - 1, int(plan.conduct.sizes[0, 0]), plan.conduct
    if conduct.trial_sizes is not None or (conduct.sizes != size).any():
        return list(range(most + 1))
    first = {int(patients[dose]) + begins.size for dose in begins.doses} | set(patients.tolist())
    found = {number for one in first for number in range(one, most + 1, size)}
    last = (conduct.max_patients - int(patients.sum()) - begins.size) % size  # patients of a last, smaller cohort
    return sorted(found | {number + last for number in found if number + last <= most})


def _given(counts: Whole, begins: JointStart, *, apart: bool) -> set[tuple[int, int, int, int]]:
    """The counts at the doses of the first cohort, which may be closed, with responses told apart or not."""
    found = set()
    for dose in begins.doses:
        (n, t), (well, ill) = counts[:, dose].tolist(), begins.responses[dose].tolist()
        found.add((n, t, well, ill) if apart else (n, t, well + ill, 0))
    return found


def _first(cells: JointCells, counts: Whole, begins: JointStart, truths: int) -> JointStates:
    """The state, or several of equal probability, from which trials start."""
    levels, base = len(counts[0]), int(cells.base)
    places = [
        int(cells.codes[n, t, well + cells.split * ill if cells.split else well + ill])
        for n, t, (well, ill) in zip(*counts.tolist(), begins.responses.tolist(), strict=True)
    ]
    states = _states(len(begins.doses), truths, len(begins.doses) * cells.widest)
    code = sum(place * base**dose for dose, place in enumerate(places))
    for dose in begins.doses:
        first = int(cells.firsts[counts[0, dose]])
        key = (code - (places[dose] - first) * base**dose) * levels + dose
        begin = begin_of(states, np.uint64(key), int(cells.opens[counts[0, dose]]))
        states.mass[begin + places[dose] - first] = 1 / len(begins.doses)
    return states


def _ended(start: Start, begins: JointStart, joint: JointRates) -> Outcomes:
    """The one ending of a trial that has ended already."""
    trial, (patients, dlts) = start.trial, start.counts[:, None].astype(np.int16)
    responses = begins.responses.sum(axis=1)
    by_dose = np.zeros((trial.levels, trial.most_patients + 1))
    by_dose[np.arange(trial.levels), responses] = 1
    at_chosen, none = np.zeros((trial.levels, cells_of(trial.most_patients).shape[1])), np.zeros(len(NO_OPTIMAL_DOSE))
    if begins.optimal >= 0:
        n = int(patients[0, begins.optimal])
        at_chosen[begins.optimal, n * (n + 1) // 2 + int(responses[begins.optimal])] = 1
    else:
        none[list(NO_OPTIMAL_DOSE).index(begins.optimal)] = 1
    return Outcomes(
        trial=trial,
        rates=joint.dlt,
        patients=patients,
        dlts=dlts,
        recommended=np.array([start.recommended], np.int16),
        reason=np.array([start.reason], np.int8),
        probability=np.ones(1),
        after=start.data,
        response_sums=ResponseSums(by_dose, OptimalDoses(at_chosen, none)),
    )


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


def _states(groups: int, truths: int, room: int) -> JointStates:
    """Room for so many groups, and probabilities."""
    return JointStates(
        np.zeros(1 << (2 * groups - 1).bit_length(), np.int64),
        np.empty(groups, np.uint64),
        np.empty(groups, np.int64),
        np.empty((room, truths)),
        np.zeros(3, np.int64),
    )


def _with_room(states: JointStates, least: tuple[int, int]) -> JointStates:
    """The same states with room for so many more groups and probabilities, which is doubled where there is none."""
    groups, room = (int(used) for used in states.used[:2])
    if groups + least[0] <= len(states.keys) and room + least[1] <= len(states.mass):
        return states
    larger = _states(2 * len(states.keys) + least[0], states.mass.shape[1], 2 * len(states.mass) + least[1])
    larger.keys[:groups], larger.begins[:groups] = states.keys[:groups], states.begins[:groups]
    larger.mass[:room], larger.used[:] = states.mass[:room], states.used
    place_all(larger)
    return larger


class JointEndings:
    """How a design's trials end under given truths, which go along together when the first is asked for."""

    def __init__(self, start: Start, joints: Sequence[JointRates], allowance: Allowance) -> None:
        self.start, self.joints, self.allowance = start, list(joints), allowance
        self._found: dict[int, Outcomes] = {}

    def outcomes(self, joint: JointRates) -> Outcomes:
        """The outcomes under one of the truths; raises StateSpaceError where all take more than is allowed."""
        if not self._found:
            outcomes = exact_outcomes(self.start, self.joints, self.allowance)
            self._found = {id(one): found for one, found in zip(self.joints, outcomes, strict=True)}
        return self._found[id(joint)]


def exact_outcomes(start: Start, joints: Sequence[JointRates], allowance: Allowance) -> list[Outcomes]:
    """The outcomes under each truth; raises StateSpaceError where there are more states than are allowed."""
    plan, begins = start.plan.joint, start.joint
    assert plan is not None
    assert begins is not None
    if start.has_escalated:
        return [_ended(start, begins, joint) for joint in joints]
    check_counts(plan, start.counts, begins)
    try:
        return _enumerated(start, plan, begins, joints, allowance)
    except MemoryError:
        raise StateSpaceError(
            "there is not enough memory for the states; --max-memory (in Python max_memory) keeps to less"
        ) from None


def _enumerated(
    start: Start, plan: JointPlan, begins: JointStart, joints: Sequence[JointRates], allowance: Allowance
) -> list[Outcomes]:
    """The outcomes under each truth of a trial that goes on; raises as `exact_outcomes`."""
    cells = joint_cells(plan, start.counts, begins)
    if plan.levels * int(cells.base) ** plan.levels >= 2**64 or ENDS * int(cells.count_base) ** plan.levels >= 2**64:
        raise StateSpaceError(
            f"{int(cells.base):,} counts of patients, DLTs and responses can be seen at each of {plan.levels} doses, "
            "more than states are numbered for; fewer patients at a dose, as by stop_at, or fewer doses have fewer"
        )
    limit = allowance.most_joint_states(plan, len(joints))
    chances = np.stack([cohort_chances(cells, _evaluated(joint, start.trial)) for joint in joints])
    found, ended = _sums(plan, len(joints)), _states(FIRST_ROOM, len(joints), FIRST_ROOM)
    states, visited, treated, given = _first(cells, start.counts, begins, len(joints)), 0, 0, begins.size
    while states.used[0]:
        visited += int(states.used[1])
        if visited > limit.states:
            raise too_many(plan, limit, treated)
        states, ended = _one_cohort_more(plan, cells, chances, (states, given), ended, found)
        given = 0
        treated = min(treated + cells.largest, plan.conduct.max_patients)
    return [_outcomes(start, plan, cells, ended, found, joint, at) for at, joint in enumerate(joints)]


def _one_cohort_more(
    plan: JointPlan,
    cells: JointCells,
    chances: Floats,
    before: tuple[JointStates, int],
    ended: JointStates,
    found: JointSums,
) -> tuple[JointStates, JointStates]:
    """The states of trials that go on after one cohort more, and of all that have ended by then.

    `before` are the states before it, and its size where that is another than planned, else 0.
    """
    (states, given), first = before, 0
    living = _states(max(FIRST_ROOM, int(states.used[0])), chances.shape[0], max(FIRST_ROOM, 2 * int(states.used[1])))
    ends = ENDS * cells.largest * len(plan.moves)
    while True:
        first = treat_cohorts(plan.arrays, cells, chances, states, first, given, living, ended, found)
        if first == states.used[0]:
            return living, ended
        living, ended = _with_room(living, (3 * cells.widest, int(living.used[2]))), _with_room(ended, (ends, ends))


def _evaluated(joint: JointRates, trial: Trial) -> JointRates:
    """The rates among evaluable patients: leaving changes that of DLTs, and none of the responses given those."""
    dlt = evaluated_rates(joint.dlt, trial)
    if dlt is joint.dlt:
        return joint
    well, ill = joint.response_given_no_dlt, joint.response_given_dlt
    cells = np.stack([(1 - dlt) * (1 - well), (1 - dlt) * well, dlt * (1 - ill), dlt * ill], axis=1)
    return JointRates(dlt, cells[:, 1] + cells[:, 3], cells)


def _outcomes(
    start: Start, plan: JointPlan, cells: JointCells, ended: JointStates, found: JointSums, joint: JointRates, at: int
) -> Outcomes:
    """The outcomes under the truth of a number."""
    trial, count = start.trial, int(ended.used[0])
    patients, dlts = np.empty((2, count, plan.levels), np.int16)
    reasons = np.empty(count, np.int8)
    unpack_endings(cells, ended, patients, dlts, reasons)
    probability = ended.mass[ended.begins[:count], at]
    check_total(float(probability.sum()))
    by_dose = np.zeros((plan.levels, trial.most_patients + 1))
    by_dose[:, : found.responses.shape[2]] = found.responses[at]
    at_chosen = np.zeros((plan.levels, cells_of(trial.most_patients).shape[1]))
    at_chosen[:, : found.at_chosen.shape[2]] = found.at_chosen[at]
    return Outcomes(
        trial=trial,
        rates=joint.dlt,
        patients=patients,
        dlts=dlts,
        recommended=plan.recommend(patients, dlts),
        reason=reasons,
        probability=probability,
        after=start.data,
        days=days_by_size(start, patients),
        response_sums=ResponseSums(by_dose, OptimalDoses(at_chosen, found.none[at].copy())),
    )


def run_joint(
    start: Start, joint: JointRates, tolerances: Tolerances, keys: tuple[Keys, Keys], outcomes: Outcomes
) -> None:
    """Run trials of patients with these tolerances to their outcomes, in place.

    `keys` are those of the trials' times and of their responses. Times in the outcomes have room for notes.
    """
    plan, begins = start.plan.joint, start.joint
    assert plan is not None
    assert begins is not None
    assert outcomes.optimal is not None
    if start.has_escalated:
        outcomes.optimal[:] = begins.optimal
        return
    first = np.array(begins.doses, np.int64), begins.size
    rates = np.stack([joint.response_given_no_dlt, joint.response_given_dlt], axis=1)
    counts = outcomes.patients, outcomes.dlts, outcomes.responses
    ends = outcomes.recommended, outcomes.reason, outcomes.optimal
    clock, times = STOPPED, NO_TIMES
    if outcomes.times is not None:
        clock, times = clock_arrays(start.trial, joint.dlt, plan.conduct.largest), outcomes.times
    clocks = clock, response_clock_arrays(start.responses, joint.response)
    told = (tolerance_limits(joint.dlt), rates), tolerances, keys[::-1], counts, ends
    run_joint_trials(plan.arrays, clocks, first, *told, times)


def _sums(plan: JointPlan, truths: int) -> JointSums:
    most = len(plan.moves) - 1
    cells = (most + 1) * (most + 2) // 2
    return JointSums(
        np.zeros((truths, plan.levels, most + 1)),
        np.zeros((truths, plan.levels, cells)),
        np.zeros((truths, len(NO_OPTIMAL_DOSE))),
    )
