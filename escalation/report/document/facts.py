"""What several sections of a report need to know."""

from dataclasses import dataclass
from pathlib import Path

from escalation.designs import Design
from escalation.report.pages import run as runs
from escalation.studies.compare import Comparison
from escalation.studies.run import Result, Run

NONE_CORRECT = "none"


@dataclass(frozen=True)
class Request:
    """What was asked for, beyond what the run knows.

    Attributes
    ----------
    form : str
        "html" or "md".
    file : Path or None
        Where the scenario was read from. Only its name is shown.
    max_states : int or None
    comparison : Comparison or None
        The designs of the run against each other; None where there is only one.
    """

    form: str
    file: Path | None
    max_states: int | None
    comparison: Comparison | None


def by_truth(run: Run) -> list[list[Result]]:
    """The results truth by truth."""
    return runs.by_truth(run.results)


def run_designs(run: Run) -> dict[str, Design]:
    """The designs of the run by label."""
    return {result.design: run.scenario.designs[result.design] for result in by_truth(run)[0]}


def chosen(run: Run) -> tuple[list[str], list[str]]:
    """Labels and names of the designs and truths that were run; empty where all were."""
    designs = list(run_designs(run))
    truths = [results[0].truth.name for results in by_truth(run)]
    return (
        designs if len(designs) < len(run.scenario.design) else [],
        truths if len(truths) < len(run.scenario.truth) else [],
    )


def correct_names(result: Result, run: Run) -> str:
    """The correct doses of the result's truth, as a person would write them."""
    names = run.scenario.trial.dose_names
    return ", ".join(names[dose - 1] for dose in result.correct_doses) or NONE_CORRECT


def dose_list(run: Run) -> str:
    """The dose levels with their unit."""
    trial = run.scenario.trial
    names = ", ".join(trial.dose_names)
    return f"{names} {trial.dose_unit}" if trial.dose_unit else names
