"""RESULTS.md and the rows of it that the README shows."""

import datetime
import importlib.metadata
import os
import platform
from collections.abc import Sequence
from pathlib import Path

import click
from pyperf import Run

from benchmarks.section import Section
from escalation.files import write_whole
from escalation.report.blocks import Block, Heading, Lines, TextTable
from escalation.report.render.markdown import plain, to_markdown

PACKAGES = ("escalation", "numba", "numpy", "scipy", "pyperf")

BEGIN = "<!-- headline figures, from benchmarks/RESULTS.md: begin -->\n"
END = "<!-- headline figures: end -->\n"


def machine() -> list[str]:
    """The machine, what runs on it, and the date, each in a line."""
    facts = Run([1.0]).get_metadata()
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return [
        f"Machine: {facts.get('cpu_model_name', platform.machine())}, {os.cpu_count()} cores, {memory:.0f} GiB",
        f"System: {facts['platform']}",
        f"Versions: Python {platform.python_version()}, {versions}",
        f"Date: {datetime.datetime.now(datetime.UTC).date()}",
    ]


def headline_table(sections: Sequence[Section]) -> str:
    """The table that the README shows, in Markdown."""
    rows = [[line.what, line.figure, line.beside] for section in sections for line in section.headlines]
    return to_markdown([TextTable(["measured", "figure", "beside it"], [rows], words=frozenset({2}))])


def results_page(sections: Sequence[Section]) -> str:
    """RESULTS.md: the machine, the headline figures and every section."""
    introduction: list[Block] = [
        Heading("Results of the benchmarks", 1),
        Lines("Written by “python -m benchmarks all”; not to be edited."),
        Lines(*machine(), listed=True),
        Heading("Headline figures"),
    ]
    parts = [to_markdown(introduction, top=1), BEGIN + headline_table(sections) + END]
    for section in sections:
        parts.append(to_markdown(section.blocks, top=1))
        parts += [f"![{plain(words)}]({name})\n" for name, words in section.pictures.items()]
    return "\n".join(parts)


def headline_of(page: str) -> str:
    """The headline figures in a page that shows them: RESULTS.md or the README."""
    return page.partition(BEGIN)[2].partition(END)[0]


def with_headline(page: str, table: str) -> str:
    """A page with these headline figures in place of those it shows.

    Raises
    ------
    click.ClickException
        It has no place for them.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise click.ClickException(f"the page for the headline figures has no lines {BEGIN.strip()} and {END.strip()}")
    return before + begin + table + end + after


def write_results(sections: Sequence[Section], folder: Path, readme: Path) -> None:
    """Write RESULTS.md and the sections' files into a folder, and the headline figures into the README."""
    shown = with_headline(readme.read_text(encoding="utf-8"), headline_table(sections))
    for section in sections:
        for name, content in section.files.items():
            write_whole(folder / name, content)
    write_whole(folder / "RESULTS.md", results_page(sections))
    write_whole(readme, shown)
