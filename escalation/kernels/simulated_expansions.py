"""Simulated expansion cohorts."""

from escalation.kernels.codes import EXPANSION_STOPPED, NO_DOSE
from escalation.kernels.jit import kernel


@kernel
def run_expansions(expansion, limits, tolerances, patients, dlts, recommended, reasons):
    """Go on with a block of trials at the doses that they recommend.

    Parameters
    ----------
    expansion : ExpansionArrays
    limits : int64[D]
        A patient has a DLT at a dose when the patient's tolerance is below its limit.
    tolerances : uint32[T, M]
        Row t is trial t, in order of enrolment; the expansion's patients follow those of dose escalation.
    patients, dlts : int16[T, D]
        Counts at each dose, on return with those of the expansion.
    recommended : int16[T]
        The dose each trial recommends, or NO_DOSE; on return NO_DOSE where it is rejected.
    reasons : int8[T]
        Why each trial ended; on return EXPANSION_STOPPED where patients of the expansion are left.
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
