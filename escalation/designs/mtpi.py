"""The modified toxicity probability interval design (mTPI).

The equivalence interval from phi - epsilon1 to phi + epsilon2 about the target phi divides the rates into three. Each
has a unit probability mass: its posterior probability under a uniform prior, divided by its length. The interval with
the largest decides: below, escalate; the equivalence interval, stay; above, de-escalate.

Source: Ji Y, Liu P, Li Y, Bekele BN (2010) Clin Trials 7:653-663.
"""

from typing import Literal

from escalation.designs.intervals import Cells, EquivalenceInterval, by_strongest, mean_densities


class MTPI(EquivalenceInterval):
    """The modified toxicity probability interval design (mTPI).

    A dose is eliminated, with all above, when P(rate > target | data) > cutoff_eli under a uniform prior. The
    recommended dose has the isotonic estimate closest to the target, among tried doses that are not eliminated.
    """

    kind: Literal["mtpi"] = "mtpi"

    def _moves(self, target: float, max_patients: int) -> tuple[Cells, Cells]:
        low, high = target - self.epsilon1, target + self.epsilon2
        return by_strongest(mean_densities((0.0, low, high, 1.0), max_patients))
