"""Pages as text and Markdown, trees as JSON: one file a format. Tables are written as CSV by `escalation.tidy`."""

from collections.abc import Callable, Iterable
from typing import Any, TextIO

from escalation.report.blocks import Block
from escalation.tidy import Table


def render(
    form: str,
    file: TextIO,
    pages: Iterable[Iterable[Block]],
    tree: Callable[[], Any],
    table: Callable[[], Table] | None = None,
) -> None:
    """Write pages for people ("table", "markdown"), a tree of plain values ("json") or a tidy table ("csv")."""
    if form == "json":
        from escalation.report.render.json import to_json

        file.write(to_json(tree()))
    elif form == "csv" and table is not None:
        from escalation.tidy import to_csv

        file.write(to_csv(table()))
    elif form == "markdown":
        from escalation.report.render.markdown import to_markdown

        file.write("\n".join(map(to_markdown, pages)))
    else:
        from escalation.report.render.text import print_blocks

        for number, page in enumerate(pages):
            if number:
                file.write("\n")
            print_blocks(page, file)
