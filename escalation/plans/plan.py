"""What a plan is: all that the engines, and questions about a running trial, ask of a design."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from escalation.kernels.layout import Children, ClockArrays, Packing, StateArrays
from escalation.plans.conduct import Conduct
from escalation.plans.cost import Cost, cost_of
from escalation.plans.decision import Bound, Decision, State

if TYPE_CHECKING:
    from escalation.plans.joint import JointPlan
    from escalation.plans.table import TablePlan

Counts = NDArray[np.int16]
"""Patients or DLTs at each dose at each ending, int16[E, D]."""

Settle = Callable[[StateArrays, NDArray[np.int16], Children, StateArrays, StateArrays], tuple[int, int]]
"""From the states before a cohort, the cohorts' sizes and what they lead to: writes the states that go on and those
that have ended, and gives how many of each there are; the children's parents are overwritten."""

Tolerances = NDArray[np.uint32] | NDArray[np.int64]
"""Of a block of trials' patients, by trial and patient; see `engines.patients`."""


class Block(NamedTuple):
    """A block of simulated trials: their patients' random numbers, and room for what becomes of them."""

    tolerances: Tolerances
    keys: NDArray[np.uint64]  # of the trials' other random numbers; one alone where no clock is running, as of `times`
    patients: Counts
    dlts: Counts
    recommended: NDArray[np.int16]
    reasons: NDArray[np.int8]
    times: NDArray[np.float64]


Escalate = Callable[[Block], None]
"""Runs dose escalation of a block of trials, and writes what becomes of them."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Plan(ABC):
    """A design compiled for a trial.

    A kind of plan says how the next dose follows from the data. There are two: a *table plan* looks up the counts at
    the dose just given, a *curve plan* reads a posterior over dose-toxicity curves. A further kind gives what is
    abstract here; nobody asks for kinds by name. Each asker has its own methods, so that they check each other:

    - the exact engine: `settler`, one compiled cohort for all states at once;
    - the simulation: `escalation`, compiled trials from the first cohort to the last;
    - one trial, in plain Python: `decide`, whose decisions carry what they are explained by, the code of a table or the
      judgement of a model; `closed`; and `looks_at_cohort`, if counts alone do not say enough;
    - the page of a protocol, and the bound on states: `table`, where decisions are in one;
    - all of them: `recommend`; and before they start `cost`.
    """

    conduct: Conduct  # how the trial is conducted, whatever decides on its doses: cohort sizes, limits and stops

    @property
    @abstractmethod
    def levels(self) -> int:
        """Number of dose levels, D."""

    @property
    def table(self) -> "TablePlan | None":
        """The decision table that decides; None where more is looked at than the counts at the dose just given."""
        return None

    @property
    def joint(self) -> "JointPlan | None":
        """The plan that decides by responses beside DLTs, which engines of its own run; None where none are."""
        return None

    @property
    def looks_at_cohort(self) -> bool:
        """Whether decisions depend on the last cohort's outcomes beside the counts."""
        return False

    @property
    def recommends_untried(self) -> bool:
        """Whether a dose can be recommended that nobody was given."""
        return False

    @property
    def cost(self) -> Cost:
        """What it takes, by estimate."""
        return cost_of(self.conduct, self.levels)

    @abstractmethod
    def settler(self, packing: Packing, cells: NDArray[np.int16]) -> Settle:
        """One cohort more for many states; `cells` are the patients and DLTs of each cell, int16[2, C]."""

    @abstractmethod
    def escalation(self, counts: NDArray[np.int64], limits: NDArray[np.int64], clock: ClockArrays) -> Escalate:
        """Dose escalation from counts at each dose, int64[2, D], for patients with a DLT below `limits`, int64[D]."""

    @abstractmethod
    def decide(self, state: State, *, titrating: bool) -> Decision:
        """The next dose after a cohort and what bounded it, before stops.

        No dose where the trial is too toxic, or the code of a table is that nothing is decided.
        """

    @abstractmethod
    def closed(self, state: State) -> tuple[bool, ...]:
        """Whether each dose is eliminated, or excluded as a probable overdose."""

    @abstractmethod
    def recommend(self, patients: Counts, dlts: Counts, choices: NDArray[np.int8] | None = None) -> NDArray[np.int16]:
        """The recommended dose of each ending, or NO_DOSE; `choices` are what `settler` wrote there, if it was run."""

    def rates(self, patients: NDArray[np.int64], dlts: NDArray[np.int64]) -> NDArray[np.float64]:
        """The DLT rates of tried doses as the recommendation compares them; here the observed ones."""
        return dlts / patients

    @property
    def most_decisions(self) -> int:
        """Decisions that may be asked for to find out which doses a trial can come to: a part of a second."""
        return 2000

    def never_rises_to(self, dose: int, most: int) -> bool:  # noqa: ARG002
        """Whether it is certain that no trial of `most` patients comes up to a dose, from what is not enumerated."""
        return False

    def never_falls_to(self, dose: int, most: int) -> bool:  # noqa: ARG002
        """Whether it is certain that no trial of `most` patients comes down to a dose."""
        return False

    def recommend_below(
        self,
        patients: Counts,
        dlts: Counts,
        recommended: NDArray[np.int16],
        limit: NDArray[np.int64],
    ) -> NDArray[np.int16]:
        """The recommended dose of each ending among doses below `limit`, int64[E]; `recommended` is that of all.

        Here as if nobody had been treated from there on.
        """
        if not len(recommended):
            return recommended
        below = np.arange(self.levels) < limit[:, None]
        return self.recommend(np.where(below, patients, np.int16(0)), np.where(below, dlts, np.int16(0)))

    def titrated(self) -> Self:
        """The plan with titration from the lowest dose."""
        return self.conducted(titration=True, start=0)

    @abstractmethod
    def eliminating_by(self, eliminates: NDArray[np.bool_]) -> Self:
        """The plan under which counts at a dose eliminate it and all above, too, bool[D, N + 1, N + 1]."""

    @abstractmethod
    def lowest_eliminated(self, state: State) -> int:
        """Index of the lowest dose that is eliminated by the counts at it; the number of doses for none."""

    def is_barred(self, dose: int) -> bool:
        """Whether the limits on how far the next dose may be, alone, bar the way up from the start to a dose."""
        ceiling, tried = self.conduct.ceiling, self.conduct.tried_ceiling
        highest = self.conduct.start
        while highest < dose:
            above = self.levels - 1 if ceiling is None else int(ceiling[:, : highest + 1].max())
            above = min(above, self.levels - 1 if tried is None else int(tried[: highest + 1].max()))
            if above <= highest:
                return True
            highest = above
        return False

    def titrates(self, patients: tuple[int, ...]) -> bool:
        """Whether titration decides after these patients; what eliminates doses rests until a cohort is filled up."""
        return self.conduct.titration and max(patients) <= 1

    def limits(self, state: State) -> Iterator[tuple[int, Bound]]:
        """The highest doses that may follow by the trial's conduct, by index, and what each is."""
        yield self.conduct.highest_after(state.last_dose, state.dlts, self.levels), Bound.CEILING
        yield self.conduct.highest_after_tried(state.patients), Bound.CEILING_OF_TRIED

    def conducted(self, **changes: Any) -> Self:
        """The plan with changes of its conduct."""
        return replace(self, conduct=replace(self.conduct, **changes))
