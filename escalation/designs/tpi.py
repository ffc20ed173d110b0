"""The toxicity probability interval design (TPI).

Under a Beta(0.005, 0.005) prior the DLT rate of a dose has a posterior with standard deviation sigma. With target phi,
three intervals divide the rates: below phi - k2 sigma, from there to phi + k1 sigma, and above. The one with the
largest posterior probability decides: escalate, stay or de-escalate.

Source: Ji Y, Li Y, Bekele BN (2007) Clin Trials 4:235-244.
"""

from typing import ClassVar, Literal

import numpy as np

from escalation.counts import count_grid
from escalation.designs.intervals import Cells, IntervalDesign, by_strongest, posterior_masses
from escalation.fields import Positive


class TPI(IntervalDesign):
    """The toxicity probability interval design (TPI).

    A dose is eliminated, with all above, when P(rate > target | data) > cutoff_eli under a Beta(0.005, 0.005) prior.
    The recommended dose has the isotonic estimate closest to the target, among tried doses that are not eliminated.

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

    def _moves(self, target: float, max_patients: int) -> tuple[Cells, Cells]:
        patients, dlts = count_grid(max_patients)
        n, y = patients + sum(self.prior), np.minimum(dlts, patients) + self.prior[0]
        deviation = np.sqrt(y * (n - y) / (n**2 * (n + 1)))
        low, high = np.maximum(target - self.k2 * deviation, 0.0), np.minimum(target + self.k1 * deviation, 1.0)
        return by_strongest(posterior_masses((0.0, low, high, 1.0), max_patients, self.prior))
