"""Random truths: what each family promises."""

import numpy as np
import pytest
from scipy import special, stats

from escalation import DesignError, Trial, random_truths
from escalation.scenario.truths.random import GAP, GENERATORS, NEAR, ODDS_RATIOS
from tests.support import levels

COUNT = 20_000


def trial(doses: int, target: float = 0.25) -> Trial:
    return Trial(doses=levels(doses), target=target, max_patients=36)


def mtds(rates, target=0.25):
    return np.abs(rates - target).argmin(axis=1)


@pytest.mark.parametrize("generator", GENERATORS)
@pytest.mark.parametrize("doses", [1, 2, 4, 7])
@pytest.mark.parametrize("target", [0.1, 0.25, 0.4])
def test_rates(generator, doses, target):
    rates = random_truths(generator, trial(doses, target), count=2000, seed=7)
    assert rates.shape == (2000, doses)
    assert ((rates >= 0) & (rates <= 1)).all()
    assert (np.diff(rates, axis=1) >= 0).all()


@pytest.mark.parametrize("generator", GENERATORS)
def test_every_dose_is_the_mtd_equally_often(generator):
    """Exactly so but for the logistic curves, where it is the dose nearest to a uniform position: nearly so."""
    counts = np.bincount(mtds(random_truths(generator, trial(5), count=COUNT, seed=2)), minlength=5)
    if generator == "logistic":
        assert (abs(counts / COUNT - 0.2) < 0.03).all()
    else:
        assert stats.chisquare(counts).pvalue > 1e-4


def test_clertant_rates_below_a_bound():
    """The lower the MTD, the higher the bound; the rest follows from which dose is closest to the target."""
    rates = random_truths("clertant", trial(4), count=COUNT, seed=3)
    position = mtds(rates)
    assert rates[position == 3, 3].max() < 0.5 + 0.25
    lowest = rates[position == 0]
    assert (lowest[:, 1] >= 2 * 0.25 - lowest[:, 0] - 1e-12).all()
    assert lowest[:, 3].mean() > rates[position == 2, 3].mean()


def by_the_book(doses: int, target: float, count: int) -> np.ndarray:
    """Clertant and O'Quigley's truths, one at a time in plain Python."""
    draw = np.random.default_rng(5)
    found = []
    while len(found) < count:
        mtd = draw.integers(1, doses + 1)
        bound = target + (1 - target) * draw.beta(max(doses - mtd, 0.5), 1)
        while True:
            rates = np.sort(draw.uniform(0, bound, doses))
            if np.argmin(abs(rates - target)) == mtd - 1:
                break
        found.append(rates)
    return np.array(found)


@pytest.mark.parametrize(("doses", "target"), [(1, 0.25), (3, 0.25), (4, 0.3)])
def test_clertant_as_by_the_book(doses, target):
    """Rates drawn at once have the law of rates drawn until they fit: at each dose, and wherever the MTD is."""
    ours = random_truths("clertant", trial(doses, target), count=4000, seed=4)
    theirs = by_the_book(doses, target, 4000)
    position, other = mtds(ours, target), mtds(theirs, target)
    for dose in range(doses):
        assert stats.ks_2samp(ours[:, dose], theirs[:, dose]).pvalue > 1e-3
        for mtd in range(doses):
            assert stats.ks_2samp(ours[position == mtd, dose], theirs[other == mtd, dose]).pvalue > 1e-4


def test_clertant_takes_any_number_of_doses_and_any_target():
    """Where hardly any rates drawn at random would fit."""
    for target in (0.01, 0.1, 0.6):
        rates = random_truths("clertant", trial(50, target), count=COUNT, seed=7)
        assert ((rates >= 0) & (rates <= 1)).all()
        assert stats.chisquare(np.bincount(mtds(rates, target), minlength=50)).pvalue > 1e-4


@pytest.mark.parametrize("target", [0.1, 0.25, 0.35])
def test_paoletti_distances(target):
    rates = random_truths("paoletti", trial(5, target), count=COUNT, seed=5)
    position = mtds(rates, target)
    row = np.arange(COUNT)
    at_mtd = special.ndtri(rates[row, position]) - special.ndtri(target)
    # The dose closest to the target is the drawn one in all but a few truths with a tiny step.
    assert at_mtd.std() == pytest.approx(NEAR, rel=0.03)
    inner = (position > 0) & (position < 4)
    neighbours = [abs(rates[row[inner], position[inner] + side] - target) for side in (-1, 1)]
    assert np.mean(neighbours) == pytest.approx(GAP, abs=0.003)
    assert (rates[row[inner], position[inner] - 1] <= target + 1e-12).all()
    assert (rates[row[inner], position[inner] + 1] >= target - 1e-12).all()


def test_logistic_curves():
    """Equal odds ratios within a truth, between the limits; the position of the target half a dose beyond the doses."""
    rates = random_truths("logistic", trial(5), count=COUNT, seed=6)
    steps = np.diff(special.logit(rates), axis=1)
    assert steps == pytest.approx(np.repeat(steps[:, :1], 4, axis=1), abs=1e-9)
    ratios = np.exp(steps[:, 0])
    assert ODDS_RATIOS[0] <= ratios.min() < 1.21
    assert 5.9 < ratios.max() <= ODDS_RATIOS[1]
    position = 1 + (special.logit(0.25) - special.logit(rates[:, 0])) / steps[:, 0]
    assert stats.kstest(position, stats.uniform(0.5, 5).cdf).pvalue > 1e-4


@pytest.mark.parametrize("generator", GENERATORS)
def test_the_first_truths_do_not_depend_on_the_count(generator):
    many = random_truths(generator, trial(4), count=2500, seed=8)
    assert np.array_equal(random_truths(generator, trial(4), count=1300, seed=8), many[:1300])
    assert not np.array_equal(random_truths(generator, trial(4), count=1300, seed=9), many[:1300])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"generator": "uniform"}, "generator: 'uniform' should be one of clertant, paoletti, logistic"),
        ({"count": 0}, "count: 0 should be a whole number, at least 1"),
        ({"count": 2.0}, "count: 2.0 should be a whole number"),
        ({"seed": -1}, "seed: -1 should be a whole number, at least 0"),
        ({"seed": True}, "seed: True should be a whole number"),
    ],
)
def test_arguments_out_of_range(changed, message):
    with pytest.raises(DesignError, match=message):
        random_truths(**{"generator": "clertant", "trial": trial(3), "count": 5} | changed)
