"""The designs: what they do, and with which options."""

from collections.abc import Iterator
from inspect import cleandoc

from escalation.designs import Design
from escalation.report.blocks import Block, Grid, Heading, Lines
from escalation.report.designs import source
from escalation.report.page.summary import by_truth
from escalation.report.toml import to_toml
from escalation.scenario_run import Run

LONGEST = 300
"""Letters of an option that a table shows: a decision table has a page of its own."""


def run_designs(run: Run) -> dict[str, Design]:
    """The designs of the run by label."""
    return {result.design: run.scenario.designs[result.design] for result in by_truth(run)[0]}


def methods(run: Run) -> Iterator[Block]:
    """A heading for each design, with its rules and options."""
    for name, design in run_designs(run).items():
        yield Heading(name, level=3)
        yield Lines((description(design),))
        yield _options(name, design)
        yield Lines((f"Source: {source(type(design))}",))


def description(design: Design) -> str:
    """What the design does, in a few sentences."""
    text, _, _ = cleandoc(type(design).__doc__ or "").partition("Parameters\n----------")
    return " ".join(text.split())


def _options(name: str, design: Design) -> Grid:
    texts = type(design).field_texts()
    rows = []
    for option, value in design:
        if option in ("kind", "label"):
            continue
        basis = "chosen" if option in design.model_fields_set else "default"
        written = "" if value == () else to_toml(value)
        shown = written if len(written) <= LONGEST else f"{written[:LONGEST]} ..."
        rows.append([option, shown or "not set", basis, texts.get(option, "").replace("`", "")])
    return Grid(
        ["option", "value", "basis", "meaning"],
        [rows],
        words=frozenset({1, 2, 3}),
        caption=f"Options of {name} (kind “{design.kind}”)",
    )
