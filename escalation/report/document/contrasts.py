"""The designs against each other."""

from collections.abc import Iterator
from dataclasses import replace

from escalation.report.blocks import Heading, Lines, TextTable
from escalation.report.document.document import Part, beneath
from escalation.report.document.facts import Request
from escalation.report.pages.compare import difference_blocks


def contrasts(request: Request) -> Iterator[Part]:
    """Differences between the designs of the run, under each of its truths."""
    if request.comparison is None:
        yield Lines("There is only one design.")
        return
    name = ""
    for block in beneath(2, difference_blocks(request.comparison)):
        if isinstance(block, Heading):
            name = block.text
        yield (
            replace(block, caption=f"{name}: differences between the designs")
            if isinstance(block, TextTable)
            else block
        )
