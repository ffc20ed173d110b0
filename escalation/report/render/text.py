"""A page in a terminal."""

from collections.abc import Callable, Iterable, Iterator
from typing import TextIO

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from escalation.report.blocks import Block, Grid, Heading, Lines

UNBOUNDED = 1_000_000
"""Columns that no table fills."""


def print_blocks(blocks: Iterable[Block], file: TextIO) -> None:
    """Print a page; in colour on a terminal, and folded to its width.

    Nothing is cut off: where two columns of a table are wider than the terminal, so are the lines.
    """
    # Names come from the user's file: no markup, no emoji codes in them.
    console = Console(file=file, highlight=False, markup=False, emoji=False)
    width = console.width
    unbounded = console.options.update(width=UNBOUNDED)

    def width_of(part: RenderableType) -> int:
        return console.measure(part, options=unbounded).maximum

    parts = list(_parts(blocks, lambda table: width_of(table) <= width))
    whole = (part for part in parts if isinstance(part, Table) or (isinstance(part, Text) and part.no_wrap))
    console.width = max([width, *map(width_of, whole)])
    console.print(Group(*parts))


def _parts(blocks: Iterable[Block], fits: Callable[[Table], bool]) -> Iterator[RenderableType]:
    previous: Block | None = None
    for block in blocks:
        if previous is not None and not isinstance(previous, Heading):
            yield Text()
        previous = block
        if isinstance(block, Grid):
            if block.caption:
                yield Text(block.caption, style="italic")
            yield from _folded(block, fits)
        elif isinstance(block, Heading):
            yield Text(block.text, style="bold")
        elif isinstance(block, Lines):
            yield from (Text(line, style="bold red" if block.alarm else "") for line in block.lines)
        else:
            yield from (Text(line, no_wrap=True) for line in block.lines)


def _folded(grid: Grid, fits: Callable[[Table], bool]) -> Iterator[RenderableType]:
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


def _table(grid: Grid) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column, name in enumerate(grid.header):
        style = "bold" if column in grid.marked else ""
        justify = "left" if column == 0 or column in grid.words else "right"
        table.add_column(name, justify=justify, style=style, no_wrap=True)  # type: ignore[arg-type]
    for group in grid.groups:
        for row in group:
            table.add_row(*row, end_section=len(grid.groups) > 1 and row is group[-1])
    return table
