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

Source: Neuenschwander B, Branson M, Gsponer T (2008) Stat Med 27:2420-2439 (the model); Stenger F (1993) Numerical
Methods Based on Sinc and Analytic Functions. Springer.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy import special

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


class Scale(NamedTuple):
    """A smooth increasing scale of a parameter, on which a grid has its points at the whole numbers."""

    sparse: float  # points per unit of the parameter outside the intervals
    dense: float  # inside
    intervals: list[tuple[float, float]]  # low and high; they do not overlap
    softness: float  # width of the change between the two

    def at(self, value: Floats) -> Floats:
        """Values of the parameter on the scale."""
        scaled = self.sparse * value
        for low, high in self.intervals:
            inside = np.logaddexp(0, (value - low) / self.softness) - np.logaddexp(0, (value - high) / self.softness)
            scaled = scaled + (self.dense - self.sparse) * self.softness * inside
        return scaled

    def density(self, value: Floats) -> Floats:
        """Points per unit of the parameter: the derivative of the scale."""
        density = np.full(value.shape, self.sparse)
        for low, high in self.intervals:
            inside = special.expit((value - low) / self.softness) - special.expit((value - high) / self.softness)
            density += (self.dense - self.sparse) * inside
        return density

    def points(self, low: float, high: float) -> Floats:
        """The grid points from low to high, by Newton's method."""
        # The density hardly changes between neighbours of this start, so that no step goes astray.
        start = np.linspace(low, high, int(np.ceil(10 * (high - low) / self.softness)) + 2)
        scaled = self.at(start)
        whole = np.arange(np.ceil(scaled[0]), np.floor(scaled[-1]) + 1)
        points: Floats = np.interp(whole, scaled, start)
        for _ in range(6):
            points = points - (self.at(points) - whole) / self.density(points)
        return points


def logistic_grid(doses: Floats, prior: BivariateNormal, limits: Sequence[float], max_patients: int) -> LogisticGrid:
    """Curves that carry every posterior a trial of this size can give.

    The doses are x, float64[D], logarithms of the doses divided by the reference dose, increasing; the limits are the L
    DLT rates above which probabilities are wanted.
    """
    cuts = special.logit(np.array(limits))
    reach = _reach(doses, prior, max_patients)
    lines = _lines(doses, prior, cuts, max_patients)
    c = lines.points(prior.mean[1] - reach * prior.sd[1], prior.mean[1] + reach * prior.sd[1])
    parts = [_line(doses, prior, cuts, max_patients, at, reach) for at in c.tolist()]
    a, log_prior, log_width, above = (np.concatenate(part, axis=-1) for part in zip(*parts, strict=True))
    c = np.concatenate([np.full(len(part[0]), at) for part, at in zip(parts, c, strict=True)])
    log_width -= np.log(lines.density(c))

    logit = a + np.multiply.outer(doses, np.exp(c))
    log_dlt, log_no_dlt = -np.logaddexp(0, -logit), -np.logaddexp(0, logit)
    matters = log_prior >= log_prior.max() - DROP
    for log_likelihood in _extreme_data(log_dlt, log_no_dlt, max_patients):
        log_posterior = log_prior + log_likelihood
        matters |= np.any(log_posterior >= log_posterior.max(axis=1, keepdims=True) - DROP, axis=0)
    log_weight = (log_prior + log_width)[matters]
    return LogisticGrid(log_dlt[:, matters], log_no_dlt[:, matters], log_weight, above[..., matters])


def _reach(doses: Floats, prior: BivariateNormal, max_patients: int) -> float:
    """Distance from the prior mean, in prior standard deviations, beyond which no data move the posterior.

    There the prior alone is lower than the posterior at the prior mean by more than the drop.
    """
    logit = prior.mean[0] + np.exp(prior.mean[1]) * doses
    return float(np.sqrt(2 * (DROP + max_patients * np.logaddexp(0, np.abs(logit)).max())))


def _lines(doses: Floats, prior: BivariateNormal, cuts: Floats, max_patients: int) -> Scale:
    """The scale of c on which the lines are equally spaced."""
    logit = np.linspace(-20, 20, 4001)
    information = special.expit(logit) * special.expit(-logit) * np.square(logit - cuts[:, None])
    farthest = np.abs(cuts - prior.mean[0]).max()

    # Precision of c along a curve in (a, c): that of the prior, when a changes by so much with a unit of c.
    def precision(change: float) -> float:
        drift = abs(prior.correlation) * prior.sd[0] / prior.sd[1]
        return float(prior.sd[1] ** -2 + ((change + drift) / prior.sd_on_line) ** 2)

    apart = np.abs(np.append(np.subtract.outer(doses, doses), doses))
    apart = apart[apart > 0]
    intervals = []
    if len(apart):
        widest = max(APART[1], farthest + 3 * prior.sd_on_line)
        intervals = [(float(np.log(APART[0] / apart.max())), float(np.log(widest / apart.min())))]
    sparse = max(np.sqrt(precision(0.0)), 1 / OWN_SD[1])
    dense = np.sqrt(precision(farthest) + max_patients * information.max())
    return Scale(sparse / ACROSS, max(sparse, dense) / ACROSS, intervals, SOFTNESS[1])


def _line(
    doses: Floats, prior: BivariateNormal, cuts: Floats, max_patients: int, c: float, reach: float
) -> tuple[Floats, Floats, Floats, Floats]:
    """One line: a, log prior density, log spacing, and the weights of the part above each limit at each dose."""
    sd, mean, z = prior.sd_on_line, prior.mean_on_line(c), (c - prior.mean[1]) / prior.sd[1]
    half = sd * np.sqrt(max(reach**2 - z**2, 0.0))
    middle = -np.exp(c) * doses  # where each dose has a rate of one half
    sparse = 1 / min(sd, OWN_SD[0])
    dense = max(sparse, np.sqrt(sd**-2 + max_patients / 4))
    low, high = mean - half, mean + half
    # Intervals far outside would only add huge constants to the scale, and their rounding errors.
    near = np.clip(np.sort(middle), low - FAR, high + FAR)
    ends = np.flatnonzero(near[1:] - LOGITS > near[:-1] + LOGITS) + 1  # the others overlap with the next
    intervals = [(float(part[0] - LOGITS), float(part[-1] + LOGITS)) for part in np.split(near, ends)]
    scale = Scale(sparse / ALONG, dense / ALONG, intervals, SOFTNESS[0])
    a = scale.points(low, high)
    log_prior = -(z**2) / 2 - ((a - mean) / sd) ** 2 / 2
    # As `curves.tail_weights`, on a scale whose points are one apart.
    above = 0.5 - special.sici(np.pi * (scale.at(cuts[:, None] + middle)[..., None] - scale.at(a)))[0] / np.pi
    return a, log_prior, -np.log(scale.density(a)), above


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
