"""Reading a decision table from a CSV file.

Either a row for each decision, under the names `patients`, `dlts`, `decision` and perhaps `dose`; or the table as
papers print it: the first column, `dlts`, has the numbers of DLTs, the heads of the others are numbers of patients; or
as `escalation table --format csv` prints one design, whose `decisions` are those for 0, 1, 2 ... DLTs.

A scenario names the file, and may come from somebody else: messages say where something is wrong, and show nothing of
what the file holds.
"""

import csv
import io
from collections.abc import Iterator
from itertools import groupby, islice
from pathlib import Path

from pydantic import ValidationError

from escalation.designs.tables.rows import MOST_ROWS, NAMED, Row, contradictions
from escalation.files import read_text

Line = tuple[int, list[str]]

PRINTED = {"part", "doses", "patients", "decisions"}
"""Columns of the tables that the program prints, which no others have together."""

UNDECIDED_LETTER = "?"
"""In such a table, where a table of a user's own does not decide."""


def read_table(path: Path) -> list[Row]:
    """The rows of a decision table in a CSV file; a ValueError says all that is wrong, with the lines of the file."""
    head, *lines = _lines(path)
    form = _printed if set(head[1]) >= PRINTED else _long if _is_long(head) else _wide
    given = list(islice(form(head, lines), MOST_ROWS + 1))
    if not given:
        raise ValueError("there are no rows")
    if len(given) > MOST_ROWS:
        raise ValueError(f"there are more than {MOST_ROWS} rows")
    rows: list[Row] = []
    problems: list[str] = []
    for line, values in given:
        try:
            rows.append(Row.model_validate(values))
        except ValidationError as error:
            problems += [f"line {line}: {problem}" for problem in _problems(error)]
    if not problems:
        problems += contradictions(rows, lambda index: f"line {given[index][0]}")
    elif len(problems) > NAMED:
        problems[NAMED:] = [f"and {len(problems) - NAMED} more problems"]
    if problems:
        raise ValueError("\n".join(problems))
    return rows


def _lines(path: Path) -> list[Line]:
    """Lines that are neither blank nor comments, with their numbers; the first has the names of the columns."""
    reader = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    try:
        lines = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num}: not CSV: {error}") from None
    lines = [(line, cells) for line, cells in lines if any(cells) and not cells[0].startswith("#")]
    if not lines:
        raise ValueError("the file is empty")
    return lines


def _printed(head: Line, lines: list[Line]) -> Iterator[tuple[int, dict[str, str]]]:
    """Of the parts that the program prints, those of the doses; what it does not decide has no row."""
    designs = set[str]()
    for line, cells in lines:
        _check_width(line, cells, len(head[1]))
        row = dict(zip(head[1], cells, strict=False))
        if row.get("part") != "doses":
            continue
        designs.add(row.get("design", ""))
        if len(designs) > 1:
            raise ValueError(f"line {line}: a second design; print one, with --design")
        dlts = 0
        for letter, alike in groupby(row.get("decisions", "").split()):
            first, dlts = dlts, dlts + len(list(alike))
            if letter != UNDECIDED_LETTER:
                numbers = str(first) if dlts == first + 1 else f"{first}-{dlts - 1}"
                for dose in row.get("doses", "").split():
                    yield line, {"dose": dose, "patients": row["patients"], "dlts": numbers, "decision": letter}
        if str(dlts - 1) != row["patients"]:
            raise ValueError(f"line {line}: {dlts} decisions; there should be one more than there are patients")


def _is_long(head: Line) -> bool:
    names = [name.lower() for name in head[1]]
    return names[0] != "dlts" or "patients" in names or "decision" in names


def _long(head: Line, lines: list[Line]) -> Iterator[tuple[int, dict[str, str]]]:
    line, names = head[0], [name.lower() for name in head[1]]
    while not names[-1]:
        names.pop()  # spreadsheets leave empty columns at the end
    for name in names:
        if name not in Row.model_fields:
            known = ", ".join(Row.model_fields)
            raise ValueError(
                f"line {line}: column {names.index(name) + 1} is unknown; known, with commas between, are {known}"
            )
        if names.count(name) > 1:
            raise ValueError(f"line {line}: column {name!r} is there twice")
    for name, field in Row.model_fields.items():
        if field.is_required() and name not in names:
            raise ValueError(f"line {line}: column {name!r} is needed")
    for line, cells in lines:
        _check_width(line, cells, len(names))
        yield line, {name: cell for name, cell in zip(names, cells, strict=False) if cell}


def _wide(head: Line, lines: list[Line]) -> Iterator[tuple[int, dict[str, str]]]:
    _, heads = head
    for line, (dlts, *cells) in lines:
        _check_width(line, cells, len(heads) - 1)
        for patients, decision in zip(heads[1:], cells, strict=False):
            if decision:
                yield line, {"patients": patients, "dlts": dlts, "decision": decision}


def _check_width(line: int, cells: list[str], width: int) -> None:
    if any(cells[width:]):
        raise ValueError(f"line {line}: more values than columns")


def _problems(error: ValidationError) -> Iterator[str]:
    for detail in error.errors(include_url=False):
        message = detail["msg"].removeprefix("Value error, ")
        if detail["type"] == "missing":
            yield f"{detail['loc'][0]}: needed"
        elif detail["loc"]:
            yield f"{detail['loc'][0]}: {message}"
        else:
            yield message
