"""A page as Markdown."""

import re
from collections.abc import Iterable, Iterator

from escalation.report.blocks import Block, Heading, Lines, TextTable

_OF_ITS_OWN = re.compile(
    r"[\\`*_\[\]<>|#~$]"
    r"|&(?=#?\w+;)|@(?=\w)"  # of an entity, of a mention or an address
    r"|:(?=//|[+\w-]+:)"  # of an address, of the name of a picture
    r"|(?<=\bwww)\."
)
_BEGINS = re.compile(r"^([0-9]{0,9})((?<=[0-9])[.)](?=\s|$)|(?<![0-9])[-+](?=\s|$)|(?<![0-9])(?:-+|=+)$)")
"""What makes a line an item of a list, or the line before a heading."""


def to_markdown(blocks: Iterable[Block], *, top: int = 2) -> str:
    """A page whose own heading has `top` number signs."""
    return "\n".join(_lines(blocks, top)) + "\n"


def _lines(blocks: Iterable[Block], top: int) -> Iterator[str]:
    for number, block in enumerate(blocks):
        if number:
            yield ""
        if isinstance(block, Heading):
            yield f"{'#' * (top + block.level - 1)} {plain(block.text)}"
        elif isinstance(block, Lines):
            for place, line in enumerate(block.lines):
                if place and not block.listed:
                    yield ""
                yield f"- {plain_line(line)}" if block.listed else plain_line(line)
        elif isinstance(block, TextTable):
            if block.caption:
                yield f"*{plain(block.caption)}*"
                yield ""
            yield from _table(block)
        else:
            longest = max((len(run) for line in block.lines for run in re.findall("`+", line)), default=0)
            fence = "`" * max(3, longest + 1)
            yield f"{fence}text"
            yield from block.lines
            yield fence


def _table(table: TextTable) -> Iterator[str]:
    yield f"| {' | '.join(map(plain, table.header))} |"
    sides = ("---" if column == 0 or column in table.words else "---:" for column in range(len(table.header)))
    yield f"|{'|'.join(sides)}|"
    for group in table.groups:
        for row in group:
            yield f"| {' | '.join(map(plain, row))} |"


def plain(text: str) -> str:
    """The text with nothing in it that Markdown would take for its own: no markup, formula, link, mention, picture."""
    return _OF_ITS_OWN.sub(r"\\\g<0>", text)


def plain_line(text: str) -> str:
    """The same, where it is a line of its own."""
    return _BEGINS.sub(r"\1\\\2", plain(text))
