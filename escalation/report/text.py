"""A run as tables in a terminal."""

from collections.abc import Callable, Iterator
from typing import TextIO

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from escalation.report import tables
from escalation.scenario_run import Run

UNBOUNDED = 1_000_000
"""Columns that no table fills."""


def print_run(run: Run, file: TextIO) -> None:
    """Print a run; in colour on a terminal, and folded to its width.

    Nothing is cut off: where two columns of a table are wider than the terminal, so are the lines.
    """
    # Names come from the user's file: no markup, no emoji codes in them.
    console = Console(file=file, highlight=False, markup=False, emoji=False)
    width = console.width
    unbounded = console.options.update(width=UNBOUNDED)
    parts = list(_parts(run, lambda table: console.measure(table, options=unbounded).maximum <= width))
    shown = [part for part in parts if isinstance(part, Table)]
    console.width = max(width, *(console.measure(table, options=unbounded).maximum for table in shown))
    console.print(Group(*parts))


def _parts(run: Run, fits: Callable[[Table], bool]) -> Iterator[RenderableType]:
    title, lines = tables.heading(run)
    yield Text(title, style="bold")
    yield from map(Text, lines)
    for truth, doses, summary in tables.truths(run):
        yield Text()
        yield Text(truth.name, style="bold")
        yield from _folded(doses, fits)
        yield Text()
        yield from _folded(summary, fits)
    yield Text()
    yield from map(Text, tables.footnotes(run))
    lines, alarm = tables.verdict(run)
    yield from (Text(line, style="bold red" if alarm else "") for line in lines)


def _folded(grid: tables.Grid, fits: Callable[[Table], bool]) -> Iterator[RenderableType]:
    """One table, or several below each other with as many of the columns in each as fit; at least one."""
    first = 1
    while first < len(grid.header):
        last = len(grid.header)
        while last > first + 1 and not fits(_table(grid.part(range(first, last)))):
            last -= 1
        if first > 1:
            yield Text()
        yield _table(grid.part(range(first, last)))
        first = last


def _table(grid: tables.Grid) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column, name in enumerate(grid.header):
        style = "bold" if column in grid.marked else ""
        table.add_column(name, justify="right" if column else "left", style=style, no_wrap=True)
    for group in grid.groups:
        for row in group:
            table.add_row(*row, end_section=len(grid.groups) > 1 and row is group[-1])
    return table
