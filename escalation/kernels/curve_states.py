"""One cohort of every possible trial under a curve plan: the step of the exact engine."""

import numpy as np

from escalation.kernels.codes import (
    COHERENT_COHORT,
    COHERENT_DOSE,
    ENOUGH_AT_DOSE,
    MAX_PATIENTS,
    NO_DOSE,
    SLACK,
    TOO_TOXIC,
)
from escalation.kernels.jit import kernel
from escalation.kernels.posterior import choose
from escalation.kernels.states import cell, find_or_add


@kernel
def model_choice(plan, likelihood, row, posterior):
    """Dose the model recommends after the counts in `row`, or NO_DOSE. `posterior` is scratch space."""
    posterior[:] = plan.weight
    for dose in range(row.shape[0]):
        if row[dose] > 0:
            factor = likelihood[dose, row[dose]]
            for curve in range(posterior.shape[0]):
                posterior[curve] *= factor[curve]
    return choose(plan, posterior, posterior.sum())


@kernel
def ceiling_after(plan, levels, dose, size, toxic, patients, dlts):
    """Highest dose the next cohort may get after `toxic` DLTs in a cohort of `size` at `dose`."""
    if plan.coherent == COHERENT_COHORT and toxic >= (plan.target - SLACK) * size:
        return dose
    if plan.coherent == COHERENT_DOSE and dlts > (plan.target + SLACK) * patients:
        return dose
    if plan.no_skip:
        return min(dose + 1, levels - 1)
    return levels - 1


@kernel
def expand_curves(plan, likelihood, states, doses, sequences, cells, binomials, slots, rows, arrivals, choices):
    """Treat one cohort in every living state, in every way it can turn out.

    Parameters and answer as `table_states.expand_table`, and

    likelihood : float64[D, C, G]
        Likelihood of each cell at each dose under each curve, to a constant factor.
    choices : int8[R]
        Output: the model's choice after each row, or NO_DOSE.
    """
    count = 0
    levels = states.shape[1]
    posterior = np.empty(plan.weight.shape[0])
    for s in range(states.shape[0]):
        dose = doses[s]
        treated = 0
        for level in range(levels):
            treated += cells[0, states[s, level]]
        size = min(plan.cohort_size, plan.max_patients - treated)
        patients = cells[0, states[s, dose]] + size
        for toxic in range(size + 1):
            dlts = cells[1, states[s, dose]] + toxic
            for level in range(levels):
                rows[count, level] = states[s, level]
            rows[count, dose] = cell(patients, dlts)
            row = find_or_add(rows, count, slots)
            if row == rows.shape[0] - 1:
                return -1
            if row == count:
                choices[row] = model_choice(plan, likelihood, rows[row], posterior)
                count += 1

            next_dose = min(choices[row], ceiling_after(plan, levels, dose, size, toxic, patients, dlts))
            column = next_dose
            if treated + size >= plan.max_patients:
                column = levels + MAX_PATIENTS - 1
            elif choices[row] == NO_DOSE:
                column = levels + TOO_TOXIC - 1
            elif cells[0, rows[row, next_dose]] >= plan.stop_at:
                column = levels + ENOUGH_AT_DOSE - 1
            arrivals[row, column] += sequences[s] * binomials[size, toxic]
    return count
