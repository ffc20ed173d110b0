"""Stop when the credible interval of a dose's DLT rate is within limits. In R's bcrm: stop's `precision`."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from escalation.designs.rules.base import Cells, Counts, PosteriorRule
from escalation.fields import Fraction, Rate
from escalation.kernels.codes import SLACK
from escalation.numbers import exceedance
from escalation.plans.conduct import Belief
from escalation.trial.trial import Trial


class WithinLimits(PosteriorRule):
    """Stop when the equal-tailed credible interval of a dose's DLT rate lies within limits.

    Parameters
    ----------
    limits : (float, float)
        Lowest and highest DLT rate that the interval may contain.
    probability : float, default 0.95
        Posterior probability that the interval holds.
    """

    rule: Literal["within_limits"] = "within_limits"
    limits: tuple[Rate, Rate]
    probability: Annotated[Fraction, Field(ge=0.5)] = 0.95

    @model_validator(mode="after")
    def _increases(self) -> Self:
        if self.limits[0] >= self.limits[1]:
            raise ValueError("limits: the first should be below the second")
        return self

    def holds(self, patients: Counts, dlts: Counts, trial: Trial) -> Cells:  # noqa: ARG002
        """Whether the rule holds at a dose, by the patients (at least one) and DLTs there."""
        above, beyond = (exceedance(limit, patients, dlts, self.prior) for limit in self.limits)
        return (1 - above <= self._tail + SLACK) & (beyond <= self._tail + SLACK)

    def beliefs(self) -> tuple[Belief, ...]:
        """What a model must say: the quantiles are within the limits when what is beyond these is no more likely."""
        low, high = self.limits
        return Belief(low, 1.0, 1 - self._tail), Belief(0.0, high, 1 - self._tail)

    @property
    def _tail(self) -> float:
        return (1 - self.probability) / 2

    def words(self, trial: Trial) -> str:
        """What the rule asks for, as the end of a sentence."""
        low, high = self.limits
        return (
            f"the equal-tailed {100 * self.probability:g} % credible interval of the DLT rate at {self.place(trial)} "
            f"lies within {low:g} and {high:g} {self.source}"
        )
