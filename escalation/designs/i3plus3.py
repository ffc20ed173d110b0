"""The i3+3 design.

With target phi and the equivalence interval from phi - epsilon1 to phi + epsilon2, its ends included, after y DLTs in n
patients: escalate when y/n is below the interval and stay when it is inside. When it is above, one DLT less decides
whether the number of patients is to blame: stay when (y - 1)/n is below the interval, else de-escalate.

Source: Liu M, Wang SJ, Ji Y (2020) J Biopharm Stat 30:294-304.
"""

from typing import Literal

from escalation.counts import count_grid
from escalation.designs.intervals import Cells, EquivalenceInterval
from escalation.kernels.codes import SLACK


class I3Plus3(EquivalenceInterval):
    """The i3+3 design.

    A dose is eliminated, with all above, when P(rate > target | data) > cutoff_eli under a uniform prior. The
    recommended dose has the isotonic estimate closest to the target, among tried doses that are not eliminated.
    """

    kind: Literal["i3+3"] = "i3+3"

    def _moves(self, target: float, max_patients: int) -> tuple[Cells, Cells]:
        patients, dlts = count_grid(max_patients)
        fewest_inside = (target - self.epsilon1) * patients - SLACK
        most_inside = (target + self.epsilon2) * patients + SLACK
        return dlts < fewest_inside, (dlts > most_inside) & (dlts - 1 >= fewest_inside)
