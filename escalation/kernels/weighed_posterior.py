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
from escalation.kernels.jit import at, kernel

# Columns of those pending, as of `kernels.late_onset`: index of the dose, day of treatment.
DOSE, ENTRY = 0, 1
# Columns of the DLTs of a trial, in the order of their patients: the last day of observation, share of the window,
# number of the cohort.
LAST_DAY, SHARE, COHORT_OF_DLT = 0, 1, 2
OF_DLT = 3

NEGLIGIBLE = 1e-21
"""A curve with a smaller share of the posterior is left out from then on."""

NOTHING = 1e-14
"""Where those left out may have come to a larger share, all curves are weighed anew."""


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
def learn_outcomes(rates, learned, patients, dlts, waiting, posterior, within):
    """Multiply a posterior by the outcomes that have become known since; `learned`, int64[2, D], are those before.

    Returns `within` anew: the curves from one to another that are kept up, and bounds on the mass of those before and
    after. Before them are higher rates than the first one's, after them lower ones than the last one's.
    """
    first, end, before, after = within
    for dose in range(patients.shape[0]):
        for outcome in (NO_DLT, DLT):
            known = dlts[dose] if outcome == DLT else patients[dose] - dlts[dose] - waiting[dose]
            while learned[outcome, dose] < known:
                learned[outcome, dose] += 1
                for curve in range(at(first), at(end)):
                    posterior[curve] *= rates[outcome, dose, curve]
                if outcome == DLT:
                    after *= rates[DLT, dose, end - 1]
                else:
                    before *= rates[NO_DLT, dose, first]
    return first, end, before, after


@kernel
def weigh_pending(rates, posterior, who, weights, pending, within, weighed):
    """The posterior times 1 - w p of each pending patient, written to `weighed`: of two at a time."""
    first, end, _, _ = within
    alone = pending % 2
    if alone == 1:
        dose, weight = np.int64(who[0, DOSE]), weights[0]
        for curve in range(at(first), at(end)):
            weighed[curve] = posterior[curve] * (1 - weight * rates[DLT, dose, curve])
    else:
        for curve in range(at(first), at(end)):
            weighed[curve] = posterior[curve]
    for place in range(alone, pending, 2):
        dose, weight = np.int64(who[place, DOSE]), weights[place]
        other, others = np.int64(who[place + 1, DOSE]), weights[place + 1]
        for curve in range(at(first), at(end)):
            one = 1 - weight * rates[DLT, dose, curve]
            weighed[curve] *= one * (1 - others * rates[DLT, other, curve])


@kernel
def weigh_in_logs(log_weight, log_rates, rates, learned, who, weights, pending, weighed):
    """The same from the prior on, where likelihoods underflow or curves were left out: the largest is one."""
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


@kernel
def sum_up(functions, weighed, within, sums):
    """The sum of weights of curves, and their sums with functions, float64[F, G], which are written to `sums`.

    Of two functions at a time, each in four interleaved sums; see `posterior.dot`.
    """
    mass = 0.0
    first, end, _, _ = within
    for function in range(0, max(functions.shape[0], 1), 2):
        f = functions[function] if function < functions.shape[0] else weighed
        g = functions[function + 1] if function + 1 < functions.shape[0] else f
        a0 = a1 = a2 = a3 = b0 = b1 = b2 = b3 = c0 = c1 = c2 = c3 = 0.0
        whole = end - (end - first) % 4
        for i in range(at(first), at(whole), at(4)):
            w0, w1, w2, w3 = weighed[i], weighed[i + at(1)], weighed[i + at(2)], weighed[i + at(3)]
            a0 += w0
            a1 += w1
            a2 += w2
            a3 += w3
            b0 += w0 * f[i]
            b1 += w1 * f[i + at(1)]
            b2 += w2 * f[i + at(2)]
            b3 += w3 * f[i + at(3)]
            c0 += w0 * g[i]
            c1 += w1 * g[i + at(1)]
            c2 += w2 * g[i + at(2)]
            c3 += w3 * g[i + at(3)]
        for i in range(at(whole), at(end)):
            a0 += weighed[i]
            b0 += weighed[i] * f[i]
            c0 += weighed[i] * g[i]
        mass = (a0 + a1) + (a2 + a3)
        if function < functions.shape[0]:
            sums[function] = (b0 + b1) + (b2 + b3)
        if function + 1 < functions.shape[0]:
            sums[function + 1] = (c0 + c1) + (c2 + c3)
    return mass


@kernel
def leave_out(posterior, weighed, mass, within):
    """Which curves are kept up from then on, where rates are ordered by curve: `within` anew."""
    first, end, before, after = within
    while posterior[first] < NEGLIGIBLE * mass:
        before += posterior[first]
        weighed[first] = 0.0
        first += 1
    while posterior[end - 1] < NEGLIGIBLE * mass:
        end -= 1
        after += posterior[end]
        weighed[end] = 0.0
    return first, end, before, after


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
