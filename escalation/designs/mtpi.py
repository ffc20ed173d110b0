"""The modified toxicity probability interval design (mTPI).

The equivalence interval from phi - epsilon1 to phi + epsilon2 about the target phi divides the rates into three. Each
has a unit probability mass: its posterior probability under a uniform prior, divided by its length. The interval with
the largest decides: below, escalate; the equivalence interval, stay; above, de-escalate.

Source: Ji Y, Liu P, Li Y, Bekele BN (2010) Clin Trials 7:653-663.
"""

from collections.abc import Iterator
from typing import Literal

from escalation.designs.intervals import Cells, IntervalDesign, by_strongest, margin_problems, mean_densities
from escalation.fields import Fraction
from escalation.trial import Trial


class MTPI(IntervalDesign):
    """The modified toxicity probability interval design (mTPI).

    A dose is eliminated, with all above, when P(rate > target | data) > cutoff_eli under a uniform prior. The
    recommended dose has the isotonic estimate closest to the target, among tried doses that are not eliminated.

    Parameters
    ----------
    epsilon1 : float, default 0.05
        How far the equivalence interval reaches below the target.
    epsilon2 : float, default 0.05
        How far the equivalence interval reaches above the target.
    cutoff_eli : float, default 0.95
        Posterior probability of exceeding the target above which a dose is eliminated.
    stop_at : int, optional
        End the trial when a dose has this many patients and the next cohort would be given there again.
    """

    kind: Literal["mtpi"] = "mtpi"
    epsilon1: Fraction = 0.05
    epsilon2: Fraction = 0.05

    def _problems(self, trial: Trial) -> Iterator[tuple[str, str]]:
        yield from margin_problems(trial.target, ("epsilon1", self.epsilon1), ("epsilon2", self.epsilon2))

    def _moves(self, target: float, max_patients: int) -> tuple[Cells, Cells]:
        low, high = target - self.epsilon1, target + self.epsilon2
        return by_strongest(mean_densities((0.0, low, high, 1.0), max_patients))
