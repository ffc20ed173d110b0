"""Simulated trials under a curve plan. The posterior after one cohort is the prior of the next."""

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
from escalation.kernels.posterior import choose, total

SMALL = 1e-100


@kernel
def learn(posterior, factor):
    """Multiply the posterior by a cohort's likelihood; return its sum, kept well above underflow."""
    for curve in range(posterior.shape[0]):
        posterior[curve] *= factor[curve]
    mass = total(posterior)
    if mass < SMALL:
        for curve in range(posterior.shape[0]):
            posterior[curve] /= mass
        mass = total(posterior)
    return mass


@kernel
def highest_tried(patients, dose):
    """Highest dose with patients, not above `dose`; NO_DOSE when there is none."""
    while dose >= 0 and patients[dose] == 0:
        dose -= 1
    return dose


@kernel
def run_curve_trial(plan, likelihoods, limits, tolerances, patients, dlts, posterior):
    """Run one trial; fill the counts per dose and return the recommended dose and why the trial ended."""
    posterior[:] = plan.weight
    dose = plan.start
    enrolled = 0
    while True:
        size = min(plan.cohort_size, plan.max_patients - enrolled)
        toxic = 0
        limit = limits[dose]
        for patient in range(enrolled, enrolled + size):
            if tolerances[patient] < limit:
                toxic += 1
        enrolled += size
        patients[dose] += size
        dlts[dose] += toxic

        mass = learn(posterior, likelihoods[dose, 0 if size == plan.cohort_size else 1, toxic])
        choice = choose(plan, posterior, mass)
        recommended = choice if plan.recommend_untried else highest_tried(patients, choice)
        if enrolled >= plan.max_patients:
            return recommended, MAX_PATIENTS
        if choice == NO_DOSE:
            return NO_DOSE, TOO_TOXIC

        highest = limits.shape[0] - 1
        if plan.no_skip:
            highest = min(highest, dose + 1)
        if plan.coherent == COHERENT_COHORT and toxic / size >= plan.target - SLACK:
            highest = dose
        elif plan.coherent == COHERENT_DOSE and dlts[dose] / patients[dose] > plan.target + SLACK:
            highest = dose
        next_dose = min(choice, highest)
        if patients[next_dose] >= plan.stop_at:
            return recommended, ENOUGH_AT_DOSE
        dose = next_dose


@kernel
def run_curve_trials(plan, likelihoods, limits, tolerances, patients, dlts, recommended, reasons):
    """Run a block of trials.

    Parameters and outputs as `table_trials.run_table_trials`, and

    likelihoods : float64[D, 2, m + 1, G]
        likelihoods[d, 0, y]: likelihood of a full cohort with y DLTs at dose d under each curve, to a constant factor;
        likelihoods[d, 1, y]: that of a smaller, last cohort.
    recommended : int16[T]
        Output: the dose each trial recommends, or NO_DOSE.
    """
    posterior = np.empty(plan.weight.shape[0])
    for trial in range(tolerances.shape[0]):
        dose, reason = run_curve_trial(
            plan, likelihoods, limits, tolerances[trial], patients[trial], dlts[trial], posterior
        )
        recommended[trial] = dose
        reasons[trial] = reason
