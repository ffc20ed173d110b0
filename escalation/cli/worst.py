"""`escalation worst`: least favourable truths."""

from pathlib import Path
from typing import Any

import click

from escalation.cli import options
from escalation.cli.group import main, say
from escalation.defaults import DELTA


@main.command("worst")
@options.scenario_file
@options.some_designs
@click.option(
    "--delta",
    type=float,
    default=DELTA,
    show_default=True,
    help="The rates of the doses next to the MTD are at least so far from the target.",
)
@options.random_seed("random truths from which searches start")
@options.limits()
@options.output_format("table", "json", "csv", "markdown")
@options.output_file
@options.cluster
def worst_command(file: Path, form: str, output: Path | None, cluster: str | None, **asked: Any) -> None:
    """Find the truths that are least favourable for the designs of a scenario file.

    Among all truths with the MTD at a dose, neighbours at least --delta from the target and rates not decreasing: the
    one with the smallest PCS, and the one with the largest risk of overdosing. For every dose as the MTD; the file's
    own truths are not used. It looks at toxicity alone: not at responses, nor at the choice of an optimal dose.
    """
    from escalation.report.pages.worst import table_of, to_tree, worst_blocks
    from escalation.studies.worst import worst_cases

    options.check_output(output)
    (scenario,) = options.read_scenarios([file])
    with options.at_work(cluster) as work:
        cases = worst_cases(scenario, **work, **asked)
    for label, reason in cases.refusals.items():
        say("warning", f"{file}: {label} is left out: {reason}")
    options.emit(form, output, [worst_blocks(cases)], lambda: to_tree(cases), lambda: table_of(cases))
