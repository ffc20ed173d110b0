"""Whether a peer's answer is ours: its means beside exact ones under the same rules.

As in `escalation.cross_check`, z values have the exact standard deviation, and what is too rare for them is judged by
its exact binomial distribution. The p value covers all numbers of all answers, so that a page of right answers passes.
A peer tells means only: a mean count is not compared where hardly any trial is on one side of it.
"""

from dataclasses import dataclass

import numpy as np
from scipy import special

from benchmarks.peers.answers import Answer
from benchmarks.peers.contenders import ANSWERS
from escalation.characteristics.agreement import ALARM, FEWEST_EXPECTED, binomial_p_value
from escalation.characteristics.distributions import laws_of
from escalation.engines.outcomes import Outcomes

EQUAL = 1e-9
"""Exact answers that agree differ by less."""


def familywise(p_value: float, numbers: int) -> float:
    """The p value over all answers, for the smallest of so many of one answer."""
    return min(1.0, ANSWERS * numbers * p_value)


def p_of(z: float) -> float:
    """The two-sided p value of one |z|."""
    return float(2 * special.ndtr(-abs(z)))


@dataclass(frozen=True)
class Verdict:
    """How a peer's answer compares with the exact one.

    Attributes
    ----------
    numbers : int
        Means and probabilities compared.
    max_abs_z : float or None
        Largest |z|; None when none has one.
    p_value : float or None
        Familywise, over all numbers of all answers; None for exact answers.
    worst : str
        The quantity that is furthest apart.
    theirs, exact : float
        Its mean by the peer, and exactly.
    agrees : bool
    """

    numbers: int
    max_abs_z: float | None
    p_value: float | None
    worst: str
    theirs: float
    exact: float
    agrees: bool


def verdict(exact: Outcomes, answer: Answer) -> Verdict:
    """Compare a peer's answer with exact outcomes; the answer has at least one of their quantities."""
    laws = {name: law for name, law in laws_of(exact, ()).by_quantity().items() if name in answer.means}
    means = {name: law.mean for name, law in laws.items()}
    if answer.trials is None:
        apart = {name: abs(answer.means[name] - mean) for name, mean in means.items()}
        worst = max(apart, key=lambda name: apart[name])
        return Verdict(len(apart), None, None, worst, answer.means[worst], means[worst], apart[worst] < EQUAL)

    trials = answer.trials
    zs: list[float] = []
    p_values: dict[str, float] = {}
    for name, law in laws.items():
        mean, theirs = law.mean, answer.means[name]
        slack = 1e-9 * max(1.0, abs(mean))
        sides = (law.values > mean + slack, law.values < mean - slack)
        if trials * min(float(law.probability[side].sum()) for side in sides) >= FEWEST_EXPECTED:
            z = (theirs - mean) / (law.sd / np.sqrt(trials))
            zs.append(abs(z))
            p_values[name] = p_of(z)
        elif "selection" in name:
            p_values[name] = binomial_p_value(round(theirs * trials), trials, mean)
    worst = min(p_values, key=lambda name: p_values[name])
    p_value = familywise(p_values[worst], len(p_values))
    found = max(zs, default=None)
    return Verdict(len(p_values), found, p_value, worst, answer.means[worst], means[worst], p_value >= ALARM)
