"""The mTPI-2 design.

The equivalence interval from phi - epsilon1 to phi + epsilon2 about the target phi, and intervals as long as it on both
sides, divide the rates; those at 0 and at 1 may be shorter. Each has a unit probability mass: its posterior probability
under a uniform prior, divided by its length. The interval with the largest decides: below the equivalence interval,
escalate; the equivalence interval itself, stay; above, de-escalate.

Source: Guo W, Wang SJ, Yang S, Lynn H, Ji Y (2017) Contemp Clin Trials 58:23-33.
"""

from typing import ClassVar, Literal

from escalation.designs.intervals import EquivalenceInterval
from escalation.designs.strongest import StrongestKey
from escalation.trial.trial import Trial


class MTPI2(StrongestKey, EquivalenceInterval):
    """The mTPI-2 design, a toxicity probability interval design with intervals of equal length.

    Eliminates and recommends as BOIN does, from the first patient at a dose on.
    """

    kind: Literal["mtpi2"] = "mtpi2"

    ordered: ClassVar[bool] = True
    sources: ClassVar[tuple[str, ...]] = (
        "Guo W, Wang SJ, Yang S, Lynn H, Ji Y (2017). A Bayesian interval dose-finding design addressing Ockham's "
        "razor: mTPI-2. Contemp Clin Trials 58:23-33.",
    )

    def words(self, trial: Trial) -> str:
        """The rule, in the sentences of a protocol."""
        low, high = self.interval(trial.target)
        return (
            f"Dose escalation follows the mTPI-2 design (Guo et al. 2017) with a target DLT rate of {trial.target:g} "
            f"and the equivalence interval from {low:g} to {high:g}; intervals as long as it divide the rates below "
            "and above. After each cohort the interval with the largest unit probability mass at the current dose, its "
            "posterior probability under a uniform prior divided by its length, decides: the dose is escalated when "
            "it is below the equivalence interval, given again when it is that interval and de-escalated when it is "
            "above; at a tie the higher interval counts."
        )
