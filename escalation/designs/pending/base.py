"""What rules for pending patients have in common.

Designs are imported where they are asked for: a design may name its rule, so that rules cannot import designs first.
"""

from abc import abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from escalation.errors import DesignError
from escalation.fields import Frozen
from escalation.kernels.codes import DE_ESCALATE, ELIMINATE, ESCALATE
from escalation.plans.pending import CountCuts, PendingPlan
from escalation.plans.weighed_curves import WeighedCurves
from escalation.trial.trial import Trial

if TYPE_CHECKING:
    from escalation.designs.base import Design
    from escalation.designs.intervals import IntervalDesign

Problems = Iterator[tuple[str, str]]


class PendingRule(Frozen):
    """What is decided while patients are pending."""

    rule: str

    sources: ClassVar[tuple[str, ...]] = ()
    """Where the rule comes from, as full references."""
    in_place: ClassVar[str | None] = None
    """What a protocol says in place of the design's own decisions; None where these are said as well."""

    @abstractmethod
    def problems(self, design: "Design", trial: Trial) -> Problems:
        """What does not fit the design or the trial: (name of the option, what is wrong)."""

    def cautions(self, design: "Design", trial: Trial) -> Iterator[str]:  # noqa: ARG002
        """What a user should know about the rule with this design, although it can run."""
        yield from ()

    @abstractmethod
    def words(self, design: "Design", trial: Trial) -> str:
        """The rule, in the sentences of a protocol."""

    def references(self, design: "Design") -> tuple[str, ...]:  # noqa: ARG002
        """Full references of what the rule is with a design."""
        return self.sources

    def plan(self, design: "Design", trial: Trial) -> PendingPlan | WeighedCurves:
        """Compile the rule for a design and a trial.

        Raises
        ------
        DesignError
            The rule does not fit the design, or an option does not fit.
        """
        problems = [f"pending: {option}: {problem}" for option, problem in self.problems(design, trial)]
        if problems:
            raise DesignError("\n".join(problems))
        return self._plan(design, trial)

    @abstractmethod
    def _plan(self, design: "Design", trial: Trial) -> PendingPlan | WeighedCurves:
        """As `plan`, for a design and a trial that the rule fits."""


def falls_with_dlts(moves: NDArray[np.int8]) -> bool:
    """Whether more DLTs among as many patients never lead higher, by the moves at all counts, int8[N + 1, N + 1]."""
    return all(bool(np.all(np.diff(row[: patients + 1]) <= 0)) for patients, row in enumerate(moves) if patients)


def rises_with_patients(moves: NDArray[np.int8]) -> bool:
    """Whether more patients with as many DLTs never lead lower."""
    return all(bool(np.all(np.diff(column[max(dlts, 1) :]) >= 0)) for dlts, column in enumerate(moves.T))


def count_cuts(design: "IntervalDesign", trial: Trial) -> CountCuts:
    """The table of an interval design, its restrictions included, as the fewest DLTs for each decision."""
    moves, codes = design.moves_by_counts(trial), _codes(design, trial)
    possible = np.tri(trial.max_patients + 1, dtype=np.bool_)
    ends = np.arange(trial.max_patients + 1) + 1

    def fewest(cells: NDArray[np.bool_]) -> NDArray[np.int64]:
        found = cells & possible
        return np.where(found.any(axis=1), found.argmax(axis=1), ends)

    return CountCuts(
        stay_from=fewest(moves != ESCALATE),
        fall_from=fewest(moves == DE_ESCALATE),
        eliminate_from=np.stack([fewest(codes[dose] == ELIMINATE) for dose in (0, -1)]),
    )


def _codes(design: "IntervalDesign", trial: Trial) -> NDArray[np.int8]:
    """The table of the design's plan, int8[D, N + 1, N + 1]."""
    table = design.plan(trial).table
    assert table is not None
    return table.codes
