"""Options at the edge of what fits a trial: on which side of it the edge itself lies."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

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
from escalation.counts import exceedance
from escalation.designs import Design
from escalation.kernels.codes import DE_ESCALATE, ELIMINATE, ESCALATE, STAY
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
    reached = float(exceedance(0.3, 4)[4, 3])
    for cutoff, eliminates in ((reached, False), (reached - 1e-6, True)):
        for design in (I3Plus3, MTPI, MTPI2, Keyboard, CCD):
            codes = design(cutoff_eli=cutoff).plan(trial(0.3)).codes
            assert (codes[0, 4, 3] == ELIMINATE) == eliminates


def test_monitoring_is_for_one_dose():
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
