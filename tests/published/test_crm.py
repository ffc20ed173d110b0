"""The CRM against published worked examples."""

import numpy as np
import pytest
from scipy import integrate, optimize

from escalation import CRM, Trial
from escalation import next_dose as decide
from escalation.designs.models.curves import MODELS
from tests.naive.plans import model_choice, posterior
from tests.support import levels, next_dose

CHEUNG = (0.05, 0.12, 0.25, 0.40, 0.55)
# Cheung (2011) Dose Finding by the Continual Reassessment Method, table 3.2, p. 26: twenty patients one at a time,
# logistic model with intercept 3, start at dose 3, no restrictions.
DOSES = [3, 5, 5, 3, 4, 4, 5, 5, 5, 5, 5, 4, 4, 4, 4, 4, 4, 4, 4, 4]
DLTS = [0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0]
BETA = [
    0.60,
    0.93,
    0.04,
    0.18,
    0.28,
    0.34,
    0.41,
    0.47,
    0.31,
    0.35,
    0.25,
    0.15,
    0.18,
    0.21,
    0.24,
    0.26,
    0.28,
    0.21,
]
BETA += [0.22, 0.24]


def counts(doses, dlts, count):
    patients, toxic = np.zeros(count, int), np.zeros(count, int)
    np.add.at(patients, np.array(doses) - 1, 1)
    np.add.at(toxic, np.array(doses) - 1, dlts)
    return patients, toxic


def estimate(design, trial, doses, dlts) -> float:
    plan = design.plan(trial)
    return float(posterior(plan, *counts(doses, dlts, trial.levels)) @ plan.reading.parameter)


def test_cheung_table_3_2():
    design = CRM(model="logistic", skeleton=CHEUNG, no_skip=False, coherent="off", recommend_untried=True)
    settings = {"doses": levels(5), "target": 0.25, "start_dose": 3}
    trial = Trial(max_patients=21, cohort_size=1, **settings)
    path = ""
    for patient, beta in enumerate(BETA, 1):
        assert next_dose(design, settings, path, size=1) == DOSES[patient - 1]
        path += f" {DOSES[patient - 1]}{'NT'[DLTS[patient - 1]]}"
        assert estimate(design, trial, DOSES[:patient], DLTS[:patient]) == pytest.approx(beta, abs=0.0051)


def test_cheung_page_21():
    """Estimate .28, rates .01 .03 .08 .18 .33, MTD dose 4 after five patients."""
    design = CRM(model="logistic", skeleton=CHEUNG)
    trial = Trial(doses=levels(5), target=0.25, max_patients=20, cohort_size=1)
    beta = estimate(design, trial, [3, 5, 5, 3, 4], [0, 0, 1, 0, 0])
    assert round(beta, 2) == 0.28
    scaled = np.log(np.array(CHEUNG) / (1 - np.array(CHEUNG))) - 3
    assert scaled.round(2).tolist() == [-5.94, -4.99, -4.10, -3.41, -2.80]
    rates = 1 / (1 + np.exp(-(3 + np.exp(beta) * scaled)))
    assert rates.round(2).tolist() == [0.01, 0.03, 0.08, 0.18, 0.33]


@pytest.mark.parametrize(
    ("model", "rates"), [("power", [0.240, 0.368, 0.566, 0.728]), ("logistic", [0.274, 0.412, 0.598, 0.734])]
)
def test_clintrials_example(model, rates):
    """The Python package clintrials: skeleton .1 .2 .4 .6, target .4, 0/3 at dose 1, 2/3 at dose 2; plug-in."""
    prior = np.array([0.1, 0.2, 0.4, 0.6])
    trial = Trial(doses=levels(4), target=0.4, max_patients=12)
    beta = estimate(CRM(model=model, skeleton=tuple(prior)), trial, [1, 1, 1, 2, 2, 2], [0, 0, 0, 0, 1, 1])
    if model == "power":
        fitted = prior ** np.exp(beta)
    else:
        fitted = 1 / (1 + np.exp(-(3 + np.exp(beta) * (np.log(prior / (1 - prior)) - 3))))
    assert fitted.round(3).tolist() == rates


# Maximum likelihood, logistic model: dose and DLT of 17 patients, and the estimate before each from the third on; the
# sequential example in the tests of the Python package clintrials, with the skeleton of Cheung (2011), table 3.2.
MLE_DOSES = [3, 3, 1, 2, 2, 3, 3, 2, 3, 2, 1, 2, 1, 1, 1, 2, 2]
MLE_DLTS = [0, 1, 0, 0, 0, 0, 1, 0, 1, 1, 0, 1, 0, 0, 0, 0, 0]
MLE_BETA = [-0.312, -0.193, -0.099, -0.04, 0.03, -0.121, -0.084, -0.177, -0.284, -0.256]
MLE_BETA += [-0.336, -0.308, -0.286, -0.266, -0.24]


def test_maximum_likelihood_sequence():
    model, trial = MODELS["logistic"], Trial(doses=levels(5), target=0.25, max_patients=17, cohort_size=1)
    plan = CRM(model="logistic", skeleton=CHEUNG, method="mle").plan(trial)
    for before, beta in enumerate(MLE_BETA, 2):
        patients, dlts = counts(MLE_DOSES[:before], MLE_DLTS[:before], 5)

        def slope(b, patients=patients, dlts=dlts):
            dlt, no_dlt = model.slopes(np.array(CHEUNG), np.array([b]))
            return float((dlts @ dlt + (patients - dlts) @ no_dlt)[0])

        assert optimize.brentq(slope, -5, 5) == pytest.approx(beta, abs=0.005)
        assert model_choice(plan, patients, dlts) + 1 == MLE_DOSES[before]


# Levy V, Zohar S, Bardin C, et al. (2006) Br J Cancer 95:253-259, table 1: five doses of homoharringtonine, target
# 0.33, the estimated DLT rates after each cohort, and the 95 % interval at the fourth dose at the end; as the vignette
# LevyCaseStudy of the R package trialr has them. By posterior means it does not find the model that gave them. They are
# those of the logistic model with intercept 3 and an exponential prior of mean 1, at the posterior mean of the slope.
LEVY = [
    ("1NNN", (0.001, 0.003, 0.006, 0.035, 0.11), 5),
    ("3NNT", (0.07, 0.14, 0.19, 0.39, 0.55), 4),
    ("4NNT", (0.07, 0.13, 0.19, 0.38, 0.54), 4),
    ("4NNN", (0.03, 0.07, 0.11, 0.27, 0.45), 4),
    ("4NTN", (0.04, 0.08, 0.12, 0.29, 0.46), 4),
    ("4TNT", (0.06, 0.12, 0.17, 0.36, 0.53), 4),
]


def test_levy_2006():
    """To half a unit of the last digit, but for one number: 0.443, printed as 0.45."""
    trial = Trial(doses=[0.5, 1, 3, 5, 6], target=0.33, max_patients=21)
    design = CRM(
        model="logistic",
        skeleton=(0.05, 0.10, 0.15, 0.33, 0.50),
        prior="exponential",
        no_skip=False,
        coherent="off",
        recommend_untried=True,
    )
    apart, outcomes = [], ""
    for cohort, printed, preferred in LEVY:
        outcomes = f"{outcomes} {cohort}".strip()
        found = decide(design, trial, outcomes)
        assert found.next_dose == preferred
        apart += [abs(one.estimate - rate) for one, rate in zip(found.estimates, printed, strict=True)]
    assert sorted(apart)[-2] < 0.0055
    assert apart.index(max(apart)) == 19
    assert found.estimates[3].estimate == pytest.approx(0.36, abs=0.005)
    assert (found.estimates[3].lower, found.estimates[3].upper) == pytest.approx((0.158, 0.586), abs=0.009)


def test_levy_2006_against_a_plain_integral():
    """The rates after all six cohorts, by quadrature over the slope."""
    guesses, n, y = np.array([0.05, 0.10, 0.15, 0.33, 0.50]), np.array([3, 0, 3, 12, 0]), np.array([0, 0, 1, 4, 0])
    doses = np.log(guesses / (1 - guesses)) - 3

    def likelihood(slope):
        rate = 1 / (1 + np.exp(-3 - slope * doses))
        return np.prod(rate**y * (1 - rate) ** (n - y)) * np.exp(-slope)

    mass, mean = (
        integrate.quad(lambda b, power=power: b**power * likelihood(b), 0, 20, epsabs=1e-14)[0] for power in (0, 1)
    )
    design = CRM(model="logistic", skeleton=guesses, prior="exponential")
    trial = Trial(doses=[0.5, 1, 3, 5, 6], target=0.33, max_patients=21)
    found = [one.estimate for one in decide(design, trial, " ".join(cohort for cohort, _, _ in LEVY)).estimates]
    assert found == pytest.approx(list(1 / (1 + np.exp(-3 - mean / mass * doses))), abs=1e-6)
