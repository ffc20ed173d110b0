"""A report on the designs of a trial: one page that explains itself, for clinicians, statisticians and regulators."""

from collections.abc import Callable, Iterable
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import Literal

from escalation.defaults import SEED, TRIALS
from escalation.errors import MissingPackageError
from escalation.report.blocks import Block, Heading, Lines
from escalation.report.files import check_writable, write_whole
from escalation.report.markdown import to_markdown
from escalation.report.page.document import Document, Drawing, arranged
from escalation.report.page.provenance import Request
from escalation.scenario import Scenario
from escalation.scenario_run import Run, run

Form = Literal["html", "md"]

PACKAGES = ("jinja2", "matplotlib")
"""What a report needs beyond what the package needs otherwise."""


def write_report(
    scenario: Scenario,
    path: str | PathLike[str],
    *,
    form: Form = "html",
    designs: Iterable[str] = (),
    truths: Iterable[str] = (),
    trials: int = TRIALS,
    seed: int = SEED,
    max_states: int | None = None,
    file: str | PathLike[str] | None = None,
    step: Callable[[], None] = lambda: None,
) -> Run:
    """Run a scenario and write a report on it, whole or not at all.

    Parameters
    ----------
    scenario : Scenario
    path : str or path
        The file to write.
    form : {"html", "md"}
        One HTML page that needs nothing else, or Markdown, in which figures are described.
    designs, truths, trials, seed, max_states, step
        As for `scenario_run.run`.
    file : str or path, optional
        Where the scenario was read from: the report gives its name and digest.

    Returns
    -------
    Run
        The results that the report shows. Look at its `agreement`.

    Raises
    ------
    OutputError, MissingPackageError
        The file cannot be written, or a package is missing; said before any work is done.
    EscalationError
        As `scenario_run.run`.
    """
    check_packages()
    check_writable(Path(path))
    finished = run(scenario, designs=designs, truths=truths, trials=trials, seed=seed, max_states=max_states, step=step)
    write_whole(Path(path), make_report(finished, form=form, file=file, max_states=max_states))
    return finished


def make_report(
    finished: Run, *, form: Form = "html", file: str | PathLike[str] | None = None, max_states: int | None = None
) -> str:
    """The text of a report on a run.

    Parameters
    ----------
    finished : Run
    form, file
        As for `write_report`.
    max_states : int, optional
        That of the run; fingerprints of the designs keep to it.

    Raises
    ------
    MissingPackageError
    """
    check_packages()
    request = Request(form, None if file is None else Path(file), max_states)
    document = report_document(finished, request)
    if form == "md":
        return _to_markdown(document)
    from escalation.report.page.html import to_html  # needs jinja2, which is optional

    return to_html(document)


def check_packages() -> None:
    """Refuse to begin without the packages that a report needs.

    Raises
    ------
    MissingPackageError
    """
    try:
        for package in PACKAGES:
            import_module(package)
    except ImportError:
        needed = " and ".join(PACKAGES)
        raise MissingPackageError(f"report needs {needed}: pip install 'escalation[report]'") from None


def report_document(finished: Run, request: Request) -> Document:
    """The report as a tree; another section is another line in `page.sections`."""
    from escalation.report.page.sections import sections  # needs matplotlib, which is optional

    scenario = finished.scenario
    lines = ["Operating characteristics of dose-escalation designs"]
    lines += [f"Registry: {scenario.registry}"] if scenario.registry else []
    return Document(scenario.title or scenario.name, tuple(lines), tuple(sections(finished, request)))


def _to_markdown(document: Document) -> str:
    document = arranged(document)
    blocks: list[Block] = [Heading(document.title, level=1), Lines(document.lines)]
    for section in document.sections:
        blocks.append(Heading(section.title))
        for part in section.parts:
            if isinstance(part, Drawing):
                blocks.append(Lines((f"{part.title}. {part.description}",)))
            else:
                blocks.append(part)
    return to_markdown(blocks, top=1)
