"""Simulated expansion cohorts."""

from escalation.kernels.codes import EXPANSION_STOPPED, NO_DOSE
from escalation.kernels.jit import kernel


@kernel
def run_expansions(expansion, limits, tolerances, patients, dlts, recommended, reasons):
    """Go on with a block of trials at the doses that they recommend.

    The expansion's patients follow those of dose escalation. Counts are on return with those of the expansion;
    `recommended` is NO_DOSE where the dose is rejected, `reasons` EXPANSION_STOPPED where patients are left.
    """
    cohorts, rejects, own = expansion
    for trial in range(tolerances.shape[0]):
        dose = recommended[trial]
        if dose == NO_DOSE:
            continue
        enrolled = patients[trial].sum()
        n = y = 0
        if not own:
            n, y = patients[trial, dose], dlts[trial, dose]
        for cohort in range(cohorts.shape[0]):
            toxic = 0
            for patient in range(enrolled, enrolled + cohorts[cohort]):
                if tolerances[trial, patient] < limits[dose]:
                    toxic += 1
            enrolled += cohorts[cohort]
            n += cohorts[cohort]
            y += toxic
            patients[trial, dose] += cohorts[cohort]
            dlts[trial, dose] += toxic
            if rejects[n, y]:
                recommended[trial] = NO_DOSE
                if cohort < cohorts.shape[0] - 1:
                    reasons[trial] = EXPANSION_STOPPED
                break
