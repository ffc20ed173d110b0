"""`next` while patients are pending: what it says, and what it asks for."""

import json
import random

import numpy as np
import pytest
from click.testing import CliRunner
from scipy import integrate

from escalation import (
    BOIN,
    TITEBOIN,
    TITECRM,
    CohortSizes,
    DesignError,
    InterimData,
    OutcomesError,
    PoDTPI,
    RollingSix,
    TITEKeyboard,
    Trial,
    next_dose,
)
from escalation.cli import main
from escalation.designs import REGISTRY
from escalation.trial.data import Cohort
from tests.conformance.test_every_design import LATE_ONSET, SETTINGS
from tests.support import each, levels, records

TRIAL = Trial(doses=levels(4), target=0.3, max_patients=24, dlt_window_days=28)
CRM_OPTIONS = {"skeleton": (0.1, 0.2, 0.3, 0.4)}


def say(design, outcomes: str, trial: Trial = TRIAL, **ruled):
    return next_dose(design, trial, outcomes, **ruled)


# With every outcome known.


def random_course(draw: random.Random, size: int) -> str:
    """Cohorts as a trial that does not wait may have had them."""
    dose, words = 1, []
    for _ in range(draw.randint(1, 24 // size)):
        words.append(f"{dose}{''.join(draw.choice('NNNT') for _ in range(size))}")
        dose = min(max(dose + draw.choice([-1, 0, 1]), 1), 4)
    return " ".join(words)


@pytest.mark.parametrize(("kind", "options"), [(kind, one) for kind in LATE_ONSET for one in SETTINGS[kind]])
def test_complete_data_give_what_the_design_gives_that_waits(kind, options):
    draw, late = random.Random(7), REGISTRY[kind](**options)
    size = 1 if kind == "rolling-six" else 3
    trial = TRIAL.model_copy(update={"cohort_size": size})
    for _ in range(20):
        outcomes = random_course(draw, size)
        ours, theirs = say(late, outcomes, trial), say(late.waiting, outcomes, trial)
        if kind == "rolling-six":  # whose cohorts are of one, and which is another design above three patients
            last = int(outcomes.split()[-1][0])
            if ours.estimates[last - 1].patients not in (3, 6) or theirs.missing:
                continue
            assert ours.cohort_size in (0, 1)
            assert (ours.next_dose, ours.stop_reason) == (theirs.next_dose, theirs.stop_reason), outcomes
            continue
        for name in ("next_dose", "cohort_size", "stop_reason", "reason", "recommended_dose", "estimates", "missing"):
            assert getattr(ours, name) == getattr(theirs, name), (outcomes, name)
        assert ours.filled == theirs.filled
        assert (ours.hold, ours.while_pending, ours.warnings) == (None, None, ())


def test_complete_counts():
    assert next_dose(TITEBOIN(), TRIAL, InterimData.from_counts([3], [0], 4)).next_dose == 2
    two = InterimData.from_counts([3, 3], [0, 1], 4)
    with pytest.raises(OutcomesError, match="dose of the last cohort: needed; it may have been dose level 1 or 2"):
        next_dose(TITEBOIN(), TRIAL, two)
    with_dose = InterimData.from_counts([3, 3], [0, 1], 4, dose=2)
    assert next_dose(TITEBOIN(), TRIAL, with_dose).next_dose == next_dose(BOIN(), TRIAL, with_dose).next_dose == 2


def test_a_trial_that_has_not_begun():
    assert say(TITEBOIN(), "").next_dose == 1


# Decisions, and what they rest on.


def test_follow_up_and_cuts():
    found = say(TITEBOIN(), "1NNN 2NNN 2TP14P3")
    assert found.next_dose == 3
    assert "STFT 0.607 windows; escalate from 0.597: escalate" in found.reason
    assert found.while_pending.measure == "STFT"
    assert found.while_pending.follow_up == pytest.approx(17 / 28)
    assert found.while_pending.escalate_from == pytest.approx(0.5974, abs=1e-4)
    assert found.while_pending.de_escalate_to is None
    assert (found.decided, found.hold, found.pending, found.recommended_dose) == (True, None, 2, None)
    shorter = say(TITEBOIN(), "1NNN 2NNN 2TP13P3")
    assert shorter.next_dose == 2
    down = say(TITEBOIN(), "1NNN 2NTP14")
    assert down.next_dose == 1
    assert "STFT 0.500 windows; de-escalate up to 0.878" in down.reason
    effective = say(TITEKeyboard(), "1NNN 2NTP14")
    assert "ESS 2.500 patients; de-escalate up to 2.876" in effective.reason


def test_a_late_dlt_at_another_dose_eliminates():
    before, after = (say(TITEBOIN(), f"1NNN 2NNP14 3NNN {more}") for more in ("3NNP3", "3NNP3"))
    assert before.next_dose == after.next_dose
    late = say(TITEBOIN(), "1NNN 2TTT 3NNP3")
    assert late.next_dose == 1
    assert "dose level 2 and all above are eliminated" in late.reason
    assert [one.eliminated for one in late.estimates] == [False, True, True, True]
    lowest = say(TITEBOIN(), "1TTT 2NNP3")
    assert (lowest.stop, lowest.stop_reason, lowest.recommended_dose) == (True, "too_toxic", None)
    assert lowest.not_recommended


@pytest.mark.parametrize("outcomes", ["1NTT 1TTP3", "1TTT 2NNP4", "1TTP9 1TTN"])
@pytest.mark.parametrize("design", [TITEBOIN(), TITEKeyboard(), RollingSix()], ids=lambda one: one.kind)
def test_a_full_trial_whose_lowest_dose_is_eliminated_has_ended(design, outcomes):
    """Outcomes that are still to come cannot lift it: the answer is that of the trial without DLTs among them."""
    six = TRIAL.model_copy(update={"max_patients": 6})
    found = say(design, outcomes, six)
    complete = say(design, "".join(one for one in outcomes.replace("P", "N") if one not in "349" or one == " "), six)
    for name in ("next_dose", "stop", "stop_reason", "recommended_dose", "not_recommended", "hold"):
        assert getattr(found, name) == getattr(complete, name), name
    assert (found.stop, found.recommended_dose, found.pending) == (True, None, 1)
    assert "held" not in found.reason


@pytest.mark.parametrize(
    "design",
    [TITEBOIN(), TITEKeyboard(), RollingSix(), PoDTPI(), TITECRM(**CRM_OPTIONS)],
    ids=lambda one: one.kind,
)
def test_a_full_trial_has_no_accrual_to_resume(design):
    found = say(design, "1NNN 2NNP14", TRIAL.model_copy(update={"max_patients": 6}))
    assert found.reason == (
        "All 6 patients have been treated, and 1 patient is pending. The recommended dose comes from complete data; "
        "without a DLT the last is known in 14 days."
    )
    assert (found.next_dose, found.stop, found.decided, found.hold.days) == (None, False, False, 14)


def test_each_sentence_is_said_once():
    for design, outcomes, ruled in (
        (RollingSix(), "1NNN 2NNP20", {"closed_from": 2}),
        (RollingSix(), "1NNN 2TTP20", {}),
        (TITEBOIN(), "1NNN 2NNP20", {"closed_from": 2}),
        (TITEBOIN(), "1NNP2 2TTT", {}),
    ):
        found = say(design, outcomes, **ruled)
        assert found.next_dose == 1
        ending = "as was ruled" if ruled else "are eliminated"
        assert found.reason.count(f"ose level 2 and all above are {'not to be given, ' * bool(ruled)}") == 1, (
            found.reason
        )
        assert found.reason.count(ending) == 1, found.reason


def test_holds():
    half = say(TITEBOIN(), "1NNN 2NP14P3")
    assert (half.next_dose, half.stop, half.decided) == (None, False, False)
    assert half.hold.days == 14
    assert half.hold.why == "2 of 3 patients at dose level 2 are pending, more than 50 %"
    follow_up = say(TITEBOIN(pending={"least_follow_up": 0.6}), "1NNN 2NNP14")
    assert follow_up.hold.days == 2.8
    assert "16.8 days of follow-up" in follow_up.hold.why
    few = say(TITEKeyboard(), "1NNN 2NP20P10")
    assert few.hold.days == 8
    assert few.hold.why == "1 outcome is known at dose level 2, and an escalation takes 2"
    predicted = say(PoDTPI(), "1NNN 2NTP14")
    assert predicted.hold.days == pytest.approx(9.058824)
    assert predicted.while_pending.de_escalation == pytest.approx(1 / 3)
    assert "de-escalation has a probability of 0.333, more than 0.15" in predicted.reason
    six = say(RollingSix(), "1NNNNP20P")
    assert (six.hold.days, say(RollingSix(), "1NNNNP20P4").hold.days) == (None, 8)


def test_who_waits_holds_until_the_last_has_finished():
    wait = say(BOIN(), "1NNN 2NP14P3")
    assert (wait.next_dose, wait.decided, wait.hold.days) == (None, False, 25)
    assert "Without a DLT that is in 25 days" in wait.reason
    assert say(BOIN(), "1NNN 2NP14P").hold.days is None
    assert say(BOIN(), "1NNN 2NP14P3", TRIAL.model_copy(update={"dlt_window_days": None})).hold.days is None
    assert say(BOIN(), "1NNN 2NTT").hold is None


def test_a_cohort_that_is_not_full_is_filled_up_first():
    found = say(TITEBOIN(), "1NNN 2NP3")
    assert (found.next_dose, found.cohort_size, found.missing) == (2, 1, 1)
    assert found.while_pending is None
    down = say(TITEBOIN(), "1NNN 2TT")
    assert down.next_dose == 1
    lower = say(TITEBOIN(), "1NNN 2NNT 2TTP3")
    assert lower.next_dose == 1
    # Of the lowest dose the known outcomes alone are too many: nobody more is treated there.
    suspended = say(PoDTPI(), "1TTT 1P3P2", TRIAL.model_copy(update={"cohort_size": 6}))
    assert suspended.hold is not None
    assert "alone would eliminate" in suspended.hold.why


def test_a_cohort_of_which_it_is_not_known_whether_it_is_full():
    """Sizes by DLTs: the late one may have been known when the cohort began, or not."""
    sized = TRIAL.model_copy(update={"cohort_size": CohortSizes(by_dlts=(1, 3))})
    with pytest.raises(OutcomesError, match="was to have 1 or 3 patients, by the DLTs that were known when it began"):
        say(TITEBOIN(), "1N 2T 1P20", sized)
    falling = TRIAL.model_copy(update={"cohort_size": CohortSizes(by_dlts=(3, 1))})
    with pytest.raises(OutcomesError, match="was to have 1 or 3 patients"):
        say(TITEBOIN(), "1NNN 2NNT 2P20", falling)
    assert say(TITEBOIN(), "1N 2T 1NNP20", sized).missing == 0
    assert say(TITEBOIN(), "1N 2N 3P20", sized).hold is not None


def test_when_all_have_been_treated():
    small = TRIAL.model_copy(update={"max_patients": 6})
    found = say(TITEBOIN(), "1NNN 2NNP4", small)
    assert (found.next_dose, found.stop, found.hold.days) == (None, False, 24)
    assert "all 6 patients have been treated, and 1 patient is pending" in found.hold.why
    assert say(TITEBOIN(), "1NNN 2NNN", small).stop


def test_stopping_rules_and_expansions():
    enough = TITEBOIN(stop_when={"rule": "patients_at_dose", "at_least": 6})
    found = say(enough, "1NNN 2NNT 2NTP27")
    assert (found.stop, found.stop_reason, found.recommended_dose) == (True, "stopping_rule", None)
    then = TITEBOIN(stop_when={"rule": "patients", "at_least": 9}, expansion={"patients": 6})
    expanding = say(then, "1NNN 2NNN 2NTP14")
    assert expanding.hold.days == 14
    assert "what follows waits for complete data" in expanding.hold.why
    assert not expanding.stop


def test_rulings():
    higher = "1NNN 2NNP14"
    assert say(TITEBOIN(), higher).next_dose == 3
    assert say(TITEBOIN(), higher, stay=True).next_dose == 2
    assert say(TITEBOIN(), higher, closed_from=3).next_dose == 2
    assert say(TITEBOIN(), higher, closed_from=2).next_dose == 1
    assert say(TITECRM(**CRM_OPTIONS), higher, stay=True).next_dose == 2


def test_a_cohort_that_was_begun_at_a_dose_that_is_closed_is_not_filled_up():
    """Neither when it is eliminated, though a stopping rule ends the trial, nor by a ruling."""
    enough = TITEBOIN(stop_when={"rule": "patients_at_dose", "dose": "next", "at_least": 3})
    found = say(enough, "1NNN 2TTT 2P3")
    assert (found.next_dose, found.stop, found.stop_reason) == (None, True, "stopping_rule")
    with pytest.raises(OutcomesError, match="closed: the next patients would be at dose level 2"):
        say(enough, "1NNN 2NP3", closed_from=2)


def test_days_that_cannot_be_right_get_a_warning():
    (warning,) = say(TITEBOIN(), "1NNP3 2NNP14").warnings
    assert warning == "cohort 2 (2NNP14): followed for 14 days, longer than the 3 of a patient treated before"
    assert say(TITEBOIN(), "1NNP14 2NNP3").warnings == ()


# TITE-CRM: the posterior.


def words_of(record: dict) -> InterimData:
    cohorts = []
    for dose, toxic, days in zip(record["level"], record["tox"], record["followup"], strict=True):
        pending = (float(days),) if not toxic and days < record["obswin"] else ()
        cohorts.append(Cohort(dose, 1, toxic, pending, dlt_days=(float(days),) * toxic))
    return InterimData.from_cohorts(cohorts, len(record["prior"]))


@each([one for one in records("titecrm") if one["scheme"] in ("linear", "adaptive")])
def test_tite_crm_as_dfcrm(record):
    """The dose, and the rates at the posterior mean; of data sets in which somebody is pending."""
    data = words_of(record)
    options = {"model": "logistic", "intercept": float(record["intcpt"])} if record["model"] == "logistic" else {}
    design = TITECRM(
        skeleton=tuple(record["prior"]),
        prior_sd=record["scale"],
        no_skip=False,
        coherent="off",
        pending={"weights": record["scheme"]},
        **options,
    )
    trial = Trial(
        doses=levels(len(record["prior"])),
        target=record["target"],
        max_patients=len(record["level"]) + 1,
        cohort_size=1,
        dlt_window_days=record["obswin"],
    )
    found = next_dose(design, trial, data)
    assert found.next_dose == record["mtd"]
    assert [one.estimate for one in found.estimates] == pytest.approx(record["ref_ptox_plugin"], abs=1e-7)


def test_limits_of_tite_crm_are_those_of_the_weighed_posterior():
    found = say(TITECRM(**CRM_OPTIONS), "1NNN 2NTP14 3NNP7")
    skeleton, sd = np.array(CRM_OPTIONS["skeleton"]), TITECRM(**CRM_OPTIONS).prior_sd

    def density(b: float) -> float:
        p = skeleton ** np.exp(b)
        likelihood = (1 - p[0]) ** 3 * (1 - p[1]) * p[1] * (1 - p[1] / 2) * (1 - p[2]) ** 2 * (1 - p[2] / 4)
        return float(likelihood * np.exp(-((b / sd) ** 2) / 2))

    whole = integrate.quad(density, -8, 8, epsabs=1e-14)[0]
    for dose, one in enumerate(found.estimates):
        cut = np.log(np.log(0.3) / np.log(skeleton[dose]))
        above = integrate.quad(density, -8, cut, epsabs=1e-14)[0] / whole
        assert one.above_target == pytest.approx(above, abs=1e-6)
        b = np.log(np.log([one.lower, one.upper]) / np.log(skeleton[dose]))
        assert integrate.quad(density, b[0], 8, epsabs=1e-14)[0] / whole == pytest.approx(0.025, abs=1e-6)
        assert integrate.quad(density, -8, b[1], epsabs=1e-14)[0] / whole == pytest.approx(0.025, abs=1e-6)
    assert "weighed by follow-up" in found.reason


def test_tite_crm_holds_where_it_is_told_to():
    held = say(TITECRM(**CRM_OPTIONS, pending={"most_pending": 0.5}), "1NNN 2NP14P3")
    assert (held.next_dose, held.hold.days) == (None, 14)
    assert say(TITECRM(**CRM_OPTIONS), "1NNN 2NP14P3").next_dose == 3


# What is asked, and what is wrong.


@pytest.mark.parametrize(
    ("design", "outcomes", "trial", "said"),
    [
        (TITEBOIN(), "1NNN 2NNP", {}, "2NNP: how many days has each pending patient been followed? Write P14"),
        (TITEBOIN(), "1NNP 2NNP3", {}, "1NNP: how many days"),
        (PoDTPI(), "1NNN 2NNP", {}, "how many days"),
        (TITECRM(**CRM_OPTIONS), "1NNN 2NNP", {}, "how many days"),
        (TITEBOIN(), "1NNN 2NNP28", {}, "followed for 28 days is not pending: the DLT window is 28 days"),
        (BOIN(), "1NNN 2NNP35", {}, "2NNP35: a patient who has been followed for 35 days is not pending"),
        (RollingSix(), "1NNN 2NNP35", {}, "35 days is not pending"),
        (BOIN(), "1NNN 2NNT29", {}, "2NNT29: day 29 is after the DLT window of 28 days: no DLT, N"),
        (TITEBOIN(), "1NNN 2NNP14", {"dlt_window_days": None}, "dlt_window_days: needed, because tite-boin decides by"),
        (
            TITECRM(**CRM_OPTIONS, pending={"weights": "adaptive"}),
            "1NNN 2NTP14",
            {},
            "on which day did each DLT come? Write T9",
        ),
        (
            RollingSix(),
            "1NNNNNNNP",
            {},
            "dose level 1 has 8 patients; while patients are pending the rolling six decides",
        ),
        (TITEBOIN(), "1NNN 2NNPx", {}, "'x' should be"),
    ],
)
def test_what_is_wrong_is_one_line(design, outcomes, trial, said):
    with pytest.raises((OutcomesError, DesignError)) as error:
        say(design, outcomes, TRIAL.model_copy(update=trial))
    message = str(error.value)
    assert said in message
    assert len(message.splitlines()) == (3 if "should be" in message else 1)  # where in the outcomes it is


def test_what_needs_no_days():
    assert say(RollingSix(), "1NNP").next_dose == 1
    assert say(RollingSix(), "1NNP", TRIAL.model_copy(update={"dlt_window_days": None})).next_dose == 1
    assert say(BOIN(), "1NNP").decided is False
    assert say(TITECRM(**CRM_OPTIONS, pending={"weights": "adaptive"}), "1NNN 2NT9P14").next_dose is not None


def test_counts_with_pending_patients():
    counts = InterimData.from_counts([3, 3], [0, 0], 4, pending=[0, 1])
    with pytest.raises(OutcomesError, match="needed cohort by cohort, with the days of follow-up"):
        next_dose(TITEBOIN(), TRIAL, counts)
    with pytest.raises(OutcomesError, match="dose of the last cohort: needed"):
        next_dose(RollingSix(), TRIAL, counts)
    counts = InterimData.from_counts([3, 3], [0, 0], 4, dose=2, pending=[0, 1])
    assert next_dose(RollingSix(), TRIAL, counts).next_dose == 2


def test_the_command(tmp_path):
    path = tmp_path / "late.toml"
    path.write_text(
        'name = "late"\n[trial]\ndoses = [1, 2, 3]\ntarget = 0.3\nmax_patients = 12\ndlt_window_days = 28\n'
        '[[design]]\nkind = "tite-boin"\n'
    )

    def run(*options: str):
        return CliRunner().invoke(main, ["next", str(path), *options])

    text = run("1NNN 2NP14P3")
    assert text.exit_code == 0
    assert "tite-boin: accrual is held" in text.stdout
    tree = json.loads(run("1NNN 2NP14P3", "--format", "json").stdout)
    assert tree["hold"] == {"days": 14, "why": "2 of 3 patients at dose level 2 are pending, more than 50 %"}
    assert (tree["next_dose"], tree["stop"], tree["cohort_size"]) == (None, False, 0)
    assert tree["while_pending"]["measure"] == "STFT"
    assert json.loads(run("1NNN 2NNP14", "--format", "json").stdout)["hold"] is None
    assert "accrual is held" in run("1NNN 2NP14P3", "--format", "markdown").stdout
    for outcomes, code in (("1NNN 2NNP", 2), ("1NNN 2NNP28", 2), ("1NNN 2NNP14", 0)):
        assert run(outcomes).exit_code == code
    counts = run("--patients", "3,3", "--dlts", "0,0", "--pending", "0,1")
    assert counts.exit_code == 2
    assert "with the days of follow-up" in counts.output


def test_days_are_read_and_written():
    data = InterimData.from_outcomes("1NNN 2nt9p0.5p14", 4)
    assert data.cohorts[1] == Cohort(2, 4, 1, (0.5, 14), dlt_days=(9,))
    assert str(data.cohorts[1]) == "2NT9P0.5P14"
    assert str(Cohort(1, 2, 1, (1e-7,), dlt_days=(2.25,))) == "1T2.25P0.0000001"
    assert data.without_pending().dlts == (0, 1, 0, 0)
    assert sum(data.without_pending().pending) == 0
    for wrong in ("1NNN 2NN3", "1NI4", "1NNP1234567890"):
        with pytest.raises(OutcomesError):
            InterimData.from_outcomes(wrong, 4)
    for days in (-1.0, float("nan"), float("inf"), "3", True):
        with pytest.raises(OutcomesError):
            Cohort(1, 1, 0, (days,))
    with pytest.raises(OutcomesError, match="2 days of 1 DLTs"):
        Cohort(1, 3, 1, dlt_days=(3, 4))


def test_who_left_may_have_left_a_place_of_which_nobody_knows_whose_it_is():
    trial = Trial(doses=[1, 2, 3], target=0.25, max_patients=9, cohort_size=3, dlt_window_days=28)
    with pytest.raises(OutcomesError, match=r"nobody of the last cohort, at dose level 3, is evaluable"):
        next_dose(TITEBOIN(), trial, "1NNN 2NNP14 3III")
    with pytest.raises(OutcomesError, match=r"whether they are the last cohort's depends on when that became known"):
        next_dose(TITEBOIN(), trial, "1NNN 2NNN 2NP14I")
    assert next_dose(TITEBOIN(), trial, "1NNN 2NIP14").next_dose == 2  # there was room for the whole cohort
