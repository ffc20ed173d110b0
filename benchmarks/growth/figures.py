"""Growth as pictures: time and memory over size, on logarithmic scales, a panel for each axis."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

from benchmarks.growth.axes import EXACT, Axis
from benchmarks.growth.campaign import Point
from benchmarks.growth.tables import Series, measured
from benchmarks.units import duration, memory
from escalation.report.figures.files import to_bytes
from escalation.report.figures.style import SMALL, look, new_figure, style

PANEL = 4.2
"""Inches of a panel's width: at 400 pixels its letters have 10 pixels."""

HEIGHT = 2.7
"""Inches of its height."""

LOOKS = {"3+3": 0, "boin": 1, "crm": 2}
"""The designs' colours and markers: those that they have in the figures of the LUCAR-DKS1 scenario."""

APART = 0.08
"""Sizes are labelled that are so far apart, as a share of the axis."""

MEMORY_FLOOR = 1e6
"""Less memory is not drawn."""


def time_figure(found: dict[Axis, dict[Series, list[Point]]]) -> bytes:
    """Time over size."""
    title = "Time, on logarithmic scales. A line ends where a size was refused or would have taken too long."
    picture = _panels(found, title, lambda point: point.seconds, duration, 0.0)
    return to_bytes(picture, "svg", "Time over size", time_in_words(found))


def memory_figure(found: dict[Axis, dict[Series, list[Point]]]) -> bytes:
    """Memory over size."""
    title = "Peak memory, on logarithmic scales. Less than 1 MB is not drawn."
    picture = _panels(found, title, lambda point: point.extra_bytes, memory, MEMORY_FLOOR)
    return to_bytes(picture, "svg", "Memory over size", memory_in_words(found))


def time_in_words(found: dict[Axis, dict[Series, list[Point]]]) -> str:
    """What the figure of time shows."""
    return f"Time of both engines over the size of the problem, on logarithmic scales: {_units(found)}."


def memory_in_words(found: dict[Axis, dict[Series, list[Point]]]) -> str:
    """What the figure of memory shows."""
    return f"Peak memory of both engines over the size of the problem, on logarithmic scales: {_units(found)}."


def _units(found: dict[Axis, dict[Series, list[Point]]]) -> str:
    return "; ".join(axis.unit for axis in found)


def _panels(
    found: dict[Axis, dict[Series, list[Point]]],
    title: str,
    value: Callable[[Point], float],
    written: Callable[[float], str],
    floor: float,
) -> Figure:
    """A figure with a panel for each axis that has anything above the floor."""
    drawn: dict[Axis, dict[Series, list[tuple[int, float]]]] = {}
    for axis, series in found.items():
        for name, points in series.items():
            line = [(point.size, value(point)) for point in measured(points) if value(point) > floor]
            if line:
                drawn.setdefault(axis, {})[name] = line
    with style():
        columns = min(2, max(1, len(drawn)))
        rows = -(-max(1, len(drawn)) // columns)
        figure = new_figure(rows * HEIGHT + 0.8, columns * PANEL)
        figure.suptitle(title, fontsize=SMALL + 1, x=0.01, horizontalalignment="left")
        panels = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes, (axis, lines) in zip(panels, drawn.items(), strict=False):
            for name, line in lines.items():
                _line(axes, name, line)
            _scales(axes, axis, [size for line in lines.values() for size, _ in line], written)
        for axes in panels[len(drawn) :]:
            axes.set_axis_off()
        names = dict.fromkeys(name for lines in drawn.values() for name in lines)
        handles = [Line2D([], [], label=" ".join(name), **_look(name)) for name in names]
        figure.legend(handles=handles, loc="outside lower center", ncols=3)
    return figure


def _line(axes: Axes, name: Series, line: list[tuple[int, float]]) -> None:
    sizes, values = zip(*line, strict=True)
    axes.plot(sizes, values, clip_on=False, **_look(name))


def _look(name: Series) -> dict[str, Any]:
    """Solid and filled for the exact engine, dashed and hollow for the simulating one; a marker for each design."""
    engine, design = name
    colour, _, marker = look(LOOKS[design])
    is_exact = engine == EXACT
    return {
        "color": colour,
        "marker": marker,
        "markersize": 5.5,
        "linewidth": 1.4,
        "linestyle": "-" if is_exact else "--",
        "markerfacecolor": colour if is_exact else "white",
    }


def _scales(axes: Axes, axis: Axis, sizes: list[int], written: Callable[[float], str]) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_major_locator(FixedLocator(labelled([size for size in axis.sizes if size in sizes])))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda size, _: f"{size:,.0f}" if size < 1e6 else f"{size / 1e6:g}M"))
    axes.xaxis.set_minor_locator(NullLocator())
    low, high = np.log10(axes.dataLim.intervaly)
    axes.set_ylim(10 ** np.floor(low), 10 ** max(np.ceil(high), np.floor(low) + 1))
    axes.yaxis.set_major_locator(LogLocator(numticks=6))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: written(value).replace(".0 ", " ")))
    axes.tick_params(labelsize=SMALL)
    axes.grid(axis="y", linewidth=0.4)
    axes.set_title(axis.unit)
    if axis.sizes[0] > axis.sizes[-1]:
        axes.invert_xaxis()


def labelled(sizes: Sequence[int]) -> list[int]:
    """The sizes that have room for a label on a logarithmic axis; the last always has."""
    whole = abs(np.log(sizes[-1] / sizes[0]))
    kept = [sizes[-1]]
    for size in reversed(sizes[:-1]):
        if abs(np.log(kept[-1] / size)) > APART * whole:
            kept.append(size)
    return kept[::-1]
