"""One simulated trial, patient by patient."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from escalation.engines.course import Course
from escalation.kernels.codes import NO_DOSE, REASON_NAMES
from escalation.report.figures.style import (
    BAND,
    COLOURS,
    INK,
    SMALL,
    Entry,
    fold,
    legend,
    new_figure,
    note,
    shorten,
    style,
)
from escalation.report.wording import dose_name, months
from escalation.trial.trial import Trial

MOST_SWIMMERS = 150
"""Patients that a figure has a bar for; of more nothing could be read."""

ROW = 0.165  # inches from a patient to the next
THICK = 0.72  # of that is the bar

TOXIC: dict[str, Any] = {"marker": "X", "markersize": 6, "color": COLOURS[4], "markeredgecolor": INK}
GONE: dict[str, Any] = {"marker": "o", "markersize": 5.5, "color": "white", "markeredgecolor": INK}
AWAITED: dict[str, Any] = {"color": INK, "linewidth": 1.1}
DECISION: dict[str, Any] = {"color": INK, "linestyle": (0, (1, 2)), "linewidth": 0.9}

SHADES = LinearSegmentedColormap.from_list("doses", ["#DCEBF5", "#6AAED6", "#08306B"])
"""From the lowest dose to the highest, also in grey from light to dark."""


@style()
def swimmer(course: Course, trial: Trial, name: str) -> Figure:
    """A bar for each patient from treatment to the end of the observation, by dose; and holds and decisions.

    Where the trial waits for responses, a line goes on from the bar to the day on which the patient's is known.

    `name` is what is said of the trial above it.
    """
    patients = course.patients
    figure = new_figure(1.5 + ROW * len(patients))
    axes = figure.subplots()
    end = course.end
    for day, until in course.holds:
        axes.axvspan(day, until, color=BAND, linewidth=0, zorder=0)
    for decision in course.decisions:
        axes.axvline(decision.day, **DECISION, zorder=1)
    shades = [_shade(dose, trial.levels) for dose in range(trial.levels)]
    for row, one in enumerate(patients):
        bar: dict[str, Any] = {"color": shades[one.dose], "edgecolor": INK, "linewidth": 0.5, "zorder": 2}
        axes.barh(row, one.until - one.day, THICK, left=one.day, **bar)
        if one.answered is not None and one.answered > one.until:
            axes.plot([one.until, one.answered], [row, row], **AWAITED, zorder=1)
        if one.has_dlt or one.left:
            axes.plot([one.until], [row], **(TOXIC if one.has_dlt else GONE), zorder=3, clip_on=False)
    _name_patients(axes, course, trial)
    axes.set_xlim(0, 1.02 * end)
    axes.set_xlabel(f"days from the first arrival; the trial takes {end:.0f} days ({months(end)} months)")
    axes.set_title(fold(name, 80, 2))
    legend(figure, _entries(course, trial, shades), loc="outside upper left")
    note(figure, fold(f"Patient and dose level are on the left. {ended(course, trial)}", 95))
    return figure


def _shade(dose: int, levels: int) -> str:
    """The colour of a dose level, from 0."""
    return to_hex(SHADES(dose / max(levels - 1, 1)))


def _name_patients(axes: Axes, course: Course, trial: Trial) -> None:
    """Number and dose level of each patient, from the first at the top."""
    patients = course.patients
    names = [f"{row + 1} · {trial.level_names[one.dose]}" for row, one in enumerate(patients)]
    axes.set_yticks(range(len(patients)), [shorten(text, 16) for text in names])
    axes.tick_params(axis="y", length=0, labelsize=SMALL - 0.5)
    axes.set_ylim(len(patients) - 0.4, -0.6)


def _entries(course: Course, trial: Trial, shades: Sequence[str]) -> list[Entry]:
    """What shades and signs mean, of those that are there."""
    given = sorted({one.dose for one in course.patients})
    entries: list[Entry] = [
        (
            Patch(facecolor=shades[dose], edgecolor=INK, linewidth=0.5),
            f"dose {trial.level_names[dose]}: {dose_name(trial, dose + 1)}",
        )
        for dose in given
    ]
    for there, artist, words in (
        (any(one.has_dlt for one in course.patients), Line2D([], [], linestyle="", **TOXIC), "DLT"),
        (any(one.left for one in course.patients), Line2D([], [], linestyle="", **GONE), "left, not evaluable"),
        (any(one.answered is not None for one in course.patients), Line2D([], [], **AWAITED), "response awaited"),
        (bool(course.holds), Patch(color=BAND), "accrual held"),
        (bool(course.decisions), Line2D([], [], **DECISION), "dose decided"),
    ):
        entries += [(artist, words)] if there else []
    return entries


def ended(course: Course, trial: Trial) -> str:
    """Why the trial ended, and which dose it recommends."""
    recommended, reason = int(course.outcomes.recommended[0]), int(course.outcomes.reason[0])
    dose = "no dose" if recommended == NO_DOSE else dose_name(trial, recommended + 1)
    return f"Ended: {REASON_NAMES[reason].replace('_', ' ')}; recommended: {dose}."
