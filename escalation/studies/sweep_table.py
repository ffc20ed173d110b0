"""The tidy table of a sweep, part by part: a row for each number."""

import numpy as np

from escalation.scenario.grid import Setting, Value, in_toml
from escalation.studies.sweep import SUMMARIES, Cell, Sweep
from escalation.tidy import OF_THE_QUANTITY, Column, Plain, Table, Values, columns, kind_of

REFUSED = "refused"
"""In place of a quantity: the exact engine refuses the setting."""


def columns_of(sweep: Sweep) -> tuple[Column, ...]:
    """The design, what is given for each key of the grid, what the numbers are of, and the numbers."""
    keys = (Column(key, "setting", kind_of(alternatives)) for key, alternatives in sweep.grid.values.items())
    measures = SUMMARIES if sweep.summary else ("value",)
    named = ("quantity",) if sweep.summary else ("truth", "quantity")
    return (Column("design"), *keys, *columns(*named), *columns(*measures, unit=OF_THE_QUANTITY, kind=float))


def part_of(sweep: Sweep, whole: tuple[Column, ...], setting: Setting, cell: Cell) -> Table:
    """The rows of one cell, with all columns; where the exact engine refuses it, a row that says so."""
    if cell.refusal is not None:
        last = len(SUMMARIES) if sweep.summary else 1
        numbers: list[Values] = [*([] if sweep.summary else [[None]]), [REFUSED], *[[None]] * last]
    elif sweep.summary:
        numbers = [cell.quantities, *cell.values.T]
    else:
        names = np.array(sweep.names(setting), str)
        quantities = np.array(cell.quantities, str)
        numbers = [np.repeat(names, len(quantities)), np.tile(quantities, len(names)), cell.values.T.reshape(-1)]
    keys = whole[1 : -len(numbers)]
    rows = len(numbers[0])
    given = (_given(setting, column) for column in keys)
    return Table(whole, ([setting.label] * rows, *([value] * rows for value in given), *numbers))


def _given(setting: Setting, column: Column) -> Plain:
    """What a setting has for a key; None for keys that are not its design's own."""
    if column.name not in setting.values:
        return None
    value = setting.values[column.name]
    return _text(value) if column.kind is str else column.kind(value)


def _text(value: Value) -> str:
    return value if isinstance(value, str) else in_toml(value)
