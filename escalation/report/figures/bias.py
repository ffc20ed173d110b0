"""How well the DLT rate of the recommended dose is estimated."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from escalation.report.figures.style import (
    BAND,
    GREY,
    INK,
    SMALL,
    fold,
    legend,
    marker,
    names_of,
    new_figure,
    note,
    note_simulated,
    style,
)
from escalation.report.pages.run import by_truth
from escalation.studies.run import Result
from escalation.trial.trial import Trial


@style()
def bias(results: Sequence[Result], trial: Trial) -> Figure:  # noqa: ARG001 (as the other figures)
    """Bias and root mean squared error of the observed DLT rate at the recommended dose, truth by truth."""
    truths = by_truth(results)
    names = names_of(results)
    order = {design: number for number, design in enumerate(names)}
    row = max(0.36, 0.13 * len(names) + 0.1)
    figure = new_figure(0.9 + row * len(truths) + 0.1 * len(names))
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=[1.2, 1])
    for place, group in enumerate(truths):
        for axes in (left, right):
            if place % 2 == 0:
                axes.axhspan(place - 0.5, place + 0.5, color=BAND, linewidth=0, zorder=0)
        for result in group:
            number = order[result.design]
            height = place + (number - (len(order) - 1) / 2) * 0.8 / len(order)
            _points(left, right, result, number, height)
    left.axvline(0, color=INK, linewidth=0.8, zorder=1)
    left.set_yticks(range(len(truths)), [fold(group[0].truth.name, 20) for group in truths])
    left.tick_params(axis="y", length=0)
    left.set_ylim(len(truths) - 0.5, -0.5)
    left.margins(x=0.08)
    left.set_xlim(min(left.get_xlim()[0], -5), max(left.get_xlim()[1], 1))
    right.set_xlim(0, max(right.get_xlim()[1], 1))
    right.tick_params(axis="y", length=0)
    left.set_xlabel("bias, percentage points")
    right.set_xlabel("RMSE, percentage points")
    entries = [(_mark(number), name) for number, name in enumerate(names.values())]
    legend(figure, entries, loc="outside upper left")
    note(figure, note_simulated(results))
    return figure


def _points(left: Axes, right: Axes, result: Result, number: int, height: float) -> None:
    """Bias and error of one design under one truth; words where it never recommends a dose."""
    estimate = result.best.estimate
    if estimate is None:
        where: dict[str, Any] = {"textcoords": "offset points", "ha": "right", "va": "center"}
        left.annotate("no RP2D", (0, height), (-4, 0), fontsize=SMALL, color=GREY, **where)
        return
    for axes, value in ((left, estimate.bias), (right, estimate.rmse)):
        axes.hlines(height, 0, 100 * value, color=GREY, linewidth=0.8, zorder=2)
        axes.add_line(_mark(number, 100 * value, height))
        axes.update_datalim([(100 * value, height)])
    left.autoscale_view(scaley=False)
    right.autoscale_view(scaley=False)


def _mark(number: int, x: float = 0.0, y: float = 0.0) -> Line2D:
    return Line2D([x], [y], **marker(number, 6.5, markeredgewidth=0.7, linestyle="", zorder=3, clip_on=False))
