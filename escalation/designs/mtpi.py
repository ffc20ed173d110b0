"""The modified toxicity probability interval design (mTPI).

The equivalence interval from phi - epsilon1 to phi + epsilon2 about the target phi divides the rates into three. Each
has a unit probability mass: its posterior probability under a uniform prior, divided by its length. The interval with
the largest decides: below, escalate; the equivalence interval, stay; above, de-escalate.

Source: Ji Y, Liu P, Li Y, Bekele BN (2010) Clin Trials 7:653-663.
"""

from typing import ClassVar, Literal

from escalation.designs.intervals import EquivalenceInterval, Numbers
from escalation.designs.strongest import StrongestOfThree, mean_densities
from escalation.numbers import Floats
from escalation.trial.trial import Trial


class MTPI(StrongestOfThree, EquivalenceInterval):
    """The modified toxicity probability interval design (mTPI).

    Eliminates and recommends as BOIN does, from the first patient at a dose on.
    """

    kind: Literal["mtpi"] = "mtpi"

    ordered: ClassVar[bool] = True
    strength: ClassVar[str] = "unit probability mass"
    sources: ClassVar[tuple[str, ...]] = (
        "Ji Y, Liu P, Li Y, Bekele BN (2010). A modified toxicity probability interval method for dose-finding trials. "
        "Clin Trials 7:653-663.",
    )

    def _strengths(self, target: float, patients: Numbers | int, dlts: Numbers | int) -> Floats:
        return mean_densities((0.0, *self.interval(target), 1.0), patients, dlts)

    def words(self, trial: Trial) -> str:
        """The rule, in the sentences of a protocol."""
        low, high = self.interval(trial.target)
        return (
            "Dose escalation follows the modified toxicity probability interval (mTPI) design (Ji et al. 2010) with "
            f"a target DLT rate of {trial.target:g} and the equivalence interval from {low:g} to {high:g}. After each "
            "cohort the unit probability mass at the current dose, the posterior probability of an interval under a "
            "uniform prior divided by its length, is compared between the rates below the interval, the interval and "
            "the rates above it. The dose is escalated when it is largest below, given again when it is largest in the "
            "interval and de-escalated when it is largest above; at a tie the higher place counts."
        )
