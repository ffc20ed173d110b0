"""What rules have in common: each is a function of the counts, and means the same whatever the design."""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator

from escalation.fields import Count, Frozen, Positive
from escalation.kernels.codes import ANY_DOSE, NEXT_DOSE
from escalation.numbers import count_grid
from escalation.plans.conduct import Belief, Criterion
from escalation.trial.trial import Trial

MOST_RULES = 32
"""Stopping rules that a design can be given; and `all` of several `any` becomes as many as there are ways to pick one
of each."""

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
    def criteria(self, trial: Trial) -> tuple[Criterion | Belief, ...]:
        """What must hold, all of it."""

    @property
    def asks_model(self) -> bool:
        """Whether it looks at the posterior of the design's model."""
        return False

    def cautions(self, trial: Trial) -> Iterator[str]:
        """What a user should know of the rule on this trial, although it can run."""
        if any(isinstance(part, Criterion) and not part.holds.any() for part in self.criteria(trial)):
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

    def criteria(self, trial: Trial) -> tuple[Criterion | Belief, ...]:
        """What must hold."""
        return (self.criterion(trial),)

    def criterion(self, trial: Trial) -> Criterion:
        """The counts at which the rule holds."""
        table, shape = by_counts(self.holds, trial), (trial.levels, trial.max_patients + 1, trial.max_patients + 1)
        if self.dose in ("next", "any"):
            return Criterion(NEXT_DOSE if self.dose == "next" else ANY_DOSE, np.broadcast_to(table, shape))
        at_one_dose = np.zeros(shape, np.bool_)
        at_one_dose[0 if isinstance(self.dose, str) else self.dose - 1] = table
        return Criterion(ANY_DOSE, at_one_dose)

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


class PosteriorRule(DoseRule):
    """A stopping rule that looks at the posterior of a dose's DLT rate, from its own data or of the design's model.

    Parameters
    ----------
    posterior : {"own", "model"}, default "own"
        From the dose's own data alone, or what the design's model says of the dose that the next cohort would get.
    prior : (float, float), default (1, 1)
        Parameters of the Beta prior of the DLT rate, for "own".
    """

    posterior: Literal["own", "model"] = "own"
    prior: tuple[Positive, Positive] = (1.0, 1.0)

    @abstractmethod
    def beliefs(self) -> tuple[Belief, ...]:
        """What a model must say."""

    @property
    def asks_model(self) -> bool:
        """Whether it looks at the posterior of the design's model."""
        return self.posterior == "model"

    def criteria(self, trial: Trial) -> tuple[Criterion | Belief, ...]:
        """What must hold."""
        return self.beliefs() if self.asks_model else super().criteria(trial)

    @property
    def source(self) -> str:
        """What the posterior comes from, in brackets."""
        if self.asks_model:
            return "(data at all doses, under the model)"
        return f"(own data, Beta({self.prior[0]:g}, {self.prior[1]:g}) prior)"

    def problems(self, trial: Trial) -> Iterator[str]:
        """What of the rule does not fit the trial."""
        yield from super().problems(trial)
        if self.asks_model and self.dose != "next":
            yield 'dose: posterior = "model" is looked at for the next dose alone'

    def cautions(self, trial: Trial) -> Iterator[str]:
        """What a user should know of the rule on this trial, although it can run."""
        yield from super().cautions(trial)
        if self.asks_model and "prior" in self.model_fields_set:
            yield f"rule '{self.rule}': prior is not used with posterior = \"model\""


@lru_cache(maxsize=2 * MOST_RULES)
def by_counts(holds: Callable[[Counts, Counts, Trial], Cells], trial: Trial) -> Cells:
    """Whether a method of a rule says so, by the patients (at least one) and DLTs at a dose, bool[N + 1, N + 1].

    Remembered, and read-only: every question about a design asks for it anew.
    """
    patients, dlts = count_grid(trial.max_patients)
    possible = (patients > 0) & (dlts <= patients)
    table = np.zeros(patients.shape, np.bool_)
    table[possible] = holds(patients[possible], dlts[possible], trial)
    table.flags.writeable = False
    return table


class Restriction(Rule):
    """A rule that limits how far the next dose may be from the last, or which doses may be given."""

    def ceiling(self, trial: Trial) -> NDArray[np.int64]:
        """Highest dose index that may follow each dose, int64[T, D].

        By DLTs in the trial, the last row for T - 1 or more.
        """
        return np.full((1, trial.levels), trial.levels - 1)

    def tried_ceiling(self, trial: Trial) -> NDArray[np.int64]:
        """Highest dose index that may follow, by the highest dose that was given, int64[D]."""
        return np.full(trial.levels, trial.levels - 1)

    def floor(self, trial: Trial) -> NDArray[np.int64]:
        """Lowest dose index that may follow each dose, int64[D]."""
        return np.zeros(trial.levels, np.int64)

    def eliminates(self, trial: Trial) -> Cells | None:  # noqa: ARG002
        """Counts at a dose that eliminate it and all above, bool[N + 1, N + 1]; None where no counts do."""
        return None

    def cautions(self, trial: Trial) -> Iterator[str]:
        """What a user should know of the rule on this trial, although it can run."""
        highest = np.minimum(self.ceiling(trial)[0], self.tried_ceiling(trial))
        for dose, name in enumerate(trial.dose_names[:-1]):
            if highest[dose] == dose:
                yield f"rule '{self.rule}': no higher dose can ever follow {name}"


Basis = Literal["last", "highest_tried"]
"""What the next dose is limited by: the last cohort's dose, or the highest that was given."""

BASIS = {"last": "the last cohort's", "highest_tried": "the highest dose given so far"}


def lowest_ceiling(ceilings: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """The lowest of several ceilings, int64[T, D] with T of their own."""
    most = max(len(ceiling) for ceiling in ceilings)
    padded = [np.pad(ceiling, ((0, most - len(ceiling)), (0, 0)), mode="edge") for ceiling in ceilings]
    return np.asarray(np.min(padded, axis=0))
