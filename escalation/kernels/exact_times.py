"""How the days of a trial go along with its states, beside the rules: the exact engine's clock."""

import numpy as np

from escalation.kernels.codes import REASONS
from escalation.kernels.jit import allocating


@allocating
def follow_days(told, binomials, children, led, columns, opening, closing, living, endings):
    """Mean and variance of the days to each state after a cohort, from those to the states before it.

    `told` are of these the doses, sizes, sequences and days. Each child has its ways, as `children` had them before
    decisions were taken; `led` is where each leads to, the first `columns` to living states. The states are written in
    the order of `exact_states.keep`. `opening` and `closing`, float64[D, m + 1, m + 1, 2], are the mean and variance of
    the days of a cohort that another follows, and of a last one, by dose, size and DLTs.
    """
    doses, sizes, sequences, days = told
    _, starts, parents, toxic = children
    arrivals = np.zeros(columns + REASONS)
    mean, variance = np.zeros(columns + REASONS), np.zeros(columns + REASONS)
    alive = ended = np.int64(0)  # not 0: what is called with a literal is compiled once more
    for r in range(starts.shape[0] - 1):
        for way in range(starts[r], starts[r + 1]):
            parent, column = parents[way], led[way]
            dose, size, dlts = doses[parent], sizes[parent], toxic[way]
            ways = sequences[parent] * binomials[size, dlts]
            arrivals[column] += ways
            # Each way is averaged in with its share of all so far; the first replaces what an earlier row left.
            share = ways / arrivals[column]
            table = opening if column < columns else closing
            apart = days[parent, 0] + table[dose, size, dlts, 0] - mean[column]
            own = days[parent, 1] + table[dose, size, dlts, 1]
            mean[column] += share * apart
            variance[column] += share * (own - variance[column] + (1 - share) * apart * apart)
        for reached in range(arrivals.shape[0]):
            if arrivals[reached] > 0:
                if reached < columns:
                    living[alive, 0] = mean[reached]
                    living[alive, 1] = variance[reached]
                    alive += 1
                else:
                    endings[ended, 0] = mean[reached]
                    endings[ended, 1] = variance[reached]
                    ended += 1
            arrivals[reached] = 0
    return alive, ended
