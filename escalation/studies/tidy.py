"""What a sweep finds: as bytes for its journal, and a row for each number in a tidy table, CSV or Parquet.

The same findings in the same order give the same bytes, however they came to be: numbers are written at full precision,
and the row groups of a Parquet file have one size.
"""

import csv
import io
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from escalation.scenario.grid import Setting, Value, in_toml
from escalation.studies.evaluate import Refused

Floats = NDArray[np.float64]

SUMMARIES = ("mean", "lowest", "q05", "q95", "highest")
"""What is said of a quantity over all truths. A quantile is the smallest value that so many of them do not exceed."""

REFUSED = "refused"
"""In place of a quantity: the exact engine refuses the setting."""

ROW_GROUP = 500_000
"""Rows of a Parquet file that a reader holds at a time."""


class Found(NamedTuple):
    """What is found of a design at one setting."""

    quantities: tuple[str, ...]
    values: Floats  # [Q, T], or [Q, 5] of a summary


def to_bytes(found: Found | Refused) -> bytes:
    """What a journal keeps of a setting."""
    if isinstance(found, Refused):
        return json.dumps({"refused": found.reason}).encode()
    return json.dumps({"quantities": found.quantities}).encode() + b"\n" + found.values.astype("<f8").tobytes()


def from_bytes(content: bytes) -> Found | Refused:
    """What `to_bytes` was given."""
    head, _, numbers = content.partition(b"\n")
    told = json.loads(head)
    if "refused" in told:
        return Refused(told["refused"])
    quantities = tuple(told["quantities"])
    return Found(quantities, np.frombuffer(numbers, "<f8").reshape(len(quantities), -1))


class TidyTable(ABC):
    """A table that is written setting by setting; the grid's values give a column for each key."""

    def __init__(self, file: IO[bytes], values: Mapping[str, Sequence[Value]], *, summary: bool) -> None:
        self.file = file
        self.kinds = {key: _kind(alternatives) for key, alternatives in values.items()}
        self.measures = SUMMARIES if summary else ("value",)
        self.truth = () if summary else ("truth",)

    @property
    def columns(self) -> list[str]:
        """Their names."""
        return ["design", *self.kinds, *self.truth, "quantity", *self.measures]

    def add(self, setting: Setting, names: tuple[str, ...], found: Found | Refused) -> None:
        """Write the rows of a setting; `names` are those of its truths."""
        given = setting.values  # other designs' keys are not among them
        first = [setting.label, *(kind(given[key]) if key in given else None for key, kind in self.kinds.items())]
        if isinstance(found, Refused):
            self._add(first, [*([None],) * len(self.truth), [REFUSED]], np.full((len(self.measures), 1), np.nan))
        elif self.truth:
            named = [np.repeat(names, len(found.quantities)), np.tile(found.quantities, len(names))]
            self._add(first, named, found.values.T.reshape(1, -1))
        else:
            self._add(first, [found.quantities], found.values.T)

    @abstractmethod
    def _add(self, first: list[Any], named: list[Any], numbers: Floats) -> None:
        """Write rows [R] of the same first cells, then names [R] each, and numbers [M, R]; None and NaN are empty."""

    @abstractmethod
    def end(self) -> None:
        """Write what has not been written yet."""


class CsvTable(TidyTable):
    """Comma-separated values, with nothing where there is none."""

    def __init__(self, file: IO[bytes], values: Mapping[str, Sequence[Value]], *, summary: bool) -> None:
        super().__init__(file, values, summary=summary)
        self._text = io.TextIOWrapper(file, "utf-8", newline="", write_through=True)
        self._writer = csv.writer(self._text, lineterminator="\n")
        self._writer.writerow(self.columns)

    def _add(self, first: list[Any], named: list[Any], numbers: Floats) -> None:
        start = [in_toml(part) if isinstance(part, bool) else part for part in first]
        columns = numbers.astype(object)
        columns[np.isnan(numbers)] = None
        self._writer.writerows([*start, *row] for row in zip(*named, *columns.tolist(), strict=True))

    def end(self) -> None:
        """Leave the file open."""
        self._text.detach()


class ParquetTable(TidyTable):
    """Parquet, by pyarrow, which opens the file itself."""

    def __init__(self, file: IO[bytes], values: Mapping[str, Sequence[Value]], *, summary: bool) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        super().__init__(file, values, summary=summary)
        types = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), _text: pa.string()}
        of_columns = {
            **dict.fromkeys(self.columns, pa.string()),
            **{key: types[kind] for key, kind in self.kinds.items()},
            **dict.fromkeys(self.measures, pa.float64()),
        }
        self._schema = pa.schema([(column, of_columns[column]) for column in self.columns])
        self._writer = parquet.ParquetWriter(file.name, self._schema)
        self._waiting: list[pa.Table] = []
        self._rows = 0

    def _add(self, first: list[Any], named: list[Any], numbers: Floats) -> None:
        """Keep the rows until there are enough for a row group."""
        import pyarrow as pa

        rows = numbers.shape[1]
        types = zip(first, self._schema, strict=False)  # of the schema, its first columns
        parts = [pa.repeat(pa.scalar(part, field.type), rows) for part, field in types]
        parts += [pa.array(part, pa.string()) for part in named]
        parts += [pa.array(row, pa.float64(), mask=np.isnan(row)) for row in numbers]
        self._waiting.append(pa.table(parts, schema=self._schema))
        self._rows += rows
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


def _text(value: Value) -> str:
    return value if isinstance(value, str) else in_toml(value)


def _kind(alternatives: Sequence[Value]) -> Any:
    """What a column holds: what all its values are."""
    kinds = {type(value) for value in alternatives}
    if len(kinds) == 1 and kinds <= {bool, int, float}:
        return kinds.pop()
    return float if kinds == {int, float} else _text
