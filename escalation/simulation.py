"""The Monte Carlo engine: the rules applied cohort by cohort to virtual patients."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event

import numpy as np
from numpy.typing import ArrayLike, NDArray

from escalation import patients as virtual
from escalation.counts import is_whole
from escalation.defaults import SEED, TRIALS
from escalation.designs import Design
from escalation.errors import DesignError
from escalation.interim import InterimData
from escalation.kernels.curve_trials import run_curve_trials
from escalation.kernels.expansion_trials import run_expansions
from escalation.kernels.table_trials import run_table_trials
from escalation.outcomes import Outcomes, check_rates
from escalation.plans import CurvePlan, Plan
from escalation.recommend import recommend, reject_too_toxic
from escalation.start import Start, start_of
from escalation.trial import Trial


def simulate(
    design: Design,
    trial: Trial,
    rates: ArrayLike,
    *,
    trials: int = TRIALS,
    seed: int = SEED,
    threads: int | None = None,
    after: InterimData | str | None = None,
) -> Outcomes:
    """Simulate trials of a design under a truth.

    Parameters
    ----------
    design : Design
    trial : Trial
    rates : sequence of float
        True DLT rate of each dose level.
    trials : int
        Number of trials, at least 1.
    seed : int
        Not negative. The same seed gives the same virtual patients to every design and every truth, and the same
        outcomes to the bit whatever the number of threads.
    threads : int, optional
        By default one for each core.
    after : InterimData or str, optional
        The data of a running trial, such as "1NNN 2NTT": how it can go on.

    Returns
    -------
    Outcomes
        An ending for each trial, in order.

    Raises
    ------
    DesignError
        A ValueError: the design does not fit the trial, or another argument is out of range.
    OutcomesError
        A ValueError: the data cannot be read, or leave open what the design looks at.

    Examples
    --------
    >>> from escalation import BOIN, Trial
    >>> trial = Trial(doses=[50, 150, 300, 600], target=0.25, max_patients=36)
    >>> simulate(BOIN(), trial, [0.05, 0.12, 0.25, 0.40], trials=1000, seed=1).patients.shape
    (1000, 4)
    """
    true_rates = check_rates(rates, trial)
    workers = os.cpu_count() or 1 if threads is None else threads
    for name, value, least in (("trials", trials, 1), ("seed", seed, 0), ("threads", workers, 1)):
        if not is_whole(value) or value < least:
            raise DesignError(f"{name}: {value!r} should be a whole number, at least {least}")
    start = start_of(design, trial, after)
    trial, plan, expansion = start.trial, start.plan, start.expansion
    limits = virtual.tolerance_limits(true_rates)
    outcomes = _unfinished(start, true_rates, trials)
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
        for block in range(first, blocks, workers):
            if stopped.is_set():
                return
            run_block(block, room)

    with ThreadPoolExecutor(workers) as pool:
        try:
            for _ in pool.map(run_blocks, range(workers)):
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
