"""The Monte Carlo engine: the rules applied cohort by cohort to virtual patients."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event

import numpy as np
from numpy.typing import NDArray

from escalation.engines import patients as virtual
from escalation.engines.clock import NO_KEYS, NO_TIMES, STOPPED, clock_arrays, keys_of, response_clock_arrays
from escalation.engines.exposure import ExposureRule
from escalation.engines.joint import run_joint
from escalation.engines.optimal import ResponseLaws
from escalation.engines.outcomes import ByExposure, Outcomes, refuse_undecided, reject_too_toxic
from escalation.kernels.codes import NOTE, NOTES, TIMES
from escalation.kernels.optimal import count_responses, follow_responses
from escalation.kernels.simulated_expansions import run_expansions
from escalation.plans.late_onset import late_onset
from escalation.plans.plan import Block, Escalate, Tolerances
from escalation.plans.start import Start
from escalation.trial.joint import JointRates

NOTES_AT_ONCE = 200_000
"""Of the trials whose notes are kept side by side: 8 MB."""

NOTES_A_PATIENT = 2
"""For which there is room at first: on the patient, on holds, and on decisions."""


class Simulation:
    """Trials from a start under true DLT rates, float64[D]: what all of them share."""

    def __init__(self, start: Start, rates: NDArray[np.float64]) -> None:
        trial, plan, expansion = start.trial, start.plan, start.expansion
        self.start, self.rates, self.limits = start, rates, virtual.tolerance_limits(rates)
        late = None if start.pending is None else late_onset(plan, start.pending)
        conduct = plan.conduct if late is None else late.conduct
        clock = STOPPED if start.data is not None else clock_arrays(trial, rates, conduct.largest)
        self.escalate: Escalate | None = None
        if late is not None:
            self.escalate = late.escalation(self.limits, clock)
        elif not start.has_escalated:
            self.escalate = plan.escalation(start.counts, self.limits, clock)
        self.expanding = STOPPED
        if clock.is_running and expansion is not None:
            self.expanding = clock_arrays(trial, rates, int(expansion.cohorts.max()), expanding=True)

    def run(self, tolerances: Tolerances, keys: NDArray[np.uint64], outcomes: Outcomes) -> None:
        """Run trials with these tolerances and keys, one each, to their outcomes, in place."""
        plan, expansion, limits = self.start.plan, self.start.expansion, self.limits
        patients, dlts, recommended, reason = outcomes.patients, outcomes.dlts, outcomes.recommended, outcomes.reason
        times = NO_TIMES if outcomes.times is None else outcomes.times
        if self.escalate is not None:
            known = _with_begun(tolerances, self.start, limits)
            self.escalate(Block(known, keys, patients, dlts, recommended, reason, times))
            refuse_undecided(patients, dlts, reason)
            reject_too_toxic(plan, patients, dlts, recommended, reason)
        if expansion is not None and outcomes.declared is not None:
            outcomes.declared[:] = recommended
            told = limits, tolerances, keys
            run_expansions(expansion.arrays(), self.expanding, *told, patients, dlts, recommended, reason, times)


def simulate_trials(
    start: Start,
    rates: NDArray[np.float64],
    *,
    trials: int,
    seed: int,
    threads: int,
    joint: JointRates | None = None,
    exposure: ExposureRule | None = None,
) -> Outcomes:
    """Simulate trials from a start under true DLT rates, float64[D]: an ending for each, in order.

    With `joint` rates, whose DLT rates these are, patients have responses; by `exposure` an optimal dose is chosen.
    """
    outcomes = _with_responses(unfinished(start, rates, trials), start, joint)
    most, plan = start.trial.most_patients, start.plan.joint
    if exposure is not None:
        outcomes = replace(outcomes, by_exposure=ByExposure(np.empty(trials, np.int16), np.empty(trials)))
    if plan is None or joint is None:
        simulation = Simulation(start, rates)
    blocks = -(-trials // virtual.BLOCK)

    def run_block(block: int, room: NDArray[np.uint32] | None) -> None:
        first = block * virtual.BLOCK
        last = min(first + virtual.BLOCK, trials)
        if room is None:
            tolerances = virtual.tolerances(seed, block, most)[: last - first]
        else:
            tolerances = virtual.draw_tolerances(seed, block, room)[: last - first]
        is_noted = joint is not None or start.responses is not None or exposure is not None
        keys = NO_KEYS if outcomes.times is None else keys_of(seed, block)
        responding = virtual.response_keys(seed, block) if is_noted else NO_KEYS
        exposed = NO_KEYS if exposure is None else virtual.exposure_keys(seed, block)
        some = outcomes.part(slice(first, last))

        def run_rows(rows: slice, found: Outcomes) -> None:
            told = tolerances[rows], (keys[rows], responding[rows], exposed[rows])
            if plan is not None and joint is not None:
                run_joint(start, joint, told[0], told[1][:2], found)
            else:
                run_with_notes(simulation, *told, (joint, exposure), found)

        if not is_noted:
            simulation.run(tolerances, keys, some)
        elif plan is not None and outcomes.times is None:
            run_rows(slice(0, last - first), some)  # what it looks at is counted as it goes
        else:
            run_noted(start, rates, tolerances, run_rows, some)

    _run_blocks(run_block, blocks, threads, most)
    return outcomes


def _run_blocks(
    run_block: Callable[[int, NDArray[np.uint32] | None], None], blocks: int, threads: int, most: int
) -> None:
    """Run all blocks of trials with at most so many patients, each thread with room for the patients of one."""
    stopped = Event()  # on Ctrl-C

    def run_blocks(first: int) -> None:
        # One task for each thread: handing over every block on its own would take a third of the time.
        room = np.empty((virtual.BLOCK, most), np.uint32) if blocks > virtual.KEPT else None
        for block in range(first, blocks, threads):
            if stopped.is_set():
                return
            run_block(block, room)

    with ThreadPoolExecutor(threads) as pool:
        try:
            for _ in pool.map(run_blocks, range(threads)):
                pass
        finally:
            stopped.set()


def _with_responses(outcomes: Outcomes, start: Start, joint: JointRates | None) -> Outcomes:
    """Outcomes with room for responses, where patients have any, and those that are known already."""
    if joint is None:
        return outcomes
    known = np.broadcast_to(ResponseLaws.of(joint, start.data).responses.T, (*outcomes.patients.shape, 2))
    optimal = None if start.plan.joint is None else np.empty(len(outcomes.patients), np.int16)
    return replace(outcomes, responses=known.astype(np.int16, order="C"), optimal=optimal)


def run_noted(
    start: Start,
    rates: NDArray[np.float64],
    tolerances: Tolerances,
    run: Callable[[slice, Outcomes], None],
    outcomes: Outcomes,
) -> None:
    """Run trials with notes of their patients, by `run`, to their outcomes, in place.

    Counts alone do not tell which of a trial's patients had which dose, nor when. So notes are taken of each trial,
    some trials at a time, and where the room is not enough once more with twice as much. `run` gets the rows of the
    trials, and outcomes to finish whose times have this room behind them.
    """
    room, trials, first = int(NOTES_A_PATIENT * tolerances.shape[1]) + 1, len(tolerances), 0
    while first < trials:
        rows = slice(first, min(first + max(NOTES_AT_ONCE // room, 1), trials))
        notes, into = np.zeros((rows.stop - first, NOTES + 1 + NOTE * room)), outcomes.part(rows)
        some = replace(
            unfinished(start, rates, len(notes)),
            times=notes,
            responses=None if into.responses is None else into.responses.copy(),
            optimal=None if into.optimal is None else into.optimal.copy(),
            by_exposure=into.by_exposure,
        )
        run(rows, some)
        if (notes[:, NOTES] + NOTE > NOTE * room).any():
            room *= 2
            continue
        for name in ("patients", "dlts", "recommended", "reason", "declared", "responses", "optimal"):
            found, place = getattr(some, name), getattr(into, name)
            if found is not None and place is not None:
                place[:] = found
        if into.times is not None:
            into.times[:] = notes[:, :TIMES]
        first = rows.stop


def run_with_notes(
    simulation: Simulation,
    tolerances: Tolerances,
    keys: tuple[NDArray[np.uint64], NDArray[np.uint64], NDArray[np.uint64]],
    looked_at: tuple[JointRates | None, ExposureRule | None],
    outcomes: Outcomes,
) -> None:
    """As `run` of the simulation, of trials that wait for responses at their end, or have any, or exposures.

    `keys` are those of the trials, of their responses and of their exposures; times in the outcomes have room for
    notes. Known responses are in the outcomes already. Without `joint` rates responses are not looked at, which are all
    known at the end of their window.
    """
    start, responses, (joint, exposure) = simulation.start, outcomes.responses, looked_at
    simulation.run(tolerances, keys[0], outcomes)
    rates = np.zeros((start.trial.levels, 2))
    if joint is not None:
        rates = np.stack([joint.response_given_no_dlt, joint.response_given_dlt], axis=1)
    assert outcomes.times is not None
    if responses is not None:
        waiting = np.zeros((start.trial.levels, 2), np.int64)
        if start.data is not None and start.data.response_pending is not None:
            waiting[:] = start.data.response_pending
        treated = np.int64(start.counts[0].sum()), np.int64(start.begun[0])
        count_responses(outcomes.times, keys[1], rates, *treated, waiting, responses)
    if start.responses is not None:
        clock = response_clock_arrays(start.responses, rates[:, 0] if joint is None else joint.response)
        follow_responses(clock, outcomes.times, keys[1], rates)
    if exposure is not None and outcomes.by_exposure is not None:
        exposure.choose(outcomes.times, keys[2], outcomes.recommended, outcomes.by_exposure)


def _with_begun(tolerances: Tolerances, start: Start, limits: NDArray[np.int64]) -> Tolerances:
    """Tolerances with those of the first cohort's patients whose outcomes are known already."""
    size, toxic = start.begun
    if size == 0:
        return tolerances
    first, limit = int(start.counts[0].sum()), limits[start.plan.conduct.start]
    lowest, highest = 0, int(virtual.PARTS) - 1
    if not lowest < limit <= highest:  # outcomes that are impossible under this truth need tolerances that are, too
        lowest, highest, tolerances = -1, int(virtual.PARTS), tolerances.astype(np.int64)
    known = tolerances.copy()
    known[:, first : first + toxic], known[:, first + toxic : first + size] = lowest, highest
    known.flags.writeable = False  # as those that were drawn: another kind of array is another compilation
    return known


def unfinished(start: Start, rates: NDArray[np.float64], trials: int) -> Outcomes:
    """Outcomes for a simulation to finish."""
    shape = trials, start.trial.levels
    return Outcomes(
        trial=start.trial,
        rates=rates,
        patients=np.full(shape, start.counts[0], np.int16),
        dlts=np.full(shape, start.counts[1], np.int16),
        recommended=np.full(trials, start.recommended, np.int16),
        reason=np.full(trials, start.reason, np.int8),
        probability=np.full(trials, 1 / trials),
        trials=trials,
        declared=None if start.trial.expansion is None else np.full(trials, start.declared, np.int16),
        times=None if start.trial.time is None or start.data is not None else np.zeros((trials, TIMES)),
        after=start.data,
    )
