"""Simulated trials with a rule for pending patients: who is treated before all outcomes are known.

A trial goes from one question to the next: somebody is there, or accrual could open again, and what is known by then
says whether and at which dose the patient is treated. Patients and arrivals are those of `kernels.clock`.

The dose of a cohort is decided when its first patient is treated; the others get it, too. Those of a cohort who are
known to have left free their places, where they are replaced. Each decision counts all who are enrolled, pending ones
as without a DLT, at every dose.
"""

import numpy as np

from escalation.kernels.clock import day_of_event, day_of_leaving, drawn_tolerance, gap, note
from escalation.kernels.codes import (
    ANY_FOLLOW_UP,
    ARRIVAL,
    ARRIVALS,
    ARRIVE,
    AT_CLOSED_DOSE,
    COHERENT_COHORT,
    DE_ESCALATE,
    DE_ESCALATION_PROBABLE,
    DECIDED,
    DECIDED_WITH_PENDING,
    DECISIONS,
    DLT,
    EFFECTIVE,
    ELIMINATE,
    END,
    ENROLLED,
    ESCALATE,
    ESCALATION_IMPROBABLE,
    HELD,
    HOLD_DAYS,
    HOLDS,
    LAST_ENROLMENT,
    LEAST_FOLLOW_UP,
    LEAVE,
    LEFT,
    LIKELIHOOD,
    LOST,
    MAX_PATIENTS,
    NO_DLT,
    NO_DOSE,
    NOT_HELD,
    NOTES,
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
from escalation.kernels.jit import allocating, at, kernel
from escalation.kernels.limits import cohort_size, highest_after
from escalation.kernels.posterior import FAINT, believe, choose, within_limits
from escalation.kernels.stopping import final_reason, joint_reason, next_run, sooner
from escalation.kernels.weighed_posterior import (
    COHORT_OF_DLT,
    FUNCTIONS,
    LAST_DAY,
    NOTHING,
    OF_DLT,
    POSTERIOR,
    SHARE,
    WEIGHED,
    divide_window,
    is_incoherent,
    known_in_cohort,
    learn_outcomes,
    leave_out,
    sum_up,
    weigh_anew,
    weigh_follow_up,
    weigh_pending,
)

EXACT = 1e-12
"""Slack where counts are compared with a share of other counts; see `plans.verdict`."""

WITHIN = 1e-6
"""Part of the window; see `crossing`."""

# Columns of those whose outcome is not known yet: index of the dose, day of treatment, last day of observation, what
# becomes of them, number of their cohort.
DOSE, ENTRY, UNTIL, BECOMES, COHORT = 0, 1, 2, 3, 4
COLUMNS = 5


@kernel
def learn(by, cohort, who, pending, patients, dlts, waiting):
    """Count the outcomes that are known by a day; `waiting` are the pending patients at each dose, int64[D].

    Returns those still pending, the first end of an observation among them, and who left, of all and of a cohort.
    """
    gone = gone_of_cohort = place = np.int64(0)
    until = np.inf
    while place < pending:
        if who[place, UNTIL] > by:
            until = min(until, who[place, UNTIL])
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
    return pending, until, gone, gone_of_cohort


@kernel
def next_leaving(who, pending):
    """The first day on which a pending patient leaves; infinite where none does."""
    day = np.inf
    for place in range(pending):
        if who[place, BECOMES] == LEFT:
            day = min(day, who[place, UNTIL])
    return day


@kernel
def followed(told, dose, window, who, pending, shares):
    """Shares of the window for which pending patients at a dose have been followed by a day: sum and least.

    They are written to `shares`, float64[N + 1], one after the other.
    """
    found, whole, least = 0, 0.0, 1.0
    for place in range(pending):
        if who[place, DOSE] == dose:
            share = max((told - who[place, ENTRY]) / window, 0.0)
            shares[found] = share
            found += 1
            whole += share
            least = min(least, share)
    return whole, least


@kernel
def is_eliminated(predicts, level, waiting, code, known_code):
    """Whether a dose is, by its code for all who are enrolled there, and that for those whose outcome is known.

    `known_code` is STAY where these are too few.
    """
    if predicts and waiting > 0:
        return known_code == ELIMINATE and (level > 0 or code == ELIMINATE)
    return code == ELIMINATE


@kernel
def weigh(cell, seen, least, cuts, limits, no_higher):
    """What follows where the follow-up `seen` of pending patients is compared with cuts, and what lifts a hold.

    A cell is the dose and the patients, DLTs and pending patients there; `limits` say when accrual is held.
    """
    dose, n, _, c = cell
    up, down = cuts
    most_pending, fewest, least_follow_up, weighs_nothing = limits
    code = np.int64(STAY)
    if seen <= down:
        code = np.int64(DE_ESCALATE if dose > 0 else STAY)
    elif seen >= up:
        code = np.int64(STAY if no_higher else ESCALATE)
    if c > most_pending * n + EXACT:
        return np.int64(SUSPEND), np.int64(OUTCOME)
    if weighs_nothing and seen <= SLACK:
        return np.int64(SUSPEND), np.int64(ANY_FOLLOW_UP)
    if code == ESCALATE and n - c < fewest:
        return np.int64(SUSPEND), np.int64(OUTCOME)
    if code == ESCALATE and least < least_follow_up - EXACT:
        return np.int64(SUSPEND), np.int64(LEAST_FOLLOW_UP)
    return code, np.int64(NOT_HELD)


@kernel
def predict(rule, cell, no_higher, shares, law):
    """As `weigh`, by the probabilities of the numbers of DLTs among the pending; `law` is room for these."""
    dose, n, y, c = cell
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
        return np.int64(SUSPEND), np.int64(OUTCOME)
    if down >= max(stay, up) - SLACK:
        return np.int64(DE_ESCALATE), np.int64(NOT_HELD)
    if stay >= up - SLACK:
        if down > rule.stay_if + SLACK:
            return np.int64(SUSPEND), np.int64(DE_ESCALATION_PROBABLE)
        return np.int64(STAY), np.int64(NOT_HELD)
    if up < rule.escalate_if - SLACK:
        return np.int64(SUSPEND), np.int64(ESCALATION_IMPROBABLE)
    return np.int64(ESCALATE), np.int64(NOT_HELD)


@kernel
def crossing(rule, told, until, cell, held, no_higher, window, who, pending, shares, law):
    """The first day on which probabilities no longer hold accrual for the same reason, or that of the next outcome.

    While the same patients are pending the probability of de-escalation falls with time and that of escalation rises,
    so that the day is found by halving. None is looked for in the last millionth of the window before the outcome.
    """
    before, after = told, until - WITHIN * window
    followed(after, cell[0], window, who, pending, shares)
    if after <= before or predict(rule, cell, no_higher, shares, law)[1] == held:
        return until
    while after - before > SLACK * window / 2:
        middle = (before + after) / 2
        followed(middle, cell[0], window, who, pending, shares)
        if predict(rule, cell, no_higher, shares, law)[1] == held:
            before = middle
        else:
            after = middle
    return after


@kernel
def looked_at_again(rule, told, until, cell, held, no_higher, window, who, pending, shares, law):
    """The next day on which a hold at a dose is looked at again.

    That on which something becomes known at any dose; or before it the one on which follow-up alone may lift the hold.
    """
    if held in (ESCALATION_IMPROBABLE, DE_ESCALATION_PROBABLE):
        return crossing(rule, told, until, cell, held, no_higher, window, who, pending, shares, law)
    latest, earliest = -np.inf, np.inf
    for place in range(pending):
        if who[place, DOSE] == cell[0]:
            latest, earliest = max(latest, who[place, ENTRY]), min(earliest, who[place, ENTRY])
    day = latest + rule.least_follow_up * window if held == LEAST_FOLLOW_UP else earliest + 2 * SLACK * window
    return min(until, max(day, told + SLACK * window))


@allocating
def run_late_onset_trials(design, clock, limits, tolerances, keys, patients, dlts, recommended, reasons, times):
    """Run a block of trials from their first patient, by a plan, a rule for pending patients, and a model's curves.

    Counts, int16[T, D], are zero on entry; `keys` and `times` are those of the trials, uint64[T] and float64[T, TIMES].
    The dose is recommended where the rule is a model's; tables recommend from the counts.
    One function for tables and models, and locals: to pass all arrays of a plan at each question would take ten times
    as long, and one call more for what the curves weigh a third of all.
    """
    plan, rule, model = design
    codes, conduct = plan
    levels, most = limits.shape[0], conduct.max_patients
    sizes, reason_at, first_dose, runs = conduct.sizes, conduct.reasons, np.int64(conduct.start), conduct.runs
    trial_sizes, by_trial = conduct.trial_sizes, conduct.trial_sizes.shape[0] > 0
    ceilings, tried_ceilings = conduct.ceiling, conduct.tried_ceiling
    rules, joint = conduct.reasons.shape[1] > 0, conduct.joint.reasons.shape[0] > 0
    kind, most_pending, fewest, least_follow_up = rule.rule, rule.most_pending, rule.fewest_known, rule.least_follow_up
    target, lambda_e, lambda_d = rule.target, rule.lambda_e, rule.lambda_d
    up_from, down_to, states = rule.escalate_from, rule.de_escalate_to, rule.states
    arrivals, mean_gap, while_closed, window = clock.arrivals, clock.mean_gap, clock.while_closed, clock.window
    review, gaps, singly, replaces = clock.review, clock.gaps, clock.singly, clock.replaces
    max_enrolled, inevaluable, is_uniform = clock.max_enrolled, clock.inevaluable, clock.days.shape[0] == 2
    slack, has_gaps, always_spaced = SLACK * window, gaps.shape[0] > 0, singly or not clock.gaps_at_new_dose
    who, waiting = np.empty((most + 1, COLUMNS)), np.empty(levels, np.int64)
    shares, law, believed = np.empty(most + 1), np.empty(most + 2), np.empty(conduct.joint.enough.shape[0], np.bool_)
    reading, coherent, adaptive, ordered = model.reading, model.coherent, model.adaptive, model.ordered
    model_target, untried, beliefs, enough = model.target, model.recommend_untried, model.beliefs, conduct.joint.enough
    weight, book, curves = model.book[POSTERIOR], model.book.copy(), np.int64(model.book.shape[1])
    functions, floors = reading.functions.shape[0], conduct.floor
    rates, dlt_rates = FUNCTIONS + functions, FUNCTIONS + functions + levels
    sums, learned = np.empty(functions), np.empty((2, levels), np.int64)
    toxic_ones, edges = np.empty((most + 1, OF_DLT)), np.zeros(most + 3)
    all_patients, all_dlts = np.empty(levels, np.int64), np.empty(levels, np.int64)  # outcomes to come included
    last_at, noted = np.empty(levels), times.shape[1] > NOTES

    for trial in range(tolerances.shape[0]):
        n, y, now, key = patients[trial], dlts[trial], times[trial], keys[trial]
        for level in range(levels):
            waiting[level] = all_patients[level] = all_dlts[level] = 0
        pending = counted = treated = inside = cohort = before = tried = reason = enrolled = number = np.int64(0)
        pending_then = np.int64(0)  # when a dose was last decided on
        dose, run, closed_from = first_dose, np.int64(conduct.run), np.int64(levels)
        toxicities = told_before = np.int64(0)  # that have been seen, and when the dose was decided on
        having_dlts = np.int64(0)  # patients, whether or not it has been seen
        book[POSTERIOR], book[WEIGHED], learned[:] = weight, 0.0, 0
        within = np.int64(0), curves, 0.0, 0.0
        size = cohort_size(sizes, trial_sizes, dose, before, counted, toxicities)
        earliest, closed, until = 0.0, np.inf, np.inf  # a place again; the cohort by its sentinel; the next outcome
        arrived = last = end = held_days = waited = 0.0
        holds = away = decisions = with_pending = all_pending = at_closed = np.int64(0)
        while reason == 0:
            full = (counted if replaces else enrolled) >= most or enrolled >= max_enrolled
            if full and inevaluable > 0 and replaces and enrolled < max_enrolled:
                leaving = next_leaving(who, pending)
                if leaving < np.inf:
                    full, earliest = False, leaving + review
                    pending, until, gone, gone_here = learn(leaving + slack, cohort, who, pending, n, y, waiting)
                    counted, inside = counted - gone, inside - gone_here

            arrived_before, arrival, day = arrived, 0.0, 0.0
            if full:
                day = np.inf  # nobody comes; why it ends is said by complete data
            elif enrolled > 0:
                days = gap(arrivals, mean_gap, key, number)
                if while_closed in (WAIT, READY):
                    arrival = last + days
                    day = max(arrival if while_closed == WAIT else last, earliest)
                else:
                    arrived += days
                    arrival = arrived
                    day = max(arrival, earliest, last) if while_closed == QUEUE else arrival
            number += 1
            at_hand, was_held, new_cohort, decided, following = False, False, False, False, dose
            while True:
                told = day - review
                if until + review <= day + slack:  # as the day was found: rounding must not lift a hold
                    by = max(told + slack, until)
                    pending, until, gone, gone_here = learn(by, cohort, who, pending, n, y, waiting)
                    counted, inside = counted - gone, inside - gone_here
                whole = closed <= day + slack or (inside if replaces else treated) >= size
                # A cohort of whom nobody remains has nothing to decide on, but for what has become known of others.
                has_news = inside > 0 or pending < pending_then
                new_cohort = full or (treated > 0 and (whole or (inside == 0 and has_news)))
                decided = full or (new_cohort and has_news)
                if while_closed == READY and not new_cohort and not at_hand and day < arrival:
                    day = arrival
                    continue
                following, held, again, reason = dose, np.int64(NOT_HELD), day, np.int64(0)
                if day < earliest - slack:
                    again = earliest
                elif decided:
                    highest, toxicities = np.int64(levels - 1), np.int64(0)
                    for level in range(levels - 1, -1, -1):
                        all_there, toxic = np.int64(n[at(level)]), np.int64(y[at(level)])
                        toxicities += toxic
                        known_code, code = np.int64(STAY), np.int64(codes[at(level), at(all_there), at(toxic)])
                        known = all_there - waiting[at(level)]
                        if kind == PREDICTED and known >= fewest:
                            known_code = np.int64(codes[at(level), at(known), at(toxic)])
                        if is_eliminated(kind == PREDICTED, level, waiting[at(level)], code, known_code):
                            highest = np.int64(level - 1)
                    following = min(dose, highest)
                    limit = highest_after(ceilings, tried_ceilings, dose, tried, toxicities)
                    if inside == 0 and not full:
                        limit = min(limit, dose)
                    no_higher = following >= min(highest, limit)
                    there = toxic = c = np.int64(0)
                    if following >= 0:
                        there, toxic, c = np.int64(n[following]), np.int64(y[following]), waiting[following]
                    cell = following, there, toxic, c
                    if kind == LIKELIHOOD:
                        by, pieces, edges[1] = told + slack, np.int64(1), 1.0
                        if adaptive:
                            pieces = divide_window(by, toxic_ones, having_dlts, edges)
                        weigh_follow_up(told, window, who, pending, edges, pieces, shares)
                        within = learn_outcomes(book, rates, learned, n, y, waiting, within)
                        weigh_pending(book, dlt_rates, who, shares, pending, within)
                        mass = sum_up(book, functions, within, sums)
                        if mass < FAINT or within[2] + within[3] > NOTHING * mass:
                            within = np.int64(0), curves, 0.0, 0.0
                            mass = weigh_anew(book, rates, learned, who, shares, pending, functions, sums)
                        if ordered:
                            within = leave_out(book, mass, within)
                        following = choose(reading, sums, mass, levels, highest)
                        if following != NO_DOSE and waiting[dose] > most_pending * n[dose] + EXACT:
                            held = np.int64(OUTCOME)
                        elif following != NO_DOSE:
                            in_cohort = inside, np.int64(0)
                            if coherent == COHERENT_COHORT:
                                in_cohort = inside, known_in_cohort(by, toxic_ones, having_dlts, cohort)
                            recent = toxicities - told_before
                            if is_incoherent(coherent, model_target, n[dose], y[dose], in_cohort, recent):
                                limit = min(limit, dose)
                            floor = min(floors[dose], highest)
                            following = within_limits(reading, sums, mass, levels, following, limit, floor)
                            if joint:
                                believe(beliefs, enough, book[WEIGHED], mass, following, believed)
                    elif there > 0 and (following == dose or kind == ROLLED):
                        code = np.int64(codes[at(following), at(there), at(toxic)])
                        if kind == ROLLED:
                            code = np.int64(states[there, toxic, c])
                            if code == ESCALATE and no_higher:
                                code = np.int64(SUSPEND if there == states.shape[0] - 1 and c > 0 else STAY)
                            if code == SUSPEND:
                                held = np.int64(OUTCOME)
                        elif c > 0 and kind == PREDICTED:
                            known = there - c
                            followed(told, following, window, who, pending, shares)
                            if known == 0 or c > most_pending * there + EXACT:
                                held = np.int64(OUTCOME)
                            elif known >= fewest and codes[following, known, toxic] == ELIMINATE:
                                held = np.int64(OUTCOME)
                            else:
                                code, held = predict(rule, cell, no_higher, shares, law)
                        elif c > 0 and code != DE_ESCALATE:
                            seen, least = followed(told, following, window, who, pending, shares)
                            up, down = np.inf, -np.inf
                            if kind == EFFECTIVE:
                                up, down, seen = up_from[toxic], down_to[toxic], seen + there - c
                            else:
                                rate = (toxic + target / 2) / (there - c + 1)
                                odds = (1 - rate) / rate
                                if toxic < target * there - EXACT:
                                    up = c - odds * (there * lambda_e - toxic) - SLACK
                                else:
                                    down = c - odds * (there * lambda_d - toxic) + SLACK
                            when = most_pending, fewest, least_follow_up, kind == EFFECTIVE
                            code, held = weigh(cell, seen, least, (up, down), when, no_higher)
                        if held == NOT_HELD and code == ESCALATE and not no_higher:
                            following += 1
                        elif held == NOT_HELD and code == DE_ESCALATE and following > 0:
                            following -= 1
                    if following < 0:
                        reason = np.int64(MAX_PATIENTS if full else TOO_TOXIC)
                    elif held != NOT_HELD:
                        again = until + review
                        if held != OUTCOME:
                            again = looked_at_again(
                                rule, told, until, cell, held, no_higher, window, who, pending, shares, law
                            )
                            again = max(again + review, day + slack, np.nextafter(day, np.inf))
                    else:
                        if rules:
                            at_next = reason_at[STAY_AT, following, n[following], y[following]]
                            reason = np.int64(at_next)
                            if following != dose:
                                at_next = reason_at[ARRIVE, following, n[following], y[following]]
                                left = np.int64(reason_at[LEAVE, dose, n[dose], y[dose]])
                                reason = sooner(left, np.int64(at_next))
                        if joint:
                            found = joint_reason(conduct.joint, n, y, dose, following, run + (inside > 0), believed)
                            reason = sooner(reason, found)
                        reason = final_reason(reason, full)
                if has_gaps and reason == 0 and held == NOT_HELD and again <= day:
                    there = np.int64(n[following]) if new_cohort else before
                    members = (np.int64(0) if new_cohort else treated) + (there if singly else 0)
                    if (there == 0 or always_spaced) and 0 < members <= gaps.shape[0]:
                        spacing = last_at[following] + gaps[members - 1]
                        if day < spacing - slack:
                            again = min(spacing, until + review)
                            again = min(again, again if new_cohort else closed)
                if again <= day:  # nobody waits for anything
                    if while_closed == READY and not at_hand and day < arrival:
                        day = arrival  # accrual is open, and nobody is there yet
                        continue
                    break
                at_hand = at_hand or (new_cohort and day < arrival)
                if while_closed == LOST:
                    away += 1
                    arrived_before = arrived
                    arrived += gap(arrivals, mean_gap, key, number)
                    number += 1
                    again = arrived
                if held != NOT_HELD:
                    held_days += again - day
                    if noted:
                        note(now, np.int64(HELD), following, day, again, 0.0)
                    holds += not was_held
                    was_held = True
                day = again
            if reason != 0:
                number, arrived = number - 1, arrived_before  # whoever has arrived is still there
                break

            if while_closed != LOST and not (while_closed == READY and at_hand):
                waited += max(day - arrival, 0.0)
            if decided:
                told_before = toxicities
                decisions += 1
                all_pending += pending
                with_pending += pending > 0
                run = next_run(dose, following, run + (inside > 0), runs)
                pending_then = pending
                if noted:
                    note(now, np.int64(DECIDED), following, told, day, 0.0)
            if new_cohort:
                dose, before = following, np.int64(n[following])
                size = sizes[dose, before]
                if by_trial:
                    toxicities = np.int64(0)
                    for level in range(levels):
                        toxicities += y[level]
                    size = cohort_size(sizes, trial_sizes, dose, before, counted, toxicities)
                size = min(size, most - counted)  # a place that is free again later is another cohort's
                cohort, treated, inside, closed = cohort + 1, np.int64(0), np.int64(0), np.inf

            if enrolled < tolerances.shape[1]:
                tolerance = np.float64(tolerances[trial, at(enrolled)])
            else:
                tolerance = drawn_tolerance(key, enrolled)
            observed, outcome = window, np.int64(NO_DLT)
            if tolerance < limits[dose]:
                share = min((tolerance + 0.5) / limits[dose], 1.0)
                observed = window * share if is_uniform else day_of_event(clock, dose, share)
                outcome = np.int64(DLT)
            leaves = day_of_leaving(inevaluable, window, key, enrolled)
            if leaves < observed:
                observed, outcome = leaves, np.int64(LEFT)
            if kind == LIKELIHOOD and outcome == DLT:
                one = toxic_ones[having_dlts]
                one[LAST_DAY], one[SHARE], one[COHORT_OF_DLT] = day + observed, observed / window, cohort
                having_dlts += 1

            if noted:
                note(now, outcome, dose, day, day + observed, 0.0)
            at_closed += closed_from <= dose
            if outcome != LEFT:
                all_patients[dose] += 1
                all_dlts[dose] += outcome
                if dose <= closed_from:
                    closed_from = np.int64(levels)
                    for level in range(levels - 1, -1, -1):
                        if codes[at(level), at(all_patients[at(level)]), at(all_dlts[at(level)])] == ELIMINATE:
                            closed_from = np.int64(level)
            is_first = treated == 0 and (before == 0 or (always_spaced and not singly))
            if clock.closes and is_first and outcome == DLT and observed <= gaps[0]:
                closed = day + observed
            who[pending, DOSE], who[pending, ENTRY], who[pending, UNTIL] = dose, day, day + observed
            who[pending, BECOMES], who[pending, COHORT] = outcome, cohort
            pending, counted, treated, inside, enrolled = (
                pending + 1,
                counted + 1,
                treated + 1,
                inside + 1,
                enrolled + 1,
            )
            n[dose] += 1
            waiting[dose] += 1
            tried = max(tried, dose)
            until, end = min(until, day + observed), max(end, day + observed)
            last = last_at[dose] = day
            earliest = 0.0

        pending, _, _, _ = learn(np.inf, cohort, who, pending, n, y, waiting)
        if kind == LIKELIHOOD:
            within = learn_outcomes(book, rates, learned, n, y, waiting, within)
            weigh_pending(book, dlt_rates, who, shares, pending, within)
            mass = sum_up(book, functions, within, sums)
            if mass < FAINT or within[2] + within[3] > NOTHING * mass:
                mass = weigh_anew(book, rates, learned, who, shares, pending, functions, sums)
            highest = np.int64(levels - 1)
            for level in range(levels - 1, -1, -1):
                if codes[at(level), at(n[at(level)]), at(y[at(level)])] == ELIMINATE:
                    highest = np.int64(level - 1)
            following = choose(reading, sums, mass, levels, highest)
            while not untried and following >= 0 and n[following] == 0:
                following -= 1
            recommended[trial] = following
        now[END], now[LAST_ENROLMENT], now[OPEN], now[ENROLLED] = end, last, end + review, enrolled
        now[HOLD_DAYS], now[HOLDS], now[TURNED_AWAY], now[WAITING_DAYS] = held_days, holds, away, waited
        now[ARRIVAL], now[ARRIVALS] = arrived, number
        now[PENDING], now[DECISIONS], now[DECIDED_WITH_PENDING] = all_pending, decisions, with_pending
        now[AT_CLOSED_DOSE] = at_closed
        reasons[trial] = reason
