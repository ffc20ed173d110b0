"""The tidy table of every result: its values are what its columns say, and CSV and Parquet have them all."""

import csv
import io
from functools import lru_cache
from itertools import pairwise

import numpy as np
import pytest
from pyarrow import parquet

from escalation import (
    BOIN,
    BOIN12,
    Scenario,
    Sweep,
    ThreePlusThree,
    Trial,
    Truth,
    calibrate,
    compare,
    decision_table,
    drawn_truths,
    find_size,
    grid,
    robust,
    run,
    worst_cases,
    write_sweep,
)
from escalation.report.pages import calibrate as calibrate_page
from escalation.report.pages import compare as compare_page
from escalation.report.pages import robust as robust_page
from escalation.report.pages import run as run_page
from escalation.report.pages import size as size_page
from escalation.report.pages import table as table_page
from escalation.report.pages import worst as worst_page
from escalation.studies.sweep import find
from escalation.studies.sweep_table import columns_of, part_of
from escalation.studies.work.refusal import answered
from escalation.tidy import Column, CsvFile, ParquetFile, Table, kind_of, to_csv
from tests.support import levels

TRIAL = Trial(doses=levels(3), target=0.25, max_patients=9)
TRUTHS = [
    Truth(name="MTD at 2", dlt_rates=(0.1, 0.25, 0.4)),
    Truth(name="all, too toxic", dlt_rates=(0.4, 0.5, 0.6)),
]
BY_RESPONSES = Trial(**TRIAL.model_dump() | {"efficacy": {"min_response": 0.25, "max_toxicity": 0.35}})
SCENARIO = Scenario(name="three", trial=TRIAL, design=[ThreePlusThree(), BOIN()], truth=TRUTHS)
SWEEP = Sweep(grid(SCENARIO, {"trial.max_patients": [9, 12], "boin.cutoff_eli": [0.9, 0.95]}), max_states=60)


def swept() -> Table:
    """All parts of a sweep of which the exact engine refuses some settings."""
    parts, whole = [], columns_of(SWEEP.grid, summary=SWEEP.summary)
    for question, setting in zip(SWEEP.questions(range(len(SWEEP.grid))), SWEEP.grid, strict=True):
        found = answered(find, question)
        parts.append(part_of(whole, setting, SWEEP.names(setting), found, summary=SWEEP.summary))
    return Table.of(whole, (row for part in parts for row in part.rows()))


TABLES = {
    "run": lambda: run_page.table_of([run(SCENARIO, trials=50)]),
    "compare": lambda: compare_page.table_of(compare(SCENARIO, trials=50)),
    "robust": lambda: robust_page.table_of(robust(SCENARIO, drawn_truths("clertant", TRIAL, count=5, seed=1))),
    "each": lambda: robust_page.each_table(robust(SCENARIO, drawn_truths("clertant", TRIAL, count=5, seed=1))),
    "worst": lambda: worst_page.table_of(worst_cases(SCENARIO, designs=["3+3"])),
    "calibrate": lambda: calibrate_page.table_of(calibrate(SCENARIO, design="boin", values={"p_tox": [0.35, 0.4]})),
    "size": lambda: size_page.table_of(find_size(SCENARIO, pcs=0.4, sizes=[6, 9])),
    "table": lambda: table_page.table_of(
        SCENARIO, {label: decision_table(design, TRIAL) for label, design in SCENARIO.designs.items()}
    ),
    "table by responses": lambda: table_page.table_of(
        SCENARIO, {"boin": decision_table(BOIN(), TRIAL), "boin12": decision_table(BOIN12(), BY_RESPONSES)}
    ),
    "sweep": swept,
}


@lru_cache
def made(name: str) -> Table:
    return TABLES[name]()


def written(value: object) -> str:
    """A value as CSV has it."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


@pytest.mark.parametrize("name", TABLES)
def test_values_are_what_the_columns_say(name):
    table = made(name)
    assert len(set(table.names)) == len(table.names)
    rows = list(table.rows())
    assert len(rows) > 1
    for column, values in zip(table.columns, zip(*rows, strict=True), strict=True):
        assert column.unit
        kinds = {type(value) for value in values} - {type(None)}
        assert kinds <= ({int, float} if column.kind is float else {column.kind}), column
    assert list(table.records()) == [dict(zip(table.names, row, strict=True)) for row in rows]


@pytest.mark.parametrize("name", TABLES)
def test_csv_has_every_value(name):
    header, *rows = csv.reader(io.StringIO(to_csv(made(name))))
    assert tuple(header) == made(name).names
    assert rows == [[written(value) for value in row] for row in made(name).rows()]


@pytest.mark.parametrize("name", TABLES)
def test_parquet_has_every_value(name, tmp_path):
    path = tmp_path / "table.parquet"
    with path.open("wb") as file:
        written_file = ParquetFile(file, made(name).columns)
        written_file.add(made(name))
        written_file.end()
    assert parquet.read_table(path).to_pylist() == list(made(name).records())


def test_a_table_in_parts_is_the_table(tmp_path):
    table = made("worst")
    rows = list(table.rows())
    for kind in (CsvFile, ParquetFile):
        contents = []
        for cuts in ([0, len(rows)], [0, 1, 3, len(rows)]):
            path = tmp_path / "table"
            with path.open("wb") as file:
                parts = kind(file, table.columns)
                for first, last in pairwise(cuts):
                    parts.add(Table.of(table.columns, rows[first:last]))
                parts.end()
            contents.append(path.read_bytes())
        assert contents[0] == contents[1]


def test_a_swept_file_has_the_parts(tmp_path):
    found = write_sweep(SWEEP, tmp_path / "sweep.csv")
    assert 0 < found.refused < found.settings
    assert (tmp_path / "sweep.csv").read_text() == to_csv(made("sweep"))


def test_a_table_is_made_of_rows_or_arrays():
    names = (Column("dose", "dose level", int), Column("rate", "DLT rate", float))
    of_rows = Table.of(names, [(1, 0.1), (2, 0.25)])
    of_arrays = Table(names, (np.array([1, 2]), np.array([0.1, 0.25])))
    assert list(of_rows.rows()) == list(of_arrays.rows()) == [(1, 0.1), (2, 0.25)]
    assert to_csv(Table.of(names, [])) == "dose,rate\n"
    assert of_rows.without("dose").names == ("rate",)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2], int),
        ([1, 2.5], float),
        ([True, False], bool),
        ([True, 1], str),
        (["a"], str),
        ([None, 1], str),
        ([], str),
    ],
)
def test_kinds(values, kind):
    assert kind_of(values) is kind
