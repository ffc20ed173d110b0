"""Responses with a window: trials event by event, exact days against simulated ones, a case by hand, and bad input."""

import random
from functools import partial

import numpy as np
import pytest

from escalation import (
    BOIN,
    BOIN12,
    CRM,
    TITEBOIN,
    Association,
    DesignError,
    EscalationError,
    OutcomesError,
    Scenario,
    ThreePlusThree,
    Trial,
    Truth,
    calibrate,
    exact,
    joint_rates,
    next_dose,
    run,
    simulate,
)
from escalation.characteristics.agreement import agreement
from escalation.engines import patients as virtual
from escalation.engines.allowance import Allowance
from escalation.engines.clock import keys_of
from escalation.engines.endings import mean_days
from escalation.engines.outcomes import DURATION, HOLD
from escalation.engines.outcomes import LAST_ENROLMENT as LAST_DAY
from escalation.kernels.codes import (
    END,
    ENROLLED,
    HOLD_DAYS,
    HOLDS,
    LAST_ENROLMENT,
    REASON_NAMES,
    TURNED_AWAY,
    WAITING_DAYS,
)
from escalation.report import figures
from escalation.studies.one_design import course, under_each_truth
from tests.naive.boin12 import Boin12
from tests.naive.clock import play
from tests.naive.response_windows import Responding, play_boin12
from tests.support import levels

JOINT = joint_rates((0.05, 0.12, 0.25, 0.40), (0.20, 0.45, 0.50, 0.50), Association(odds_ratio=2.0))
CHOOSING = {"by": "utility"}
EFFICACY = {"min_response": 0.3, "max_toxicity": 0.35}
AT_END = {"window_days": 84.0}
ON_ITS_DAY = {"window_days": 84.0, "response_seen": "when_it_occurs"}
CALENDARS = [
    {"accrual_per_month": 2.0, "while_closed": "wait", "review_days": 3.0},
    {"accrual_per_month": 2.0, "while_closed": "lost"},
    {"accrual_per_month": 2.0, "while_closed": "ready", "review_days": 5.0},
    {"accrual_per_month": 1.5, "while_closed": "wait", "arrivals": "fixed"},
    {"accrual_per_month": 1.5, "while_closed": "lost", "arrivals": "fixed", "review_days": 3.0},
    {"accrual_per_month": 1.5, "while_closed": "ready", "arrivals": "fixed"},
]
INEXACT = [
    {"accrual_per_month": 2.0, "while_closed": "queue"},
    {"accrual_per_month": 2.0, "arrivals": "uniform", "gap_days": [7, 3]},
]
COUNTED = [END, LAST_ENROLMENT, HOLD_DAYS, HOLDS, TURNED_AWAY, WAITING_DAYS, ENROLLED]


def trial(calendar=None, efficacy=None, patients=24, **options):
    given = {"dlt_window_days": 28.0, "cohort_size": 3, **options}
    return Trial(
        doses=levels(4),
        target=0.3,
        max_patients=patients,
        efficacy={**EFFICACY, **(efficacy or {})},
        time=calendar,
        **given,
    )


def exactly(design, of, joint=JOINT):
    return under_each_truth(design, of, None, Allowance(), [joint]).outcomes(joint)


class TestEventByEvent:
    """Trials of any calendar, one by one, against those that are played event by event."""

    @staticmethod
    def drawn(seed):
        """A trial with any calendar and window, and true rates."""
        chance = random.Random(seed)
        patients, size = chance.choice([6, 8, 9, 12]), chance.choice([1, 2, 3])
        calendar = {
            "accrual_per_month": chance.choice([0.5, 1.0, 3.0, 8.0]),
            "arrivals": chance.choice(["poisson", "fixed", "uniform"]),
            "while_closed": chance.choice(["wait", "lost", "ready", "queue"]),
            "review_days": chance.choice([0.0, 5.0]),
            "gap_days": chance.choice([(), (), (7.0,), (7.0, 3.0)]),
            "gap_at": chance.choice(["cohort", "new_dose"]),
            "inevaluable": chance.choice([0.0, 0.0, 0.2, 0.6]),
            "replace": chance.choice([True, True, False]),
        }
        if calendar["gap_days"] and chance.random() < 0.4:
            calendar["sentinel_dlt"] = "close"
        if chance.random() < 0.2:
            calendar["max_enrolled"] = patients + chance.choice([0, 2, 5])
        efficacy = chance.choice([{}, {"window_days": 28}, {"window_days": 50}, AT_END, ON_ITS_DAY, ON_ITS_DAY])
        if "response_seen" in efficacy:
            kind = chance.choice(["uniform", "weibull", "loglogistic", "quantiles"])
            onset = {"kind": kind}
            if kind in ("weibull", "loglogistic"):
                onset["late_share"] = chance.choice([0.3, 0.8])
            if kind == "quantiles":
                onset["quantiles"] = [(20.0, 0.5), (40.0, 0.5), (60.0, 0.9)]
            efficacy = {**efficacy, "onset": onset}
        dlt = sorted(chance.choice([0.0, 0.05, 0.25, 0.4, 0.9]) for _ in range(4))
        response = [chance.choice([0.1, 0.3, 0.6, 0.9]) for _ in range(4)]
        joint = joint_rates(dlt, response, Association(odds_ratio=chance.choice([1.0, 3.0])))
        return trial(calendar, efficacy, patients, cohort_size=size), joint

    @staticmethod
    def twins(seed, of, joint, design, trials):
        """Simulated trials, and for each one to be played."""
        outcomes = simulate(design, of, joint, trials=trials, seed=seed, threads=1)
        keys, responding = keys_of(seed, 0), virtual.response_keys(seed, 0)
        for number, own in enumerate(virtual.tolerances(seed, 0, of.most_patients)[:trials]):
            told = [float(one) / virtual.PARTS for one in own]
            made = partial(Responding, joint=joint, response_key=int(responding[number]))
            yield number, outcomes, partial(made, of, joint.dlt.tolist(), told, int(keys[number])), made

    @staticmethod
    def times(played):
        """In the order of COUNTED."""
        holds = played.hold_days, played.holds, played.away
        return [played.end, played.last, *holds, played.waiting_days, played.enrolled]

    @pytest.mark.parametrize("seed", range(60))
    def test_boin12(self, seed):
        of, joint = self.drawn(seed)
        rule = Boin12(0.35, 0.3, stop=6, explore=4)
        design = BOIN12(stop_at=6, explore_from=4)
        for number, outcomes, made, _ in self.twins(seed, of, joint, design, 5):
            played = made()
            cells, reason = play_boin12(rule, of, played)
            assert outcomes.patients[number].tolist() == [sum(cell) for cell in cells]
            assert outcomes.dlts[number].tolist() == [cell[2] + cell[3] for cell in cells]
            assert outcomes.responses[number].tolist() == [[cell[1], cell[3]] for cell in cells]
            assert REASON_NAMES[outcomes.reason[number]] == reason
            np.testing.assert_allclose(outcomes.times[number, COUNTED], self.times(played), rtol=0, atol=1e-6)

    @pytest.mark.parametrize("seed", range(100, 140))
    def test_the_end_of_others(self, seed):
        of, joint = self.drawn(seed)
        of = of if of.efficacy.window_days else of.model_copy(update={"efficacy": trial(CALENDARS[0], AT_END).efficacy})
        design = [BOIN(optimal_dose=CHOOSING), CRM(half_width=0.05, prior_mtd=2, optimal_dose=CHOOSING)][seed % 2]
        for number, outcomes, _, made in self.twins(seed, of, joint, design, 5):
            own = [float(one) / virtual.PARTS for one in virtual.tolerances(seed, 0, of.most_patients)[number]]
            played, state = play(design, of, joint.dlt.tolist(), own, int(keys_of(seed, 0)[number]), made)
            assert outcomes.patients[number].tolist() == list(state.patients)
            np.testing.assert_allclose(outcomes.times[number, COUNTED], self.times(played), rtol=0, atol=1e-6)

    @pytest.mark.parametrize("efficacy", [{"window_days": 83}, {**AT_END, "response_seen": "when_it_occurs"}])
    def test_another_window_is_noticed(self, efficacy):
        of, other = trial(CALENDARS[0], AT_END), trial(CALENDARS[0], efficacy)
        for number, outcomes, made, _ in self.twins(1, of, JOINT, BOIN12(), 3):
            played = made()
            played.trial = other
            play_boin12(Boin12(0.35, 0.3), of, played)
            assert abs(outcomes.times[number, END] - played.end) > 0.5


class TestTimeChangesNoCount:
    """Times alone: the same patients, DLTs, responses and doses, trial by trial."""

    @pytest.mark.parametrize("efficacy", [{}, AT_END, ON_ITS_DAY])
    @pytest.mark.parametrize("calendar", [*CALENDARS, *INEXACT])
    def test_boin12(self, calendar, efficacy):
        plain, timed = (
            simulate(BOIN12(), of, JOINT, trials=200, seed=7) for of in (trial(), trial(calendar, efficacy))
        )
        for name in ("patients", "dlts", "responses", "recommended", "reason", "optimal"):
            assert np.array_equal(getattr(plain, name), getattr(timed, name)), name

    @pytest.mark.parametrize("efficacy", [AT_END, ON_ITS_DAY])
    @pytest.mark.parametrize("calendar", CALENDARS[:2])
    def test_of_others_only_the_end_moves(self, calendar, efficacy):
        for design in (BOIN(), ThreePlusThree(), TITEBOIN()):
            choosing = design.model_copy(update={"optimal_dose": BOIN(optimal_dose=CHOOSING).optimal_dose})
            before = simulate(design, trial(calendar), JOINT, trials=200, seed=7)
            same = simulate(design, trial(calendar, efficacy), JOINT, trials=200, seed=7)
            moved = simulate(choosing, trial(calendar, efficacy), JOINT, trials=200, seed=7)
            assert np.array_equal(before.times, same.times)
            for name in ("patients", "dlts", "responses", "recommended", "reason"):
                assert np.array_equal(getattr(before, name), getattr(moved, name)), name
            others = np.delete(before.times, END, axis=1)
            assert np.array_equal(others, np.delete(moved.times, END, axis=1))
            last = before.times[:, LAST_ENROLMENT] + 84
            if efficacy is AT_END:
                assert np.array_equal(moved.times[:, END], last)
            else:
                assert (before.times[:, END] <= moved.times[:, END]).all()
                assert (moved.times[:, END] <= last).all()
                assert (moved.times[:, END] < last).any()

    def test_after_an_expansion(self):
        design = BOIN(optimal_dose=CHOOSING, expansion={"patients": 6, "cohort_size": 3, "monitoring": {}})
        of = trial(CALENDARS[0], AT_END, patients=12)
        found = simulate(design, of, JOINT, trials=200, seed=3)
        assert np.array_equal(found.times[:, END], found.times[:, LAST_ENROLMENT] + 84)
        mean, sd = exact(design, of).duration(JOINT.dlt)
        last, spread = exact(design, of).last_enrolment(JOINT.dlt)
        assert (mean, sd) == (pytest.approx(last + 84, abs=1e-9), spread)


class TestByHand:
    """Cohorts of 3 who come 10 days apart, and a window of 84 days: nothing is left to chance."""

    CERTAIN = joint_rates((0.0,) * 4, (1.0,) * 4, Association(odds_ratio=1.0))

    @pytest.mark.parametrize(
        ("calendar", "between"),
        [
            # The next arrives 10 days after the last patient and waits, until 84 days and the review of 5 are over.
            ({"while_closed": "wait"}, 89.0),
            ({"while_closed": "ready"}, 89.0),
            ({"while_closed": "lost"}, 90.0),  # who comes 90 days after the last patient is the first not turned away
        ],
    )
    def test_boin12(self, calendar, between):
        of = trial(
            {"accrual_per_month": 3.04375, "arrivals": "fixed", "review_days": 5.0, **calendar}, AT_END, patients=9
        )
        # Three cohorts: two gaps in each, twice until the next opens, and the window of the last patient.
        whole = 3 * 20.0 + 2 * between + 84.0
        design = BOIN12(stop_at="never")
        found = exactly(design, of, self.CERTAIN)
        assert mean_days(found, DURATION) == (pytest.approx(whole, abs=1e-9), pytest.approx(0.0, abs=1e-6))
        assert mean_days(found, LAST_DAY)[0] == pytest.approx(whole - 84, abs=1e-9)
        assert mean_days(found, HOLD)[0] == pytest.approx(2 * 89.0, abs=1e-9)
        times = simulate(design, of, self.CERTAIN, trials=20).times
        np.testing.assert_allclose(times[:, END], whole, rtol=0, atol=1e-9)
        # Known on its day, uniform in the window: never later.
        sooner = of.model_copy(update={"efficacy": trial(CALENDARS[0], ON_ITS_DAY).efficacy})
        assert (simulate(design, sooner, self.CERTAIN, trials=20).times[:, END] < whole).all()

    @pytest.mark.parametrize(("rate", "mean"), [(1.0, 140 / 3), (0.5, 0.5 * 84 + 0.5 * 140 / 3)])
    def test_the_day_of_a_response(self, rate, mean):
        """Of one patient the later of day 28 and a day uniform in 84: on average 28/3 + (84^2 - 28^2) / 168."""
        joint = joint_rates((0.0,) * 4, (rate,) * 4, Association(odds_ratio=1.0))
        of = trial(CALENDARS[0], ON_ITS_DAY, patients=1, cohort_size=1)
        for design in (BOIN12(), BOIN(optimal_dose=CHOOSING)):
            days = simulate(design, of, joint, trials=20_000, seed=9).times[:, END]
            assert abs(days.mean() - mean) < 4 * days.std() / 20_000**0.5
            assert days.min() == 28
            assert (days == 84).mean() == pytest.approx(1 - rate, abs=0.02)

    def test_a_response_of_nobody_takes_the_whole_window(self):
        nobody = joint_rates((0.0,) * 4, (0.0,) * 4, Association(odds_ratio=1.0))
        of, on_its_day = (trial(CALENDARS[0], efficacy, patients=9) for efficacy in (AT_END, ON_ITS_DAY))
        one, other = (simulate(BOIN12(futility=1.0), each, nobody, trials=20).times for each in (of, on_its_day))
        assert np.array_equal(one, other)

    def test_its_figure(self):
        of = trial(CALENDARS[0], AT_END, patients=9)
        for design, waits in ((BOIN12(), True), (BOIN(optimal_dose=CHOOSING), True), (BOIN(), False)):
            found = course(design, of, JOINT)
            figure = figures.swimmer(found, of, "trial 1")
            assert ("response awaited" in [text.get_text() for text in figure.legends[0].get_texts()]) == waits
            assert f"the trial takes {found.end:.0f} days" in figure.axes[0].get_xlabel()
            assert found.end == found.outcomes.times[0, END]

    def test_the_course_of_a_trial(self):
        of = trial(CALENDARS[0], ON_ITS_DAY)
        for design in (BOIN12(), BOIN(optimal_dose=CHOOSING)):
            outcomes = simulate(design, of, JOINT, trials=5, seed=11)
            for number in range(5):
                found = course(design, of, JOINT, number=number + 1, seed=11)
                assert np.array_equal(found.outcomes.times[0], outcomes.times[number])
                assert found.end == outcomes.times[number, END]
                assert np.array_equal(found.outcomes.patients[0], outcomes.patients[number])
                assert all(0 < one.answered - one.day < 84 + 1e-9 for one in found.patients)
        assert all(one.answered is None for one in course(BOIN(), of, JOINT).patients)


class TestExactDays:
    """Means and standard deviations against simulated trials."""

    TRIALS = 20_000

    @staticmethod
    def checked(outcomes, simulated):
        for kind, column in ((DURATION, END), (LAST_DAY, LAST_ENROLMENT), (HOLD, HOLD_DAYS)):
            mean, sd = mean_days(outcomes, kind)
            drawn = simulated.times[:, column]
            error = drawn.std() / len(drawn) ** 0.5
            assert abs(drawn.mean() - mean) < 4 * error + 1e-9, kind
            if kind != HOLD:
                fourth = ((drawn - drawn.mean()) ** 4).mean()
                error = (max(fourth - drawn.std() ** 4, 0) / len(drawn)) ** 0.5 / (2 * max(drawn.std(), 1e-9))
                assert abs(drawn.std() - sd) < 4 * error + 1e-6, kind
        assert agreement(outcomes, simulated, ()).agrees

    @pytest.mark.parametrize("efficacy", [{}, AT_END])
    @pytest.mark.parametrize("calendar", CALENDARS)
    def test_boin12(self, calendar, efficacy):
        of = trial(calendar, efficacy, patients=14)  # the last cohort is of two
        self.checked(exactly(BOIN12(), of), simulate(BOIN12(), of, JOINT, trials=self.TRIALS, seed=5))

    def test_cohorts_by_number(self):
        of = trial(CALENDARS[0], AT_END, patients=12, cohort_size=[1, 2, 3])
        self.checked(exactly(BOIN12(), of), simulate(BOIN12(), of, JOINT, trials=self.TRIALS, seed=5))

    @pytest.mark.parametrize("calendar", CALENDARS[:2])
    @pytest.mark.parametrize("onset", [{}, {"onset": {"kind": "weibull", "late_share": 0.7}}])
    def test_an_optimal_dose_in_the_end(self, calendar, onset):
        of = trial({**calendar, **onset}, AT_END)
        design = BOIN(optimal_dose=CHOOSING)
        self.checked(exact(design, of).outcomes(JOINT.dlt), simulate(design, of, JOINT, trials=self.TRIALS, seed=5))

    @pytest.mark.parametrize("onset", [{}, {"onset": {"kind": "weibull", "late_share": 0.7}}])
    def test_late_onset(self, onset):
        calendar = {"accrual_per_month": 4.0, "while_closed": "lost", "arrivals": "fixed", **onset}
        of, design = trial(calendar, AT_END), TITEBOIN(optimal_dose=CHOOSING, stop_at=9)
        found = under_each_truth(design, of, None, Allowance(), [None]).outcomes(JOINT.dlt)
        simulated = simulate(design, of, JOINT, trials=self.TRIALS, seed=5)
        mean, sd = mean_days(found, DURATION)
        days = simulated.times[:, END]
        assert abs(days.mean() - mean) < 4 * days.std() / self.TRIALS**0.5
        assert days.std() == pytest.approx(sd, rel=0.03)
        assert mean == pytest.approx(mean_days(found, LAST_DAY)[0] + 84, abs=1e-9)

    def test_patients_who_leave_and_are_replaced(self):
        """Counts are exact: DLTs are more frequent among those who stay, responses given them are not."""
        of = trial({**CALENDARS[0], "inevaluable": 0.4}, AT_END, patients=12)
        found, simulated = exactly(BOIN12(), of), simulate(BOIN12(), of, JOINT, trials=self.TRIALS, seed=5)
        assert found.days is None
        assert agreement(found, simulated, ()).agrees
        responses = found.response_sums.by_dose @ np.arange(13)
        drawn = simulated.responses.sum(axis=2)
        assert (abs(drawn.mean(axis=0) - responses) < 4 * drawn.std(axis=0) / self.TRIALS**0.5 + 1e-9).all()

    def test_where_days_are_simulated(self):
        by_dose = {"cohort_size": {"by_dose": [1, 2, 3, 3]}, "patients": 9}
        for given in ((CALENDARS[0], ON_ITS_DAY), (INEXACT[0], AT_END)):
            assert exactly(BOIN12(), trial(*given, patients=9)).days is None
        assert exactly(BOIN12(), trial(CALENDARS[0], AT_END, **by_dose)).days is None
        found = exact(BOIN(optimal_dose=CHOOSING), trial(CALENDARS[0], ON_ITS_DAY))
        with pytest.raises(DesignError, match='with response_seen = "when_it_occurs" days are simulated'):
            found.duration(JOINT.dlt)
        assert exact(BOIN(), trial(CALENDARS[0], ON_ITS_DAY)).days is not None

    def test_in_a_run(self):
        truth = Truth(name="plateau", dlt_rates=JOINT.dlt.tolist(), response_rates=JOINT.response.tolist())
        designs = [BOIN12(), BOIN(optimal_dose=CHOOSING), BOIN(label="plain")]
        durations = []
        for efficacy in (AT_END, ON_ITS_DAY):
            of = trial(CALENDARS[0], efficacy, patients=12)
            found = run(Scenario(name="windows", trial=of, design=designs, truth=[truth]), trials=2000)
            assert found.agreement.agrees
            durations.append([(one.exact.time, one.simulated.time.duration.mean) for one in found.results])
        at_end, on_its_day = durations
        assert [one is not None for one, _ in at_end] == [True, True, True]
        assert [one is not None for one, _ in on_its_day] == [False, False, True]
        assert all(late < soon for (_, late), (_, soon) in zip(on_its_day[:2], at_end[:2], strict=True))


def test_rates_alone_do_not_say_when_responses_are_known():
    of = trial(CALENDARS[0], ON_ITS_DAY)
    with pytest.raises(DesignError, match='rates: with response_seen = "when_it_occurs" the end of a trial depends'):
        simulate(BOIN(optimal_dose=CHOOSING), of, JOINT.dlt, trials=10)
    at_end = trial(CALENDARS[0], AT_END)
    times = simulate(BOIN(optimal_dose=CHOOSING), at_end, JOINT.dlt, trials=50, seed=2).times
    assert np.array_equal(times, simulate(BOIN(optimal_dose=CHOOSING), at_end, JOINT, trials=50, seed=2).times)


def test_a_duration_that_is_only_simulated_cannot_be_limited():
    truth = Truth(name="plateau", dlt_rates=JOINT.dlt.tolist(), response_rates=JOINT.response.tolist())
    for efficacy in (AT_END, ON_ITS_DAY):
        of = trial(CALENDARS[0], efficacy, patients=9)
        scenario = Scenario(name="windows", trial=of, design=[BOIN(optimal_dose=CHOOSING)], truth=[truth])
        asked = partial(calibrate, scenario, design="boin", values={"p_saf": [0.15]}, limits={"duration": 1000})
        if efficacy is AT_END:
            mean, _ = exact(BOIN(optimal_dose=CHOOSING, p_saf=0.15), of).duration(JOINT.dlt)
            assert asked().chosen.assessment.duration == pytest.approx(mean, abs=1e-9)
        else:
            with pytest.raises(EscalationError, match='with response_seen = "when_it_occurs" days are simulated'):
                asked()


def test_what_changes_counts_is_simulated_only():
    of = trial({**CALENDARS[0], "gap_days": [7], "sentinel_dlt": "close"}, AT_END, patients=9)
    with pytest.raises(Exception, match='with sentinel_dlt = "close" the size of a cohort depends on the day of a DLT'):
        exactly(BOIN12(), of)
    assert simulate(BOIN12(), of, JOINT, trials=20).patients.sum() > 0


class TestRunningTrial:
    """What `next` says of windows."""

    @pytest.mark.parametrize(
        ("outcomes", "days"),
        [
            ("1NNEP14", 70),  # the response takes longest
            ("1NNP20P3E", 64),  # who has responded is waited for until the DLT window ends
            ("1TNP3E", 25),
            ("1NEP2 2P1", 83),
            ("1NEP14P", None),  # of one the follow-up is not known
            ("1EEP14 2N?N?N?", None),  # and of N? it is not written
        ],
    )
    def test_how_long_it_waits(self, outcomes, days):
        found = next_dose(BOIN12(ties="lowest"), trial(CALENDARS[0], AT_END), outcomes)
        assert found.hold.days == days
        assert (f"wait, {days} days at most" in found.reason) == (days is not None)
        assert next_dose(BOIN12(ties="lowest"), trial(), outcomes).hold.days is None

    @pytest.mark.parametrize(
        ("outcomes", "known"),
        [
            ("1NNP28", "known, N? or T? (the response is pending: its window is 84 days), E or B"),
            ("1NNP84", "known, N, T, E or B: the response is known, too, after its window of 84 days"),
        ],
    )
    @pytest.mark.parametrize("design", [BOIN12(), BOIN(optimal_dose=CHOOSING)])
    def test_who_has_been_followed_for_the_dlt_window(self, design, outcomes, known):
        with pytest.raises(OutcomesError) as error:
            next_dose(design, trial(CALENDARS[0], AT_END), outcomes)
        assert known in str(error.value)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("efficacy", "known"),
    [
        (AT_END, "A response counts within 84 days of the first dose, and is known when these are over."),
        (ON_ITS_DAY, "and is known when it occurs; that there is none is known when these are over."),
    ],
)
def test_in_words(efficacy, known):
    of = trial(CALENDARS[0], efficacy)
    boin12, boin = (design.description(of) for design in (BOIN12(), BOIN(optimal_dose=CHOOSING)))
    assert known in boin12
    assert "A decision waits until DLT and response of every patient are known." in boin12
    assert known in boin
    assert "when the trial is over and the responses of all patients are known, among doses" in boin
    assert "window" not in BOIN(optimal_dose=CHOOSING).description(trial())
