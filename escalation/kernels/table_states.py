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
def next_cohort(plan, state, dose, cell_patients):
    """Size of the cohort that `dose` gets next, and the patients treated so far.

    Under titration doses are tried on one patient each; while no dose has had a second patient, an untried dose gets
    one patient, and the dose at which titration ended gets the rest of a cohort.
    """
    treated = 0
    most = 0
    for level in range(state.shape[0]):
        patients = cell_patients[state[level]]
        treated += patients
        most = max(most, patients)
    size = plan.cohort_size
    if plan.titration and most <= 1:
        size = 1 if state[dose] == 0 else plan.cohort_size - 1
    return min(size, plan.max_patients - treated), treated


@kernel
def highest_open(plan, state, dose, cells):
    """Highest dose below the eliminated ones; `dose`, where patients are being treated, is not among those."""
    for level in range(dose + 1, state.shape[0]):
        if plan.codes[level, cells[0, state[level]], cells[1, state[level]]] == ELIMINATE:
            return level - 1
    return state.shape[0] - 1


@kernel
def after_cohort(plan, state, dose, patients, dlts, treated, highest, cell_patients):
    """Dose of the next cohort, or minus the reason for which the trial ends.

    `state` holds the counts before the last cohort, given at `dose`, which now has `patients` and `dlts`; `treated`
    counts all patients.
    """
    full = treated >= plan.max_patients
    if plan.titration and patients == 1:
        if full:
            return -MAX_PATIENTS
        return min(dose + 1, highest) if dlts == 0 else dose

    code = plan.codes[dose, patients, dlts]
    next_dose = dose
    if code == ESCALATE:
        next_dose = min(dose + 1, highest)
    elif code == DE_ESCALATE:
        next_dose = max(dose - 1, 0)
    elif code == ELIMINATE:
        next_dose = dose - 1
    if next_dose < 0:
        return -MAX_PATIENTS if full else -TOO_TOXIC
    at_next = patients if next_dose == dose else cell_patients[state[next_dose]]
    if plan.completes[dose, patients, dlts] or at_next >= plan.cap:
        return -RULE_COMPLETE
    if full:
        return -MAX_PATIENTS
    if next_dose == dose and patients >= plan.enough:
        return -ENOUGH_AT_DOSE
    return next_dose


@kernel
def expand_table(plan, states, doses, sequences, cells, binomials, slots, rows, arrivals):
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
        Output: the different counts reached. Its last place is for a candidate only.
    arrivals : float64[R, D + reasons]
        Output, zero on entry: sequences that reach a row and go on at dose d (column d), or end for reason r
        (column D + r - 1).

    Returns
    -------
    int
        Number of rows reached; -1 when there are R or more.
    """
    count = 0
    levels = states.shape[1]
    for s in range(states.shape[0]):
        state = states[s]
        dose = doses[s]
        size, treated = next_cohort(plan, state, dose, cells[0])
        patients = cells[0, state[dose]] + size
        highest = highest_open(plan, state, dose, cells)
        for toxic in range(size + 1):
            dlts = cells[1, state[dose]] + toxic
            for level in range(levels):
                rows[count, level] = state[level]
            rows[count, dose] = cell(patients, dlts)
            row = find_or_add(rows, count, slots)
            if row == rows.shape[0] - 1:
                return -1
            if row == count:
                count += 1
            step = after_cohort(plan, state, dose, patients, dlts, treated + size, highest, cells[0])
            column = step if step >= 0 else levels - step - 1
            arrivals[row, column] += sequences[s] * binomials[size, toxic]
    return count
