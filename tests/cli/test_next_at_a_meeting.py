"""`escalation next` at a safety meeting: unplanned cohorts, pending patients, rulings, labels, the minutes."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from escalation.cli import main
from tests.cli.test_next import LUCAR, TAK, invoke, tree_of

OWN = """name = "own"
[trial]
doses = [50, 150, 300]
target = 0.25
max_patients = 12
labels = ["-1", "1", "2"]
start_dose = 2
[[design]]
kind = "3+3"
[[design]]
kind = "table"
recommend = "highest_cleared"
cap = 6
rows = [
    { patients = 3, dlts = 0, decision = "E" },
    { patients = 3, dlts = 1, decision = "S" },
    { patients = 6, dlts = "<=1", decision = "E" },
    { patients = 3, dlts = ">=2", decision = "DU" },
    { patients = 6, dlts = ">=2", decision = "DU" },
]
"""


@pytest.fixture
def own(tmp_path):
    """A file without truths, whose doses have labels, with a table that knows three and six patients only."""
    path = tmp_path / "own.toml"
    path.write_text(OWN)
    return str(path)


# 3+3 of LUCAR-DKS1: outcomes, next dose, patients of the next cohort, and whether the trial stops as too toxic.
UNFORESEEN = [
    ("2TT", 1, False),
    ("2NNTT", 1, False),
    ("2NNT 2T", 1, False),
    ("2NNT 2TT", 1, False),
    ("1TTTT", None, True),
    ("1TTTTTTT", None, True),
    ("2NNNN", 3, False),
    ("1NNN 2NNNNNNN", 3, False),
    ("1NNN 2NNT 2NNNN", 3, False),
]


@pytest.mark.parametrize(("outcomes", "dose", "stop"), UNFORESEEN)
def test_counts_that_nobody_planned(outcomes, dose, stop):
    tree = tree_of(LUCAR, "--design", "3+3", outcomes)
    assert (tree["next_dose"], tree["stop"], tree["decided"]) == (dose, stop, True)


class TestPending:
    def test_wait(self):
        tree = tree_of(LUCAR, "--design", "3+3", "1NNN 2NNN 3NPP")
        assert (tree["pending"], tree["decided"], tree["stop"]) == (2, False, False)
        assert (tree["next_dose"], tree["cohort_size"], tree["recommended_dose"]) == (None, 0, None)
        assert tree["reason"] == ("2 patients are pending: wait. 0, 1, 2 DLTs among the pending: dose level 4, 3, 2.")
        completions = [(one["dlts"], one["next_dose"], one["stop"]) for one in tree["completions"]]
        assert completions == [([0, 0, y, 0], dose, False) for y, dose in ((0, 4), (1, 3), (2, 2))]
        assert [dose["pending"] for dose in tree["estimates"]] == [0, 0, 2, 0]
        assert tree["estimates"][2]["patients"] == 1

    def test_the_decision_is_that_of_the_outcome(self):
        for design in ("3+3", "boin", "crm"):
            tree = tree_of(LUCAR, "--design", design, "1NNN 2NPP")
            for completion, outcomes in zip(tree["completions"], ("2NNN", "2NNT", "2NTT"), strict=True):
                alone = tree_of(LUCAR, "--design", design, f"1NNN {outcomes}")
                assert completion["next_dose"] == alone["next_dose"]
                assert completion["reason"] == alone["reason"]

    def test_decided_already(self):
        tree = tree_of(LUCAR, "--design", "3+3", "1NNN 2TTP14")
        assert (tree["pending"], tree["decided"], tree["next_dose"], tree["cohort_size"]) == (1, True, 1, 3)
        assert tree["reason"].startswith("1 patient is pending, whose outcome cannot change the answer.")

    def test_the_last_cohort_of_a_trial_waits_for_its_recommendation(self):
        cohorts = " ".join(["1NNN", "2NNN", *["3NNN"] * 9])
        tree = tree_of(LUCAR, "--design", "crm", f"{cohorts} 3NPP")
        assert (tree["decided"], tree["stop"]) == (True, True)  # whatever the outcomes, dose 3 is recommended
        assert {one["stop"] for one in tree["completions"]} == {True}

    def test_as_counts(self):
        by_counts = tree_of(LUCAR, "--design", "boin", "--patients", "3,3", "--dlts", "0,0", "--pending", "0,2")
        by_outcomes = tree_of(LUCAR, "--design", "boin", "1NNN 2NPP")
        assert by_counts["completions"] == by_outcomes["completions"]
        assert by_counts["next_dose"] is None

    def test_who_goes_on_refuses(self):
        for command in ("paths", "run"):
            result = CliRunner().invoke(main, [command, LUCAR, "--design", "boin", "--from", "1NNN 2NNP"])
            assert result.exit_code == 2
            (line,) = result.stderr.splitlines()
            assert "1 patient pending" in line


def test_inevaluable_patients_are_not_counted():
    alike = [tree_of(LUCAR, "--design", "boin", text) for text in ("1NNN 2NNI", "1NNN 2NN")]
    for tree in alike:
        assert (tree["next_dose"], tree["cohort_size"], tree["missing"]) == (2, 1, 1)
        assert [filled["next_dose"] for filled in tree["filled"]] == [3, 1]
    assert [tree["estimates"][1]["inevaluable"] for tree in alike] == [1, 0]
    result = CliRunner().invoke(main, ["paths", LUCAR, "--design", "boin", "--from", "1NNNI", "--cohorts", "1"])
    assert result.exit_code == 0


class TestRulings:
    def test_closed(self):
        tree = tree_of(LUCAR, "--design", "boin", "1NNN 2NNN", "--closed", "3")
        assert tree["next_dose"] == 2
        assert tree["reason"].endswith("Dose level 3 and all above are not to be given, as was ruled.")
        assert "ruled: closed from dose level 3" in tree["minutes"]

    def test_stay(self):
        assert tree_of(LUCAR, "--design", "crm", "1NNN 2NNN", "--stay")["next_dose"] == 2
        assert tree_of(LUCAR, "--design", "3+3", "1NNN 2NTT", "--stay")["next_dose"] == 1, "a lower dose stands"

    def test_the_end_of_a_trial_stands(self):
        arguments = (LUCAR, "--design", "3+3", "1NNN 2NTT 1NNN")
        assert (
            tree_of(*arguments)["stop_reason"] == tree_of(*arguments, "--closed", "2")["stop_reason"] == "rule_complete"
        )

    def test_nor_is_a_closed_dose_recommended(self):
        tree = tree_of(LUCAR, "--design", "boin", "1NNN 2NNN 3NNN", "--closed", "2")
        assert (tree["next_dose"], tree["recommended_dose"]) == (1, 1)
        assert [dose["eliminated"] for dose in tree["estimates"]] == [False, True, True, True]


def test_a_cohort_of_an_expansion_that_is_not_full():
    """`next`, `paths` and `run` fill it up, and 12 patients in all are still to come."""
    arguments = (TAK, "--design", "3+3 lead-in")
    tree = tree_of(*arguments, "1NNN 1NNN 1NN")
    assert (tree["next_dose"], tree["cohort_size"], tree["missing"], tree["expansion"]) == (1, 1, 1, True)
    options = ("--from", "1NNN 1NNN 1NN", "--truth", "DLT rate 0.05", "--trials", "0", "--format", "json")
    result = json.loads(CliRunner().invoke(main, ["run", *arguments, *options]).stdout)["results"][0]
    found = result["exact"]
    assert found["further"]["patients"]["q95"] == 12
    assert sum(found["patients"]) == pytest.approx(found["sample_size"]["mean"])


def test_inevaluable_patients_at_another_dose():
    tree = tree_of(LUCAR, "--design", "boin", "1NTT 4III")
    assert tree["warnings"] == ["cohort 2 (4III): the design gives dose level 1, not 4"]


def test_pending_counts_with_the_dose():
    arguments = ("--patients", "3,3", "--dlts", "0,0", "--pending", "0,3", "--dose", "2")
    assert tree_of(LUCAR, "--design", "boin", *arguments)["pending"] == 3


class TestOwnTableAndLabels:
    def test_a_table_asks_where_it_has_no_row(self, own):
        tree = tree_of(own, "--design", "table", "1NNNN")
        assert (tree["next_dose"], tree["stop"], tree["decided"]) == (None, False, False)
        assert "the table has no row for these counts and does not decide" in tree["reason"]
        assert invoke(own, "--design", "table", "1NNNN").stdout.startswith("table: not decided\n")

    def test_nobody_is_treated_where_every_outcome_leads_down(self, own):
        tree = tree_of(own, "--design", "table", '"-1"NNN 1TT')
        assert (tree["next_dose"], tree["cohort_size"], tree["missing"]) == (1, 3, 1)
        assert tree["reason"].endswith("because every outcome leads down or ends the trial.")

    def test_no_dose_is_given_again_where_the_table_does_not_decide(self, own):
        tree = tree_of(own, "--design", "table", '"-1"NNN 1NNTT "-1"NNN')
        assert (tree["next_dose"], tree["decided"]) == (None, False)
        assert tree["reason"].startswith("Dose level 1: 2 of 4 patients with a DLT: the table has no row")

    def test_nor_do_trials_go_on_from_there(self, own):
        for arguments in (["paths"], ["run", "--trials", "10"]):
            command, *more = arguments
            with_truth = Path(own)
            with_truth.write_text(OWN + '[[truth]]\nname = "t"\ndlt_rates = [0.1, 0.2, 0.3]\n')
            result = CliRunner().invoke(main, [command, own, "--design", "table", "--from", "1NNNN", *more])
            if command == "run":
                assert result.exit_code == 2
            assert "does not decide" in result.output

    def test_it_prints_no_rows_that_do_not_exist(self, own):
        result = CliRunner().invoke(main, ["table", own, "--design", "table", "--every", "--format", "json"])
        (part,) = json.loads(result.stdout)["designs"][0]["table"]
        assert [row["patients"] for row in part["rows"]] == [3, 6]

    def test_labels(self, own):
        tree = tree_of(own, "--design", "3+3", '1NTT "-1"NNN')
        assert tree["reason"].startswith("Dose level -1: 0 of 3")
        result = tree_of(own, "--design", "3+3", "1NNN")
        assert (result["next_dose"], result["next_dose_label"]) == (3, "2")
        page = invoke(own, "--design", "3+3", "1NNN", "--closed", "2").stdout
        assert page.startswith("3+3: next cohort, 3 patients, at dose level 1 (150)\n")
        assert "\n-1: 50" in page
        refused = invoke(own, "--design", "3+3", "3NNN")
        assert 'there is no dose labelled 3; the labels are "-1", 1, 2' in refused.stderr


def test_minutes():
    page = invoke(LUCAR, "--design", "boin", "1nnn,2 ntt").stdout
    line = " ".join(page.split("\n\n")[-1].split())
    assert line.startswith("escalation 0.1.0; design boin, options ")
    assert line.endswith("; outcomes as read: 1NNN 2NTT")
    assert "lucar-dks1.toml, SHA-256 " in line
