"""The next dose of a running trial, and what is known of the doses so far."""

from collections.abc import Iterator
from dataclasses import replace

from escalation.designs import BOIN12, Design, ModelDesign
from escalation.errors import OutcomesError
from escalation.kernels.codes import REASON_NAMES
from escalation.numbers import is_whole
from escalation.plans.decision import Decision, Ruling, State
from escalation.plans.reach import NO_RULING
from escalation.running.answer import Completion, DoseEstimate, Hold, NextDose
from escalation.running.by_responses import next_by_responses
from escalation.running.decider import Decider, check_closed
from escalation.running.estimates import dose_estimates
from escalation.running.explanation import explanation, following_in_words
from escalation.running.holds import days_in_words
from escalation.running.late_answer import late_answer
from escalation.running.late_onset import check_recent_dlts, check_who_left, late_decider, seen_in
from escalation.running.recommendation import why_none
from escalation.running.responses import with_responses
from escalation.running.standing import Standing, decider_for, stand, too_many
from escalation.trial.data import InterimData
from escalation.trial.trial import Trial


def next_dose(
    design: Design, trial: Trial, data: InterimData | str, *, closed_from: int | None = None, stay: bool = False
) -> NextDose:
    """What a design does next in a running trial.

    A design that waits for complete data has an answer while patients are pending only if it is the same whatever their
    outcomes; a late-onset design decides by their follow-up, or holds accrual. Before the last cohort is full no higher
    dose follows, unless it will follow however the cohort is filled up.

    Parameters
    ----------
    design : Design
    trial : Trial
    data : InterimData or str
        Outcomes such as "1NNN 2NTP14", or counts.
    closed_from : int, optional
        Lowest dose level, at least 2, that those who conduct the trial have closed, with all above.
    stay : bool, default False
        Whether they let no dose above the last cohort's follow. What asks for a lower one stands.

    Raises
    ------
    DesignError
        A ValueError: the design does not fit the trial.
    OutcomesError
        A ValueError: the data cannot be read, or leave open what the design looks at; or a dose is closed that the
        design has to give.

    Examples
    --------
    >>> from escalation import BOIN, Trial
    >>> trial = Trial(doses=[50, 150, 300, 600], target=0.25, max_patients=36)
    >>> after = next_dose(BOIN(), trial, "1NNN 2NTT")
    >>> after.next_dose, after.recommended_dose
    (1, 1)
    >>> waiting = next_dose(BOIN(), trial, "1NNN 2NNP")
    >>> waiting.decided, [completion.next_dose for completion in waiting.completions]
    (False, [3, 1])
    >>> from escalation import TITEBOIN
    >>> within = trial.model_copy(update={"dlt_window_days": 28.0})
    >>> next_dose(TITEBOIN(), within, "1NNN 2NNP14").next_dose
    3
    """
    data = InterimData.of(data, trial)
    check_days(trial, data)
    ruling = Ruling(_lowest_closed(closed_from, trial), stay)
    if isinstance(design, BOIN12):
        return next_by_responses(design, trial, data, ruling)
    if design.is_late_onset:
        return _of_late_onset(design, trial, data, ruling)
    decider = decider_for(design, trial, data)
    if any(data.pending) and data.cohorts is None and decider.plan.looks_at_cohort:
        raise OutcomesError(
            "outcomes: this design looks at what happened in the last cohort, and patients are pending: give the "
            "outcomes cohort by cohort"
        )
    ruled = replace(decider, ruling=ruling)
    complete = [stand(decider, completion, ruled=ruled) for completion in data.completions()]
    known = _of_known(complete[0].state, data)
    prior = None if isinstance(design, ModelDesign) else decider.prior(known)
    estimates = dose_estimates(ruled, known, data)
    answers = [_answer(ruled, standing, estimates, prior) for standing in complete]
    answer = _while_pending(ruled, data, complete, answers) if any(data.pending) else answers[0]
    return with_responses(answer, design, trial, data, [_at_end(ruled, standing) for standing in complete])


def _at_end(decider: Decider, now: Standing) -> tuple[tuple[int, ...], int | None]:
    """DLTs at each dose and the index of the dose that is recommended if the trial ends so."""
    return now.state.dlts, decider.recommended(now.state)


def _of_late_onset(design: Design, trial: Trial, data: InterimData, ruling: Ruling) -> NextDose:
    """The answer of a late-onset design; with all outcomes known it is that of the design that waits."""
    late = late_decider(design, trial, decider_for(design.waiting, trial, data), data)
    if data.cohorts is None:
        _check_counts(trial, data, one_by_one=late.decider.plan.conduct.largest == 1)
    late = replace(late, decider=replace(late.decider, ruling=ruling))
    now = stand(replace(late.decider, ruling=NO_RULING), data.without_pending(), ruled=late.decider)
    most = late.decider.trial.most_patients
    check_recent_dlts(design, now.state)
    check_who_left(late.decider, data, now.state)
    # What was known when earlier doses were decided on, the data do not say: whether the design led here is not asked.
    departures = tuple(said for said in now.departures if said == too_many(data.treated, most))
    if any(data.pending):
        answer = late_answer(late, seen_in(design, late.decider, data, now.state), data, departures)
        return with_responses(answer, design, trial, data, None)
    prior = None if isinstance(design, ModelDesign) else late.decider.prior(now.state)
    estimates = dose_estimates(late.decider, now.state, data)
    answer = _answer(late.decider, replace(now, departures=departures), estimates, prior)
    return with_responses(answer, design, trial, data, [_at_end(late.decider, now)])


def _check_counts(trial: Trial, data: InterimData, *, one_by_one: bool) -> None:
    """Refuse counts that leave open where a late-onset trial stands."""
    if any(data.pending) and not one_by_one:
        return  # the days are asked for, cohort by cohort
    tried = [dose for dose in range(1, trial.levels + 1) if data.may_have_ended_at(dose)]
    if data.dose is None and len(tried) > 1:
        *names, last = (trial.level_names[dose - 1] for dose in tried)
        raise OutcomesError(
            f"dose of the last cohort: needed; it may have been dose level {', '.join(names)} or {last}, because doses "
            "are decided on while patients are pending"
        )


def check_days(trial: Trial, data: InterimData) -> None:
    """Refuse days that there cannot be within the DLT window.

    Raises
    ------
    OutcomesError
        A patient who is pending has been followed for the whole window, or a DLT came after it.
    """
    window = trial.dlt_window_days
    if window is None:
        return
    responses = None if trial.efficacy is None else trial.efficacy.window_days
    for cohort in data.cohorts or ():
        written = cohort.written(trial.labels)
        for days in cohort.pending:
            if days is not None and days >= window:
                raise OutcomesError(
                    f"outcomes: {written}: a patient who has been followed for {days:g} days is not pending: the DLT "
                    f"window is {window:g} days, so that the outcome is known, {_known_letters(trial, days, responses)}"
                )
        for days in cohort.dlt_days:
            if days > window:
                raise OutcomesError(
                    f"outcomes: {written}: day {days:g} is after the DLT window of {window:g} days: no DLT, N"
                    + " or E" * (trial.efficacy is not None)
                )


def _known_letters(trial: Trial, days: float, window: float | None) -> str:
    """Letters of patients whose DLT outcome is known after so many days; `window` is that of responses."""
    if trial.efficacy is None:
        return "N or T"
    if window is None:
        return "N or T (N? or T? while the response is pending), E or B"
    if days < window:
        return f"N? or T? (the response is pending: its window is {window:g} days), E or B"
    return f"N, T, E or B: the response is known, too, after its window of {window:g} days"


def _of_known(state: State, data: InterimData) -> State:
    """Where the trial would stand without the patients who are pending; `state` is where, if none of them has a DLT."""
    patients = tuple(n - pending for n, pending in zip(state.patients, data.pending, strict=True))
    at = state.expanding
    if at is not None:
        at = at._replace(patients=max(at.patients - data.pending[at.dose], 0))
    return replace(state, patients=patients, expanding=at)


def _lowest_closed(closed_from: int | None, trial: Trial) -> int | None:
    """Index of the lowest dose that is closed by those who conduct the trial."""
    if closed_from is None:
        return None
    if not is_whole(closed_from) or not 2 <= closed_from <= trial.levels:
        levels = ", ".join(trial.level_names[1:]) or "none: the trial has a single dose"
        given = trial.level_names[0] if closed_from == 1 else f"{closed_from!r:.20}"
        raise OutcomesError(
            f"closed: {given} should be a dose level above the lowest ({levels}); with all doses closed there is "
            "nothing to decide on"
        )
    return int(closed_from) - 1


def _answer(
    decider: Decider, now: Standing, estimates: tuple[DoseEstimate, ...], prior: tuple[float, float] | None
) -> NextDose:
    """The answer where all outcomes are known."""
    decision = now.decision
    check_closed(decider, decision)
    following = decision.next_dose
    recommended = decider.recommended(now.state)
    fillings = zip(range(now.state.missing + 1), decision.filled, strict=False)
    return NextDose(
        next_dose=None if following is None else following + 1,
        cohort_size=decision.size,
        stop=decision.ends,
        stop_reason=REASON_NAMES[decision.reason] if decision.ends else None,
        expansion=decision.expanding,
        reason=explanation(decider, now.state, decision),
        recommended_dose=None if recommended is None else recommended + 1,
        estimates=estimates,
        prior=prior,
        warnings=now.departures,
        pending=0,
        decided=not decision.is_open,
        completions=(),
        missing=now.state.missing,
        filled=tuple(_completion(decider, decider.filled(now.state, more), then) for more, then in fillings),
        not_recommended=why_none(decider, now.state, decision),
    )


def _while_pending(
    decider: Decider,
    data: InterimData,
    complete: list[Standing],
    answers: list[NextDose],
) -> NextDose:
    """The answer while patients are pending: the one that every completion gives, or to wait."""
    by_answer = zip(complete, answers, strict=True)
    completions = [Completion(now.state.dlts, one.next_dose, one.stop, one.reason) for now, one in by_answer]
    settled = len({_essence(answer) for answer in answers}) == 1
    recommended = {answer.recommended_dose for answer in answers}
    first = answers[0]
    pending = sum(data.pending)
    always = [warning for warning in first.warnings if all(warning in answer.warnings for answer in answers)]
    shared = replace(
        first,
        recommended_dose=first.recommended_dose if len(recommended) == 1 else None,
        not_recommended=first.not_recommended if recommended == {None} else None,
        warnings=(*always, *_not_awaited(decider.trial, data)),
        pending=pending,
        completions=tuple(dict.fromkeys(completions)),  # cohorts at the same dose often lead to the same
        filled=(),
    )
    one = pending == 1
    patients = f"{pending} {'patient is' if one else 'patients are'} pending"
    if settled and not first.decided:
        return replace(shared, reason=f"{patients}, and whatever the outcomes: {first.reason}")
    if settled:
        whose = "whose outcome" if one else "whose outcomes"
        reason = f"{patients}, {whose} cannot change the answer. Without a DLT: {first.reason}"
        return replace(shared, reason=reason)
    hold = _awaited(decider.trial, data)
    until = "" if hold.days is None else f" Without a DLT that is in {days_in_words(hold.days)}."
    return replace(
        shared,
        next_dose=None,
        cohort_size=0,
        stop=False,
        stop_reason=None,
        expansion=False,
        reason=f"{patients}: wait. {_by_outcome(decider.trial, data, complete)}{until}",
        decided=False,
        hold=hold,
    )


def _awaited(trial: Trial, data: InterimData) -> Hold:
    """How long a design waits that waits for complete data."""
    why = "the design waits until every patient has had a DLT or has been followed for the whole DLT window"
    known = [days for cohort in data.cohorts or () for days in cohort.pending]
    if trial.dlt_window_days is None or not known or None in known:
        return Hold(None, why)
    return Hold(max(trial.dlt_window_days - (days or 0.0) for days in known), why)


def _essence(answer: NextDose) -> tuple[object, ...]:
    """What of an answer has to be the same whatever the outcomes; the recommended dose matters when the trial stops."""
    final = answer.recommended_dose if answer.stop else None
    return answer.next_dose, answer.cohort_size, answer.stop_reason, answer.expansion, answer.decided, final


def _completion(decider: Decider, state: State, decision: Decision) -> Completion:
    following = None if decision.next_dose is None else decision.next_dose + 1
    return Completion(state.dlts, following, decision.ends, explanation(decider, state, decision))


MOST_SAID = 8
"""Completions that a sentence names; the others are in `completions`."""


def _by_outcome(trial: Trial, data: InterimData, complete: list[Standing]) -> str:
    """What follows each number of DLTs among the pending, in a sentence."""
    doses = [dose for dose, pending in enumerate(data.pending) if pending]
    by_dlts: dict[tuple[int, ...], list[Standing]] = {}
    for standing in complete:
        added = tuple(standing.state.dlts[dose] - data.dlts[dose] for dose in doses)
        by_dlts.setdefault(added, []).append(standing)
    if len(doses) == 1 and all(len(found) == 1 for found in by_dlts.values()) and len(by_dlts) <= MOST_SAID:
        numbers = ", ".join(str(added) for (added,) in by_dlts)
        decisions = [found[0].decision for found in by_dlts.values()]
        return f"{numbers} DLTs among the pending: {following_in_words(trial, decisions)}."
    said = []
    for added, found in list(by_dlts.items())[:MOST_SAID]:
        where = " and ".join(f"{number} at {trial.at_level(dose)}" for number, dose in zip(added, doses, strict=True))
        then = dict.fromkeys(following_in_words(trial, [standing.decision]) for standing in found)
        said.append(f"{where}: {' or '.join(then)}")
    more = len(by_dlts) - len(said)
    return f"DLTs among the pending: {'; '.join(said)}{f'; and {more} more' if more else ''}."


def _not_awaited(trial: Trial, data: InterimData) -> Iterator[str]:
    """Cohorts that were treated although patients before them were pending: no design here does that."""
    open_before = 0
    for number, cohort in enumerate(data.cohorts or (), 1):
        if open_before:
            awaited = f"{open_before} before it pending; the design waits for complete data"
            yield f"cohort {number} ({cohort.written(trial.labels)}): {awaited}"
            return
        open_before += len(cohort.pending)
