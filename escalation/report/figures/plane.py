"""Truths in the plane of DLT and response rates: where their doses are, and what they are worth."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from escalation.report.figures.panels import parts
from escalation.report.figures.style import (
    BAND,
    COLOURS,
    GREY,
    INK,
    SMALL,
    TARGET_LINE,
    Entry,
    legend,
    shorten,
    style,
)
from escalation.report.pages.responses import optimal_dose_of
from escalation.scenario.truths.truth import Truth
from escalation.trial.efficacy import Efficacy
from escalation.trial.joint import INDEPENDENT, joint_rates
from escalation.trial.trial import Trial

LEVELS = range(10, 100, 10)
"""Mean utilities of the contours."""

POINTS = 60
"""Of the grid on which they are drawn, along each axis."""

BEYOND = 8.0
"""Points of a percent beyond the highest rate, or limit, that the axes reach."""

LETTER, LINE, DESCENT = 5.2, 10.0, 2.0
"""Width and height of a letter of a dose's name, and what of it is below its line, in points of print."""

PLACES = [(right, up) for up in (4, -12, 16, -24, 28, 40) for right in (7, -7)]
"""Where the name of a dose may stand beside its point, in points of print; to its left where the first is negative."""

CONTOUR: dict[str, Any] = {"colors": GREY, "linewidths": 0.7}


@style()
def plane(truths: Sequence[Truth], trial: Trial) -> Figure:
    """The doses of each truth by DLT and response rate, over contours of the mean utility of independent outcomes.

    Grey are rates that are not acceptable. The trial has `[trial.efficacy]`, and the truths response rates.
    """
    efficacy = trial.efficacy
    assert efficacy is not None
    figure, places, width = parts([truth.name for truth in truths], 3.1, 0.6, narrow=True)
    most = max(trial.target, efficacy.max_toxicity or 0, *(max(truth.dlt_rates) for truth in truths))
    highest = max(efficacy.min_response, *(max(truth.response_rates or ()) for truth in truths))
    ends = min(100 * most + BEYOND, 100.0), min(100 * highest + BEYOND, 100.0)
    for place, truth in zip(places, truths, strict=True):
        axes = place.subplots()
        _ground(axes, efficacy, trial, ends)
        _doses(axes, truth, trial, ends, (72 * (width - 0.8), 72 * 2.5))
        axes.set(xlim=(0, ends[0]), ylim=(0, ends[1]), xlabel="DLT rate, %", ylabel="response rate, %")
    legend(figure, list(_entries(trial)), loc="outside lower left")
    return figure


def _ground(axes: Axes, efficacy: Efficacy, trial: Trial, ends: tuple[float, float]) -> None:
    """What is not acceptable, the target, and the contours."""
    axes.axhspan(0, 100 * efficacy.min_response, color=BAND, linewidth=0, zorder=0)
    if efficacy.max_toxicity is not None:
        axes.axvspan(100 * efficacy.max_toxicity, 100, color=BAND, linewidth=0, zorder=0)
    axes.axvline(100 * trial.target, **TARGET_LINE, zorder=1)
    dlt, response = np.meshgrid(*(np.linspace(0, end, POINTS) for end in ends))
    utility = joint_rates(dlt / 100, response / 100, INDEPENDENT).mean_utility(efficacy.utility)
    lines = axes.contour(dlt, response, utility, levels=list(LEVELS), zorder=1, **CONTOUR)
    axes.clabel(lines, fmt="%g", fontsize=SMALL, inline_spacing=2)


def _doses(axes: Axes, truth: Truth, trial: Trial, ends: tuple[float, float], size: tuple[float, float]) -> None:
    """The doses of a truth, joined in their order, with their names; `size` is that of the axes in points of print."""
    assert truth.response_rates is not None
    dlt, response = ([100 * rate for rate in rates] for rates in (truth.dlt_rates, truth.response_rates))
    best, correct = optimal_dose_of(truth, trial), truth.correct_doses(trial.target)
    axes.plot(dlt, response, color=INK, linewidth=1, zorder=2)
    for dose, (x, y) in enumerate(zip(dlt, response, strict=True), 1):
        look = OPTIMAL if dose == best else CORRECT if dose in correct else OTHER
        axes.plot([x], [y], **{**look, "zorder": 4 if dose == best else 3}, clip_on=False)
        if dose == best and dose in correct:
            axes.plot([x], [y], **BOTH, zorder=5, clip_on=False)
    names = [shorten(name, 12) for name in trial.dose_names]
    at = [(x / ends[0] * size[0], y / ends[1] * size[1]) for x, y in zip(dlt, response, strict=True)]
    for dose, (right, up) in enumerate(_beside(names, at, size)):
        side = "left" if right > 0 else "right"
        weight = "bold" if dose + 1 == best else "normal"
        axes.annotate(
            names[dose],
            (dlt[dose], response[dose]),
            (right, up),
            textcoords="offset points",
            ha=side,
            fontsize=SMALL,
            fontweight=weight,
            zorder=6,
        )


def _beside(
    names: Sequence[str], at: Sequence[tuple[float, float]], size: tuple[float, float]
) -> Iterator[tuple[float, float]]:
    """Where the name of each dose stands beside its point, so that names, points, lines and borders keep clear."""
    taken = [(x - 4, y - 4, x + 4, y + 4) for x, y in at]
    for (x, y), (further, higher) in pairwise(at):
        for share in np.linspace(0, 1, 1 + int(np.hypot(further - x, higher - y) / 3)).tolist():
            across, up = x + share * (further - x), y + share * (higher - y)
            taken.append((across - 1, up - 1, across + 1, up + 1))
    for name, (x, y) in zip(names, at, strict=True):
        wide = LETTER * len(name)
        corners = [(x + right - (wide if right < 0 else 0), y + up - DESCENT) for right, up in PLACES]
        boxes = [(left, low, left + wide, low + LINE) for left, low in corners]
        clear = [_hidden(box, taken, size) for box in boxes]
        chosen = clear.index(min(clear))
        taken.append(boxes[chosen])
        yield PLACES[chosen]


def _hidden(
    box: tuple[float, float, float, float], taken: Sequence[tuple[float, ...]], size: tuple[float, float]
) -> float:
    """How much of a box is hidden by others, or outside."""
    left, low, right, high = box
    shared = sum(
        max(0.0, min(right, other[2]) - max(left, other[0])) * max(0.0, min(high, other[3]) - max(low, other[1]))
        for other in taken
    )
    inside = max(0.0, min(right, size[0]) - max(left, 0)) * max(0.0, min(high, size[1]) - max(low, 0))
    return round(shared + (right - left) * (high - low) - inside, 6)


OTHER: dict[str, Any] = {"marker": "o", "markersize": 6, "color": INK, "markerfacecolor": "white", "linestyle": ""}
CORRECT: dict[str, Any] = {**OTHER, "markerfacecolor": INK}
OPTIMAL: dict[str, Any] = {**OTHER, "marker": "*", "markersize": 14, "markerfacecolor": COLOURS[1]}
BOTH: dict[str, Any] = {**CORRECT, "markersize": 3}
"""In the star of an optimal dose which is a correct RP2D, too."""


def _entries(trial: Trial) -> Iterator[Entry]:
    """What the legend says."""
    yield Line2D([], [], **OTHER), "dose"
    yield Line2D([], [], **CORRECT), "correct RP2D"
    yield Line2D([], [], **OPTIMAL), "optimal dose"
    yield Line2D([], [], color=GREY, linewidth=0.7), "mean utility"
    yield Line2D([], [], **TARGET_LINE), "target"
    assert trial.efficacy is not None
    yield Patch(color=BAND), "not acceptable"
