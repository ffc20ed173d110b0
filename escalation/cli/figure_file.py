"""Figures in files: refused before any work is done, or written whole."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from escalation.cli import options
from escalation.cli.group import say
from escalation.errors import EscalationError, OutputError

if TYPE_CHECKING:
    from escalation.scenario.file import Scenario


FIGURES = ("--figure", "--trade-off")
"""Options that name files for figures."""


def check_files(**files: Path | None) -> None:
    """Refuse files that could not be written, or one for two purposes, before any work is done.

    They are named as the options are.
    """
    given = {f"--{name.replace('_', '-')}": path for name, path in files.items()}
    paths = [os.path.realpath(path) for path in given.values() if path is not None]
    if len(set(paths)) < len(paths):
        raise click.UsageError(f"{', '.join(given)}: each needs a file of its own")
    for option, path in given.items():
        if path is not None and option in FIGURES:
            check_figure(path, option)
        else:
            options.check_output(path)


def check_figure(output: Path, command: str) -> None:
    """Refuse a figure that could not be written, or drawn, before any work is done."""
    from escalation.files import PICTURES

    if output.suffix.lower().removeprefix(".") not in PICTURES:
        raise OutputError(f"{output}: the name should end in .svg, .png or .pdf")
    options.check_output(output)
    try:
        import matplotlib  # noqa: F401
    except ModuleNotFoundError as missing:
        if missing.name != "matplotlib":
            raise
        raise EscalationError(f"{command} needs matplotlib: pip install 'escalation[report]'") from None
    except ValueError as error:  # of its settings, such as MPLBACKEND in the environment
        raise EscalationError(f"{command} needs matplotlib, which cannot be imported: {error}") from None


def write_figure(name: str, drawn: tuple[Any, ...], output: Path | None, scenario: "Scenario") -> None:
    """Draw one of `report.figures` by its name and write it, if to a file; a warning names letters its font lacks."""
    if output is None:
        return
    from escalation.files import write_whole
    from escalation.report import figures

    figure, told = getattr(figures, name)(*drawn), getattr(figures.alt_text, name)(*drawn)
    title = scenario.title or scenario.name
    form = output.suffix.lower().removeprefix(".")
    unknown = figures.unknown_letters(figure)
    if unknown and form != "svg":
        say("warning", f"{output}: the font lacks {unknown}; an .svg shows them")
    write_whole(output, figures.to_bytes(figure, form, title, told))
