"""The command line of the benchmarks."""

import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from escalation.errors import EscalationError

if TYPE_CHECKING:
    from benchmarks.section import Section


HERE = Path(__file__).parent
README = HERE.parent / "README.md"

COMMANDS = {
    "peers": "Beside the packages that a user would pick instead.",
    "growth": "How time and memory grow with the size of the problem.",
    "startup": "Import, --help, the first run ever and the next.",
    "decisions": "What one decision costs, under every design in the largest trial.",
    "limits": "How far each engine is from what the machine allows.",
    "accuracy": "Simulation error, common random numbers, and the CRM's decisions against fine quadrature.",
    "truths": "Thousands of truths: what a further one costs.",
    "designs": "Every design on the published truths, side by side.",
}

smoke_option = click.option(
    "--smoke", is_flag=True, help="Small sizes, timed once: shows that everything works, measures nothing."
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Benchmarks of escalation. Each command prints one section; `all` writes them to benchmarks/RESULTS.md."""


def section_of(command: str, smoke: bool) -> "Section":
    """What a command finds; what it is doing goes to standard error.

    Raises
    ------
    click.ClickException
        A package that the benchmarks need is not installed, or what is measured failed.
    """
    try:
        from benchmarks.section import full, small

        module = importlib.import_module(f"benchmarks.{command}")
    except ModuleNotFoundError as error:
        raise click.ClickException(f"{error}; the benchmarks need: pip install '.[bench]'") from None
    scale = (small if smoke else full)(lambda doing: click.echo(f"{command}: {doing}", err=True))
    try:
        found: Section = module.section(scale)
    except EscalationError as error:
        raise click.ClickException(str(error)) from None
    return found


def check_folder(folder: Path) -> None:
    """Refuse a folder that files cannot be written to, before anything is measured.

    Raises
    ------
    click.ClickException
    """
    from escalation.files import check_writable

    try:
        check_writable(folder / "RESULTS.md")
    except EscalationError as error:
        raise click.ClickException(str(error)) from None


def add(name: str, about: str) -> None:
    """Add the command of one section."""

    @main.command(name, help=about)
    @smoke_option
    @click.option(
        "--to",
        "folder",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="A folder for the files of the section, if it has any: tables as CSV, figures.",
    )
    def command(smoke: bool, folder: Path | None) -> None:
        from escalation.files import write_whole
        from escalation.report.render.text import print_blocks

        if folder is not None:
            check_folder(folder)
        found = section_of(name, smoke)
        print_blocks(found.blocks, sys.stdout)
        if folder is not None:
            for file, content in found.files.items():
                write_whole(folder / file, content)


for name, about in COMMANDS.items():
    add(name, about)


@main.command("all")
@smoke_option
@click.option(
    "--to",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=HERE,
    help="The folder of RESULTS.md; the project's own unless another is named.",
)
@click.option(
    "--readme",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=README,
    help="The page that shows the headline figures; the project's own unless another is named.",
)
def everything(smoke: bool, folder: Path, readme: Path) -> None:
    """Run all commands; write RESULTS.md, its files, and the headline figures into the README."""
    if smoke and (folder == HERE or readme == README):
        raise click.UsageError("--smoke measures nothing: with it, name another folder (--to) and page (--readme)")
    check_folder(folder)
    check_folder(readme.parent)
    from benchmarks.results import with_headline, write_results

    with_headline(readme.read_text(encoding="utf-8"), "")  # that it has a place for them is better known now than later
    write_results([section_of(name, smoke) for name in COMMANDS], folder, readme)


if __name__ == "__main__":
    main()
