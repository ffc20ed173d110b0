"""A report as a tree: sections of blocks and drawings, with numbered tables and headings without gaps."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from escalation.report.blocks import Block, Heading, TextTable


@dataclass(frozen=True)
class Drawing:
    """A figure."""

    title: str
    description: str  # what it shows, for those who do not see it
    svg: str  # an element that may stand in a page as it is
    wide: bool = False  # too full to be made as narrow as a narrow screen


Part = Block | Drawing


@dataclass(frozen=True)
class Section:
    """A part of a report with a title."""

    identifier: str  # where links lead; a letter, then letters, digits and hyphens
    title: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Document:
    """A report."""

    title: str
    lines: tuple[str, ...]  # below the title
    sections: tuple[Section, ...]


def beneath(level: int, parts: Iterable[Part]) -> list[Part]:
    """The parts with their headings moved so that the highest is one below `level`."""
    kept = list(parts)
    highest = min((part.level for part in kept if isinstance(part, Heading)), default=1)
    shift = level + 1 - highest
    return [replace(part, level=part.level + shift) if isinstance(part, Heading) else part for part in kept]


def arranged(document: Document) -> Document:
    """The document with numbered sections, tables and figures, and no level of headings left out.

    The document's title is of level 1, the sections' are of level 2.
    """
    tables, figures = iter(range(1, 1_000_000)), iter(range(1, 1_000_000))
    sections = []
    for number, section in enumerate(document.sections, 1):
        parts: list[Part] = []
        for part in _without_gaps(section.parts):
            if isinstance(part, TextTable):
                title = part.caption or section.title
                parts.append(replace(part, caption=f"Table {next(tables)}. {title}"))
            elif isinstance(part, Drawing):
                parts.append(replace(part, title=f"Figure {next(figures)}. {part.title}"))
            else:
                parts.append(part)
        sections.append(Section(section.identifier, f"{number}. {section.title}", tuple(parts)))
    return replace(document, sections=tuple(sections))


def _without_gaps(parts: Iterable[Part]) -> Iterator[Part]:
    """Headings at level 3 and below, none of them more than one below the one before."""
    above: list[int] = []
    for part in parts:
        if not isinstance(part, Heading):
            yield part
            continue
        while above and above[-1] >= part.level:
            above.pop()
        above.append(part.level)
        yield replace(part, level=2 + len(above))
