"""Late-onset designs: a design with a rule for pending patients, as simulated trials follow it."""

import numpy as np
from numpy.typing import NDArray

from escalation.errors import DesignError
from escalation.kernels.layout import ClockArrays, PendingArrays
from escalation.plans.pending import PendingPlan
from escalation.plans.plan import Block, Escalate, Plan
from escalation.plans.table import TablePlan
from escalation.plans.weighed_curves import WeighedCurves


def late_onset(plan: Plan, pending: PendingPlan | WeighedCurves) -> tuple[TablePlan, PendingArrays]:
    """A plan for complete data and a rule for pending patients, as trials are conducted by both.

    Raises
    ------
    DesignError
        Such trials are not simulated.
    """
    rule = None if isinstance(pending, WeighedCurves) else pending.arrays
    if isinstance(pending, WeighedCurves) or plan.table is None or rule is None:
        raise DesignError("pending: late-onset trials of designs with a model are not simulated yet")
    if plan.conduct.titration:
        raise DesignError("titration: late-onset trials are not simulated with it")
    if not pending.one_at_a_time:
        return plan.table, rule
    return plan.table.conducted(sizes=np.ones_like(plan.conduct.sizes), trial_sizes=None), rule


def late_escalation(table: TablePlan, rule: PendingArrays, limits: NDArray[np.int64], clock: ClockArrays) -> Escalate:
    """Dose escalation of a block of trials in which doses are decided on while patients are pending."""
    from escalation.kernels.late_onset import run_late_onset_trials

    arrays = table.arrays()

    def escalate(block: Block) -> None:
        tolerances, keys, patients, dlts, recommended, reasons, times = block
        run_late_onset_trials(arrays, rule, clock, limits, tolerances, keys, patients, dlts, reasons, times)
        table.selection.recommend(arrays.codes, patients, dlts, recommended)

    return escalate
