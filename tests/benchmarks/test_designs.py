"""Designs on published truths: what is compared, the averages, and the command."""

import csv
import io
from dataclasses import replace
from itertools import pairwise

import pytest
from click.testing import CliRunner

from benchmarks import designs
from benchmarks.__main__ import main
from benchmarks.designs import label
from benchmarks.performance import (
    QUANTITIES,
    Performance,
    alike,
    average,
    by_kind,
    complete,
    everything,
    performances,
    wins,
)
from benchmarks.published import CITATION, FOLDER, designs_for, truth_sets
from escalation import BOIN, exact, operating_characteristics
from escalation.designs import REGISTRY


@pytest.fixture(scope="module")
def two_truths():
    return designs.chosen_sets(small=True)


@pytest.fixture(scope="module")
def found(two_truths):
    return everything(two_truths)


def test_smoke(tmp_path):
    said = CliRunner().invoke(main, ["designs", "--smoke", "--to", str(tmp_path)], env={"COLUMNS": "300"})
    assert said.exit_code == 0, said.output
    assert "Average over 2 truths, target 0.30" in said.stdout
    assert "On average over all truths" in said.stdout
    rows = list(csv.DictReader(io.StringIO((tmp_path / "designs.csv").read_text())))
    assert len(rows) == 2 * 13 * len(QUANTITIES)
    assert {row["engine"] for row in rows} == {"exact"}


def test_published_truths():
    """16 for each target, five doses, rising, the target itself among them."""
    sets = truth_sets()
    assert [one.target for one in sets] == [0.15, 0.2, 0.25, 0.3]
    for one in sets:
        assert len(set(one.truths)) == 16
        for rates in one.truths:
            assert len(rates) == 5
            assert all(low < high for low, high in pairwise(rates))
            assert rates.count(one.target) == 1
    assert "Yuan" in CITATION


def test_data_name_their_source():
    for file in FOLDER.iterdir():
        text = file.read_text()
        assert "(20" in text.partition("patients,")[0], file.name


def test_every_design_is_there():
    for one in truth_sets():
        chosen = designs_for(one.trial)
        missing = {"monitoring"} if one.target == 0.3 else {"monitoring", "table"}
        waiting = {
            kind
            for kind, design in REGISTRY.items()
            if design.waits_as is None and not design.looks_at_responses  # the truths have none
        }
        assert set(chosen) == waiting - missing
        for kind, design in chosen.items():
            cautions = list(design.cautions(one.trial))
            assert all("cohorts of" in caution for caution in cautions), (kind, cautions)


def test_quantities(found, two_truths):
    """Of BOIN, from its operating characteristics; the MTD of the first truth is the lowest dose."""
    (boin,) = (one for one in found if one.kind == "boin" and one.truth == 1)
    trial, rates = two_truths[0].trial, two_truths[0].truths[0]
    oc = operating_characteristics(exact(BOIN(), trial).outcomes(rates))
    assert rates[0] == trial.target
    expected = {
        "pcs": oc.selection[0],
        "selection_above": sum(oc.selection[1:]),
        "at_mtd": oc.patients[0] / sum(oc.patients),
        "above_mtd": sum(oc.patients[1:]) / sum(oc.patients),
        "overdosing_60": oc.overdosing_60,
        "overdosing_80": oc.overdosing_80,
        "poor_allocation": oc.poor_allocation,
        "sample_size": sum(oc.patients),
        "total_dlts": sum(oc.dlts),
    }
    assert boin.values == pytest.approx(expected, abs=1e-12)
    assert list(boin.values) == [quantity.name for quantity in QUANTITIES]


def test_printed_table_is_boin(found):
    assert ["boin", "table"] in alike(found)


def test_simulated_where_exact_refuses(two_truths):
    trial, truths = two_truths[0].trial, two_truths[0].truths
    simulated = performances("boin", BOIN(), trial, truths, max_states=100, trials=2000)
    whole = performances("boin", BOIN(), trial, truths, max_states=None, trials=2000)
    assert [one.trials for one in simulated] == [2000, 2000]
    assert label(simulated) == "boin ~"
    assert label(whole) == "boin"
    for mine, theirs in zip(simulated, whole, strict=True):
        share = theirs.values["pcs"]
        assert abs(mine.values["pcs"] - share) < 4 * (share * (1 - share) / 2000) ** 0.5
    assert "simulated,2000,pcs" in designs.to_csv(simulated)
    assert designs._engines(simulated) == "exact but for boin, simulated and marked ~"


def made_up(kind: str, target: float, pcs: list[float], risk: float = 0.1) -> list[Performance]:
    values = dict.fromkeys((quantity.name for quantity in QUANTITIES), 0.5) | {"overdosing_60": risk}
    return [
        Performance(kind, target, number, (target,), None, values | {"pcs": one}) for number, one in enumerate(pcs, 1)
    ]


def test_averages_and_conclusions():
    first = [*made_up("boin", 0.2, [0.4, 0.6]), *made_up("crm", 0.2, [0.5, 0.6], 0.3), *made_up("tpi", 0.2, [0.4, 0.6])]
    second = [
        *made_up("boin", 0.3, [0.2, 0.2]),
        *made_up("crm", 0.3, [0.3, 0.1], 0.3),
        *made_up("tpi", 0.3, [0.1, 0.2]),
    ]
    extra = made_up("table", 0.3, [0.9, 0.9])
    every = [*first, *second, *extra]
    assert complete(every) == [*first, *second]
    kinds = by_kind(complete(every))
    assert average(kinds["crm"], "pcs") == pytest.approx(0.375)
    assert wins(kinds["crm"], kinds["boin"]) == 2
    assert wins(kinds["tpi"], kinds["boin"]) == 0
    assert alike(first) == [["boin", "tpi"]]
    assert alike(second) == []
    (conclusions,) = designs.conclusions(every)
    best, safest, low, high = conclusions.lines
    assert "crm has the largest PCS, 37.5 %, 2.5 points above boin; boin has 35.0 %" in best
    assert "crm is number 3 of 3" in best
    assert safest.startswith("The lowest such risk has boin, 10.0 %")
    assert (
        low
        == "Target 0.20: PCS from 50.0 % (boin) to 55.0 % (crm). The same numbers under every truth from boin and tpi."
    )
    assert high == "Target 0.30: PCS from 15.0 % (tpi) to 90.0 % (table)."


def test_tables_show_every_design(found):
    heading, averages = designs.tables(found)
    assert heading.text == "Averages"
    assert [row[0] for row in averages.groups[0]] == list(designs_for(truth_sets()[-1].trial))
    _, by_truth = designs.truth_tables([replace(one, trials=5) if one.kind == "crm" else one for one in found])
    assert "crm ~" in by_truth.header
    assert len(by_truth.groups[0]) == 2
