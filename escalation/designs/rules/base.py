"""What rules have in common: each is a function of the counts, and means the same whatever the design."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator

from escalation.fields import Count, Frozen
from escalation.kernels.codes import ANY_DOSE, NEXT_DOSE
from escalation.numbers import count_grid
from escalation.plans.conduct import NO_LIMIT, Criterion
from escalation.trial.trial import Trial

Counts = NDArray[np.int64]
Cells = NDArray[np.bool_]


def _named_or_level(value: object) -> object:
    if value in ("next", "lowest", "any") or (isinstance(value, int) and not isinstance(value, bool) and value >= 1):
        return value
    raise ValueError('should be "next", "lowest", "any" or a dose level from 1')


Dose = Annotated[Literal["next", "lowest", "any"] | Count, BeforeValidator(_named_or_level)]
"""The dose that the next cohort would get, the lowest dose, any dose, or a dose level from 1."""


def dose_level(trial: Trial, level: int) -> str:
    """A dose level, from 1, in words: its number and its dose."""
    dose = trial.amounts[level - 1]
    return (
        f"{trial.at_level(level - 1)} ({dose} {trial.dose_unit})"
        if trial.dose_unit
        else f"{trial.at_level(level - 1)} ({dose})"
    )


class Rule(Frozen):
    """A rule that any design can be given."""

    rule: str

    @abstractmethod
    def words(self, trial: Trial) -> str:
        """A restriction as a sentence; of a stopping rule the end: "at least 12 patients have been treated at ..."."""

    def problems(self, trial: Trial) -> Iterator[str]:  # noqa: ARG002
        """What of the rule does not fit the trial."""
        yield from ()

    @abstractmethod
    def cautions(self, trial: Trial) -> Iterator[str]:
        """What a user should know of the rule on a trial that it fits, although it can run."""


class StoppingRule(Rule):
    """A rule that can end a trial after a cohort."""

    @abstractmethod
    def criterion(self, trial: Trial) -> Criterion:
        """The counts at which the rule holds."""

    def cautions(self, trial: Trial) -> Iterator[str]:
        """What a user should know of the rule on this trial, although it can run."""
        if not self.criterion(trial).holds.any():
            yield f"rule '{self.rule}' never holds in this trial"


class DoseRule(StoppingRule):
    """A stopping rule that looks at the counts at one dose.

    Parameters
    ----------
    dose : {"next", "lowest", "any"} or int, default "next"
        "next" is the dose that the next cohort would get.
    """

    dose: Dose = "next"

    @abstractmethod
    def holds(self, patients: Counts, dlts: Counts, trial: Trial) -> Cells:
        """Whether the rule holds at a dose, by the patients (at least one) and DLTs there."""

    def criterion(self, trial: Trial) -> Criterion:
        """The counts at which the rule holds."""
        patients, dlts = count_grid(trial.max_patients)
        possible = (patients > 0) & (dlts <= patients)
        at_dose, table = possible.copy(), np.zeros((trial.levels, *patients.shape), np.bool_)
        at_dose[possible] = self.holds(patients[possible], dlts[possible], trial)
        level = 1 if self.dose == "lowest" else self.dose
        doses = slice(None) if isinstance(level, str) else level - 1
        table[doses] = at_dose
        return Criterion(NEXT_DOSE if self.dose == "next" else ANY_DOSE, table)

    def place(self, trial: Trial) -> str:
        """The dose that is looked at, in words."""
        if not isinstance(self.dose, str):
            return dose_level(trial, self.dose)
        named = {"next": "the dose that would be given next", "lowest": "the lowest dose", "any": "any of the doses"}
        return named[self.dose]

    def problems(self, trial: Trial) -> Iterator[str]:
        """What of the rule does not fit the trial."""
        if not isinstance(self.dose, str) and self.dose > trial.levels:
            yield f"dose: there are only {trial.levels} dose levels"


class Restriction(Rule):
    """A rule that limits how far the next dose may be from the last."""

    def ceiling(self, trial: Trial) -> NDArray[np.int64]:
        """Highest dose index that may follow each dose, int64[D]."""
        return np.full(trial.levels, trial.levels - 1)

    def floor(self, trial: Trial) -> NDArray[np.int64]:
        """Lowest dose index that may follow each dose, int64[D]."""
        return np.zeros(trial.levels, np.int64)

    @property
    def hold_at(self) -> int:
        """No escalation from so many DLTs on, in the whole trial."""
        return NO_LIMIT

    def cautions(self, trial: Trial) -> Iterator[str]:
        """What a user should know of the rule on this trial, although it can run."""
        ceiling = self.ceiling(trial)
        for dose, name in enumerate(trial.dose_names[:-1]):
            if ceiling[dose] == dose:
                yield f"rule '{self.rule}': no higher dose can ever follow {name}"
