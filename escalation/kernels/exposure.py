"""Exposures of the patients of simulated trials, and the optimal dose by them."""

import math

import numpy as np

from escalation.kernels.clock import uniform
from escalation.kernels.codes import LEFT, NO_DOSE, NOTE, NOTES, NOTHING_TRIED, SLACK
from escalation.kernels.jit import allocating, kernel
from escalation.kernels.selection import pool_adjacent_violators


@kernel
def normal_deviate(key, number):
    """Standard normal deviate `number` of the stream `key`, both uint64, from two uniform ones.

    Source: Box GEP, Muller ME (1958) A note on the generation of random normal deviates. Ann Math Stat 29:610-611.
    """
    radius = math.sqrt(-2 * math.log(uniform(key, np.uint64(2) * number)))
    return radius * math.cos(2 * math.pi * uniform(key, np.uint64(2) * number + np.uint64(1)))


@kernel
def sum_deviates(notes, key, patients, sums):
    """Patients of a trial at each dose and the sums of their normal deviates, by what was noted, to arrays of D.

    The patient of a number, in order of treatment, has the deviate of that number. Those who left are not evaluable,
    and do not count.
    """
    patients[:], sums[:] = 0, 0.0
    number = np.uint64(0)
    for place in range(NOTES + 1, NOTES + 1 + np.int64(notes[NOTES]), NOTE):
        what = np.int64(notes[place])
        if what > LEFT:
            continue
        if what != LEFT:
            dose = np.int64(notes[place + 1])
            patients[dose] += 1
            sums[dose] += normal_deviate(key, number)
        number += np.uint64(1)


@kernel
def lowest_on_plateau(patients, means, highest, log_ratio, room, sizes):
    """Index of the lowest tried dose up to `highest` whose fitted mean is on the plateau of these, or NOTHING_TRIED.

    `means`, float64[D], are observed mean log exposures, `log_ratio` what a fitted one may be below the largest, as a
    number not above 0; `room`, float64[4, D], and `sizes`, int64[D], are scratch space.
    """
    tried, candidates = np.int64(0), np.int64(0)  # not 0: what is called with a literal is compiled once more
    for dose in range(patients.shape[0]):
        if patients[dose] > 0:
            room[0, tried], room[1, tried] = means[dose], patients[dose]
            tried += 1
            candidates = tried if dose <= highest else candidates
    if candidates == 0:
        return NOTHING_TRIED
    fitted = room[2]
    pool_adjacent_violators(room[0], room[1], tried, fitted, room[3], sizes)
    limit = fitted[candidates - 1] + log_ratio - SLACK  # fitted means do not fall: the last is the largest
    place = 0
    for dose in range(patients.shape[0]):
        if patients[dose] > 0:
            if fitted[place] >= limit:
                return dose
            place += 1
    return NOTHING_TRIED


@allocating
def choose_by_exposure(notes, keys, log_means, log_sd, log_ratio, recommended, chosen, deviation):
    """The optimal dose by exposure of each trial, to `chosen`, int16[T], with one of `keys`, uint64[T], for each.

    `deviation`, float64[T], is the observed minus the true mean log exposure at that dose; NaN where there is none.
    """
    levels = log_means.shape[0]
    patients, sizes = np.empty(levels, np.int64), np.empty(levels, np.int64)
    sums, means, room = np.empty(levels), np.empty(levels), np.empty((4, levels))
    for trial in range(notes.shape[0]):
        chosen[trial], deviation[trial] = NO_DOSE, np.nan
        if recommended[trial] == NO_DOSE:
            continue
        sum_deviates(notes[trial], keys[trial], patients, sums)
        for dose in range(levels):
            if patients[dose] > 0:
                means[dose] = log_means[dose] + log_sd * sums[dose] / patients[dose]
        found = lowest_on_plateau(patients, means, np.int64(recommended[trial]), log_ratio, room, sizes)
        chosen[trial] = found
        if found >= 0:
            deviation[trial] = means[found] - log_means[found]
