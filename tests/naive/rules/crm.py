"""The continual reassessment method."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from math import exp, expm1, log, log1p, sqrt
from typing import NamedTuple

from scipy.integrate import quad
from scipy.optimize import brentq

from tests.naive.rules.history import (
    History,
    Stop,
    Treat,
    at_least,
    greater,
    stop_as_too_toxic,
    totals,
)


class Evidence(NamedTuple):
    """A CRM model with the patients and DLTs at each dose: all that its posterior depends on."""

    model: str
    skeleton: tuple[float, ...]
    prior_sd: float
    patients: tuple[int, ...]
    dlts: tuple[int, ...]
    intercept: float = 3


class Support(NamedTuple):
    """Where the posterior of b lies, the peak of its log density, its area once the peak is scaled to 1."""

    lower: float
    upper: float
    peak: float
    area: float


def log_rates(model: str, skeleton_rate: float, b: float, intercept: float) -> tuple[float, float]:
    """Return log p and log(1 - p) of one dose at parameter b.

    Power model: p = skeleton ** exp(b). Logistic model: logit p = intercept + exp(b) x, where x is such that b = 0
    gives the skeleton.
    """
    if model == "power":
        log_p = exp(b) * log(skeleton_rate)
        return log_p, log(-expm1(log_p))
    if model == "logistic":
        logit = intercept + exp(b) * (log(skeleton_rate / (1 - skeleton_rate)) - intercept)
        return log_of_expit(logit), log_of_expit(-logit)
    raise ValueError(f"unknown CRM model: {model!r}")


def log_of_expit(logit: float) -> float:
    """Return log(1 / (1 + exp(-logit))) without overflow."""
    return logit - log1p(exp(logit)) if logit < 0 else -log1p(exp(-logit))


def rate_at(evidence: Evidence, dose: int, b: float) -> float:
    """Return the DLT rate of a dose at parameter b."""
    return exp(log_rates(evidence.model, evidence.skeleton[dose - 1], b, evidence.intercept)[0])


def log_posterior(evidence: Evidence, b: float) -> float:
    """Return the log of prior times likelihood at b, up to a constant; b is normal with mean 0."""
    value = -0.5 * (b / evidence.prior_sd) ** 2
    for skeleton_rate, n, y in zip(evidence.skeleton, evidence.patients, evidence.dlts, strict=True):
        if n > 0:
            log_p, log_q = log_rates(evidence.model, skeleton_rate, b, evidence.intercept)
            value += y * log_p + (n - y) * log_q
    return value


@cache
def support(evidence: Evidence) -> Support:
    """Find the interval outside which the posterior density is below exp(-60) of its peak, and its area."""
    step = min(evidence.prior_sd, 1.0) / 10
    points = int(20 * evidence.prior_sd / step)
    heights = {i: log_posterior(evidence, i * step) for i in range(-points, points + 1)}
    peak = max(heights.values())
    inside = [i for i, height in heights.items() if height > peak - 60]
    lower, upper = (inside[0] - 1) * step, (inside[-1] + 1) * step
    area = integral(lambda b: exp(log_posterior(evidence, b) - peak), lower, upper)
    return Support(lower, upper, peak, area)


def integral(function: Callable[[float], float], lower: float, upper: float) -> float:
    """Return the integral of a function by adaptive quadrature."""
    return float(quad(function, lower, upper, epsabs=1e-12, epsrel=1e-12, limit=500)[0])


def expectation(evidence: Evidence, function: Callable[[float], float]) -> float:
    """Return the posterior mean of a function of b."""
    lower, upper, peak, area = support(evidence)
    weighted = integral(lambda b: function(b) * exp(log_posterior(evidence, b) - peak), lower, upper)
    return weighted / area


@cache
def mean_parameter(evidence: Evidence) -> float:
    """Return the posterior mean of b."""
    return expectation(evidence, lambda b: b)


def plugin_rates(evidence: Evidence) -> Iterator[float]:
    """Return each dose's DLT rate at the posterior mean of b."""
    b = mean_parameter(evidence)
    return (rate_at(evidence, dose, b) for dose in range(1, len(evidence.skeleton) + 1))


@cache
def mean_rate(evidence: Evidence, dose: int) -> float:
    """Return the posterior mean of a dose's DLT rate."""
    return expectation(evidence, lambda b: rate_at(evidence, dose, b))


@cache
def probability_lowest_above(evidence: Evidence, limit: float) -> float:
    """Return the posterior probability that the lowest dose's DLT rate is above a limit.

    The rate falls as b rises, so this is the probability of a b below the point where the two are equal.
    """
    lower, upper, peak, area = support(evidence)
    if rate_at(evidence, 1, lower) <= limit:
        return 0.0
    if rate_at(evidence, 1, upper) >= limit:
        return 1.0
    point = brentq(lambda b: rate_at(evidence, 1, b) - limit, lower, upper, xtol=1e-14, rtol=1e-14)
    return integral(lambda b: exp(log_posterior(evidence, b) - peak), lower, point) / area


def nearest_rising(rates: Sequence[float], target: float) -> int:
    """Return the dose whose rate is nearest to the target, the lowest on a tie, for rates that rise.

    Of two adjacent doses the upper one is the nearer if and only if the mean of their two rates is below
    the target. Said like this, the answer is right also where rates are too small to differ by the slack.
    """
    dose = 1
    while dose < len(rates) and greater(2 * target, rates[dose - 1] + rates[dose]):
        dose += 1
    return dose


@dataclass(frozen=True)
class Crm:
    """The continual reassessment method (O'Quigley, Pepe & Fisher, Biometrics 1990; 46:33).

    One parameter b, normal with mean 0, moves the whole dose-toxicity curve. The model's choice is the dose
    whose estimated DLT rate is nearest to the target, the lowest on a tie; the estimate is the curve at the
    posterior mean of b ("plugin") or the posterior mean of the rate ("mean").

    The next cohort gets the model's choice, with these restraints (Cheung, Dose Finding by the Continual
    Reassessment Method, 2011). ``no_skip``: at most one level above the last dose given. ``coherent``: not
    above the last dose given when the DLT rate of the last cohort is at least the target ("cohort"),
    when the DLT rate of all patients at that dose is greater than the target ("dose"), or when the last
    cohort had a DLT ("recent").

    ``stop_if_too_toxic = (threshold, margin)``: the trial ends without a dose when the posterior
    probability that the lowest dose's rate is above target + margin is greater than the threshold.
    ``stop_at``: the trial ends when the dose the next cohort would get has that many patients.

    The recommended dose is the highest tried one not above the model's choice or, with
    ``recommend_untried``, the model's choice. The restraints on the next cohort do not bind it.
    """

    skeleton: tuple[float, ...]
    target: float
    max_patients: int
    cohort_size: int
    start_dose: int = 1
    model: str = "power"
    intercept: float = 3
    prior_sd: float = sqrt(1.34)
    estimate: str = "plugin"
    no_skip: bool = True
    coherent: str = "cohort"
    stop_if_too_toxic: tuple[float, float] | None = None
    stop_at: int | None = None
    recommend_untried: bool = False

    @property
    def doses(self) -> int:
        """The number of dose levels."""
        return len(self.skeleton)

    def next(self, history: History) -> Treat | Stop:
        """Return what to do after this history."""
        if not history:
            return Treat(self.start_dose, min(self.cohort_size, self.max_patients))
        patients, dlts = totals(history, self.doses)
        if self.too_toxic(patients, dlts):
            return stop_as_too_toxic(patients, self.max_patients)
        remaining = self.max_patients - sum(patients)
        if remaining == 0:
            return Stop(self.recommended(patients, dlts), "max_patients")
        dose = self.next_dose(history, patients, dlts)
        if self.stop_at is not None and patients[dose - 1] >= self.stop_at:
            return Stop(self.recommended(patients, dlts), "enough_at_dose")
        return Treat(dose, min(self.cohort_size, remaining))

    def evidence(self, patients: Sequence[int], dlts: Sequence[int]) -> Evidence:
        """Return the model with these counts."""
        return Evidence(self.model, tuple(self.skeleton), self.prior_sd, tuple(patients), tuple(dlts), self.intercept)

    def too_toxic(self, patients: Sequence[int], dlts: Sequence[int]) -> bool:
        """Say whether even the lowest dose is too toxic."""
        if self.stop_if_too_toxic is None:
            return False
        threshold, margin = self.stop_if_too_toxic
        evidence = self.evidence(patients, dlts)
        return greater(probability_lowest_above(evidence, self.target + margin), threshold)

    def rates(self, patients: Sequence[int], dlts: Sequence[int]) -> tuple[float, ...]:
        """Return the estimated DLT rate of each dose."""
        evidence = self.evidence(patients, dlts)
        if self.estimate == "plugin":
            return tuple(plugin_rates(evidence))
        if self.estimate == "mean":
            return tuple(mean_rate(evidence, dose) for dose in range(1, self.doses + 1))
        raise ValueError(f"unknown CRM estimate: {self.estimate!r}")

    def choice(self, patients: Sequence[int], dlts: Sequence[int]) -> int:
        """Return the model's choice, whatever was tried before."""
        return nearest_rising(self.rates(patients, dlts), self.target)

    def next_dose(self, history: History, patients: Sequence[int], dlts: Sequence[int]) -> int:
        """Return the dose of the next cohort: the model's choice within the restraints."""
        last = history[-1][0]
        dose = self.choice(patients, dlts)
        if self.no_skip:
            dose = min(dose, last + 1)
        if self.escalation_is_incoherent(history, patients, dlts):
            dose = min(dose, last)
        return dose

    def escalation_is_incoherent(self, history: History, patients: Sequence[int], dlts: Sequence[int]) -> bool:
        """Say whether the latest outcomes forbid a dose above the last one given."""
        last, outcomes = history[-1]
        if self.coherent == "cohort":
            return at_least(sum(outcomes) / len(outcomes), self.target)
        if self.coherent == "dose":
            return greater(dlts[last - 1] / patients[last - 1], self.target)
        if self.coherent == "recent":
            return any(outcomes)
        if self.coherent == "off":
            return False
        raise ValueError(f"unknown kind of coherence: {self.coherent!r}")

    def recommended(self, patients: Sequence[int], dlts: Sequence[int]) -> int | None:
        """Return the dose to recommend on these data, or None."""
        if self.too_toxic(patients, dlts):
            return None
        choice = self.choice(patients, dlts)
        if self.recommend_untried:
            return choice
        return max((dose for dose in range(1, choice + 1) if patients[dose - 1] > 0), default=None)
