"""Where the engines start: before the first patient, or from the data of a running trial."""

from dataclasses import replace

import numpy as np

from escalation.designs import BOIN12, Design
from escalation.errors import DesignError, OutcomesError
from escalation.kernels.codes import NO_DOSE
from escalation.plans.clock import response_clock_of
from escalation.plans.decision import Expanding, run_after
from escalation.plans.expansion import ExpansionPlan, expansion_plan
from escalation.plans.start import JointStart, Start
from escalation.running.by_responses import standing_by_responses
from escalation.running.explanation import undecided
from escalation.running.standing import standing
from escalation.trial.data import InterimData
from escalation.trial.trial import Trial


def start_of(design: Design, trial: Trial, after: InterimData | str | None) -> Start:
    """Where the engines start; raises DesignError and OutcomesError as `standing` does."""
    if after is None:
        trial = design.applied_to(trial)
        none = np.zeros((2, trial.levels), np.int64)
        problems = [f"{design.kind}: {option}: {problem}" for option, problem in design.unsimulated(trial)]
        if problems:
            raise DesignError("\n".join(problems))
        plan, pending = design.plan(trial), design.pending_plan(trial)
        joint = None
        if plan.joint is not None:
            joint = JointStart(np.zeros((trial.levels, 2), np.int64), (plan.conduct.start,))
        waits = joint is not None or design.waits_for_responses(trial)
        responses = response_clock_of(trial) if waits else None
        expansion = expansion_plan(trial)
        return Start(trial, plan, expansion, None, none, pending=pending, joint=joint, responses=responses)
    data = InterimData.of(after, trial)
    if isinstance(design, BOIN12):
        return _by_responses(design, trial, data)
    now = standing(design, trial, data)
    decider, decision = now.decider, now.decision
    counts = np.array([data.patients, data.dlts])
    if decision.is_open:
        raise OutcomesError(f"outcomes: {undecided(decider, now.state)}")
    if decision.reason == 0:
        assert decision.next_dose is not None
        run = run_after(decider.plan.conduct, now.state, decision.next_dose, completing=decision.completing)
        plan = decider.plan.conducted(start=decision.next_dose, run=run - 1)  # the next cohort is not there yet
        begun = (now.state.size, now.state.toxic) if decision.completing else (0, 0)
        counts[:, decision.next_dose] -= begun
        return Start(decider.trial, plan, decider.expansion, data, counts, begun)
    at, recommended = now.state.expanding, now.decider.recommended(now.state)
    found = NO_DOSE if recommended is None else recommended
    is_over = at is not None and decision.next_dose is None
    left = None if is_over else _left(decider.expansion, at, decision.size if decision.completing else 0)
    # Room for all who were treated, be they more than planned, and for what is left of the expansion.
    treated = data.treated + (0 if left is None else int(left.cohorts.sum()))
    more = max(treated - decider.trial.most_patients, 0)
    return Start(
        decider.trial.model_copy(update={"max_patients": decider.trial.max_patients + more}),
        decider.plan,
        left,
        data,
        counts,
        has_escalated=True,
        declared=found if at is None else at.dose,
        recommended=found,
        reason=decision.reason,
    )


def departures_of(design: Design, trial: Trial, data: InterimData) -> tuple[str, ...]:
    """Where data are not what the design would have done; raises as `start_of` does."""
    if isinstance(design, BOIN12):
        return standing_by_responses(design, trial, data).departures
    return standing(design, trial, data).departures


def _by_responses(design: BOIN12, trial: Trial, data: InterimData) -> Start:
    """Where the engines start from the data of a trial whose design decides by responses."""
    now = standing_by_responses(design, trial, data)
    assert data.responses is not None
    counts, responses = np.array([data.patients, data.dlts]), np.array(data.responses, np.int64)
    joint = JointStart(responses, now.doses, now.size if now.completing else 0, now.optimal)
    room = trial.model_copy(update={"max_patients": max(trial.max_patients, data.treated)})
    return Start(
        room,
        now.plan,
        None,
        data,
        counts,
        has_escalated=now.reason != 0,
        recommended=now.recommended if now.reason else NO_DOSE,
        reason=now.reason,
        joint=joint,
    )


def _left(expansion: ExpansionPlan | None, at: Expanding | None, missing: int) -> ExpansionPlan | None:
    """What is left of an expansion, as an expansion of its own; its cohort that was begun lacks so many."""
    if expansion is None or at is None:
        return expansion
    rejects = expansion.rejects[at.patients :, at.dlts :] if expansion.own else expansion.rejects
    size, left = int(expansion.cohorts[0]), int(expansion.cohorts.sum()) - at.patients
    looks = [0] * bool(missing) + [*range(missing, left, size), left]
    return replace(expansion, cohorts=np.diff(looks), rejects=rejects)
