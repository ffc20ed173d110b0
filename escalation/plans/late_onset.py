"""Late-onset designs: a design with a rule for pending patients, as simulated trials follow it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from escalation.errors import DesignError
from escalation.kernels.codes import COHERENT_OFF, ELIMINATE, POSTERIOR_MEAN, STAY
from escalation.kernels.layout import ClockArrays, PendingArrays, ReadingArrays, TableArrays, WeighedArrays
from escalation.plans.conduct import Conduct
from escalation.plans.pending import PendingPlan
from escalation.plans.plan import Block, Escalate, Plan
from escalation.plans.table import TablePlan
from escalation.plans.weighed_curves import WeighedCurves

NO_MODEL = WeighedArrays(
    book=np.empty((3, 0)),
    reading=ReadingArrays(POSTERIOR_MEAN, np.empty((0, 0)), np.empty(0), 0.0, 1.0, False, 1.0),
    target=0.0,
    coherent=COHERENT_OFF,
    recommend_untried=False,
    beliefs=np.empty((0, 0, 0)),
    adaptive=False,
    ordered=False,
)
"""In place of a model's curves where a table decides."""


@dataclass(frozen=True, eq=False)
class LateOnset:
    """A design as trials are conducted that do not wait for complete data."""

    conduct: Conduct
    table: TablePlan | None  # that decides; None where a model does
    arrays: TableArrays
    rule: PendingArrays
    model: WeighedArrays

    def escalation(self, limits: NDArray[np.int64], clock: ClockArrays) -> Escalate:
        """Dose escalation of a block of trials in which doses are decided on while patients are pending."""
        from escalation.kernels.late_onset import run_late_onset_trials

        def escalate(block: Block) -> None:
            tolerances, keys, patients, dlts, recommended, reasons, times = block
            design, counts = (self.arrays, self.rule, self.model), (patients, dlts)
            run_late_onset_trials(design, clock, limits, tolerances, keys, *counts, recommended, reasons, times)
            if self.table is not None:
                self.table.selection.recommend(self.arrays.codes, patients, dlts, recommended)

        return escalate


def late_onset(plan: Plan, pending: PendingPlan | WeighedCurves) -> LateOnset:
    """A plan for complete data and a rule for pending patients, as trials are conducted by both.

    Raises
    ------
    DesignError
        Such trials are not simulated.
    """
    conduct, rule = plan.conduct, pending.arrays
    if conduct.titration:
        raise DesignError("titration: late-onset trials are not simulated with it")
    if isinstance(pending, WeighedCurves):
        size = conduct.max_patients + 1
        eliminates = np.zeros((plan.levels, size, size), np.bool_) if conduct.eliminates is None else conduct.eliminates
        codes = np.where(eliminates, ELIMINATE, STAY).astype(np.int8)
        return LateOnset(conduct, None, TableArrays(codes, conduct.arrays(plan.levels)), pending.arrays, pending.model)
    table = plan.table
    if table is None or rule is None:
        raise DesignError("pending: late-onset trials of designs with a model need one that weighs a likelihood")
    if pending.one_at_a_time:
        table = table.conducted(sizes=np.ones_like(conduct.sizes), trial_sizes=None)
    return LateOnset(table.conduct, table, table.arrays(), rule, NO_MODEL)
