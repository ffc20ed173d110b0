"""How designs do over many truths."""

from math import ceil
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from escalation.numbers import quantile
from escalation.report.figures.panels import WIDE, band
from escalation.report.figures.style import GREY, INK, filling, legend, look, marker, new_figure, shorten, style, swatch
from escalation.studies.robust import ALL, NONE, Floats, Places, Robustness

BEST: dict[str, Any] = {"color": INK, "linestyle": (0, (3, 2)), "linewidth": 1.2}
"""The optimal benchmark."""

WORST: dict[str, Any] = {"marker": "x", "markersize": 4.5, "color": INK, "linestyle": ""}
MEAN: dict[str, Any] = {"marker": "o", "markersize": 4.5, "markerfacecolor": "white"}

FEW = 5  # truths; fewer have no quantiles worth a box
MOST_NAMED = 12  # of more positions not every one is named


@style()
def robustness(found: Robustness) -> Figure:
    """PCS and overdosing over truths, by the position of the MTD: a box for each design.

    Where designs choose an optimal dose, below that the probability that it is correct, by the position of the OBD.
    Boxes hold the middle half of the truths, whiskers reach from the 5 to the 95 % quantile.
    """
    figure = new_figure(9.4 if found.choosing else 6.2, WIDE)
    upper, lower, *last = figure.subplots(3 if found.choosing else 2, 1)
    upper.sharex(lower)
    upper.tick_params(axis="x", labelbottom=False, length=0)
    for axes in last:
        _correct_obd(axes, found)
    positions = found.positions()
    designs = list(found.expectations)
    for place, (mtd, truths) in enumerate(positions.items()):
        if mtd == ALL:
            band(upper, place)
            band(lower, place)
        thick = 0.8 / len(designs)
        for number, one in enumerate(found.expectations.values()):
            x = place + (number - (len(designs) - 1) / 2) * thick
            _box(upper, x, thick, number, one.pcs[truths], float(one.pcs[truths].min()))
            over = one.overdosing[found.with_mtd(truths)]
            if len(over):
                _box(lower, x, thick, number, over, float(over.max()))
        optimal = found.optimal_pcs[truths]
        if not np.isnan(optimal).all():
            upper.hlines(100 * np.nanmean(optimal), place - 0.42, place + 0.42, **BEST, zorder=4)
    upper.set_title(found.truths.description, fontsize=9)
    upper.set(ylim=(0, 101), ylabel="PCS, %")
    lower.set(ylim=(0, 101), ylabel="overdosing, % of trials")
    _name_positions(lower, found, found.positions(), "MTD")
    own = [(swatch(number), name) for number, name in enumerate(designs)]
    legend(figure, own, loc="outside upper left")
    parts = [
        (Line2D([], [], **BEST), "optimal, mean"),
        (Line2D([], [], **MEAN, color=INK, linestyle=""), "mean"),
        (Line2D([], [], **WORST), "worst"),
        (Patch(facecolor="white", edgecolor=INK, linewidth=0.6), "middle half, 5 to 95 %"),
    ]
    legend(figure, parts, loc="outside lower left")
    return figure


def _correct_obd(axes: Axes, found: Robustness) -> None:
    """The probability of a correct OBD, of the designs that choose one."""
    designs, positions = list(found.expectations), found.obd_positions()
    thick = 0.8 / len(designs)
    for place, (obd, truths) in enumerate(positions.items()):
        if obd == ALL:
            band(axes, place)
        for label, one in found.choosing.items():
            number = designs.index(label)
            assert one.pcs_obd is not None
            right = one.pcs_obd[truths]
            _box(axes, place + (number - (len(designs) - 1) / 2) * thick, thick, number, right, float(right.min()))
    axes.set(ylim=(0, 101), ylabel="correct OBD, %")
    _name_positions(axes, found, positions, "OBD")


def _box(axes: Axes, x: float, width: float, number: int, values: Floats, worst: float) -> None:
    """A design at one position; of few truths each is a point."""
    axes.plot([x], [100 * worst], **WORST, zorder=4, clip_on=False)
    if len(values) < FEW:
        colour, _, shape = look(number)
        axes.plot(np.full(len(values), x), 100 * values, linestyle="", marker=shape, color=colour, clip_on=False)
        return
    low, first, median, third, high = (100 * quantile(values, share) for share in (0.05, 0.25, 0.5, 0.75, 0.95))
    box = {"whislo": low, "q1": first, "med": median, "q3": third, "whishi": high, "mean": 100 * values.mean()}
    thin = {"color": INK, "linewidth": 0.8}
    axes.bxp(
        [box | {"fliers": []}],
        positions=[x],
        widths=[0.8 * width],
        patch_artist=True,
        showmeans=True,
        showfliers=False,
        manage_ticks=False,
        capwidths=[0.4 * width],
        boxprops=filling(number),
        medianprops={"color": INK, "linewidth": 1.4},
        meanprops={**MEAN, "markeredgecolor": INK, "clip_on": False},
        whiskerprops=thin,
        capprops=thin,
        zorder=2,
    )


def _named(found: Robustness, groups: dict[str, Places]) -> dict[int, str]:
    """The positions that there is room to name, by their places; all truths come last, and always are."""
    positions = list(groups)
    every, last = ceil(len(positions) / MOST_NAMED), len(positions) - 1
    places = [*range(0, last - every + 1, every), last]
    names = [shorten(name, 10) for name in found.scenario.trial.dose_names]
    return {
        place: mtd if (mtd := positions[place]) in (ALL, NONE) else names[int(mtd) - 1]
        for place in dict.fromkeys(places)
    }


def _name_positions(axes: Axes, found: Robustness, groups: dict[str, Places], what: str) -> None:
    """The positions of the MTD or OBD on the horizontal axis, with the number of truths."""
    counts = [len(truths) for truths in groups.values()]
    named = _named(found, groups)
    axes.set_xticks(list(named), [f"{name}\n{counts[place]:,}" for place, name in named.items()])
    axes.tick_params(axis="x", length=0)
    axes.set_xlim(-0.55, len(counts) - 0.45)
    axes.set_xlabel(f"position of the {what}{_unit(found)}, and number of truths")


def _unit(found: Robustness) -> str:
    unit = found.scenario.trial.dose_unit
    return f" ({shorten(unit, 30)})" if unit else ""


@style()
def trade_off(found: Robustness) -> Figure:
    """Mean PCS against mean overdosing: a point for each design where the MTD is at each dose, and for all truths.

    A line joins the designs at one position. Overdosing is that of truths with a correct dose; where none is correct,
    nothing is drawn.
    """
    figure = new_figure(4.6, WIDE)
    axes, named = figure.subplots(), _named(found, found.positions())
    for place, (mtd, truths) in enumerate(found.positions().items()):
        with_mtd = found.with_mtd(truths)
        if len(with_mtd) == 0:
            continue
        means = [
            (100 * one.overdosing[with_mtd].mean(), 100 * one.pcs[truths].mean()) for one in found.expectations.values()
        ]
        colour, width, weight = (INK, 1.4, "bold") if mtd == ALL else (GREY, 0.8, "normal")
        axes.plot(*zip(*means, strict=True), color=colour, linewidth=width, zorder=2)
        for number, (x, y) in enumerate(means):
            axes.plot([x], [y], **marker(number, 7), zorder=3)
        name = named.get(place, "")
        axes.annotate(name, max(means), (7, 4), textcoords="offset points", fontsize=9, fontweight=weight)
    axes.set(xlabel="mean overdosing, % of trials", ylabel="mean PCS, %")
    axes.margins(0.08)
    axes.set_xlim(left=min(-1.0, axes.get_xlim()[0]))
    axes.set_title(f"{found.truths.description}; by the MTD{_unit(found)}", fontsize=9)
    designs = enumerate(found.expectations)
    entries = [(Line2D([], [], linestyle="", **marker(number, 7)), name) for number, name in designs]
    legend(figure, entries, loc="outside lower left")
    return figure
