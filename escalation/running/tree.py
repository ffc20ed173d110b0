"""The tree of dose transition pathways."""

from collections.abc import Iterator
from dataclasses import dataclass

from escalation.errors import PathwayError
from escalation.trial.data import Cohort
from escalation.trial.trial import Trial


@dataclass(frozen=True)
class Node:
    """A point of the pathways: what was seen, and what the design does then."""

    cohorts: tuple[Cohort, ...]  # those that lead here from the start of the pathways
    next_dose: int | None  # dose level of the next cohort, from 1; None when the trial ends here
    size: int  # patients of the next cohort; 0 when the trial ends here
    reason: str | None  # why it ends: a key of the operating characteristics' `stop_reasons`
    recommended: int | None  # the RP2D where the trial ends
    expansion: bool  # whether the next cohort is one of the expansion, or the trial ends in it
    probability: tuple[float, ...]  # under each truth
    # By the DLTs of the next cohort, or by its responses as well, or by lot; empty where the trial or the pathways end.
    branches: tuple["Node", ...]
    # Of designs that decide by responses, what leads here: the DLTs and responses of a cohort, or its patients with
    # neither, a response only, a DLT only and both; empty where it is a lot, or the pathways begin.
    seen: tuple[int, ...] | None = None
    optimal: int | None = None  # the optimal dose where the trial ends
    tied: tuple[int, ...] = ()  # dose levels of which one is next by lot; there is no `next_dose` then

    @property
    def leaves(self) -> "Iterator[Node]":
        """The ends of all paths."""
        if not self.branches:
            yield self
        for branch in self.branches:
            yield from branch.leaves


@dataclass(frozen=True)
class Pathways:
    """Dose transition pathways.

    Attributes
    ----------
    trial : Trial
    cohorts : int
        How many cohorts they look ahead.
    truths : tuple of str
        Names of the truths of the probabilities.
    root : Node
    warnings : tuple of str
        Where the data that they start from are not what the design would have done.
    chosen_by : "responses", "exposures" or None
        By what the design chooses an optimal dose where a trial ends, which the paths do not have.
    by_responses : bool
        Whether the design decides by responses, by which paths then branch as well.
    """

    trial: Trial
    cohorts: int
    truths: tuple[str, ...]
    root: Node
    warnings: tuple[str, ...]
    chosen_by: str | None = None
    by_responses: bool = False


def check_number(number: int, most: int, cohorts: int, possible: int, *, is_all: bool) -> None:
    """Refuse more paths than `most`, saying how many cohorts have at most so many; there may be more unless `is_all`.

    Raises
    ------
    PathwayError
        There are more.
    """
    if number > most:
        there_are = f"{number:,} paths" if is_all else f"more than {number:,} paths"
        instead = f"{possible} would do" if possible else "not even those of one cohort"
        raise PathwayError(f"cohorts: {cohorts} have {there_are}; at most {most:,} are listed: {instead}")
