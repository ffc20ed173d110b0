"""What commands say of responses and optimal doses."""

import csv
import io
import json

import pytest
from click.testing import CliRunner

from escalation.cli import main

SCENARIO = """
name = "example"

[trial]
doses = [50, 150, 300]
target = 0.25
max_patients = 12

[trial.efficacy]
min_response = 0.25
max_toxicity = 0.35

[[design]]
kind = "boin"
optimal_dose = { by = "utility" }

[[design]]
kind = "ccd"
optimal_dose = { by = "plateau", margin = 0.05 }

[[design]]
kind = "3+3"

[[truth]]
name = "plateau"
dlt_rates = [0.05, 0.12, 0.25]
response_rates = [0.20, 0.45, 0.46]
association = { odds_ratio = 2.0 }

[[truth]]
name = "no activity"
dlt_rates = [0.05, 0.12, 0.25]
response_rates = [0.05, 0.10, 0.15]
"""


@pytest.fixture
def invoke(tmp_path):
    path = tmp_path / "example.toml"
    path.write_text(SCENARIO)

    def called(command, *options):
        result = CliRunner().invoke(main, [command, str(path), *options], env={"COLUMNS": "100"})
        assert result.exit_code == 0, result.output
        return result.stdout

    return called


def test_a_page(invoke):
    page = invoke("run", "--trials", "500", "--seed", "1")
    for line in (
        r"dose                     50   150°    300   none",
        "true response rate %   20.0   45.0   46.0",
        "boin OBD %",
        "ccd OBD %",
        "none°",
        "correct OBD %",
        "OBD: optimal dose, chosen up to the RP2D; ° the truth's. At OBD: its patients.",
        "Exact; 500 simulated trials (seed 1) agree.",
    ):
        assert line in page, line
    assert "3+3 OBD %" not in page
    assert "3+3 responses" in page
    assert max(map(len, page.splitlines())) <= 100


def test_json_and_csv_have_the_same_numbers(invoke):
    options = ["--trials", "500", "--seed", "1"]
    tree = json.loads(invoke("run", *options, "--format", "json"))
    rows = list(csv.DictReader(io.StringIO(invoke("run", *options, "--format", "csv"))))
    first, _, third = tree["results"][:3]
    assert first["response_rates"] == [0.2, 0.45, 0.46]
    assert first["association"] == {"odds_ratio": 2.0}
    assert first["optimal_dose"] == 2
    assert tree["results"][3]["optimal_dose"] is None
    assert tree["results"][3]["association"] is None
    assert "obd_selection" not in third["exact"]
    assert third["exact"]["responses"]
    for name in ("pcs_obd", "no_obd.futility", "response_estimate.bias", "mean_utility"):
        (row,) = (
            row
            for row in rows
            if (row["design"], row["truth"], row["engine"], row["quantity"]) == ("boin", "plateau", "simulated", name)
        )
        value, error = first["simulated"], first["simulated"]["mcse"]
        for part in name.split("."):
            value, error = value[part], error[part]
        assert float(row["value"]) == value
        assert float(row["mcse"]) == error
    chosen = [row["value"] for row in rows if row["quantity"] == "obd_selection" and row["engine"] == "exact"][:3]
    assert [float(value) for value in chosen] == first["exact"]["obd_selection"]


def test_compare_only_designs_that_both_choose(invoke):
    found = json.loads(invoke("compare", "--trials", "500", "--seed", "1", "--format", "json"))
    pairs = {(one["design"], one["reference"]) for one in found["differences"] if one["quantity"] == "pcs_obd"}
    assert pairs == {("ccd", "boin")}
    assert found["agreement"]["agrees"]
    page = invoke("compare", "--trials", "500", "--seed", "1")
    assert "correct OBD %" in page
    assert "Correct OBD: the truth's optimal dose is chosen, or none where it has none." in page


def test_a_report(invoke, tmp_path):
    path = tmp_path / "report.md"
    invoke("report", "--trials", "200", "--output", str(path), "--format", "md")
    text = path.read_text()
    for words in (
        "true response rate at each dose, %; ° optimal dose",
        "Optimal dose (OBD): the dose that a design chooses by responses",
        "| optimal dose: 150°, % |",
        "plateau: the designs by responses",
        "The optimal dose is chosen when the trial is over",
        "Lin R, Zhou Y, Yan F",
        "a random number of the patient's own",
    ):
        assert words in text, words


def test_a_report_without_responses_does_not_speak_of_them(tmp_path):
    path, report = tmp_path / "example.toml", tmp_path / "report.md"
    lines = [line for line in SCENARIO.splitlines() if not line.startswith(("response_rates", "assoc", "optimal_dose"))]
    path.write_text("\n".join(lines).replace("[trial.efficacy]\nmin_response = 0.25\nmax_toxicity = 0.35\n", ""))
    call = ["report", str(path), "--trials", "200", "--output", str(report), "--format", "md"]
    assert CliRunner().invoke(main, call).exit_code == 0
    text = report.read_text()
    assert "OBD" not in text
    assert "true response rate" not in text


def test_protocols_and_listings(invoke):
    assert "The optimal dose is chosen when the trial is over" in invoke("table", "--design", "boin")
    listed = CliRunner().invoke(main, ["designs"]).stdout
    assert "optimal_dose  The choice of an optimal dose" in listed
