"""Calibrated boundaries against a search of every critical value, and crossing probabilities against the engine."""

from itertools import product
from math import log

import numpy as np
import pytest

from escalation import DesignError, Monitoring, Trial, exact
from escalation.kernels.codes import NO_DOSE
from tests.naive import rules
from tests.naive.rules.history import at_least
from tests.naive.rules.monitoring import chance_of_elimination, statistic

RULES = [
    {"rule": "bayes", "threshold": 0.9},
    {"rule": "pocock"},
    {"rule": "obrien-fleming"},
    {"rule": "wang-tsiatis", "delta": 0.25},
    {"rule": "wang-tsiatis", "delta": 0.5},
    {"rule": "sprt", "p1": 0.6},
    {"rule": "beta-binomial", "prior": (0.5, 1.5)},
]
CALIBRATED = [options for options in RULES if options["rule"] != "bayes"]
LIMITS = [0.1, 0.2, 0.25, 1 / 3, 0.5]
# Cohort size, patients, no look before: one by one, a smaller last cohort, one look, a first look left out.
SIZES = [(1, 15, 1), (3, 20, 1), (3, 18, 6), (4, 22, 5), (12, 12, 1), (2, 9, 9), (2, 9, 10)]


def naive(options: dict, limit: float, size: tuple[int, int, int]) -> rules.Monitoring:
    cohort_size, max_patients, min_patients = size
    settings = {"threshold": 0.95, "prior": (1.0, 1.0)} | options
    return rules.Monitoring(
        limit=limit, min_patients=min_patients, max_patients=max_patients, cohort_size=cohort_size, **settings
    )


@pytest.mark.parametrize("options", CALIBRATED, ids=str)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_boundaries_are_those_of_a_search_of_every_critical_value(options, size):
    cohort_size, max_patients, min_patients = size
    for limit, alpha in product(LIMITS, (0.01, 0.05, 0.2)):
        stops = Monitoring(min_patients=min_patients, alpha=alpha, **options).rejects(limit, cohort_size, max_patients)
        rule = naive(options | {"alpha": alpha}, limit, size)
        for n, y in np.ndindex(stops.shape):
            assert stops[n, y] == (n > 0 and y <= n and rule.eliminated(n, y)), (limit, alpha, n, y)


@pytest.mark.parametrize("options", RULES, ids=str)
@pytest.mark.parametrize("size", SIZES[:-1], ids=str)
def test_crossing_is_what_the_engine_calls_no_selection(options, size):
    cohort_size, max_patients, min_patients = size
    trial = Trial(doses=[1], target=0.3, max_patients=max_patients, cohort_size=cohort_size)
    design = Monitoring(min_patients=min_patients, **options)
    rule = naive(options, 0.3, size)
    endings = exact(design, trial)
    for rate in (0.0, 0.1, 0.3, 0.55, 1.0):
        outcomes = endings.outcomes([rate])
        stopped = outcomes.probability[outcomes.recommended == NO_DOSE].sum()
        crossing = design.crossing_probability(trial, rate)
        assert crossing == pytest.approx(stopped, abs=1e-12)
        assert crossing == pytest.approx(chance_of_elimination(rule, rate, rule.eliminated), abs=1e-12)
    if design.rule != "bayes":
        assert design.crossing_probability(trial, 0.3) <= 0.05


@pytest.mark.parametrize("options", CALIBRATED, ids=str)
def test_the_largest_trial_keeps_alpha(options):
    """Where tails are smaller than any floating-point number."""
    trial = Trial(doses=[1], target=0.3, max_patients=1000, cohort_size=10)
    crossing = Monitoring(**options).crossing_probability(trial, 0.3)
    assert 0 < crossing <= 0.05


@pytest.mark.parametrize("limit", [0.1, 0.2, 0.3, 0.35, 0.7])
@pytest.mark.parametrize("alpha", [0.02, 0.1, 0.4])
def test_equal_evidence_decides_alike(limit, alpha):
    """O'Brien-Fleming stops by y - n p0, here twentieths: equal for many counts, but for rounding."""
    stops = Monitoring(rule="obrien-fleming", alpha=alpha).rejects(limit, 1, 40)
    counts = [(n, y) for n in range(1, 41) for y in range(n + 1)]
    excess = {
        stop: [20 * y - round(20 * limit) * n for n, y in counts if stops[n, y] == stop] for stop in (True, False)
    }
    assert max(excess[False]) < min(excess[True])


@pytest.mark.parametrize("options", CALIBRATED, ids=str)
def test_a_crossing_probability_equal_to_alpha_is_allowed(options):
    """One patient: the only boundary is crossed with probability 0.3, also when that is computed as 1 - 0.7."""
    for alpha, stops in ((0.3, True), (1 - 0.7, True), (0.3 - 1e-6, False)):
        design = Monitoring(limit=0.3, alpha=alpha, **options)
        assert design.rejects(0.25, 1, 1).tolist() == [[False, False], [False, stops]]


def test_small_alphas_are_told_apart():
    """0.01^6 = 1e-12 is far below the slack, which is therefore relative here."""
    for alpha, stops in ((1.01e-12, True), (0.99e-12, False)):
        assert Monitoring(rule="pocock", alpha=alpha).rejects(0.01, 6, 6)[6, 6] == stops


def test_rates_and_trials_that_do_not_fit():
    trial = Trial(doses=[1], target=0.3, max_patients=9)
    for rate in (-0.1, 1.1, float("nan")):
        with pytest.raises(DesignError, match=r"^rate: "):
            Monitoring().crossing_probability(trial, rate)
    with pytest.raises(DesignError, match="single dose"):
        Monitoring().crossing_probability(Trial(doses=[1, 2], target=0.3, max_patients=9), 0.3)
    with pytest.raises(DesignError, match=r"^p1: 0.3 should be above the limit of 0.3"):
        Monitoring(rule="sprt", p1=0.3).rejects(0.3, 3, 9)


def test_walds_bound_leaves_part_of_alpha_unused():
    """The figures on the design's page: log(0.9 / 0.05) as critical value; 5 DLTs in 7 patients reach it exactly."""
    trial = Trial(doses=[1], target=0.2, max_patients=30, cohort_size=1)
    rule = naive({"rule": "sprt", "p1": 0.4}, 0.2, (1, 30, 1))
    wald = chance_of_elimination(rule, 0.2, lambda n, y: at_least(statistic(rule, n, y), log(0.9 / 0.05)))
    assert round(wald, 3) == 0.029
    assert round(Monitoring(rule="sprt", p1=0.4).crossing_probability(trial, 0.2), 3) == 0.048
