"""Why no dose is recommended: said wherever none is, and what it says is so."""

import pytest

from escalation import BLRM, BOIN, CRM, APlusB, Monitoring, ThreePlusThree, Trial
from escalation.plans.decision import State
from escalation.running.decider import decider_of
from escalation.running.recommendation import why_none
from escalation.running.standing import standing
from escalation.trial.data import InterimData
from tests.conformance.test_every_design import CASES
from tests.support import in_each_case, levels

TRIAL = Trial(doses=levels(3), target=0.25, max_patients=18)


def reason(design, outcomes, trial=TRIAL):
    now = standing(design, trial, InterimData.of(outcomes, trial))
    return why_none(now.decider, now.state, now.decision)


@pytest.mark.parametrize(
    ("design", "outcomes", "words"),
    [
        (BOIN(), "", "nobody has been treated"),
        (BOIN(), "1TTT", "too toxic: the lowest dose is eliminated"),
        (BOIN(), "1NNN", None),
        (ThreePlusThree(), "1NNT", "no dose has been cleared"),
        (APlusB(a=3, b=3, c=1, d=1, e=1), "1NNT", "no dose has been cleared"),
        (BOIN(bound_mtd=True), "1NTT 1NNN", "the estimated DLT rate of no dose that was tried is at most 0.298"),
        (
            CRM(half_width=0.06, prior_mtd=2, stop_if_too_toxic={"threshold": 0.8}),
            "1TTT",
            "too toxic: the probability that the lowest dose is, 0.9",
        ),
        (BLRM(), "1TTT 1TTT", "too toxic: every dose is an overdose with a probability above 0.25"),
        (
            BOIN(stop_when={"rule": "too_toxic", "threshold": 0.6}),
            "1NNT 1NTT",
            "too toxic: P(DLT rate > 0.25) > 0.6 at the lowest dose",
        ),
        (
            BOIN(stop_when={"rule": "too_toxic", "threshold": 0.6, "then": "recommend_below"}),
            "1NNT 1NTT",
            "no dose below the one that is too toxic can be recommended: P(DLT rate > 0.25) > 0.6",
        ),
        (CRM(half_width=0.06, prior_mtd=2), "2TTT", "the model's choice is below every dose that was tried"),
        (BOIN(), "2TTT", "every dose that was tried is eliminated"),
    ],
)
def test_what_is_said(design, outcomes, words):
    said = reason(design, outcomes)
    assert said is None if words is None else said.startswith(words), said


def test_expansion_and_single_dose():
    expansion = {"patients": 6, "monitoring": {"limit": 0.25, "threshold": 0.9}}
    trial = TRIAL.model_copy(update={"max_patients": 3})
    trial = Trial(**trial.model_dump() | {"expansion": expansion})
    assert reason(BOIN(), "1NNN 1TTT", trial) == "dose level 1 is too toxic by the rule of its expansion"
    one = Trial(doses=["one"], target=0.25, max_patients=9)
    assert reason(Monitoring(), "1TTT", one) == "too toxic: the lowest dose is eliminated"


@in_each_case(CASES)
def test_said_wherever_there_is_none(design, trial):
    """Along the first cohorts of every design."""
    decider = decider_of(design, trial)
    living: dict[State, None] = {decider.start: None}
    for _ in range(3):
        reached: dict[State, None] = {}
        for state in living:
            decision = decider.decide(state)
            said = why_none(decider, state, decision)
            assert (said is None) == (decider.recommended(state) is not None)
            assert said is None or (said[0].islower() or said[0] == "P")
            if decision.next_dose is not None:
                reached |= dict.fromkeys(decider.after(state, decision, y) for y in range(decision.size + 1))
        living = dict(list(reached.items())[:60])
