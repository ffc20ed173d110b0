"""A report on the designs of a trial: one page that explains itself, for clinicians, statisticians and regulators."""

from dataclasses import dataclass
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import Literal, Unpack

from escalation.errors import EscalationError, MissingPackageError
from escalation.files import check_writable, write_whole
from escalation.report.blocks import Block, Heading, Lines
from escalation.report.document.document import Document, Drawing, arranged
from escalation.report.document.facts import Request, chosen
from escalation.report.render.markdown import to_markdown
from escalation.scenario.file import Scenario
from escalation.studies.compare import Comparison, RunSettings, compare, run_and_compare
from escalation.studies.run import Run
from escalation.studies.work.options import Limits, limits_of

Form = Literal["html", "md"]

PACKAGES = ("jinja2", "matplotlib")
"""What a report needs beyond what the package needs otherwise."""


@dataclass(frozen=True)
class Report:
    """What a report shows."""

    run: Run
    comparison: Comparison | None  # the designs against each other; None where there is only one

    @property
    def agrees(self) -> bool:
        """Whether simulated trials agree with the exact values wherever both were had."""
        found = [self.run.agreement, None if self.comparison is None else self.comparison.agreement]
        return all(agreement is None or agreement.agrees for agreement in found)


def write_report(
    scenario: Scenario,
    path: str | PathLike[str],
    *,
    form: Form = "html",
    file: str | PathLike[str] | None = None,
    **settings: Unpack[RunSettings],
) -> Report:
    """Run a scenario and write a report on it, whole or not at all.

    Parameters
    ----------
    scenario : Scenario
    path : str or path
        The file to write.
    form : {"html", "md"}
        One HTML page that needs nothing else, or Markdown, in which figures are described.
    file : str or path, optional
        Where the scenario was read from: the report gives its name and digest.
    designs, truths, trials, seed, max_states, max_seconds, max_memory, progress : optional
        As for `run`.

    Returns
    -------
    Report
        What the report shows. Look whether it `agrees`.

    Raises
    ------
    OutputError, MissingPackageError
        The file cannot be written, or a package is missing; said before any work is done.
    EscalationError
        As `run`.
    """
    check_packages()
    check_writable(Path(path))
    finished, comparison = run_and_compare(scenario, **settings)
    request = Request(form, None if file is None else Path(file), limits_of(settings), comparison)
    write_whole(Path(path), _text(finished, request))
    return Report(finished, comparison)


def make_report(
    finished: Run, *, form: Form = "html", file: str | PathLike[str] | None = None, **limits: Unpack[Limits]
) -> str:
    """The text of a report on a run.

    Parameters
    ----------
    finished : Run
    form, file
        As for `write_report`.
    max_states, max_seconds, max_memory : optional
        Those of the run; fingerprints of the designs keep to them.

    Raises
    ------
    MissingPackageError
    EscalationError
        The run is not one that a report is on: of a running trial, or without exact values that were not refused.
    """
    check_packages()
    if finished.after is not None:
        raise EscalationError("a report is on a trial before its first patient; this run begins with data")
    if any(result.exact is None and result.design not in finished.refusals for result in finished.results):
        raise EscalationError("a report needs exact values where they can be had; this run was made without them")
    request = Request(form, None if file is None else Path(file), limits, compared(finished, **limits))
    return _text(finished, request)


def compared(finished: Run, **limits: Unpack[Limits]) -> Comparison | None:
    """The designs of a run against each other; None where there is only one."""
    designs, truths = chosen(finished)
    if len(designs or finished.scenario.design) < 2:
        return None
    return compare(
        finished.scenario,
        designs=designs,
        truths=truths,
        trials=finished.trials,
        seed=finished.seed,
        **limits,
    )


def _text(finished: Run, request: Request) -> str:
    document = report_document(finished, request)
    if request.form == "md":
        return _to_markdown(document)
    from escalation.report.document.html import to_html

    return to_html(document)


def check_packages() -> None:
    """Refuse to begin without the packages that a report needs."""
    try:
        for package in PACKAGES:
            import_module(package)
    except ImportError:
        needed = " and ".join(PACKAGES)
        raise MissingPackageError(f"report needs {needed}: pip install 'escalation[report]'") from None
    except ValueError as error:  # of settings, such as MPLBACKEND in the environment
        raise MissingPackageError(f"report needs {package}, which cannot be imported: {error}") from None


def report_document(finished: Run, request: Request) -> Document:
    """The report as a tree; another section is another line in `sections`."""
    from escalation.report.document.sections import sections

    scenario = finished.scenario
    lines = ["Operating characteristics of dose-escalation designs"]
    lines += [f"Registry: {scenario.registry}"] if scenario.registry else []
    return Document(scenario.title or scenario.name, tuple(lines), tuple(sections(finished, request)))


def _to_markdown(document: Document) -> str:
    document = arranged(document)
    blocks: list[Block] = [Heading(document.title, level=1), Lines(*document.lines)]
    for section in document.sections:
        blocks.append(Heading(section.title))
        for part in section.parts:
            if isinstance(part, Drawing):
                blocks.append(Lines(f"{part.title}. {part.description}"))
            else:
                blocks.append(part)
    return to_markdown(blocks, top=1)
