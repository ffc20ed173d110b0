"""Doses that no trial can come to, as cautions say, against the enumeration of every ending."""

import numpy as np
import pytest

from escalation import BLRM, BMACRM, BOIN, CRM, ThreePlusThree, Trial, exact
from escalation.plans.reach import reach
from tests.conformance.test_every_design import CASES
from tests.support import in_each_case, levels

STEP = {"rule": "max_step", "factor": 1.5}
PATIENTS = {"rule": "patients", "at_least": 8}
PRECISE = {"rule": "precise", "width": 0.6}
ENOUGH = {"rule": "patients_at_dose", "at_least": 6}
SKELETON = {"half_width": 0.06, "prior_mtd": 2}
SKELETONS = [[0.02, 0.1, 0.2, 0.3], [0.2, 0.3, 0.4, 0.7]]


def given(design, trial) -> set[int]:
    """The doses that some ending has patients at."""
    return set(np.flatnonzero((exact(design, trial).patients > 0).any(axis=0)).tolist())


def check(design, trial) -> None:
    """What is said to be out of reach is, and nothing else; where it is not certain, no course without a DLT comes."""
    never = set(range(trial.levels)) - given(design, trial)
    told = reach(design.plan(trial))
    above, below = (set(), set()) if told is None else (set(told.above), set(told.below))
    assert above | below == never


@in_each_case(CASES)
def test_every_design(design, trial):
    if design.expansion is None and trial.expansion is None:
        check(design, trial)


@pytest.mark.parametrize("patients", [4, 9, 12, 15])
@pytest.mark.parametrize("start", [1, 2])
@pytest.mark.parametrize(
    "design",
    [
        BOIN(),
        BOIN(titration=True),
        BOIN(restrict=STEP),
        BOIN(stop_when=PATIENTS),
        BOIN(stop_when={"any": [PRECISE, ENOUGH]}),
        BOIN(stop_at=3),
        ThreePlusThree(),
        ThreePlusThree(de_escalate=False),
        CRM(**SKELETON),
        CRM(**SKELETON, estimate="mean", stop_when=PRECISE),
        CRM(**SKELETON, restrict=STEP),
        CRM(**SKELETON, restrict={"rule": "max_step", "levels": 1}, no_skip=False),
        CRM(**SKELETON, method="mle"),
        CRM(**SKELETON, method="mle", no_skip=False, coherent="off", stop_when=PATIENTS),
        CRM(**SKELETON, titration=True, stop_at=6),
        CRM(skeleton=[0.01, 0.02, 0.03, 0.9], prior_sd=0.3),
        BMACRM(skeletons=SKELETONS),
        BLRM(),
        BLRM(reference_dose=1.0, prior_mean=(-0.5, 0)),
        BLRM(reference_dose=0.2, prior_sd=(1, 0.5)),
        BLRM(reference_dose=0.2, prior_sd=(1, 0.5), stop_when=PRECISE),
        BLRM(titration=True, stop_when=PATIENTS),
    ],
    ids=str,
)
def test_few_patients(design, start, patients):
    """So few that some dose is out of reach of most designs, and all courses can be followed."""
    check(design, Trial(doses=levels(4), target=0.25, max_patients=patients, start_dose=start))


LARGE = Trial(doses=[50, 150, 300, 600], target=0.25, max_patients=24)


@pytest.mark.parametrize("stop_when", [None, {"rule": "patients", "at_least": 15}], ids=["full", "stopped"])
@pytest.mark.parametrize("prior_mean", [(-1.1, 0), (-2, 0.5), (0, -1)])
@pytest.mark.parametrize("reference", [25, 100, 600])
def test_more_courses_than_are_followed(reference, prior_mean, stop_when):
    """Where certainty would take them all the caution speaks of the course without a DLT, which no other surpasses."""
    design = BLRM(reference_dose=reference, prior_mean=prior_mean, prior_sd=(0.7, 0.3), stop_when=stop_when)
    check(design, LARGE)


@pytest.mark.parametrize("design", [CRM(skeleton=[0.01, 0.02, 0.03, 0.9], prior_sd=0.1), BOIN(restrict=STEP)], ids=str)
def test_certain_without_all_courses(design):
    """The courses are too many to follow; a bound is enough."""
    found = reach(design.plan(LARGE))
    assert found is not None
    assert found.proven_above
    assert set(found.above) == set(range(4)) - given(design, LARGE)


def caution(design, trial) -> str:
    return next(text for text in design.cautions(trial) if "give dose level" in text)


def test_reasons():
    toxic = BLRM(reference_dose=25, prior_mean=(-0.5, 0), prior_sd=(0.7, 0.3))
    assert "after 3 patients without a DLT the trial ends, because even the lowest dose is too toxic" in caution(
        toxic, LARGE
    )
    excluded = BLRM(reference_dose=25, prior_mean=(-2, 0.5), prior_sd=(0.7, 0.3))
    assert caution(excluded, LARGE) == (
        "no trial can give dose levels 2, 3 and 4: after 24 patients without a DLT overdose control still excludes "
        "dose level 2: P(overdose) is 0.416, above ewoc = 0.25, and the trial has treated its 24 patients"
    )
    stopped = BOIN(stop_when={"rule": "patients", "at_least": 9})
    assert caution(stopped, LARGE) == (
        "no trial can give dose level 4: after 9 patients without a DLT, the last at dose level 3, the trial ends, "
        "because at least 9 patients have been treated in the trial"
    )
    assert caution(BOIN(), LARGE.model_copy(update={"max_patients": 6})) == (
        "no trial can give dose levels 3 and 4: after 6 patients without a DLT, the last at dose level 2, the trial "
        "has treated its 6 patients"
    )
    assert "the limits on escalation keep it at dose level 1" in caution(BOIN(restrict=STEP), LARGE)
    assert "the model still prefers dose level 3" in caution(CRM(skeleton=[0.01, 0.02, 0.03, 0.9], prior_sd=0.1), LARGE)
    down = ThreePlusThree(de_escalate=False)
    late = LARGE.model_copy(update={"start_dose": 2})
    assert caution(down, late).startswith("no trial can give dose level 1, below the start dose")


def test_what_limits_alone_bar_is_certain():
    """90 is the highest dose that two steps of 50 and 36 lead to: under any model nothing comes to 300."""
    rule = {"rule": "max_step", "amount": [50, 36], "from_dose": [0, 90], "above": "highest_tried"}
    design = CRM(
        skeleton=[0.05, 0.1, 0.2, 0.3], no_skip=False, estimate="mean", prior="gamma", prior_shape=2, restrict=rule
    )
    trial = Trial(doses=[40, 90, 126, 300], target=0.25, max_patients=18)
    assert any(caution.startswith("no trial can give dose level 4: ") for caution in design.cautions(trial))
