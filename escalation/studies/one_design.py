"""One design on one trial: its exact endings, and its simulated trials."""

import os
from collections.abc import Sequence
from dataclasses import replace

from numpy.typing import ArrayLike

from escalation.defaults import SEED, TRIALS
from escalation.designs import Design
from escalation.engines.allowance import Allowance
from escalation.engines.course import Course, course_of
from escalation.engines.durations import with_days
from escalation.engines.endings import Enumeration
from escalation.engines.exact import enumerate_endings
from escalation.engines.exposure import ExposureRule
from escalation.engines.joint import JointEndings
from escalation.engines.late_onset import EndingsByTruth, late_endings
from escalation.engines.outcomes import Outcomes
from escalation.engines.simulated import simulate_trials
from escalation.errors import DesignError, OutcomesError, StateSpaceError
from escalation.numbers import is_whole
from escalation.plans.clock import clock_of
from escalation.plans.joint import NEEDS_RESPONSES
from escalation.plans.start import Start
from escalation.running.start import start_of
from escalation.scenario.truths.truth import Truth
from escalation.trial.data import NO_EXPOSURES, InterimData
from escalation.trial.joint import JointRates
from escalation.trial.rates import check_rates
from escalation.trial.trial import Trial


def exact(
    design: Design,
    trial: Trial,
    *,
    after: InterimData | str | None = None,
    max_states: int | None = None,
    max_seconds: float | None = None,
    max_memory: float | None = None,
) -> Enumeration:
    """Enumerate every ending of a design's trials.

    Parameters
    ----------
    design : Design
    trial : Trial
    after : InterimData or str, optional
        The data of a running trial, such as "1NNN 2NTT": every ending that is still possible.
    max_states : int, optional
        Refuse when there are, or may be, more states than this. By default 50 million, or as many as the next two
        leave; a number has neither default count.
    max_seconds : float, optional
        And more than this many seconds would be needed, by estimate. Default 10.
    max_memory : float, optional
        And more GB than this. By default half of the memory: the machine's, or what a control group or `ulimit -v`
        allows of it.

    Returns
    -------
    Enumeration
        Ask it for the `outcomes` under as many truths as you like.

    Raises
    ------
    DesignError
        A ValueError: the design does not fit the trial, or a limit is no number above 0.
    OutcomesError
        A ValueError: the data cannot be read, or leave open what the design looks at.
    StateSpaceError
        There are more states than are allowed; or, under a table plan, there may be: of its bound, which looks at the
        first 64 cohorts, it is said after five million states. Or the likelihoods of a curve plan, or the states, do
        not fit into the memory. Or the design decides while patients are pending, and what is known then depends on
        days: because arrivals are not fixed and lost while accrual is held, or on the true rates, as under a Weibull
        onset, where `run` has exact values for each truth.

    Examples
    --------
    >>> from escalation import BOIN, Trial, operating_characteristics
    >>> trial = Trial(doses=[50, 150, 300, 600], target=0.25, max_patients=36)
    >>> endings = exact(BOIN(), trial)
    >>> round(operating_characteristics(endings.outcomes([0.05, 0.12, 0.25, 0.40])).pcs, 4)
    0.6035
    """
    return endings_within(design, trial, after, Allowance(max_states, max_seconds, max_memory))


def endings_within(design: Design, trial: Trial, after: InterimData | str | None, allowance: Allowance) -> Enumeration:
    """The endings as `exact` gives them, within an allowance."""
    _check_counts(trial, after)
    try:
        start = start_of(design, trial, after)
        if start.plan.joint is not None:
            raise StateSpaceError(f"{NEEDS_RESPONSES}: exact only under truths that have them")
        if start.pending is not None:
            return late_endings(start, allowance)
        endings, clock = enumerate_endings(start, allowance), clock_of(start.trial)
        has_days = clock is not None and trial.time is not None and trial.time.inexact_days is None and after is None
        has_days = has_days and (start.responses is None or start.responses.at_end)
        return with_days(endings, start, allowance, clock) if has_days and clock is not None else endings
    except MemoryError:
        raise StateSpaceError(
            "there is not enough memory for the states; --max-memory (in Python max_memory) keeps to less"
        ) from None


def under_each_truth(
    design: Design,
    trial: Trial,
    after: InterimData | str | None,
    allowance: Allowance,
    truths: Sequence[JointRates | None],
) -> Enumeration | EndingsByTruth | JointEndings:
    """What can be asked for exact outcomes under truths, of which the responses are told where there are any.

    Endings for all truths, for each truth its own, or, of a design that decides by responses, for all these together.
    """
    if design.looks_at_responses:
        _check_counts(trial, after)
        return JointEndings(start_of(design, trial, after), [joint for joint in truths if joint is not None], allowance)
    clock = clock_of(trial)
    if design.is_late_onset and after is None and clock is not None and clock.onset.depends_on_rate:
        return EndingsByTruth(
            start_of(design, trial, None), replace(allowance, designs=allowance.designs * max(len(truths), 1))
        )
    return endings_within(design, trial, after, allowance)


def simulate(
    design: Design,
    trial: Trial,
    rates: ArrayLike | JointRates | Truth,
    *,
    trials: int = TRIALS,
    seed: int = SEED,
    threads: int | None = None,
    after: InterimData | str | None = None,
    max_memory: float | None = None,
) -> Outcomes:
    """Simulate trials of a design under a truth.

    Parameters
    ----------
    design : Design
    trial : Trial
    rates : sequence of float, JointRates or Truth
        True DLT rate of each dose level; or those of DLTs and responses, and patients then have both; or a truth, and
        they have what it says of responses and exposures, by which a design may choose an optimal dose. All else is the
        same.
    trials : int
        Number of trials, at least 1.
    seed : int
        Not negative. The same seed gives the same virtual patients to every design and every truth, and the same
        outcomes to the bit whatever the number of threads.
    threads : int, optional
        By default one for each core.
    after : InterimData or str, optional
        The data of a running trial, such as "1NNN 2NTT": how it can go on.
    max_memory : float, optional
        GB that they may take, by estimate. By default half of the memory.

    Returns
    -------
    Outcomes
        An ending for each trial, in order.

    Raises
    ------
    DesignError
        A ValueError: the design does not fit the trial, or another argument is out of range.
    OutcomesError
        A ValueError: the data cannot be read, or leave open what the design looks at; or it chooses an optimal dose by
        exposure, which they do not have.
    CostError
        They would take more memory.

    Examples
    --------
    >>> from escalation import BOIN, Trial
    >>> trial = Trial(doses=[50, 150, 300, 600], target=0.25, max_patients=36)
    >>> simulate(BOIN(), trial, [0.05, 0.12, 0.25, 0.40], trials=1000, seed=1).patients.shape
    (1000, 4)
    """
    exposure = ExposureRule.of(design.optimal_dose, rates.exposure) if isinstance(rates, Truth) else None
    if isinstance(rates, Truth):
        rates = rates.joint or rates.dlt_rates
    joint = rates if isinstance(rates, JointRates) else None
    true_rates = check_rates(rates.dlt if isinstance(rates, JointRates) else rates, trial)
    if exposure is not None and len(exposure.log_means) != trial.levels:
        raise DesignError(f"exposure: {len(exposure.log_means)} geometric means for {trial.levels} dose levels")
    workers = os.cpu_count() or 1 if threads is None else threads
    for name, value, least in (("trials", trials, 1), ("seed", seed, 0), ("threads", workers, 1)):
        if not is_whole(value) or value < least:
            raise DesignError(f"{name}: {value!r} should be a whole number, at least {least}")
    if after is not None:
        _check_calendar(trial)
    if after is not None and exposure is not None:
        raise OutcomesError(f"outcomes: the design chooses an optimal dose by exposure: {NO_EXPOSURES}")
    start = start_of(design, trial, after)
    _check_seen(start, joint)
    Allowance(memory=max_memory).check_memory(design.kind, start.plan, trials)
    return simulate_trials(start, true_rates, trials=trials, seed=seed, threads=workers, joint=joint, exposure=exposure)


def course(design: Design, trial: Trial, rates: ArrayLike | JointRates, *, number: int = 1, seed: int = SEED) -> Course:
    """The course of one of the trials that `simulate` simulates, by its number from 1; `rates` as there.

    Raises
    ------
    DesignError
        A ValueError: the trial has no calendar; otherwise as for `simulate`.

    Examples
    --------
    >>> from escalation import BOIN, Trial
    >>> trial = Trial(doses=[1, 2], target=0.25, max_patients=6, dlt_window_days=28, time={"accrual_per_month": 3})
    >>> found = course(BOIN(), trial, [0.1, 0.3], number=2)
    >>> len(found.patients), [one.dose for one in found.decisions]
    (6, [1])
    """
    joint = rates if isinstance(rates, JointRates) else None
    true_rates = check_rates(rates.dlt if isinstance(rates, JointRates) else rates, trial)
    for name, value, least in (("number", number, 1), ("seed", seed, 0)):
        if not is_whole(value) or value < least:
            raise DesignError(f"{name}: {value!r} should be a whole number, at least {least}")
    if trial.time is None:
        raise DesignError("time: the trial has no calendar; [trial.time] says when patients arrive")
    start = start_of(design, trial, None)
    _check_seen(start, joint)
    return course_of(start, true_rates, number=number - 1, seed=seed, joint=joint)


def _check_seen(start: Start, joint: JointRates | None) -> None:
    """Refuse truths without responses where the end of trials depends on them."""
    if joint is None and start.responses is not None and not start.responses.at_end:
        raise DesignError(
            'rates: with response_seen = "when_it_occurs" the end of a trial depends on responses; the truth should '
            "have response_rates (in Python JointRates)"
        )


def _check_counts(trial: Trial, after: InterimData | str | None) -> None:
    """Refuse exact values where further patients and DLTs depend on days."""
    if after is not None:
        _check_calendar(trial)
    elif trial.time is not None and trial.time.inexact_counts is not None:
        raise StateSpaceError(f"{trial.time.inexact_counts}: simulated only")


def _check_calendar(trial: Trial) -> None:
    """Refuse data of a running trial whose further patients and DLTs depend on days that the data do not have."""
    if trial.time is not None and trial.time.changes_counts:
        raise OutcomesError(
            "outcomes: [trial.time] closes cohorts early or has patients leave, which depends on days that these data "
            "do not have; leave sentinel_dlt and inevaluable out"
        )
