"""`escalation next`: the next dose of a running trial."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

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
        (["1NNN 2N7"], "only P can have a number of days; a space goes before the next cohort"),
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
