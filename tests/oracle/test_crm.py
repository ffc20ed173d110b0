"""The CRM against the R packages dfcrm 0.2-2.1 and UBCRM 1.0.2, and against fine quadrature."""

from itertools import pairwise

import numpy as np
import pytest
from scipy import integrate, optimize, special, stats

from escalation import CRM, Trial, skeleton
from escalation.designs.models.curves import MODELS, cuts_between_doses, normal_prior, parameter_grid, tail_weights
from escalation.kernels.codes import NO_DOSE
from escalation.plans.curves import CurvePlan
from tests.naive.plans import model_choice, posterior
from tests.support import each, exact_characteristics, levels, next_dose, preferred, records

MODEL = {"empiric": "power", "logistic": "logistic"}
DEFAULT_SCALE = 1.34**0.5


def crm(record: dict, **options) -> CRM:
    return CRM(model=MODEL[record["model"]], skeleton=tuple(record["prior"]), prior_sd=record["scale"], **options)


def counts(record: dict) -> tuple[np.ndarray, np.ndarray]:
    patients, dlts = (np.zeros(len(record["prior"]), int) for _ in range(2))
    np.add.at(patients, np.array(record["level"]) - 1, 1)
    np.add.at(dlts, np.array(record["level"]) - 1, record["tox"])
    return patients, dlts


def trial_for(record: dict) -> Trial:
    return Trial(
        doses=levels(len(record["prior"])),
        target=record["target"],
        max_patients=len(record["tox"]),
        cohort_size=1,
    )


POSTERIORS = records("crm_posterior")


def chosen(plan: CurvePlan, patients: np.ndarray, dlts: np.ndarray) -> int:
    """The dose level that the compiled model prefers."""
    most = max(patients)
    every_cell = zip(*[(n, y) for n in range(most + 1) for y in range(n + 1)], strict=True)
    likelihood = plan.evidence(*map(np.array, every_cell))
    cells = patients * (patients + 1) // 2 + dlts
    return preferred(plan, likelihood, cells.astype(np.int64)) + 1


@each(POSTERIORS)
def test_posterior(record):
    """And dfcrm's MTD."""
    plan = crm(record).plan(trial_for(record))
    weight = posterior(plan, *counts(record))
    mean = weight @ plan.reading.parameter
    assert mean == pytest.approx(record["ref_mean"], abs=1e-8)
    assert weight @ (plan.reading.parameter - mean) ** 2 == pytest.approx(record["ref_var"], abs=1e-8)
    assert np.exp(plan.log_dlt) @ weight == pytest.approx(record["ref_posterior_mean_ptox"], abs=1e-8)
    if record["scale"] == pytest.approx(DEFAULT_SCALE):
        assert mean == pytest.approx(record["estimate"], abs=1e-5)
    assert chosen(plan, *counts(record)) == record["mtd"]


def test_dose_of_the_posterior_mean_rates():
    """The closest of the reference values; dfcrm's MTD is another on some data sets: the option does something."""
    different = 0
    for record in POSTERIORS:
        plan = crm(record, estimate="mean").plan(trial_for(record))
        distance = np.abs(np.array(record["ref_posterior_mean_ptox"]) - record["target"])
        closest = int(np.argmin(distance)) + 1
        assert chosen(plan, *counts(record)) == closest
        different += record["mtd"] != closest
    assert different > 10


@each(records("crm_prior"))
def test_skeleton_by_indifference_interval(record):
    arguments = {
        "half_width": record["halfwidth"],
        "target": record["target"],
        "prior_mtd": record["nu"],
        "doses": record["nlevel"],
        "model": MODEL[record["model"]],
    }
    assert skeleton(**arguments) == pytest.approx(record["prior"], abs=1e-10)


@each(records("crm_sensitivity"))
def test_cuts_are_the_intervals_of_crmsens(record):
    cuts = cuts_between_doses(MODELS[MODEL[record["model"]]], np.array(record["prior"]), record["target"])
    assert cuts == pytest.approx(record["ref_inner_boundaries"], abs=1e-9)
    assert cuts == pytest.approx(record["H_hi"][:-1], abs=1e-5)


@each(records("ubcrm_posterior"))
def test_ubcrm(record):
    """UBCRM's rates at the posterior mean of the parameter; its prior sd of 1.34 is a standard deviation."""
    patients, dlts = np.array(record["npt"]), np.array(record["ndlt"])
    rates = tuple(record["prior"])
    trial = Trial(doses=levels(len(rates)), target=record["target"], max_patients=int(patients.sum()), cohort_size=1)
    plan = CRM(skeleton=rates, prior_sd=record["sd"]).plan(trial)
    mean = posterior(plan, patients, dlts) @ plan.reading.parameter
    assert np.array(rates) ** np.exp(mean) == pytest.approx(record["prob"], abs=2e-5)
    assert np.array(rates) ** np.exp(mean) == pytest.approx(record["ref"], abs=1e-8)


def crmsim(record: dict) -> tuple[CRM, Trial]:
    design = CRM(
        model=MODEL[record["model"]],
        skeleton=tuple(record["prior"]),
        prior_sd=record["scale"],
        no_skip=record["restrict"],
        coherent="cohort" if record["restrict"] else "off",
        recommend_untried=True,
    )
    trial = Trial(
        doses=levels(len(record["PI"])),
        target=record["target"],
        max_patients=record["n"],
        cohort_size=record["mcohort"],
        start_dose=record["x0"],
    )
    return design, trial


@pytest.mark.parametrize("record", records("crm_oc_exact"))
def test_exact_operating_characteristics(record):
    """The recording program decides a state the other way only where its two best doses tie within 2e-6."""
    oc = exact_characteristics(*crmsim(record), record["PI"])
    assert oc.selection == pytest.approx(record["selection"], abs=1e-7)
    assert oc.patients == pytest.approx(record["expected_patients"], abs=1e-7)
    assert oc.dlts == pytest.approx(record["expected_tox"], abs=1e-7)
    assert oc.no_selection == 0


@pytest.mark.parametrize("record", records("crm_oc"))
def test_crmsim(record):
    """Within four Monte Carlo standard errors of dfcrm's own 5,000 trials; it gives no spread of patients, so n/2."""
    oc = exact_characteristics(*crmsim(record), record["PI"])
    trials = record["nsim"]
    for ours, theirs in zip(oc.selection, record["selection"], strict=True):
        assert abs(ours - theirs) <= 4 * (ours * (1 - ours) / trials) ** 0.5 + 1 / trials
    widest = 4 * record["n"] / 2 / trials**0.5
    assert oc.patients == pytest.approx(record["patients"], abs=widest)
    assert oc.dlts == pytest.approx(record["tox"], abs=widest)


@pytest.mark.parametrize("model", ["power", "logistic"])
@pytest.mark.parametrize("prior_sd", [0.3, DEFAULT_SCALE, 2.0])
@pytest.mark.parametrize("patients", [6, 36, 60, 120])
def test_grid_against_adaptive_quadrature(model, prior_sd, patients):
    """Posterior mean, tail and decision, also where data are extreme or the posterior is narrow."""
    rates = np.array([0.02, 0.10, 0.25, 0.60, 0.90])
    family = MODELS[model]
    b = parameter_grid(family, rates, normal_prior(prior_sd), patients)
    log_dlt, log_no_dlt = family.log_rates(rates, b)
    limit = family.parameter_at(rates[0], 0.30)
    tail = tail_weights(b, limit)
    draw = np.random.default_rng([patients, int(10 * prior_sd)])
    extremes = [([patients, 0, 0, 0, 0], share) for share in (0, 1)] + [([0, 0, 0, 0, patients], s) for s in (0, 1)]
    random = [(draw.multinomial(patients, draw.dirichlet(np.ones(5) / 2)), draw.random()) for _ in range(6)]
    for counted, share in [*extremes, *random]:
        n = np.array(counted)
        y = draw.binomial(n, share)

        def log_posterior(at, n=n, y=y):
            dlt, no_dlt = family.log_rates(rates, np.atleast_1d(at))
            return y @ dlt + (n - y) @ no_dlt - (np.atleast_1d(at) / prior_sd) ** 2 / 2

        log = y @ log_dlt + (n - y) @ log_no_dlt - (b / prior_sd) ** 2 / 2
        weight = np.exp(log - log.max())
        # Quadrature in pieces around the peak, so that it is not missed.
        peak, top = b[np.argmax(log)], log.max()
        edges = peak + np.linspace(-12, 12, 49) * min(prior_sd, 1.2)

        def moment(function, low=-np.inf, high=np.inf, log_posterior=log_posterior, top=top, edges=edges):
            inside = [low, *edges[(edges > low) & (edges < high)], high]
            inside = [edge for edge in inside if np.isfinite(edge)]
            return sum(
                integrate.quad(
                    lambda at: function(at) * np.exp(log_posterior(at)[0] - top),
                    left,
                    right,
                    epsabs=1e-14,
                    epsrel=1e-12,
                )[0]
                for left, right in pairwise(inside)
            )

        whole = moment(lambda _: 1.0)
        assert weight @ b / weight.sum() == pytest.approx(moment(lambda at: at) / whole, abs=1e-8)
        below = moment(lambda _: 1.0, high=limit) / whole if limit > edges[0] else 0.0
        assert weight @ tail / weight.sum() == pytest.approx(below, abs=1e-6)


@pytest.mark.parametrize(("model", "precision_per_patient"), [("power", 1), ("logistic", 4)])
@pytest.mark.parametrize("prior_sd", [0.3, DEFAULT_SCALE, 2.0])
@pytest.mark.parametrize("patients", [12, 36, 120])
def test_grid_ends_where_extreme_posteriors_have_fallen(model, precision_per_patient, prior_sd, patients):
    """By 45 on the log scale, and no farther; half a standard deviation of the narrowest posterior between points.

    As after 24 patients where there are fewer: see tests/exact/test_tails.py.
    """
    family = MODELS[model]
    rates = np.array([0.05, 0.12, 0.25, 0.40])
    b = parameter_grid(family, rates, normal_prior(prior_sd), patients)
    everywhere = np.linspace(-14, 14, 100_001)
    drops = []
    for dose in range(4):
        for dlts in (0, patients):

            def log_posterior(at, dose=dose, dlts=dlts):
                dlt, no_dlt = family.log_rates(rates[dose : dose + 1], at)
                return (dlts * dlt + (patients - dlts) * no_dlt - (at / prior_sd) ** 2 / 2)[0]

            drops.append(log_posterior(everywhere).max() - log_posterior(b[[0, -1]]))
    for drop in np.min(drops, axis=0):
        assert 45 <= drop < 45.5
    narrowest = 1 / np.sqrt(1 / prior_sd**2 + precision_per_patient * max(patients, 24))
    assert 0.49 * narrowest < b[1] - b[0] <= 0.5 * narrowest


def test_no_cut_where_no_rate_is_so_high():
    """Under the logistic model no rate reaches 0.9526."""
    rates = np.array([0.1, 0.5, 0.9])
    assert np.isneginf(cuts_between_doses(MODELS["logistic"], rates, 0.96)).all()
    assert np.isfinite(cuts_between_doses(MODELS["logistic"], rates, 0.94)).all()
    assert np.isneginf(MODELS["power"].parameter_at(0.3, 1.0))


def test_widest_prior_largest_trial():
    """The corner of what is allowed: no overflow, and a grid that covers all."""
    for model in MODELS.values():
        b = parameter_grid(model, np.array([0.001, 0.25, 0.9]), normal_prior(10.0), 1000)
        assert np.isfinite(b).all()
        assert np.all(np.diff(b) > 0)
        assert np.isfinite(model.log_rates(np.array([0.001, 0.9]), b)[0]).all()


def test_logistic_skeleton_stays_below_the_intercept():
    with pytest.raises(ValueError, match=r"below 0\.9526"):
        CRM(model="logistic", skeleton=(0.5, 0.96))
    assert special.expit(3.0) == pytest.approx(0.9526, abs=1e-4)


def test_too_toxic_lowest_dose_ends_the_trial():
    """Against P(p_1 > limit) by quadrature: 2/3 and 3/3 DLTs at the lowest dose straddle the threshold."""
    trial = Trial(doses=levels(3), target=0.25, max_patients=12)
    prior = (0.1, 0.25, 0.4)

    def tail(dlts: int) -> float:
        def density(b: float) -> float:
            p = prior[0] ** np.exp(b)
            return p**dlts * (1 - p) ** (3 - dlts) * np.exp(-(b**2) / (2 * 1.34))

        limit = np.log(np.log(0.30) / np.log(prior[0]))
        whole = integrate.quad(density, -15, limit)[0] + integrate.quad(density, limit, 15)[0]
        return integrate.quad(density, -15, limit)[0] / whole

    threshold = (tail(2) + tail(3)) / 2
    design = CRM(skeleton=prior, stop_if_too_toxic={"threshold": threshold, "margin": 0.05})
    plan = design.plan(trial)
    likelihood = plan.evidence(np.array([3, 3]), np.array([2, 3]))
    for dlts, stops in ((2, False), (3, True)):
        weight = plan.weight * likelihood[0, dlts - 2]
        assert weight @ plan.too_toxic / weight.sum() == pytest.approx(tail(dlts), abs=1e-9)
        row = np.array([6 + dlts, 0, 0])  # cell of 3 patients with so many DLTs
        cells = np.ones((3, 10, len(plan.weight)))
        cells[0, 8:10] = likelihood[0]
        choice = preferred(plan, cells, row)
        assert (choice == NO_DOSE) == stops


MLE = records("crm_mle")


@each(MLE)
def test_maximum_likelihood(record):
    """The slope changes its sign at the reference's estimate; dfcrm's dose on every data set."""
    model, rates = MODELS[MODEL[record["model"]]], np.array(record["prior"])
    patients, dlts = counts(record)

    def slope(b: float) -> float:
        dlt, no_dlt = model.slopes(rates, np.array([b]))
        return float(dlts @ dlt[:, 0] + (patients - dlts) @ no_dlt[:, 0])

    assert optimize.brentq(slope, -10, 10, xtol=1e-12) == pytest.approx(record["ref_mle"], abs=1e-6)
    assert record["estimate"] == pytest.approx(record["ref_mle"], abs=1e-4)
    design = CRM(model=MODEL[record["model"]], skeleton=tuple(record["prior"]), method="mle")
    plan = design.plan(trial_for(record))
    assert chosen(plan, patients, dlts) == record["mtd"]
    assert model_choice(plan, patients, dlts) + 1 == record["mtd"]


@pytest.mark.parametrize("model", ["power", "logistic"])
def test_maximum_likelihood_of_one_sided_data(model):
    """All with a DLT: the lowest dose, where dfcrm falls back to its skeleton. None: one dose up, cohort by cohort."""
    trial = Trial(doses=levels(4), target=0.25, max_patients=15)
    design = CRM(model=model, skeleton=(0.05, 0.15, 0.25, 0.4), method="mle", no_skip=False)
    plan = design.plan(trial)
    assert model_choice(plan, [3, 0, 0, 0], [3, 0, 0, 0]) == 0
    assert model_choice(plan, [3, 3, 3, 0], [3, 3, 3, 0]) == 0
    settings = {"doses": trial.doses, "target": trial.target}
    for path, dose in (("", 1), ("1NNN", 2), ("1NNN 2NNN", 3), ("1NNN 2NNN 3NNN 4NNN", 4), ("1NNN 2TTT", 1)):
        assert next_dose(design, settings, path) == dose


@pytest.mark.parametrize(("prior", "shape", "rate"), [("exponential", 1, 1), ("gamma", 2.5, 2.5), ("gamma", 0.5, 2.0)])
@pytest.mark.parametrize("model", ["power", "logistic"])
def test_gamma_prior_against_quadrature(prior, shape, rate, model):
    """Posterior mean of exp(b), the mean rates and a tail, in the parameter that has the prior."""
    rates, patients = np.array([0.05, 0.15, 0.25, 0.4]), 24
    options = {} if prior == "exponential" else {"prior_shape": shape}
    if rate != shape:  # else the default
        options["prior_rate"] = rate
    design = CRM(
        model=model, skeleton=tuple(rates), prior=prior, stop_if_too_toxic={"threshold": 0.9, "margin": 0.1}, **options
    )
    trial = Trial(doses=levels(4), target=0.25, max_patients=patients)
    plan, family = design.plan(trial), MODELS[model]
    for n, y in (
        ([24, 0, 0, 0], [24, 0, 0, 0]),
        ([0, 0, 0, 24], [0, 0, 0, 0]),
        ([3, 6, 9, 6], [0, 1, 2, 3]),
        ([12, 12, 0, 0], [4, 8, 0, 0]),
        ([3, 0, 0, 0], [0, 0, 0, 0]),
    ):
        dlts, free = np.array(y), np.array(n) - np.array(y)

        def density(log_theta, dlts=dlts, free=free):
            dlt, no_dlt = family.log_rates(rates, log_theta)
            prior = stats.gamma.logpdf(np.exp(log_theta), shape, scale=1 / rate) + log_theta
            return dlts @ dlt + free @ no_dlt + prior

        at = np.linspace(-100, 6, 4001)
        top = density(at).max()
        inside = at[density(at) > top - 60]
        limit = family.parameter_at(rates[0], 0.35)

        def mean(function, low=inside[0] - 0.1, high=inside[-1] + 0.1, density=density, top=top):
            """By Gauss and Legendre's rule of twenty points in each of 600 parts."""
            edges, (node, share) = np.linspace(low, high, 601), np.polynomial.legendre.leggauss(20)
            half = np.diff(edges)[:, None] / 2
            b = (edges[:-1, None] + half * (1 + node)).ravel()
            return np.sum((half * share).ravel() * function(b) * np.exp(density(b) - top))

        whole, weight = mean(np.ones_like), posterior(plan, n, y)
        assert weight @ plan.reading.parameter == pytest.approx(mean(np.exp) / whole, rel=1e-9)
        for dose in range(4):

            def rate_at(b, dose=dose):
                return np.exp(family.log_rates(rates[dose : dose + 1], b)[0][0])

            assert np.exp(plan.log_dlt[dose]) @ weight == pytest.approx(mean(rate_at) / whole, abs=1e-9)
        below = mean(np.ones_like, high=min(limit, inside[-1])) / whole if limit > inside[0] else 0.0
        assert weight @ plan.too_toxic == pytest.approx(below, abs=1e-7)
