"""What a model-based design reads off its posterior: a weight for each dose-toxicity curve."""

import numpy as np

from escalation.kernels.codes import INTERVALS, NO_DOSE, PLUG_IN, SCORE, SLACK
from escalation.kernels.jit import kernel

FAINT = 1e-250
"""Below this mass a posterior is worked out anew in logarithms: what may have underflowed is as nothing before that."""


@kernel
def dot(left, right):
    """Inner product, in four interleaved sums: one would wait for each addition before it starts the next."""
    length = left.shape[0]
    a = b = c = d = 0.0
    whole = length - length % 4
    for i in range(0, whole, 4):
        a += left[i] * right[i]
        b += left[i + 1] * right[i + 1]
        c += left[i + 2] * right[i + 2]
        d += left[i + 3] * right[i + 3]
    for i in range(whole, length):
        a += left[i] * right[i]
    return (a + b) + (c + d)


@kernel
def total(values):
    """Sum, in four interleaved sums."""
    length = values.shape[0]
    a = b = c = d = 0.0
    whole = length - length % 4
    for i in range(0, whole, 4):
        a += values[i]
        b += values[i + 1]
        c += values[i + 2]
        d += values[i + 3]
    for i in range(whole, length):
        a += values[i]
    return (a + b) + (c + d)


@kernel
def weigh_in_logs(log_weight, log_dlt, log_no_dlt, patients, dlts, posterior):
    """Posterior after counts at each dose, int[D], to a constant factor: where weights and likelihoods underflow.

    Sums of logarithms, of which the largest is taken off: one curve has a weight of one. Returns the sum.
    """
    largest = -np.inf
    for curve in range(posterior.shape[0]):
        log = log_weight[curve]
        for dose in range(patients.shape[0]):
            log += dlts[dose] * log_dlt[dose, curve] + (patients[dose] - dlts[dose]) * log_no_dlt[dose, curve]
        posterior[curve] = log
        largest = max(largest, log)
    for curve in range(posterior.shape[0]):
        posterior[curve] = np.exp(posterior[curve] - largest)
    return total(posterior)


@kernel
def choose(reading, posterior, mass, levels, highest):
    """Dose that the model prefers among those up to `highest`, the lower of two; NO_DOSE when the lowest is too toxic.

    `posterior` need not sum to one; `mass` is its sum. Under SCORE it holds the slope of the log likelihood at each
    cut: positive where the likelihood is largest above the cut.
    """
    functions = reading.functions
    dose = first = 0
    if reading.too_toxic:
        if dot(posterior, functions[0]) / mass > reading.too_toxic_threshold + SLACK:
            return NO_DOSE
        first = 1
    if reading.kind == SCORE:
        while dose < posterior.shape[0] and posterior[dose] > SLACK:
            dose += 1
        return min(dose, highest)
    if reading.kind == PLUG_IN:
        estimate = dot(posterior, functions[first]) / mass
        while dose < levels - 1 and estimate > reading.cuts[dose] + SLACK:
            dose += 1
        return min(dose, highest)
    if reading.kind == INTERVALS:
        best, largest = NO_DOSE, -1.0
        for dose in range(highest + 1):
            if dot(posterior, functions[first + 2 * dose + 1]) / mass > reading.ewoc + SLACK:
                break  # and so is every higher dose
            share = dot(posterior, functions[first + 2 * dose]) / mass
            if share > largest + SLACK:
                best, largest = dose, share
        return best
    closest = 0
    distance = abs(dot(posterior, functions[first]) / mass - reading.target)
    for dose in range(1, levels):
        candidate = abs(dot(posterior, functions[first + dose]) / mass - reading.target)
        if candidate < distance - SLACK:
            closest = dose
            distance = candidate
    return min(closest, highest)


@kernel
def highest_open(reading, posterior, mass, highest):
    """Highest dose up to `highest` that is not excluded as a probable overdose; under INTERVALS only."""
    first = 1 if reading.too_toxic else 0
    dose = -1
    while dose < highest:
        if dot(posterior, reading.functions[first + 2 * (dose + 1) + 1]) / mass > reading.ewoc + SLACK:
            break
        dose += 1
    return dose


@kernel
def within_limits(reading, posterior, mass, levels, choice, ceiling, floor):
    """Dose that is given where the model prefers `choice`: among doses up to `ceiling`, and not below `floor`."""
    dose = min(choice, ceiling)
    if reading.kind == INTERVALS:
        if ceiling < choice:
            dose = choose(reading, posterior, mass, levels, ceiling)
        if floor > dose:
            floor = highest_open(reading, posterior, mass, floor)
    return max(dose, floor)


@kernel
def lowest_eliminated(eliminates, patients, dlts):
    """The lowest dose that its counts, int16[D], eliminate whatever a model says; D for none."""
    for level in range(patients.shape[0]):
        if eliminates[level, patients[level], dlts[level]]:
            return np.int64(level)
    return np.int64(patients.shape[0])


@kernel
def believe(functions, enough, posterior, mass, dose, believed):
    """Whether what rules ask of a dose is probable enough, written to `believed`, bool[B].

    `functions`, float64[B, D, G], are those whose posterior means are the probabilities.
    """
    for belief in range(enough.shape[0]):
        believed[belief] = dot(posterior, functions[belief, dose]) / mass >= enough[belief] - SLACK
