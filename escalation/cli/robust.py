"""`escalation robust`: designs over many truths."""

from pathlib import Path
from typing import Any

from escalation.cli import options
from escalation.cli.figure_file import check_files, write_figure
from escalation.cli.group import main, say
from escalation.cli.truth_source import TruthOptions, fitting, judged_truths, truth_source


@main.command("robust")
@options.scenario_file
@options.some_designs
@truth_source("clertant", by_design=True)
@options.limits()
@options.output_format("table", "json", "csv", "markdown")
@options.output_file
@options.file_to_write("--each", "CSV file for every number of every design under every truth.")
@options.file_to_write(
    "--figure", "File for a figure of PCS and overdosing by the position of the MTD; it ends in .svg, .png or .pdf."
)
@options.file_to_write("--trade-off", "File for a figure of mean PCS against mean overdosing.")
@options.cluster
def robust_command(
    file: Path,
    designs: tuple[str, ...],
    source: TruthOptions,
    form: str,
    cluster: str | None,
    output: Path | None,
    each: Path | None,
    figure: Path | None,
    trade_off: Path | None,
    **limits: Any,
) -> None:
    """Evaluate the designs of a scenario file under thousands of truths.

    The truths are drawn, unless --generator says otherwise. For each position of the MTD it prints mean, quantile and
    worst of each design's PCS and overdosing, and the sample size, beside the optimal benchmark; for each position of
    the optimal dose how often designs that choose one are right. Under each truth the numbers are exact.
    """
    check_files(output=output, each=each, figure=figure, trade_off=trade_off)
    (scenario,) = options.read_scenarios([file])

    from escalation.files import write_whole
    from escalation.report.pages.robust import each_table, robustness_blocks, table_of, to_tree
    from escalation.studies.robust import robust
    from escalation.tidy import to_csv

    truths = judged_truths(scenario, fitting(source, scenario, designs))
    with options.at_work(cluster) as work:
        found = robust(scenario, truths, designs=designs, **limits, **work)
    for label, reason in found.refusals.items():
        say("warning", f"{file}: {label} is left out: {reason}")
    pages = [robustness_blocks(found)]
    options.emit(form, output, pages, lambda: to_tree(found), lambda: table_of(found))
    if each is not None:
        write_whole(each, to_csv(each_table(found)))
    write_figure("robustness", (found,), figure, scenario)
    write_figure("trade_off", (found,), trade_off, scenario)
