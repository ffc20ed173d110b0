"""Figures in files: refused before any work is done, or written whole."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from escalation.cli import options
from escalation.errors import EscalationError, OutputError

if TYPE_CHECKING:
    from escalation.scenario.file import Scenario


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


def write_figure(name: str, drawn: tuple[Any, ...], output: Path, scenario: "Scenario") -> None:
    """Draw one of `report.figures` by its name and write it; a warning names letters that its font lacks."""
    from escalation.files import write_whole
    from escalation.report import figures

    figure, told = getattr(figures, name)(*drawn), getattr(figures.alt_text, name)(*drawn)
    title = scenario.title or scenario.name
    form = output.suffix.lower().removeprefix(".")
    unknown = figures.unknown_letters(figure)
    if unknown and form != "svg":
        click.echo(f"warning: {output}: the font lacks {unknown}; an .svg shows them", err=True)
    write_whole(output, figures.to_bytes(figure, form, title, told))
