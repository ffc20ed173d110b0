"""P(rate > limit | data) under the CRM against adaptive quadrature with formulas of its own, in trials of any size."""

from itertools import pairwise

import numpy as np
import pytest
from scipy import integrate, special

from escalation.designs.models.curves import (
    log_prior_weights,
    model_of,
    normal_prior,
    parameter_grid,
    probabilities_above,
)

SKELETON = np.array([0.05, 0.12, 0.25, 0.4])
SD = 1.34**0.5


def rate(intercept, dose, b):
    """By the power model where there is no intercept."""
    if intercept is None:
        return SKELETON[dose] ** np.exp(b)
    return special.expit(intercept + np.exp(b) * (special.logit(SKELETON[dose]) - intercept))


@pytest.mark.parametrize("patients", [1, 3, 6, 12, 24, 60])
@pytest.mark.parametrize("intercept", [None, -0.35, 0, 1, 3, 6, 10])
def test_tail(intercept, patients):
    model = model_of("power" if intercept is None else "logistic", intercept)
    b = parameter_grid(model, SKELETON, normal_prior(SD), patients)
    prior = np.exp(log_prior_weights(normal_prior(SD), b))
    for dose, dlts, limit in [(0, 0, 0.25), (0, 1, 0.25), (0, patients, 0.3), (3, 1, 0.25), (3, 0, 0.15)]:
        log_dlt, log_no_dlt = model.log_rates(SKELETON[[dose]], b)
        log = dlts * log_dlt[0] + (patients - dlts) * log_no_dlt[0]
        top = log.max()
        posterior = prior * np.exp(log - top)
        (ours,) = probabilities_above(model, SKELETON[[dose]], b, posterior / posterior.sum(), np.array([limit]))

        def density(x, dose=dose, dlts=dlts, top=top):
            p = rate(intercept, dose, x)
            likelihood = special.xlogy(dlts, p) + special.xlog1py(patients - dlts, -p)
            return np.exp(likelihood - top - x**2 / (2 * SD**2))

        where = b[np.argmax(posterior)]
        end = np.log(np.log(limit) / np.log(SKELETON[dose]))  # where the dose has the limit as its rate
        if intercept is not None:
            end = np.log((special.logit(limit) - intercept) / (special.logit(SKELETON[dose]) - intercept))
        breaks = sorted({where - 1, where, where + 1, end})
        pieces = [b[0], *(x for x in breaks if b[0] < x < b[-1]), b[-1]]
        parts = [
            (high <= end + 1e-12, integrate.quad(density, low, high, epsabs=1e-15, epsrel=1e-12, limit=200)[0])
            for low, high in pairwise(pieces)
        ]
        assert ours == pytest.approx(sum(part for below, part in parts if below) / sum(p for _, p in parts), abs=2e-10)
