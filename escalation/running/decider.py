"""The course of one trial: a design asked about one state after the other."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from escalation.designs import Design
from escalation.designs.base import with_room
from escalation.errors import OutcomesError
from escalation.kernels.codes import DOSE_TOO_TOXIC, EXPANSION_STOPPED, NO_DOSE, TOO_TOXIC
from escalation.plans.decision import Decision, Expanding, Ruling, State, run_after
from escalation.plans.expansion import ExpansionPlan, expansion_plan
from escalation.plans.plan import Plan
from escalation.plans.reach import NO_RULING, escalated, on
from escalation.trial.trial import Trial


@dataclass(frozen=True, eq=False)
class Decider:
    """A design compiled for a trial, to be asked about one state after the other."""

    design: Design
    trial: Trial  # as the design runs it
    plan: Plan
    expansion: ExpansionPlan | None
    ruling: Ruling = NO_RULING  # of those who conduct the trial, for the next cohort

    @property
    def start(self) -> State:
        """Before the first cohort."""
        none = (0,) * self.trial.levels
        return State(none, none)

    def decide(self, state: State) -> Decision:
        """What the design decides."""
        decision = self._once_full(state)
        return self._before_full(state, decision) if state.missing else decision

    def after(self, state: State, decision: Decision, dlts: int) -> State:
        """Where the trial stands when the cohort that was decided on has had so many DLTs."""
        assert decision.next_dose is not None
        return self.treated(state, decision, decision.next_dose, decision.size, dlts)

    def treated(self, state: State, decision: Decision, dose: int, size: int, toxic: int) -> State:
        """Where the trial stands after a cohort, be it the one that was decided on or another.

        A cohort belongs to the expansion when that was to come, or has begun, and at its dose.
        """
        patients, dlts = list(state.patients), list(state.dlts)
        patients[dose] += size
        dlts[dose] += toxic
        expanding = state.expanding
        if expanding is None and decision.expanding and dose == decision.next_dose:
            expanding = Expanding(dose, 0, 0, decision.reason)
        if expanding is not None and dose == expanding.dose:
            expanding = expanding._replace(patients=expanding.patients + size, dlts=expanding.dlts + toxic)
            rejected = expanding.rejected or self._rejects(expanding, patients[dose], dlts[dose])
            expanding = expanding._replace(rejected=rejected)
        planned = 0  # an expansion plans nothing at other doses
        if dose == decision.next_dose:
            planned = decision.size
        elif expanding is None:
            planned = on(self.plan, dose, state, decision).size
        missing = max(planned - size, 0)
        completing = decision.completing and dose == state.dose
        run = run_after(self.plan.conduct, state, dose, completing=completing)
        if completing:
            size, toxic = state.size + size, state.toxic + toxic
        return State(tuple(patients), tuple(dlts), dose, size, toxic, run, missing, expanding)

    def recommended(self, state: State) -> int | None:
        """Index of the dose that would be recommended if the trial ended now."""
        if state.expanding is not None:
            return None if state.expanding.rejected else state.expanding.dose
        decision = self._escalate(state)
        reasons = {decision.reason, *(stop.reason for stop in decision.stops)}
        if state.treated == 0 or TOO_TOXIC in reasons:
            return None
        counts = np.array([state.patients], np.int16), np.array([state.dlts], np.int16)
        found = self.plan.recommend(*counts)
        if DOSE_TOO_TOXIC in reasons:
            found = self.plan.recommend_below(*counts, found, self.plan.conduct.lowest_toxic(*counts))
        if self.ruling.closed_from is not None and found[0] >= self.ruling.closed_from:
            found = self.plan.recommend_below(*counts, found, np.array([self.ruling.closed_from]))
        return None if found[0] == NO_DOSE else int(found[0])

    def closed(self, state: State) -> tuple[bool, ...]:
        """Whether each dose is eliminated, or excluded as a probable overdose."""
        at = state.expanding
        if at is None:
            return self.plan.closed(state)
        if at.rejected:
            return tuple(dose >= at.dose for dose in range(self.trial.levels))
        # In an expansion its own rule decides: what the design closed it closed before.
        patients, dlts = list(state.patients), list(state.dlts)
        patients[at.dose] -= at.patients
        dlts[at.dose] -= at.dlts
        return self.plan.closed(replace(state, patients=tuple(patients), dlts=tuple(dlts)))

    def prior(self, state: State) -> tuple[float, float]:
        """Parameters of the Beta prior under which a dose's own rate is looked at."""
        monitoring = None if self.trial.expansion is None else self.trial.expansion.monitoring
        if state.expanding is not None and monitoring is not None:
            return monitoring.prior
        return self.design.beta_prior

    def _once_full(self, state: State) -> Decision:
        """What the design decides after the last cohort, were it full as it is."""
        if state.expanding is not None:
            return self._expand(state)
        decision = self._escalate(state)
        if decision.reason == 0 or self.expansion is None:
            return decision
        declared = self.recommended(state)
        if declared is None:
            return decision
        return replace(decision, next_dose=declared, size=int(self.expansion.cohorts[0]), expanding=True)

    def _before_full(self, state: State, decision: Decision) -> Decision:
        """The decision before the last cohort is full: no higher dose, unless it will be given whatever is to come.

        What asks for a lower dose, or ends the trial as too toxic, is not put off. What else ends it has to do so
        whatever is to come, and with the same recommendation.
        """
        dose, at = state.last_dose, state.expanding
        filled = tuple(self._once_full(self.filled(state, dlts)) for dlts in range(state.missing + 1))
        following = decision.next_dose
        up = following is not None and following > dose
        settled = all(then.reason == 0 and then.next_dose == following for then in filled)
        over = decision.ends and len({self._ending(state, decision), *self._endings(state, filled)}) == 1
        if _leads_down(decision, dose) or over or (up and settled) or all(then.is_open for then in filled):
            return replace(decision, filled=filled)
        if all(_leads_down(then, dose) for then in filled):
            mildest = max(filled, key=lambda then: -1 if then.next_dose is None else then.next_dose)
            return replace(mildest, filled=filled, foregone=True)
        reason = 0 if at is None else at.reason
        return Decision(dose, state.missing, reason, expanding=at is not None, completing=True, filled=filled)

    def _endings(self, state: State, filled: tuple[Decision, ...]) -> Iterator[tuple[bool, int, int | None]]:
        """How the trial stands with each number of DLTs among those whom the last cohort lacks."""
        return (self._ending(self.filled(state, dlts), then) for dlts, then in enumerate(filled))

    def _ending(self, state: State, decision: Decision) -> tuple[bool, int, int | None]:
        """Whether a trial ends, why, and the dose that would be recommended."""
        return decision.ends, decision.reason, self.recommended(state)

    def filled(self, state: State, dlts: int) -> State:
        """Where the trial stands when those whom the last cohort lacks have had so many DLTs."""
        completing = Decision(state.last_dose, state.missing, completing=True)
        return self.after(state, completing, dlts)

    def _expand(self, state: State) -> Decision:
        expansion, at = self.expansion, state.expanding
        assert expansion is not None
        assert at is not None
        left = int(expansion.cohorts.sum()) - at.patients
        if left <= 0:
            return Decision(None, reason=at.reason, expanding=True)
        if at.rejected:
            return Decision(None, reason=EXPANSION_STOPPED, expanding=True)
        return Decision(at.dose, min(int(expansion.cohorts[0]), left), reason=at.reason, expanding=True)

    def _rejects(self, at: Expanding, patients: int, dlts: int) -> bool:
        """Whether the expansion's rule stops the dose; `patients` and `dlts` are all at it."""
        assert self.expansion is not None
        return bool(self.expansion.rejects[(at.patients, at.dlts) if self.expansion.own else (patients, dlts)])

    def _escalate(self, state: State) -> Decision:
        """What dose escalation decides."""
        return escalated(self.plan, state, self.ruling)[1]


def _leads_down(decision: Decision, dose: int) -> bool:
    """Whether a decision leads below a dose, or ends the trial because of DLTs."""
    if decision.next_dose is not None:
        return decision.next_dose < dose
    return decision.reason in (TOO_TOXIC, DOSE_TOO_TOXIC, EXPANSION_STOPPED)


def check_closed(decider: Decider, decision: Decision) -> None:
    """Refuse a decision for a dose that those who conduct the trial have closed.

    Raises
    ------
    OutcomesError
        The last cohort is to be filled up there, or the expansion is to be there.
    """
    following, closed_from = decision.next_dose, decider.ruling.closed_from
    if following is not None and closed_from is not None and following >= closed_from:
        whom = "the expansion" if decision.expanding else "the last cohort"
        raise OutcomesError(
            f"closed: the next patients would be at {decider.trial.at_level(following)}, for {whom}: what follows when "
            "that is closed the design does not say"
        )


def decider_of(design: Design, trial: Trial, *, treated: int = 0) -> Decider:
    """Compile a design for a trial; raises DesignError where it does not fit.

    Patients that were `treated` already may be more than dose escalation has: then that is over. A late-onset design is
    asked by `running.late_onset`, which has a decider of the design that waits.
    """
    assert not design.is_late_onset
    trial = design.applied_to(trial)
    expansion = expansion_plan(with_room(trial, treated))
    if expansion is not None and len(expansion.rejects) <= treated:
        more = treated + 1 - len(expansion.rejects)
        expansion = replace(expansion, rejects=np.pad(expansion.rejects, (0, more), mode="edge"))
    return Decider(design, trial, design.plan(trial, treated=treated), expansion)
