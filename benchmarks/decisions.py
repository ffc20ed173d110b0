"""One decision in a running trial, under every design at the limits of what a trial may be."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from benchmarks.measuring import Task, measure
from benchmarks.section import Headline, Scale, Section
from benchmarks.units import duration
from escalation import InterimData, Trial, next_dose
from escalation.defaults import MOST_PATIENTS
from escalation.designs import REGISTRY
from escalation.report.blocks import Heading, Lines, TextTable

DOSES = 50
FEW = 12
"""Doses and patients of trials that show only that everything works."""


@dataclass(frozen=True)
class Asked:
    """A design that is asked once.

    Attributes
    ----------
    kind : str
    doses : int
    treated : int
        Cohorts behind it, each at a higher dose while there is one.
    options : dict
    cohort_size : int
    """

    kind: str
    doses: int = DOSES
    treated: int = 5
    options: dict[str, Any] = field(default_factory=dict)
    cohort_size: int = 3


def skeletons(models: int, doses: int) -> list[list[float]]:
    """Skeletons that rise evenly, to a higher rate from each model to the next."""
    return [[(0.4 + 0.05 * model) * (dose + 1) / doses for dose in range(doses)] for model in range(models)]


def cases(small: bool) -> dict[str, Asked]:
    """All that is asked, by what the table calls it."""
    doses = FEW if small else DOSES
    crm = {"half_width": 0.02, "prior_mtd": doses // 2}
    logistic = {"model": "logistic", "estimate": "mean", "prior_sd": 10}
    found = {
        "crm": Asked("crm", doses, options=crm),
        "crm, logistic, vague prior": Asked("crm", doses, options=crm | logistic),
        "crm, gamma prior": Asked("crm", doses, options=crm | {"prior": "gamma", "prior_shape": 0.2}),
        "crm, maximum likelihood": Asked("crm", doses, options=crm | {"method": "mle"}),
        "bma-crm, 8 skeletons": Asked("bma-crm", doses, options={"skeletons": skeletons(8, doses)}),
        "blrm": Asked("blrm", doses),
        "blrm, vague prior": Asked("blrm", doses, options={"prior_sd": [10, 2]}),
        "blrm, nine doses": Asked("blrm", 9),
        "a+b": Asked("a+b", doses, options={"a": 50, "b": 50, "c": 10, "d": 20, "e": 30}, cohort_size=50),
        "monitoring": Asked("monitoring", 1),
        "monitoring, beta-binomial": Asked("monitoring", 1, options={"rule": "beta-binomial", "alpha": 0.2}),
    }
    with_table = {"3+3", "boin", "i3+3", "tpi", "mtpi", "mtpi2", "keyboard", "ccd"}
    return found | {kind: Asked(kind, doses) for kind in REGISTRY if kind in with_table}


def decision(name: str, small: bool) -> Callable[[], Any]:
    """A decision that nothing is remembered of: the largest trial, each time with another target."""
    asked = cases(small)[name]
    size = FEW * asked.cohort_size if small else MOST_PATIENTS
    levels = range(1, asked.doses + 1)
    cohorts = range(min(asked.treated, size // asked.cohort_size))
    text = " ".join(f"{min(at + 1, asked.doses)}{'N' * asked.cohort_size}" for at in cohorts)
    design, data = REGISTRY[asked.kind](**asked.options), InterimData.from_outcomes(text, asked.doses)
    targets = iter(range(10**6))

    def ask() -> None:
        target = 0.25 + next(targets) * 1e-6
        trial = Trial(doses=list(levels), target=target, max_patients=size, cohort_size=asked.cohort_size)
        next_dose(design, trial, data)

    return ask


def section(scale: Scale) -> Section:
    """What one decision costs."""
    names = list(cases(scale.small))
    tasks = [Task(name, "benchmarks.decisions:decision", {"name": name, "small": scale.small}) for name in names]
    found = measure(tasks, scale.effort, scale.told)
    slowest = sorted(names, key=lambda name: -found[name].seconds)
    rows = [[name, duration(found[name].seconds), f"{found[name].peak_bytes / 2**20:.0f} MB"] for name in slowest]
    return Section(
        blocks=[
            Heading("Single decisions"),
            Lines(
                f"`next_dose` with five cohorts behind it, in the largest trial: {DOSES} doses (monitoring: one) and "
                f"{MOST_PATIENTS} patients. Each time the design is compiled anew. The slowest come first."
            ),
            TextTable(["design", "one call", "peak memory"], [rows]),
        ],
        headlines=[Headline("The slowest single decision", duration(found[slowest[0]].seconds), slowest[0])],
    )
