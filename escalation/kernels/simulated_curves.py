"""Simulated trials under a curve plan. The posterior after one cohort is the prior of the next."""

import numpy as np

from escalation.kernels.clock import MOST_OF_A_COHORT, is_full, note_cohort, treat_cohort
from escalation.kernels.codes import (
    ARRIVE,
    COHERENT_COHORT,
    COHERENT_DOSE,
    COHERENT_RECENT,
    INTERVALS,
    LEAVE,
    MAX_PATIENTS,
    NO_DOSE,
    NOTES,
    SCORE,
    SLACK,
    STAY_AT,
    TOO_TOXIC,
)
from escalation.kernels.jit import allocating, kernel
from escalation.kernels.limits import cohort_size, highest_after
from escalation.kernels.posterior import FAINT, believe, choose, highest_open, lowest_eliminated, total, weigh_in_logs
from escalation.kernels.stopping import final_reason, joint_reason, next_run, sooner


@kernel
def learn(scores, posterior, part):
    """Multiply the posterior by a cohort's likelihood, or with `scores` add the cohort's; return its sum."""
    if scores:
        for cut in range(posterior.shape[0]):
            posterior[cut] += part[cut]
        return 1.0
    for curve in range(posterior.shape[0]):
        posterior[curve] *= part[curve]
    return total(posterior)


@kernel
def highest_tried(patients, dose):
    """Highest dose with patients, not above `dose`; NO_DOSE when there is none."""
    while dose >= 0 and patients[dose] == 0:
        dose -= 1
    return dose


@kernel
def run_curve_trial(plan, clock, told, limits, tolerances, key, counts, room, now):
    """Run one trial from the counts that it begins with; return the recommended dose and why the trial ended."""
    evidence, places = told
    patients, dlts = counts
    posterior, believed, days = room
    conduct = plan.conduct
    reading, scores = plan.reading, plan.reading.kind == SCORE
    for place in range(posterior.shape[0]):  # a slice would be copied, to be safe
        posterior[place] = plan.weight[place]
    levels = limits.shape[0]
    eliminates = conduct.eliminates.shape[1] > 0
    dose, run = conduct.start, conduct.run
    enrolled = toxicities = largest = tried = np.int64(0)  # not 0: what is called with a literal is compiled once more
    for level in range(levels - 1, -1, -1):
        enrolled += patients[level]
        toxicities += dlts[level]
        largest = max(largest, patients[level])
        if patients[level] > 0:
            tried = max(tried, level)
    highest = np.int64(levels - 1)  # that is not eliminated
    if eliminates:
        highest = lowest_eliminated(conduct.eliminates, patients, dlts) - 1
    titrating, filling = conduct.titration and largest <= 1, False
    size = cohort_size(conduct.sizes, conduct.trial_sizes, dose, np.int64(patients[dose]), enrolled, toxicities)
    if titrating:
        titrating, filling = patients[dose] == 0, patients[dose] > 0
        size = 1 if titrating else conduct.sizes[0, 0] - 1  # the rest of this dose's cohort
    mass = total(posterior)
    while True:
        size = min(size, conduct.max_patients - enrolled)
        toxic = np.int64(0)
        limit = limits[dose]
        if clock.is_running:
            before = np.int64(patients[dose])
            treated, toxic = treat_cohort(clock, dose, limit, size, before, tolerances, key, days, now)
            if treated == 0 and not is_full(clock, enrolled, conduct.max_patients, now):
                continue  # nobody was evaluable: nothing to decide on
            size = treated
        else:
            for patient in range(enrolled, enrolled + size):
                if tolerances[patient] < limit:
                    toxic += 1
            if now.shape[0] > NOTES:
                note_cohort(now, tolerances, limit, dose, enrolled, enrolled + size)
        enrolled += size
        toxicities += toxic
        patients[dose] += size
        dlts[dose] += toxic
        out_of_patients = enrolled >= conduct.max_patients
        if clock.is_running:
            out_of_patients = is_full(clock, enrolled, conduct.max_patients, now)
        tried = max(tried, dose)
        run += 1
        if eliminates:
            highest = lowest_eliminated(conduct.eliminates, patients, dlts) - 1
        ceiling = highest_after(conduct.ceiling, conduct.tried_ceiling, dose, tried, toxicities)

        if size > 0:
            mass = learn(scores, posterior, evidence[dose, places[size], toxic])
        if mass < FAINT:
            mass = weigh_in_logs(plan.log_weight, plan.log_dlt, plan.log_no_dlt, patients, dlts, posterior)
        if titrating and not out_of_patients:
            if toxic == 0 and dose < ceiling:
                dose += 1
                titrating = patients[dose] == 0
            else:
                titrating = False
            if not titrating:
                filling = True
                size = conduct.sizes[0, 0] - 1  # the rest of this dose's cohort
            run = 0
            continue

        choice = choose(reading, posterior, mass, levels, highest)
        recommended = choice if plan.recommend_untried else highest_tried(patients, choice)
        if titrating:
            return recommended, MAX_PATIENTS
        if choice == NO_DOSE:
            return NO_DOSE, MAX_PATIENTS if out_of_patients else TOO_TOXIC

        if plan.one_up_until_dlt and toxicities == 0:
            ceiling = min(ceiling, dose + 1)
        if filling:  # the titrated patient is one of the cohort
            size, toxic, filling = patients[dose], dlts[dose], False
        if plan.coherent == COHERENT_COHORT and toxic / size >= plan.target - SLACK:
            ceiling = dose
        elif plan.coherent == COHERENT_DOSE and dlts[dose] / patients[dose] > plan.target + SLACK:
            ceiling = dose
        elif plan.coherent == COHERENT_RECENT and toxic > 0:
            ceiling = dose
        last_dose = dose
        dose = min(choice, ceiling)
        if ceiling < choice and reading.kind == INTERVALS:
            dose = choose(reading, posterior, mass, levels, ceiling)
        floor = min(conduct.floor[last_dose], highest)
        if floor > dose and reading.kind == INTERVALS:
            floor = highest_open(reading, posterior, mass, floor)
        dose = max(dose, floor)
        reason = np.int64(0)
        if conduct.reasons.shape[1] > 0:
            if dose == last_dose:
                reason = np.int64(conduct.reasons[STAY_AT, dose, patients[dose], dlts[dose]])
            else:
                left = conduct.reasons[LEAVE, last_dose, patients[last_dose], dlts[last_dose]]
                reason = sooner(np.int64(left), np.int64(conduct.reasons[ARRIVE, dose, patients[dose], dlts[dose]]))
        if conduct.joint.reasons.shape[0] > 0:
            believe(plan.beliefs, conduct.joint.enough, posterior, mass, dose, believed)
            found = joint_reason(conduct.joint, patients, dlts, last_dose, dose, run, believed)
            reason = sooner(reason, found)
        reason = final_reason(reason, out_of_patients)
        if reason > 0:
            return recommended, reason
        run = next_run(last_dose, dose, run, conduct.runs)
        size = cohort_size(conduct.sizes, conduct.trial_sizes, dose, np.int64(patients[dose]), enrolled, toxicities)


@allocating
def run_curve_trials(plan, clock, told, limits, tolerances, keys, patients, dlts, recommended, reasons, times):
    """Run a block of trials, which begin with the counts that they have on entry, the same for all.

    `told` are what a cohort says and the places of its sizes: n patients with y DLTs at dose d say `evidence[d,
    places[n], y]`, float64[D, P, m + 1, G]. Where the clock is running, `keys` and `times` are those of the trials.
    """
    room = (
        np.empty(told[0].shape[3]),
        np.empty(plan.conduct.joint.enough.shape[0], np.bool_),
        (np.empty(limits.shape[0]), np.empty(MOST_OF_A_COHORT)),
    )
    for trial in range(tolerances.shape[0]):
        timed = trial if clock.is_running or times.shape[1] > NOTES else 0
        counts = patients[trial], dlts[trial]
        dose, reason = run_curve_trial(
            plan, clock, told, limits, tolerances[trial], keys[timed], counts, room, times[timed]
        )
        recommended[trial] = dose
        reasons[trial] = reason
