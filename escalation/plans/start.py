"""Where the engines start: before the first patient, or from the data of a running trial."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from escalation.kernels.codes import NO_DOSE
from escalation.plans.clock import ResponseClock
from escalation.plans.expansion import ExpansionPlan
from escalation.plans.pending import PendingPlan
from escalation.plans.plan import Plan
from escalation.plans.weighed_curves import WeighedCurves
from escalation.trial.data import InterimData
from escalation.trial.trial import Trial


@dataclass(frozen=True, eq=False)
class JointStart:
    """Where a trial starts whose design decides by responses, beside its counts."""

    responses: NDArray[np.int64]  # int64[D, 2], at each dose, of patients without and with a DLT
    doses: tuple[int, ...]  # of which the first cohort has one, by index; empty where the trial has ended
    size: int = 0  # patients of the first cohort where it only has to be filled up; 0 where it is a cohort of its own
    optimal: int = NO_DOSE  # where it has ended the index of the optimal dose, or a key of NO_OPTIMAL_DOSE


@dataclass(frozen=True, eq=False)
class Start:
    """Where the engines start."""

    trial: Trial  # as the design runs it
    plan: Plan  # while dose escalation goes on it starts at the dose of the next cohort
    expansion: ExpansionPlan | None  # what is left of the expansion; None where it is over, or the trial has none
    data: InterimData | None  # None before the first patient
    counts: NDArray[np.int64]  # int64[2, D], patients and DLTs at each dose, but for `begun`
    # Patients and DLTs of the first cohort who were treated already, where it only has to be filled up.
    begun: tuple[int, int] = (0, 0)
    has_escalated: bool = False  # whether dose escalation has ended
    declared: int = NO_DOSE  # then the index of the dose that it declared; NO_DOSE for none
    recommended: int = NO_DOSE  # then that of the dose which is still recommended; NO_DOSE for none
    # What is decided while patients are pending; None where nothing is, and complete data are waited for.
    pending: PendingPlan | WeighedCurves | None = None
    reason: int = 0  # then why it, or the trial, ended: a key of `kernels.codes.REASON_NAMES`
    joint: JointStart | None = None  # of a design that decides by responses; the engines run its `plan.joint`
    # When responses are known, of trials with a calendar whose decisions or whose end wait for them.
    responses: ResponseClock | None = None
