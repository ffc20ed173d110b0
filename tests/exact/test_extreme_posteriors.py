"""Priors and data at the ends of what is accepted: weights and likelihoods that underflow, doses that contradict."""

import numpy as np
import pytest

from escalation import BLRM, CRM, Trial, exact, next_dose, operating_characteristics, paths, simulate
from escalation.plans.curves import CurvePlan
from escalation.running.decider import decider_of
from tests.conformance.test_course import endings_of, sequences_by_ending
from tests.support import levels


def random_crm(draw: np.random.Generator, doses: int) -> CRM:
    """Any model, prior and skeleton within the bounds, the extreme ones as likely as the others."""
    model = str(draw.choice(["power", "logistic"]))
    top = 0.95 if model == "logistic" else 1 - 1e-9
    share = draw.random(doses) if draw.random() < 0.5 else 10.0 ** (-draw.random(doses) * draw.choice([2, 10, 100]))
    options = {"skeleton": tuple((np.sort(share) * top).tolist()), "model": model, "coherent": "off"}
    prior = str(draw.choice(["normal", "exponential", "gamma"]))
    if prior == "normal":
        options["prior_sd"] = float(10 ** draw.uniform(-1.99, 1))
    else:
        options["prior_rate"] = float(10 ** draw.uniform(-3, 3))
    if prior == "gamma":
        options["prior_shape"] = float(10 ** draw.uniform(np.log10(0.2), 3))
    return CRM(prior=prior, estimate=str(draw.choice(["plugin", "mean"])), **options)


def random_data(draw: np.random.Generator, doses: int, patients: int) -> tuple[np.ndarray, np.ndarray]:
    n = draw.multinomial(patients, draw.dirichlet(np.full(doses, 0.5)))
    all_or_none = n * (draw.random(doses) < 0.5)
    return n, [all_or_none, draw.binomial(n, draw.random()), 0 * n, n][draw.choice(4, p=[0.5, 0.3, 0.1, 0.1])]


def fine_means(design: CRM, trial: Trial, n: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """Posterior means of the parameter and of the rates, from 200,001 points about the peak of the log posterior."""
    model, rates, prior = design._family, design.prior_rates(trial), design._prior()

    def log_posterior(b: np.ndarray) -> np.ndarray:
        log_dlt, log_no_dlt = model.log_rates(rates, b)
        return y @ log_dlt + (n - y) @ log_no_dlt + prior.log_density(b)

    low, high = -300.0, 300.0
    for _ in range(8):  # the log posterior has one peak
        b = np.linspace(low, high, 2001)
        peak = int(np.argmax(log_posterior(b)))
        low, high = b[max(peak - 2, 0)], b[min(peak + 2, 2000)]
    top = log_posterior(b[peak : peak + 1])[0]
    ends = []
    for sign in (-1, 1):
        away = 1e-6
        while log_posterior(b[peak : peak + 1] + sign * away)[0] > top - 60:
            away *= 1.3
        ends.append(b[peak] + sign * away)
    b = np.linspace(*ends, 200_001)
    weight = np.exp(log_posterior(b) - top)
    parameter = b if design.prior == "normal" else np.exp(b)
    return float(weight @ parameter / weight.sum()), np.exp(model.log_rates(rates, b)[0]) @ weight / weight.sum()


@pytest.mark.parametrize("seed", range(40))
def test_crm_after_any_data(seed):
    draw = np.random.default_rng(seed)
    doses, patients = int(draw.integers(1, 6)), int(draw.choice([3, 12, 60, 1000]))
    design, trial = random_crm(draw, doses), Trial(doses=levels(doses), target=0.25, max_patients=patients)
    plan = design.plan(trial)
    for _ in range(3):
        n, y = random_data(draw, doses, patients)
        parameter, rates = fine_means(design, trial, n, y)
        posterior = plan.posterior(n, y)
        assert np.exp(plan.log_dlt) @ posterior == pytest.approx(rates, abs=1e-8)
        if design.estimate == "plugin":
            (found,) = plan.reading.means(plan.log_dlt, posterior)
            assert found == pytest.approx(parameter, abs=1e-8, rel=1e-8)


@pytest.mark.parametrize("seed", range(15))
def test_engines_decide_as_one_trial_does(seed):
    """Endings of the exact engine are those of decisions asked for one by one; simulated trials end in one of them."""
    draw = np.random.default_rng(100 + seed)
    doses = int(draw.integers(1, 4))
    design = random_crm(draw, doses)
    patients, cohort_size = int(draw.integers(4, 10)), int(draw.integers(1, 4))
    trial = Trial(doses=levels(doses), target=0.25, max_patients=patients, cohort_size=cohort_size)
    decider, endings = decider_of(design, trial), exact(design, trial)
    assert endings_of(decider, decider.start) == sequences_by_ending(endings)
    simulated = simulate(design, trial, np.full(doses, 0.5), trials=300, seed=seed)

    def rows(of) -> set[tuple[int, ...]]:
        return set(map(tuple, np.column_stack([of.patients, of.dlts, of.recommended, of.reason]).tolist()))

    assert rows(simulated) <= rows(endings)


@pytest.mark.parametrize(
    "design",
    [
        CRM(skeleton=[0.1, 0.2, 0.3], prior="gamma", prior_shape=300, prior_rate=0.1, coherent="off"),
        CRM(skeleton=[0.1, 0.2, 0.3], model="logistic", prior="gamma", prior_shape=300, prior_rate=1, coherent="off"),
        BLRM(prior_mean=(0, 5), prior_sd=(2, 0.05), ewoc=0.9),
    ],
)
def test_a_prior_far_from_all_data(design):
    """Weights and likelihoods, each with its largest value at one, have no product that is a floating-point number."""
    trial = Trial(doses=[10, 20, 30], target=0.25, max_patients=6)
    rates = [0.2, 0.4, 0.6]
    found = operating_characteristics(exact(design, trial).outcomes(rates))
    simulated = operating_characteristics(simulate(design, trial, rates, trials=20_000, seed=3))
    assert simulated.selection == pytest.approx(found.selection, abs=0.02)
    ahead = paths(design, trial, cohorts=2, truths={"t": rates})
    selected = np.zeros(4)
    for leaf in ahead.root.leaves:
        selected[leaf.recommended or 0] += leaf.probability[0]
    assert found.selection == pytest.approx(selected[1:], abs=1e-12)
    for leaf in ahead.root.leaves:
        outcomes = " ".join(f"{c.dose}{'T' * c.dlts}{'N' * (c.patients - c.dlts)}" for c in leaf.cohorts)
        assert next_dose(design, trial, outcomes).recommended_dose == leaf.recommended


@pytest.mark.parametrize("seed", range(8))
def test_blrm_after_any_data(seed):
    """The curves of a trial against a posterior for the data at hand: within 2e-6, and as a rule 1e-8."""
    draw = np.random.default_rng(seed)
    doses, patients = int(draw.integers(1, 7)), int(draw.choice([6, 18, 36]))
    design = BLRM(
        prior_mean=(float(draw.uniform(-10, 10)), float(draw.uniform(-5, 5))),
        prior_sd=(float(10 ** draw.uniform(-1.3, 1)), float(10 ** draw.uniform(-1.3, 0.3))),
        prior_correlation=float(draw.uniform(-0.98, 0.98)),
    )
    trial = Trial(doses=np.cumsum(10 ** draw.uniform(-1.5, 1.5, doses)).tolist(), target=0.25, max_patients=patients)
    plan = design.plan(trial)
    assert isinstance(plan, CurvePlan)
    errors = []
    for _ in range(4):
        n, y = random_data(draw, doses, patients)
        found, at_hand = plan.judge(tuple(n), tuple(y)), design._judged(trial, tuple(n), tuple(y))
        errors += [np.abs(found.means - at_hand.means).max(), np.abs(found.overdose - at_hand.overdose).max()]
    assert max(errors) < 2e-6
    assert np.median(errors) < 1e-8
