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
    HELD,
    HOLD_DAYS,
    HOLDS,
    LAST_ENROLMENT,
    LEFT,
    LOGLOGISTIC,
    LOST,
    NOTE,
    NOTES,
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
def drawn_tolerance(key, number):
    """Tolerance of a patient beyond those whose are drawn beforehand, a whole number of parts."""
    return math.floor(uniform(key, TOLERANCE + np.uint64(number)) * 4294967296.0)


@kernel
def day_of_leaving(inevaluable, window, key, number):
    """The day after treatment on which a patient of this number leaves; infinite for who stays."""
    if inevaluable > 0:
        stream = LEAVING + np.uint64(2 * number)
        if uniform(key, stream) < inevaluable:
            return window * uniform(key, stream + np.uint64(1))
    return np.inf


@kernel
def gap(arrivals, mean, key, number):
    """Days between the arrivals before and of this number."""
    if arrivals == FIXED:
        return mean
    share = uniform(key, np.uint64(number))
    return -mean * math.log(share) if arrivals == POISSON else 2 * mean * share


@kernel
def day_of_event(clock, dose, share):
    """The day after treatment of a patient's DLT, of which this share of the DLTs at the dose are no later.

    That of a response likewise, by a `ResponseClockArrays`.
    """
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
def response_known(responses, dose, rate, drawn):
    """The day after treatment on which it is known whether a patient responds, whose random number is below the rate.

    Of who responds that number over the rate is uniform again: it is the share of the responses that are no later.
    """
    if responses.at_end or drawn >= rate:
        return responses.window
    return day_of_event(responses, dose, drawn / rate)


@kernel
def note(now, what, dose, day, until, opening):
    """Take a note of a trial behind its times; a hold that goes on is one."""
    place = NOTES + 1 + np.int64(now[NOTES])
    if what == HELD and now[NOTES] > 0 and now[place - NOTE] == HELD and now[place - 1] == day:
        now[place - 1] = until
    elif place + NOTE <= now.shape[0]:
        now[place], now[place + 1], now[place + 2], now[place + 3] = what, dose, opening, day
        now[place + 4] = until
        now[NOTES] += NOTE


@kernel
def note_cohort(now, tolerances, limit, dose, first, last):
    """Take notes of the patients from `first` up to `last` at a dose, in a trial without a clock."""
    for patient in range(first, last):
        note(now, np.int64(tolerances[patient] < limit), dose, 0.0, 0.0, 0.0)


@kernel
def treat_cohort(clock, dose, limit, size, before, tolerances, key, room, now):
    """Treat a cohort at a dose and observe it to its end; returns its evaluable patients and their DLTs.

    `limit` is of the tolerances, `before` the patients that the dose has had, `now` the trial's times, which are moved
    on; see `codes`. `room` has the last day on which a patient was treated at each dose, float64[D], and is where the
    days are noted on which patients leave. The cohort has fewer than `size` where its sentinel closes it, or patients
    are not replaced.
    """
    # Locals, and one function: what is read and written in arrays for each patient would take half of the time.
    enrolled, number, last, opening = np.int64(now[ENROLLED]), np.int64(now[ARRIVALS]), now[LAST_ENROLMENT], now[OPEN]
    arrived, end, complete = now[ARRIVAL], now[END], 0.0
    kind, mean, while_closed, window, most = (
        clock.arrivals,
        clock.mean_gap,
        clock.while_closed,
        clock.window,
        clock.max_enrolled,
    )
    waited, (last_at, left), noted = 0.0, room, now.shape[0] > NOTES
    if enrolled >= most:
        return 0, 0
    if enrolled > 0 and opening > last:
        now[HOLDS] += 1
        now[HOLD_DAYS] += opening - last
    places, leaving, evaluable, toxic = size, 0, 0, 0
    members = before if clock.singly else 0  # patients of one at a time are spaced as those of a cohort
    earliest = opening
    spaced = clock.gaps.shape[0] > 0 and (before == 0 or clock.singly or not clock.gaps_at_new_dose)
    reopened = True  # accrual was held since the last patient, until a cohort was complete
    while enrolled < most:
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
            earliest = max(earliest, (last_at[dose] if clock.singly else last) + clock.gaps[members - 1])
        if enrolled == 0:
            day = 0.0
        elif while_closed == READY and reopened:
            day = max(earliest, last)
        elif while_closed in (WAIT, READY):
            day = last + gap(kind, mean, key, number)
            waited += max(earliest - day, 0.0)
            day = max(day, earliest)
        else:
            arrived += gap(kind, mean, key, number)
            while while_closed == LOST and arrived < earliest - SLACK * window:
                number += 1
                now[TURNED_AWAY] += 1
                arrived += gap(kind, mean, key, number)
            day = max(arrived, earliest, last) if while_closed == QUEUE else arrived
            waited += day - arrived
        number += 1
        if enrolled < tolerances.shape[0]:
            tolerance = np.float64(tolerances[enrolled])
        else:
            tolerance = drawn_tolerance(key, enrolled)
        observed, has_dlt = window, tolerance < limit
        if has_dlt:
            share = min((tolerance + 0.5) / limit, 1.0)
            observed = window * share if clock.days.shape[0] == 2 else day_of_event(clock, dose, share)
        leaves = day_of_leaving(clock.inevaluable, window, key, enrolled)
        if noted:
            what = np.int64(LEFT if leaves < observed else has_dlt)
            note(now, what, dose, day, day + min(leaves, observed), opening)
        last_at[dose] = day
        enrolled, places, members, last, reopened = enrolled + 1, places - 1, members + 1, day, False
        if leaves < observed:
            end = max(end, day + leaves)
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
    now[ENROLLED], now[ARRIVALS], now[LAST_ENROLMENT], now[ARRIVAL] = enrolled, number, last, arrived
    now[END] = max(end, complete)
    now[OPEN] = complete + clock.review
    now[WAITING_DAYS] += waited
    return evaluable, toxic


@kernel
def is_full(clock, evaluable, most, now):
    """Whether a trial has all of its patients: so many evaluable ones, or treated ones."""
    return (evaluable if clock.replaces else now[ENROLLED]) >= most or now[ENROLLED] >= clock.max_enrolled
