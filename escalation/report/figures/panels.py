"""What figures of several truths, designs and doses share: where each part goes, and the axis of dose levels."""

from collections.abc import Sequence

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from escalation.report.figures.style import BAND, INK, SMALL, TARGET_LINE, WIDTH, fold, new_figure, shorten, write_above
from escalation.studies.run import Result
from escalation.trial.trial import Trial

WIDE = 7.2  # inches of a figure with two columns
TITLE = 0.4  # inches for the title of a part
MOST_NAMED = 40  # of more dose levels not every one is named


def parts(
    names: Sequence[str], height: float, extra: float, narrow: bool
) -> tuple[Figure, list[Figure | SubFigure], float]:
    """A figure, its parts with the names of truths as titles, and the width of a part: half where that would do.

    `height` and `extra` are inches: of each part without its title, and for a legend and notes.
    """
    columns = 2 if narrow and len(names) > 1 else 1
    rows = -(-len(names) // columns)
    width = WIDE if columns == 2 else WIDTH
    figure = new_figure(rows * (height + TITLE) + extra, width)
    places: list[Figure | SubFigure] = [figure]
    if len(names) > 1:
        places = list(figure.subfigures(rows, columns, squeeze=False).ravel())[: len(names)]
    for place, name in zip(places, names, strict=True):
        place.suptitle(fold(name, int(11 * width / columns), 2), x=0.01, ha="left", fontsize=10.5)
    return figure, places, width / columns


def names_of_truths(truths: Sequence[Sequence[Result]]) -> list[str]:
    """The names of the truths of results, truth by truth."""
    return [results[0].truth.name for results in truths]


def fits_half(trial: Trial, designs: int) -> bool:
    """Whether bars for all doses and designs fit into half of the width."""
    return designs * (trial.levels + 1) <= 20 and sum(map(len, trial.dose_names)) <= 24


def dose_axis(axes: Axes, trial: Trial, correct: Sequence[int], width: float, none: bool) -> None:
    """Name the dose levels on the horizontal axis, with a star at the correct ones; `none` comes last where wanted."""
    names = [*trial.dose_names, *(["none"] if none else [])]
    starred = {dose - 1 for dose in correct} or {trial.levels}
    marked = [f"{name}*" if place in starred else name for place, name in enumerate(names)]
    room = int(11 * (width - 0.8) / len(names))
    upright = max(len(word) for name in marked for word in name.split()) > max(room, 3) and len(names) > 2
    shown = [shorten(name, 24) if upright else fold(name, max(room, 3)) for name in marked]
    every = 1 + trial.levels // MOST_NAMED
    places = [place for place in range(len(shown)) if place % every == 0 or place in starred]
    axes.set_xticks(places, [shown[place] for place in places], rotation=90 if upright else 0)
    axes.tick_params(axis="x", labelsize=SMALL if upright else 9)
    for place, tick in zip(places, axes.get_xticklabels(), strict=True):
        tick.set_fontweight("bold" if place in starred else "normal")
    axes.set_xlim(-0.55, len(names) - 0.45)
    axes.set_xlabel(f"dose ({shorten(trial.dose_unit, 40)})" if trial.dose_unit else "dose")


def mark_correct(axes: Axes, trial: Trial, correct: Sequence[int], none: bool) -> None:
    """A grey band behind the correct doses, or behind `none`."""
    for place in [dose - 1 for dose in correct] or ([trial.levels] if none else []):
        band(axes, place)


def band(axes: Axes, place: int) -> None:
    """A grey band behind one place on the horizontal axis."""
    axes.axvspan(place - 0.5, place + 0.5, color=BAND, linewidth=0, zorder=0)


def rate_panel(axes: Axes, trial: Trial, result: Result, top: float) -> None:
    """The true DLT rates and the target, up to so many percent; points of correct doses are filled."""
    rates = [100 * rate for rate in result.truth.dlt_rates]
    axes.axhline(100 * trial.target, **TARGET_LINE)
    axes.plot(range(trial.levels), rates, color=INK, linewidth=1, zorder=2)
    size = 6 if trial.levels <= 20 else 3.5
    for dose, rate in enumerate(rates):
        inside = INK if dose + 1 in result.correct_doses else "white"
        axes.plot([dose], [rate], "o", markersize=size, color=INK, markerfacecolor=inside, zorder=3, clip_on=False)
        if trial.levels <= 12:
            write_above(axes, f"{rate:.3g}", dose, rate, points=6)
    axes.set_ylim(0, 1.45 * top)
    axes.set_ylabel("true\nDLT %", fontsize=9)
    axes.tick_params(axis="x", labelbottom=False)


def marks(none: bool) -> list[tuple[Artist, str]]:
    """What a legend says of the rates and the band."""
    line = Line2D([], [], **TARGET_LINE)
    return [(line, "target DLT rate"), (Patch(color=BAND), "correct" if none else "correct dose")]
