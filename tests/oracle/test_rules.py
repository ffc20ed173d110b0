"""Rules that any design takes, against R's crmPack 2.2.1.9000, dtpcrm 0.1.1 and bcrm 0.5.4.

A history is a list of cohorts: [dose, patients, DLTs].
"""

from functools import lru_cache

import numpy as np
import pytest

from escalation import BLRM, BOIN, CRM, Trial, operating_characteristics
from escalation import exact as enumerated
from escalation.designs import Design
from escalation.kernels.posterior import believe
from escalation.plans.decision import Decision, holding
from escalation.plans.plan import Plan
from escalation.running.decider import decider_of
from escalation.running.pathways import paths
from tests.support import each, levels, records

LARGEST = 60  # patients, more than any history has


def counts_of(doses: list, history: list) -> tuple[tuple[int, ...], tuple[int, ...]]:
    patients, dlts = ([0] * len(doses) for _ in range(2))
    for dose, n, y in history:
        patients[doses.index(dose)] += n
        dlts[doses.index(dose)] += y
    return tuple(patients), tuple(dlts)


def state_after(design, trial: Trial, history: list):
    """The decider, and where the trial stands after cohorts that need not be the design's own."""
    decider = decider_of(design, trial)
    state = decider.start
    for dose, n, y in history:
        at = dose - 1
        state = decider.treated(state, Decision(at, n), at, n, y)
    return decider, state


SIZES = records("crmpack_cohort_size")
SIZE_DOSES = sorted(
    {record["next_dose"] for record in SIZES if record["next_dose"]} | {d for r in SIZES for d, *_ in r["history"]}
)


def cohort_size(rules: list[dict]):
    """The trial's cohort_size that is the largest of crmPack's rules, which each look at one thing."""
    by_dose, by_dlts = None, None
    for rule in rules:
        bounds, sizes = np.array(rule.get("intervals", [0])), np.array(rule.get("cohort_size", [rule.get("size")]))
        by_outcome = rule["rule"] == "CohortSizeDLT"
        at = np.arange(bounds[-1] + 1) if by_outcome else np.array(SIZE_DOSES)
        found = sizes[np.searchsorted(bounds, at, side="right") - 1]
        if by_outcome:
            by_dlts = found
        else:
            by_dose = found if by_dose is None else np.maximum(by_dose, found)
    return {
        "by_dose": None if by_dose is None else by_dose.tolist(),
        "by_dlts": None if by_dlts is None else by_dlts.tolist(),
    }


@each([r for r in SIZES if r["settings"]["rule"] != "CohortSizeMin" and r["next_dose"] is not None])
def test_cohort_sizes(record):
    settings = record["settings"]
    sizes = cohort_size(settings.get("members", [settings]))
    trial = Trial(doses=SIZE_DOSES, target=0.25, max_patients=LARGEST, cohort_size=sizes)
    patients, dlts = counts_of(SIZE_DOSES, record["history"])
    dose = SIZE_DOSES.index(record["next_dose"])
    assert BOIN().plan(trial).conduct.size(dose, patients, dlts) == record["size"]


STEPS = records("crmpack_increments")


def max_step(rule: dict) -> dict:
    if rule["rule"] == "IncrementsDoseLevels":
        above = {"last": "last", "max": "highest_tried"}[rule["basis_level"]]
        return {"rule": "max_step", "levels": rule["levels"], "above": above}
    bounds = {"IncrementsRelative": "from_dose", "IncrementsRelativeDLT": "from_dlts"}[rule["rule"]]
    factors = [round(1 + increment, 10) for increment in rule["increments"]]
    return {"rule": "max_step", "factor": factors, bounds: rule["intervals"]}


def is_offered(record: dict) -> bool:
    """Not by the DLTs of the last cohort alone, and no step of nothing: that is the rule 'no escalation'."""
    rules = record["settings"].get("members", [record["settings"]])
    return all("Current" not in rule["rule"] and 0 not in rule.get("increments", []) for rule in rules)


OFFERED = [record for record in STEPS if is_offered(record) and record["history"]]


@each(OFFERED)
def test_largest_steps(record):
    doses = record["doses"]
    rules = record["settings"].get("members", [record["settings"]])
    trial = Trial(doses=doses, target=0.25, max_patients=LARGEST)
    conduct = BOIN(restrict=[max_step(rule) for rule in rules]).plan(trial).conduct
    patients, dlts = counts_of(doses, record["history"])
    last = doses.index(record["history"][-1][0])
    highest = min(conduct.highest_after(last, dlts, len(doses)), conduct.highest_after_tried(patients))
    assert doses[highest] == record["highest_exact"]


def test_steps_are_recorded_with_every_basis_and_where_rounding_undoes_them():
    assert len(OFFERED) > 150
    assert any(record["highest"] != record["highest_exact"] for record in OFFERED)
    members = [rule for record in OFFERED for rule in record["settings"].get("members", [record["settings"]])]
    assert {rule.get("basis_level") for rule in members} == {None, "last", "max"}
    assert {rule["rule"] for rule in members} == {
        "IncrementsRelative",
        "IncrementsRelativeDLT",
        "IncrementsDoseLevels",
    }


def eliminating(record: dict, doses: list):
    rule = {
        "rule": "eliminate",
        "limit": record["target"],
        "threshold": record["prob"],
        "prior": [record["a"], record["b"]],
    }
    trial = Trial(doses=doses, target=0.25, max_patients=LARGEST)
    return CRM(half_width=0.04, prior_mtd=2, restrict=rule).plan(trial), trial


@each(records("crmpack_hard_safety"))
def test_doses_that_are_eliminated(record):
    """Below the lowest dose crmPack still names that; its own stopping rule then ends the trial, as ours does."""
    doses = record["doses"]
    plan, _ = eliminating(record, doses)
    lowest = plan.conduct.lowest_eliminated(tuple(record["patients"]), tuple(record["dlts"]))
    assert doses[max(lowest - 1, 0)] == record["limit"]
    assert (lowest == 0) == record["stop_lowest"]
    judgement = plan.judge(tuple(record["patients"]), tuple(record["dlts"]))
    assert judgement.choice < max(lowest, 1)
    assert (judgement.choice < 0) == record["stop_lowest"]


@each(records("crmpack_hard_safety_boundaries"))
def test_fewest_dlts_that_eliminate(record):
    plan, _ = eliminating(record, levels(5))
    for n, fewest in zip(record["n"], record["closed_if_ge"], strict=True):
        found = np.flatnonzero(plan.conduct.eliminates[1, n, : n + 1])
        assert (found[0] if found.size else None) == fewest


STOPS = {
    "StoppingPatientsNearDose": lambda r: {"rule": "patients_at_dose", "at_least": r["nPatients"]},
    "StoppingDoseStabilized": lambda r: {"rule": "unchanged", "cohorts": r["nCohorts"]},
    "StoppingMinPatients": lambda r: {"rule": "patients", "at_least": r["nPatients"]},
}


@each(
    [
        record
        for record in records("crmpack_stopping")
        if record["settings"]["rule"] in STOPS
        and not record["settings"].get("percentage")
        and record["history"]
        and record["next_dose"] is not None
    ]
)
def test_stops_by_counts(record):
    settings, doses = record["settings"], record["doses"]
    design = BOIN(stop_when=STOPS[settings["rule"]](settings))
    trial = Trial(doses=doses, target=0.25, max_patients=LARGEST)
    history = [[doses.index(dose) + 1, n, y] for dose, n, y in record["history"]]
    decider, state = state_after(design, trial, history)
    following = Decision(doses.index(record["next_dose"]))
    assert bool(holding(decider.plan.conduct.stops, state, following)) == record["stop"]


@each(
    [
        record
        for record in records("crmpack_stopping_posterior")
        if record["rule"] == "StoppingTargetProb" and record["prob_target"] is not None
    ]
)
def test_enough_probability_of_the_target_interval(record):
    """The probability may be as large as asked for, or larger."""
    believed = np.empty(1, np.bool_)
    of_one_curve = np.full((1, 1, 1), float(record["prob_target"]))
    believe(of_one_curve, np.array([float(record["prob"])]), np.ones(1), 1.0, 0, believed)
    assert believed[0] == record["stop"]


def bcrm(record: dict, **options) -> CRM:
    return CRM(skeleton=record["prior"], prior_sd=record["prior_var"] ** 0.5, coherent="off", **options)


def trial_of(record: dict) -> Trial:
    return Trial(doses=levels(len(record["prior"])), target=record["target"], max_patients=LARGEST)


def condition(rules: dict) -> dict:
    """bcrm's stops: any of them, but not before `nmin` patients."""
    made = {
        "nmax": lambda n: {"rule": "patients", "at_least": n},
        "nmtd": lambda n: {"rule": "patients_at_dose", "at_least": n},
        # One recorded limit is a little below 0, just under a quantile.
        "precision": lambda limits: {
            "rule": "within_limits",
            "limits": [max(limits[0], 0), limits[1]],
            "posterior": "model",
        },
    }
    found = {"any": [made[name](value) for name, value in rules.items() if name != "nmin"]}
    return {"all": [{"rule": "patients", "at_least": rules["nmin"]}, found]} if "nmin" in rules else found


@each([record for record in records("bcrm_stopping") if "safety" not in record["stop_rules"]])
def test_stops_by_the_models_credible_interval(record):
    """At the dose that bcrm would give next."""
    design = bcrm(record, stop_when=condition(record["stop_rules"]))
    decider, state = state_after(design, trial_of(record), record["history"])
    judgement = decider.plan.judge(state.patients, state.dlts)
    following = Decision(record["next_dose"] - 1, judgement=judgement)
    assert bool(holding(decider.plan.conduct.stops, state, following)) == record["stop"]


@each(records("bcrm_posterior"))
def test_probabilities_beyond_the_models_quantiles(record):
    """P(rate < quantile) is the quantile's share, for the quantiles of every dose; plain limits beside them."""
    for name, share in (("ref_q025", 0.025), ("ref_q975", 0.975)):
        for dose, quantile in enumerate(record[name]):
            if not 1e-9 < quantile < 1 - 1e-9:
                continue
            rule = {"rule": "target_probability", "interval": [0, quantile], "at_least": 0.5, "posterior": "model"}
            decider, state = state_after(bcrm(record, stop_when=rule), trial_of(record), record["history"])
            (believed,) = decider.plan.judge(state.patients, state.dlts).believed.values()
            assert believed[dose] == pytest.approx(share, abs=2e-7)


def dtpcrm(record: dict, **options) -> CRM:
    settings = {"skeleton": record["prior"], "prior_sd": record.get("scale", record.get("prior_sd"))}
    return CRM(**settings, **options)


@pytest.mark.parametrize(
    ("rules", "options"),
    [
        ("model_dose", {"no_skip": False, "coherent": "off"}),
        ("no_skip_esc", {"no_skip": "highest_tried", "coherent": "off"}),
        ("global_coherent_esc", {"no_skip": False, "coherent": "dose"}),
        ("esc_and_coherent", {"no_skip": "highest_tried", "coherent": "dose"}),
    ],
)
@each(records("dtpcrm_next_dose"))
def test_no_skipping_from_the_highest_dose_given(record, rules, options):
    decider, state = state_after(dtpcrm(record, **options), trial_of(record), record["history"])
    assert decider.decide(state).next_dose == record[rules] - 1


@each([record for record in records("dtpcrm_stopping") if record.get("dose", 1) == 1])
def test_stops_of_dtpcrm(record):
    """Where it asks for the toxicity of the lowest dose, by the exact posterior: dtpcrm takes it for normal."""
    rule, options = record["rule"], {"no_skip": "highest_tried", "coherent": "dose"}
    if rule == "stop_for_excess_toxicity_empiric":
        margin = record["tox_lim"] - record["target"]
        options["stop_if_too_toxic"] = {"threshold": record["prob_cert"], "margin": margin}
        plan = dtpcrm(record, **options).plan(trial_of(record))
        patients, dlts = counts_of(levels(len(record["prior"])), record["history"])
        judgement = plan.judge(patients, dlts)
        assert judgement.toxicity == pytest.approx(record["prob_exact"], abs=1e-7)
        assert judgement.too_toxic == (record["prob_exact"] > record["prob_cert"])
        return
    by_dose = rule == "stop_for_consensus_reached"
    number = record["req_at_mtd"] if by_dose else record["max_sample_size"]
    stop = {"rule": "patients_at_dose" if by_dose else "patients", "at_least": number}
    decider, state = state_after(dtpcrm(record, stop_when=stop, **options), trial_of(record), record["history"])
    following = Decision(record.get("next_dose", 1) - 1)
    assert bool(holding(decider.plan.conduct.stops, state, following)) == record["stop"]


@lru_cache
def plan_of(design: Design, trial: Trial) -> Plan:
    """The histories of a setting are many, and its grid is one."""
    return design.plan(trial)


@pytest.mark.parametrize(("choose", "answer"), [("most_probable", "ncrm"), ("highest", "ewoc")])
@each(records("crmpack_next_best_blrm"))
def test_next_best_of_the_blrm(record, choose, answer):
    """Within the largest step, which may leave no dose; crmPack takes the highest where none has 5 % in the target."""
    (var_a, covariance), (_, var_b) = record["prior_covariance"]
    sd = var_a**0.5, var_b**0.5
    design = BLRM(
        prior_mean=record["prior_mean"],
        prior_sd=sd,
        prior_correlation=covariance / sd[0] / sd[1],
        reference_dose=record["reference_dose"],
        intervals=record["target"],
        ewoc=record["max_overdose_prob"],
        choose=choose,
    )
    doses = record["doses"]
    history = [[doses[level - 1], n, y] for level, n, y in record["history"]]
    judgement = plan_of(design, Trial(doses=doses, target=0.25, max_patients=LARGEST)).judge(*counts_of(doses, history))
    assert judgement.overdose == pytest.approx(record["ref_prob_overdose"], abs=1e-7)
    if choose == "most_probable":
        assert judgement.means == pytest.approx(record["ref_prob_target"], abs=1e-7)
    limit = len(doses) - 1 if record["limit"] is None else doses.index(record["limit"])
    if judgement.too_toxic:
        assert record[answer] is None
        return
    open_doses = range(min(limit, judgement.highest_open) + 1)
    if choose == "most_probable" and max(record["ref_prob_target"][dose] for dose in open_doses) <= 0.05:
        return
    assert doses[judgement.prefer(limit)] == record[answer]


def path_of(leaf) -> list:
    doses = [cohort.dose for cohort in leaf.cohorts]
    return [part for dose, cohort in zip(doses, leaf.cohorts, strict=True) for part in (dose, cohort.dlts)]


@each([r for r in records("dtpcrm_pathways") if not r["no_skip_deesc"] and r["excess"] is None])
def test_pathways(record):
    no_skip = "highest_tried" if record["no_skip_esc"] else False
    coherent = "dose" if record["global_coherent_esc"] else "off"
    (size,) = set(record["cohort_sizes"])
    trial = Trial(
        doses=levels(len(record["prior"])),
        target=record["target"],
        max_patients=LARGEST,
        cohort_size=size,
        start_dose=record["next_dose"],
    )
    found = paths(dtpcrm(record, no_skip=no_skip, coherent=coherent), trial, cohorts=len(record["cohort_sizes"]))
    ours = [[*path_of(leaf), leaf.next_dose] for leaf in found.root.leaves]
    assert sorted(ours) == sorted(record["paths"])


@each([r for r in records("dtpcrm_oc_exact") if not r["no_skip_deesc"] and r["tox_lim"] is None])
def test_operating_characteristics_without_simulation_error(record):
    design = dtpcrm(
        record,
        no_skip="highest_tried",
        coherent="dose" if record["global_coherent_esc"] else "off",
        stop_at=record["req_at_mtd"],
        recommend_untried=True,
    )
    trial = Trial(
        doses=levels(len(record["prior"])),
        target=record["target"],
        max_patients=record["max_sample_size"],
        cohort_size=record["cohort_size"],
        start_dose=record["first_dose"],
    )
    found = operating_characteristics(enumerated(design, trial).outcomes(record["true_tox"]))
    assert found.selection == pytest.approx(record["selprob_model"], abs=1e-9)
    assert found.patients == pytest.approx(record["expected_patients"], abs=1e-9)
    assert found.dlts == pytest.approx(record["expected_tox"], abs=1e-9)
