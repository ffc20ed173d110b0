"""What grows: settings of one trial, and the axes along which they are varied one at a time."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from benchmarks.settings import LUCAR_RATES, lucar
from escalation import CRM, Design, Scenario, Trial
from escalation.defaults import TRIALS
from escalation.plans.curves import CurvePlan
from escalation.plans.plan import Plan

EXACT, SIMULATED = "exact", "simulated"

PATIENTS_A_DOSE = 9
"""As in LUCAR-DKS1."""


@cache
def standard() -> Scenario:
    """The LUCAR-DKS1 scenario, read once."""
    return lucar()


class RepeatedCurves(CRM):
    """A CRM whose plan holds every curve several times, each time with its share of the weight.

    The posterior is the same, and so are all decisions and states: what grows is the number of grid points alone.

    Parameters
    ----------
    copies : int
    """

    copies: int = 1

    def plan(self, trial: Trial, *, treated: int = 0) -> Plan:
        """Compile the design for a trial, with more grid points than it needs."""
        plan = super().plan(trial, treated=treated)
        assert isinstance(plan, CurvePlan)
        many = self.copies

        def again(values: Any) -> Any:
            return np.repeat(values, many, axis=-1)

        reading: Any = plan.reading  # the mean parameter is read: the scenario's CRM has the default estimate
        return replace(
            plan,
            log_dlt=again(plan.log_dlt),
            log_no_dlt=again(plan.log_no_dlt),
            log_weight=again(plan.log_weight),
            reading=replace(reading, parameter=again(reading.parameter)),
            too_toxic=again(plan.too_toxic),
        )


@dataclass(frozen=True)
class Setting:
    """One thing to be timed: an engine, a design and the size of the problem; otherwise as LUCAR-DKS1.

    Attributes
    ----------
    engine : {"exact", "simulated"}
    design : str
        Label of a design of the LUCAR-DKS1 scenario.
    doses, patients, cohort_size : int
    truths : int
    trials : int
        Simulated trials for each truth; the exact engine has none.
    copies : int
        How often each of the CRM's grid points is there.
    """

    engine: str
    design: str
    doses: int = 4
    patients: int = 36
    cohort_size: int = 3
    truths: int = 1
    trials: int = 0
    copies: int = 1

    def trial(self) -> Trial:
        """The trial of this size."""
        return Trial(
            doses=tuple(range(1, self.doses + 1)),
            target=standard().trial.target,
            max_patients=self.patients,
            cohort_size=self.cohort_size,
        )

    def design_made(self) -> Design:
        """The design, for so many doses."""
        design = standard().designs[self.design]
        if not isinstance(design, CRM):
            return design
        options = design.model_dump(exclude_unset=True) | {"prior_mtd": min(3, self.doses)}
        return CRM(**options) if self.copies == 1 else RepeatedCurves(**options, copies=self.copies)

    def rates(self) -> list[list[float]]:
        """So many truths: for four doses the first is "MTD at 300", the others are more toxic, up to twice."""
        known = np.arange(len(LUCAR_RATES))
        first = np.interp(np.linspace(0, known[-1], self.doses), known, LUCAR_RATES)
        found: list[list[float]] = np.outer(1 + np.arange(self.truths) / self.truths, first).tolist()
        return found

    @property
    def tiny(self) -> "Setting":
        """The same engine and design with next to nothing to do."""
        return Setting(self.engine, self.design, patients=6, trials=min(self.trials, 10))


@cache
def grid_points(patients: int = 36, doses: int = 4) -> int:
    """Grid points of the CRM's own posterior."""
    setting = Setting(EXACT, "crm", patients=patients, doses=doses)
    plan = setting.design_made().plan(setting.trial())
    assert isinstance(plan, CurvePlan)
    return len(plan.weight)


@dataclass(frozen=True)
class Axis:
    """One direction of growth.

    Attributes
    ----------
    name : str
        In the CSV.
    unit : str
        What the sizes count.
    about : str
        What stays the same.
    sizes : tuple of int
        In the order of growing problems.
    at : function
        A setting at a size.
    series : tuple of (engine, design)
    longest : float
        Seconds; what will take longer is not run.
    """

    name: str
    unit: str
    about: str
    sizes: tuple[int, ...]
    at: Callable[[Setting, int], Setting]
    series: tuple[tuple[str, str], ...]
    longest: float = 20.0

    def setting(self, engine: str, design: str, size: int) -> Setting:
        """What is timed at a size."""
        return self.at(Setting(engine, design, trials=0 if engine == EXACT else TRIALS), size)


BOTH = tuple((engine, design) for engine in (EXACT, SIMULATED) for design in ("boin", "crm"))

FEWER = 1_000
"""Simulated trials for each truth where there are many truths."""


def all_axes() -> tuple[Axis, ...]:
    """All axes, at full size."""
    own = grid_points()
    return (
        Axis(
            "doses",
            "doses",
            "36 patients in cohorts of 3",
            (1, 2, 4, 7, 10),
            lambda setting, size: replace(setting, doses=size),
            BOTH,
        ),
        Axis(
            "doses_and_patients",
            f"doses, {PATIENTS_A_DOSE} patients for each",
            "cohorts of 3",
            (2, 3, 4, 5, 6, 7),
            lambda setting, size: replace(setting, doses=size, patients=PATIENTS_A_DOSE * size),
            ((EXACT, "3+3"), *BOTH),
        ),
        Axis(
            "patients",
            "patients",
            "4 doses, cohorts of 3",
            (6, 12, 24, 36, 60, 84, 108, 120),
            lambda setting, size: replace(setting, patients=size),
            BOTH,
        ),
        Axis(
            "cohort_size",
            "patients a cohort",
            "4 doses, 36 patients",
            (6, 4, 3, 2, 1),
            lambda setting, size: replace(setting, cohort_size=size),
            BOTH,
        ),
        Axis(
            "truths",
            "truths",
            f"4 doses, 36 patients in cohorts of 3; {FEWER:,} simulated trials for each truth",
            (1, 10, 100, 1_000, 10_000),
            lambda setting, size: replace(setting, truths=size, trials=min(setting.trials, FEWER)),
            BOTH,
        ),
        Axis(
            "trials",
            "simulated trials",
            "4 doses, 36 patients in cohorts of 3",
            (1_000, 10_000, 100_000, 1_000_000, 10_000_000),
            lambda setting, size: replace(setting, trials=size),
            ((SIMULATED, "boin"), (SIMULATED, "crm")),
            longest=90.0,
        ),
        Axis(
            "grid_points",
            "CRM grid points",
            f"4 doses, 36 patients in cohorts of 3; the CRM itself takes {own}, more are the same ones repeated",
            tuple(own * copies for copies in (1, 2, 4, 8, 16)),
            lambda setting, size: replace(setting, copies=size // own),
            ((EXACT, "crm"), (SIMULATED, "crm")),
        ),
    )


def few_axes() -> tuple[Axis, ...]:
    """Two axes with one or two sizes: to see that everything works."""
    axes = {axis.name: axis for axis in all_axes()}
    return (
        replace(axes["patients"], sizes=(6, 12), series=((EXACT, "boin"),)),
        replace(axes["trials"], sizes=(100,), series=((SIMULATED, "crm"),)),
    )
