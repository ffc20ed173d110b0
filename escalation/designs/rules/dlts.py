"""Stop when enough DLTs have been seen in the trial."""

from typing import Literal

import numpy as np

from escalation.designs.rules.base import StoppingRule
from escalation.fields import Count
from escalation.kernels.codes import ALL_DOSES
from escalation.numbers import count_grid
from escalation.plans.conduct import Criterion
from escalation.trial.trial import Trial


class DLTs(StoppingRule):
    """Stop when enough DLTs have been seen in the trial.

    Parameters
    ----------
    at_least : int
        DLTs at all doses together.
    """

    rule: Literal["dlts"] = "dlts"
    at_least: Count

    def criteria(self, trial: Trial) -> tuple[Criterion, ...]:
        """The counts at which the rule holds."""
        patients, dlts = count_grid(trial.max_patients)
        enough = (dlts >= self.at_least) & (dlts <= patients)
        return (Criterion(ALL_DOSES, np.broadcast_to(enough, (trial.levels, *patients.shape))),)

    def words(self, trial: Trial) -> str:  # noqa: ARG002
        """What the rule asks for, as the end of a sentence."""
        return f"at least {self.at_least} {'DLT has' if self.at_least == 1 else 'DLTs have'} been seen in the trial"
