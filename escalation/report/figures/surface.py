"""How often a design is right, as the truth moves over a family of curves."""

from collections.abc import Mapping
from math import ceil, log
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from escalation.report.figures.panels import WIDE
from escalation.report.figures.style import BAND, INK, SMALL, TARGET_LINE, legend, marker, new_figure, shorten, style
from escalation.report.wording import dose_name
from escalation.studies.surface import Floats, Surface

LINES = (20, 40, 60, 80)  # percent at which contours are drawn
TICKS = (1.2, 1.5, 2, 3, 4, 6)  # odds ratios with a tick
LINE_STYLES: tuple[Any, ...] = ("-", "--", "-.", ":")


@style()
def surface(surfaces: Mapping[str, Surface]) -> Figure:
    """The probability of correct selection: maps side by side in one scale of colours, or curves for a single dose.

    The surfaces are by the designs' labels, and all of one trial.
    """
    if next(iter(surfaces.values())).positions is None:
        return _curves(surfaces)
    columns = 2 if len(surfaces) == 4 else min(len(surfaces), 3)
    rows = ceil(len(surfaces) / columns)
    figure = new_figure(0.9 + rows * (3.0, 2.4, 2.1)[columns - 1], WIDE)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for axes in panels.flat[len(surfaces) :]:
        axes.set_axis_off()
    for number, (axes, (name, shape)) in enumerate(zip(panels.flat, surfaces.items(), strict=False)):
        axes.tick_params(axis="x", labelbottom=number >= len(surfaces) - columns)
        image = _map(axes, shape)
        axes.set_title(shorten(name, 60 // columns))
    figure.supxlabel(f"dose whose true DLT rate is {100 * shape.trial.target:g} %{_unit(shape)}", fontsize=10)
    figure.supylabel("odds ratio from a dose to the next", fontsize=10)
    scale = figure.colorbar(image, ax=panels, label="PCS, %", aspect=30, pad=0.01)
    scale.ax.hlines(LINES, 0, 1, colors=list(map(_line_colour, LINES)), linewidths=0.8)
    return figure


def _unit(shape: Surface) -> str:
    return f" ({shorten(shape.trial.dose_unit, 30)})" if shape.trial.dose_unit else ""


def _map(axes: Axes, shape: Surface) -> AxesImage:
    """One design's map, with contours within each region, and the regions' borders."""
    assert shape.positions is not None
    assert shape.odds_ratios is not None
    x, y = shape.positions, np.log(shape.odds_ratios)
    across, up = (x[1] - x[0]) / 2, (y[1] - y[0]) / 2
    extent = (x[0] - across, x[-1] + across, y[0] - up, y[-1] + up)
    image = axes.imshow(
        100 * shape.pcs, "cividis", vmin=0, vmax=100, origin="lower", aspect="auto", extent=extent, interpolation="none"
    )
    region = regions(shape)
    for number in range(region.max() + 1):
        inside = np.ma.masked_where(region != number, 100 * shape.pcs)
        levels = [level for level in LINES if inside.min() < level < inside.max()]
        if levels:
            axes.contour(x, y, inside, levels, colors=list(map(_line_colour, levels)), linewidths=0.8)
    nothing = ~shape.correct.any(axis=2)
    if nothing.any():
        up_there, there = np.argwhere(nothing).mean(axis=0).round().astype(int)
        colour = _line_colour(100 * shape.pcs[nothing].mean())
        axes.text(x[there], y[up_there], "none", color=colour, rotation=90, ha="center", va="center", fontsize=SMALL)
    for colour, width in (("white", 2.6), (INK, 1.2)):
        axes.plot(*_borders(region, x, y), color=colour, linewidth=width, solid_capstyle="projecting")
    axes.set(xlim=extent[:2], ylim=extent[2:])
    ticks = [tick for tick in TICKS if y[0] - up <= log(tick) <= y[-1] + up]
    axes.set_yticks([log(tick) for tick in ticks], [f"{tick:g}" for tick in ticks])
    _name_levels(axes, shape)
    return image


def _line_colour(percent: float) -> str:
    """Of a contour or letters: light where the map is dark."""
    return "white" if percent < 50 else INK


def _name_levels(axes: Axes, shape: Surface) -> None:
    """The dose levels on the horizontal axis, as many as there is room for."""
    names = [shorten(name, 8) for name in shape.trial.dose_names]
    every = ceil(len(names) * max(map(len, names)) / 24)
    axes.set_xticks(range(1, len(names) + 1, every), names[::every])


def regions(shape: Surface) -> NDArray[np.intp]:
    """Numbers from 0, the same where the same doses are correct, int[R, P]."""
    _, found = np.unique(shape.correct.reshape(-1, shape.trial.levels), axis=0, return_inverse=True)
    return found.reshape(shape.pcs.shape)


def _borders(region: NDArray[np.intp], x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Lines between neighbouring points of different regions, as coordinates with gaps."""
    across, up = (x[1] - x[0]) / 2, (y[1] - y[0]) / 2
    lines = []
    for row, column in np.argwhere(region[:, 1:] != region[:, :-1]):
        lines += [(x[column] + across, y[row] - up), (x[column] + across, y[row] + up), (np.nan, np.nan)]
    for row, column in np.argwhere(region[1:] != region[:-1]):
        lines += [(x[column] - across, y[row] + up), (x[column] + across, y[row] + up), (np.nan, np.nan)]
    along, height = np.array(lines).reshape(-1, 2).T
    return along, height


def _curves(surfaces: Mapping[str, Surface]) -> Figure:
    """For a single dose: PCS against its true rate; what is correct changes where the lines break."""
    figure = new_figure(3.6 + 0.12 * len(surfaces))
    axes = figure.subplots()
    entries = []
    first = next(iter(surfaces.values()))
    rates, accepted = 100 * first.rates[0, :, 0], first.correct[0, :, 0]
    for number, (name, shape) in enumerate(surfaces.items()):
        line = marker(number, 5.5, linewidth=1.8, linestyle=LINE_STYLES[number % len(LINE_STYLES)])
        entries.append((Line2D([], [], **line), name))
        for part in (accepted, ~accepted):
            axes.plot(rates[part], 100 * shape.pcs[0, part], markevery=(number % 6, 6), **line)
    if not accepted.all():
        axes.axvspan(rates[~accepted][0], rates[-1], color=BAND, linewidth=0, zorder=0)
        axes.text(rates[-1], 1, "correct: none", ha="right", fontsize=SMALL)
    axes.text(0, 1, "correct: the dose", fontsize=SMALL)
    axes.axvline(100 * first.trial.target, **TARGET_LINE)
    axes.set(xlim=(rates[0], rates[-1]), ylim=(0, 101), ylabel="PCS, %")
    axes.set_xlabel(shorten(f"true DLT rate of {dose_name(first.trial, 1)}, %", 60))
    legend(figure, entries, loc="outside upper left")
    return figure
