"""What a page is made of, whatever the format: headings, lines, tables and pictures of text."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Heading:
    """A heading; level 1 is the page's own.

    Attributes
    ----------
    text : str
    level : int
    """

    text: str
    level: int = 2


@dataclass(frozen=True)
class Lines:
    """Lines of text that belong together.

    Attributes
    ----------
    lines : tuple of str
    alarm : bool
        Whether they say that something is wrong.
    listed : bool
        Whether each is an item of a list.
    """

    lines: tuple[str, ...]
    alarm: bool = False
    listed: bool = False


@dataclass(frozen=True)
class Picture:
    """Lines to be shown in letters of equal width, as they are: a tree, a message with a caret.

    Attributes
    ----------
    lines : tuple of str
    """

    lines: tuple[str, ...]


@dataclass(frozen=True)
class Grid:
    """A table of text.

    Attributes
    ----------
    header : list of str
        The first column names the rows.
    groups : list of list of rows
        Rows that belong together.
    marked : frozenset of int
        Columns to be made prominent: those of correct doses.
    words : frozenset of int
        Columns that hold words; the first always does, the others hold numbers.
    caption : str
        What the table shows, for a page with many; may be empty.
    detail : bool
        Whether a page may keep it closed until a reader opens it.
    """

    header: list[str]
    groups: list[list[list[str]]]
    marked: frozenset[int] = frozenset()
    words: frozenset[int] = frozenset()
    caption: str = ""
    detail: bool = False

    def part(self, columns: range) -> "Grid":
        """The first column and some of the others."""
        kept = [0, *columns]
        groups = [[[row[column] for column in kept] for row in group] for group in self.groups]
        marked, words = (
            frozenset(place for place, column in enumerate(kept) if column in chosen)
            for chosen in (self.marked, self.words)
        )
        return Grid([self.header[column] for column in kept], groups, marked, words, self.caption, self.detail)


Block = Heading | Lines | Picture | Grid
