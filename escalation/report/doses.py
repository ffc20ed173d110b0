"""How doses are written for people."""

from collections.abc import Iterable

from escalation.trial.trial import Trial


def with_unit(text: str, trial: Trial) -> str:
    """Names of doses, with the unit where the trial has one."""
    return f"{text} {trial.dose_unit}" if trial.dose_unit else text


def dose_name(trial: Trial, dose: int) -> str:
    """The name of a dose level, from 1, with its unit."""
    return with_unit(trial.dose_names[dose - 1], trial)


def dose_text(trial: Trial, dose: int) -> str:
    """A dose level with its name."""
    return f"dose level {dose} ({dose_name(trial, dose)})"


def dose_head(trial: Trial) -> str:
    """The head of a column or row of doses."""
    return f"dose ({trial.dose_unit})" if trial.dose_unit else "dose"


def correct_names(trial: Trial, correct: Iterable[int]) -> str:
    """The correct doses of a truth."""
    return ", ".join(trial.dose_names[dose - 1] for dose in correct) or "none"
