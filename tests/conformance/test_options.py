"""Options at the edge of what fits a trial: on which side of it the edge itself lies."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from escalation import BLRM, BMACRM, BOIN, CRM, DesignError, Monitoring, Trial, exact, skeleton
from escalation.designs import Design
from escalation.designs.base import exceedance
from escalation.kernels.codes import ELIMINATE
from tests.support import levels


def trial(target: float = 0.25, max_patients: int = 12) -> Trial:
    return Trial(doses=levels(3), target=target, max_patients=max_patients)


def problems(design: Design, target: float = 0.25) -> list[str]:
    return [option for option, _ in design.problems(trial(target))]


@pytest.mark.parametrize(
    ("options", "target", "expected"),
    [
        ({"p_saf": 0.24}, 0.25, []),
        ({"p_saf": 0.25}, 0.25, ["p_saf"]),
        ({"p_saf": 0.26}, 0.25, ["p_saf"]),
        ({"p_tox": 0.26}, 0.25, []),
        ({"p_tox": 0.25}, 0.25, ["p_tox"]),
        ({"p_tox": 0.24}, 0.25, ["p_tox"]),
        ({"p_saf": 0.3, "p_tox": 0.2}, 0.25, ["p_saf", "p_tox"]),
        ({}, 0.7, []),
        ({}, 0.75, ["p_tox"]),
        ({}, 0.9, ["p_tox"]),
        ({"p_tox": 0.95}, 0.9, []),
        ({"extra_safe": True, "offset": 0.2, "cutoff_eli": 0.3}, 0.25, []),
        ({"extra_safe": True, "offset": 0.3, "cutoff_eli": 0.3}, 0.25, ["offset"]),
        ({"extra_safe": True, "offset": 0.4, "cutoff_eli": 0.3}, 0.25, ["offset"]),
        ({"offset": 0.4, "cutoff_eli": 0.3}, 0.25, []),
    ],
)
def test_boin(options, target, expected):
    assert problems(BOIN(**options), target) == expected


@pytest.mark.parametrize("offset", [0, -0.05, 0.5, 0.7])
def test_boin_offset_between_zero_and_one_half(offset):
    with pytest.raises(ValueError, match="offset"):
        BOIN(offset=offset)


@pytest.mark.parametrize(
    ("options", "target"),
    [
        ({"p_saf": 0.3}, 0.25),
        ({"p_saf": 0.25}, 0.25),
        ({"p_tox": 0.2}, 0.25),
        ({"p_tox": 0.25}, 0.25),
        ({}, 0.8),
    ],
)
def test_boin_has_no_boundaries_unless_its_rates_increase(options, target):
    with pytest.raises(DesignError, match="should increase between 0 and 1"):
        BOIN(**options).boundaries(target)


def test_monitoring_is_for_one_dose():
    for doses in (1, 2, 3):
        found = list(Monitoring().problems(Trial(doses=levels(doses), target=0.25, max_patients=12)))
        assert bool(found) == (doses > 1)


def test_a_rule_that_is_never_reached_is_worth_a_word():
    for design in (BOIN(stop_at=13), CRM(half_width=0.05, prior_mtd=2, stop_at=13)):
        assert list(design.cautions(trial())) == ["stop_at = 13 is never reached: the trial has at most 12 patients"]
    for stop_at in (12, 11, None):
        assert list(BOIN(stop_at=stop_at).cautions(trial())) == []


def test_titration_says_what_it_ignores():
    def cautions(cohort_size: int, start_dose: int) -> list[str]:
        shape = Trial(doses=levels(3), target=0.25, max_patients=12, cohort_size=cohort_size, start_dose=start_dose)
        assert list(BOIN().cautions(shape)) == []
        return list(BOIN(titration=True).cautions(shape))

    assert cautions(1, 1) == ["titration has no effect with cohorts of 1"]
    assert cautions(2, 1) == cautions(3, 1) == []
    assert cautions(3, 2) == ["titration starts at the lowest dose; start_dose = 2 is not used"]


@pytest.mark.parametrize(("target", "margin", "fits"), [(0.25, 0.05, True), (0.6, 0.5, False), (0.6, 0.4, False)])
def test_limit_of_a_too_toxic_dose_is_a_rate(target, margin, fits):
    design = CRM(half_width=0.05, prior_mtd=2, stop_if_too_toxic={"threshold": 0.9, "margin": margin})
    assert (problems(design, target) == []) == fits


def test_monitoring_at_its_threshold_does_not_stop():
    """P(rate > 0.3 | 2 DLTs in 3), to the last bit, as threshold; one in a million below, it stops."""
    shape = Trial(doses=levels(1), target=0.25, max_patients=3)
    reached = float(exceedance(0.3, 3)[3, 2])
    for threshold, stops in ((reached, False), (reached - 1e-6, True)):
        plan = Monitoring(limit=0.3, threshold=threshold, min_patients=3).plan(shape)
        assert (plan.codes[0, 3, 2] == ELIMINATE) == stops


def test_one_patient_is_enough_to_recommend_the_only_dose():
    outcomes = exact(Monitoring(), Trial(doses=levels(1), target=0.25, max_patients=1, cohort_size=1)).outcomes([0.0])
    assert outcomes.recommended[outcomes.probability > 0].tolist() == [0]


def test_plans_are_immutable():
    """The engines share them between threads."""
    for design in (BOIN(), CRM(half_width=0.05, prior_mtd=2)):
        with pytest.raises(FrozenInstanceError):
            design.plan(trial()).start = 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"target": 0}, "target: 0 should"),
        ({"target": -0.1}, "target: -0.1 should"),
        ({"target": 1}, "target: 1 should"),
        ({"target": 1.5}, "target: 1.5 should"),
        ({"half_width": 0}, "half_width: 0 should"),
        ({"half_width": -0.01}, "half_width: -0.01 should"),
        ({"half_width": 0.25}, "half_width: 0.25 should"),
        ({"target": 0.8, "half_width": 0.2}, "half_width: 0.2 should"),
        ({"prior_mtd": 0}, "prior_mtd: 0 should"),
        ({"prior_mtd": 4}, "prior_mtd: 4 should"),
        ({"prior_mtd": 2.0}, "prior_mtd: 2.0 should"),
        ({"doses": 3.0}, "prior_mtd: 2 should"),
        ({"model": "hyperbolic"}, "model: 'hyperbolic' should"),
    ],
)
def test_skeleton(arguments, message):
    good = {"half_width": 0.05, "target": 0.25, "prior_mtd": 2, "doses": 3}
    assert np.all(np.diff(skeleton(**good)) > 0)
    with pytest.raises(DesignError, match=f"^{message}"):
        skeleton(**good | arguments)


@pytest.mark.parametrize(
    ("options", "target", "expected"),
    [
        ({}, 0.25, []),
        ({}, 0.2, []),
        ({}, 0.19, ["intervals"]),
        ({}, 0.34, []),
        ({}, 0.35, ["intervals"]),
        ({"intervals": [0.1, 0.2]}, 0.25, ["intervals"]),
    ],
)
def test_blrm_target_lies_in_its_interval(options, target, expected):
    assert problems(BLRM(**options), target) == expected


@pytest.mark.parametrize("doses", [["low", "high"], [0, 1]])
def test_blrm_needs_positive_doses(doses):
    shape = Trial(doses=doses, target=0.25, max_patients=12)
    assert [option for option, _ in BLRM().problems(shape)] == ["kind"]
    assert list(BLRM().cautions(shape)) == []


def test_blrm_says_when_its_prior_closes_the_start_dose():
    """P(rate >= 0.35) at the reference dose: log odds normal with mean logit(0.25) and sd 2."""
    alone = Trial(doses=[800], target=0.25, max_patients=12)
    assert [caution.split()[-1] for caution in BLRM().cautions(alone)] == ["0.41"]
    assert list(BLRM(ewoc=0.41).cautions(alone)) == []
    assert list(BLRM().cautions(Trial(doses=[50, 600], target=0.25, max_patients=12))) == []


@pytest.mark.parametrize(
    "options",
    [
        {"intervals": [0.35, 0.2]},
        {"intervals": [0.2, 0.2]},
        {"intervals": [0.2]},
        {"prior_sd": [2, 2.1]},
        {"prior_sd": [0.04, 1]},
        {"prior_correlation": 0.99},
        {"reference_dose": 0},
        {"ewoc": 0},
    ],
)
def test_blrm_options(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        BLRM(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"skeletons": [[0.1, 0.2, 0.2]]}, "skeletons: number 1 should increase"),
        ({"skeletons": [[0.1, 0.2], [0.1, 0.2, 0.3]]}, "skeletons: should have equally many values"),
        ({"skeletons": [[0.1, 0.2]], "weights": [1, 1]}, "weights: 2 values for 1 skeletons"),
        ({"skeletons": []}, "skeletons"),
        ({"skeletons": [[0.1, 0.2]], "weights": [0]}, "weights"),
    ],
)
def test_bma_crm_options(options, message):
    with pytest.raises(ValueError, match=message):
        BMACRM(**options)


def test_bma_crm_fits_the_trial():
    assert problems(BMACRM(skeletons=[[0.1, 0.2]])) == ["skeletons"]
    too_high = {"threshold": 0.9, "margin": 0.75}
    assert problems(BMACRM(skeletons=[[0.1, 0.2, 0.3]], stop_if_too_toxic=too_high)) == ["stop_if_too_toxic.margin"]
