"""Every design at every number of patients and DLTs that real cohorts can have, planned or not.

Cohorts of two, four or seven patients are no cohorts of most designs, and still something has to be said of them.
"""

from functools import lru_cache

from escalation import Cohort, InterimData, Trial, next_dose, paths
from escalation.designs import DecisionTable, Design
from escalation.kernels.codes import EXPANSION_STOPPED, TOO_TOXIC
from escalation.plans.decision import Decision
from escalation.running.decider import decider_of
from escalation.running.explanation import explanation
from escalation.running.standing import Standing, stand
from escalation.running.start import start_of
from tests.conformance.test_every_design import CASES, TRIALS
from tests.support import in_each_case

MOST = 9
"""Patients in the one cohort that is tried: three planned cohorts of three."""

# By maximum likelihood the dose goes up one level at a time until the first DLT. From then on the likelihood decides,
# which may lead higher than before where levels may be skipped. That is the design (docs/designs/crm.md says so).
SKIPS_AFTER_A_DLT = {"method": "mle", "no_skip": False}

BUILT_IN = [case for case in CASES if not isinstance(case.values[0], DecisionTable)]


def one_cohort(trial: Trial, n: int, y: int) -> InterimData:
    """One cohort of n patients with y DLTs at the second dose, or the only one, whatever was planned."""
    return InterimData.from_cohorts([Cohort(min(2, trial.levels), n, y)], trial.levels)


@lru_cache(maxsize=len(TRIALS))
def standings(design: Design, trial: Trial) -> dict[tuple[int, int], Standing]:
    """Where the trial stands after one cohort, of whatever size and with however many DLTs."""
    decider = decider_of(design, trial, treated=MOST)
    counts = [(n, y) for n in range(1, min(MOST, trial.most_patients) + 1) for y in range(n + 1)]
    return {(n, y): stand(decider, one_cohort(trial, n, y)) for n, y in counts}


def mildness(decision: Decision) -> int | None:
    """The higher, the milder; None where the trial ends for other reasons than DLTs."""
    if decision.next_dose is not None:
        return decision.next_dose
    return -1 if decision.reason in (TOO_TOXIC, EXPANSION_STOPPED) else None


@in_each_case(BUILT_IN)
def test_one_more_dlt_never_gives_a_milder_answer(design, trial):
    two_stages = all(getattr(design, option, None) == value for option, value in SKIPS_AFTER_A_DLT.items())
    found = standings(design, trial)
    for (n, y), now in found.items():
        assert not now.decision.is_open
        for milder in [(n, y - 1)] * (y > 0) + [(n - 1, y - 1)] * (y == n > 1):
            if two_stages and milder[1] == 0:
                continue  # the first DLT ends the stage in which no level is skipped
            low, high = mildness(now.decision), mildness(found[milder].decision)
            assert low is None or high is None or low <= high, (n, y)


@in_each_case(BUILT_IN)
def test_never_up_on_part_of_a_cohort_unless_it_is_settled(design, trial):
    dose = min(2, trial.levels) - 1
    for now in standings(design, trial).values():
        decision = now.decision
        assert bool(now.state.missing) == bool(decision.filled)
        if not now.state.missing:
            continue
        said = explanation(now.decider, now.state, decision)
        assert said.startswith(f"The last cohort, at dose level {dose + 1}, is not full: it has ")
        if decision.next_dose is not None and decision.next_dose > dose:
            assert {filled.next_dose for filled in decision.filled} == {decision.next_dose}


@in_each_case(CASES)
def test_all_askers_agree(design, trial):
    for n, y in ((1, 0), (2, 2), (4, 1), (7, 7)):
        if n > trial.most_patients:
            continue
        data = one_cohort(trial, n, y)
        answer = next_dose(design, trial, data)
        root = paths(design, trial, cohorts=1, after=data).root
        assert (root.next_dose, root.size, root.reason) == (answer.next_dose, answer.cohort_size, answer.stop_reason)
        start = start_of(design, trial, data)
        assert start.has_escalated == (answer.stop or answer.expansion)
        if not start.has_escalated:
            assert start.plan.conduct.start == answer.next_dose - 1
            assert start.begun == ((n, y) if answer.missing and answer.cohort_size == answer.missing else (0, 0))
