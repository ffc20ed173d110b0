"""What a model's curves weigh while patients are pending, each with the likelihood 1 - w p; see `plans.weighed_curves`.

An outcome is multiplied into a posterior once, when it becomes known; pending patients are anew at each decision.

Curves that the data have left behind are no longer kept up. What they would weigh is bounded: where rates are ordered
by curve, no outcome multiplies it by more than the likelihood of the first, or the last, curve that is kept up, or by
one. Where the bound is not next to nothing all curves are weighed anew.

All that is known of curves is in the rows of one array, because each array that is passed takes time: POSTERIOR,
WEIGHED, LOG_WEIGHT; F functions that the model looks at; then for each dose the rate of no DLT, of a DLT, and their
logarithms, the first of them in row `rates`, float64[3 + F + 4 D, G].
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
POSTERIOR, WEIGHED, LOG_WEIGHT, FUNCTIONS = 0, 1, 2, 3

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
def learn_outcomes(book, rates, learned, patients, dlts, waiting, within):
    """Multiply the posterior by the outcomes that have become known since; `learned`, int64[2, D], are those before.

    Returns `within` anew: the curves from one to another that are kept up, and bounds on the mass of those before and
    after. Before them are higher rates than the first one's, after them lower ones than the last one's.
    """
    first, end, before, after = within
    levels = patients.shape[0]
    for dose in range(levels):
        for outcome in (NO_DLT, DLT):
            known = dlts[dose] if outcome == DLT else patients[dose] - dlts[dose] - waiting[dose]
            row = at(rates + outcome * levels + dose)
            while learned[outcome, dose] < known:
                learned[outcome, dose] += 1
                for curve in range(at(first), at(end)):
                    book[POSTERIOR, curve] *= book[row, curve]
                if outcome == DLT:
                    after *= book[row, at(end - 1)]
                else:
                    before *= book[row, at(first)]
    return first, end, before, after


@kernel
def weigh_pending(book, dlt_rates, who, weights, pending, within):
    """The posterior times 1 - w p of each pending patient, of two at a time."""
    first, end, _, _ = within
    alone = pending % 2
    if alone == 1:
        row, weight = at(dlt_rates + np.int64(who[0, DOSE])), weights[0]
        for curve in range(at(first), at(end)):
            book[WEIGHED, curve] = book[POSTERIOR, curve] * (1 - weight * book[row, curve])
    else:
        for curve in range(at(first), at(end)):
            book[WEIGHED, curve] = book[POSTERIOR, curve]
    for place in range(alone, pending, 2):
        row, weight = at(dlt_rates + np.int64(who[place, DOSE])), weights[place]
        other, others = at(dlt_rates + np.int64(who[place + 1, DOSE])), weights[place + 1]
        for curve in range(at(first), at(end)):
            one = 1 - weight * book[row, curve]
            book[WEIGHED, curve] *= one * (1 - others * book[other, curve])


@kernel
def weigh_in_logs(book, rates, learned, who, weights, pending, written):
    """Row `written` from the prior on, where likelihoods underflow or curves were left out: the largest is one."""
    largest, levels = -np.inf, learned.shape[1]
    for curve in range(book.shape[1]):
        log = book[LOG_WEIGHT, curve]
        for outcome in (NO_DLT, DLT):
            for dose in range(levels):
                if learned[outcome, dose] > 0:
                    log += learned[outcome, dose] * book[rates + (2 + outcome) * levels + dose, curve]
        for place in range(pending):
            log += np.log1p(-weights[place] * book[rates + levels + np.int64(who[place, DOSE]), curve])
        book[written, curve] = log
        largest = max(largest, log)
    for curve in range(book.shape[1]):
        book[written, curve] = np.exp(book[written, curve] - largest)


@kernel
def sum_up(book, functions, within, sums):
    """The sum of what curves weigh, and their sums with the functions, float64[F], which are written to `sums`.

    Of two functions at a time, each in four interleaved sums; see `posterior.dot`.
    """
    mass = 0.0
    first, end, _, _ = within
    whole = end - (end - first) % 4
    for function in range(0, max(functions, 1), 2):
        f, g = at(FUNCTIONS + function), at(FUNCTIONS + min(function + 1, functions - 1))
        a0 = a1 = a2 = a3 = b0 = b1 = b2 = b3 = c0 = c1 = c2 = c3 = 0.0
        for i in range(at(first), at(whole), at(4)):
            i1, i2, i3 = i + at(1), i + at(2), i + at(3)
            w0, w1, w2, w3 = book[WEIGHED, i], book[WEIGHED, i1], book[WEIGHED, i2], book[WEIGHED, i3]
            a0 += w0
            a1 += w1
            a2 += w2
            a3 += w3
            b0 += w0 * book[f, i]
            b1 += w1 * book[f, i1]
            b2 += w2 * book[f, i2]
            b3 += w3 * book[f, i3]
            c0 += w0 * book[g, i]
            c1 += w1 * book[g, i1]
            c2 += w2 * book[g, i2]
            c3 += w3 * book[g, i3]
        for i in range(at(whole), at(end)):
            a0 += book[WEIGHED, i]
            b0 += book[WEIGHED, i] * book[f, i]
            c0 += book[WEIGHED, i] * book[g, i]
        mass = (a0 + a1) + (a2 + a3)
        sums[function] = (b0 + b1) + (b2 + b3)
        sums[min(function + 1, functions - 1)] = (c0 + c1) + (c2 + c3)
    return mass


@kernel
def leave_out(book, mass, within):
    """Which curves are kept up from then on, where rates are ordered by curve: `within` anew."""
    first, end, before, after = within
    while book[POSTERIOR, first] < NEGLIGIBLE * mass:
        before += book[POSTERIOR, first]
        book[WEIGHED, first] = 0.0
        first += 1
    while book[POSTERIOR, end - 1] < NEGLIGIBLE * mass:
        end -= 1
        after += book[POSTERIOR, end]
        book[WEIGHED, end] = 0.0
    return first, end, before, after


@kernel
def weigh_anew(book, rates, learned, who, weights, pending, functions, sums):
    """All curves from the prior on; returns what they weigh."""
    weigh_in_logs(book, rates, learned, who, weights, np.int64(0), np.int64(POSTERIOR))
    weigh_in_logs(book, rates, learned, who, weights, pending, np.int64(WEIGHED))
    return sum_up(book, functions, (np.int64(0), np.int64(book.shape[1]), 0.0, 0.0), sums)


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
