"""`escalation next`: the next dose of a running trial."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from escalation.cli import options
from escalation.cli.group import main

if TYPE_CHECKING:
    from escalation.trial.data import InterimData


def _numbers(_context: click.Context, _option: click.Parameter, text: str | None) -> tuple[int, ...] | None:
    """Whole numbers with commas between."""
    if text is None:
        return None
    parts = text.split(",")
    if not all(part.strip().isascii() and part.strip().isdigit() and len(part.strip()) < 7 for part in parts):
        raise click.BadParameter(f"'{text}' should be whole numbers with commas between, such as 3,3")
    return tuple(map(int, parts))


@main.command("next")
@options.scenario_file
@click.argument("outcomes", required=False)
@options.one_design
@click.option(
    "--patients", callback=_numbers, metavar="N,N,...", help="Instead of OUTCOMES: patients at each dose level."
)
@click.option("--dlts", callback=_numbers, metavar="Y,Y,...", help="With --patients: DLTs at each dose level.")
@click.option("--dose", type=int, metavar="LEVEL", help="With --patients: dose level of the last cohort.")
@click.option(
    "--last-cohort",
    callback=_numbers,
    metavar="N,Y",
    help="With --patients: patients and DLTs of the last cohort, for a design that looks at it.",
)
@options.output_format("table", "json", "markdown")
@options.output_file
def next_command(
    file: Path,
    outcomes: str | None,
    design: str | None,
    form: str,
    output: Path | None,
    **counts: Any,
) -> None:
    """The next dose of a running trial.

    OUTCOMES are its cohorts so far, such as '1NNN 2NTT': the dose level, then a letter for each patient, N for no DLT
    and T for a DLT; '' before the first patient.

    Prints the next dose, or why the trial stops, with the rule that decided; the recommended dose if the trial ended
    now; and what is known of each dose. Data that the design would not have led to get a warning.
    """
    from escalation.report.pages.next_dose import next_dose_blocks, next_dose_tree
    from escalation.running.next_dose import next_dose

    options.check_output(output)
    (scenario,) = options.read_scenarios([file])
    label = options.choose_design(scenario, design)
    chosen = scenario.designs[label]
    found = next_dose(chosen, scenario.trial, _data(scenario.trial.levels, outcomes, **counts))
    if form != "table" or output is not None:  # the page has them
        for warning in found.warnings:
            click.echo(f"warning: {warning}", err=True)
    pages = [next_dose_blocks(label, scenario.trial, found)]
    options.emit(form, output, pages, lambda: next_dose_tree(found))


def _data(
    levels: int,
    outcomes: str | None,
    *,
    patients: tuple[int, ...] | None,
    dlts: tuple[int, ...] | None,
    dose: int | None,
    last_cohort: tuple[int, ...] | None,
) -> "InterimData":
    from escalation.trial.data import InterimData

    beside = {"--dlts": dlts, "--dose": dose, "--last-cohort": last_cohort}
    if outcomes is not None:
        for option, value in {"--patients": patients, **beside}.items():
            if value is not None:
                raise click.UsageError(f"give either OUTCOMES or {option}, not both")
        return InterimData.from_outcomes(outcomes, levels)
    if patients is None or dlts is None:
        raise click.UsageError("give OUTCOMES, such as '1NNN 2NTT', or --patients with --dlts")
    if last_cohort is not None and len(last_cohort) != 2:
        raise click.UsageError("--last-cohort: two numbers, its patients and its DLTs, such as 3,1")
    last = None if last_cohort is None else (last_cohort[0], last_cohort[1])
    return InterimData.from_counts(patients, dlts, levels, dose=dose, last_cohort=last)
