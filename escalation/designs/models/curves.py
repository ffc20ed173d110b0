"""One-parameter dose-toxicity curves, and the grid of parameters that stands for their posterior.

Power model: p_d(b) = s_d^exp(b), s the skeleton. Logistic model: logit p_d(b) = a + exp(b) x_d with a given intercept a
and x_d = logit(s_d) - a < 0. Both have p_d(0) = s_d, and every p_d falls as b grows. The prior is b ~ N(0, prior_sd^2),
or exp(b) ~ Gamma.

Posterior integrals are sums over equally spaced b. The integrand is analytic and vanishes at both ends, so the error
of such a sum falls exponentially with the spacing once that is below the posterior's width. Gauss-Hermite nodes, placed
by the prior, do not follow a posterior that is narrow or far away.

Source: O'Quigley J, Pepe M, Fisher L (1990) Biometrics 46:33-48; Cheung YK (2011) Dose Finding by the Continual
Reassessment Method, chapter 3.
"""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from escalation.numbers import Floats, halved

INTERCEPT = 3.0
"""Of the logistic model, unless another is given; dfcrm's `intcpt`."""
INTERCEPTS = (-10.0, 10.0)
"""The lowest and the highest that can be given."""

# Spacing of the grid, in standard deviations of the narrowest posterior. At 0.5 the posterior means of b are within
# 1e-12 of ten times finer grids for trials of 12 to 400 patients, whatever the data.
SPACING = 0.5
# For a part of a posterior (see `tail_weights`) that is too wide a spacing in trials of few patients, whose posteriors
# are less like a normal density: theirs is that of so many. P(rate > limit | data) is then within 1e-10, whatever the
# data; with the spacing for 3 patients the logistic model's would be off by up to 1e-7.
FEWEST = 24
# The grid ends where the log posterior has dropped this far from its peak, under the most extreme data.
DROP = 45.0
# exp(b) is finite up to here; ten times the largest prior sd, and all curves are flat at 0 or at their top long before.
FARTHEST = 300.0
# Beyond this all rates are at their limits as far as a likelihood can tell.
FLAT = 30.0
# A point whose share of the posterior is smaller than this, beside the largest, adds nothing to any probability.
NOTHING = 1e-18
# Points at which the drop is looked for; the grid ends one of them farther out.
SCAN = 2001


class Model(NamedTuple):
    """A one-parameter family of dose-toxicity curves."""

    # The scale of rates on which the family is proportional: scale(p_d(b)) = exp(b) scale(s_d). Negative, increasing.
    scale: Callable[[float], float]
    rate: Callable[[Floats], Floats]  # the inverse of `scale`
    highest: float  # rates lie below this whatever b; so must skeletons
    # Log probability of a DLT and of none, float64[D, G] each, by skeleton, float64[D], and b, float64[G] or [D, G].
    log_rates: Callable[[Floats, Floats], tuple[Floats, Floats]]
    slopes: Callable[[Floats, Floats], tuple[Floats, Floats]]  # their derivatives by b
    # A patient adds about this much, at most, to the posterior precision of b. The largest Fisher information over all
    # rates is 0.65 for the power model; for the logistic model it is 0.44, 3.2 and 26 with intercepts of 0, 3 and 10,
    # and less below. Observed information can be somewhat larger.
    precision_per_patient: float

    def parameter_at(self, skeleton: float, rate: float) -> float:
        """The b at which a dose has this DLT rate; minus infinity where no b gives so high a rate, infinity for 0."""
        if rate <= 0:
            return np.inf
        return float(np.log(self.scale(rate) / self.scale(skeleton))) if self.scale(rate) < 0 else -np.inf

    def rates_at(self, skeleton: Floats, b: float) -> Floats:
        """The rate at each dose, float64[D], at one b; it may be infinite."""
        return self.rate(np.exp(b) * np.array([self.scale(rate) for rate in skeleton]))


def _power(skeleton: Floats, b: Floats) -> tuple[Floats, Floats]:
    log_dlt = np.log(skeleton)[:, None] * np.exp(b)
    return log_dlt, np.log(-np.expm1(log_dlt))


def _power_slopes(skeleton: Floats, b: Floats) -> tuple[Floats, Floats]:
    t = np.outer(-np.log(skeleton), np.exp(b))
    return -t, t * np.exp(-t) / -np.expm1(-t)


@cache
def logistic(intercept: float) -> Model:
    """The logistic model with an intercept."""

    def log_rates(skeleton: Floats, b: Floats) -> tuple[Floats, Floats]:
        logit = intercept + (special.logit(skeleton) - intercept)[:, None] * np.exp(b)
        return -np.logaddexp(0, -logit), -np.logaddexp(0, logit)

    def slopes(skeleton: Floats, b: Floats) -> tuple[Floats, Floats]:
        t = np.outer(intercept - special.logit(skeleton), np.exp(b))
        return -t * special.expit(t - intercept), t * special.expit(intercept - t)

    return Model(
        scale=lambda rate: float(special.logit(rate)) - intercept,
        rate=lambda scaled: special.expit(scaled + intercept),
        highest=float(special.expit(intercept)),
        log_rates=log_rates,
        slopes=slopes,
        precision_per_patient=1 + max(intercept, 0.0) ** 2 / 3,
    )


MODELS = {
    "power": Model(
        scale=lambda rate: float(np.log(rate)),
        rate=np.exp,
        highest=1.0,
        log_rates=_power,
        slopes=_power_slopes,
        precision_per_patient=1.0,
    ),
    "logistic": logistic(INTERCEPT),
}


def model_of(name: str, intercept: float | None) -> Model:
    """The model of a name, the logistic one with an intercept where one is given."""
    return MODELS[name] if intercept is None else logistic(intercept)


class Prior(NamedTuple):
    """A prior of b."""

    log_density: Callable[[Floats], Floats]  # to an additive constant; concave
    precision: float  # minus its second derivative at its peak


def normal_prior(sd: float) -> Prior:
    """B ~ N(0, sd^2)."""
    return Prior(lambda b: -((b / sd) ** 2) / 2, sd**-2)


def gamma_prior(shape: float, rate: float) -> Prior:
    """exp(b) ~ Gamma(shape, rate); the density of b is proportional to exp(shape b - rate exp(b))."""
    return Prior(lambda b: shape * b - rate * np.exp(b), shape)


def log_prior_weights(prior: Prior, b: Floats) -> Floats:
    """Logarithms of the prior weights of equally spaced b, float64[G], which sum to 1."""
    log = prior.log_density(b) - prior.log_density(b).max()
    return log - np.log(np.exp(log).sum())


def parameter_grid(model: Model, skeleton: Floats, prior: Prior, max_patients: int) -> Floats:
    """Equally spaced b that carry every posterior a trial of this size can give, float64[G].

    The likelihood of any data is a product over patients, so that it moves the posterior no farther than all patients
    with a DLT at the lowest dose, or none with a DLT at the one dose where that says most.
    """
    data = [np.zeros(len(skeleton)), np.full(len(skeleton), float(max_patients))]  # DLTs, all patients at each dose

    def log_posteriors(b: Floats) -> Floats:
        """Float64[2, D, B] at b, float64[2, D, B]."""
        parts = zip(data, b, strict=True)
        likelihoods = [_likelihood(model.log_rates(skeleton, at), dlts, max_patients) for dlts, at in parts]
        found: Floats = np.array(likelihoods) + prior.log_density(b)
        return found

    floors = log_posteriors(np.zeros((2, len(skeleton), 1)))[..., 0] - DROP
    left, right = (_reach(prior, floors, end) for end in (-FARTHEST, FARTHEST))
    b = np.moveaxis(np.linspace(left, right, SCAN), 0, -1)
    log = log_posteriors(b)
    carried = log >= log.max(axis=-1, keepdims=True) - DROP
    first = np.maximum(np.argmax(carried, axis=-1) - 1, 0)
    last = np.minimum(SCAN - np.argmax(carried[..., ::-1], axis=-1), SCAN - 1)
    edges = [np.take_along_axis(b, place[..., None], axis=-1) for place in (first, last)]
    low, high = float(edges[0].min()), float(edges[1].max())
    narrowest = 1 / np.sqrt(prior.precision + model.precision_per_patient * max(max_patients, FEWEST))
    points = int(np.ceil((high - low) / (SPACING * narrowest))) + 1
    return np.linspace(low, high, points)


def _likelihood(log_rates: tuple[Floats, Floats], dlts: Floats, patients: int) -> Floats:
    """Log likelihood of the patients all at one dose, by dose and b, float64[D, B]."""
    return dlts[:, None] * log_rates[0] + (patients - dlts[:, None]) * log_rates[1]


def _reach(prior: Prior, floors: Floats, end: float) -> Floats:
    """The b beyond which, on the way to an end, the prior alone, a bound on the posterior, is below each floor."""
    return halved(lambda b: prior.log_density(b) < floors, np.zeros(floors.shape), np.full(floors.shape, end))


def slopes_at(model: Model, skeleton: Floats, cuts: Floats) -> tuple[Floats, Floats]:
    """Slope of the log probability of a DLT, and of none, at each dose and each cut, float64[D, D - 1] each.

    Where a cut is minus infinity the higher dose is preferred whatever the data; positive slopes say so.
    """
    finite = np.isfinite(cuts)
    found = model.slopes(skeleton, np.where(finite, cuts, 0.0))
    return np.where(finite, found[0], 1.0), np.where(finite, found[1], 1.0)


def cuts_between_doses(model: Model, skeleton: Floats, target: float) -> Floats:
    """Values of b at which two adjacent doses are equally near the target, increasing with the dose, float64[D - 1].

    These are the inner limits of the intervals of dfcrm's `crmsens`: the roots of p_d(b) + p_(d+1)(b) = 2 target. Minus
    infinity where even the highest possible rates are below the target.
    """
    scaled = np.array([model.scale(rate) for rate in skeleton])
    # Between the two parameters at which one or the other dose is at the target.
    ends = np.array([model.parameter_at(rate, target) for rate in skeleton])
    if np.isinf(ends).any():
        return np.full(len(skeleton) - 1, -np.inf)

    def past(b: Floats) -> NDArray[np.bool_]:
        both: Floats = model.rate(np.exp(b) * scaled[:-1]) + model.rate(np.exp(b) * scaled[1:])
        return both < 2 * target

    return halved(past, ends[:-1], ends[1:])


def probabilities_above(model: Model, skeleton: Floats, b: Floats, posterior: Floats, limits: Floats) -> Floats:
    """P(rate > limit | data) of as many doses as limits, for equally spaced b whose posterior sums to the model's.

    The skeleton, float64[K], is that of each limit's dose.
    """
    b, posterior = _carried(b, posterior)
    ends = [model.parameter_at(rate, limit) for rate, limit in zip(skeleton, limits, strict=True)]
    return np.array([_sum(tail_weights(b, end), posterior) for end in ends])


def tails_above(model: Model, skeleton: Floats, b: Floats, limit: float) -> Floats:
    """Functions of equally spaced b whose posterior means are P(rate > limit | data) at each dose, float64[D, G]."""
    return np.array([tail_weights(b, model.parameter_at(rate, limit)) for rate in skeleton])


def parameter_limits(b: Floats, posterior: Floats, shares: Floats) -> Floats:
    """The b that the posterior is below with each probability, float64[K]."""
    b, posterior = _carried(b, posterior)
    spacing = b[1] - b[0]
    # Half of a point's share is below it: right to a part of the spacing, from which Newton's method goes on.
    found: Floats = np.interp(shares, np.cumsum(posterior) - posterior / 2, b)
    for _ in range(6):
        below = np.array([_sum(tail_weights(b, end), posterior) for end in found])
        density = np.array([_sum(np.sinc((end - b) / spacing), posterior) for end in found]) / spacing
        found = found - (below - shares) / density
    return found


def _sum(weights: Floats, posterior: Floats) -> float:
    """Of products; without the threads that a product of long vectors starts."""
    return float(np.einsum("b,b->", weights, posterior))


def _carried(b: Floats, posterior: Floats) -> tuple[Floats, Floats]:
    """Those of equally spaced b that matter, with one point more than one."""
    some = np.flatnonzero(posterior > NOTHING * posterior.max())
    part = slice(max(some[0] - 1, 0), some[-1] + 2)
    return b[part], posterior[part]


def likelihood_interval(
    model: Model, skeleton: Floats, patients: NDArray[np.int64], dlts: NDArray[np.int64]
) -> tuple[float, float, float]:
    """The b of largest likelihood, and the limits of its 95 % likelihood-ratio interval; they may be infinite.

    The counts are int64[D], with at least one patient in all.
    """

    def log_likelihood(b: Floats) -> Floats:
        log_dlt, log_no_dlt = model.log_rates(skeleton, b)
        return dlts @ log_dlt + (patients - dlts) @ log_no_dlt

    def falls(b: Floats) -> NDArray[np.bool_]:
        of_dlt, of_no_dlt = model.slopes(skeleton, b)
        slope: Floats = dlts @ of_dlt + (patients - dlts) @ of_no_dlt
        return slope < 0

    left, right = np.array([-FLAT]), np.array([FLAT])  # where all rates are at their limits
    best = halved(falls, left, right) if dlts.any() else right
    if falls(left)[0]:
        best = left
    lowest = log_likelihood(best) - special.chdtri(1, 0.05) / 2
    limits = (halved(lambda b: log_likelihood(b) < lowest, best, end) for end in (left, right))
    infinite = {-FLAT: -np.inf, FLAT: np.inf}
    likeliest, low, high = (infinite.get(float(b[0]), float(b[0])) for b in (best, *limits))
    return likeliest, low, high


def tail_weights(b: Floats, limit: float) -> Floats:
    """Weights w with which sum(w f(b)) is the integral of f below `limit`, divided by the spacing.

    f is interpolated by sinc functions, which integrate to the sine integral; as accurate as the sum over the whole
    grid, where cutting the sum off at the limit would err by up to half a spacing.

    Source: Stenger F (1993) Numerical Methods Based on Sinc and Analytic Functions. Springer.
    """
    spacing = b[1] - b[0]
    return 0.5 + special.sici(np.pi * (limit - b) / spacing)[0] / np.pi
