"""Simulated trials under a table plan with a rule for pending patients: who is treated before all outcomes are known.

A trial goes from one question to the next: somebody is there, or accrual could open again, and what is known by then
says whether and at which dose the patient is treated. Patients and arrivals are those of `kernels.clock`.

The dose of a cohort is decided when its first patient is treated; the others get it, too. Those of a cohort who are
known to have left free their places, where they are replaced. Each decision counts all who are enrolled, pending ones
as without a DLT, at every dose.
"""

import math

import numpy as np

from escalation.kernels.clock import LEAVING, TOLERANCE, day_of_dlt, gap, is_full, uniform
from escalation.kernels.codes import (
    ANY_FOLLOW_UP,
    ARRIVAL,
    ARRIVALS,
    ARRIVE,
    AT_CLOSED_DOSE,
    DE_ESCALATE,
    DE_ESCALATION_PROBABLE,
    DECIDED_WITH_PENDING,
    DECISIONS,
    DLT,
    EFFECTIVE,
    ELIMINATE,
    END,
    ENROLLED,
    ESCALATE,
    ESCALATION_IMPROBABLE,
    HOLD_DAYS,
    HOLDS,
    IMPUTED,
    LAST_ENROLMENT,
    LEAST_FOLLOW_UP,
    LEAVE,
    LEFT,
    LOST,
    MAX_PATIENTS,
    NO_DLT,
    NOT_HELD,
    OPEN,
    OUTCOME,
    PENDING,
    PREDICTED,
    QUEUE,
    READY,
    ROLLED,
    SLACK,
    STAY,
    STAY_AT,
    SUSPEND,
    TOO_TOXIC,
    TURNED_AWAY,
    WAIT,
    WAITING_DAYS,
)
from escalation.kernels.jit import kernel
from escalation.kernels.limits import highest_after
from escalation.kernels.simulated_tables import lowest_eliminated
from escalation.kernels.stopping import final_reason, joint_reason, next_run, sooner

EXACT = 1e-12
"""Slack where counts are compared with a share of other counts; see `plans.pending`."""

# Columns of those whose outcome is not known yet: index of the dose, day of treatment, the last day of observation, what
# becomes of them, and the number of their cohort.
DOSE, ENTRY, UNTIL, BECOMES, COHORT = 0, 1, 2, 3, 4
COLUMNS = 5


@kernel
def follow(clock, dose, limit, tolerances, key, patient):
    """Days for which a patient of this number is observed at a dose, and NO_DLT, DLT or LEFT.

    As `kernels.clock.treat_cohort` has it; `limit` is of the tolerances.
    """
    if patient < tolerances.shape[0]:
        tolerance = np.float64(tolerances[patient])
    else:
        tolerance = math.floor(uniform(key, TOLERANCE + np.uint64(patient)) * 4294967296.0)
    observed, outcome = clock.window, NO_DLT
    if tolerance < limit:
        share = min((tolerance + 0.5) / limit, 1.0)
        observed = clock.window * share if clock.days.shape[0] == 2 else day_of_dlt(clock, dose, share)
        outcome = DLT
    if clock.inevaluable > 0:
        stream = LEAVING + np.uint64(2 * patient)
        if uniform(key, stream) < clock.inevaluable:
            leaves = clock.window * uniform(key, stream + np.uint64(1))
            if leaves < observed:
                observed, outcome = leaves, LEFT
    return observed, outcome


@kernel
def learn(clock, day, cohort, who, pending, patients, dlts, waiting):
    """Count what has become known by a day; returns those still pending, and who left, of all and of a cohort.

    `waiting` are the pending patients at each dose, int64[D].
    """
    by = day - clock.review + SLACK * clock.window
    gone = gone_of_cohort = np.int64(0)
    place = np.int64(0)
    while place < pending:
        if who[place, UNTIL] > by:
            place += 1
            continue
        dose = np.int64(who[place, DOSE])
        waiting[dose] -= 1
        if who[place, BECOMES] == DLT:
            dlts[dose] += 1
        elif who[place, BECOMES] == LEFT:
            patients[dose] -= 1
            gone += 1
            if who[place, COHORT] == cohort:
                gone_of_cohort += 1
        pending -= 1
        for column in range(COLUMNS):
            who[place, column] = who[pending, column]
    return pending, gone, gone_of_cohort


@kernel
def next_known(clock, who, pending):
    """The day on which something becomes known next; infinite when nobody is pending."""
    day = np.inf
    for place in range(pending):
        day = min(day, who[place, UNTIL] + clock.review)
    return day


@kernel
def next_place(clock, now, who, pending):
    """The day on which a trial that is full has a place again, because a patient has left; infinite for never."""
    day = np.inf
    if clock.replaces and now[ENROLLED] < clock.max_enrolled:
        for place in range(pending):
            if who[place, BECOMES] == LEFT:
                day = min(day, who[place, UNTIL] + clock.review)
    return day


@kernel
def followed_at(clock, day, dose, who, pending, shares):
    """Write the shares of the window for which pending patients at a dose have been followed by a day, one after other."""
    found = 0
    for place in range(pending):
        if who[place, DOSE] == dose:
            shares[found] = max((day - clock.review - who[place, ENTRY]) / clock.window, 0.0)
            found += 1


@kernel
def is_eliminated(rule, codes, dose, n, y, c):
    """Whether the counts at a dose, of whom c are pending, eliminate it."""
    if rule.rule == PREDICTED and c > 0:
        known = n - c
        if known < rule.fewest_known or codes[dose, known, y] != ELIMINATE:
            return False
        if dose > 0:
            return True
    return codes[dose, n, y] == ELIMINATE


@kernel
def predict(rule, dose, n, y, c, no_higher, shares, law):
    """As `decide`, by the probabilities of the numbers of DLTs among the pending; `law` is room for these."""
    law[0] = 1.0
    for place in range(c):
        law[place + 1] = 0.0
        for toxic in range(place + 1, 0, -1):
            law[toxic] += (1 - shares[place]) * law[toxic - 1]
    ratio, whole = 1.0, 0.0
    down = stay = up = 0.0
    lowest, highest = ESCALATE, DE_ESCALATE
    for toxic in range(c + 1):
        move = STAY
        if y + toxic >= rule.fall_from[n]:
            move = DE_ESCALATE if dose > 0 else STAY
        elif y + toxic < rule.stay_from[n] and not no_higher:
            move = ESCALATE
        lowest, highest = min(lowest, move), max(highest, move)
        chance = law[toxic] * ratio
        whole += chance
        if move == DE_ESCALATE:
            down += chance
        elif move == ESCALATE:
            up += chance
        else:
            stay += chance
        ratio *= (y + toxic + 1) / (n - y - toxic) if toxic < c else 1.0
    down, stay, up = down / whole, stay / whole, up / whole
    if rule.agrees and lowest < highest:
        return SUSPEND, OUTCOME
    if down >= max(stay, up) - SLACK:
        return DE_ESCALATE, NOT_HELD
    if stay >= up - SLACK:
        return (SUSPEND, DE_ESCALATION_PROBABLE) if down > rule.stay_if + SLACK else (STAY, NOT_HELD)
    return (SUSPEND, ESCALATION_IMPROBABLE) if up < rule.escalate_if - SLACK else (ESCALATE, NOT_HELD)


@kernel
def decide(rule, codes, dose, n, y, c, no_higher, shares, law):
    """What follows at a dose that is not eliminated, and what lifts a hold.

    `shares` of the window for which the c pending patients have been followed come first in float64[N + 1].
    """
    if rule.rule == ROLLED:
        code = np.int64(rule.states[n, y, c])
        if code == ESCALATE and no_higher:
            code = SUSPEND if n == rule.states.shape[0] - 1 and c > 0 else STAY
        return code, OUTCOME if code == SUSPEND else NOT_HELD
    code = np.int64(codes[dose, n, y])
    if c > 0 and rule.rule == PREDICTED:
        known = n - c
        if known >= rule.fewest_known and codes[dose, known, y] == ELIMINATE:
            return SUSPEND, OUTCOME
        if known == 0 or c > rule.most_pending * n + EXACT:
            return SUSPEND, OUTCOME
        return predict(rule, dose, n, y, c, no_higher, shares, law)
    if c > 0 and code != DE_ESCALATE:
        seen, least = 0.0, 1.0
        for place in range(c):
            seen += shares[place]
            least = min(least, shares[place])
        escalate_from, de_escalate_to = np.inf, -np.inf
        if rule.rule == IMPUTED:
            p = (y + rule.target / 2) / (n - c + 1)
            odds = (1 - p) / p
            if y < rule.target * n - EXACT:
                escalate_from = c - odds * (n * rule.lambda_e - y) - SLACK
            else:
                de_escalate_to = c - odds * (n * rule.lambda_d - y) + SLACK
        else:
            seen += n - c
            escalate_from, de_escalate_to = rule.escalate_from[y], rule.de_escalate_to[y]
        code = STAY
        if seen <= de_escalate_to:
            code = DE_ESCALATE
        elif seen >= escalate_from:
            code = ESCALATE
        if c > rule.most_pending * n + EXACT:
            return SUSPEND, OUTCOME
        if rule.rule == EFFECTIVE and seen <= SLACK:
            return SUSPEND, ANY_FOLLOW_UP
        if code == ESCALATE and not no_higher:
            if n - c < rule.fewest_known:
                return SUSPEND, OUTCOME
            if least < rule.least_follow_up - EXACT:
                return SUSPEND, LEAST_FOLLOW_UP
    if (code == ESCALATE and no_higher) or (code == DE_ESCALATE and dose == 0):
        code = STAY
    return code, NOT_HELD


@kernel
def ask(plan, rule, clock, day, dose, full, tried, run, patients, dlts, waiting, who, pending, shares, law, no_belief):
    """The dose of the next cohort, why the trial ends, what lifts a hold, and whether no dose above may follow then.

    `run` cohorts in a row had the last dose, `tried` is the highest that was given. A dose below all is that of a trial
    that is too toxic.
    """
    codes, conduct = plan
    levels = patients.shape[0]
    highest, toxicities, enrolled = np.int64(levels - 1), np.int64(0), np.int64(0)
    for level in range(levels - 1, -1, -1):
        n, y, c = np.int64(patients[level]), np.int64(dlts[level]), waiting[level]
        enrolled += n
        toxicities += y
        if is_eliminated(rule, codes, level, n, y, c):
            highest = level - 1
    if highest < 0:
        return highest, np.int64(MAX_PATIENTS if full else TOO_TOXIC), NOT_HELD, False
    if patients[dose] == 0 and dose <= highest and not full:
        return dose, np.int64(0), NOT_HELD, False  # nobody was evaluable: nothing to decide on
    following = min(dose, highest)
    limit = highest_after(conduct.ceiling, conduct.tried_ceiling, dose, tried, toxicities)
    n = np.int64(patients[following])
    if n > 0 and (following == dose or rule.rule == ROLLED):
        y, c = np.int64(dlts[following]), waiting[following]
        if c > 0:
            followed_at(clock, day, following, who, pending, shares)
        no_higher = following >= min(highest, limit)
        code, held = decide(rule, codes, following, n, y, c, no_higher, shares, law)
        if code == SUSPEND:
            return following, np.int64(0), held, no_higher
        if code == ESCALATE:
            following += 1
        elif code == DE_ESCALATE:
            following -= 1
    reason = np.int64(0)
    if conduct.reasons.shape[1] > 0:
        n, y = np.int64(patients[following]), np.int64(dlts[following])
        if following == dose:
            reason = np.int64(conduct.reasons[STAY_AT, dose, n, y])
        else:
            left = np.int64(conduct.reasons[LEAVE, dose, patients[dose], dlts[dose]])
            reason = sooner(left, np.int64(conduct.reasons[ARRIVE, following, n, y]))
    if conduct.joint.reasons.shape[0] > 0:
        reason = sooner(reason, joint_reason(conduct.joint, patients, dlts, dose, following, run, no_belief))
    return following, final_reason(reason, full), NOT_HELD, False


@kernel
def lifted(rule, codes, clock, day, dose, n, y, c, held, no_higher, who, pending, shares, law):
    """The next day, after this one, on which a hold at a dose is looked at again.

    That on which something becomes known at any dose; or before it that on which follow-up alone changes what holds:
    a follow-up that is long enough has its day, and that of probabilities, which rise or fall with time while the same
    patients are pending, is found by halving.
    """
    known = next_known(clock, who, pending)
    if held == LEAST_FOLLOW_UP or held == ANY_FOLLOW_UP:
        latest, earliest = -np.inf, np.inf
        for place in range(pending):
            if who[place, DOSE] == dose:
                latest, earliest = max(latest, who[place, ENTRY]), min(earliest, who[place, ENTRY])
        at = latest + rule.least_follow_up * clock.window
        if held == ANY_FOLLOW_UP:
            at = earliest + 2 * SLACK * clock.window
        return min(known, max(at + clock.review, day + SLACK * clock.window))
    if held == OUTCOME:
        return known
    before, after = day, known - SLACK * clock.window
    followed_at(clock, after, dose, who, pending, shares)
    if decide(rule, codes, dose, n, y, c, no_higher, shares, law)[1] == held:
        return known
    while after - before > SLACK * clock.window / 2:
        middle = (before + after) / 2
        followed_at(clock, middle, dose, who, pending, shares)
        if decide(rule, codes, dose, n, y, c, no_higher, shares, law)[1] == held:
            before = middle
        else:
            after = middle
    return after


@kernel
def run_late_onset_trials(plan, rule, clock, limits, tolerances, keys, patients, dlts, reasons, times):
    """Run a block of trials from their first patient, with a rule for pending patients.

    Counts, int16[T, D], are zero on entry; `keys` and `times` are those of the trials, uint64[T] and float64[T, TIMES].
    """
    codes, conduct = plan
    levels, most = limits.shape[0], conduct.max_patients
    who, waiting = np.empty((most + 1, COLUMNS)), np.empty(levels, np.int64)
    shares, law, no_belief = np.empty(most + 1), np.empty(most + 2), np.empty(0, np.bool_)
    all_patients, all_dlts = np.empty(levels, np.int16), np.empty(levels, np.int16)  # outcomes to come included
    last_at = np.empty(levels)
    slack = SLACK * clock.window

    for trial in range(tolerances.shape[0]):
        n, y, now, key = patients[trial], dlts[trial], times[trial], keys[trial]
        waiting[:] = 0
        all_patients[:] = 0
        all_dlts[:] = 0
        pending = counted = treated = inside = cohort = before = tried = reason = np.int64(0)
        dose, run = np.int64(conduct.start), np.int64(conduct.run)
        size = conduct.sizes[dose, before]
        earliest, closed = 0.0, np.inf  # when there is a place again; when the sentinel closed the cohort
        while True:
            full = is_full(clock, counted, most, now)
            if full:
                opening = next_place(clock, now, who, pending)
                if opening == np.inf:
                    break
                earliest = max(earliest, opening)
                pending, gone, gone_here = learn(clock, opening, cohort, who, pending, n, y, waiting)
                counted, inside = counted - gone, inside - gone_here
                continue

            number, arrived_before = np.int64(now[ARRIVALS]), now[ARRIVAL]
            now[ARRIVALS] += 1
            arrival = day = 0.0
            if now[ENROLLED] > 0:
                days = gap(clock.arrivals, clock.mean_gap, key, number)
                if clock.while_closed == WAIT or clock.while_closed == READY:
                    arrival = now[LAST_ENROLMENT] + days
                    day = max(arrival if clock.while_closed == WAIT else now[LAST_ENROLMENT], earliest)
                else:
                    now[ARRIVAL] += days
                    arrival = day = now[ARRIVAL]
                    if clock.while_closed == QUEUE:
                        day = max(arrival, earliest, now[LAST_ENROLMENT])
            at_hand = was_held = False
            new_cohort, decided = True, True
            while True:
                pending, gone, gone_here = learn(clock, day, cohort, who, pending, n, y, waiting)
                counted, inside = counted - gone, inside - gone_here
                places = size - (inside if clock.replaces else treated)
                is_closed = closed <= day + slack
                new_cohort = treated > 0 and (is_closed or places <= 0)
                decided = new_cohort and inside > 0  # else nobody was evaluable: nothing to decide on
                following, held, no_higher, again = dose, np.int64(NOT_HELD), True, day
                reason = np.int64(0)
                if clock.while_closed == READY and not new_cohort and not at_hand and day < arrival:
                    day = arrival
                    continue
                if day < earliest - slack:
                    again = earliest
                else:
                    if decided:
                        told = dose, full, tried, run + 1, n, y, waiting, who, pending, shares, law, no_belief
                        following, reason, held, no_higher = ask(plan, rule, clock, day, *told)
                    if held != NOT_HELD:
                        at, dlts_there = np.int64(n[following]), np.int64(y[following])
                        counts = at, dlts_there, waiting[following]
                        room = who, pending, shares, law
                        again = lifted(rule, codes, clock, day, following, *counts, held, no_higher, *room)
                    elif reason == 0:
                        there = np.int64(n[following]) if new_cohort else before
                        members = 0 if new_cohort else treated
                        if clock.singly:
                            members += there
                        spaced = there == 0 or clock.singly or not clock.gaps_at_new_dose
                        if spaced and 0 < members <= clock.gaps.shape[0]:
                            spacing = last_at[following] + clock.gaps[members - 1]
                            if day < spacing - slack:
                                again = min(spacing, next_known(clock, who, pending)) if decided else spacing
                                again = min(again, closed) if not new_cohort else again
                if again <= day:
                    if clock.while_closed == READY and not at_hand and day < arrival:
                        day = arrival  # accrual is open, and nobody is there yet
                        continue
                    break
                at_hand = at_hand or new_cohort
                if clock.while_closed == LOST:
                    now[TURNED_AWAY] += 1
                    arrived_before = now[ARRIVAL]
                    now[ARRIVAL] += gap(clock.arrivals, clock.mean_gap, key, np.int64(now[ARRIVALS]))
                    now[ARRIVALS] += 1
                    again = now[ARRIVAL]
                if held != NOT_HELD:
                    now[HOLD_DAYS] += again - day
                    if not was_held:
                        now[HOLDS] += 1
                    was_held = True
                day = again
            if reason != 0:
                now[ARRIVALS] -= 1  # whoever has arrived is still there
                now[ARRIVAL] = arrived_before
                break

            if clock.while_closed != LOST and not (clock.while_closed == READY and at_hand):
                now[WAITING_DAYS] += max(day - arrival, 0.0)
            if decided:
                now[DECISIONS] += 1
                now[PENDING] += pending
                if pending > 0:
                    now[DECIDED_WITH_PENDING] += 1
                run = next_run(dose, following, run + 1, conduct.runs)
            if new_cohort:
                dose, before = following, np.int64(n[following])
                size = conduct.sizes[dose, before]
                cohort, treated, inside, closed = cohort + 1, np.int64(0), np.int64(0), np.inf

            patient = np.int64(now[ENROLLED])
            if lowest_eliminated(codes, all_patients, all_dlts) <= dose:
                now[AT_CLOSED_DOSE] += 1
            observed, outcome = follow(clock, dose, limits[dose], tolerances[trial], key, patient)
            members = (before if clock.singly else 0) + treated
            spaced = before == 0 or clock.singly or not clock.gaps_at_new_dose
            if clock.closes and spaced and members == 0 and outcome == DLT and observed <= clock.gaps[0]:
                closed = day + observed
            who[pending, DOSE], who[pending, ENTRY], who[pending, UNTIL] = dose, day, day + observed
            who[pending, BECOMES], who[pending, COHORT] = outcome, cohort
            pending, counted, treated, inside = pending + 1, counted + 1, treated + 1, inside + 1
            n[dose] += 1
            waiting[dose] += 1
            tried = max(tried, dose)
            if outcome != LEFT:
                all_patients[dose] += 1
                all_dlts[dose] += outcome
            now[ENROLLED] += 1
            now[LAST_ENROLMENT], last_at[dose] = day, day
            now[END] = max(now[END], day + observed)
            earliest = 0.0

        pending, gone, gone_here = learn(clock, np.inf, cohort, who, pending, n, y, waiting)
        if full:  # only why it ends, by complete data
            told = dose, full, tried, run + 1, n, y, waiting, who, pending, shares, law, no_belief
            following, reason, held, no_higher = ask(plan, rule, clock, np.inf, *told)
        now[OPEN] = now[END] + clock.review
        reasons[trial] = reason
