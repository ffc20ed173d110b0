"""Random truths: vectors of true DLT rates, drawn so that every dose is the MTD equally often.

A design that does well under a few truths that its users chose may do badly under others. Three families are in use:

clertant
    The MTD is drawn, then an upper bound B = target + (1 - target) M of all rates with M ~ Beta(max(D - mtd, 0.5), 1),
    then rates, uniform on [0, B] and in order, until the drawn dose is the one closest to the target.
paoletti
    On the probit scale. The MTD's rate is that of the target plus N(0, 0.05^2). Its neighbours first go to the other side
    of the target, if they are not there, and then away from it by the square of N(mu, 0.35^2); each farther dose goes on
    by another such square.
logistic
    Two-parameter logistic curves: the position of the target rate uniform over half a dose below the lowest to half a dose
    above the highest, the logarithm of the odds ratio of neighbouring doses uniform from log 1.2 to log 6.

Sources: Clertant M, O'Quigley J (2017) Semiparametric dose finding methods. J R Stat Soc B 79:1487-1508. Paoletti X,
O'Quigley J, Maccario J (2004) Design efficiency in dose finding studies. Comput Stat Data Anal 45:197-214, in the form of
Liu S, Yuan Y (2015) Bayesian optimal interval designs for phase I clinical trials. J R Stat Soc C 64:507-523.
"""

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy import special

from escalation.errors import DesignError
from escalation.trial import Trial

Floats = NDArray[np.float64]

Generator = Literal["clertant", "paoletti", "logistic"]
GENERATORS: tuple[Generator, ...] = get_args(Generator)

STEEPNESS = 1.2, 6.0
"""Odds ratios of neighbouring doses of logistic curves, from nearly flat to steep."""

NEAR, FAR = 0.05, 0.35
"""Standard deviations, on the probit scale, of the MTD's distance from the target and of a step's square root."""

STEP = 0.60
"""Mean square root of a step between doses, on the probit scale."""


def random_truths(generator: Generator, trial: Trial, *, count: int, seed: int = 0) -> Floats:
    """Draw truths for a trial.

    Parameters
    ----------
    generator : {"clertant", "paoletti", "logistic"}
    trial : Trial
        Its dose levels and target.
    count : int
        At least 1.
    seed : int
        Not negative.

    Returns
    -------
    float64[count, D]
        True DLT rates, not decreasing along doses. The first n are the same whatever the count.

    Raises
    ------
    DesignError
        A ValueError: an argument is out of range.

    Examples
    --------
    >>> from escalation import Trial
    >>> random_truths("clertant", Trial(doses=[1, 2, 3], target=0.25, max_patients=18), count=1000).shape
    (1000, 3)
    """
    for name, value, least in (("count", count, 1), ("seed", seed, 0)):
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise DesignError(f"{name}: {value!r} should be a whole number, at least {least}")
    if generator not in GENERATORS:
        raise DesignError(f"generator: {generator!r} should be one of {', '.join(GENERATORS)}")
    draw = {"clertant": _clertant, "paoletti": _paoletti, "logistic": _logistic}[generator]
    blocks = [
        draw(np.random.default_rng([seed, block]), trial.levels, trial.target) for block in range(-(-count // BLOCK))
    ]
    return np.concatenate(blocks)[:count]


BLOCK = 1000
"""Truths that one stream of random numbers gives; part of what a seed means."""


def _clertant(stream: np.random.Generator, levels: int, target: float) -> Floats:
    mtd = stream.integers(levels, size=BLOCK)
    bound = target + (1 - target) * stream.beta(np.maximum(levels - 1 - mtd, 0.5), 1.0)
    rates = np.empty((BLOCK, levels))
    waiting = np.arange(BLOCK)
    while len(waiting):
        drawn = np.sort(stream.random((len(waiting), levels)), axis=1) * bound[waiting, None]
        rates[waiting] = drawn
        waiting = waiting[np.abs(drawn - target).argmin(axis=1) != mtd[waiting]]
    return rates


def _paoletti(stream: np.random.Generator, levels: int, target: float) -> Floats:
    mtd = stream.integers(levels, size=BLOCK)
    centre = float(special.ndtri(target))
    at_mtd = centre + NEAR * stream.standard_normal(BLOCK)
    steps = (STEP + FAR * stream.standard_normal((BLOCK, levels))) ** 2
    # The MTD stays the closest: what is on its side of the target goes to the other one, as far from it, and beyond.
    mirrored = special.ndtri(np.clip(2 * target - special.ndtr(at_mtd), 0.0, 1.0))
    below, above = np.minimum(at_mtd, mirrored), np.maximum(at_mtd, mirrored)
    dose = np.arange(levels)
    distance = np.where(dose == mtd[:, None], 0.0, steps)
    up = np.cumsum(np.where(dose > mtd[:, None], distance, 0.0), axis=1)
    down = np.cumsum(np.where(dose < mtd[:, None], distance, 0.0)[:, ::-1], axis=1)[:, ::-1]
    probit = np.where(dose > mtd[:, None], above[:, None] + up, below[:, None] - down)
    rates: Floats = special.ndtr(np.where(dose == mtd[:, None], at_mtd[:, None], probit))
    return rates


def _logistic(stream: np.random.Generator, levels: int, target: float) -> Floats:
    position = stream.uniform(0.5, levels + 0.5, BLOCK)
    steepness = stream.uniform(*np.log(STEEPNESS), BLOCK)
    distance = np.arange(1, levels + 1) - position[:, None]
    rates: Floats = special.expit(special.logit(target) + steepness[:, None] * distance)
    return rates
