"""Decisions that are found from few cells of a table, against all cells, to the letter."""

import numpy as np
import pytest
from numpy.polynomial import chebyshev

from escalation import BMACRM, BOIN, CCD, CRM, MTPI, MTPI2, TPI, I3Plus3, Keyboard, Trial
from escalation.designs.intervals import IntervalDesign
from escalation.designs.models.logistic_posterior import integrals
from escalation.kernels.codes import ELIMINATE, SLACK, STAY
from escalation.numbers import clopper_pearson, clopper_pearson_table, exceedance, fewest_dlts
from escalation.trial.safety import SafetyRule
from tests.support import levels


def settings(design, count=25):
    """A design with random margins and cutoffs, many of them narrow or on the edge, and a trial that it fits."""
    draw = np.random.default_rng(12)
    while count:
        size = int(draw.integers(1, 240))
        target = float(draw.choice([draw.uniform(0.01, 0.99), round(draw.uniform(0.05, 0.6), 2)]))
        low, high = (float(np.exp(draw.uniform(np.log(1e-4), np.log(0.4)))) for _ in range(2))
        cutoff = float(draw.choice([0.95, 0.999999, draw.uniform(0.01, 0.999)]))
        margins = {
            TPI: {"k1": 10 * low, "k2": 10 * high},
            BOIN: {"extra_safe": True, "offset": cutoff / 2.1},
            Keyboard: {"half_width": low},
            CCD: {"half_width": low},
        }
        built = design(cutoff_eli=cutoff, **margins.get(design, {"epsilon1": low, "epsilon2": high}))
        trial = Trial(doses=levels(2), target=target, max_patients=size, cohort_size=1)
        if not list(built.problems(trial)):
            count -= 1
            yield built, trial


def by_all_cells(design, trial):
    """The table of a design, each cell by itself."""
    size = trial.max_patients + 1
    patients, dlts = (counts[1:] for counts in np.tril_indices(size))
    codes = np.full((trial.levels, size, size), STAY, np.int8)
    above, moves = exceedance(trial.target, patients, dlts, design.prior), design.moves(trial.target, patients, dlts)
    for dose in range(trial.levels):
        eliminates = (above > design._cutoff(dose) + SLACK) & (patients >= design.fewest_to_eliminate)
        codes[dose, patients, dlts] = np.where(eliminates, ELIMINATE, moves)
    return codes


@pytest.mark.parametrize("design", [BOIN, CCD, I3Plus3, Keyboard, MTPI, MTPI2, TPI])
def test_tables(design):
    for built, trial in settings(design):
        assert np.array_equal(built.plan(trial).codes, by_all_cells(built, trial)), (built, trial)


class OnceMore(Keyboard):
    """A design of somebody's own that escalates after three DLTs."""

    def moves(self, target, patients, dlts):
        return np.where(dlts == 3, 1, super().moves(target, patients, dlts))


def test_who_derives_from_an_ordered_design_may_move_otherwise():
    trial = Trial(doses=levels(2), target=0.3, max_patients=12)
    design = OnceMore(cutoff_eli=0.999)
    codes = design.plan(trial).codes
    assert np.array_equal(codes, by_all_cells(design, trial))
    assert codes[0, 3:, 3].tolist() != Keyboard(cutoff_eli=0.999).plan(trial).codes[0, 3:, 3].tolist()
    assert issubclass(Keyboard, IntervalDesign)


def test_fewest():
    """Every limit, and none."""
    patients = np.arange(40)
    for limit in range(42):
        found = fewest_dlts(lambda n, y, limit=limit: y >= limit, patients)
        assert found.tolist() == np.minimum(limit, patients + 1).tolist()


def test_monitoring():
    draw = np.random.default_rng(13)
    for size in range(1, 61):
        limit, threshold = float(draw.uniform(0.02, 0.7)), float(draw.uniform(0.3, 0.999))
        rule = SafetyRule(limit=limit, threshold=threshold, prior=tuple(np.exp(draw.uniform(-4, 2, 2)).tolist()))
        patients, dlts = np.indices((size + 1, size + 1))
        expected = (patients >= 1) & (exceedance(limit, patients, dlts, rule.prior) > threshold + SLACK)
        assert np.array_equal(rule.rejects(0.25, 3, size), expected)


def test_what_is_remembered_is_not_given_away():
    rule = SafetyRule(rule="pocock")
    rule.rejects(0.25, 3, 30)[:] = True
    assert not rule.rejects(0.25, 3, 30).all()


def test_confidence_limits_of_single_cells():
    lower, upper = clopper_pearson_table(40)
    patients = np.array([0, 1, 1, 7, 40, 40])
    dlts = np.array([0, 0, 1, 3, 0, 17])
    for found, table in zip(clopper_pearson(patients, dlts), (lower, upper), strict=True):
        assert np.array_equal(found, table[patients, dlts], equal_nan=True)


@pytest.mark.parametrize("points", [2, 3, 16, 97])
def test_integrals(points):
    """Of each polynomial by itself."""
    at = np.cos(np.pi * (np.arange(points) + 0.5) / points)
    values = np.random.default_rng(points).normal(size=(3, points))
    for row, column in zip(values, integrals(values).T, strict=True):
        series = chebyshev.chebfit(at, row, points - 1)
        assert column == pytest.approx(chebyshev.chebint(series, lbnd=-1), abs=1e-12)


@pytest.mark.parametrize(
    "design",
    [
        CRM(skeleton=(0.1, 0.25, 0.4)),
        CRM(skeleton=(0.1, 0.25, 0.4), estimate="mean"),
        CRM(skeleton=(0.1, 0.25, 0.4), prior="gamma", prior_shape=2.0),
        CRM(skeleton=(0.1, 0.25, 0.4), method="mle"),
        BMACRM(skeletons=((0.1, 0.25, 0.4), (0.2, 0.3, 0.5))),
    ],
    ids=str,
)
def test_rates_alone(design):
    """Those of the estimates, also in a trial that has more patients than planned."""
    for size in (30, 9):
        trial = Trial(doses=levels(3), target=0.25, max_patients=size)
        counts = [3, 6, 3], [0, 2, 1]
        assert design.rates(trial, *counts).tolist() == design.estimates(trial, *counts).rate.tolist()
