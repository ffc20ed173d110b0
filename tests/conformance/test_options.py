"""Options at the edge of what fits a trial: on which side of it the edge itself lies."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from escalation import BOIN, CRM, DesignError, Monitoring, Trial, exact, skeleton
from escalation.counts import exceedance
from escalation.designs import Design
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


@pytest.mark.parametrize(
    ("options", "problems"),
    [
        ({"alpha": 0.1}, ['alpha: not an option of rule = "bayes"']),
        ({"rule": "pocock", "delta": 0.5}, ['delta: not an option of rule = "pocock"']),
        ({"rule": "obrien-fleming", "delta": 0.0}, ['delta: not an option of rule = "obrien-fleming"']),
        ({"rule": "wang-tsiatis"}, ['delta: needed by rule = "wang-tsiatis"']),
        ({"rule": "sprt", "delta": 0.1},
         ['delta: not an option of rule = "sprt"', 'p1: needed by rule = "sprt"']),
        ({"rule": "beta-binomial", "p1": 0.4}, ['p1: not an option of rule = "beta-binomial"']),
        ({"rule": "wang-tsiatis", "delta": -0.01}, ["greater than or equal to 0"]),
        ({"rule": "wang-tsiatis", "delta": 0.51}, ["less than or equal to 0.5"]),
        ({"rule": "Pocock"}, ["'bayes', 'pocock', 'obrien-fleming', 'wang-tsiatis', 'sprt' or 'beta-binomial'"]),
    ],
)  # fmt: skip
def test_options_belong_to_rules(options, problems):
    with pytest.raises(ValueError, match="validation error") as raised:
        Monitoring(**options)
    for problem in problems:
        assert problem in str(raised.value)


@pytest.mark.parametrize(("p1", "fits"), [(0.26, True), (0.25, False), (0.2, False)])
def test_rate_that_is_too_high_is_above_the_limit(p1, fits):
    one = Trial(doses=levels(1), target=0.25, max_patients=12)
    design = Monitoring(rule="sprt", p1=p1)
    assert [option for option, _ in design.problems(one)] == ([] if fits else ["p1"])
    assert list(Monitoring(rule="sprt", p1=p1, limit=0.1).problems(one)) == []
    assert list(design.cautions(one)) == []


def test_monitoring_says_what_it_does_not_use():
    one = Trial(doses=levels(1), target=0.25, max_patients=12)
    given = {"threshold": 0.9, "prior": (0.5, 0.5)}
    assert list(Monitoring(**given).cautions(one)) == []
    assert list(Monitoring(rule="beta-binomial", **given).cautions(one)) == [
        'threshold is not used by rule = "beta-binomial"'
    ]
    assert list(Monitoring(rule="pocock", **given).cautions(one)) == [
        'threshold is not used by rule = "pocock"',
        'prior is not used by rule = "pocock"',
    ]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        # All of 3 patients with a DLT: P(rate > 0.25) = 1 - 0.25^4, and probability 0.25^3.
        ({"threshold": 0.995}, None),
        ({"threshold": 0.997}, "threshold = 0.997"),
        ({"rule": "pocock", "alpha": 0.016}, None),
        ({"rule": "pocock", "alpha": 0.015}, "alpha = 0.015"),
        ({"rule": "sprt", "p1": 0.5, "alpha": 0.015}, "alpha = 0.015"),
    ],
)
def test_a_dose_that_is_never_stopped_is_worth_a_word(options, reason):
    one = Trial(doses=levels(1), target=0.25, max_patients=3)
    expected = [] if reason is None else [
        f"the dose is never stopped, whatever the DLTs: {reason} cannot be met in cohorts of 3 and at most 3 patients"
    ]  # fmt: skip
    assert list(Monitoring(**options).cautions(one)) == expected
    assert Monitoring(**options).crossing_probability(one, 1.0) == (1 if reason is None else 0)


def test_no_look_before_enough_patients():
    one = Trial(doses=levels(1), target=0.25, max_patients=12)
    for rule in ("bayes", "pocock"):
        assert list(Monitoring(rule=rule, min_patients=13).cautions(one)) == [
            "min_patients = 13 is never reached: the trial has at most 12 patients"
        ]
        for fewest, looks in ((9, {9, 12}), (10, {12}), (12, {12})):
            stops = Monitoring(rule=rule, min_patients=fewest).plan(one).codes[0] == ELIMINATE
            assert set(np.flatnonzero(stops.any(axis=1))) & {3, 6, 9, 12} == looks


def test_between_looks_calibrated_rules_do_nothing():
    stops = Monitoring(rule="pocock", alpha=0.2).rejects(0.25, 3, 11)
    assert np.flatnonzero(stops.any(axis=1)).tolist() == [3, 6, 9, 11]
    assert np.flatnonzero(Monitoring().rejects(0.25, 3, 11).any(axis=1)).tolist() == list(range(2, 12))


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
