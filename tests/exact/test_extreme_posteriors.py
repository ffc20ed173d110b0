"""Priors and data at the ends of what is accepted: weights and likelihoods that underflow, doses that contradict."""

import numpy as np
import pytest
from scipy import special

from escalation import BLRM, CRM, DesignError, Trial, exact, next_dose, operating_characteristics, paths, simulate
from escalation.running.decider import decider_of
from tests.conformance.test_course import Course, sequences_by_ending
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
    assert Course(decider).endings(decider.start) == sequences_by_ending(endings)
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


NODE, WEIGHT = np.polynomial.legendre.leggauss(10)


class ByQuadrature:
    """P(rate > limit) after counts under a BLRM: over a about its own peak for each c, and adaptively over c."""

    def __init__(self, design: BLRM, trial: Trial, n: np.ndarray, y: np.ndarray):
        (self.doses, prior), self.cuts = design._model(trial), special.logit(np.array(design.intervals[:2]))
        self.mean, self.sd, self.drift = prior.mean, prior.sd, prior.correlation * prior.sd[0] / prior.sd[1]
        self.sd_on_line = prior.sd_on_line
        given = n > 0
        self.data = list(zip(self.doses[given], n[given], y[given], strict=True))

    def middle(self, c: np.ndarray) -> np.ndarray:
        return self.mean[0] + self.drift * (c - self.mean[1])

    def log_density(self, a: np.ndarray, c: np.ndarray) -> np.ndarray:
        log = -(((a - self.middle(c)) / self.sd_on_line) ** 2) / 2 - ((c - self.mean[1]) / self.sd[1]) ** 2 / 2
        for x, n, y in self.data:
            log = log - y * np.logaddexp(0, -a - np.exp(c) * x) - (n - y) * np.logaddexp(0, a + np.exp(c) * x)
        return log

    def slope(self, a: np.ndarray, c: np.ndarray) -> np.ndarray:
        data = sum(y - n * special.expit(a + np.exp(c) * x) for x, n, y in self.data)
        return data - (a - self.middle(c)) / self.sd_on_line**2

    def lines(self, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The log density of c, and the shares of each line, float64[C, 2, D], above each limit."""

        def bisect(low: np.ndarray, high: np.ndarray, above) -> np.ndarray:
            for _ in range(60):
                middle = (low + high) / 2
                yes = above(middle)
                low, high = np.where(yes, middle, low), np.where(yes, high, middle)
            return middle

        far = self.sd_on_line**2 * sum(n for _, n, _ in self.data) + 1
        peak = bisect(self.middle(c) - far, self.middle(c) + far, lambda a: self.slope(a, c) > 0)
        least = self.log_density(peak, c) - 40
        width = 0 * c + 9 * self.sd_on_line
        low = peak - bisect(0 * c, width, lambda off: self.log_density(peak - off, c) > least)
        high = peak + bisect(0 * c, width, lambda off: self.log_density(peak + off, c) > least)
        even = np.linspace(low, high, 33, axis=1)
        cuts = self.cuts[:, None] - np.multiply.outer(np.exp(c), self.doses)[:, None]
        cuts = np.clip(cuts.reshape(len(c), -1), even[:, :1], even[:, -1:])
        edges = np.concatenate([even, cuts], axis=1)
        order = np.argsort(edges, axis=1)
        edges = np.take_along_axis(edges, order, axis=1)
        half = np.diff(edges, axis=1)[..., None] / 2
        log = self.log_density(edges[:, :-1, None] + half * (1 + NODE), c[:, None, None])
        top = log.max(axis=(1, 2))
        mass = (np.exp(log - top[:, None, None]) * half) @ WEIGHT
        above = np.zeros_like(edges)
        sums = np.cumsum(mass[:, ::-1], axis=1)[:, ::-1]
        np.put_along_axis(above, order, np.append(sums, 0 * sums[:, :1], axis=1), axis=1)
        whole = np.maximum(sums[:, 0], 1e-300)  # rounding errors are all that is left of a line of no density
        return top + np.log(whole), above[:, 33:].reshape(len(c), 2, -1) / whole[:, None, None]

    def ends(self) -> tuple[float, float, float]:
        """Where the density of c has fallen by 40 from its peak, and its logarithm there."""
        away = 100 * self.sd[1]
        c = np.linspace(self.mean[1] - away, min(self.mean[1] + away, 40), 1001)
        while True:
            log = self.lines(c)[0]
            some = np.flatnonzero(log > log.max() - 40)
            low, high = c[max(some[0] - 1, 0)], c[min(some[-1] + 1, len(c) - 1)]
            if len(some) > 100:
                return low, high, log.max()
            c = np.linspace(low, high, 301)

    def __call__(self) -> tuple[np.ndarray, np.ndarray]:
        """The probabilities of each dose's rate to be in the target interval, and above it."""
        low, high, top = self.ends()

        def sums(panels: np.ndarray) -> np.ndarray:
            half = (panels[:, 1:] - panels[:, :1]) / 2
            log, above = self.lines((panels[:, :1] + half * (1 + NODE)).ravel())
            values = np.exp(log - top)[:, None] * np.column_stack([np.ones(len(log)), above.reshape(len(log), -1)])
            return np.einsum("pkv,k->pv", values.reshape(len(panels), 10, -1), WEIGHT) * half

        edges = np.linspace(low, high, 65)
        panels = np.column_stack([edges[:-1], edges[1:]])
        found, total = sums(panels), 0.0
        enough = 1e-10 * found[:, 0].sum()
        while len(panels):
            middle = panels.mean(axis=1)
            halves = np.stack([panels[:, 0], middle, middle, panels[:, 1]], axis=1).reshape(-1, 2)
            in_halves = sums(halves)
            both = in_halves.reshape(len(panels), 2, -1).sum(axis=1)
            settled = np.abs(both - found).max(axis=1) < enough
            total = total + both[settled].sum(axis=0)
            panels, found = halves[np.repeat(~settled, 2)], in_halves[np.repeat(~settled, 2)]
        above, overdose = (total[1:] / total[0]).reshape(2, -1)
        return above - overdose, overdose


def largest_errors(design: BLRM, trial: Trial, n: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Of the curves of the trial, and of the posterior for the data at hand."""
    in_target, overdose = ByQuadrature(design, trial, n, y)()
    counts = tuple(n.tolist()), tuple(y.tolist())
    found = design._with_curves(trial).judge(*counts), design._judged(trial, *counts)
    return tuple(max(np.abs(f.means - in_target).max(), np.abs(f.overdose - overdose).max()) for f in found)


def any_blrm(draw: np.random.Generator) -> tuple[BLRM, Trial]:
    """Any prior within the bounds, far from its doses or not, that is not refused."""
    while True:
        doses, patients = int(draw.integers(1, 6)), int(draw.choice([6, 18, 36]))
        near = draw.random() < 0.7
        amounts = np.cumsum(10 ** draw.uniform(-1.5, 1.5, doses)) if near else np.sort(10 ** draw.uniform(-6, 6, doses))
        design = BLRM(
            prior_mean=(float(draw.uniform(-10, 10)), float(draw.uniform(-5, 5))),
            prior_sd=(float(10 ** draw.uniform(-1.3, 1)), float(10 ** draw.uniform(-1.3, 0.3))),
            prior_correlation=float(draw.uniform(-0.98, 0.98)),
            reference_dose=float(10 ** draw.uniform(-2, 3)) if draw.random() < 0.7 else None,
        )
        trial = Trial(doses=amounts.tolist(), target=0.25, max_patients=patients)
        if not list(design._problems(trial)):
            return design, trial


@pytest.mark.parametrize("seed", range(24))
def test_blrm_after_any_data(seed):
    draw = np.random.default_rng(seed)
    design, trial = any_blrm(draw)
    n, y = random_data(draw, trial.levels, trial.max_patients)
    assert max(largest_errors(design, trial, n, y)) < 1e-7


@pytest.mark.parametrize(
    ("mean", "sd", "correlation", "reference", "doses", "n", "y", "patients"),
    [
        pytest.param(
            (7.12, -0.122),
            (0.0634, 1.44),
            -0.328,
            39.67,
            [7.03, 9.33, 10.39, 13.05],
            [3, 0, 3, 0],
            [3, 0, 3, 0],
            6,
            id="a step between two lines",
        ),
        pytest.param(
            (-3.118, -0.0146),
            (0.173, 1.976),
            -0.924,
            0.931,
            [0.00001, 3e-05, 0.00014, 332.87],
            [1, 2, 6, 9],
            [0, 0, 0, 9],
            18,
            id="a step far out",
        ),
        pytest.param(
            (-0.127, 4.203),
            (3.645, 0.395),
            -0.7775,
            417.016,
            [3.4762, 3.5154, 4.0689],
            [5, 0, 0],
            [3, 0, 0],
            6,
            id="data ten standard deviations of the slope away",
        ),
        pytest.param(
            (5.761, 4.879),
            (5.875, 0.158),
            0.319,
            35.665,
            [0.1481, 0.183, 0.2755, 5.8777],
            [1, 22, 13, 0],
            [1, 0, 0, 0],
            36,
            id="a DLT that moves the posterior by many times its width",
        ),
        pytest.param(
            (2.103, 3.613),
            (2.42, 0.46),
            -0.416,
            None,
            [0.14707, 1.68223, 2.14282, 9.64122],
            [2, 4, 0, 0],
            [2, 4, 0, 0],
            6,
            id="a steep ridge",
        ),
        pytest.param(
            (-1.533, 3.277),
            (0.437, 0.3797),
            -0.926,
            None,
            [5e-05, 0.00552, 241987.74],
            [7, 10, 1],
            [2, 6, 1],
            18,
            id="doses ten orders of magnitude apart",
        ),
        pytest.param(
            (4.7933, -0.2292),
            (0.6867, 0.09212),
            -0.1107,
            None,
            [0.00493, 0.03354, 40.46327],
            [1, 3, 32],
            [0, 0, 0],
            36,
            id="a peak that Newton's method goes to and fro about",
        ),
        pytest.param(
            (9.1841, -0.75),
            (0.1049, 0.1741),
            0.2096,
            151.483,
            [13.98374],
            [18],
            [0],
            36,
            id="no DLT where all were expected",
        ),
        pytest.param(
            (-6.5348, -1.5302), (0.07322, 1.3676), -0.7346, 0.02524, [4327.72], [10], [4], 18, id="a narrow crossing"
        ),
    ],
)
def test_blrm_that_contradicts_its_data(mean, sd, correlation, reference, doses, n, y, patients):
    design = BLRM(prior_mean=mean, prior_sd=sd, prior_correlation=correlation, reference_dose=reference)
    trial = Trial(doses=doses, target=0.25, max_patients=patients)
    assert max(largest_errors(design, trial, np.array(n), np.array(y))) < 1e-8


@pytest.mark.parametrize(
    ("options", "trial", "says"),
    [
        ({"prior_mean": (-10, 5), "reference_dose": 1e-306}, {}, "is the reference dose, 1e-306, in the unit of the"),
        ({"prior_mean": (-8, 0), "prior_sd": (0.5, 0.5), "reference_dose": 30_000}, {}, "no dose can have a DLT rate"),
        (
            {"prior_mean": (-3, 0), "prior_sd": (0.05, 2), "prior_correlation": 0.98, "reference_dose": 0.001},
            {"doses": [1, 1.001, 1.002]},
            "log_alpha has a prior standard deviation of 0.0099",
        ),
        ({"intervals": (1e-301, 0.35)}, {"target": 1e-300}, "limits of DLT rates from 1e-06"),
        ({"intervals": (1e-6, 0.35)}, {"target": 1e-5}, "the log odds of the target, -11.51; it should be from -10"),
    ],
    ids=["reference dose", "unit", "too narrow", "target", "default prior"],
)
def test_blrm_refuses(options, trial, says):
    given = {"doses": [10, 20, 30], "target": 0.25, "max_patients": 36} | trial
    with pytest.raises(DesignError, match=says):
        next_dose(BLRM(**options), Trial(**given), "1NNN")


@pytest.mark.parametrize("patients", [12, 1000])
@pytest.mark.parametrize(
    ("options", "doses"),
    [
        ({"reference_dose": 1e-306}, [10, 20, 30]),
        ({"reference_dose": 1e306}, [10, 20, 30]),
        ({}, [1e-320, 1, 1e15]),
        ({"prior_mean": (10, 5), "prior_sd": (10, 2)}, [1e-320, 1, 1e15]),
        ({"prior_mean": (-1, 5), "prior_sd": (10, 0.05)}, [1, 2, 3]),
    ],
    ids=["small reference dose", "large reference dose", "doses", "vague prior", "steep prior"],
)
def test_blrm_with_any_numbers(options, doses, patients):
    """Nothing overflows, and an estimate that is 0 or 1 to a floating-point number is that."""
    design, trial = BLRM(**options), Trial(doses=doses, target=0.25, max_patients=patients)
    n, y = np.array([3, 0, 0]), np.array([1, 0, 0])
    with np.errstate(over="raise", invalid="raise"):
        standing = next_dose(design, trial, "1NNT")
        estimates = design.estimates(trial, n, y)
    assert np.all((estimates.lower >= 0) & (estimates.lower <= estimates.upper) & (estimates.upper <= 1))
    overdose = design.interval_probabilities(trial, n, y)[:, 2:].sum(axis=1)
    assert overdose == pytest.approx(ByQuadrature(design, trial, n, y)()[1], abs=1e-8)
    assert (standing.next_dose is None) == (overdose[0] > design.ewoc)
