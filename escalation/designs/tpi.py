"""The toxicity probability interval design (TPI).

Under a Beta(0.005, 0.005) prior the DLT rate of a dose has a posterior with standard deviation sigma. With target phi,
three intervals divide the rates: below phi - k2 sigma, from there to phi + k1 sigma, and above. The one with the
largest posterior probability decides: escalate, stay or de-escalate.

Source: Ji Y, Li Y, Bekele BN (2007) Clin Trials 4:235-244.
"""

from typing import ClassVar, Literal

import numpy as np

from escalation.designs.intervals import Numbers
from escalation.designs.strongest import StrongestOfThree, posterior_masses
from escalation.designs.words import beta
from escalation.fields import Positive
from escalation.numbers import Floats
from escalation.trial.trial import Trial


class TPI(StrongestOfThree):
    """The toxicity probability interval design (TPI).

    Eliminates and recommends as BOIN does, but under a Beta(0.005, 0.005) prior and from the first patient on.

    Parameters
    ----------
    k1 : float, default 1
        How far the equivalence interval reaches above the target, in posterior standard deviations.
    k2 : float, default 1.5
        How far the equivalence interval reaches below the target, in posterior standard deviations.
    """

    kind: Literal["tpi"] = "tpi"
    k1: Positive = 1.0
    k2: Positive = 1.5

    prior: ClassVar[tuple[float, float]] = (0.005, 0.005)
    strength: ClassVar[str] = "posterior probability"
    sources: ClassVar[tuple[str, ...]] = (
        "Ji Y, Li Y, Bekele BN (2007). Dose-finding in phase I clinical trials based on toxicity probability "
        "intervals. Clin Trials 4:235-244.",
    )

    def parameters(self, trial: Trial) -> dict[str, float]:  # noqa: ARG002
        """How far the interval reaches above (k1) and below (k2) the target, in posterior standard deviations."""
        return {"k1": self.k1, "k2": self.k2}

    def _strengths(self, target: float, patients: Numbers | int, dlts: Numbers | int) -> Floats:
        n, y = patients + sum(self.prior), dlts + self.prior[0]
        deviation = np.sqrt(y * (n - y) / (n**2 * (n + 1)))
        low, high = np.maximum(target - self.k2 * deviation, 0.0), np.minimum(target + self.k1 * deviation, 1.0)
        return posterior_masses((0.0, low, high, 1.0), patients, dlts, self.prior)

    def words(self, trial: Trial) -> str:
        """The rule, in the sentences of a protocol."""
        return (
            "Dose escalation follows the toxicity probability interval (TPI) design (Ji et al. 2007) with a target "
            f"DLT rate of {trial.target:g}. The equivalence interval reaches from {self.k2:g} posterior standard "
            f"deviations of the DLT rate below the target to {self.k1:g} above it, under {beta(self.prior)}. After "
            "each cohort the dose is escalated when the DLT rate at the current dose is most probably below the "
            "interval, given again when it is most probably inside and de-escalated when it is most probably above; at "
            "a tie the higher place counts."
        )
