"""What work may take: estimates before it starts, limits, and what is said beyond them."""

import os
import re
import time
from dataclasses import replace

import numpy as np
import pytest

from escalation import (
    BLRM,
    BOIN,
    CRM,
    CostError,
    DesignError,
    EscalationError,
    Scenario,
    StateSpaceError,
    Trial,
    Truth,
    compare,
    exact,
    run,
    simulate,
)
from escalation.defaults import ALL_SECONDS, EXACT_SECONDS
from escalation.engines import allowance as engines_allowance
from escalation.engines.allowance import MEMORY_SHARE, Allowance, duration
from escalation.plans.conduct import Conduct
from escalation.plans.cost import cost_of
from escalation.scenario.truths.sets import TruthSet
from escalation.studies.robust import robust
from escalation.studies.run import Pass
from tests.support import levels

TRIAL = Trial(doses=levels(4), target=0.25, max_patients=36)
CRM_ = CRM(half_width=0.05, prior_mtd=2)


def scenario(*designs, trial=TRIAL, truths=1):
    rates = np.linspace(0.05, 0.4, trial.levels)
    return Scenario(
        name="n", trial=trial, design=designs, truth=[Truth(name=f"t{k}", dlt_rates=rates) for k in range(truths)]
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("max_states", value) for value in (0, -1, 1.5, True, "9")],
        *[("max_seconds", value) for value in (0, -1, np.nan, np.inf, True, "9")],
        *[("max_memory", value) for value in (0.0, -1, np.nan, np.inf, False, "9")],
    ],
)
def test_limits_are_numbers_above_0(name, value):
    with pytest.raises(DesignError, match=f"^{name}: {re.escape(repr(value))} should be a"):
        exact(BOIN(), TRIAL, **{name: value})


def test_each_limit_binds_and_is_named():
    for name, value in (("states", 1000), ("seconds", 1e-4), ("memory", 1e-4)):
        with pytest.raises(StateSpaceError, match=rf"a higher --max-{name} \(in Python max_{name}\) allows more$"):
            exact(CRM_, TRIAL, **{f"max_{name}": value})


def test_a_number_of_states_stands_for_the_defaults_of_the_others(monkeypatch):
    plan = CRM_.plan(TRIAL)
    monkeypatch.setattr(engines_allowance, "machine_memory", lambda: 30_000_000)
    assert Allowance().most_states(plan).states < 200_000
    assert Allowance(10**9).most_states(plan).states == 10**9
    assert Allowance(10**9, seconds=0.1).most_states(plan) == Allowance(seconds=0.1).most_states(plan)


def test_designs_share_the_time_and_the_memory():
    """Each alone would be allowed; two hundred together would take half an hour."""
    plan = BOIN().plan(TRIAL)
    assert Allowance(designs=3).seconds_each == EXACT_SECONDS
    assert Allowance(designs=200).seconds_each == ALL_SECONDS / 200
    assert Allowance(seconds=30, designs=3).seconds_each == 10
    alone, many = (Allowance(memory=0.01, at_once=number).most_states(plan).states for number in (1, 4))
    assert many == alone // 4
    designs = [BOIN(label=f"b{k}", p_saf=0.1 + k * 1e-4) for k in range(40)]
    asked = [design.label for design in designs]
    passed = Pass(scenario(*designs), asked, ["t0"], trials=0, seed=1)
    assert (passed.allowance.designs, passed.allowance.at_once) == (40, 40)


def test_states_that_are_looked_at_again_count_for_more():
    plan = BOIN().plan(TRIAL)
    once = Allowance(seconds=1).most_states(plan).states
    assert Allowance(seconds=1, evaluation=plan.cost.state).most_states(plan).states == once // 2


def test_pieces_that_are_worked_out_at_once_share_the_memory():
    alone = Allowance(memory=1.0).bytes
    assert alone == 1e9
    assert Allowance(memory=1.0, at_once=4).bytes == alone / 4


def test_likelihoods_that_do_not_fit_are_refused_at_once():
    trial = Trial(doses=levels(50), target=0.25, max_patients=1000)
    began = time.monotonic()
    with pytest.raises(StateSpaceError, match=r"likelihoods of up to 1000 patients at 50 doses would take [\d,.]+ GB"):
        exact(BLRM(), trial)
    with pytest.raises(StateSpaceError, match=r"likelihoods of all counts would take about .* where 1 s are allowed"):
        exact(BLRM(), trial.model_copy(update={"max_patients": 120}), max_seconds=1, max_memory=1e6)
    assert time.monotonic() - began < 10


def test_trials_that_take_too_long_are_refused_before_any_is_simulated():
    ten_million = scenario(
        BOIN(),
        CRM_.model_copy(update={"label": "slow"}),
        trial=Trial(doses=levels(4), target=0.25, max_patients=1000, cohort_size=1),
    )
    with pytest.raises(CostError) as refused:
        run(ten_million, trials=10_000_000, exact=False)
    found = re.fullmatch(
        r"10,000,000 simulated trials of each design under each of 1 truths would take about (.*), most of it for "
        r"'slow', where 60 s are allowed; fewer --trials, designs or truths take less, --max-seconds (\d+) \(in Python "
        r"max_seconds\) allows it",
        str(refused.value),
    )
    assert found is not None
    cores = os.cpu_count() or 1
    taken = [design.plan(ten_million.trial).cost.trial for design in ten_million.designs.values()]
    assert int(found[2]) == pytest.approx(sum(taken) * 1e7 / cores, rel=0.01)


def test_what_is_said_to_be_allowed_is():
    with pytest.raises(CostError, match="allows it") as refused:
        run(scenario(BOIN(), truths=3), trials=1000, max_seconds=0.01)
    enough = int(str(refused.value).partition("--max-seconds ")[2].partition(" ")[0])
    assert run(scenario(BOIN(), truths=3), trials=1000, max_seconds=enough).agreement is not None


def test_results_take_their_time_too():
    """Thousands of truths, or hundreds of pairs of designs, without a single simulated trial."""
    many = scenario(BOIN(), truths=10_000)
    with pytest.raises(
        CostError,
        match=r"^what is made of the results under 10,000 truths would take about \d+ s, .*; fewer designs or truths",
    ):
        run(many, trials=0)
    designs = [BOIN(label=f"b{k}", p_saf=0.1 + k * 1e-4) for k in range(200)]
    with pytest.raises(CostError, match="truths would take about"):
        compare(scenario(*designs, truths=2), trials=0)
    run(scenario(*designs[:3]), trials=0)
    Pass(scenario(*designs, truths=2), [d.label for d in designs], ["t0", "t1"], trials=0, seed=1).check()


def test_memory_of_simulated_trials(monkeypatch):
    with pytest.raises(CostError, match=r"1,000,000 simulated trials of 'boin' would take 0.4 GB, where 1.0 MB are"):
        run(scenario(BOIN()), trials=1_000_000, exact=False, max_memory=0.001)
    large = Trial(doses=levels(50), target=0.25, max_patients=1000, cohort_size=100)
    uneven = CRM(half_width=0.01, prior_mtd=2, titration=True)
    with pytest.raises(CostError, match=r"under 'crm' would take 6\.\d GB, where 1.0 GB are allowed"):
        run(scenario(uneven, trial=large), trials=1, exact=False, max_memory=1)
    monkeypatch.setattr(engines_allowance, "machine_memory", lambda: 2_000_000_000)
    with pytest.raises(CostError, match=r"under 'crm' would take 6\.\d GB, where 1.0 GB are allowed"):
        simulate(uneven, large, np.linspace(0.01, 0.5, 50), trials=1)
    with pytest.raises(CostError, match=r"; smaller cohorts, or all of one size, need less, --max-memory 6\.\d \("):
        run(scenario(uneven, trial=large), trials=1, exact=False)
    Pass(scenario(BOIN()), ["boin"], ["t0"], trials=100_000, seed=1, exact=False, max_memory=0.1).check()
    simulate(BOIN(), TRIAL, [0.05, 0.12, 0.25, 0.4], trials=100, max_memory=0.1)


def test_many_truths_lower_the_limit_of_states():
    rates = np.tile([0.05, 0.12, 0.25, 0.4], (1_000_000, 1))
    truths = TruthSet("many", (), rates, np.tile([False, False, True, False], (1_000_000, 1)))
    with pytest.raises(EscalationError, match=r"1,999 \(.*, about 10 s\) are allowed; fewer truths"):
        robust(scenario(BOIN()), truths)


def test_no_default_is_beyond_a_minute():
    assert EXACT_SECONDS < ALL_SECONDS <= 60
    assert MEMORY_SHARE <= 0.5


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 s"), (59.6, "60 s"), (300, "5 minutes"), (3599, "60 minutes"), (7200, "2 hours"), (10**8, "1,157 days")],
)
def test_durations(seconds, words):
    assert duration(seconds) == words


def test_a_later_plan_costs_what_its_curves_do():
    """The estimate of a BLRM whose curves are not made yet, beside the same with them."""
    for doses, patients in ((10, 60), (20, 60), (8, 120)):
        trial = Trial(doses=levels(doses), target=0.25, max_patients=patients)
        later = BLRM().plan(trial)
        made = later.whole.cost
        for name in ("state", "trial", "curves", "counts", "counting", "cohorts"):
            assert getattr(made, name) <= getattr(later.cost, name) < 2 * getattr(made, name), name
        assert made.making == 0 < later.cost.making


def test_costs_grow_with_what_is_done():
    conduct = Conduct.of(TRIAL)
    table, model = cost_of(conduct, 4), cost_of(conduct, 4, curves=1000, means=8, tables=4)
    assert (table.curves, table.counts, table.cohorts, table.making) == (0, 0, 0, 0)
    assert model.curves == 1000 * 4 * 4 * 8
    assert model.counts == 1000 * 4 * 37 * 38 / 2 * 8
    assert model.cohorts == 1000 * 4 * 2 * 4 * 8
    singly = Conduct.of(TRIAL.model_copy(update={"cohort_size": 1}))
    assert cost_of(singly, 4, curves=1000, means=8).trial == pytest.approx(3 * model.trial, rel=0.03)
    assert cost_of(replace(conduct, titration=True), 4, curves=1000).cohorts == model.cohorts * 3 / 2


@pytest.mark.long
@pytest.mark.parametrize("design", [BOIN(), CRM_, BLRM()], ids=lambda design: design.kind)
def test_estimates_are_of_the_right_size(design):
    """Within a factor of twenty, on whatever machine: units and powers of ten."""
    plan, trials = design.plan(TRIAL), {"boin": 100_000, "crm": 20_000, "blrm": 1000}[design.kind]
    rates = [0.05, 0.12, 0.25, 0.4]
    exact(design, TRIAL)  # which compiles
    simulate(design, TRIAL, rates, trials=10, threads=1)
    began = time.perf_counter()
    states = exact(design, TRIAL).states
    then = time.perf_counter()
    simulate(design, TRIAL, rates, trials=trials, threads=1)
    assert 1 / 20 < (then - began) / (states * plan.cost.state + plan.cost.counting) < 20
    assert 1 / 20 < (time.perf_counter() - then) / (trials * plan.cost.trial) < 20
