"""Bars for each dose level, side by side for the designs: which dose is recommended, and who is treated where."""

from collections.abc import Callable, Iterable, Sequence

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from escalation.report.figures.panels import dose_axis, fits_half, mark_correct, marks, parts, rate_panel
from escalation.report.figures.style import INK, filling, legend, names_of, note_simulated, style, swatch, write_above
from escalation.report.pages.run import by_truth, shown
from escalation.report.wording import mean, percent
from escalation.studies.run import Result
from escalation.trial.trial import Trial

DESIGNS_IN_A_PANEL = 5
BARS_IN_A_PANEL = 60

Draw = Callable[[Axes, Result, int, list[float], float, float], None]


def selection(results: Sequence[Result], trial: Trial) -> Figure:
    """How often each dose, or none, is recommended, below the true DLT rates; of several truths a part for each."""

    def draw(axes: Axes, result: Result, number: int, places: list[float], width: float, inches: float) -> None:
        oc = shown(result)
        shares = [*oc.selection, oc.no_selection]
        heights = [100 * share for share in shares]
        axes.bar(places, heights, width, zorder=2, **filling(number))
        _numbers(axes, places, heights, (percent(share, 0) for share in shares), inches)

    return _dose_bars(results, trial, "RP2D, % of trials", True, 100, draw, [])


def allocation(results: Sequence[Result], trial: Trial) -> Figure:
    """Mean number of patients at each dose, and how many of them have a DLT; of several truths a part for each."""

    def draw(axes: Axes, result: Result, number: int, places: list[float], width: float, inches: float) -> None:
        oc = shown(result)
        axes.bar(places, oc.patients, width, zorder=2, **filling(number))
        axes.bar(places, oc.dlts, width, color=INK, edgecolor=INK, linewidth=0.6, zorder=3)
        _numbers(axes, places, list(oc.patients), map(mean, oc.patients), inches)

    most = max(patients for result in results for patients in shown(result).patients)
    return _dose_bars(results, trial, "mean patients", False, most, draw, [(Patch(color=INK), "with a DLT")])


def _dose_bars(
    results: Sequence[Result],
    trial: Trial,
    name: str,
    none: bool,
    most: float,
    draw: Draw,
    entries: list[tuple[Artist, str]],
) -> Figure:
    """A part for each truth: its rates, and below them the designs, a few to a panel, in the scales of all parts."""
    with style():
        truths = by_truth(results)
        names = list(names_of(results).values())
        columns = trial.levels + none
        together = max(1, min(len(names), DESIGNS_IN_A_PANEL, BARS_IN_A_PANEL // columns))
        panels = -(-len(names) // together)
        highest_rate = max(100 * trial.target, *(100 * rate for group in truths for rate in group[0].truth.dlt_rates))
        figure, places, width = parts(truths, 1.7 + 1.6 * panels, 0.5, fits_half(trial, len(names)))
        for place, group in zip(places, truths, strict=True):
            top, *below = place.subplots(1 + panels, 1, sharex=True, height_ratios=[0.9] + [1.6] * panels)
            rate_panel(top, trial, group[0], highest_rate)
            for number, axes in enumerate(below):
                chosen = range(number * together, min((number + 1) * together, len(group)))
                _panel(axes, [(which, group[which]) for which in chosen], together, columns, width, draw)
                axes.set(ylim=(0, 1.15 * most), ylabel=name)
                if panels > 1:
                    own = [(swatch(which), names[which]) for which in chosen]
                    legend(axes, own, width - 0.8, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0)
            for axes in (top, *below):
                mark_correct(axes, trial, group[0].correct_doses, none)
                axes.tick_params(axis="x", length=0)
            dose_axis(below[-1], trial, group[0].correct_doses, width, none)
        own = [(swatch(which), name) for which, name in enumerate(names)] if panels == 1 else []
        note = note_simulated(results)
        notes: list[tuple[Artist, str]] = [(Line2D([], [], linestyle=""), note)] if note else []
        legend(figure, [*own, *entries, *marks(none), *notes], figure.get_figwidth(), loc="outside lower left")
    return figure


def _panel(
    axes: Axes, designs: Sequence[tuple[int, Result]], together: int, columns: int, width: float, draw: Draw
) -> None:
    """Bars of some designs: 0.8 of the way from a dose to the next is for as many as are together in a panel."""
    thick = 0.8 / together
    for place, (number, result) in enumerate(designs):
        shift = (place - (len(designs) - 1) / 2) * thick
        draw(
            axes, result, number, [column + shift for column in range(columns)], thick, thick * (width - 0.8) / columns
        )


def _numbers(axes: Axes, places: list[float], heights: list[float], written: Iterable[str], inches: float) -> None:
    """The numbers above the bars, where bars are wide enough for them; none where there is no bar."""
    texts = [text if height else "" for text, height in zip(written, heights, strict=True)]
    if 0.075 * max(map(len, texts)) <= inches:
        for place, height, text in zip(places, heights, texts, strict=True):
            write_above(axes, text, place, height)
