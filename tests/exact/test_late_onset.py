"""Late-onset designs whose patients come so slowly that every outcome is known are the designs for complete data."""

from dataclasses import replace

import numpy as np
import pytest

from escalation import (
    BLRM,
    BMACRM,
    BOIN,
    CRM,
    MTPI,
    MTPI2,
    DesignError,
    I3Plus3,
    Keyboard,
    ThreePlusThree,
    Trial,
)
from escalation.designs.pending import Predict, Roll, Weigh
from escalation.engines.simulated import simulate_trials
from escalation.kernels.codes import END, HOLDS, LAST_ENROLMENT, PENDING
from escalation.plans.pending import PendingPlan
from escalation.running.start import start_of
from tests.support import levels

RATES = np.array([0.05, 0.12, 0.3, 0.5])
LATE = [
    (BOIN(), Weigh()),
    (BOIN(), Weigh(method="ess", fewest_complete=3, least_follow_up=0.25)),
    (Keyboard(), Weigh()),
    (MTPI(), Weigh()),
    (MTPI2(), Weigh()),
    (MTPI2(), Predict()),
    (I3Plus3(), Predict(suspend="disagreement")),
    (ThreePlusThree(), Roll()),
    (CRM(half_width=0.06, prior_mtd=3), Weigh()),
    (CRM(half_width=0.05, prior_mtd=2, model="logistic", coherent="recent", no_skip=False), Weigh(most_pending=0.5)),
    (
        CRM(half_width=0.06, prior_mtd=2, estimate="mean", coherent="dose", stop_if_too_toxic={"threshold": 0.8}),
        Weigh(weights="adaptive"),
    ),
    (
        CRM(half_width=0.06, prior_mtd=2, prior="gamma", prior_shape=2.0, coherent="off", recommend_untried=True),
        Weigh(),
    ),
    (BMACRM(skeletons=[(0.05, 0.1, 0.25, 0.4), (0.1, 0.25, 0.4, 0.5)]), Weigh()),
    (BLRM(reference_dose=2), Weigh()),
]
TIMES = [
    {},
    {"while_closed": "lost", "review_days": 7},
    {"while_closed": "queue", "gap_days": [7], "gap_at": "new_dose"},
    {"gap_days": [7, 3], "sentinel_dlt": "close"},
    {"inevaluable": 0.2},
    {"inevaluable": 0.2, "replace": False, "onset": {"kind": "weibull", "late_share": 0.7}},
    {"inevaluable": 0.2, "max_enrolled": 26},
]
OPTIONS = [
    {},
    {"stop_when": {"rule": "patients_at_dose", "at_least": 9}},
    {"stop_when": {"rule": "too_toxic", "threshold": 0.9, "dose": "any", "then": "recommend_below"}},
    {"stop_when": {"all": [{"rule": "patients", "at_least": 12}, {"rule": "unchanged", "cohorts": 2}]}},
    {"restrict": [{"rule": "no_escalation", "dlts": 3}]},
    {"restrict": [{"rule": "eliminate", "threshold": 0.9}]},
]


def trial(size: int = 3, accrual: float = 0.5, **options) -> Trial:
    time = {"accrual_per_month": accrual, "arrivals": "fixed", **options.pop("time", {})}
    return Trial(
        doses=levels(4), target=0.25, max_patients=24, cohort_size=size, dlt_window_days=28, time=time, **options
    )


def both(design, rule, trial: Trial, trials: int = 1000):
    """Complete data waited for, and decided on while patients are pending."""
    start, plan = start_of(design, trial, None), rule.plan(design, trial)
    if isinstance(plan, PendingPlan) and plan.one_at_a_time:
        start = replace(start, plan=start.plan.conducted(sizes=np.ones_like(start.plan.conduct.sizes)))
    given = {"trials": trials, "seed": 7, "threads": 1}
    return simulate_trials(start, RATES, **given), simulate_trials(replace(start, pending=plan), RATES, **given)


def unequal(complete, late) -> list[str]:
    return [
        name
        for name in ("patients", "dlts", "recommended", "reason", "declared")
        if getattr(complete, name) is not None and not np.array_equal(getattr(complete, name), getattr(late, name))
    ]


@pytest.mark.parametrize(("design", "rule"), LATE, ids=lambda given: getattr(given, "kind", None) or given.rule)
@pytest.mark.parametrize("time", TIMES, ids=str)
def test_slow_accrual(design, rule, time):
    complete, late = both(design, rule, trial(time=time))
    assert not unequal(complete, late)
    assert late.times[:, PENDING].sum() == 0
    assert late.times[:, HOLDS].sum() == 0
    if not time.get("inevaluable"):
        assert late.times[:, [END, LAST_ENROLMENT]] == pytest.approx(complete.times[:, [END, LAST_ENROLMENT]])


@pytest.mark.parametrize(("design", "rule"), LATE, ids=lambda given: getattr(given, "kind", None) or given.rule)
@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("size", [1, 3, (3, 2, 1, 1)])
def test_slow_accrual_with_rules_of_the_trial(design, rule, options, size):
    complete, late = both(type(design)(**design.model_dump(exclude_unset=True) | options), rule, trial(size))
    assert not unequal(complete, late)


def test_an_expansion_follows_complete_data():
    complete, late = both(BOIN(), Weigh(), trial(expansion={"patients": 6}))
    assert not unequal(complete, late)
    assert late.times[:, END] == pytest.approx(complete.times[:, END])


def test_fast_accrual_is_another_trial():
    """A check that can fail."""
    complete, late = both(BOIN(), Weigh(), trial(accrual=4))
    assert {"patients", "dlts", "recommended"} <= set(unequal(complete, late))
    assert late.times[:, PENDING].mean() > 3
    assert late.times[:, END].mean() < 0.8 * complete.times[:, END].mean()


def test_trial_i_is_the_same_whatever_the_number_of_trials_and_threads():
    start = start_of(BOIN(), trial(accrual=4), None)
    start = replace(start, pending=Weigh().plan(BOIN(), start.trial))
    few = simulate_trials(start, RATES, trials=30, seed=7, threads=1)
    many = simulate_trials(start, RATES, trials=2500, seed=7, threads=2)
    assert np.array_equal(few.times, many.times[:30])
    assert np.array_equal(few.patients, many.patients[:30])


@pytest.mark.parametrize(
    ("design", "rule", "options", "message"),
    [
        (BOIN(titration=True), Weigh(), {}, "titration: late-onset trials are not simulated with it"),
        (CRM(half_width=0.06, prior_mtd=2, titration=True), Weigh(), {}, "titration: late-onset trials"),
    ],
)
def test_refused(design, rule, options, message):
    with pytest.raises(DesignError, match=message):
        both(design, rule, trial(**options))
