"""The distribution of the day of a DLT."""

import numpy as np
import pytest
from scipy import integrate

from escalation import DesignError
from escalation.plans.clock import Onset

POINTS = ((5.0, 0.2), (10.0, 0.2), (20.0, 0.9), (28.0, 1.0))
ONSETS = [
    Onset("uniform", 28.0),
    Onset("weibull", 28.0, 0.7),
    Onset("loglogistic", 28.0, 0.2),
    Onset("quantiles", 28.0, None, POINTS),
]


@pytest.mark.parametrize("onset", ONSETS, ids=lambda onset: onset.kind)
def test_days_and_shares(onset):
    """The share that has shown by the day of a share is that share; all shares are within the window."""
    rates = np.array([0.0, 1e-9, 0.05, 0.3, 0.9, 0.999])[:, None]
    shares = np.array([0.01, 0.1, 0.35, 0.5, 0.77, 0.99])
    assert onset.cdf(onset.quantile(shares, rates), rates) == pytest.approx(np.tile(shares, (6, 1)), abs=1e-12)
    ends = onset.cdf([-1.0, 0.0, 28.0, 100.0], rates)
    assert (ends == [0, 0, 1, 1]).all()
    assert onset.cdf(7.0, 0.3).shape == onset.quantile(0.5, 0.3).shape == ()
    days = np.linspace(0, 28, 200)
    assert (np.diff(onset.cdf(days, rates)) >= 0).all()


def test_uniform_and_quantiles():
    assert ONSETS[0].cdf([7.0, 14.0], 0.3) == pytest.approx([0.25, 0.5])
    assert ONSETS[3].cdf([2.5, 7.0, 15.0, 24.0], 0.3) == pytest.approx([0.1, 0.2, 0.55, 0.95])
    assert ONSETS[3].quantile([0.1, 0.55], 0.3) == pytest.approx([2.5, 15.0])
    assert ONSETS[3].kinks == (5, 10, 20)


@pytest.mark.parametrize("onset", ONSETS, ids=lambda onset: onset.kind)
def test_mean_day(onset):
    """The integral over the window of the share that has not shown."""
    for rate in (1e-6, 0.05, 0.3, 0.9, 0.999):
        mean, _ = integrate.quad(
            lambda day, rate=rate: 1 - float(onset.cdf(day, rate)), 0, 28, points=[5, 10, 20], epsabs=1e-12
        )
        assert onset.mean_share([[rate]]) == pytest.approx(mean / 28, abs=2e-9)


@pytest.mark.parametrize("rate", [0.02, 0.3, 0.8])
@pytest.mark.parametrize("late", [0.1, 0.5, 0.9])
def test_time_to_toxicity(rate, late):
    """A time X with P(X <= W) the rate and P(X <= W / 2) the early part of it, given that it is within the window."""
    days, early = np.array([3.0, 14.0, 20.0]), (1 - late) * rate
    shape = np.log(np.log(1 - rate) / np.log(1 - early)) / np.log(2)
    scale = -np.log(1 - rate) / 28**shape
    weibull = Onset("weibull", 28.0, late)
    assert weibull.cdf(days, rate) == pytest.approx((1 - np.exp(-scale * days**shape)) / rate, rel=1e-12)
    odds = rate / (1 - rate)
    shape = np.log(odds / (early / (1 - early))) / np.log(2)
    scale = odds / 28**shape
    logistic = Onset("loglogistic", 28.0, late)
    assert logistic.cdf(days, rate) == pytest.approx(scale * days**shape / (1 + scale * days**shape) / rate, rel=1e-12)
    for onset in (weibull, logistic):
        assert 1 - onset.cdf(14.0, rate) == pytest.approx(late)
        tolerance = np.array([0.1, 0.6, 0.95]) * rate  # one number says whether and when
        assert onset.cdf(onset.quantile(tolerance / rate, rate), rate) * rate == pytest.approx(tolerance)


@pytest.mark.parametrize("kind", ["weibull", "loglogistic"])
def test_rates_at_the_ends(kind):
    """At a rate of 0 the limit; at 1 there is none."""
    onset = Onset(kind, 28.0, 0.7)
    assert onset.cdf([3.0, 14.0, 20.0], 0.0) == pytest.approx(onset.cdf([3.0, 14.0, 20.0], 1e-10), rel=1e-8)
    for asked in (onset.cdf, onset.quantile):
        with pytest.raises(DesignError, match=f"at a true DLT rate of 1 the day of a DLT has no {kind} distribution"):
            asked(0.5, [0.2, 1.0])
    assert onset.depends_on_rate
    assert not Onset("uniform", 28.0).depends_on_rate


@pytest.mark.parametrize("kind", ["weibull", "loglogistic"])
@pytest.mark.parametrize("late", [1e-18, 1e-9, 1 - 1e-9, 1 - 1e-16])
def test_nearly_all_early_or_late(kind, late):
    """Also where the early share is 1 to the last digit."""
    onset, rates = Onset(kind, 28.0, late), np.array([0.0, 1e-300, 1e-9, 0.3, 1 - 1e-15])
    assert onset.cdf(14.0, rates) == pytest.approx([1 - late] * 5, rel=1e-6, abs=1e-7)
    assert (onset.cdf(0.0, rates) == 0).all()
    days = onset.quantile(0.5, rates)
    assert (days[:-1] < 1e-9).all() if late < 0.5 else (days > 14).all()
