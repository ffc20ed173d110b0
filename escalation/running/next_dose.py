"""The next dose of a running trial, and what is known of the doses so far."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from escalation.designs import Design, ModelDesign
from escalation.errors import OutcomesError
from escalation.kernels.codes import REASON_NAMES
from escalation.numbers import clopper_pearson, is_whole
from escalation.plans.decision import Decision, Ruling, State
from escalation.running.decider import Decider
from escalation.running.explanation import explanation, following_in_words
from escalation.running.recommendation import why_none
from escalation.running.standing import Standing, decider_for, stand
from escalation.trial.data import InterimData
from escalation.trial.trial import Trial


@dataclass(frozen=True)
class DoseEstimate:
    """What is known of a dose.

    Attributes
    ----------
    dose : int
        Dose level, from 1.
    patients, dlts : int
        Patients whose outcome is known, and their DLTs.
    pending, inevaluable : int
        Patients whose outcome is not known yet, and who cannot be evaluated; `patients` counts neither.
    observed : float or None
        The observed DLT rate; None where no outcome is known.
    estimate : float or None
        Of the DLT rate, as the design estimates it: the isotonic estimate, which pools neighbouring doses where the
        observed rates do not increase; the model's fitted rate; or, for designs that estimate none, the observed rate.
        None where nothing is known.
    lower, upper : float or None
        A model's 95 % credible interval (by maximum likelihood: likelihood-ratio interval); for other designs the
        Clopper-Pearson interval of the dose's own patients.
    above_target : float or None
        P(rate > target | data): under the model; for other designs from the dose's own patients under the Beta prior of
        their elimination rule, in an expansion that of its monitoring, or else a uniform one.
    eliminated : bool
        Eliminated, excluded as a probable overdose, or closed by those who conduct the trial.
    """

    dose: int
    patients: int
    dlts: int
    pending: int
    inevaluable: int
    observed: float | None
    estimate: float | None
    lower: float | None
    upper: float | None
    above_target: float | None
    eliminated: bool


@dataclass(frozen=True)
class Completion:
    """What follows one way in which outcomes that are not known can turn out.

    Attributes
    ----------
    dlts : tuple of int
        DLTs at each dose level then.
    next_dose : int or None
        Dose level of the next cohort, from 1; None when the trial stops, or nothing is decided.
    stop : bool
    reason : str
        The rule that decides, in words.
    """

    dlts: tuple[int, ...]
    next_dose: int | None
    stop: bool
    reason: str


@dataclass(frozen=True)
class NextDose:
    """What a design says of a running trial.

    Attributes
    ----------
    next_dose : int or None
        Dose level of the next cohort, from 1; None when the trial stops, or nothing is decided.
    cohort_size : int
        Patients of the next cohort, or who fill up the last; 0 without a next dose.
    stop : bool
    stop_reason : str or None
        A key of the operating characteristics' `stop_reasons`.
    expansion : bool
        Whether the next cohort is one of the expansion, or the trial stops in it.
    reason : str
        The rule that decided, in words.
    recommended_dose : int or None
        The RP2D if the trial ended now; None when there is none, or it depends on outcomes that are not known.
    estimates : tuple of DoseEstimate
    prior : (float, float) or None
        Parameters of the Beta prior of `above_target`; None under a model.
    warnings : tuple of str
        Where the data are not what the design would have done.
    pending : int
        Patients whose outcome is not known yet.
    decided : bool
        Whether there is an answer: false while it depends on patients who are pending, and where a table of the user's
        own does not say what comes next.
    completions : tuple of Completion
        What follows each way in which the pending outcomes can turn out; empty when none is pending.
    missing : int
        Patients that the last cohort lacks, 0 when it is full.
    filled : tuple of Completion
        What follows when they have been treated, by the DLTs among them; empty while patients are pending.
    not_recommended : str or None
        Why no dose would be recommended, in words; None where one would, or it depends on the pending outcomes.
    """

    next_dose: int | None
    cohort_size: int
    stop: bool
    stop_reason: str | None
    expansion: bool
    reason: str
    recommended_dose: int | None
    estimates: tuple[DoseEstimate, ...]
    prior: tuple[float, float] | None
    warnings: tuple[str, ...]
    pending: int
    decided: bool
    completions: tuple[Completion, ...]
    missing: int
    filled: tuple[Completion, ...]
    not_recommended: str | None = None


def next_dose(
    design: Design, trial: Trial, data: InterimData | str, *, closed_from: int | None = None, stay: bool = False
) -> NextDose:
    """What a design does next in a running trial.

    A design waits for complete data: while patients are pending there is an answer only if it is the same whatever
    their outcomes. Before the last cohort is full no higher dose follows, unless it will follow however the cohort is
    filled up.

    Parameters
    ----------
    design : Design
    trial : Trial
    data : InterimData or str
        Outcomes such as "1NNN 2NTP", or counts.
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
    """
    data = InterimData.of(data, trial)
    decider = decider_for(design, trial, data)
    if any(data.pending) and data.cohorts is None and decider.plan.looks_at_cohort:
        raise OutcomesError(
            "outcomes: this design looks at what happened in the last cohort, and patients are pending: give the "
            "outcomes cohort by cohort"
        )
    ruled = replace(decider, ruling=Ruling(_lowest_closed(closed_from, trial), stay))
    complete = [stand(decider, completion, ruled=ruled) for completion in data.completions()]
    known = _of_known(complete[0].state, data)
    prior = None if isinstance(design, ModelDesign) else decider.prior(known)
    estimates = dose_estimates(ruled, known, data)
    if not any(data.pending):
        return _answer(ruled, complete[0], estimates, prior)
    return _while_pending(ruled, data, complete, estimates, prior)


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
    following = decision.next_dose
    if following is not None and decider.ruling.closed_from is not None and following >= decider.ruling.closed_from:
        whom = "the expansion" if decision.expanding else "the last cohort"
        raise OutcomesError(
            f"closed: the next patients would be at {decider.trial.at_level(following)}, for {whom}: what follows when "
            "that is closed the design does not say"
        )
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
    estimates: tuple[DoseEstimate, ...],
    prior: tuple[float, float] | None,
) -> NextDose:
    """The answer while patients are pending: the one that every completion gives, or to wait."""
    answers = [_answer(decider, standing, estimates, prior) for standing in complete]
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
    return replace(
        shared,
        next_dose=None,
        cohort_size=0,
        stop=False,
        stop_reason=None,
        expansion=False,
        reason=f"{patients}: wait. {_by_outcome(decider.trial, data, complete)}",
        decided=False,
    )


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


def dose_estimates(decider: Decider, state: State, data: InterimData) -> tuple[DoseEstimate, ...]:
    """What is known of each dose; the state is that of the patients whose outcomes are known."""
    if isinstance(decider.design, ModelDesign):
        columns = np.array(decider.design.estimates(decider.trial, state.patients, state.dlts))
    else:
        columns = _from_counts(decider, state)
    known = [[None if np.isnan(number) else number for number in column] for column in columns.tolist()]
    observed = [y / n if n else None for n, y in zip(state.patients, state.dlts, strict=True)]
    counts = state.patients, state.dlts, data.pending, data.inevaluable
    ruled_out = decider.trial.levels if decider.ruling.closed_from is None else decider.ruling.closed_from
    closed = [shut or dose >= ruled_out for dose, shut in enumerate(decider.closed(state))]
    rows = zip(*counts, observed, *known, closed, strict=True)
    return tuple(DoseEstimate(dose, *row) for dose, row in enumerate(rows, 1))


def _from_counts(decider: Decider, state: State) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Estimate, 95 % limits and P(rate > target) of each dose, float64[4, D], NaN where nobody was treated."""
    n, y = np.array(state.patients), np.array(state.dlts)
    tried = n > 0
    found = np.full((4, len(n)), np.nan)
    if tried.any():
        table = decider.plan.table
        found[0, tried] = y[tried] / n[tried] if table is None else table.selection.rates(n[tried], y[tried])
    found[1], found[2] = clopper_pearson(n, y)
    a, b = decider.prior(state)
    found[3, tried] = special.betaincc(a + y[tried], b + (n - y)[tried], decider.trial.target)
    return found
