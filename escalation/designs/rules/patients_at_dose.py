"""Stop when a dose has enough patients. In R's escalation: stop_when_n_at_dose; combined by `all`, demand_n_at_dose."""

from typing import Literal

from escalation.designs.rules.base import Cells, Counts, DoseRule
from escalation.fields import Count
from escalation.trial.trial import Trial


class PatientsAtDose(DoseRule):
    """Stop when a dose has enough patients.

    Parameters
    ----------
    at_least : int
        Patients at that dose.
    """

    rule: Literal["patients_at_dose"] = "patients_at_dose"
    at_least: Count

    def holds(self, patients: Counts, dlts: Counts, trial: Trial) -> Cells:  # noqa: ARG002
        """Whether the rule holds at a dose, by the patients (at least one) and DLTs there."""
        return patients >= self.at_least

    def words(self, trial: Trial) -> str:
        """What the rule asks for, as the end of a sentence."""
        return f"at least {self.at_least} patients have been treated at {self.place(trial)}"
