"""Designs that move to where the posterior of a dose's DLT rate is the strongest, of adjacent intervals of rates."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from scipy import special

from escalation.designs.intervals import IntervalDesign, Moves, Numbers, TargetInterval, moves_where
from escalation.designs.words import beside, observed, ranked
from escalation.kernels.codes import DE_ESCALATE, ESCALATE, SLACK
from escalation.numbers import Floats, fewest_dlts
from escalation.trial.trial import Trial


def posterior_masses(
    edges: Sequence[float | Floats], patients: Numbers | int, dlts: Numbers | int, prior: tuple[float, float]
) -> Floats:
    """Posterior probabilities of K adjacent intervals under a Beta prior, float64[K, ...].

    The K + 1 edges increase; they may depend on the counts.
    """
    a, b = prior[0] + dlts, prior[1] + patients - dlts
    return np.diff([special.betainc(a, b, edge) for edge in edges], axis=0)


def mean_densities(edges: Sequence[float], patients: Numbers | int, dlts: Numbers | int) -> Floats:
    """Unit probability masses, float64[K, ...]: posterior probabilities under a uniform prior, by length."""
    return (posterior_masses(edges, patients, dlts, (1.0, 1.0)).T / np.diff(edges)).T


class StrongestOfThree(IntervalDesign):
    """A design that moves to the strongest of three intervals of rates; a tie goes to the higher, the more cautious."""

    ordered: ClassVar[bool] = False
    """Whether more DLTs among as many patients never lead higher, so that two numbers of DLTs say it all.

    A class says it of itself; it is not inherited, because who derives from the class may move otherwise.
    """
    strength: ClassVar[str]
    """What is compared, in words."""
    middle: ClassVar[str] = "the equivalence interval"

    @abstractmethod
    def _strengths(self, target: float, patients: Numbers | int, dlts: Numbers | int) -> Floats:
        """Strengths of the lowest, the middle and the highest interval, float64[3, ...]."""

    def moves(self, target: float, patients: Numbers, dlts: Numbers) -> Moves:
        """To where the strongest interval is."""
        below, inside, above = self._strengths(target, patients, dlts)
        return moves_where(below > np.maximum(inside, above) + SLACK, above >= np.maximum(below, inside) - SLACK)

    def _checked_moves(self, trial: Trial, patients: Numbers, dlts: Numbers) -> Moves:
        """The moves, of an ordered design by those of few cells."""
        if not vars(type(self)).get("ordered", False):
            return super()._checked_moves(trial, patients, dlts)
        numbers = np.arange(1, trial.max_patients + 1)
        stays = fewest_dlts(lambda n, y: self.moves(trial.target, n, y) < ESCALATE, numbers)
        falls = fewest_dlts(lambda n, y: self.moves(trial.target, n, y) == DE_ESCALATE, numbers)
        place = np.asarray(patients, np.int64) - 1
        return moves_where(dlts < stays[place], dlts >= falls[place])

    def place(self, target: float, patients: int, dlts: int, move: int) -> str:
        """Which interval is the strongest, with the numbers."""
        below, inside, above = ranked(self._strengths(target, patients, dlts).tolist())
        where = {ESCALATE: "below", DE_ESCALATE: "above"}.get(move, "in")
        seen, numbers = observed(patients, dlts), f"{below} below, {inside} in, {above} above"
        return f"{seen}: the {self.strength} is largest {where} {self.middle} ({numbers})"


class StrongestKey(StrongestOfThree, TargetInterval):
    """A design that moves to where the strongest of equally wide keys is; the middle one is the target key.

    Keys as wide as the target key, [low, high], cover all rates; what is left at 0 and at 1 makes shorter ones. The
    strongest has the largest mean posterior density. The density rises up to its mode, y/n, and falls beyond it, and so
    do its means over adjacent keys: the strongest key is below the target key if and only if the target key's lower
    neighbour is stronger than the target key, and likewise above. Where the mode is beyond a neighbour no comparison is
    needed, and none could be made: all three may be too weak for floating-point numbers.
    """

    strength: ClassVar[str] = "mean posterior density"

    def _neighbours(self, target: float) -> tuple[float, float]:
        """Where the key below the target key begins, and where the one above it ends."""
        low, high = self.interval(target)
        return max(2 * low - high, 0.0), min(2 * high - low, 1.0)

    def _strengths(self, target: float, patients: Numbers | int, dlts: Numbers | int) -> Floats:
        first, last = self._neighbours(target)
        return mean_densities((first, *self.interval(target), last), patients, dlts)

    def moves(self, target: float, patients: Numbers, dlts: Numbers) -> Moves:
        """To where the strongest key is."""
        first, last = self._neighbours(target)
        near = super().moves(target, patients, dlts)
        # At the end of a neighbour the mode and the densities say the same, so that these comparisons need no slack.
        lowest, highest = dlts <= first * patients, dlts >= last * patients
        return moves_where((near == ESCALATE) | lowest, (near == DE_ESCALATE) | highest)

    def place(self, target: float, patients: int, dlts: int, move: int) -> str:
        """Why the strongest key is where `moves` finds it."""
        first, last = self._neighbours(target)
        seen, rate, noun = observed(patients, dlts), dlts / patients, self.middle.rsplit(maxsplit=1)[-1]
        if move == ESCALATE and dlts <= first * patients:
            shown, limit = beside(rate, first)
            return f"{seen} is a rate of {shown}, at most {limit}, where the {noun} below {self.middle} begins"
        if move == DE_ESCALATE and dlts >= last * patients:
            shown, limit = beside(rate, last)
            return f"{seen} is a rate of {shown}, at least {limit}, where the {noun} above {self.middle} ends"
        return super().place(target, patients, dlts, move)
