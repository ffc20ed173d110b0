"""What several sections of a report need to know."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from escalation.designs import Design
from escalation.report.pages.run import by_truth
from escalation.studies.compare import Comparison
from escalation.studies.run import Run
from escalation.studies.work.options import Limits


@dataclass(frozen=True)
class Request:
    """What was asked for, beyond what the run knows."""

    form: str  # "html" or "md"
    file: Path | None  # where the scenario was read from; only its name is shown
    limits: Limits  # of the run; fingerprints of the designs keep to them
    comparison: Comparison | None  # the designs of the run against each other; None where there is only one


def by_responses(run: Run, names: Iterable[str] | None = None) -> list[str]:
    """Of the designs, or some of them, those that decide by responses."""
    designs = run_designs(run)
    return [name for name in (designs if names is None else names) if designs[name].looks_at_responses]


def run_designs(run: Run) -> dict[str, Design]:
    """The designs of the run by label."""
    return {result.design: run.scenario.designs[result.design] for result in by_truth(run.results)[0]}


def chosen(run: Run) -> tuple[list[str], list[str]]:
    """Labels and names of the designs and truths that were run; empty where all were."""
    designs = list(run_designs(run))
    truths = [results[0].truth.name for results in by_truth(run.results)]
    return (
        designs if len(designs) < len(run.scenario.design) else [],
        truths if len(truths) < len(run.scenario.truth) else [],
    )
