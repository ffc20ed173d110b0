"""Stop when the DLT rate at a dose is known precisely enough."""

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy import special

from escalation.designs.rules.base import Dose, DoseRule
from escalation.fields import Fraction, Positive
from escalation.kernels.codes import SLACK
from escalation.trial.trial import Trial


class Precise(DoseRule):
    """Stop when the equal-tailed credible interval of a dose's DLT rate, from its own data, is narrow enough.

    Parameters
    ----------
    dose : {"next", "lowest", "any"} or int, default "next"
        "next" is the dose that the next cohort would get.
    width : float
        Largest width of the interval.
    probability : float, default 0.95
        Posterior probability that the interval holds.
    prior : (float, float), default (1, 1)
        Parameters of the Beta prior of the DLT rate.
    """

    rule: Literal["precise"] = "precise"
    dose: Dose = "next"
    width: Fraction
    probability: Annotated[Fraction, Field(ge=0.5)] = 0.95
    prior: tuple[Positive, Positive] = (1.0, 1.0)

    def holds(
        self,
        patients: NDArray[np.int64],
        dlts: NDArray[np.int64],
        trial: Trial,  # noqa: ARG002
    ) -> NDArray[np.bool_]:
        """Whether the rule holds at a dose, by the patients (at least one) and DLTs there."""
        a, b = self.prior[0] + dlts, self.prior[1] + patients - dlts
        tail = (1 - self.probability) / 2
        width: NDArray[np.float64] = np.diff(special.betaincinv(a, b, [[tail], [1 - tail]]), axis=0)[0]
        return width <= self.width + SLACK

    def words(self, trial: Trial) -> str:
        """What the rule asks for, as the end of a sentence."""
        return (
            f"the equal-tailed {100 * self.probability:g} % credible interval of the DLT rate at {self.place(trial)} "
            f"is at most {self.width:g} wide (own data, Beta({self.prior[0]:g}, {self.prior[1]:g}) prior)"
        )
