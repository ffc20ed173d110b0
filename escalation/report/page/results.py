"""Operating characteristics under each truth."""

from collections.abc import Iterator
from dataclasses import replace

from escalation.report.blocks import Heading, Lines
from escalation.report.page.document import Part
from escalation.report.page.measures import full_grid
from escalation.report.page.summary import by_truth
from escalation.report.runs import dose_grid, footnotes, summary_grid, verdict
from escalation.scenario_run import Run


def results(run: Run) -> Iterator[Part]:
    """A heading for each truth, with its tables."""
    lines, alarm = verdict(run)
    yield Lines(tuple(footnotes(run)), listed=True)
    yield Lines(tuple(lines), alarm=alarm, listed=True)
    trial = run.scenario.trial
    for group in by_truth(run):
        name = group[0].truth.name
        yield Heading(name, level=3)
        yield replace(dose_grid(group, trial), caption=f"{name}: recommendations, patients and DLTs at each dose")
        yield replace(summary_grid(group), caption=f"{name}: the designs in brief")
        yield replace(full_grid(group, trial), caption=f"{name}: every performance measure (* correct dose)")
