"""The i3+3 design.

With target phi and the equivalence interval from phi - epsilon1 to phi + epsilon2, its ends included, after y DLTs in n
patients: escalate when y/n is below the interval and stay when it is inside. When it is above, one DLT less decides
whether the number of patients is to blame: stay when (y - 1)/n is below the interval, else de-escalate.

Source: Liu M, Wang SJ, Ji Y (2020) J Biopharm Stat 30:294-304.
"""

from collections.abc import Iterator
from typing import Literal

from escalation.counts import count_grid
from escalation.designs.intervals import Cells, IntervalDesign, margin_problems
from escalation.fields import Fraction
from escalation.kernels.codes import SLACK
from escalation.trial import Trial


class I3Plus3(IntervalDesign):
    """The i3+3 design.

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

    kind: Literal["i3+3"] = "i3+3"
    epsilon1: Fraction = 0.05
    epsilon2: Fraction = 0.05

    def _problems(self, trial: Trial) -> Iterator[tuple[str, str]]:
        yield from margin_problems(trial.target, ("epsilon1", self.epsilon1), ("epsilon2", self.epsilon2))

    def _moves(self, target: float, max_patients: int) -> tuple[Cells, Cells]:
        patients, dlts = count_grid(max_patients)
        fewest_inside = (target - self.epsilon1) * patients - SLACK
        most_inside = (target + self.epsilon2) * patients + SLACK
        return dlts < fewest_inside, (dlts > most_inside) & (dlts - 1 >= fewest_inside)
