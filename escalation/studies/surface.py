"""How often a design is right as the truth moves over a family of dose-toxicity curves.

A table of operating characteristics shows a design under a handful of truths. Here the truth is a logistic curve in the
dose level d, with the MTD at level m (a real number, also between levels) and odds of a DLT that grow by the factor r
from each level to the next:

    logit p_d = logit(target) + (d - m) ln r.

An enumeration does not depend on the truth, so each further curve costs one pass over the endings.
"""

from dataclasses import dataclass
from typing import Unpack

import numpy as np
from numpy.typing import NDArray
from scipy import special

from escalation.designs import Design
from escalation.errors import DesignError, StateSpaceError
from escalation.scenario.truths.random import ODDS_RATIOS
from escalation.scenario.truths.sets import TruthSet
from escalation.studies.evaluate import evaluate, whole
from escalation.studies.work.options import Work
from escalation.studies.work.pieces import EVALUATION, exact_expectations
from escalation.studies.work.refusal import Refused
from escalation.trial.rates import are_correct
from escalation.trial.trial import Trial

Floats = NDArray[np.float64]

POINTS = 60, 60
"""Positions and odds ratios."""

BEYOND_TARGET = 0.35
"""Rates of a single dose are looked at up to so much above the target."""


@dataclass(frozen=True, eq=False)
class Surface:
    """The probability of correct selection over a family of truths.

    A single dose has no levels for a curve to rise over: its family is its own rate, in one row.

    Attributes
    ----------
    trial : Trial
        As the design runs it: with the design's own expansion, if it has one.
    positions : float64[P] or None
        Where among the dose levels, from 1, a curve reaches the target. None for a single dose.
    odds_ratios : float64[R] or None
        By which the odds of a DLT grow from each level to the next. None for a single dose, where R is 1.
    rates : float64[R, P, D]
        The true DLT rates.
    correct : bool[R, P, D]
        The correct doses; none where even the lowest rate is far above the target.
    pcs : float64[R, P]
        Probability of recommending a correct dose, or none where no dose is correct.
    """

    trial: Trial
    positions: Floats | None
    odds_ratios: Floats | None
    rates: Floats
    correct: NDArray[np.bool_]
    pcs: Floats


def pcs_surface(
    design: Design,
    trial: Trial,
    *,
    points: tuple[int, int] = POINTS,
    **work: Unpack[Work],
) -> Surface:
    """The exact PCS of a design over a family of truths.

    Parameters
    ----------
    design : Design
    trial : Trial
    points : (int, int)
        Positions of the MTD, evenly from 0.5 to D + 0.5, and odds ratios, from 1.2 to 6 with equal factors between
        them. For a single dose the first is the number of true rates, evenly from 0 to 0.35 above the target.
    max_states, max_seconds, max_memory, progress, executor : optional
        As for every study; see `studies.work.options.Work`. A step is a row of points: an odds ratio.

    Raises
    ------
    DesignError
        A ValueError: fewer than two points in a direction, or a design that does not fit the trial.
    StateSpaceError
        The exact engine refuses.

    Examples
    --------
    >>> from escalation import BOIN, Trial
    >>> surface = pcs_surface(BOIN(), Trial(doses=[1, 2, 3], target=0.25, max_patients=12), points=(5, 3))
    >>> surface.pcs.shape, round(float(surface.pcs.min()), 3)
    ((3, 5), 0.222)
    """
    if len(points) != 2 or not all(isinstance(number, int) and number >= 2 for number in points):
        raise DesignError(f"points: {points!r} should be two whole numbers of at least 2")
    positions, odds_ratios, rates = _truths(trial, points)
    correct = are_correct(rates, trial.target)
    questions = [(design, trial, TruthSet("a row", (), *row)) for row in zip(rates, correct, strict=True)]
    total, evaluation = (len(rates), "rows of points"), correct.shape[0] * correct.shape[1] * EVALUATION
    found = whole(evaluate(exact_expectations, questions, total, evaluation=evaluation, **work))
    if isinstance(found, Refused):
        raise StateSpaceError(found.reason)
    pcs = np.array([row.pcs for row in found])
    return Surface(found[0].trial, positions, odds_ratios, rates, correct, pcs)


def _truths(trial: Trial, points: tuple[int, int]) -> tuple[Floats | None, Floats | None, Floats]:
    """The positions, the odds ratios, and the true rates for each pair."""
    if trial.levels == 1:
        return None, None, np.linspace(0, min(1.0, trial.target + BEYOND_TARGET), points[0])[None, :, None]
    positions = np.linspace(0.5, trial.levels + 0.5, points[0])
    odds_ratios = np.geomspace(*ODDS_RATIOS, points[1])
    distance = np.arange(1, trial.levels + 1) - positions[:, None]
    rates = special.expit(special.logit(trial.target) + np.log(odds_ratios)[:, None, None] * distance)
    return positions, odds_ratios, rates
