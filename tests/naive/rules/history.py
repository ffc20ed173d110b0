"""What every rule reads and answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from scipy.special import betaincc

SLACK = 1e-9

History = Sequence[tuple[int, tuple[int, ...]]]


@dataclass(frozen=True)
class Treat:
    """Give ``dose`` to the next ``size`` patients."""

    dose: int
    size: int


@dataclass(frozen=True)
class Stop:
    """End the trial; ``recommended`` is a dose or None, ``reason`` one of the reasons for ending.

    ``max_patients``: all planned patients were treated. ``rule_complete``: the rule has its answer.
    ``too_toxic``: even the lowest dose is too toxic. ``enough_at_dose``: the dose has enough patients.
    ``stopping_rule``: a stopping rule added to the design holds. ``expansion_stopped``: the expansion cohort was not
    completed.
    """

    recommended: int | None
    reason: str


def greater(left: float, right: float) -> bool:
    """Say whether ``left`` exceeds ``right`` by more than the slack."""
    return left > right + SLACK


def at_least(left: float, right: float) -> bool:
    """Say whether ``left`` is not below ``right`` by more than the slack."""
    return left >= right - SLACK


def totals(history: History, doses: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the patients and the DLTs at each dose."""
    patients, dlts = [0] * doses, [0] * doses
    for dose, outcomes in history:
        patients[dose - 1] += len(outcomes)
        dlts[dose - 1] += sum(outcomes)
    return tuple(patients), tuple(dlts)


def stop_as_too_toxic(patients: Sequence[int], max_patients: int) -> Stop:
    """End a trial whose lowest dose is too toxic; at the planned size that is not an early stop."""
    return Stop(None, "too_toxic" if sum(patients) < max_patients else "max_patients")


@cache
def probability_above(limit: float, a: float, b: float) -> float:
    """Return P(rate > limit) when the rate has a Beta(a, b) distribution."""
    return float(betaincc(a, b, limit))
