"""The benchmark against every way that tolerances can fall, a sum over pairs of counts, and virtual patients."""

from fractions import Fraction

import numpy as np
import pytest
from scipy import special, stats

from escalation import CRM, DesignError, Trial, exact, operating_characteristics, optimal_selection, random_truths
from escalation.characteristics.benchmark import optimal_pcs
from escalation.engines.patients import BLOCK, tolerance_limits, tolerances
from escalation.kernels.selection import closest_dose
from tests.naive import optimal as naive
from tests.support import exact_characteristics, levels

LUCAR = Trial(doses=[50, 150, 300, 600], target=0.25, max_patients=36)


def trial(doses: int, patients: int, target: float) -> Trial:
    return Trial(doses=levels(doses), target=target, max_patients=patients, cohort_size=1)


TARGETS = ["0.25", "0.3", "0.5", "0.05", "0.9"]
TRUTHS = [
    ["0.1", "0.25", "0.4"],
    ["0.3", "0.3", "0.3"],  # always equal counts
    ["0", "0.2", "0.2", "1"],
    ["0", "0", "0"],
    ["1", "1"],
    ["0.4", "0.1", "0.4", "0.25"],  # falls and rises, and two are equal
    ["0.28", "0.3", "0.32", "0.34"],  # ties are frequent
    ["0.6"],
]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("patients", [1, 2, 4, 7, 10])
def test_every_way_that_tolerances_can_fall(patients, target):
    for rates in TRUTHS:
        ours = optimal_selection([float(rate) for rate in rates], trial(len(rates), patients, float(target)))
        expected = naive.optimal_selection([Fraction(rate) for rate in rates], Fraction(target), patients)
        assert ours == pytest.approx([float(share) for share in expected], abs=1e-14)
        assert (ours >= 0).all()


def test_another_rule_for_ties_is_noticed(monkeypatch):
    monkeypatch.setattr(naive, "recommended", lambda estimates, target: _closest(estimates, target)[0])
    with pytest.raises(AssertionError):
        test_every_way_that_tolerances_can_fall(4, "0.25")


def _closest(estimates, target):
    nearest = min(abs(estimate - target) for estimate in estimates)
    return [place for place, estimate in enumerate(estimates) if abs(estimate - target) == nearest]


def over_pairs(low: float, high: float, patients: int, target: float) -> tuple[float, float]:
    """How often the first and the second of two doses is closest, by the trinomial law of their counts."""
    c, b = np.meshgrid(np.arange(patients + 1), np.arange(patients + 1), indexing="ij")
    c, b = c[c <= b], b[c <= b]
    log = special.gammaln(patients + 1) - sum(special.gammaln(part + 1) for part in (c, b - c, patients - b))
    log += special.xlogy(c, low) + special.xlogy(b - c, high - low) + special.xlogy(patients - b, 1 - high)
    wanted = patients * target
    second = (abs(b - wanted) < abs(c - wanted) - 1e-6) | ((b == c) & (c < wanted - 1e-6))
    return float(np.exp(log[~second]).sum()), float(np.exp(log[second]).sum())


@pytest.mark.parametrize("patients", [36, 100, 1000])
@pytest.mark.parametrize("target", [0.25, 0.3])
def test_trials_of_any_size(target, patients):
    for low, high in [(0.2, 0.3), (0.24, 0.25), (0.0, 0.24), (0.3, 0.9), (0.26, 1.0), (0.01, 0.02)]:
        assert optimal_selection([low, high], trial(2, patients, target)) == pytest.approx(
            over_pairs(low, high, patients, target), abs=1e-10
        )


def simulated_selection(rates, blocks: int, pick) -> np.ndarray:
    """How often each dose is recommended in trials of the simulation's virtual patients, at every dose."""
    limits = tolerance_limits(np.asarray(rates))
    found = np.zeros(len(rates), np.int64)
    for block in range(blocks):
        patients = tolerances(5, block, LUCAR.max_patients)
        counts = (patients[:, :, None] < limits).sum(axis=1)
        for row, number in zip(*np.unique(counts, axis=0, return_counts=True), strict=True):
            found[pick(row / LUCAR.max_patients)] += number
    return found


def isotonic(estimates) -> int:
    """As the isotonic designs choose among estimates."""
    return closest_dose(estimates, len(estimates), LUCAR.target, np.inf)


RATES = [[0.05, 0.12, 0.25, 0.40], [0.2, 0.22, 0.25, 0.28], [0.005, 0.01, 0.015, 0.02], [0.45, 0.55, 0.65, 0.75]]


@pytest.mark.parametrize("rates", RATES)
def test_virtual_patients(rates):
    found = simulated_selection(rates, 20, isotonic)
    assert smallest_tail(found, optimal_selection(rates, LUCAR)) > 1e-3 / 4


def test_virtual_patients_notice_another_rule_for_ties():
    def lowest(estimates) -> int:
        return abs(estimates - LUCAR.target).argmin()

    def highest(estimates) -> int:
        return len(estimates) - 1 - lowest(estimates[::-1])

    for pick in (lowest, highest):
        found = simulated_selection(RATES[1], 20, pick)
        assert smallest_tail(found, optimal_selection(RATES[1], LUCAR)) < 1e-6


def smallest_tail(found: np.ndarray, expected: np.ndarray) -> float:
    """The smallest two-sided binomial p value, corrected for the number of doses."""
    trials = int(found.sum())
    assert trials % BLOCK == 0
    tails = [stats.binomtest(int(k), trials, min(p, 1.0)).pvalue for k, p in zip(found, expected, strict=True)]
    return min(1.0, len(tails) * min(tails))


def test_many_truths_are_each_one():
    for target, patients in ((0.25, 36), (0.3, 20)):
        some = trial(5, patients, target)
        rates = random_truths("clertant", some, count=300, seed=4)
        rates[::3] = np.random.default_rng(4).permuted(rates[::3], axis=1)
        selection = optimal_selection(rates, some)
        assert selection.sum(axis=1) == pytest.approx(np.ones(300), abs=1e-12)
        for truth, row in zip(rates, selection, strict=True):
            assert optimal_selection(truth, some).tolist() == row.tolist()


def test_doses_may_be_in_any_order():
    rates = np.array([0.05, 0.12, 0.25, 0.40])
    shuffled = np.array([2, 0, 3, 1])
    expected = optimal_selection(rates, LUCAR)[shuffled]
    assert optimal_selection(rates[shuffled], LUCAR).tolist() == expected.tolist()


def test_patients_of_an_expansion_do_not_count():
    expanded = Trial(doses=LUCAR.doses, target=0.25, max_patients=36, expansion={"patients": 20})
    assert optimal_selection(RATES[0], expanded).tolist() == optimal_selection(RATES[0], LUCAR).tolist()


def test_pcs():
    correct = np.array([[0, 0, 1, 0], [1, 1, 0, 0], [0, 0, 0, 0], [1, 1, 1, 1]], bool)
    selection = optimal_selection(RATES, LUCAR)
    pcs = optimal_pcs(RATES, correct, LUCAR)
    assert pcs[[0, 1, 3]] == pytest.approx([selection[0, 2], selection[1, :2].sum(), 1], abs=1e-14)
    assert np.isnan(pcs[2]), "the benchmark cannot recommend none"
    assert optimal_pcs(RATES[0], correct[0], LUCAR) == pcs[0]


def test_designs_stay_below_on_average_and_not_always():
    """A CRM with a strong prior beats the benchmark where the prior is right, and falls behind over many truths."""
    certain = CRM(half_width=0.06, prior_mtd=3, prior_sd=0.2)
    assert exact_characteristics(certain, LUCAR, RATES[0]).pcs > 0.9 > optimal_selection(RATES[0], LUCAR)[2]
    rates = random_truths("clertant", LUCAR, count=100, seed=1)
    closest = abs(rates - LUCAR.target).argmin(axis=1)
    endings = exact(certain, LUCAR)
    pcs = [
        operating_characteristics(endings.outcomes(truth), [dose + 1]).pcs
        for truth, dose in zip(rates, closest, strict=True)
    ]
    assert np.mean(pcs) < optimal_pcs(rates, np.arange(4) == closest[:, None], LUCAR).mean()


@pytest.mark.parametrize(
    ("rates", "message"),
    [
        ([0.1, 0.2, 0.3], "rates: 3 values for 4 dose levels"),
        ([[[0.1, 0.2, 0.3, 0.4]]], "rates: should be a row of 4 rates, one for each dose level, for each truth"),
        ([[0.1, 0.2, 0.3]], "rates: should be a row of 4 rates, one for each dose level, for each truth"),
        ([[0.1, 0.2, 0.3, 0.4], [0.1]], "rates: should be as many numbers for each truth"),
        (0.3, "rates: 1 values for 4 dose levels"),
        ([0.1, 0.2, 0.3, 1.2], "rates: every rate should be between 0 and 1"),
        ([0.1, 0.2, 0.3, float("nan")], "rates: every rate should be between 0 and 1"),
        (["a", "b", "c", "d"], "rates: should be numbers"),
        ([True, False, True, False], "rates: should be numbers"),
    ],
)
def test_rates_that_are_none(rates, message):
    with pytest.raises(DesignError) as refusal:
        optimal_selection(rates, LUCAR)
    assert str(refusal.value) == message


@pytest.mark.parametrize("correct", [[0, 0, 1, 0], [True], [[True, False, False, False]]])
def test_correct_doses_that_are_none(correct):
    with pytest.raises(DesignError, match="correct: should be true or false for each rate"):
        optimal_pcs(RATES[0], correct, LUCAR)
