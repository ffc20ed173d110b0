"""Figures, for pages and for slides. Each function takes finished results and gives a matplotlib Figure.

What is drawn does not depend on the settings of the machine: no matplotlibrc, no pyplot, no font but the one that comes
with matplotlib. `alt_text` has, under the same names, what each figure says in a sentence or two.
"""

from escalation.report.figures import alt_text
from escalation.report.figures.bias import bias
from escalation.report.figures.dose_bars import allocation, selection
from escalation.report.figures.files import to_bytes, unknown_letters
from escalation.report.figures.front import front
from escalation.report.figures.pathways import MOST_DRAWN, pathways
from escalation.report.figures.robustness import robustness, trade_off
from escalation.report.figures.sample_size import sample_size
from escalation.report.figures.size_curves import size_curves
from escalation.report.figures.surface import surface
from escalation.report.figures.svg import to_svg

__all__ = [
    "MOST_DRAWN",
    "allocation",
    "alt_text",
    "bias",
    "front",
    "pathways",
    "robustness",
    "sample_size",
    "selection",
    "size_curves",
    "surface",
    "to_bytes",
    "to_svg",
    "trade_off",
    "unknown_letters",
]
