"""Simulated randomised comparisons of doses: patients, looks and the choice, trial by trial.

`plan` is a comparison, `RandomisedArrays`. Counts of an arm are int64[4] by outcome: neither, response only, DLT only,
both. `room`, float64[5, J], and `sizes`, int64[J], are scratch space.
"""

import numpy as np

from escalation.kernels.clock import uniform
from escalation.kernels.codes import (
    BY_DIFFERENCE,
    CLOSED_FOR_DLTS,
    CLOSED_FOR_RESPONSES,
    GOES_ON,
    NO_DOSE,
    NOTHING_TRIED,
    SLACK,
    WITHIN_MARGINS,
)
from escalation.kernels.jit import allocating, at, kernel
from escalation.kernels.selection import pool_adjacent_violators

PLACES = 64
"""Doses for which a patient's number leaves room: the same patients are at a dose whatever the arms beside it."""


@kernel
def treat(key, dose, first, last, rates, counts):
    """Count the outcomes of the patients at a dose from number `first` on, up to `last`.

    `rates` are P(DLT), and P(response) without and with a DLT.
    """
    for number in range(first, last):
        place = np.uint64(2 * (number * PLACES + dose))
        toxic = np.int64(uniform(key, place) < rates[0])
        responds = np.int64(uniform(key, place + np.uint64(1)) < rates[1 + toxic])
        counts[2 * toxic + responds] += 1


@kernel
def close_arms(plan, look, arms, counts, state):
    """Close arms at a look: for DLTs from the lowest such arm on, then those with few responses."""
    closed = False
    for arm in range(arms):
        if state[arm] != GOES_ON:
            continue
        closed |= plan.many_dlts[look, at(counts[arm, 2] + counts[arm, 3])]
        if closed:
            state[arm] = CLOSED_FOR_DLTS
        elif plan.few_responses[look, at(counts[arm, 1] + counts[arm, 3])]:
            state[arm] = CLOSED_FOR_RESPONSES


@kernel
def choose_within_margins(plan, arms, counts, state, room, sizes):
    """The lowest arm that is acceptable by isotonic counts over the open arms, or NOTHING_TRIED."""
    left = np.int64(0)
    for arm in range(arms):
        if state[arm] == GOES_ON:
            room[0, left] = counts[arm, 2] + counts[arm, 3]
            room[1, left] = 1.0
            left += 1
    pool_adjacent_violators(room[0], room[1], left, room[2], room[3], sizes)
    place = np.int64(0)
    for arm in range(arms):
        if state[arm] == GOES_ON:
            room[0, place] = counts[arm, 1] + counts[arm, 3]
            place += 1
    pool_adjacent_violators(room[0], room[1], left, room[4], room[3], sizes)
    place = np.int64(0)
    for arm in range(arms):
        if state[arm] == GOES_ON:
            if room[2, place] <= plan.max_dlts + SLACK and room[4, place] >= plan.min_responses - SLACK:
                return arm
            place += 1
    return NOTHING_TRIED


@kernel
def choose_best(plan, arms, counts, state):
    """The arm that is better than the best of those below it, from the lowest up, or NOTHING_TRIED."""
    found, best = NOTHING_TRIED, 0.0
    none, eff, tox, both = plan.utilities
    for arm in range(arms):
        if state[arm] != GOES_ON:
            continue
        neither, well, toxic, ill = counts[arm]
        patients = neither + well + toxic + ill
        if plan.rule == BY_DIFFERENCE:
            score, margin = (well + ill) / patients, plan.margin
        else:
            score, margin = (none * neither + eff * well + tox * toxic + both * ill) / patients, 0.0
        if found == NOTHING_TRIED or score > best + margin + SLACK:
            found, best = np.int64(arm), score
    return found


@allocating
def compare_doses(plan, keys, rates, ended, stage, state, chosen):
    """Compare doses in trials whose dose escalation has ended.

    `rates`, float64[D, 3], are P(DLT), and P(response) without and with one. `ended` are patients, DLTs, int16[T, D],
    responses without and with a DLT, int16[T, D, 2], and the recommended dose, int16[T]. Written are the outcomes of
    the new patients, int16[T, D, 4]; what has become of each arm, int8[T, D], -1 where there is none; and the chosen
    dose or why there is none, int16[T].
    """
    patients, dlts, responses, recommended = ended
    doses, counts = np.empty(plan.arms, np.int64), np.empty((plan.arms, 4), np.int64)
    arm_state, room, sizes = np.empty(plan.arms, np.int64), np.empty((5, plan.arms)), np.empty(plan.arms, np.int64)
    for trial in range(patients.shape[0]):
        highest = np.int64(recommended[trial])
        chosen[trial] = NO_DOSE if highest == NO_DOSE else NOTHING_TRIED
        arms = np.int64(0)
        for dose in range(highest, -1, -1):
            if patients[trial, dose] > 0 and arms < plan.arms:
                for above in range(arms, 0, -1):
                    doses[above] = doses[above - 1]
                doses[0] = dose
                arms += 1
        counts[:], arm_state[:] = 0, GOES_ON
        treated = np.int64(0)
        for look in range(plan.looks.shape[0] + 1):
            until = plan.looks[look] if look < plan.looks.shape[0] else np.int64(plan.patients)
            for arm in range(arms):
                if arm_state[arm] == GOES_ON:
                    treat(keys[trial], doses[arm], treated, until, rates[doses[arm]], counts[arm])
            if look < plan.looks.shape[0]:
                close_arms(plan, look, arms, counts, arm_state)
            treated = until
        for arm in range(arms):
            dose = doses[arm]
            state[trial, dose] = arm_state[arm]
            for outcome in range(4):
                stage[trial, dose, outcome] = counts[arm, outcome]
            if plan.pools:
                well, ill = np.int64(responses[trial, dose, 0]), np.int64(responses[trial, dose, 1])
                toxic = np.int64(dlts[trial, dose])
                counts[arm, 0] += np.int64(patients[trial, dose]) - toxic - well
                counts[arm, 1] += well
                counts[arm, 2] += toxic - ill
                counts[arm, 3] += ill
        if arms == 0:
            continue
        if plan.rule == WITHIN_MARGINS:
            found = choose_within_margins(plan, arms, counts, arm_state, room, sizes)
        else:
            found = choose_best(plan, arms, counts, arm_state)
        chosen[trial] = doses[found] if found >= 0 else NOTHING_TRIED
