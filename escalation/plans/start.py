"""Where the engines start: before the first patient, or from the data of a running trial."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from escalation.kernels.codes import NO_DOSE
from escalation.plans.expansion import ExpansionPlan
from escalation.plans.plan import Plan
from escalation.trial.data import InterimData
from escalation.trial.trial import Trial


@dataclass(frozen=True, eq=False)
class Start:
    """Where the engines start.

    Attributes
    ----------
    trial : Trial
        As the design runs it.
    plan : Plan
        It starts at the dose of the next cohort.
    expansion : ExpansionPlan or None
        What is left of the expansion; None where it is over, or the trial has none.
    data : InterimData or None
        None before the first patient.
    counts : int64[2, D]
        Patients and DLTs at each dose.
    has_escalated : bool
        Whether dose escalation has ended.
    declared : int
        Then the index of the dose that it declared; NO_DOSE for none.
    recommended : int
        Then that of the dose which is still recommended; NO_DOSE for none.
    reason : int
        Then why it, or the trial, ended: a key of `kernels.codes.REASON_NAMES`.
    """

    trial: Trial
    plan: Plan
    expansion: ExpansionPlan | None
    data: InterimData | None
    counts: NDArray[np.int64]
    has_escalated: bool = False
    declared: int = NO_DOSE
    recommended: int = NO_DOSE
    reason: int = 0
