"""Until when accrual is held, and why."""

from escalation.plans.pending import Predicted, Weighed
from escalation.plans.verdict import Why
from escalation.plans.weighed_curves import WeighedCurves
from escalation.running.answer import Hold
from escalation.running.late_onset import Held, LateDecider, LateDecision, Seen


def hold_of(late: LateDecider, seen: Seen, found: LateDecision) -> Hold | None:
    """The hold of a decision, if it is one."""
    return None if found.held is None else Hold(late.soonest(seen), _why(late, seen, found))


def release(hold: Hold) -> str:
    """When to ask again, as a clause."""
    if hold.days is None:
        return "ask again as soon as an outcome becomes known"
    return f"without a DLT it may be lifted in {days_in_words(hold.days)}; ask again then, or as soon as there is a DLT"


def outcomes_due(hold: Hold) -> str:
    """When all is known of a trial that treats nobody more, as a clause."""
    when = "" if hold.days is None else f"; without a DLT the last is known in {days_in_words(hold.days)}"
    return f"the recommended dose comes from complete data{when}"


def days_in_words(days: float) -> str:
    """Days in tenths, rounded up: to ask too early is no use."""
    tenths = -int(-days * 10 // 1) if abs(days * 10 - round(days * 10)) > 1e-6 else round(days * 10)
    return f"{tenths / 10:g} {'day' if tenths == 10 else 'days'}"


def patients_pending(number: int) -> str:
    """So many patients are pending."""
    return f"{number} {'patient is' if number == 1 else 'patients are'} pending"


def _why(late: LateDecider, seen: Seen, found: LateDecision) -> str:
    pending = patients_pending(len(seen.pending))
    if found.held == Held.ALL_TREATED:
        return f"all {seen.state.treated} patients have been treated, and {pending}"
    if found.held == Held.ENDED:
        return f"dose escalation has ended, and what follows waits for complete data: {pending}"
    if found.held == Held.EXPANDING:
        return f"an expansion waits for complete data: {pending}"
    return _by_rule(late, seen, found)


def _by_rule(late: LateDecider, seen: Seen, found: LateDecision) -> str:
    said, at, rule = found.verdict, found.about, late.rule
    assert said is not None
    assert at is not None
    place, there = late.decider.trial.at_level(at), seen.state.patients[at]
    pending = len(seen.at(at))
    known = there - pending
    limits = rule.limits if isinstance(rule, Weighed) else None
    if said.why == Why.MOST_PENDING:
        most = 0.5 if isinstance(rule, Predicted) else limits.most_pending if limits else _most_pending(rule)
        return f"{pending} of {there} patients at {place} are pending, more than {100 * most:g} %"
    if said.why == Why.NOTHING_KNOWN:
        return f"nothing is known yet of the patients at {place}"
    if said.why == Why.STATES:
        return (
            f"all {there} patients at {place} have been enrolled, and their outcomes are waited for: {pending} pending"
        )
    if said.why == Why.DISAGREEING:
        return f"the outcomes of {pending} pending at {place} can change the decision"
    if said.why == Why.TOO_TOXIC_IF_KNOWN:
        return f"the {known} known outcomes at {place} alone would eliminate it"
    if limits is not None and said.why == Why.FEW_COMPLETE:
        outcomes = "1 outcome is" if known == 1 else f"{known} outcomes are"
        return f"{outcomes} known at {place}, and an escalation takes {limits.fewest_complete}"
    if limits is not None and late.window is not None:
        shortest = min(one.days or 0.0 for one in seen.at(at))
        needed = f"{limits.least_follow_up * late.window:g} days of follow-up of every patient who is pending"
        return f"an escalation takes {needed} at {place}, and the shortest is {shortest:g}"
    assert isinstance(rule, Predicted)
    assert said.probabilities is not None
    if said.why == Why.IMPROBABLE:
        least, (*_, up) = rule.escalate_if, said.probabilities
        return f"an escalation from {place} takes a probability of {least:g}, and has {_below(up, least)}"
    down, *_ = said.probabilities
    would = f"{place} would be given again, but a de-escalation has a probability of {down:.3f}"
    return f"{would}, more than {rule.stay_if:g}"


def _most_pending(rule: object) -> float:
    assert isinstance(rule, WeighedCurves)
    return rule.most_pending


def _below(share: float, limit: float) -> str:
    """A probability in decimals enough to be seen below a limit."""
    texts = (f"{share:.{decimals}f}" for decimals in range(3, 12))
    return next((text for text in texts if float(text) < limit), f"{share:g}")
