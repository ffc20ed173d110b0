"""Stop when a dose has enough patients. In R's escalation: stop_when_n_at_dose; combined by `all`, demand_n_at_dose."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from escalation.designs.rules.base import Dose, DoseRule
from escalation.fields import Count
from escalation.trial.trial import Trial


class PatientsAtDose(DoseRule):
    """Stop when a dose has enough patients.

    Parameters
    ----------
    dose : {"next", "lowest", "any"} or int, default "next"
        "next" is the dose that the next cohort would get.
    at_least : int
        Patients at that dose.
    """

    rule: Literal["patients_at_dose"] = "patients_at_dose"
    dose: Dose = "next"
    at_least: Count

    def holds(
        self,
        patients: NDArray[np.int64],
        dlts: NDArray[np.int64],  # noqa: ARG002
        trial: Trial,  # noqa: ARG002
    ) -> NDArray[np.bool_]:
        """Whether the rule holds at a dose, by the patients (at least one) and DLTs there."""
        return patients >= self.at_least

    def words(self, trial: Trial) -> str:
        """What the rule asks for, as the end of a sentence."""
        return f"at least {self.at_least} patients have been treated at {self.place(trial)}"
