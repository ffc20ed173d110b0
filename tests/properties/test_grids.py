"""Grids of settings: every combination, validated as a file is, and refused in words."""

import pickle
from itertools import product
from pathlib import Path

import pytest

from escalation import BOIN, Patients, Trial, Truth
from escalation.errors import EscalationError, GridError, ScenarioError
from escalation.scenario.file import Scenario, load_scenario, parse_scenario
from escalation.scenario.grid import changed, grid, parse_grid
from tests.support import without_time

LUCAR = without_time(load_scenario(Path(__file__).parents[2] / "scenarios" / "lucar-dks1.toml"))


def lucar(*texts: str, **options):
    return grid(LUCAR, dict(map(parse_grid, texts)), **options)


def test_settings_are_the_product_of_the_trials_values_and_the_designs_own():
    settings = list(lucar("boin.p_tox=0.3,0.35,0.4", "trial.max_patients=24,30", "3+3.de_escalate=false"))
    expected = [
        ("3+3", {"trial.max_patients": size, "3+3.de_escalate": False}) for size in (24, 30)
    ] + [
        ("boin", {"trial.max_patients": size, "boin.p_tox": rate}) for size, rate in product((24, 30), (0.3, 0.35, 0.4))
    ] + [("crm", {"trial.max_patients": size}) for size in (24, 30)]  # fmt: skip
    assert [(setting.label, setting.values) for setting in settings] == expected
    assert [setting.number for setting in settings] == list(range(10))
    for setting in settings:
        assert setting.trial.max_patients == setting.values["trial.max_patients"]
    assert [setting.design.p_tox for setting in settings[2:8]] == [0.3, 0.35, 0.4] * 2
    assert not settings[0].design.de_escalate


def test_a_setting_is_what_a_file_with_its_values_says():
    content = LUCAR.model_dump(exclude_unset=True, mode="json")
    values = {"trial.target": 0.3, "crm.stop_if_too_toxic.threshold": 0.9, "boin.p_tox": 0.42}
    content["trial"]["target"] = 0.3
    content["design"][1]["p_tox"] = 0.42
    content["design"][2]["stop_if_too_toxic"]["threshold"] = 0.9
    written, made = parse_scenario(content), changed(LUCAR, values)
    assert made == written
    assert [design.model_fields_set for design in made.design] == [design.model_fields_set for design in written.design]
    *_, setting = grid(LUCAR, {key: [value] for key, value in values.items()})
    assert (setting.trial, setting.design) == (written.trial, written.designs["crm"])


def test_parts_made_in_python_keep_the_names_of_their_rules():
    """A file must name a rule; in Python the class does."""
    made = Scenario(
        name="n",
        trial=Trial(doses=[1, 2], target=0.25, max_patients=12),
        design=[BOIN(label="a.b", stop_when=Patients(at_least=9))],
        truth=[Truth(name="t", dlt_rates=[0.1, 0.3])],
    )
    settings = grid(made, {"a.b.stop_when.at_least": [6, 9]})
    assert [setting.design.stop_when for setting in settings] == [Patients(at_least=6), Patients(at_least=9)]


@pytest.mark.parametrize(
    ("text", "key", "values"),
    [
        ("boin.p_tox=0.35, 0.4", "boin.p_tox", [0.35, 0.4]),
        ("3+3.de_escalate=true,false", "3+3.de_escalate", [True, False]),
        ("'p = 0.3'.p_tox=0.4", "p = 0.3.p_tox", [0.4]),
        ('crm.coherent="a,b","c=d"', "crm.coherent", ["a,b", "c=d"]),
        ("crm.skeleton=[0.1, 0.2],[0.2, 0.3]", "crm.skeleton", [[0.1, 0.2], [0.2, 0.3]]),
        ("a.b={ c = 1, d = 2 }", "a.b", [{"c": 1, "d": 2}]),
    ],
)
def test_texts(text, key, values):
    assert parse_grid(text) == (key, values)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("boin.p_tx=0.3", "grid: boin.p_tx: unknown option; did you mean 'p_tox'?"),
        ("bon.p_tox=0.3", "grid: bon.p_tox: no design of that label; did you mean 'boin'?; a key is trial.OPTION or"),
        ("trial.targt=0.3", "grid: trial.targt: unknown option; did you mean 'target'?"),
        ("boin=0.3", "grid: boin: names no option; a key is"),
        ("boin.kind='crm'", "grid: boin.kind: not a setting, but what the design is"),
        ("boin.p_tox", "grid: 'boin.p_tox': should be a key and its values, such as boin.p_tox=0.35,0.4"),
        ("'boin.p_tox=3", "should be a key and its values"),
        ("boin.p_tox=", "grid: boin.p_tox: no values"),
        ("boin.p_tox=0.35,0.350", "grid: boin.p_tox: 0.35 is given twice"),
        ("crm.coherent=cohort,dose", "texts are in quotes, which the shell should not take away"),
        ("boin.p_tox=0.3]#", "should be values as in TOML"),
        ("boin.p_tox=0.3,0.35#,0.4", "should be values as in TOML"),
        ("boin.p_tox=1\nx=2", "should be printable"),
        (f"boin.p_tox=0x{'f' * 9000}", "should be values as in TOML"),
        (f"boin.p_tox={'[' * 5000}", "should be values as in TOML"),
    ],
)
def test_what_cannot_be_read_gets_one_line(text, message):
    with pytest.raises(GridError) as found:
        lucar(text)
    assert message in str(found.value)
    assert "\n" not in str(found.value)
    assert len(str(found.value)) < 320


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["boin.p_tox=0.4,0.2", "trial.target=0.3"], "setting trial.target=0.3, boin.p_tox=0.2: boin.p_tox: 0.2 sh"),
        (["boin.p_tox='high'"], 'setting boin.p_tox="high": boin.p_tox: should be a number'),
        (["trial.cohort_size=40"], "trial.cohort_size=40: trial.cohort_size: a cohort of 40 is larger than the trial"),
        (["crm.stop_if_too_toxic.treshold=0.9"], "treshold: unknown key; did you mean 'threshold'?"),
        (["trial.doses.x=3"], "trial.doses: should be numbers"),
    ],
)  # fmt: skip
def test_settings_that_are_not_possible_are_named(texts, message):
    settings = lucar(*texts)
    with pytest.raises(ScenarioError) as found:
        list(settings)
    assert message in str(found.value)
    sent = pickle.loads(pickle.dumps(found.value))
    assert (str(sent), sent.problems) == (str(found.value), found.value.problems), "as from another process"


def test_an_enormous_grid_is_refused_before_anything_is_made():
    values = list(range(1, 10**5))
    keys = [option for option in type(LUCAR.trial).model_fields if option != "doses"]
    with pytest.raises(GridError, match=r"settings \(.*at most 1,000,000 are allowed"):
        grid(LUCAR, {f"trial.{option}": values for option in keys})
    assert len(grid(LUCAR, {"boin.p_tox": values}, most=100_001)) == 100_001
    with pytest.raises(GridError, match="100,001 settings"):
        grid(LUCAR, {"boin.p_tox": values}, most=100_000)


def test_designs_that_are_left_out():
    assert [setting.label for setting in lucar("trial.target=0.2,0.3", designs=["crm"])] == ["crm"] * 2
    with pytest.raises(GridError, match="the design 'boin' is left out"):
        lucar("boin.p_tox=0.4", designs=["crm"])
    with pytest.raises(EscalationError, match="no design 'cmr'; did you mean 'crm'"):
        lucar(designs=["cmr"])


def test_a_design_that_is_called_trial():
    content = LUCAR.model_dump(exclude_unset=True, mode="json")
    content["design"][1]["label"] = "trial"
    with pytest.raises(GridError, match="a design has the label 'trial'; give it another"):
        grid(parse_scenario(content), {"trial.target": [0.3]})
