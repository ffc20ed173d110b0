"""The designs: what they do, and with which options."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from escalation.designs import Design
from escalation.report.blocks import Block, Heading, Lines, TextTable
from escalation.report.document.document import Drawing, Part
from escalation.report.document.facts import run_designs
from escalation.report.figures import MOST_DRAWN, alt_text, pathways, to_svg
from escalation.report.pages.paths import path_footnotes, path_table
from escalation.report.pages.table import boundary_blocks
from escalation.report.render.toml import to_toml
from escalation.report.wording import dose_text
from escalation.running.pathways import first_pathways
from escalation.running.tables import decision_table
from escalation.studies.run import Run
from escalation.trial.trial import Trial

LONGEST = 300
"""Letters of an option that a table shows: a decision table has a page of its own."""


def methods(run: Run) -> Iterator[Part]:
    """A heading for each design, with its rules, its decision table, the pathways of its first cohorts, its options."""
    trial = run.scenario.trial
    for number, (name, design) in enumerate(run_designs(run).items(), 1):
        yield Heading(name, level=3)
        yield Lines(*design.description(trial).split("\n\n"))
        yield Heading("Decision table for complete data" if design.is_late_onset else "Decision table", level=4)
        table = boundary_blocks(decision_table(design, trial), design.applied_to(trial))
        yield from _captioned(f"Decision table of {name}", table)
        if not design.is_late_onset:  # whose paths depend on days
            yield from _pathways(name, design, trial, f"pathways-{number}")
        yield Heading("Options", level=4)
        yield _options(name, design)
        yield Lines(*(f"Source: {reference}" for reference in design.references(trial)), listed=True)


def _captioned(caption: str, blocks: Iterable[Block]) -> Iterator[Block]:
    for block in blocks:
        if isinstance(block, TextTable):
            yield replace(block, caption=f"{caption}{', ' if block.caption else ''}{block.caption}")
        else:
            yield block


def _pathways(name: str, design: Design, trial: Trial, identifier: str) -> Iterator[Part]:
    """The tree of the first cohorts, drawn as far as it can be read, and its paths."""
    ahead = first_pathways(design, trial, most=MOST_DRAWN)
    if ahead is None:
        return
    cohorts = "the first cohort" if ahead.cohorts == 1 else f"the first {ahead.cohorts} cohorts"
    title, told = f"{name}: pathways of {cohorts}", alt_text.pathways(ahead.root, ahead.trial)
    yield Heading(f"Dose transition pathways of {cohorts}", level=4)
    yield Drawing(title, told, to_svg(pathways(ahead.root, ahead.trial), title, told, identifier), wide=True)
    levels = [dose_text(trial, dose) for dose in range(1, trial.levels + 1)]
    yield Lines(f"Doses in the drawing and the table: {', '.join(levels)}.", *path_footnotes(ahead), listed=True)
    yield replace(path_table(ahead), caption=f"{name}: every path over {cohorts}", detail=True)


def _options(name: str, design: Design) -> TextTable:
    texts = type(design).field_texts()
    rows = []
    for option, value in design:
        if option in ("kind", "label"):
            continue
        basis = "chosen" if option in design.model_fields_set else "default"
        written = "" if value == () else to_toml(value)
        shown = written if len(written) <= LONGEST else f"{written[:LONGEST]} ..."
        rows.append([option, shown or "not set", basis, texts.get(option, "").replace("`", "")])
    return TextTable(
        ["option", "value", "basis", "meaning"],
        [rows],
        words=frozenset({1, 2, 3}),
        caption=f"Options of {name} (kind “{design.kind}”)",
        detail=True,
    )
