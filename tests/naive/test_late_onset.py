"""Simulated late-onset trials against a list of events in plain Python, trial by trial."""

import math
import random
from dataclasses import replace

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
    HOLD_DAYS,
    HOLDS,
    LAST_ENROLMENT,
    PENDING,
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
) -> list[str]:
    """What is not as in the list of events, trial by trial."""
    found = []
    keys = keys_of(seed, 0)
    drawn = tolerances(seed, 0, trial.most_patients)
    plan = design.plan(trial).table
    if rule.one_at_a_time:
        plan = plan.conducted(sizes=np.ones_like(plan.conduct.sizes), trial_sizes=None)
    for at in range(len(outcomes.reason)):
        told = [float(one) / 2**32 for one in drawn[at]]
        played = events(trial, plan, rule, outcomes.rates.tolist(), told, int(keys[at])).play()
        if played.n != outcomes.patients[at].tolist() or played.y != outcomes.dlts[at].tolist():
            found.append(f"trial {at}: {played.n} {played.y}, not {outcomes.patients[at]} {outcomes.dlts[at]}")
        reason = {7: 3, 9: 3}.get(played.reason, played.reason)
        if reason != outcomes.reason[at]:
            found.append(f"trial {at}: reason {reason}, not {outcomes.reason[at]}")
        for name, column in COUNTED.items():
            if abs(played.counts[name] - outcomes.times[at, column]) > 1e-6:
                found.append(f"trial {at}: {name} {played.counts[name]}, not {outcomes.times[at, column]}")
    return found


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
    return (design, given, trial, rates), differences(outcomes, design, rule, trial, seed)


@pytest.mark.parametrize("seed", range(20))
def test_trial_by_trial(seed):
    setting, wrong = compared(seed, 12)
    assert not wrong, (setting, wrong[:5])


@pytest.mark.long
@pytest.mark.parametrize("first", range(100, 600, 25))
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


TABLES = [(BOIN(), Weigh()), (Keyboard(), Weigh()), (MTPI2(), Predict())]
ROLLING = (ThreePlusThree(), Roll())  # with no room for a seventh patient, whom a hold keeps away


@pytest.mark.parametrize(
    ("wrong", "design", "given"),
    [
        *((HoldIgnored, *given) for given in TABLES),
        *((LateDLTForgotten, *given) for given in (*TABLES, ROLLING)),
        *((ADayLater, *given) for given in (*TABLES, ROLLING)),
    ],
)
def test_what_is_wrong_is_noticed(wrong, design, given):
    time = {"accrual_per_month": 6, "onset": {"kind": "weibull", "late_share": 0.8}}
    trial = Trial(doses=levels(4), target=0.25, max_patients=24, cohort_size=1, dlt_window_days=28, time=time)
    rule = given.plan(design, trial)
    outcomes = simulated(design, rule, trial, [0.2, 0.35, 0.5, 0.6], 40, 4)
    assert not differences(outcomes, design, rule, trial, 4)
    assert differences(outcomes, design, rule, trial, 4, wrong)
