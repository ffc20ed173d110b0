"""The command line: parse, one call, render, exit code.

Everything heavy is imported inside the command that needs it, so that `--help` answers at once.
"""

import errno
import io
import sys
from pathlib import Path
from typing import Any

import click

from escalation import __version__
from escalation.defaults import SEED, TRIALS
from escalation.errors import EscalationError

EXIT_FAILED = 1
EXIT_BAD_INPUT = 2


class _Group(click.Group):
    """Turns the package's errors, and those of writing to the screen, into messages on standard error."""

    def invoke(self, ctx: click.Context) -> Any:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")  # names may hold letters that the terminal does not have
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except EscalationError as error:
            for line in str(error).splitlines():
                click.echo(f"error: {line}", err=True)
            sys.exit(EXIT_BAD_INPUT)
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise  # click ends quietly when nobody reads on
            click.echo(f"error: {error.strerror or error}", err=True)
            sys.exit(EXIT_FAILED)
        return result


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="escalation")
def main() -> None:
    """Operating characteristics of phase I dose-escalation designs, exact and simulated."""


@main.command("run")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--design", "designs", metavar="LABEL", multiple=True, help="Only this design; may be repeated.")
@click.option("--truth", "truths", metavar="NAME", multiple=True, help="Only this truth; may be repeated.")
@click.option(
    "--trials",
    type=click.IntRange(min=0, max=10_000_000),
    default=TRIALS,
    show_default=True,
    help="Simulated trials for each design and truth; 0 for none.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=SEED,
    show_default=True,
    help="Seed of the simulated patients.",
)
@click.option("--exact/--no-exact", default=True, show_default=True, help="Whether to compute exact values.")
@click.option(
    "--max-states",
    type=click.IntRange(min=1),
    metavar="N",
    help="No exact values for a design that may have more states.  "
    "[default: 50 million, or as many as fit into half of the memory if fewer]",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "csv", "markdown"]),
    default="table",
    show_default=True,
    help="Output format.",
)
@click.option(
    "--output", type=click.Path(path_type=Path), help="Write to this file, whole or not at all, instead of the screen."
)
def run_command(
    files: tuple[Path, ...],
    designs: tuple[str, ...],
    truths: tuple[str, ...],
    trials: int,
    seed: int,
    exact: bool,
    max_states: int | None,
    form: str,
    output: Path | None,
) -> None:
    """Run the designs of scenario files under their truths.

    Prints for each design and truth the DLT rates, the RP2D selection probabilities and the sample size: exact values,
    cross-checked by simulated trials.
    """
    if not exact and trials == 0:
        raise click.UsageError("--no-exact with --trials 0 leaves nothing to compute")

    from escalation.report import render
    from escalation.report.files import check_writable, write_whole
    from escalation.report.progress import progress_bar
    from escalation.scenario import load_scenario
    from escalation.scenario_run import run

    if output is not None:
        check_writable(output)
    scenarios = [load_scenario(path) for path in files]
    for path, scenario in zip(files, scenarios, strict=True):
        for warning in scenario.warnings:
            click.echo(f"warning: {path}: {warning}", err=True)
    steps = sum((len(designs) or len(one.design)) * (len(truths) or len(one.truth)) for one in scenarios)
    with progress_bar(steps) as step:
        runs = [
            run(
                scenario,
                designs=designs,
                truths=truths,
                trials=trials,
                seed=seed,
                exact=exact,
                max_states=max_states,
                step=step,
            )
            for scenario in scenarios
        ]
    if output is None:
        render(runs, form, sys.stdout)
    else:
        text = io.StringIO()
        render(runs, form, text)
        write_whole(output, text.getvalue())
    for path, finished in zip(files, runs, strict=True):
        if finished.agreement is not None and not finished.agreement.agrees:
            click.echo(f"error: {path}: simulated trials and exact values DISAGREE; do not use these results", err=True)
            sys.exit(EXIT_FAILED)


@main.command("designs")
def designs_command() -> None:
    """List the designs, their options with the defaults, and their sources."""
    from escalation.report.designs import print_designs

    print_designs(sys.stdout)


@main.command("schema")
def schema_command() -> None:
    """Print the JSON Schema of scenario files, for editors that complete and check them."""
    from escalation.report.json import scenario_schema

    click.echo(scenario_schema())
