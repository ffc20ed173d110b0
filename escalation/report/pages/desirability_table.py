"""What is said of the decisions of a design that looks at responses: tables, a tree, and tidy rows."""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any

from escalation.report.blocks import Block, Lines, TextTable
from escalation.report.wording import count, percent
from escalation.running.desirability import ENDS, MOST_PATIENTS, DesirabilityRow
from escalation.tidy import Column, columns

ELIMINATED, FUTILE = "E", "F"
"""In place of numbers where the dose is closed."""

EXPLORES = "up if untried, else "

MEANINGS = {
    "down": "to the next lower dose that may be given; to this one where there is none",
    "not up": "to the most desirable of this dose and the next lower one",
    "any": "to the most desirable of this dose, the next lower and the next higher one",
    EXPLORES: "to the next higher dose if nobody was given it, whatever is more desirable",
    ENDS: "the trial ends",
}
"""What stands in the column of where the counts lead, and what it means."""

COLUMNS = (
    *columns("responses", "responses_with_dlt", unit="patients", kind=int),
    Column("leads"),
    *columns("explores", "eliminated", "futile", unit="yes or no", kind=bool),
    Column("desirability", "probability", float),
    Column("rank", "rank", float),
)
"""Those of a tidy table beside its own."""


def desirability_blocks(rows: Sequence[DesirabilityRow], benchmark: float, *, every: bool = False) -> Iterator[Block]:
    """The tables of one design, by ranks and by probabilities, and what is in them; `benchmark` is from 0 to 100."""
    by_patients = [list(of_number) for _, of_number in groupby(rows, key=lambda row: row.patients)]
    nobody, *others = by_patients
    shown = [some for some in others if every or some[0].occurs]
    untried = nobody[0]
    yield Lines(f"A dose that nobody was given: rank {_rank(untried)}, desirability {percent(untried.desirability)} %.")
    for some in shown:
        if some[0].occurs:
            yield _grid(some, _rank, "rank by desirability (RDS)")
    for some in shown:
        yield _grid(some, _share, "desirability in %", detail=True)
    yield Lines(*_conventions(shown, benchmark, every=every), listed=True)


def _grid(
    rows: Sequence[DesirabilityRow], written: Callable[[DesirabilityRow], str], what: str, *, detail: bool = False
) -> TextTable:
    """A table for one number of patients: a row for each number of DLTs, a column for each number of responses."""
    most = max(row.responses for row in rows)
    is_split = rows[0].with_dlt is not None
    cells = []
    for (leads, eliminated), together in groupby(rows, key=lambda row: (_leads(row), row.eliminated)):
        alike = list(together)
        if eliminated:
            ends = dict.fromkeys((str(alike[0].dlts), str(alike[-1].dlts)))
            cells.append(["-".join(ends), leads, *[ELIMINATED] * (most + 1)])
            continue
        for (dlts, with_dlt), of_row in groupby(alike, key=lambda row: (row.dlts, row.with_dlt)):
            told = {row.responses - (with_dlt or 0): written(row) for row in of_row}
            name = f"{dlts}, {with_dlt} with response" if is_split and dlts else str(dlts)
            cells.append([name, leads, *(told.get(responses, "") for responses in range(most + 1))])
    first = "0 responses without DLT" if is_split else "0 responses"
    header = ["DLTs", "leads", first, *map(str, range(1, most + 1))]
    return TextTable(
        header,
        [cells],
        words=frozenset({1}),
        caption=f"{count(rows[0].patients, 'patient')} at the dose: {what}",
        detail=detail,
    )


def _leads(row: DesirabilityRow) -> str:
    return f"{EXPLORES if row.explores else ''}{row.leads}"


def _rank(row: DesirabilityRow) -> str:
    return _closed(row) or f"{row.rank:g}"


def _share(row: DesirabilityRow) -> str:
    return _closed(row) or percent(row.desirability)


def _closed(row: DesirabilityRow) -> str:
    return ELIMINATED if row.eliminated else FUTILE if row.futile else ""


def _conventions(shown: Sequence[Sequence[DesirabilityRow]], benchmark: float, *, every: bool) -> Iterator[str]:
    """What the rows, columns and letters mean."""
    yield "patients, DLTs, responses: of all treated so far at a dose, down the rows and along them."
    rows = [row for some in shown for row in some]
    yield "leads: where the counts at the current dose lead after a cohort, among doses that may be given."
    found = {row.leads for row in rows} | {EXPLORES for row in rows if row.explores}
    yield from (f"{name.strip()}: {meaning}." for name, meaning in MEANINGS.items() if name in found)
    yield (
        f"Desirability: the probability that the mean utility exceeds {benchmark:g}. The larger, the higher the rank "
        "(RDS) and the more desirable the dose; of equal ones the mean of their places."
    )
    if any(row.eliminated for row in rows):
        yield f"{ELIMINATED}: the dose is eliminated, with all above."
    if any(row.futile for row in rows):
        yield f"{FUTILE}: too few responses; the dose is no longer given."
    if rows and max(row.patients for row in rows) >= MOST_PATIENTS:
        yield f"With more than {MOST_PATIENTS} patients at a dose `next` gives the decisions."
    if not every:
        yield "Numbers of patients that the cohorts cannot make are left out."


def desirability_tree(rows: Sequence[DesirabilityRow]) -> list[dict[str, Any]]:
    """The rows for JSON: every number of patients, with whether the cohorts make it."""
    return [
        {
            "patients": row.patients,
            "occurs": row.occurs,
            "dlts": row.dlts,
            "responses": row.responses,
            "responses_with_dlt": row.with_dlt,
            "leads": row.leads,
            "explores": row.explores,
            "eliminated": row.eliminated,
            "futile": row.futile,
            "desirability": row.desirability,
            "rank": row.rank,
        }
        for row in rows
    ]
