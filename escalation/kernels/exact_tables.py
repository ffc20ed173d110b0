"""Where a trial under a table plan goes after a cohort: the exact engine's rendering of the rules."""

import numpy as np

from escalation.kernels.codes import (
    ARRIVE,
    DE_ESCALATE,
    ELIMINATE,
    ESCALATE,
    LEAVE,
    MAX_PATIENTS,
    NO_DOSE,
    NOT_DECIDED,
    REASONS,
    STAY,
    STAY_AT,
    TOO_TOXIC,
    UNDECIDED,
)
from escalation.kernels.exact_states import keep
from escalation.kernels.jit import at, kernel
from escalation.kernels.stopping import final_reason, joint_reason, sooner


@kernel
def move(code, dose, highest):
    """Dose that a decision leads to; -1 below the lowest dose when that is eliminated."""
    if code == ESCALATE:
        return min(dose + 1, highest)
    if code == DE_ESCALATE:
        return max(dose - 1, 0)
    if code == ELIMINATE:
        return dose - 1
    return dose


@kernel
def settle_table(plan, packing, cells, binomials, doses, sizes, sequences, children, living, endings):
    """Decide for all children of the living states whether and where the trial goes on.

    Returns the numbers of living states and of endings.
    """
    words, shifts, mask = packing
    rows, starts, parents, toxic = children
    codes, conduct = plan
    ceiling = conduct.ceiling
    levels = words.shape[0]
    reasons, rules, joint = conduct.reasons, conduct.reasons.shape[1] > 0, conduct.joint.reasons.shape[0] > 0
    patients = np.empty(levels, np.int16)
    dlts = np.empty(levels, np.int16)
    arrivals = np.zeros(levels + REASONS)
    alive = ended = np.int64(0)  # not 0: what is called with a literal is compiled once more
    for r in range(rows.shape[0]):
        treated = toxicities = most = 0
        eliminated = levels  # the lowest eliminated dose
        for level in range(levels - 1, -1, -1):
            number = at((rows[r, at(words[level])] >> shifts[level]) & mask)
            patients[level] = cells[0, number]
            dlts[level] = cells[1, number]
            treated += patients[level]
            toxicities += dlts[level]
            most = max(most, patients[level])
            if codes[level, at(patients[level]), at(dlts[level])] == ELIMINATE:
                eliminated = level
        full = treated >= conduct.max_patients
        titrating = conduct.titration and most == 1

        for way in range(starts[r], starts[r + 1]):
            parent = at(parents[way])
            dose = np.int64(doses[parent])
            code = codes[at(dose), at(patients[at(dose)]), at(dlts[at(dose)])]
            if titrating:
                code = ESCALATE if dlts[dose] == 0 else STAY
            next_dose = move(code, dose, eliminated - 1)
            if next_dose > dose:
                next_dose = dose if toxicities >= conduct.hold_at else min(next_dose, ceiling[dose])
            column = next_dose
            if next_dose < 0:
                column = levels + (MAX_PATIENTS if full else TOO_TOXIC) - 1
            elif code == UNDECIDED and not full:
                column = levels + NOT_DECIDED - 1
            else:
                reason = np.int64(0)
                if rules and not titrating:
                    if next_dose == dose:
                        reason = np.int64(reasons[STAY_AT, dose, patients[dose], dlts[dose]])
                    else:
                        reason = sooner(
                            np.int64(reasons[LEAVE, dose, patients[dose], dlts[dose]]),
                            np.int64(reasons[ARRIVE, next_dose, patients[next_dose], dlts[next_dose]]),
                        )
                if joint and not titrating:
                    reason = sooner(reason, joint_reason(conduct.joint, patients, dlts, dose, next_dose))
                reason = final_reason(reason, full)
                if reason > 0:
                    column = levels + reason - 1
            arrivals[at(column)] += sequences[parent] * binomials[at(sizes[parent]), at(toxic[way])]
        alive, ended = keep(rows, r, np.int64(NO_DOSE), arrivals, living, alive, endings, ended)
    return alive, ended
