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


def with_rules(record: dict) -> Design | None:
    """The design with its rules written as rules; None where R's rules are others."""
    name = record["id"]
    if name == "CRM empiric .25 n=12 no-skip":
        return crm(record, no_skip=False, restrict=[{"rule": "never_skip"}])
    if "stop 9 at recommended" in name:
        return crm(
            record,
            prior_sd=0.75,
            no_skip=False,
            restrict=[{"rule": "never_skip"}],
            stop_when={"rule": "patients_at_dose", "at_least": 9},
        )
    if "no-skip both ways, toxicity stop" in name:
        # Its probability of toxicity is a normal approximation; on these few patients no stop differs.
        rule = {"rule": "never_skip", "when_deescalating": True}
        return crm(record, no_skip=False, restrict=[rule], stop_if_too_toxic={"threshold": 0.9})
    if "stop when 6 at recommended" in name:
        return BOIN(
            stop_when={"any": [{"rule": "patients_at_dose", "at_least": 6}, {"rule": "patients", "at_least": 12}]}
        )
    return None


TREES = [record for record in records("dose_paths") if comparable(record)]
EXACT_WITH_RULES = [record for record in records("dose_paths_exact") if with_rules(record)]
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


@pytest.mark.parametrize("record", EXACT, ids=lambda r: f"{r['id']}-{r['true_prob_tox'][0]}")
def test_stop_at_n_is_a_rule(record):
    """The same numbers with more patients planned, and R's stop_at_n() as a stopping rule."""
    design, target = comparable(record)
    rates, size = record["true_prob_tox"], record["cohort_sizes"][0]
    patients = sum(record["cohort_sizes"])
    settings = {"doses": levels(len(rates)), "target": target, "cohort_size": size}
    stopped = type(design)(**design.model_dump() | {"stop_when": {"rule": "patients", "at_least": patients}})
    ours = exact_characteristics(stopped, Trial(max_patients=patients + 2 * size, **settings), rates)
    full = exact_characteristics(design, Trial(max_patients=patients, **settings), rates)
    for part in ("selection", "patients", "dlts"):
        assert getattr(ours, part) == pytest.approx(getattr(full, part), abs=1e-12)
    assert dict(ours.sample_size.distribution) == pytest.approx(dict(full.sample_size.distribution), abs=1e-12)
    assert ours.stop_reasons["max_patients"] == 0
    assert (ours.stop_reasons["stopping_rule"] > 0) == (design.kind != "3+3")


@pytest.mark.parametrize("record", EXACT_WITH_RULES, ids=lambda r: f"{r['id']}-{r['true_prob_tox'][0]}")
def test_rules_around_a_design(record):
    """R's dont_skip_doses() and stop_when_n_at_dose() around a design that has no such option of its own."""
    rates = record["true_prob_tox"]
    trial = Trial(doses=levels(len(rates)), target=0.25, max_patients=sum(record["cohort_sizes"]))
    design = with_rules(record)
    oc = exact_characteristics(design, trial, rates)
    assert oc.patients == pytest.approx(record["expected_patients"], abs=1e-9)
    assert oc.dlts == pytest.approx(record["expected_tox"], abs=1e-9)
    distribution = {int(n): p for n, p in record["n_distribution"].items()}
    assert dict(oc.sample_size.distribution) == pytest.approx(distribution, abs=1e-9)
    if design.kind == "crm" and "both ways" not in record["id"]:  # there the final answer may not skip either
        assert oc.selection == pytest.approx(record["prob_recommend"], abs=1e-9)


@pytest.mark.parametrize(
    "record", [r for r in TREES if "stop 9" in r["id"] or "empiric .25 n=12" in r["id"]], ids=lambda r: r["id"]
)
def test_next_dose_under_rules(record):
    design = with_rules(record)
    settings = {"doses": levels(record["num_doses"]), "target": 0.25}
    for node in record["nodes"]:
        if node["continue"]:
            assert next_dose(design, settings, node["path"]) == node["next_dose"], node["path"]
        elif node["path"] and node["path"].count(" ") < len(record["cohort_sizes"]) - 1:
            assert next_dose(design, settings, node["path"]) is None, node["path"]


def test_enough_is_compared():
    assert len(TREES) == 9
    assert len(EXACT) == 20
