"""What commands say of responses and optimal doses."""

import csv
import io
import json

import pytest
from click.testing import CliRunner

from escalation.cli import main
from tests.support import RESPONDING, check_row

SCENARIO = (
    """
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
"""
    + RESPONDING
)


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
        check_row(rows, ("boin", "plateau", "simulated", name), first["simulated"])
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
        "Probability that the optimal dose (OBD) is chosen, or none where the truth has none, %",
        "The truths by DLT and response rate",
        "plateau: RP2D and optimal dose",
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


FEW = ["--count", "40", "--seed", "1"]


def test_robust_draws_truths_with_responses(invoke, tmp_path):
    each = tmp_path / "each.csv"
    page = invoke("robust", *FEW, "--each", str(each))
    for line in (
        "40 random truths (Shi, Lin and Lin; seed 1)",
        "Correct optimal dose (OBD), %",
        "OBD at 150: ",
        "favourable    5 %   worst   too toxic   95 %   worst",
        "Favourable: that dose, or one up to the MTD with at most 5 % less mean utility.",
    ):
        assert line in page, line
    tree = json.loads(invoke("robust", *FEW, "--format", "json"))
    assert {one["design"] for one in tree["obd_summaries"]} == {"boin", "ccd"}
    (summary,) = (one for one in tree["obd_summaries"] if (one["design"], one["obd"]) == ("boin", "all"))
    assert len(summary["pcs_obd"]["worst_response_rates"]) == 3
    (contrast,) = (one for one in tree["obd_contrasts"] if one["obd"] == "all")
    rows = list(csv.DictReader(io.StringIO(invoke("robust", *FEW, "--format", "csv"))))
    of_boin = {
        row["quantity"]: row["value"]
        for row in rows
        if (row["design"], row["mtd"], row["obd"]) == ("boin", "all", "all")
    }
    assert float(of_boin["pcs_obd.mean"]) == summary["pcs_obd"]["mean"]
    assert float(of_boin["too_toxic.q95"]) == summary["too_toxic"]["q95"]
    assert float(of_boin["patients_at_obd.mean"]) == summary["patients_at_obd"]
    (difference,) = (
        row["value"]
        for row in rows
        if (row["design"], row["obd"], row["quantity"]) == ("ccd", "all", "pcs_obd_difference.mean")
    )
    assert float(difference) == contrast["mean"]
    written = list(csv.DictReader(each.read_text().splitlines()))
    assert len(written) == 120
    right = [float(row["pcs_obd"]) for row in written if row["design"] == "boin"]
    assert sum(right) / 40 == pytest.approx(summary["pcs_obd"]["mean"])
    assert {row["obd_selection.1"] for row in written if row["design"] == "3+3"} == {""}
    assert all(row["mean_utility"] and row["response_rate.3"] and row["obd"] for row in written)


def test_robust_where_the_truths_have_no_responses(invoke):
    page = invoke("robust", *FEW, "--generator", "clertant")
    assert "OBD at" not in page
    assert "Nothing is said of an optimal dose: these truths have no responses." in page
    assert '"obd_summaries"' not in invoke("robust", *FEW, "--generator", "clertant", "--format", "json")
    alone = invoke("robust", *FEW, "--design", "3+3")
    assert "Clertant" in alone
    assert "optimal dose" not in alone


def test_the_objective_of_an_optimal_dose(invoke):
    size = ["--pcs", "0.2", "--objective", "mean-pcs-obd", "--from", "9", "--to", "12"]
    page = invoke("size", *size)
    assert "mean P(correct OBD) of 20 %" in page
    assert "3+3 is left out: it chooses no optimal dose" in " ".join(page.split())
    assert "OBD: mean probability, over the truths, that their optimal dose is chosen," in page
    tree = json.loads(invoke("size", *size, "--format", "json"))
    rows = list(csv.DictReader(io.StringIO(invoke("size", *size, "--format", "csv"))))
    assert [float(row["mean_pcs_obd"]) for row in rows if row["design"] == "boin"] == [
        one["mean_pcs_obd"] for one in tree["designs"][0]["sizes"]
    ]
    tuned = ["--design", "boin", "--grid", "optimal_dose.futility=0.6,0.9", "--objective", "mean-pcs-obd"]
    assert "largest mean P(correct OBD)" in invoke("calibrate", *tuned)
    found = json.loads(invoke("calibrate", *tuned, "--format", "json"))
    assert found["chosen"]["mean_pcs_obd"] == max(one["mean_pcs_obd"] for one in found["settings"])
    assert found["chosen"]["design"]["optimal_dose"]["by"] == "utility"


def test_worst_truths_are_of_toxicity_alone(invoke):
    page = invoke("worst", "--design", "3+3", "--seed", "1")
    assert "Toxicity alone: responses and the choice of an optimal dose are not looked at." in page


def test_figures_of_responses(invoke, tmp_path):
    for what in ("plane", "optimal-dose"):
        file = tmp_path / f"{what}.svg"
        invoke("plot", "--what", what, "--output", str(file), "--trials", "0")
        assert "optimal" in file.read_text()


def test_figures_of_responses_need_some(tmp_path):
    path, figure = tmp_path / "example.toml", tmp_path / "plane.svg"
    for lines, message in (
        (("response_rates", "assoc", "optimal_dose"), "truth 'plateau' has no response_rates"),
        (("response_rates", "assoc", "optimal_dose", "[trial.eff", "min_", "max_tox"), "patients have no responses"),
    ):
        path.write_text("\n".join(line for line in SCENARIO.splitlines() if not line.startswith(lines)))
        result = CliRunner().invoke(main, ["plot", str(path), "--what", "plane", "--output", str(figure)])
        assert (result.exit_code, figure.exists()) == (2, False)
        assert message in result.output
