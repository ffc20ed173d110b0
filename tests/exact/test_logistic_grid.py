"""The grid of the two-parameter logistic model against Gauss-Legendre quadrature that knows nothing of it."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest
from scipy import special

from escalation import BLRM, Trial
from escalation.designs.models.logistic_grid import BivariateNormal, LogisticGrid, logistic_grid
from escalation.kernels.codes import NO_DOSE, SLACK

LUCAR = np.log(np.array([50, 150, 300, 600]) / 600)
WEAK = BivariateNormal((-1.1, 0.0), (2.0, 1.0), 0.0)
LIMITS = (0.2, 0.35)


class Nodes(NamedTuple):
    """Parameters with the log of prior density times quadrature weight, and whether each rate is above each limit."""

    a: np.ndarray
    c: np.ndarray
    log_weight: np.ndarray
    above: np.ndarray


LEGENDRE = np.polynomial.legendre.leggauss(10)


def panels(edges):
    """Gauss-Legendre nodes and weights of each panel between edges."""
    node, weight = LEGENDRE
    half = np.diff(edges)[:, None] / 2
    return (edges[:-1, None] + half * (1 + node)).ravel(), (half * weight).ravel()


def quadrature(doses, prior, limits, reach=11) -> Nodes:
    """A product rule whose panels along a end where a dose's rate is at a limit."""
    sd = prior.sd[0] * np.sqrt(1 - prior.correlation**2)
    c_nodes, c_weights = panels(np.linspace(-reach, reach, 60) * prior.sd[1] + prior.mean[1])
    logits = special.logit(np.array(limits))
    parts = []
    for c, c_weight in zip(c_nodes, c_weights, strict=True):
        mean = prior.mean[0] + prior.correlation * prior.sd[0] * (c - prior.mean[1]) / prior.sd[1]
        low, high = mean - reach * sd - 1, mean + reach * sd + 1
        cuts = (logits[:, None] - np.exp(c) * doses).ravel()
        ends = np.unique([low, *cuts[(cuts > low) & (cuts < high)], high])
        pieces = [
            np.linspace(left, right, int(np.ceil((right - left) / min(1, 3 * sd))) + 1)[:-1]
            for left, right in pairwise(ends)
        ]
        a, weight = panels(np.append(np.concatenate(pieces), high))
        density = -(((c - prior.mean[1]) / prior.sd[1]) ** 2) / 2 - ((a - mean) / sd) ** 2 / 2
        parts.append((a, np.full(len(a), c), density + np.log(weight * c_weight)))
    a, c, log_weight = (np.concatenate(part) for part in zip(*parts, strict=True))
    near = log_weight > -150
    a, c, log_weight = a[near], c[near], log_weight[near]
    above = (a + np.multiply.outer(doses, np.exp(c))) >= logits[:, None, None]
    return Nodes(a, c, log_weight, above.astype(float))


AT_ONCE = 8
"""Data sets whose weights at all nodes are in memory together."""


def posteriors_of(log_dlt, log_no_dlt, log_weight, data):
    """The posterior weights of each data set, normalised; some data sets at a time, as float64[sets, nodes]."""
    logs = np.concatenate([log_dlt, log_no_dlt])
    counts = np.array([np.concatenate([y, n - y]) for n, y in data], float)
    for first in range(0, len(counts), AT_ONCE):
        weight = counts[first : first + AT_ONCE] @ logs
        weight += log_weight
        weight -= weight.max(axis=1, keepdims=True)
        np.exp(weight, out=weight)
        yield weight / weight.sum(axis=1, keepdims=True)


def probabilities_above(log_dlt, log_no_dlt, log_weight, above, data) -> np.ndarray:
    """Of each limit at each dose, float64[sets, L, D]."""
    flat = above.reshape(-1, above.shape[-1]).T
    found = [weight @ flat for weight in posteriors_of(log_dlt, log_no_dlt, log_weight, data)]
    return np.concatenate(found).reshape(-1, *above.shape[:-1])


class Exact:
    """Posterior probabilities by quadrature."""

    def __init__(self, doses, prior, limits):
        self.nodes = quadrature(doses, prior, limits)
        logit = self.nodes.a + np.multiply.outer(doses, np.exp(self.nodes.c))
        self.logs = -np.logaddexp(0, -logit), -np.logaddexp(0, logit)

    def of_each(self, data) -> np.ndarray:
        return probabilities_above(*self.logs, self.nodes.log_weight, self.nodes.above, data)

    def __call__(self, n, y) -> np.ndarray:
        return self.of_each([(n, y)])[0]


def by_grid(grid: LogisticGrid, data) -> np.ndarray:
    return probabilities_above(grid.log_dlt, grid.log_no_dlt, grid.log_weight, grid.above, data)


def data_sets(doses: int, patients: int, random: int):
    """Everybody at one dose, halves at two, and random data; DLTs in none, half or all, and any number."""
    some = [0, 0.5, 0.8, 0.95, 1]
    for dose in range(doses):
        n = np.zeros(doses, int)
        n[dose] = patients
        for share in some:
            yield n, np.round(share * n).astype(int)
    for first in range(doses):
        for second in range(first + 1, doses):
            n = np.zeros(doses, int)
            n[[first, second]] = patients // 2, patients - patients // 2
            for shares in np.ndindex(3, 3):
                y = np.zeros(doses, int)
                y[[first, second]] = n[[first, second]] * np.array(shares) // 2
                yield n, y
    draw = np.random.default_rng([doses, patients])
    for _ in range(random):
        n = draw.multinomial(draw.integers(0, patients + 1), draw.dirichlet(np.ones(doses) / 2))
        yield n, draw.binomial(n, np.sort(draw.random(doses)))


@pytest.mark.parametrize(
    ("doses", "prior", "limits", "patients", "points"),
    [
        pytest.param(LUCAR, WEAK, LIMITS, 36, 5000, id="four doses"),
        pytest.param(LUCAR, WEAK, (0.16, 0.33), 60, 8000, id="60 patients"),
        pytest.param(np.log(np.array([1, 2, 4, 7, 10, 14]) / 14), WEAK, LIMITS, 60, 9000, id="six doses"),
        pytest.param(np.zeros(1), WEAK, LIMITS, 20, 1500, id="one dose"),
        pytest.param(LUCAR[:1], WEAK, LIMITS, 36, 3000, id="one dose below the reference dose"),
        pytest.param(
            LUCAR - LUCAR[1], BivariateNormal((-2, 0), (2, 1), 0.3), (0.05, 0.15), 36, 8000, id="reference in between"
        ),
        pytest.param(LUCAR, BivariateNormal((2.15, 0.52), (0.84, 0.8), 0.2), LIMITS, 36, 5000, id="prior of the paper"),
        pytest.param(LUCAR, BivariateNormal((-1.1, 0), (2, 1), 0.9), LIMITS, 36, 5000, id="positive correlation"),
        pytest.param(LUCAR, BivariateNormal((-1.1, 0), (2, 1), -0.9), LIMITS, 36, 5000, id="negative correlation"),
        pytest.param(LUCAR, BivariateNormal((-1.1, 0), (0.1, 0.1), 0.0), LIMITS, 36, 1500, id="strong prior"),
        pytest.param(LUCAR, BivariateNormal((-1.1, 0), (5, 2), 0.0), LIMITS, 36, 12000, id="vague prior"),
        pytest.param(np.array([-6.9, -4.6, 0]), WEAK, LIMITS, 36, 5000, id="doses far apart"),
        pytest.param(np.array([-0.19, -0.1, 0]), WEAK, LIMITS, 36, 5000, id="doses close together"),
    ],
)
def test_probabilities_of_exceeding_a_limit(doses, prior, limits, patients, points):
    """To 5e-9 in all kinds of data that a trial of this size can give, on a grid that is small enough."""
    grid, quadrature = logistic_grid(doses, prior, limits, patients), Exact(doses, prior, limits)
    assert len(grid.log_weight) < points
    data = list(data_sets(len(doses), patients, 12))
    for (n, y), found, expected in zip(data, by_grid(grid, data), quadrature.of_each(data), strict=True):
        assert found == pytest.approx(expected, abs=5e-9), (n, y)


def choice(above: np.ndarray, ewoc: float, choose: str = "most_probable") -> int:
    """The open dose most probably in the target interval, the lower of two, or the highest; NO_DOSE if none is open."""
    in_target, overdose = above[0] - above[1], above[1]
    best = NO_DOSE
    for dose in range(len(overdose)):
        is_open = overdose[dose] <= ewoc + SLACK
        if is_open and (best == NO_DOSE or choose == "highest" or in_target[dose] > in_target[best] + SLACK):
            best = dose
    return best


def test_decisions():
    """As by quadrature for data of every size that a trial in cohorts of three can give."""
    designs = BLRM(), BLRM(ewoc=0.7), BLRM(ewoc=0.7, choose="highest")
    trial = Trial(doses=[50, 150, 300, 600], target=0.25, max_patients=36)
    prior = BivariateNormal((float(special.logit(0.25)), 0.0), (2.0, 1.0), 0.0)
    quadrature = Exact(LUCAR, prior, designs[0].intervals[:2])
    plans = [design.plan(trial) for design in designs]
    draw = np.random.default_rng(7)
    data, chosen = [], []
    for _ in range(200):
        cohorts = draw.multinomial(draw.integers(1, 13), draw.dirichlet(np.ones(4)))
        n = 3 * cohorts
        data.append((n, draw.binomial(n, np.sort(draw.beta(1, 3, 4)))))
    for (n, y), above in zip(data, quadrature.of_each(data), strict=True):
        chosen.append([plan.judge(tuple(n.tolist()), tuple(y.tolist())).choice for plan in plans])
        assert chosen[-1] == [choice(above, design.ewoc, design.choose) for design in designs], (n, y)
    assert all(set(found) == {NO_DOSE, 0, 1, 2, 3} for found in zip(*chosen, strict=True))
    assert sum(most_probable != highest for _, most_probable, highest in chosen) > 10


def test_interval_probabilities_are_those_of_the_grid():
    trial = Trial(doses=[50, 150, 300, 600], target=0.25, max_patients=36)
    quadrature = Exact(LUCAR, BivariateNormal((float(special.logit(0.25)), 0.0), (2.0, 1.0), 0.0), (0.2, 0.35, 0.6))
    n, y = np.array([3, 6, 3, 0]), np.array([0, 1, 2, 0])
    above = quadrature(n, y)
    expected = np.column_stack([1 - above[0], above[0] - above[1], above[1] - above[2], above[2]])
    assert BLRM().interval_probabilities(trial, n, y) == pytest.approx(expected, abs=5e-9)
    # More data than the trial's size.
    assert BLRM().interval_probabilities(trial, 10 * n, 10 * y).sum(axis=1) == pytest.approx(np.ones(4), abs=1e-12)
