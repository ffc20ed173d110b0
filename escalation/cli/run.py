"""`escalation run`: operating characteristics."""

from pathlib import Path
from typing import Any

import click

from escalation.cli import options
from escalation.cli.group import fail, main, say


@main.command("run")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@options.some_designs
@options.some_truths
@options.simulated_trials
@options.random_seed("simulated patients")
@click.option("--exact/--no-exact", default=True, show_default=True, help="Whether to compute exact values.")
@click.option(
    "--from",
    "after",
    metavar="OUTCOMES",
    help="Given the data of a running trial, such as '1NNN 2NTT'; see `escalation next`.",
)
@options.limits(trials=True)
@options.output_format("table", "json", "csv", "markdown")
@options.output_file
def run_command(files: tuple[Path, ...], form: str, output: Path | None, **asked: Any) -> None:
    """Run the designs of scenario files under their truths.

    Prints for each design and truth the DLT rates, the RP2D selection probabilities and the sample size: exact values,
    cross-checked by simulated trials. With --from: given what has been seen in a running trial, how it may end.
    """
    if not asked["exact"] and asked["trials"] == 0:
        raise click.UsageError("--no-exact with --trials 0 leaves nothing to compute")

    from escalation.report.pages.run import run_blocks, table_of, to_tree
    from escalation.report.progress import progress_bar
    from escalation.studies.run import run

    options.check_output(output)
    runs = [run(scenario, progress=progress_bar, **asked) for scenario in options.read_scenarios(files)]
    for path, finished in zip(files, runs, strict=True):
        for departure in finished.departures:
            say("warning", f"{path}: {departure}")
        options.tell_left_out(form, path, finished.left_out)
    options.emit(form, output, map(run_blocks, runs), lambda: to_tree(runs), lambda: table_of(runs))
    for path, finished in zip(files, runs, strict=True):
        if finished.agreement is not None and not finished.agreement.agrees:
            fail(f"{path}: simulated trials and exact values DISAGREE; do not use these results")
