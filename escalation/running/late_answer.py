"""The answer of a late-onset design while patients are pending, and why, in the sentences of a protocol."""

from collections.abc import Iterator, Sequence
from math import isfinite

import numpy as np

from escalation.designs.crm import CRM
from escalation.designs.model_based import RateEstimates
from escalation.designs.pending.weigh import LEAST
from escalation.designs.words import beside, observed
from escalation.kernels.codes import NO_DOSE, REASON_NAMES, SLACK, SUSPEND, TOO_TOXIC
from escalation.plans.decision import Bound
from escalation.plans.pending import Effective, PendingPlan, Predicted, Weighed
from escalation.plans.verdict import Verdict, Why
from escalation.plans.weighed_curves import WeighedCurves
from escalation.running.answer import DoseEstimate, Hold, NextDose, WhilePending
from escalation.running.decider import check_closed
from escalation.running.estimates import dose_estimates
from escalation.running.explanation import (
    ACTIONS,
    bound_in_words,
    ending_in_words,
    grounds_at,
    preference_in_words,
    text_of,
)
from escalation.running.holds import hold_of, outcomes_due, patients_pending, release
from escalation.running.late_onset import Held, LateDecider, LateDecision, Seen
from escalation.running.recommendation import why_none
from escalation.trial.data import InterimData
from escalation.trial.trial import Trial


def late_answer(late: LateDecider, seen: Seen, data: InterimData, departures: Sequence[str]) -> NextDose:
    """What is next while patients are pending."""
    found = late.decide(seen)
    decision, state = found.decision, seen.state
    check_closed(late.decider, decision)
    hold = hold_of(late, seen, found)
    rates = _weighed_rates(late, seen, found)
    ends = hold is None and decision.ends
    none_for_good = ends and (decision.reason == TOO_TOXIC or found.closed_from == 0)
    prior = None if isinstance(late.rule, WeighedCurves) else found.decider.prior(state)
    return NextDose(
        next_dose=None if decision.next_dose is None else decision.next_dose + 1,
        cohort_size=0 if decision.next_dose is None else decision.size,
        stop=ends,
        stop_reason=REASON_NAMES[decision.reason] if ends else None,
        expansion=False,
        reason=text_of(_sentences(late, seen, found, hold, rates)),
        recommended_dose=None,
        estimates=_estimates(found, seen, data, rates),
        prior=prior,
        warnings=(*departures, *_out_of_order(late.decider.trial, data)),
        pending=len(seen.pending),
        decided=hold is None,
        completions=(),
        missing=state.missing,
        filled=(),
        not_recommended=why_none(found.decider, state, decision) if none_for_good else None,
        hold=hold,
        while_pending=_compared(late, seen, found),
    )


def _estimates(
    found: LateDecision, seen: Seen, data: InterimData, rates: RateEstimates | None
) -> tuple[DoseEstimate, ...]:
    """What is known of each dose, from known outcomes; under a model from pending patients as well."""
    state = seen.state
    patients = tuple(n - len(seen.at(dose)) for dose, n in enumerate(state.patients))
    known = type(state)(patients, state.dlts)
    closed = [dose >= found.closed_from for dose in range(len(patients))]
    return dose_estimates(found.decider, known, data, closed=closed, weighed=rates)


def _weighed_rates(late: LateDecider, seen: Seen, found: LateDecision) -> RateEstimates | None:
    """What a model says of the rates with pending patients weighed."""
    design, rule = found.decider.design, late.rule
    if not isinstance(rule, WeighedCurves):
        return None
    assert isinstance(design, CRM)
    window = late.window or 1.0
    doses = np.array([one.dose for one in seen.pending])
    shares = np.array([(one.days or 0.0) / window for one in seen.pending])
    weights = rule.weights(shares, np.array(seen.dlt_days) / window)
    posterior = rule.posterior(np.array(seen.state.patients), np.array(seen.state.dlts), doses, weights)
    return design.weighed_estimates(found.decider.trial, seen.state.treated, posterior)


def _sentences(
    late: LateDecider, seen: Seen, found: LateDecision, hold: Hold | None, rates: RateEstimates | None
) -> Iterator[str]:
    state, decider, decision = seen.state, found.decider, found.decision
    if decision.completing:
        planned = state.size + state.missing
        place = decider.trial.at_level(state.last_dose)
        yield f"the last cohort, at {place}, is not full: it has {state.size} of {planned} patients"
        yield f"{state.missing} more {'fills' if state.missing == 1 else 'fill'} it up first"
        yield f"{patients_pending(len(seen.pending))}, and what is known so far does not ask for a lower dose"
        return
    if hold is not None and found.held == Held.ALL_TREATED and decider.expansion is None:
        yield hold.why
        yield outcomes_due(hold)
        return
    yield from _grounds(late, seen, found, rates)
    if hold is None:
        yield from (bound_in_words(decider, state, bound) for bound in decision.bounds if bound != Bound.CLOSED)
        told = isinstance(late.rule, PendingPlan) and found.closed_from <= state.last_dose
        yield from (_closed(found) for bound in decision.bounds if bound == Bound.CLOSED and not told)
    if found.held is None or decision.ends:
        yield from ending_in_words(decider, state, decision)
    if hold is not None:
        yield f"accrual is held: {hold.why}"
        yield release(hold)
    elif state.missing:
        yield "this does not wait until the cohort is full; simulated trials of the design do"


def _closed(found: LateDecision) -> str:
    trial, lowest = found.decider.trial, found.closed_from
    and_above = " and all above are" if lowest < trial.levels - 1 else " is"
    return f"{trial.at_level(lowest)}{and_above} eliminated"


def _grounds(late: LateDecider, seen: Seen, found: LateDecision, rates: RateEstimates | None) -> Iterator[str]:
    """What the rule for pending patients says, and of what."""
    said, at, decider = found.verdict, found.about, found.decider
    if said is None or at is None:
        return
    if said.why in (Why.MODEL, Why.COMPLETE) and isinstance(late.rule, WeighedCurves):
        yield _of_model(seen, found, rates)
        return
    if found.closed_from < decider.trial.levels and found.closed_from <= seen.state.last_dose:
        yield _of_elimination(late, seen, found)
        if said.why == Why.ELIMINATED:
            return
    counts = f"{decider.trial.at_level(at)}: {_counted(seen, at)}"
    then = "" if said.code == SUSPEND else f": {ACTIONS[said.code]}"
    if said.why in (Why.CERTAIN, Why.COMPLETE) and seen.state.patients[at]:
        grounds = grounds_at(decider, seen.state, at)
        certain = ", whatever the pending outcomes" if said.why == Why.CERTAIN else ""
        yield f"{decider.trial.at_level(at)}: {grounds}{then}{certain}"
    elif said.probabilities is not None:
        down, stay, up = said.probabilities
        chances = f"a de-escalation has the probability {down:.3f}, the same dose {stay:.3f}, an escalation {up:.3f}"
        yield f"{counts}: once all outcomes are known {chances}{then}"
    elif isfinite(said.follow_up) and isinstance(late.rule, Weighed):
        yield f"{counts}: {_cuts(late, seen, said, at)}{then}"
    else:
        yield f"{counts}{then}"


def _counted(seen: Seen, dose: int) -> str:
    pending = len(seen.at(dose))
    counts = observed(seen.state.patients[dose], seen.state.dlts[dose])
    return f"{counts}, {pending} pending" if pending else counts


def _of_elimination(late: LateDecider, seen: Seen, found: LateDecision) -> str:
    """Why the lowest closed dose is: of what its counts say, or under PoD-TPI its known outcomes."""
    decider, lowest = found.decider, found.closed_from
    known = seen.state
    if isinstance(late.rule, Predicted) and lowest > 0:
        patients = tuple(n - len(seen.at(dose)) for dose, n in enumerate(known.patients))
        known = type(known)(patients, known.dlts, known.dose)
    whatever = f", {len(seen.at(lowest))} pending" if seen.at(lowest) else ""
    return f"{decider.trial.at_level(lowest)}: {grounds_at(decider, known, lowest)}{whatever}: {_closed(found)}"


def _of_model(seen: Seen, found: LateDecision, rates: RateEstimates | None) -> str:
    judgement = found.decision.judgement
    if judgement is None:  # held
        return f"{found.decider.trial.at_level(seen.state.last_dose)}: {_counted(seen, seen.state.last_dose)}"
    fitted = () if rates is None or judgement.choice == NO_DOSE else tuple(rates.rate.tolist())
    said = preference_in_words(found.decider, seen.state, found.decision, fitted)
    return f"{patients_pending(len(seen.pending))}, and weighed by follow-up; {said}"


def _most(late: LateDecider, seen: Seen, at: int) -> float:
    """More follow-up there cannot be at a dose, as the rule measures it."""
    effective = isinstance(late.rule, Effective)
    return float(seen.state.patients[at] if effective else len(seen.at(at)))


def _cuts(late: LateDecider, seen: Seen, said: Verdict, at: int) -> str:
    """The follow-up beside what it is compared with."""
    least = late.rule.seen(seen.state.patients[at], np.zeros(len(seen.at(at)))) if isinstance(late.rule, Weighed) else 0
    up = said.escalate_from if least < said.escalate_from < _most(late, seen, at) else None
    down = said.de_escalate_to if least <= said.de_escalate_to < _most(late, seen, at) else None
    number, *cuts = beside(said.follow_up, *(cut for cut in (up, down) if cut is not None))
    parts = [f"STFT {number} windows"]
    if isinstance(late.rule, Effective):
        parts = [f"ESS {number} patients"]
    if up is not None:
        parts.append(f"escalate from {cuts[0]}")
    elif said.escalate_from <= least:
        parts.append("any follow-up escalates")
    if down is not None:
        parts.append(f"de-escalate up to {cuts[-1]}")
    elif said.de_escalate_to >= _most(late, seen, at):
        parts.append("any follow-up de-escalates")
    if up is None and said.escalate_from > least:
        parts.append("none escalates")
    return "; ".join(parts)


def _compared(late: LateDecider, seen: Seen, found: LateDecision) -> WhilePending | None:
    said, at = found.verdict, found.about
    if said is None or at is None or found.decision.completing:
        return None
    if said.probabilities is not None:
        down, stay, up = said.probabilities
        return WhilePending(de_escalation=down, stay=stay, escalation=up)
    if not isinstance(late.rule, Weighed) or not isfinite(said.follow_up):
        return None
    most = _most(late, seen, at)
    return WhilePending(
        measure="ESS" if isinstance(late.rule, Effective) else "STFT",
        follow_up=said.follow_up,
        escalate_from=(said.escalate_from if said.escalate_from > LEAST else 0.0)
        if said.escalate_from < most
        else None,
        de_escalate_to=min(said.de_escalate_to, most) if said.de_escalate_to > -SLACK else None,
    )


def _out_of_order(trial: Trial, data: InterimData) -> Iterator[str]:
    """Somebody who was treated later but followed for longer: the days cannot be right."""
    shortest = float("inf")
    for number, cohort in enumerate(data.cohorts or (), 1):
        days = [one for one in cohort.pending if one is not None]
        if days and max(days) > shortest:
            said = f"followed for {max(days):g} days, longer than the {shortest:g} of a patient treated before"
            yield f"cohort {number} ({cohort.written(trial.labels)}): {said}"
            return
        shortest = min([shortest, *days])
