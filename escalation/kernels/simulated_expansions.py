"""Simulated expansion cohorts."""

import numpy as np

from escalation.kernels.clock import MOST_OF_A_COHORT, treat_cohort
from escalation.kernels.codes import EXPANSION_STOPPED, NO_DOSE
from escalation.kernels.jit import kernel


@kernel
def run_expansions(expansion, clock, limits, tolerances, keys, patients, dlts, recommended, reasons, times):
    """Go on with a block of trials at the doses that they recommend.

    The expansion's patients follow those of dose escalation. Counts are on return with those of the expansion;
    `recommended` is NO_DOSE where the dose is rejected, `reasons` EXPANSION_STOPPED where patients are left.
    """
    cohorts, rejects, own = expansion
    left = np.empty(MOST_OF_A_COHORT)
    for trial in range(tolerances.shape[0]):
        dose = recommended[trial]
        if dose == NO_DOSE:
            continue
        enrolled = patients[trial].sum()
        n = y = np.int64(0)
        if not own:
            n, y = np.int64(patients[trial, dose]), np.int64(dlts[trial, dose])
        for cohort in range(cohorts.shape[0]):
            size, toxic = cohorts[cohort], np.int64(0)
            if clock.is_running:
                before, now = np.int64(patients[trial, dose]), times[trial]
                size, toxic = treat_cohort(
                    clock, np.int64(dose), limits[dose], size, before, tolerances[trial], keys[trial], left, now
                )
            else:
                for patient in range(enrolled, enrolled + size):
                    if tolerances[trial, patient] < limits[dose]:
                        toxic += 1
            enrolled += size
            n += size
            y += toxic
            patients[trial, dose] += size
            dlts[trial, dose] += toxic
            if rejects[n, y]:
                recommended[trial] = NO_DOSE
                if cohort < cohorts.shape[0] - 1:
                    reasons[trial] = EXPANSION_STOPPED
                break
