"""`escalation next`: the next dose of a running trial."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from escalation import CRM, TITECRM, OutcomesError, Trial, next_dose
from escalation.cli import main

SCENARIOS = Path(__file__).parents[2] / "scenarios"
LUCAR = str(SCENARIOS / "lucar-dks1.toml")
TAK = str(SCENARIOS / "tak-007.toml")

ESTIMATE_KEYS = {
    *("dose", "patients", "dlts", "pending", "inevaluable"),
    *("observed", "estimate", "lower", "upper", "above_target", "eliminated"),
}


def invoke(*arguments: str):
    return CliRunner().invoke(main, ["next", *arguments])


def tree_of(*arguments: str) -> dict:
    result = invoke(*arguments, "--format", "json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def but_minutes(tree: dict) -> dict:
    """The answer; the minutes say what was typed."""
    return {name: value for name, value in tree.items() if name != "minutes"}


@pytest.mark.parametrize("design", ["3+3", "boin", "crm"])
def test_json_contract(design):
    tree = tree_of(LUCAR, "--design", design, "1NNN 2NTT")
    first = ["next_dose", "stop", "reason", "recommended_dose", "estimates", "warnings", "pending", "decided"]
    assert list(tree)[:8] == first
    assert (tree["pending"], tree["decided"], tree["completions"], tree["next_dose_label"]) == (0, True, [], "1")
    assert (tree["next_dose"], tree["stop"], tree["recommended_dose"]) == (1, False, 1)
    assert tree["reason"].endswith(".")
    assert tree["warnings"] == []
    assert tree["cohort_size"] == 3
    assert [dose["dose"] for dose in tree["estimates"]] == [1, 2, 3, 4]
    assert [dose["patients"] for dose in tree["estimates"]] == [3, 3, 0, 0]
    assert [dose["dlts"] for dose in tree["estimates"]] == [0, 2, 0, 0]
    for dose in tree["estimates"]:
        assert set(dose) == ESTIMATE_KEYS
        if dose["estimate"] is not None:
            assert 0 <= dose["lower"] <= dose["estimate"] <= dose["upper"] <= 1
            assert 0 <= dose["above_target"] <= 1
    assert [dose["eliminated"] for dose in tree["estimates"]] == [False, *[design == "3+3"] * 3]
    assert (tree["estimates"][3]["estimate"] is None) == (design != "crm"), "a model says something of every dose"


def test_stop():
    tree = tree_of(LUCAR, "--design", "boin", "1TTT")
    assert (tree["next_dose"], tree["stop"], tree["recommended_dose"]) == (None, True, None)
    assert tree["stop_reason"] == "too_toxic"
    assert tree["reason"] == (
        "Dose level 1: P(DLT rate > 0.25 | 3 of 3) = 0.996 exceeds 0.95: eliminate this dose and all above. "
        "The trial ends as too toxic, recommending no dose."
    )
    assert all(dose["eliminated"] for dose in tree["estimates"])


def test_before_the_first_patient():
    tree = tree_of(LUCAR, "--design", "boin", "")
    assert (tree["next_dose"], tree["recommended_dose"]) == (1, None)
    assert tree["reason"] == "Nobody was treated yet; the trial starts at dose level 1."


REASONS = {
    ("3+3", "1NNT 1NNN"): "Dose level 1: 1 of 6 patients with a DLT, at most 1: the dose is cleared: escalate.",
    ("boin", "1NNN 2NNT"): "Dose level 2: 1 of 3 patients with a DLT is a rate of 0.333, above lambda_d = 0.298: "
    "de-escalate.",
    ("crm", "1NNN 2NNN 3NNT"): "1 of 3 patients of the last cohort had a DLT, a rate not below the target of 0.25: no "
    "escalation.",
    ("crm", "1TTT 1TTT"): "The probability that the lowest dose is too toxic, 0.999, exceeds 0.95.",
    ("crm", "1NNN"): "After dose level 1 no dose above level 2 may follow.",
    ("3+3", "1NNN 2TTN 1NNN"): "dose escalation is complete.",
}


@pytest.mark.parametrize(("case", "sentence"), REASONS.items(), ids=map(str, REASONS))
def test_the_rule_that_decided(case, sentence):
    design, outcomes = case
    assert sentence in tree_of(LUCAR, "--design", design, outcomes)["reason"]


def test_no_escalation_after_a_cohort_with_a_dlt():
    """However few: a rate below the target bars none otherwise."""
    trial = Trial(doses=[50, 150, 300, 600], target=0.4, max_patients=36, cohort_size=3)
    said = {
        coherent: next_dose(CRM(half_width=0.06, prior_mtd=3, coherent=coherent), trial, "1NNN 2NNN 3NNT")
        for coherent in ("recent", "cohort")
    }
    assert {coherent: one.next_dose for coherent, one in said.items()} == {"recent": 3, "cohort": 4}
    assert said["recent"].reason.endswith("1 of 3 patients of the last cohort had a DLT: no escalation.")


def test_dlts_that_may_be_news_are_asked_about():
    """Whether a DLT of an earlier cohort has become known since the last decision is not among the outcomes."""
    trial = Trial(doses=[1, 2, 3, 4], target=0.25, max_patients=36, cohort_size=3, dlt_window_days=28)
    design = TITECRM(half_width=0.06, prior_mtd=3, coherent="recent")
    for outcomes in ("1NNT 2NNP14", "1NNT 2NNN"):
        with pytest.raises(OutcomesError, match=r"before the last cohort \(1\); whether one has become known"):
            next_dose(design, trial, outcomes)
        assert next_dose(design.model_copy(update={"coherent": "off"}), trial, outcomes).decided
    assert next_dose(design, trial, "1NNN 2NNP14").next_dose == 3
    assert next_dose(design, trial, "1NNN 2NTP14").next_dose <= 2


def test_page():
    result = invoke(LUCAR, "--design", "boin", "1NNN 2NTT")
    assert result.exit_code == 0
    assert result.stdout.startswith("boin: next cohort, 3 patients, at dose level 1 (50 million cells/kg)\n")
    assert "Recommended dose if the trial ended now: dose level 1 (50 million cells/kg)." in result.stdout
    assert "dose (million cells/kg)   n   DLTs   rate   pooled       95 %   > 25 %   closed" in result.stdout
    assert "2: 150                    3      2   66.7     66.1   9.4-99.2     94.9" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80
    markdown = invoke(LUCAR, "--design", "boin", "1NNN 2NTT", "--format", "markdown").stdout
    assert "| 2: 150 | 3 | 2 | 66.7 | 66.1 | 9.4-99.2 | 94.9 |  |" in markdown


class TestCounts:
    def test_the_same_as_the_outcomes(self):
        for design, last in (("3+3", []), ("boin", []), ("crm", ["--last-cohort", "3,2"])):
            by_counts = tree_of(LUCAR, "--design", design, "--patients", "3,3", "--dlts", "0,2", *last)
            assert but_minutes(by_counts) == but_minutes(tree_of(LUCAR, "--design", design, "1NNN 2NTT"))

    def test_last_cohort_is_never_guessed(self):
        result = invoke(LUCAR, "--design", "crm", "--patients", "3,3", "--dlts", "0,2")
        assert result.exit_code == 2
        assert "last cohort: needed, because this design does not escalate after a cohort" in result.stderr

    def test_dose_is_asked_for_where_it_matters(self):
        counts = (LUCAR, "--design", "boin", "--patients", "6,3", "--dlts", "1,2")
        result = invoke(*counts)
        assert result.exit_code == 2
        assert "dose of the last cohort: needed; it may have been dose level 1 or 2" in result.stderr
        assert [tree_of(*counts, "--dose", dose)["next_dose"] for dose in "12"] == [2, 1]

    def test_counts_that_no_course_leads_to(self):
        tree = tree_of(LUCAR, "--design", "boin", "--patients", "3,3,0,3", "--dlts", "0,0,0,2", "--dose", "4")
        (warning,) = tree["warnings"]
        assert warning == (
            "the design does not lead to these counts with this last cohort: after DLTs in 0 of 3 at dose level 1, "
            "0 of 3 at dose level 2 it gives dose level 3"
        )
        assert tree["next_dose"] == 3

    def test_expansion_is_recognised(self):
        tree = tree_of(TAK, "--design", "3+3 lead-in", "--patients", "9", "--dlts", "2")
        assert tree["expansion"] is True
        assert tree["warnings"] == []
        assert but_minutes(tree) == but_minutes(tree_of(TAK, "--design", "3+3 lead-in", "1NNT 1NNN 1NNT"))


class TestDepartures:
    def test_another_dose(self):
        tree = tree_of(LUCAR, "--design", "boin", "1NNN 3NNN")
        assert tree["warnings"] == ["cohort 2 (3NNN): the design gives dose level 2, not 3"]
        assert tree["next_dose"] == 4

    def test_another_cohort_size(self):
        assert tree_of(LUCAR, "--design", "boin", "1NNNN")["warnings"] == [
            "cohort 1 (1NNNN): the design treats 3 patients"
        ]

    def test_after_the_end(self):
        tree = tree_of(LUCAR, "--design", "boin", "1TTT 1NNN")
        assert tree["warnings"] == [
            "cohort 2 (1NNN): the design ends the trial before it, too toxic",
            "dose level 1 was eliminated after cohort 1; by the numbers there now it is not, and these decide",
        ]
        assert tree["next_dose"] == 1

    def test_more_patients_than_planned(self):
        outcomes = " ".join(["1NNN", "2NNN", "3NNN", *["4NNN"] * 9, "4N"])
        tree = tree_of(LUCAR, "--design", "boin", outcomes)
        assert tree["warnings"][0] == "37 patients were treated; the trial has at most 36"
        assert tree["stop_reason"] == "max_patients"
        assert tree["recommended_dose"] == 4

    def test_warnings_are_on_standard_error(self):
        result = invoke(LUCAR, "--design", "boin", "1NNN 3NNN", "--format", "json")
        assert result.stderr == "warning: cohort 2 (3NNN): the design gives dose level 2, not 3\n"


class TestExpansion:
    def test_begins(self):
        tree = tree_of(TAK, "--design", "3+3 lead-in", "1NNN 1NNN")
        assert (tree["next_dose"], tree["cohort_size"], tree["stop"], tree["expansion"]) == (1, 3, False, True)
        assert tree["reason"].endswith("Dose level 1 is the RP2D, and its expansion begins.")

    def test_goes_on_and_stops(self):
        going = tree_of(TAK, "--design", "3+3 lead-in", "1NNN 1NNN 1NNT")
        assert "1 of all 9 patients at dose level 1 have had a DLT, not too many" in going["reason"]
        stopped = tree_of(TAK, "--design", "3+3 lead-in", "1NNN 1NNN 1TTT 1TTT")
        assert (stopped["stop_reason"], stopped["recommended_dose"]) == ("expansion_stopped", None)

    def test_is_complete(self):
        tree = tree_of(TAK, "--design", "3+3 lead-in", "1NNN 1NNN 1NNN 1NNN 1NNN 1NNN 1NN")
        assert (tree["stop"], tree["recommended_dose"]) == (True, 1)
        assert tree["reason"].endswith("The expansion is complete.")
        assert tree["warnings"] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["1NNN 2NXT"],
            "outcomes: 'X' should be N (no DLT), T (DLT), P (pending) or I (inevaluable)\n"
            "error:   1NNN 2NXT\nerror:          ^\n",
        ),
        (
            ["1NNN 5NTT"],
            "5 does not exist; the dose levels are 1 to 4\nerror:   1NNN 5NTT\nerror:        ^\n",
        ),
        (["NNN"], "a cohort begins with its dose level, a number\nerror:   NNN\nerror:   ^\n"),
        (
            ["1NNN 2"],
            "for each patient should follow: N (no DLT), T (DLT), P (pending) or I (inevaluable)\n"
            "error:   1NNN 2\nerror:         ^",
        ),
        (["1NNN 2N7"], "only P and T can have a number of days; a space goes before the next cohort"),
        (
            ["1NP13,3P14"],
            "a comma between digits may be a decimal: days are P0.5; a space goes before a cohort\n"
            "error:   1NP13,3P14\nerror:        ^",
        ),
        (["1NNP3,5"], "a comma between digits may be a decimal"),
        (['"1NNN'], "a closing quotation mark is missing"),
        (['"1"NNN'], "the doses of this trial have no labels"),
        (["1NNN", "--closed", "1"], "closed: 1 should be a dose level above the lowest"),
        (["1NNN", "--closed", "five"], "--closed: 'five' should be one of the dose levels 1, 2, 3, 4"),
        (["--patients", "3", "--dlts", "0", "--pending", "4"], "dose level 1: 0 DLTs and 4 pending in only 3 patients"),
        (["0NNN"], "dose level 0 does not exist"),
        (["9" * 5000 + "N"], "does not exist"),
        (["1" + "N" * 1001], "1001 patients; at most 1000 are possible"),
        ([], "give OUTCOMES, such as '1NNN 2NTT', or --patients with --dlts"),
        (["1NNN", "--patients", "3"], "give either OUTCOMES or --patients, not both"),
        (["--patients", "3"], "--patients with --dlts"),
        (["--patients", "3,x", "--dlts", "0"], "'3,x' should be whole numbers with commas between"),
        (["--patients", "3,3", "--dlts", "0"], "dlts: 1 numbers, but 2 numbers of patients"),
        (["--patients", "3", "--dlts", "4"], "dose level 1: 4 DLTs in only 3 patients"),
        (["--patients", "3,3,3,3,3", "--dlts", "0,0,0,0,0"], "there are only 4 dose levels"),
        (["--patients", "3", "--dlts", "0", "--dose", "7"], "--dose: '7' should be one of the dose levels 1, 2, 3, 4"),
        (["--patients", "3", "--dlts", "0", "--dose", "2"], "nobody was treated at dose level 2"),
        (["--patients", "3", "--dlts", "0", "--last-cohort", "3"], "--last-cohort: two numbers"),
        (
            ["--patients", "3", "--dlts", "0", "--last-cohort", "3,1"],
            "no dose level has 3 patients of whom 1 had a DLT",
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_errors(arguments, message):
    result = invoke(LUCAR, "--design", "boin", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


def test_design_is_needed_where_there_are_several(tmp_path):
    result = invoke(LUCAR, "1NNN")
    assert result.exit_code == 2
    assert "--design is needed; there are '3+3', 'boin', 'crm'" in result.stderr
    single = tmp_path / "single.toml"
    single.write_text(
        'name = "s"\n[trial]\ndoses = [1, 2]\ntarget = 0.25\nmax_patients = 12\n[[design]]\nkind = "boin"\n'
        '[[truth]]\nname = "t"\ndlt_rates = [0.1, 0.2]\n'
    )
    assert tree_of(str(single), "1NNN")["next_dose"] == 2
