"""The exact engine for designs that decide by DLTs and responses: one cohort more for many states, under all truths.

A state is the counts at each dose and the dose of the next cohort, with a probability under each truth. States that
differ in the outcomes at that dose alone lie side by side, as a group: what a cohort makes of a group is worked out
cell by cell, and what is decided then, once for each cell that it leads to, not for each way there. A group is found by
a whole number: that of its state without DLTs and responses at the dose, the counts at each dose being numbered among
those that a trial can come to. `plan` is a `JointArrays`, `cells` a `JointCells`.

Of trials that end only what is asked of them is summed: the counts of patients and DLTs, the responses at each dose,
and the optimal dose.
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
    """The place of a key, or the empty one where it belongs."""
    last = np.uint64(states.places.shape[0] - 1)
    z = key * SPREAD
    place = (z ^ (z >> np.uint64(29))) & last
    while states.places[at(place)] != 0 and states.keys[at(states.places[at(place)] - 1)] != key:
        place = (place + np.uint64(1)) & last
    return place


@kernel
def place_all(states):
    """Find the places of all keys anew, in empty ones."""
    for row in range(states.used[0]):
        states.places[at(place_of(states, states.keys[at(row)]))] = row + 1


@kernel
def begin_of(states, key, length):
    """Where the probabilities of a key begin, of which there are so many; they are added where there are none yet.

    There is room.
    """
    place = place_of(states, key)
    row = states.places[at(place)] - 1
    if row < 0:
        row, begin = states.used[0], states.used[1]
        states.used[0] += 1
        states.used[1] += length
        states.places[at(place)] = row + 1
        states.keys[at(row)], states.begins[at(row)] = key, begin
        for cell_at in range(begin, begin + length):
            for truth in range(states.mass.shape[1]):
                states.mass[at(cell_at), at(truth)] = 0.0
    return states.begins[at(row)]


@kernel
def code_of(cells, n, t, well, ill):
    """Number of the counts at a dose."""
    return np.int64(cells.codes[at(n), at(t), at(cells.split * ill + well)])


@allocating
def treat_cohorts(plan, cells, chances, groups, first, given, living, ended, found):
    """Treat the next cohort in every group from `first` on, until there may be no room for what follows.

    It has `given` patients unless that is 0. The first group that is left is returned. `chances`, float64[V, D, O], are
    the probabilities of the outcomes of a cohort under each truth; `living` and `ended` the states that follow, in
    groups, and counts of patients and DLTs at the end with the reason; `found`, a `JointSums`, what is summed.
    """
    levels, truths = chances.shape[1], chances.shape[0]
    n, t, e, w = np.empty((4, levels), np.int64)
    well, ill = np.empty((2, levels), np.int64)
    seen = np.empty(levels, np.bool_), np.empty(levels, np.bool_), np.empty(levels, np.int64)
    is_toxic, is_futile = seen[0], seen[1]
    room, sizes, doses = np.empty((4, levels)), np.empty(levels, np.int64), np.empty(3, np.int64)
    most = plan.moves.shape[0]  # one more than a dose can have
    mass, ends_so = np.zeros((most, ENDS, truths)), np.zeros((most, ENDS), np.bool_)
    closest, is_known = np.empty(most, np.int64), np.zeros(most, np.bool_)
    all_ended, after = np.empty(truths), np.empty((cells.widest, truths))
    powers, count_powers = np.empty(levels, np.uint64), np.empty(levels, np.uint64)
    power = count_power = np.uint64(1)
    for level in range(levels):
        powers[level], count_powers[level] = power, count_power
        power *= cells.base
        count_power *= cells.count_base
    seats, varies = np.uint64(levels), plan.trial_sizes.shape[0] > 0
    group = first
    while group < groups.used[0]:
        key, begin = groups.keys[at(group)], groups.begins[at(group)]
        dose = np.int64(key % seats)
        rest = key // seats
        others, ending, enrolled, toxicities = np.uint64(0), np.uint64(0), np.int64(0), np.int64(0)
        before, longest = np.int64(0), np.int64(0)  # the group's first code; states of a group at another dose
        for level in range(levels):
            code = np.int64(rest % cells.base)
            rest = rest // cells.base
            n[level], t[level] = cells.patients[at(code)], cells.dlts[at(code)]
            well[level], ill[level] = cells.responses[at(code), 0], cells.responses[at(code), 1]
            enrolled += n[level]
            if level == dose:
                before = code
                continue
            longest = max(longest, cells.opens[at(n[level])])
            others += powers[level] * np.uint64(code)
            e[level], w[level] = well[level] + ill[level], worth(plan, n[level], t[level], well[level], ill[level])
            judge(plan, level, n, t, e, w, seen)
            toxicities += t[level]
            ending += count_powers[level] * np.uint64(cells.count_codes[at(n[level]), at(t[level])])
        if living.used[0] + 3 * cells.widest > living.keys.shape[0]:
            break
        living.used[2] = cells.widest * (1 + 2 * longest)
        if living.used[1] + living.used[2] > living.mass.shape[0]:
            break
        if ended.used[0] + cells.largest * most * ENDS > min(ended.keys.shape[0], ended.mass.shape[0]):
            break
        there = n[dose]
        inside = cells.opens[at(there)]
        for truth in range(truths):
            all_ended[truth] = 0.0
        fixed = given
        if fixed == 0:
            fixed = cohort_size(plan.sizes, plan.trial_sizes, dose, there, enrolled, toxicities)
        for planned in range(1 if varies else fixed, (cells.largest if varies else fixed) + 1):
            size = min(planned, plan.most - enrolled)
            now = there + size
            outside = cells.firsts[at(now + 1)] - cells.firsts[at(now)]
            for place in range(outside):
                for truth in range(truths):
                    after[at(place), at(truth)] = 0.0
            is_any = False
            for place in range(inside):
                own = begin + place
                is_there = False
                for truth in range(truths):
                    is_there |= groups.mass[at(own), at(truth)] > 0
                if not is_there:
                    continue
                code = before + place
                toxic_there = cells.dlts[at(code)]
                if varies and given == 0:
                    seen_so_far = toxicities + toxic_there
                    wanted = cohort_size(plan.sizes, plan.trial_sizes, dose, there, enrolled, seen_so_far)
                    if wanted != planned:
                        continue
                elif varies and given != planned:
                    continue
                is_any = True
                well_there, ill_there = cells.responses[at(code), 0], cells.responses[at(code), 1]
                for outcome in range(cells.starts[at(size)], cells.starts[at(size + 1)]):
                    into = (
                        code_of(
                            cells,
                            now,
                            toxic_there + cells.toxic[at(outcome)],
                            well_there + cells.responding[at(outcome), 0],
                            ill_there + cells.responding[at(outcome), 1],
                        )
                        - cells.firsts[at(now)]
                    )
                    for truth in range(truths):
                        after[at(into), at(truth)] += (
                            groups.mass[at(own), at(truth)] * chances[at(truth), at(dose), at(outcome)]
                        )
            if not is_any:
                continue
            n[dose] = now
            for toxic in range(now + 1):
                is_known[toxic] = False
                for end in range(ENDS):
                    ends_so[toxic, end] = False
                    for truth in range(truths):
                        mass[toxic, end, truth] = 0.0
            is_full = enrolled + size >= plan.most
            staying = np.int64(-1)
            for place in range(outside):
                is_there = False
                for truth in range(truths):
                    is_there |= after[at(place), at(truth)] > 0
                if not is_there:
                    continue
                code = cells.firsts[at(now)] + place
                toxic = cells.dlts[at(code)]
                t[dose], well[dose], ill[dose] = toxic, cells.responses[at(code), 0], cells.responses[at(code), 1]
                e[dose], w[dose] = well[dose] + ill[dose], worth(plan, now, toxic, well[dose], ill[dose])
                judge(plan, dose, n, t, e, w, seen)
                count = next_doses(plan, dose, n, t, seen, doses)
                if count > 0 and not is_full and now < plan.enough:
                    for tied in range(count):
                        following = doses[tied]
                        if following == dose:
                            if staying < 0:
                                same = others + powers[dose] * np.uint64(cells.firsts[at(now)])
                                staying = begin_of(living, same * seats + np.uint64(dose), cells.opens[at(now)])
                            into = staying + place
                        else:
                            begins = cells.firsts[at(n[following])]
                            own = code_of(cells, n[following], t[following], well[following], ill[following])
                            moved = others + powers[dose] * np.uint64(code)
                            moved -= powers[following] * np.uint64(own - begins)
                            length = cells.opens[at(n[following])]
                            into = begin_of(living, moved * seats + np.uint64(following), length) + own - begins
                        for truth in range(truths):
                            living.mass[at(into), at(truth)] += after[at(place), at(truth)] / count
                    continue
                if not is_known[toxic]:
                    closest[toxic], is_known[toxic] = closest_tolerated(plan, n, t, is_toxic, room, sizes), True
                end = 3 if now < plan.enough else 2
                if count == 0:
                    end = 0 if why_none(is_toxic) == TOO_TOXIC else 1
                optimal = FUTILE if end == 1 else most_useful(plan, closest[toxic], n, is_futile, w)
                ends_so[toxic, end] = True
                for truth in range(truths):
                    share = after[at(place), at(truth)]
                    mass[at(toxic), at(end), at(truth)] += share
                    all_ended[truth] += share
                    found.responses[at(truth), at(dose), at(e[dose])] += share
                    if optimal >= 0:
                        found.at_chosen[at(truth), at(optimal), at(cell(n[optimal], e[optimal]))] += share
                    else:
                        found.none[at(truth), at(-1 - optimal)] += share
            for toxic in range(now + 1):
                if not is_known[toxic]:
                    continue
                base = ending + count_powers[dose] * np.uint64(cells.count_codes[at(now), at(toxic)])
                for end in range(ENDS):
                    if ends_so[toxic, end]:
                        into = begin_of(ended, base * np.uint64(ENDS) + np.uint64(end), np.int64(1))
                        for truth in range(truths):
                            ended.mass[at(into), at(truth)] += mass[at(toxic), at(end), at(truth)]
            n[dose] = there
        for level in range(levels):
            if level != dose:
                for truth in range(truths):
                    found.responses[at(truth), at(level), at(e[level])] += all_ended[at(truth)]
        group += 1
    return group


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
