"""The tree of what may happen in the next cohorts."""

from collections.abc import Iterator
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from escalation.report.figures.style import BAND, GREY, INK, fold, new_figure, note, shorten, style
from escalation.report.wording import count, percent, with_unit
from escalation.running.tree import Node
from escalation.trial.joint import OUTCOMES
from escalation.trial.trial import Trial

MOST_DRAWN = 128
"""More paths than this make a drawing that nobody reads."""

LEAF = 0.27  # inches from a leaf to the next
COLUMN = 1.6  # inches from a cohort to the next
BEND = 0.17  # how far before a column, as a part of its width, lines bend towards its boxes
LETTERS = 8.5  # points of the letters in the boxes
THICKEST = 5.0  # points of an edge that is certain


class _Placed(NamedTuple):
    """A node with its place in the drawing: column, and row of leaves."""

    node: Node
    column: int
    row: float
    branches: "tuple[_Placed, ...]"


@style()
def pathways(node: Node, trial: Trial, truth: int | None = None) -> Figure:
    """The tree of dose transition pathways from a node, a column for each cohort, the branch without DLTs on top.

    `truth` is the place of the probabilities that are shown, as the width of lines and in percent.
    """
    root, leaves = _placed(node), len(list(node.leaves))
    columns = 1 + max(placed.column for placed in _all(root))
    figure = new_figure(0.7 + LEAF * leaves, max(3.0, 0.2 + COLUMN * columns))
    axes = figure.add_subplot()
    axes.set_axis_off()
    axes.set_xlim(-0.05, columns)
    axes.set_ylim(leaves - 0.4, -0.6)
    for placed in _all(root):
        _edges(axes, placed, truth)
        _box(axes, placed, trial, truth)
    names = ", ".join(f"{level} = {dose}" for level, dose in zip(trial.level_names, trial.amounts, strict=True))
    caption = f"Doses: {with_unit(names, trial)}. On the lines: {_on_lines(root)} in the cohort."
    caption += "" if truth is None else " In percent: probability of getting there."
    note(figure, fold(caption, int(15 * figure.get_figwidth()), 6))
    return figure


def _placed(node: Node, column: int = 0, row: int = 0) -> _Placed:
    """A node and its branches in their places, from a row of leaves on; a node is in the middle of its branches."""
    if not node.branches:
        return _Placed(node, column, row, ())
    branches = []
    for branch in node.branches:
        branches.append(_placed(branch, column + 1, row))
        row += len(list(branch.leaves))
    return _Placed(node, column, (branches[0].row + branches[-1].row) / 2, tuple(branches))


def _all(placed: _Placed) -> Iterator[_Placed]:
    yield placed
    for branch in placed.branches:
        yield from _all(branch)


def _edges(axes: Axes, placed: _Placed, truth: int | None) -> None:
    """Lines to the branches, each with what leads there; they begin below the box."""
    for place, branch in enumerate(placed.branches):
        probability = 0.2 if truth is None else branch.node.probability[truth]
        bend = branch.column - BEND
        across = [placed.column + 0.1, bend, bend, branch.column + 0.1]
        down = [placed.row, placed.row, branch.row, branch.row]
        width = 0.5 + THICKEST * probability
        axes.plot(across, down, color=GREY, linewidth=width, solid_joinstyle="round", zorder=1)
        plate = {"boxstyle": "round,pad=0.12", "facecolor": "white", "edgecolor": "none"}
        axes.text(
            bend + 0.08,
            branch.row,
            _seen(branch.node, place),
            ha="center",
            va="center",
            fontsize=LETTERS,
            bbox=plate,
            zorder=2,
        )


def _on_lines(root: _Placed) -> str:
    found = next((placed.node.seen for placed in _all(root) if placed.node.seen), ())
    told = {0: "DLTs", 2: "DLTs and responses", len(OUTCOMES): "neither (N), responses (E), DLTs (T) and both (B)"}
    return told[len(found)]


def _seen(node: Node, place: int) -> str:
    """What leads to a branch, from that place: its number of DLTs, and of responses, or a lot."""
    if node.seen is None:
        return str(place)
    if len(node.seen) < len(OUTCOMES):
        return ", ".join(map(str, node.seen)) or "lot"
    return "".join(letter * number for letter, number in zip(OUTCOMES, node.seen, strict=True))


def _box(axes: Axes, placed: _Placed, trial: Trial, truth: int | None) -> None:
    """What happens at a node, in a box; grey where the trial has ended."""
    node = placed.node
    text = shorten(node_text(node, trial), 34)
    if truth is not None and placed.column:
        text += f"  {percent(node.probability[truth], 0)} %"
    fill = BAND if node.reason is not None else "white"
    frame = {"boxstyle": "round,pad=0.25", "facecolor": fill, "edgecolor": INK, "linewidth": 0.7}
    axes.text(placed.column + 0.03, placed.row, text, va="center", fontsize=LETTERS, bbox=frame, zorder=3)


def node_text(node: Node, trial: Trial) -> str:
    """What happens at a node: the next cohort, or how the trial ended."""
    if node.next_dose is not None:
        return f"dose {trial.level_names[node.next_dose - 1]} · {count(node.size, 'pt')}"
    if node.tied:
        return f"dose {' or '.join(trial.level_names[dose - 1] for dose in node.tied)}, by lot"
    if node.optimal is not None:
        return f"end: OBD dose {trial.level_names[node.optimal - 1]}"
    if node.reason == "futility":
        return "end: futility"
    if node.recommended is not None:
        return f"end: RP2D dose {trial.level_names[node.recommended - 1]}"
    if node.reason == "too_toxic":
        return "stop: too toxic"
    return "end: no RP2D"
