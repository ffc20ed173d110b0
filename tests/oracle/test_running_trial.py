"""Next doses and estimates of a running trial against the R packages escalation, BOIN and dfcrm."""

import numpy as np
import pytest

from escalation import BOIN, CRM, InterimData, Trial, next_dose, paths
from escalation.trial.data import Cohort
from tests.oracle.test_dose_paths import EXACT, TREES, comparable
from tests.support import each, levels, records


@pytest.mark.parametrize("record", TREES, ids=lambda r: r["id"])
def test_next_dose_along_every_path(record):
    """R package escalation 0.2.3."""
    design, target = comparable(record)
    size = record["cohort_sizes"][0]
    asked = [node for node in record["nodes"] if node["continue"]]
    most = size * (1 + max(len(node["path"].split()) for node in asked))
    trial = Trial(doses=levels(record["num_doses"]), target=target, max_patients=most, cohort_size=size)
    assert len(asked) >= 14
    for node in asked:
        found = next_dose(design, trial, node["path"])
        assert found.next_dose == node["next_dose"], node["path"]
        assert found.warnings == ()
        assert found.cohort_size == size


@each(EXACT)
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


@each(records("boin_select_mtd"))
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


def cohorts(record: dict) -> InterimData:
    """Patient by patient: from counts alone, the courses that lead to them would have to be searched."""
    each_patient = [Cohort(dose, 1, toxic) for dose, toxic in zip(record["level"], record["tox"], strict=True)]
    return InterimData.from_cohorts(each_patient, len(record["prior"]))


def fitted_by(record: dict, **options) -> list[float]:
    model = {"empiric": "power", "logistic": "logistic"}[record["model"]]
    design = CRM(skeleton=record["prior"], model=model, recommend_untried=True, coherent="off", **options)
    most = len(record["level"]) + 1
    trial = Trial(doses=levels(len(record["prior"])), target=record["target"], max_patients=most, cohort_size=1)
    return [dose.estimate for dose in next_dose(design, trial, cohorts(record)).estimates]


CRM_RECORDS = records("crm_posterior")


@each(CRM_RECORDS[::5])
def test_fitted_rates(record):
    """R package dfcrm 0.2.2.1: the curve at the posterior mean, and fine quadrature of posterior mean rates."""
    fitted = fitted_by(record, prior_sd=record["scale"])
    assert fitted == pytest.approx(record["ptox"], abs=3e-4)  # dfcrm's own integrals are good to about 1e-4
    if record["model"] == "empiric":
        assert fitted == pytest.approx([s ** np.exp(record["ref_mean"]) for s in record["prior"]], abs=1e-8)
    means = fitted_by(record, prior_sd=record["scale"], estimate="mean")
    assert means == pytest.approx(record["ref_posterior_mean_ptox"], abs=1e-8)


@each([r for r in records("crm_mle") if 0 < sum(r["tox"]) < len(r["tox"])])
def test_fitted_rates_by_maximum_likelihood(record):
    fitted = fitted_by(record, method="mle")
    assert fitted == pytest.approx(record["ptox"], abs=1e-4)  # dfcrm's optimiser stops at 1e-4
