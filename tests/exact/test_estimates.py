"""Posterior limits and probabilities of a running trial against adaptive quadrature and closed forms."""

import numpy as np
import pytest
from scipy import integrate, stats

from escalation import BLRM, BMACRM, BOIN, CRM, InterimData, Monitoring, ThreePlusThree, Trial, next_dose
from escalation.designs import ModelDesign

TRIAL = Trial(doses=[50, 150, 300, 600], target=0.25, max_patients=36)
SKELETON = np.array([0.06, 0.14, 0.25, 0.38])
DATA = ("", "1NNN 2NTT", "1NNN 2NNN 3NNN 4NNN 4NNN", "1TTT 1TTT", "1NNN 2NNT 3NNT 4NTT 3NNN")


def data_of(outcomes: str) -> InterimData:
    return InterimData.from_outcomes(outcomes, TRIAL.levels)


def power_posterior(outcomes: str, skeleton, sd):
    """Unnormalised posterior density of b under the power model."""
    data = data_of(outcomes)
    n, y = np.array(data.patients), np.array(data.dlts)

    def density(b: float) -> float:
        p = skeleton ** np.exp(b)
        return float(np.exp(-(b**2) / (2 * sd**2)) * np.prod(p**y * (1 - p) ** (n - y)))

    return density


def area(density, low: float, high: float) -> float:
    edges = np.linspace(low, high, 41)
    return sum(integrate.quad(density, a, b, epsabs=1e-16, epsrel=1e-12)[0] for a, b in zip(edges, edges[1:]))  # noqa: B905, RUF007


@pytest.mark.parametrize("outcomes", DATA)
def test_crm(outcomes):
    design = CRM(skeleton=SKELETON.tolist(), prior_sd=1.2)
    density = power_posterior(outcomes, SKELETON, 1.2)
    whole = area(density, -12, 12)
    for dose, found in enumerate(next_dose(design, TRIAL, outcomes).estimates):

        def below(rate: float, dose: int = dose) -> float:
            b = np.log(np.log(rate) / np.log(SKELETON[dose]))
            return area(density, b, 12) / whole

        assert below(found.lower) == pytest.approx(0.025, abs=1e-7)
        assert below(found.upper) == pytest.approx(0.975, abs=1e-7)
        assert 1 - below(0.25) == pytest.approx(found.above_target, abs=1e-9)


@pytest.mark.parametrize("outcomes", DATA)
def test_bma_crm(outcomes):
    skeletons = [SKELETON, np.array([0.2, 0.3, 0.4, 0.5])]
    densities = [power_posterior(outcomes, skeleton, 1.0) for skeleton in skeletons]
    areas = [area(density, -10, 10) for density in densities]
    design = BMACRM(skeletons=[skeleton.tolist() for skeleton in skeletons], prior_sd=1.0)
    for dose, found in enumerate(next_dose(design, TRIAL, outcomes).estimates):
        above = 0.0
        for skeleton, density in zip(skeletons, densities, strict=True):
            b = np.log(np.log(0.25) / np.log(skeleton[dose]))
            above += area(density, -10, b) / sum(areas)
        assert found.above_target == pytest.approx(above, abs=1e-9)
        assert 0 <= found.lower < found.estimate < found.upper <= 1


@pytest.mark.parametrize("outcomes", DATA[1:3])
def test_blrm(outcomes):
    """Limits against a two-dimensional sum over a fine grid."""
    data = data_of(outcomes)
    n, y, x = np.array(data.patients), np.array(data.dlts), np.log(np.array(TRIAL.doses) / 600)
    a = np.linspace(-12, 8, 1501)[:, None, None]
    c = np.linspace(-5, 3.5, 851)[None, :, None]
    p = 1 / (1 + np.exp(-(a + np.exp(c) * x)))
    log = -((a[..., 0] - np.log(1 / 3)) ** 2) / 8 - c[..., 0] ** 2 / 2
    log = log + (y * np.log(p) + (n - y) * np.log1p(-p)).sum(axis=-1)
    weight = np.exp(log - log.max())
    weight /= weight.sum()
    for dose, found in enumerate(next_dose(BLRM(), TRIAL, outcomes).estimates):
        rates = p[..., dose]
        assert found.estimate == pytest.approx(float((weight * rates).sum()), abs=1e-5)
        assert found.above_target == pytest.approx(float(weight[rates > 0.25].sum()), abs=2e-3)  # the grid's edge
        assert float(weight[rates <= found.lower].sum()) == pytest.approx(0.025, abs=2e-3)
        assert float(weight[rates <= found.upper].sum()) == pytest.approx(0.975, abs=2e-3)


@pytest.mark.parametrize("patients", [36, 120])  # of the second there are no curves
@pytest.mark.parametrize("choose", ["most_probable", "highest"])
def test_blrm_says_why(choose, patients):
    """What is said of the dose that the next cohort gets is so, and the two ways to choose it differ."""
    design = BLRM(choose=choose, ewoc=0.75, no_skip=False)
    trial, levels = Trial(doses=TRIAL.doses, target=0.25, max_patients=patients), []
    for outcomes in (*DATA[1:], "1NNN 2NNN 3NNN 4TTT"):
        data, found = data_of(outcomes), next_dose(design, trial, outcomes)
        chances = design.interval_probabilities(trial, data.patients, data.dlts)
        in_target, overdose = chances[:, 1], chances[:, 2:].sum(axis=1)
        if overdose[0] > 0.75:
            assert found.reason.startswith("Every dose is an overdose with a probability above 0.75 (the lowest: ")
            continue
        highest = int((overdose <= 0.75).sum()) - 1
        best = highest if choose == "highest" else int(np.argmax(in_target[: highest + 1]))
        said = "the highest (" if choose == "highest" else "the one most probably in the target interval "
        said += "" if choose == "highest" else f"({in_target[best]:.3f}; "
        assert found.reason == (
            f"Of the doses whose probability of an overdose is at most 0.75, dose level {best + 1} is {said}overdose: "
            f"{overdose[best]:.3f})."
        )
        assert found.next_dose == best + 1
        levels.append(best + 1)
    assert levels == ([3, 4, 4, 3] if choose == "highest" else [2, 4, 3, 3])


@pytest.mark.parametrize("model", ["power", "logistic"])
@pytest.mark.parametrize("outcomes", DATA[1:])
def test_likelihood_ratio(model, outcomes):
    """At the limits of the interval twice the log likelihood has dropped by the 95 % quantile of chi-squared."""
    data = data_of(outcomes)
    n, y = np.array(data.patients), np.array(data.dlts)
    highest = 1.0 if model == "power" else 1 / (1 + np.exp(-3.0))

    def log_likelihood(rates) -> float:
        p = np.clip(np.array(rates), 1e-13, 1 - 1e-13)
        return float((y * np.log(p) + (n - y) * np.log1p(-p)).sum())

    found = next_dose(CRM(skeleton=SKELETON.tolist(), model=model, method="mle", coherent="off"), TRIAL, outcomes)
    best = log_likelihood([dose.estimate for dose in found.estimates])
    for side, end in (("lower", 0.0), ("upper", highest)):
        limits = [getattr(dose, side) for dose in found.estimates]
        if abs(limits[0] - end) > 1e-9:
            assert 2 * (best - log_likelihood(limits)) == pytest.approx(stats.chi2.ppf(0.95, 1), abs=1e-6)
    assert all(dose.above_target is None for dose in found.estimates)


def test_counts_only():
    found = next_dose(BOIN(), TRIAL, "1NNN 2NTT").estimates[1]
    assert found.above_target == pytest.approx(stats.beta(3, 2).sf(0.25), abs=1e-12)
    exact_interval = stats.binomtest(2, 3).proportion_ci(method="exact")
    assert (found.lower, found.upper) == pytest.approx(tuple(exact_interval), abs=1e-9)
    assert next_dose(ThreePlusThree(), TRIAL, "1NNN 2NTT").estimates[1].estimate == pytest.approx(2 / 3)
    single = Trial(doses=[800], target=0.25, max_patients=20)
    monitored = next_dose(Monitoring(prior=(0.5, 0.5)), single, "1NNT").estimates[0]
    assert monitored.above_target == pytest.approx(stats.beta(1.5, 2.5).sf(0.25), abs=1e-12)
    assert issubclass(CRM, ModelDesign)


def test_limits_beyond_floating_point_numbers():
    """Under a vague prior the limits can be rates too small to be written, or too near 1."""
    trial = Trial(doses=list(range(1, 4)), target=0.25, max_patients=30)
    design = BMACRM(skeletons=[[0.001, 0.002, 0.003], [0.002, 0.003, 0.004]], prior_sd=10)
    for dlts in (0, 3):
        found = design.estimates(trial, [3, 0, 0], [dlts, 0, 0])
        assert np.all((found.lower >= 0) & (found.lower <= found.rate))
        assert np.all((found.rate <= found.upper) & (found.upper <= 1))
        assert (found.lower < 1e-300).all() if dlts == 0 else (found.upper > 0.999).all()
