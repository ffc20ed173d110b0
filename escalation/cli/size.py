"""`escalation size`: the number of patients with which a design is right often enough."""

from pathlib import Path
from typing import Any

import click

from escalation.cli import options
from escalation.cli.figure_file import check_files, write_figure
from escalation.cli.group import main
from escalation.cli.truth_source import TruthOptions, judged_truths, truth_source
from escalation.errors import EscalationError


@main.command("size")
@options.scenario_file
@options.some_designs
@click.option("--pcs", type=float, required=True, metavar="P", help="What is wanted of the objective, such as 0.6.")
@options.max_overdosing
@options.objective
@click.option(
    "--from",
    "smallest",
    type=click.IntRange(min=1),
    metavar="N",
    help="Smallest size.  [default: a cohort for each dose]",
)
@click.option(
    "--to", "largest", type=click.IntRange(min=1), metavar="N", help="Largest size.  [default: twice the file's]"
)
@truth_source("scenario", calibration_set=True)
@options.limits()
@options.cluster
@options.output_format("table", "json", "csv", "markdown")
@options.output_file
@options.file_to_write("--figure", "Draw PCS against the size in this file; .svg, .png or .pdf.")
def size_command(
    file: Path,
    smallest: int | None,
    largest: int | None,
    source: TruthOptions,
    cluster: str | None,
    form: str,
    output: Path | None,
    figure: Path | None,
    **wanted: Any,
) -> None:
    """Search for the sample size: the fewest patients with which a design is right often enough.

    Every maximum number of patients in whole cohorts is evaluated exactly, under every truth. PCS can fall from a size
    to the next; so the size from which on all larger ones are enough is given beside the smallest. With --odds-ratio
    Cheung's (2013) formula stands beside a CRM.
    """
    from escalation.report.pages.size import size_blocks, table_of, to_tree
    from escalation.studies.size import find_size, whole_cohorts

    check_files(output=output, figure=figure)
    (scenario,) = options.read_scenarios([file])
    sizes = whole_cohorts(scenario.trial, smallest=smallest, largest=largest)
    judged = judged_truths(scenario, source)
    with options.at_work(cluster) as work:
        found = find_size(scenario, truths=judged, odds_ratio=source.odds_ratio, sizes=sizes, **work, **wanted)
    options.tell_left_out(form, file, found.left_out)
    options.emit(form, output, [size_blocks(found)], lambda: to_tree(found), lambda: table_of(found))
    write_figure("size_curves", (found,), figure, scenario)
    if found.unmet is not None:
        raise EscalationError(f"{file}: {found.unmet}")
