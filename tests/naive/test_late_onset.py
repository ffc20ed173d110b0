"""Simulated late-onset trials against a list of events in plain Python, trial by trial."""

import math
import random
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from escalation import BOIN, MTPI, MTPI2, I3Plus3, Keyboard, ThreePlusThree, Trial
from escalation.designs import Design
from escalation.designs.pending import PendingRule, Predict, Roll, Weigh
from escalation.engines.clock import keys_of
from escalation.engines.outcomes import Outcomes
from escalation.engines.patients import tolerances
from escalation.engines.simulated import simulate_trials
from escalation.kernels.codes import (
    AT_CLOSED_DOSE,
    DECIDED_WITH_PENDING,
    DECISIONS,
    END,
    ESCALATE,
    HOLD_DAYS,
    HOLDS,
    LAST_ENROLMENT,
    PENDING,
    SUSPEND,
    TURNED_AWAY,
    WAITING_DAYS,
)
from escalation.plans.pending import PendingPlan
from escalation.running.start import start_of
from tests.naive.late_onset import LateTrial
from tests.support import levels

COUNTED = {
    "end": END,
    "last": LAST_ENROLMENT,
    "hold_days": HOLD_DAYS,
    "holds": HOLDS,
    "turned_away": TURNED_AWAY,
    "waiting_days": WAITING_DAYS,
    "pending": PENDING,
    "decisions": DECISIONS,
    "with_pending": DECIDED_WITH_PENDING,
    "at_closed": AT_CLOSED_DOSE,
}


def random_rule(draw: random.Random) -> tuple[Design, PendingRule]:
    limits = {}
    if draw.random() < 0.5:
        limits["most_pending"] = draw.choice([0.25, 0.49, 0.5, 0.75, 1.0])
    if draw.random() < 0.5:
        limits["least_follow_up"] = draw.choice([0.0, 0.1, 0.25, 0.5])
    if draw.random() < 0.5:
        limits["fewest_complete"] = draw.choice([0, 1, 2, 3])
    options = {}
    if draw.random() < 0.3:
        options["stop_when"] = draw.choice(
            [
                {"rule": "patients_at_dose", "at_least": draw.choice([6, 9])},
                {"rule": "too_toxic", "threshold": 0.8},
                {"rule": "unchanged", "cohorts": 3},
                {"all": [{"rule": "patients", "at_least": 9}, {"rule": "patients_at_dose", "at_least": 6}]},
            ]
        )
    if draw.random() < 0.2:
        options["restrict"] = [
            draw.choice(
                [{"rule": "no_escalation", "dlts": 2}, {"rule": "max_step", "levels": 1, "above": "highest_tried"}]
            )
        ]
    kind = draw.choice(["imputed", "imputed", "effective", "effective", "rolled", "predicted"])
    if kind == "imputed":
        return BOIN(**options), Weigh(**limits)
    if kind == "effective":
        method = draw.choice([BOIN, Keyboard, MTPI, MTPI2])
        return method(**options), Weigh(method="ess", **limits)
    if kind == "rolled":
        return ThreePlusThree(**options), Roll()
    suspend = draw.choice(["probability", "probability", "off", "half", "disagreement"])
    levels_of = {"least_escalation": draw.choice([0.6, 0.9, 1.0])} if suspend == "probability" else {}
    return draw.choice([MTPI2, I3Plus3])(**options), Predict(suspend=suspend, **levels_of)


def random_trial(draw: random.Random, design: Design) -> Trial:
    size = draw.choice([1, 2, 3, 3, (1, 1, 3)])
    number = draw.randint(2, 5)
    time: dict = {
        "accrual_per_month": draw.choice([0.5, 1.0, 2.0, 30.4375 / 7, 8.0, 30.0]),
        "arrivals": draw.choice(["poisson", "fixed", "uniform"]),
        "while_closed": draw.choice(["wait", "lost", "ready", "queue"]),
        "review_days": draw.choice([0, 0, 3, 7]),
        "onset": draw.choice(
            [
                {},
                {"kind": "weibull", "late_share": 0.7},
                {"kind": "loglogistic", "late_share": 0.4},
                {"kind": "quantiles", "quantiles": [[7, 0.5], [14, 0.5], [28, 1.0]]},
            ]
        ),
    }
    if draw.random() < 0.4:
        time["gap_days"] = draw.choice([[7], [7, 3], [14]])
        time["gap_at"] = draw.choice(["cohort", "new_dose"])
        time["sentinel_dlt"] = draw.choice(["continue", "close"])
    most = draw.choice([6, 12, 18, 24])
    if draw.random() < 0.4:
        time["inevaluable"] = draw.choice([0.1, 0.3])
        time["replace"] = draw.random() < 0.7
        if draw.random() < 0.3:
            time["max_enrolled"] = most + 3
    return Trial(
        doses=levels(number),
        target=draw.choice([0.2, 0.25, 0.3]),
        max_patients=most,
        cohort_size=size,
        start_dose=draw.choice([1, 1, 2]),
        dlt_window_days=28,
        time=time,
    )


def simulated(design: Design, rule: PendingPlan, trial: Trial, rates: list[float], trials: int, seed: int) -> Outcomes:
    start = replace(start_of(design, trial, None), pending=rule)
    return simulate_trials(start, np.array(rates), trials=trials, seed=seed, threads=1)


def differences(
    outcomes: Outcomes, design: Design, rule: PendingPlan, trial: Trial, seed: int, events: type[LateTrial] = LateTrial
) -> Iterator[str]:
    """What is not as in the list of events, trial by trial."""
    keys = keys_of(seed, 0)
    drawn = tolerances(seed, 0, trial.most_patients)
    plan = design.plan(trial).table
    if rule.one_at_a_time:
        plan = plan.conducted(sizes=np.ones_like(plan.conduct.sizes), trial_sizes=None)
    for at in range(len(outcomes.reason)):
        told = [float(one) / 2**32 for one in drawn[at]]
        played = events(trial, plan, rule, outcomes.rates.tolist(), told, int(keys[at])).play()
        if played.n != outcomes.patients[at].tolist() or played.y != outcomes.dlts[at].tolist():
            yield f"trial {at}: {played.n} {played.y}, not {outcomes.patients[at]} {outcomes.dlts[at]}"
        reason = {7: 3, 9: 3}.get(played.reason, played.reason)
        if reason != outcomes.reason[at]:
            yield f"trial {at}: reason {reason}, not {outcomes.reason[at]}"
        for name, column in COUNTED.items():
            if abs(played.counts[name] - outcomes.times[at, column]) > 1e-6:
                yield f"trial {at}: {name} {played.counts[name]}, not {outcomes.times[at, column]}"


def compared(seed: int, trials: int) -> tuple[object, list[str]]:
    """A random setting, and what is not as in the list of events."""
    draw = random.Random(seed)
    while True:
        design, given = random_rule(draw)
        trial = random_trial(draw, design)
        if not any(design.problems(trial)) and not any(given.problems(design, trial)):
            break
    rule = given.plan(design, trial)
    rates = sorted(draw.choice([0.02, 0.1, 0.2, 0.3, 0.4, 0.6]) for _ in range(trial.levels))
    outcomes = simulated(design, rule, trial, rates, trials, seed)
    return (design, given, trial, rates), list(differences(outcomes, design, rule, trial, seed))


@pytest.mark.parametrize("seed", range(20))
def test_trial_by_trial(seed):
    setting, wrong = compared(seed, 12)
    assert not wrong, (setting, wrong[:5])


@pytest.mark.long
@pytest.mark.parametrize("first", range(100, 300, 25))
def test_many_settings(first):
    for seed in range(first, first + 25):
        setting, wrong = compared(seed, 8)
        assert not wrong, (setting, wrong[:5])


class HoldIgnored(LateTrial):
    """Whoever comes is treated at the current dose while accrual should be held."""

    def answer(self, day, *, full=False):
        said, what = super().answer(day, full=full)
        return ("go", self.dose) if said == "hold" else (said, what)


class LateDLTForgotten(LateTrial):
    """What becomes known at a dose already left eliminates none."""

    def eliminated(self, day, n, y):
        return [dose for dose in super().eliminated(day, n, y) if dose == self.dose or day == math.inf]


class ADayLater(LateTrial):
    """A window of 29 days in place of 28."""

    @property
    def window(self):
        return self.trial.dlt_window_days + 1


class CohortGoesOn(LateTrial):
    """Whoever takes a place that is free again in a trial that was full is of the cohort before, and not decided on."""

    def enrol(self, day, what, *, whole, decided):
        super().enrol(day, what, whole=whole, decided=decided)
        if whole:
            self.size = self.trial.cohort_size


class NobodyLeft(LateTrial):
    """A cohort of whom nobody remains goes on, or is followed by another, whatever has become known."""

    def has_news(self, day):
        return False


TABLES = [(BOIN(), Weigh()), (Keyboard(), Weigh()), (MTPI2(), Predict())]
ROLLING = (ThreePlusThree(), Roll())  # with no room for a seventh patient, whom a hold keeps away


@lru_cache
def without_differences(design: Design, given: PendingRule) -> tuple[Outcomes, Design, PendingPlan, Trial]:
    """Trials that are as in the list of events."""
    time = {"accrual_per_month": 6, "onset": {"kind": "weibull", "late_share": 0.8}}
    trial = Trial(doses=levels(4), target=0.25, max_patients=24, cohort_size=1, dlt_window_days=28, time=time)
    rule = given.plan(design, trial)
    trials = 12 if isinstance(given, Predict) else 40  # to look for the day on which a hold ends takes long
    outcomes = simulated(design, rule, trial, [0.2, 0.35, 0.5, 0.6], trials, 4)
    assert not list(differences(outcomes, design, rule, trial, 4))
    return outcomes, design, rule, trial


@pytest.mark.parametrize(
    ("wrong", "design", "given"),
    [
        *((HoldIgnored, *given) for given in TABLES),
        *((LateDLTForgotten, *given) for given in (*TABLES, ROLLING)),
        *((ADayLater, *given) for given in (*TABLES, ROLLING)),
    ],
)
def test_what_is_wrong_is_noticed(wrong, design, given):
    assert any(differences(*without_differences(design, given), 4, wrong))


LEAVING = {"accrual_per_month": 6, "inevaluable": 0.3, "onset": {"kind": "weibull", "late_share": 0.8}}


@pytest.mark.parametrize(("wrong", "size"), [(CohortGoesOn, 3), (NobodyLeft, 1)])
@pytest.mark.parametrize(("design", "given"), TABLES[:2])
def test_what_is_wrong_where_patients_leave_is_noticed(wrong, size, design, given):
    trial = Trial(doses=levels(4), target=0.25, max_patients=24, cohort_size=size, dlt_window_days=28, time=LEAVING)
    rule = given.plan(design, trial)
    outcomes = simulated(design, rule, trial, [0.2, 0.35, 0.5, 0.6], 30, 4)
    assert not list(differences(outcomes, design, rule, trial, 4))
    assert any(differences(outcomes, design, rule, trial, 4, wrong))


class Watched(LateTrial):
    """What is known at a cohort's beginning eliminates neither its dose nor a lower one."""

    def enrol(self, day, what, *, whole, decided):
        if self.patients and (whole or not self.anybody_evaluable(day)):
            assert all(dose > what for dose in self.eliminated(day, *self.numbers(day)))
        super().enrol(day, what, whole=whole, decided=decided)


@pytest.mark.parametrize("replaced", [True, False])
@pytest.mark.parametrize(("design", "given"), [*TABLES, ROLLING])
def test_no_cohort_begins_at_an_eliminated_dose(design, given, replaced):
    """Nor goes on there with patients who take the places of all who have left."""
    time = LEAVING | {"replace": replaced}
    trial = Trial(doses=levels(4), target=0.25, max_patients=24, cohort_size=1, dlt_window_days=28, time=time)
    rule = given.plan(design, trial)
    outcomes = simulated(design, rule, trial, [0.35, 0.5, 0.6, 0.7], 25, 5)
    assert not list(differences(outcomes, design, rule, trial, 5, Watched))


@pytest.mark.parametrize("while_closed", ["wait", "ready", "queue"])
def test_rounding_lifts_no_hold(while_closed):
    """A review that is long beside the window: days are rounded to more than the slack in which times are equal."""
    time = {"accrual_per_month": 0.05, "review_days": 100_000, "while_closed": while_closed}
    trial = Trial(doses=levels(4), target=0.25, max_patients=12, dlt_window_days=0.001, time=time)
    rule = Weigh().plan(BOIN(), trial)
    outcomes = simulated(BOIN(), rule, trial, [0.0] * 4, 5, 6)
    assert not list(differences(outcomes, BOIN(), rule, trial, 6))
    assert outcomes.patients.tolist() == [[3, 3, 3, 3]] * 5  # each cohort waits until the one before is known
    assert (outcomes.times[:, LAST_ENROLMENT] >= 300_000).all()


@pytest.mark.parametrize("design", [BOIN(), Keyboard(), MTPI(), MTPI2()])
def test_hardly_any_follow_up_is_no_reason_to_go_on(design):
    """With known outcomes of nobody the dose is neither left nor given again: escalation waits for two outcomes.

    With a review of a week the follow-up of the first patient begins with nothing a week after treatment.
    """
    time = {"accrual_per_month": 30, "review_days": 7}
    trial = Trial(doses=levels(2), target=0.25, max_patients=2, cohort_size=1, dlt_window_days=28, time=time)
    rule = Weigh(method="ess").plan(design, trial)
    outcomes = simulated(design, rule, trial, [0.0, 0.0], 20, 6)
    assert not list(differences(outcomes, design, rule, trial, 6))
    assert outcomes.patients.tolist() == [[1, 1]] * 20
    assert np.allclose(outcomes.times[:, LAST_ENROLMENT], 35)
    for share in (1e-8, 1e-6, 1e-4):
        verdict = rule.decide(1, 0, [share])
        assert (verdict.code, verdict.wanted) == (SUSPEND, ESCALATE)


@pytest.mark.parametrize("while_closed", ["wait", "lost", "queue"])
@pytest.mark.parametrize(("design", "given"), TABLES)
def test_an_expansion_follows_with_the_same_patients_and_arrivals(while_closed, design, given):
    """Where all outcomes are known before the next arrival the trial is that of the design that waits."""
    trial = Trial(
        doses=levels(4),
        target=0.25,
        max_patients=12,
        dlt_window_days=1,
        time={"accrual_per_month": 0.001, "while_closed": while_closed, "inevaluable": 0.2},
        expansion={"patients": 6},
    )
    waits = simulate_trials(
        start_of(design, trial, None), np.array([0.05, 0.2, 0.3, 0.5]), trials=50, seed=7, threads=1
    )
    late = simulated(design, given.plan(design, trial), trial, [0.05, 0.2, 0.3, 0.5], 50, 7)
    for name in ("patients", "dlts", "recommended", "reason"):
        assert (getattr(waits, name) == getattr(late, name)).all()
    for column in (END, LAST_ENROLMENT, TURNED_AWAY):
        assert np.allclose(waits.times[:, column], late.times[:, column])
