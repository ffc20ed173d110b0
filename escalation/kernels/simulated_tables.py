"""Simulated trials under a table plan."""

import numpy as np

from escalation.kernels.clock import MOST_OF_A_COHORT, is_full, note_cohort, treat_cohort
from escalation.kernels.codes import (
    ARRIVE,
    DE_ESCALATE,
    ELIMINATE,
    ESCALATE,
    LEAVE,
    MAX_PATIENTS,
    NOT_DECIDED,
    NOTES,
    STAY_AT,
    TOO_TOXIC,
    UNDECIDED,
)
from escalation.kernels.jit import allocating, at, kernel
from escalation.kernels.limits import cohort_size, highest_after
from escalation.kernels.stopping import final_reason, joint_reason, next_run, sooner


@kernel
def lowest_eliminated(codes, patients, dlts):
    """The lowest dose that its counts, int16[D], eliminate; D for none."""
    for level in range(patients.shape[0]):
        if codes[level, patients[level], dlts[level]] == ELIMINATE:
            return level
    return patients.shape[0]


@allocating
def run_table_trials(plan, clock, limits, tolerances, keys, patients, dlts, reasons, times):
    """Run a block of trials, which begin with the counts that they have on entry, the same for all.

    One function: a call for each trial, which passes all arrays of the plan, would take a third of the time. Where the
    clock is running, `keys` and `times` are those of the trials, uint64[T] and float64[T, TIMES].
    """
    codes, conduct = plan
    sizes, reason_at, most = conduct.sizes, conduct.reasons, conduct.max_patients
    ceilings, tried_ceilings, no_belief = conduct.ceiling, conduct.tried_ceiling, np.empty(0, np.bool_)
    rules, joint = conduct.reasons.shape[1] > 0, conduct.joint.reasons.shape[0] > 0
    room = np.empty(limits.shape[0]), np.empty(MOST_OF_A_COHORT)
    noted = times.shape[1] > NOTES
    # All trials begin alike.
    first_highest = lowest_eliminated(codes, patients[0], dlts[0]) - 1
    # Not 0: what is called with a literal is compiled once more.
    first_enrolled = first_toxicities = largest = first_tried = np.int64(0)
    for level in range(limits.shape[0] - 1, -1, -1):
        n, y = patients[0, level], dlts[0, level]
        first_enrolled += n
        first_toxicities += y
        largest = max(largest, n)
        if n > 0:
            first_tried = max(first_tried, level)
    first_titrating = conduct.titration and largest <= 1
    there = np.int64(patients[0, conduct.start])
    first_size = cohort_size(conduct.sizes, conduct.trial_sizes, conduct.start, there, first_enrolled, first_toxicities)
    if first_titrating:
        first_titrating = patients[0, conduct.start] == 0
        first_size = 1 if first_titrating else sizes[0, 0] - 1  # the rest of this dose's cohort

    for trial in range(at(tolerances.shape[0])):
        dose, highest, size, titrating = conduct.start, first_highest, first_size, first_titrating
        enrolled, toxicities = first_enrolled, first_toxicities
        tried, run = first_tried, conduct.run
        reason = np.int64(0)
        while reason == 0:
            toxic = np.int64(0)
            limit = limits[at(dose)]
            last = min(enrolled + size, most)
            if clock.is_running:
                before, now = np.int64(patients[trial, at(dose)]), times[trial]
                treated, toxic = treat_cohort(
                    clock, dose, limit, last - enrolled, before, tolerances[trial], keys[trial], room, now
                )
                if treated == 0 and not is_full(clock, enrolled, most, now):
                    continue  # nobody was evaluable: nothing to decide on
                last = enrolled + treated
            else:
                for patient in range(enrolled, last):
                    if tolerances[trial, at(patient)] < limit:
                        toxic += 1
                if noted:
                    note_cohort(times[trial], tolerances[trial], limit, dose, enrolled, last)
            patients[trial, at(dose)] += last - enrolled
            dlts[trial, at(dose)] += toxic
            enrolled = last
            toxicities += toxic
            out_of_patients = enrolled >= most
            if clock.is_running:
                out_of_patients = is_full(clock, enrolled, most, times[trial])
            tried = max(tried, dose)
            run += 1

            if titrating:
                if out_of_patients:
                    reason = MAX_PATIENTS
                elif toxic == 0 and dose < highest_after(ceilings, tried_ceilings, dose, tried, toxicities):
                    dose += 1
                    titrating = patients[trial, dose] == 0
                else:
                    titrating = False
                if not titrating:
                    size = sizes[0, 0] - 1  # the rest of this dose's cohort
                run = 0
                continue

            code = codes[at(dose), at(patients[trial, at(dose)]), at(dlts[trial, at(dose)])]
            last_dose = dose
            if code == ELIMINATE:
                highest = min(highest, dose - 1)
            elif dose > highest:  # it was given all the same, and its counts may eliminate it no more
                highest = lowest_eliminated(codes, patients[trial], dlts[trial]) - 1
            if code == ESCALATE and dose < highest:
                dose = min(dose + 1, highest_after(ceilings, tried_ceilings, dose, tried, toxicities))
            elif code == DE_ESCALATE and dose > 0:
                dose -= 1
            dose = min(dose, highest)

            if dose < 0:
                reason = MAX_PATIENTS if out_of_patients else TOO_TOXIC
            elif code == UNDECIDED and last_dose <= highest and not out_of_patients:
                reason = NOT_DECIDED
            else:
                n, y = patients[trial, at(dose)], dlts[trial, at(dose)]
                if rules:
                    if dose == last_dose:
                        reason = np.int64(reason_at[STAY_AT, dose, n, y])
                    else:
                        left = reason_at[LEAVE, last_dose, patients[trial, last_dose], dlts[trial, last_dose]]
                        reason = sooner(np.int64(left), np.int64(reason_at[ARRIVE, dose, n, y]))
                if joint:
                    counts = patients[trial], dlts[trial]
                    found = joint_reason(conduct.joint, counts[0], counts[1], last_dose, dose, run, no_belief)
                    reason = sooner(reason, found)
                reason = final_reason(reason, out_of_patients)
                size = cohort_size(conduct.sizes, conduct.trial_sizes, dose, np.int64(n), enrolled, toxicities)
                run = next_run(last_dose, dose, run, conduct.runs)
        reasons[trial] = reason
