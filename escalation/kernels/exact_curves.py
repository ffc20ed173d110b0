"""Where a trial under a curve plan goes after a cohort: the exact engine's rendering of the rules."""

import numpy as np

from escalation.kernels.codes import (
    ARRIVE,
    COHERENT_COHORT,
    COHERENT_DOSE,
    COHERENT_RECENT,
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
from escalation.kernels.jit import allocating, kernel
from escalation.kernels.limits import highest_after
from escalation.kernels.posterior import FAINT, believe, choose, highest_open, lowest_eliminated, total, weigh_in_logs
from escalation.kernels.stopping import final_reason, joint_reason, next_run, sooner


@kernel
def weigh(weight, scores, evidence, counts, posterior):
    """Posterior after the counts, a cell for each dose, to a constant factor; with `scores` the sum of these.

    Returns what `posterior.choose` calls its mass.
    """
    if scores:
        for cut in range(posterior.shape[0]):
            posterior[cut] = 0.0
        for dose in range(counts.shape[0]):
            part = evidence[dose, counts[dose]]
            for cut in range(posterior.shape[0]):
                posterior[cut] += part[cut]
        return 1.0
    for curve in range(posterior.shape[0]):  # a slice would be copied, to be safe
        posterior[curve] = weight[curve]
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
    return coherent != COHERENT_RECENT or toxic == 0


@allocating
def settle_curves(plan, evidence, packing, cells, binomials, columns, sizes, sequences, children, living, endings):
    """Decide for all children of the living states whether and where the trial goes on.

    Returns the numbers of living states and of endings. `evidence`, float64[D, C, G], is that of each cell, `columns`
    are those of the living states. In place of the parent of each way the column of `keep` that it leads to is left in
    `children`.
    """
    words, shifts, mask = packing
    rows, starts, parents, toxic = children
    conduct, runs, eliminates = plan.conduct, plan.conduct.runs, plan.conduct.eliminates.shape[1] > 0
    levels = words.shape[0]
    ends = levels * runs - 1  # the column of an ending, without its reason
    reasons, rules, joint = conduct.reasons, conduct.reasons.shape[1] > 0, conduct.joint.reasons.shape[0] > 0
    counts = np.empty(levels, np.int64)
    patients = np.empty(levels, np.int16)
    dlts = np.empty(levels, np.int16)
    posterior = np.empty(evidence.shape[2])
    believed = np.empty(conduct.joint.enough.shape[0], np.bool_)
    arrivals = np.zeros(levels * runs + REASONS)
    alive = ended = np.int64(0)  # not 0: what is called with a literal is compiled once more
    for r in range(rows.shape[0]):
        treated = toxicities = most = tried = top = np.int64(
            0
        )  # not 0: what is called with a literal is compiled once more
        for level in range(levels - 1, -1, -1):
            counts[level] = (rows[r, words[level]] >> shifts[level]) & mask
            patients[level] = cells[0, counts[level]]
            dlts[level] = cells[1, counts[level]]
            treated += patients[level]
            toxicities += dlts[level]
            most = max(most, patients[level])
            if patients[level] > 0:
                tried += 1
                top = max(top, level)
        full = treated >= conduct.max_patients
        titrating = conduct.titration and most == 1
        highest = np.int64(levels - 1)  # that is not eliminated
        if eliminates:
            highest = lowest_eliminated(conduct.eliminates, patients, dlts) - 1
        mass = weigh(plan.weight, plan.reading.kind == SCORE, evidence, counts, posterior)
        if mass < FAINT:
            mass = weigh_in_logs(plan.log_weight, plan.log_dlt, plan.log_no_dlt, patients, dlts, posterior)
        choice = choose(plan.reading, posterior, mass, levels, highest)  # NO_DOSE where the lowest dose is eliminated
        for way in range(starts[r], starts[r + 1]):
            size, toxic_sequences = sizes[parents[way]], binomials[sizes[parents[way]], toxic[way]]
            dose, run = np.int64(columns[parents[way]]), np.int64(1)
            if runs > 1:
                dose, run = dose // runs, dose % runs + 1
            allowed = highest_after(conduct.ceiling, conduct.tried_ceiling, dose, top, toxicities)
            if titrating:
                column = (min(dose + 1, allowed) if dlts[dose] == 0 else dose) * runs
                if full:
                    column = ends + MAX_PATIENTS
            elif choice == NO_DOSE:
                column = ends + (MAX_PATIENTS if full else TOO_TOXIC)
            else:
                in_cohort = toxic[way]
                if conduct.titration and patients[dose] == size + 1 and treated - patients[dose] == tried - 1:
                    size, in_cohort = patients[dose], dlts[dose]  # filled up: the titrated patient is one of the cohort
                if not may_escalate(plan.coherent, plan.target, size, in_cohort, patients[dose], dlts[dose]):
                    allowed = min(allowed, dose)
                if plan.one_up_until_dlt and toxicities == 0:
                    allowed = min(allowed, dose + 1)
                following = min(choice, allowed)
                if allowed < choice and plan.reading.kind == INTERVALS:
                    following = choose(plan.reading, posterior, mass, levels, allowed)
                floor = min(conduct.floor[dose], highest)
                if floor > following and plan.reading.kind == INTERVALS:
                    floor = highest_open(plan.reading, posterior, mass, floor)
                following = max(following, floor)
                reason = np.int64(0)
                if rules:
                    if following == dose:
                        reason = np.int64(reasons[STAY_AT, dose, patients[dose], dlts[dose]])
                    else:
                        reason = sooner(
                            np.int64(reasons[LEAVE, dose, patients[dose], dlts[dose]]),
                            np.int64(reasons[ARRIVE, following, patients[following], dlts[following]]),
                        )
                if joint:
                    believe(plan.beliefs, conduct.joint.enough, posterior, mass, following, believed)
                    found = joint_reason(conduct.joint, patients, dlts, dose, following, run, believed)
                    reason = sooner(reason, found)
                reason = final_reason(reason, full)
                column = following * runs + next_run(dose, following, run, runs)
                if reason > 0:
                    column = ends + reason
            arrivals[column] += sequences[parents[way]] * toxic_sequences
            parents[way] = column
        alive, ended = keep(rows, r, choice, arrivals, living, alive, endings, ended)
    return alive, ended
