"""Simulated TITE-Keyboard trials against those of the program of Lin & Yuan (2020).

Their program has conventions of its own, in which it is followed here event by event; without them the same trials are
those of the package, so that the records hold the package too.
"""

import numpy as np
import pytest

from escalation import Design, Keyboard, Trial
from escalation.designs.pending import Weigh
from escalation.engines.clock import keys_of
from escalation.engines.patients import PARTS, tolerances
from escalation.kernels.codes import DE_ESCALATE, ESCALATE, SUSPEND
from escalation.plans.pending import within
from escalation.trial.calendar import DAYS_PER_MONTH
from tests.naive.late_onset import LateTrial
from tests.naive.test_late_onset import differences, simulated
from tests.oracle.test_late_onset import Compared, apart
from tests.support import each, levels, records

RECORDS = records("tite_keyboard_oc")
DESIGN, RULE = Keyboard(), Weigh()
WINDOW = 28.0


class AsTheAuthors(LateTrial):
    """Conventions of the program of Lin & Yuan.

    An escalation waits for three known outcomes, not two, also where there is no higher dose to go to; de-escalation
    for certain from the lowest dose waits while anybody is pending there. The trial lasts until a whole window after
    the last entry, or until the decision that ends it: then nobody is followed.
    """

    def decide(self, patients, dlts, shares, is_lowest, is_highest):
        pending = len(shares)
        wanted = self.rule.decide(patients, dlts, shares).wanted
        certain = self.rule.cuts.move(patients, dlts) == DE_ESCALATE
        if (certain and is_lowest and pending) or (wanted == ESCALATE and pending and patients - pending <= 2):
            return SUSPEND
        return within(wanted, lowest=is_lowest, highest=is_highest)

    def look(self, day):
        said = super().look(day)
        if said == "over":
            self.ended = day
        return said

    ended: float | None = None

    @property
    def duration(self) -> float:
        return self.patients[-1].entry + self.window if self.ended is None else self.ended


def trial_of(record: dict) -> Trial:
    """With the record's window taken for 28 days."""
    onset = {"kind": record["dlt_time"]}
    if "early_share" in record:
        onset["late_share"] = 1 - record["early_share"]
    return Trial(
        doses=levels(len(record["p_true"])),
        target=record["target"],
        max_patients=record["cohorts"] * record["cohort_size"],
        cohort_size=record["cohort_size"],
        dlt_window_days=WINDOW,
        time={
            "accrual_per_month": record["accrual_rate"] * record["window"] * DAYS_PER_MONTH / WINDOW,
            "arrivals": record["arrivals"],
            "while_closed": "lost",
            "onset": onset,
        },
    )


def played(record: dict, trials: int, events: type[LateTrial] = AsTheAuthors) -> dict[str, np.ndarray]:
    return trials_of(record, trial_of(record), DESIGN, RULE, events, trials)


def trials_of(
    record: dict, trial: Trial, design: Design, given: Weigh, events: type[LateTrial], trials: int
) -> dict[str, np.ndarray]:
    """What is counted in each trial, as the records name it: float64[T] or float64[T, D]."""
    table, rule = design.plan(trial).table, given.plan(design, trial)
    keys, drawn = keys_of(21, 0), tolerances(21, 0, trial.max_patients) / PARTS
    found = [
        events(trial, table, rule, record["p_true"], drawn[at].tolist(), int(keys[at])).play() for at in range(trials)
    ]
    patients, dlts = (np.array([getattr(one, name) for one in found], np.int16) for name in ("n", "y"))
    recommended = np.zeros(trials, np.int16)
    table.selection.recommend(table.arrays().codes, patients, dlts, recommended)
    unit = WINDOW / record["window"]
    return {
        "selection": recommended[:, None] == np.arange(-1, trial.levels),
        "patients": patients,
        "dlts": dlts,
        "duration": np.array([one.duration for one in found]) / unit,
        "turned_away": np.array([one.counts["turned_away"] for one in found]),
    }


def compared(record: dict, ours: dict[str, np.ndarray]) -> Compared:
    """Ours of each trial, the record's mean and its standard error."""
    for name, values in ours.items():
        recorded = "selection_none_then_doses" if name == "selection" else name
        means, errors = np.atleast_1d(record[recorded]), np.atleast_1d(record[f"{name}_se"])
        columns = values.reshape(len(values), -1).T
        for at, (column, mean, error) in enumerate(zip(columns, means, errors, strict=True)):
            yield f"{name}, column {at}", column, float(mean), float(error)


@each(RECORDS)
def test_by_the_conventions_of_the_program(record):
    """Selection, patients, DLTs, durations and how often a decision is suspended again."""
    assert apart(compared(record, played(record, 200))) == []


@each(RECORDS)
def test_without_them_trials_are_those_of_the_package(record):
    trial, rates = trial_of(record), record["p_true"]
    rule = RULE.plan(DESIGN, trial)
    outcomes = simulated(DESIGN, rule, trial, rates, 15, 21)
    assert not list(differences(outcomes, DESIGN, rule, trial, 21))
    assert any(differences(outcomes, DESIGN, rule, trial, 21, AsTheAuthors))


class TwoKnown(AsTheAuthors):
    """As the paper says: an escalation waits for two known outcomes."""

    decide = LateTrial.decide


@pytest.mark.long
def test_what_differs_is_noticed():
    """Where escalation waits for two outcomes enrolment is suspended less often."""
    found = apart(compared(RECORDS[8], played(RECORDS[8], 1000, TwoKnown)))
    assert {name for name, *_ in found} >= {"duration, column 0", "turned_away, column 0"}
