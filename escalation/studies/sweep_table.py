"""What a sweep finds at a setting: as bytes for its journal, and as a part of its tidy table."""

import json
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from escalation.scenario.grid import Grid, Setting, in_toml
from escalation.studies.work.refusal import Refused
from escalation.tidy import OF_THE_QUANTITY, Column, Plain, Table, Values, columns, kind_of

Floats = NDArray[np.float64]

SUMMARIES = ("mean", "lowest", "q05", "q95", "highest")
"""What is said of a quantity over all truths. A quantile is the smallest value that so many of them do not exceed."""

REFUSED = "refused"
"""In place of a quantity: the exact engine refuses the setting."""


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
    """What `to_bytes` was given; a ValueError for what it cannot have made."""
    head, _, numbers = content.partition(b"\n")
    told = json.loads(head)
    if not isinstance(told, dict):
        raise ValueError("no table of what was found")  # noqa: TRY004 (as all that is wrong with the content)
    if told.keys() == {"refused"} and not numbers:
        return Refused(str(told["refused"]))
    quantities = tuple(map(str, told.get("quantities", ())))
    return Found(quantities, np.frombuffer(numbers, "<f8").reshape(len(quantities), -1 if quantities else 0))


def columns_of(grid: Grid, *, summary: bool) -> tuple[Column, ...]:
    """The design, what is given for each key of the grid, what the numbers are of, and the numbers."""
    keys = (Column(key, "setting", kind_of(alternatives)) for key, alternatives in grid.values.items())
    measures = SUMMARIES if summary else ("value",)
    named = ("quantity",) if summary else ("truth", "quantity")
    return (Column("design"), *keys, *columns(*named), *columns(*measures, unit=OF_THE_QUANTITY, kind=float))


def part_of(
    whole: tuple[Column, ...], setting: Setting, truths: Sequence[str], found: Found | Refused, *, summary: bool
) -> Table:
    """The rows of one setting, with all columns and the names of its truths; where it is refused, one that says so."""
    if isinstance(found, Refused):
        last = len(SUMMARIES) if summary else 1
        numbers: list[Values] = [*([] if summary else [[None]]), [REFUSED], *[[None]] * last]
    elif summary:
        numbers = [found.quantities, *found.values.T]
    else:
        names, quantities = np.array(truths, str), np.array(found.quantities, str)
        numbers = [np.repeat(names, len(quantities)), np.tile(quantities, len(names)), found.values.T.reshape(-1)]
    keys = whole[1 : -len(numbers)]
    rows = len(numbers[0])
    given = (_given(setting, column) for column in keys)
    return Table(whole, ([setting.label] * rows, *([value] * rows for value in given), *numbers))


def _given(setting: Setting, column: Column) -> Plain:
    """What a setting has for a key; None for keys that are not its design's own."""
    if column.name not in setting.values:
        return None
    value = setting.values[column.name]
    if column.kind is str and not isinstance(value, str):
        return in_toml(value)
    return column.kind(value)
