"""Durations of trials: against every path in plain Python, trials played day by day, and sums of expected cohorts."""

import itertools

import numpy as np
import pytest
from scipy import stats

from escalation import BOIN, CRM, DesignError, StateSpaceError, ThreePlusThree, Trial, exact, operating_characteristics
from escalation.engines import durations, timing
from escalation.engines.allowance import Allowance
from escalation.engines.cohort_times import CohortTimes, cohort_times
from escalation.engines.durations import with_days
from escalation.engines.exact import enumerate_endings
from escalation.plans.clock import Clock, Onset
from escalation.running.start import start_of
from tests.exact.test_brute_force import CASES
from tests.naive.durations import duration, moments, played
from tests.support import levels

ONSETS = {
    "uniform": Onset("uniform", 28.0),
    "weibull": Onset("weibull", 28.0, 0.7),
    "loglogistic": Onset("loglogistic", 28.0, 0.75),
    "quantiles": Onset("quantiles", 28.0, None, ((5.0, 0.2), (10.0, 0.2), (20.0, 0.9), (28.0, 1.0))),
}
CLOCKS = [
    Clock(7.5, arrivals, while_closed, 28.0, 5.0, onset)
    for onset, arrivals, while_closed in itertools.product(
        ONSETS.values(), ("poisson", "fixed"), ("ready", "wait", "lost")
    )
]
CLOCK = CLOCKS[1]
LUCAR = Trial(doses=[50, 150, 300, 600], target=0.25, max_patients=36)
TRUTH = [0.05, 0.12, 0.25, 0.40]


def words(clock):
    return f"{clock.arrivals} {clock.while_closed} {clock.onset.kind}"


def timed(design, trial, clock, allowance=None):
    start, allowed = start_of(design, trial, None), allowance or Allowance()
    return with_days(enumerate_endings(start, allowed), start, allowed, clock)


@pytest.mark.parametrize("number", range(len(CASES)), ids=[case.id for case in CASES])
def test_every_path(number):
    """Every design, with titration, stops, uneven cohorts and expansions, each under another clock."""
    design, trial, rule, rates = CASES[number].values
    clock = CLOCKS[number % len(CLOCKS)]

    def days(rate, size, dlts, last):
        times = cohort_times(clock, rate, 12)
        mean, variance = (times.completion if last else times.opening)[size, dlts]
        return mean, variance + mean**2

    assert timed(design, trial, clock).duration(rates) == pytest.approx(duration(rule, rates, days), rel=1e-10)


SOME = {case.id: case for case in CASES}
PLAYED = [
    "3+3 no de-escalation",
    "boin last cohort smaller",
    "boin titration in pairs, start ignored",
    "crm cohorts of 1",
    "boin, one or three patients by the DLTs, or two by the dose",
]


@pytest.mark.parametrize("name", PLAYED)
@pytest.mark.parametrize("clock", CLOCKS[:6], ids=words)
def test_every_path_with_cohorts_integrated_patient_by_patient(name, clock):
    design, trial, rule, rates = SOME[name].values
    expected = duration(rule, rates, lambda rate, *cohort: moments(clock, rate, *cohort))
    assert timed(design, trial, clock).duration(rates) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", PLAYED)
@pytest.mark.parametrize("clock", [CLOCKS[1], CLOCKS[5], CLOCKS[8], CLOCKS[15]], ids=words)
def test_trials_played_day_by_day(name, clock):
    design, trial, rule, rates = SOME[name].values
    endings, random, trials = timed(design, trial, clock), np.random.default_rng(5), 400
    drawn = np.array([played(rule, rates, clock, random) for _ in range(trials)])
    exactly = [endings.duration(rates), endings.last_enrolment(rates), (endings.hold(rates), None)]
    for days, (mean, sd) in zip(drawn.T, exactly, strict=True):
        error = (days.std() if sd is None else sd) / trials**0.5
        assert abs(days.mean() - mean) < 4 * error
        if sd is not None:
            squares = (days - mean) ** 2
            assert abs(squares.mean() - sd**2) < 4 * squares.std() / trials**0.5


@pytest.mark.parametrize("design", [BOIN(), CRM(skeleton=[0.05, 0.12, 0.25, 0.4])], ids=lambda design: design.kind)
@pytest.mark.parametrize("clock", [clock for clock in CLOCKS if clock.while_closed == "ready"], ids=words)
def test_sum_of_expected_cohorts(design, clock):
    """All cohorts are of three, whose DLTs are binomial: the patients at each dose say how many there are."""
    expected = np.array(operating_characteristics(exact(design, LUCAR).outcomes(TRUTH)).patients) / 3
    chances = [stats.binom.pmf(np.arange(4), 3, rate) for rate in TRUTH]
    days = [chance @ cohort_times(clock, rate, 3).opening[3, :, 0] for chance, rate in zip(chances, TRUTH, strict=True)]
    mean, _ = timed(design, LUCAR, clock).duration(TRUTH)
    assert mean == pytest.approx(expected @ days - clock.review, rel=1e-12)


def test_what_is_certain():
    """Nobody has a DLT, and patients come a gap apart: 12 cohorts, each 20 days and the window, and 11 reviews."""
    endings = timed(BOIN(), LUCAR, Clock(10.0, "fixed", "ready", 28.0, 7.0, ONSETS["uniform"]))
    assert endings.duration([0, 0, 0, 0]) == (12 * 48 + 11 * 7, 0)
    assert endings.last_enrolment([0, 0, 0, 0]) == (12 * 48 + 11 * 7 - 28, 0)
    assert endings.hold([0, 0, 0, 0]) == 11 * 35


def test_days_do_not_change_anything_else():
    plain, with_clock = exact(BOIN(), LUCAR), timed(BOIN(), LUCAR, CLOCK)
    with_clock.duration(TRUTH)
    for name in ("patients", "dlts", "recommended", "reason", "sequences"):
        assert (getattr(plain, name) == getattr(with_clock, name)).all()
    assert plain.states == with_clock.states


def test_thousand_patients():
    """As many sequences as a floating-point number can be; cohorts of 100."""
    trial = Trial(doses=[1], target=0.25, max_patients=1000, cohort_size=100)
    mean, sd = timed(BOIN(), trial, CLOCK).duration([0.05])
    assert 10 * 99 * 7.5 + 28 < mean < 10 * (99 * 7.5 + 28 + 5 + 7.5)
    assert 0.9 * 7.5 * 990**0.5 < sd < 1.2 * 7.5 * 1000**0.5


def test_one_enumeration_serves_all_truths(monkeypatch):
    """Where the day of a DLT does not depend on the rate; otherwise there is one for each."""
    original, runs = durations.cohort_by_cohort, []

    def counted(*given):
        runs.append(given)
        return original(*given)

    monkeypatch.setattr(durations, "cohort_by_cohort", counted)
    for onset, expected in (("uniform", 1), ("weibull", 2)):
        runs.clear()
        endings = timed(ThreePlusThree(), LUCAR, Clock(10.0, "poisson", "wait", 28.0, 7.0, ONSETS[onset]))
        assert endings.duration(TRUTH) != endings.duration([0.1, 0.2, 0.3, 0.4])
        assert len(runs) == expected


def test_forgotten_review_of_all_but_the_last_cohort_is_noticed(monkeypatch):
    """And one that is counted after the last: each shifts the mean by days."""
    right, _ = timed(BOIN(), LUCAR, CLOCK).duration(TRUTH)

    def altered(change):
        with monkeypatch.context() as patch:
            patch.setattr(durations, "cohort_times", lambda *given: change(cohort_times(*given)))
            return timed(BOIN(), LUCAR, CLOCK).duration(TRUTH)[0]

    def counted_after_the_last(times: CohortTimes) -> CohortTimes:
        return times._replace(completion=times.completion + np.array([CLOCK.review, 0]))

    def forgotten(times: CohortTimes) -> CohortTimes:
        return times._replace(opening=times.completion)

    assert altered(lambda times: times) == right
    assert altered(counted_after_the_last) == pytest.approx(right + CLOCK.review)
    assert altered(forgotten) < right - 50


def test_days_in_another_order_are_noticed(monkeypatch):
    """Days of other states than those that a cohort left."""
    design, trial, _, rates = SOME["boin default"].values
    original = timing.Timing.follow

    def turned(self, *given):
        original(self, *given)
        self.living = np.ascontiguousarray(self.living[::-1])

    right = timed(design, trial, CLOCK).duration(rates)
    monkeypatch.setattr(timing.Timing, "follow", turned)
    assert abs(timed(design, trial, CLOCK).duration(rates)[0] - right[0]) > 1e-3


def test_refusals():
    with pytest.raises(DesignError, match="durations need a clock: when patients arrive, and how long"):
        exact(BOIN(), LUCAR).duration(TRUTH)
    with pytest.raises(DesignError, match="at a true DLT rate of 1 the day of a DLT has no weibull distribution"):
        timed(ThreePlusThree(), LUCAR, CLOCKS[7]).duration([0.1, 0.2, 0.3, 1.0])
    with pytest.raises(DesignError, match="rates"):
        timed(ThreePlusThree(), LUCAR, CLOCK).duration([0.1])
    with pytest.raises(StateSpaceError, match="more than 100 states"):
        timed(CRM(skeleton=[0.05, 0.12, 0.25, 0.4]), LUCAR, CLOCK, Allowance(100))


def test_a_clock_takes_more_memory_and_time():
    plan = BOIN().plan(Trial(doses=levels(6), target=0.25, max_patients=60))
    assert Allowance(memory=1).most_states(plan, timed=True).states < Allowance(memory=1).most_states(plan).states
    once, timed_once = (Allowance(seconds=1).most_states(plan, timed=clock).states for clock in (False, True))
    assert once / 4 < timed_once < once / 2
