"""`next`, `paths`, `table` and `run --from` in a trial with responses: the RP2D and the OBD, and what is pending."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from escalation.cli import main

FILE = """
name = "responses"
[trial]
doses = [50, 150, 300, 600]
target = 0.25
max_patients = 12
[trial.efficacy]
min_response = 0.30
max_toxicity = 0.35
[[design]]
kind = "boin"
optimal_dose = { by = "utility" }
[[design]]
kind = "3+3"
[[truth]]
name = "plateau"
dlt_rates = [0.05, 0.12, 0.25, 0.40]
response_rates = [0.20, 0.45, 0.50, 0.50]
"""
BARE = (
    FILE.replace("[trial.efficacy]\nmin_response = 0.30\nmax_toxicity = 0.35\n", "")
    .replace('optimal_dose = { by = "utility" }\n', "")
    .replace("response_rates = [0.20, 0.45, 0.50, 0.50]\n", "")
)


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> str:
    path: Path = tmp_path_factory.mktemp("files") / "responses.toml"
    path.write_text(FILE)
    path.with_name("bare.toml").write_text(BARE)
    return str(path)


def printed(*arguments: str, form: str = "markdown") -> str:
    result = CliRunner().invoke(main, [*arguments, "--format", form])
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(*arguments: str) -> str:
    result = CliRunner().invoke(main, [*arguments])
    assert result.exit_code != 0
    assert "Traceback" not in result.output
    return result.stderr


def test_a_trial_that_is_over_has_both_doses(file):
    page = printed("next", file, "1NNE 2EEN 3TNT 2ENN", "--design", "boin")
    assert "## boin: the trial stops (max patients)" in page
    assert "Recommended dose (RP2D) at the end: dose level 2 (150)." in page
    assert (
        "Optimal dose (OBD) at the end: dose level 2 (150), the one with the largest posterior mean utility, of the "
        "doses up to the recommended one that are not futile." in page
    )
    assert "| dose | n | responses | rate | utility | \\< 30 % | futile |" in page
    assert "| 2: 150 | 6 | 3 | 50.0 | 65.0 | 12.6 |  |" in page
    assert "outcomes as read: 1NNE 2NEE 3NTT 2NNE" in page


def test_two_doses_that_are_not_the_same(file):
    tree = json.loads(printed("next", file, "1EEE 2NNN 3TNT 2NNN", "--design", "boin", form="json"))
    assert (tree["recommended_dose"], tree["optimal_dose"]["dose"]) == (2, 1)
    assert (tree["optimal_dose"]["decided"], tree["optimal_dose"]["possible"]) == (True, [1])
    assert [one["responses"] for one in tree["responses"]] == [3, 0, 0, 0]
    assert [one["futile"] for one in tree["responses"]] == [False, True, False, False]


def test_a_trial_that_is_over_waits_for_responses(file):
    page = printed("next", file, "1NNE 2ENN? 3TNT 2NNN?", "--design", "boin")
    assert "Recommended dose (RP2D) at the end: dose level 2 (150)." in page
    assert (
        "Optimal dose (OBD) at the end: not decided while the outcomes of 2 patients are pending: dose level 1 or 2, "
        "by those at dose level 2." in page
    )
    assert "| 2: 150 | 4+2? | 1 | 25.0 |" in page
    assert "- ?: response pending, not counted." in page


def test_patients_who_have_responded_while_pending(file):
    page = printed("next", file, "1NNE 2NEP14E", "--design", "boin")
    assert "## boin: wait" in page
    assert "| 2: 150 | 2+1P | 0 |" in page
    assert "| 2: 150 | 2+1PE | 1 | 50.0 |" in page
    assert "- PE: one patient each, who has responded while the DLT outcome is pending, not counted." in page


def test_a_design_that_chooses_none(file):
    page = printed("next", file, "1NNE 2EET", "--design", "3+3")
    assert "Recommended dose if the trial ended now:" in page
    assert "OBD" not in page
    assert "| dose | n | responses | rate | utility | \\< 30 % |\n" in page
    bare = json.loads(
        printed("next", file.replace("responses.toml", "bare.toml"), "1NNN", "--design", "boin", form="json")
    )
    assert not {"responses", "optimal_dose"} & set(bare)


def test_counts(file):
    told = ("next", file, "--patients", "3,3", "--dlts", "0,1", "--design", "boin")
    assert "Optimal dose (OBD) if the trial ended now: not known, because these counts say nothing" in printed(*told)
    page = printed(*told, "--responses", "0,2", "--both", "0,1")
    assert "Optimal dose (OBD) if the trial ended now: dose level 2 (150)" in page
    assert (
        "outcomes as read: dose level 1: 0 of 3, 0 responses, dose level 2: 1 of 3, 2 responses, 1 with a DLT" in page
    )
    for options, problem in (
        (("--responses", "0,2"), "--both: needed: how many of --responses are of patients with a DLT"),
        (("--both", "0,2"), "--both: needs --responses"),
        (("--responses", "0,1", "--both", "0,2"), "--both: should be no more than --responses"),
        (("--responses", "4,0"), "dose level 1: 4 responses in only 3 patients without a DLT"),
        (("--responses", "1,0,0"), "responses: 3 dose levels, but 2 numbers of patients"),
    ):
        assert problem in refused(*told, *options)
    assert "either OUTCOMES or --responses, not both" in refused(
        "next", file, "1NNN", "--responses", "0", "--design", "boin"
    )


@pytest.mark.parametrize("command", [("next",), ("run", "--trials", "0", "--from"), ("paths", "--from")])
def test_letters_of_responses_need_a_trial_that_looks_at_them(file, command):
    said = refused(command[0], file.replace("responses.toml", "bare.toml"), "--design", "boin", *command[1:], "1NNE")
    assert (
        "'E' is a response without a DLT, which needs [trial.efficacy] in the trial; without it outcomes are DLTs alone"
        in said
    )
    assert "1NNE" in said


def test_days_of_the_window(tmp_path):
    path = tmp_path / "window.toml"
    path.write_text(FILE.replace("max_patients = 12", "max_patients = 12\ndlt_window_days = 28"))
    said = refused("next", str(path), "1NNP28", "--design", "boin")
    assert "so that the outcome is known, N or T (N? or T? while the response is pending), E or B" in said
    assert "no DLT, N or E" in refused("next", str(path), "1NNT30", "--design", "boin")


def test_a_warning_shows_what_was_written(file):
    page = printed("next", file, "1NEB 2NN?E", "--design", "boin")
    assert "cohort 2 (2NN?E): the design gives dose level 1, not 2" in page


def test_paths_leave_responses_open(file):
    page = printed("paths", file, "--design", "boin", "--from", "1NNE 2EBN", "--cohorts", "1")
    assert "## boin: the next cohort after 1NNE 2EBN" in page
    assert "1N?N?T?" in page
    assert "?: with a response or without, which does not change the path." in page
    assert "The optimal dose (OBD) is chosen by the responses when the trial is over." in page
    tree = json.loads(printed("paths", file, "--design", "boin", "--from", "1NNE 2EBN", "--cohorts", "1", form="json"))
    for path in tree["paths"]:
        again = printed("next", file, f"1NNE 2EBN {path['outcomes']}", "--design", "boin", form="json")
        assert json.loads(again)["next_dose"] == path["next_dose"]
    assert "OBD" not in printed("paths", file, "--design", "3+3", "--cohorts", "1")
    bare = printed("paths", file.replace("responses.toml", "bare.toml"), "--design", "boin", "--cohorts", "1")
    assert "N (no DLT) or T (DLT) for each patient" in bare


def test_table_says_when_it_is_chosen(file):
    assert "The optimal dose is chosen when the trial is over" in printed("table", file, "--design", "boin")


def test_run_goes_on_with_the_responses(file):
    page = printed("run", file, "--design", "boin", "--from", "1NNE 2EEN?", "--trials", "2000")
    assert "Given the data so far: 1NNE 2N?EE" in page
    assert "boin OBD %" in page
    assert "agree" in page
    tree = json.loads(printed("run", file, "--design", "boin", "--from", "1NNE 2EEN?", "--trials", "0", form="json"))
    found = tree["results"][0]["exact"]
    assert found["responses"][1] > 2.45
    assert sum(found["obd_selection"]) + sum(found["no_obd"].values()) == pytest.approx(1)
