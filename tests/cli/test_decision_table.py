"""`escalation table`: what it prints, in every format, and what it says when it cannot."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from pydantic import ValidationError

from escalation import DecisionTable, load_scenario
from escalation.cli import main
from escalation.report.pages.table import COLUMNS

SCENARIOS = Path(__file__).parents[2] / "scenarios"
LUCAR = str(SCENARIOS / "lucar-dks1.toml")
TAK = str(SCENARIOS / "tak-007.toml")


def succeed(*arguments: str) -> str:
    result = CliRunner().invoke(main, ["table", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


BOIN = """\
boin
lambda_e = 0.196801, lambda_d = 0.298392

patients   escalate <=   stay   de-escalate >=   eliminate >=
─────────────────────────────────────────────────────────────
3                    0      -                1              3
6                    1      -                2              4
9                    1      2                3              5
12                   2      3                4              6
15                   2    3-4                5              7
"""


def test_boin():
    printed = "\n".join(line.rstrip() for line in succeed(LUCAR, "--design", "boin").splitlines())
    assert BOIN in printed
    for convention in ("escalate <=: with so many DLTs or fewer", "stay: with so many", "-: no number of DLTs does."):
        assert convention in printed
    assert "estimated by isotonic" in printed
    assert "3+3" not in printed


@pytest.mark.parametrize("path", sorted(SCENARIOS.glob("*.toml")), ids=lambda path: path.stem)
@pytest.mark.parametrize("form", ["table", "json", "csv", "markdown"])
def test_every_scenario_and_format(path, form):
    shown = succeed(str(path), "--format", form)
    assert shown.strip()
    if form == "table":
        assert max(map(len, shown.splitlines())) <= 80


def test_json():
    tree = json.loads(succeed(LUCAR, "--format", "json"))
    assert tree["scenario"] == "lucar-dks1"
    assert tree["trial"]["target"] == 0.25
    three, boin, crm, late = tree["designs"]
    assert [design["design"] for design in tree["designs"]] == ["3+3", "boin", "crm", "tite-boin"]
    assert [row["patients"] for row in three["table"][0]["rows"] if row["occurs"]] == [3, 6]
    (part,) = boin["table"]
    assert part["doses"] == [1, 2, 3, 4]
    assert len(part["rows"]) == 36
    assert part["rows"][8] == {
        "patients": 9,
        "occurs": True,
        "monotone": True,
        "escalate_if_at_most": 1,
        "stay_if": [2, 2],
        "de_escalate_if_at_least": 3,
        "eliminate_if_at_least": 5,
        "decisions": ["E", "E", "S", "D", "D", "DU", "DU", "DU", "DU", "DU"],
    }
    assert set(boin["parameters"]) == {"lambda_e", "lambda_d"}
    assert crm["table"] is None
    assert "Its dose transition pathways take the table's place" in crm["reason"]
    assert len(crm["pathways"]["paths"]) > 30
    assert boin["pathways"] is None
    assert [design["pending"] for design in (three, boin, crm)] == [None] * 3, "they wait"
    assert late["table"] == boin["table"], "with all outcomes known it is BOIN"
    (part,) = late["pending"]
    assert part["doses"] == [1, 2, 3, 4]
    odds = 1.125 / 4.875  # of a DLT, with a prior of half the target, 1 DLT in 6 patients, and 1 of them pending
    assert [row for row in part["rows"] if (row["patients"], row["dlts"]) == (6, 1)][1] == {
        "patients": 6,
        "occurs": True,
        "dlts": 1,
        "pending_from": 1,
        "pending_to": 1,
        "decisions": ["S", "E"],
        "de_escalate_to": None,
        "escalate_from": pytest.approx(1 - (6 * late["parameters"]["lambda_e"] - 1) / odds, abs=1e-8),
        "suspend_from": None,
    }


def test_csv_is_the_json():
    rows = list(csv.DictReader(io.StringIO(succeed(TAK, "--format", "csv"))))
    tree = json.loads(succeed(TAK, "--format", "json"))
    assert list(rows[0]) == [column.name for column in COLUMNS]
    names = "design", "part", "patients", "dlts", "pending_from"  # the last two only while patients are pending
    found = {tuple(row[name] for name in names): row for row in rows}
    assert len(found) == len(rows)
    count = 0
    for design in tree["designs"]:
        for part in design["table"] or ():
            for row in part["rows"]:
                cells = found[design["design"], "doses", str(row["patients"]), "", ""]
                assert cells["decisions"].split() == row["decisions"]
                assert cells["occurs"] == str(row["occurs"]).lower()
                assert cells["doses"] == "1"
                for name in ("escalate_if_at_most", "de_escalate_if_at_least", "eliminate_if_at_least"):
                    assert cells[name] == ("" if row[name] is None else str(row[name]))
                stay = ["", ""] if row["stay_if"] is None else list(map(str, row["stay_if"]))
                assert [cells["stay_from"], cells["stay_to"]] == stay
                count += 1
        for row in (design["expansion"] or {"rows": []})["rows"]:
            cells = found[design["design"], "expansion", str(row["patients"]), "", ""]
            fewest = row["stop_if_at_least"]
            assert cells["eliminate_if_at_least"] == ("" if fewest is None else str(fewest))
            count += 1
        for part in design["pending"] or ():
            for row in part["rows"]:
                where = (str(row[name]) for name in names[2:])
                cells = found[design["design"], "pending", *where]
                assert cells["decisions"].split() == row["decisions"]
                assert cells["occurs"] == str(row["occurs"]).lower()
                assert cells["pending_to"] == str(row["pending_to"])
                for name in ("de_escalate_to", "escalate_from", "suspend_from"):
                    assert cells[name] == ("" if row[name] is None else str(row[name]))
                count += 1
    assert count == len(rows)


def test_every_number_of_patients():
    def numbers(*arguments: str) -> list[str]:
        lines = succeed(TAK, "--design", "monitoring", *arguments).splitlines()
        return [line.split()[0] for line in lines if line[:1].isdigit()]

    assert numbers() == ["3", "6", "9", "12", "15", "18", "20"]
    assert numbers("--every") == list(map(str, range(1, 21)))


def test_monitoring_and_expansion():
    text = succeed(TAK, "--design", "monitoring", "--design", "3+3 lead-in")
    assert "patients   stop >=" in text
    assert "limit = 0.25, threshold = 0.9" in text
    assert "expansion, by all patients at the dose" in text
    monitoring, _, lead_in = text.partition("3+3 lead-in")
    assert "escalate <=" not in monitoring
    assert "escalate <=" in lead_in


OWN = """
name = "own"
[trial]
doses = ["low", "middle", "high"]
dose_unit = "dose"
target = 0.25
max_patients = 6
[[design]]
kind = "table"
rows = [
    {dose = "1-2", patients = ">=1", dlts = 0, decision = "E"},
    {dose = "1-2", patients = ">=1", dlts = ">=1", decision = "D"},
    {dose = 3, patients = ">=1", dlts = 0, decision = "D"},
    {dose = 3, patients = ">=1", dlts = ">=1", decision = "S"},
]
[[truth]]
name = "one"
dlt_rates = [0.1, 0.2, 0.3]
"""


def test_doses_that_differ_and_decisions_that_are_not_monotone(tmp_path):
    file = tmp_path / "own.toml"
    file.write_text(OWN)
    text = succeed(str(file))
    first, _, second = text.partition("at high dose\n")
    assert "at low, middle dose" in first
    assert "escalate <=" in first.partition("patients: ")[0]
    assert second.splitlines()[0].split() == ["patients", "0", "DLTs", "1", "2", "3", "4", "5", "6"]
    assert second.splitlines()[2].split() == ["3", "D", "S", "S", "S"]
    assert "E: escalate; S: stay; D: de-escalate; DU:" in second


class TestRoundTrip:
    """What is printed as CSV is read as a table of one's own: print, change a cell, run."""

    @pytest.mark.parametrize("label", ["3+3", "boin", "tite-boin"])
    def test_the_same_decisions(self, label, tmp_path):
        again, design = self.printed_and_read(label, tmp_path)
        trial = load_scenario(LUCAR).trial
        patients, dlts = (counts[1:] for counts in np.tril_indices(37))
        ours, printed = (table.plan(trial).codes[:, patients, dlts] for table in (again, design))
        np.testing.assert_array_equal(ours, printed)

    def test_a_changed_cell(self, tmp_path):
        path = tmp_path / "printed.csv"
        again, _ = self.printed_and_read("boin", tmp_path)
        text = path.read_text()
        assert text.count(",E D D DU,") == 1
        path.write_text(text.replace(",E D D DU,", ",E S D DU,"))
        changed = DecisionTable.model_validate({"kind": "table", "file": str(path)})
        trial = load_scenario(LUCAR).trial
        apart = np.argwhere(changed.plan(trial).codes != again.plan(trial).codes)
        assert apart.tolist() == [[dose, 3, 1] for dose in range(4)]

    def test_several_designs_are_refused(self, tmp_path):
        path = tmp_path / "both.csv"
        result = CliRunner().invoke(main, ["table", str(LUCAR), "--format", "csv", "--output", str(path)])
        assert result.exit_code == 0
        with pytest.raises(ValidationError, match="line 38: a second design; print one, with --design"):
            DecisionTable.model_validate({"kind": "table", "file": str(path)})

    def printed_and_read(self, label, folder):
        path = folder / "printed.csv"
        arguments = ["table", str(LUCAR), "--design", label, "--format", "csv", "--output", str(path)]
        assert CliRunner().invoke(main, arguments).exit_code == 0
        again = DecisionTable.model_validate({"kind": "table", "file": str(path)})
        return again, load_scenario(LUCAR).designs[label]
