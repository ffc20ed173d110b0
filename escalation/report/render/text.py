"""A page in a terminal."""

from collections.abc import Callable, Iterable, Iterator
from typing import TextIO

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from escalation.report.blocks import Block, Heading, Lines, TextTable

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
    whole = (part for part in parts if isinstance(part, RichTable) or (isinstance(part, Text) and part.no_wrap))
    console.width = max([width, *map(width_of, whole)])
    console.print(Group(*parts))


def _parts(blocks: Iterable[Block], fits: Callable[[RichTable], bool]) -> Iterator[RenderableType]:
    previous: Block | None = None
    for block in blocks:
        if previous is not None and not isinstance(previous, Heading):
            yield Text()
        previous = block
        if isinstance(block, TextTable):
            if block.caption:
                yield Text(block.caption, style="italic")
            for number, part in enumerate(block.folded(lambda part: fits(_drawn(part)))):
                if number:
                    yield Text()
                yield _drawn(part)
        elif isinstance(block, Heading):
            yield Text(block.text, style="bold")
        elif isinstance(block, Lines):
            yield from (Text(line, style="bold red" if block.alarm else "") for line in block.lines)
        else:
            yield from (Text(line, no_wrap=True) for line in block.lines)


def _drawn(table: TextTable) -> RichTable:
    drawn = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column, name in enumerate(table.header):
        style = "bold" if column in table.marked else ""
        justify = "left" if column == 0 or column in table.words else "right"
        drawn.add_column(name, justify=justify, style=style, no_wrap=True)  # type: ignore[arg-type]
    for group in table.groups:
        for row in group:
            drawn.add_row(*row, end_section=len(table.groups) > 1 and row is group[-1])
    return drawn
