"""The clock of a simulated trial: arrivals, days of DLTs, and the treatment of a cohort that is observed to its end.

A patient's random numbers are a hash of a key of the trial and the patient's number, so that trial i has the same
patients and arrivals whatever the number of trials and threads, the design, the truth, and what happens to arrivals.

Source of the hash: Steele GL, Lea D, Flood CH (2014) Fast splittable pseudorandom number generators. OOPSLA (SplitMix).
"""

import math

import numpy as np

from escalation.kernels.codes import (
    ARRIVAL,
    ARRIVALS,
    END,
    ENROLLED,
    FIXED,
    HOLD_DAYS,
    HOLDS,
    LAST_ENROLMENT,
    LOGLOGISTIC,
    OPEN,
    POISSON,
    QUEUE,
    READY,
    SLACK,
    TURNED_AWAY,
    WAIT,
    WAITING_DAYS,
    WEIBULL,
)
from escalation.kernels.jit import kernel

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
FIRST, SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
LEAVING = np.uint64(1 << 40)  # numbers of the stream of leaving: each patient has two
MOST_OF_A_COHORT = 100
TOLERANCE = np.uint64(2 << 40)  # of patients beyond those whose tolerances are drawn beforehand


@kernel
def uniform(key, number):
    """Random number `number` of the stream `key`, both uint64, strictly between 0 and 1."""
    z = key + (number + np.uint64(1)) * GOLDEN
    z = (z ^ (z >> np.uint64(30))) * FIRST
    z = (z ^ (z >> np.uint64(27))) * SECOND
    return (np.float64((z ^ (z >> np.uint64(31))) >> np.uint64(12)) + 0.5) * 2.0**-52


@kernel
def gap(clock, key, number):
    """Days between the arrivals before and of this number, float64."""
    if clock.arrivals == FIXED:
        return clock.mean_gap
    share = uniform(key, np.uint64(number))
    return -clock.mean_gap * math.log(share) if clock.arrivals == POISSON else 2 * clock.mean_gap * share


@kernel
def day_of_dlt(clock, dose, share):
    """The day after treatment of a patient's DLT, of which this share of the DLTs at the dose are no later."""
    if clock.onset == WEIBULL:
        ratio = math.log1p(-clock.rates[dose] * share) / math.log1p(-clock.rates[dose])
        return clock.window * ratio ** clock.exponents[dose]
    if clock.onset == LOGLOGISTIC:
        rate = clock.rates[dose]
        ratio = share * (1 - rate) / (1 - rate * share)
        return clock.window * ratio ** clock.exponents[dose]
    last = 1
    while clock.shares[last] < share:
        last += 1
    part = (share - clock.shares[last - 1]) / (clock.shares[last] - clock.shares[last - 1])
    return clock.days[last - 1] + part * (clock.days[last] - clock.days[last - 1])


@kernel
def arrive(clock, key, now, earliest, reopened):
    """The day on which the next patient is treated, not before `earliest`; moves the arrivals on.

    `reopened`: accrual was held since the last patient, until a cohort was complete.
    """
    number = now[ARRIVALS]
    now[ARRIVALS] += 1
    if now[ENROLLED] == 0:
        return 0.0
    if clock.while_closed in (WAIT, READY):
        if reopened and clock.while_closed == READY:
            return max(earliest, now[LAST_ENROLMENT])
        day = now[LAST_ENROLMENT] + gap(clock, key, number)
        now[WAITING_DAYS] += max(earliest - day, 0.0)
        return max(day, earliest)
    now[ARRIVAL] += gap(clock, key, number)
    if clock.while_closed == QUEUE:
        day = max(now[ARRIVAL], earliest, now[LAST_ENROLMENT])
        now[WAITING_DAYS] += day - now[ARRIVAL]
        return day
    while now[ARRIVAL] < earliest - SLACK * clock.window:
        now[TURNED_AWAY] += 1
        now[ARRIVAL] += gap(clock, key, now[ARRIVALS])
        now[ARRIVALS] += 1
    return now[ARRIVAL]


@kernel
def treat_cohort(clock, dose, limit, size, before, tolerances, key, left, now):
    """Treat a cohort at a dose and observe it to its end; returns its evaluable patients and their DLTs.

    `limit` is of the tolerances, `before` the patients that the dose has had, `left` room for the days on which
    patients leave, float64[size], `now` the trial's times, which are moved on; see `codes`. The cohort has fewer than
    `size` where its sentinel closes it, or patients are not replaced.
    """
    if now[ENROLLED] >= clock.max_enrolled:
        return 0, 0
    if now[ENROLLED] > 0 and now[OPEN] > now[LAST_ENROLMENT]:
        now[HOLDS] += 1
        now[HOLD_DAYS] += now[OPEN] - now[LAST_ENROLMENT]
    places, leaving, evaluable, toxic = size, 0, 0, 0
    members = before if clock.singly else 0  # patients of one at a time are spaced as those of a cohort
    earliest, complete = now[OPEN], 0.0
    spaced = before == 0 or clock.singly or not clock.gaps_at_new_dose
    reopened = True
    while now[ENROLLED] < clock.max_enrolled:
        if places == 0:
            if leaving == 0:
                break
            first = 0  # of those who leave: the first place that is free again
            for patient in range(1, leaving):
                if left[patient] < left[first]:
                    first = patient
            earliest = max(earliest, left[first])
            leaving -= 1
            left[first] = left[leaving]
            places = 1
        if spaced and 0 < members <= clock.gaps.shape[0]:
            earliest = max(earliest, now[LAST_ENROLMENT] + clock.gaps[members - 1])
        day = arrive(clock, key, now, earliest, reopened)
        patient = np.int64(now[ENROLLED])
        now[ENROLLED] += 1
        now[LAST_ENROLMENT] = day
        places, members, reopened = places - 1, members + 1, False
        if patient < tolerances.shape[0]:
            tolerance = np.float64(tolerances[patient])
        else:
            tolerance = math.floor(uniform(key, TOLERANCE + np.uint64(patient)) * 4294967296.0)
        observed, has_dlt = clock.window, tolerance < limit
        if has_dlt:
            observed = day_of_dlt(clock, dose, min((tolerance + 0.5) / limit, 1.0))
        if clock.inevaluable > 0:
            number = LEAVING + np.uint64(2 * patient)
            leaves = clock.window * uniform(key, number + np.uint64(1))
            if uniform(key, number) < clock.inevaluable and leaves < observed:
                now[END] = max(now[END], day + leaves)
                if clock.replaces:
                    left[leaving] = day + leaves
                    leaving += 1
                else:
                    complete = max(complete, day + leaves)
                continue
        evaluable += 1
        toxic += has_dlt
        complete = max(complete, day + observed)
        if clock.closes and spaced and members == 1 and has_dlt and observed <= clock.gaps[0]:
            break
    now[END] = max(now[END], complete)
    now[OPEN] = complete + clock.review
    return evaluable, toxic


@kernel
def is_full(clock, evaluable, most, now):
    """Whether a trial has all of its patients: so many evaluable ones, or treated ones."""
    return (evaluable if clock.replaces else now[ENROLLED]) >= most or now[ENROLLED] >= clock.max_enrolled
