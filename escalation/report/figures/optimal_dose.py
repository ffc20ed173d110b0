"""Which dose is recommended and which is chosen as the optimal one, below what the doses are worth."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from escalation.report.figures.panels import band, dose_axis, fits_half, names_of_truths, parts
from escalation.report.figures.style import (
    BAND,
    COLOURS,
    INK,
    Entry,
    filling,
    legend,
    note_simulated,
    shorten,
    style,
    write_above,
)
from escalation.report.pages.exposures import optimal_choice
from escalation.report.pages.responses import optimal_dose_of
from escalation.report.pages.run import by_truth, label
from escalation.report.wording import mean, percent
from escalation.studies.run import Result
from escalation.trial.trial import Trial

HOLLOW: dict[str, Any] = {"facecolor": "white", "edgecolor": INK, "linewidth": 0.8}
"""Bars of the RP2D; those of the optimal dose have the look of their design."""

STAR: dict[str, Any] = {"marker": "*", "markersize": 12, "markerfacecolor": COLOURS[1]}
OTHER: dict[str, Any] = {"marker": "o", "markersize": 5, "markerfacecolor": "white"}
"""Points of the optimal dose of a truth, and of the others."""

THICK = 0.4  # of the way from a dose to the next


@style()
def optimal_dose(results: Sequence[Result], trial: Trial) -> Figure:
    """Selection of the RP2D and of the optimal dose below the mean utilities; of several truths a part for each.

    A panel for each design. The truths have response rates, and the trial `[trial.efficacy]`.
    """
    truths = by_truth(results)
    designs = max(map(len, truths))
    figure, places, width = parts(names_of_truths(truths), 1.5 + 1.35 * designs, 0.5, fits_half(trial, 2))
    for place, group in zip(places, truths, strict=True):
        top, *below = place.subplots(1 + designs, 1, sharex=True, height_ratios=[1.0] + [1.2] * designs)
        best = optimal_dose_of(group[0].truth, trial)
        _utilities(top, group[0], trial, best)
        for number, (axes, result) in enumerate(zip(below, group, strict=False)):
            _bars(axes, result, number, width)
        for axes in (top, *below):
            band(axes, trial.levels if best is None else best - 1)
            axes.tick_params(axis="x", length=0)
        dose_axis(below[-1], trial, group[0].correct_doses, width, none=True)
    entries: list[Entry] = [(Patch(**HOLLOW), "RP2D"), (Patch(**filling(0)), "optimal dose (OBD)")]
    entries += [(Patch(color=BAND), "truth's OBD"), (Line2D([], [], linestyle=""), "* correct RP2D")]
    if note := note_simulated(results):
        entries.append((Line2D([], [], linestyle=""), note))
    legend(figure, entries, loc="outside lower left")
    return figure


def _utilities(axes: Axes, result: Result, trial: Trial, best: int | None) -> None:
    """The mean utility of each dose; a star for the optimal one."""
    efficacy, joint = trial.efficacy, result.truth.joint
    assert efficacy is not None
    assert joint is not None
    worth = joint.mean_utility(efficacy.utility).tolist()
    axes.plot(range(trial.levels), worth, color=INK, linewidth=1, zorder=2)
    for dose, value in enumerate(worth):
        look = STAR if dose + 1 == best else OTHER
        axes.plot([dose], [value], color=INK, zorder=3, clip_on=False, **look)
        if trial.levels <= 12:
            write_above(axes, mean(value), dose, value, points=7)
    axes.set_ylim(0, 140)
    axes.set_yticks([0, 50, 100])
    axes.set_ylabel("mean\nutility", fontsize=9)
    axes.tick_params(axis="x", labelbottom=False)


def _bars(axes: Axes, result: Result, number: int, width: float) -> None:
    """How often a design recommends each dose, or none, and how often it chooses each, or none, as the optimal one."""
    oc = result.best
    every: list[tuple[list[float], dict[str, Any]]] = [([*oc.selection, oc.no_selection], HOLLOW)]
    choice, is_drawn = optimal_choice(result)
    if choice is not None and choice.obd_selection is not None and choice.no_obd is not None:
        none = min(sum(choice.no_obd.values()), 1.0)
        every.append(([*choice.obd_selection, none], filling(number)))
    for part, (shares, look) in enumerate(every):
        shift = (part - (len(every) - 1) / 2) * THICK
        heights = [100 * share for share in shares]
        axes.bar([column + shift for column in range(len(shares))], heights, THICK, zorder=2, **look)
        texts = [percent(share, 0) if share else "" for share in shares]
        if 0.075 * max(map(len, texts)) <= THICK * (width - 0.8) / len(shares):
            for column, (height, text) in enumerate(zip(heights, texts, strict=True)):
                write_above(axes, text, column + shift, height)
    axes.set(ylim=(0, 115), ylabel="% of trials")
    axes.set_yticks([0, 50, 100])
    chooses = " (chooses no OBD)" if choice is None else " (OBD simulated)" if is_drawn and result.exact else ""
    axes.set_title(f"{shorten(label(result), 24)}{chooses}", fontsize=9)
