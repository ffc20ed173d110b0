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
from escalation.kernels.jit import allocating, at, kernel
from escalation.kernels.limits import highest_after
from escalation.kernels.stopping import final_reason, joint_reason, next_run, sooner


@kernel
def move(code, dose, highest):
    """Dose that a decision leads to, none above `highest`; -1 below the lowest dose when that is eliminated."""
    if code == ESCALATE:
        return min(dose + 1, highest)
    if code == DE_ESCALATE:
        return min(max(dose - 1, 0), highest)
    return min(dose, highest)


@allocating
def settle_table(plan, packing, cells, binomials, columns, sizes, sequences, children, living, endings):
    """Decide for all children of the living states whether and where the trial goes on.

    Returns the numbers of living states and of endings. `columns` are those of the living states. In place of the
    parent of each way the column of `keep` that it leads to is left in `children`.
    """
    words, shifts, mask = packing
    rows, starts, parents, toxic = children
    codes, conduct = plan
    runs, no_belief = conduct.runs, np.empty(0, np.bool_)
    levels = words.shape[0]
    ends = levels * runs - 1  # the column of an ending, without its reason
    reasons, rules, joint = conduct.reasons, conduct.reasons.shape[1] > 0, conduct.joint.reasons.shape[0] > 0
    patients = np.empty(levels, np.int16)
    dlts = np.empty(levels, np.int16)
    arrivals = np.zeros(levels * runs + REASONS)
    alive = ended = np.int64(0)  # not 0: what is called with a literal is compiled once more
    for r in range(rows.shape[0]):
        treated = toxicities = most = tried = np.int64(0)  # not 0: what is called with a literal is compiled once more
        eliminated = levels  # the lowest eliminated dose
        for level in range(levels - 1, -1, -1):
            number = at((rows[r, at(words[level])] >> shifts[level]) & mask)
            patients[level] = cells[0, number]
            dlts[level] = cells[1, number]
            treated += patients[level]
            toxicities += dlts[level]
            most = max(most, patients[level])
            if patients[level] > 0:
                tried = max(tried, level)
            if codes[level, at(patients[level]), at(dlts[level])] == ELIMINATE:
                eliminated = level
        full = treated >= conduct.max_patients
        titrating = conduct.titration and most == 1
        highest = levels - 1 if titrating else eliminated - 1

        for way in range(starts[r], starts[r + 1]):
            parent = at(parents[way])
            dose, run = np.int64(columns[parent]), np.int64(1)
            if runs > 1:
                dose, run = dose // runs, dose % runs + 1
            code = codes[at(dose), at(patients[at(dose)]), at(dlts[at(dose)])]
            if titrating:
                code = ESCALATE if dlts[dose] == 0 else STAY
            next_dose = move(code, dose, highest)
            if next_dose > dose:
                next_dose = min(
                    next_dose, highest_after(conduct.ceiling, conduct.tried_ceiling, dose, tried, toxicities)
                )
            column = next_dose * runs + (0 if titrating else next_run(dose, next_dose, run, runs))
            if next_dose < 0:
                column = ends + (MAX_PATIENTS if full else TOO_TOXIC)
            elif code == UNDECIDED and dose <= highest and not full:
                column = ends + NOT_DECIDED
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
                    found = joint_reason(conduct.joint, patients, dlts, dose, next_dose, run, no_belief)
                    reason = sooner(reason, found)
                reason = final_reason(reason, full)
                if reason > 0:
                    column = ends + reason
            arrivals[at(column)] += sequences[parent] * binomials[at(sizes[parent]), at(toxic[way])]
            parents[at(way)] = column
        alive, ended = keep(rows, r, np.int64(NO_DOSE), arrivals, living, alive, endings, ended)
    return alive, ended
