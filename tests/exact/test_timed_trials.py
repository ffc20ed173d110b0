"""Simulated trials with a calendar, of designs that wait: against the same trials without one, and event by event."""

import random

import numpy as np
import pytest

from escalation import BOIN, CRM, Keyboard, Monitoring, StateSpaceError, ThreePlusThree, Trial, exact, simulate
from escalation.characteristics.agreement import agreement
from escalation.engines import patients as virtual
from escalation.engines.clock import keys_of
from escalation.engines.endings import mean_days
from escalation.engines.outcomes import DURATION, HOLD
from escalation.engines.outcomes import LAST_ENROLMENT as LAST_DAY
from escalation.kernels import clock as clock_kernels
from escalation.kernels.codes import (
    END,
    ENROLLED,
    HOLD_DAYS,
    HOLDS,
    LAST_ENROLMENT,
    TURNED_AWAY,
    WAITING_DAYS,
)
from tests.conformance.test_every_design import CASES
from tests.naive.clock import hashed, play
from tests.support import in_each_case, levels

CALENDARS = [
    {"accrual_per_month": 3.0},
    {"accrual_per_month": 1.0, "while_closed": "lost", "arrivals": "fixed", "review_days": 3.0},
    {"accrual_per_month": 8.0, "while_closed": "queue", "arrivals": "uniform"},
    {"accrual_per_month": 2.0, "while_closed": "ready", "gap_days": [7, 2], "gap_at": "new_dose"},
    {"accrual_per_month": 2.0, "onset": {"kind": "weibull", "late_share": 0.7}, "gap_days": [3]},
]
LUCAR = Trial(doses=[50, 150, 300, 600], target=0.25, max_patients=36)
RATES = [0.05, 0.12, 0.25, 0.40]
COUNTED = [END, LAST_ENROLMENT, HOLD_DAYS, HOLDS, TURNED_AWAY, WAITING_DAYS, ENROLLED]


def with_calendar(trial, calendar, window=28.0):
    return Trial(**{**dict(trial), "dlt_window_days": window, "time": calendar})


@in_each_case([pytest.param(number, *case.values, id=case.id) for number, case in enumerate(CASES)])
def test_time_changes_no_count(number, design, trial):
    """For every design and option: the same patients, DLTs, doses and reasons, trial by trial."""
    timed = with_calendar(trial, CALENDARS[number % len(CALENDARS)])
    rates = np.linspace(0.05, 0.6, trial.levels)
    plain, with_time = (simulate(design, one, rates, trials=60, seed=number) for one in (trial, timed))
    for name in ("patients", "dlts", "recommended", "reason"):
        assert np.array_equal(getattr(plain, name), getattr(with_time, name)), name
    times = with_time.times
    assert (times[:, ENROLLED] == plain.patients.sum(axis=1)).all()
    assert (times[:, END] > times[:, LAST_ENROLMENT]).all()
    assert (times[:, END] <= times[:, LAST_ENROLMENT] + 28 + 1e-9).all()


def drawn(seed):
    """A design, a trial with a calendar of any kind, and true rates."""
    chance = random.Random(seed)
    doses, patients, size = chance.choice([1, 2, 3, 4]), chance.choice([6, 9, 10, 12, 18]), chance.choice([1, 2, 3, 3])
    calendar = {
        "accrual_per_month": chance.choice([0.5, 1.0, 3.0, 8.0]),
        "arrivals": chance.choice(["poisson", "fixed", "uniform"]),
        "while_closed": chance.choice(["wait", "lost", "ready", "queue"]),
        "review_days": chance.choice([0.0, 0.0, 5.0]),
        "gap_days": chance.choice([(), (), (7.0,), (7.0, 3.0)]),
        "gap_at": chance.choice(["cohort", "new_dose"]),
        "inevaluable": chance.choice([0.0, 0.0, 0.2, 0.5]),
        "replace": chance.choice([True, True, False]),
    }
    if calendar["gap_days"] and chance.random() < 0.4:
        calendar["sentinel_dlt"] = "close"
    expansion = {} if chance.random() < 0.7 else {"expansion": {"patients": 5, "cohort_size": 2, "monitoring": {}}}
    if chance.random() < 0.2:
        calendar["max_enrolled"] = patients + 5 * bool(expansion) + chance.choice([0, 2, 5])
    kind = chance.choice(["uniform", "uniform", "weibull", "loglogistic", "quantiles"])
    calendar["onset"] = {"kind": kind}
    if kind in ("weibull", "loglogistic"):
        calendar["onset"]["late_share"] = chance.choice([0.3, 0.5, 0.8])
    if kind == "quantiles":
        calendar["onset"]["quantiles"] = [(7.0, 0.5), (14.0, 0.5), (20.0, 0.9)]
    trial = Trial(
        doses=levels(doses), target=0.25, max_patients=patients, cohort_size=size, dlt_window_days=28, time=calendar,
        **expansion,
    )  # fmt: skip
    designs = [BOIN(), Monitoring()]
    if doses > 1:
        crm = CRM(half_width=0.05, prior_mtd=1)
        designs = [BOIN(), BOIN(stop_at=6), Keyboard(), crm, CRM(half_width=0.05, prior_mtd=1, coherent="cohort")]
        designs += [ThreePlusThree(), BOIN(titration=True)] if size == 3 else []
    rates = sorted(chance.choice([0.0, 0.05, 0.1, 0.25, 0.4, 0.6, 0.9]) for _ in range(doses))
    return chance.choice(designs), trial, rates


def differences(seed, trials):
    """How many trials differ from those that are played event by event."""
    design, trial, rates = drawn(seed)
    outcomes = simulate(design, trial, rates, trials=trials, seed=seed, threads=1)
    keys, tolerances = keys_of(seed, 0), virtual.tolerances(seed, 0, design.applied_to(trial).most_patients)
    differ = 0
    for number in range(trials):
        own = [int(one) / virtual.PARTS for one in tolerances[number]]
        played, state = play(design, trial, rates, own, int(keys[number]))
        found = [
            played.end, played.last, played.hold_days, played.holds, played.away, played.waiting_days, played.enrolled,
        ]  # fmt: skip
        differ += not (
            list(outcomes.patients[number]) == list(state.patients)
            and list(outcomes.dlts[number]) == list(state.dlts)
            and np.allclose(outcomes.times[number, COUNTED], found, rtol=0, atol=1e-6)
        )
    return differ


@pytest.mark.parametrize("seed", range(60))
def test_event_by_event(seed):
    assert differences(seed, 5) == 0


@pytest.mark.long
@pytest.mark.parametrize("first", range(1000, 1500, 250))
def test_thousands_event_by_event(first):
    assert sum(differences(seed, 5) for seed in range(first, first + 250)) == 0


@pytest.mark.parametrize(
    ("calendar", "wrong"),
    [
        (CALENDARS[0], {"dlt_window_days": 29}),
        (CALENDARS[0], {"time": {**CALENDARS[0], "review_days": 0.1}}),
        (CALENDARS[0], {"time": {**CALENDARS[0], "accrual_per_month": 3.01}}),
        (CALENDARS[4], {"time": {**CALENDARS[4], "gap_days": [4]}}),
        (CALENDARS[4], {"time": {**CALENDARS[4], "onset": {"kind": "weibull", "late_share": 0.71}}}),
    ],
)
def test_another_calendar_is_noticed(calendar, wrong):
    trial = with_calendar(LUCAR, calendar)
    other = Trial(**{**dict(trial), **wrong})
    days = [simulate(BOIN(), one, RATES, trials=20).times[:, END] for one in (trial, other)]
    assert np.abs(days[0] - days[1]).max() > 0.01


@pytest.mark.parametrize("calendar", CALENDARS[:2])
@pytest.mark.parametrize(
    "design", [BOIN(), CRM(half_width=0.06, prior_mtd=2), ThreePlusThree()], ids=lambda one: one.kind
)
def test_days_agree_with_the_exact_ones(design, calendar):
    trial, trials = with_calendar(LUCAR, calendar), 20_000
    known, seen = exact(design, trial).outcomes(RATES), simulate(design, trial, RATES, trials=trials, seed=3)
    for what, column in ((DURATION, END), (LAST_DAY, LAST_ENROLMENT), (HOLD, HOLD_DAYS)):
        error = seen.times[:, column].std() / trials**0.5
        assert abs(seen.times[:, column].mean() - mean_days(known, what)[0]) < 4 * error
    assert agreement(known, seen, [3]).agrees
    late = seen.times.copy()
    late[:, END] += 10.0
    assert agreement(known, type(seen)(**{**vars(seen), "times": late}), [3]).worst == "duration"


def test_who_is_evaluable_is_another_sample():
    """Of patients who may leave, those with a DLT remain more often: the exact counts are of their rates."""
    calendar = {"accrual_per_month": 3.0, "inevaluable": 0.3, "onset": {"kind": "weibull", "late_share": 0.8}}
    trial = with_calendar(LUCAR, calendar)
    known = exact(BOIN(), trial).outcomes(RATES)
    seen = simulate(BOIN(), trial, RATES, trials=20_000, seed=8)
    assert agreement(known, seen, [3]).agrees
    assert not agreement(
        type(known)(**{**vars(exact(BOIN(), LUCAR).outcomes(RATES)), "trial": trial}), seen, [3]
    ).agrees
    assert known.days is None


@pytest.mark.parametrize(
    ("calendar", "reason"),
    [
        ({"gap_days": [7], "sentinel_dlt": "close"}, 'with sentinel_dlt = "close" the size of a cohort depends on'),
        ({"inevaluable": 0.1, "replace": False}, "where patients who leave are not all replaced, how many are evalua"),
        ({"inevaluable": 0.1, "max_enrolled": 40}, "where patients who leave are not all replaced, how many are evalu"),
    ],
)
def test_what_is_simulated_only(calendar, reason):
    with pytest.raises(StateSpaceError, match=f"^{reason}.*: simulated only$"):
        exact(BOIN(), with_calendar(LUCAR, {"accrual_per_month": 2.0, **calendar}))


def days(trial, design=None, trials=200):
    rates = np.linspace(0, 0, trial.levels)
    return simulate(design or BOIN(), trial, rates, trials=trials).times[:, END].mean()


def test_gaps_follow_the_cohorts_that_there_are():
    """Of an expansion and of a design with cohorts of its own: not the trial's cohort_size. Nobody has a DLT."""
    calendar = {"accrual_per_month": 30.4375, "arrivals": "fixed", "gap_days": [7]}
    plain = {**calendar, "gap_days": []}
    options = {"doses": [1], "target": 0.25, "max_patients": 3, "dlt_window_days": 28}
    for size, more in ((1, 6), (3, 12)):  # singles are observed for longer than the gap; six days in a cohort of three
        expanded = {**options, "cohort_size": size, "expansion": {"patients": 3, "cohort_size": 3}}
        spaced, free = (days(Trial(**expanded, time=one), Monitoring()) for one in (calendar, plain))
        assert spaced - free == pytest.approx(more)
    two = {**options, "doses": [1, 2], "max_patients": 6}
    by_three = [days(Trial(**two, cohort_size=3, time=one), ThreePlusThree()) for one in (calendar, plain)]
    by_one = [days(Trial(**two, cohort_size=1, time=one), ThreePlusThree()) for one in (calendar, plain)]
    assert by_three == by_one
    assert by_three[0] - by_three[1] == pytest.approx(2 * 6)


def test_cohorts_of_one_at_some_doses_are_no_singles():
    """Sizes by dose and by DLTs together: one patient at the first dose, three at the second, and never fewer."""
    calendar = {"accrual_per_month": 30.4375, "arrivals": "fixed", "gap_days": [7]}
    sizes = {"by_dose": [1, 3], "by_dlts": [1, 1]}
    options = {"doses": [1, 2], "target": 0.25, "max_patients": 4, "cohort_size": sizes, "dlt_window_days": 28}
    spaced, free = (days(Trial(**options, time=one)) for one in (calendar, {**calendar, "gap_days": []}))
    assert spaced - free == pytest.approx(6)


def test_random_numbers():
    """The compiled hash and the one in whole numbers of Python; trials do not depend on how many there are."""
    for key in (0, 1, 2**63 + 12345):
        for number in (0, 1, (1 << 40) + 7):
            assert clock_kernels.uniform(np.uint64(key), np.uint64(number)) == hashed(key, number)
    shares = np.array([hashed(99, number) for number in range(20_000)])
    assert abs(shares.mean() - 0.5) < 4 * (1 / 12 / 20_000) ** 0.5
    trial = with_calendar(LUCAR, CALENDARS[0])
    few, many = (
        simulate(BOIN(), trial, RATES, trials=trials, threads=threads) for trials, threads in ((70, 1), (2100, 2))
    )
    assert np.array_equal(few.times, many.times[:70])
