"""Late-onset trials exactly: against those that wait, against simulated ones, and where there are too many states."""

import random
from dataclasses import replace

import numpy as np
import pytest

from escalation import (
    BOIN,
    MTPI2,
    DesignError,
    I3Plus3,
    Keyboard,
    Scenario,
    StateSpaceError,
    ThreePlusThree,
    Truth,
    compare,
    exact,
    operating_characteristics,
    run,
    scenario_truths,
)
from escalation.characteristics.agreement import FEWEST_EXPECTED, agreement
from escalation.engines.allowance import Allowance
from escalation.engines.durations import with_days
from escalation.engines.exact import enumerate_endings
from escalation.engines.late_onset import EndingsByTruth
from escalation.engines.outcomes import DURATION, LAST_ENROLMENT
from escalation.engines.simulated import simulate_trials
from escalation.kernels.codes import MAX_PATIENTS
from escalation.plans.clock import clock_of
from escalation.running.start import start_of
from escalation.studies.work.pieces import exact_expectations
from tests.naive.test_late_onset import random_rule
from tests.naive.test_late_paths import ONSETS, trial_of

RATES = [0.05, 0.12, 0.25, 0.4]
LATE = [
    BOIN(pending={"rule": "weigh"}),
    BOIN(pending={"rule": "weigh", "method": "ess"}),
    Keyboard(pending={"rule": "weigh"}),
    MTPI2(pending={"rule": "predict"}),
    I3Plus3(pending={"rule": "predict", "suspend": "off"}),
    ThreePlusThree(pending={"rule": "roll"}),
]


def kind(design) -> str:
    return f"{design.kind} {design.pending.rule}"


def by_ending(outcomes) -> dict:
    """Probability of each ending, and its days: mean and variance of the duration and the last enrolment."""
    keys = zip(
        map(tuple, outcomes.patients.tolist()),
        map(tuple, outcomes.dlts.tolist()),
        outcomes.reason.tolist(),
        outcomes.recommended.tolist(),
        strict=True,
    )
    days = np.hstack([outcomes.days(DURATION), outcomes.days(LAST_ENROLMENT)])
    return dict(zip(keys, np.column_stack([outcomes.probability, days]).tolist(), strict=True))


@pytest.mark.parametrize("design", LATE, ids=kind)
@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("time", [{}, {"review_days": 5}, {"onset": {"kind": "weibull", "late_share": 0.7}}], ids=str)
def test_a_window_within_a_step_is_complete_follow_up(design, size, time):
    """Everything is known at each decision: the design that waits, which the other exact engine enumerates."""
    trial = trial_of(12, 0.7, 4, target=0.25, cohort_size=size, time=time)
    late = EndingsByTruth(start_of(design, trial, None), Allowance()).outcomes(RATES)
    start = start_of(design.waiting, trial, None)
    if isinstance(design, ThreePlusThree):
        start = replace(start, plan=start.plan.conducted(sizes=np.ones_like(start.plan.conduct.sizes)))
    waiting = with_days(enumerate_endings(start, Allowance()), start, Allowance(), clock_of(trial)).outcomes(RATES)
    found, expected = by_ending(late), by_ending(waiting)
    assert found.keys() == expected.keys()
    for ending, numbers in expected.items():
        assert found[ending] == pytest.approx(numbers, rel=1e-9, abs=1e-8), ending
    assert not late.while_pending.pending.any()
    assert not late.while_pending.holds.any()


COUNTED = ("hold_days", "holds", "turned_away", "pending_at_decision", "decided_with_pending", "at_closed_dose")


def unlikely(outcomes, simulated) -> list[str]:
    """What is more than four standard errors apart, beside what the agreement of the engines looks at."""
    found = agreement(outcomes, simulated, (1,))
    apart = [] if found.p_value > 1e-4 else [f"{found.worst}: {found.p_value}"]
    expected, seen = operating_characteristics(outcomes).time, operating_characteristics(simulated)
    errors = seen.mcse["time"]
    pairs = {
        name: (getattr(expected, name), getattr(seen.time, name), errors[name])
        for name in COUNTED
        if getattr(expected, name) * simulated.trials > 5 * FEWEST_EXPECTED
    }
    early = float(outcomes.probability[outcomes.reason != MAX_PATIENTS].sum())
    if early == 0 or early * simulated.trials > 5 * FEWEST_EXPECTED:  # few trials that are short can make a large part
        for name in ("duration", "last_enrolment"):
            ours, theirs = getattr(expected, name), getattr(seen.time, name)
            pairs[name] = ours.mean, theirs.mean, errors[name]["mean"]
            pairs[f"sd of {name}"] = ours.sd, theirs.sd, errors[name]["sd"]
    for name, (mean, value, error) in pairs.items():
        if abs(value - mean) > 4 * error + ROUNDING:
            apart.append(f"{name}: {value}, not {mean}")
    return apart


ROUNDING = 1e-6  # of days, in sums of many


def both(seed: int, trials: int = 20_000):
    """A random setting, and its outcomes by both engines."""
    draw = random.Random(seed)
    while True:
        design, given = random_rule(draw)
        doses = draw.choice([2, 3, 4])
        trial = trial_of(
            draw.choice([9, 12, 18]),
            draw.choice([0.7, 1.5, 2.0, 2.7, 3.0, 3.4]),
            doses,
            target=draw.choice([0.2, 0.25, 0.3]),
            cohort_size=draw.choice([1, 2, 3, 3, (1, 1, 3)]),
            start_dose=draw.choice([1, 1, 2]),
            time={"review_days": draw.choice([0, 0, 3, 7]), "onset": draw.choice(ONSETS)},
        )
        if not any(design.problems(trial)) and not any(given.problems(design, trial)):
            break
    rates = np.array(sorted(draw.choice([0.05, 0.1, 0.2, 0.3, 0.4, 0.6]) for _ in range(doses)))
    start = replace(start_of(design, trial, None), pending=given.plan(design, trial))
    simulated = simulate_trials(start, rates, trials=trials, seed=seed, threads=1)
    return (design, given, trial, rates), start, simulated


@pytest.mark.parametrize("seed", range(12))
def test_simulated_trials_agree(seed):
    setting, start, simulated = both(seed)
    assert not unlikely(EndingsByTruth(start, Allowance()).outcomes(setting[-1]), simulated), setting


@pytest.mark.long
@pytest.mark.parametrize("first", range(100, 180, 20))
def test_simulated_trials_agree_in_many_settings(first):
    for seed in range(first, first + 20):
        setting, start, simulated = both(seed)
        assert not unlikely(EndingsByTruth(start, Allowance()).outcomes(setting[-1]), simulated), (seed, setting)


def test_another_calendar_is_noticed():
    """A window a day longer, and a review."""
    design = BOIN(pending={"rule": "weigh"})
    trial = trial_of(18, 3.0, 4, target=0.25, cohort_size=3)
    right = simulate_trials(start_of(design, trial, None), np.array(RATES), trials=20_000, seed=1, threads=1)
    for change in ({"dlt_window_days": 29.0}, {"time": trial.time.model_copy(update={"review_days": 3.0})}):
        start = start_of(design, trial.model_copy(update=change), None)
        outcomes = EndingsByTruth(start, Allowance()).outcomes(RATES)
        assert unlikely(replace(outcomes, trial=trial), right)
    assert not unlikely(exact(design, trial).outcomes(RATES), right)


@pytest.mark.parametrize("design", LATE, ids=kind)
@pytest.mark.parametrize(
    "rates", [(0.0, 0.0, 0.0, 0.0), (0.0, 1.0, 1.0, 1.0), (1.0, 1.0, 1.0, 1.0), (0.1, 0.1, 1.0, 1.0)]
)
def test_what_is_certain(design, rates):
    trial = trial_of(12, 3.0, 4, target=0.25, cohort_size=3)
    simulated = simulate_trials(start_of(design, trial, None), np.array(rates), trials=2000, seed=3, threads=1)
    assert not unlikely(exact(design, trial).outcomes(rates), simulated)


def test_an_expansion_follows():
    """Its counts exactly; the days are simulated."""
    trial = trial_of(12, 3.0, 4, target=0.25, cohort_size=3, expansion={"patients": 6})
    design = BOIN(pending={"rule": "weigh"})
    endings = exact(design, trial)
    outcomes = endings.outcomes(RATES)
    simulated = simulate_trials(start_of(design, trial, None), np.array(RATES), trials=20_000, seed=1, threads=1)
    assert agreement(outcomes, simulated, (3,)).p_value > 1e-3
    assert outcomes.days is None
    with pytest.raises(DesignError, match="of a late-onset design with an expansion days are simulated"):
        endings.duration(RATES)


CALENDARS = [
    (
        {"arrivals": "poisson"},
        'with arrivals = "poisson", not "fixed", what is known when a dose is decided on depends on days',
    ),
    ({"while_closed": "wait"}, 'with while_closed = "wait", not "lost", what is known'),
    ({"gap_days": [3]}, "with gap_days what is known"),
    ({"inevaluable": 0.1}, "with inevaluable patients what is known"),
]


@pytest.mark.parametrize(("time", "message"), CALENDARS, ids=str)
def test_other_calendars_are_simulated(time, message):
    trial = trial_of(12, 3.0, 4, time=time)
    with pytest.raises(StateSpaceError, match=message):
        exact(BOIN(pending={"rule": "weigh"}), trial)


def test_too_much_is_refused_with_its_number():
    trial = trial_of(36, 3.0, 4, target=0.25, cohort_size=3)
    design = BOIN(pending={"rule": "weigh"})
    with pytest.raises(
        StateSpaceError, match=r"more than 10,000 states after \d\d of 36 patients, where at most 10,000"
    ):
        exact(design, trial, max_states=10_000)
    with pytest.raises(StateSpaceError, match=r"3\d\d,\d\d\d \(.* MB\) are allowed; fewer patients.*--max-seconds"):
        exact(design, trial, max_seconds=1)
    with pytest.raises(
        StateSpaceError, match=r"decisions on those who may be pending would take about \d+ (s|minutes)"
    ):
        exact(design, trial_of(36, 12, 4, target=0.25))
    for patients in (40, 9000):
        message = f"{patients} patients come within a DLT window and the review, too many for exact values at 4 doses"
        with pytest.raises(StateSpaceError, match=message):
            exact(design, trial_of(36, patients, 4, target=0.25))
    onset = {"kind": "weibull", "late_share": 0.6}
    many = EndingsByTruth(start_of(design, trial_of(9, 11, 8, time={"onset": onset}), None), Allowance())
    with pytest.raises(
        StateSpaceError, match=r"the 11 patients who come in a window would take .* GB; a lower accrual"
    ):
        many.outcomes([0.1] * 8)


def scenario(onset: dict, *designs) -> Scenario:
    trial = trial_of(12, 2.0, 4, target=0.25, cohort_size=3, time={"onset": onset})
    truths = [Truth(name=name, dlt_rates=rates) for name, rates in (("one", RATES), ("other", [0.2, 0.3, 0.5, 0.6]))]
    return Scenario(name="late", trial=trial, design=list(designs), truth=truths)


@pytest.mark.parametrize("onset", [{}, {"kind": "weibull", "late_share": 0.6}], ids=str)
def test_run_and_compare(onset):
    found = scenario(onset, *LATE[:2])
    results = run(found, trials=4000)
    assert not results.refusals
    assert results.agreement.agrees
    for result in results.results:
        assert result.exact.time.holds == pytest.approx(result.simulated.time.holds, abs=0.05)
    assert all(one.exact is not None for one in compare(found, trials=1000).differences)
    assert all(result.exact is not None for result in run(found, trials=0).results)


def test_each_truth_takes_an_enumeration_where_the_onset_depends_on_it():
    found = scenario({"kind": "weibull", "late_share": 0.6}, LATE[0])
    with pytest.raises(StateSpaceError, match="exact only under one truth at a time, in run, compare and report"):
        exact(LATE[0], found.trial)
    refused = run(found, trials=200, max_states=100)
    assert list(refused.refusals) == ["boin"]
    assert "more than 100 states" in refused.refusals["boin"]
    with pytest.raises(StateSpaceError, match="more than 100 states"):
        run(found, trials=0, max_states=100)


def test_many_truths_share_an_enumeration():
    found = scenario({}, LATE[0])
    truths = scenario_truths(found)
    means = exact_expectations(LATE[0], found.trial, truths)
    for pcs, result in zip(means.pcs, run(found, trials=0).results, strict=True):
        assert pcs == pytest.approx(result.exact.pcs, abs=1e-12)
