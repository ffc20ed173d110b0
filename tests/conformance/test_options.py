"""Options at the edge of what fits a trial: on which side of it the edge itself lies."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from scipy.stats import binom

from escalation import (
    BLRM,
    BMACRM,
    BOIN,
    CCD,
    CRM,
    MTPI,
    MTPI2,
    TPI,
    APlusB,
    DesignError,
    I3Plus3,
    Keyboard,
    Monitoring,
    Trial,
    exact,
    operating_characteristics,
    simulate,
    skeleton,
)
from escalation.designs import Design
from escalation.kernels.codes import DE_ESCALATE, ELIMINATE, ESCALATE, STAY
from escalation.numbers import exceedance
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


@pytest.mark.parametrize("design", [I3Plus3, MTPI, MTPI2])
@pytest.mark.parametrize(
    ("options", "target", "expected"),
    [
        ({}, 0.06, []),
        ({}, 0.05, ["epsilon1"]),
        ({}, 0.94, []),
        ({}, 0.95, ["epsilon2"]),
        ({"epsilon1": 0.3}, 0.1 + 0.2, ["epsilon1"]),
        ({"epsilon1": 0.29}, 0.3, []),
        ({"epsilon1": 0.3, "epsilon2": 0.7}, 0.3, ["epsilon1", "epsilon2"]),
    ],
)
def test_equivalence_interval_between_zero_and_one(design, options, target, expected):
    assert problems(design(**options), target) == expected


@pytest.mark.parametrize("design", [Keyboard, CCD])
@pytest.mark.parametrize(
    ("half_width", "target", "expected"),
    [
        (0.24, 0.25, []),
        (0.25, 0.25, ["half_width"]),
        (0.25, 0.75, ["half_width"]),
        (0.24, 0.75, []),
        (0.5, 0.5, ["half_width", "half_width"]),
    ],
)
def test_half_width_between_zero_and_one(design, half_width, target, expected):
    assert problems(design(half_width=half_width), target) == expected


def test_half_width_of_the_ccd_is_recommended_for_some_targets():
    def cautions(target: float, **options: float) -> list[str]:
        return list(CCD(**options).cautions(trial(target)))

    assert cautions(0.1) == cautions(0.3) == cautions(0.5) == cautions(0.6, half_width=0.1) == []
    assert cautions(0.6) == ["half_width: 0.13 is recommended for targets from 0.1 to 0.5 only"]
    assert cautions(0.095) == ["half_width: 0.09 is recommended for targets from 0.1 to 0.5 only"]
    assert problems(CCD(), 0.09) == ["half_width"]
    assert problems(CCD(), 0.095) == []


def test_tpi_warns_of_its_prior_with_cohorts_of_one():
    def cautions(cohort_size: int, **options: float) -> list[str]:
        shape = Trial(doses=levels(3), target=0.25, max_patients=12, cohort_size=cohort_size)
        return list(TPI(**options).cautions(shape))

    assert cautions(1) == ["with cohorts of 1, a DLT in the first patient of a dose eliminates it"]
    assert cautions(2) == cautions(1, cutoff_eli=0.9999) == []


def test_an_observed_rate_at_the_end_of_an_interval():
    """In floating point 0.3 - 0.1 is below 0.2, and 0.7 + 0.1 below 0.8."""
    i3 = I3Plus3(epsilon1=0.1, epsilon2=0.1, cutoff_eli=0.999).plan(trial(0.3)).codes[0]
    assert i3[10, :6].tolist() == [ESCALATE, ESCALATE, STAY, STAY, STAY, DE_ESCALATE]
    i3 = I3Plus3(epsilon1=0.1, epsilon2=0.1, cutoff_eli=0.999).plan(trial(0.7)).codes[0]
    assert i3[10, 5:10].tolist() == [ESCALATE, STAY, STAY, STAY, DE_ESCALATE]
    ccd = CCD(half_width=0.1, cutoff_eli=0.999).plan(trial(0.3)).codes[0]
    assert ccd[10, :6].tolist() == [ESCALATE, ESCALATE, ESCALATE, STAY, DE_ESCALATE, DE_ESCALATE]


def test_a_tie_of_two_keys_goes_to_the_higher():
    """After 1 DLT in 2 the posterior is symmetric about 0.5, where the target key ends and the next begins."""
    shape = Trial(doses=levels(1), target=0.45, max_patients=2, cohort_size=2)
    for design in (Keyboard(), MTPI2()):
        assert design.plan(shape).codes[0, 2, 1] == DE_ESCALATE
    for design in (Keyboard(half_width=0.051), MTPI2(epsilon1=0.051, epsilon2=0.051)):
        assert design.plan(shape).codes[0, 2, 1] == STAY


def test_a_tie_with_the_key_below_is_a_stay():
    """As above, but the target key begins at 0.5."""
    shape = Trial(doses=levels(1), target=0.55, max_patients=2, cohort_size=2)
    for margin, expected in ((0.05, STAY), (0.049, ESCALATE)):
        for design in (Keyboard(half_width=margin), MTPI2(epsilon1=margin, epsilon2=margin)):
            assert design.plan(shape).codes[0, 2, 1] == expected


def test_interval_designs_at_their_cutoff_do_not_eliminate():
    """P(rate > 0.3 | 3 DLTs in 4), to the last bit, as cutoff; one in a million below, they eliminate."""
    reached = float(exceedance(0.3, 4, 3))
    for cutoff, eliminates in ((reached, False), (reached - 1e-6, True)):
        for design in (I3Plus3, MTPI, MTPI2, Keyboard, CCD):
            codes = design(cutoff_eli=cutoff).plan(trial(0.3)).codes
            assert (codes[0, 4, 3] == ELIMINATE) == eliminates


def test_monitoring_is_for_one_dose():
    for doses in (1, 2, 3):
        found = list(Monitoring().problems(Trial(doses=levels(doses), target=0.25, max_patients=12)))
        assert bool(found) == (doses > 1)


def test_a_rule_that_is_never_reached_is_worth_a_word():
    intervals = [design(stop_at=13) for design in (I3Plus3, TPI, MTPI, MTPI2, Keyboard, CCD)]
    for design in (BOIN(stop_at=13), CRM(half_width=0.05, prior_mtd=2, stop_at=13), *intervals):
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
    reached = float(exceedance(0.3, 3, 2))
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
            "min_patients = 13 is never reached: there are at most 12 patients"
        ]
        for fewest, looks in ((9, {9, 12}), (10, {12}), (12, {12})):
            stops = Monitoring(rule=rule, min_patients=fewest).plan(one).codes[0] == ELIMINATE
            assert set(np.flatnonzero(stops.any(axis=1))) & {3, 6, 9, 12} == looks


def test_between_looks_calibrated_rules_ask_for_the_same_evidence():
    """Pocock's is the binomial tail: where it is not above the largest that stops at a look, the dose is stopped."""
    stops = Monitoring(rule="pocock", alpha=0.2).rejects(0.25, 3, 11)
    patients, dlts = np.tril_indices(12)
    tail = binom.sf(dlts - 1, patients, 0.25)
    at_looks = np.isin(patients, (3, 6, 9, 11))
    largest = tail[at_looks & stops[patients, dlts]].max()
    assert stops[patients, dlts].tolist() == (tail <= largest).tolist()
    assert stops[patients, dlts][~at_looks].any()
    assert np.flatnonzero(Monitoring().rejects(0.25, 3, 11).any(axis=1)).tolist() == list(range(2, 12))


def test_one_patient_is_enough_to_recommend_the_only_dose():
    outcomes = exact(Monitoring(), Trial(doses=levels(1), target=0.25, max_patients=1, cohort_size=1)).outcomes([0.0])
    assert outcomes.recommended[outcomes.probability > 0].tolist() == [0]


def test_plans_are_immutable():
    """The engines share them between threads."""
    for design in (BOIN(), CRM(half_width=0.05, prior_mtd=2)):
        with pytest.raises(FrozenInstanceError):
            design.plan(trial()).conduct.start = 1


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
        ({"intercept": 3}, "intercept: only with the model 'logistic'"),
        ({"model": "logistic", "half_width": 0.2, "target": 0.76}, r"half_width: .* below 0\.9526 .* intercept of 3$"),
        ({"model": "logistic", "intercept": -1}, r"intercept: -1 should be above -0\.8473, .* half_width \(0\.3\)$"),
        ({"model": "logistic", "intercept": 10.5}, "intercept: 10.5 should be between -10 and 10"),
        ({"model": "logistic", "intercept": float("nan")}, "intercept: nan should be between"),
    ],
)
def test_skeleton(arguments, message):
    good = {"half_width": 0.05, "target": 0.25, "prior_mtd": 2, "doses": 3}
    assert np.all(np.diff(skeleton(**good)) > 0)
    with pytest.raises(DesignError, match=f"^{message}"):
        skeleton(**good | arguments)


RISING = {"skeleton": [0.1, 0.25, 0.4], "model": "logistic"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"skeleton": [0.1, 0.25, 0.4], "intercept": 3}, 'intercept: only with model = "logistic"'),
        (RISING | {"intercept": -0.41}, r"intercept: -0\.41 should be above -0\.4055, .* skeleton value \(0\.4\)"),
        (RISING | {"skeleton": [0.1, 0.25, 0.96]}, r"skeleton: should stay below 0\.9526 .* intercept of 3"),
        (RISING | {"intercept": -11}, "greater than or equal to -10"),
        (RISING | {"intercept": 10.1}, "less than or equal to 10"),
    ],
)
def test_crm_intercept(options, message):
    with pytest.raises(ValueError, match=message):
        CRM(**options)


@pytest.mark.parametrize(
    ("options", "target", "expected"),
    [
        (RISING | {"intercept": -0.4}, 0.25, None),
        (RISING | {"intercept": -0.4}, 0.4, None),
        (RISING | {"intercept": -0.4}, 0.41, "-0.4 should be above -0.3640, the log odds of the target (0.41)"),
        (RISING, 0.952, None),
        (RISING, 0.96, "3 should be above 3.1781, the log odds of the target (0.96)"),
        (
            RISING | {"intercept": 0, "stop_if_too_toxic": {"threshold": 0.9, "margin": 0.25}},
            0.25,
            "0 should be above 0.0000, the log odds of target + margin of stop_if_too_toxic (0.5)",
        ),
        (
            {"model": "logistic", "half_width": 0.05, "prior_mtd": 2, "intercept": -1},
            0.25,
            "-1 should be above -0.8473, the log odds of target + half_width (0.3)",
        ),
        ({"model": "logistic", "half_width": 0.05, "prior_mtd": 2, "intercept": -0.84}, 0.25, None),
    ],
)
def test_crm_rates_lie_below_the_intercept(options, target, expected):
    """Under another model than one that can be at the target every decision would be to escalate."""
    found = list(CRM(**options).problems(trial(target)))
    assert found == ([] if expected is None else [("intercept", expected)])


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
    assert ["probability 0.41;" in caution for caution in BLRM().cautions(alone)] == [True]
    assert list(BLRM(ewoc=0.41).cautions(alone)) == []
    assert list(BLRM().cautions(Trial(doses=[50, 600], target=0.25, max_patients=24))) == []


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


def test_cohorts_of_a_plus_b():
    """As large as a trial's, no larger than the trial; a warning for what it never treats."""
    with pytest.raises(ValueError, match="less than or equal to 100"):
        APlusB(a=101, b=1, c=1, d=1, e=1)
    small = trial(max_patients=9)
    large = APlusB(a=9, b=100, c=1, d=1, e=1)
    assert large.plan(small).conduct.sizes.max() == 9
    assert "a + b = 109 is never reached: the trial has at most 9 patients" in list(large.cautions(small))
    hundred = Trial(doses=levels(1), target=0.25, max_patients=101)
    outcomes = exact(APlusB(a=100, b=1, c=1, d=1, e=1), hundred).outcomes([0.9])
    assert outcomes.probability @ outcomes.dlts[:, 0] == pytest.approx(90)


def test_weights_of_models_may_be_huge():
    skeletons, shape = [(0.1, 0.2, 0.3), (0.2, 0.3, 0.4)], trial()
    for weights in ((1e308, 1e308), (1e-300, 1e-300)):
        plan = BMACRM(skeletons=skeletons, weights=weights).plan(shape)
        assert np.array_equal(plan.weight, BMACRM(skeletons=skeletons).plan(shape).weight)


def test_maximum_likelihood_needs_no_prior():
    design = CRM(half_width=0.05, prior_mtd=2, method="mle", prior="gamma")
    assert list(design.cautions(trial())) == ['prior is not used with method = "mle"']
    with pytest.raises(ValueError, match="prior_shape: needed"):
        CRM(half_width=0.05, prior_mtd=2, prior="gamma")


def test_restrictions_that_never_or_always_bind():
    def cautions(rule: dict, **shape) -> list[str]:
        return list(BOIN(restrict=rule).cautions(Trial(target=0.25, max_patients=12, **shape)))

    doses = {"doses": [50, 150, 300]}
    assert cautions({"rule": "max_step", "factor": 3}, **doses) == []
    assert cautions({"rule": "max_step", "factor": 2}, **doses) == [
        "rule 'max_step': no higher dose can ever follow 50",
        "no trial can give dose levels 2 and 3: after 12 patients without a DLT the limits on escalation keep it at "
        "dose level 1, and the trial has treated its 12 patients",
    ]
    assert cautions({"rule": "no_escalation", "dlts": 12}, **doses) == []
    assert cautions({"rule": "no_escalation", "dlts": 13}, **doses) == [
        "rule 'no_escalation': 13 DLTs are never reached"
    ]


def test_overdose_control_goes_before_a_rule_on_coming_down():
    """After 3 of 3 with a DLT at the highest dose the dose below is a probable overdose as well: it is passed."""
    shape = Trial(doses=[1, 2, 4, 8, 16], target=0.25, max_patients=6, start_dose=5)
    rule = {"rule": "never_skip", "when_deescalating": True}
    design = BLRM(prior_mean=(-1.1, 0.5), restrict=rule)
    assert design.interval_probabilities(shape, [0, 0, 0, 0, 3], [0, 0, 0, 0, 3])[3, 2:].sum() > 0.25
    for outcomes in (exact(design, shape), simulate(design, shape, [0.1, 0.3, 0.9, 0.95, 1.0], trials=50)):
        toxic = outcomes.dlts[:, 4] == 3
        assert toxic.any()
        assert not outcomes.patients[toxic, 3].any()


def test_coherence_counts_the_titrated_patient():
    """One DLT in the first patient of a cohort that is then filled up: a rate of 1/3, above the target."""
    shape = Trial(doses=levels(3), target=0.25, max_patients=9)
    design = CRM(skeleton=(0.01, 0.02, 0.03), titration=True)
    for outcomes in (exact(design, shape), simulate(design, shape, [0.0, 0.3, 0.3], trials=500)):
        filled_up = (outcomes.patients[:, 1] == 3) & (outcomes.dlts[:, 1] == 1) & (outcomes.patients[:, 0] == 1)
        assert not np.any(outcomes.patients[filled_up, 2])


@pytest.mark.parametrize("trials", [0, 100, 98])
def test_an_rp2d_that_is_never_declared(trials):
    """Rounding of the probabilities' sum is not taken for a declared dose."""
    shape = Trial(doses=levels(2), target=0.2, max_patients=17, cohort_size=4, expansion={"patients": 3})
    design, rates = BOIN(cutoff_eli=0.3), [1.0, 1.0]
    outcomes = simulate(design, shape, rates, trials=trials) if trials else exact(design, shape).outcomes([0.05, 0.3])
    oc = operating_characteristics(outcomes)
    if trials:
        assert oc.expansion.survival is None
        assert oc.expansion.none_declared == pytest.approx(1)
