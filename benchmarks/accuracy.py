"""Accuracy: simulation beside exact answers, and the CRM's decisions beside adaptive quadrature."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from benchmarks.common_patients import gains, paired_blocks
from benchmarks.crm_decisions import Comparison, check, compare, decision_blocks, headline
from benchmarks.section import Scale, Section
from benchmarks.settings import LUCAR_RATES, lucar
from benchmarks.simulation_error import Errors, error_blocks, errors_of
from escalation import CRM, Design, Scenario
from escalation.report.blocks import Heading, Lines

ALL_MODELS = tuple(product(("power", "logistic"), ("plugin", "mean")))


@dataclass(frozen=True)
class Extent:
    """How much is computed.

    Attributes
    ----------
    runs : dict of int to int
        Runs at each number of trials.
    paired_runs : int
        Runs of 1,000 trials in which designs are compared.
    patients : int
        In the trial whose states are visited.
    models : sequence of (model, estimate)
    """

    runs: dict[int, int]
    paired_runs: int
    patients: int = 36
    models: Sequence[tuple[str, str]] = ALL_MODELS


FULL = Extent({10**3: 200, 10**4: 100, 10**5: 20, 10**6: 5}, paired_runs=1000)
SMALL = Extent({200: 20, 1000: 10}, paired_runs=20, patients=12, models=(("power", "plugin"), ("logistic", "mean")))


def section(scale: Scale) -> Section:
    """Simulation error, common random numbers, and the CRM's decisions.

    Raises
    ------
    click.ClickException
        A decision of the CRM is not that of the quadrature, nor a tie.
    """
    extent, scenario = SMALL if scale.small else FULL, lucar()
    errors = {}
    for name, design in scenario.designs.items():
        scale.told(f"simulation error, {name}")
        errors[name] = simulation_errors(scenario, design, extent)
    paired = {}
    for name, reference in (("3+3", "boin"), ("crm", "boin")):
        scale.told(f"the same patients, {name} and {reference}")
        designs = scenario.designs[name], scenario.designs[reference]
        paired[f"{name} - {reference}"] = gains(
            *designs, scenario.trial, LUCAR_RATES, runs=extent.paired_runs, trials=1000
        )
    compared = {}
    for model, estimate in extent.models:
        scale.told(f"the CRM's decisions, {model}, {estimate}")
        compared[model, estimate] = crm_decisions(scenario, extent, model=model, estimate=estimate)
    check(compared)
    return Section(
        blocks=[
            Heading("Accuracy"),
            Lines(
                "All on LUCAR-DKS1: 4 doses, 36 patients in cohorts of 3, target 0.25; where there is one truth, "
                f"its DLT rates are {', '.join(map(str, LUCAR_RATES))}."
            ),
            *error_blocks(errors),
            *paired_blocks(paired),
            *decision_blocks(compared, extent.patients),
        ],
        headlines=[headline(compared)],
    )


def simulation_errors(scenario: Scenario, design: Design, extent: Extent) -> list[Errors]:
    """Errors by number of trials, each run with a seed of its own."""
    found, first = [], 0
    for trials, runs in extent.runs.items():
        seeds = range(first, first + runs)
        found.append(errors_of(design, scenario.trial, LUCAR_RATES, trials, seeds))
        first += runs
    return found


def crm_decisions(scenario: Scenario, extent: Extent, **options: Any) -> Comparison:
    """The scenario's CRM, with another model or estimate, under all its truths."""
    trial = scenario.trial.model_copy(update={"max_patients": extent.patients})
    design = scenario.designs["crm"].model_copy(update=options)
    assert isinstance(design, CRM)
    return compare(design, trial, [truth.dlt_rates for truth in scenario.truth])
