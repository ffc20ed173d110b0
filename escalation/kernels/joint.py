"""Decisions by DLTs and responses together, the choice of the optimal dose, and simulated trials of such designs.

`plan` is a `JointArrays`. Of a dose n patients, t DLTs, e responses and the sum of utilities w are looked at.
"""

import numpy as np

from escalation.kernels.clock import uniform
from escalation.kernels.codes import (
    BELOW,
    BESIDE,
    ENOUGH_AT_DOSE,
    FUTILE,
    FUTILITY,
    HIGHEST,
    MAX_PATIENTS,
    NO_DOSE,
    NOTHING_TRIED,
    RANDOM,
    SLACK,
    TOO_TOXIC,
)
from escalation.kernels.jit import allocating, at, kernel
from escalation.kernels.limits import cohort_size
from escalation.kernels.selection import pool_adjacent_violators

DRAW = np.uint64(2**32)
"""Number of the first random number for which of equally desirable doses is next; before it are those of patients."""


@kernel
def toxic_from(plan, n, t):
    """The lowest dose that its counts, int64[D], eliminate with all above; D for none."""
    for level in range(n.shape[0]):
        if plan.toxic[at(n[level]), at(t[level])]:
            return level
    return n.shape[0]


@kernel
def is_open(plan, dose, closed_from, n, e):
    """Whether a dose may be given: not too toxic, nor futile."""
    return dose < closed_from and not plan.futile[at(n[dose]), at(e[dose])]


@kernel
def next_doses(plan, dose, n, t, e, w, found):
    """The doses of which one is next after a cohort at `dose`, to `found`, int64[3]; and how many they are, 0 for none.

    They are equally desirable.
    """
    closed_from = toxic_from(plan, n, t)
    move = plan.moves[at(n[dose]), at(t[dose])]
    lower, higher = dose - 1, dose + 1
    while lower >= 0 and not is_open(plan, lower, closed_from, n, e):
        lower -= 1
    while higher < closed_from and not is_open(plan, higher, closed_from, n, e):
        higher += 1
    if higher >= closed_from:
        higher = -1
    stays = is_open(plan, dose, closed_from, n, e)
    if move == BELOW:
        if lower < 0 and not stays:
            return np.int64(0)
        found[0] = lower if lower >= 0 else dose
        return np.int64(1)
    if not stays and lower < 0 and (move == BESIDE or higher < 0):
        return np.int64(0)
    if n[dose] >= plan.explore_from and higher >= 0 and n[higher] == 0:
        found[0] = higher
        return np.int64(1)
    best, count = -1, np.int64(0)
    for place in range(2 if move == BESIDE else 3):
        candidate = lower if place == 0 else dose if place == 1 else higher
        if candidate < 0 or (place == 1 and not stays):
            continue
        rank = plan.ranks[at(n[candidate]), at(w[candidate] // plan.unit)]
        if rank > best:
            best, count = rank, np.int64(0)
        if rank == best:
            found[count] = candidate
            count += 1
    if plan.ties == RANDOM:
        return count
    if plan.ties == HIGHEST:
        found[0] = found[count - 1]
    return np.int64(1)


@kernel
def why_none(plan, n, t):
    """Why no dose is next: TOO_TOXIC or FUTILITY."""
    return TOO_TOXIC if toxic_from(plan, n, t) == 0 else FUTILITY


@kernel
def closest_tolerated(plan, n, t, room, sizes):
    """The tried dose, not eliminated, whose isotonic DLT rate is closest to the limit, the highest of equal ones.

    NO_DOSE for none; `room`, float64[4, D], and `sizes`, int64[D], are scratch space.
    """
    tried = np.int64(0)  # not 0: what is called with a literal is compiled once more
    for level in range(n.shape[0]):
        if n[level] > 0:
            room[0, tried], room[1, tried] = t[level] / n[level], 1.0
            tried += 1
    pool_adjacent_violators(room[0], room[1], tried, room[2], room[3], sizes)
    closest, distance, place = NO_DOSE, np.inf, 0
    for level in range(toxic_from(plan, n, t)):
        if n[level] > 0:
            apart = abs(room[2, place] - plan.limit)
            if apart <= distance + SLACK:
                closest, distance = level, apart
            place += 1
    return closest


@kernel
def most_useful(plan, highest, n, e, w):
    """The optimal dose: the largest posterior mean utility of tried doses up to the highest that are not futile.

    The lowest of equal ones; else NO_DOSE, FUTILE or NOTHING_TRIED.
    """
    if highest < 0:
        return NO_DOSE
    best, over, under, none = -1, np.int64(0), np.int64(1), NOTHING_TRIED
    for level in range(highest + 1):
        if n[level] == 0:
            continue
        if plan.futile[at(n[level]), at(e[level])]:
            none = FUTILE
        elif (100 + w[level]) * under > over * (2 + n[level]):
            best, over, under = level, 100 + w[level], 2 + n[level]
    return best if best >= 0 else none


@allocating
def run_joint_trials(plan, limits, rates, tolerances, keys, patients, dlts, responses, recommended, reasons, optimal):
    """Run a block of trials, which begin with the counts that they have on entry, the same for all.

    A patient has a DLT with a tolerance below `limits`, int64[D], and a response with a random number below `rates`,
    float64[D, 2], by whether there is a DLT. `responses`, int16[T, D, 2], are those of patients without and with one.
    """
    levels, most = limits.shape[0], plan.most
    n, t, e, w = np.empty((4, levels), np.int64)
    start = np.empty((4, levels), np.int64)
    room, sizes, found = np.empty((4, levels)), np.empty(levels, np.int64), np.empty(3, np.int64)
    first = first_toxicities = np.int64(0)
    for level in range(levels):
        start[0, level], start[1, level] = patients[0, level], dlts[0, level]
        well, ill = np.int64(responses[0, level, 0]), np.int64(responses[0, level, 1])
        start[2, level] = well + ill
        start[3, level] = worth(plan, start[0, level], start[1, level], well, ill)
        first += start[0, level]
        first_toxicities += start[1, level]
    for trial in range(at(tolerances.shape[0])):
        key, dose, reason, drawn = keys[trial], plan.start, np.int64(0), DRAW
        enrolled, toxicities = first, first_toxicities
        for level in range(levels):
            n[level], t[level], e[level], w[level] = start[0, level], start[1, level], start[2, level], start[3, level]
        while reason == 0:
            size = cohort_size(plan.sizes, plan.trial_sizes, dose, n[dose], enrolled, toxicities)
            last = min(enrolled + size, most)
            for patient in range(enrolled, last):
                toxic = np.int64(tolerances[trial, at(patient)] < limits[at(dose)])
                responds = np.int64(uniform(key, np.uint64(patient)) < rates[at(dose), at(toxic)])
                t[dose] += toxic
                toxicities += toxic
                e[dose] += responds
                responses[trial, at(dose), at(toxic)] += responds
                w[dose] += plan.worth[at(toxic), at(responds)]
            n[dose] += last - enrolled
            enrolled = last
            count = next_doses(plan, dose, n, t, e, w, found)
            if count == 0:
                reason = np.int64(why_none(plan, n, t))
            elif n[dose] >= plan.enough:
                reason = np.int64(ENOUGH_AT_DOSE)
            elif enrolled >= most:
                reason = np.int64(MAX_PATIENTS)
            elif count == 1:
                dose = found[0]
            else:
                dose = found[at(uniform(key, drawn) * count)]
                drawn += np.uint64(1)
        for level in range(levels):
            patients[trial, level], dlts[trial, level] = n[level], t[level]
        closest = closest_tolerated(plan, n, t, room, sizes)
        recommended[trial], reasons[trial] = closest, reason
        if reason == FUTILITY:
            optimal[trial] = FUTILE
        else:
            optimal[trial] = most_useful(plan, closest, n, e, w)


@kernel
def worth(plan, n, t, well, ill):
    """Sum of utilities of n patients with t DLTs, with responses of those without and with a DLT."""
    none, eff, tox, both = plan.utilities[0], plan.utilities[1], plan.utilities[2], plan.utilities[3]
    return eff * well + none * (n - t - well) + both * ill + tox * (t - ill)


@allocating
def closest_of_each(plan, patients, dlts, recommended):
    """The dose that `closest_tolerated` gives for counts at each dose, int16[E, D]."""
    levels = patients.shape[1]
    n, t = np.empty((2, levels), np.int64)
    room, sizes = np.empty((4, levels)), np.empty(levels, np.int64)
    for ending in range(patients.shape[0]):
        for level in range(levels):
            n[level], t[level] = patients[ending, level], dlts[ending, level]
        recommended[ending] = closest_tolerated(plan, n, t, room, sizes)
