"""Scenario files: what is accepted, and what a bad one is told."""

from pathlib import Path
from typing import Literal

import pytest

from escalation import BOIN, CRM, Scenario, ScenarioError, load_scenario
from escalation.scenario.file import parse_scenario

SCENARIOS = sorted((Path(__file__).parents[2] / "scenarios").glob("*.toml"), key=lambda path: path.stem)

GOOD = {
    "name": "example",
    "trial": {"doses": [1, 2.5, 4], "target": 0.25, "max_patients": 12},
    "design": [{"kind": "boin"}, {"kind": "crm", "skeleton": [0.1, 0.25, 0.4]}],
    "truth": [{"name": "one", "dlt_rates": [0.1, 0.25, 0.4]}],
}


def changed(**parts):
    return {**GOOD, **parts}


def problems(content) -> list[str]:
    with pytest.raises(ScenarioError) as error:
        parse_scenario(content)
    return list(error.value.problems)


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_shipped_files(path):
    scenario = load_scenario(path)
    assert scenario.name == path.stem
    assert scenario.registry.startswith("NCT")
    assert scenario.warnings == []
    assert 6 <= len(scenario.truth) <= 8
    assert {"target", "cohort_size", "truths"} <= set(scenario.assumptions)


def test_four_files_ship():
    assert [path.stem for path in SCENARIOS] == ["lucar-dks1", "lucar-dks1-optimal-dose", "nk010-nk042", "tak-007"]


def test_registered_facts():
    """What the registry says of each trial, as the files carry it."""
    lucar, optimal, nk, tak = map(load_scenario, SCENARIOS)
    assert (optimal.registry, optimal.trial.doses) == (lucar.registry, lucar.trial.doses)
    arms = optimal.trial.randomised
    assert optimal.trial.max_patients + arms.doses * arms.patients_per_dose == lucar.trial.max_patients
    assert {"target", "cohort_size", "max_patients", "efficacy", "randomised"} <= set(optimal.assumptions)
    assert (lucar.registry, lucar.trial.max_patients) == ("NCT07095075", 36)
    assert (lucar.trial.doses, lucar.trial.dose_unit) == ((50, 150, 300, 600), "million cells/kg")
    calendar = {"accrual_per_month", "gap_days", "while_closed", "onset"}
    assert set(lucar.assumptions) == {"target", "cohort_size", "dlt_window_days", "designs", "truths"} | calendar
    assert (nk.registry, nk.trial.max_patients, nk.trial.dlt_window_days) == ("NCT06676631", 18, 28)
    assert nk.trial.levels == 1
    assert set(nk.assumptions) == {"doses", "target", "cohort_size", "efficacy", "designs", "truths"} | calendar
    assert isinstance(nk.trial.doses[0], str)
    assert (tak.registry, tak.trial.max_patients, tak.trial.dlt_window_days) == ("NCT06377228", 20, 30)
    assert tak.trial.doses == (800,)
    assert set(tak.assumptions) == {"target", "cohort_size", "designs", "expansion", "truths"} | calendar
    for scenario in (lucar, nk, tak):
        time = scenario.trial.time
        assert (time.gap_days, time.gap_at) == ((scenario.trial.dlt_window_days,), "new_dose"), "as the file says"


def test_minimal_file_and_default_labels():
    scenario = parse_scenario(changed(design=[{"kind": "crm", "skeleton": [0.1, 0.2, 0.4]}] * 3 + [{"kind": "boin"}]))
    assert list(scenario.designs) == ["crm", "crm-2", "crm-3", "boin"]
    assert isinstance(scenario.designs["boin"], BOIN)
    assert scenario.trial.cohort_size == 3


def test_every_option_of_the_contract_is_accepted():
    scenario = parse_scenario(
        changed(
            title="Title",
            registry="NCT00000000",
            trial=GOOD["trial"] | {"dose_unit": "mg", "cohort_size": 2, "start_dose": 2, "dlt_window_days": 28},
            design=[
                {"kind": "3+3", "de_escalate": False, "six_at_top": False, "label": "plain"},
                {
                    "kind": "boin", "p_saf": 0.1, "p_tox": 0.4, "cutoff_eli": 0.9, "extra_safe": True, "offset": 0.1,
                    "stop_at": 9, "bound_mtd": True, "titration": False,
                },
                {
                    "kind": "crm", "model": "logistic", "half_width": 0.05, "prior_mtd": 2, "prior_sd": 1.0,
                    "estimate": "mean", "no_skip": False, "coherent": "dose",
                    "stop_if_too_toxic": {"threshold": 0.9, "margin": 0.05}, "stop_at": 9, "recommend_untried": True,
                },
            ],
            truth=[{"name": "t", "dlt_rates": [0, 0.5, 1], "rp2d": [1, 2]}],
        )
    )  # fmt: skip
    assert list(scenario.designs) == ["plain", "boin", "crm"]
    assert scenario.truth[0].correct_doses(0.25) == (1, 2)


def test_monitoring():
    content = changed(
        trial={"doses": ["regimen"], "target": 0.25, "max_patients": 12},
        design=[{"kind": "monitoring", "limit": 0.3, "threshold": 0.9, "prior": [0.5, 0.5], "min_patients": 3}],
        truth=[{"name": "t", "dlt_rates": [0.3], "rp2d": "none"}],
    )
    scenario = parse_scenario(content)
    assert scenario.truth[0].correct_doses(0.25) == ()
    assert scenario.designs["monitoring"].prior == (0.5, 0.5)


def test_python_objects_make_a_scenario():
    scenario = Scenario(
        name="made here",
        trial=GOOD["trial"],
        design=(BOIN(), CRM(half_width=0.05, prior_mtd=2)),
        truth=GOOD["truth"],
    )
    assert list(scenario.designs) == ["boin", "crm"]


class OwnDesign(BOIN):
    """Of a class that is not registered."""

    kind: Literal["own"] = "own"
    margin: float = 0.1


def test_designs_of_ones_own_make_a_scenario():
    own = OwnDesign(margin=0.2)
    scenario = Scenario(**GOOD | {"design": (own, BOIN(), *GOOD["design"][1:], OwnDesign())})
    assert list(scenario.designs) == ["own", "boin", "crm", "own-2"]
    assert scenario.design[0] is own
    assert scenario.model_dump()["design"][0]["margin"] == 0.2


def test_files_cannot_name_designs_of_ones_own():
    (problem,) = problems(changed(design=[{"kind": "own"}]))
    assert problem.startswith("design[1].kind: unknown design 'own'")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({}, ["name: needed", "trial: needed: a [trial] table", "design: needed: at least one [[design]] table",
              "truth: needed: at least one [[truth]] table"]),
        (changed(extra=1), ["extra: unknown key"]),
        (changed(titel="x"), ["titel: unknown key; did you mean 'title'?"]),
        (changed(name=" "), ["name: should be a printable text that is not blank"]),
        (changed(name=7), ["name: should be a text in quotes"]),
        (changed(trial=GOOD["trial"] | {"target": 1.0}), ["trial.target: should be less than 1"]),
        (changed(trial=GOOD["trial"] | {"target": float("nan")}), ["trial.target: should be a finite number"]),
        (changed(trial=GOOD["trial"] | {"target": "0.25"}), ["trial.target: should be a number"]),
        (changed(trial=GOOD["trial"] | {"target": True}), ["trial.target: should be a number"]),
        (changed(trial=GOOD["trial"] | {"max_patients": 2}),
         ["trial.cohort_size: a cohort of 3 is larger than the trial (2 patients)"]),
        (changed(trial=GOOD["trial"] | {"start_dose": 4}), ["trial.start_dose: there are only 3 dose levels"]),
        (changed(trial=GOOD["trial"] | {"start_dose": 0}), ["trial.start_dose: should be greater than or equal to 1"]),
        (changed(trial=GOOD["trial"] | {"doses": [1, 3, 2]}),
         ["trial.doses: should increase from each level to the next"]),
        (changed(trial=GOOD["trial"] | {"doses": [1, 2, "x"]}), ["trial.doses: should be all numbers or all texts"]),
        (changed(trial=GOOD["trial"] | {"doses": []}), ["trial.doses: should not be empty"]),
        (changed(trial=GOOD["trial"] | {"cohort_sise": 3}),
         ["trial.cohort_sise: unknown key; did you mean 'cohort_size'?"]),
        (changed(design=[]), ["design: should be at least one [[design]] table"]),
        (changed(design={"kind": "boin"}), ["design: should be at least one [[design]] table"]),
        (changed(design=[{}]), ["design[1].kind: needed"]),
        (changed(design=[{"kind": "bion"}]), ["design[1].kind: unknown design 'bion'; did you mean 'boin'?"]),
        (changed(design=[{"kind": "boin", "p_saf": 0.3}]),
         ["design[1].p_saf: 0.3 should be below the target of 0.25"]),
        (changed(design=[{"kind": "boin", "p_tox": 0.2}]),
         ["design[1].p_tox: 0.2 should be above the target of 0.25"]),
        (changed(design=[{"kind": "boin", "titration": "yes"}]), ["design[1].titration: should be true or false"]),
        (changed(design=[{"kind": "boin", "cutoff": 0.9}]),
         ["design[1].cutoff: unknown key; did you mean 'cutoff_eli'?"]),
        (changed(design=[{"kind": "crm"}]),
         ["design[1].skeleton: needed, or else both half_width and prior_mtd"]),
        (changed(design=[{"kind": "crm", "skeleton": [0.1, 0.2, 0.3], "half_width": 0.05}]),
         ["design[1].skeleton: give either a skeleton or half_width with prior_mtd, not both"]),
        (changed(design=[{"kind": "crm", "skeleton": [0.1, 0.3, 0.3]}]),
         ["design[1].skeleton: should increase from each dose to the next"]),
        (changed(design=[{"kind": "crm", "skeleton": [0.1, 0.3]}]), ["design[1].skeleton: 2 values for 3 dose levels"]),
        (changed(design=[{"kind": "crm", "half_width": 0.3, "prior_mtd": 2}]),
         ["design[1].half_width: 0.3 should be positive and leave target +- half_width between 0 and 1"]),
        (changed(design=[{"kind": "crm", "half_width": 0.05, "prior_mtd": 4}]),
         ["design[1].prior_mtd: 4 should be one of the dose levels 1 to 3"]),
        (changed(design=[{"kind": "crm", "skeleton": [0.1, 0.2, 0.3], "stop_if_too_toxic": {"treshold": 0.9}}]),
         ["design[1].stop_if_too_toxic.threshold: needed"]),
        (changed(design=[{"kind": "monitoring"}]),
         ["design[1].kind: monitoring is for a single dose; this trial has 3 dose levels"]),
        (changed(design=[{"kind": "monitoring", "rule": "wang-tsiatis", "p1": 0.4}]),
         ['design[1].p1: not an option of rule = "wang-tsiatis"', 'design[1].delta: needed by rule = "wang-tsiatis"']),
        (changed(design=[{"kind": "monitoring", "rule": "sprt", "p1": 0.25}]),
         ["design[1].p1: 0.25 should be above the limit of 0.25"]),
        (changed(design=[{"kind": "boin"}, {"kind": "3+3", "label": "boin"}]),
         ["design[2].label: 'boin' is already design[1]"]),
        (changed(truth=[{"name": "t", "dlt_rates": [0.1, 0.2]}]), ["truth[1].dlt_rates: 2 rates for 3 dose levels"]),
        (changed(truth=[{"name": "t", "dlt_rates": [0.1, 0.2, 1.3]}]),
         ["truth[1].dlt_rates[3]: should be less than or equal to 1"]),
        (changed(truth=[{"name": "t", "dlt_rates": [0.1, 0.2, 0.3], "rp2d": 4}]),
         ["truth[1].rp2d: there are only 3 dose levels"]),
        (changed(truth=GOOD["truth"] * 2), ["truth[2].name: 'one' is already truth[1]"]),
        (changed(trial=7), ["trial: should be a table"]),
        (changed(trial=GOOD["trial"] | {"max_patients": 1001}), ["trial.max_patients: should be less than or equal"]),
        (changed(trial={"doses": [1], "target": 0.2, "max_patients": 200, "cohort_size": 101}),
         ["trial.cohort_size: should be less than or equal to 100"]),
        (changed(trial=GOOD["trial"] | {"doses": list(range(51))}), ["trial.doses: should have at most 50 entries"]),
        (changed(trial=GOOD["trial"] | {"doses": [1, 2, 10**400]}), ["trial.doses: should be numbers from 0 to 1e15"]),
        (changed(trial=GOOD["trial"] | {"doses": [-1, 2, 3]}), ["trial.doses: should be numbers from 0 to 1e15"]),
        (changed(trial=GOOD["trial"] | {"zz-1": 3}), ["trial.zz-1: unknown key"]),
        (changed(trial=GOOD["trial"] | {"a\x1bb": 3}), ["trial.a\\x1bb: unknown key"]),
        (changed(design=[{"kind": "boin", "boin": 1}]), ["design[1].boin: unknown key"]),
        (changed(design=[{"kind": "boin", "stop_at": 2**64}]), ["design[1].stop_at: should be less than"]),
        (changed(design=[{"kind": "crm", "skeleton": [0.1, 0.2, 0.3], "stop_if_too_toxic": 3}]),
         ["design[1].stop_if_too_toxic: should be a table"]),
        (changed(design=[{"kind": "boin", "label": "boin "}, {"kind": "boin"}]),
         ["design[2].label: 'boin' is already design[1]"]),
        (changed(truth=[{"name": "t", "dlt_rates": [0.1, 0.2, 0.3], "rp2d": 0}]),
         ['truth[1].rp2d: should be a dose level from 1, a list of them, or "none"']),
        (changed(assumptions={"target": 3}), ["assumptions.target: should be a text in quotes"]),
    ],
)  # fmt: skip
def test_bad_content(content, expected):
    found = problems(content)
    for message in expected:
        assert any(problem.startswith(message) for problem in found), found


def test_all_problems_at_once():
    found = problems(
        changed(
            trial=GOOD["trial"] | {"target": 2},
            design=[{"kind": "boin", "cutoff_eli": 3}, {"kind": "crm", "half_width": "wide", "prior_mtd": 0}],
            truth=[{"name": "t", "dlt_rates": [-1, 2, 3]}],
        )
    )
    assert [problem.split(":")[0] for problem in found] == [
        "trial.target",
        "design[1].cutoff_eli",
        "design[2].half_width",
        "design[2].prior_mtd",
        "truth[1].dlt_rates[1]",
        "truth[1].dlt_rates[2]",
        "truth[1].dlt_rates[3]",
    ]


def test_all_problems_of_a_trial_at_once():
    found = problems(changed(trial={"doses": [3, 2, 1], "target": 0.25, "max_patients": 9, "cohort_size": 10,
                                    "start_dose": 4}))  # fmt: skip
    assert [problem.split(":")[0] for problem in found] == ["trial.doses", "trial.cohort_size", "trial.start_dose"]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"design": (BOIN(), BOIN(label="boin"))}, "'boin' is already"),
        ({"truth": [{"name": "t", "dlt_rates": [0.1, 0.2]}]}, "2 rates for 3 dose levels"),
        ({"design": (CRM(skeleton=(0.1, 0.2)),)}, "2 values for 3 dose levels"),
    ],
)
def test_python_scenarios_are_checked_like_files(parts, message):
    with pytest.raises(ValueError, match=message):
        Scenario(**changed(**parts))


@pytest.mark.parametrize(
    ("design", "caution"),
    [
        ({"kind": "boin", "offset": 0.1}, "offset is not used"),
        ({"kind": "boin", "stop_at": 50}, "stop_at = 50 is never reached"),
        ({"kind": "crm", "skeleton": [0.1, 0.2, 0.3], "stop_at": 13}, "stop_at = 13 is never reached"),
        ({"kind": "boin", "titration": True}, "titration starts at the lowest dose"),
    ],
)
def test_settings_without_effect_are_warned_of(design, caution):
    (warning,) = parse_scenario(changed(design=[design], trial=GOOD["trial"] | {"start_dose": 2})).warnings
    assert caution in warning


def test_byte_order_mark_and_long_assumptions(tmp_path):
    file = tmp_path / "windows.toml"
    text = (
        Path(SCENARIOS[0]).read_text().replace('target = "Not', 'target = """\nNot', 1).replace('oncology"', 'x"""', 1)
    )
    file.write_text(text, encoding="utf-8-sig")
    assert "\n" not in load_scenario(file).assumptions["target"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a = " + b"9" * 5000, "not valid TOML"),
        (b"a = " + b"[" * 5000, "nested too deeply"),
        (b"", "name: needed"),
        (b"name = \n", r"not valid TOML: .*line 1, column 8"),
        (b"\xff\xfe\x00", "not a text file in UTF-8"),
        (b"name = 'a'\nname = 'b'", "not valid TOML"),
    ],
)
def test_unreadable_files(tmp_path, content, message):
    file = tmp_path / "bad.toml"
    file.write_bytes(content)
    with pytest.raises(ScenarioError, match=message):
        load_scenario(file)
