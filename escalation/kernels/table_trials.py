"""Simulated trials under a table plan."""

from escalation.kernels.codes import (
    DE_ESCALATE,
    ELIMINATE,
    ENOUGH_AT_DOSE,
    ESCALATE,
    MAX_PATIENTS,
    RULE_COMPLETE,
    TOO_TOXIC,
)
from escalation.kernels.jit import kernel


@kernel
def run_table_trial(plan, limits, tolerances, patients, dlts):
    """Run one trial on the patients in `tolerances`; fill the counts per dose and return why it ended."""
    dose = plan.start
    highest = limits.shape[0] - 1
    enrolled = 0
    titrating = plan.titration
    size = 1 if titrating else plan.cohort_size
    while True:
        size = min(size, plan.max_patients - enrolled)
        toxic = 0
        limit = limits[dose]
        for patient in range(enrolled, enrolled + size):
            if tolerances[patient] < limit:
                toxic += 1
        enrolled += size
        patients[dose] += size
        dlts[dose] += toxic
        out_of_patients = enrolled >= plan.max_patients

        if titrating:
            if out_of_patients:
                return MAX_PATIENTS
            if toxic == 0 and dose < highest:
                dose += 1
            else:
                titrating = False
                size = plan.cohort_size - 1  # the rest of this dose's cohort
            continue

        size = plan.cohort_size
        code = plan.codes[dose, patients[dose], dlts[dose]]
        complete = plan.completes[dose, patients[dose], dlts[dose]]
        last_dose = dose
        if code == ELIMINATE:
            highest = dose - 1
            dose -= 1
            if dose < 0:
                return MAX_PATIENTS if out_of_patients else TOO_TOXIC
        elif code == ESCALATE and dose < highest:
            dose += 1
        elif code == DE_ESCALATE and dose > 0:
            dose -= 1

        if complete or patients[dose] >= plan.cap:
            return RULE_COMPLETE
        if out_of_patients:
            return MAX_PATIENTS
        if dose == last_dose and patients[dose] >= plan.enough:
            return ENOUGH_AT_DOSE


@kernel
def run_table_trials(plan, limits, tolerances, patients, dlts, reasons):
    """Run a block of trials.

    Parameters
    ----------
    plan : TableArrays
    limits : int64[D]
        A patient has a DLT at a dose when the patient's tolerance is below its limit.
    tolerances : uint32[T, N]
        Row t is trial t, in order of enrolment.
    patients, dlts : int16[T, D]
        Output, zero on entry: counts at each dose.
    reasons : int8[T]
        Output: why each trial ended.
    """
    for trial in range(tolerances.shape[0]):
        reasons[trial] = run_table_trial(plan, limits, tolerances[trial], patients[trial], dlts[trial])
