"""The plan of an expansion cohort at the RP2D."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from escalation.kernels.layout import ExpansionArrays
from escalation.trial.trial import Trial

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ExpansionPlan:
    """An expansion cohort at the RP2D."""

    cohorts: NDArray[np.int64]  # int64[K], sizes of the cohorts that are treated one after the other
    # bool[M + 1, M + 1], by patients and DLTs at the dose: after a cohort, whether it is no longer recommended and the
    # trial ends.
    rejects: NDArray[np.bool_]
    own: bool  # whether the expansion's own patients are counted; if not, all at the dose

    def arrays(self) -> ExpansionArrays:
        """The plan as the kernels read it."""
        return ExpansionArrays(
            np.ascontiguousarray(self.cohorts, np.int64), np.ascontiguousarray(self.rejects), bool(self.own)
        )


def expansion_plan(trial: Trial) -> ExpansionPlan | None:
    """The plan of a trial's expansion; None when it has none."""
    expansion = trial.expansion
    if expansion is None:
        return None
    size = trial.expansion_cohorts(expansion)
    cohorts = np.diff([*range(0, expansion.patients, size), expansion.patients])
    rule = expansion.monitoring
    if rule is None:
        return ExpansionPlan(cohorts, np.zeros((trial.most_patients + 1,) * 2, np.bool_), own=False)
    own = rule.rule != "bayes"
    counted = expansion.patients if own else trial.most_patients
    return ExpansionPlan(cohorts, rule.rejects(trial.target, size, counted), own)
