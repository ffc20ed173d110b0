"""Differences between designs: exact ones, and those of paired simulated trials beside them."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import optimize, stats

from escalation import (
    BOIN,
    CRM,
    EscalationError,
    Scenario,
    StateSpaceError,
    ThreePlusThree,
    Trial,
    Truth,
    compare,
    exact,
    load_scenario,
    operating_characteristics,
    run,
    simulate,
)
from escalation.characteristics.distributions import trial_quantities
from escalation.characteristics.paired import QUANTITIES, bernstein_bound, likelihood_ratio_root
from escalation.engines.durations import Days
from escalation.kernels import simulated_tables
from escalation.kernels.codes import END, ESCALATE, STAY
from escalation.studies import run as scenario_run
from escalation.studies.compare import run_and_compare
from escalation.studies.work.options import silent
from tests.conformance.test_every_design import SETTINGS, WAITING
from tests.support import Steps, levels, without_responses, without_time

SCENARIOS = sorted((Path(__file__).parents[2] / "scenarios").glob("*.toml"))
SEED = 7
TRIALS = 2000

TRIAL = Trial(doses=levels(4), target=0.25, max_patients=36)
DESIGNS = (ThreePlusThree(), BOIN(), CRM(half_width=0.06, prior_mtd=3))
RISING = Truth(name="rising", dlt_rates=[0.05, 0.12, 0.25, 0.40])
TOXIC = Truth(name="toxic", dlt_rates=[0.45, 0.55, 0.65, 0.75])
SCENARIO = Scenario(name="three designs", trial=TRIAL, design=DESIGNS, truth=(RISING, TOXIC))


def value(oc, quantity):
    found = getattr(oc, quantity)
    return found if quantity in ("pcs", "stop_toxic") else found.mean


@pytest.fixture(scope="module", params=SCENARIOS, ids=lambda path: path.stem)
def compared(request):
    scenario = without_responses(without_time(load_scenario(request.param)))
    return scenario, compare(scenario, trials=TRIALS, seed=SEED)


class TestShippedScenarios:
    def test_every_pair_under_every_truth(self, compared):
        scenario, found = compared
        labels = list(scenario.designs)
        expected = [
            (truth.name, later, earlier, quantity)
            for truth in scenario.truth
            for place, earlier in enumerate(labels)
            for later in labels[place + 1 :]
            for quantity in ("pcs", "patients_above_mtd", "sample_size", "total_dlts", "stop_toxic")
        ]
        assert [(one.truth, one.design, one.reference, one.quantity) for one in found.differences] == expected

    def test_exact_differences_are_those_of_operating_characteristics(self, compared):
        scenario, found = compared
        endings = {label: exact(design, scenario.trial) for label, design in scenario.designs.items()}
        for truth in scenario.truth:
            correct = truth.correct_doses(scenario.trial.target)
            oc = {
                label: operating_characteristics(ends.outcomes(truth.dlt_rates), correct)
                for label, ends in endings.items()
            }
            for one in found.differences:
                if one.truth == truth.name:
                    mine, other = (value(oc[label], one.quantity) for label in (one.design, one.reference))
                    assert one.design_exact == pytest.approx(mine, abs=1e-12)
                    assert one.reference_exact == pytest.approx(other, abs=1e-12)
                    assert one.exact == pytest.approx(mine - other, abs=1e-12)

    def test_simulated_differences_are_those_of_the_simulated_trials(self, compared):
        """Means to the bit; standard errors, intervals and gains by plain numpy from two simulations."""
        scenario, found = compared
        for truth in scenario.truth:
            correct = truth.correct_doses(scenario.trial.target)
            outcomes = {
                label: simulate(design, scenario.trial, truth.dlt_rates, trials=TRIALS, seed=SEED)
                for label, design in scenario.designs.items()
            }
            for one in found.differences:
                if one.truth != truth.name:
                    continue
                pair = [outcomes[label] for label in (one.design, one.reference)]
                means = [value(operating_characteristics(ends, correct), one.quantity) for ends in pair]
                assert [one.design_simulated, one.reference_simulated] == means
                assert one.simulated == means[0] - means[1]
                mine, other = (
                    np.array(trial_quantities(ends, correct)[QUANTITIES[one.quantity]], float) for ends in pair
                )
                error = np.std(mine - other) / np.sqrt(TRIALS)
                assert one.standard_error == pytest.approx(error, rel=1e-12, abs=0)
                assert one.upper - one.simulated == pytest.approx(1.959964 * error, rel=1e-6, abs=1e-12)
                assert one.simulated - one.lower == pytest.approx(1.959964 * error, rel=1e-6, abs=1e-12)
                if error > 0:
                    assert one.gain == pytest.approx((np.var(mine) + np.var(other)) / np.var(mine - other))
                else:
                    assert one.gain is None
                if one.z is not None:
                    # A likelihood ratio's root is t + skewness t^2 / (3 sqrt(trials)) + ... of Student's t.
                    t, skew = (one.simulated - one.exact) / error, stats.skew(mine - other)
                    tail = stats.kurtosis(mine - other, fisher=False) * abs(t) ** 3 / TRIALS
                    assert abs(one.z - t) <= abs(skew) * t**2 / np.sqrt(TRIALS) + tail + 1e-9

    def test_simulated_differences_agree_with_exact_ones(self, compared):
        _, found = compared
        zs = [one for one in found.differences if one.z is not None]
        assert len(zs) >= len(found.differences) / 4
        bound = stats.norm.isf(1e-3 / 2 / len(found.differences))
        for one in zs:
            assert abs(one.z) < bound
            assert np.sign(one.z) == np.sign(one.simulated - one.exact)
            assert one.p_value == pytest.approx(2 * stats.norm.sf(abs(one.z)))
        smallest = min(one.p_value for one in found.differences)
        assert found.agreement.p_value == min(1, len(found.differences) * smallest)
        assert found.agreement.max_abs_z == max(abs(one.z) for one in zs)
        assert found.agreement.agrees


class TestDurations:
    """Of trials with a calendar; days are those that either engine gives of each design by itself."""

    TIMED = Trial(**{**dict(TRIAL), "dlt_window_days": 28, "time": {"accrual_per_month": 3.0, "while_closed": "lost"}})
    LATE = BOIN(label="TITE-BOIN", pending={"rule": "weigh"})

    def scenario(self, *designs, trial=TIMED):
        return Scenario(name="timed", trial=trial, design=designs, truth=(RISING, TOXIC))

    def durations(self, found):
        return {(one.truth, one.design): one for one in found.differences if one.quantity == "duration"}

    def test_of_designs_that_wait(self):
        found = compare(self.scenario(*DESIGNS), reference="3+3", trials=TRIALS, seed=SEED)
        for truth in (RISING, TOXIC):
            for design in DESIGNS[1:]:
                one = self.durations(found)[truth.name, design.label or design.kind]
                means = [exact(each, self.TIMED).duration(truth.dlt_rates)[0] for each in (design, DESIGNS[0])]
                assert (one.design_exact, one.reference_exact) == tuple(means)
                assert one.exact == means[0] - means[1]
                mine, other = (
                    simulate(each, self.TIMED, truth.dlt_rates, trials=TRIALS, seed=SEED).times[:, END]
                    for each in (design, DESIGNS[0])
                )
                error = np.std(mine - other) / np.sqrt(TRIALS)
                assert one.simulated == pytest.approx(np.mean(mine - other), rel=1e-12)
                assert one.standard_error == pytest.approx(error, rel=1e-12)
                assert one.upper == pytest.approx(one.simulated + 1.959964 * error, rel=1e-6)
                assert one.gain == pytest.approx((np.var(mine) + np.var(other)) / np.var(mine - other))
                t, skew = (one.simulated - one.exact) / error, stats.skew(mine - other)
                assert one.z == pytest.approx(t, abs=abs(skew) * t**2 / np.sqrt(TRIALS) + 0.01)
                assert one.p_value == pytest.approx(2 * stats.norm.sf(abs(one.z)))
        assert found.agreement.agrees
        assert found.gains["duration"] > 1

    def test_of_late_onset_designs_are_simulated(self):
        found = compare(self.scenario(BOIN(), self.LATE), trials=TRIALS, seed=SEED)
        one = self.durations(found)["rising", "TITE-BOIN"]
        assert one.design_exact is one.exact is one.z is one.p_value is None
        assert one.reference_exact == exact(BOIN(), self.TIMED).duration(RISING.dlt_rates)[0]
        assert one.simulated < -20
        assert one.standard_error > 0

    def test_of_days_that_are_only_simulated(self):
        trial = Trial(**{**dict(self.TIMED), "time": {"accrual_per_month": 3.0, "while_closed": "queue"}})
        scenario = self.scenario(*DESIGNS[:2], trial=trial)
        one = self.durations(compare(scenario, trials=TRIALS))["rising", "boin"]
        assert one.design_exact is one.exact is one.p_value is None
        assert one.simulated > 0
        assert not self.durations(compare(scenario, trials=0))

    def test_of_no_more_states_than_allowed(self, monkeypatch):
        """Counts may be exact where their days would take too long; nothing is refused for that."""
        limited = Days.limit.fget
        monkeypatch.setattr(Days, "limit", property(lambda days: replace(limited(days), states=3)))
        found = compare(self.scenario(*DESIGNS[:2]), trials=TRIALS)
        one = self.durations(found)["rising", "boin"]
        assert one.exact is one.p_value is None
        assert one.simulated > 0
        assert not found.refusals

    def test_no_calendar_no_days(self):
        assert not self.durations(compare(SCENARIO, trials=10))

    def test_too_few_trials_have_no_z(self):
        one = self.durations(compare(self.scenario(*DESIGNS[:2]), trials=399))["rising", "boin"]
        assert one.z is one.p_value is None
        one = self.durations(compare(self.scenario(*DESIGNS[:2]), trials=400))["rising", "boin"]
        assert one.z is not None

    def test_a_day_off_is_noticed(self, monkeypatch):
        """The engines disagree where one of them forgets the review of a cohort."""
        tables = Days.tables
        monkeypatch.setattr(
            Days,
            "tables",
            lambda days, what, rates: tables(replace(days, clock=replace(days.clock, review=1)), what, rates),
        )
        found = compare(self.scenario(*DESIGNS[:2]))
        assert not found.agreement.agrees
        assert "duration" in found.agreement.worst

    def test_equal_trials_agree(self):
        found = compare(self.scenario(BOIN(), BOIN(label="again")))
        one = self.durations(found)["rising", "again"]
        assert (one.exact, one.simulated, one.gain, one.p_value) == (0, 0, None, 1)

    def test_honest_runs_do_not_alarm(self):
        p_values = [
            one.p_value
            for seed in range(100, 110)
            for one in self.durations(compare(self.scenario(*DESIGNS), seed=seed)).values()
        ]
        assert len(p_values) == 40
        assert stats.kstest(p_values, "uniform").pvalue > 1e-3


def test_honest_runs_do_not_alarm():
    """As for single designs: of 20 seeds more than 5 are below 0.05 once in 3,000 honest test suites."""
    p_values = [compare(SCENARIO, seed=seed).agreement.p_value for seed in range(100, 120)]
    assert min(p_values) > 1e-3
    assert sum(p < 0.05 for p in p_values) <= 5


def test_every_kind_of_design():
    """On four doses and, where a kind is for one only, on one; differences of what each design does by itself."""
    shapes = (
        Trial(doses=levels(4), target=0.25, max_patients=12),
        Trial(doses=["one regimen"], target=0.25, max_patients=12),
    )
    seen = set()
    for trial in shapes:
        built = [design(**SETTINGS[kind][0] | {"label": kind}) for kind, design in WAITING.items()]
        fitting = tuple(design for design in built if not list(design.problems(trial)))
        rates = np.linspace(0.1, 0.5, trial.levels).tolist()
        scenario = Scenario(name="kinds", trial=trial, design=fitting, truth=[Truth(name="t", dlt_rates=rates)])
        found = compare(scenario, reference="3+3", trials=TRIALS)
        assert found.agreement.agrees
        assert {one.design for one in found.differences} == {design.label for design in fitting} - {"3+3"}
        for one in found.differences:
            oc = operating_characteristics(exact(scenario.designs[one.design], trial).outcomes(rates))
            assert one.design_exact == pytest.approx(value(oc, one.quantity), abs=1e-12)
        seen |= {design.kind for design in fitting}
    assert seen == set(WAITING)


def test_patients_are_shared():
    """With the patients of another seed for the second design, differences vary as the two designs together do."""
    _, boin, crm = DESIGNS
    differences = compare(SCENARIO, designs=["boin", "crm"], truths=["rising"], seed=SEED).differences
    paired = next(d for d in differences if d.quantity == "patients_above_mtd")
    over = np.array(RISING.dlt_rates) > TRIAL.target
    mine = simulate(crm, TRIAL, RISING.dlt_rates, seed=SEED).patients[:, over].sum(axis=1)
    strangers = simulate(boin, TRIAL, RISING.dlt_rates, seed=SEED + 1).patients[:, over].sum(axis=1)
    unpaired = mine - strangers
    variance_ratio = np.var(unpaired) / (paired.standard_error**2 * len(mine))
    # Relative standard error of a variance is sqrt((kurtosis - 1) / trials); three variances are estimated.
    error = np.sqrt((stats.kurtosis(unpaired, fisher=False) - 1) / len(mine))
    assert variance_ratio > 2
    assert paired.gain == pytest.approx(variance_ratio, rel=5 * np.sqrt(3) * error)


def test_an_expansion_leaves_the_patients_before_it_alone():
    """The same 3+3 with and without one: never fewer patients or DLTs in any trial, and at most 14 more."""
    scenario = without_time(load_scenario(next(path for path in SCENARIOS if path.stem == "tak-007")))
    with_it, without = (simulate(scenario.designs[label], scenario.trial, [0.3]) for label in ("3+3 lead-in", "3+3"))
    more = with_it.patients - without.patients
    assert set(np.unique(more)) <= {0, 3, 6, 9, 12, 14}
    assert np.all((with_it.dlts - without.dlts >= 0) & (with_it.dlts - without.dlts <= more))
    one = next(
        one
        for one in compare(scenario, designs=["3+3"], reference="3+3 lead-in", truths=["DLT rate 0.30"]).differences
        if one.quantity == "sample_size"
    )
    assert one.simulated == pytest.approx(-more.mean())


def test_swapped_designs_have_the_opposite_differences():
    forth = compare(SCENARIO, designs=["boin"], reference="crm", trials=TRIALS).differences
    back = compare(SCENARIO, designs=["crm"], reference="boin", trials=TRIALS).differences
    assert len(forth) == len(back) == 2 * 5
    for one, other in zip(forth, back, strict=True):
        flipped = replace(
            one,
            design=other.design,
            reference=other.reference,
            design_exact=one.reference_exact,
            reference_exact=one.design_exact,
            exact=-one.exact,
            design_simulated=one.reference_simulated,
            reference_simulated=one.design_simulated,
            simulated=-one.simulated,
            lower=-one.upper,
            upper=-one.lower,
        )
        assert flipped == replace(other, z=one.z, p_value=one.p_value, gain=one.gain)
        assert other.p_value == pytest.approx(one.p_value, rel=1e-9)
        assert other.z == (None if one.z is None else pytest.approx(-one.z, abs=1e-9))
        assert other.gain == (None if one.gain is None else pytest.approx(one.gain))


def test_later_minus_earlier_unless_there_is_a_reference():
    def pairs(**arguments):
        found = compare(SCENARIO, trials=0, truths=["rising"], **arguments).differences
        return [(one.design, one.reference) for one in found if one.quantity == "pcs"]

    assert pairs() == [("boin", "3+3"), ("crm", "3+3"), ("crm", "boin")]
    assert pairs(reference="boin") == [("3+3", "boin"), ("crm", "boin")]
    assert pairs(designs=["crm", "3+3"]) == [("crm", "3+3")]
    assert pairs(designs=["3+3"], reference="crm") == [("3+3", "crm")], "a reference need not be among the designs"


def test_equal_designs_never_differ():
    twins = Scenario(name="twins", trial=TRIAL, design=(BOIN(label="a"), BOIN(label="b")), truth=(RISING,))
    found = compare(twins, trials=TRIALS)
    for one in found.differences:
        assert (one.exact, one.simulated, one.standard_error, one.lower, one.upper) == (0, 0, 0, 0, 0)
        assert (one.z, one.p_value, one.gain) == (None, 1, None)
    assert found.agreement.agrees
    assert found.gains == {}


def test_nothing_left_to_chance():
    """Without DLTs each design always does the same: differences that are not zero and never vary."""
    safe = Scenario(name="safe", trial=TRIAL, design=DESIGNS[:2], truth=[Truth(name="none", dlt_rates=[0.0] * 4)])
    size = compare(safe, trials=50).differences[2]
    assert size.exact == pytest.approx(36 - 15)
    assert size.simulated == pytest.approx(36 - 15)
    assert (size.standard_error, size.z, size.p_value, size.gain) == (0, None, 1, None)


def test_gains_are_medians():
    found = compare(SCENARIO, trials=TRIALS)
    for quantity, gain in found.gains.items():
        gains = [one.gain for one in found.differences if one.quantity == quantity and one.gain is not None]
        assert gain == np.median(gains)
    assert set(found.gains) == set(QUANTITIES)


def test_no_trials():
    found = compare(SCENARIO, trials=0)
    assert found.agreement is None
    assert found.gains == {}
    for one in found.differences:
        assert one.exact == one.design_exact - one.reference_exact
        rest = (one.simulated, one.standard_error, one.lower, one.upper, one.z, one.p_value, one.gain)
        assert set(rest) == {None}


def test_one_trial_has_no_standard_error():
    for one in compare(SCENARIO, trials=1).differences:
        assert one.simulated is not None
        assert (one.standard_error, one.lower, one.z, one.gain) == (None, None, None, None)
        assert 0 < one.p_value <= 1


def test_refused_designs_are_simulated_only():
    found = compare(SCENARIO, trials=TRIALS, max_states=30_000)
    assert set(found.refusals) == {"boin", "crm"}
    whole = compare(SCENARIO, trials=TRIALS)
    for one, known in zip(found.differences, whole.differences, strict=True):
        assert one.simulated == known.simulated
        assert (one.exact, one.z, one.p_value) == (None, None, None)
        assert (one.design_exact, one.reference_exact) == (
            None,
            known.reference_exact if one.reference == "3+3" else None,
        )
    assert found.agreement is None
    with pytest.raises(StateSpaceError, match="states"):
        compare(SCENARIO, trials=0, max_states=30_000)


def test_each_design_runs_once(monkeypatch):
    """Simulated once under each truth, and enumerated once, however many pairs it is in."""
    calls = Counter()
    simulated, enumerated = scenario_run.simulate, scenario_run.under_each_truth

    def counted(design, trial, rates, **arguments):
        calls[design.kind, tuple(rates)] += 1
        return simulated(design, trial, rates, **arguments)

    def listed(design, *rest, **arguments):
        calls[design.kind] += 1
        return enumerated(design, *rest, **arguments)

    monkeypatch.setattr(scenario_run, "simulate", counted)
    monkeypatch.setattr(scenario_run, "under_each_truth", listed)
    for evaluate in (compare, both):
        calls.clear()
        steps = Steps()
        evaluate(SCENARIO, trials=10, progress=steps)
        assert set(calls.values()) == {1}
        assert len(calls) == 3 * 2 + 3
        assert (steps.asked, steps.done) == ([(3 * 2, "designs x truths")], 3 * 2)


def both(scenario, *, designs=(), truths=(), trials=TRIALS, max_states=None, progress=silent):
    return run_and_compare(
        scenario, designs=designs, truths=truths, trials=trials, seed=SEED, max_states=max_states, progress=progress
    )


@pytest.mark.parametrize("max_states", [None, 30_000])
def test_run_and_comparison_of_one_pass_are_those_of_two(max_states):
    ran, compared = both(SCENARIO, max_states=max_states)
    assert ran == run(SCENARIO, trials=TRIALS, seed=SEED, max_states=max_states)
    assert compared == compare(SCENARIO, trials=TRIALS, seed=SEED, max_states=max_states)
    assert ran.refusals == compared.refusals
    assert both(SCENARIO, designs=["boin"], truths=["rising"])[1] is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"designs": ["boin"]}, "two designs are needed for a comparison; there is only 'boin'"),
        ({"designs": ["boin"], "reference": "boin"}, "two designs are needed"),
        ({"designs": ["boin", "cmr"]}, "no design 'cmr'; did you mean 'crm'"),
        ({"reference": "bion"}, "no design 'bion'; did you mean 'boin'"),
        ({"truths": ["risin"]}, "no truth 'risin'; did you mean 'rising'"),
        ({"trials": -1}, "trials: -1"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(EscalationError, match=message):
        compare(SCENARIO, **arguments)


class TestErrorsAreCaught:
    def test_a_decision_of_one_engine(self, monkeypatch):
        """One cell of BOIN's table differs in the simulation: dose 2 after 1 DLT in 6."""
        original = simulated_tables.run_table_trials

        def corrupted(plan, *rest):
            codes = plan.codes.copy()
            codes[1, 6, 1] = STAY if codes[1, 6, 1] == ESCALATE else ESCALATE
            return original(plan._replace(codes=codes), *rest)

        honest = compare(SCENARIO, designs=["boin", "crm"], truths=["rising"])
        monkeypatch.setattr(simulated_tables, "run_table_trials", corrupted)
        found = compare(SCENARIO, designs=["boin", "crm"], truths=["rising"])
        assert honest.agreement.agrees
        assert not found.agreement.agrees
        assert found.agreement.worst.endswith(", crm - boin, rising")

    def test_a_difference_that_never_varies(self, monkeypatch):
        """One design is simulated in place of both: there is no standard error, but there is an alarm."""
        original = scenario_run.simulate
        monkeypatch.setattr(scenario_run, "simulate", lambda design, *rest, **named: original(BOIN(), *rest, **named))
        found = compare(SCENARIO, designs=["3+3", "boin"], truths=["rising"], trials=500)
        assert found.agreement.max_abs_z is None
        assert not found.agreement.agrees

    def test_an_impossible_difference(self, monkeypatch):
        """Without DLTs nothing is left to chance: a single wrong trial is too much."""
        original = scenario_run.simulate

        def corrupted(*arguments, **named):
            outcomes = original(*arguments, **named)
            if isinstance(arguments[0], BOIN):
                outcomes.dlts[17, 0] = 1
            return outcomes

        safe = Scenario(name="safe", trial=TRIAL, design=DESIGNS[:2], truth=[Truth(name="none", dlt_rates=[0.0] * 4)])
        assert compare(safe, trials=50).agreement.p_value == 1
        monkeypatch.setattr(scenario_run, "simulate", corrupted)
        found = compare(safe, trials=50).agreement
        assert found.p_value == 0
        assert found.worst == "total_dlts, boin - 3+3, none"


@pytest.mark.parametrize(("seen", "trials", "mean"), [(30, 1000, 0.02), (20, 10_000, 0.004), (700, 1000, 0.75)])
def test_likelihood_ratio_of_a_proportion(seen, trials, mean):
    """Of zeros and ones the empirical likelihood is that of the binomial distribution."""
    values = np.repeat([1, 0], [seen, trials - seen])
    ratio = 2 * (stats.binom.logpmf(seen, trials, seen / trials) - stats.binom.logpmf(seen, trials, mean))
    assert likelihood_ratio_root(values, mean) == pytest.approx(np.sqrt(ratio), rel=1e-6)
    beyond = stats.binom.cdf(seen - 1, trials, mean) if seen < mean * trials else stats.binom.sf(seen, trials, mean)
    middle = beyond + stats.binom.pmf(seen, trials, mean) / 2
    assert 0.8 < stats.norm.sf(likelihood_ratio_root(values, mean)) / middle < 1.25, "far out as well"


def test_likelihood_ratio_by_its_definition():
    """Weights that are sought directly: positive, of sum 1, with the given mean, and of the largest likelihood."""
    values, mean = np.array([-3, -1, -1, 0, 0, 0, 2, 5]), 1.0
    constraints = [
        {"type": "eq", "fun": lambda weights: weights.sum() - 1},
        {"type": "eq", "fun": lambda weights: weights @ values - mean},
    ]
    start = np.full(len(values), 1 / len(values))
    found = optimize.minimize(
        lambda weights: -np.log(weights * len(values)).sum(), start, bounds=[(1e-6, 1)] * 8, constraints=constraints
    )
    assert found.success
    assert likelihood_ratio_root(values, mean) == pytest.approx(np.sqrt(2 * found.fun), rel=1e-4)
    assert likelihood_ratio_root(values, values.mean()) == pytest.approx(0, abs=1e-6)


def test_few_trials_that_differ_are_no_alarm():
    """BOIN has another number of DLTs than monitoring in 26 of the 10,000 trials of this seed, by chance very few.

    In standard errors, which 26 trials make too small, the difference is 5.6 from the exact one: p = 3e-8.
    """
    scenario = without_time(load_scenario(next(path for path in SCENARIOS if path.stem == "tak-007")))
    found = compare(scenario, seed=273)
    name = ("DLT rate 0.05", "boin", "monitoring", "total_dlts")
    one = next(one for one in found.differences if (one.truth, one.design, one.reference, one.quantity) == name)
    assert abs(one.simulated - one.exact) / one.standard_error > 5.5
    assert abs(one.z) < 4.1
    assert found.agreement.agrees


@pytest.mark.parametrize("probability", [0.001, 0.02, 0.3, 0.5])
@pytest.mark.parametrize("trials", [1, 10, 100, 1000])
def test_bernsteins_bound_holds(trials, probability):
    """For the number of DLTs in so many patients: never below the exact probability of a mean so far away."""
    counts = np.arange(trials + 1)
    distances = np.abs(counts / trials - probability)
    masses = stats.binom.pmf(counts, trials, probability)
    variance, farthest = probability * (1 - probability), max(probability, 1 - probability)
    for distance in distances:
        exact_tail = masses[distances >= distance - 1e-12].sum()
        assert bernstein_bound(distance, trials, variance, farthest) >= exact_tail - 1e-12


def test_bernsteins_bound_by_hand():
    assert bernstein_bound(0.1, 1000, 0.25, 0.5) == pytest.approx(2 * np.exp(-10 / (0.5 + 0.1 / 3)))
    assert bernstein_bound(0.01, 10, 0.25, 0.5) == 1
    assert bernstein_bound(0.01, 10, 0.0, 0.0) == 0
