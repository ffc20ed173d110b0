"""Bars for each dose level, side by side for the designs: which dose is recommended, and who is treated where."""

from collections.abc import Callable, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from escalation.characteristics.one_truth import OperatingCharacteristics
from escalation.report.figures.panels import (
    dose_axis,
    fits_half,
    mark_correct,
    marks,
    names_of_truths,
    parts,
    rate_panel,
)
from escalation.report.figures.style import (
    INK,
    Entry,
    filling,
    legend,
    names_of,
    note_simulated,
    style,
    swatch,
    write_above,
)
from escalation.report.pages.run import by_truth
from escalation.report.wording import mean, percent
from escalation.studies.run import Result
from escalation.trial.trial import Trial

DESIGNS_IN_A_PANEL = 5
BARS_IN_A_PANEL = 60

Bars = tuple[Sequence[float], list[str], Sequence[float]]
"""Of a design, for each dose and maybe for none: heights, the numbers above, and heights of dark parts, if any."""


def selection(results: Sequence[Result], trial: Trial) -> Figure:
    """How often each dose, or none, is recommended, below the true DLT rates; of several truths a part for each."""

    def bars(oc: OperatingCharacteristics) -> Bars:
        shares = [*oc.selection, oc.no_selection]
        return [100 * share for share in shares], [percent(share, 0) for share in shares], ()

    return _dose_bars(results, trial, "RP2D, % of trials", bars, 100)


def allocation(results: Sequence[Result], trial: Trial) -> Figure:
    """Mean number of patients at each dose, and how many of them have a DLT; of several truths a part for each."""

    def bars(oc: OperatingCharacteristics) -> Bars:
        return oc.patients, list(map(mean, oc.patients)), oc.dlts

    most = max(patients for result in results for patients in result.best.patients)
    return _dose_bars(results, trial, "mean patients", bars, most, "with a DLT")


@style()
def _dose_bars(
    results: Sequence[Result],
    trial: Trial,
    name: str,
    bars: Callable[[OperatingCharacteristics], Bars],
    most: float,
    dark: str = "",  # what the dark parts show
) -> Figure:
    """A part for each truth: its rates, and below them the designs, a few to a panel, in the scales of all parts."""
    truths = by_truth(results)
    names = list(names_of(results).values())
    columns = len(bars(results[0].best)[0])
    none = columns > trial.levels
    together = max(1, min(len(names), DESIGNS_IN_A_PANEL, BARS_IN_A_PANEL // columns))
    panels = -(-len(names) // together)
    thick = 0.8 / together  # of the way from a dose to the next
    highest_rate = max(100 * trial.target, *(100 * rate for group in truths for rate in group[0].truth.dlt_rates))
    figure, places, width = parts(names_of_truths(truths), 1.7 + 1.6 * panels, 0.5, fits_half(trial, len(names)))
    for place, group in zip(places, truths, strict=True):
        top, *below = place.subplots(1 + panels, 1, sharex=True, height_ratios=[0.9] + [1.6] * panels)
        rate_panel(top, trial, group[0], highest_rate)
        for number, axes in enumerate(below):
            chosen = range(number * together, min((number + 1) * together, len(group)))
            for design, which in enumerate(chosen):
                shift = (design - (len(chosen) - 1) / 2) * thick
                _draw(axes, bars(group[which].best), which, shift, thick, width)
            axes.set(ylim=(0, 1.15 * most), ylabel=name)
            if panels > 1:
                own = [(swatch(which), names[which]) for which in chosen]
                legend(axes, own, width - 0.8, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0)
        for axes in (top, *below):
            mark_correct(axes, trial, group[0].correct_doses, none)
            axes.tick_params(axis="x", length=0)
        dose_axis(below[-1], trial, group[0].correct_doses, width, none)
    entries: list[Entry] = [(swatch(which), name) for which, name in enumerate(names)] if panels == 1 else []
    entries += [(Patch(color=INK), dark)] if dark else []
    entries += marks(none)
    if note := note_simulated(results):
        entries.append((Line2D([], [], linestyle=""), note))
    legend(figure, entries, loc="outside lower left")
    return figure


def _draw(axes: Axes, bars: Bars, number: int, shift: float, thick: float, width: float) -> None:
    """The bars of a design, and the numbers above them where they are wide enough; none where there is no bar."""
    heights, numbers, dark = bars
    places = [column + shift for column in range(len(heights))]
    axes.bar(places, heights, thick, zorder=2, **filling(number))
    if dark:
        axes.bar(places, dark, thick, color=INK, edgecolor=INK, linewidth=0.6, zorder=3)
    texts = [text if height else "" for text, height in zip(numbers, heights, strict=True)]
    if 0.075 * max(map(len, texts)) <= thick * (width - 0.8) / len(heights):
        for place, height, text in zip(places, heights, texts, strict=True):
            write_above(axes, text, place, height)
