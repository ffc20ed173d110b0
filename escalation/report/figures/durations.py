"""How long trials take, and what that is worth."""

from collections.abc import Sequence
from math import ceil, floor
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from escalation.report.figures.panels import names_of_truths, parts
from escalation.report.figures.style import (
    BAND,
    INK,
    SMALL,
    Entry,
    fold,
    legend,
    look,
    marker,
    new_figure,
    note,
    style,
)
from escalation.report.pages.run import best_time, by_truth, time_label
from escalation.report.wording import months
from escalation.studies.run import Result
from escalation.trial.calendar import DAYS_PER_MONTH
from escalation.trial.trial import Trial


@style()
def duration(results: Sequence[Result], trial: Trial) -> Figure:  # noqa: ARG001 (as the other figures)
    """The mean duration of each design's trials, and their 5 to 95 % quantiles, truth by truth, in months."""
    truths = by_truth(results)
    names = _names(results)
    order = {design: number for number, design in enumerate(names)}
    row = 0.19 * len(names) + 0.14
    figure = new_figure(0.9 + row * len(truths) + 0.1 * len(names))
    axes = figure.subplots()
    longest = 0.0
    for place, group in enumerate(truths):
        if place % 2 == 0:
            axes.axhspan(place - 0.5, place + 0.5, color=BAND, linewidth=0, zorder=0)
        for result in group:
            number = order[result.design]
            height = place + (number - (len(order) - 1) / 2) * 0.86 / len(order)
            longest = max(longest, _interval(axes, result, number, height))
    axes.set_yticks(range(len(truths)), [fold(group[0].truth.name, 20) for group in truths])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(truths) - 0.5, -0.5)
    axes.set_xlim(0, 1.09 * longest or 1)
    axes.set_xlabel("months")
    legend(figure, [(_mark(number), name) for number, name in enumerate(names.values())], loc="outside upper left")
    drawn = any(result.simulated is not None for result in results)
    said = ["point and number: mean", *(["line: 5-95 % of simulated trials"] if drawn else []), *_tilde(names)]
    note(figure, "; ".join(said))
    return figure


def _interval(axes: Axes, result: Result, number: int, height: float) -> float:
    """Mean and quantiles of one design under one truth; the month up to which they reach."""
    time = best_time(result)
    if time is None:
        return 0.0
    mean = end = time.duration.mean / DAYS_PER_MONTH
    simulated = None if result.simulated is None else result.simulated.time
    if simulated is not None and simulated.duration.q05 is not None and simulated.duration.q95 is not None:
        low, high = simulated.duration.q05 / DAYS_PER_MONTH, simulated.duration.q95 / DAYS_PER_MONTH
        for width, colour in ((3.0, INK), (1.8, look(number).colour)):
            axes.plot([low, high], [height] * 2, color=colour, linewidth=width, snap=False, solid_capstyle="butt")
        end = max(high, mean)
    axes.add_line(_mark(number, mean, height))
    words: dict[str, Any] = {"textcoords": "offset points", "va": "center", "fontsize": SMALL}
    axes.annotate(months(time.duration.mean), (end, height), (6, 0), **words)
    return end


def _mark(number: int, x: float = 0.0, y: float = 0.0) -> Line2D:
    return Line2D([x], [y], **marker(number, 6.5, linestyle="", zorder=3, clip_on=False))


@style()
def frontier(results: Sequence[Result], trial: Trial) -> Figure:  # noqa: ARG001 (as the other figures)
    """PCS against the mean duration in months, a point for each design; of several truths a part for each."""
    truths, names = by_truth(results), _names(results)
    order = {design: number for number, design in enumerate(names)}
    figure, places, _ = parts(names_of_truths(truths), 2.3, 0.5, narrow=True)
    lengths = [time.duration.mean / DAYS_PER_MONTH for result in results if (time := best_time(result)) is not None]
    shares = [100 * result.best.pcs for result in results]
    low, high = max(10 * floor(min(shares) / 10 - 0.3), 0), min(10 * ceil(max(shares) / 10 + 0.3), 100)
    across = max(lengths) - min(lengths) or 1.0
    limits = max(min(lengths) - 0.12 * across, 0), max(lengths) + 0.12 * across
    for place, group in zip(places, truths, strict=True):
        axes = place.subplots()
        axes.set(xlim=limits, ylim=(low, high), xlabel="mean duration, months", ylabel="PCS, %")
        axes.grid(color=BAND, linewidth=0.8)
        axes.set_axisbelow(True)
        for result in group:
            time = best_time(result)
            if time is not None:
                months_and_pcs = time.duration.mean / DAYS_PER_MONTH, 100 * result.best.pcs
                axes.add_line(_mark(order[result.design], *months_and_pcs))
    entries: list[Entry] = [(_mark(number), name) for number, name in enumerate(names.values())]
    entries += [(Line2D([], [], linestyle=""), said) for said in _tilde(names)]
    legend(figure, entries, loc="outside lower left")
    return figure


def _names(results: Sequence[Result]) -> dict[str, str]:
    """The designs with the names that they have here; a tilde marks simulated durations."""
    return {result.design: time_label(result) for result in results}


def _tilde(names: dict[str, str]) -> list[str]:
    """What a tilde means, where there is one."""
    return ["~ simulated, not exact"] if any(name.endswith("~") for name in names.values()) else []
