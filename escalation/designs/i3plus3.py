"""The i3+3 design.

With target phi and the equivalence interval from phi - epsilon1 to phi + epsilon2, its ends included, after y DLTs in n
patients: escalate when y/n is below the interval and stay when it is inside. When it is above, one DLT less decides
whether the number of patients is to blame: stay when (y - 1)/n is below the interval, else de-escalate.

Source: Liu M, Wang SJ, Ji Y (2020) J Biopharm Stat 30:294-304.
"""

from collections.abc import Iterator
from typing import ClassVar, Literal

from escalation.designs.intervals import Cells, EquivalenceInterval
from escalation.designs.words import beside, observed
from escalation.kernels.codes import DE_ESCALATE, ESCALATE, SLACK
from escalation.numbers import count_grid
from escalation.trial.trial import Trial


class I3Plus3(EquivalenceInterval):
    """The i3+3 design.

    A dose is eliminated, with all above, when P(rate > target | data) > cutoff_eli under a uniform prior. The
    recommended dose has the isotonic estimate closest to the target, among tried doses that are not eliminated.
    """

    kind: Literal["i3+3"] = "i3+3"

    sources: ClassVar[tuple[str, ...]] = (
        "Liu M, Wang SJ, Ji Y (2020). The i3+3 design for phase I clinical trials. J Biopharm Stat 30:294-304.",
    )

    def _moves(self, target: float, max_patients: int) -> tuple[Cells, Cells]:
        patients, dlts = count_grid(max_patients)
        fewest_inside = (target - self.epsilon1) * patients - SLACK
        most_inside = (target + self.epsilon2) * patients + SLACK
        return dlts < fewest_inside, (dlts > most_inside) & (dlts - 1 >= fewest_inside)

    def _place(self, target: float, patients: int, dlts: int, code: int) -> str:
        ends = self._interval(target)
        rate, low, high = beside(dlts / patients, *ends)
        clause = f"{observed(patients, dlts)} is a rate of {rate}"
        if code == ESCALATE:
            return f"{clause}, below {low}"
        fewer, low_too = beside((dlts - 1) / patients, ends[0])
        if code == DE_ESCALATE:
            return f"{clause}, above {high}, and with one DLT less it is {fewer}, at least {low_too}"
        if dlts > ends[1] * patients + SLACK:
            return f"{clause}, above {high}, but with one DLT less it is {fewer}, below {low_too}"
        return f"{clause}, at least {low} and at most {high}"

    def _moves_in_words(self, trial: Trial) -> Iterator[str]:
        low, high = self._interval(trial.target)
        yield (
            f"Dose escalation follows the i3+3 design (Liu et al. 2020) with a target DLT rate of {trial.target:g} "
            f"and the equivalence interval from {low:g} to {high:g}."
        )
        yield (
            "After each cohort the dose is escalated when the observed DLT rate at the current dose is below the "
            "interval and given again when it is inside."
        )
        yield (
            "When it is above, the rate with one DLT less decides: the dose is given again if that is below the "
            "interval, else de-escalated."
        )
