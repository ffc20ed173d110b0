"""Simulated trials: reproducible to the bit, whatever the number of threads or of trials."""

import numpy as np
import pytest

from escalation import BOIN, CRM, DesignError, Expansion, ThreePlusThree, Trial, agreement, exact, simulate
from escalation.engines.patients import PARTS, tolerances
from tests.support import levels

TRIAL = Trial(doses=levels(4), target=0.25, max_patients=36)
RATES = [0.05, 0.12, 0.25, 0.40]
DESIGNS = [BOIN(), CRM(half_width=0.06, prior_mtd=3), ThreePlusThree()]
FIELDS = ("patients", "dlts", "recommended", "reason")


def same(left, right, count=None):
    return all(np.array_equal(getattr(left, part)[:count], getattr(right, part)[:count]) for part in FIELDS)


@pytest.mark.parametrize("design", DESIGNS, ids=lambda design: design.kind)
def test_same_bits_on_any_number_of_threads(design):
    one = simulate(design, TRIAL, RATES, trials=10_000, seed=4, threads=1)
    assert same(one, simulate(design, TRIAL, RATES, trials=10_000, seed=4, threads=2))
    assert same(one, simulate(design, TRIAL, RATES, trials=10_000, seed=4))
    assert not same(one, simulate(design, TRIAL, RATES, trials=10_000, seed=5))


@pytest.mark.parametrize("design", DESIGNS, ids=lambda design: design.kind)
def test_first_trials_are_the_same_whatever_their_number(design):
    many = simulate(design, TRIAL, RATES, trials=10_000, seed=4)
    assert same(many, simulate(design, TRIAL, RATES, trials=1000, seed=4), 1000)
    assert same(many, simulate(design, TRIAL, RATES, trials=1234, seed=4), 1234)


def test_designs_and_truths_share_their_patients():
    """At a dose with the same rate the first cohort has the same DLTs; a safer truth never has more."""
    first = [simulate(design, Trial(doses=[1], target=0.25, max_patients=3), [0.3]) for design in (BOIN(), DESIGNS[2])]
    assert np.array_equal(first[0].dlts, first[1].dlts)
    safer = simulate(BOIN(), Trial(doses=[1], target=0.25, max_patients=3), [0.2])
    assert np.all(safer.dlts <= first[0].dlts)


def test_patients_of_a_seed():
    """Pinned: the patients of a seed are part of what it means, from one version to the next."""
    drawn = tolerances(20260901, 0, 3)
    assert (drawn[0] / PARTS).round(6).tolist() == [0.007315, 0.308528, 0.590293]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"trials": 0}, "trials: 0"),
        ({"seed": -1}, "seed: -1"),
        ({"threads": 0}, "threads: 0"),
        ({"seed": None}, "seed: None"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(DesignError, match=message):
        simulate(BOIN(), TRIAL, RATES, **arguments)


@pytest.mark.parametrize(
    "design", [BOIN(), ThreePlusThree(), CRM(half_width=0.05, prior_mtd=1)], ids=lambda one: one.kind
)
@pytest.mark.parametrize("outcomes", ["1NNN 2NNNN", "1NNN 1NNNN", "1NNN 2NNNNN 3NNNNNN"])
def test_an_expansion_after_more_patients_than_planned(design, outcomes):
    """Dose escalation has had more patients than it may have; the expansion still has all of its own."""
    trial = Trial(doses=[1, 2, 3], target=0.25, max_patients=6, expansion=Expansion(patients=3))
    rates = [0.1, 0.2, 0.3]
    expected = exact(design, trial, after=outcomes).outcomes(rates)
    assert expected.probability.sum() == pytest.approx(1, abs=1e-12)
    given = sum(letter in "NT" for letter in outcomes)
    assert set(expected.patients[expected.recommended >= 0].sum(axis=1)) <= {given + 3}
    assert expected.patients.sum(axis=1).min() >= given
    simulated = simulate(design, trial, rates, trials=2000, seed=1, after=outcomes)
    assert agreement(expected, simulated, [3]).agrees
