"""Dose-escalation rules as a statistician would say them.

A trial's history is a list of cohorts in order of treatment. Each cohort is a pair ``(dose, outcomes)``:
the 1-based dose level and a tuple with 1 for every patient who had a DLT and 0 for every patient who had
none. A rule answers one question, ``next(history)``, with ``Treat`` (whom to treat next) or ``Stop`` (what
to recommend and why the trial is over). It keeps no memory of earlier questions: everything is worked out
from the history.

After each cohort every rule asks, in this order: is the lowest dose too toxic? is the rule complete? are
all the planned patients treated? does the current dose have enough patients? Only then does it choose the
next dose.

Comparisons of computed numbers have a slack: "greater" means greater by more than 1e-9, "at least" means
not less by more than 1e-9, and numbers within 1e-9 of each other are tied.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from math import exp, expm1, log, log1p, sqrt
from typing import NamedTuple

from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.stats import beta

SLACK = 1e-9

History = Sequence[tuple[int, tuple[int, ...]]]


@dataclass(frozen=True)
class Treat:
    """Give ``dose`` to the next ``size`` patients."""

    dose: int
    size: int


@dataclass(frozen=True)
class Stop:
    """End the trial; ``recommended`` is a dose or None, ``reason`` one of the four reasons for ending.

    ``max_patients``: all planned patients were treated. ``rule_complete``: the rule has its answer.
    ``too_toxic``: even the lowest dose is too toxic. ``enough_at_dose``: the dose has enough patients.
    """

    recommended: int | None
    reason: str


def greater(left: float, right: float) -> bool:
    """Say whether ``left`` exceeds ``right`` by more than the slack."""
    return left > right + SLACK


def at_least(left: float, right: float) -> bool:
    """Say whether ``left`` is not below ``right`` by more than the slack."""
    return left >= right - SLACK


def totals(history: History, doses: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the patients and the DLTs at each dose."""
    patients, dlts = [0] * doses, [0] * doses
    for dose, outcomes in history:
        patients[dose - 1] += len(outcomes)
        dlts[dose - 1] += sum(outcomes)
    return tuple(patients), tuple(dlts)


def stop_as_too_toxic(patients: Sequence[int], max_patients: int) -> Stop:
    """End a trial whose lowest dose is too toxic; at the planned size that is not an early stop."""
    return Stop(None, "too_toxic" if sum(patients) < max_patients else "max_patients")


@cache
def probability_above(limit: float, a: float, b: float) -> float:
    """Return P(rate > limit) when the rate has a Beta(a, b) distribution."""
    return float(beta.sf(limit, a, b))


# --- 3+3 ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ThreePlusThree:
    """The 3+3 design (Korn et al., Statistics in Medicine 1994; 13:1799).

    Three patients are treated at a dose. None of 3 with a DLT: escalate. One of 3: treat 3 more. Two or
    more of 3: too toxic. At most one of 6: escalate. Two or more of 6: too toxic. A dose that is too toxic
    is closed, with all doses above it.

    With ``de_escalate`` the dose below a closed dose is given until it has 6 patients, otherwise a closed
    dose ends the trial. With ``six_at_top`` the highest dose level needs 6 patients as well, otherwise 0 of
    3 is enough there. The recommended dose is the highest one that is cleared (no DLT in 3 or more
    patients, or at most one in 6) and not closed.
    """

    doses: int
    max_patients: int
    start_dose: int = 1
    de_escalate: bool = True
    six_at_top: bool = True

    def next(self, history: History) -> Treat | Stop:
        """Return what to do after this history."""
        if not history:
            return Treat(self.start_dose, min(3, self.max_patients))
        patients, dlts = totals(history, self.doses)
        highest = self.highest_open(patients, dlts)
        if highest == 0:
            return stop_as_too_toxic(patients, self.max_patients)
        dose = self.next_dose(history[-1][0], highest, patients, dlts)
        if dose is None:
            return Stop(self.recommended(patients, dlts), "rule_complete")
        remaining = self.max_patients - sum(patients)
        if remaining == 0:
            return Stop(self.recommended(patients, dlts), "max_patients")
        return Treat(dose, min(3, remaining))

    def highest_open(self, patients: Sequence[int], dlts: Sequence[int]) -> int:
        """Return the dose just below the lowest one found too toxic, 0 when that is dose 1."""
        for dose, (n, y) in enumerate(zip(patients, dlts, strict=True), start=1):
            if n in (3, 6) and y >= 2:
                return dose - 1
        return self.doses

    def next_dose(self, current: int, highest: int, patients: Sequence[int], dlts: Sequence[int]) -> int | None:
        """Return the dose of the next cohort, or None when the rule has its answer."""
        n, y = patients[current - 1], dlts[current - 1]
        if current > highest:
            below = current - 1
            return below if self.de_escalate and patients[below - 1] < 6 else None
        if n not in (3, 6) or (n, y) == (3, 1):
            return current
        if current < highest:
            return current + 1
        three_are_enough = current == self.doses and not self.six_at_top
        return None if n == 6 or three_are_enough else current

    def recommended(self, patients: Sequence[int], dlts: Sequence[int]) -> int | None:
        """Return the highest cleared dose that is not closed, or None."""
        for dose in range(self.highest_open(patients, dlts), 0, -1):
            n, y = patients[dose - 1], dlts[dose - 1]
            if (n >= 3 and y == 0) or (n == 6 and y <= 1):
                return dose
        return None


# --- BOIN -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Boin:
    """The Bayesian optimal interval design (Liu & Yuan, JRSS C 2015; 64:507).

    At the current dose, with y DLTs in n patients: escalate when y/n is at most lambda_e, de-escalate when
    y/n is greater than lambda_d, otherwise stay. A dose is eliminated, with all doses above it, when n is
    at least 3 and P(p > target) is greater than ``cutoff_eli`` for p distributed as Beta(1 + y, 1 + n - y).
    A move to a dose that does not exist or is eliminated is a stay.

    ``extra_safe``: the lowest dose is eliminated already at ``cutoff_eli - offset``. ``stop_at``: the trial
    ends when the current dose has that many patients and would be given again. ``bound_mtd``: only doses
    estimated at most lambda_d can be recommended. ``titration``: one patient per dose from the lowest dose
    upwards until the first DLT or the highest dose, then the rest of a cohort at that dose, then the rule
    above.

    The recommended dose has the isotonic estimate nearest to the target, among the doses that were tried
    and are not eliminated.
    """

    doses: int
    target: float
    max_patients: int
    cohort_size: int
    start_dose: int = 1
    p_saf: float | None = None
    p_tox: float | None = None
    cutoff_eli: float = 0.95
    extra_safe: bool = False
    offset: float = 0.05
    stop_at: int | None = None
    bound_mtd: bool = False
    titration: bool = False

    @property
    def lambda_e(self) -> float:
        """The highest DLT rate at which one escalates."""
        low, phi = 0.6 * self.target if self.p_saf is None else self.p_saf, self.target
        return log((1 - low) / (1 - phi)) / log(phi * (1 - low) / (low * (1 - phi)))

    @property
    def lambda_d(self) -> float:
        """The DLT rate above which one de-escalates."""
        high, phi = 1.4 * self.target if self.p_tox is None else self.p_tox, self.target
        return log((1 - phi) / (1 - high)) / log(high * (1 - phi) / (phi * (1 - high)))

    @property
    def titrates(self) -> bool:
        """Whether the trial begins with single patients (cohorts of one have no need of titration)."""
        return self.titration and self.cohort_size > 1

    def next(self, history: History) -> Treat | Stop:
        """Return what to do after this history."""
        if not history:
            first = Treat(1, 1) if self.titrates else Treat(self.start_dose, self.cohort_size)
            return Treat(first.dose, min(first.size, self.max_patients))
        patients, dlts = totals(history, self.doses)
        if self.highest_open(patients, dlts) == 0:
            return stop_as_too_toxic(patients, self.max_patients)
        remaining = self.max_patients - sum(patients)
        if remaining == 0:
            return Stop(self.recommended(patients, dlts), "max_patients")
        if self.titrates and (step := self.titration_step(history)) is not None:
            return Treat(step.dose, min(step.size, remaining))
        current = history[-1][0]
        dose = self.next_dose(current, patients, dlts)
        if self.stop_at is not None and dose == current and patients[current - 1] >= self.stop_at:
            return Stop(self.recommended(patients, dlts), "enough_at_dose")
        return Treat(dose, min(self.cohort_size, remaining))

    def titration_step(self, history: History) -> Treat | None:
        """Return the next single patient or the fill-up cohort, None once the fill-up cohort was treated."""
        for position, (dose, outcomes) in enumerate(history, start=1):
            if sum(outcomes) > 0 or dose == self.doses:
                return Treat(dose, self.cohort_size - 1) if position == len(history) else None
        return Treat(history[-1][0] + 1, 1)

    def eliminated(self, dose: int, n: int, y: int) -> bool:
        """Say whether y DLTs in n patients rule this dose out."""
        cutoff = self.cutoff_eli - self.offset if self.extra_safe and dose == 1 else self.cutoff_eli
        return n >= 3 and greater(probability_above(self.target, 1 + y, 1 + n - y), cutoff)

    def highest_open(self, patients: Sequence[int], dlts: Sequence[int]) -> int:
        """Return the dose just below the lowest eliminated one, 0 when that is dose 1."""
        for dose, (n, y) in enumerate(zip(patients, dlts, strict=True), start=1):
            if self.eliminated(dose, n, y):
                return dose - 1
        return self.doses

    def next_dose(self, current: int, patients: Sequence[int], dlts: Sequence[int]) -> int:
        """Return the dose of the next cohort."""
        highest = self.highest_open(patients, dlts)
        rate = dlts[current - 1] / patients[current - 1]
        if current > highest:
            return current - 1
        if at_least(self.lambda_e, rate):
            return min(current + 1, highest)
        if greater(rate, self.lambda_d):
            return max(current - 1, 1)
        return current

    def recommended(self, patients: Sequence[int], dlts: Sequence[int]) -> int | None:
        """Return the dose whose isotonic estimate is nearest to the target, or None when no dose can be."""
        tried = [d for d in range(1, self.highest_open(patients, dlts) + 1) if patients[d - 1] > 0]
        estimates = isotonic_rates([patients[d - 1] for d in tried], [dlts[d - 1] for d in tried])
        candidates = dict(zip(tried, estimates, strict=True))
        if self.bound_mtd:
            candidates = {dose: rate for dose, rate in candidates.items() if at_least(self.lambda_d, rate)}
        return nearest_isotonic(candidates, self.target)


def isotonic_rates(patients: Sequence[int], dlts: Sequence[int]) -> list[float]:
    """Return the isotonic estimates of the DLT rates by the max-min formula.

    Each dose alone has the estimate (y + 0.05) / (n + 0.1), weighted by the inverse of the variance of
    Beta(y + 0.05, n - y + 0.05). The isotonic estimate of dose i is the largest, over doses j <= i, of the
    smallest, over doses k >= i, of the weighted means of the doses j to k.
    """
    pairs = list(zip(patients, dlts, strict=True))
    raw = [(y + 0.05) / (n + 0.1) for n, y in pairs]
    weights = [(n + 0.1) ** 2 * (n + 0.1 + 1) / ((y + 0.05) * (n - y + 0.05)) for n, y in pairs]

    def pooled(first: int, last: int) -> float:
        span = range(first, last + 1)
        return sum(weights[d] * raw[d] for d in span) / sum(weights[d] for d in span)

    doses = range(len(raw))
    return [max(min(pooled(j, k) for k in doses if k >= i) for j in doses if j <= i) for i in doses]


def nearest_isotonic(estimates: dict[int, float], target: float) -> int | None:
    """Return the dose whose estimate is nearest to the target, or None when there is no dose.

    Tied doses below the target go before tied doses above it. Of those below the highest dose is taken,
    otherwise (at or above the target) the lowest.
    """
    if not estimates:
        return None
    smallest = min(abs(rate - target) for rate in estimates.values())
    tied = {dose: rate for dose, rate in estimates.items() if at_least(smallest, abs(rate - target))}
    below = [dose for dose, rate in tied.items() if greater(target, rate)]
    return max(below) if below else min(tied)


# --- CRM ------------------------------------------------------------------------------------------


class Evidence(NamedTuple):
    """A CRM model with the patients and DLTs at each dose: all that its posterior depends on."""

    model: str
    skeleton: tuple[float, ...]
    prior_sd: float
    patients: tuple[int, ...]
    dlts: tuple[int, ...]


class Support(NamedTuple):
    """Where the posterior of b lies, the peak of its log density, its area once the peak is scaled to 1."""

    lower: float
    upper: float
    peak: float
    area: float


def log_rates(model: str, skeleton_rate: float, b: float) -> tuple[float, float]:
    """Return log p and log(1 - p) of one dose at parameter b.

    Power model: p = skeleton ** exp(b). Logistic model: logit p = 3 + exp(b) x, where x is such that b = 0
    gives the skeleton.
    """
    if model == "power":
        log_p = exp(b) * log(skeleton_rate)
        return log_p, log(-expm1(log_p))
    if model == "logistic":
        logit = 3 + exp(b) * (log(skeleton_rate / (1 - skeleton_rate)) - 3)
        return log_of_expit(logit), log_of_expit(-logit)
    raise ValueError(f"unknown CRM model: {model!r}")


def log_of_expit(logit: float) -> float:
    """Return log(1 / (1 + exp(-logit))) without overflow."""
    return logit - log1p(exp(logit)) if logit < 0 else -log1p(exp(-logit))


def rate_at(evidence: Evidence, dose: int, b: float) -> float:
    """Return the DLT rate of a dose at parameter b."""
    return exp(log_rates(evidence.model, evidence.skeleton[dose - 1], b)[0])


def log_posterior(evidence: Evidence, b: float) -> float:
    """Return the log of prior times likelihood at b, up to a constant; b is normal with mean 0."""
    value = -0.5 * (b / evidence.prior_sd) ** 2
    for skeleton_rate, n, y in zip(evidence.skeleton, evidence.patients, evidence.dlts, strict=True):
        if n > 0:
            log_p, log_q = log_rates(evidence.model, skeleton_rate, b)
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
    above the last dose given when the DLT rate of the last cohort is at least the target ("cohort"), or
    when the DLT rate of all patients at that dose is greater than the target ("dose").

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
        return Evidence(self.model, tuple(self.skeleton), self.prior_sd, tuple(patients), tuple(dlts))

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


# --- safety monitoring of one dose ----------------------------------------------------------------


@dataclass(frozen=True)
class Monitoring:
    """Bayesian monitoring of the DLT rate at a single dose (Thall & Simon, Biometrics 1994; 50:337).

    The rate has a Beta(a, b) prior. After each cohort, once ``min_patients`` were treated, the dose is
    eliminated when P(rate > limit), for a rate distributed as Beta(a + y, b + n - y), is greater than the
    threshold. The dose is recommended unless it is eliminated.
    """

    limit: float
    threshold: float
    prior: tuple[float, float]
    min_patients: int
    max_patients: int
    cohort_size: int

    @property
    def doses(self) -> int:
        """The number of dose levels: one."""
        return 1

    def next(self, history: History) -> Treat | Stop:
        """Return what to do after this history."""
        patients, dlts = totals(history, self.doses)
        n, y = patients[0], dlts[0]
        if self.eliminated(n, y):
            return stop_as_too_toxic(patients, self.max_patients)
        if n == self.max_patients:
            return Stop(1, "max_patients")
        return Treat(1, min(self.cohort_size, self.max_patients - n))

    def eliminated(self, n: int, y: int) -> bool:
        """Say whether y DLTs in n patients rule the dose out."""
        a, b = self.prior
        looked_at = n > 0 and n >= self.min_patients
        return looked_at and greater(probability_above(self.limit, a + y, b + n - y), self.threshold)
