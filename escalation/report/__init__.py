"""Reports of a run. No arithmetic here: the numbers arrive finished."""

from collections.abc import Sequence
from typing import TextIO

from escalation.scenario_run import Run


def render(runs: Sequence[Run], form: str, file: TextIO) -> None:
    """Write runs in a format: "table", "json", "csv" or "markdown"."""
    if form == "json":
        from escalation.report.json import to_json

        file.write(to_json(runs) + "\n")
    elif form == "csv":
        from escalation.report.csv import to_csv

        file.write(to_csv(runs))
    elif form == "markdown":
        from escalation.report.markdown import to_markdown

        file.write("\n".join(map(to_markdown, runs)))
    else:
        from escalation.report.text import print_run

        for number, run in enumerate(runs):
            if number:
                file.write("\n")
            print_run(run, file)
