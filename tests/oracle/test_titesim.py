"""Simulated TITE-CRM against dfcrm's titesim: characteristics, and its first trials, patient by patient.

Its conventions are options of the design, but for the first arrival, after one gap, and the duration, to one window
after the last arrival: that follows from our days by adding a gap, which is independent of everything, and a window.
Left out are the three of its records with a two-stage start, for which designs have no rule.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from escalation import CRM, Trial
from escalation.designs.pending import Weigh
from escalation.kernels.codes import END, LAST_ENROLMENT
from escalation.plans.weighed_curves import WeighedCurves
from escalation.trial.calendar import DAYS_PER_MONTH
from tests.naive.late_onset_model import Curves
from tests.naive.r_numbers import RNumbers
from tests.oracle.test_late_onset import Compared, apart, simulated
from tests.support import each, levels, records

WINDOW = 28.0
RECORDS = records("titesim_oc")

Decided = tuple[int, float]
"""The preferred dose, and the mean of b."""

Seen = list[tuple[int, float | None, float]]
"""Of each patient the dose, when after treatment a DLT came, as a share of the window, and what has passed of it."""


def design_of(record: dict) -> tuple[CRM, Weigh]:
    asked = record["settings"]
    design = CRM(
        skeleton=tuple(asked["prior"]),
        model="logistic" if asked.get("model") == "logistic" else "power",
        prior_sd=asked.get("scale", 1.34**0.5),
        no_skip=asked.get("restrict", True),
        coherent="off",
        recommend_untried=True,
    )
    return design, Weigh(weights=asked.get("scheme", "linear"))


def trial_of(record: dict, window: float = WINDOW) -> Trial:
    asked = record["settings"]
    return Trial(
        doses=levels(len(asked["PI"])),
        target=asked["target"],
        max_patients=asked["n"],
        cohort_size=1,
        start_dose=asked["x0"],
        dlt_window_days=window,
        time={"accrual_per_month": asked["rate"] * DAYS_PER_MONTH / WINDOW, "arrivals": asked["accrual"]},
    )


def characteristics(record: dict, trial: Trial) -> Compared:
    asked, (design, rule) = record["settings"], design_of(record)
    outcomes = simulated(design, rule, trial, asked["PI"])
    for dose in range(trial.levels):
        for name, ours in (
            ("selection", outcomes.recommended == dose),
            ("patients", outcomes.patients[:, dose]),
            ("dlts", outcomes.dlts[:, dose]),
        ):
            yield f"{name} at {dose}", ours, record[name][dose], record[f"{name}_se"][dose]
    yield "all dlts", outcomes.dlts.sum(axis=1), record["total_dlts"], record["total_dlts_se"]
    gaps = np.full(len(outcomes.times), 1 / asked["rate"])
    if asked["accrual"] == "poisson":
        gaps = np.random.default_rng(1).exponential(gaps)
    last, end = (outcomes.times[:, column] / WINDOW + gaps for column in (LAST_ENROLMENT, END))
    yield "last arrival", last, record["last_arrival"], record["last_arrival_se"]
    yield "duration", last + 1, record["duration"], record["duration_se"]
    yield "duration, squared", (last + 1 - record["duration"]) ** 2, *variance(record)
    yield "all complete", end, record["all_complete"], record["all_complete_se"]


def variance(record: dict) -> tuple[float, float]:
    """Of the duration, with about its standard error: gaps make it nearly normal."""
    found = record["duration_sd"] ** 2
    return found, found * (2 / record["n_trials"]) ** 0.5


@each(RECORDS)
def test_characteristics(record):
    assert apart(characteristics(record, trial_of(record))) == []


FAST = next(record for record in RECORDS if record["name"] == "L4 fixed r4")


def test_a_window_a_day_off_is_noticed():
    assert {name for name, *_ in apart(characteristics(FAST, trial_of(FAST, WINDOW + 1)))} >= {"all complete"}


def by_package(record: dict, behind: float = 0.0, given: Weigh | None = None) -> Callable[[Seen], Decided]:
    """What the package's compiled rule prefers; it may be told too little follow-up, or to weigh in another way."""
    design, rule = design_of(record)
    plan = (given or rule).plan(design, trial_of(record))
    assert isinstance(plan, WeighedCurves)

    def decide(seen: Seen) -> Decided:
        n, y = np.zeros((2, plan.plan.levels), np.int64)
        pending, dlt_times = [], []
        for dose, dlt, passed in seen:
            n[dose] += 1
            if dlt is not None and dlt <= passed:
                y[dose] += 1
                dlt_times.append(dlt)
            elif passed < 1:
                pending.append((dose, max(passed - behind, 0.0)))
        said = plan.decide(n, y, pending, 0, dlt_times if plan.adaptive else ())
        assert said.choice is not None
        assert said.judgement is not None
        return said.choice, float(said.judgement.means[0])

    return decide


def in_plain_python(record: dict) -> Callable[[Seen], Decided]:
    """What the list of events prefers, by a quadrature of its own."""
    asked = record["settings"]
    curves = Curves(
        target=asked["target"],
        skeletons=[asked["prior"]],
        shares=[1.0],
        prior_sd=asked.get("scale", 1.34**0.5),
        logistic=asked.get("model") == "logistic",
    )

    def decide(seen: Seen) -> Decided:
        times = sorted(dlt for _, dlt, passed in seen if dlt is not None and dlt <= passed)
        edges = [0.0, *times, 1.0] if asked.get("scheme") == "adaptive" else [0.0, 1.0]
        known: list[tuple[int, bool | float]] = []
        for dose, dlt, passed in seen:
            if dlt is not None and dlt <= passed:
                known.append((dose, True))
            elif passed >= 1:
                known.append((dose, False))
            else:
                below = max(place for place, edge in enumerate(edges[:-1]) if edge <= passed)
                share = (passed - edges[below]) / (edges[below + 1] - edges[below])
                known.append((dose, (below + share) / (len(edges) - 1)))
        posterior = curves.posterior(known)
        return curves.prefers(posterior), float(curves.grid[0] @ posterior)

    return decide


def replayed(
    record: dict, seed: int, decide: Callable[[Seen], Decided]
) -> tuple[Sequence[int], Sequence[int], int, float, float]:
    """A trial with R's random numbers: patients and DLTs at each dose, the last choice, mean of b and last arrival.

    Drawn are in turn a gap before each patient, whether the patient has a DLT, and when.
    """
    asked, numbers = record["settings"], RNumbers(seed)
    told: list[tuple[int, float | None, float]] = []  # dose, when after treatment a DLT comes, arrival
    dose, day = asked["x0"] - 1, 0.0
    while len(told) < asked["n"]:
        day += (numbers.exponential() if asked["accrual"] == "poisson" else 1.0) / asked["rate"]
        if told:
            choice, _ = decide([(at, dlt, day - arrival) for at, dlt, arrival in told])
            dose = min(choice, dose + 1) if asked.get("restrict", True) else choice
        toxic = numbers.has_event(asked["PI"][dose])
        told.append((dose, numbers.uniform() if toxic else None, day))
    choice, mean = decide([(at, dlt, np.inf) for at, dlt, _ in told])
    doses = range(len(asked["PI"]))
    patients = [sum(at == level for at, _, _ in told) for level in doses]
    dlts = [sum(at == level and dlt is not None for at, dlt, _ in told) for level in doses]
    return patients, dlts, choice + 1, mean, day


def unequal(record: dict, decide: Callable[[Seen], Decided]) -> list[int]:
    """Which of the first trials are others."""
    first, known = int(record["seeds"].split("..")[0]), record["first_5_trials"]
    found = []
    for at in range(5):
        patients, dlts, choice, mean, day = replayed(record, first + at, decide)
        counts = known["level_counts"][at], known["tox_counts"][at], known["mtd"][at]
        if (patients, dlts, choice) != counts or (mean, day) != pytest.approx(
            (known["final_beta"][at], known["last_arrival"][at]), abs=1e-5
        ):
            found.append(at)
    return found


@each(RECORDS)
def test_the_first_trials_patient_by_patient(record):
    """With the same arrivals, DLTs and days: as the package decides, and as trials in plain Python do."""
    assert unequal(record, by_package(record)) == []
    assert unequal(record, in_plain_python(record)) == []


def others(**wrong) -> int:
    """How many of the first trials are others where something is wrong."""
    return sum(len(unequal(record, by_package(record, **wrong))) for record in RECORDS)


def test_what_is_wrong_is_noticed():
    """Follow-up a day behind: a window a day off, or weights by whole days; and weights of the other kind."""
    assert others(behind=1 / WINDOW) >= 5
    for weights in ("linear", "adaptive"):
        assert others(given=Weigh(weights=weights)) >= 5
