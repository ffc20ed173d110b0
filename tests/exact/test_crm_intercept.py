"""The logistic CRM with other intercepts than 3, against quadrature and root finding with formulas of their own."""

from itertools import pairwise
from math import exp, log

import numpy as np
import pytest
from scipy import optimize

from escalation import CRM, InterimData, Trial, next_dose, skeleton
from tests.naive.rules.crm import Evidence, log_rates, mean_parameter, mean_rate, nearest_rising, plugin_rates
from tests.support import levels

SKELETON = (0.05, 0.12, 0.25, 0.4)
INTERCEPTS = [-0.4, 0.0, 1.0, 2.5, 5.0, 10.0]
TRIAL = Trial(doses=levels(4), target=0.25, max_patients=36)
DATA = [
    ([3, 0, 0, 0], [0, 0, 0, 0]),
    ([3, 3, 0, 0], [0, 2, 0, 0]),
    ([6, 0, 0, 0], [6, 0, 0, 0]),
    ([3, 3, 6, 3], [0, 0, 2, 1]),
    ([3, 6, 12, 15], [0, 1, 3, 9]),
    ([3, 3, 3, 27], [0, 0, 0, 0]),
]


def p(intercept: float, rate: float, b: float) -> float:
    return exp(log_rates("logistic", rate, b, intercept)[0])


@pytest.mark.parametrize("intercept", INTERCEPTS)
@pytest.mark.parametrize("prior_mtd", [1, 3])
def test_skeleton(intercept, prior_mtd):
    """Where a dose is at target - half_width, the next is at target + half_width."""
    found = skeleton(
        half_width=0.04, target=0.25, prior_mtd=prior_mtd, doses=4, model="logistic", intercept=intercept
    ).tolist()
    assert found[prior_mtd - 1] == pytest.approx(0.25, abs=1e-14)
    for low, high in pairwise(found):
        b = optimize.brentq(lambda b, low=low: p(intercept, low, b) - 0.21, -5, 5, xtol=1e-14)
        assert p(intercept, high, b) == pytest.approx(0.29, abs=1e-12)


@pytest.mark.parametrize("estimate", ["plugin", "mean"])
@pytest.mark.parametrize("intercept", INTERCEPTS)
def test_posterior(intercept, estimate):
    """Fitted rates as by adaptive quadrature, and the dose whose rate is closest to the target."""
    design = CRM(
        model="logistic", skeleton=SKELETON, intercept=intercept, estimate=estimate, no_skip=False, coherent="off"
    )
    plan = design.plan(TRIAL)
    for patients, dlts in DATA:
        evidence = Evidence("logistic", SKELETON, design.prior_sd, tuple(patients), tuple(dlts), intercept)
        fitted = list(plugin_rates(evidence)) if estimate == "plugin" else [mean_rate(evidence, d) for d in range(1, 5)]
        assert design.estimates(TRIAL, patients, dlts).rate == pytest.approx(fitted, abs=1e-9)
        assert plan.judge(tuple(patients), tuple(dlts)).choice == nearest_rising(fitted, 0.25) - 1


def test_next_shows_the_rate_under_the_intercept():
    """The same data, and three answers to what the rate at the third dose is."""
    data = InterimData.from_counts([3, 3, 6, 0], [0, 1, 1, 0], 4, dose=3, last_cohort=(3, 0))
    found = {}
    for intercept in (-0.4, 3.0, 10.0):
        evidence = Evidence("logistic", SKELETON, 1.34**0.5, data.patients, data.dlts, intercept)
        design = CRM(model="logistic", skeleton=SKELETON, intercept=intercept)
        found[intercept] = next_dose(design, TRIAL, data).estimates[2].estimate
        assert found[intercept] == pytest.approx(p(intercept, 0.25, mean_parameter(evidence)), abs=1e-9)
    assert len({round(rate, 3) for rate in found.values()}) == 3


def test_three_is_the_default():
    explicit, default = (CRM(model="logistic", skeleton=SKELETON, **given) for given in ({"intercept": 3}, {}))
    for patients, dlts in DATA:
        rates = [design.estimates(TRIAL, patients, dlts).rate.tolist() for design in (explicit, default)]
        assert rates[0] == rates[1]


@pytest.mark.parametrize("intercept", INTERCEPTS)
def test_maximum_likelihood(intercept):
    """The curve at the root of a difference quotient of the log likelihood, and the dose closest to the target."""
    design = CRM(model="logistic", skeleton=SKELETON, intercept=intercept, method="mle", no_skip=False, coherent="off")
    plan = design.plan(TRIAL)
    for patients, dlts in DATA:
        if sum(dlts) in (0, sum(patients)):
            continue

        def log_likelihood(b, patients=patients, dlts=dlts):
            logs = (log_rates("logistic", rate, b, intercept) for rate in SKELETON)
            return sum(y * dlt + (n - y) * none for n, y, (dlt, none) in zip(patients, dlts, logs, strict=True))

        def slope(b, log_likelihood=log_likelihood):
            return log_likelihood(b + 1e-4) - log_likelihood(b - 1e-4)

        at = np.linspace(-8, 4, 241)
        rising = [slope(b) > 0 for b in at]
        b = optimize.brentq(slope, at[rising.index(False) - 1], at[rising.index(False)], xtol=1e-12)
        fitted = [p(intercept, rate, b) for rate in SKELETON]
        assert design.estimates(TRIAL, patients, dlts).rate == pytest.approx(fitted, abs=1e-6)
        assert plan.judge(tuple(patients), tuple(dlts)).choice == nearest_rising(fitted, 0.25) - 1


def test_highest_rate():
    """No curve of the model is above the inverse logit of its intercept; the likelihood's upper limit may be at it."""
    design = CRM(model="logistic", skeleton=SKELETON, intercept=log(0.45 / 0.55), method="mle")
    found = design.estimates(TRIAL, [3, 0, 0, 0], [3, 0, 0, 0])
    assert found.rate == pytest.approx([0.45] * 4, abs=1e-12)
    assert found.upper == pytest.approx([0.45] * 4, abs=1e-12)
