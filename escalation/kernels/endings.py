"""Probability of every ending of a trial under a truth.

Endings are listed with the counts at the lowest dose first in their order, so that neighbours mostly share the counts
at all but the highest doses. They are the leaves of a tree: a node at depth d stands for neighbours that share the
counts at the doses up to d. What the patients at these doses contribute is multiplied out once for all of them.
"""

import numpy as np

from escalation.kernels.exact_states import cell
from escalation.kernels.jit import allocating, at, kernel


@kernel
def branches(patients, dlts, ending, dose):
    """Whether an ending differs from the one before it at this dose; at the highest it always branches off.

    The same counts may have ended for different reasons: each ending is a leaf of its own.
    """
    if ending == 0 or dose == patients.shape[1] - 1:
        return True
    return patients[ending, dose] != patients[ending - 1, dose] or dlts[ending, dose] != dlts[ending - 1, dose]


@allocating
def count_nodes(patients, dlts, starts):
    """Where the nodes at each depth of the tree of endings start, int64[D + 1]; at last how many there are."""
    endings, levels = patients.shape
    starts[:] = 0
    for ending in range(endings):
        apart = False
        for dose in range(levels):
            apart = apart or branches(patients, dlts, ending, dose)
            if apart:  # adding the condition itself would take seven times as long
                starts[dose + 1] += 1
    for dose in range(levels):
        starts[dose + 1] += starts[dose]


@allocating
def grow_tree(patients, dlts, tree):
    """Fill in the cells and parents of the tree of endings, whose starts are as `count_nodes` leaves them."""
    endings, levels = patients.shape
    cells, parents, starts = tree
    free = starts[:-1].copy()
    for ending in range(endings):
        apart = False
        for dose in range(levels):
            apart = apart or branches(patients, dlts, ending, dose)
            if apart:
                cells[free[dose]] = cell(np.int64(patients[ending, dose]), np.int64(dlts[ending, dose]))
                parents[free[dose]] = free[dose - 1] - 1 if dose > 0 else 0
                free[dose] += 1


@allocating
def ending_probabilities(tree, sequences, cells, rates, seen, probability):
    """Multiply out the probability of each ending, float64[E]."""
    node_cells, parents, starts = tree
    levels = rates.shape[0]
    most = np.int64(cells[0, cells.shape[1] - 1])
    with_dlt, without = np.ones(most + 1), np.ones(most + 1)
    contribution = np.empty(cells.shape[1])
    product = np.empty(starts[levels - 1])
    for dose in range(levels):
        seen_without = seen[0, dose] - seen[1, dose]
        for number in range(most):
            with_dlt[number + 1] = with_dlt[number] * (rates[dose] if number >= seen[1, dose] else 1.0)
            without[number + 1] = without[number] * (1 - rates[dose] if number >= seen_without else 1.0)
        for pair in range(cells.shape[1]):
            contribution[pair] = with_dlt[at(cells[1, pair])] * without[at(cells[0, pair] - cells[1, pair])]
        for node in range(at(starts[dose]), at(starts[dose + 1])):
            upon = product[at(parents[node])] if dose > 0 else 1.0
            upon *= contribution[at(node_cells[node])]
            if dose < levels - 1:
                product[node] = upon
            else:
                ending = node - at(starts[dose])
                probability[ending] = sequences[ending] * upon
