"""Where a trial under a curve plan goes after a cohort: the exact engine's rendering of the rules."""

import numpy as np

from escalation.kernels.codes import (
    ARRIVE,
    COHERENT_COHORT,
    COHERENT_DOSE,
    INTERVALS,
    LEAVE,
    MAX_PATIENTS,
    NO_DOSE,
    REASONS,
    SCORE,
    SLACK,
    STAY_AT,
    TOO_TOXIC,
)
from escalation.kernels.exact_states import keep
from escalation.kernels.jit import kernel
from escalation.kernels.posterior import choose, highest_open, total
from escalation.kernels.stopping import final_reason, joint_reason, sooner


@kernel
def weigh(weight, scores, evidence, counts, posterior):
    """Posterior after the counts, a cell for each dose, to a constant factor; with `scores` the sum of these.

    Returns what `posterior.choose` calls its mass.
    """
    if scores:
        posterior[:] = 0
        for dose in range(counts.shape[0]):
            part = evidence[dose, counts[dose]]
            for cut in range(posterior.shape[0]):
                posterior[cut] += part[cut]
        return 1.0
    posterior[:] = weight
    for dose in range(counts.shape[0]):
        if counts[dose] > 0:
            part = evidence[dose, counts[dose]]
            for curve in range(posterior.shape[0]):
                posterior[curve] *= part[curve]
    return total(posterior)


@kernel
def may_escalate(coherent, target, size, toxic, patients, dlts):
    """Whether `coherent` lets a dose above the last follow `toxic` DLTs in a cohort of `size`.

    `patients` and `dlts` are those at the last dose.
    """
    if coherent == COHERENT_COHORT:
        return toxic < (target - SLACK) * size
    if coherent == COHERENT_DOSE:
        return dlts <= (target + SLACK) * patients
    return True


@kernel
def settle_curves(plan, evidence, packing, cells, binomials, doses, sizes, sequences, children, living, endings):
    """Decide for all children of the living states whether and where the trial goes on.

    Returns the numbers of living states and of endings. `evidence`, float64[D, C, G], is that of each cell.
    """
    words, shifts, mask = packing
    rows, starts, parents, toxic = children
    conduct, ceiling = plan.conduct, plan.conduct.ceiling
    levels = words.shape[0]
    reasons, rules, joint = conduct.reasons, conduct.reasons.shape[1] > 0, conduct.joint.reasons.shape[0] > 0
    highest = np.int64(levels - 1)
    counts = np.empty(levels, np.int64)
    patients = np.empty(levels, np.int16)
    dlts = np.empty(levels, np.int16)
    posterior = np.empty(evidence.shape[2])
    arrivals = np.zeros(levels + REASONS)
    alive = ended = np.int64(0)  # not 0: what is called with a literal is compiled once more
    for r in range(rows.shape[0]):
        treated = toxicities = most = tried = 0
        for level in range(levels):
            counts[level] = (rows[r, words[level]] >> shifts[level]) & mask
            patients[level] = cells[0, counts[level]]
            dlts[level] = cells[1, counts[level]]
            treated += patients[level]
            toxicities += dlts[level]
            most = max(most, patients[level])
            tried += patients[level] > 0
        full = treated >= conduct.max_patients
        titrating = conduct.titration and most == 1
        mass = weigh(plan.weight, plan.reading.kind == SCORE, evidence, counts, posterior)
        choice = choose(plan.reading, posterior, mass, levels, highest)
        for way in range(starts[r], starts[r + 1]):
            size, toxic_sequences = sizes[parents[way]], binomials[sizes[parents[way]], toxic[way]]
            dose = np.int64(doses[parents[way]])
            allowed = dose if toxicities >= conduct.hold_at else ceiling[dose]
            if titrating:
                column = min(dose + 1, allowed) if dlts[dose] == 0 else dose
                if full:
                    column = levels + MAX_PATIENTS - 1
            elif choice == NO_DOSE:
                column = levels + (MAX_PATIENTS if full else TOO_TOXIC) - 1
            else:
                in_cohort = toxic[way]
                if conduct.titration and patients[dose] == size + 1 and treated - patients[dose] == tried - 1:
                    size, in_cohort = patients[dose], dlts[dose]  # filled up: the titrated patient is one of the cohort
                if not may_escalate(plan.coherent, plan.target, size, in_cohort, patients[dose], dlts[dose]):
                    allowed = min(allowed, dose)
                if plan.one_up_until_dlt and toxicities == 0:
                    allowed = min(allowed, dose + 1)
                column = min(choice, allowed)
                if allowed < choice and plan.reading.kind == INTERVALS:
                    column = choose(plan.reading, posterior, mass, levels, allowed)
                floor = conduct.floor[dose]
                if floor > column and plan.reading.kind == INTERVALS:
                    floor = highest_open(plan.reading, posterior, mass, floor)
                column = max(column, floor)
                reason = np.int64(0)
                if rules:
                    if column == dose:
                        reason = np.int64(reasons[STAY_AT, dose, patients[dose], dlts[dose]])
                    else:
                        reason = sooner(
                            np.int64(reasons[LEAVE, dose, patients[dose], dlts[dose]]),
                            np.int64(reasons[ARRIVE, column, patients[column], dlts[column]]),
                        )
                if joint:
                    reason = sooner(reason, joint_reason(conduct.joint, patients, dlts, dose, column))
                reason = final_reason(reason, full)
                if reason > 0:
                    column = levels + reason - 1
            arrivals[column] += sequences[parents[way]] * toxic_sequences
        alive, ended = keep(rows, r, choice, arrivals, living, alive, endings, ended)
    return alive, ended
