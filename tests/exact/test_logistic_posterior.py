"""The posterior of one trial's data against Gauss-Legendre quadrature that knows nothing of it."""

import numpy as np
import pytest
from scipy import special

from escalation import BLRM, Trial
from escalation.designs.models.logistic_grid import BivariateNormal
from escalation.designs.models.logistic_posterior import LogisticPosterior
from escalation.plans.curves import LaterPlan
from tests.exact.test_logistic_grid import LIMITS, LUCAR, WEAK, Exact, data_sets, posteriors_of

SIX = np.log(np.array([1, 2, 4, 7, 10, 14]) / 14)


def above(posterior, limits, doses):
    """P(rate > limit), float64[L, D]."""
    pairs = np.repeat(limits, doses), np.tile(np.arange(doses), len(limits))
    return posterior.above(*pairs).reshape(len(limits), doses)


@pytest.mark.parametrize(
    ("doses", "prior", "limits", "patients"),
    [
        pytest.param(LUCAR, WEAK, LIMITS, 36, id="four doses"),
        pytest.param(SIX, WEAK, (0.02, 0.7), 60, id="six doses, limits far out"),
        pytest.param(np.zeros(1), WEAK, LIMITS, 20, id="one dose"),
        pytest.param(LUCAR - LUCAR[1], BivariateNormal((-2, 0), (2, 1), 0.3), (0.05, 0.15), 36, id="reference between"),
        pytest.param(LUCAR, BivariateNormal((-1.1, 0), (2, 1), 0.9), LIMITS, 36, id="positive correlation"),
        pytest.param(LUCAR, BivariateNormal((-1.1, 0), (2, 1), -0.9), LIMITS, 36, id="negative correlation"),
        pytest.param(LUCAR, BivariateNormal((-1.1, 0), (0.1, 0.1), 0.0), LIMITS, 36, id="strong prior"),
        pytest.param(LUCAR, BivariateNormal((-1.1, 0), (5, 2), 0.0), LIMITS, 36, id="vague prior"),
        pytest.param(np.array([-6.9, -4.6, 0]), WEAK, LIMITS, 36, id="doses far apart"),
        pytest.param(np.array([-0.19, -0.1, 0]), WEAK, LIMITS, 36, id="doses close together"),
    ],
)
def test_probabilities_of_exceeding_a_limit(doses, prior, limits, patients):
    quadrature = Exact(doses, prior, limits)
    data = list(data_sets(len(doses), patients, 12))
    for (n, y), expected in zip(data, quadrature.of_each(data), strict=True):
        found = above(LogisticPosterior(doses, prior, n, y), limits, len(doses))
        assert found == pytest.approx(expected, abs=1e-8), (n, y)


def test_posterior_means():
    """Against the same nodes, whose panels are fine enough for smooth functions anyway."""
    quadrature = Exact(LUCAR, WEAK, LIMITS)
    data, rates = list(data_sets(4, 36, 12)), np.exp(quadrature.logs[0]).T
    means = [weight @ rates for weight in posteriors_of(*quadrature.logs, quadrature.nodes.log_weight, data)]
    for (n, y), expected in zip(data, np.concatenate(means), strict=True):
        assert LogisticPosterior(LUCAR, WEAK, n, y).rates() == pytest.approx(expected, abs=1e-8), (n, y)


def test_credible_limits():
    """The quadrature finds the shares of the posterior below them."""
    trial = Trial(doses=[50, 150, 300, 600], target=0.25, max_patients=36)
    design = BLRM(prior_mean=(-1.1, 0))
    for n, y in (([3, 3, 0, 0], [0, 1, 0, 0]), ([3, 9, 6, 0], [0, 1, 2, 0])):
        found = design.estimates(trial, n, y)
        for dose in range(4):
            exact = Exact(LUCAR, WEAK, (found.lower[dose], found.upper[dose]))(np.array(n), np.array(y))
            assert exact[:, dose] == pytest.approx([0.975, 0.025], abs=1e-6)


def test_credible_limits_far_from_the_data():
    """All patients at the reference dose: the log odds there, and the slope under its prior, are independent."""
    found = BLRM(prior_mean=(-1.1, 0)).estimates(
        Trial(doses=[50, 150, 300, 600], target=0.25, max_patients=36), [0, 0, 0, 36], [0, 0, 0, 18]
    )
    a = np.linspace(-8, 8, 40001)
    log = -(((a + 1.1) / 2) ** 2) / 2 + 18 * a - 36 * np.logaddexp(0, a)
    weight = np.exp(log - log.max())
    for dose in range(3):
        for limit, share in ((found.lower[dose], 0.025), (found.upper[dose], 0.975)):
            ratio = (a - special.logit(limit)) / -LUCAR[dose]  # the rate is lower where the slope is larger than this
            below = np.where(ratio > 0, special.ndtr(-np.log(np.maximum(ratio, 1e-300))), 1.0)
            assert below @ weight / weight.sum() == pytest.approx(share, abs=1e-8)


@pytest.mark.parametrize("options", [{}, {"choose": "highest", "ewoc": 0.5}], ids=["most probable", "highest"])
def test_a_large_trial_decides_as_its_curves_do(options):
    """Curves are made when an engine asks; one trial is judged without them."""
    design = BLRM(**options)
    plan = design.plan(Trial(doses=[12.5, 25, 50, 100, 150, 200, 250, 375, 500], target=0.25, max_patients=60))
    assert isinstance(plan, LaterPlan)
    curves = plan.whole
    draw = np.random.default_rng(3)
    for _ in range(40):
        n = 3 * draw.multinomial(draw.integers(1, 21), draw.dirichlet(np.ones(9)))
        y = draw.binomial(n, np.sort(draw.beta(1, 3, 9)))
        one, many = (which.judge(tuple(n.tolist()), tuple(y.tolist())) for which in (plan, curves))
        assert one.choice == many.choice
        if "choose" in options:
            assert one.choice == one.highest_open
        assert one.means == pytest.approx(many.means, abs=1e-8)
        assert one.overdose == pytest.approx(many.overdose, abs=1e-8)
