"""The rule that decided on the next dose, in the sentences of a protocol."""

from collections.abc import Iterator

from escalation.designs import ModelDesign
from escalation.kernels.codes import (
    COHERENT_COHORT,
    DE_ESCALATE,
    ELIMINATE,
    ENOUGH_AT_DOSE,
    ESCALATE,
    EXPANSION_STOPPED,
    RULE_COMPLETE,
    STAY,
    STOPPING_RULE,
    TOO_TOXIC,
)
from escalation.plans.curves import CurvePlan, Intervals, MaximumLikelihood, PosteriorMean
from escalation.plans.table import TablePlan
from escalation.running.decider import Rules
from escalation.running.decisions import Bound, Decision, State, last_cohort

ACTIONS = {
    ESCALATE: "escalate",
    STAY: "stay",
    DE_ESCALATE: "de-escalate",
    ELIMINATE: "eliminate this dose and all above",
}

ENDINGS = {
    TOO_TOXIC: "the trial ends as too toxic, recommending no dose",
    RULE_COMPLETE: "dose escalation is complete",
    ENOUGH_AT_DOSE: "dose escalation ends with enough patients at a dose",
    STOPPING_RULE: "dose escalation ends by a stopping rule",
}


def explanation(rules: Rules, state: State, decision: Decision) -> str:
    """Why a decision was taken, in one or a few sentences."""
    return " ".join(f"{sentence[0].upper()}{sentence[1:]}." for sentence in _sentences(rules, state, decision))


def _sentences(rules: Rules, state: State, decision: Decision) -> Iterator[str]:
    if state.expanding is not None:
        yield from _of_expansion(rules, state, decision)
        return
    if state.dose is None:
        assert decision.next_dose is not None
        yield f"nobody was treated yet; the trial starts at dose level {decision.next_dose + 1}"
        return
    yield from _grounds(rules, state, decision)
    yield from (_bound(rules, state, bound) for bound in decision.bounds)
    if decision.reason == 0:
        return
    holding = "; ".join(stop.words for stop in decision.stops)
    if state.treated >= rules.plan.max_patients and decision.reason not in (TOO_TOXIC, RULE_COMPLETE):
        yield f"all {rules.plan.max_patients} patients have been treated" + (f"; {holding}" if holding else "")
        if holding or (decision.reading is not None and decision.reading.too_toxic):
            yield "no dose is recommended"
    else:
        ending = ENDINGS[decision.reason]
        yield f"{holding}: {ending}" if holding else ending
    if decision.next_dose is not None:
        yield f"dose level {decision.next_dose + 1} is the RP2D, and its expansion begins"


def _of_expansion(rules: Rules, state: State, decision: Decision) -> Iterator[str]:
    at, expansion = state.expanding, rules.expansion
    assert at is not None
    assert expansion is not None
    place = f"dose level {at.dose + 1}"
    of_expansion = f"{at.dlts} of {at.patients} patients of the expansion at {place}"
    of_all = f"{state.dlts[at.dose]} of all {state.patients[at.dose]} patients at {place}"
    counted = f"{of_expansion if expansion.own else of_all} have had a DLT"
    if rules.recommended(state) is None:
        yield f"{counted}, so many that it is no longer recommended"
        if decision.reason == EXPANSION_STOPPED:
            yield "the trial ends"
    else:
        yield f"{counted}, not too many"
    if decision.next_dose is not None:
        yield "the expansion goes on"
    elif decision.reason != EXPANSION_STOPPED:
        yield "the expansion is complete"


def _grounds(rules: Rules, state: State, decision: Decision) -> Iterator[str]:
    """What the table or the model says."""
    dose = state.dose
    assert dose is not None
    if decision.titrating:
        then = ""
        if decision.next_dose is not None:
            goes_on = decision.next_dose > dose
            then = ": the titration goes on" if goes_on else ": the titration ends, and the cohort is filled up"
        yield f"the patient at dose level {dose + 1} {'had a DLT' if state.dlts[dose] else 'had no DLT'}{then}"
    elif isinstance(rules.plan, TablePlan):
        assert decision.code is not None
        grounds = rules.design.grounds(rules.large, dose, state.patients[dose], state.dlts[dose])
        yield f"dose level {dose + 1}: {grounds}: {ACTIONS[decision.code]}"
    else:
        yield _preference(rules, rules.plan, state, decision)


def _preference(rules: Rules, plan: CurvePlan, state: State, decision: Decision) -> str:
    reading = decision.reading
    assert reading is not None
    if reading.toxicity > 0 and reading.too_toxic and reading.highest_open >= 0:
        return (
            f"the probability that the lowest dose is too toxic, {reading.toxicity:.3f}, "
            f"exceeds {plan.too_toxic_threshold:g}"
        )
    if isinstance(plan.reading, Intervals):
        limit = f"{plan.reading.ewoc:g}"
        if reading.too_toxic:
            return f"every dose is an overdose with a probability above {limit} (the lowest: {reading.overdose[0]:.3f})"
        choice = reading.choice
        return (
            f"of the doses whose probability of an overdose is at most {limit}, dose level {choice + 1} is the one "
            f"most probably in the target interval ({reading.means[choice]:.3f}; overdose: "
            f"{reading.overdose[choice]:.3f})"
        )
    if isinstance(plan.reading, MaximumLikelihood) and sum(state.dlts) in (0, state.treated):
        # No curve is the most likely one: all rates are at their lowest, or at their highest.
        return (
            f"no patient has had a DLT: the likelihood prefers dose level {reading.choice + 1}, the highest"
            if not any(state.dlts)
            else "every patient has had a DLT: the likelihood prefers dose level 1, the lowest"
        )
    assert isinstance(rules.design, ModelDesign)
    rate = rules.design.estimates(rules.trial, state.patients, state.dlts).rate[reading.choice]
    kind = "posterior mean DLT rate" if isinstance(plan.reading, PosteriorMean) else "fitted DLT rate"
    return (
        f"the model prefers dose level {reading.choice + 1}, whose {kind} of {rate:.3f} is closest to the target "
        f"of {plan.target:g}"
    )


def _bound(rules: Rules, state: State, bound: Bound) -> str:
    assert state.dose is not None
    last = state.dose + 1
    given = rules.plan
    if bound == Bound.HIGHEST:
        return f"dose level {last} is the highest"
    if bound == Bound.LOWEST:
        return f"dose level {last} is the lowest"
    if bound == Bound.CLOSED:
        lowest = rules.closed(state).index(True) + 1
        above = " and all above are" if lowest < rules.trial.levels else " is"
        return f"dose level {lowest}{above} eliminated"
    if bound == Bound.CEILING:
        highest = rules.trial.levels if given.ceiling is None else int(given.ceiling[state.dose]) + 1
        return f"after dose level {last} no dose above level {highest} may follow"
    if bound == Bound.FLOOR:
        lowest = 1 if given.floor is None else int(given.floor[state.dose]) + 1
        return f"after dose level {last} no dose below level {lowest} may follow"
    if bound == Bound.HOLD:
        return f"with {sum(state.dlts)} DLTs in the trial no higher dose is given any more"
    if bound == Bound.COHERENCE:
        return _incoherent(rules, state)
    if bound == Bound.ONE_UP:
        return "until the first DLT the dose goes up one level at a time"
    lowest = 1 if given.floor is None else int(given.floor[state.dose]) + 1
    return (
        f"after dose level {last} no dose below level {lowest} may follow, but what is probably an overdose is not "
        "given all the same"
    )


def _incoherent(rules: Rules, state: State) -> str:
    dose = state.dose
    assert dose is not None
    assert isinstance(rules.plan, CurvePlan)
    target = f"the target of {rules.plan.target:g}"
    if rules.plan.coherent == COHERENT_COHORT:
        size, toxic = last_cohort(rules.plan, state)
        return f"{toxic} of {size} patients of the last cohort had a DLT, a rate not below {target}: no escalation"
    return (
        f"{state.dlts[dose]} of {state.patients[dose]} patients at dose level {dose + 1} had a DLT, a rate above "
        f"{target}: no escalation"
    )
