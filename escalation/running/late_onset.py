"""One trial under a late-onset design: what is decided while patients are pending.

As in simulated trials (`kernels.late_onset`), each decision looks at every dose; the limits on how far the next dose
may be and the rules that end a trial count pending patients as without a DLT; and a cohort that was begun is filled up,
but where what is known by then asks for a lower dose.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from math import ceil
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from escalation.designs import CRM, Design
from escalation.designs.base import with_room
from escalation.designs.pending import PendingRule, Roll, Weigh
from escalation.errors import DesignError, OutcomesError
from escalation.kernels.codes import (
    DE_ESCALATE,
    DOSE_TOO_TOXIC,
    ELIMINATE,
    ESCALATE,
    MAX_PATIENTS,
    RANK,
    STAY,
    SUSPEND,
    TOO_TOXIC,
)
from escalation.plans.decision import Bound, Decision, State, holding, limited
from escalation.plans.pending import SIX, PendingPlan, Rolled
from escalation.plans.plan import Plan
from escalation.plans.reach import escalated, on
from escalation.plans.verdict import Verdict, Why, verdict
from escalation.plans.weighed_curves import WeighedCurves
from escalation.running.decider import Decider
from escalation.trial.data import InterimData
from escalation.trial.trial import Trial

Floats = NDArray[np.float64]

WITHIN = 1e-6
"""Part of the window before an outcome in which no follow-up is looked at, as in simulated trials."""

FINEST = 1e-9
"""Part of the window to which a day is found."""

DECIMALS = 6
"""Of days that are said."""


class Patient(NamedTuple):
    """Somebody whose outcome is not known yet."""

    dose: int  # index
    days: float | None  # of follow-up


@dataclass(frozen=True, eq=False)
class Seen:
    """What is known of a trial on a day."""

    state: State  # pending patients count as without a DLT
    pending: tuple[Patient, ...]
    dlt_days: tuple[float, ...]

    def at(self, dose: int) -> tuple[Patient, ...]:
        """Those who are pending at a dose."""
        return tuple(one for one in self.pending if one.dose == dose)

    def later(self, days: float, window: float) -> "Seen":
        """The same if so many days pass without a DLT."""
        aged = (Patient(one.dose, (one.days or 0.0) + days) for one in self.pending)
        return replace(self, pending=tuple(one for one in aged if (one.days or 0.0) < window * (1 - FINEST)))


class Held(Enum):
    """Why nobody is enrolled now."""

    BY_RULE = auto()  # the rule for pending patients suspends accrual
    ALL_TREATED = auto()  # as many have been treated as the trial has
    ENDED = auto()  # dose escalation has ended, and what follows waits for complete data
    EXPANDING = auto()  # so do the looks of an expansion


@dataclass(frozen=True, eq=False)
class LateDecision:
    """What is decided while patients are pending."""

    decision: Decision  # nobody is next while accrual is held
    decider: Decider  # who decided; under a model with what it says of pending patients
    closed_from: int  # index of the lowest dose that is eliminated; the number of doses for none
    held: Held | None = None
    verdict: Verdict | None = None  # of the rule for pending patients, and the index of the dose that it is about
    about: int | None = None


@dataclass(frozen=True, eq=False)
class LateDecider:
    """A late-onset design compiled for a trial, to be asked about a day."""

    decider: Decider  # of the design that waits
    rule: PendingPlan | WeighedCurves
    window: float | None  # days

    def decide(self, seen: Seen) -> LateDecision:
        """What the design decides."""
        state, decider = seen.state, self.decider
        if not seen.pending:
            return LateDecision(decider.decide(state), decider, decider.plan.levels)
        found = self._by_curves(seen) if isinstance(self.rule, WeighedCurves) else self._by_table(seen, self.rule)
        nobody = replace(found.decision, next_dose=None, size=0)
        if state.expanding is not None:
            return replace(found, decision=nobody, held=Held.EXPANDING)
        if state.treated >= decider.plan.conduct.max_patients:
            if found.closed_from == 0 and isinstance(self.rule, PendingPlan):  # more DLTs would not lift it
                return replace(found, decision=replace(nobody, reason=MAX_PATIENTS), held=None)
            return replace(found, decision=nobody, held=Held.ALL_TREATED)
        if state.missing and not _leads_down(found, state.last_dose):
            filling = Decision(state.last_dose, state.missing, completing=True)
            return replace(found, decision=filling, held=None)
        ended = found.decision.reason not in (0, TOO_TOXIC)
        if found.held is None and ended and decider.expansion is not None:
            return replace(found, held=Held.ENDED)
        return found

    def soonest(self, seen: Seen) -> float | None:
        """The first day from now on which accrual is not held if no DLT comes; None where that cannot be known."""
        if self.window is None or any(one.days is None for one in seen.pending):
            return None
        held = self.decide(seen).held
        ends = sorted({self.window - (one.days or 0.0) for one in seen.pending})
        if held not in (None, Held.BY_RULE):  # these wait for everybody
            return ends[-1]
        now = 0.0
        for end in ends:
            found = self._crossing(seen, now, end - WITHIN * self.window)
            if found is not None:
                return self._said(seen, found)
            if self._held(seen, end) is None:
                return end
            now = end
        return ends[-1]

    def _said(self, seen: Seen, days: float) -> float:
        """A day in decimals, unless so many are not enough; accrual is not held then."""
        rounded = round(days, DECIMALS)
        if rounded > 0 and self._held(seen, rounded) is None:
            return rounded
        return ceil(days * 10**DECIMALS) / 10**DECIMALS

    def _held(self, seen: Seen, days: float) -> tuple[Held, Why | None] | None:
        """Why accrual is held after so many days without a DLT."""
        assert self.window is not None
        found = self.decide(seen.later(days, self.window))
        if found.held is None:
            return None
        return found.held, None if found.verdict is None else found.verdict.why

    def _crossing(self, seen: Seen, now: float, last: float) -> float | None:
        """The first day up to `last` on which follow-up alone lifts a hold.

        While the same patients are pending each reason holds for days on end, so that its last is found by halving.
        """
        assert self.window is not None
        reason = self._held(seen, now)
        while reason is not None:
            if last <= now or self._held(seen, last) == reason:
                return None
            before, now = now, last
            while now - before > FINEST * self.window:
                middle = (before + now) / 2
                before, now = (middle, now) if self._held(seen, middle) == reason else (before, middle)
            reason = self._held(seen, now)
        return now

    def _by_table(self, seen: Seen, rule: PendingPlan) -> LateDecision:
        state, plan, ruling = seen.state, self.decider.plan, self.decider.ruling
        dose, levels = state.last_dose, plan.levels
        closed_from = self._closed_from(seen, rule)
        if closed_from == 0:
            too_toxic = Decision(None, reason=TOO_TOXIC, code=ELIMINATE)
            return LateDecision(too_toxic, self.decider, 0, None, verdict(ELIMINATE, Why.ELIMINATED), 0)
        bounds: list[Bound] = []
        at = min(dose, closed_from - 1)
        ceilings = [(levels - 1, Bound.HIGHEST), (closed_from - 1, Bound.CLOSED), *plan.limits(state)]
        if ruling.closed_from is not None:
            at = limited(at, ruling.closed_from - 1, Bound.RULED_OUT, bounds)
            ceilings.append((ruling.closed_from - 1, Bound.RULED_OUT))
        if ruling.stays:
            ceilings.append((dose, Bound.HELD))
        highest, why_no_higher = min(ceilings, key=lambda ceiling: ceiling[0])
        said, about, following, code = None, None, at, None
        if closed_from <= dose:
            said, about, code = verdict(ELIMINATE, Why.ELIMINATED), closed_from, ELIMINATE
        if at == dose or isinstance(rule, Rolled):
            about, shares = at, self._shares(seen.at(at))
            if state.patients[at] == 0:  # as may be below a start dose
                said = verdict(STAY, Why.COMPLETE)
            else:
                counts = state.patients[at], state.dlts[at]
                said = rule.decide(*counts, shares, lowest=at == 0, highest=at >= highest)
            if said.code == SUSPEND:
                return LateDecision(Decision(None), self.decider, closed_from, Held.BY_RULE, said, about)
            if said.wanted == ESCALATE and said.code == STAY and why_no_higher not in bounds:
                bounds.append(why_no_higher)
            if said.wanted == DE_ESCALATE and said.code == STAY:
                bounds.append(Bound.LOWEST)
            code = said.code
            following = at + {ESCALATE: 1, DE_ESCALATE: -1}.get(code, 0)
        decision = self._unless_stopped(state, Decision(following, code=code, bounds=tuple(bounds)))
        return LateDecision(decision, self.decider, closed_from, None, said, about)

    def _closed_from(self, seen: Seen, rule: PendingPlan) -> int:
        """Index of the lowest dose whose counts eliminate it; the number of doses for none."""
        counts = enumerate(zip(seen.state.patients, seen.state.dlts, strict=True))
        closed = (dose for dose, (n, y) in counts if n and rule.eliminates(n, y, len(seen.at(dose)), lowest=dose == 0))
        return next(closed, self.decider.plan.levels)

    def _unless_stopped(self, state: State, wanted: Decision) -> Decision:
        """The decision with the size of the next cohort, or that dose escalation ends."""
        stops = holding(self.decider.plan.conduct.stops, state, wanted)
        if stops:
            reason = min((stop.reason for stop in stops), key=RANK.__getitem__)
            given = tuple(stop for stop in stops if stop.reason == reason)
            return replace(wanted, next_dose=None, reason=reason, stops=given)
        assert wanted.next_dose is not None
        return on(self.decider.plan, wanted.next_dose, state, wanted)

    def _by_curves(self, seen: Seen) -> LateDecision:
        assert isinstance(self.rule, WeighedCurves)
        state, plan = seen.state, self.decider.plan
        told = [(one.dose, float(share)) for one, share in zip(seen.pending, self._shares(seen.pending), strict=True)]
        dlt_times = np.array(seen.dlt_days) / (self.window or 1.0)
        said = self.rule.decide(state.patients, state.dlts, told, state.last_dose, dlt_times)
        assert said.judgement is not None
        weighed = replace(self.rule.plan, conduct=plan.conduct)
        weighed.judged[state.patients, state.dlts] = said.judgement  # in place of what it says were nobody pending
        decider = replace(self.decider, plan=weighed)
        closed_from = decider.closed(state).index(True) if any(decider.closed(state)) else plan.levels
        found = LateDecision(Decision(None), decider, closed_from, Held.BY_RULE, said, state.last_dose)
        if said.code == SUSPEND:
            return found
        return replace(found, decision=escalated(weighed, state, self.decider.ruling)[1], held=None)

    def _shares(self, pending: Sequence[Patient]) -> Floats:
        """Shares of the window for which patients have been followed, float64[c]; zeros where no days are needed."""
        return np.array([0.0 if one.days is None or self.window is None else one.days / self.window for one in pending])


def _leads_down(found: LateDecision, dose: int) -> bool:
    """Whether a cohort that was begun is not filled up.

    So it is when the dose is eliminated or a lower one follows, when the trial ends because of DLTs, and when the
    lowest dose is suspended whose known outcomes would eliminate it.
    """
    if found.closed_from <= dose:
        return True
    if found.held is not None:
        return found.verdict is not None and found.verdict.why == Why.TOO_TOXIC_IF_KNOWN
    if found.decision.next_dose is not None:
        return found.decision.next_dose < dose
    return found.decision.reason in (TOO_TOXIC, DOSE_TOO_TOXIC)


def late_decider(design: Design, trial: Trial, decider: Decider, data: InterimData) -> LateDecider:
    """A late-onset design compiled for a trial with these data; `decider` is that of the design that waits.

    Raises DesignError and OutcomesError where the design does not fit the trial, or needs to know more.
    """
    roomy = with_room(trial, data.treated)
    problems = [f"{design.kind}: {option}: {problem}" for option, problem in design.problems(trial)]
    if problems:
        raise DesignError("\n".join(problems))
    rule = design.pending_plan(roomy)
    assert rule is not None
    if any(data.pending) and isinstance(rule, WeighedCurves) and not isinstance(decider.design, CRM):
        raise DesignError(
            f"{design.kind}: pending: of designs with a model only the CRM gives a next dose while patients are pending"
        )
    if isinstance(rule, PendingPlan) and rule.one_at_a_time:
        decider = replace(decider, plan=_one_at_a_time(decider.plan))
    return LateDecider(decider, rule, trial.dlt_window_days)


def _one_at_a_time(plan: Plan) -> Plan:
    """The plan with each patient as a cohort."""
    return plan.conducted(sizes=np.ones_like(plan.conduct.sizes), trial_sizes=None)


def seen_in(design: Design, decider: Decider, data: InterimData, state: State) -> Seen:
    """What the data say of those who are pending, unless the design needs to know more."""
    rule, trial = design.pending, decider.trial
    _check_last_cohort(decider, state)
    if isinstance(rule, Roll):
        for dose, treated in enumerate(data.patients):
            if treated > SIX:
                raise OutcomesError(
                    f"outcomes: {trial.at_level(dose)} has {treated} patients; while patients are pending the rolling "
                    f"six decides on {SIX} at most"
                )
    if data.cohorts is None:
        if _needs_days(rule):
            raise OutcomesError(
                f"outcomes: needed cohort by cohort, with the days of follow-up of those who are pending (2NNP14: one "
                f"of them, for 14 days), because {design.label or design.kind} decides by them"
            )
        counts = enumerate(data.pending)
        return Seen(state, tuple(Patient(dose, None) for dose, open_ in counts for _ in range(open_)), ())
    patients = tuple(Patient(one.dose - 1, days) for one in data.cohorts for days in one.pending)
    dlt_days = tuple(days for one in data.cohorts for days in one.dlt_days)
    if _needs_days(rule):
        _check_days(design, trial, data, patients, dlt_days)
    return Seen(state, patients, dlt_days)


def check_recent_dlts(design: Design, state: State) -> None:
    """Refuse DLTs of which nobody knows whether they were known when the dose was last decided on."""
    earlier = sum(state.dlts) - state.toxic
    if getattr(design, "coherent", None) == "recent" and earlier > 0:
        raise OutcomesError(
            f"outcomes: there are DLTs of patients before the last cohort ({earlier}); whether one has become known "
            'since the dose was last decided on, which coherent = "recent" asks, the outcomes do not tell: it is for '
            "those who conduct the trial to say. If one has, the dose is not escalated; if none has, ask with "
            'coherent = "off"'
        )


def check_who_left(decider: Decider, data: InterimData, state: State) -> None:
    """Refuse patients who have left of whom nobody knows whether that was known when the last cohort began.

    A cohort of whom nobody remains is decided on anew only if something else has become known; and a place that is free
    again in a trial that was full is another cohort's.
    """
    trial, last = decider.trial, data.cohorts[-1] if data.cohorts else None
    if last is not None and last.patients == 0 and last.inevaluable:
        raise OutcomesError(
            f"outcomes: nobody of the last cohort, at {trial.at_level(last.dose - 1)}, is evaluable; whether the dose "
            "is decided on anew depends on what has become known since it began, which the outcomes do not tell: it is "
            "for those who conduct the trial to say. No higher dose is given than that"
        )
    counted, size, left = sum(state.patients), state.size, sum(data.inevaluable)
    if not left or not size:
        return
    before = tuple(n - size * (level == state.last_dose) for level, n in enumerate(state.patients))
    planned = decider.plan.conduct.size(state.last_dose, before, (sum(state.dlts),))
    fewest = trial.max_patients - sum(before) - left  # places there were, if all of them have left since
    if size < planned and fewest <= size and counted < trial.max_patients:
        raise OutcomesError(
            "outcomes: patients have left, so that there are places again; whether they are the last cohort's depends "
            "on when that became known, which the outcomes do not tell: it is for those who conduct the trial to say"
        )


def _check_last_cohort(decider: Decider, state: State) -> None:
    """Refuse a last cohort that is full or not by the DLTs that were known when it began."""
    conduct, dose, size = decider.plan.conduct, state.last_dose, state.size
    if conduct.trial_sizes is None or state.expanding is not None:
        return
    before = tuple(n - size * (level == dose) for level, n in enumerate(state.patients))
    room = conduct.max_patients - sum(before)
    planned = [min(conduct.size(dose, before, (known,)), room) for known in range(sum(state.dlts) + 1)]
    if min(planned) <= size < max(planned):
        raise OutcomesError(
            f"outcomes: the last cohort was to have {min(planned)} or {max(planned)} patients, by the DLTs that were "
            "known when it began, which the outcomes do not tell: whether it is full is for those who conduct the "
            "trial to say"
        )


def _needs_days(rule: PendingRule) -> bool:
    return not isinstance(rule, Roll)


def _check_days(
    design: Design, trial: Trial, data: InterimData, patients: Sequence[Patient], dlt_days: Sequence[float]
) -> None:
    name = design.label or design.kind
    if trial.dlt_window_days is None:
        raise DesignError(f"trial: dlt_window_days: needed, because {name} decides by shares of it")
    for cohort in data.cohorts or ():
        if None in cohort.pending:
            raise OutcomesError(
                f"outcomes: {cohort.written(trial.labels)}: how many days has each pending patient been followed? "
                f"Write P14 for 14 days; {name} decides by them"
            )
    adaptive = isinstance(design.pending, Weigh) and design.pending.weights == "adaptive"
    if adaptive and patients and len(dlt_days) < sum(data.dlts):
        raise OutcomesError(
            f"outcomes: on which day did each DLT come? Write T9 for the ninth; the adaptive weights of {name} depend "
            "on them"
        )
