"""Means of simulated late-onset trials that lean on the exact means of the design that waits."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from escalation import BOIN, MTPI2, Scenario, Trial, Truth, exact, run, simulate
from escalation.characteristics.anchored import LEAST_GAIN, Anchor, anchored
from escalation.engines.outcomes import Outcomes
from escalation.kernels.codes import END, LAST_ENROLMENT
from escalation.report.pages.run import table_of, to_tree

RATES = (0.05, 0.12, 0.25, 0.40)
WEIGHED = BOIN(pending={"rule": "weigh"})


def trial_of(**time) -> Trial:
    return Trial(doses=[1, 2, 3, 4], target=0.25, max_patients=24, dlt_window_days=28, time=time)


def both(design, trial, trials: int, seed: int, rates=RATES) -> tuple[Outcomes, Anchor]:
    drawn, waiting = (simulate(one, trial, rates, trials=trials, seed=seed) for one in (design, design.waiting))
    return drawn, Anchor(exact(design.waiting, trial).outcomes(rates), waiting)


def columns(outcomes: Outcomes) -> np.ndarray:
    chosen = outcomes.recommended[:, None] == np.arange(outcomes.trial.levels)
    return np.column_stack([chosen, outcomes.patients, outcomes.dlts, outcomes.times[:, END]]).astype(float)


def test_is_the_intercept_of_a_regression_on_controls_less_their_exact_means():
    """The textbook's estimate and its standard error, by least squares on the trials one by one."""
    drawn, anchor = both(WEIGHED, trial_of(accrual_per_month=2), 3000, 5)
    found = anchored(drawn, anchor, [3])
    known = anchor.exact
    share, days = known.probability, known.days("duration")[:, 0]
    chosen = [share[known.recommended == dose].sum() for dose in range(4)]
    expected = [*chosen, *(share @ known.patients), *(share @ known.dlts), share @ days]
    controls = columns(anchor.simulated) - np.array(expected)
    # Nearly every trial has 24 patients and one recommendation: without the last dose's the columns are independent.
    kept = [0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12]
    kept = [column for column in kept if controls[:, column].std() > 0]
    design = np.column_stack([np.ones(3000), controls[:, kept]])
    assert np.linalg.matrix_rank(design) in (len(kept) + 1, len(kept))
    inverse = np.linalg.pinv(design.T @ design)
    for values, mean, error in (
        (drawn.recommended == 2, found.means.pcs, found.errors.pcs),
        (drawn.patients[:, 1], found.means.patients[1], found.errors.patients[1]),
        (drawn.dlts.sum(axis=1), found.means.total_dlts, found.errors.total_dlts),
        (drawn.times[:, END], found.means.duration, found.errors.duration),
        (drawn.times[:, LAST_ENROLMENT], found.means.last_enrolment, found.errors.last_enrolment),
    ):
        coefficients = inverse @ (design.T @ values)
        residual = values - design @ coefficients
        assert mean == pytest.approx(coefficients[0], rel=2e-4, abs=2e-4)
        assert error == pytest.approx(np.sqrt(residual @ residual / (2999 - len(kept)) * inverse[0, 0]), rel=2e-3)


@pytest.mark.parametrize("accrual", [1.0, 4.0])
def test_standard_errors_are_those_of_many_runs(accrual):
    """Forty runs of two thousand trials: spread and bias against their own standard errors and one large run."""
    trial = trial_of(accrual_per_month=accrual)
    known, runs = exact(WEIGHED.waiting, trial).outcomes(RATES), []
    for seed in range(40):
        drawn, waiting = (simulate(one, trial, RATES, trials=2000, seed=seed) for one in (WEIGHED, WEIGHED.waiting))
        found = anchored(drawn, Anchor(known, waiting), [3])
        runs.append(
            [(part.pcs, part.patients[2], part.total_dlts, part.duration) for part in (found.means, found.errors)]
        )
    means, errors = np.array(runs).transpose(1, 0, 2)
    ratio = means.std(axis=0, ddof=1) / errors.mean(axis=0)
    assert (ratio > 0.7).all()
    assert (ratio < 1.35).all()
    large = simulate(WEIGHED, trial, RATES, trials=400_000, seed=99)
    plain = [large.recommended == 2, large.patients[:, 2], large.dlts.sum(axis=1), large.times[:, END]]
    for number, values in enumerate(plain):
        spread = np.hypot(values.std() / np.sqrt(400_000), means[:, number].std(ddof=1) / np.sqrt(40))
        assert abs(means[:, number].mean() - values.mean()) < 4 * spread


def test_parts_add_up():
    drawn, anchor = both(WEIGHED, trial_of(accrual_per_month=3), 2000, 1)
    found = anchored(drawn, anchor, [3]).means
    assert sum(found.selection) + found.no_selection == pytest.approx(1, abs=1e-9)
    assert sum(found.patients) == pytest.approx(found.sample_size, abs=1e-9)
    assert sum(found.dlts) == pytest.approx(found.total_dlts, abs=1e-9)
    assert found.pcs == found.selection[2]
    assert found.patients_above_target == found.patients[3]


def test_where_nobody_is_pending_it_is_the_exact_value():
    """Patients who come once in two years: the late-onset design decides as the one that waits."""
    rates = 0.25, 0.35, 0.45, 0.60  # early stops are not rare: the shares of the doses are no constant in all
    drawn, anchor = both(WEIGHED, trial_of(accrual_per_month=0.04, arrivals="fixed"), 2000, 3, rates)
    found = anchored(drawn, anchor, [1])
    share = anchor.exact.probability
    assert found.means.pcs == pytest.approx(share[anchor.exact.recommended == 0].sum(), abs=1e-7)
    assert found.means.patients == pytest.approx(share @ anchor.exact.patients, abs=1e-6)
    assert found.gains.pcs > 1e6


def test_nothing_is_anchored_with_few_trials_or_where_it_gains_nothing():
    trial = trial_of(accrual_per_month=3)
    few = both(WEIGHED, trial, 200, 1)
    assert anchored(*few, [3]) is None
    drawn, anchor = both(WEIGHED, trial, 2000, 1)
    others = simulate(WEIGHED.waiting, trial, RATES, trials=2000, seed=2)
    assert anchored(drawn, Anchor(anchor.exact, others), [3]) is None  # other patients: nothing goes alike
    gains = asdict(anchored(drawn, anchor, [3]).gains)
    assert max(gains["pcs"], *gains["patients"]) > LEAST_GAIN


def test_a_wrong_exact_mean_is_noticed():
    """The anchored mean follows what it leans on: a control's mean that is off by 0.05 moves it by many errors."""
    drawn, anchor = both(MTPI2(pending={"rule": "predict"}), trial_of(accrual_per_month=1), 4000, 1)
    found = anchored(drawn, anchor, [3])
    other = exact(MTPI2(), anchor.exact.trial).outcomes([0.05, 0.12, 0.30, 0.40])
    moved = anchored(drawn, Anchor(other, anchor.simulated), [3])
    assert abs(moved.means.total_dlts - found.means.total_dlts) > 8 * found.errors.total_dlts


@pytest.fixture(scope="module")
def found():
    scenario = Scenario(
        name="late",
        trial=trial_of(accrual_per_month=3),
        design=[BOIN(), WEIGHED.model_copy(update={"label": "tite"})],
        truth=[Truth(name="third", dlt_rates=RATES)],
    )
    return run(scenario, trials=3000)


def test_a_run_shows_anchored_means(found):
    waits, late = found.results
    assert waits.anchored is None
    assert late.best.pcs == late.anchored.means.pcs != late.simulated.pcs
    assert late.best.mcse["pcs"] == late.anchored.errors.pcs < late.simulated.mcse["pcs"]
    assert late.best.time.duration.mean == late.anchored.means.duration
    assert late.best.dlt_rate.rate_of_means == pytest.approx(late.best.total_dlts.mean / late.best.sample_size.mean)
    assert late.simulated.time.gain == late.anchored.gains.duration > 1
    drawn = simulate(WEIGHED, found.scenario.trial, RATES, trials=3000, seed=found.seed)
    assert late.simulated.pcs == pytest.approx((drawn.recommended == 2).mean())


def test_a_run_writes_them(found):
    tree = json.loads(json.dumps(to_tree([found])))["results"]
    assert tree[0]["anchored"] is None
    assert tree[1]["anchored"]["pcs"] == found.results[1].anchored.means.pcs
    assert set(tree[1]["anchored"]) == {*asdict(found.results[1].anchored.means), "mcse", "gain"}
    rows = {tuple(row[3:6]): row[6:] for row in table_of([found]).rows() if row[3] == "anchored"}
    assert rows["anchored", "pcs", None] == (found.results[1].anchored.means.pcs, found.results[1].anchored.errors.pcs)
    assert rows["anchored", "gain.patients", 2] == (found.results[1].anchored.gains.patients[1], None)


def test_without_exact_values_nothing_is_anchored(found):
    other = run(found.scenario, trials=3000, exact=False)
    assert other.results[1].anchored is None
    assert other.results[1].best == other.results[1].simulated


def test_patients_and_dlts_are_never_below_zero():
    """At doses that hardly any trial reaches a regression may end below zero, and DLTs above patients."""
    toxic = (0.7, 0.8, 0.9, 0.95)
    drawn, anchor = both(WEIGHED, trial_of(accrual_per_month=4), 2000, 20260901, toxic)
    means = anchored(drawn, anchor, []).means
    assert means.patients[2:] == (0.0, 0.0)  # -0.0013 by the regression
    assert all(0 <= dlts <= patients for dlts, patients in zip(means.dlts, means.patients, strict=True))
