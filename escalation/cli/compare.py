"""`escalation compare`: designs against each other."""

from pathlib import Path
from typing import Any

import click

from escalation.cli import options
from escalation.cli.group import fail, main


@main.command("compare")
@options.scenario_file
@options.some_designs
@options.some_truths
@click.option("--reference", metavar="LABEL", help="Compare every other design with this one only.")
@options.simulated_trials
@options.random_seed("simulated patients")
@options.limits(trials=True)
@options.output_format("table", "json", "csv", "markdown")
@options.output_file
def compare_command(file: Path, form: str, output: Path | None, **asked: Any) -> None:
    """Compare the designs of a scenario file with each other under the same truths.

    Prints exact differences in PCS, patients at doses above the target, sample size and DLTs: each design minus every
    earlier one, or minus the reference. Beside them, the differences in simulated trials with the same patients, and
    their 95 % intervals.
    """
    from escalation.report.pages.compare import comparison_blocks, table_of, to_tree
    from escalation.report.progress import progress_bar
    from escalation.studies.compare import compare

    options.check_output(output)
    (scenario,) = options.read_scenarios([file])
    comparison = compare(scenario, progress=progress_bar, **asked)
    options.tell_left_out(form, file, comparison.left_out)
    pages = [comparison_blocks(comparison)]
    options.emit(form, output, pages, lambda: to_tree(comparison), lambda: table_of(comparison))
    if comparison.agreement is not None and not comparison.agreement.agrees:
        fail(f"{file}: simulated and exact differences DISAGREE; do not use these results")
