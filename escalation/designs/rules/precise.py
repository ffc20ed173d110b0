"""Stop when the DLT rate at a dose is known precisely enough."""

from typing import Annotated, Literal

from pydantic import Field
from scipy import special

from escalation.designs.rules.base import Cells, Counts, DoseRule
from escalation.fields import Fraction, Positive
from escalation.kernels.codes import SLACK
from escalation.trial.trial import Trial


class Precise(DoseRule):
    """Stop when the equal-tailed credible interval of a dose's DLT rate, from its own data, is narrow enough.

    Parameters
    ----------
    width : float
        Largest width of the interval.
    probability : float, default 0.95
        Posterior probability that the interval holds.
    prior : (float, float), default (1, 1)
        Parameters of the Beta prior of the DLT rate.
    """

    rule: Literal["precise"] = "precise"
    width: Fraction
    probability: Annotated[Fraction, Field(ge=0.5)] = 0.95
    prior: tuple[Positive, Positive] = (1.0, 1.0)

    def holds(self, patients: Counts, dlts: Counts, trial: Trial) -> Cells:  # noqa: ARG002
        """Whether the rule holds at a dose, by the patients (at least one) and DLTs there."""
        a, b = self.prior[0] + dlts, self.prior[1] + patients - dlts
        tail = (1 - self.probability) / 2
        return special.betaincinv(a, b, 1 - tail) - special.betaincinv(a, b, tail) <= self.width + SLACK

    def words(self, trial: Trial) -> str:
        """What the rule asks for, as the end of a sentence."""
        return (
            f"the equal-tailed {100 * self.probability:g} % credible interval of the DLT rate at {self.place(trial)} "
            f"is at most {self.width:g} wide (own data, Beta({self.prior[0]:g}, {self.prior[1]:g}) prior)"
        )
