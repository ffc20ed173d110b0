"""`escalation size`: what it prints, and what it refuses."""

import csv
import io
import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner

from escalation import crm_sample_size
from escalation.cli import main

SCENARIOS = Path(__file__).parents[2] / "scenarios"
LUCAR = str(SCENARIOS / "lucar-dks1.toml")
TAK = str(SCENARIOS / "tak-007.toml")
FAST = [LUCAR, "--design", "boin", "--design", "crm", "--to", "24", "--odds-ratio", "2"]


def size(*arguments: object):
    return CliRunner().invoke(main, ["size", *map(str, arguments)], env={"COLUMNS": "80"})


def test_formats_agree():
    arguments = [*FAST, "--pcs", "0.55", "--max-overdosing", "0.1"]
    tree = json.loads(size(*arguments, "--format", "json").stdout)
    rows = list(csv.DictReader(io.StringIO(size(*arguments, "--format", "csv").stdout)))
    boin, crm = tree["designs"]
    assert len(rows) == len(boin["sizes"]) + len(crm["sizes"]) == 10
    for row, one in zip(rows, [*boin["sizes"], *crm["sizes"]], strict=True):
        assert float(row["mean_pcs"]) == one["mean_pcs"]
        assert int(row["max_patients"]) == one["max_patients"]
        assert row["enough"] == str(one["enough"]).lower()
    page = size(*arguments).stdout
    assert "mean PCS of 55 %; overdosing at most 10 %" in page
    first = next(line.split() for line in page.splitlines() if line.startswith("boin "))
    assert first[1] == str(boin["smallest"])
    assert max(map(len, page.splitlines())) <= 80
    assert crm["formula"] == crm_sample_size(pcs=0.55, target=0.25, doses=4, odds_ratio=2)
    assert "| crm | " in size(*arguments, "--format", "markdown").stdout


def test_nothing_finished_is_lost_when_no_size_will_do(tmp_path):
    page, figure = tmp_path / "page.txt", tmp_path / "curve.svg"
    result = size(*FAST, "--pcs", "0.9", "--output", page, "--figure", figure)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: {LUCAR}: no size from 12 to 24 has a mean PCS of 90 %: the best is ")
    assert result.stderr.count("\n") == 1
    assert "none" in page.read_text()
    shown = "".join(ET.parse(figure).getroot().itertext())
    assert "maximum number of patients" in shown


def test_one_design_that_will_do_is_enough():
    result = size(LUCAR, "--design", "3+3", "--design", "boin", "--pcs", "0.5", "--to", "24", "--odds-ratio", "2")
    assert result.exit_code == 0
    assert result.stderr == ""


def test_single_dose():
    truths = ["--truth", "DLT rate 0.10", "--truth", "DLT rate 0.50"]
    found = json.loads(size(TAK, "--design", "monitoring", "--pcs", "0.9", *truths, "--format", "json").stdout)
    (design,) = found["designs"]
    assert design["sizes"][0]["max_patients"] == 3
    assert design["smallest"] is not None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([LUCAR, "--pcs", "60"], "pcs: 60.0 should be a number strictly between 0 and 1"),
        ([LUCAR, "--pcs", "0.6", "--max-overdosing", "-1"], "overdosing: -1.0 should be a probability"),
        ([LUCAR, "--pcs", "0.6", "--from", "30", "--to", "20"], "no number of whole cohorts of 3 from 30 to 20"),
        ([LUCAR, "--pcs", "0.6", "--to", "100000"], "a trial has at most 1000"),
        ([LUCAR, "--pcs", "0.6", "--count", "10"], "--count"),
        ([LUCAR, "--pcs", "0.6", "--to", "12", "--max-states", "1"], "no size is possible"),
    ],
)
def test_refused_in_one_line(tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    result = size(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""
    assert result.stderr.count("error: ") + result.stderr.count("Error: ") == 1
    assert list(tmp_path.iterdir()) == []
