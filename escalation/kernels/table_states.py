"""One cohort of every possible trial under a table plan: the step of the exact engine."""

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
from escalation.kernels.states import cell, find_or_add


@kernel
def next_cohort(plan, row, dose, cell_patients):
    """Size of the cohort that `dose` gets next, and the patients treated so far.

    Under titration doses are tried on one patient each; while no dose has had a second patient, an untried dose gets
    one patient, and the dose at which titration ended gets the rest of a cohort.
    """
    treated = 0
    most = 0
    for level in range(row.shape[0]):
        patients = cell_patients[row[level]]
        treated += patients
        most = max(most, patients)
    size = plan.cohort_size
    if plan.titration and most <= 1:
        size = 1 if row[dose] == 0 else plan.cohort_size - 1
    return min(size, plan.max_patients - treated), treated


@kernel
def after_cohort(plan, row, dose, treated, cell_patients, cell_dlts):
    """Dose of the next cohort, or minus the reason for which the trial ends.

    `row` holds the counts with the last cohort, given at `dose`; `treated` is their sum over doses.
    """
    patients = cell_patients[row[dose]]
    dlts = cell_dlts[row[dose]]
    highest = row.shape[0] - 1
    for level in range(row.shape[0]):
        if plan.codes[level, cell_patients[row[level]], cell_dlts[row[level]]] == ELIMINATE:
            highest = level - 1
            break
    if highest < 0:
        return -TOO_TOXIC if treated < plan.max_patients else -MAX_PATIENTS

    if plan.titration and patients == 1:
        next_dose = min(dose + 1, highest) if dlts == 0 else dose
        return next_dose if treated < plan.max_patients else -MAX_PATIENTS

    code = plan.codes[dose, patients, dlts]
    next_dose = dose
    if code == ESCALATE:
        next_dose = min(dose + 1, highest)
    elif code == DE_ESCALATE:
        next_dose = max(dose - 1, 0)
    elif code == ELIMINATE:
        next_dose = dose - 1
    if plan.completes[dose, patients, dlts] or cell_patients[row[next_dose]] >= plan.cap:
        return -RULE_COMPLETE
    if treated >= plan.max_patients:
        return -MAX_PATIENTS
    if next_dose == dose and patients >= plan.enough:
        return -ENOUGH_AT_DOSE
    return next_dose


@kernel
def expand_table(plan, states, doses, sequences, cells, binomials, slots, rows, mass):
    """Treat one cohort in every living state, in every way it can turn out.

    Parameters
    ----------
    plan : TableArrays
    states : int32[S, D]
        Counts of each living state, as cells.
    doses : int8[S]
        Dose its next cohort gets.
    sequences : float64[S]
        Number of patient sequences that lead to it.
    cells : int16[2, C]
        Patients and DLTs of each cell.
    binomials : float64[m + 1, m + 1]
        binomials[n, y]: sequences of n patients with y DLTs.
    slots : int32[2**k]
        Hash table, all EMPTY.
    rows : int32[R, D]
        Output: the different counts reached. R is more than S times (cohort size + 1).
    mass : float64[R, D + reasons]
        Output, zero on entry: sequences that reach a row and go on at dose d (column d), or end for reason r
        (column D + r - 1).

    Returns
    -------
    int
        Number of rows reached.
    """
    count = 0
    levels = states.shape[1]
    for s in range(states.shape[0]):
        dose = doses[s]
        patients = cells[0, states[s, dose]]
        dlts = cells[1, states[s, dose]]
        size, treated = next_cohort(plan, states[s], dose, cells[0])
        for toxic in range(size + 1):
            for level in range(levels):
                rows[count, level] = states[s, level]
            rows[count, dose] = cell(patients + size, dlts + toxic)
            row = find_or_add(rows, count, slots)
            if row == count:
                count += 1
            step = after_cohort(plan, rows[row], dose, treated + size, cells[0], cells[1])
            column = step if step >= 0 else levels - step - 1
            mass[row, column] += sequences[s] * binomials[size, toxic]
    return count
