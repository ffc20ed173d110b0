"""The choice of an optimal dose at the end of a trial, by the patients and responses at each dose.

`choice` is a plan of it, `ChoiceArrays`; `highest` the recommended dose, the highest that may be chosen; `room`
float64[6, D] and `sizes` int64[D] are scratch space.
"""

import math

import numpy as np

from escalation.kernels.clock import response_known, uniform
from escalation.kernels.codes import (
    BY_UNIMODAL,
    BY_UTILITY,
    END,
    FUTILE,
    LEFT,
    NO_DOSE,
    NOTE,
    NOTES,
    NOTHING_TRIED,
    ON_PLATEAU,
    SLACK,
)
from escalation.kernels.exact_states import cell
from escalation.kernels.jit import allocating, at, kernel
from escalation.kernels.selection import pool_adjacent_violators


@kernel
def fit_with_mode(rates, length, mode, fitted, room, sizes):
    """Least-squares fit of the first `length` rates that rises up to a mode and falls from there, to `fitted`."""
    reverse, falling, weights, blocks = room[0], room[1], room[2], room[3]
    for place in range(length):
        weights[place] = 1.0
    pool_adjacent_violators(rates, weights, mode, fitted, blocks, sizes)
    after = length - 1 - mode
    for place in range(after):
        reverse[place] = rates[length - 1 - place]
    pool_adjacent_violators(reverse, weights, after, falling, blocks, sizes)
    for place in range(after):
        fitted[length - 1 - place] = falling[place]
    # The mode takes in those beside it that are higher, the highest first.
    pooled, lower, upper = rates[mode], mode - 1, mode + 1
    while True:
        below = fitted[lower] if lower >= 0 else -np.inf
        above = fitted[upper] if upper < length else -np.inf
        if max(below, above) <= pooled:
            break
        count = upper - lower - 1
        pooled = (pooled * count + max(below, above)) / (count + 1)
        if below >= above:
            lower -= 1
        else:
            upper += 1
    for place in range(lower + 1, upper):
        fitted[place] = pooled


@kernel
def log_likelihood(rates, patients, responses, length):
    """Of rates, for so many responses at the first `length` doses, without binomial coefficients."""
    found = 0.0
    for place in range(length):
        rate, e = rates[place], responses[place]
        if e > 0:  # where a rate is 0 nobody has responded, and where it is 1 everybody
            found += e * math.log(rate)
        if e < patients[place]:
            found += (patients[place] - e) * math.log1p(-rate)
    return found


@kernel
def fit_unimodal(rates, patients, responses, length, fitted, room, sizes):
    """Mean of the fits with each mode, weighted by their likelihoods, to `fitted`."""
    single = room[4]
    best, total = -np.inf, 0.0
    for place in range(length):
        fitted[place] = 0.0
    for mode in range(length):
        fit_with_mode(rates, length, mode, single, room, sizes)
        found = log_likelihood(single, patients, responses, length)
        if found > best:  # likelihoods are relative to the largest
            smaller, best = math.exp(best - found), found
            total *= smaller
            for place in range(length):
                fitted[place] *= smaller
        weight = math.exp(found - best)
        total += weight
        for place in range(length):
            fitted[place] += weight * single[place]
    for place in range(length):
        fitted[place] /= total


@kernel
def score_doses(choice, patients, responses, worth, tried, scores, room, sizes):
    """Score each tried dose, to `scores`; `tried`, int64[3, D], is room for these doses, their counts and responses.

    `worth` are sums of utilities, int64[D]. Scores that are alike as fractions are alike as numbers, or nearly.
    """
    length = np.int64(0)  # not 0: what is called with a literal is compiled once more
    for dose in range(patients.shape[0]):
        if patients[dose] > 0:
            tried[0, length], tried[1, length], tried[2, length] = dose, patients[dose], responses[dose]
            length += 1
    rates, fitted = room[5], room[4]
    for place in range(length):
        rates[place] = tried[2, place] / tried[1, place]
    if choice.rule == BY_UNIMODAL:
        fit_unimodal(rates, tried[1], tried[2], length, scores, room, sizes)
        for place in range(length):
            fitted[place] = scores[place]
    elif choice.rule == ON_PLATEAU:
        for place in range(length):
            room[2, place] = tried[1, place]
        pool_adjacent_violators(rates, room[2], length, fitted, room[3], sizes)
    else:
        for place in range(length):
            fitted[place] = rates[place]
    for place in range(length):
        dose = tried[0, place]
        scores[dose] = (100 + worth[dose]) / (2 + patients[dose]) if choice.rule == BY_UTILITY else fitted[place]


@kernel
def optimal_dose(choice, patients, responses, worth, highest, tried, scores, room, sizes):
    """Index of the optimal dose, or FUTILE or NOTHING_TRIED."""
    score_doses(choice, patients, responses, worth, tried, scores, room, sizes)
    found, best = NOTHING_TRIED, -np.inf
    for dose in range(highest + 1):
        if patients[dose] == 0:
            continue
        if choice.futile[at(patients[dose]), at(responses[dose])]:
            found = max(found, FUTILE)
        elif scores[dose] > best + SLACK:
            found, best = dose, scores[dose]
    if choice.rule == ON_PLATEAU and found >= 0:
        for dose in range(found, -1, -1):
            n = patients[dose]
            if n > 0 and not choice.futile[at(n), at(responses[dose])] and scores[dose] >= best - choice.margin - SLACK:
                found = dose
    return found


@allocating
def choose_in_trials(choice, patients, dlts, responses, recommended, chosen):
    """The optimal dose of each trial, to `chosen`, int16[T]; `responses`, int16[T, D, 2], without and with a DLT."""
    levels = patients.shape[1]
    n, e, worth = np.empty(levels, np.int64), np.empty(levels, np.int64), np.empty(levels, np.int64)
    tried, scores, room, sizes = np.empty((3, levels), np.int64), np.empty(levels), np.empty((6, levels)), n.copy()
    none, eff, tox, both = choice.utilities
    for trial in range(patients.shape[0]):
        if recommended[trial] == NO_DOSE:
            chosen[trial] = NO_DOSE
            continue
        for dose in range(levels):
            well, ill = np.int64(responses[trial, dose, 0]), np.int64(responses[trial, dose, 1])
            n[dose], e[dose] = patients[trial, dose], well + ill
            y = np.int64(dlts[trial, dose])
            worth[dose] = eff * well + none * (n[dose] - y - well) + both * ill + tox * (y - ill)
        highest = np.int64(recommended[trial])
        chosen[trial] = optimal_dose(choice, n, e, worth, highest, tried, scores, room, sizes)


@kernel
def next_responses(responses, patients):
    """Move on to the next responses at each dose, the lowest dose first: at how many it has; 0 after the last."""
    for dose in range(patients.shape[0]):
        responses[dose] += 1
        if responses[dose] <= patients[dose]:
            return dose + 1
        responses[dose] = 0
    return 0


@allocating
def decide_on_responses(choice, patients, highest, chosen):
    """The optimal dose for all responses that groups of endings can have, one after the other, to `chosen`, int8[V].

    Endings of a group have the same patients at each dose, int64[G, D], and recommended dose, int64[G].
    """
    levels = patients.shape[1]
    e, worth = np.empty(levels, np.int64), np.zeros(levels, np.int64)
    tried, scores, room, sizes = np.empty((3, levels), np.int64), np.empty(levels), np.empty((6, levels)), e.copy()
    place = 0
    for group in range(patients.shape[0]):
        n = patients[group]
        e[:] = 0
        changed = levels
        while changed > 0:
            chosen[place] = optimal_dose(choice, n, e, worth, highest[group], tried, scores, room, sizes)
            place += 1
            changed = next_responses(e, n)


@allocating
def add_over_responses(chosen, patients, starts, places, weight, masses, at_chosen, none):
    """Add up the probabilities of the optimal doses that `decide_on_responses` has chosen, under T truths.

    Endings of a group are those from `starts[g]` up to `starts[g + 1]`, with `weight`, float64[E, T]. At dose d of
    ending i e responses have the probabilities `masses[places[i, d] + e]`, float64[T]. `at_chosen`, float64[D, C, T],
    is by the cell of patients and responses at the optimal dose; `none`, float64[3, T], in the order of
    NO_OPTIMAL_DOSE.
    """
    levels, truths, most = patients.shape[1], weight.shape[1], 0
    for group in range(patients.shape[0]):
        most = max(most, starts[group + 1] - starts[group])
    e, share, place = np.empty(levels, np.int64), np.empty(truths), 0
    upon = np.empty((levels + 1, most, truths))  # products over the doses from one on, at each ending
    for group in range(patients.shape[0]):
        n, first, endings = patients[group], starts[group], starts[group + 1] - starts[group]
        e[:] = 0
        for ending in range(endings):
            for truth in range(truths):
                upon[levels, ending, truth] = weight[first + ending, truth]
        changed = levels
        while changed > 0:
            for level in range(changed - 1, -1, -1):
                for ending in range(endings):
                    row = at(places[first + ending, level] + e[level])
                    if truths == 1:  # a loop of one step takes as long as what it does
                        upon[level, ending, 0] = upon[level + 1, ending, 0] * masses[row, 0]
                        continue
                    for truth in range(truths):
                        upon[level, ending, truth] = upon[level + 1, ending, truth] * masses[row, truth]
            share[:] = 0.0
            for ending in range(endings):
                if truths == 1:
                    share[0] += upon[0, ending, 0]
                    continue
                for truth in range(truths):
                    share[truth] += upon[0, ending, truth]
            found = np.int64(chosen[place])
            total = at_chosen[found, at(cell(n[found], e[found]))] if found >= 0 else none[-1 - found]
            for truth in range(truths):
                total[truth] += share[truth]
            place += 1
            changed = next_responses(e, n)


@allocating
def choose_by_scores(patients, recommended, weight, slots, laws, at_chosen, none):
    """As `add_over_responses`, where each dose has a score of its own: products of distribution functions.

    `slots`, int64[E, D], say which law each dose of an ending has. Of a law: where it begins, and how many scores it
    has, int64[L]; then scores, probabilities, float64[., T], and responses, and one more place for each law of the sums
    of the probabilities, those of no candidate included, float64[., T].
    """
    begins, counts, scores, probability, responses, sums = laws
    levels, truths = patients.shape[1], weight.shape[1]
    product, reached = np.empty(truths), np.empty(levels, np.int64)
    for ending in range(patients.shape[0]):
        highest, tried = np.int64(recommended[ending]), False
        for truth in range(truths):
            product[truth] = weight[ending, truth]
        for dose in range(highest + 1):
            if patients[ending, dose] > 0:
                tried, slot = True, slots[ending, dose]
                for truth in range(truths):
                    product[truth] *= sums[at(begins[slot] + slot), truth]
        why = 0 if highest == NO_DOSE else 1 if tried else 2
        for truth in range(truths):
            none[why, truth] += product[truth]
        for dose in range(highest + 1):
            n = np.int64(patients[ending, dose])
            if n == 0:
                continue
            slot = slots[ending, dose]
            for other in range(highest + 1):
                reached[other] = begins[slots[ending, other]]
            for place in range(begins[slot], begins[slot] + counts[slot]):
                for truth in range(truths):
                    product[truth] = weight[ending, truth] * probability[place, truth]
                for other in range(highest + 1):
                    if other == dose or patients[ending, other] == 0:
                        continue
                    beside = slots[ending, other]
                    limit, end = scores[place] - SLACK, begins[beside] + counts[beside]
                    if other > dose:
                        limit = scores[place] + SLACK
                    while reached[other] < end and scores[at(reached[other])] <= limit:
                        reached[other] += 1
                    for truth in range(truths):
                        product[truth] *= sums[at(reached[other] + beside), truth]
                total = at_chosen[dose, at(cell(n, responses[place]))]
                for truth in range(truths):
                    total[truth] += product[truth]


@kernel
def follow_responses(responses, notes, keys, rates):
    """Move the end of simulated trials on to the day on which the last response is known, by what was noted of them.

    Patients respond as `count_responses` says, to rates float64[D, 2]; trials have no patients before.
    """
    for trial in range(notes.shape[0]):
        number = np.uint64(0)
        for place in range(NOTES + 1, NOTES + 1 + np.int64(notes[trial, NOTES]), NOTE):
            what = np.int64(notes[trial, place])
            if what > LEFT:
                continue
            if what != LEFT:
                dose, drawn = np.int64(notes[trial, place + 1]), uniform(keys[trial], number)
                known = notes[trial, place + 3] + response_known(responses, dose, rates[dose, what], drawn)
                notes[trial, END] = max(notes[trial, END], known)
            number += np.uint64(1)


@kernel
def count_responses(notes, keys, rates, before, begun, waiting, responses):
    """Add responses of simulated trials by what was noted of their patients, to int16[T, D, 2], without and with a DLT.

    The patient of a number responds where the random number of that number is below the rate, float64[D, 2], of the
    dose without or with a DLT. Those who left are not evaluable, and do not count. Patients who were treated before
    are not noted, so many `before`, or are the first `begun` ones of the notes; of them `waiting`, int64[D, 2], have
    their response still to come, and have the first numbers.
    """
    for trial in range(notes.shape[0]):
        number = np.uint64(0)
        for dose in range(waiting.shape[0]):
            for what in range(waiting.shape[1]):
                for _ in range(waiting[dose, what]):
                    if uniform(keys[trial], number) < rates[dose, what]:
                        responses[trial, dose, what] += 1
                    number += np.uint64(1)
        number = np.uint64(before)
        for place in range(NOTES + 1, NOTES + 1 + np.int64(notes[trial, NOTES]), NOTE):
            what = np.int64(notes[trial, place])
            if what > LEFT:
                continue
            dose = np.int64(notes[trial, place + 1])
            is_new = number >= np.uint64(before + begun)
            if what != LEFT and is_new and uniform(keys[trial], number) < rates[dose, what]:
                responses[trial, dose, what] += 1
            number += np.uint64(1)
