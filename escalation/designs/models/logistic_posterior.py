"""The posterior of the two-parameter logistic model after the data of one trial.

The grid of `logistic_grid` carries every posterior that a trial can give; here one is enough, and its place and width
are known. The model is the one described there: logit p_d = a + exp(c) x_d.

Given c, the posterior of a is log-concave. It is cut off where it has fallen far below its peak, and its distribution
function is a polynomial through Chebyshev points, so that P(p_d > limit | c) is known for any limit. Across c sums over
equally spaced lines converge exponentially; the spacing is halved until nothing that is asked for changes any more, so
that a limit which needs finer lines gets them, and no other. Where a prior or a dose is so far away that P(p_d > limit
| c) is all but a step, the posterior of c is cut into pieces, and those with steps are halved.

Source: Trefethen LN (2013) Approximation Theory and Approximation Practice. SIAM (Chebyshev points); Trefethen LN,
Weideman JAC (2014) SIAM Review 56:385-458 (equally spaced sums); Clenshaw CW, Curtis AR (1960) Numer Math 2:197-205
(the pieces).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from escalation.designs.models.logistic_grid import STEEPEST, BivariateNormal
from escalation.numbers import Floats

# Densities are left out where their logarithm is this far below the peak.
DROP = 30.0
# Points along a line, for each OWN_SD that a may vary by on it: a normal density cut off at such a drop, or a step of
# the likelihood somewhere on a line as long as that, is then a polynomial to some 1e-11.
POINTS = 96
OWN_SD = 2.5
# Lines across the posterior of c at first, and where they are no longer halved but added where they are needed.
FIRST = 33
MOST = 1025
# Largest change from one spacing to half of it. The error is smaller, as a rule by far: some 1e-8 at most is left.
CHANGE = 1e-7
# A step is what changes by more between two lines; it may be there where they carry no more of the posterior than this.
STEP = 0.4
UNSEEN = 1e-7
# Pieces of the posterior of c at first, and the largest change of a settled one.
PIECES = 16
CHANGE_OF_PIECE = 1e-9
# Points at which the place of the posterior of c is looked for, time and again until a third of them is in it.
SCAN = 65
# Coefficients of a distribution function that are smaller than this on every line are rounding errors.
NEXT_TO_NOTHING = 1e-15
# Quantiles of a normal distribution that stand for it where about right is enough, each for an eighth.
STEPS = special.ndtri((np.arange(8) + 0.5) / 8)


class Nodes(NamedTuple):
    """Chebyshev points on [-1, 1], and what becomes of values there."""

    at: Floats  # float64[P]
    whole: Floats  # float64[P]: to the integral over all


@lru_cache(maxsize=4)
def nodes(points: int) -> Nodes:
    """So many Chebyshev points."""
    angle = np.pi * (np.arange(points) + 0.5) / points
    return Nodes(np.cos(angle), integrals(np.eye(points)).sum(axis=0))


def integrals(values: Floats) -> Floats:
    """Coefficients, float64[P + 1, L], of the integrals from -1 of polynomials through Chebyshev points, float64[L, P].

    The coefficients of the polynomials themselves are cosine sums over the points. A Fourier transform has them all at
    once, and without the threads of a product of matrices, which take longer to end than one so small takes.
    """
    points = values.shape[1]
    folded = np.concatenate([values[:, ::2], values[:, 1::2][:, ::-1]], axis=1)
    turn = np.exp(-0.5j * np.pi * np.arange(points) / points)
    terms = np.zeros((points + 2, len(values)))
    terms[:points] = (np.fft.fft(folded) * turn).real.T * (2 / points)
    found = np.empty((points + 1, len(values)))
    found[1:] = (terms[:points] - terms[2:]) / (2 * np.arange(1, points + 1)[:, None])
    signs = 1 - 2 * (np.arange(1, points + 1) % 2)
    found[0] = -np.einsum("k,kl->l", signs, found[1:])
    return found


class Piece(NamedTuple):
    """Clenshaw and Curtis's rule on [-1, 1], ends included, and that with every other point."""

    at: Floats  # float64[P]
    whole: Floats  # float64[P], weights
    half: Floats  # float64[P // 2 + 1]


def clenshaw_curtis(points: int) -> Floats:
    """Weights of values at cos(pi k / points), k from 0 to points, an even number, in the integral over [-1, 1]."""
    even = np.arange(0, points + 1, 2)
    moments = 2 / (1 - even**2.0)
    moments[[0, -1]] /= 2
    weights = np.cos(np.pi * np.outer(np.arange(points + 1), even) / points) @ moments * (2 / points)
    weights[[0, -1]] /= 2
    return weights


PIECE = Piece(np.cos(np.pi * np.arange(17) / 16), clenshaw_curtis(16), clenshaw_curtis(8))


@dataclass(frozen=True, eq=False)
class Lines:
    """The posterior along lines of constant c."""

    c: Floats  # float64[L]
    low: Floats  # float64[L], where each line begins, in a
    length: Floats  # float64[L], half of it
    log_mass: Floats  # float64[L], log of the density of c, to a constant
    share: Floats  # float64[L, P], of the line's mass, at its nodes
    below: Floats  # float64[P + 1, L], coefficients of the distribution function of a


class LogisticPosterior:
    """Probabilities, means and quantiles of the DLT rates after counts at each dose.

    Parameters
    ----------
    doses : float64[D]
        Logarithms of the doses divided by the reference dose, increasing.
    prior : BivariateNormal
    patients, dlts : int[D]
    """

    def __init__(
        self, doses: Floats, prior: BivariateNormal, patients: NDArray[np.integer], dlts: NDArray[np.integer]
    ) -> None:
        given = np.flatnonzero(patients)
        self._doses, self._prior = doses, prior
        self._at, self._patients, self._dlts = doses[given], patients[given], dlts[given]
        self._nodes = nodes(POINTS * int(np.ceil(prior.sd_on_line / OWN_SD)))
        self._lines = self._line(np.linspace(*self._reach(), FIRST))

    def above(self, limits: Floats, doses: NDArray[np.integer]) -> Floats:
        """P(rate > limit | data) of pairs of a limit and the index of a dose, float64[K] each."""
        cuts, x = special.logit(limits), self._doses[doses]
        return 1 - self._mean(lambda lines: _below(lines, cuts - np.multiply.outer(np.exp(lines.c), x)))

    def rates(self) -> Floats:
        """Posterior mean of each dose's rate, float64[D]."""

        def along(lines: Lines) -> Floats:
            a = lines.low[:, None] + lines.length[:, None] * (1 + self._nodes.at)
            shift = np.multiply.outer(np.exp(lines.c), self._doses)
            means = [
                (special.expit(a[part, None] + shift[part, :, None]) * lines.share[part, None]).sum(axis=-1)
                for part in np.array_split(np.arange(len(a)), 1 + a.size * len(self._doses) // 10**6)
            ]
            return np.concatenate(means)

        return self._mean(along)

    def near_quantiles(self, shares: Floats) -> Floats:
        """About the quantiles of each dose's rate, float64[K, D], as if a were normal on each line; to look from."""
        lines = self._lines
        a = lines.low[:, None] + lines.length[:, None] * (1 + self._nodes.at)
        middle = (lines.share * a).sum(axis=1, keepdims=True)
        sd = np.sqrt((lines.share * (a - middle) ** 2).sum(axis=1, keepdims=True))
        some = (middle + sd * STEPS).ravel()
        mass = np.repeat(np.exp(lines.log_mass - lines.log_mass.max()), len(STEPS))
        logits = some + np.multiply.outer(self._doses, np.repeat(np.exp(lines.c), len(STEPS)))
        order = np.argsort(logits, axis=1)
        reached = np.cumsum(mass[order], axis=1) >= shares[:, None, None] * mass.sum()
        first = np.argmax(reached, axis=-1)
        doses = np.arange(len(self._doses))
        return special.expit(logits[doses, order[doses, first]])

    def _mean(self, along: Callable[[Lines], Floats]) -> Floats:
        """Posterior means, float64[K], of what lines say, float64[L, K]; lines are halved until they settle."""
        values = along(self._lines)
        while True:
            mass = np.exp(self._lines.log_mass - self._lines.log_mass.max())
            found: Floats = np.einsum("l,lk->k", mass, values) / mass.sum()
            every: Floats = np.einsum("l,lk->k", mass[::2], values[::2]) / mass[::2].sum()
            if np.abs(found - every).max() <= CHANGE and not _steps(mass, values):
                return found
            if len(mass) >= MOST:
                return self._by_pieces(along)
            between = self._line((self._lines.c[:-1] + self._lines.c[1:]) / 2)
            values = _woven(values, along(between), axis=0)
            self._lines = _together(self._lines, between)

    def _by_pieces(self, along: Callable[[Lines], Floats]) -> Floats:
        """Posterior means as `_mean`, of what changes so steeply somewhere that lines are needed there only.

        Pieces of the posterior of c are halved until sums with and without every other line are the same.
        """
        c, highest = self._lines.c, self._lines.log_mass.max()
        enough = np.exp(self._lines.log_mass - highest).sum() * (c[1] - c[0]) * CHANGE_OF_PIECE
        ends = np.linspace(c[0], c[-1], PIECES + 1)
        low, high = ends[:-1], ends[1:]
        sums: Floats = np.zeros(1)
        while len(low):
            length = (high - low) / 2
            lines = self._line((low[:, None] + length[:, None] * (1 + PIECE.at)).ravel())
            values = along(lines)
            carried = np.concatenate([np.ones((len(values), 1)), values], axis=1)
            carried *= (np.exp(lines.log_mass - highest) * np.repeat(length, len(PIECE.at)))[:, None]
            carried = carried.reshape(len(low), len(PIECE.at), -1)
            whole = np.einsum("l,plk->pk", PIECE.whole, carried)
            half = np.einsum("l,plk->pk", PIECE.half, carried[:, ::2])
            settled = np.abs(whole - half).max(axis=1) <= enough
            sums = sums + whole[settled].sum(axis=0)
            low, high = low[~settled], high[~settled]
            middle = (low + high) / 2
            low, high = np.concatenate([low, middle]), np.concatenate([middle, high])
        return sums[1:] / sums[0]

    def _reach(self) -> tuple[float, float]:
        """Where the posterior of c is: the ends of what has not fallen far below its peak."""
        mean, sd = self._prior.mean[1], self._prior.sd[1]
        # Data that contradict the prior are the less unlikely, the smaller the slope.
        level = self._log_mass(mean - sd * np.arange(0.0, 61.0, 4.0)).max()
        # A density of a is less than that of its peak times its width, which is at most the prior's.
        reach = np.sqrt(2 * (DROP + max(-level, 0.0))) + 1
        c = np.linspace(mean - reach * sd, min(mean + reach * sd, STEEPEST), SCAN)
        while True:
            log = self._log_mass(c)
            carried = np.flatnonzero(log >= log.max() - DROP)
            first, last = max(carried[0] - 1, 0), min(carried[-1] + 1, len(c) - 1)
            if 3 * (last - first) >= SCAN:
                return float(c[first]), float(c[last])
            c = np.linspace(c[first], c[last], SCAN)

    def _middle(self, c: Floats) -> Floats:
        """The prior mean of a on each line."""
        mean, sd = self._prior.mean, self._prior.sd
        return mean[0] + self._prior.correlation * sd[0] / sd[1] * (c - mean[1])

    def _log_mass(self, c: Floats) -> Floats:
        """The log density of c, to a constant, as if a were normal on each line."""
        peak = self._peak(c)
        height, (_, curvature) = self._log_density(peak[:, None], c), self._slopes(peak[:, None], c)
        return height[:, 0] - np.log(-curvature[:, 0]) / 2 - np.log(self._prior.sd_on_line)

    def _log_density(self, a: Floats, c: Floats) -> Floats:
        """Log density, to a constant, at a, float64[L, P], on lines c, float64[L]."""
        z = (a - self._middle(c)[:, None]) / self._prior.sd_on_line
        log: Floats = -(z**2) / 2 - ((c[:, None] - self._prior.mean[1]) / self._prior.sd[1]) ** 2 / 2
        for x, n, y in zip(self._at, self._patients, self._dlts, strict=True):
            logit = a + np.exp(c)[:, None] * x
            log += y * logit - n * (np.maximum(logit, 0) + np.log1p(np.exp(-np.abs(logit))))
        return log

    def _slopes(self, a: Floats, c: Floats) -> tuple[Floats, Floats]:
        """Two derivatives by a of the log density."""
        sd = self._prior.sd_on_line
        slope, curvature = -(a - self._middle(c)[:, None]) / sd / sd, np.full(a.shape, -(sd**-2))
        for x, n, y in zip(self._at, self._patients, self._dlts, strict=True):
            logit = a + np.exp(c)[:, None] * x
            small = np.exp(-np.abs(logit))
            rate = np.where(logit > 0, 1, small) / (1 + small)
            slope += y - n * rate
            curvature -= n * rate * (1 - rate)
        return slope, curvature

    def _peak(self, c: Floats) -> Floats:
        """The likeliest a on each line: Newton's method, and halving where that leaves the bracket or is slow."""
        mean, variance = self._middle(c), self._prior.sd_on_line**2
        dlts, others = self._dlts.sum(), (self._patients - self._dlts).sum()
        low, high = mean - variance * others - 1e-9, mean + variance * dlts + 1e-9
        a = np.clip(mean, low, high)
        last = high - low
        for _ in range(80):
            slope, curvature = (part[:, 0] for part in self._slopes(a[:, None], c))
            low, high = np.where(slope > 0, a, low), np.where(slope > 0, high, a)
            step = -slope / curvature
            if np.all(np.abs(step) * np.sqrt(-curvature) < 1e-3):
                break
            newton = (a + step > low) & (a + step < high) & (np.abs(step) < last / 2)
            last = np.where(newton, np.abs(step), high - low)
            a = np.where(newton, a + step, (low + high) / 2)
        return a

    def _ends(self, c: Floats, peak: Floats) -> tuple[Floats, Floats]:
        """Where the density on each line has fallen by the drop.

        Newton's method from outside: tangents of a concave function lie above it, so that it never comes inside.
        """
        highest = self._log_density(peak[:, None], c)
        reach = self._prior.sd_on_line * np.sqrt(2 * DROP) * np.array([-1.0, 1.0])
        mean = self._middle(c)[:, None]
        # The likelihood is concave: from its peak on the prior alone makes the density fall at least as fast.
        ends = peak[:, None] + reach + np.zeros_like(mean)
        for _ in range(30):
            excess = highest - DROP - self._log_density(ends, c)
            if np.all(excess < 2):
                break
            ends = np.where(excess > 0, ends + excess / self._slopes(ends, c)[0], ends)
        return ends[:, 0], ends[:, 1]

    def _line(self, c: Floats) -> Lines:
        peak = self._peak(c)
        low, high = self._ends(c, peak)
        length = (high - low) / 2
        log = self._log_density(low[:, None] + length[:, None] * (1 + self._nodes.at), c)
        highest = log.max(axis=1)
        density = np.exp(log - highest[:, None])
        mass = np.einsum("lp,p->l", density, self._nodes.whole)
        share = density / mass[:, None]
        return Lines(c, low, length, highest + np.log(mass * length), share * self._nodes.whole, integrals(share))


def _steps(mass: Floats, values: Floats) -> bool:
    """Whether there may be a step between two lines: it is seen neither with nor without every other one."""
    share = (mass[:-1] + mass[1:]) / mass.sum()
    return bool(np.any((np.abs(np.diff(values, axis=0)) > STEP) & (share[:, None] > UNSEEN)))


def _below(lines: Lines, a: Floats) -> Floats:
    """The distribution function of each line, at a, float64[L, K]."""
    z = (a - lines.low[:, None]) / lines.length[:, None] - 1
    found: Floats = (z > 0).astype(np.float64)
    line, place = np.nonzero(np.abs(z) < 1)
    found[line, place] = _polynomial(lines.below, line, z[line, place])
    return found


def _polynomial(coefficients: Floats, line: NDArray[np.int64], z: Floats) -> Floats:
    """Clenshaw's sum of Chebyshev polynomials, at z, float64[K], with the coefficients of each z's line.

    As numpy's, which would first copy the coefficients for every z. The last ones, if all are next to nothing, are left
    out.
    """
    carried = np.flatnonzero(np.abs(coefficients).max(axis=1) > NEXT_TO_NOTHING)
    twice = 2 * z
    last, before, term, product = (np.zeros_like(z) for _ in range(4))
    for terms in coefficients[carried[-1] : 0 : -1]:
        np.take(terms, line, out=term, mode="clip")
        np.multiply(twice, last, out=product)
        term += product
        term -= before
        last, before, term = term, last, before
    return coefficients[0][line] + z * last - before


def _woven(even: Floats, odd: Floats, axis: int) -> Floats:
    """Values at lines and at those in between, in order."""
    shape = list(even.shape)
    shape[axis] += odd.shape[axis]
    found = np.empty(shape)
    every, other = [slice(None)] * even.ndim, [slice(None)] * even.ndim
    every[axis], other[axis] = slice(0, None, 2), slice(1, None, 2)
    found[tuple(every)], found[tuple(other)] = even, odd
    return found


def _together(even: Lines, odd: Lines) -> Lines:
    parts = ("c", "low", "length", "log_mass", "share")
    woven = {part: _woven(getattr(even, part), getattr(odd, part), axis=0) for part in parts}
    return Lines(**woven, below=_woven(even.below, odd.below, axis=1))
