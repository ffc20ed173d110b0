"""The search for a sample size: against direct exact runs, its definition, and Cheung's formula."""

import math
from pathlib import Path

import numpy as np
import pytest

from escalation import (
    BOIN,
    CRM,
    ThreePlusThree,
    Trial,
    Truth,
    calibration_truths,
    crm_sample_size,
    exact,
    find_size,
    load_scenario,
    operating_characteristics,
    optimal_selection,
)
from escalation.errors import EscalationError
from escalation.scenario.file import Scenario
from escalation.studies.size import whole_cohorts
from escalation.trial.rates import correct_doses
from tests.exact.test_calibrate import Elsewhere
from tests.naive.quantities import overdosing
from tests.support import Steps

LUCAR = load_scenario(Path(__file__).parents[2] / "scenarios" / "lucar-dks1.toml")
TRIAL = Trial(doses=[1, 2, 3], target=0.25, max_patients=12)
TRUTHS = [Truth(name="at 2", dlt_rates=(0.1, 0.25, 0.4)), Truth(name="at 3", dlt_rates=(0.02, 0.1, 0.28))]


def small(*designs, truths=TRUTHS, trial=TRIAL) -> Scenario:
    return Scenario(name="s", trial=trial, design=designs, truth=truths)


def test_every_size_is_that_of_a_trial_of_that_size():
    sizes = [6, 9, 15, 18]
    scenario = small(BOIN(), ThreePlusThree(), CRM(half_width=0.05, prior_mtd=2))
    found = find_size(scenario, pcs=0.5, sizes=sizes)
    assert [curve.design for curve in found.curves] == ["boin", "3+3", "crm"]
    for curve, design in zip(found.curves, scenario.design, strict=True):
        assert list(curve.assessments) == sizes
        for size, one in curve.assessments.items():
            trial = TRIAL.model_copy(update={"max_patients": size})
            outcomes = [exact(design, trial).outcomes(truth.dlt_rates) for truth in TRUTHS]
            ocs = [operating_characteristics(one) for one in outcomes]
            over = [overdosing(one, correct_doses(one.rates, trial.target)) for one in outcomes]
            assert one.mean_pcs == pytest.approx(sum(oc.pcs for oc in ocs) / 2, abs=1e-12)
            assert one.worst_pcs == pytest.approx(min(oc.pcs for oc in ocs), abs=1e-12)
            assert one.overdosing == pytest.approx(sum(over) / 2, abs=1e-12)
            assert one.patients == pytest.approx(sum(oc.sample_size.mean for oc in ocs) / 2, abs=1e-12)


@pytest.mark.parametrize("objective", ["mean-pcs", "worst-pcs"])
@pytest.mark.parametrize("overdosing", [None, 0.2, 0.3])
@pytest.mark.parametrize("cohort", [1, 2, 3])
def test_the_answer_by_its_definition(objective, overdosing, cohort):
    trial = TRIAL.model_copy(update={"cohort_size": cohort})
    scenario = small(BOIN(), truths=TRUTHS[:1], trial=trial)
    for pcs in (0.3, 0.45, 0.5, 0.55, 0.9):
        found = find_size(
            scenario,
            pcs=pcs,
            objective=objective,
            overdosing=overdosing,
            sizes=whole_cohorts(trial, smallest=6, largest=18),
        )
        (curve,) = found.curves
        enough = {
            size: getattr(one, objective.replace("-", "_")) >= pcs
            and (overdosing is None or one.overdosing <= overdosing)
            for size, one in curve.assessments.items()
        }
        assert curve.smallest == min((size for size, good in enough.items() if good), default=None)
        lasting = [size for size in enough if all(good for other, good in enough.items() if other >= size)]
        assert curve.lasting == min(lasting, default=None)
        assert (found.unmet is None) == any(enough.values())


def test_pcs_can_fall_from_a_size_to_the_next():
    found = find_size(small(BOIN(), truths=TRUTHS[:1]), pcs=0.5, sizes=range(6, 25, 3))
    (curve,) = found.curves
    assert (curve.smallest, curve.lasting) == (6, 12)
    assert curve.assessments[9].mean_pcs < 0.5 < curve.assessments[6].mean_pcs


@pytest.mark.parametrize(
    ("doses", "pcs", "odds_ratio", "size"), [(4, 0.6, 2.0, 20), (6, 0.55, 2.0, 20), (5, 0.5, 2.0, 12)]
)
def test_cheungs_formula_is_near_the_exact_size(doses, pcs, odds_ratio, size):
    """The formula's own design (dfcrm::getn, Details) on its own calibration set: within a percentage point and a half.

    One patient a cohort, from the median dose; a half width of a quarter of the target about the median dose; the
    model's choice is recommended.
    """
    middle = (doses + 1) // 2
    trial = Trial(doses=list(range(doses)), target=0.25, max_patients=size, cohort_size=1, start_dose=middle)
    design = CRM(half_width=0.25 * 0.25, prior_mtd=middle, recommend_untried=True)
    scenario = small(design, truths=[Truth(name="t", dlt_rates=[0.25] * doses)], trial=trial)
    found = find_size(scenario, pcs=pcs, odds_ratio=odds_ratio, sizes=[size])
    (curve,) = found.curves
    assert curve.formula == size == crm_sample_size(pcs=pcs, target=0.25, doses=doses, odds_ratio=odds_ratio)
    assert abs(curve.assessments[size].mean_pcs - pcs) < 0.015
    assert found.truths.rates.tolist() == calibration_truths(trial, odds_ratio=odds_ratio).rates.tolist()


def test_the_formula_is_for_the_mean_pcs_of_a_crm():
    scenario = small(BOIN(), CRM(half_width=0.05, prior_mtd=2))
    boin, crm = find_size(scenario, pcs=0.5, odds_ratio=2, sizes=[6]).curves
    assert (boin.formula, boin.no_formula) == (None, None)
    assert crm.formula == crm_sample_size(pcs=0.5, target=0.25, doses=3, odds_ratio=2)
    assert find_size(scenario, pcs=0.5, odds_ratio=2, objective="worst-pcs", sizes=[6]).curves[1].formula is None
    low = find_size(scenario, pcs=0.3, odds_ratio=2, sizes=[6]).curves[1]
    assert low.formula is None
    assert "a guess among 3 doses would do" in low.no_formula


def test_benchmark():
    found = find_size(small(BOIN()), pcs=0.5, sizes=[6, 12])
    for size, pcs in found.benchmark.items():
        trial = TRIAL.model_copy(update={"max_patients": size})
        rates = np.array([truth.dlt_rates for truth in TRUTHS])
        assert pcs == pytest.approx(np.mean(optimal_selection(rates, trial)[[0, 1], [1, 2]]), abs=1e-12)
    assert list(found.benchmark) == [6, 12]
    with_none = small(BOIN(), truths=[*TRUTHS, Truth(name="none", dlt_rates=(0.5, 0.6, 0.7))])
    assert find_size(with_none, pcs=0.5, sizes=[6]).benchmark == {}


def test_sizes_that_are_not_possible_are_left_out():
    scenario = small(BOIN(), ThreePlusThree())
    boin, rule = find_size(scenario, pcs=0.3, sizes=[6, 24], max_states=300).curves
    assert list(boin.assessments) == [6]
    assert "states" in boin.left_out[24]
    assert list(rule.assessments) == [6, 24]
    with pytest.raises(EscalationError, match=r"no size is possible; 'boin' with 24 patients: .*states"):
        find_size(small(BOIN()), pcs=0.3, sizes=[24], max_states=10)
    found = find_size(small(BOIN()), pcs=0.3, sizes=[2, 6])
    assert "cohort" in found.curves[0].left_out[2]


def test_best_found_where_nothing_will_do():
    scenario = small(BOIN(), ThreePlusThree())
    found = find_size(scenario, pcs=0.95, sizes=[6, 9, 12])
    best = max((one.mean_pcs, curve.design, size) for curve in found.curves for size, one in curve.assessments.items())
    assert found.unmet == (
        f"no size from 6 to 12 has a mean PCS of 95 %: the best is {100 * best[0]:.4g} %, '{best[1]}' with {best[2]}"
    )
    limited = find_size(small(BOIN()), pcs=0.5, overdosing=0.0, sizes=[18, 24]).unmet
    assert "mean PCS of 50 % with overdosing at most 0 %: the nearest has " in limited


def test_whole_cohorts():
    assert whole_cohorts(TRIAL) == list(range(9, 25, 3))
    assert whole_cohorts(TRIAL, smallest=10, largest=16) == [12, 15]
    assert whole_cohorts(TRIAL, smallest=1, largest=6) == [3, 6]
    assert whole_cohorts(LUCAR.trial)[0] == 12
    assert whole_cohorts(LUCAR.trial)[-1] == 72
    with pytest.raises(EscalationError, match="no number of whole cohorts of 3 from 10 to 11 patients"):
        whole_cohorts(TRIAL, smallest=10, largest=11)
    with pytest.raises(EscalationError, match="1200 patients: a trial has at most 1000"):
        whole_cohorts(TRIAL, largest=1200)
    assert max(whole_cohorts(Trial(doses=[1], target=0.25, max_patients=900))) == 999


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pcs": 60}, "pcs: 60 should be a number strictly between 0 and 1"),
        ({"pcs": math.nan}, "pcs: nan should be"),
        ({"designs": ["bion"]}, "no design 'bion'"),
        ({"objective": "mean"}, "objective: 'mean' should be one of"),
        ({"overdosing": 2}, "overdosing: 2 should be a probability"),
        ({"sizes": []}, "sizes: none"),
        ({"odds_ratio": 1}, "odds_ratio: 1 should be a number above 1"),
    ],
)
def test_refused_before_any_work(monkeypatch, changes, message):
    monkeypatch.setattr("escalation.studies.size.evaluate", None)
    with pytest.raises(EscalationError, match=message):
        find_size(small(BOIN()), **{"pcs": 0.5, **changes})


def test_any_executor_gives_the_same():
    scenario = small(BOIN(), CRM(half_width=0.05, prior_mtd=2))
    steps = Steps()
    here = find_size(scenario, pcs=0.5, sizes=[2, 6, 12], progress=steps)
    there = find_size(scenario, pcs=0.5, sizes=[2, 6, 12], executor=Elsewhere())
    assert there.curves == here.curves
    assert (steps.asked, steps.done) == ([(6, "designs x sizes")], 6)
