"""The recommended dose at the end of trials under a table plan, for either engine."""

import numpy as np
from numpy.typing import NDArray

from escalation.kernels import selection
from escalation.plans import ClosestIsotonic, TablePlan


def recommend(plan: TablePlan, patients: NDArray[np.int16], dlts: NDArray[np.int16]) -> NDArray[np.int16]:
    """Recommended dose of each ending.

    Parameters
    ----------
    patients, dlts : int16[E, D]
        Counts at each dose at each ending.

    Returns
    -------
    int16[E]
        Dose index, or NO_DOSE.
    """
    recommended = np.empty(len(patients), np.int16)
    codes = np.ascontiguousarray(plan.codes, np.int8)
    rule = plan.selection
    if isinstance(rule, ClosestIsotonic):
        selection.recommend_isotonic(
            patients,
            dlts,
            codes,
            rule.estimates,
            rule.precisions,
            float(rule.target),
            float(rule.bound),
            recommended,
        )
    else:
        selection.recommend_highest(patients, dlts, codes, rule.cleared, recommended)
    return recommended
