"""The course of one trial: a design asked about one state after the other."""

from dataclasses import dataclass, replace

import numpy as np

from escalation.designs import Design
from escalation.kernels.codes import (
    DOSE_TOO_TOXIC,
    EXPANSION_STOPPED,
    MAX_PATIENTS,
    NO_DOSE,
    RANK,
    RULE_COMPLETE,
    TOO_TOXIC,
)
from escalation.plans.decision import Decision, Expanding, State, holding
from escalation.plans.expansion import ExpansionPlan, expansion_plan
from escalation.plans.plan import Plan
from escalation.trial.trial import Trial


@dataclass(frozen=True, eq=False)
class Decider:
    """A design compiled for a trial, to be asked about one state after the other."""

    design: Design
    trial: Trial  # as the design runs it
    plan: Plan
    expansion: ExpansionPlan | None
    large: Trial  # the trial, or one with room for more patients than it has, if so many were treated

    @property
    def start(self) -> State:
        """Before the first cohort."""
        none = (0,) * self.trial.levels
        return State(none, none)

    def decide(self, state: State) -> Decision:
        """What the design decides."""
        if state.expanding is not None:
            return self._expand(state)
        decision = self._escalate(state)
        if decision.reason == 0 or self.expansion is None:
            return decision
        declared = self.recommended(state)
        if declared is None:
            return decision
        return replace(decision, next_dose=declared, size=int(self.expansion.cohorts[0]), expanding=True)

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
        return State(tuple(patients), tuple(dlts), dose, size, toxic, expanding)

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
        return None if found[0] == NO_DOSE else int(found[0])

    def closed(self, state: State) -> tuple[bool, ...]:
        """Whether each dose is eliminated, or excluded as a probable overdose."""
        if state.expanding is not None and state.expanding.rejected:
            return tuple(dose >= state.expanding.dose for dose in range(self.trial.levels))
        return self.plan.closed(state)

    def prior(self, state: State) -> tuple[float, float]:
        """Parameters of the Beta prior under which a dose's own rate is looked at."""
        monitoring = None if self.trial.expansion is None else self.trial.expansion.monitoring
        if state.expanding is not None and monitoring is not None:
            return monitoring.prior
        return self.design.beta_prior

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
        plan, conduct = self.plan, self.plan.conduct
        if state.dose is None:
            return self._on(conduct.start, state, Decision(None, titrating=conduct.titration))
        full = state.treated >= conduct.max_patients
        titrating = conduct.titration and max(state.patients) == 1
        decision = plan.decide(state, titrating=titrating)
        if decision.next_dose is None:
            return replace(decision, reason=MAX_PATIENTS if full else TOO_TOXIC)
        stops = () if titrating else holding(conduct.stops, state, decision.next_dose)
        reason = min((stop.reason for stop in stops), key=RANK.__getitem__, default=0)
        if full and reason != RULE_COMPLETE:
            # Those that then recommend no dose, or one below.
            toxic = tuple(stop for stop in stops if stop.reason == reason and reason in (TOO_TOXIC, DOSE_TOO_TOXIC))
            return replace(decision, next_dose=None, reason=MAX_PATIENTS, stops=toxic)
        if reason:
            given = tuple(stop for stop in stops if stop.reason == reason)
            return replace(decision, next_dose=None, reason=reason, stops=given)
        return self._on(decision.next_dose, state, decision)

    def _on(self, dose: int, state: State, decision: Decision) -> Decision:
        """The decision, with the size of the next cohort."""
        conduct, there = self.plan.conduct, state.patients[dose]
        size = int(conduct.sizes[there])
        if conduct.titration and max(state.patients) <= 1:
            size = int(conduct.sizes[0]) - 1 if there else 1
        return replace(decision, next_dose=dose, size=min(size, conduct.max_patients - state.treated))


def decider_of(design: Design, trial: Trial, *, treated: int = 0) -> Decider:
    """Compile a design for a trial; raises DesignError where it does not fit.

    Patients that were `treated` already may be more than dose escalation has: then that is over.
    """
    trial = design.applied_to(trial)
    # Tables for all who were treated.
    large = trial.model_copy(update={"max_patients": max(trial.max_patients, treated)})
    expansion = expansion_plan(large)
    if expansion is not None and len(expansion.rejects) <= treated:
        more = treated + 1 - len(expansion.rejects)
        expansion = replace(expansion, rejects=np.pad(expansion.rejects, (0, more), mode="edge"))
    return Decider(design, trial, design.plan(large).conducted(max_patients=trial.max_patients), expansion, large)
