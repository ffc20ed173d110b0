"""Stop when a dose's DLT rate is probably in the target interval. In R's crmPack: StoppingTargetProb."""

from typing import Literal, Self

from pydantic import model_validator

from escalation.designs.rules.base import Cells, Counts, PosteriorRule
from escalation.fields import Fraction, Rate
from escalation.kernels.codes import SLACK
from escalation.numbers import exceedance
from escalation.plans.conduct import Belief
from escalation.trial.trial import Trial


class TargetProbability(PosteriorRule):
    """Stop when the DLT rate of a dose is in an interval with a probability that is high enough.

    Parameters
    ----------
    interval : (float, float)
        Lowest and highest DLT rate of the interval; 0 and 1 leave it open.
    at_least : float
        Posterior probability of the interval that is enough.
    """

    rule: Literal["target_probability"] = "target_probability"
    interval: tuple[Rate, Rate]
    at_least: Fraction

    @model_validator(mode="after")
    def _increases(self) -> Self:
        if self.interval[0] >= self.interval[1]:
            raise ValueError("interval: the first limit should be below the second")
        return self

    def holds(self, patients: Counts, dlts: Counts, trial: Trial) -> Cells:  # noqa: ARG002
        """Whether the rule holds at a dose, by the patients (at least one) and DLTs there."""
        above, beyond = (exceedance(limit, patients, dlts, self.prior) for limit in self.interval)
        return above - beyond >= self.at_least - SLACK

    def beliefs(self) -> tuple[Belief, ...]:
        """What a model must say."""
        return (Belief(*self.interval, self.at_least),)

    def words(self, trial: Trial) -> str:
        """What the rule asks for, as the end of a sentence."""
        low, high = self.interval
        return f"P({low:g} <= DLT rate <= {high:g}) >= {self.at_least:g} at {self.place(trial)} {self.source}"
