"""What the tests share: recorded numbers, and the replay of one trial's outcomes through the compiled rules."""

import inspect
import json
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest

from escalation import Scenario, Trial, exact, operating_characteristics
from escalation.designs import Design
from escalation.engines.clock import STOPPED
from escalation.kernels.codes import DE_ESCALATE, ELIMINATE, ESCALATE, NO_DOSE, STAY, TIMES
from escalation.kernels.exact_curves import weigh
from escalation.kernels.posterior import choose
from escalation.kernels.simulated_curves import run_curve_trials
from escalation.kernels.simulated_tables import run_table_trials
from escalation.plans.curves import CurvePlan

HERE = Path(__file__).parent

RESPONDING = """
[[truth]]
name = "plateau"
dlt_rates = [0.05, 0.12, 0.25]
response_rates = [0.20, 0.45, 0.46]
association = { odds_ratio = 2.0 }

[[truth]]
name = "no activity"
dlt_rates = [0.05, 0.12, 0.25]
response_rates = [0.05, 0.10, 0.15]
"""
"""Truths with responses, for the end of a scenario file: a plateau, and none that would do."""

Checks = TypeVar("Checks", bound=Callable[..., None] | type)


def records(name: str) -> list[dict]:
    """Records of a file of another program's numbers; the file names its source."""
    return json.loads((HERE / "oracle" / "data" / f"{name}.json").read_text())["records"]


def each(records: Iterable[dict]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """One test for all records of a file, which names every record that fails: thousands of tests would take longer."""

    def of(check: Callable[..., None]) -> Callable[..., None]:
        def test(**given: object) -> None:
            assert records
            failed = []
            for number, record in enumerate(records):
                try:
                    check(record, **given)
                except Exception as error:
                    failed.append(f"record {number}, {record}: {error!r}")
            assert not failed, f"{len(failed)} of {len(records)} records\n" + "\n".join(failed[:20])

        _, *others = inspect.signature(check).parameters.values()
        test.__signature__ = inspect.Signature(others)
        test.__name__, test.__doc__ = check.__name__, check.__doc__
        return test

    return of


def in_each_case(cases: Iterable) -> Callable[[Checks], Checks]:
    """One test for all cases of a setting, a `pytest.param` whose id is `setting-trial`; it shows every one that fails.

    Of a function, or of each test of a class, that takes what the cases are. The tests of a setting follow each other.
    """
    settings: dict[str, list] = {}
    for case in cases:
        settings.setdefault(case.id.rpartition("-")[0], []).append(case)

    def of(check: Checks) -> Checks:
        if isinstance(check, type):
            for name in [name for name in vars(check) if name.startswith("test_")]:
                setattr(check, name, of(getattr(check, name)))
            return check

        def test(*instance: object, setting: str) -> None:
            errors = []
            for case in settings[setting]:
                try:
                    check(*instance, *case.values)
                except Exception as error:
                    error.add_note(f"in the case {case.id}")
                    errors.append(error)
            if errors:
                raise ExceptionGroup(f"{len(errors)} of {len(settings[setting])} cases", errors)

        instance = [one for one in inspect.signature(check).parameters.values() if one.name == "self"]
        given = inspect.Parameter("setting", inspect.Parameter.KEYWORD_ONLY)
        test.__signature__ = inspect.Signature([*instance, given])
        test.__name__, test.__doc__, test.__module__ = check.__name__, check.__doc__, check.__module__
        return pytest.mark.parametrize("setting", settings, scope="module")(test)

    return of


def that_wait(scenario: Scenario) -> Scenario:
    """A scenario with those of its designs that wait for complete data, and can be enumerated."""
    return scenario.model_copy(update={"design": tuple(one for one in scenario.design if not one.is_late_onset)})


def without_time(scenario: Scenario) -> Scenario:
    """A scenario without its calendar, and without designs that need one: counts are those of designs that wait."""
    return that_wait(scenario).model_copy(update={"trial": scenario.trial.model_copy(update={"time": None})})


def without_responses(scenario: Scenario) -> Scenario:
    """A scenario that looks at DLTs alone."""
    return scenario.model_copy(
        update={
            "trial": scenario.trial.model_copy(update={"efficacy": None, "randomised": None}),
            "design": tuple(one.model_copy(update={"optimal_dose": None}) for one in scenario.design),
            "truth": tuple(one.model_copy(update={"response_rates": None}) for one in scenario.truth),
        }
    )


def levels(count: int) -> list[int]:
    """Dose levels where only their number matters."""
    return list(range(1, count + 1))


class Steps:
    """A `progress` that keeps what a study says there is to do, and how often it says that a step is done."""

    def __init__(self):
        self.asked, self.done = [], 0

    @contextmanager
    def __call__(self, total, what):
        self.asked.append((total, what))
        yield self._step

    def _step(self):
        self.done += 1


LETTERS = {ESCALATE: "E", STAY: "S", DE_ESCALATE: "D", ELIMINATE: "DU"}


def table_rows(codes) -> list[dict]:
    """A decision table [patients, DLTs] as rows for a DecisionTable: one for DLTs that are decided alike."""
    rows = []
    for patients, decisions in enumerate(codes[1:], 1):
        dlts = 0
        for code, run in groupby(decisions[: patients + 1].tolist()):
            end = dlts + len(list(run))
            rows.append({"patients": patients, "dlts": f"{dlts}-{end - 1}", "decision": LETTERS[code]})
            dlts = end
    return rows


def exact_characteristics(design: Design, trial: Trial, rates, correct=None):
    return operating_characteristics(exact(design, trial).outcomes(rates), correct)


@dataclass(frozen=True)
class Replayed:
    patients: tuple[int, ...]
    dlts: tuple[int, ...]
    recommended: int | None
    reason: int


@lru_cache(maxsize=64)
def _compiled(design: Design, trial: Trial):
    plan = design.plan(trial)
    return plan, plan.arrays(), plan.cohort_evidence() if isinstance(plan, CurvePlan) else None


def replay(design: Design, trial: Trial, outcomes: list[int]) -> Replayed:
    """Play one trial in which patient i has a DLT, at whatever dose, when outcomes[i] is 1; others have none."""
    plan, arrays, evidence = _compiled(design, trial)
    tolerances = np.ones((1, trial.max_patients), np.uint32)
    tolerances[0, : len(outcomes)] = [0 if outcome else 1 for outcome in outcomes]
    tolerances.flags.writeable = False  # as the engine's are: one more signature would be compiled otherwise
    limits = np.ones(trial.levels, np.int64)
    patients, dlts = (np.zeros((1, trial.levels), np.int16) for _ in range(2))
    recommended, reasons = np.zeros(1, np.int16), np.zeros(1, np.int8)
    counts, times = (np.zeros(1, np.uint64), patients, dlts), np.zeros((1, TIMES))
    if isinstance(plan, CurvePlan):
        run_curve_trials(arrays, STOPPED, evidence, limits, tolerances, *counts, recommended, reasons, times)
    else:
        run_table_trials(arrays, STOPPED, limits, tolerances, *counts, reasons, times)
        recommended = plan.recommend(patients, dlts)
    dose = int(recommended[0])
    return Replayed(
        tuple(patients[0].tolist()),
        tuple(dlts[0].tolist()),
        None if dose == NO_DOSE else dose + 1,
        int(reasons[0]),
    )


def preferred(plan: CurvePlan, evidence: np.ndarray, row: np.ndarray) -> int:
    """Dose index that the compiled model prefers after a row of cells, or NO_DOSE."""
    arrays, posterior = plan.arrays(), np.empty(evidence.shape[2])
    mass = weigh(arrays.weight, plan.reading.slopes is not None, evidence, row, posterior)
    return choose(arrays.reading, posterior, mass, plan.levels, plan.levels - 1)


def parse_path(path: str) -> list[tuple[int, list[int]]]:
    """'1NNN 2NTT' as [(1, [0, 0, 0]), (2, [0, 1, 1])]."""
    return [(int(cohort[0]), [int(letter == "T") for letter in cohort[1:]]) for cohort in path.split()]


def next_dose(design: Design, settings: dict, path: str, size: int = 3) -> int | None:
    """Dose (1-based) of the cohort that follows a path; None when the trial has ended.

    `settings` are the trial's, without max_patients: the trial is one cohort longer than the path.
    """
    cohorts = parse_path(path)
    outcomes = [outcome for _, cohort in cohorts for outcome in cohort]
    trial = Trial(max_patients=len(outcomes) + size, cohort_size=size, **settings)
    played = replay(design, trial, outcomes)
    given = [0] * trial.levels
    for dose, cohort in cohorts:
        given[dose - 1] += len(cohort)
    added = [after - before for after, before in zip(played.patients, given, strict=True)]
    assert all(extra in (0, size) for extra in added), f"{path} is not a path of this design: {played.patients}"
    return added.index(size) + 1 if any(added) else None


def check_row(rows: list[dict], where: tuple[str, str, str, str], result: dict) -> None:
    """That the row of a design, truth, engine and quantity in a CSV table has the value of its result in JSON."""
    (row,) = (row for row in rows if (row["design"], row["truth"], row["engine"], row["quantity"]) == where)
    value, error = result, result["mcse"]
    for part in where[-1].split("."):
        value, error = value[part], error[part]
    assert float(row["value"]) == value
    assert float(row["mcse"]) == error
