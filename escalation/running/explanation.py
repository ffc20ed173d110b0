"""The rule that decided on the next dose, in the sentences of a protocol."""

from collections.abc import Iterator

from escalation.designs import ModelDesign
from escalation.kernels import codes
from escalation.plans.decision import Bound, Decision, State, last_cohort
from escalation.running.decider import Decider

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
    return " ".join(f"{sentence[0].upper()}{sentence[1:]}." for sentence in _sentences(decider, state, decision))


def _sentences(decider: Decider, state: State, decision: Decision) -> Iterator[str]:
    if state.expanding is not None:
        yield from _of_expansion(decider, state, decision)
        return
    if state.dose is None:
        assert decision.next_dose is not None
        yield f"nobody was treated yet; the trial starts at dose level {decision.next_dose + 1}"
        return
    yield from _grounds(decider, state, decision)
    yield from (_bound(decider, state, bound) for bound in decision.bounds)
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
        yield f"dose level {decision.next_dose + 1} is the RP2D, and its expansion begins"


def _of_expansion(decider: Decider, state: State, decision: Decision) -> Iterator[str]:
    at, expansion = state.expanding, decider.expansion
    assert at is not None
    assert expansion is not None
    place = f"dose level {at.dose + 1}"
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
        yield f"the patient at dose level {dose + 1} {'had a DLT' if state.dlts[dose] else 'had no DLT'}{then}"
    elif decision.code is not None:
        grounds = decider.design.grounds(decider.large, dose, state.patients[dose], state.dlts[dose])
        yield f"dose level {dose + 1}: {grounds}: {ACTIONS[decision.code]}"
    else:
        yield _preference(decider, state, decision)


def _preference(decider: Decider, state: State, decision: Decision) -> str:
    judgement = decision.judgement
    assert judgement is not None
    if judgement.toxicity > 0 and judgement.too_toxic and judgement.highest_open >= 0:
        return (
            f"the probability that the lowest dose is too toxic, {judgement.toxicity:.3f}, "
            f"exceeds {judgement.too_toxic_threshold:g}"
        )
    choice, overdose = judgement.choice, judgement.overdose
    if overdose is not None:
        limit = f"{judgement.reading.most_overdosing:g}"
        if judgement.too_toxic:
            return f"every dose is an overdose with a probability above {limit} (the lowest: {overdose[0]:.3f})"
        return (
            f"of the doses whose probability of an overdose is at most {limit}, dose level {choice + 1} is the one "
            f"most probably in the target interval ({judgement.means[choice]:.3f}; overdose: {overdose[choice]:.3f})"
        )
    if judgement.reading.slopes is not None and sum(state.dlts) in (0, state.treated):
        # No curve is the most likely one: all rates are at their lowest, or at their highest.
        return (
            f"no patient has had a DLT: the likelihood prefers dose level {choice + 1}, the highest"
            if not any(state.dlts)
            else "every patient has had a DLT: the likelihood prefers dose level 1, the lowest"
        )
    assert isinstance(decider.design, ModelDesign)
    rate = decider.design.estimates(decider.trial, state.patients, state.dlts).rate[choice]
    rated = f"whose {judgement.reading.rate_name} of {rate:.3f} is closest to the target of {judgement.target:g}"
    return f"the model prefers dose level {choice + 1}, {rated}"


def _bound(decider: Decider, state: State, bound: Bound) -> str:
    last, conduct, levels = state.last_dose + 1, decider.plan.conduct, decider.trial.levels
    if bound in (Bound.COHERENCE_COHORT, Bound.COHERENCE_DOSE):
        return _incoherent(decider, state, bound)
    if bound == Bound.CLOSED:
        lowest = decider.closed(state).index(True) + 1
        return f"dose level {lowest}{' and all above are' if lowest < levels else ' is'} eliminated"
    floor = f"after dose level {last} no dose below level {conduct.lowest_after(state.last_dose) + 1} may follow"
    highest = conduct.highest_after(state.last_dose, levels) + 1
    return {
        Bound.HIGHEST: f"dose level {last} is the highest",
        Bound.LOWEST: f"dose level {last} is the lowest",
        Bound.CEILING: f"after dose level {last} no dose above level {highest} may follow",
        Bound.FLOOR: floor,
        Bound.HOLD: f"with {sum(state.dlts)} DLTs in the trial no higher dose is given any more",
        Bound.ONE_UP: "until the first DLT the dose goes up one level at a time",
        Bound.OVERDOSE: f"{floor}, but what is probably an overdose is not given all the same",
    }[bound]


def _incoherent(decider: Decider, state: State, bound: Bound) -> str:
    dose, target = state.last_dose, f"the target of {decider.trial.target:g}"
    if bound == Bound.COHERENCE_COHORT:
        size, toxic = last_cohort(decider.plan.conduct, state)
        return f"{toxic} of {size} patients of the last cohort had a DLT, a rate not below {target}: no escalation"
    return (
        f"{state.dlts[dose]} of {state.patients[dose]} patients at dose level {dose + 1} had a DLT, a rate above "
        f"{target}: no escalation"
    )
