"""The exact engine's limits and its arguments."""

import numpy as np
import pytest

from escalation import BOIN, CRM, DesignError, StateSpaceError, Trial, exact, operating_characteristics
from escalation.engines import exact as enumeration
from tests.support import levels

LUCAR = Trial(doses=[50, 150, 300, 600], target=0.25, max_patients=36)


def test_refuses_when_there_may_be_too_many_states():
    """Under a table plan the bound says how many there may be."""
    with pytest.raises(StateSpaceError) as refusal:
        exact(BOIN(), LUCAR, max_states=30_000)
    assert str(refusal.value) == (
        "up to 36,412 states (3.2 MB), where at most 30,000 (2.6 MB) are allowed; larger cohorts, fewer patients or "
        "fewer doses need fewer, a higher --max-states (in Python max_states) allows more"
    )
    assert exact(BOIN(), LUCAR, max_states=34_334).states == 34_334, "the bound is not asked"


def test_bound_is_asked_after_the_first_states(monkeypatch):
    """Then it is what refuses, whether or not there would be too many."""
    monkeypatch.setattr(enumeration, "UNCHECKED", 5000)
    assert exact(BOIN(), LUCAR, max_states=36_412).states == 34_334
    with pytest.raises(StateSpaceError, match="up to 36,412 states"):
        exact(BOIN(), LUCAR, max_states=36_411)


def test_refuses_when_there_are_too_many_states():
    """A curve plan has no useful bound: it stops on the way."""
    design = CRM(half_width=0.06, prior_mtd=3)
    states = exact(design, LUCAR).states
    assert exact(design, LUCAR, max_states=states).states == states
    with pytest.raises(StateSpaceError, match=r"^more than [\d,]+ states after 36 of 36 patients, where at most "):
        exact(design, LUCAR, max_states=states - 1)
    with pytest.raises(StateSpaceError, match=r"^more than 1 states after 3 of 36 patients"):
        exact(design, LUCAR, max_states=1)


@pytest.mark.parametrize("design", [BOIN(), CRM(half_width=0.06, prior_mtd=3)])
@pytest.mark.parametrize("max_states", [0, -1, 10.5, "7", True])
def test_limits_that_allow_nothing(design, max_states):
    with pytest.raises(DesignError, match=f"max_states: {max_states!r} should be a whole number, at least 1"):
        exact(design, LUCAR, max_states=max_states)


def test_refuses_a_large_trial_soon():
    """Hours of work and terabytes: said after five million states, from the first patients alone."""
    with pytest.raises(StateSpaceError, match=r"^up to 84,513,545,068 states \(.* GB\) in the first 96 patients, "):
        exact(BOIN(), Trial(doses=levels(10), target=0.25, max_patients=120))


def test_refuses_a_likelihood_table_that_would_not_fit():
    trial = Trial(doses=levels(50), target=0.25, max_patients=900, cohort_size=90)
    with pytest.raises(StateSpaceError, match="GB"):
        exact(CRM(half_width=0.05, prior_mtd=1), trial)


@pytest.mark.parametrize(
    ("rates", "message"),
    [
        ([0.1, 0.2], "2 values for 4 dose levels"),
        (["0.1", "0.2", "0.3", "0.4"], "should be numbers"),
        ([0.1, 0.2, 0.3, 1.2], "between 0 and 1"),
        ([0.1, 0.2, 0.3, -0.1], "between 0 and 1"),
        ([0.1, 0.2, 0.3, float("nan")], "between 0 and 1"),
    ],
)
def test_bad_rates(rates, message):
    endings = exact(BOIN(), LUCAR)
    with pytest.raises(DesignError, match=message):
        endings.outcomes(rates)


def test_design_that_does_not_fit_the_trial():
    with pytest.raises(DesignError, match="crm: skeleton: 2 values for 4 dose levels"):
        exact(CRM(skeleton=(0.1, 0.2)), LUCAR)
    with pytest.raises(DesignError, match="p_saf"):
        exact(BOIN(p_saf=0.25), LUCAR)


def test_total_number_of_sequences_when_no_trial_stops_early():
    """Under rates of one half every sequence of 36 patients is equally likely."""
    endings = exact(CRM(half_width=0.06, prior_mtd=3), LUCAR)
    assert endings.sequences.sum() == pytest.approx(2.0**36, rel=1e-14)


def test_doses_of_a_large_trial():
    """300 patients at one dose: far beyond what 16-bit numbers of cells could hold."""
    trial = Trial(doses=levels(1), target=0.25, max_patients=300, cohort_size=5)
    endings = exact(BOIN(), trial)
    assert endings.outcomes([0.2]).probability.sum() == pytest.approx(1, abs=1e-12)


def test_extreme_rates_give_no_nan():
    endings = exact(BOIN(), LUCAR)
    for rates in ([0, 0, 0, 0], [0, 0, 0, 1], [0, 1, 1, 1], [1, 1, 1, 1]):
        outcomes = endings.outcomes(rates)
        assert np.isfinite(outcomes.probability).all()
        operating_characteristics(outcomes)
