"""Expectations over all endings of a trial, under many truths.

The same tree as in `kernels.endings` is gone through twice: up, from the lowest dose to the endings, for their
probabilities; and back, adding up at every node what lies beyond it, for the mean counts at its dose.
"""

import numpy as np

from escalation.kernels.jit import allocating, at


@allocating
def expected_counts(tree, weights, cells, classes, seen, days, rates, shares, patients, dlts, durations):
    """Weigh the endings of a trial by their probabilities, under each truth.

    `weights`, float64[E]: sequences, times a weight where not all endings count alike; `classes`, int16[E], from 0 to K
    - 1; `days`, float64[E], or none where they are not wanted. Written are the weight of each class, `shares`,
    float64[T, K], the weighted sums of the counts at each dose, float64[T, D], and of the days, float64[T].
    """
    node_cells, parents, starts = tree
    truths, levels = rates.shape
    most = np.int64(cells[0, cells.shape[1] - 1])
    treated, toxic = cells[0].astype(np.float64), cells[1].astype(np.float64)
    with_dlt, without = np.ones(most + 1), np.ones(most + 1)
    contribution = np.empty(cells.shape[1])
    product, mass = np.empty(starts[levels - 1]), np.empty(starts[levels - 1])
    first_ending = at(starts[levels - 1])
    top, timed = levels - 1, days.shape[0] > 0
    shares[:] = 0.0
    for truth in range(truths):
        for dose in range(levels):
            rate = rates[truth, dose]
            seen_without = seen[0, dose] - seen[1, dose]
            for number in range(most):
                with_dlt[number + 1] = with_dlt[number] * (rate if number >= seen[1, dose] else 1.0)
                without[number + 1] = without[number] * (1 - rate if number >= seen_without else 1.0)
            for pair in range(cells.shape[1]):
                contribution[pair] = with_dlt[at(cells[1, pair])] * without[at(cells[0, pair] - cells[1, pair])]
            if dose == top:
                break
            for node in range(at(starts[dose]), at(starts[dose + 1])):
                upon = product[at(parents[node])] if dose > 0 else 1.0
                product[node] = upon * contribution[at(node_cells[node])]
        mass[:] = 0.0
        sum_patients = sum_dlts = sum_days = 0.0
        for ending in range(at(weights.shape[0])):
            node = first_ending + ending
            parent, pair = at(parents[node]), at(node_cells[node])
            share = weights[ending] * contribution[pair]
            if top > 0:
                share *= product[parent]
                mass[parent] += share
            shares[truth, at(classes[ending])] += share
            sum_patients += share * treated[pair]
            sum_dlts += share * toxic[pair]
            if timed:
                sum_days += share * days[ending]
        patients[truth, top], dlts[truth, top], durations[truth] = sum_patients, sum_dlts, sum_days
        for dose in range(top - 1, -1, -1):
            sum_patients = sum_dlts = 0.0
            for node in range(at(starts[dose]), at(starts[dose + 1])):
                share, pair = mass[node], at(node_cells[node])
                if dose > 0:
                    mass[at(parents[node])] += share
                sum_patients += share * treated[pair]
                sum_dlts += share * toxic[pair]
            patients[truth, dose], dlts[truth, dose] = sum_patients, sum_dlts
