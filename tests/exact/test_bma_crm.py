"""Model averaging over skeletons: against the CRM, adaptive quadrature and another program's integrals."""

from itertools import pairwise

import numpy as np
import pytest
from scipy import integrate

from escalation import BMACRM, CRM, Trial, exact
from tests.naive.plans import posterior
from tests.support import levels

THREE = ((0.10, 0.21, 0.24, 0.30, 0.45), (0.15, 0.26, 0.29, 0.35, 0.50), (0.20, 0.31, 0.34, 0.40, 0.55))
# The example of the SAS macro of Lin & Yin (2015).
FOUR = (
    (0.02, 0.08, 0.12, 0.20, 0.30, 0.50),
    (0.01, 0.05, 0.14, 0.22, 0.26, 0.30),
    (0.10, 0.20, 0.30, 0.40, 0.50, 0.60),
    (0.20, 0.30, 0.40, 0.50, 0.60, 0.65),
)


def trial(doses: int, max_patients: int = 30, target: float = 0.3) -> Trial:
    return Trial(doses=levels(doses), target=target, max_patients=max_patients)


def reading(design: BMACRM, shape: Trial, n, y) -> tuple[np.ndarray, float]:
    """Posterior mean rates, and the probability that the lowest dose is above the target."""
    plan = design.plan(shape)
    weight = posterior(plan, n, y)
    return np.exp(plan.log_dlt) @ weight, float(plan.too_toxic @ weight)


@pytest.mark.parametrize("stop", [None, {"threshold": 0.8, "margin": 0.05}])
@pytest.mark.parametrize("coherent", ["off", "cohort", "dose", "recent"])
def test_one_skeleton_is_the_crm(stop, coherent):
    """With posterior mean rates: the same arrays, hence the same endings."""
    options = {"prior_sd": 1.2, "coherent": coherent, "no_skip": False, "stop_if_too_toxic": stop or False}
    averaged = BMACRM(skeletons=[THREE[0]], weights=[7], **options).plan(trial(5))
    single = CRM(skeleton=THREE[0], estimate="mean", **options | {"stop_if_too_toxic": stop}).plan(trial(5))
    for name, value in {**vars(single), **vars(single.conduct)}.items():
        if name not in ("reading", "conduct"):  # a posterior mean, as seen in the arrays; and its parts
            assert np.array_equal(getattr(averaged, name, getattr(averaged.conduct, name, None)), value), name
    assert type(averaged.reading) is type(single.reading)


def test_identical_skeletons_are_one():
    shape = trial(3, 9)
    rates = (0.1, 0.25, 0.4)
    once = exact(BMACRM(skeletons=[rates]), shape)
    twice = exact(BMACRM(skeletons=[rates, rates], weights=[1, 3]), shape)
    assert twice.outcomes([0.1, 0.3, 0.5]).probability.sum() == pytest.approx(1, abs=1e-12)
    for name in ("patients", "dlts", "recommended", "reason"):
        assert np.array_equal(getattr(once, name), getattr(twice, name))


# Base R's integrate() by tools/reference_bmacrm.R of the Python package mdanderson-stats (github.com/dx-li); target
# 0.30, equal weights, prior variance 2: posterior mean rates, and P(rate > 0.30) of the lowest dose.
RECORDED = {
    "prior": (
        [0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0],
        [0.264591002885283, 0.332527294943676, 0.350015952648517, 0.3847642839509, 0.474627694656646],
        0.371965100401623,
    ),
    "mixed": (
        [3, 6, 6, 0, 0],
        [0, 1, 2, 0, 0],
        [0.124840071877405, 0.221101008179494, 0.248162166346988, 0.303445417793017, 0.448620967739026],
        0.0364265846386074,
    ),
    "all toxic": (
        [3, 3, 0, 0, 0],
        [3, 3, 0, 0, 0],
        [0.804344132829539, 0.854772598043883, 0.865304911965081, 0.883926413842782, 0.921085591562859],
        0.998572561780451,
    ),
    "none toxic": (
        [3, 3, 3, 3, 3],
        [0, 0, 0, 0, 0],
        [0.00320473716776316, 0.0107782285337237, 0.0139764624621112, 0.0223001030587854, 0.0592572800217608],
        5.76901298215971e-06,
    ),
}


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_integrals(name):
    n, y, rates, too_toxic = RECORDED[name]
    ours = reading(BMACRM(skeletons=THREE, stop_if_too_toxic={"threshold": 0.9}), trial(5), n, y)
    assert ours[0] == pytest.approx(rates, abs=1e-9)
    assert ours[1] == pytest.approx(too_toxic, abs=1e-9)


def quadrature(skeletons, weights, prior_sd, target, n, y) -> tuple[np.ndarray, float]:
    """Each model by itself, adaptively; then averaged with its marginal likelihood."""
    evidence, rates, tails = [], [], []
    for skeleton in np.array(skeletons):

        def density(b, skeleton=skeleton):
            log = np.exp(b) * np.log(skeleton)
            return np.exp(y @ log + (n - y) @ np.log(-np.expm1(log)) - (b / prior_sd) ** 2 / 2)

        def integral(function, low=-8.0, high=8.0, density=density):
            edges = np.linspace(low, high, 33)
            return sum(
                integrate.quad(lambda b: function(b) * density(b), *ends, epsabs=0, epsrel=1e-11)[0]
                for ends in pairwise(edges)
            )

        evidence.append(integral(lambda b: 1.0))
        rates.append([integral(lambda b, rate=rate: rate ** np.exp(b)) / evidence[-1] for rate in skeleton])
        limit = np.log(np.log(target) / np.log(skeleton[0]))
        tails.append(integral(lambda b: 1.0, high=limit) / evidence[-1])
    model = np.array(weights) * evidence
    model /= model.sum()
    return model @ np.array(rates), float(model @ tails)


@pytest.mark.parametrize(
    ("n", "y"),
    [
        ([3, 3, 6, 6, 3, 0], [0, 0, 1, 2, 2, 0]),  # its data
        ([3, 3, 3, 3, 3, 3], [0, 0, 0, 0, 0, 1]),
        ([6, 0, 0, 0, 0, 0], [4, 0, 0, 0, 0, 0]),
    ],
)
def test_models_are_averaged_by_their_marginal_likelihoods(n, y):
    weights = (0.4, 0.3, 0.2, 0.1)
    n, y = np.array(n), np.array(y)
    design = BMACRM(skeletons=FOUR, weights=weights, stop_if_too_toxic={"threshold": 0.9})
    ours = reading(design, trial(6), n, y)
    rates, too_toxic = quadrature(FOUR, weights, np.sqrt(2), 0.3, n, y)
    assert ours[0] == pytest.approx(rates, abs=1e-9)
    assert ours[1] == pytest.approx(too_toxic, abs=1e-9)


def test_weights_are_relative():
    plans = [BMACRM(skeletons=FOUR, weights=weights).plan(trial(6)) for weights in ((1, 1, 2, 4), (2, 2, 4, 8))]
    assert np.array_equal(plans[0].weight, plans[1].weight)
    assert plans[0].weight.sum() == pytest.approx(1, abs=1e-12)
