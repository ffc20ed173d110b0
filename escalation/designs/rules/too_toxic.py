"""Stop, recommending no dose or one below, when a dose is probably too toxic.

In R's escalation: stop_when_too_toxic, which recommends none.
"""

from collections.abc import Iterator
from typing import Literal

import numpy as np

from escalation.designs.rules.base import Cells, Counts, Dose, DoseRule
from escalation.fields import Fraction, Positive
from escalation.kernels.codes import SLACK
from escalation.numbers import exceedance
from escalation.trial.trial import Trial


class TooToxicDose(DoseRule):
    """Stop when P(rate > limit | the dose's own data) > threshold, recommending no dose or one below.

    Parameters
    ----------
    dose : {"next", "lowest", "any"} or int, default "lowest"
        The dose that is looked at; "next" is the one that the next cohort would get.
    limit : float, optional
        DLT rate that should not be exceeded. Default: the trial's target.
    threshold : float
        Posterior probability above which the trial ends.
    prior : (float, float), default (1, 1)
        Parameters of the Beta prior of the DLT rate.
    then : {"recommend_none", "recommend_below"}, default "recommend_none"
        Recommend no dose, or what the design selects among the doses below the lowest one that is too toxic.
    """

    rule: Literal["too_toxic"] = "too_toxic"
    dose: Dose = "lowest"
    limit: Fraction | None = None
    threshold: Fraction
    prior: tuple[Positive, Positive] = (1.0, 1.0)
    then: Literal["recommend_none", "recommend_below"] = "recommend_none"

    def holds(self, patients: Counts, dlts: Counts, trial: Trial) -> Cells:
        """Whether the rule holds at a dose, by the patients (at least one) and DLTs there."""
        return exceedance(self._limit(trial), patients, dlts, self.prior) > self.threshold + SLACK

    def words(self, trial: Trial) -> str:
        """What the rule asks for, as the end of a sentence."""
        return (
            f"P(DLT rate > {self._limit(trial):g}) > {self.threshold:g} at {self.place(trial)} "
            f"(own data, Beta({self.prior[0]:g}, {self.prior[1]:g}) prior)"
        )

    def _limit(self, trial: Trial) -> float:
        return trial.target if self.limit is None else self.limit

    def cautions(self, trial: Trial) -> Iterator[str]:
        """What a user should know of the rule on this trial, although it can run."""
        yield from super().cautions(trial)
        if self.then == "recommend_below" and self.dose in ("lowest", 1):
            yield "rule 'too_toxic': no dose is below the lowest, so that none is recommended"
        if self.holds(np.array([1]), np.array([0]), trial)[0]:
            yield "rule 'too_toxic' holds after a patient without a DLT"
