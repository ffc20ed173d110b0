"""Plans that decide by what a model says of all data: what such plans have in common."""

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from escalation.kernels.codes import COHERENT_COHORT, COHERENT_DOSE, COHERENT_RECENT, NO_DOSE, SLACK
from escalation.plans.decision import Bound, Decision, State, last_cohort, limited
from escalation.plans.plan import Counts, Plan
from escalation.plans.readings import Judgement

COHERENCE = {
    COHERENT_COHORT: Bound.COHERENCE_COHORT,
    COHERENT_DOSE: Bound.COHERENCE_DOSE,
    COHERENT_RECENT: Bound.COHERENCE_RECENT,
}
"""What keeps a dose from going up, by what `coherent` looks at."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ModelPlan(Plan):
    """A design that decides by what a model says of all data.

    Decisions after a cohort: the trial ends with no recommendation when the lowest dose is too toxic; else the next
    cohort gets the dose that the model prefers (the lower of two), but not above what the conduct and `coherent` allow.
    """

    target: float
    coherent: int  # COHERENT_OFF, COHERENT_COHORT, COHERENT_DOSE or COHERENT_RECENT
    # Whether the recommendation is the model's choice even where nobody was treated; if not, it is the highest tried
    # dose not above the model's choice.
    recommends_untried: bool = False

    def judge(self, patients: tuple[int, ...], dlts: tuple[int, ...]) -> Judgement:
        """What the model says of counts at each dose, and which doses these eliminate."""
        return replace(self.said(patients, dlts), eliminated_from=self.conduct.lowest_eliminated(patients, dlts))

    def lowest_eliminated(self, state: State) -> int:
        """Index of the lowest dose that is eliminated, whatever the model says."""
        if self.titrates(state.patients):
            return self.levels
        return self.conduct.lowest_eliminated(state.patients, state.dlts)

    @abstractmethod
    def said(self, patients: tuple[int, ...], dlts: tuple[int, ...]) -> Judgement:
        """What the model says of counts at each dose."""

    def eliminating_by(self, eliminates: NDArray[np.bool_]) -> Self:
        """The plan under which counts at a dose eliminate it, bool[D, N + 1, N + 1]."""
        return self.conducted(eliminates=eliminates)

    @property
    def one_up_until_dlt(self) -> bool:
        """Whether the dose goes up one level at a time until the first DLT."""
        return False

    @property
    def looks_at_cohort(self) -> bool:
        """Whether escalation depends on the last cohort's DLTs."""
        return self.coherent in (COHERENT_COHORT, COHERENT_RECENT)

    def recommend(self, patients: Counts, dlts: Counts, choices: NDArray[np.int8] | None = None) -> NDArray[np.int16]:
        """The recommended dose of each ending, from the model's choices on the final data."""
        if choices is None:
            counts = zip(patients.tolist(), dlts.tolist(), strict=True)
            found = [self.judge(tuple(n), tuple(y)).choice for n, y in counts]
            choices = np.array(found, np.int8)
        if self.recommends_untried:
            return choices.astype(np.int16)
        return self._highest_tried(patients, choices)

    def recommend_below(
        self, patients: Counts, dlts: Counts, recommended: NDArray[np.int16], limit: NDArray[np.int64]
    ) -> NDArray[np.int16]:
        """The model's choice on the final data, from all doses, among those below `limit`.

        Where it was below already, it stays. Else the highest one allowed is the closest to the target; but in which of
        several intervals a rate most probably is has to be asked again.
        """
        choices = np.minimum(recommended, limit - 1).astype(np.int16)
        if not self.prefers_closest:
            for row in np.flatnonzero((choices < recommended) & (choices >= 0)).tolist():
                counts = tuple(patients[row].tolist()), tuple(dlts[row].tolist())
                choices[row] = self.judge(*counts).prefer(int(choices[row]))
        return choices if self.recommends_untried else self._highest_tried(patients, choices)

    @property
    def prefers_closest(self) -> bool:
        """Whether the doses that it prefers less are the farther, the farther they are from the one preferred."""
        return False

    def _highest_tried(self, patients: Counts, choices: NDArray[np.integer]) -> NDArray[np.int16]:
        """The highest tried dose not above each choice, or NO_DOSE."""
        tried = (patients > 0) & (np.arange(self.levels) <= choices[:, None])
        highest = self.levels - 1 - np.argmax(tried[:, ::-1], axis=1)
        return np.where(tried.any(axis=1), highest, NO_DOSE).astype(np.int16)

    def decide(self, state: State, *, titrating: bool) -> Decision:
        """The next dose by the model, or none where the trial is too toxic."""
        dose = state.last_dose
        bounds: list[Bound] = []
        if titrating:
            next_dose = dose if state.dlts[dose] else dose + 1
            for limit, bound in ((self.levels - 1, Bound.HIGHEST), *self.limits(state)):
                next_dose = limited(next_dose, limit, bound, bounds)
            return Decision(next_dose, bounds=tuple(bounds), titrating=True)
        judgement = self.judge(state.patients, state.dlts)
        if judgement.choice == NO_DOSE:
            return Decision(None, judgement=judgement)
        one_up = dose + 1 if self.one_up_until_dlt and not any(state.dlts) else self.levels
        limited(judgement.choice_by_model, judgement.choice, Bound.CLOSED, bounds)
        allowed = judgement.choice
        for limit, bound in ((one_up, Bound.ONE_UP), *self.limits(state)):
            allowed = limited(allowed, limit, bound, bounds)
        if self._incoherent_to_escalate(state):
            allowed = limited(allowed, dose, COHERENCE[self.coherent], bounds)
        next_dose = judgement.prefer(allowed)
        floor = self.conduct.lowest_after(dose)
        if floor > next_dose:
            if floor > judgement.highest_open:
                eliminated = judgement.highest_open < judgement.highest_by_model
                floor = max(judgement.highest_open, next_dose)
                bounds.append(Bound.CLOSED if eliminated else Bound.OVERDOSE)
            if floor > next_dose:
                next_dose = floor
                bounds.append(Bound.FLOOR)
        return Decision(next_dose, bounds=tuple(bounds), judgement=judgement)

    def _incoherent_to_escalate(self, state: State) -> bool:
        """Whether `coherent` lets no higher dose follow."""
        dose = state.last_dose
        if self.looks_at_cohort:
            size, toxic = last_cohort(self.conduct, state)
            return toxic > 0 if self.coherent == COHERENT_RECENT else toxic >= (self.target - SLACK) * size
        if self.coherent == COHERENT_DOSE:
            return state.dlts[dose] > (self.target + SLACK) * state.patients[dose]
        return False

    def closed(self, state: State) -> tuple[bool, ...]:
        """Whether each dose is eliminated or excluded as a probable overdose; all are where the trial is too toxic."""
        if state.treated == 0 or self.titrates(state.patients):
            return (False,) * self.levels
        judgement = self.judge(state.patients, state.dlts)
        return tuple(judgement.too_toxic or dose > judgement.highest_open for dose in range(self.levels))
