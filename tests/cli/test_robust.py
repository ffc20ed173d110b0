"""`escalation robust` and `escalation worst`: what they print, their files, and what they refuse."""

import csv
import io
import json
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from click.testing import CliRunner

from escalation import drawn_truths, load_scenario, robust, worst_cases
from escalation.cli import main
from escalation.defaults import SEED

SCENARIOS = Path(__file__).parents[2] / "scenarios"
LUCAR = str(SCENARIOS / "lucar-dks1.toml")
TAK = str(SCENARIOS / "tak-007.toml")
FEW = [LUCAR, "--count", "300"]
SIMULATED_ONLY = (
    'late-onset: with arrivals = "poisson", not "fixed", what is known when a dose is decided on depends on days: '
    "simulated only"
)


def run(*arguments):
    return CliRunner().invoke(main, list(map(str, arguments)), env={"COLUMNS": "80"})


def succeed(*arguments) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def found():
    scenario = load_scenario(LUCAR)
    return robust(scenario, drawn_truths("clertant", scenario.trial, count=300, seed=SEED))


def test_robust_table(found):
    table = succeed("robust", *FEW)
    lines = [" ".join(line.split()) for line in table.splitlines()]
    assert f"300 random truths (Clertant and O'Quigley 2017; seed {SEED})" in lines
    assert max(map(len, table.splitlines())) <= 80
    for one in found.summaries():
        name = {"none": "no dose correct", "all": "all"}.get(one.mtd)
        if name is None:
            name = f"MTD at {found.scenario.trial.dose_names[int(one.mtd) - 1]}"
        assert f"{name}: {one.truths} truths" in lines
        best = "" if one.efficiency is None else f" {100 * one.optimal_pcs:.1f} {100 * one.efficiency:.1f}"
        pcs = one.pcs
        shown = f"{100 * pcs.mean:.1f} {100 * pcs.standard_error:.1f} {100 * pcs.tail:.1f} {100 * pcs.worst:.1f}"
        assert f"{one.design} {shown}{best}" in lines
        rates = ", ".join(f"{100 * rate:.1f}" for rate in found.truths.rates[pcs.worst_truth])
        optimal = found.optimal_pcs[pcs.worst_truth]
        beside = "" if np.isnan(optimal) else f" {100 * optimal:.1f}"
        assert f"{one.design} {100 * pcs.worst:.1f}{beside} {pcs.worst_truth + 1} {rates}" in lines
    for one in found.contrasts():
        if one.mtd == "all":
            shown = f"{100 * one.mean:+.1f} {100 * one.standard_error:.1f} {100 * one.better:.1f} {100 * one.worse:.1f}"
            assert f"{one.design} - {one.reference} {shown}" in lines


def test_robust_json(found):
    tree = json.loads(succeed("robust", *FEW, "--format", "json"))
    assert (tree["scenario"], tree["designs"]) == ("lucar-dks1", ["3+3", "boin", "crm"])
    assert tree["truths"] == {"description": found.truths.description, "count": 300, "drawn": True}
    for shown, one in zip(tree["summaries"], found.summaries(), strict=True):
        assert (shown["design"], str(shown["mtd"]), shown["truths"]) == (one.design, one.mtd, one.truths)
        assert isinstance(shown["mtd"], int) == (one.mtd not in ("none", "all"))
        assert shown["pcs"]["mean"] == one.pcs.mean
        assert shown["pcs"]["q05"] == one.pcs.tail
        if one.overdosing is None:
            assert shown["overdosing"] is None
        else:
            assert shown["overdosing"]["q95"] == one.overdosing.tail
        place = int(shown["pcs"]["worst_truth"]) - 1
        assert shown["pcs"]["worst_dlt_rates"] == found.truths.rates[place].tolist()
        assert found.expectations[one.design].pcs[place] == shown["pcs"]["worst"]
        assert (shown["efficiency"], shown["optimal_pcs"]) == (one.efficiency, one.optimal_pcs)
    assert [shown["better"] for shown in tree["contrasts"]] == [one.better for one in found.contrasts()]


def test_robust_csv(found):
    rows = list(csv.DictReader(io.StringIO(succeed("robust", *FEW, "--format", "csv"))))
    values = {(row["mtd"], row["design"], row["reference"], row["quantity"]): row["value"] for row in rows}
    assert len(values) == len(rows)
    for one in found.summaries():
        assert float(values[one.mtd, one.design, "", "pcs.q05"]) == one.pcs.tail
        worst = values[one.mtd, one.design, "", "overdosing.worst"]
        assert worst == "" if one.overdosing is None else float(worst) == one.overdosing.worst
        assert float(values[one.mtd, one.design, "", "sample_size.mean"]) == one.sample_size
        efficiency = values[one.mtd, one.design, "", "efficiency"]
        assert efficiency == "" if one.efficiency is None else float(efficiency) == one.efficiency
    for one in found.contrasts():
        assert float(values[one.mtd, one.design, one.reference, "pcs_difference.mean"]) == one.mean
    assert {row["truth"] for row in rows if not row["quantity"].endswith(".worst")} == {""}


def test_every_number_of_every_truth(found, tmp_path):
    each, page = tmp_path / "each.csv", tmp_path / "page.md"
    assert succeed("robust", *FEW, "--each", each, "--format", "markdown", "--output", page) == ""
    assert page.read_text().startswith("## LUCAR-DKS1")
    rows = list(csv.DictReader(io.StringIO(each.read_text())))
    assert len(rows) == 900
    for number, row in enumerate(rows):
        truth, label = number // 3, ("3+3", "boin", "crm")[number % 3]
        assert (row["truth"], row["design"]) == (str(truth + 1), label)
        assert [float(row[f"dlt_rate.{dose}"]) for dose in range(1, 5)] == found.truths.rates[truth].tolist()
        assert row.pop("duration") == "", "with gap_days days are only simulated"
        for name, values in found.expectations[label].by_quantity().items():
            if name != "duration":
                assert float(row[name]) == values[truth]
        assert (row["mtd"] == "none") == (row["optimal_pcs"] == "")


@pytest.mark.parametrize("generator", ["paoletti", "logistic"])
def test_generators(generator):
    table = succeed("robust", LUCAR, "--generator", generator, "--count", 50, "--design", "3+3", "--seed", 4)
    assert "seed 4)" in table
    assert "Designs against each other" not in table


def test_published_truths(tmp_path):
    five = tmp_path / "five.toml"
    text = Path(LUCAR).read_text().split("[[truth]]")[0].replace("[50, 150, 300, 600]", "[1, 2, 3, 4, 5]")
    five.write_text(f"{text}[[truth]]\nname = 't'\ndlt_rates = [0.1, 0.2, 0.3, 0.4, 0.5]\n")
    table = succeed("robust", five, "--generator", "published", "--design", "boin", "--design", "3+3")
    assert "16 published truths" in table
    assert "standard error" not in table
    tree = json.loads(succeed("robust", five, "--generator", "published", "--design", "3+3", "--format", "json"))
    assert {one["pcs"]["standard_error"] for one in tree["summaries"]} == {None}


def test_figures_are_written(tmp_path):
    files = {name: tmp_path / f"{name}.svg" for name in ("figure", "trade-off")}
    for name, file in files.items():
        succeed("robust", *FEW, f"--{name}", file)
        shown = "".join(ET.parse(file).getroot().itertext())
        for part in ("3+3", "boin", "crm", "LUCAR-DKS1", "300 random truths", "all"):
            assert part in shown
        before = file.read_bytes()
        succeed("robust", *FEW, f"--{name}", file)
        assert file.read_bytes() == before


def test_designs_that_are_refused_are_named():
    for command in ("robust", "worst"):
        result = run(command, LUCAR, "--max-states", "10")
        assert "error: no design can be evaluated exactly; '3+3': up to 384 states" in result.stderr
    result = run("robust", *FEW, "--max-states", "5000")
    assert result.exit_code == 0
    assert "boin is left out: up to 36,412 states" in result.stderr
    assert "boin is left out: up to 36,412 states" in " ".join(result.stdout.split())
    result = run("worst", LUCAR, "--max-states", "5000", "--format", "json")
    assert "crm is left out: more than 5,000 states" in result.stderr
    tree = json.loads(result.stdout)
    assert {one["design"] for one in tree["worst"]} == {"3+3"}
    left_out = [warning.split(": ")[:3] for warning in tree["warnings"]]
    assert [(label, what) for label, what, _ in left_out] == [
        (f"design '{label}'", "left out") for label in ("boin", "crm", "tite-boin")
    ]
    assert left_out[2][2] == "late-onset"
    assert f"tite-boin is left out: {SIMULATED_ONLY}" in result.stderr


def test_worst_table():
    table = succeed("worst", LUCAR)
    lines = [" ".join(line.split()) for line in table.splitlines()]
    assert max(map(len, table.splitlines())) <= 80
    cases = worst_cases(load_scenario(LUCAR))
    assert sum(map(len, cases.found.values())) == 3 * 7
    for label, own in cases.found.items():
        for one in own:
            rates = ", ".join(f"{100 * rate:.1f}" for rate in one.rates)
            best = f" {100 * one.optimal_pcs:.1f}" if one.quantity == "pcs" else ""
            assert f"{label} {100 * one.value:.1f}{best} {rates} {one.agreed} of {one.searches}" in lines


def test_worst_json_and_csv():
    cases = worst_cases(load_scenario(LUCAR), designs=["boin"], delta=0.15, seed=2)
    options = ["worst", LUCAR, "--design", "boin", "--delta", "0.15", "--seed", "2", "--format"]
    tree = json.loads(succeed(*options, "json"))
    assert (tree["delta"], tree["seed"], tree["target"]) == (0.15, 2, 0.25)
    rows = list(csv.DictReader(io.StringIO(succeed(*options, "csv"))))
    for shown, row, one in zip(tree["worst"], rows, cases.found["boin"], strict=True):
        assert (shown["value"], shown["rates"]) == (one.value, list(one.rates))
        assert (float(row["value"]), int(row["mtd"]), row["quantity"]) == (one.value, one.mtd, one.quantity)
        assert tuple(float(row[f"dlt_rate.{dose}"]) for dose in range(1, 5)) == one.rates


def test_one_dose():
    table = " ".join(succeed("worst", TAK).split())
    assert "the one dose has the target as its true rate (25.0 %): there is nothing to search" in table
    assert "overdosing" not in table.lower()
    table = succeed("robust", TAK, "--count", "200")
    assert "MTD at 800: " in table
    assert "no dose correct: " in table


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--delta", "0"], "error: delta: 0 should be above 0 and at most 0.25: rates lie between 0 and 1\n"),
        (["--delta", "0.3"], "error: delta: 0.3 should be above 0 and at most 0.25: rates lie between 0 and 1\n"),
        (["--delta", "nan"], "error: delta: nan should be above 0"),
    ],
)
def test_worst_refuses(arguments, message):
    result = run("worst", LUCAR, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""
