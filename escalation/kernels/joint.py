"""Decisions by DLTs and responses together, the choice of the optimal dose, and simulated trials of such designs.

`plan` is a `JointArrays`. Of a dose n patients, t DLTs, e responses and the sum of utilities w, in units, are looked
at; `seen` is what they say of each dose: bool[D], whether its DLTs eliminate it, bool[D], whether it is futile, and
int64[D], its rank by desirability.
"""

import numpy as np

from escalation.kernels.clock import MOST_OF_A_COHORT, is_full, response_known, treat_cohort, uniform
from escalation.kernels.codes import (
    BELOW,
    BESIDE,
    END,
    ENOUGH_AT_DOSE,
    ENROLLED,
    FUTILE,
    FUTILITY,
    HIGHEST,
    LEFT,
    MAX_PATIENTS,
    NO_DOSE,
    NOT_DECIDED,
    NOTE,
    NOTES,
    NOTHING_TRIED,
    OPEN,
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
def judge(plan, dose, n, t, e, w, seen):
    """What the counts at a dose say of it, to `seen`: whether they close it, for toxicity or futility, and its rank."""
    toxic, futile, ranks = seen
    toxic[at(dose)] = plan.toxic[at(n[at(dose)]), at(t[at(dose)])]
    futile[at(dose)] = plan.futile[at(n[at(dose)]), at(e[at(dose)])]
    ranks[at(dose)] = plan.ranks[at(n[at(dose)]), at(w[at(dose)])]


@kernel
def toxic_from(toxic):
    """The lowest dose that is eliminated, with all above; D for none."""
    for level in range(toxic.shape[0]):
        if toxic[at(level)]:
            return level
    return toxic.shape[0]


@kernel
def next_doses(plan, dose, n, t, seen, found):
    """The doses of which one is next after a cohort at `dose`, to `found`, int64[3]; and how many they are, 0 for none.

    They are equally desirable.
    """
    toxic, futile, ranks = seen
    closed_from = toxic_from(toxic)
    patients = n[at(dose)]
    move = plan.moves[at(patients), at(t[at(dose)])]
    lower, stays = min(dose, closed_from) - 1, dose < closed_from and not futile[at(dose)]
    while lower >= 0 and futile[at(lower)]:
        lower -= 1
    if move == BELOW:
        if lower < 0 and not stays:
            return np.int64(0)
        found[0] = lower if lower >= 0 else dose
        return np.int64(1)
    higher = dose + 1
    while higher < closed_from and futile[at(higher)]:
        higher += 1
    if higher >= closed_from:
        higher = -1
    if not stays and lower < 0 and (move == BESIDE or higher < 0):
        return np.int64(0)
    if patients >= plan.explore_from and higher >= 0 and n[at(higher)] == 0:
        found[0] = higher
        return np.int64(1)
    best, count = np.int64(-1), np.int64(0)
    for place in range(2 if move == BESIDE else 3):
        candidate = lower if place == 0 else dose if place == 1 else higher
        if candidate < 0 or (place == 1 and not stays):
            continue
        rank = ranks[at(candidate)]
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
def why_none(toxic):
    """Why no dose is next: TOO_TOXIC or FUTILITY."""
    return TOO_TOXIC if toxic[0] else FUTILITY


@kernel
def closest_tolerated(plan, n, t, toxic, room, sizes):
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
    for level in range(toxic_from(toxic)):
        if n[level] > 0:
            apart = abs(room[2, place] - plan.limit)
            if apart <= distance + SLACK:
                closest, distance = level, apart
            place += 1
    return closest


@kernel
def most_useful(plan, highest, n, futile, w):
    """The optimal dose: the largest posterior mean utility of tried doses up to the highest that are not futile.

    The lowest of equal ones; else NO_DOSE, FUTILE or NOTHING_TRIED.
    """
    if highest < 0:
        return np.int64(NO_DOSE)
    best, over, under, none = np.int64(-1), np.int64(0), np.int64(1), np.int64(NOTHING_TRIED)
    for level in range(highest + 1):
        if n[at(level)] == 0:
            continue
        if futile[at(level)]:
            none = np.int64(FUTILE)
            continue
        useful, of = 100 + plan.unit * w[at(level)], 2 + n[at(level)]
        if useful * under > over * of:
            best, over, under = level, useful, of
    return best if best >= 0 else none


@allocating
def run_joint_trials(plan, clocks, first, rates, tolerances, keys, counts, ends, times):
    """Run a block of trials, which begin with the counts that they have on entry, the same for all.

    `first` are the doses, int64[K], of which their first cohort has one, by lot, and its size where it is not 0.

    `rates` are the limits below which a tolerance is a DLT, int64[D], and a random number a response, float64[D, 2], by
    whether there is a DLT; `counts` patients and DLTs, int16[T, D], and responses, int16[T, D, 2], of patients without
    and with one; `ends` the MTD, the reason and the optimal dose of each trial.

    `clocks` are those of the trial and of responses, `keys` those of responses and of the trial's times. Where the
    clock is running the trials' times are moved on, and patients are noted behind them, float64[T, NOTES + 1 + X].
    Where there is no room for all of the notes a trial ends as NOT_DECIDED, and means nothing.
    """
    (clock, seen_by), (response_keys, clock_keys) = clocks, keys
    (first_doses, first_size), (limits, response_rates) = first, rates
    (patients, dlts, responses), (recommended, reasons, optimal) = counts, ends
    levels, most = limits.shape[0], plan.most
    n, t, e, w = np.empty((4, levels), np.int64)
    start = np.empty((4, levels), np.int64)
    room, sizes, found = np.empty((4, levels)), np.empty(levels, np.int64), np.empty(3, np.int64)
    seen = np.empty(levels, np.bool_), np.empty(levels, np.bool_), np.empty(levels, np.int64)
    toxic, futile = seen[0], seen[1]
    spaced = np.empty(levels), np.empty(MOST_OF_A_COHORT)
    first_enrolled = first_toxicities = np.int64(0)
    for level in range(levels):
        start[0, level], start[1, level] = patients[0, level], dlts[0, level]
        well, ill = np.int64(responses[0, level, 0]), np.int64(responses[0, level, 1])
        start[2, level] = well + ill
        start[3, level] = worth(plan, start[0, level], start[1, level], well, ill)
        first_enrolled += start[0, level]
        first_toxicities += start[1, level]
    for trial in range(at(tolerances.shape[0])):
        key, reason, drawn, size = response_keys[trial], np.int64(0), DRAW, first_size
        dose = first_doses[0]
        if first_doses.shape[0] > 1:
            dose = first_doses[at(uniform(key, drawn) * first_doses.shape[0])]
            drawn += np.uint64(1)
        enrolled, toxicities = first_enrolled, first_toxicities
        for level in range(levels):
            n[level], t[level], e[level], w[level] = start[0, level], start[1, level], start[2, level], start[3, level]
            judge(plan, level, n, t, e, w, seen)
        while reason == 0:
            if size == 0:
                size = cohort_size(plan.sizes, plan.trial_sizes, dose, n[dose], enrolled, toxicities)
            last = min(enrolled + size, most)
            size = np.int64(0)
            if clock.is_running:
                now = times[trial]
                number, place = np.int64(now[ENROLLED]), NOTES + 1 + np.int64(now[NOTES])
                treated, _ = treat_cohort(
                    clock,
                    dose,
                    limits[at(dose)],
                    last - enrolled,
                    n[dose],
                    tolerances[trial],
                    clock_keys[trial],
                    spaced,
                    now,
                )
                if place + NOTE * (np.int64(now[ENROLLED]) - number) != NOTES + 1 + np.int64(now[NOTES]):
                    reason = np.int64(NOT_DECIDED)
                    break
                last, complete = enrolled + treated, 0.0
                while place < NOTES + 1 + np.int64(now[NOTES]):
                    ill, random = np.int64(now[place]), uniform(key, np.uint64(number))
                    if ill != LEFT:
                        rate = response_rates[at(dose), at(ill)]
                        responds = np.int64(random < rate)
                        t[dose] += ill
                        toxicities += ill
                        e[dose] += responds
                        responses[trial, at(dose), at(ill)] += responds
                        w[dose] += plan.worth[at(ill), at(responds)]
                        complete = max(complete, now[place + 3] + response_known(seen_by, dose, rate, random))
                    place += NOTE
                    number += 1
                if treated > 0:
                    now[END], now[OPEN] = max(now[END], complete), max(now[OPEN], complete + clock.review)
                elif not is_full(clock, enrolled, most, now):
                    continue  # nobody was evaluable: nothing to decide on
            else:
                for patient in range(enrolled, last):
                    ill = np.int64(tolerances[trial, at(patient)] < limits[at(dose)])
                    responds = np.int64(uniform(key, np.uint64(patient)) < response_rates[at(dose), at(ill)])
                    t[dose] += ill
                    toxicities += ill
                    e[dose] += responds
                    responses[trial, at(dose), at(ill)] += responds
                    w[dose] += plan.worth[at(ill), at(responds)]
            n[dose] += last - enrolled
            enrolled = last
            out_of_patients = enrolled >= most
            if clock.is_running:
                out_of_patients = is_full(clock, enrolled, most, times[trial])
            judge(plan, dose, n, t, e, w, seen)
            count = next_doses(plan, dose, n, t, seen, found)
            if count == 0:
                reason = np.int64(why_none(toxic))
            elif n[dose] >= plan.enough:
                reason = np.int64(ENOUGH_AT_DOSE)
            elif out_of_patients:
                reason = np.int64(MAX_PATIENTS)
            elif count == 1:
                dose = found[0]
            else:
                dose = found[at(uniform(key, drawn) * count)]
                drawn += np.uint64(1)
        for level in range(levels):
            patients[trial, level], dlts[trial, level] = n[level], t[level]
        closest = closest_tolerated(plan, n, t, toxic, room, sizes)
        recommended[trial], reasons[trial] = closest, reason
        if reason == FUTILITY:
            optimal[trial] = FUTILE
        else:
            optimal[trial] = most_useful(plan, closest, n, futile, w)


@kernel
def worth(plan, n, t, well, ill):
    """Sum of utilities, in units, of n patients with t DLTs, with responses of those without and with a DLT."""
    return (
        plan.worth[0, 1] * well
        + plan.worth[0, 0] * (n - t - well)
        + plan.worth[1, 1] * ill
        + plan.worth[1, 0] * (t - ill)
    )


@allocating
def closest_of_each(plan, patients, dlts, recommended):
    """The dose that `closest_tolerated` gives for counts at each dose, int16[E, D]."""
    levels = patients.shape[1]
    n, t = np.empty((2, levels), np.int64)
    room, sizes, toxic = np.empty((4, levels)), np.empty(levels, np.int64), np.empty(levels, np.bool_)
    for ending in range(patients.shape[0]):
        for level in range(levels):
            n[level], t[level] = patients[ending, level], dlts[ending, level]
            toxic[level] = plan.toxic[at(n[level]), at(t[level])]
        recommended[ending] = closest_tolerated(plan, n, t, toxic, room, sizes)
