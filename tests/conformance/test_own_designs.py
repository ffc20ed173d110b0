"""A design of somebody's own, as a class or a function, has all that the built-in ones have."""

import json
import pickle
from functools import partial

import numpy as np
import pytest

import escalation
from escalation import CCD, DecisionFunction, DesignError, IntervalDesign, Scenario, Trial, Truth
from escalation.designs import REGISTRY
from tests.conformance.test_every_design import SETTINGS, TRIALS
from tests.support import levels

TRIAL = Trial(doses=[50, 150, 300, 600], target=0.25, max_patients=18)
RATES = (0.05, 0.12, 0.25, 0.40)
HALF_WIDTH = 0.09


class CohortRates(IntervalDesign):
    """The rule of the CCD, once more."""

    kind: str = "cohort-rates"
    half_width: float = HALF_WIDTH

    fewest_to_eliminate = 3

    def moves(self, target, patients, dlts):
        up = dlts <= (target - self.half_width) * patients + escalation.SLACK
        down = dlts >= (target + self.half_width) * patients - escalation.SLACK
        return np.where(up, 1, np.where(down, -1, 0))


def cohort_rates(patients, dlts):
    rate = dlts / patients
    if rate <= 0.25 - HALF_WIDTH:
        return 1
    return -1 if rate >= 0.25 + HALF_WIDTH else 0


OWN = [CohortRates(), DecisionFunction(function=cohort_rates, target=0.25, label="own", text="By the rate.")]


@pytest.mark.parametrize("trial", TRIALS)
def test_a_class_decides_as_the_built_in_design(trial):
    if trial.target == 0.25:
        own, built_in = CohortRates().plan(trial), CCD().plan(trial)
        np.testing.assert_array_equal(own.codes, built_in.codes)
        assert escalation.fingerprint(CohortRates(), trial) == escalation.fingerprint(CCD(), trial)
    assert list(CohortRates(stop_at=6).plan(trial).conduct.stops)


def test_a_function_decides_as_the_class():
    function, built_in = (design.plan(TRIAL).codes for design in (OWN[1], CCD()))
    np.testing.assert_array_equal(function[:, 3:], built_in[:, 3:])
    assert (function[:, 2, 2] == -2).all()  # elimination begins with the first patient
    assert (built_in[:, 2, 2] == -1).all()


@pytest.mark.parametrize("design", OWN, ids=lambda design: design.kind)
class TestOwnDesign:
    def test_engines_agree(self, design):
        for trial in (TRIAL, TRIAL.model_copy(update={"expansion": escalation.Expansion(patients=6)})):
            expected = escalation.exact(design, trial).outcomes(RATES)
            simulated = escalation.simulate(design, trial, RATES, trials=4000, seed=3)
            assert escalation.agreement(expected, simulated, correct=[3]).agrees

    def test_options_of_every_design(self, design):
        options = {"titration": True, "restrict": ({"rule": "no_escalation", "dlts": 2},), "stop_at": 9}
        changed = type(design).model_validate({**dict(design), **options})
        assert escalation.fingerprint(changed, TRIAL) != escalation.fingerprint(design, TRIAL)
        assert "at least 9 patients" in changed.description(TRIAL)

    def test_one_trial(self, design):
        found = escalation.next_dose(design, TRIAL, "1NNN 2NTT")
        assert found.next_dose == 1
        assert "2 of 3 patients with a DLT is a rate of 0.667" in found.reason
        assert "= 0.996 exceeds 0.95" in escalation.next_dose(design, TRIAL, "1NNN 2TTT").reason
        assert escalation.paths(design, TRIAL, cohorts=2)

    def test_tables(self, design):
        (part,) = escalation.decision_table(design, TRIAL).table
        assert [part.rows[n - 1].escalate_if_at_most for n in (3, 6, 9, 12)] == [0, 0, 1, 1]

    def test_scenario(self, design, tmp_path):
        truth = Truth(name="MTD at 300", dlt_rates=RATES)
        scenario = Scenario(name="own", trial=TRIAL, design=(design, CCD()), truth=(truth,))
        assert not [line for line in scenario.warnings if "own" in line]
        own, built_in = escalation.run(scenario, trials=500).results
        assert own.exact.pcs == pytest.approx(built_in.exact.pcs, abs=0.02)
        assert escalation.compare(scenario, reference="ccd", trials=0).differences
        escalation.write_report(scenario, tmp_path / "own.html", trials=500)
        assert design.words(TRIAL) in (tmp_path / "own.html").read_text().replace("&#x27;", "'").replace("&#39;", "'")
        shown = json.loads(scenario.model_dump_json())["design"][0]
        assert shown["kind"] == design.kind
        assert shown.get("function", "cohort_rates") == "cohort_rates"

    def test_other_processes(self, design):
        again = pickle.loads(pickle.dumps(design))
        assert again == design
        assert hash(again) == hash(design)
        assert escalation.fingerprint(again, TRIAL) == escalation.fingerprint(design, TRIAL)


def test_a_function_without_a_name_stays_in_its_process():
    design = DecisionFunction(function=lambda patients, dlts: 0, target=0.25)
    with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
        pickle.dumps(design)
    assert escalation.exact(design, TRIAL).outcomes(RATES).patients[:, 1:].sum() == 0


def test_default_words():
    words = CohortRates(label="ours").description(TRIAL)
    assert words.startswith("Doses are decided on by the design 'ours' with a target DLT rate of 0.25. After each")
    assert OWN[1].description(TRIAL).startswith("By the rate. A dose and all above it are eliminated")
    assert CohortRates().references() == []


@pytest.mark.parametrize("given", ["E", True, None, 2, 0.5, float("nan"), [1], np.bool_(True), np.array(True), 1 + 0j])
def test_a_function_that_gives_something_else_is_refused(given):
    design = DecisionFunction(function=lambda patients, dlts: given, target=0.25)
    with pytest.raises(DesignError, match=r"^function: function: .*<lambda>\(1, 0\) gives .*; it should be 1 to escal"):
        design.plan(TRIAL)


@pytest.mark.parametrize("given", [np.int8(1), 1.0, np.array(1), np.sign(0.3)])
def test_numbers_that_are_moves(given):
    design = DecisionFunction(function=lambda patients, dlts: given, target=0.25)
    assert design.plan(TRIAL).codes[0, 3, 0] == 1


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (lambda patients: patients > 0, "moves: bool of shape"),
        (lambda patients: patients[:2], "moves: int64 of shape (2,) for counts of shape"),
        (lambda patients: 0, "moves: int64 of shape () for counts"),
        (lambda patients: np.where(patients > 5, 2, 0), "moves: 2 after 0 of 6; should be 1"),
        (lambda patients: np.full(patients.shape, np.nan), "moves: nan after 0 of 1; should be 1"),
        (lambda patients: np.full(patients.shape, "E"), "moves: <U1 of shape"),
    ],
)
def test_a_class_that_gives_something_else_is_refused(given, words):
    class Wrong(IntervalDesign):
        kind: str = "wrong"

        def moves(self, target, patients, dlts):
            return given(patients)

    with pytest.raises(DesignError) as caught:
        Wrong().plan(TRIAL)
    assert str(caught.value).startswith(f"wrong: {words}")


def test_another_target_is_refused():
    other = TRIAL.model_copy(update={"target": 0.3})
    with pytest.raises(DesignError, match=r"^function: target: the function was made for 0\.25; the trial's target is"):
        OWN[1].plan(other)


INTERVAL_DESIGNS = {kind: design for kind, design in REGISTRY.items() if issubclass(design, IntervalDesign)}


@pytest.mark.parametrize(
    "design", [design(**options) for kind, design in INTERVAL_DESIGNS.items() for options in SETTINGS[kind]]
)
@pytest.mark.parametrize("target", [0.2, 1 / 3])
def test_patients_need_not_be_whole(design, target):
    """More patients with as many DLTs never lead lower; so whole numbers bound what is between them."""
    most, steps = 40, 8
    for dlts in range(13):
        patients = np.arange(max(dlts, 1) * steps, most * steps + 1) / steps
        moves = design.moves(target, patients, np.full(patients.shape, float(dlts)))
        assert moves.dtype == np.int8
        assert np.all(np.diff(moves) >= 0)
        whole = patients[::steps].astype(np.int64)
        np.testing.assert_array_equal(moves[::steps], design.moves(target, whole, np.full(whole.shape, dlts)))


def test_moves_cannot_change_the_counts_that_they_are_asked_about():
    class InPlace(IntervalDesign):
        kind: str = "in-place"

        def moves(self, target, patients, dlts):
            dlts[patients < 3] = 0
            return np.sign(target * patients - dlts)

    with pytest.raises(ValueError, match="read-only"):
        InPlace().plan(Trial(doses=levels(2), target=0.25, max_patients=6))


def test_names_of_functions_are_the_same_in_every_process():
    nameless = partial(lambda limit, patients, dlts: 0, 0.3)
    design = DecisionFunction(function=nameless, target=0.25)
    assert "partial" in design.model_dump_json()
    assert "0x" not in design.model_dump_json()
