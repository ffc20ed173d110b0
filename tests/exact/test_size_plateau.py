"""Where a size search ends on a plateau: what holds it there, against trials without the option."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from escalation import (
    BOIN,
    CRM,
    DecisionTable,
    ThreePlusThree,
    Trial,
    Truth,
    exact,
    find_size,
    operating_characteristics,
)
from escalation.cli import main
from escalation.scenario.file import Scenario
from escalation.studies.size_plateau import plateau_start

TRIAL = Trial(doses=[1, 2, 3], target=0.25, max_patients=12)
TRUTHS = [Truth(name="at 2", dlt_rates=(0.1, 0.25, 0.4)), Truth(name="at 3", dlt_rates=(0.02, 0.1, 0.28))]
SIZES = range(9, 43, 3)
ROWS = [
    {"patients": n, "dlts": y, "decision": "E" if y < 0.2 * n else "D" if y > 0.3 * n else "S"}
    for n in range(3, 61, 3)
    for y in range(n + 1)
]
"""Escalate below 20 %, de-escalate above 30 %."""


def curve_of(design, sizes=SIZES):
    scenario = Scenario(name="s", trial=TRIAL, design=[design], truth=TRUTHS)
    return find_size(scenario, pcs=0.9, sizes=sizes).curves[0]


def pcs_of(design, size) -> float:
    trial = TRIAL.model_copy(update={"max_patients": size})
    return sum(operating_characteristics(exact(design, trial).outcomes(one.dlt_rates)).pcs for one in TRUTHS) / 2


@pytest.mark.parametrize(
    ("design", "option", "free"),
    [
        (BOIN(stop_at=6), "stop_at = 6", BOIN()),
        (CRM(half_width=0.05, prior_mtd=2, stop_at=6), "stop_at = 6", CRM(half_width=0.05, prior_mtd=2)),
        (
            BOIN(stop_when={"rule": "patients", "at_least": 15}),
            "stop_when (at least 15 patients have been treated in the trial)",
            BOIN(),
        ),
        (
            DecisionTable(rows=ROWS, cap=6),
            "cap = 6",
            DecisionTable(rows=ROWS),
        ),
    ],
    ids=["stop_at", "crm", "patients", "cap"],
)
def test_the_option_that_holds(design, option, free):
    flat = curve_of(design, [*SIZES, *range(45, 61, 3)]).plateau
    assert flat.holding[0].option == option
    assert flat.holding[0].pcs == pytest.approx(pcs_of(free, flat.end), abs=1e-12)
    assert flat.pcs == pytest.approx(pcs_of(design, flat.end), abs=1e-12)
    assert flat.holding[0].pcs > flat.pcs
    assert {one.option for one in flat.holding} <= set(flat.tried)


def test_two_options_that_matter_only_together():
    """Either rule alone ends the trial at 15 patients."""
    rules = [{"rule": "patients", "at_least": 15}, {"rule": "patients", "at_least": 13}]
    flat = curve_of(BOIN(stop_when={"any": rules})).plateau
    assert len(flat.tried) == 2
    (one,) = flat.holding
    assert one.option == ", ".join(flat.tried)
    assert one.pcs == pytest.approx(pcs_of(BOIN(), 42), abs=1e-12)


def test_a_rule_of_its_own():
    flat = curve_of(ThreePlusThree()).plateau
    assert flat.start == 12
    assert flat.tried == flat.holding == ()
    assert flat.patients < 13


@pytest.mark.parametrize(
    ("pcs", "start"),
    [
        ([0.4, 0.5, 0.6, 0.7], None),
        ([0.4, 0.5, 0.5, 0.5], 2),
        ([0.4, 0.5, 0.5], None),
        ([0.615, 0.407, 0.521, 0.615], None),
        ([0.60, 0.597, 0.6005], 1),
    ],
)
def test_what_a_plateau_is(pcs, start):
    assert plateau_start(dict(enumerate(pcs, 1))) == start


def test_a_curve_that_rises_has_none():
    assert curve_of(BOIN()).plateau is None


def test_page_and_json(tmp_path):
    file = tmp_path / "held.toml"
    file.write_text(
        Path(__file__)
        .parents[2]
        .joinpath("scenarios/lucar-dks1.toml")
        .read_text()
        .replace('kind = "boin"', 'kind = "boin"\nstop_at = 6')
    )
    command = [
        "size",
        str(file),
        "--design",
        "boin",
        "--design",
        "3+3",
        "--pcs",
        "0.9",
        "--odds-ratio",
        "2",
        "--to",
        "60",
    ]
    result = CliRunner().invoke(main, [*command, "--format", "json"])
    boin, other = sorted(json.loads(result.stdout)["designs"], key=lambda one: one["design"] == "3+3")
    assert boin["plateau"]["holding"][0]["option"] == "stop_at = 6"
    assert other["plateau"]["holding"] == []
    page = " ".join(CliRunner().invoke(main, command).stdout.split())
    assert f"boin: from {boin['plateau']['start']} patients on more do not raise the PCS" in page
    assert "held there by stop_at = 6 (without it" in page
    assert "3+3: from" in page
    assert "its own rules hold it there" in page
