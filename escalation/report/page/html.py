"""A report as one HTML page that needs nothing else: no script, no network, no other file."""

from collections.abc import Iterator
from itertools import count

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from escalation.report.blocks import Grid, Heading
from escalation.report.page.document import Document, Section, arranged

WIDEST = 104
"""Letters that fit beside each other on a printed page. Wider tables go on in another below."""

NAME, WORDS = 34, 18
"""Letters to which a row's name and other words in a table may be narrowed, going on in the next line."""

PROSE = 24
"""A text that is longer is a sentence, and its column is made wide enough to read; a longer word may be broken."""

DEEPEST = 6
"""HTML has no headings of a lower level."""


def to_html(document: Document) -> str:
    """The page; names and texts in it are shown as they are, whatever they hold."""
    environment = Environment(
        loader=PackageLoader("escalation.report.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"kind": _kind, "folded": _folded, "contents": _contents}
    environment.filters |= {"style": _style, "unbroken": _unbroken, "drawn": Markup}
    return environment.get_template("page.html").render(document=arranged(document), deepest=DEEPEST)


def _kind(part: object) -> str:
    return type(part).__name__


def _contents(section: Section) -> Iterator[tuple[Heading, str]]:
    """The section's own headings, with the names of the places to which links lead."""
    numbers = count(1)
    for part in section.parts:
        if isinstance(part, Heading) and part.level == 3:
            yield part, f"{section.identifier}-{next(numbers)}"


def _folded(grid: Grid) -> list[Grid]:
    """One table, or several with the same first column and as many of the others as fit."""
    widths = [_width(grid, column) for column in range(len(grid.header))]
    parts: list[Grid] = []
    first = 1
    while first < len(widths):
        last = first + 1
        while last < len(widths) and widths[0] + sum(widths[first : last + 1]) <= WIDEST:
            last += 1
        part = grid.part(range(first, last))
        parts.append(
            Grid(part.header, part.groups, part.marked, part.words, grid.caption + " (continued)" * bool(parts))
        )
        first = last
    return parts or [grid]


def _width(grid: Grid, column: int) -> int:
    """Letters that a column needs, and the space beside it."""
    cells = [len(row[column]) for group in grid.groups for row in group]
    needed = max(min(_longest_word(grid.header[column]), PROSE), *cells, 1)
    if column == 0:
        return 2 + min(needed, NAME)
    return 2 + (min(needed, WORDS) if column in grid.words else needed)


def _longest_word(text: str) -> int:
    return max(map(len, text.split()), default=0)


def _style(grid: Grid, column: int) -> str:
    """The classes of a column's cells."""
    styles = ["broken"] if _longest_word(grid.header[column]) > PROSE else []
    if column in grid.words:
        longest = max((len(row[column]) for group in grid.groups for row in group), default=0)
        styles += ["words", *(["prose"] if longest > PROSE else [])]
    elif column in grid.marked:
        styles.append("marked")
    return " ".join(styles)


def _unbroken(text: str) -> str:
    """The text with numbers that stay on a line with their percent sign."""
    return text.replace(" %", "\u00a0%")
