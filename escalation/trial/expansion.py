"""An expansion cohort at the RP2D."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from escalation.defaults import MOST_PATIENTS
from escalation.fields import CohortSize, Frozen, Whole
from escalation.trial.safety import SafetyRule


class Expansion(Frozen):
    """An expansion cohort: patients at the RP2D, after dose escalation has declared one.

    Parameters
    ----------
    patients : int
        How many, on top of those in dose escalation.
    cohort_size : int, optional
        How many are treated between two looks. Default: the trial's cohort size.
    monitoring : SafetyRule, optional
        Looked at after every cohort; a dose that it stops is no longer recommended. The Bayesian rule counts all
        patients at the dose, the rules that are calibrated to alpha those of the expansion, to which alpha belongs.
        Without it the RP2D is not questioned.
    """

    patients: Annotated[Whole, Field(ge=1, le=MOST_PATIENTS)]
    cohort_size: CohortSize | None = None
    monitoring: SafetyRule | None = None

    def problems(self, target: float, escalated: int) -> Iterator[tuple[str, str]]:
        """What does not fit a trial with so many patients in escalation: (name of the option, what is wrong)."""
        size = self.cohort_size
        if size is not None and size > self.patients:
            yield "cohort_size", f"a cohort of {size} is larger than the expansion ({self.patients} patients)"
        if escalated + self.patients > MOST_PATIENTS:
            yield "patients", f"{escalated + self.patients} patients in all; at most {MOST_PATIENTS} are possible"
        for option, problem in () if self.monitoring is None else self.monitoring.misfits(target):
            yield f"monitoring.{option}", problem

    def cautions(self, target: float, escalated: int, cohort_size: int) -> Iterator[str]:
        """What a user should know, although it can run; `cohort_size` patients are treated between two looks."""
        if self.monitoring is not None:
            counted = self.patients + (escalated if self.monitoring.rule == "bayes" else 0)
            for caution in self.monitoring.caveats(target, cohort_size, counted):
                yield f"expansion.monitoring: {caution}"
