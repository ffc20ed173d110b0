"""`escalation paths`: dose transition pathways."""

from pathlib import Path

import click

from escalation.cli import options
from escalation.cli.group import main


@main.command("paths")
@options.scenario_file
@options.one_design
@click.option("--cohorts", type=click.IntRange(min=1), default=3, show_default=True, help="How many to look ahead.")
@click.option(
    "--from",
    "after",
    metavar="OUTCOMES",
    default="",
    help="Start from the data of a running trial, such as '1NNN 2NTT'; see `escalation next`.",
)
@click.option(
    "--truth", "truths", metavar="NAME", multiple=True, help="Probabilities under this truth; may be repeated."
)
@options.output_format("table", "json", "markdown")
@options.output_file
def paths_command(
    file: Path,
    design: str | None,
    cohorts: int,
    after: str,
    truths: tuple[str, ...],
    form: str,
    output: Path | None,
) -> None:
    """Dose transition pathways: every way a trial can go over its next cohorts.

    Prints them as a tree and as a table, with the exact probability of each path under the truths that are named.
    """
    from escalation.report.pages.paths import pathway_blocks, pathway_tree

    options.check_output(output)
    scenario = options.read_scenarios([file])[0] if truths else options.read_designs(file)
    label = options.choose_design(scenario, design)
    found = options.pathways_of(scenario, label, cohorts, after, truths)
    tree = {"scenario": scenario.name, "design": label, "from": after} | pathway_tree(found)
    options.emit(form, output, [pathway_blocks(label, found, after)], lambda: tree)
