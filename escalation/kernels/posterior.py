"""What a model-based design reads off its posterior: a weight for each dose-toxicity curve."""

from escalation.kernels.codes import NO_DOSE, SLACK
from escalation.kernels.jit import kernel


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
def choose(plan, posterior, mass):
    """Dose that the model holds closest to the target, the lower of two; NO_DOSE when the lowest is too toxic.

    `posterior` need not sum to one; `mass` is its sum.
    """
    if plan.too_toxic.shape[0] > 0:
        excess = dot(posterior, plan.too_toxic) / mass
        if excess > plan.too_toxic_threshold + SLACK:
            return NO_DOSE
    if plan.plugin:
        estimate = dot(posterior, plan.parameter) / mass
        dose = 0
        while dose < plan.cuts.shape[0] and estimate > plan.cuts[dose] + SLACK:
            dose += 1
        return dose
    closest = 0
    distance = abs(dot(posterior, plan.rates[0]) / mass - plan.target)
    for dose in range(1, plan.rates.shape[0]):
        candidate = abs(dot(posterior, plan.rates[dose]) / mass - plan.target)
        if candidate < distance - SLACK:
            closest = dose
            distance = candidate
    return closest
