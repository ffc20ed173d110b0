"""A run as Markdown tables."""

from collections.abc import Iterator

from escalation.report import tables
from escalation.scenario_run import Run


def to_markdown(run: Run) -> str:
    """A section for the run, a subsection for each truth."""
    return "\n".join(_lines(run)) + "\n"


def _lines(run: Run) -> Iterator[str]:
    title, lines = tables.heading(run)
    yield f"## {_plain(title)}"
    for line in lines:
        yield ""
        yield _plain(line)
    for truth, doses, summary in tables.truths(run):
        yield ""
        yield f"### {_plain(truth.name)}"
        yield ""
        yield from _table(doses)
        yield ""
        yield from _table(summary)
    yield ""
    for line in [*tables.footnotes(run), *tables.verdict(run)[0]]:
        yield f"- {_plain(line)}"


def _table(grid: tables.Grid) -> Iterator[str]:
    yield f"| {' | '.join(map(_plain, grid.header))} |"
    yield f"|{'---|' + '---:|' * (len(grid.header) - 1)}"
    for group in grid.groups:
        for row in group:
            yield f"| {' | '.join(map(_plain, row))} |"


def _plain(text: str) -> str:
    """The text with nothing in it that Markdown would take for its own."""
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>|#~" else letter for letter in text)
