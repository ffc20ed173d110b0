"""The recommended dose at the end of a trial under a table plan."""

import numpy as np

from escalation.kernels.codes import ELIMINATE, NO_DOSE, SLACK
from escalation.kernels.jit import allocating, at, kernel


@kernel
def pool_adjacent_violators(values, weights, length, fitted, block_weights, sizes):
    """Weighted isotonic (non-decreasing) regression of the first `length` values, written to `fitted`.

    Equal neighbours are pooled too, so that doses with the same estimate share it to the last bit. `block_weights`
    and `sizes` are scratch space: an allocation takes as long as the rest.
    """
    blocks = 0
    for i in range(length):
        fitted[at(blocks)] = values[i]
        block_weights[at(blocks)] = weights[i]
        sizes[at(blocks)] = 1
        while blocks > 0 and fitted[at(blocks - 1)] > fitted[at(blocks)] - SLACK:
            low, high = at(blocks - 1), at(blocks)
            both = block_weights[low] + block_weights[high]
            fitted[low] = (block_weights[low] * fitted[low] + block_weights[high] * fitted[high]) / both
            block_weights[low] = both
            sizes[low] += sizes[high]
            blocks -= 1
        blocks += 1
    end = length
    for block in range(blocks - 1, -1, -1):
        estimate = fitted[block]
        for i in range(end - sizes[block], end):
            fitted[i] = estimate
        end -= sizes[block]


@kernel
def closest_dose(fitted, length, target, bound):
    """Index of the estimate closest to the target among the first `length` that are not above the bound, or NO_DOSE.

    Among equal estimates below the target the highest dose wins, otherwise the lowest; of two estimates equally far
    from the target on either side, the lower.
    """
    closest = NO_DOSE
    distance = np.inf
    for i in range(length):
        if fitted[i] > bound + SLACK:
            continue
        candidate = abs(fitted[i] - target)
        tie = abs(candidate - distance) <= SLACK
        if (not tie and candidate < distance) or (tie and fitted[i] < target - SLACK):
            closest = i
            distance = candidate
    return closest


@allocating
def recommend_isotonic(patients, dlts, codes, estimates, precisions, target, bound, recommended):
    """Recommend the dose whose isotonic estimate is closest to the target, over tried doses below eliminated ones.

    `estimates` and `precisions`, float64[N + 1, N + 1]: estimated DLT rate and its weight, by patients and DLTs; larger
    estimates than `bound` are not recommended.
    """
    levels = patients.shape[1]
    values = np.empty(levels)
    weights = np.empty(levels)
    fitted = np.empty(levels)
    block_weights = np.empty(levels)
    sizes = np.empty(levels, np.int64)
    dose_of = np.empty(levels, np.int64)
    for ending in range(patients.shape[0]):
        tried = np.int64(0)  # not 0: what is called with a literal is compiled once more
        for dose in range(levels):
            n = patients[ending, dose]
            y = dlts[ending, dose]
            if codes[dose, at(n), at(y)] == ELIMINATE:
                break
            if n > 0:
                values[at(tried)] = estimates[at(n), at(y)]
                weights[at(tried)] = precisions[at(n), at(y)]
                dose_of[at(tried)] = dose
                tried += 1
        pool_adjacent_violators(values, weights, tried, fitted, block_weights, sizes)
        closest = closest_dose(fitted, tried, target, bound)
        recommended[ending] = NO_DOSE if closest == NO_DOSE else dose_of[closest]


@kernel
def recommend_highest(patients, dlts, codes, cleared, recommended):
    """Recommend the highest cleared dose below eliminated ones; `cleared`, bool[N + 1, N + 1], by patients and DLTs."""
    for ending in range(patients.shape[0]):
        recommended[ending] = NO_DOSE
        for dose in range(patients.shape[1]):
            n = patients[ending, dose]
            y = dlts[ending, dose]
            if codes[dose, at(n), at(y)] == ELIMINATE:
                break
            if cleared[at(n), at(y)]:
                recommended[ending] = dose
