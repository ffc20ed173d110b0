"""Exact durations against those of a prototype, for BOIN under three ways of treating who arrives while closed."""

import pytest

from escalation import BOIN, Trial
from escalation.engines.allowance import Allowance
from escalation.engines.cohort_times import cohort_times
from escalation.engines.durations import with_days
from escalation.engines.exact import enumerate_endings
from escalation.plans.clock import Clock, Onset
from escalation.running.start import start_of
from tests.support import each, levels, records

RECORDS = records("boin_durations_exact")
NAMES = {
    "ready": "duration_next_cohort_immediately",
    "wait": "duration_arriving_patient_waits",
    "lost": "duration_arrivals_lost_while_closed",
}


def found(record: dict, while_closed: str, window: float = 0.0, review: float = 0.0) -> tuple[float, float]:
    """Mean and standard deviation of a record's trial, with so much longer a window and so long a review."""
    trial = Trial(
        doses=levels(len(record["p"])),
        target=record["target"],
        max_patients=record["cohorts"] * record["cohort_size"],
        cohort_size=record["cohort_size"],
    )
    days = record["window"] + window
    clock = Clock(1 / record["arrival_rate"], "poisson", while_closed, days, review, Onset("uniform", days))
    start = start_of(BOIN(), trial, None)
    return with_days(enumerate_endings(start, Allowance()), start, Allowance(), clock).duration(record["p"])


@each(RECORDS)
def test_durations(record):
    for while_closed, name in NAMES.items():
        assert found(record, while_closed) == pytest.approx(record[name], abs=1e-6, rel=1e-10)


@each(RECORDS)
def test_completion_after_the_last_enrolment(record):
    gap, window, size = 1 / record["arrival_rate"], record["window"], record["cohort_size"]
    times = cohort_times(Clock(gap, "poisson", "ready", window, 0, Onset("uniform", window)), 0.3, size)
    after = times.completion[size, :, 0] - times.enrolment[size, :, 0]
    assert after == pytest.approx(record["mean_completion_after_last_enrolment_by_dlts"], rel=1e-9)


@pytest.mark.parametrize("change", [{"window": 1.0}, {"window": 0.001}, {"review": 0.001}])
def test_another_clock_is_noticed(change):
    """Where a window has a day, one day more; and what is a thousandth of it."""
    for while_closed, name in NAMES.items():
        for wrong, right in zip(found(RECORDS[-1], while_closed, **change), RECORDS[-1][name], strict=True):
            assert abs(wrong - right) > 1e-4
