"""Rules for pending patients as people meet them: which designs they fit, what they caution, what they say."""

import json
import re
from functools import partial

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from escalation import (
    BLRM,
    BMACRM,
    BOIN,
    CRM,
    MTPI,
    MTPI2,
    TPI,
    APlusB,
    DecisionTable,
    I3Plus3,
    IntervalDesign,
    Keyboard,
    Monitoring,
    ThreePlusThree,
    Trial,
    exact,
    fingerprint,
    load_scenario,
    next_dose,
    simulate,
)
from escalation.designs.pending import PENDING, AnyPending, Complete, Predict, Roll, Weigh
from escalation.errors import DesignError, ScenarioError, StateSpaceError
from escalation.kernels.codes import ELIMINATE, END, STAY
from escalation.kernels.codes import PENDING as PENDING_COLUMN
from escalation.plans.pending import Effective, Imputed, Predicted, Rolled, Waited
from escalation.plans.weighed_curves import WeighedCurves
from tests.support import levels

TRIAL = Trial(doses=levels(4), target=0.3, max_patients=24)
SKELETON = CRM(skeleton=(0.1, 0.2, 0.3, 0.4))


class UpAgain(IntervalDesign):
    """One of one's own that two DLTs lead higher than one."""

    kind: str = "up-again"

    def moves(self, target, patients, dlts):
        return np.where(dlts == 1, -1, 1)


class DownLater(IntervalDesign):
    """One of one's own that more patients without a DLT lead lower."""

    kind: str = "down-later"

    def moves(self, target, patients, dlts):
        return np.where((dlts == 0) & (patients < 9), 1, -1)


class Rounding(IntervalDesign):
    """One of one's own that asks for whole patients."""

    kind: str = "rounding"

    def moves(self, target, patients, dlts):
        whole = np.asarray(patients) % 1 == 0
        return np.where(whole & (4 * dlts < patients), 1, np.where(whole & (2 * dlts > patients), -1, 0))


@pytest.mark.parametrize(
    ("rule", "design", "compiled"),
    [
        (Complete(), BOIN(), Waited),
        (Complete(), ThreePlusThree(), Waited),
        (Complete(), SKELETON, Waited),
        (Complete(), BLRM(reference_dose=3), Waited),
        (Weigh(), BOIN(), Imputed),
        (Weigh(method="ess"), BOIN(), Effective),
        (Weigh(), Keyboard(), Effective),
        (Weigh(), MTPI(), Effective),
        (Weigh(), MTPI2(), Effective),
        (Weigh(), SKELETON, WeighedCurves),
        (Weigh(weights="adaptive"), SKELETON, WeighedCurves),
        (Weigh(), BMACRM(skeletons=[(0.1, 0.2, 0.3, 0.4)]), WeighedCurves),
        (Weigh(), BLRM(reference_dose=3), WeighedCurves),
        (Roll(), ThreePlusThree(), Rolled),
        (Predict(), MTPI2(), Predicted),
        (Predict(), I3Plus3(), Predicted),
    ],
)
def test_what_fits(rule, design, compiled):
    assert isinstance(rule.plan(design, TRIAL), compiled)
    words = rule.words(design, TRIAL)
    assert words[0].isupper()
    assert words.endswith(".")
    assert not re.search(r"  |\.\.| \.|nan|inf\b", words)


@pytest.mark.parametrize(
    ("rule", "design", "said"),
    [
        (
            Weigh(),
            ThreePlusThree(),
            '"weigh" is for interval designs, such as kind = "boin", and the CRM, BMA-CRM and BLRM; not for \'3+3\'',
        ),
        (Weigh(), Monitoring(), "not for 'monitoring'"),
        (Weigh(), CRM(skeleton=(0.1, 0.2, 0.3, 0.4), method="mle"), 'needs method = "bayes"'),
        (Weigh(method="ess"), SKELETON, "method: an option of interval designs; 'crm' weighs a likelihood"),
        (Weigh(least_follow_up=0.25), SKELETON, "least_follow_up: an option of interval designs"),
        (Weigh(weights="linear"), BOIN(), "weights: an option of models"),
        (Weigh(method="imputation"), Keyboard(), '"imputation" is for kind = "boin"; \'keyboard\' has "ess"'),
        (Weigh(), UpAgain(), "'up-again' does not fit"),
        (Weigh(), DownLater(), "'down-later' does not fit"),
        (Weigh(), Rounding(), "who need not be whole, are added; 'rounding' does not fit at 0 of 1"),
        (Predict(), UpAgain(), "needs a design that more DLTs never lead higher; 'up-again' does not fit"),
        (Predict(), SKELETON, '"predict" is for interval designs, such as kind = "mtpi2"; not for \'crm\''),
        (Roll(), BOIN(), '"roll" is for kind = "3+3", the rolling six; not for \'boin\''),
        (Roll(), APlusB(a=3, b=3, c=1, d=1, e=1), "not for 'a+b'"),
        (Roll(), ThreePlusThree(de_escalate=False), "needs de_escalate = true"),
        (Roll(), ThreePlusThree(six_at_top=False), "needs six_at_top = true"),
    ],
)
def test_what_does_not_fit_is_said_in_a_line(rule, design, said):
    with pytest.raises(DesignError, match=re.escape(said)) as caught:
        rule.plan(design, TRIAL)
    assert str(caught.value).startswith("pending: ")
    assert len(str(caught.value).splitlines()) == 1


def test_a_design_that_does_not_fit_its_trial_says_so_itself():
    with pytest.raises(DesignError, match="p_saf"):
        Weigh().plan(BOIN(p_saf=0.5), TRIAL)


@pytest.mark.parametrize(
    ("rule", "design", "said"),
    [
        (Weigh(most_pending=1), BOIN(), "before any outcome is known"),
        (Weigh(), SKELETON, "without most_pending the dose may go up before any outcome is known"),
        (Weigh(), BLRM(reference_dose=3), "the weights are published for the CRM, not for 'blrm'"),
        (Weigh(), TPI(), "nothing is published on the effective sample size with 'tpi'"),
        (Predict(suspend="half", least_escalation=0.9), MTPI2(), 'least_escalation is not used with suspend = "half"'),
        (Predict(suspend="off"), MTPI2(), "all but one outcome"),
        (Predict(), BOIN(), "the paper on predicted decisions has no 'boin'"),
    ],
)
def test_cautions(rule, design, said):
    assert any(said in caution for caution in rule.cautions(design, TRIAL))


@pytest.mark.parametrize(
    ("rule", "design"),
    [(Complete(), BOIN()), (Weigh(), BOIN()), (Weigh(), Keyboard()), (Roll(), ThreePlusThree()), (Predict(), MTPI2())],
)
def test_the_papers_settings_are_without_a_caution(rule, design):
    assert list(rule.cautions(design, TRIAL)) == []


def test_words_name_the_numbers():
    text = Weigh(most_pending=0.49, least_follow_up=0.25).words(BOIN(), TRIAL)
    assert "more than 49 %" in text
    assert "0.25 of the DLT window" in text
    assert "2 known outcomes" in Weigh().words(Keyboard(), TRIAL)
    assert "0.15" in Predict().words(MTPI2(), TRIAL)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"rule": "weigh", "most_pending": 0}, "most_pending"),
        ({"rule": "weigh", "most_pending": 1.1}, "most_pending"),
        ({"rule": "weigh", "least_follow_up": 1}, "least_follow_up"),
        ({"rule": "weigh", "fewest_complete": -1}, "fewest_complete"),
        ({"rule": "weigh", "method": "eff"}, "method"),
        ({"rule": "predict", "suspend": "2"}, "suspend"),
        ({"rule": "roll", "patients": 6}, "patients"),
        ({"rule": "wait"}, "wait"),
    ],
)
def test_wrong_options_are_refused(given, field):
    with pytest.raises(ValidationError, match=field):
        TypeAdapter(AnyPending).validate_python(given)


def test_every_rule_is_registered_and_documented():
    schema = json.dumps(TypeAdapter(AnyPending).json_schema())
    for name, rule in PENDING.items():
        assert f'"const": "{name}"' in schema
        assert set(rule.field_texts()) == set(rule.model_fields) - {"rule"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((0, 0, []), "patients: 0"),
        ((25, 0, []), "patients: 25 should be from 1 to 24"),
        ((3, 4, []), "dlts: 4 should be from 0 to 3"),
        ((3, 2, [0.5, 0.5]), "2 pending patients and 2 with a DLT are more than 3"),
        ((3, 0, [1.0]), "follow_up: 1 should be a share of the DLT window"),
        ((3, 0, [-0.1]), "follow_up: -0.1"),
        ((3, 0, [float("nan")]), "follow_up: nan"),
        ((3, 0, [14]), "follow_up: 14"),
    ],
)
@pytest.mark.parametrize("rule", [Complete(), Weigh(), Weigh(method="ess"), Predict()])
def test_counts_that_there_cannot_be(rule, given, said):
    with pytest.raises(DesignError, match=re.escape(said)):
        rule.plan(BOIN(), TRIAL).decide(*given)


def test_more_than_six_do_not_roll():
    with pytest.raises(DesignError, match="patients: 7 should be from 1 to 6"):
        Roll().plan(ThreePlusThree(), TRIAL).decide(7, 0, [])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (([3, 0], [0, 0], [], 0), "for 4 dose levels"),
        (([3, 0, 0, 0], [0, 0, 0, 0], [(4, 0.5)], 0), "for 4 dose levels"),
        (([3, 0, 0, 0], [0, 0, 0, 0], [(1, 0.5)], 0), "patients: 0"),
        (([3, 0, 0, 0], [0, 0, 0, 0], [(0, 1.0)], 0), "below 1"),
        (([3, 0, 0, 0], [1, 0, 0, 0], [(0, 0.5)], 0, []), "dlt_times: 0 times for 1 DLTs"),
    ],
)
def test_data_that_there_cannot_be_under_a_model(given, said):
    with pytest.raises(DesignError, match=re.escape(said)):
        Weigh(weights="adaptive").plan(SKELETON, TRIAL).decide(*given)


def test_a_model_that_finds_the_lowest_dose_too_toxic():
    """Also while patients are pending: the trial ends; and a dose that its own counts eliminate is not preferred."""
    stopping = CRM(skeleton=(0.1, 0.2, 0.3, 0.4), stop_if_too_toxic={"threshold": 0.9})
    plan = Weigh(most_pending=0.5).plan(stopping, TRIAL)
    said = plan.decide([9, 0, 0, 0], [6, 0, 0, 0], [(0, 0.5)], 0)
    assert (said.code, said.choice) == (ELIMINATE, -1)
    eliminating = CRM(skeleton=(0.1, 0.2, 0.3, 0.4), restrict={"rule": "eliminate", "threshold": 0.9})
    said = Weigh().plan(eliminating, TRIAL).decide([9, 6, 3, 0], [0, 0, 3, 0], [(0, 0.5)], 1)
    assert said.choice <= 1
    assert said.code in (STAY, -1)


def test_own_tables_do_not_fit():
    table = DecisionTable(rows=[{"patients": ">=1", "dlts": ">=0", "decision": "stay"}])
    with pytest.raises(DesignError, match="not for 'table'"):
        Predict().plan(table, TRIAL)


TIMED = Trial(
    doses=levels(4), target=0.3, max_patients=24, dlt_window_days=28, time={"accrual_per_month": 3, "arrivals": "fixed"}
)
LATE = [
    (BOIN, {"rule": "weigh"}),
    (Keyboard, {"rule": "weigh"}),
    (MTPI2, {"rule": "predict"}),
    (ThreePlusThree, {"rule": "roll"}),
    (partial(CRM, half_width=0.05, prior_mtd=2, coherent="recent"), {"rule": "weigh", "weights": "adaptive"}),
    (partial(BMACRM, skeletons=[(0.1, 0.2, 0.3, 0.4)]), {"rule": "weigh"}),
]


@pytest.mark.parametrize(("kind", "pending"), LATE)
def test_an_option_of_the_design(kind, pending):
    """It is simulated, described and cited; on days that are none of steps nothing exact is said of it."""
    design, rates = kind(pending=pending), [0.05, 0.15, 0.3, 0.5]
    assert not list(design.problems(TIMED))
    late, complete = (simulate(one, TIMED, rates, trials=500, seed=2) for one in (design, kind()))
    assert late.times[:, PENDING_COLUMN].sum() > 0
    assert late.times[:, END].mean() < complete.times[:, END].mean()
    assert design.pending.words(kind(), TIMED) in design.description(TIMED)
    assert set(design.references()) > set(kind().references())
    for question in (exact, fingerprint):
        with pytest.raises(StateSpaceError, match=r"late-onset: .* depends on days"):
            question(design, TIMED)
    assert next_dose(design, TIMED, "1NNN").next_dose == 2
    with pytest.raises(DesignError, match="depends on the days on which outcomes become known, which no path"):
        exact(design, TIMED, after="1NNN")


@pytest.mark.parametrize("kind", [BOIN, ThreePlusThree, MTPI2])
def test_complete_is_the_default(kind):
    """And changes nothing, whoever writes it."""
    written, design = kind(pending={"rule": "complete"}), kind()
    assert design == written
    assert not design.is_late_onset
    assert design.pending_plan(TIMED) is None
    ours, theirs = (simulate(one, TIMED, [0.05, 0.15, 0.3, 0.5], trials=500, seed=2) for one in (written, design))
    assert np.array_equal(ours.times, theirs.times)
    assert np.array_equal(ours.patients, theirs.patients)
    assert fingerprint(written, TRIAL) == fingerprint(design, TRIAL)


@pytest.mark.parametrize(
    ("design", "trial", "problem"),
    [
        (BOIN(pending={"rule": "weigh"}), TRIAL, 'pending: rule = "weigh" needs [trial.time]'),
        (BOIN(pending={"rule": "roll"}), TIMED, 'pending: "roll" is for kind = "3+3", the rolling six; not for'),
        (ThreePlusThree(pending={"rule": "weigh"}), TIMED, 'pending: "weigh" is for interval designs'),
        (
            BOIN(pending={"rule": "weigh", "weights": "adaptive"}),
            TIMED,
            "pending.weights: an option of models",
        ),
        (BOIN(titration=True, pending={"rule": "weigh"}), TIMED, "pending: late-onset trials are not simulated with"),
        (
            CRM(skeleton=(0.1, 0.2, 0.3, 0.4), method="mle", pending={"rule": "weigh"}),
            TIMED,
            'pending: "weigh" needs method = "bayes"',
        ),
    ],
)
def test_what_does_not_fit_is_one_line(design, trial, problem):
    found = [f"{option}: {text}" for option, text in (*design.problems(trial), *design.unsimulated(trial))]
    assert len(found) == 1
    assert found[0].startswith(problem)
    with pytest.raises(DesignError, match=re.escape(problem.partition(": ")[2])):
        simulate(design, trial, [0.05, 0.15, 0.3, 0.5], trials=10)


@pytest.mark.parametrize(
    ("pending", "line"),
    [
        ('{ rule = "wiegh" }', "pending.rule: unknown rule 'wiegh'; did you mean 'weigh'?; one of 'complete', 'weigh'"),
        ('{ rule = "weigh", most_pendin = 1 }', "pending.most_pendin: unknown key; did you mean 'most_pending'?"),
        ('{ rule = "weigh", most_pending = 2 }', "pending.most_pending: should be less than or equal to 1"),
        ("{ most_pending = 1 }", "pending.rule: needed: one of 'complete', 'weigh', 'roll', 'predict'"),
        ('"weigh"', "pending: should be a table"),
    ],
)
def test_what_a_user_may_type(tmp_path, pending, line):
    path = tmp_path / "late.toml"
    path.write_text(
        'name = "late"\n[trial]\ndoses = [1, 2]\ntarget = 0.3\nmax_patients = 12\ndlt_window_days = 28\n'
        "[trial.time]\naccrual_per_month = 2\n"
        f'[[design]]\nkind = "boin"\npending = {pending}\n[[truth]]\nname = "a"\ndlt_rates = [0.1, 0.3]\n'
    )
    with pytest.raises(ScenarioError) as error:
        load_scenario(path)
    assert f"design[1].{line}" in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_the_rolling_six_is_not_described_as_three_plus_three():
    """It takes the place of the stages."""
    late, complete = (ThreePlusThree(pending=rule).description(TIMED) for rule in ({"rule": "roll"}, Complete()))
    assert late.startswith("Dose escalation follows the rolling six (Skolnik et al. 2008).")
    assert "At first 3 patients are treated at a dose" in complete
    assert "At first 3 patients" not in late
    boin = BOIN(pending={"rule": "weigh"}).description(TIMED)
    assert boin.startswith(BOIN().description(TIMED).split("\n\n")[0])
