"""The posterior of a one-parameter CRM by adaptive quadrature, written apart from the package.

    p_d(b) = s_d^exp(b),   or   logit p_d(b) = 3 + exp(b) (logit s_d - 3),   b ~ N(0, sd^2),

with the skeleton s. scipy's `quad_vec` halves intervals until its estimate of the largest error is small enough. It
does so for many data sets at once: each posterior is stretched onto [-1, 1], its peak at 0.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import integrate, special

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

TOLERANCE = 1e-12
"""Of posterior means, by the quadrature's own estimate."""

DROP = 60.0
"""A posterior is integrated to where its logarithm has fallen this far: e^-60 is some 1e-26."""

SCAN = 801
"""Points at which the peak and these ends are looked for."""

BATCH = 1000
"""Data sets that are integrated together."""


@dataclass(frozen=True, eq=False)
class Curve:
    """A family of dose-toxicity curves with its prior.

    Attributes
    ----------
    form : {"power", "logistic"}
    skeleton : float64[D]
    prior_sd : float
    """

    form: Literal["power", "logistic"]
    skeleton: Floats
    prior_sd: float

    def log_rates(self, b: Floats) -> tuple[Floats, Floats]:
        """Log probability of a DLT and of none, float64[..., D], at b, float64[...]."""
        steep = np.exp(b)[..., None]
        if self.form == "power":
            log_dlt = steep * np.log(self.skeleton)
            return log_dlt, np.log(-np.expm1(log_dlt))
        logit = 3 + steep * (special.logit(self.skeleton) - 3)
        return -np.logaddexp(0, -logit), -np.logaddexp(0, logit)

    def rates(self, b: Floats) -> Floats:
        """DLT rates, float64[..., D], at b, float64[...]."""
        return np.exp(self.log_rates(b)[0])

    def parameter_at(self, rate: float) -> float:
        """The b at which the lowest dose has this rate, which is below 0.95."""
        first = self.skeleton[0]
        if self.form == "power":
            return float(np.log(np.log(rate) / np.log(first)))
        return float(np.log((special.logit(rate) - 3) / (special.logit(first) - 3)))

    def log_posterior(self, patients: Counts, dlts: Counts, b: Floats) -> Floats:
        """To a constant, float64[S, ...], at b, float64[S, ...], for counts int64[S, D]."""
        log_dlt, log_no_dlt = self.log_rates(b)
        shape = (len(patients),) + (1,) * (b.ndim - 1) + (len(self.skeleton),)
        y, n = dlts.reshape(shape), patients.reshape(shape)
        likelihood: Floats = (y * log_dlt + (n - y) * log_no_dlt).sum(axis=-1)
        return likelihood - b**2 / (2 * self.prior_sd**2)


class Posterior(NamedTuple):
    """What designs look at after each of S data sets.

    Attributes
    ----------
    parameter : float64[S]
        Posterior mean of b.
    rates : float64[S, D]
        Posterior means of the DLT rates.
    above : float64[S]
        Probability that the rate at the lowest dose exceeds a limit.
    error : float
        The largest error of all these, by the quadrature's estimate.
    """

    parameter: Floats
    rates: Floats
    above: Floats
    error: float


class Stretch(NamedTuple):
    """Where posteriors are integrated, float64[S] each: from `low` to `high`, with an end of intervals at `middle`."""

    low: Floats
    middle: Floats
    high: Floats

    def at(self, t: float) -> tuple[Floats, Floats]:
        """The parameter at a place in [-1, 1], and how much of it goes by there."""
        length = self.middle - self.low if t < 0 else self.high - self.middle
        return self.middle + t * length, length


def posterior(curve: Curve, patients: Counts, dlts: Counts, limit: float) -> Posterior:
    """Posterior means after data sets, int64[S, D], by adaptive quadrature.

    Parameters
    ----------
    curve : Curve
    patients, dlts : int64[S, D]
    limit : float
        The rate of the lowest dose whose probability of being exceeded is wanted.

    Raises
    ------
    ArithmeticError
        An integral is not as exact as it should be.
    """
    starts = range(0, len(patients), BATCH)
    return together(
        [_batch(curve, patients[first : first + BATCH], dlts[first : first + BATCH], limit) for first in starts]
    )


def together(parts: Sequence[Posterior]) -> Posterior:
    """Several posteriors as one."""
    return Posterior(
        np.concatenate([part.parameter for part in parts]),
        np.concatenate([part.rates for part in parts]),
        np.concatenate([part.above for part in parts]),
        max(part.error for part in parts),
    )


def _batch(curve: Curve, patients: Counts, dlts: Counts, limit: float) -> Posterior:
    # Outside this the prior alone keeps the posterior below where it is to be cut off.
    at_zero = curve.log_posterior(patients, dlts, np.zeros(len(patients)))
    reach = curve.prior_sd * np.sqrt(2 * (DROP - at_zero))
    b = reach[:, None] * np.linspace(-1, 1, SCAN)
    log = curve.log_posterior(patients, dlts, b)
    peak = log.max(axis=1)
    carried = log >= peak[:, None] - DROP
    row = np.arange(len(b))
    low = b[row, np.maximum(np.argmax(carried, axis=1) - 1, 0)]
    high = b[row, np.minimum(SCAN - np.argmax(carried[:, ::-1], axis=1), SCAN - 1)]
    whole = Stretch(low, b[row, np.argmax(log, axis=1)], high)
    # Integrals of about 1, so that their errors are those of the means.
    log_scale = peak + np.log(np.exp(log - peak[:, None]).sum(axis=1) * (b[:, 1] - b[:, 0]))

    def density(at: Floats) -> Floats:
        found: Floats = np.exp(curve.log_posterior(patients, dlts, at) - log_scale)
        return found

    def moments(at: Floats) -> Floats:
        return np.concatenate([np.ones((len(at), 1)), at[:, None], curve.rates(at)], axis=1)

    integrals, error = _integrate(density, whole, moments)
    mass, means = integrals[:, 0], integrals[:, 1:] / integrals[:, :1]
    # Rates fall as b grows.
    end = np.clip(curve.parameter_at(limit), low, high)
    below = Stretch(low, np.minimum(whole.middle, end), end)
    tail, tail_error = _integrate(density, below, lambda at: np.ones((len(at), 1)))
    largest = max(error, tail_error) * float((1 + np.abs(means).max(axis=1)).max() / mass.min())
    return Posterior(means[:, 0], means[:, 1:], tail[:, 0] / mass, largest)


def _integrate(
    density: Callable[[Floats], Floats], over: Stretch, functions: Callable[[Floats], Floats]
) -> tuple[Floats, float]:
    """Integrals of functions, float64[S, F], times a density; and the estimated error of the worst."""

    def integrand(t: float) -> Floats:
        b, length = over.at(t)
        weighted: Floats = functions(b) * (density(b) * length)[:, None]
        return weighted

    # Where the intervals meet, at 0, the integrand may jump; quad_vec never looks at their ends.
    found, error, info = integrate.quad_vec(
        integrand, -1, 1, points=[0.0], epsabs=TOLERANCE, epsrel=0.0, norm="max", full_output=True
    )
    if not error <= TOLERANCE:
        raise ArithmeticError(f"the quadrature reached {error:.1e} only: {info.message}")
    return found, float(error)
