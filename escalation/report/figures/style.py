"""How all figures look.

A design has the same colour, hatch and marker in every figure. Colours are those of Okabe and Ito, which readers with
any colour vision tell apart, in an order in which neighbours also differ in lightness, for prints in black and white.
There are 7 colours, 5 hatches and 8 markers: numbers without a common divisor, so that pairs repeat late.

Source of the colours: Okabe M, Ito K (2008) Color Universal Design, https://jfly.uni-koeln.de/color/
"""

import textwrap
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import matplotlib.style
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from escalation.report.pages.run import label
from escalation.studies.run import Result

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#56B4E9", "#D55E00", "#F0E442", "#CC79A7")
HATCHES = ("", "////", "----", "\\\\\\\\", "xxxx")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<")

INK = "#222222"
GREY = "#767676"
BAND = "#EAEAEA"
"""Behind the correct doses."""

WIDTH = 6.0
"""Inches of a figure: at 400 pixels its letters have 8 pixels, and a slide is about twice as wide."""

DASHED: dict[str, Any] = {"linestyle": (0, (4, 3)), "linewidth": 1}
TARGET_LINE: dict[str, Any] = {"color": GREY, **DASHED}
LIMIT: dict[str, Any] = {"color": INK, **DASHED}

Entry = tuple[Artist, str]
"""What a legend shows, and what it says of it."""

SMALL = 8.0
"""Points of the smallest letters; ticks have 9, the rest 10."""

SETTINGS: dict[str, Any] = {
    "font.family": ["DejaVu Sans", "sans-serif"],
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.labelsize": 10,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.titlesize": 11,
    "hatch.linewidth": 0.6,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "legend.borderaxespad": 0.2,
    "legend.columnspacing": 1.2,
    "legend.handlelength": 1.6,
    "text.color": INK,
    "text.parse_math": False,  # names may hold dollar signs
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "svg.fonttype": "none",
    "svg.hashsalt": "escalation",
}


@contextmanager
def style() -> Iterator[None]:
    """The settings in which a figure is made and written.

    Matplotlib has one set of settings for a process. It is ours while the block runs, and as before afterwards. Of
    letters that its font does not have it would warn at each; `files.unknown_letters` names them.
    """
    with matplotlib.style.context(["default", SETTINGS]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


class Look(NamedTuple):
    """How a design is drawn."""

    colour: str
    hatch: str
    marker: str


def look(number: int) -> Look:
    """The look of a design, by its place among all, from 0."""
    return Look(COLOURS[number % len(COLOURS)], HATCHES[number % len(HATCHES)], MARKERS[number % len(MARKERS)])


def marker(number: int, size: float, **others: Any) -> dict[str, Any]:
    """How points of a design are drawn, and whatever else is drawn with them."""
    colour, _, shape = look(number)
    edge = {"markeredgecolor": INK, "markeredgewidth": 0.6}
    return {"color": colour, "marker": shape, "markersize": size, **edge, **others}


def filling(number: int) -> dict[str, Any]:
    """How bars and boxes of a design are filled."""
    colour, hatch, _ = look(number)
    return {"facecolor": colour, "hatch": hatch, "edgecolor": INK, "linewidth": 0.6}


def new_figure(height: float, width: float = WIDTH) -> Figure:
    """An empty figure of so many inches, which finds room for its labels by itself."""
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.06, h_pad=0.05, hspace=0.02, wspace=0.04)  # type: ignore[union-attr, call-arg]
    return figure


def swatch(number: int) -> Patch:
    """A design's look, for a legend."""
    return Patch(**filling(number))


def legend(place: Any, entries: Sequence[Entry], width: float | None = None, **options: Any) -> None:
    """A legend in one row, or in as many columns as go into so many inches, or into the whole width of a figure."""
    width = place.get_figwidth() if width is None else width
    names = [shorten(name, 40) for _, name in entries]
    inches = [0.45 + 0.085 * len(name) for name in names]
    columns = len(names) if sum(inches) <= width else max(1, int(width / max(inches)))
    drawn = place.legend([artist for artist, _ in entries], [""] * len(names), ncols=columns, **options)
    for text, name in zip(drawn.get_texts(), names, strict=True):
        text.set_text(name)  # afterwards, because a legend leaves out names that begin with an underscore


def write_above(axes: Axes, text: str, x: float, y: float, points: float = 1.5) -> None:
    """A number just above a bar or a point."""
    axes.annotate(text, (x, y), (0, points), textcoords="offset points", ha="center", fontsize=SMALL)


def note(figure: Figure, text: str) -> None:
    """A note at the foot of a figure."""
    figure.supxlabel(text, x=0.01, ha="left", fontsize=SMALL)


def note_simulated(results: Sequence[Result]) -> str:
    """What a tilde means, where there is one."""
    return "~ simulated, not exact" if any(result.exact is None for result in results) else ""


def names_of(results: Sequence[Result]) -> dict[str, str]:
    """The designs of results, in their order, with the names they have in figures; a tilde marks simulated numbers."""
    return {result.design: label(result) for result in results}


def shorten(text: str, most: int) -> str:
    """A text of at most so many letters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def fold(text: str, letters: int, lines: int = 3) -> str:
    """A text in lines of at most so many letters; what does not fit ends in an ellipsis."""
    return "\n".join(textwrap.wrap(text, letters, max_lines=lines, placeholder=" …"))
