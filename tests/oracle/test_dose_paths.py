"""Decisions along every path, and exact path probabilities, of the R package escalation 0.2.3."""

import pytest

from escalation import BOIN, CRM, MTPI, MTPI2, TPI, ThreePlusThree, Trial
from escalation.designs import Design
from tests.support import exact_characteristics, levels, next_dose, records


def crm(record: dict, **options) -> CRM:
    options.setdefault("no_skip", True)
    return CRM(skeleton=tuple(record["skeleton"]), coherent="off", recommend_untried=True, **options)


def comparable(record: dict) -> tuple[Design, float] | None:
    """Design and target where the rules are the same; None where they are not."""
    name = record["id"]
    target = 0.30 if ".30" in name else 0.25
    if name.startswith("3+3"):
        return ThreePlusThree(de_escalate="(de-escalation)" in name, six_at_top=False), target
    if name.startswith("BOIN"):
        # "stop when 6 at recommended" stops on the dose given next, BOIN's own rule only when the dose stays.
        return None if "stop when" in name else (BOIN(), target)
    if "TPI" in name:
        return {"TPI": TPI, "mTPI": MTPI, "mTPI-2": MTPI2}[name.split()[0]](), target
    if "no-skip both ways" in name:
        return None
    if "skipping allowed" in name:
        return crm(record, no_skip=False), target
    if "logistic" in name:
        return crm(record, model="logistic"), target
    if "scale .75" in name:
        return crm(record, prior_sd=0.75, stop_at=9), target
    return crm(record), target


TREES = [record for record in records("dose_paths") if comparable(record)]
EXACT = [record for record in records("dose_paths_exact") if comparable(record)]


@pytest.mark.parametrize("record", TREES, ids=lambda r: r["id"])
def test_next_dose_along_every_path(record):
    design, target = comparable(record)
    size = record["cohort_sizes"][0]
    settings = {"doses": levels(record["num_doses"]), "target": target}
    for node in record["nodes"]:
        if node["continue"]:
            assert next_dose(design, settings, node["path"], size) == node["next_dose"], node["path"]


@pytest.mark.parametrize("record", EXACT, ids=lambda r: f"{r['id']}-{r['true_prob_tox'][0]}")
def test_exact_path_probabilities(record):
    design, target = comparable(record)
    rates = record["true_prob_tox"]
    trial = Trial(
        doses=levels(len(rates)),
        target=target,
        max_patients=sum(record["cohort_sizes"]),
        cohort_size=record["cohort_sizes"][0],
    )
    oc = exact_characteristics(design, trial, rates)
    assert oc.patients == pytest.approx(record["expected_patients"], abs=1e-9)
    assert oc.dlts == pytest.approx(record["expected_tox"], abs=1e-9)
    assert oc.sample_size.mean == pytest.approx(record["expected_n"], abs=1e-9)
    distribution = {int(n): p for n, p in record["n_distribution"].items()}
    assert dict(oc.sample_size.distribution) == pytest.approx(distribution, abs=1e-9)
    # Without select_boin_mtd() that package's final answer for interval designs is the next dose, not the isotonic MTD.
    if "select_boin_mtd" in record["call"] or not any(name in record["id"] for name in ("BOIN", "TPI")):
        assert oc.selection == pytest.approx(record["prob_recommend"], abs=1e-9)
        assert oc.no_selection == pytest.approx(record["prob_no_dose"], abs=1e-9)


def test_enough_is_compared():
    assert len(TREES) == 9
    assert len(EXACT) == 20
