"""What a page is made of, whatever the format: headings, lines, tables and pictures of text."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Heading:
    """A heading; level 1 is the page's own."""

    text: str
    level: int = 2


@dataclass(init=False)
class Lines:
    """Lines of text that belong together; an alarm says that something is wrong, listed ones are items of a list."""

    lines: tuple[str, ...]
    alarm: bool
    listed: bool

    def __init__(self, *lines: str, alarm: bool = False, listed: bool = False) -> None:
        self.lines, self.alarm, self.listed = lines, alarm, listed


@dataclass(init=False)
class Picture:
    """Lines to be shown in letters of equal width, as they are: a tree, a message with a caret."""

    lines: tuple[str, ...]

    def __init__(self, *lines: str) -> None:
        self.lines = lines


@dataclass(frozen=True)
class TextTable:
    """A table as a page shows it: its numbers are written already."""

    header: list[str]  # the first column names the rows
    groups: list[list[list[str]]]  # rows that belong together
    marked: frozenset[int] = frozenset()  # columns to be made prominent: those of correct doses
    words: frozenset[int] = frozenset()  # columns that hold words; the first always does, the others hold numbers
    caption: str = ""  # what it shows, for a page with many tables
    detail: bool = False  # a page may keep it closed until a reader opens it

    @classmethod
    def of(cls, header: Sequence[str | None], groups: list[list[list[str]]], **options: Any) -> "TextTable":
        """A table of those columns that have a head."""
        whole = cls([head or "" for head in header], groups, **options)
        return whole.part(column for column, head in enumerate(header) if column and head is not None)

    def part(self, columns: Iterable[int]) -> "TextTable":
        """The first column and some of the others."""
        kept = [0, *columns]
        groups = [[[row[column] for column in kept] for row in group] for group in self.groups]
        marked, words = (
            frozenset(place for place, column in enumerate(kept) if column in chosen)
            for chosen in (self.marked, self.words)
        )
        return TextTable([self.header[column] for column in kept], groups, marked, words, self.caption, self.detail)

    def folded(self, fits: "Callable[[TextTable], bool]") -> "Iterator[TextTable]":
        """The table, or several with the same first column and as many of the others as fit; at least one."""
        first = 1
        while first < max(len(self.header), 2):
            last = max(len(self.header), 2)
            if not fits(self.part(range(first, last))):
                fitting = first + 1  # at least one column
                while fitting < last - 1:
                    middle = (fitting + last) // 2
                    fitting, last = (middle, last) if fits(self.part(range(first, middle))) else (fitting, middle)
                last = fitting
            yield self.part(range(first, min(last, len(self.header))))
            first = last


Block = Heading | Lines | Picture | TextTable
