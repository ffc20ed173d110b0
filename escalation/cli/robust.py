"""`escalation robust`: designs over many truths."""

from collections.abc import Mapping
from pathlib import Path

import click

from escalation.cli import options
from escalation.cli.figure_file import check_figure, write_figure
from escalation.cli.group import main
from escalation.cli.truth_source import TruthOptions, judged_truths, truth_source

PICTURES = {"figure": "robustness", "trade_off": "trade_off"}
"""Figures, by the options that name their files."""


@main.command("robust")
@options.scenario_file
@options.some_designs
@truth_source("clertant")
@options.max_states
@options.output_format("table", "json", "csv", "markdown")
@options.output_file
@click.option(
    "--each", type=click.Path(path_type=Path), help="CSV file for every number of every design under every truth."
)
@click.option(
    "--figure",
    type=click.Path(path_type=Path),
    help="File for a figure of PCS and overdosing by the position of the MTD; it ends in .svg, .png or .pdf.",
)
@click.option(
    "--trade-off", type=click.Path(path_type=Path), help="File for a figure of mean PCS against mean overdosing."
)
@options.cluster
def robust_command(
    file: Path,
    designs: tuple[str, ...],
    source: TruthOptions,
    max_states: int | None,
    form: str,
    cluster: str | None,
    **files: Path | None,
) -> None:
    """Evaluate the designs of a scenario file under thousands of truths.

    The truths are drawn, unless --generator says otherwise. For each position of the MTD it prints mean, quantile and
    worst of each design's PCS and overdosing, and the sample size, beside the optimal benchmark. Under each truth the
    numbers are exact.
    """
    _check_files(files)
    (scenario,) = options.read_scenarios([file])

    from escalation.files import write_whole
    from escalation.names import choose
    from escalation.report.pages.robust import each_table, robustness_blocks, table_of, to_tree
    from escalation.report.progress import progress_bar
    from escalation.studies.robust import BLOCK, robust
    from escalation.studies.work.cluster import cluster_executor
    from escalation.tidy import to_csv

    labels = choose(designs, scenario.designs, "design")
    truths = judged_truths(scenario, source)
    with (
        progress_bar(len(labels) * -(-len(truths) // BLOCK), f"designs x {BLOCK:,} truths") as step,
        cluster_executor(cluster) as executor,
    ):
        found = robust(scenario, truths, designs=labels, max_states=max_states, executor=executor, step=step)
    for label, reason in found.refusals.items():
        click.echo(f"warning: {file}: {label} is left out: {reason}", err=True)
    pages = [robustness_blocks(found)]
    options.emit(form, files["output"], pages, lambda: to_tree(found), lambda: table_of(found))
    if (each := files["each"]) is not None:
        write_whole(each, to_csv(each_table(found)))
    for option, name in PICTURES.items():
        if (path := files[option]) is not None:
            write_figure(name, (found,), path, scenario)


def _check_files(files: Mapping[str, Path | None]) -> None:
    """Refuse files that could not be written, or one for two purposes, before any work is done."""
    options.check_different(**files)
    for option, path in files.items():
        if path is not None and option in PICTURES:
            check_figure(path, f"--{option.replace('_', '-')}")
        else:
            options.check_output(path)
