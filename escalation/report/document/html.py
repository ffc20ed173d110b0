"""A report as one HTML page that needs nothing else: no script, no network, no other file."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from escalation.report.blocks import Heading, TextTable
from escalation.report.document.document import Document, Section, arranged

WIDEST = 104
"""Letters that fit beside each other on a printed page. Wider tables go on in another below."""

NAME, NARROW = 34, 18
"""Letters to which a row's name, and a column of sentences, may be narrowed, going on in the next line."""

PROSE = 24
"""A text that is longer is a sentence, and its column is made wide enough to read; a longer word may be broken."""

DEEPEST = 6
"""HTML has no headings of a lower level."""


def to_html(document: Document) -> str:
    """The page; names and texts in it are shown as they are, whatever they hold."""
    environment = Environment(
        loader=PackageLoader("escalation.report.document"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"folded": _folded, "contents": _contents, "style": _style, "unbroken": _unbroken}
    environment.filters |= {"kind": lambda part: type(part).__name__, "drawn": Markup}
    environment.tests["long"] = _is_long
    return environment.get_template("page.html").render(document=arranged(document), deepest=DEEPEST)


def _contents(section: Section) -> Iterator[tuple[Heading, str]]:
    """The section's own headings, with the names of the places to which links lead."""
    numbers = count(1)
    for part in section.parts:
        if isinstance(part, Heading) and part.level == 3:
            yield part, f"{section.identifier}-{next(numbers)}"


def _folded(table: TextTable) -> Iterator[TextTable]:
    """One table, or several below each other."""
    for number, part in enumerate(table.folded(_fits)):
        yield replace(part, caption=table.caption + " (continued)" * bool(number))


def _fits(table: TextTable) -> bool:
    return sum(_width(table, column) for column in range(len(table.header))) <= WIDEST


def _width(table: TextTable, column: int) -> int:
    """Letters that a column needs, and the space beside it."""
    cells = max((len(row[column]) for group in table.groups for row in group), default=0)
    if column == 0:
        cells = min(cells, NAME)
    elif _is_prose(table, column):
        cells = min(cells, NARROW)
    return 2 + max(min(_longest_word(table.header[column]), PROSE), cells)


def _is_prose(table: TextTable, column: int) -> bool:
    """Whether a column holds sentences, which go over several lines."""
    return column in table.words and any(len(row[column]) > PROSE for group in table.groups for row in group)


def _longest_word(text: str) -> int:
    return max(map(len, text.split()), default=0)


def _is_long(text: str) -> bool:
    """Whether a word is so long that it may be broken anywhere."""
    return _longest_word(text) > PROSE


def _style(table: TextTable, column: int) -> str:
    """The classes of a column's cells."""
    styles = ["broken"] if _is_long(table.header[column]) else []
    if column in table.words:
        styles += ["words", "prose"] if _is_prose(table, column) else ["words"]
    elif column in table.marked:
        styles.append("marked")
    return " ".join(styles)


def _unbroken(text: str) -> str:
    """The text with numbers that stay on a line with their percent sign."""
    return text.replace(" %", "\u00a0%")
