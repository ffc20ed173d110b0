"""Two-parameter logistic dose-toxicity curves, and the grid of parameters that stands for their posterior.

logit p_d = a + exp(c) x_d, x_d = log(dose_d / reference dose); (a, c), the log odds at the reference dose and the log
slope, have a bivariate normal prior.

The grid is a set of lines of constant c with points along a. On a line p_d is above a limit from one point on, so that
the probability of that is, on each line, a sum with the weights of `curves.tail_weights`; sums over equally spaced
points of smooth functions that vanish at both ends converge exponentially, along the lines and across them.

What has to be resolved is fine in some places only. Along a line it is the likelihood: n patients determine a to
2/sqrt(n) where a dose has a rate near one half, and hardly at all where every dose has a rate near 0 or 1. Across the
lines it is the ridge on which data determine one dose, and where it meets the limit of another: at distance
z = exp(c) |x_j - x_d| apart on the logit scale, n patients determine c to 1/sqrt(n z^2 p_j (1 - p_j)). Points are
therefore dense in intervals and sparse elsewhere: equally spaced on a scale that is a smooth function of the parameter.

Where data contradict the prior by many of its standard deviations, ridges are steeper than that, and a single patient
may move the posterior by many times its width. What lines have to resolve is therefore looked at under some extreme
data, and points are kept that only data in between make matter.

Source: Neuenschwander B, Branson M, Gsponer T (2008) Stat Med 27:2420-2439 (the model); Stenger F (1993) Numerical
Methods Based on Sinc and Analytic Functions. Springer.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, special

from escalation.numbers import Floats

# Spacing along and across lines, in standard deviations of the narrowest posterior. Tails take a finer grid than whole
# lines: they need all frequencies of the integrand, a sum over the line only the lowest.
ALONG = 0.45
ACROSS = 0.65
# The curves' own scale: sparse points are no sparser than for a prior with these standard deviations.
OWN_SD = (2.0, 1.0)
# Along a line points are dense where some dose's logit is within this of 0; the change takes about SOFTNESS.
LOGITS = 4.0
SOFTNESS = (1.5, 1.0)
# A dense interval this far away is not felt any more.
FAR = 60.0
# Lines are dense where the logits of some two doses, or of a dose and the reference dose, are this far apart.
APART = (1.0, 9.0)
# A point is left out when under all data the log posterior there is this far below its peak.
DROP = 22.0
# Where points are looked for at all: by so much more below.
SPARE = 8.0
# Lines are close enough where a sum over them is wrong by no more than exp(-NEGLIGIBLE).
NEGLIGIBLE = 20.0
# More lines are taken only where what is needed surpasses what there is by such factors: for the density of c, and for
# P(p_d > limit | c), of which the worst is assumed. Under weak priors neither does.
ENOUGH = (1.05, 1.25)
# Points at which the posteriors of c are looked at.
SCAN = 33
# No posterior has a log slope as large; exp of it, and the square of that, are still numbers.
STEEPEST = 100.0
# Shares of patients with a DLT at which data are tried.
SHARES = np.linspace(0, 1, 11)


class BivariateNormal(NamedTuple):
    """The prior of (a, c)."""

    mean: tuple[float, float]
    sd: tuple[float, float]
    correlation: float

    @property
    def sd_on_line(self) -> float:
        """Standard deviation of a given c."""
        return float(self.sd[0] * np.sqrt(1 - self.correlation**2))

    def mean_on_line(self, c: float) -> float:
        """Mean of a given c."""
        return self.mean[0] + self.correlation * self.sd[0] * (c - self.mean[1]) / self.sd[1]


class LogisticGrid(NamedTuple):
    """Curves that carry every posterior a trial can give."""

    log_dlt: Floats  # float64[D, G]: log probability of a DLT at each dose under each curve
    log_no_dlt: Floats  # of none
    log_weight: Floats  # float64[G]: logarithm of the prior weight of each curve, to an additive constant
    above: Floats  # float64[L, D, G]: P(p_d >= limit | data) is the posterior mean of above[limit, d]


class Dense(NamedTuple):
    """An interval in which a grid has more points."""

    low: float
    high: float
    more: float  # points per unit of the parameter
    softness: float  # width of the change at its ends


class Scale(NamedTuple):
    """A smooth increasing scale of a parameter, on which a grid has its points at the whole numbers."""

    sparse: float  # points per unit of the parameter outside the intervals
    intervals: list[Dense]

    def at(self, value: Floats) -> Floats:
        """Values of the parameter on the scale."""
        scaled = self.sparse * value
        for low, high, more, softness in self.intervals:
            inside = np.logaddexp(0, (value - low) / softness) - np.logaddexp(0, (value - high) / softness)
            scaled = scaled + more * softness * inside
        return scaled

    def density(self, value: Floats) -> Floats:
        """Points per unit of the parameter: the derivative of the scale."""
        density = np.full(value.shape, self.sparse)
        for low, high, more, softness in self.intervals:
            density += more * (special.expit((value - low) / softness) - special.expit((value - high) / softness))
        return density

    def points(self, low: float, high: float) -> Floats:
        """The grid points from low to high, by Newton's method."""
        # The density hardly changes between neighbours of this start, so that no step goes astray.
        softness = min((interval.softness for interval in self.intervals), default=high - low)
        start = np.linspace(low, high, int(np.ceil(10 * (high - low) / softness)) + 2)
        scaled = self.at(start)
        whole = np.arange(np.ceil(scaled[0]), np.floor(scaled[-1]) + 1)
        points: Floats = np.interp(whole, scaled, start)
        for _ in range(6):
            points = points - (self.at(points) - whole) / self.density(points)
        return points


def between(doses: Floats, prior: BivariateNormal, rates: tuple[float, float]) -> float:
    """Largest prior probability, of any dose, that its DLT rate is between two."""
    z = np.linspace(-9, 9, 1801)
    weight = np.exp(-(z**2) / 2)
    c = prior.mean[1] + z * prior.sd[1]
    logit = prior.mean[0] + prior.correlation * prior.sd[0] * z + np.multiply.outer(doses, np.exp(c))
    low, high = (special.ndtr((cut - logit) / prior.sd_on_line) for cut in special.logit(np.array(rates)))
    return float(((high - low) @ weight).max() / weight.sum())


def logistic_grid(doses: Floats, prior: BivariateNormal, limits: Sequence[float], max_patients: int) -> LogisticGrid:
    """Curves that carry every posterior a trial of this size can give.

    The doses are x, float64[D], logarithms of the doses divided by the reference dose, increasing; the limits are the L
    DLT rates above which probabilities are wanted.
    """
    cuts = special.logit(np.array(limits))
    reach, lines, ends = _outline(tuple(doses.tolist()), prior, tuple(limits), max_patients)
    c = lines.points(*ends)
    parts = [_line(doses, prior, cuts, max_patients, at, reach) for at in c.tolist()]
    a, log_prior, log_width, above = (np.concatenate(part, axis=-1) for part in zip(*parts, strict=True))
    c = np.concatenate([np.full(len(part[0]), at) for part, at in zip(parts, c, strict=True)])
    log_width -= np.log(lines.density(c))

    logit = a + np.multiply.outer(doses, np.exp(c))
    log_dlt, log_no_dlt = -np.logaddexp(0, -logit), -np.logaddexp(0, logit)
    matters = _matters(log_dlt, log_no_dlt, log_prior, max_patients)
    log_weight = (log_prior + log_width)[matters]
    return LogisticGrid(log_dlt[:, matters], log_no_dlt[:, matters], log_weight, above[..., matters])


def grid_size(doses: Floats, prior: BivariateNormal, limits: Sequence[float], max_patients: int) -> float:
    """About how many curves `logistic_grid` would look at, before it leaves out those that no data make matter."""
    reach, lines, ends = _outline(tuple(doses.tolist()), prior, tuple(limits), max_patients)
    c = np.linspace(*ends, 2 * SCAN)
    along = [_along(doses, prior, max_patients, at, reach) for at in c.tolist()]
    points = [np.diff(scale.at(np.array(between)))[0] for scale, between in along]
    return float(np.trapezoid(np.array(points) * lines.density(c), c))


@lru_cache(maxsize=16)
def _outline(
    doses: tuple[float, ...], prior: BivariateNormal, limits: tuple[float, ...], max_patients: int
) -> tuple[float, Scale, tuple[float, float]]:
    """The reach, and the scale and ends of the lines: asked for the size and again for the grid."""
    x = np.array(doses)
    reach = _reach(x, prior, max_patients)
    return reach, *_lines(x, prior, special.logit(np.array(limits)), max_patients, reach)


def _reach(doses: Floats, prior: BivariateNormal, max_patients: int) -> float:
    """Distance from the prior mean, in prior standard deviations, beyond which no data move the posterior.

    There the prior alone is lower, by more than the drop, than the posterior somewhere nearer.
    """
    z = np.linspace(-60, 0, 241)
    c = prior.mean[1] + z * prior.sd[1]
    middle = prior.mean[0] + prior.correlation * prior.sd[0] * z
    lowest = np.inf
    for a in (middle, np.zeros_like(c)):  # the likeliest a, and rates of one half where the slope is small
        farthest = np.abs(a + np.multiply.outer(doses, np.exp(c))).max(axis=0)
        cost = z**2 / 2 + ((a - middle) / prior.sd_on_line) ** 2 / 2 + max_patients * np.logaddexp(0, farthest)
        lowest = min(lowest, float(cost.min()))
    return float(np.sqrt(2 * (DROP + lowest)))


def _lines(
    doses: Floats, prior: BivariateNormal, cuts: Floats, max_patients: int, reach: float
) -> tuple[Scale, tuple[float, float]]:
    """The scale of c on which the lines are equally spaced, and the first and the last c that matters."""
    logit = np.linspace(-20, 20, 4001)
    information = special.expit(logit) * special.expit(-logit) * np.square(logit - cuts[:, None])
    farthest = np.abs(cuts - prior.mean[0]).max()

    # Precision of c along a curve in (a, c): that of the prior, when a changes by so much with a unit of c.
    def precision(change: float) -> float:
        drift = abs(prior.correlation) * prior.sd[0] / prior.sd[1]
        return float(prior.sd[1] ** -2 + ((change + drift) / prior.sd_on_line) ** 2)

    apart = np.abs(np.append(np.subtract.outer(doses, doses), doses))
    apart = apart[apart > 0]
    sparse = max(np.sqrt(precision(0.0)), 1 / OWN_SD[1]) / ACROSS
    intervals = []
    if len(apart):
        dense = np.sqrt(precision(farthest) + max_patients * information.max()) / ACROSS
        widest = max(APART[1], farthest + 3 * prior.sd_on_line)
        low, high = float(np.log(APART[0] / apart.max())), float(np.log(widest / apart.min()))
        intervals = [Dense(low, high, max(dense - sparse, 0.0), SOFTNESS[1])]
    scale = Scale(sparse, intervals)

    # Which c matter is seen only where they fill a good part of the scan.
    away = reach * prior.sd[1]
    ends, found = (prior.mean[1] - away, min(prior.mean[1] + away, STEEPEST)), False
    while not found:
        c = np.linspace(*ends, SCAN)
        height, ridge, crossing = _needed(doses, prior, cuts, max_patients, c)
        some = np.flatnonzero(height >= -DROP - SPARE)
        found = 3 * (some[-1] - some[0]) >= SCAN
        ends = float(c[max(some[0] - 1, 0)]), float(c[min(some[-1] + 1, SCAN - 1)])
    density = scale.density(c)
    if np.any(ridge > ENOUGH[0] * density) or np.any(crossing > ENOUGH[1] * density):
        # The reach of what is needed at one c is short under a narrow prior: no longer than lines are apart without it.
        softness = SOFTNESS[1] * min(1.0, 2 * prior.sd[1])
        c, step = np.linspace(*ends, max(2 * SCAN, int(np.ceil((ends[1] - ends[0]) / softness)) + 1), retstep=True)
        _, ridge, crossing = _needed(doses, prior, cuts, max_patients, c)
        around = int(np.ceil(3 * softness / step))
        widely = ndimage.maximum_filter1d(np.maximum(ridge, crossing), 2 * around + 1, mode="nearest")
        more = np.maximum(widely - scale.density(c), 0)
        lowest = c - step / 2
        intervals += [
            Dense(at, at + step, points, softness)
            for at, points in zip(lowest.tolist(), more.tolist(), strict=True)
            if points > 0
        ]
    return Scale(sparse, intervals), ends


class Few(NamedTuple):
    """Data at one or two doses each."""

    at: NDArray[np.int64]  # int[2, K], doses
    patients: Floats  # float64[2, K]
    dlts: Floats  # float64[2, K]


def _few(doses: int, max_patients: int) -> Few:
    """Data that bring out what a grid has to resolve."""
    rows: list[tuple[float, ...]] = [(0, 0, 0, 0, 0, 0)]
    for dose in range(doses):
        rows += [(dose, dose, 1, 0, y, 0) for y in (0, 1)]
        rows += [(dose, dose, max_patients, 0, share * max_patients, 0) for share in (0, 0.1, 0.5, 0.9, 1)]
    half, others = max_patients / 2, max_patients - 1
    for low, high in {*pairwise(range(doses)), (0, doses - 1)} if doses > 1 else ():
        rows += [(low, high, half, half, one * half, two * half) for one in (0, 0.5, 1) for two in (0, 0.5, 1)]
        rows += [(low, high, others, 1, one * others, y) for one in (0, 1) for y in (0, 1)]
        rows += [(low, high, 1, others, y, two * others) for y in (0, 1) for two in (0, 1)]
    table = np.array(rows, dtype=np.float64).T
    return Few(table[:2].astype(np.int64), table[2:4], table[4:])


def _needed(
    doses: Floats, prior: BivariateNormal, cuts: Floats, max_patients: int, c: Floats
) -> tuple[Floats, Floats, Floats]:
    """What has to be resolved at each c under some extreme data, as if a were normal on each line.

    How near the log density of c comes to its peak under any of them; the lines per unit of c that this density needs
    under any; and those that P(p_d > limit | c) needs where it goes from 0 to 1.
    """
    at, n, y = _few(len(doses), max_patients)
    n, y = n[:, None], y[:, None]
    sd, drift = prior.sd_on_line, prior.correlation * prior.sd[0] / prior.sd[1]
    z = ((c - prior.mean[1]) / prior.sd[1])[:, None]
    middle = prior.mean[0] + drift * prior.sd[1] * z
    slopes = np.multiply.outer(doses, np.exp(c))
    given = np.moveaxis(slopes[at], 1, 2)  # float64[2, C, K]

    low, high = middle - sd**2 * (n - y).sum(axis=0) - 1e-9, middle + sd**2 * y.sum(axis=0) + 1e-9
    a, last = np.broadcast_to(middle, low.shape), high - low
    for _ in range(60):
        rate = special.expit(a + given)
        information = n * rate * (1 - rate)
        slope = (y - n * rate).sum(axis=0) - (a - middle) / sd**2
        curvature = information.sum(axis=0) + sd**-2
        step = slope / curvature
        if np.all(np.abs(step) * np.sqrt(curvature) < 1e-2):
            break
        low, high = np.where(slope > 0, a, low), np.where(slope > 0, high, a)
        newton = (a + step > low) & (a + step < high) & (np.abs(step) < last / 2)
        last = np.where(newton, np.abs(step), high - low)
        a = np.where(newton, a + step, (low + high) / 2)
    logit = a + given
    lost = (n * np.logaddexp(0, logit) - y * logit).sum(axis=0)
    height = -(((a - middle) / sd) ** 2) / 2 - z**2 / 2 - lost - np.log(curvature) / 2
    highest = (height + np.log(curvature) / 2).max(axis=0)
    height -= height.max(axis=0)
    mixed = drift / sd**2 - (information * given).sum(axis=0)
    across = ((n * rate - y) * given + information * given**2).sum(axis=0)
    across += (drift / sd) ** 2 + prior.sd[1] ** -2 - mixed**2 / curvature

    crossing = np.zeros(len(c))
    for dose in range(len(doses)):
        # Data at other doses than these tell less of this one than some of these do.
        telling = np.isin(at, [0, dose - 1, dose, dose + 1, len(doses) - 1]).all(axis=0)
        apart, some = doses[at[:, telling]] - doses[dose], (n[..., telling], y[..., telling])
        for cut in cuts:
            found = _crossing(doses[dose], cut, apart, *some, prior, c, highest[telling])
            crossing = np.maximum(crossing, found)
    return height.max(axis=1), _lines_for(across, height).max(axis=1), crossing


def _lines_for(precision: Floats, height: Floats) -> Floats:
    """Lines per unit of c that a sum needs, of what has this precision and this log height below its peak.

    Equally spaced by h the sum is wrong by exp(height - 2 pi^2 / (h^2 precision)).
    """
    return np.sqrt(np.maximum(precision, 0) * np.maximum(NEGLIGIBLE + height, 0) / (2 * np.pi**2))


def _crossing(
    dose: float, cut: float, apart: Floats, n: Floats, y: Floats, prior: BivariateNormal, c: Floats, highest: Floats
) -> Floats:
    """Lines per unit of c that P(p_d > limit | c) needs at each c.

    It changes by the density on the curve in (a, c) on which p_d is the limit, whose peak there may be narrow.
    """
    sd, drift = prior.sd_on_line, prior.correlation * prior.sd[0] / prior.sd[1]

    def density(c: Floats, apart: Floats, n: Floats, y: Floats) -> tuple[Floats, Floats, Floats]:
        slope = np.exp(c)
        a, z = cut - dose * slope, (c - prior.mean[1]) / prior.sd[1]
        off, change = a - prior.mean[0] - drift * prior.sd[1] * z, -dose * slope - drift
        log = -((off / sd) ** 2) / 2 - z**2 / 2
        first = -off * change / sd**2 - z / prior.sd[1]
        second = -(change**2 - off * dose * slope) / sd**2 - prior.sd[1] ** -2
        logit = cut + apart * slope
        small = np.exp(-np.abs(logit))
        rate = np.where(logit > 0, 1, small) / (1 + small)
        log = log + (y * logit - n * (np.maximum(logit, 0) + np.log1p(small))).sum(axis=0)
        pull = (y - n * rate) * apart * slope
        first = first + pull.sum(axis=0)
        second = second + (pull - n * rate * (1 - rate) * (apart * slope) ** 2).sum(axis=0)
        return log, first, second

    log, first, second = density(c[:, None], apart[:, None], n, y)
    needed = _lines_for(-second, log - highest).max(axis=1)
    at, data = np.nonzero((first[:-1] > 0) & (first[1:] <= 0))
    low, high = c[at], c[at + 1]
    few = apart[:, data], n[:, 0, data], y[:, 0, data]
    for _ in range(15):
        middle = (low + high) / 2
        log, first, second = density(middle, *few)
        low, high = np.where(first > 0, middle, low), np.where(first > 0, high, middle)
    peaks = _lines_for(-second, log - highest[data])
    np.maximum.at(needed, at, peaks)
    np.maximum.at(needed, at + 1, peaks)
    return needed


def _along(
    doses: Floats, prior: BivariateNormal, max_patients: int, c: float, reach: float
) -> tuple[Scale, tuple[float, float]]:
    """The scale of a on one line, and the first and the last a that may matter there."""
    sd, mean, z = prior.sd_on_line, prior.mean_on_line(c), (c - prior.mean[1]) / prior.sd[1]
    half = sd * np.sqrt(max(reach**2 - z**2, 0.0))
    middle = -np.exp(c) * doses  # where each dose has a rate of one half
    sparse = 1 / min(sd, OWN_SD[0])
    dense = max(sparse, np.sqrt(sd**-2 + max_patients / 4))
    # The likeliest a after any data is between the prior's and those at which rates are so near to 0 and 1 that the
    # data pull no more; from there on the density falls as the prior's does.
    pull, fall = np.log1p(max_patients * sd), (np.sqrt(2 * (DROP + SPARE)) + 1) * sd
    low = max(mean - half, min(mean, middle.min() - pull) - fall, mean - max_patients * sd**2 - fall)
    high = min(mean + half, max(mean, middle.max() + pull) + fall, mean + max_patients * sd**2 + fall)
    # Intervals far outside would only add huge constants to the scale, and their rounding errors.
    near = np.clip(np.sort(middle), low - FAR, high + FAR)
    ends = np.flatnonzero(near[1:] - LOGITS > near[:-1] + LOGITS) + 1  # the others overlap with the next
    intervals = [
        Dense(float(part[0] - LOGITS), float(part[-1] + LOGITS), (dense - sparse) / ALONG, SOFTNESS[0])
        for part in np.split(near, ends)
    ]
    return Scale(sparse / ALONG, intervals), (low, high)


def _line(
    doses: Floats, prior: BivariateNormal, cuts: Floats, max_patients: int, c: float, reach: float
) -> tuple[Floats, Floats, Floats, Floats]:
    """One line: a, log prior density, log spacing, and the weights of the part above each limit at each dose."""
    scale, ends = _along(doses, prior, max_patients, c, reach)
    a = scale.points(*ends)
    z = (c - prior.mean[1]) / prior.sd[1]
    log_prior = -(z**2) / 2 - ((a - prior.mean_on_line(c)) / prior.sd_on_line) ** 2 / 2
    # As `curves.tail_weights`, on a scale whose points are one apart.
    middle = cuts[:, None] - np.exp(c) * doses
    above = 0.5 - special.sici(np.pi * (scale.at(middle)[..., None] - scale.at(a)))[0] / np.pi
    return a, log_prior, -np.log(scale.density(a)), above


def _matters(log_dlt: Floats, log_no_dlt: Floats, log_prior: Floats, max_patients: int) -> NDArray[np.bool_]:
    """Whether some data leave a point within the drop of the peak of the log posterior."""
    found = log_prior >= log_prior.max() - DROP
    for log_likelihood in _extreme_data(log_dlt, log_no_dlt, max_patients):
        log_posterior = log_prior + log_likelihood
        found |= np.any(log_posterior >= log_posterior.max(axis=1, keepdims=True) - DROP, axis=0)

    # Where a single patient moves the posterior by more than its width there are data in between.
    outcomes = np.concatenate([log_dlt, log_no_dlt])

    def left(patients: Floats) -> NDArray[np.bool_]:
        log_posterior = log_prior + patients @ outcomes
        return log_posterior >= log_posterior.max() - DROP

    corners = [np.zeros(len(outcomes)), *(max_patients * np.eye(len(outcomes)))]
    at_corners = [left(corner) for corner in corners]
    ways = [
        (corners[i], at_corners[i], corners[k], at_corners[k], float(max_patients))
        for i in range(len(corners))
        for k in range(i)
    ]
    while ways:
        first, at_first, last, at_last, between = ways.pop()
        if between > 1 and not np.any(at_first & at_last):
            middle = (first + last) / 2
            at_middle = left(middle)
            found |= at_middle
            ways += [(first, at_first, middle, at_middle, between / 2), (middle, at_middle, last, at_last, between / 2)]
    return found


def _extreme_data(log_dlt: Floats, log_no_dlt: Floats, max_patients: int) -> Iterator[Floats]:
    """Log likelihoods, float64[shares, G] each, of data that move the posterior farthest, with any shares of DLTs.

    All patients at one dose, or half of them at each of two neighbours or at the lowest and the highest dose.
    """
    half = max_patients / 2
    likelihood = [
        half * (np.outer(SHARES, dlt) + np.outer(1 - SHARES, no_dlt))
        for dlt, no_dlt in zip(log_dlt, log_no_dlt, strict=True)
    ]
    yield from (2 * at_dose for at_dose in likelihood)
    for low, high in [*pairwise(likelihood), (likelihood[0], likelihood[-1])]:
        yield from (low + with_share for with_share in high)
