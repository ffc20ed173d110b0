"""What a model prefers while patients are pending, each with the likelihood 1 - w p; see `plans.weighed_curves`.

An outcome is multiplied into a posterior once, when it becomes known; pending patients are anew at each decision. Few
arrays are passed, because each that is passed to a function takes time.
"""

import numpy as np

from escalation.kernels.codes import (
    COHERENT_COHORT,
    COHERENT_DOSE,
    COHERENT_RECENT,
    DLT,
    NO_DLT,
    SLACK,
)
from escalation.kernels.jit import kernel
from escalation.kernels.posterior import FAINT, total

# Columns of those pending, as of `kernels.late_onset`: index of the dose, day of treatment.
DOSE, ENTRY = 0, 1
# Columns of the DLTs of a trial, in the order of their patients: the last day of observation, share of the window,
# number of the cohort.
LAST_DAY, SHARE, COHORT_OF_DLT = 0, 1, 2
OF_DLT = 3


@kernel
def weigh_follow_up(told, window, who, pending, edges, pieces, weights):
    """Weights of pending patients by a day: what has passed of the window, in pieces of equal weight."""
    for place in range(pending):
        share = max((told - who[place, ENTRY]) / window, 0.0)
        piece = 0
        while piece < pieces - 1 and edges[piece + 1] <= share:
            piece += 1
        weights[place] = (piece + (share - edges[piece]) / (edges[piece + 1] - edges[piece])) / pieces


@kernel
def divide_window(by, toxic, treated, edges):
    """Edges of the pieces into which the DLTs known by a day divide the window; returns how many pieces there are.

    `toxic` are the `treated` patients of the trial who have one, whether or not it is known.
    """
    edges[0], pieces = 0.0, 1
    for row in range(treated):
        if toxic[row, LAST_DAY] <= by:
            place = pieces
            while edges[place - 1] > toxic[row, SHARE]:
                edges[place] = edges[place - 1]
                place -= 1
            edges[place] = toxic[row, SHARE]
            pieces += 1
    edges[pieces] = 1.0
    return pieces


@kernel
def learn_outcomes(rates, learned, patients, dlts, waiting, posterior):
    """Multiply a posterior by the outcomes that have become known since; `learned`, int64[2, D], are those before."""
    for dose in range(patients.shape[0]):
        for outcome in (NO_DLT, DLT):
            known = dlts[dose] if outcome == DLT else patients[dose] - dlts[dose] - waiting[dose]
            while learned[outcome, dose] < known:
                learned[outcome, dose] += 1
                for curve in range(posterior.shape[0]):
                    posterior[curve] *= rates[outcome, dose, curve]


@kernel
def weigh_pending(rates, posterior, who, weights, pending, weighed):
    """The posterior times 1 - w p of each pending patient, written to `weighed`: of two at a time."""
    first = pending % 2
    if first == 1:
        dose, weight = np.int64(who[0, DOSE]), weights[0]
        for curve in range(posterior.shape[0]):
            weighed[curve] = posterior[curve] * (1 - weight * rates[DLT, dose, curve])
    else:
        weighed[:] = posterior
    for place in range(first, pending, 2):
        dose, weight = np.int64(who[place, DOSE]), weights[place]
        other, others = np.int64(who[place + 1, DOSE]), weights[place + 1]
        for curve in range(posterior.shape[0]):
            one = 1 - weight * rates[DLT, dose, curve]
            weighed[curve] *= one * (1 - others * rates[DLT, other, curve])


@kernel
def weigh_all_in_logs(log_weight, log_rates, learned, rates, who, weights, pending, weighed):
    """The same from the prior on, where likelihoods underflow: the largest is one. Returns the sum."""
    largest = -np.inf
    for curve in range(weighed.shape[0]):
        log = log_weight[curve]
        for outcome in (NO_DLT, DLT):
            for dose in range(learned.shape[1]):
                if learned[outcome, dose] > 0:
                    log += learned[outcome, dose] * log_rates[outcome, dose, curve]
        for place in range(pending):
            log += np.log1p(-weights[place] * rates[DLT, np.int64(who[place, DOSE]), curve])
        weighed[curve] = log
        largest = max(largest, log)
    for curve in range(weighed.shape[0]):
        weighed[curve] = np.exp(weighed[curve] - largest)
    return total(weighed)


@kernel
def weigh_posterior(model, learned, patients, dlts, waiting, who, weights, pending, posterior, weighed):
    """Posterior with the pending patients, to a constant factor, written to `weighed`; returns its sum.

    `posterior` has the outcomes `learned`, int64[2, D], and learns those that are known by now.
    """
    rates = model.rates
    learn_outcomes(rates, learned, patients, dlts, waiting, posterior)
    weigh_pending(rates, posterior, who, weights, pending, weighed)
    mass = total(weighed)
    if mass < FAINT:
        mass = weigh_all_in_logs(model.log_weight, model.log_rates, learned, rates, who, weights, pending, weighed)
    return mass


@kernel
def known_in_cohort(by, toxic, treated, cohort):
    """DLTs in a cohort that are known by a day."""
    known = 0
    for row in range(treated):
        known += toxic[row, COHORT_OF_DLT] == cohort and toxic[row, LAST_DAY] <= by
    return known


@kernel
def is_incoherent(coherent, target, patients, dlts, in_cohort, recent):
    """Whether `coherent` lets no higher dose follow DLTs of patients at a dose, and of those in its last cohort.

    `in_cohort` are its patients and DLTs; `recent` the DLTs that have become known since the dose was decided on.
    """
    if coherent == COHERENT_COHORT:
        size, toxic = in_cohort
        return toxic >= (target - SLACK) * size
    if coherent == COHERENT_DOSE:
        return dlts > (target + SLACK) * patients
    return coherent == COHERENT_RECENT and recent > 0
