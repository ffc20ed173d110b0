"""The designs against each other."""

from collections.abc import Iterator
from dataclasses import replace

from escalation.comparison import compare
from escalation.report.blocks import Grid, Heading, Lines
from escalation.report.comparison import comparison_blocks
from escalation.report.page.document import Part, beneath
from escalation.report.page.provenance import Request, chosen
from escalation.scenario_run import Run


def contrasts(run: Run, request: Request) -> Iterator[Part]:
    """Differences between the designs of the run, under each of its truths."""
    designs, truths = chosen(run)
    if len(designs or run.scenario.design) < 2:
        yield Lines(("There is only one design.",))
        return
    found = compare(
        run.scenario, designs=designs, truths=truths, trials=run.trials, seed=run.seed, max_states=request.max_states
    )
    _, _, *blocks = comparison_blocks(found)  # without the page's own heading and the lines on the trial
    name = ""
    for block in beneath(2, blocks):
        if isinstance(block, Heading):
            name = block.text
        yield replace(block, caption=f"{name}: differences between the designs") if isinstance(block, Grid) else block
