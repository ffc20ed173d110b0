"""The comparison of the engines: silent on honest runs, and it catches deliberate errors in either engine."""

import numpy as np
import pytest
from scipy import stats

from escalation import BOIN, CRM, DesignError, EscalationError, ThreePlusThree, Trial, exact, simulate
from escalation.characteristics.agreement import agreement, binomial_p_value
from escalation.engines import simulated as simulation
from escalation.kernels import codes, exact_curves, exact_tables, simulated_curves, simulated_tables
from escalation.plans import table
from escalation.trial.rates import correct_doses
from tests.support import levels

TRIAL = Trial(doses=levels(4), target=0.25, max_patients=36)
RATES = [0.05, 0.12, 0.25, 0.40]
CORRECT = correct_doses(RATES, TRIAL.target)
ALARM = 1e-3
DESIGNS = [
    BOIN(stop_at=15),
    CRM(half_width=0.06, prior_mtd=3, stop_if_too_toxic={"threshold": 0.9}),
    ThreePlusThree(),
]


def compare(design, seed=1):
    return agreement(exact(design, TRIAL).outcomes(RATES), simulate(design, TRIAL, RATES, seed=seed), CORRECT)


@pytest.mark.parametrize("design", DESIGNS, ids=lambda design: design.kind)
def test_honest_runs_do_not_alarm(design):
    """Familywise p values of 20 honest runs: below 0.05 about once, and never as small as an alarm."""
    expected = exact(design, TRIAL).outcomes(RATES)
    p_values = [agreement(expected, simulate(design, TRIAL, RATES, seed=seed), CORRECT).p_value for seed in range(20)]
    assert min(p_values) > ALARM
    # At most 5 of 20 with probability 0.05 each: exceeded once in 3,000 honest test suites.
    assert sum(p < 0.05 for p in p_values) <= 5


def corrupt_codes(arrays):
    table = arrays.codes.copy()
    table[1, 6, 1] = codes.STAY if table[1, 6, 1] == codes.ESCALATE else codes.ESCALATE
    return arrays._replace(codes=table)


@pytest.mark.parametrize("engine", ["exact", "simulated"])
@pytest.mark.parametrize("design", [BOIN(), ThreePlusThree()], ids=lambda design: design.kind)
def test_corrupted_decision_is_caught(engine, design, monkeypatch):
    """One cell of the decision table differs in one engine: dose 2 after 1 DLT in 6."""
    kernels, name = {
        "exact": (exact_tables, "settle_table"),
        "simulated": (simulated_tables, "run_table_trials"),
    }[engine]
    original = getattr(kernels, name)
    monkeypatch.setattr(kernels, name, lambda plan, *rest: original(corrupt_codes(plan), *rest))
    assert compare(design).p_value < ALARM


def corrupt_cuts(reading):
    return reading._replace(cuts=reading.cuts + np.array([0, 0.1, 0]))


@pytest.mark.parametrize("engine", ["exact", "simulated"])
def test_corrupted_model_is_caught(engine, monkeypatch):
    """The CRM's cut between doses 2 and 3 is a little too high in one engine."""
    kernels, name = {
        "exact": (exact_curves, "settle_curves"),
        "simulated": (simulated_curves, "run_curve_trials"),
    }[engine]
    original = getattr(kernels, name)
    monkeypatch.setattr(
        kernels,
        name,
        lambda plan, *rest: original(plan._replace(reading=corrupt_cuts(plan.reading)), *rest),
    )
    assert compare(DESIGNS[1]).p_value < ALARM


def test_corrupted_transition_in_the_exact_engine_is_caught(monkeypatch):
    """Trials that should stay at the lowest dose go up instead."""
    original = exact_tables.settle_table

    def corrupted(*arguments):
        alive, ended = original(*arguments)
        next_doses = arguments[-2].columns[:alive]
        next_doses[next_doses == 0] = 1
        return alive, ended

    monkeypatch.setattr(exact_tables, "settle_table", corrupted)
    assert compare(BOIN()).p_value < ALARM


def test_corrupted_transition_in_the_simulation_is_caught(monkeypatch):
    """The 3+3 goes on at a dose with six patients, up to nine."""
    original = simulated_tables.run_table_trials

    def corrupted(plan, *rest):
        patients = np.arange(plan.conduct.reasons.shape[2])[:, None]
        reasons = np.where(patients == 6, 0, plan.conduct.reasons).astype(np.int8)
        return original(plan._replace(conduct=plan.conduct._replace(reasons=reasons)), *rest)

    monkeypatch.setattr(simulated_tables, "run_table_trials", corrupted)
    assert compare(ThreePlusThree()).p_value < ALARM


def test_corrupted_weight_in_the_exact_engine_is_caught(monkeypatch):
    """Two DLTs in three patients are counted in two orders instead of three."""
    original = table.binomials

    def corrupted(most):
        ways = original(most)
        ways[3, 2] = 2
        return ways

    monkeypatch.setattr(table, "binomials", corrupted)
    with pytest.raises(EscalationError, match="sum to"):
        compare(BOIN())


def test_corrupted_patients_in_the_simulation_are_caught(monkeypatch):
    """Tolerances that are 3 % too low."""
    original = simulation.virtual.tolerances
    monkeypatch.setattr(simulation.virtual, "tolerances", lambda *arguments: original(*arguments) // 100 * 97)
    assert compare(BOIN()).p_value < ALARM


def test_rare_events_use_the_exact_binomial():
    assert binomial_p_value(0, 100, 0.0) == 1
    assert binomial_p_value(1, 100, 0.0) == 0
    assert binomial_p_value(100, 100, 1.0) == 1
    assert binomial_p_value(99, 100, 1.0) == 0
    assert binomial_p_value(7, 1000, 0.001) == pytest.approx(2 * stats.binom.sf(6, 1000, 0.001))
    assert binomial_p_value(3, 10, 0.3) == 1


def test_rare_quantities_are_compared_by_their_counts():
    """At 100 trials the events expected less than 20 times have no z value; at 10,000 the same events do."""
    design = BOIN()
    expected = exact(design, TRIAL).outcomes(RATES)
    few = agreement(expected, simulate(design, TRIAL, RATES, trials=30), CORRECT)
    assert few.max_abs_z is None, "at most 15 of 30 trials can be on the rarer side of a mean"
    more = agreement(expected, simulate(design, TRIAL, RATES, trials=60), CORRECT)
    assert more.max_abs_z is not None


def test_exact_outcomes_are_no_simulation():
    expected = exact(BOIN(), TRIAL).outcomes(RATES)
    with pytest.raises(DesignError, match="exact"):
        agreement(expected, expected, CORRECT)


@pytest.mark.parametrize("correct", [(0,), (9,), ("x",), 3])
def test_correct_doses_are_checked(correct):
    expected = exact(BOIN(), TRIAL).outcomes(RATES)
    with pytest.raises(DesignError, match="correct: "):
        agreement(expected, simulate(BOIN(), TRIAL, RATES, trials=10), correct)


def test_outcomes_of_another_trial():
    other = TRIAL.model_copy(update={"max_patients": TRIAL.max_patients - 3})
    with pytest.raises(DesignError, match="another trial"):
        agreement(exact(BOIN(), TRIAL).outcomes(RATES), simulate(BOIN(), other, RATES, trials=10), CORRECT)


def test_impossible_ending_is_caught():
    """A quantity that can have but one value must have it in every simulated trial."""
    trial = Trial(doses=levels(2), target=0.25, max_patients=6)
    design, rates = CRM(half_width=0.05, prior_mtd=1), [0.0, 0.0]
    expected = exact(design, trial).outcomes(rates)
    simulated = simulate(design, trial, rates, trials=100)
    assert agreement(expected, simulated, (2,)).p_value == 1
    simulated.dlts[17, 0] = 1
    assert agreement(expected, simulated, (2,)).p_value == 0
