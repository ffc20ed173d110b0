"""`escalation report`: one page on a trial's designs."""

from pathlib import Path
from typing import Any

from escalation.cli import options
from escalation.cli.group import fail, main


@main.command("report")
@options.scenario_file
@options.file_to_write("--output", "Write the report to this file, whole or not at all.", required=True)
@options.output_format("html", "md")
@options.some_designs
@options.some_truths
@options.simulated_trials
@options.random_seed("simulated patients")
@options.limits(trials=True)
def report_command(file: Path, output: Path, **asked: Any) -> None:
    """Write a report on the designs of a scenario file.

    One page with the trial and its assumptions, the designs, their operating characteristics, text for a protocol, and
    what is needed to get the same numbers again. HTML that needs no other file, or Markdown.
    """
    from escalation.report.document.report import check_packages, write_report
    from escalation.report.progress import progress_bar

    check_packages()
    options.check_output(output)
    (scenario,) = options.read_scenarios([file])
    finished = write_report(scenario, output, file=file, progress=progress_bar, **asked)
    if not finished.agrees:
        fail(f"{file}: simulated trials and exact values DISAGREE; do not use these results")
