"""Late-onset trials to which a patient comes at each step, exactly: one patient more in every state.

Arrivals are a gap apart and lost while accrual is held, so that all that is known at a decision is, of each pending
patient, how many steps ago the treatment was. A state is a trial just after a treatment: the counts at each dose, with
pending patients as without a DLT; the dose of the patient who was treated s steps ago, if still pending, for all s
within the window; and of the cohort its dose, how many it still lacks, and the cohorts in a row at its dose. How long a
trial took to come there does not matter for what follows: it is carried along.

The weight of a patient sequence is the product of the shares of all DLTs that show at the steps at which these did, so
that under a truth its probability is that times p for each DLT and 1 - p for each patient without. What is still open
of pending patients has no part in the weight of a state yet.
"""

import numpy as np

from escalation.kernels.codes import (
    ARRIVE,
    DE_ESCALATE,
    ELIMINATE,
    ESCALATE,
    LEAVE,
    MAX_PATIENTS,
    STAY,
    STAY_AT,
    SUSPEND,
    TOO_TOXIC,
)
from escalation.kernels.exact_states import cell
from escalation.kernels.jit import allocating, at, kernel
from escalation.kernels.layout import MergedStates
from escalation.kernels.limits import cohort_size, highest_after
from escalation.kernels.stopping import final_reason, joint_reason, next_run, sooner

# Columns of means. A state's, the last enrolment in steps:
LAST, LAST_VARIANCE, HOLDS, DECISIONS, PENDING, WITH_PENDING = 0, 1, 2, 3, 4, 5
# and an ending's besides: the end in days, and steps on hold.
END, END_VARIANCE, HELD = 6, 7, 8
STATE_COLUMNS, ENDING_COLUMNS = 6, 9

ON_HOLD = -1
"""In place of a reason to end."""

NOBODY, NO_DLT, TOXIC = 0, 1, 2  # what becomes of who was treated so many steps ago; TOXIC and more: a DLT, by dose

MIXING = np.uint64(0x9E3779B97F4A7C15)


@kernel
def place_of(places, rows, row):
    """Where a row is among the places, or would be."""
    mixed = np.uint64(0)
    for word in range(row.shape[0]):
        mixed = (mixed ^ row[word]) * MIXING
        mixed ^= mixed >> np.uint64(29)
    last = np.uint64(places.shape[0] - 1)
    place = mixed & last
    while places[at(place)] > 0:
        state, same = at(places[at(place)] - 1), True
        for word in range(row.shape[0]):
            same = same and rows[state, word] == row[word]
        if same:
            break
        place = (place + np.uint64(1)) & last
    return place


@allocating
def with_room(states):
    """The same states with room for one more, which is doubled where there is none."""
    count = states.used[0]
    if count < states.rows.shape[0]:
        return states
    room = 2 * count
    rows = np.empty((room, states.rows.shape[1]), np.uint64)
    sequences, means = np.empty(room), np.empty((room, states.means.shape[1]))
    places = np.zeros(2 * states.places.shape[0], np.int64)
    for state in range(count):  # element by element: slices take seconds to compile
        for word in range(rows.shape[1]):
            rows[state, word] = states.rows[state, word]
        for column in range(means.shape[1]):
            means[state, column] = states.means[state, column]
        sequences[state] = states.sequences[state]
        places[at(place_of(places, rows, rows[state]))] = state + 1
    return MergedStates(places, rows, sequences, means, states.used)


@kernel
def merge(states, row, weight, means):
    """Add a way to a state, which there is room for: averages are taken with the way's share of all so far."""
    place = place_of(states.places, states.rows, row)
    state = states.places[at(place)] - 1
    if state < 0:
        state = states.used[0]
        states.used[0] += 1
        states.places[at(place)] = state + 1
        states.sequences[state] = weight
        for word in range(row.shape[0]):
            states.rows[state, word] = row[word]
        for column in range(means.shape[0]):
            states.means[state, column] = means[column]
        return
    states.sequences[state] += weight
    share = weight / states.sequences[state]
    for column in range(means.shape[0]):
        apart = means[column] - states.means[state, column]
        if column in (LAST, END):
            own = means[column + 1] - states.means[state, column + 1]
            states.means[state, column + 1] += share * (own + (1 - share) * apart * apart)
            states.means[state, column] += share * apart
        elif column not in (LAST_VARIANCE, END_VARIANCE):
            states.means[state, column] += share * apart


@kernel
def last_completion(steps, becomes, past, known):
    """Mean and variance of the days to the last completion, of those patients of whom it is told what becomes of them.

    Days are counted from when was known what is known at a step. Under `past` 1 all are complete at the next.
    `known`, float64[2, K, 2], has those that were worked out before, NaN for others.
    """
    window, number, base = becomes.shape[0], np.int64(0), np.int64(1)
    values = TOXIC + steps.shown.shape[1]
    for age in range(window):
        if becomes[age] != NOBODY:
            number += base * min(becomes[age], values - 1)
        base *= values
        if becomes[age] == NO_DLT:
            break  # who came before is complete before
    if np.isnan(known[past, number, 0]):
        mean = square = 0.0
        for node in range(steps.nodes.shape[0]):
            day, below = steps.nodes[node], 1.0
            for age in range(window):
                if becomes[age] == NO_DLT:
                    below *= day > steps.complete[age]
                    break
                if becomes[age] >= TOXIC:
                    below *= steps.shown[past, min(becomes[age], values - 1) - TOXIC, age, node]
            mean += steps.weights[node] * (1 - below)
            square += steps.weights[node] * 2 * day * (1 - below)
        known[past, number, 0], known[past, number, 1] = mean, max(square - mean * mean, 0.0)
        for age in range(window):
            if becomes[age] >= TOXIC:
                break
            if becomes[age] == NO_DLT:  # of the last patient, and no day is uncertain
                known[past, number, 0], known[past, number, 1] = steps.complete[age], 0.0
                break
    return known[past, number, 0], known[past, number, 1]


@kernel
def decide(plan, steps, dose, run, n, y, waiting, pattern, full, no_belief):
    """The next dose, and why the trial ends: 0 where it goes on, ON_HOLD while accrual is held."""
    codes, conduct = plan
    levels = codes.shape[0]
    highest, tried, toxicities = np.int64(levels - 1), np.int64(0), np.int64(0)
    for level in range(levels - 1, -1, -1):
        toxicities += y[level]
        if n[level] > 0:
            tried = max(tried, level)
            if steps.eliminates[np.int64(level == 0), n[level], y[level], waiting[level]]:
                highest = np.int64(level - 1)
    following = min(dose, highest)
    if following < 0:
        return following, np.int64(MAX_PATIENTS if full else TOO_TOXIC)
    limit = highest_after(conduct.ceiling, conduct.tried_ceiling, dose, tried, toxicities)
    last_one = np.int64(following >= min(highest, limit))
    code = np.int64(STAY)
    if n[following] > 0 and (following == dose or steps.everywhere):
        found = steps.decisions[np.int64(following == 0), last_one, n[following], y[following], at(pattern[following])]
        code = np.int64(found)
    if code == SUSPEND:
        return following, np.int64(ON_HOLD)
    following += (code == ESCALATE) - (code == DE_ESCALATE)
    reason = np.int64(0)
    if conduct.reasons.shape[1] > 0:
        if following == dose:
            reason = np.int64(conduct.reasons[STAY_AT, dose, n[dose], y[dose]])
        else:
            reason = sooner(
                np.int64(conduct.reasons[LEAVE, dose, n[dose], y[dose]]),
                np.int64(conduct.reasons[ARRIVE, following, n[following], y[following]]),
            )
    if conduct.joint.reasons.shape[0] > 0:
        found = joint_reason(conduct.joint, n, y, dose, following, run + 1, no_belief)
        reason = sooner(reason, found)
    return following, np.int64(final_reason(reason, full))


@kernel
def pack(packing, n, y, rest, row):
    """Write counts, and what else there is to a state, to a row."""
    words, shifts, _ = packing
    for word in range(row.shape[0]):
        row[word] = 0
    for level in range(words.shape[0]):
        row[words[level]] |= np.uint64(cell(np.int64(n[level]), np.int64(y[level]))) << shifts[level]
    row[row.shape[0] - 1] = np.uint64(rest)


@allocating
def treat_one_more(plan, steps, packing, cells, living, treated, most, children, endings, closed, known):
    """Go on from all living states, which have `treated` patients, to the next treatment or the end of the trial.

    `closed` are the counts, outcomes to come included, at which somebody is treated at a dose that these close.
    Returns `children`, `endings` and `closed` with what was added; no more than `most` states are, but for the last
    one's.
    """
    codes, conduct = plan
    words, shifts, mask = packing
    levels, window = codes.shape[0], steps.complete.shape[0]
    seats, runs, rows = levels + 1, conduct.runs, steps.toxic.shape[0]
    full = treated >= conduct.max_patients
    n, y = np.empty(levels, np.int16), np.empty(levels, np.int16)
    seen = np.empty(levels, np.int64)
    waiting, pattern = np.empty(levels, np.int64), np.empty(levels, np.int64)
    # A trial that is held comes to a step in several ways, which wait here: at each step fewer are still pending.
    room = 2 << window
    stack_y, stack_seats = np.empty((room, levels), np.int64), np.empty((room, window), np.int64)
    stack_weight, stack_steps = np.empty(room), np.empty(room, np.int64)
    before, now = np.empty(window, np.int64), np.empty(window + 1, np.int64)
    becomes = np.empty(window, np.int64)
    ages, later = np.empty(window, np.int64), np.empty(window, np.int64)
    row, means = np.empty(living.rows.shape[1], np.uint64), np.empty(STATE_COLUMNS)
    ended = np.empty(ENDING_COLUMNS)
    nothing, no_belief = np.zeros(0), np.empty(0, np.bool_)

    for state in range(living.used[0]):
        if children.used[0] + endings.used[0] + closed.used[0] > most:
            break
        for level in range(levels):
            number = at((living.rows[state, words[level]] >> shifts[level]) & mask)
            n[level], stack_y[0, level] = cells[0, number], cells[1, number]
        rest = np.int64(living.rows[state, living.rows.shape[1] - 1])
        for age in range(window - 1, 0, -1):
            stack_seats[0, age] = rest % seats
            rest //= seats
        dose = rest % levels
        rest //= levels
        run, left = rest % runs, rest // runs
        stack_seats[0, 0] = dose + 1
        stack_weight[0], stack_steps[0] = living.sequences[state], 0
        depth = 1
        while depth > 0:
            depth -= 1
            weight_before, passed = stack_weight[depth], stack_steps[depth] + 1
            pending = 0
            for age in range(window):
                before[age] = stack_seats[depth, age]
                if before[age] > 0:
                    ages[pending] = age
                    pending += 1
            for level in range(levels):
                seen[level] = stack_y[depth, level]
            for ways in range(1 << (0 if full else pending)):
                weight, still = weight_before, 0
                for level in range(levels):
                    y[level], waiting[level], pattern[level] = seen[level], 0, 0
                for age in range(window + 1):
                    now[age] = before[age] if full and age < window else 0
                for age in range(window):
                    becomes[age] = NOBODY
                for one in range(0 if full else pending):
                    age, level = ages[one], before[ages[one]] - 1
                    if (ways >> one) & 1:
                        weight *= steps.toxic[min(level, rows - 1), age + 1]
                        y[level] += 1
                        becomes[age] = TOXIC + level
                    elif age + 1 < window:
                        now[age + 1] = level + 1
                        waiting[level] += 1
                        pattern[level] |= 1 << age
                    else:
                        becomes[age] = NO_DLT
                if weight == 0:
                    continue
                for age in range(window):
                    if now[age] > 0:
                        later[still] = age
                        still += 1
                new_cohort = left == 0
                following, reason = dose, np.int64(0)
                if new_cohort and not full:
                    following, reason = decide(plan, steps, dose, run, n, y, waiting, pattern, full, no_belief)
                if reason == ON_HOLD:
                    for level in range(levels):
                        stack_y[depth, level] = y[level]
                    for age in range(window):
                        stack_seats[depth, age] = now[age]
                    stack_weight[depth], stack_steps[depth] = weight, passed
                    depth += 1
                    continue

                for column in range(STATE_COLUMNS):
                    means[column] = living.means[state, column]
                means[HOLDS] += passed > 1
                # What is still to come is looked at where it ends the trial, or may close the dose that is given.
                looks = full or reason > 0
                for level in range(0 if looks else following + 1):
                    looks = looks or codes[level, n[level], y[level] + waiting[level]] == ELIMINATE
                for come in range((1 << still) if looks else 0):
                    share = weight
                    for one in range(still):
                        age, level = later[one], now[later[one]] - 1
                        if (come >> one) & 1:
                            rate_row, to_come = min(level, rows - 1), 0.0
                            for step in range(age + 1, window + 1):
                                to_come += steps.toxic[rate_row, step]
                            share *= to_come
                            y[level] += 1
                    if share > 0 and (full or reason > 0):
                        why = reason
                        if full:
                            for level in range(levels):
                                waiting[level] = pattern[level] = 0
                            _, why = decide(plan, steps, dose, run, n, y, waiting, pattern, full, no_belief)
                        past = np.int64(still == 0)  # all became known at this step
                        base = (0 if full else passed) - past
                        if still > 0:
                            for age in range(window):
                                becomes[age] = NO_DLT if now[age] > 0 else NOBODY
                            for one in range(still):
                                if (come >> one) & 1:
                                    becomes[later[one]] = TOXIC + now[later[one]] - 1
                        mean, variance = last_completion(steps, becomes, past, known)
                        for column in range(STATE_COLUMNS):
                            ended[column] = means[column]
                        ended[END] = steps.gap * (means[LAST] + base) - steps.review + mean
                        ended[END_VARIANCE] = steps.gap**2 * means[LAST_VARIANCE] + variance
                        ended[HELD] = means[LAST] - (treated - 1) + (0 if full else passed - 1)
                        pack(packing, n, y, why, row)
                        endings = with_room(endings)
                        merge(endings, row, share, ended)
                    elif share > 0:
                        closes = False
                        for level in range(following + 1):
                            closes = closes or codes[level, n[level], y[level]] == ELIMINATE
                        if closes:
                            pack(packing, n, y, np.int64(0), row)
                            closed = with_room(closed)
                            merge(closed, row, share, nothing)
                    for one in range(still):
                        if (come >> one) & 1:
                            y[now[later[one]] - 1] -= 1
                if full or reason > 0:
                    continue

                means[LAST] += passed
                lacking, next_to_it = left - 1, run
                if new_cohort:
                    means[DECISIONS] += 1
                    means[PENDING] += still
                    means[WITH_PENDING] += still > 0
                    toxicities = np.int64(0)
                    for level in range(levels):
                        toxicities += y[level]
                    there = np.int64(n[following])
                    size = cohort_size(conduct.sizes, conduct.trial_sizes, following, there, treated, toxicities)
                    lacking = size - 1
                    next_to_it = next_run(dose, following, run + 1, runs)
                rest = (lacking * runs + next_to_it) * levels + following
                for age in range(1, window):
                    rest = rest * seats + now[age]
                n[following] += 1
                pack(packing, n, y, rest, row)
                n[following] -= 1
                children = with_room(children)
                merge(children, row, weight, means)
    return children, endings, closed
