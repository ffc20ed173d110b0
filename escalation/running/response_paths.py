"""Dose transition pathways of a design that decides by responses beside DLTs.

Paths branch by what a cohort tells such a design: its DLTs and responses, or, where they are worth more or less
together, its patients with neither, a response only, a DLT only and both; and by lot where doses are equally desirable.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from math import comb

from numpy.typing import ArrayLike

from escalation.designs.boin12 import BOIN12
from escalation.errors import DesignError
from escalation.kernels.codes import NO_DOSE, REASON_NAMES
from escalation.plans.decision import State
from escalation.plans.joint import NEEDS_RATES
from escalation.plans.reach import NO_RULING
from escalation.running.by_responses import Answer, Asked, standing_state
from escalation.running.tree import Node, check_number
from escalation.trial.data import Cohort, InterimData
from escalation.trial.joint import JointRates
from escalation.trial.trial import Trial

Cell = tuple[int, int, int, int]
"""Patients with neither, a response only, a DLT only and both."""


def walk_by_responses(
    design: BOIN12, trial: Trial, data: InterimData, cohorts: int, truths: Sequence[ArrayLike | JointRates], most: int
) -> tuple[Node, tuple[str, ...]]:
    """The root of the pathways over the next cohorts, and where the data depart from the design.

    Raises DesignError for a truth without responses, OutcomesError as `standing_state`, PathwayError for too many.
    """
    joints = [truth for truth in truths if isinstance(truth, JointRates)]
    if len(joints) < len(truths):
        raise DesignError(NEEDS_RATES)
    asked, state, missing, departures = standing_state(design, trial, data)
    walk = _Walk(asked, tuple(joints))
    walk.check_number(asked.answer(state, missing, NO_RULING), cohorts, most)
    root = walk.node(asked.answer(state, missing, NO_RULING), (), cohorts, (1.0,) * len(joints), ())
    return root, departures


@dataclass(frozen=True, eq=False)
class _Walk:
    asked: Asked
    joints: tuple[JointRates, ...]

    @property
    def is_additive(self) -> bool:
        return self.asked.plan.is_additive

    def check_number(self, start: Answer, cohorts: int, most: int) -> None:
        """Refuse too many paths: those that reach the same state go on alike."""
        living, ended, number, possible = Counter({start.state: 1}), 0, 1, 0
        answers = {start.state: start}
        for cohort in range(1, cohorts + 1):
            reached: Counter[State] = Counter()
            for state, ways in living.items():
                answer = answers[state]
                ended += 0 if answer.doses else ways
                for dose in answer.doses:
                    for outcome in _outcomes(self._size(answer, dose), is_additive=self.is_additive):
                        reached[_after(state, dose, next(iter(outcome)))] += ways
            living, number = reached, ended + reached.total()
            possible = cohort if number <= most else possible
            if not living or number > most:
                break
            answers = {state: self.asked.answer(state, 0, NO_RULING) for state in living}
        check_number(number, most, cohorts, possible, is_all=cohort == cohorts or not living)

    def node(
        self,
        answer: Answer,
        cohorts: tuple[Cohort, ...],
        ahead: int,
        probability: tuple[float, ...],
        seen: tuple[int, ...],
    ) -> Node:
        """A point of the pathways, with all that may follow in so many cohorts."""
        ends = not answer.doses
        point = Node(
            cohorts,
            next_dose=None,
            size=0,
            reason=REASON_NAMES[answer.reason] if ends else None,
            recommended=answer.recommended + 1 if ends and answer.recommended != NO_DOSE else None,
            expansion=False,
            probability=probability,
            branches=(),
            seen=seen,
            optimal=answer.optimal + 1 if ends and answer.optimal >= 0 else None,
        )
        if ends:
            return point
        if len(answer.doses) == 1:
            return self._treating(point, answer, answer.doses[0], ahead)
        share = tuple(chance / len(answer.doses) for chance in probability)
        lot = replace(point, probability=share, seen=())
        lots = (self._treating(lot, answer, dose, ahead) for dose in answer.doses) if ahead else ()
        return replace(point, tied=tuple(dose + 1 for dose in answer.doses), branches=tuple(lots))

    def _treating(self, point: Node, answer: Answer, dose: int, ahead: int) -> Node:
        """The point when a dose is next."""
        size = self._size(answer, dose)
        branches = [
            self.node(
                self.asked.answer(_after(answer.state, dose, next(iter(outcome))), 0, NO_RULING),
                (*point.cohorts, _cohort(dose, next(iter(outcome)))),
                ahead - 1,
                tuple(
                    before * sum(_chance(cell, joint.cells[dose].tolist()) for cell in outcome)
                    for before, joint in zip(point.probability, self.joints, strict=True)
                ),
                self._seen(next(iter(outcome))),
            )
            for outcome in (_outcomes(size, is_additive=self.is_additive) if ahead else ())
        ]
        return replace(point, next_dose=dose + 1, size=size, branches=tuple(branches))

    def _size(self, answer: Answer, dose: int) -> int:
        if answer.completing:
            return answer.size
        return self.asked.planned(dose, answer.state.patients, answer.state.dlts)

    def _seen(self, cell: Cell) -> tuple[int, ...]:
        _, eff, toxic, both = cell
        return (toxic + both, eff + both) if self.is_additive else cell


@cache
def _outcomes(size: int, *, is_additive: bool) -> tuple[tuple[Cell, ...], ...]:
    """What a cohort can tell the design, each as the cells that tell it, those with the fewest of both first."""
    found: defaultdict[tuple[int, ...], list[Cell]] = defaultdict(list)
    for dlts in range(size + 1):
        for cell in _cells(size, dlts):
            _, eff, _, both = cell
            found[(dlts, eff + both) if is_additive else (dlts, both, eff)].append(cell)
    return tuple(tuple(sorted(cells, key=lambda cell: cell[3])) for _, cells in sorted(found.items()))


def _cells(size: int, dlts: int) -> Iterator[Cell]:
    for eff, both in product(range(size - dlts + 1), range(dlts + 1)):
        yield size - dlts - eff, eff, dlts - both, both


def _after(state: State, dose: int, cell: Cell) -> State:
    _, eff, toxic, both = cell
    patients, dlts, responses = list(state.patients), list(state.dlts), list(state.responses or ())
    patients[dose] += sum(cell)
    dlts[dose] += toxic + both
    responses[dose] = responses[dose][0] + eff, responses[dose][1] + both
    return State(tuple(patients), tuple(dlts), dose, responses=tuple(responses))


def _cohort(dose: int, cell: Cell) -> Cohort:
    _, eff, toxic, both = cell
    return Cohort(dose + 1, sum(cell), toxic + both, responses=(eff, both))


def _chance(cell: Cell, probabilities: Sequence[float]) -> float:
    """Probability of a cohort's cell: multinomial."""
    found, left = 1.0, sum(cell)
    for count, probability in zip(cell, probabilities, strict=True):
        found *= comb(left, count) * probability**count
        left -= count
    return found
