"""The recommended dose at the end of trials."""

import numpy as np
from numpy.typing import NDArray

from escalation.kernels import selection
from escalation.kernels.codes import FULL_AND_TOO_TOXIC, MAX_PATIENTS, NO_DOSE, TOO_TOXIC
from escalation.plans.curves import CurvePlan
from escalation.plans.table import ClosestIsotonic, TablePlan


def recommend(plan: TablePlan, patients: NDArray[np.int16], dlts: NDArray[np.int16]) -> NDArray[np.int16]:
    """Recommended dose of each ending under a table plan.

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


def recommend_by_model(plan: CurvePlan, patients: NDArray[np.int16], choices: NDArray[np.int8]) -> NDArray[np.int16]:
    """Recommended dose of each ending under a curve plan.

    Parameters
    ----------
    patients : int16[E, D]
        Patients at each dose at each ending.
    choices : int8[E]
        The model's choice on the final data, or NO_DOSE.

    Returns
    -------
    int16[E]
        Dose index, or NO_DOSE.
    """
    if plan.recommend_untried:
        return choices.astype(np.int16)
    tried = (patients > 0) & (np.arange(plan.levels) <= choices[:, None])
    highest = plan.levels - 1 - np.argmax(tried[:, ::-1], axis=1)
    return np.where(tried.any(axis=1), highest, NO_DOSE).astype(np.int16)


def reject_too_toxic(recommended: NDArray[np.int16], reason: NDArray[np.int8]) -> None:
    """In place: no dose is recommended where a rule found the trial too toxic, and what was full too says so."""
    recommended[(reason == TOO_TOXIC) | (reason == FULL_AND_TOO_TOXIC)] = NO_DOSE
    reason[reason == FULL_AND_TOO_TOXIC] = MAX_PATIENTS
