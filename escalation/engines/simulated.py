"""The Monte Carlo engine: the rules applied cohort by cohort to virtual patients."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event

import numpy as np
from numpy.typing import NDArray

from escalation.engines import patients as virtual
from escalation.engines.outcomes import Outcomes
from escalation.kernels.simulated_curves import run_curve_trials
from escalation.kernels.simulated_expansions import run_expansions
from escalation.kernels.simulated_tables import run_table_trials
from escalation.plans.curves import CurvePlan
from escalation.plans.plan import Plan
from escalation.plans.recommend import recommend, reject_too_toxic
from escalation.plans.start import Start


def simulate_trials(start: Start, rates: NDArray[np.float64], *, trials: int, seed: int, threads: int) -> Outcomes:
    """Simulate trials from a start under true DLT rates, float64[D]: an ending for each, in order."""
    trial, plan, expansion = start.trial, start.plan, start.expansion
    limits = virtual.tolerance_limits(rates)
    outcomes = _unfinished(start, rates, trials)
    escalate = None if start.has_escalated else _escalation(plan, start.counts, limits)

    blocks = -(-trials // virtual.BLOCK)

    def run_block(block: int, room: NDArray[np.uint32] | None) -> None:
        first = block * virtual.BLOCK
        last = min(first + virtual.BLOCK, trials)
        if room is None:
            tolerances = virtual.tolerances(seed, block, trial.most_patients)[: last - first]
        else:
            tolerances = virtual.draw_tolerances(seed, block, room)[: last - first]
        patients, dlts = outcomes.patients[first:last], outcomes.dlts[first:last]
        recommended, reason = outcomes.recommended[first:last], outcomes.reason[first:last]
        if escalate is not None:
            escalate(tolerances, patients, dlts, recommended, reason)
            reject_too_toxic(recommended, reason)
        if expansion is not None and outcomes.declared is not None:
            outcomes.declared[first:last] = recommended
            run_expansions(expansion.arrays(), limits, tolerances, patients, dlts, recommended, reason)

    stopped = Event()  # on Ctrl-C

    def run_blocks(first: int) -> None:
        # One task for each thread: handing over every block on its own would take a third of the time.
        room = np.empty((virtual.BLOCK, trial.most_patients), np.uint32) if blocks > virtual.KEPT else None
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
    return outcomes


_Escalate = Callable[
    [NDArray[np.uint32], NDArray[np.int16], NDArray[np.int16], NDArray[np.int16], NDArray[np.int8]], None
]


def _escalation(plan: Plan, counts: NDArray[np.int64], limits: NDArray[np.int64]) -> _Escalate:
    """Dose escalation in a block of trials: from tolerances to counts, recommended doses and reasons."""
    if isinstance(plan, CurvePlan):
        evidence, places = cohort_evidence(plan, treated=int(counts[0].sum()))
        curves = (replace(plan, weight=plan.learned(*counts)) if counts.any() else plan).arrays()

        def by_model(tolerances, patients, dlts, recommended, reason):  # type: ignore[no-untyped-def]
            run_curve_trials(curves, evidence, places, limits, tolerances, patients, dlts, recommended, reason)

        return by_model
    tables = plan.arrays()

    def by_table(tolerances, patients, dlts, recommended, reason):  # type: ignore[no-untyped-def]
        run_table_trials(tables, limits, tolerances, patients, dlts, reason)
        recommended[:] = recommend(plan, patients, dlts)

    return by_table


def _unfinished(start: Start, rates: NDArray[np.float64], trials: int) -> Outcomes:
    """Outcomes for the blocks to finish, each its own part."""
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
        after=start.data,
    )


def cohort_evidence(plan: CurvePlan, treated: int = 0) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """What each outcome of a cohort says of the curves, for all sizes that a cohort can have.

    Parameters
    ----------
    plan : CurvePlan
    treated : int
        Patients that all trials begin with.

    Returns
    -------
    evidence : float64[D, P, m + 1, G]
        By dose, place of the size, DLTs and curve.
    places : int64[m + 1]
        Place of each size.
    """
    most = int(plan.sizes.max())
    regular = np.unique(plan.sizes)
    if plan.titration or len(regular) > 1:
        sizes = np.arange(1, most + 1)  # what is left for the last cohort depends on the trial
    else:
        sizes = np.unique([most, (plan.max_patients - treated) % most or most])
    places = np.zeros(most + 1, np.int64)
    places[sizes] = np.arange(len(sizes))
    patients = np.repeat(sizes, most + 1)
    dlts = np.minimum(np.tile(np.arange(most + 1), len(sizes)), patients)
    evidence = plan.evidence(patients, dlts)
    return evidence.reshape(plan.levels, len(sizes), most + 1, evidence.shape[2]), places
