"""The tables of TITE-BOIN, as published."""

from collections.abc import Iterator

import pytest

from escalation import BOIN, Trial
from escalation.designs.pending import Weigh
from escalation.kernels.codes import DE_ESCALATE, ELIMINATE, ESCALATE, STAY, SUSPEND
from escalation.plans.pending import Imputed
from tests.support import levels, records

LETTERS = {ESCALATE: "E", STAY: "S", DE_ESCALATE: "D", ELIMINATE: "DE", SUSPEND: "SUS"}
TABLES = {record["table"]: record for record in records("tite_boin_tables")}


def compiled(record: dict) -> Imputed:
    rule = Weigh(most_pending=record["max_pending_share"], least_follow_up=record["min_follow_up_for_escalation"])
    return rule.plan(BOIN(), Trial(doses=levels(3), target=record["target"], max_patients=18))


def cells(record: dict) -> Iterator[tuple[dict, int, int, int]]:
    """Each published row, and the patients, DLTs and pending patients that it is for."""
    for row in record["rows"]:
        n = row["n"]
        for y in range(row["dlts_min"], n + 1 if row["dlts_max"] is None else row["dlts_max"] + 1):
            most = n - y if row["pending_max"] is None else min(row["pending_max"], n - y)
            for c in range(row["pending_min"], most + 1):
                yield row, n, y, c


def expected(row: dict, c: int, stft: float) -> str:
    """What the row says of a follow-up."""
    up, down = row["escalate_if_stft_at_least"], row["deescalate_if_stft_at_most"]
    if row["decision"] == "ES":
        return "E" if stft >= up else "S"
    if row["decision"] == "SD":
        return "D" if stft <= down else "S"
    if row.get("needs_min_follow_up") and c and stft < 0.25 * c:
        return "SUS"
    return row["decision"]


def mistakes(plan: Imputed, record: dict) -> list[tuple]:
    """Cells and follow-ups at which the plan says other than the table; near a threshold, rounded there, not asked."""
    found = []
    for row, n, y, c in cells(record):
        for share in (0.0, 0.1, 0.26, 0.4, 0.5, 0.6, 0.75, 0.9, 0.99):
            stft = share * c
            printed = [row["escalate_if_stft_at_least"], row["deescalate_if_stft_at_most"]]
            if any(threshold is not None and abs(stft - threshold) < 0.006 for threshold in printed):
                continue
            said = LETTERS[plan.decide(n, y, [share] * c).code]
            if said != expected(row, c, stft):
                found.append((n, y, c, share, said, expected(row, c, stft)))
            if not c:
                break
    return found


@pytest.mark.parametrize("table", TABLES)
def test_every_cell_of_tite_boin_s_tables(table):
    """Yuan et al. (2018), table 1, at a target of 0.2; Chen et al. (2025), table 1, at 0.3 with the app's limits."""
    record = TABLES[table]
    assert len(list(cells(record))) == {"yuan_t1": 320, "chen25": 38}[table]
    assert mistakes(compiled(record), record) == []


@pytest.mark.parametrize("table", TABLES)
def test_thresholds_as_printed(table):
    plan, printed = compiled(TABLES[table]), 0
    for row, n, y, c in cells(TABLES[table]):
        up, down = row["escalate_if_stft_at_least"], row["deescalate_if_stft_at_most"]
        if up is None and down is None:
            continue
        found = plan.decide(n, y, [0.5] * c)
        printed += 1
        if up is not None:
            assert found.escalate_from == pytest.approx(up, abs=0.00501), (n, y, c)
        else:
            assert found.de_escalate_to == pytest.approx(down, abs=0.00501), (n, y, c)
    assert printed >= 4


def test_the_tables_notice_ties_at_the_target_the_other_way():
    """Three DLTs in fifteen patients at a target of 0.2 are de-escalated in table 1."""

    class Forbidding(Imputed):
        def cell(self, patients, dlts, pending):
            up, down = super().cell(patients, dlts, pending)
            return (up, -1.0) if dlts <= self.target * patients + 1e-12 else (up, down)

    record = TABLES["yuan_t1"]
    found = mistakes(Forbidding(**vars(compiled(record))), record)
    assert {(n, y) for n, y, *_ in found} == {(15, 3)}


def test_the_tables_notice_the_other_limit_of_pending_patients():
    """Half of six patients are pending: 0.5 and 0.49 differ."""
    record = TABLES["yuan_t1"]
    assert mistakes(compiled({**record, "max_pending_share": 0.49}), record)
