"""`escalation report`: one page on a trial's designs."""

import sys
from pathlib import Path
from typing import Literal

import click

from escalation.cli import options
from escalation.cli.group import EXIT_FAILED, main
from escalation.defaults import SEED, TRIALS


@main.command("report")
@options.scenario_file
@click.option(
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    help="Write the report to this file, whole or not at all.",
)
@options.output_format("html", "md")
@options.some_designs
@options.some_truths
@options.simulated_trials(TRIALS)
@options.random_seed(SEED)
@options.max_states
def report_command(
    file: Path,
    output: Path,
    form: Literal["html", "md"],
    designs: tuple[str, ...],
    truths: tuple[str, ...],
    trials: int,
    seed: int,
    max_states: int | None,
) -> None:
    """Write a report on the designs of a scenario file.

    One page with the trial and its assumptions, the designs, their operating characteristics, text for a protocol, and
    what is needed to get the same numbers again. HTML that needs no other file, or Markdown.
    """
    from escalation.report.document.report import check_packages, write_report
    from escalation.report.progress import progress_bar

    check_packages()
    options.check_output(output)
    (scenario,) = options.read_scenarios([file])
    finished = write_report(
        scenario,
        output,
        form=form,
        designs=designs,
        truths=truths,
        trials=trials,
        seed=seed,
        max_states=max_states,
        file=file,
        progress=progress_bar,
    )
    if not finished.agrees:
        click.echo(f"error: {file}: simulated trials and exact values DISAGREE; do not use these results", err=True)
        sys.exit(EXIT_FAILED)
