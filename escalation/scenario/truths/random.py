"""Random truths: vectors of true DLT rates, drawn so that every dose is the MTD equally often, or nearly so.

A design that does well under a few truths that its users chose may do badly under others. Three families are in use:

clertant
    The MTD is drawn, then an upper bound B = target + (1 - target) M of all rates, M ~ Beta(max(D - MTD, 1/2), 1),
    then rates, uniform on [0, B] and put in order, given that the drawn dose is the one closest to the target.
paoletti
    On the probit scale. The MTD is drawn; its rate is that of the target plus N(0, 0.05^2). Its neighbours start from
    there, or from as far on the other side of the target if that is where they belong, and go away from it by the
    square of N(mu, 0.35^2); every farther dose goes on by another such square. mu is such that the neighbours' rates
    are 0.10 from the target on average.
logistic
    Logistic curves. The position of the target rate is uniform from half a dose below the lowest to half a dose above
    the highest dose, the logarithm of the odds ratio of neighbouring doses from log 1.2 to log 6.

Sources: Clertant M, O'Quigley J (2017) Semiparametric dose finding methods. J R Stat Soc B 79:1487-1508. Paoletti X,
O'Quigley J, Maccario J (2004) Design efficiency in dose finding studies. Comput Stat Data Anal 45:197-214; as in
Liu S, Yuan Y (2015) Bayesian optimal interval designs for phase I clinical trials. J R Stat Soc C 64:507-523.
"""

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy import special

from escalation.errors import DesignError
from escalation.numbers import halved, is_whole
from escalation.trial.trial import Trial

Floats = NDArray[np.float64]

Generator = Literal["clertant", "paoletti", "logistic"]
GENERATORS: tuple[Generator, ...] = get_args(Generator)

CITED: dict[Generator, str] = {
    "clertant": "Clertant and O'Quigley 2017",
    "paoletti": "Paoletti et al. 2004",
    "logistic": "logistic curves",
}
"""What each is called on a page."""

ODDS_RATIOS = 1.2, 6.0
"""Of neighbouring doses of logistic curves. At 1.2 rates hardly rise; at 6 they go from 5 to 25 to 67 %."""

NEAR, FAR = 0.05, 0.35
"""Standard deviations, on the probit scale, of the MTD's distance from the target and of the root of a step."""

GAP = 0.10
"""Mean distance of the neighbours' rates from the target in the family of Paoletti et al."""

BLOCK = 1000
"""Truths that one stream of random numbers gives; part of what a seed means."""


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
    check_draw(count, seed)
    if generator not in GENERATORS:
        raise DesignError(f"generator: {generator!r} should be one of {', '.join(GENERATORS)}")
    draw = {"clertant": _clertant, "paoletti": _paoletti, "logistic": _logistic}[generator]
    blocks = [
        draw(np.random.default_rng([seed, block]), trial.levels, trial.target) for block in range(-(-count // BLOCK))
    ]
    return np.concatenate(blocks)[:count]


def check_draw(count: int, seed: int) -> None:
    """Refuse numbers of truths and seeds that there are not, with a DesignError."""
    for name, value, least in (("count", count, 1), ("seed", seed, 0)):
        if not is_whole(value) or value < least:
            raise DesignError(f"{name}: {value!r} should be a whole number, at least {least}")


def _clertant(stream: np.random.Generator, levels: int, target: float) -> Floats:
    mtd = stream.integers(levels, size=BLOCK)
    bound = target + (1 - target) * stream.beta(np.maximum(levels - 1 - mtd, 0.5), 1.0)
    return rates_up_to(stream, mtd, bound, levels, target)


def rates_up_to(
    stream: np.random.Generator, mtd: NDArray[np.int64], bound: Floats, levels: int, target: float
) -> Floats:
    """Rates, uniform from 0 to a bound and put in order, given which dose is the closest to the target, float64[T, D].

    The bounds, float64[T], are above the target, and the doses indices, int64[T].
    """
    at_mtd = _closest(stream, mtd, levels - 1 - mtd, target, bound)
    distance = np.abs(at_mtd - target)
    low, high = target - distance, np.minimum(target + distance, bound)
    share, dose = stream.random((len(mtd), levels)), np.arange(levels)
    below, above = low[:, None] * share, high[:, None] + (bound - high)[:, None] * share
    rates: Floats = np.where(dose < mtd[:, None], below, above)
    rates[np.arange(len(mtd)), mtd] = at_mtd
    return np.sort(rates, axis=1)


def _closest(
    stream: np.random.Generator, below: NDArray[np.int64], above: NDArray[np.int64], target: float, bound: Floats
) -> Floats:
    """The rate at the MTD when so many doses below and above it are farther from the target.

    To draw all rates until the right dose is the closest would take forever for many doses or a low target. At a
    distance u from the target, on either side, the others fit with a probability in proportion to

        (1 - u / target)^below (1 - u / (B - target))^above,

    which is at most exp(-u (below / target + above / (B - target))): u is drawn from that, until it is accepted.
    """
    if not (below + above).any():
        return bound * stream.random(len(bound))
    room = np.maximum(bound - target, 1e-12)  # a bound at the target is one for the highest dose, with none above
    speed = below / target + above / room
    rates = np.empty(len(bound))
    waiting = np.arange(len(bound))
    while len(waiting):
        pace, beyond = speed[waiting], room[waiting]
        distance = stream.standard_exponential(len(waiting)) / pace
        drawn = target + np.where(stream.random(len(waiting)) < 0.5, -distance, distance)
        fits = np.maximum(1 - distance / target, 0.0) ** below[waiting]
        fits *= np.maximum(1 - distance / beyond, 0.0) ** above[waiting]
        taken = (
            (drawn >= 0) & (drawn <= bound[waiting]) & (stream.random(len(waiting)) * np.exp(-distance * pace) < fits)
        )
        rates[waiting[taken]] = drawn[taken]
        waiting = waiting[~taken]
    return rates


def _paoletti(stream: np.random.Generator, levels: int, target: float) -> Floats:
    mtd = stream.integers(levels, size=BLOCK)
    centre = float(special.ndtri(target))
    at_mtd = centre + NEAR * stream.standard_normal(BLOCK)
    steps = (_mean_root(target) + FAR * stream.standard_normal((BLOCK, levels))) ** 2
    below, above = _sides(at_mtd, target)
    dose = np.arange(levels)
    distance = np.where(dose == mtd[:, None], 0.0, steps)
    up = np.cumsum(np.where(dose > mtd[:, None], distance, 0.0), axis=1)
    down = np.cumsum(np.where(dose < mtd[:, None], distance, 0.0)[:, ::-1], axis=1)[:, ::-1]
    probit = np.where(dose > mtd[:, None], above[:, None] + up, below[:, None] - down)
    return special.ndtr(np.where(dose == mtd[:, None], at_mtd[:, None], probit))


def _logistic(stream: np.random.Generator, levels: int, target: float) -> Floats:
    position = stream.uniform(0.5, levels + 0.5, BLOCK)
    steepness = stream.uniform(np.log(ODDS_RATIOS[0]), np.log(ODDS_RATIOS[1]), BLOCK)
    distance = np.arange(1, levels + 1) - position[:, None]
    return special.expit(special.logit(target) + steepness[:, None] * distance)


def _sides(at_mtd: Floats, target: float) -> tuple[Floats, Floats]:
    """Where doses below and above the MTD start: the MTD's probit, or as far on the other side of the target."""
    mirrored = special.ndtri(np.clip(2 * target - special.ndtr(at_mtd), 0.0, 1.0))
    return np.minimum(at_mtd, mirrored), np.maximum(at_mtd, mirrored)


def _mean_root(target: float) -> float:
    """The mean of a step's root with which the neighbours are GAP from the target, on average."""
    points, weights = np.polynomial.hermite_e.hermegauss(40)
    shares = weights / weights.sum()
    below, above = _sides(special.ndtri(target) + NEAR * points, target)

    def near(root: Floats) -> NDArray[np.bool_]:
        steps = (root[0] + FAR * points) ** 2
        low = target - special.ndtr(below[:, None] - steps)
        high = special.ndtr(above[:, None] + steps) - target
        return np.array([shares @ (low + high) @ shares / 2 < GAP])

    return float(halved(lambda root: ~near(root), np.zeros(1), np.full(1, 3.0))[0])
