"""The exact engine for designs that decide by DLTs and responses: one cohort more for many states, under all truths.

A state is a whole number: the counts at each dose, each numbered among those that a trial can come to, and the dose of
the next cohort. It has a probability under each truth. `plan` is a `JointArrays`, `cells` a `JointCells`.

States of trials that go on are merged. Of trials that end only what is asked of them is summed: the counts of patients
and DLTs, merged likewise, the responses at each dose, and the optimal dose.
"""

import numpy as np

from escalation.kernels.codes import ENOUGH_AT_DOSE, FUTILE, FUTILITY, MAX_PATIENTS, TOO_TOXIC
from escalation.kernels.exact_states import cell
from escalation.kernels.jit import allocating, at, kernel
from escalation.kernels.joint import closest_tolerated, judge, most_useful, next_doses, why_none, worth
from escalation.kernels.limits import cohort_size

SPREAD = np.uint64(0x9E3779B97F4A7C15)
"""2^64 over the golden ratio: products with it are spread over the places."""

ENDS = 4
"""Ways to end: TOO_TOXIC, FUTILITY, ENOUGH_AT_DOSE, MAX_PATIENTS, in this order."""


@kernel
def place_of(states, key):
    """The place of a state, or the empty one where it belongs."""
    last = np.uint64(states.places.shape[0] - 1)
    z = key * SPREAD
    place = (z ^ (z >> np.uint64(29))) & last
    while states.places[at(place)] != 0 and states.keys[at(states.places[at(place)] - 1)] != key:
        place = (place + np.uint64(1)) & last
    return place


@kernel
def row_of(states, key):
    """The row of a state, which is added where it is not there yet; there is room."""
    place = place_of(states, key)
    row = states.places[at(place)] - 1
    if row < 0:
        row = states.used[0]
        states.used[0] += 1
        states.places[at(place)] = row + 1
        states.keys[at(row)] = key
        for truth in range(states.mass.shape[1]):
            states.mass[at(row), at(truth)] = 0.0
    return row


@kernel
def place_all(states):
    """Find the places of states anew, in empty ones."""
    for row in range(states.used[0]):
        states.places[at(place_of(states, states.keys[at(row)]))] = row + 1


@kernel
def unpacked(cells, counts, n, t, well, ill):
    """The counts at each dose from their number; and that number for each dose, to `counts[1:]`."""
    rest = counts
    for level in range(n.shape[0]):
        code = np.int64(rest % cells.base)
        rest = rest // cells.base
        n[level], t[level] = cells.patients[at(code)], cells.dlts[at(code)]
        well[level], ill[level] = cells.responses[at(code), 0], cells.responses[at(code), 1]


@allocating
def treat_cohorts(plan, cells, chances, states, first, given, living, ended, found):
    """Treat the next cohort in every state from `first` on, until there may be no room for what follows.

    It has `given` patients unless that is 0.

    The first state that is left is returned. `chances`, float64[V, D, O], are the probabilities of the outcomes of a
    cohort under each truth; `living` and `ended` the states that follow, and counts of patients and DLTs at the end
    with the reason; `found`, a `JointSums`, what is summed beside them.
    """
    levels, truths = chances.shape[1], chances.shape[0]
    n, t, e, w = np.empty((4, levels), np.int64)
    well, ill = np.empty((2, levels), np.int64)
    seen = np.empty(levels, np.bool_), np.empty(levels, np.bool_), np.empty(levels, np.int64)
    is_toxic, is_futile = seen[0], seen[1]
    room, sizes, doses = np.empty((4, levels)), np.empty(levels, np.int64), np.empty(3, np.int64)
    largest = np.int64(cells.largest)
    mass, ends_so = np.zeros((largest + 1, ENDS, truths)), np.zeros((largest + 1, ENDS), np.bool_)
    closest = np.empty(largest + 1, np.int64)
    is_known = np.zeros(largest + 1, np.bool_)
    all_ended = np.empty(truths)
    powers, count_powers = np.empty(levels, np.uint64), np.empty(levels, np.uint64)
    power = count_power = np.uint64(1)
    for level in range(levels):
        powers[level], count_powers[level] = power, count_power
        power *= cells.base
        count_power *= cells.count_base
    seats = np.uint64(levels)
    state = first
    while state < states.used[0]:
        key = states.keys[at(state)]
        dose = np.int64(key % seats)
        counts = key // seats
        unpacked(cells, counts, n, t, well, ill)
        enrolled = toxicities = np.int64(0)
        ending = np.uint64(0)
        for level in range(levels):
            e[level] = well[level] + ill[level]
            w[level] = worth(plan, n[level], t[level], well[level], ill[level])
            judge(plan, level, n, t, e, w, seen)
            enrolled += n[level]
            toxicities += t[level]
            if level != dose:
                ending += count_powers[level] * np.uint64(cells.count_codes[at(n[level]), at(t[level])])
        size = given
        if size == 0:
            size = cohort_size(plan.sizes, plan.trial_sizes, dose, n[dose], enrolled, toxicities)
        size = min(size, plan.most - enrolled)
        begins, ends = cells.starts[at(size)], cells.starts[at(size + 1)]
        if living.used[0] + 3 * (ends - begins) > living.keys.shape[0]:
            break
        if ended.used[0] + (size + 1) * ENDS > ended.keys.shape[0]:
            break
        before_n, before_t, before_well, before_ill = n[dose], t[dose], well[dose], ill[dose]
        kept = counts - powers[dose] * np.uint64(
            cells.codes[at(before_n), at(before_t), at(cells.split * before_ill + before_well)]
        )
        n[dose] += size
        for toxic in range(size + 1):
            is_known[toxic] = False
            for end in range(ENDS):
                ends_so[toxic, end] = False
                for truth in range(truths):
                    mass[toxic, end, truth] = 0.0
        for truth in range(truths):
            all_ended[truth] = 0.0
        is_full = enrolled + size >= plan.most
        for outcome in range(begins, ends):
            toxic = np.int64(cells.toxic[at(outcome)])
            t[dose] = before_t + toxic
            well[dose] = before_well + cells.responding[at(outcome), 0]
            ill[dose] = before_ill + cells.responding[at(outcome), 1]
            e[dose] = well[dose] + ill[dose]
            w[dose] = worth(plan, n[dose], t[dose], well[dose], ill[dose])
            judge(plan, dose, n, t, e, w, seen)
            count = next_doses(plan, dose, n, t, seen, doses)
            if count > 0 and not is_full and n[dose] < plan.enough:
                code = cells.codes[at(n[dose]), at(t[dose]), at(cells.split * ill[dose] + well[dose])]
                after = (kept + powers[dose] * np.uint64(code)) * seats
                for tied in range(count):
                    row = row_of(living, after + np.uint64(doses[tied]))
                    for truth in range(truths):
                        share = states.mass[at(state), at(truth)] * chances[at(truth), at(dose), at(outcome)] / count
                        living.mass[at(row), at(truth)] += share
                continue
            if not is_known[toxic]:
                closest[toxic], is_known[toxic] = closest_tolerated(plan, n, t, is_toxic, room, sizes), True
            end = 3 if n[dose] < plan.enough else 2
            if count == 0:
                end = 0 if why_none(is_toxic) == TOO_TOXIC else 1
            optimal = FUTILE if end == 1 else most_useful(plan, closest[toxic], n, is_futile, w)
            own = cell(n[dose], e[dose])
            ends_so[toxic, end] = True
            for truth in range(truths):
                share = states.mass[at(state), at(truth)] * chances[at(truth), at(dose), at(outcome)]
                mass[at(toxic), at(end), at(truth)] += share
                all_ended[truth] += share
                found.responses[at(truth), at(dose), at(e[dose])] += share
                if optimal == dose:
                    found.at_chosen[at(truth), at(dose), at(own)] += share
                elif optimal >= 0:
                    found.at_chosen[at(truth), at(optimal), at(cell(n[optimal], e[optimal]))] += share
                else:
                    found.none[at(truth), at(-1 - optimal)] += share
        for toxic in range(size + 1):
            if not is_known[toxic]:
                continue
            base = ending + count_powers[dose] * np.uint64(cells.count_codes[at(n[dose]), at(before_t + toxic)])
            for end in range(ENDS):
                if not ends_so[toxic, end]:
                    continue
                row = row_of(ended, base * np.uint64(ENDS) + np.uint64(end))
                for truth in range(truths):
                    ended.mass[at(row), at(truth)] += mass[at(toxic), at(end), at(truth)]
        for level in range(levels):
            if level != dose:
                for truth in range(truths):
                    found.responses[at(truth), at(level), at(e[level])] += all_ended[at(truth)]
        state += 1
    return state


@kernel
def unpack_endings(cells, ended, patients, dlts, reasons):
    """The counts at each dose of trials that have ended, int16[E, D], and why they have, int8[E]."""
    for row in range(ended.used[0]):
        key = ended.keys[at(row)]
        end = np.int64(key % np.uint64(ENDS))
        rest = key // np.uint64(ENDS)
        for level in range(patients.shape[1]):
            code = at(rest % cells.count_base)
            rest = rest // cells.count_base
            patients[row, level], dlts[row, level] = cells.count_cells[code, 0], cells.count_cells[code, 1]
        reasons[row] = (TOO_TOXIC, FUTILITY, ENOUGH_AT_DOSE, MAX_PATIENTS)[end]
