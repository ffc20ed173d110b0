"""Late-onset trials of a model event by event: its own posterior, by its own quadrature, from a list of patients.

Nothing is carried along from one decision to the next. A patient who is pending has the likelihood 1 - w p.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from escalation.kernels.codes import MAX_PATIENTS, NO_DOSE, RANK, TOO_TOXIC
from escalation.plans.conduct import Belief
from tests.naive.late_onset import LateTrial, Patient

PANELS, NODES = 160, 8


@dataclass(frozen=True)
class Curves:
    """Power or logistic curves through skeletons, with a normal prior of b; several skeletons are averaged."""

    target: float
    skeletons: Sequence[Sequence[float]]
    shares: Sequence[float]  # prior probabilities of the skeletons
    prior_sd: float
    logistic: bool = False
    intercept: float = 3.0
    plugin: bool = True
    too_toxic: tuple[float, float] | None = None  # threshold and margin
    coherent: str = "off"
    adaptive: bool = False
    most_pending: float = 1.0
    recommends_untried: bool = False
    intervals: Sequence[tuple[float, float]] = ()  # of rates, whose probabilities are asked for

    def log_rates(self, skeleton: float, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if self.logistic:
            odds = self.intercept + np.exp(b) * (math.log(skeleton / (1 - skeleton)) - self.intercept)
            return -np.logaddexp(0, -odds), -np.logaddexp(0, odds)
        log = np.exp(b) * math.log(skeleton)
        return log, np.log(-np.expm1(log))

    def rate(self, skeleton: float, b: float) -> float:
        return float(np.exp(self.log_rates(skeleton, np.array([b]))[0][0]))

    def at_rate(self, skeleton: float, rate: float) -> float:
        """The b with a rate: lower b have higher ones."""
        if self.logistic:
            odds, of_skeleton = (math.log(one / (1 - one)) - self.intercept for one in (rate, skeleton))
            return math.log(odds / of_skeleton)
        return math.log(math.log(rate) / math.log(skeleton))

    @cached_property
    def limits(self) -> list[tuple[int, float]]:
        """Doses and rates at which indicators jump: no panel of nodes goes across."""
        found = [] if self.too_toxic is None else [(0, self.target + self.too_toxic[1])]
        doses = range(len(self.skeletons[0]))
        return found + [(dose, rate) for dose in doses for ends in self.intervals for rate in ends if 0 < rate < 1]

    @cached_property
    def grid(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Nodes b, logarithms of their weights by the prior, and the number of their skeleton."""
        far, found = 13 * self.prior_sd, []
        places, weights = np.polynomial.legendre.leggauss(NODES)
        for number, (skeleton, share) in enumerate(zip(self.skeletons, self.shares, strict=True)):
            jumps = [self.at_rate(skeleton[dose], limit) for dose, limit in self.limits]
            edges = np.unique([*np.linspace(-far, far, PANELS + 1), *(b for b in jumps if abs(b) < far)])
            half, middle = np.diff(edges)[:, None] / 2, ((edges[1:] + edges[:-1]) / 2)[:, None]
            b = (middle + half * places).ravel()
            log = np.log((half * weights).ravel()) - b**2 / (2 * self.prior_sd**2) + math.log(share)
            found.append((b, log, np.full(len(b), number)))
        b, log, number = (np.concatenate(part) for part in zip(*found, strict=True))
        return b, log, number

    @cached_property
    def logs(self) -> tuple[np.ndarray, np.ndarray]:
        """Of each dose at the nodes: log probability of a DLT, and of none."""
        b, _, number = self.grid
        parts = [
            [self.log_rates(rate, b[number == k]) for rate in skeleton] for k, skeleton in enumerate(self.skeletons)
        ]
        return tuple(
            np.concatenate([np.array([dose[which] for dose in part]) for part in parts], axis=1) for which in (0, 1)
        )

    def posterior(self, seen: Sequence[tuple[int, bool | float]]) -> np.ndarray:
        """Of the nodes, from each patient's dose and what is known: a DLT, none, or the weight of who is pending."""
        _, log, _ = self.grid
        dlt, none = self.logs
        log = log.copy()
        for dose, known in seen:
            if known is True:
                log += dlt[dose]
            elif known is False:
                log += none[dose]
            else:
                log += np.log1p(-known * np.exp(dlt[dose]))
        found = np.exp(log - log.max())
        return found / found.sum()

    def probability(self, posterior: np.ndarray, dose: int, low: float, high: float) -> float:
        """That the rate at a dose is between two limits, which are among `limits`."""
        rates = np.exp(self.logs[0][dose])
        return float(posterior[(rates > low) & (rates <= high)].sum())

    def prefers(self, posterior: np.ndarray) -> int:
        """The dose closest to the target, the lower of two, or NO_DOSE."""
        if self.too_toxic is not None:
            threshold, margin = self.too_toxic
            if self.probability(posterior, 0, self.target + margin, 1.0) > threshold:
                return NO_DOSE
        if self.plugin:
            mean = float(self.grid[0] @ posterior)
            rates = [self.rate(rate, mean) for rate in self.skeletons[0]]
        else:
            rates = [float(np.exp(log) @ posterior) for log in self.logs[0]]
        # Rates rise. The next higher is closer to the target as long as both are below it by more than above; where all
        # are next to zero, distances would be equal to the last digit.
        return sum(low + high < 2 * self.target - 1e-9 for low, high in pairwise(rates))


@dataclass
class LateModelTrial(LateTrial):
    """As `LateTrial`, with `Curves` in place of a rule for a table."""

    known_before: int = 0  # DLTs, when the dose was decided on
    rejected: bool = False  # a rule found a trial that was full too toxic

    def weight(self, one: Patient, day: float) -> float:
        share = max((day - self.time.review_days - one.entry) / self.window, 0.0)
        if not self.rule.adaptive:
            return share
        seen = sorted(
            (two.until - two.entry) / self.window for two in self.patients if two.dlt and self.is_known(two, day)
        )
        edges = [0.0, *seen, 1.0]
        below = max(place for place, edge in enumerate(edges[:-1]) if edge <= share)
        return (below + (share - edges[below]) / (edges[below + 1] - edges[below])) / (len(edges) - 1)

    def posterior(self, day: float) -> np.ndarray:
        return self.rule.posterior(
            [(one.dose, one.dlt if self.is_known(one, day) else self.weight(one, day)) for one in self.counted(day)]
        )

    def eliminated(self, day: float, n: list[int], y: list[int]) -> list[int]:
        return [dose for dose in range(self.trial.levels) if self.closes(dose, n[dose], y[dose])]

    def closes(self, dose: int, n: int, y: int) -> bool:
        eliminates = self.plan.conduct.eliminates
        return eliminates is not None and bool(eliminates[dose, n, y])

    def prefers(self, day: float, highest: int) -> int:
        return min(self.rule.prefers(self.posterior(day)), highest)

    def answer(self, day: float, *, full: bool = False) -> tuple[str, int]:
        conduct, levels = self.plan.conduct, self.trial.levels
        n, y = self.numbers(day)
        highest = min(self.eliminated(day, n, y), default=levels) - 1
        prefers = self.prefers(day, highest)
        if prefers == NO_DOSE:
            return "stop", MAX_PATIENTS if full else TOO_TOXIC
        if len(self.pending(day, self.dose)) > self.rule.most_pending * n[self.dose] + 1e-12:
            return "hold", self.dose
        limits = [conduct.highest_after(self.dose, tuple(y), levels)]
        if conduct.tried_ceiling is not None:
            limits.append(int(conduct.tried_ceiling[max(one.dose for one in self.patients)]))
        if self.is_incoherent(day, n, y):
            limits.append(self.dose)
        following = min(prefers, *limits)
        if conduct.floor is not None:
            following = max(following, min(int(conduct.floor[self.dose]), highest))
        reason = self.ends(n, y, following, full=full, day=day)
        return ("stop", reason) if reason else ("go", following)

    def is_incoherent(self, day: float, n: list[int], y: list[int]) -> bool:
        if self.rule.coherent == "cohort":
            members = [one for one in self.counted(day) if one.cohort == self.cohort]
            known = sum(one.dlt and self.is_known(one, day) for one in members)
            return bool(members) and known >= (self.trial.target - 1e-9) * len(members)
        if self.rule.coherent == "dose":
            return y[self.dose] > (self.trial.target + 1e-9) * n[self.dose]
        return self.rule.coherent == "recent" and sum(y) > self.known_before

    def ends(self, n: list[int], y: list[int], following: int, *, full: bool, day: float = math.inf) -> int:
        found = [MAX_PATIENTS] if full else []
        found += [
            stop.reason
            for stop in self.plan.conduct.stops
            if all(
                self.believes(part, day, following) if isinstance(part, Belief) else self.holds(part, n, y, following)
                for part in stop.criteria
            )
        ]
        if not found:
            return 0
        reason = min(found, key=RANK.__getitem__)
        self.rejected = full and reason == TOO_TOXIC
        return MAX_PATIENTS if full and reason == TOO_TOXIC else reason

    def believes(self, belief: Belief, day: float, dose: int) -> bool:
        return self.rule.probability(self.posterior(day), dose, belief.low, belief.high) >= belief.at_least

    def enrol(self, day: float, what: int, *, whole: bool, decided: bool) -> None:
        if decided:
            self.known_before = sum(self.numbers(day)[1])
        super().enrol(day, what, whole=whole, decided=decided)

    def recommended(self) -> int:
        """Of a trial that has been played."""
        if self.reason == TOO_TOXIC or self.rejected:
            return NO_DOSE
        highest = min(self.eliminated(math.inf, self.n, self.y), default=self.trial.levels) - 1
        found = self.prefers(math.inf, highest)
        if not self.rule.recommends_untried:
            while found >= 0 and not self.n[found]:
                found -= 1
        return found
