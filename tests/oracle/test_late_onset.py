"""Simulated late-onset trials against those of simFastBOIN, and against exact characteristics on a time grid.

On the grid one patient arrives at each step and those who come while accrual is held are lost: whatever becomes known
between two steps counts at the later one, so that days of DLTs within a step are as good as its end.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import accumulate

import numpy as np

from escalation import BOIN, ThreePlusThree, Trial
from escalation.designs import Design
from escalation.designs.pending import PendingRule, Roll, Weigh
from escalation.engines.outcomes import Outcomes
from escalation.engines.simulated import simulate_trials
from escalation.kernels.codes import END, HOLD_DAYS, HOLDS, LAST_ENROLMENT, TURNED_AWAY
from escalation.running.start import start_of
from escalation.trial.calendar import DAYS_PER_MONTH
from tests.support import each, levels, records

TRIALS = 20_000
ERRORS = 4

Compared = Iterator[tuple[str, np.ndarray, float, float]]


def simulated(design: Design, rule: PendingRule, trial: Trial, rates: list[float]) -> Outcomes:
    start = replace(start_of(design, trial, None), pending=rule.plan(design, trial))
    return simulate_trials(start, np.array(rates, float), trials=TRIALS, seed=20, threads=1)


def by_dose(outcomes: Outcomes, record: dict) -> Compared:
    """What is counted at each dose: ours of each trial, the record's mean and its standard error."""
    for dose, share in enumerate(record["selection_none_then_doses"], -1):
        error = record["selection_se"][dose + 1] if "selection_se" in record else 0.0
        yield f"selection of {dose}", outcomes.recommended == dose, share, error
    for name, counts in (("patients", outcomes.patients), ("dlts", outcomes.dlts)):
        if name in record:
            means, errors = np.atleast_1d(record[name]), np.atleast_1d(record.get(f"{name}_se", np.zeros(9)))
            for dose, mean in enumerate(means.tolist()):
                yield f"{name} at {dose}", counts[:, dose], mean, float(errors[dose])


def apart(compared: Compared) -> list[tuple[str, float, float]]:
    """What is more than four standard errors of both sides apart.

    A share has at least the error of one trial in so many as there are.
    """
    found = []
    for name, ours, mean, error in compared:
        values = np.asarray(ours, np.float64)
        own = max(values.std(), np.sqrt(1 / len(values))) / np.sqrt(len(values))
        if abs(values.mean() - mean) > ERRORS * np.hypot(own, error):
            found.append((name, float(values.mean()), mean))
    return found


def timed(record: dict, window: float = 28.0) -> Trial:
    """A record's trial, with its window taken for so many days."""
    unit = window / record["window"]
    onset = {"kind": "weibull", "late_share": record["late_fraction"]} if record["dlt_time"] == "weibull" else {}
    return Trial(
        doses=levels(len(np.atleast_1d(record["p_true"]))),
        target=record["target"],
        max_patients=record["n_cohort"] * record["cohort_size"],
        cohort_size=record["cohort_size"],
        dlt_window_days=window,
        time={
            "accrual_per_month": record["accrual_rate"] * DAYS_PER_MONTH / unit,
            "arrivals": {"exponential": "poisson"}.get(record["accrual"], record["accrual"]),
            "onset": onset,
        },
    )


def tite_boin(record: dict, trial: Trial) -> list[tuple[str, float, float]]:
    unit = 28.0 / record["window"]
    stop = {"stop_at": record["n_earlystop"]} if record["n_earlystop"] < 100 else {}
    rule = Weigh(
        method=record["method"], most_pending=record["max_pending_ratio"], fewest_complete=record["min_completed"]
    )
    design = BOIN(extra_safe=record["extrasafe"], **stop)
    outcomes = simulated(design, rule, trial, np.atleast_1d(record["p_true"]).tolist())
    times = {
        "duration": outcomes.times[:, END] / unit,
        "last_arrival": outcomes.times[:, LAST_ENROLMENT] / unit,
        "time_suspended": outcomes.times[:, HOLD_DAYS] / unit,
        "suspensions": outcomes.times[:, HOLDS],
    }

    def compared() -> Compared:
        yield from by_dose(outcomes, record)
        yield from ((name, ours, record[name], record[f"{name}_se"]) for name, ours in times.items())

    return apart(compared())


TITE_BOIN = records("tite_boin_oc")


@each(TITE_BOIN)
def test_tite_boin(record):
    """Durations, last enrolments and suspensions included; whoever arrives while accrual is suspended waits."""
    assert tite_boin(record, timed(record)) == []


def test_a_window_a_day_off_is_noticed():
    """28 days taken for 29, with as many days between patients."""
    record = next(record for record in TITE_BOIN if record["accrual_rate"] == 3)
    trial = timed(record).model_copy(update={"dlt_window_days": 29.0})
    assert {name for name, *_ in tite_boin(record, trial)} >= {"duration", "time_suspended"}


def on_grid(window: int, **options) -> Trial:
    onset = options.pop("onset", {})
    time = {"accrual_per_month": DAYS_PER_MONTH, "arrivals": "fixed", "while_closed": "lost", "onset": onset}
    return Trial(doses=levels(3), dlt_window_days=window, time=time, **options)


@each(records("tite_boin_grid"))
def test_tite_boin_on_a_grid(record):
    patients = record["cohorts"] * record["cohort_size"]
    options = {"target": record["target"], "max_patients": patients, "cohort_size": record["cohort_size"]}
    outcomes = simulated(BOIN(), Weigh(), on_grid(record["window_steps"], **options), record["p"])

    def compared() -> Compared:
        yield from by_dose(outcomes, record)
        yield "duration", np.ceil(outcomes.times[:, END] - 1e-6), record["duration"], 0.0
        yield "suspended", outcomes.times[:, HOLD_DAYS], record["suspended_steps"], 0.0
        yield "turned away", outcomes.times[:, TURNED_AWAY], record["suspended_steps"], 0.0

    assert apart(compared()) == []


@each([record for record in records("rolling_six") if record["arrival_prob_per_step"] == 1])
def test_rolling_six_on_a_grid(record):
    """Where a patient arrives at each step. The record's enrolment is never full, but ends when the dose is final."""
    shares = list(accumulate(record["dlt_step_probs"]))
    window = len(shares)
    onset = {"kind": "quantiles", "quantiles": [[day, share] for day, share in enumerate(shares[:-1], 1)]}
    trial = on_grid(window, target=0.25, max_patients=30, onset=onset)
    outcomes = simulated(ThreePlusThree(), Roll(), trial, record["p"])

    def compared() -> Compared:
        yield from by_dose(outcomes, record)
        yield "duration", np.ceil(outcomes.times[:, END] - 1e-6), record["duration"], 0.0
        yield "turned away", outcomes.times[:, TURNED_AWAY], record["turned_away"], 0.0

    assert apart(compared()) == []


def test_rolling_six_needs_the_late_dlts():
    """A check that can fail: what the records say of fast accrual is not said of slow."""
    record = next(record for record in records("rolling_six") if record["arrival_prob_per_step"] == 1)
    slow = on_grid(len(record["dlt_step_probs"]), target=0.25, max_patients=30)
    slow = slow.model_copy(update={"time": slow.time.model_copy(update={"accrual_per_month": 3.0})})
    assert apart(by_dose(simulated(ThreePlusThree(), Roll(), slow, record["p"]), record))
