"""Late-onset trials exactly, against exact characteristics on a time grid: one patient comes at each step.

In the records a DLT shows on the very day of a step, and the duration is that of the step at which the last outcome is
known. Here days between steps count, too, so that for these durations all DLTs are put on the days of steps. Where
the records have patients come with a probability, there is no such calendar: `test_pending` follows those trials.
"""

from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import pytest

from escalation import BOIN, Enumeration, ThreePlusThree, exact, operating_characteristics
from escalation.designs import Design
from escalation.engines import late_onset
from escalation.plans.clock import Onset, clock_of
from escalation.trial.trial import Trial
from tests.oracle.test_late_onset import on_grid
from tests.support import records

CLOSE = {"abs": 1e-9, "rel": 0}


@dataclass(frozen=True)
class OnDays(Onset):
    """All DLTs on whole days."""

    shares: tuple[float, ...] = ()  # of the DLTs by the end of each day

    @property
    def kinks(self):
        return tuple(float(day) for day in range(1, len(self.shares)))

    def cdf(self, day, rate):
        whole = np.floor(np.asarray(day) + 1e-9).astype(int).clip(0, len(self.shares))
        return np.array([0.0, *self.shares])[whole] + 0 * np.asarray(rate)


@pytest.fixture
def on_days(monkeypatch):
    """Puts DLTs on whole days, by shares."""

    def put(shares: list[float]) -> None:
        def changed(trial: Trial):
            clock = clock_of(trial)
            onset = OnDays("quantiles", clock.window, None, (), tuple(shares))
            return type(clock)(**{**vars(clock), "onset": onset})

        monkeypatch.setattr(late_onset, "clock_of", changed)

    return put


def compared(design: Design, trial: Trial, record: dict, on_days, shares: list[float]) -> Enumeration:
    """Counts as they are; the duration with DLTs on the days of steps."""
    endings = exact(design, trial)
    oc = operating_characteristics(endings.outcomes(record["p"]))
    assert [oc.no_selection, *oc.selection] == pytest.approx(record["selection_none_then_doses"], **CLOSE)
    assert oc.patients == pytest.approx(tuple(record["patients"]), **CLOSE)
    on_days(shares)
    put = exact(design, trial)
    assert operating_characteristics(put.outcomes(record["p"])).selection == pytest.approx(oc.selection, **CLOSE)
    assert put.duration(record["p"]) == pytest.approx((record["duration"], record["duration_sd"]), **CLOSE)
    return endings


@pytest.mark.parametrize("record", records("tite_boin_grid"), ids=lambda record: str(record["p"]))
def test_tite_boin(record, on_days):
    window, size = record["window_steps"], record["cohort_size"]
    options = {"target": record["target"], "max_patients": record["cohorts"] * size, "cohort_size": size}
    trial, shares = on_grid(window, **options), [step / window for step in range(1, window + 1)]
    endings = compared(BOIN(pending={"rule": "weigh"}), trial, record, on_days, shares)
    assert endings.hold(record["p"]) == pytest.approx(record["suspended_steps"], **CLOSE)


ROLLING = [record for record in records("rolling_six") if record["arrival_prob_per_step"] == 1]


@pytest.mark.parametrize("record", ROLLING, ids=lambda record: f"{record['p']} {record['dlt_step_probs']}")
def test_rolling_six(record, on_days):
    """The record's enrolment is never full, but ends when the dose is final."""
    shares = list(accumulate(record["dlt_step_probs"]))
    shares[-1] = 1.0
    onset = {"kind": "quantiles", "quantiles": [[day, share] for day, share in enumerate(shares[:-1], 1)]}
    trial = on_grid(len(shares), target=0.25, max_patients=30, onset=onset)
    endings = compared(ThreePlusThree(pending={"rule": "roll"}), trial, record, on_days, shares)
    outcomes = endings.outcomes(record["p"])
    oc = operating_characteristics(outcomes)
    assert oc.time.turned_away == pytest.approx(record["turned_away"], **CLOSE)
    assert oc.dlts == pytest.approx(tuple(record["expected_dlts"]), **CLOSE)
    assert {str(n): share for n, share in oc.sample_size.distribution if share} == pytest.approx(
        record["n_distribution"], **CLOSE
    )
