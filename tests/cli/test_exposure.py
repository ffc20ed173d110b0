"""What commands say of an optimal dose by exposure."""

import csv
import io
import json

import pytest
from click.testing import CliRunner

from escalation.cli import main
from tests.support import check_row

SCENARIO = """
name = "example"

[trial]
doses = [50, 150, 300]
target = 0.25
max_patients = 12

[[design]]
kind = "boin"
optimal_dose = { by = "exposure", ratio = 0.8 }

[[design]]
kind = "ccd"
optimal_dose = { by = "exposure", ratio = 0.5 }

[[design]]
kind = "3+3"

[[truth]]
name = "plateau"
dlt_rates = [0.05, 0.12, 0.25]
exposure = { geometric_means = [1e5, 2.5e5, 2.6e5], cv = 0.7 }
obd = 2

[[truth]]
name = "toxic"
dlt_rates = [0.60, 0.70, 0.80]
exposure = { geometric_means = [1e5, 2.5e5, 2.6e5], cv = 0.7 }
obd = "none"
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "example.toml"
    path.write_text(SCENARIO)
    return path


@pytest.fixture
def invoke(file):
    def called(command, *options, code=0):
        result = CliRunner().invoke(main, [command, str(file), *options], env={"COLUMNS": "100"})
        assert result.exit_code == code, result.output
        return result.stdout if code == 0 else result.output

    return called


def test_a_page(invoke):
    page = invoke("run", "--trials", "500", "--seed", "1")
    for line in (
        "dose                       50     150°      300   none",
        "true geometric mean   100,000  250,000  260,000",
        "boin ~ OBD %",
        "ccd ~ OBD %",
        "none°",
        "design   ~ correct OBD %   ~ safety %   ~ no dose %   at OBD   ~ ratio",
        "OBD by exposure: optimal dose, chosen up to the RP2D; ° the truth's.",
        "~ simulated: exposures are continuous, and what depends on them is never exact.",
        "Exact; 500 simulated trials (seed 1) agree.",
        "~ OBD by exposure: the mean of 500 simulated trials (seed 1); standard error of correct OBD up to 2.",
    ):
        assert " ".join(line.split()) in " ".join(page.split()), line
    assert "3+3 ~ OBD" not in page
    assert max(map(len, page.splitlines())) <= 100


def test_a_page_without_trials(invoke):
    page = invoke("run", "--trials", "0")
    assert "The optimal dose by exposure (boin, ccd) is simulated only, and no trials were." in page
    assert "OBD %" not in page


def test_json_and_csv_have_the_same_numbers(invoke):
    options = ["--trials", "500", "--seed", "1"]
    tree = json.loads(invoke("run", *options, "--format", "json"))
    rows = list(csv.DictReader(io.StringIO(invoke("run", *options, "--format", "csv"))))
    first, _, third = tree["results"][:3]
    assert first["exposure"] == {"geometric_means": [1e5, 2.5e5, 2.6e5], "cv": 0.7}
    assert first["optimal_dose"] == 2
    assert "response_rates" not in first
    assert tree["results"][3]["optimal_dose"] is None
    assert tree["designs"]["boin"]["optimal_dose"] == {"by": "exposure", "ratio": 0.8}
    assert "pcs_obd" not in first["exact"]
    assert first["exact"]["patients_at_obd"] == pytest.approx(first["exact"]["patients"][1], rel=1e-12)
    assert "obd_selection" not in third["simulated"]
    for name in ("pcs_obd", "no_obd.safety", "exposure_ratio", "patients_at_obd"):
        check_row(rows, ("boin", "plateau", "simulated", name), first["simulated"])
    assert not [row for row in rows if row["engine"] == "exact" and row["quantity"] == "pcs_obd"]


def test_compare(invoke):
    found = json.loads(invoke("compare", "--trials", "500", "--seed", "1", "--format", "json"))
    pairs = {(one["design"], one["reference"]) for one in found["differences"] if one["quantity"] == "pcs_obd"}
    assert pairs == {("ccd", "boin")}
    at = [one for one in found["differences"] if one["quantity"] == "patients_at_obd"]
    assert {(one["truth"], one["exact"] is None) for one in at} == {("plateau", False)}
    assert "correct OBD % ~" in invoke("compare", "--trials", "500", "--seed", "1")


def test_a_report(invoke, tmp_path):
    path = tmp_path / "report.md"
    invoke("report", "--trials", "200", "--output", str(path), "--format", "md")
    text = path.read_text()
    for words in (
        "The optimal dose is chosen when the trial is over, by the patients' exposure, among doses",
        "Optimal dose (OBD): the dose that a design chooses by exposure when the trial has ended",
        "the optimal dose of boin, ccd is from simulated trials",
        "optimal dose by exposure (\\~ simulated)",
        "exposure estimate: ratio",
        "A tilde in them also marks the optimal dose by exposure, which is simulated.",
        "| plateau | 100,000 | 250,000° | 260,000 | 70 | 150 |",
        "| correct optimal dose, % | \\~ ",
    ):
        assert words in text, words
    assert "too few responses" not in text


def test_what_is_not_answered_is_said(invoke, file, tmp_path):
    page = invoke("next", "1NNN", "--design", "boin")
    assert "Optimal dose (OBD) if the trial ended now: not decided here: it is by exposure" in page
    assert "the data have no exposures" in " ".join(page.split())
    said = invoke("run", "--from", "1NNN", code=2)
    assert "design 'boin' chooses an optimal dose by exposure: the data have no exposures" in said
    assert said.count("\n") == 1
    only = "it chooses an optimal dose by exposure, which is simulated only; without optimal_dose the rest is exact"
    for command in (
        ("robust", "--generator", "scenario", "--design", "boin"),
        ("size", "--pcs", "0.5", "--design", "boin"),
        ("calibrate", "--design", "boin"),
    ):
        said = invoke(*command, code=2)
        assert only in said
        assert said.count("\n") == 1
    assert only in invoke("sweep", "--design", "boin", "--output", str(tmp_path / "sweep.csv"), code=2)
    assert "Toxicity alone: exposures and the choice of an optimal dose are not looked at." in invoke("worst")
    assert "chosen by the exposures when the trial is over." in invoke("paths", "--design", "boin", "--cohorts", "1")
    bare = invoke("plot", "--what", "optimal-dose", "--output", str(tmp_path / "figure.svg"), code=2)
    assert "patients have no responses" in bare


def test_a_figure_of_both_ways_to_choose(file, invoke, tmp_path):
    responding = SCENARIO.replace(
        "[[design]]", "[trial.efficacy]\nmin_response = 0.25\nmax_toxicity = 0.35\n\n[[design]]", 1
    )
    responding = responding.replace("obd =", "response_rates = [0.20, 0.45, 0.46]\nobd =")
    file.write_text(responding.replace('by = "exposure", ratio = 0.5', 'by = "utility"'))
    path = tmp_path / "figure.svg"
    invoke("plot", "--what", "optimal-dose", "--truth", "plateau", "--trials", "200", "--output", str(path))
    drawn = path.read_text()
    assert "(OBD simulated)" in drawn
    assert "(chooses no OBD)" in drawn
    assert "boin recommends 300" in drawn
    page = invoke("run", "--trials", "200", "--seed", "1")
    assert "ccd OBD %" in page
    assert "boin ~ OBD %" in page
    without = responding.replace('optimal_dose = { by = "exposure", ratio = 0.8 }', "")
    file.write_text(without.replace('optimal_dose = { by = "exposure", ratio = 0.5 }', ""))
    assert "dose°" not in invoke("run", "--trials", "200", "--truth", "plateau")
