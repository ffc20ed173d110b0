"""`next` while patients are pending, against late-onset trials event by event: the same dose or hold each time."""

import random
from collections import Counter

import numpy as np
import pytest

from escalation import InterimData, OutcomesError, Trial, next_dose
from escalation.designs import Design
from escalation.engines.clock import keys_of
from escalation.engines.patients import tolerances
from escalation.kernels.codes import REASON_NAMES
from escalation.plans.pending import Rolled
from escalation.plans.table import TablePlan
from escalation.running.start import start_of
from escalation.trial.data import Cohort
from tests.naive.late_onset import LateTrial
from tests.naive.test_late_onset import random_rule, random_trial

HOLD_LOOKS = 6


def data_of(course: LateTrial, day: float, trial: Trial, *, later: float = 0.0) -> InterimData:
    """What is known on a day; or so many days later, if no DLT came until then and nobody left."""
    cohorts = {}
    told = day - course.time.review_days
    for one in course.patients:
        cohorts.setdefault(one.cohort, []).append(one)
    words = []
    for members in cohorts.values():
        known = [one for one in members if course.is_known(one, day)]
        days = [max(told - one.entry, 0.0) + later for one in members if not course.is_known(one, day)]
        left = sum(one.left for one in known)
        pending = tuple(one for one in days if one < trial.dlt_window_days * (1 - 1e-9))
        words.append(
            Cohort(members[0].dose + 1, len(members) - left, sum(one.dlt for one in known), pending, inevaluable=left)
        )
    return InterimData.from_cohorts(words, trial.levels)


class Asked(LateTrial):
    """A trial in which `next` is asked whatever the trial asks."""

    design: Design
    draw: random.Random
    seen: dict[str, int]
    looking: bool = False

    def look_again(self, day):
        self.looking = True
        super().look_again(day)
        self.looking = False

    def answer(self, day, *, full=False):
        said, what = super().answer(day, full=full)
        if full or self.looking or not self.patients or not self.pending(day):
            return said, what
        data = data_of(self, day, self.trial)
        try:
            found = next_dose(self.design, self.trial, data)
        except OutcomesError as error:  # it asks what only those who conduct the trial know
            asks = "it is for those who conduct the trial" in str(error)
            if not asks or not any(one.left for one in self.patients):
                raise
            return said, what
        expected = {
            "go": (what + 1, False, None, False),
            "stop": (None, True, REASON_NAMES.get(what), False),
            "hold": (None, False, None, True),
        }[said]
        assert (found.next_dose, found.stop, found.stop_reason, found.hold is not None) == expected, (data, found)
        assert found.decided == (found.hold is None)
        self.seen[said] += 1
        if said == "hold" and self.draw.random() < 0.2:
            self.check_hold(day, found.hold.days)
        return said, what

    def check_hold(self, day, days):
        """Until then it is held if no DLT comes; and not then."""
        if days is None:
            assert isinstance(self.rule, Rolled)
            return
        assert 0 < days <= self.window
        then = next_dose(self.design, self.trial, data_of(self, day, self.trial, later=days))
        assert then.hold is None
        for before in np.linspace(0, days - 2e-6 * self.window, HOLD_LOOKS):
            if before >= 0:
                assert next_dose(self.design, self.trial, data_of(self, day, self.trial, later=before)).hold is not None
        self.seen["days"] += 1


def unambiguous(trial: Trial, draw: random.Random) -> Trial:
    """The trial, with what outcomes do not tell left out: cohorts closed early, and patients who are not replaced."""
    time = trial.time.model_copy(update={"sentinel_dlt": "continue"})
    if time.inevaluable:
        sized = {"cohort_size": draw.choice([1, 3])}
        return trial.model_copy(
            update={"time": time.model_copy(update={"replace": True, "max_enrolled": None})} | sized
        )
    return trial.model_copy(update={"time": time})


def looks_at_runs(design: Design) -> bool:
    return design.stop_when is not None and "unchanged" in design.stop_when.model_dump_json()


def play(seed: int, asked: type[Asked] = Asked) -> dict[str, int]:
    """A trial of a random setting; how often `next` gave each answer."""
    draw = random.Random(seed)
    while True:
        design, rule = random_rule(draw)
        trial = unambiguous(random_trial(draw, design), draw)
        late = design.model_copy(update={"pending": rule})
        if not any(late.problems(trial)) and not (trial.time.inevaluable and looks_at_runs(design)):
            break
    start = start_of(late, trial, None)
    plan = start.plan
    assert isinstance(plan, TablePlan)
    if start.pending.one_at_a_time:
        plan = plan.conducted(sizes=np.ones_like(plan.conduct.sizes), trial_sizes=None)
    rates = sorted(draw.uniform(0.02, 0.7) for _ in range(trial.levels))
    told = [float(one) / 2**32 for one in tolerances(seed, 0, trial.most_patients)[0]]
    course = asked(trial, plan, start.pending, rates, told, int(keys_of(seed, 0)[0]))
    course.design, course.draw = late, draw
    course.seen = dict.fromkeys(("go", "hold", "stop", "days"), 0)
    course.play()
    return course.seen


def test_each_decision():
    seen = Counter()
    for seed in range(40):
        seen.update(play(seed))
    assert seen["go"] > 50
    assert seen["hold"] > 20
    assert seen["days"] > 3


@pytest.mark.long
@pytest.mark.parametrize("first", range(1000, 1120, 40))
def test_each_decision_in_many_settings(first):
    for seed in range(first, first + 40):
        play(seed)


class LateDLTForgotten(Asked):
    """Who forgets what becomes known at doses already left."""

    def eliminated(self, day, n, y):
        return [dose for dose in super().eliminated(day, n, y) if dose == self.dose]


class Impatient(Asked):
    """Who takes a patient's follow-up for a tenth less than it is."""

    def shares(self, day, dose):
        return [share * 0.9 for share in super().shares(day, dose)]


@pytest.mark.parametrize("wrong", [LateDLTForgotten, Impatient])
def test_what_is_wrong_is_noticed(wrong):
    noticed = False
    for seed in range(40):
        try:
            play(seed, wrong)
        except AssertionError:
            noticed = True
            break
    assert noticed
