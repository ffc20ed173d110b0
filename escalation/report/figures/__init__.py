"""Figures, for pages and for slides. Each function takes finished results and gives a matplotlib Figure.

What is drawn does not depend on the settings of the machine: no matplotlibrc, no pyplot, no font but the one that comes
with matplotlib. `alt_text` has, under the same names, what each figure says in a sentence or two.
"""

from escalation.report.figures import alt_text as alt_text
from escalation.report.figures.bias import bias as bias
from escalation.report.figures.dose_bars import allocation as allocation
from escalation.report.figures.dose_bars import selection as selection
from escalation.report.figures.durations import duration as duration
from escalation.report.figures.durations import frontier as frontier
from escalation.report.figures.files import to_bytes as to_bytes
from escalation.report.figures.files import unknown_letters as unknown_letters
from escalation.report.figures.front import front as front
from escalation.report.figures.optimal_dose import optimal_dose as optimal_dose
from escalation.report.figures.pathways import MOST_DRAWN as MOST_DRAWN
from escalation.report.figures.pathways import pathways as pathways
from escalation.report.figures.plane import plane as plane
from escalation.report.figures.robustness import robustness as robustness
from escalation.report.figures.robustness import trade_off as trade_off
from escalation.report.figures.sample_size import sample_size as sample_size
from escalation.report.figures.size_curves import size_curves as size_curves
from escalation.report.figures.surface import surface as surface
from escalation.report.figures.svg import to_svg as to_svg
from escalation.report.figures.swimmer import MOST_SWIMMERS as MOST_SWIMMERS
from escalation.report.figures.swimmer import swimmer as swimmer
