"""Pages as text and Markdown, results as JSON and CSV: one file a format."""

from collections.abc import Callable, Iterable, Mapping
from typing import TextIO

from escalation.report.blocks import Block


def render(form: str, file: TextIO, pages: Iterable[Iterable[Block]], others: Mapping[str, Callable[[], str]]) -> None:
    """Write pages for people, or what programs read.

    Parameters
    ----------
    form : str
        "table" or "markdown" for the pages, or a key of `others`.
    file : file open for writing
    pages : iterable of iterables of Block
    others : mapping of str to function
        The text in other formats, by their names.
    """
    if form in others:
        file.write(others[form]())
        return
    if form == "markdown":
        from escalation.report.render.markdown import to_markdown

        file.write("\n".join(map(to_markdown, pages)))
        return
    from escalation.report.render.text import print_blocks

    for number, page in enumerate(pages):
        if number:
            file.write("\n")
        print_blocks(page, file)
