"""Stop when the dose has settled. In R's crmPack: StoppingDoseStabilized."""

from typing import Literal

import numpy as np

from escalation.designs.rules.base import StoppingRule
from escalation.fields import Count
from escalation.kernels.codes import UNCHANGED
from escalation.numbers import count_grid
from escalation.plans.conduct import Criterion
from escalation.trial.trial import Trial


class Unchanged(StoppingRule):
    """Stop when the last cohorts have all had one dose, and it would be given again.

    Parameters
    ----------
    cohorts : int
        How many cohorts in a row: the decision has then been the same dose as often.
    """

    rule: Literal["unchanged"] = "unchanged"
    cohorts: Count

    def criteria(self, trial: Trial) -> tuple[Criterion, ...]:
        """The cohorts in a row for which the rule holds."""
        run, _ = count_grid(trial.max_patients)
        return (Criterion(UNCHANGED, np.broadcast_to(run >= self.cohorts, (trial.levels, *run.shape))),)

    def words(self, trial: Trial) -> str:  # noqa: ARG002
        """What the rule asks for, as the end of a sentence."""
        last = "last cohort has" if self.cohorts == 1 else f"last {self.cohorts} cohorts have all"
        return f"the {last} been treated at the dose that would be given next"
