"""Stop when enough patients have been treated in the trial. In R's escalation: stop_at_n."""

from typing import Literal

import numpy as np

from escalation.designs.rules.base import StoppingRule
from escalation.fields import Count
from escalation.kernels.codes import ALL_DOSES
from escalation.numbers import count_grid
from escalation.plans.conduct import Criterion
from escalation.trial.trial import Trial


class Patients(StoppingRule):
    """Stop when enough patients have been treated in the trial.

    Parameters
    ----------
    at_least : int
        Patients at all doses together.
    """

    rule: Literal["patients"] = "patients"
    at_least: Count

    def criteria(self, trial: Trial) -> tuple[Criterion, ...]:
        """The counts at which the rule holds."""
        patients, _ = count_grid(trial.max_patients)
        return (Criterion(ALL_DOSES, np.broadcast_to(patients >= self.at_least, (trial.levels, *patients.shape))),)

    def words(self, trial: Trial) -> str:  # noqa: ARG002
        """What the rule asks for, as the end of a sentence."""
        return f"at least {self.at_least} patients have been treated in the trial"
