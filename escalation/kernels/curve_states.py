"""Where a trial under a curve plan goes after a cohort: the exact engine's rendering of the rules."""

import numpy as np

from escalation.kernels.codes import (
    COHERENT_COHORT,
    COHERENT_DOSE,
    ENOUGH_AT_DOSE,
    MAX_PATIENTS,
    NO_DOSE,
    REASONS,
    SLACK,
    TOO_TOXIC,
)
from escalation.kernels.jit import kernel
from escalation.kernels.posterior import choose, total
from escalation.kernels.states import keep


@kernel
def model_choice(plan, likelihood, counts, posterior):
    """Dose the model recommends after the counts, a cell for each dose, or NO_DOSE. `posterior` is scratch space."""
    posterior[:] = plan.weight
    for dose in range(counts.shape[0]):
        if counts[dose] > 0:
            factor = likelihood[dose, counts[dose]]
            for curve in range(posterior.shape[0]):
                posterior[curve] *= factor[curve]
    return choose(plan, posterior, total(posterior))


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
def settle_curves(plan, likelihood, packing, cells, binomials, doses, sizes, sequences, children, living, endings):
    """Decide for all children of the living states whether and where the trial goes on.

    Parameters and answer as `table_states.settle_table`, and

    likelihood : float64[D, C, G]
        Likelihood of each cell at each dose under each curve, to a constant factor.
    """
    words, shifts, mask = packing
    rows, starts, parents, toxic = children
    levels = words.shape[0]
    counts = np.empty(levels, np.int64)
    posterior = np.empty(plan.weight.shape[0])
    arrivals = np.zeros(levels + REASONS)
    alive = ended = np.int64(0)  # not 0: what is called with a literal is compiled once more
    for r in range(rows.shape[0]):
        treated = 0
        for level in range(levels):
            counts[level] = (rows[r, words[level]] >> shifts[level]) & mask
            treated += cells[0, counts[level]]
        choice = model_choice(plan, likelihood, counts, posterior)
        for way in range(starts[r], starts[r + 1]):
            size = sizes[parents[way]]
            if treated >= plan.max_patients:
                column = levels + MAX_PATIENTS - 1
            elif choice == NO_DOSE:
                column = levels + TOO_TOXIC - 1
            else:
                dose = doses[parents[way]]
                patients, dlts = cells[0, counts[dose]], cells[1, counts[dose]]
                column = min(choice, ceiling_after(plan, levels, dose, size, toxic[way], patients, dlts))
                if cells[0, counts[column]] >= plan.stop_at:
                    column = levels + ENOUGH_AT_DOSE - 1
            arrivals[column] += sequences[parents[way]] * binomials[size, toxic[way]]
        alive, ended = keep(rows, r, choice, arrivals, living, alive, endings, ended)
    return alive, ended
