"""The mTPI-2 design.

The equivalence interval from phi - epsilon1 to phi + epsilon2 about the target phi, and intervals as long as it on both
sides, divide the rates; those at 0 and at 1 may be shorter. Each has a unit probability mass: its posterior probability
under a uniform prior, divided by its length. The interval with the largest decides: below the equivalence interval,
escalate; the equivalence interval itself, stay; above, de-escalate.

Source: Guo W, Wang SJ, Yang S, Lynn H, Ji Y (2017) Contemp Clin Trials 58:23-33.
"""

from typing import Literal

from escalation.designs.intervals import Cells, EquivalenceInterval, by_strongest_key


class MTPI2(EquivalenceInterval):
    """The mTPI-2 design, a toxicity probability interval design with intervals of equal length.

    A dose is eliminated, with all above, when P(rate > target | data) > cutoff_eli under a uniform prior. The
    recommended dose has the isotonic estimate closest to the target, among tried doses that are not eliminated.
    """

    kind: Literal["mtpi2"] = "mtpi2"

    def _moves(self, target: float, max_patients: int) -> tuple[Cells, Cells]:
        return by_strongest_key(target - self.epsilon1, target + self.epsilon2, max_patients)
