"""Tidy tables: what a result says as columns with units, and a row for each observation.

A table is held column by column, as data frames are. CSV and Parquet are two writers of the same columns. What is too
long to be held at once is written part by part, each a table with the same columns. The same table gives the same
bytes.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

Plain = bool | int | float | str | None
Values = Sequence[Plain] | NDArray[Any]
Kind = type[bool | int | float | str]

OF_THE_QUANTITY = "of the quantity"
"""The unit of numbers in a table with a row for each number: another column names the quantity."""

ROW_GROUP = 500_000
"""Rows of a Parquet file that a reader holds at a time."""


@dataclass(frozen=True)
class Column:
    """A column of a tidy table.

    The unit is what its numbers count or measure: "probability", "DLT rate", "patients", "DLTs", "dose level" (from 1),
    `OF_THE_QUANTITY`; "setting" for what varies in a grid, "text" for words, and "yes or no".
    """

    name: str
    unit: str = "text"
    kind: Kind = str  # of its values; one may also be None, where there is none


def columns(*names: str, unit: str = "text", kind: Kind = str) -> tuple[Column, ...]:
    """Columns of one unit and kind; see `Column`."""
    return tuple(Column(name, unit, kind) for name in names)


def kind_of(values: Iterable[object]) -> Kind:
    """The kind of a column with these values: text, unless all are numbers, or all are true or false."""
    found = {type(value) for value in values}
    for kind in (bool, int, float):
        if found == {kind}:
            return kind
    return float if found == {int, float} else str


@dataclass(frozen=True, eq=False)
class Table:
    """A tidy table: every column holds one thing, and every row is one observation.

    >>> table = Table.of((Column("design"), Column("pcs", "probability", float)), [("3+3", 0.35), ("boin", None)])
    >>> [(column.name, column.unit) for column in table.columns]
    [('design', 'text'), ('pcs', 'probability')]
    >>> list(table.records())
    [{'design': '3+3', 'pcs': 0.35}, {'design': 'boin', 'pcs': None}]
    >>> print(to_csv(table), end="")
    design,pcs
    3+3,0.35
    boin,
    """

    columns: tuple[Column, ...]
    values: tuple[Values, ...]  # of each column, one for each row

    @classmethod
    def of(cls, columns: Sequence[Column], rows: Iterable[Sequence[Plain]]) -> "Table":
        """A table of rows, each with a value for every column."""
        found = list(rows)
        return cls(tuple(columns), tuple(zip(*found, strict=True)) if found else ((),) * len(columns))

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns."""
        return tuple(column.name for column in self.columns)

    def without(self, *names: str) -> "Table":
        """The table without some of its columns."""
        kept = [place for place, column in enumerate(self.columns) if column.name not in names]
        return Table(tuple(self.columns[place] for place in kept), tuple(self.values[place] for place in kept))

    def rows(self) -> Iterator[tuple[Plain, ...]]:
        """The values row by row, as plain numbers and texts."""
        plain = (part.tolist() if isinstance(part, np.ndarray) else part for part in self.values)
        return zip(*plain, strict=True)

    def records(self) -> Iterator[dict[str, Plain]]:
        """The rows, with the names of the columns."""
        return (dict(zip(self.names, row, strict=True)) for row in self.rows())


_FORMULA = re.compile(r"(^|;)(?=\s*[=+\-@\uff1d\uff0b\uff0d\uff20])")
"""Where a spreadsheet takes a text for a formula; many open the values between semicolons as cells of their own."""

_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?", re.ASCII)


def inert_cell(text: str) -> str:
    """A text as CSV has it: an apostrophe goes before what a spreadsheet would take for a formula."""
    return text if _NUMBER.fullmatch(text) else _FORMULA.sub(r"\1'", text)


class CsvFile:
    """Comma-separated values in UTF-8: numbers at full precision, true and false, nothing where there is no value."""

    def __init__(self, file: IO[bytes], columns: Sequence[Column]) -> None:
        self._text = io.TextIOWrapper(file, "utf-8", newline="", write_through=True)
        self._writer = csv.writer(self._text, lineterminator="\n")
        self._flags = [place for place, column in enumerate(columns) if column.kind is bool]
        self._texts = [place for place, column in enumerate(columns) if column.kind is str]
        self._writer.writerow(inert_cell(column.name) for column in columns)

    def add(self, part: Table) -> None:
        """Write the rows of a part."""
        values = list(part.values)
        for place in self._flags:
            values[place] = [None if value is None else str(value).lower() for value in values[place]]
        for place in self._texts:
            values[place] = [None if value is None else inert_cell(str(value)) for value in values[place]]
        for place, numbers in enumerate(values):
            if isinstance(numbers, np.ndarray) and numbers.dtype.kind == "f" and np.isnan(numbers).any():
                known = numbers.astype(object)
                known[np.isnan(numbers)] = None  # as Parquet has them
                values[place] = known
        self._writer.writerows(Table(part.columns, tuple(values)).rows())

    def end(self) -> None:
        """Leave the file itself open."""
        self._text.detach()


def to_csv(table: Table) -> str:
    """A table as comma-separated values."""
    content = io.BytesIO()
    file = CsvFile(content, table.columns)
    file.add(table)
    file.end()
    return content.getvalue().decode()


class ParquetFile:
    """Parquet, by pyarrow, which opens the file itself; its row groups have one size."""

    def __init__(self, file: IO[bytes], columns: Sequence[Column]) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        types = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}
        self._schema = pa.schema([(column.name, types[column.kind]) for column in columns])
        self._writer = parquet.ParquetWriter(file.name, self._schema)
        self._waiting: list[Any] = []
        self._rows = 0

    def add(self, part: Table) -> None:
        """Write the rows of a part, or keep them until there are enough for a row group."""
        import pyarrow as pa

        arrays = [
            pa.array(values, field.type, from_pandas=True)  # what is not a number is no value
            for values, field in zip(part.values, self._schema, strict=True)
        ]
        self._waiting.append(pa.table(arrays, schema=self._schema))
        self._rows += len(part.values[0])
        if self._rows >= ROW_GROUP:
            self._write(self._rows - self._rows % ROW_GROUP)

    def end(self) -> None:
        """Write the last row group, and what readers need."""
        if self._rows:
            self._write(self._rows)
        self._writer.close()

    def _write(self, rows: int) -> None:
        """Write so many of the waiting rows."""
        import pyarrow as pa

        # In one chunk: where chunks end would show in the file.
        waiting = pa.concat_tables(self._waiting).combine_chunks()
        self._writer.write_table(waiting.slice(0, rows), row_group_size=ROW_GROUP)
        self._waiting, self._rows = [waiting.slice(rows)], self._rows - rows
