"""The rule that decided on the next dose, in the sentences of a protocol."""

from collections.abc import Iterable, Iterator, Sequence

from escalation.designs import ModelDesign
from escalation.designs.words import observed
from escalation.kernels import codes
from escalation.plans.decision import Bound, Decision, State, last_cohort
from escalation.running.decider import Decider
from escalation.trial.trial import Trial

ACTIONS = {
    codes.ESCALATE: "escalate",
    codes.STAY: "stay",
    codes.DE_ESCALATE: "de-escalate",
    codes.ELIMINATE: "eliminate this dose and all above",
}

ENDINGS = {
    codes.TOO_TOXIC: "the trial ends as too toxic, recommending no dose",
    codes.DOSE_TOO_TOXIC: "dose escalation ends as a dose is too toxic, and only a lower dose may be recommended",
    codes.RULE_COMPLETE: "dose escalation is complete",
    codes.ENOUGH_AT_DOSE: "dose escalation ends with enough patients at a dose",
    codes.STOPPING_RULE: "dose escalation ends by a stopping rule",
}


def explanation(decider: Decider, state: State, decision: Decision) -> str:
    """Why a decision was taken, in one or a few sentences."""
    return text_of(_sentences(decider, state, decision))


def text_of(clauses: Iterable[str]) -> str:
    """Clauses as sentences."""
    return " ".join(f"{clause[0].upper()}{clause[1:]}." for clause in clauses)


def undecided(decider: Decider, state: State) -> str:
    """That a table of the user's own does not say what comes next, as a clause that asks."""
    assert decider.plan.table is not None
    dose = decider.plan.table.undecided_dose(state)
    return (
        f"{_seen(decider, state, dose)}: the table has no row for these counts and does not decide: what comes next is "
        "for those who conduct the trial to say"
    )


def _seen(decider: Decider, state: State, dose: int) -> str:
    return f"{decider.trial.at_level(dose)}: {observed(state.patients[dose], state.dlts[dose])}"


def following_in_words(trial: Trial, decisions: Sequence[Decision]) -> str:
    """What comes next after one or another outcome: the dose levels, or that the trial ends, in order."""
    if all(decision.next_dose is not None for decision in decisions):
        return f"dose level {', '.join(trial.level_names[decision.next_dose or 0] for decision in decisions)}"
    return ", ".join(_next_in_words(trial, decision) for decision in decisions)


def _next_in_words(trial: Trial, decision: Decision) -> str:
    if decision.next_dose is not None:
        return trial.at_level(decision.next_dose)
    return "not decided" if decision.is_open else f"stop ({codes.REASON_NAMES[decision.reason].replace('_', ' ')})"


def _sentences(decider: Decider, state: State, decision: Decision) -> Iterator[str]:
    if decision.filled:
        yield from _not_full(decider, state, decision)
        if decision.completing or decision.foregone:
            return
    if state.expanding is not None:
        yield from _of_expansion(decider, state, decision)
    elif state.dose is None:
        assert decision.next_dose is not None
        yield f"nobody was treated yet; the trial starts at {decider.trial.at_level(decision.next_dose)}"
    else:
        yield from _of_escalation(decider, state, decision)
    if decision.filled and not decision.is_open:
        yield "this does not wait until the cohort is full; simulated trials of the design do"


def _not_full(decider: Decider, state: State, decision: Decision) -> Iterator[str]:
    """What filling up the last cohort means."""
    missing = state.missing
    place, planned = decider.trial.at_level(state.last_dose), state.size + missing
    yield f"the last cohort, at {place}, is not full: it has {state.size} of {planned} patients"
    if decision.completing:
        yield f"{missing} more {'fills' if missing == 1 else 'fill'} it up first"
    numbers = ", ".join(map(str, range(missing + 1)))
    yield f"{numbers} DLTs among the {missing} who are missing: {following_in_words(decider.trial, decision.filled)}"
    if decision.foregone:
        yield "nobody more is treated there, because every outcome leads down or ends the trial"


def _of_escalation(decider: Decider, state: State, decision: Decision) -> Iterator[str]:
    if decision.is_open:
        yield undecided(decider, state)
        return
    yield from _grounds(decider, state, decision)
    yield from (
        bound_in_words(decider, state, bound) for bound in decision.bounds if not _is_said(decider, state, bound)
    )
    yield from ending_in_words(decider, state, decision)


def ending_in_words(decider: Decider, state: State, decision: Decision) -> Iterator[str]:
    """Why dose escalation ends, if it does, and what follows."""
    if decision.reason == 0:
        return
    holding = "; ".join(stop.words for stop in decision.stops)
    most = decider.plan.conduct.max_patients
    if state.treated >= most and decision.reason not in (codes.TOO_TOXIC, codes.DOSE_TOO_TOXIC, codes.RULE_COMPLETE):
        yield f"all {most} patients have been treated" + (f"; {holding}" if holding else "")
        if any(stop.reason == codes.DOSE_TOO_TOXIC for stop in decision.stops):
            yield "only a dose below the lowest that is too toxic may be recommended"
        elif holding or (decision.judgement is not None and decision.judgement.too_toxic):
            yield "no dose is recommended"
    else:
        ending = ENDINGS[decision.reason]
        yield f"{holding}: {ending}" if holding else ending
    if decision.next_dose is not None:
        yield f"{decider.trial.at_level(decision.next_dose)} is the RP2D, and its expansion begins"


def _of_expansion(decider: Decider, state: State, decision: Decision) -> Iterator[str]:
    at, expansion = state.expanding, decider.expansion
    assert at is not None
    assert expansion is not None
    place = f"{decider.trial.at_level(at.dose)}"
    of_expansion = f"{at.dlts} of {at.patients} patients of the expansion at {place}"
    of_all = f"{state.dlts[at.dose]} of all {state.patients[at.dose]} patients at {place}"
    counted = f"{of_expansion if expansion.own else of_all} have had a DLT"
    if decider.recommended(state) is None:
        yield f"{counted}, so many that it is no longer recommended"
        if decision.reason == codes.EXPANSION_STOPPED:
            yield "the trial ends"
    else:
        yield f"{counted}, not too many"
    if decision.next_dose is not None:
        yield "the expansion goes on"
    elif decision.reason != codes.EXPANSION_STOPPED:
        yield "the expansion is complete"


def _grounds(decider: Decider, state: State, decision: Decision) -> Iterator[str]:
    """What the table or the model says."""
    dose = state.last_dose
    if decision.titrating:
        then = ""
        if decision.next_dose is not None:
            goes_on = decision.next_dose > dose
            then = ": the titration goes on" if goes_on else ": the titration ends, and the cohort is filled up"
        yield f"the patient at {decider.trial.at_level(dose)} {'had a DLT' if state.dlts[dose] else 'had no DLT'}{then}"
    elif (lowest := _closed_below(decider, state)) is not None:
        grounds = grounds_at(decider, state, lowest)
        and_above = " and all above are" if lowest < decider.trial.levels - 1 else " is"
        yield f"{decider.trial.at_level(lowest)}: {grounds}: {decider.trial.at_level(lowest)}{and_above} eliminated"
    elif decision.code == codes.UNDECIDED:
        yield f"{_seen(decider, state, dose)}: the table has no row for these counts"
    elif decision.code is not None:
        grounds = grounds_at(decider, state, dose)
        yield f"{decider.trial.at_level(dose)}: {grounds}: {ACTIONS[decision.code]}"
    else:
        yield preference_in_words(decider, state, decision)


def grounds_at(decider: Decider, state: State, dose: int) -> str:
    """Why the table says what it says of the counts at a dose."""
    counts = state.patients[dose], state.dlts[dose]
    return decider.design.grounds(decider.trial, dose, *counts, plan=decider.plan)


def _closed_below(decider: Decider, state: State) -> int | None:
    """Index of the lowest eliminated dose if it is below the last cohort's: no trial of the design comes here."""
    if decider.plan.table is None:
        return None
    lowest = [*decider.closed(state), True].index(True)
    return lowest if lowest < state.last_dose else None


def _is_said(decider: Decider, state: State, bound: Bound) -> bool:
    """Whether the grounds are the bound."""
    return bound == Bound.CLOSED and _closed_below(decider, state) is not None


def preference_in_words(decider: Decider, state: State, decision: Decision, rates: Sequence[float] = ()) -> str:
    """What the model prefers and why; with its rates at all doses, where they are not those of the counts."""
    judgement = decision.judgement
    assert judgement is not None
    if judgement.toxicity > 0 and judgement.too_toxic and judgement.highest_open >= 0:
        return (
            f"the probability that the lowest dose is too toxic, {judgement.toxicity:.3f}, "
            f"exceeds {judgement.too_toxic_threshold:g}"
        )
    if judgement.highest_open < 0 <= judgement.highest_by_model:
        return _closed(decider, state)
    choice, overdose = judgement.choice_by_model, judgement.overdose
    if overdose is not None:
        limit = f"{judgement.reading.most_overdosing:g}"
        if judgement.too_toxic:
            return f"every dose is an overdose with a probability above {limit} (the lowest: {overdose[0]:.3f})"
        in_target = f"most probably in the target interval ({judgement.means[choice]:.3f}; "
        chosen = "the highest (" if judgement.reading.takes_highest else f"the one {in_target}"
        return (
            f"of the doses whose probability of an overdose is at most {limit}, {decider.trial.at_level(choice)} is "
            f"{chosen}overdose: {overdose[choice]:.3f})"
        )
    if judgement.reading.slopes is not None and sum(state.dlts) in (0, state.treated):
        # No curve is the most likely one: all rates are at their lowest, or at their highest.
        return (
            f"no patient has had a DLT: the likelihood prefers {decider.trial.at_level(choice)}, the highest"
            if not any(state.dlts)
            else f"every patient has had a DLT: the likelihood prefers {decider.trial.at_level(0)}, the lowest"
        )
    assert isinstance(decider.design, ModelDesign)
    rate = (rates or decider.design.rates(decider.trial, state.patients, state.dlts))[choice]
    rated = f"whose {judgement.reading.rate_name} of {rate:.3f} is closest to the target of {judgement.target:g}"
    return f"the model prefers {decider.trial.at_level(choice)}, {rated}"


def bound_in_words(decider: Decider, state: State, bound: Bound) -> str:
    """Why the next dose is not what was asked for."""
    names = decider.trial.level_names
    last = decider.trial.at_level(state.last_dose)
    if bound in (Bound.COHERENCE_COHORT, Bound.COHERENCE_DOSE, Bound.COHERENCE_RECENT):
        return _incoherent(decider, state, bound)
    if bound == Bound.CLOSED:
        return _closed(decider, state)
    if bound == Bound.CEILING:
        return _ceiling(decider, state)
    floor = f"after {last} no dose below level {names[decider.plan.conduct.lowest_after(state.last_dose)]} may follow"
    tried = decider.plan.conduct.highest_after_tried(state.patients)
    return {
        Bound.HIGHEST: f"{last} is the highest",
        Bound.LOWEST: f"{last} is the lowest",
        Bound.CEILING_OF_TRIED: f"no dose above level {names[tried]} may follow what has been given so far",
        Bound.FLOOR: floor,
        Bound.ONE_UP: "until the first DLT the dose goes up one level at a time",
        Bound.HELD: f"no dose above level {names[state.last_dose]} is to follow, as was ruled",
        Bound.RULED_OUT: f"{_ruled_out(decider)} not to be given, as was ruled",
        Bound.OVERDOSE: f"{floor}, but what is probably an overdose is not given all the same",
    }[bound]


def _closed(decider: Decider, state: State) -> str:
    """That doses are eliminated: by the table, or under a model by a rule, with its grounds."""
    trial, grounds = decider.trial, ""
    lowest = decider.closed(state).index(True)
    if decider.plan.table is None:
        lowest = decider.plan.lowest_eliminated(state)
        counts = state.patients[lowest], state.dlts[lowest]
        grounds = f"{trial.at_level(lowest)}: {decider.design.grounds(trial, lowest, *counts)}: "
    and_above = " and all above are" if lowest < trial.levels - 1 else " is"
    return f"{grounds}{trial.at_level(lowest)}{and_above} eliminated"


def _ceiling(decider: Decider, state: State) -> str:
    """How high a dose may follow the last one, and whether the DLTs in the trial say so."""
    conduct, levels, last, seen = decider.plan.conduct, decider.trial.levels, state.last_dose, sum(state.dlts)
    highest = conduct.highest_after(last, state.dlts, levels)
    by_dlts = highest < conduct.highest_after(last, (0,), levels)
    if by_dlts and highest == last:
        return f"with {seen} {'DLT' if seen == 1 else 'DLTs'} in the trial no higher dose is given any more"
    given = f"after {decider.trial.at_level(last)}"
    if by_dlts:
        given += f" and {seen} {'DLT' if seen == 1 else 'DLTs'} in the trial"
    return f"{given} no dose above level {decider.trial.level_names[highest]} may follow"


def _ruled_out(decider: Decider) -> str:
    lowest = decider.ruling.closed_from or 0
    return f"{decider.trial.at_level(lowest)} {'is' if lowest == decider.trial.levels - 1 else 'and all above are'}"


def _incoherent(decider: Decider, state: State, bound: Bound) -> str:
    dose, target = state.last_dose, f"the target of {decider.trial.target:g}"
    if bound != Bound.COHERENCE_DOSE:
        size, toxic = last_cohort(decider.plan.conduct, state)
        if bound == Bound.COHERENCE_RECENT:
            return f"{toxic} of {size} patients of the last cohort had a DLT: no escalation"
        return f"{toxic} of {size} patients of the last cohort had a DLT, a rate not below {target}: no escalation"
    return (
        f"{state.dlts[dose]} of {state.patients[dose]} patients at {decider.trial.at_level(dose)} had a DLT, a rate "
        f"above {target}: no escalation"
    )
