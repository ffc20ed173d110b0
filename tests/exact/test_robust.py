"""Summaries over truths against plain Python, truth by truth, and the same whatever ran them."""

import math
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from multiprocessing import get_context
from statistics import mean, stdev

import numpy as np
import pytest

from escalation import (
    BOIN,
    CRM,
    DesignError,
    EscalationError,
    Scenario,
    ThreePlusThree,
    Trial,
    Truth,
    drawn_truths,
    exact,
    operating_characteristics,
    optimal_selection,
    robust,
    scenario_truths,
    worst_cases,
)
from escalation.numbers import quantile
from escalation.scenario.truths.sets import TruthSet
from escalation.studies import robust as robustness
from escalation.studies import worst as worst_case
from escalation.trial.rates import correct_doses
from tests.naive.quantities import overdosing
from tests.support import Steps, levels

TRIAL = Trial(doses=levels(3), target=0.25, max_patients=12)
TRUTH = Truth(name="any", dlt_rates=(0.1, 0.25, 0.4))
DESIGNS = [ThreePlusThree(), BOIN(), CRM(half_width=0.06, prior_mtd=2)]
SCENARIO = Scenario(name="three", trial=TRIAL, design=DESIGNS, truth=[TRUTH])
DRAWN = drawn_truths("clertant", TRIAL, count=80, seed=3)


@pytest.fixture(scope="module")
def found():
    return robust(SCENARIO, DRAWN)


def by_hand(design, rates):
    """What one design does under one truth: by the operating characteristics, which are added up by other code."""
    outcomes = exact(design, TRIAL).outcomes(rates)
    oc = operating_characteristics(outcomes)
    correct = correct_doses(rates, TRIAL.target)
    best = optimal_selection(rates, TRIAL)
    return {
        "mtd": str(correct[0]) if correct else "none",
        "pcs": oc.pcs,
        "overdosing": overdosing(outcomes, correct),
        "above_mtd": oc.above_mtd,
        "share_above_target": oc.share_above_target,
        "sample_size": oc.sample_size.mean,
        "optimal": sum(best[dose - 1] for dose in correct) if correct else None,
    }


@pytest.fixture(scope="module")
def hands():
    return {
        label: [by_hand(design, rates) for rates in DRAWN.rates] for label, design in zip(LABELS, DESIGNS, strict=True)
    }


LABELS = ("3+3", "boin", "crm")


def test_summaries(found, hands):
    summaries = {(one.design, one.mtd): one for one in found.summaries()}
    assert {mtd for _, mtd in summaries} == {"1", "2", "3", "none", "all"}
    for (label, mtd), one in summaries.items():
        chosen = [(place, truth) for place, truth in enumerate(hands[label]) if mtd in (truth["mtd"], "all")]
        assert one.truths == len(chosen) > 1
        with_mtd = [(place, truth) for place, truth in chosen if truth["mtd"] != "none"]
        assert (one.overdosing is None) == (not with_mtd)
        for spread, name, worst, judged in (
            (one.pcs, "pcs", min, chosen),
            (one.overdosing, "overdosing", max, with_mtd),
        ):
            if not judged:
                continue
            values = [truth[name] for _, truth in judged]
            in_order = sorted(values, reverse=worst is max)
            assert spread.mean == pytest.approx(mean(values), abs=1e-12)
            assert spread.standard_error == pytest.approx(stdev(values) / math.sqrt(len(values)), abs=1e-12)
            assert spread.worst == pytest.approx(in_order[0], abs=1e-12)
            first = next(place for place, truth in judged if abs(truth[name] - in_order[0]) < 1e-9)
            assert spread.worst_truth == first
            beyond = sum(value < spread.tail - 1e-9 if worst is min else value > spread.tail + 1e-9 for value in values)
            assert any(value == pytest.approx(spread.tail, abs=1e-12) for value in values)
            assert beyond <= 0.05 * len(values)
        for name in ("above_mtd", "share_above_target", "sample_size"):
            assert getattr(one, name) == pytest.approx(mean(truth[name] for _, truth in chosen), abs=1e-12)
        known = [truth for _, truth in chosen if truth["optimal"] is not None]
        if known:
            best = mean(truth["optimal"] for truth in known)
            assert one.optimal_pcs == pytest.approx(best, abs=1e-12)
            assert one.efficiency == pytest.approx(mean(truth["pcs"] for truth in known) / best, abs=1e-12)
        else:
            assert (mtd, one.optimal_pcs, one.efficiency) == ("none", None, None)


def test_contrasts(found, hands):
    contrasts = list(found.contrasts())
    pairs = [("boin", "3+3"), ("crm", "3+3"), ("crm", "boin")]
    assert [(one.design, one.reference) for one in contrasts] == pairs * 5
    for one in contrasts:
        differences = [
            truth["pcs"] - other["pcs"]
            for truth, other in zip(hands[one.design], hands[one.reference], strict=True)
            if one.mtd in (truth["mtd"], "all")
        ]
        assert one.truths == len(differences)
        assert one.mean == pytest.approx(mean(differences), abs=1e-12)
        assert one.standard_error == pytest.approx(stdev(differences) / math.sqrt(len(differences)), abs=1e-12)
        assert one.better == sum(difference > 1e-9 for difference in differences) / len(differences)
        assert one.worse == sum(difference < -1e-9 for difference in differences) / len(differences)


@pytest.mark.parametrize("size", [1, 2, 19, 20, 21, 40, 100, 1000, 10_000])
def test_quantile(size):
    """The smallest value such that at least the share is not larger: counted in whole numbers."""
    values = np.random.default_rng(size).permutation(size) + 1.0
    for share, percent in ((0.05, 5), (0.95, 95), (0.5, 50)):
        expected = next(n for n in range(1, size + 1) if Fraction(n, size) >= Fraction(percent, 100))
        assert quantile(values, share) == expected


def test_a_design_against_itself_is_never_better():
    twice = SCENARIO.model_copy(update={"design": (BOIN(), BOIN(label="again"))})
    one = next(iter(robust(twice, DRAWN).contrasts()))
    assert (one.mean, one.better, one.worse) == (0, 0, 0)


def test_standard_error_covers():
    """Means of 40 sets of truths vary as their standard errors say: the ratio of variances is chi-square(39) / 39."""
    single = SCENARIO.model_copy(update={"design": (ThreePlusThree(),)})
    spreads = [
        next(one.pcs for one in robust(single, drawn_truths("logistic", TRIAL, count=400, seed=seed)).summaries())
        for seed in range(40)
    ]
    ratio = np.var([one.mean for one in spreads], ddof=1) / np.mean([one.standard_error**2 for one in spreads])
    assert 0.42 < ratio < 1.9, "the 0.1 and 99.9 % quantiles are 0.42 and 1.92"


def test_truths_that_are_not_a_sample_have_no_standard_error():
    found = robust(SCENARIO, scenario_truths(SCENARIO))
    assert [one.pcs.standard_error for one in found.summaries()] == [None] * 6
    assert [one.standard_error for one in found.contrasts()] == [None] * 6
    single = robust(SCENARIO, DRAWN.part(0, 1))
    assert {one.pcs.standard_error for one in single.summaries()} == {None}


def numbers(found):
    return [*found.summaries(), *found.contrasts()], {
        label: {name: values.tolist() for name, values in one.by_quantity().items()}
        for label, one in found.expectations.items()
    }


def test_same_bits_whatever_ran_them(found, monkeypatch):
    assert numbers(robust(SCENARIO, DRAWN)) == numbers(found)
    monkeypatch.setattr(robustness, "BLOCK", 7)
    steps = Steps()
    assert numbers(robust(SCENARIO, DRAWN, progress=steps)) == numbers(found)
    assert (steps.asked, steps.done) == ([(3 * 12, "designs x 7 truths")], 3 * 12)
    with ThreadPoolExecutor(3) as executor:
        assert numbers(robust(SCENARIO, DRAWN, executor=executor)) == numbers(found)
    worst = worst_cases(SCENARIO).found
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
        assert numbers(robust(SCENARIO, DRAWN, executor=executor)) == numbers(found)
        assert worst_cases(SCENARIO, executor=executor).found == worst


@pytest.mark.parametrize(
    "evaluate",
    [lambda **options: robust(SCENARIO, DRAWN, **options), lambda **options: worst_cases(SCENARIO, **options)],
)
def test_refused_designs_are_left_out(evaluate):
    """3+3 has 63 states in this trial, BOIN 93 and the CRM 97."""
    some = evaluate(max_states=80)
    assert list(numbers_of(some)) == ["3+3"]
    assert list(some.refusals) == ["boin", "crm"]
    assert f"at most {80}" in some.refusals["boin"]
    with pytest.raises(EscalationError, match="no design can be evaluated exactly; '3\\+3': up to"):
        evaluate(max_states=20)
    with pytest.raises(EscalationError, match="did you mean 'boin'"):
        evaluate(designs=["bion"])
    assert list(numbers_of(evaluate(designs=["crm", "3+3"]))) == ["3+3", "crm"]


def numbers_of(one):
    return one.expectations if hasattr(one, "expectations") else one.found


def test_truths_that_do_not_fit():
    four = drawn_truths("clertant", Trial(doses=levels(4), target=0.25, max_patients=12), count=5, seed=1)
    for truths in (four, DRAWN.part(3, 3)):
        with pytest.raises(DesignError, match="truths: there should be at least one, with 3 rates"):
            robust(SCENARIO, truths)


def test_positions():
    """Several correct doses count at the lowest; positions without truths are left out."""
    rates = np.array([[0.2, 0.3, 0.5], [0.5, 0.6, 0.7], [0.1, 0.2, 0.26]])
    correct = np.array([[True, True, False], [False] * 3, [False, False, True]])
    found = robust(SCENARIO, TruthSet("three", ("a", "b", "c"), rates, correct))
    assert {mtd: places.tolist() for mtd, places in found.positions().items()} == {
        "1": [0],
        "3": [2],
        "none": [1],
        "all": [0, 1, 2],
    }
    found = robust(SCENARIO, replace(DRAWN.part(0, 3), rates=rates, correct=np.zeros((3, 3), bool)))
    assert {one.efficiency for one in found.summaries()} == {None}


@pytest.mark.parametrize("delta", [0, -0.1, 0.2500001, math.nan, math.inf])
def test_distances_without_truths(delta):
    with pytest.raises(DesignError, match=r"delta: .* should be above 0 and at most 0\.25: rates lie between 0 and 1"):
        worst_cases(SCENARIO, delta=delta)
    one_dose = SCENARIO.model_copy(update={"trial": TRIAL.model_copy(update={"doses": (1,)}), "design": (BOIN(),)})
    assert len(worst_cases(one_dose).found["boin"]) == 1


def test_worst_cases():
    steps = Steps()
    found = worst_cases(SCENARIO, delta=0.15, progress=steps).found
    assert (steps.asked, steps.done) == ([(3 * 5, "searches")], 3 * 5)
    asked = worst_case.questions(TRIAL)
    assert asked == [("pcs", 1), ("pcs", 2), ("pcs", 3), ("overdosing", 1), ("overdosing", 2)]
    for label, design in zip(LABELS, DESIGNS, strict=True):
        assert [(one.quantity, one.mtd) for one in found[label]] == asked
        for one in found[label]:
            oc = operating_characteristics(exact(design, TRIAL).outcomes(one.rates), (one.mtd,))
            expected = oc.pcs if one.quantity == "pcs" else oc.overdosing_60
            assert one.value == pytest.approx(expected, abs=1e-12)
            assert one.optimal_pcs == pytest.approx(optimal_selection(one.rates, TRIAL)[one.mtd - 1], abs=1e-12)
