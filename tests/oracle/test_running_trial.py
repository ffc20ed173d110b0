"""Next doses and estimates of a running trial against the R packages escalation, BOIN and dfcrm."""

import numpy as np
import pytest

from escalation import BOIN, CRM, InterimData, Trial, next_dose, paths
from tests.oracle.test_dose_paths import EXACT, TREES, comparable
from tests.support import levels, records


@pytest.mark.parametrize("record", TREES, ids=lambda r: r["id"])
def test_next_dose_along_every_path(record):
    """R package escalation 0.2.3."""
    design, target = comparable(record)
    size = record["cohort_sizes"][0]
    trial = Trial(doses=levels(record["num_doses"]), target=target, max_patients=60, cohort_size=size)
    asked = [node for node in record["nodes"] if node["continue"]]
    assert len(asked) >= 14
    for node in asked:
        found = next_dose(design, trial, node["path"])
        assert found.next_dose == node["next_dose"], node["path"]
        assert found.warnings == ()
        assert found.cohort_size == size


@pytest.mark.parametrize("record", EXACT, ids=lambda r: f"{r['id']}-{r['true_prob_tox'][0]}")
def test_path_probabilities(record):
    """Expected patients and their distribution, from the probability of each path to its end."""
    design, target = comparable(record)
    rates, sizes = record["true_prob_tox"], record["cohort_sizes"]
    trial = Trial(doses=levels(len(rates)), target=target, max_patients=sum(sizes), cohort_size=sizes[0])
    found = paths(design, trial, cohorts=len(sizes), truths={"truth": rates})
    patients, distribution = np.zeros(len(rates)), {}
    for leaf in found.root.leaves:
        assert leaf.next_dose is None
        (probability,) = leaf.probability
        for cohort in leaf.cohorts:
            patients[cohort.dose - 1] += probability * cohort.patients
        total = sum(cohort.patients for cohort in leaf.cohorts)
        distribution[total] = distribution.get(total, 0) + probability
    assert patients == pytest.approx(np.array(record["expected_patients"]), abs=1e-9)
    expected = {int(n): p for n, p in record["n_distribution"].items()}
    assert {n: p for n, p in distribution.items() if p > 1e-15} == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("record", records("boin_select_mtd"), ids=lambda r: r["kind"])
def test_isotonic_estimates(record):
    """R package BOIN 2.7.2: over all doses with patients, the eliminated ones too."""
    doses = len(record["npts"])
    options = {"cutoff_eli": record["cutoff_eli"], "p_tox": record["p_tox"], "bound_mtd": record["boundMTD"]}
    if record["extrasafe"]:
        options |= {"extra_safe": True, "offset": record["offset"]}
    trial = Trial(doses=levels(doses), target=record["target"], max_patients=max(60, sum(record["npts"])))
    dose = max(level for level, n in enumerate(record["npts"], 1) if n)
    data = InterimData.from_counts(record["npts"], record["ntox"], doses, dose=dose)
    found = next_dose(BOIN(**options), trial, data)
    assert [dose.estimate for dose in found.estimates] == pytest.approx(record["phat_isotonic_all"], abs=1e-9)


def counts(record: dict) -> InterimData:
    doses = len(record["prior"])
    patients, dlts = [0] * doses, [0] * doses
    for level, toxic in zip(record["level"], record["tox"], strict=True):
        patients[level - 1] += 1
        dlts[level - 1] += toxic
    last = record["level"][-1]
    return InterimData.from_counts(patients, dlts, doses, dose=last, last_cohort=(1, record["tox"][-1]))


def fitted_by(record: dict, **options) -> list[float]:
    model = {"empiric": "power", "logistic": "logistic"}[record["model"]]
    design = CRM(skeleton=record["prior"], model=model, recommend_untried=True, coherent="off", **options)
    trial = Trial(doses=levels(len(record["prior"])), target=record["target"], max_patients=60, cohort_size=1)
    return [dose.estimate for dose in next_dose(design, trial, counts(record)).estimates]


CRM_RECORDS = records("crm_posterior")


@pytest.mark.parametrize("record", CRM_RECORDS[::5], ids=lambda r: f"{r['model']}-{len(r['level'])}")
def test_fitted_rates(record):
    """R package dfcrm 0.2.2.1: the curve at the posterior mean, and fine quadrature of posterior mean rates."""
    fitted = fitted_by(record, prior_sd=record["scale"])
    assert fitted == pytest.approx(record["ptox"], abs=3e-4)  # dfcrm's own integrals are good to about 1e-4
    if record["model"] == "empiric":
        assert fitted == pytest.approx([s ** np.exp(record["ref_mean"]) for s in record["prior"]], abs=1e-8)
    means = fitted_by(record, prior_sd=record["scale"], estimate="mean")
    assert means == pytest.approx(record["ref_posterior_mean_ptox"], abs=1e-8)


@pytest.mark.parametrize(
    "record", [r for r in records("crm_mle") if 0 < sum(r["tox"]) < len(r["tox"])], ids=lambda r: r["model"]
)
def test_fitted_rates_by_maximum_likelihood(record):
    fitted = fitted_by(record, method="mle")
    assert fitted == pytest.approx(record["ptox"], abs=1e-4)  # dfcrm's optimiser stops at 1e-4
