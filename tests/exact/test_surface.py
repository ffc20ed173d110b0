"""PCS over a family of truths: equal to the operating characteristics at any of its points."""

import numpy as np
import pytest
from scipy.special import logit

from escalation import BOIN, CRM, DesignError, Keyboard, StateSpaceError, ThreePlusThree, Trial, pcs_surface
from escalation.trial.rates import correct_doses
from tests.support import Steps, exact_characteristics, levels

FOUR = Trial(doses=[50, 150, 300, 600], target=0.25, max_patients=18)
EXPANDED = {"patients": 6, "monitoring": {"threshold": 0.8}}
CASES = [
    (BOIN(), FOUR),
    (CRM(half_width=0.06, prior_mtd=2, stop_if_too_toxic={"threshold": 0.9}), FOUR),
    (BOIN(titration=True), FOUR),
    (ThreePlusThree(expansion=EXPANDED), Trial(doses=levels(3), target=0.3, max_patients=12)),
    (Keyboard(), Trial(doses=levels(2), target=0.5, max_patients=9)),
    (BOIN(), Trial(doses=[800], target=0.25, max_patients=20)),
    (ThreePlusThree(expansion=EXPANDED), Trial(doses=["text"], target=0.8, max_patients=6)),
]


@pytest.mark.parametrize(("design", "trial"), CASES)
def test_every_point_is_the_pcs_of_its_truth(design, trial):
    surface = pcs_surface(design, trial, points=(11, 5))
    rows, columns = surface.pcs.shape
    random = np.random.default_rng(5)
    for row, column in zip(random.integers(rows, size=12), random.integers(columns, size=12), strict=True):
        rates = surface.rates[row, column]
        assert surface.pcs[row, column] == pytest.approx(exact_characteristics(design, trial, rates).pcs, abs=1e-12)
        assert tuple(np.flatnonzero(surface.correct[row, column]) + 1) == correct_doses(rates, trial.target)
    assert not surface.correct.any(axis=2).all() or trial.target == 0.8, "somewhere every dose is too toxic"


def test_the_family_is_logistic_in_the_dose_level():
    surface = pcs_surface(BOIN(), FOUR, points=(9, 4))
    assert surface.positions.tolist() == np.linspace(0.5, 4.5, 9).tolist()
    assert surface.odds_ratios[[0, -1]] == pytest.approx([1.2, 6])
    assert np.ptp(np.diff(np.log(surface.odds_ratios))) < 1e-12
    rises = np.diff(logit(surface.rates), axis=2)
    assert rises == pytest.approx(np.broadcast_to(np.log(surface.odds_ratios)[:, None, None], rises.shape))
    for column, position in enumerate(surface.positions):
        if position == int(position):
            assert surface.rates[:, column, int(position) - 1] == pytest.approx(0.25)
            assert surface.correct[:, column, int(position) - 1].all()


def test_a_single_dose_has_its_rate():
    surface = pcs_surface(BOIN(), Trial(doses=[800], target=0.25, max_patients=20), points=(13, 2))
    assert surface.positions is None
    assert surface.odds_ratios is None
    assert surface.rates.shape == (1, 13, 1)
    assert surface.rates[0, :, 0] == pytest.approx(np.linspace(0, 0.6, 13))
    assert surface.correct[0, :, 0].tolist() == (surface.rates[0, :, 0] <= 0.35 + 1e-9).tolist()
    assert surface.pcs[0, 0] == 1


def test_trial_is_the_one_that_is_run():
    design = ThreePlusThree(expansion=EXPANDED)
    assert pcs_surface(design, FOUR, points=(2, 2)).trial == design.applied_to(FOUR)


def test_progress():
    steps = Steps()
    pcs_surface(BOIN(), FOUR, points=(2, 3), progress=steps)
    assert (steps.asked, steps.done) == ([(3, "rows of points")], 3)


@pytest.mark.parametrize("points", [(1, 5), (5, 1), (5.0, 5), (5,), (5, 5, 5)])
def test_bad_points(points):
    with pytest.raises(DesignError, match="two whole numbers of at least 2"):
        pcs_surface(BOIN(), FOUR, points=points)


def test_refusal():
    with pytest.raises(StateSpaceError):
        pcs_surface(BOIN(), FOUR, max_states=10)
