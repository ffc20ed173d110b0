"""The course of one simulated trial: that of the trial of its number, and of the events in plain Python."""

import random
from collections import Counter

import numpy as np
import pytest

from escalation import BOIN, ThreePlusThree, Trial, simulate
from escalation.engines import course as engine
from escalation.engines.clock import keys_of
from escalation.engines.course import course_of
from escalation.engines.patients import PARTS, tolerances
from escalation.errors import OutcomesError
from escalation.kernels.codes import END, ENROLLED, HOLD_DAYS, HOLDS, LAST_ENROLMENT
from escalation.running.start import start_of
from tests.exact.test_timed_trials import drawn
from tests.naive.late_onset import LateTrial
from tests.naive.test_late_onset import random_trial
from tests.support import levels

TRIAL = Trial(
    doses=levels(4), target=0.25, max_patients=24, dlt_window_days=28, time={"accrual_per_month": 3, "review_days": 2}
)
RATES = [0.05, 0.12, 0.25, 0.40]
LATE = (BOIN(pending={"rule": "weigh"}), ThreePlusThree(pending={"rule": "roll"}))


def course(design, trial, rates, number=0, seed=1):
    return course_of(start_of(design, trial, None), np.array(rates), number=number, seed=seed)


def agrees(found, simulated, number):
    """Whether patients, DLTs, days and holds that are told are those of the simulated trial."""
    times, told = simulated.times[number], [one for one in found.patients if not one.left]
    treated = Counter(one.dose for one in told)
    dlts = Counter(one.dose for one in told if one.has_dlt)
    doses = range(simulated.trial.levels)
    assert [treated[dose] for dose in doses] == simulated.patients[number].tolist()
    assert [dlts[dose] for dose in doses] == simulated.dlts[number].tolist()
    assert found.outcomes.recommended[0] == simulated.recommended[number]
    assert found.outcomes.reason[0] == simulated.reason[number]
    assert found.outcomes.times[0].tolist() == times.tolist()
    assert len(found.patients) == times[ENROLLED]
    assert max(one.until for one in found.patients) == times[END], "the last day"
    assert found.patients[-1].day == times[LAST_ENROLMENT]
    assert sum(until - day for day, until in found.holds) == pytest.approx(times[HOLD_DAYS], abs=1e-6)
    assert len(found.holds) >= times[HOLDS]
    return True


@pytest.mark.parametrize("seed", range(60))
def test_designs_that_wait(seed):
    design, trial, rates = drawn(seed)
    simulated = simulate(design, trial, rates, trials=3, seed=seed)
    for number in range(3):
        found = course(design, trial, rates, number, seed)
        agrees(found, simulated, number)
        assert len(found.holds) == simulated.times[number, HOLDS]
        window = [one.until - one.day for one in found.patients]
        assert all(days <= 28 + 1e-9 for days in window)
        assert all(days == pytest.approx(28) for days, one in zip(window, found.patients, strict=True)
                   if not one.has_dlt and not one.left)  # fmt: skip
        for one in found.decisions:
            known = [each for each in found.patients if each.day < one.day]
            assert all(each.until <= one.known + 1e-6 for each in known), "decisions rest on complete data"
            following = next(each for each in found.patients if each.day >= one.day - 1e-6)
            assert following.dose == one.dose


@pytest.mark.parametrize("seed", range(40))
def test_late_onset_designs_event_by_event(seed):
    draw = random.Random(seed)
    while True:
        design = draw.choice(LATE)
        trial = random_trial(draw, design)
        if not any(design.problems(trial)):
            break
    rates = sorted(draw.choice([0.05, 0.1, 0.25, 0.4, 0.6]) for _ in range(trial.levels))
    simulated = simulate(design, trial, rates, trials=3, seed=seed)
    rule, plan = design.pending.plan(design.waiting, trial), design.waiting.plan(trial).table
    if rule.one_at_a_time:
        plan = plan.conducted(sizes=np.ones_like(plan.conduct.sizes), trial_sizes=None)
    for number in range(3):
        found = course(design, trial, rates, number, seed)
        agrees(found, simulated, number)
        own = [int(one) / PARTS for one in tolerances(seed, 0, trial.most_patients)[number]]
        played = LateTrial(trial, plan, rule, rates, own, int(keys_of(seed, 0)[number])).play()
        told = [(one.dose, one.has_dlt, one.left) for one in found.patients]
        assert told == [(one.dose, one.dlt, one.left) for one in played.patients]
        days = [[one.day, one.until] for one in found.patients]
        assert days == [pytest.approx([one.entry, one.until], abs=1e-5) for one in played.patients]
        assert len(found.decisions) == played.counts["decisions"]


@pytest.mark.parametrize("design", [BOIN(), LATE[0]])
def test_a_trial_of_another_block(design):
    simulated = simulate(design, TRIAL, RATES, trials=2001, seed=3)
    for number in (999, 1000, 2000):
        agrees(course(design, TRIAL, RATES, number, 3), simulated, number)


def test_of_more_than_there_is_room_for(monkeypatch):
    monkeypatch.setattr(engine, "MOST_NOTES", 20)
    with pytest.raises(OutcomesError, match="trial 1: more than 20 patients, holds and decisions"):
        course(BOIN(), TRIAL, RATES)
