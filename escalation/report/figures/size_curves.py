"""How PCS grows with the size of a trial."""

from collections.abc import Callable, Iterator
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from escalation.report.figures.style import GREY, INK, LIMIT, legend, marker, new_figure, style
from escalation.studies.evaluate import IN_WORDS, Assessment
from escalation.studies.size import SizeSearch

EMPTY: dict[str, Any] = {"markersize": 5.5, "markerfacecolor": "white"}
HOLLOW: dict[str, Any] = {**EMPTY, "marker": "o", "markeredgecolor": INK, "linestyle": "none"}
BENCHMARK: dict[str, Any] = {"color": GREY, "linestyle": ":", "linewidth": 1.6}


@style()
def size_curves(found: SizeSearch) -> Figure:
    """PCS against the maximum number of patients, a line for each design; below it overdosing, if it is limited.

    Points are filled where the size is large enough.
    """
    figure = new_figure(6.0 if found.limits else 4.0)
    panels = figure.subplots(2 if found.limits else 1, 1, sharex=True, squeeze=False)[:, 0]
    _lines(panels[0], found, lambda one: 100 * one.objective(found.objective))
    panels[0].axhline(100 * found.pcs, **LIMIT)
    panels[0].set_ylabel(f"{IN_WORDS[found.objective]}, %")
    if found.benchmark:
        panels[0].plot(list(found.benchmark), [100 * pcs for pcs in found.benchmark.values()], **BENCHMARK)
    if found.limits:
        _lines(panels[1], found, lambda one: 100 * (one.overdosing or 0.0))
        panels[1].axhline(100 * found.limits[0].bound, **LIMIT)
        panels[1].set_ylabel("overdosing, %")
    panels[-1].set_xlabel("maximum number of patients")
    panels[-1].xaxis.set_major_locator(MaxNLocator(9, integer=True))
    entries = [(Line2D([], [], **look), name) for look, name in _looks(found)]
    legend(figure, entries, loc="outside upper left")
    return figure


def _lines(axes: Axes, found: SizeSearch, height: Callable[[Assessment], float]) -> None:
    for number, curve in enumerate(found.known):
        sizes, line = list(curve.assessments), _line(number)
        heights = [height(one) for one in curve.assessments.values()]
        axes.plot(sizes, heights, **{**line, **EMPTY})
        enough = [place for place, one in enumerate(curve.assessments.values()) if found.enough(one)]
        filled = [sizes[place] for place in enough], [heights[place] for place in enough]
        axes.plot(*filled, **{**line, "linestyle": "none"})


def _line(number: int) -> dict[str, Any]:
    return marker(number, 5.5, linewidth=1.6)


def _looks(found: SizeSearch) -> Iterator[tuple[dict[str, Any], str]]:
    """How lines are drawn, and what they are called."""
    yield from ((_line(number), curve.design) for number, curve in enumerate(found.known))
    yield HOLLOW, "not enough"
    yield LIMIT, "wanted, limit" if found.limits else "wanted"
    if found.benchmark:
        yield BENCHMARK, "optimal benchmark"
