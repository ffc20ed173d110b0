"""How numbers and doses are written for people."""

from collections.abc import Callable, Iterable, Sequence

from escalation.trial.calendar import DAYS_PER_MONTH
from escalation.trial.trial import Trial

ROUNDING = 1e-12
"""A sum of probabilities may be this far from 1."""


def percent(share: float | None, decimals: int = 1) -> str:
    """A probability in percent, one that is not 0 or 1 not as if it were; nothing where there is none."""
    if share is None:
        return ""
    step = 10.0**-decimals
    if 0 < share <= step / 200:
        return f"<{step:.{decimals}f}"
    if 1 - step / 200 <= share < 1 - ROUNDING:
        return f">{100 - step:.{decimals}f}"
    return f"{100 * share:.{decimals}f}"


def mean(count: float, decimals: int = 1) -> str:
    """A mean count; one that is not 0 is not printed as if it were."""
    step = 10.0**-decimals
    return f"{count:.{decimals}f}" if count == 0 or count >= step / 2 else f"<{step:.{decimals}f}"


def count(number: int, noun: str) -> str:
    """A number of things, in words that agree: 1 patient, 2 patients."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def days(number: float) -> str:
    """A number of days, which need not be whole."""
    return f"{number:g} day" if number == 1 else f"{number:g} days"


def months(*numbers: float | None) -> str:
    """Numbers of days, in months; nothing where there are none."""
    return "-".join(f"{number / DAYS_PER_MONTH:.1f}" for number in numbers if number is not None)


def span(values: Sequence[float], form: Callable[[float], str]) -> str:
    """The smallest and the largest of some numbers; one of them where they are written alike."""
    return " to ".join(dict.fromkeys((form(min(values)), form(max(values)))))


def rates_text(rates: Iterable[float]) -> str:
    """True DLT rates, in percent."""
    return ", ".join(map(percent, rates))


def with_unit(text: str, trial: Trial) -> str:
    """Names of doses, with the unit where the trial has one."""
    return f"{text} {trial.dose_unit}" if trial.dose_unit else text


def dose_name(trial: Trial, dose: int) -> str:
    """The name of a dose level, from 1, with its unit."""
    return with_unit(trial.amounts[dose - 1], trial)


def dose_text(trial: Trial, dose: int) -> str:
    """A dose level with its name."""
    return f"{trial.at_level(dose - 1)} ({dose_name(trial, dose)})"


def dose_head(trial: Trial) -> str:
    """The head of a column or row of doses."""
    return f"dose ({trial.dose_unit})" if trial.dose_unit else "dose"


def dose_list(trial: Trial) -> str:
    """All dose levels."""
    return with_unit(", ".join(trial.dose_names), trial)


def correct_names(trial: Trial, correct: Iterable[int]) -> str:
    """The correct doses of a truth."""
    return ", ".join(trial.dose_names[dose - 1] for dose in correct) or "none"
