"""Means under many truths against the operating characteristics of each, which are added up by other code."""

import numpy as np
import pytest

from escalation import BLRM, BOIN, CRM, DesignError, Monitoring, ThreePlusThree, Trial, exact, operating_characteristics
from escalation.characteristics.many_truths import expectations
from escalation.engines.allowance import MostStates
from escalation.engines.durations import Days
from escalation.trial.rates import correct_doses
from tests.naive.quantities import overdosing
from tests.support import levels

TRIAL = Trial(doses=levels(3), target=0.25, max_patients=15)
EXPANDED = Trial(
    doses=levels(3), target=0.25, max_patients=9, expansion={"patients": 6, "monitoring": {"rule": "bayes"}}
)
SINGLE = Trial(doses=[1], target=0.25, max_patients=20)

TRUTHS = [
    [0.1, 0.25, 0.4],
    [0.0, 0.0, 0.0],
    [1.0, 1.0, 1.0],
    [0.0, 0.25, 1.0],
    [0.4, 0.3, 0.2],  # decreasing
    [0.3, 0.1, 0.3],  # doses 1 and 3 above the target
    [0.25, 0.25, 0.25],
    [0.36, 0.5, 0.6],  # no dose is correct
    [0.1, 0.27, 0.4],  # the correct dose is above the target
]


@pytest.mark.parametrize(
    ("design", "trial", "after"),
    [
        (BOIN(), TRIAL, None),
        (BOIN(stop_at=6, titration=True), TRIAL, None),
        (BOIN(stop_when={"rule": "patients", "at_least": 9}), TRIAL, None),
        (CRM(skeleton=[0.1, 0.25, 0.4], stop_if_too_toxic={"threshold": 0.9}), TRIAL, None),
        (BLRM(intervals=(0.16, 0.33), reference_dose=2.0), TRIAL, None),
        (ThreePlusThree(), TRIAL, None),
        (BOIN(), EXPANDED, None),
        (BOIN(), TRIAL, "1NNT 1NNN 2NTT"),
        (Monitoring(), SINGLE, None),
        (BOIN(), SINGLE, "1NTNT"),
    ],
)
def test_expectations(design, trial, after):
    if after is not None:
        trial = trial.model_copy(update={"cohort_size": len(after.split()[0]) - 1})
    endings = exact(design, trial, after=after)
    truths = np.array(TRUTHS)[:, : trial.levels]
    found = expectations(endings, truths)
    values = found.by_quantity()
    assert all(value.shape == (len(truths),) for value in values.values())
    for place, rates in enumerate(truths):
        oc = operating_characteristics(endings.outcomes(rates))
        assert correct_doses(rates, trial.target) == tuple(np.flatnonzero(found.correct[place]) + 1)
        expected = {
            "pcs": oc.pcs,
            "no_selection": oc.no_selection,
            "sample_size": oc.sample_size.mean,
            "total_dlts": oc.total_dlts.mean,
            "dlt_rate": oc.dlt_rate.rate_of_means,
            "above_mtd": oc.above_mtd,
            "share_above_target": oc.share_above_target,
            "overdosing": overdosing(endings.outcomes(rates), correct_doses(rates, trial.target)),
            "overdosing_60": oc.overdosing_60,
            "overdosing_80": oc.overdosing_80,
            "early_stop": oc.early_stop,
            "stop_toxic": oc.stop_toxic,
            "stop_enough": oc.stop_enough,
            **{f"selection.{dose}": share for dose, share in enumerate(oc.selection, 1)},
            **{f"patients.{dose}": mean for dose, mean in enumerate(oc.patients, 1)},
            **{f"dlts.{dose}": mean for dose, mean in enumerate(oc.dlts, 1)},
        }
        assert set(values) == set(expected)
        for name, value in expected.items():
            assert values[name][place] == pytest.approx(value, rel=1e-12, abs=1e-12), (name, rates)


def test_correct_doses_may_be_declared():
    endings = exact(BOIN(), TRIAL)
    found = expectations(endings, [TRUTHS[0]] * 3, [[False, True, True], [False] * 3, [True, False, False]])
    selection, none = found.selection[0], found.no_selection[0]
    assert found.pcs == pytest.approx([selection[1] + selection[2], none, selection[0]], abs=1e-15)


def test_a_truth_has_the_same_numbers_in_whatever_company():
    """To the bit: what is evaluated in pieces does not depend on how it was cut."""
    endings = exact(BOIN(), TRIAL)
    rates = np.random.default_rng(1).random((40, 3))
    together = expectations(endings, rates).by_quantity()
    for first, last in ((0, 1), (1, 14), (14, 40)):
        part = expectations(endings, rates[first:last]).by_quantity()
        for name, values in together.items():
            assert part[name].tolist() == values[first:last].tolist()


@pytest.mark.parametrize(
    ("rates", "correct", "message"),
    [
        ([0.1, 0.2, 0.3], None, "rates: should be a row of 3 rates, one for each dose level, for each truth"),
        ([[0.1, 0.2]], None, "should be a row of 3 rates"),
        ([[0.1, 0.2, 0.3], [0.1, 0.2]], None, "rates: should be as many numbers for each truth"),
        ([], None, "should be a row of 3 rates"),
        ([[0.1, 0.2, 1.1]], None, "rates: every rate should be between 0 and 1"),
        ([[0.1, 0.2, float("nan")]], None, "rates: every rate should be between 0 and 1"),
        ([["a", "b", "c"]], None, "rates: should be numbers"),
        ([[0.1, 0.2, 0.3]], [[True, False]], "correct: should be true or false for each dose level of each truth"),
        ([[0.1, 0.2, 0.3]], [[0, 1, 0]], "correct: should be true or false for each dose level of each truth"),
    ],
)
def test_bad_input(rates, correct, message):
    endings = exact(BOIN(), TRIAL)
    with pytest.raises(DesignError, match=message.replace("(", r"\(")):
        expectations(endings, rates, correct)


TIME = {"accrual_per_month": 2.0, "review_days": 3.0}


def timed(**options):
    trial = {"doses": levels(3), "target": 0.25, "max_patients": 15, "dlt_window_days": 28, "time": TIME, **options}
    return Trial(**trial)


@pytest.mark.parametrize(
    ("design", "options"),
    [
        (BOIN(), {}),
        (BOIN(), {"time": TIME | {"while_closed": "lost", "arrivals": "fixed"}}),
        (BOIN(stop_at=6, titration=True), {"time": TIME | {"onset": {"kind": "quantiles", "quantiles": [[9, 0.7]]}}}),
        (CRM(skeleton=[0.1, 0.25, 0.4]), {}),
        (BOIN(), {"max_patients": 9, "expansion": {"patients": 6, "monitoring": {"rule": "bayes"}}}),
    ],
)
def test_mean_durations(design, options):
    """As of each truth by itself, where the probabilities of the endings are added up by other code."""
    endings = exact(design, timed(**options))
    found = expectations(endings, TRUTHS, timed=True)
    assert found.duration == pytest.approx([endings.duration(rates)[0] for rates in TRUTHS], rel=1e-11)
    assert found.by_quantity()["duration"] is found.duration
    plain = expectations(endings, TRUTHS)
    assert np.isnan(plain.duration).all(), "not asked for"
    assert plain.pcs.tolist() == found.pcs.tolist()


@pytest.mark.parametrize("more", [{"gap_days": [3]}, {"onset": {"kind": "weibull", "late_share": 0.5}}])
def test_mean_durations_that_are_not_known(more):
    truths = [truth for truth in TRUTHS if max(truth) < 1]
    found = expectations(exact(BOIN(), timed(time=TIME | more)), truths, timed=True)
    assert np.isnan(found.duration).all()
    assert (found.pcs >= 0).all()


def test_no_calendar_no_duration():
    found = expectations(exact(BOIN(), TRIAL), TRUTHS, timed=True)
    assert "duration" not in found.by_quantity()


def test_days_of_more_states_than_allowed_are_left_out(monkeypatch):
    monkeypatch.setattr(Days, "limit", property(lambda _: MostStates(3, "states")))
    found = expectations(exact(BOIN(), timed()), TRUTHS, timed=True)
    assert np.isnan(found.duration).all()
