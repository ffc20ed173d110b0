"""The mTPI-2 design.

The equivalence interval from phi - epsilon1 to phi + epsilon2 about the target phi, and intervals as long as it on both
sides, divide the rates; those at 0 and at 1 may be shorter. Each has a unit probability mass: its posterior probability
under a uniform prior, divided by its length. The interval with the largest decides: below the equivalence interval,
escalate; the equivalence interval itself, stay; above, de-escalate.

Source: Guo W, Wang SJ, Yang S, Lynn H, Ji Y (2017) Contemp Clin Trials 58:23-33.
"""

from collections.abc import Iterator
from typing import ClassVar, Literal

from escalation.designs.intervals import Cells, EquivalenceInterval, by_strongest_key, place_by_key
from escalation.trial.trial import Trial


class MTPI2(EquivalenceInterval):
    """The mTPI-2 design, a toxicity probability interval design with intervals of equal length.

    A dose is eliminated, with all above, when P(rate > target | data) > cutoff_eli under a uniform prior. The
    recommended dose has the isotonic estimate closest to the target, among tried doses that are not eliminated.
    """

    kind: Literal["mtpi2"] = "mtpi2"

    sources: ClassVar[tuple[str, ...]] = (
        "Guo W, Wang SJ, Yang S, Lynn H, Ji Y (2017). A Bayesian interval dose-finding design addressing Ockham's "
        "razor: mTPI-2. Contemp Clin Trials 58:23-33.",
    )

    def _moves(self, target: float, max_patients: int) -> tuple[Cells, Cells]:
        return by_strongest_key(*self._interval(target), max_patients)

    def _place(self, target: float, patients: int, dlts: int, code: int) -> str:
        return place_by_key(*self._interval(target), patients, dlts, code, "the equivalence interval")

    def _moves_in_words(self, trial: Trial) -> Iterator[str]:
        low, high = self._interval(trial.target)
        yield (
            f"Dose escalation follows the mTPI-2 design (Guo et al. 2017) with a target DLT rate of {trial.target:g} "
            f"and the equivalence interval from {low:g} to {high:g}; intervals as long as it divide the rates below "
            "and above."
        )
        yield (
            "After each cohort the interval with the largest unit probability mass at the current dose, its "
            "posterior probability under a uniform prior divided by its length, decides: the dose is escalated when "
            "it is below the equivalence interval, given again when it is that interval and de-escalated when it is "
            "above; at a tie the higher interval counts."
        )
