"""What a command of the benchmarks gives: a page with its files, at one of two scales."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from benchmarks.measuring import ONCE, Effort
from escalation.report.blocks import Block


@dataclass(frozen=True)
class Scale:
    """How much is measured.

    Attributes
    ----------
    effort : Effort
    small : bool
        Whether sizes are so small that the command ends within seconds: to see that it works.
    told : callable
        Told what is being done.
    """

    effort: Effort
    small: bool
    told: Callable[[str], None] = lambda _: None


def full(told: Callable[[str], None]) -> Scale:
    """What RESULTS.md is made with."""
    return Scale(Effort(), small=False, told=told)


def small(told: Callable[[str], None]) -> Scale:
    """What the tests run."""
    return Scale(ONCE, small=True, told=told)


@dataclass(frozen=True)
class Headline:
    """A row of the table that the README shows.

    Attributes
    ----------
    what : str
        What was measured.
    figure : str
        How much it was, with its unit.
    beside : str
        What it compares with.
    """

    what: str
    figure: str
    beside: str


@dataclass(frozen=True)
class Section:
    """What a command found.

    Attributes
    ----------
    blocks : sequence of Block
        The page; its heading has level 2.
    headlines : sequence of Headline
        Rows for the README.
    files : dict
        Contents of further files, by name.
    pictures : dict
        The files among them that RESULTS.md shows below the page, by name: what they show, in words.
    """

    blocks: Sequence[Block]
    headlines: Sequence[Headline] = ()
    files: dict[str, bytes] = field(default_factory=dict)
    pictures: dict[str, str] = field(default_factory=dict)
