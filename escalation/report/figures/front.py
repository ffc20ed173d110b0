"""What a calibration had to choose from: PCS against overdosing, or false stopping of a single dose."""

from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from escalation.report.figures.style import COLOURS, GREY, INK, LIMIT, Entry, legend, new_figure, style
from escalation.studies.calibrate import Calibration
from escalation.studies.evaluate import IN_WORDS, Assessment

COSTS = {
    "overdosing": "mean probability of overdosing, %",
    "false_stopping": "largest probability of stopping a correct dose, %",
}

WITHIN: dict[str, Any] = {"marker": "o", "color": GREY, "markersize": 4, "linestyle": "none"}
OUTSIDE: dict[str, Any] = {**WITHIN, "markerfacecolor": "white"}
POINT: dict[str, Any] = {"marker": "o", "color": COLOURS[0], "markersize": 5}
FRONT: dict[str, Any] = {**POINT, "linewidth": 1.6, "drawstyle": "steps-post"}
FRONT_OUTSIDE: dict[str, Any] = {**POINT, "markerfacecolor": "white", "linestyle": "none"}
SIGN: dict[str, Any] = {"markeredgecolor": INK, "linestyle": "none"}
OWN: dict[str, Any] = {**SIGN, "marker": "D", "color": COLOURS[1], "markersize": 10, "zorder": 4}
CHOSEN: dict[str, Any] = {**SIGN, "marker": "*", "color": COLOURS[4], "markersize": 12, "zorder": 5}


@style()
def front(found: Calibration) -> Figure:
    """Every setting as a point; the front as a line; the chosen setting and the file's own."""
    figure = new_figure(4.2)
    axes = figure.subplots()
    entries: list[Entry] = []
    inside = [one for one in found.candidates if found.admissible(one)]
    outside = [one for one in found.candidates if not found.admissible(one)]
    for settings, look, name in (
        (inside, WITHIN, "setting" if not outside else "within the limits"),
        (outside, OUTSIDE, "outside"),
        (list(found.front), FRONT, "front"),
        ([one for one in found.front if not found.admissible(one)], FRONT_OUTSIDE, None),
    ):
        if settings:
            axes.plot(*_points(found, [one.assessment for one in settings]), **look)
            if name is not None:
                entries.append((Line2D([], [], **look), name))
    for assessment, look, name in (
        (found.own, OWN, "the file's own"),
        (found.chosen and found.chosen.assessment, CHOSEN, "chosen"),
    ):
        if assessment is not None:
            axes.plot(*_points(found, [assessment]), **look)
            entries.append((Line2D([], [], **{**look, "markersize": 8}), name))
    for limit in found.limits:
        if limit.quantity == found.cost:
            axes.axvline(100 * limit.bound, **LIMIT)
            entries.append((Line2D([], [], **LIMIT), "limit"))
    axes.set_xlabel(COSTS[found.cost])
    axes.set_ylabel(f"{IN_WORDS[found.objective]}, %")
    legend(figure, entries, loc="outside upper left")
    return figure


def _points(found: Calibration, assessments: list[Assessment]) -> tuple[list[float], list[float]]:
    """Where settings are drawn, in percent."""
    return [100 * found.cost_of(one) for one in assessments], [100 * found.gain_of(one) for one in assessments]
