"""Simulated expansion cohorts."""

import numpy as np

from escalation.kernels.clock import MOST_OF_A_COHORT, note_cohort, treat_cohort
from escalation.kernels.codes import ENROLLED, EXPANSION_STOPPED, LAST_ENROLMENT, NO_DOSE, NOTES
from escalation.kernels.jit import allocating


@allocating
def run_expansions(expansion, clock, limits, tolerances, keys, patients, dlts, recommended, reasons, times):
    """Go on with a block of trials at the doses that they recommend.

    The expansion's patients follow those of dose escalation. Counts are on return with those of the expansion;
    `recommended` is NO_DOSE where the dose is rejected, `reasons` EXPANSION_STOPPED where patients are left.
    """
    cohorts, rejects, own = expansion
    room, planned = (np.empty(limits.shape[0]), np.empty(MOST_OF_A_COHORT)), cohorts.sum()
    noted = times.shape[1] > NOTES
    for trial in range(tolerances.shape[0]):
        dose = recommended[trial]
        if dose == NO_DOSE:
            continue
        enrolled = patients[trial].sum()
        n = y = np.int64(0)
        if not own:
            n, y = np.int64(patients[trial, dose]), np.int64(dlts[trial, dose])
        if clock.is_running:
            room[0][dose] = times[trial, LAST_ENROLMENT]
        done = cohort = np.int64(0)
        while done < planned:
            size, toxic = cohorts[cohort], np.int64(0)
            if clock.is_running:  # what a smaller cohort lacks is made up for
                before, now = np.int64(patients[trial, dose]), times[trial]
                treated, size = now[ENROLLED], min(cohorts[0], planned - done)
                size, toxic = treat_cohort(
                    clock, np.int64(dose), limits[dose], size, before, tolerances[trial], keys[trial], room, now
                )
                done += size if clock.replaces else np.int64(now[ENROLLED] - treated)
                if now[ENROLLED] >= clock.max_enrolled:
                    done = planned
            else:
                for patient in range(enrolled, enrolled + size):
                    if tolerances[trial, patient] < limits[dose]:
                        toxic += 1
                if noted:
                    note_cohort(
                        times[trial], tolerances[trial], limits[dose], np.int64(dose), enrolled, enrolled + size
                    )
                done += size
            cohort += 1
            enrolled += size
            n += size
            y += toxic
            patients[trial, dose] += size
            dlts[trial, dose] += toxic
            if size > 0 and rejects[n, y]:  # of whom nobody was evaluable: nothing to look at
                recommended[trial] = NO_DOSE
                if done < planned:
                    reasons[trial] = EXPANSION_STOPPED
                break
