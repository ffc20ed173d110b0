"""Eliminate doses that are probably too toxic, whatever the design. In R's crmPack: IncrementsHSRBeta."""

from collections.abc import Iterator
from typing import Literal

import numpy as np

from escalation.designs.rules.base import Cells, Counts, Restriction, by_counts
from escalation.fields import Fraction, Positive
from escalation.kernels.codes import SLACK
from escalation.numbers import exceedance
from escalation.trial.trial import Trial


class Eliminate(Restriction):
    """A dose and all above are not given while P(rate > limit | the dose's own data) > threshold.

    The trial goes on at lower doses. When it is the lowest dose the trial ends, recommending no dose.

    Parameters
    ----------
    limit : float, optional
        DLT rate that should not be exceeded. Default: the trial's target.
    threshold : float
        Posterior probability above which the dose is eliminated.
    prior : (float, float), default (1, 1)
        Parameters of the Beta prior of the DLT rate.
    """

    rule: Literal["eliminate"] = "eliminate"
    limit: Fraction | None = None
    threshold: Fraction
    prior: tuple[Positive, Positive] = (1.0, 1.0)

    def eliminates(self, trial: Trial) -> Cells:
        """Counts at a dose that eliminate it and all above, bool[N + 1, N + 1]."""
        return by_counts(self.holds, trial)

    def holds(self, patients: Counts, dlts: Counts, trial: Trial) -> Cells:
        """Whether a dose is eliminated, by the patients (at least one) and DLTs there."""
        return exceedance(self.limit_in(trial), patients, dlts, self.prior) > self.threshold + SLACK

    def words(self, trial: Trial) -> str:
        """What the rule says, as a sentence."""
        return (
            f"A dose and all above are eliminated while P(DLT rate > {self.limit_in(trial):g}) > {self.threshold:g} at "
            f"the dose (own data, Beta({self.prior[0]:g}, {self.prior[1]:g}) prior); when that is the lowest dose the "
            "trial ends and no dose is recommended."
        )

    def limit_in(self, trial: Trial) -> float:
        """DLT rate that should not be exceeded."""
        return trial.target if self.limit is None else self.limit

    def cautions(self, trial: Trial) -> Iterator[str]:
        """What a user should know of the rule on this trial, although it can run."""
        if self.holds(np.array([1]), np.array([0]), trial)[0]:
            yield "rule 'eliminate' holds after a patient without a DLT"
        if not self.eliminates(trial).any():
            yield "rule 'eliminate' never holds in this trial"
