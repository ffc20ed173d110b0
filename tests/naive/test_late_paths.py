"""Exact late-onset trials against every path of small ones in plain Python."""

import random
from dataclasses import replace

import numpy as np
import pytest

from escalation import BOIN, MTPI2, Keyboard, ThreePlusThree, Trial
from escalation.designs import Design
from escalation.designs.pending import PendingRule, Predict, Roll, Weigh
from escalation.engines.allowance import Allowance
from escalation.engines.late_onset import EndingsByTruth
from escalation.engines.outcomes import DURATION, HOLD, LAST_ENROLMENT, Outcomes
from escalation.kernels.codes import STAY, SUSPEND, TOO_TOXIC
from escalation.kernels.layout import StepArrays
from escalation.plans.clock import clock_of
from escalation.plans.steps import Steps
from escalation.running.start import start_of
from escalation.trial.calendar import DAYS_PER_MONTH
from tests.naive.late_paths import PathTrial, characteristics
from tests.naive.test_late_onset import random_rule
from tests.support import levels

CLOSE = {"abs": 1e-10, "rel": 1e-10}
ONSETS = [
    {},
    {},
    {"kind": "quantiles", "quantiles": [[7, 0.5], [14, 0.5], [28, 1.0]]},
    {"kind": "weibull", "late_share": 0.7},
    {"kind": "loglogistic", "late_share": 0.4},
]


def trial_of(patients: int, in_window: float, doses: int = 3, **options) -> Trial:
    """So many patients come in a window."""
    time = {"accrual_per_month": DAYS_PER_MONTH * in_window / 28, "arrivals": "fixed", "while_closed": "lost"}
    time |= options.pop("time", {})
    given = {"target": 0.3, "cohort_size": 1, **options}
    return Trial(doses=levels(doses), max_patients=patients, dlt_window_days=28, time=time, **given)


def enumerated(design: Design, given: PendingRule, trial: Trial, rates: list[float]) -> Outcomes:
    start = replace(start_of(design, trial, None), pending=given.plan(design, trial))
    return EndingsByTruth(start, Allowance()).outcomes(rates)


def differences(outcomes: Outcomes, design: Design, given: PendingRule, trial: Trial) -> list[str]:
    """What is not as by every path."""
    rule, plan, rates = given.plan(design, trial), design.plan(trial).table, outcomes.rates.tolist()
    if rule.one_at_a_time:
        plan = plan.conducted(sizes=np.ones_like(plan.conduct.sizes), trial_sizes=None)

    def make(path):
        return PathTrial(trial, plan, rule, rates, [0.0] * trial.max_patients, 0, path=path)

    found = []
    smooth = trial.time.onset.kind in ("uniform", "quantiles")
    expected = characteristics(make, Steps(rule, clock_of(trial), 1).window)
    rows = zip(outcomes.patients.tolist(), outcomes.dlts.tolist(), outcomes.reason.tolist(), strict=True)
    endings = {
        (tuple(n), tuple(y), reason): share
        for (n, y, reason), share in zip(rows, outcomes.probability.tolist(), strict=True)
        if share
    }
    if endings != pytest.approx(expected["endings"], **CLOSE):
        found.append("endings")

    def check(name, value, close=CLOSE):
        if value != pytest.approx(expected[name], **close):
            found.append(f"{name}: {value}, not {expected[name]}")

    told, share = outcomes.while_pending, outcomes.probability
    check("chance", float(share.sum()))
    for name in ("holds", "turned_away", "decisions", "pending", "with_pending"):
        check(name, float(share @ getattr(told, name)))
    check("at_closed", told.at_closed)
    check("hold_days", float(share @ outcomes.days(HOLD)[:, 0]))
    for what, name, close in (
        (LAST_ENROLMENT, "last", CLOSE),
        (DURATION, "end", CLOSE if smooth else {"abs": 0, "rel": 1e-5}),
    ):
        means, variances = outcomes.days(what).T
        check(name, float(share @ means), close)
        check(f"{name}_square", float(share @ (variances + means**2)), close)
    return found


def random_setting(seed: int) -> tuple[Design, PendingRule, Trial, list[float]]:
    draw = random.Random(seed)
    while True:
        design, given = random_rule(draw)
        in_window, doses = draw.choice([0.7, 1.5, 2.0, 2.0, 2.6]), draw.choice([1, 2, 2, 3])
        size = draw.choice([1, 1, 2, 3, (1, 1, 2)])
        patients = draw.randint(np.max(size), 5 if in_window > 2 else 6)
        trial = trial_of(
            patients,
            in_window,
            doses,
            target=draw.choice([0.2, 0.25, 0.3]),
            cohort_size=size,
            start_dose=draw.randint(1, doses),
            time={"review_days": draw.choice([0, 0, 0, 3, 20]), "onset": draw.choice(ONSETS)},
        )
        if not any(design.problems(trial)) and not any(given.problems(design, trial)):
            break
    return design, given, trial, sorted(draw.choice([0.02, 0.1, 0.3, 0.5, 0.8]) for _ in range(doses))


@pytest.mark.parametrize("seed", range(16))
def test_every_path(seed):
    design, given, trial, rates = random_setting(seed)
    outcomes = enumerated(design, given, trial, rates)
    assert not differences(outcomes, design, given, trial), (design, given, trial, rates)


@pytest.mark.long
@pytest.mark.parametrize("first", range(100, 150, 25))
def test_many_settings(first):
    for seed in range(first, first + 25):
        design, given, trial, rates = random_setting(seed)
        outcomes = enumerated(design, given, trial, rates)
        assert not differences(outcomes, design, given, trial), (seed, design, given, trial, rates)


LATE = [(BOIN(), Weigh()), (Keyboard(), Weigh()), (MTPI2(), Predict(suspend="half")), (ThreePlusThree(), Roll())]


@pytest.mark.parametrize(("design", "given"), LATE, ids=lambda given: getattr(given, "kind", None) or given.rule)
def test_toxic_doses(design, given):
    """Late DLTs at doses already left, eliminations at each dose, and holds at the end of the trial."""
    trial = trial_of(6, 2.0, 2, start_dose=2)
    outcomes = enumerated(design, given, trial, [0.6, 0.8])
    assert not differences(outcomes, design, given, trial)
    assert outcomes.while_pending.at_closed > 0.05
    stopped = outcomes.reason == TOO_TOXIC
    assert outcomes.probability[stopped].sum() > 0.1
    held = (outcomes.probability * outcomes.while_pending.holds)[stopped].sum()
    assert held > 0.05 or isinstance(given, Roll)


def without_holds(found: StepArrays) -> StepArrays:
    return found._replace(decisions=np.where(found.decisions == SUSPEND, STAY, found.decisions).astype(np.int8))


def without_late_dlts(found: StepArrays) -> StepArrays:
    """No dose is eliminated while anybody is pending there, nor when it was left."""
    return found._replace(eliminates=np.zeros_like(found.eliminates))


def a_step_later(found: StepArrays) -> StepArrays:
    """DLTs are known later, but for those of the last."""
    toxic = np.roll(found.toxic, 1, axis=1)
    toxic[:, -1] += found.toxic[:, -1]
    return found._replace(toxic=toxic)


def a_day_longer(found: StepArrays) -> StepArrays:
    """Who has no DLT is followed for a day more."""
    return found._replace(complete=found.complete + 1)


@pytest.mark.parametrize("change", [without_holds, without_late_dlts, a_step_later, a_day_longer])
def test_what_is_wrong_is_noticed(change, monkeypatch):
    design, given = BOIN(), Weigh()
    trial = trial_of(6, 2.0, 2, start_dose=2)
    right = Steps.arrays
    assert not differences(enumerated(design, given, trial, [0.5, 0.7]), design, given, trial)
    monkeypatch.setattr(Steps, "arrays", lambda steps, rates: change(right(steps, rates)))
    assert differences(enumerated(design, given, trial, [0.5, 0.7]), design, given, trial)
