"""The Keyboard design.

The target key, from phi - Delta to phi + Delta about the target phi, and keys as wide as it on both sides divide the
rates. The strongest key, the most probable under the posterior from a uniform prior, decides: to the left of the target
key, escalate; the target key itself, stay; to the right, de-escalate.

Source: Yan F, Mandrekar SJ, Yuan Y (2017) Clin Cancer Res 23:3994-4003.
"""

from typing import ClassVar, Literal

from escalation.designs.intervals import MARGINS, Margin
from escalation.designs.strongest import StrongestKey
from escalation.trial.trial import Trial


class Keyboard(StrongestKey):
    """The Keyboard design.

    Eliminates from 3 patients at a dose on and recommends as BOIN does.

    Parameters
    ----------
    half_width : float, default 0.05
        The target key reaches from target - half_width to target + half_width.
    """

    kind: Literal["keyboard"] = "keyboard"
    half_width: Margin = 0.05

    ordered: ClassVar[bool] = True
    fewest_to_eliminate: ClassVar[int] = 3
    middle: ClassVar[str] = "the target key"
    tuned: ClassVar[dict[str, tuple[float, ...]]] = {"half_width": MARGINS}
    sources: ClassVar[tuple[str, ...]] = (
        "Yan F, Mandrekar SJ, Yuan Y (2017). Keyboard: a novel Bayesian toxicity probability interval design for "
        "phase I clinical trials. Clin Cancer Res 23:3994-4003.",
    )

    def reach(self, target: float) -> tuple[tuple[str, float], tuple[str, float]]:  # noqa: ARG002
        """How far the target key reaches to either side."""
        return ("half_width", self.half_width), ("half_width", self.half_width)

    def words(self, trial: Trial) -> str:
        """The rule, in the sentences of a protocol."""
        low, high = self.interval(trial.target)
        return (
            "Dose escalation follows the Keyboard design (Yan et al. 2017) with a target DLT rate of "
            f"{trial.target:g} and the target key from {low:g} to {high:g}; keys as wide as it divide the rates below "
            "and above. After each cohort the strongest key at the current dose, the most probable one under a uniform "
            "prior, decides: the dose is escalated when it is below the target key, given again when it is the target "
            "key and de-escalated when it is above; at a tie the higher key counts."
        )
