"""The decision tables of late-onset designs: what is published, and what decides on a running trial."""

import json
import random
import re
from itertools import pairwise
from math import inf

import pytest
from click.testing import CliRunner

from escalation import (
    BOIN,
    TITEBOIN,
    TITECRM,
    TITEMTPI,
    InterimData,
    PoDTPI,
    RollingSix,
    TITEKeyboard,
    Trial,
    decision_table,
    next_dose,
)
from escalation.cli import main
from escalation.kernels.codes import DE_ESCALATE, ELIMINATE, ESCALATE, STAY, SUSPEND
from escalation.plans.pending import ROLLED_UP
from escalation.report.pages.late_table import pending_blocks
from escalation.running.late_tables import MOST_PATIENTS, PendingRow, PendingTable
from escalation.trial.data import Cohort
from tests.published.test_pending import TABLES, cells
from tests.support import levels, records

BY_LETTER = {"E": ESCALATE, "S": STAY, "D": DE_ESCALATE, "DE": ELIMINATE, "SUS": SUSPEND}


def rows_of(design, target: float, most: int, **trial) -> dict[tuple[int, int, int], PendingRow]:
    given = Trial(doses=levels(3), target=target, max_patients=most, dlt_window_days=28, **trial)
    (table,) = decision_table(design, given).pending
    return {
        (row.patients, row.dlts, pending): row
        for row in table.rows
        for pending in range(row.pending[0], row.pending[1] + 1)
    }


@pytest.mark.parametrize("name", TABLES)
def test_tite_boin_as_published(name):
    """Yuan et al. (2018), table 1; Chen et al. (2025), table 1: every cell, and every threshold as printed."""
    record = TABLES[name]
    limits = {"most_pending": record["max_pending_share"]}
    found, asked = rows_of(TITEBOIN(pending=limits), record["target"], 18), 0
    for row, n, y, c in cells(record):
        ours, asked = found[n, y, c], asked + 1
        up, down = row["escalate_if_stft_at_least"], row["deescalate_if_stft_at_most"]
        if up is None and down is None:
            assert ours.codes == (BY_LETTER[row["decision"]],), (n, y, c)
        elif up is not None:
            assert ours.codes == (STAY, ESCALATE)
            assert ours.cuts[0] == pytest.approx(up, abs=0.00501)
        else:
            assert ours.codes == (DE_ESCALATE, STAY)
            assert ours.cuts[0] == pytest.approx(down, abs=0.00501)
    assert asked == {"yuan_t1": 320, "chen25": 38}[name]


@pytest.mark.parametrize(
    "record", records("tite_keyboard_mtpi_tables"), ids=lambda one: f"{one['design']} {one['target']}"
)
def test_cuts_of_effective_sample_size_as_published(record):
    """Every row that the program of Lin & Yuan (2020) prints; it suspends only with three patients."""
    keyboard = record["design"] == "TITE-keyboard"
    design = (
        TITEKeyboard(half_width=record["half_width"], pending={"fewest_complete": 0})
        if keyboard
        else TITEMTPI(epsilon1=record["half_width"], epsilon2=record["half_width"], pending={"fewest_complete": 0})
    )
    found, asked = rows_of(design, record["target"], 15), 0
    for n, dlts, pending, up, stay, down in record["rows"]:
        if up == "Suspend":
            continue
        for y in numbers(dlts, int(n)):
            for c in numbers(pending, int(n) - y):
                ours, asked = found[int(n), y, c], asked + 1
                assert (ESCALATE in ours.codes) == (up != "No"), (n, y, c)
                assert (STAY in ours.codes) == (stay != "No"), (n, y, c)
                assert bool({DE_ESCALATE, ELIMINATE} & set(ours.codes)) == (down != "No"), (n, y, c)
                printed = sorted({float(cut) for text in (up, down) for cut in re.findall(r"ESS[<>]=? ([\d.]+)", text)})
                assert list(ours.cuts) == pytest.approx(printed, abs=0.0101), (n, y, c)
    assert asked > 100


def numbers(text: str, most: int) -> range:
    """The numbers of DLTs, or of pending patients, that a printed cell is for."""
    found = [int(number) for number in re.findall(r"\d+", text)]
    if text.startswith("<"):
        return range(min(found[0], most + 1))
    if text.startswith(">"):
        return range(found[0] + 1, most + 1)
    return range(found[0], min(found[-1], most) + 1)


def test_the_rolling_six():
    """Skolnik et al. (2008): (n, y, c) at which it escalates, those that are waited for, and two DLTs."""
    found = rows_of(RollingSix(), 0.25, 12)
    assert len(found) == 83
    for (n, y, c), row in found.items():
        expected = ELIMINATE if y >= 2 else SUSPEND if n == 6 else STAY
        assert row.codes == (ESCALATE if (n, y, c) in ROLLED_UP else expected,)
        assert row.occurs


@pytest.mark.parametrize("seed", range(8))
def test_each_cell_is_what_decides(seed):
    """`next`, with as many patients at a middle dose: below, at and above every cut."""
    draw = random.Random(seed)
    rule = {"most_pending": draw.choice([0.25, 0.5, 1]), "fewest_complete": draw.choice([0, 1, 3])}
    kind = draw.choice([TITEBOIN, TITEKeyboard, TITEMTPI])
    size, target = draw.choice([1, 3]), draw.choice([0.2, 0.25, 0.3])
    trial = Trial(doses=levels(3), target=target, max_patients=30, cohort_size=size, dlt_window_days=28)
    design = kind(pending=rule)
    (table,) = decision_table(design, trial).pending
    rows = [row for row in table.rows if row.occurs and row.patients <= 15]
    for row in draw.sample(rows, 12):
        check_cell(design, trial, table, row, draw)


def check_cell(design, trial: Trial, table: PendingTable, row: PendingRow, draw: random.Random) -> None:
    pending = draw.randint(*row.pending)
    known = row.patients - pending if table.measure == "ESS" else 0
    ends = [known + 1e-6 * bool(pending), *row.cuts, known + pending]
    for code, (low, high) in zip(row.codes, pairwise(ends), strict=True):
        for part in (0.01, 0.5, 0.99) if pending else (0.5,):
            share = (low + part * (high - low) - known) / pending if pending else 0.0
            words = [Cohort(1, 3, 0), Cohort(2, row.patients, row.dlts, (28 * share,) * pending)]
            said = next_dose(design, trial, InterimData.from_cohorts(words, 3))
            expected = {ESCALATE: 3, STAY: 2, DE_ESCALATE: 1, ELIMINATE: 1, SUSPEND: None}[code]
            assert said.next_dose == expected, (design, row, share, said.reason)
            assert (said.hold is None) == (code != SUSPEND)
            assert said.estimates[1].eliminated == (code == ELIMINATE)


def test_pages_name_the_cells_of_the_table():
    """Every cell of the text stands for the rows that it is made of."""
    trial = Trial(doses=levels(3), target=0.2, max_patients=15, dlt_window_days=28)
    (table,) = decision_table(TITEBOIN(), trial).pending
    shown, _ = pending_blocks((table,), trial, every=False)
    assert shown.caption == "while patients are pending, by STFT"
    written = [row for group in shown.groups for row in group]
    assert ["9", "1", "3", ">= 0.77", "< 0.77", "-", "-"] in written
    assert ["9", "2", "1", "-", "> 0.52", "<= 0.52", "-"] in written
    assert ["3", "2-3", "any", "-", "-", "eliminate", "-"] in written
    assert ["3", "0", "2-3", "-", "-", "-", "yes"] in written
    covered = 0
    for n, dlts, pending, *_ in written:
        for y in numbers(dlts, int(n)):
            covered += int(n) - y + 1 if pending == "any" else len(numbers(pending, int(n) - y))
    assert covered == sum((n + 1) * (n + 2) // 2 for n in (3, 6, 9, 12, 15))


def test_doses_that_are_decided_differently_have_a_table_each():
    trial = Trial(doses=levels(3), target=0.25, max_patients=12, dlt_window_days=28)
    lowest, others = decision_table(TITEBOIN(extra_safe=True, offset=0.3), trial).pending
    assert (lowest.doses, others.doses) == ((1,), (2, 3))
    assert lowest.rows != others.rows


def test_large_trials_have_rows_for_sixty_patients():
    trial = Trial(doses=levels(2), target=0.25, max_patients=120, cohort_size=10, dlt_window_days=28)
    table = decision_table(TITEBOIN(), trial)
    assert max(row.patients for row in table.pending[0].rows) == MOST_PATIENTS
    *_, conventions = pending_blocks(table.pending, trial, every=False)
    assert any("more than 60 patients" in line for line in conventions.lines)


def test_designs_without_such_a_table_say_so():
    trial = Trial(doses=levels(3), target=0.25, max_patients=12, dlt_window_days=28)
    predicted = decision_table(PoDTPI(), trial)
    assert predicted.pending is None
    assert "the follow-up of each of them" in predicted.pending_reason
    assert predicted.table is not None
    model = decision_table(TITECRM(skeleton=(0.1, 0.2, 0.3)), trial)
    assert (model.table, model.pending, model.pathways) == (None, None, None)
    assert "`next` gives them" in model.reason
    waiting = decision_table(BOIN(), trial)
    assert (waiting.pending, waiting.pending_reason) == (None, None)


FILE = """name = "late"
[trial]
doses = [1, 2, 3]
target = 0.2
max_patients = 15
[[design]]
kind = "tite-boin"
[[design]]
kind = "rolling-six"
"""


def test_every_format(tmp_path):
    """Without days in the file: the table needs none."""
    (tmp_path / "late.toml").write_text(FILE)

    def printed(*options: str) -> str:
        found = CliRunner().invoke(main, ["table", str(tmp_path / "late.toml"), *options])
        assert found.exit_code == 0, found.output
        return found.stdout

    assert "while patients are pending, by STFT" in printed()
    assert "| 9 | 1 | 3 | \\>= 0.77 |" in printed("--format", "markdown")
    tree = json.loads(printed("--format", "json"))["designs"]
    (part,) = tree[0]["pending"]
    assert part["measure"] == "STFT"
    (row,) = (one for one in part["rows"] if (one["patients"], one["dlts"], one["pending_from"]) == (9, 1, 3))
    assert row["decisions"] == ["S", "E"]
    assert row["escalate_from"] == pytest.approx(0.77, abs=0.005)
    assert (row["de_escalate_to"], row["suspend_from"], row["pending_to"], row["occurs"]) == (None, None, 3, True)
    assert tree[1]["pending"][0]["measure"] is None
    head, *lines = printed("--format", "csv").splitlines()
    assert head.endswith("decisions,dlts,pending_from,pending_to,de_escalate_to,escalate_from,suspend_from")
    assert any(line.startswith("late,tite-boin,pending,1 2 3,9,true,") and ",S E,1,3,3,," in line for line in lines)
    assert len(lines) == len(set(lines))
    assert inf not in row.values()
