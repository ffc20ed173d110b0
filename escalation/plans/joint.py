"""Decisions by DLTs and responses together, compiled: a *joint plan* looks for the optimal dose while it escalates.

After a cohort the counts at its dose say among which doses is chosen: the nearest one below that may be given, the dose
itself, and the nearest one above. The most desirable of them is next, by the patients and the sum of their utilities at
each. Doses are closed for too many DLTs, with all above, or for too few responses, each alone.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import gcd
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import special

from escalation.errors import DesignError, StateSpaceError
from escalation.kernels.codes import BELOW, BESIDE, FUTILE, HIGHEST, LOWEST, NO_DOSE, NOTHING_TRIED
from escalation.kernels.layout import ClockArrays, JointArrays, Packing
from escalation.numbers import Floats
from escalation.plans.conduct import NO_LIMIT
from escalation.plans.decision import Decision, State
from escalation.plans.plan import Counts, Escalate, Plan, Settle

NEEDS_RESPONSES = "decisions look at responses"
NEEDS_RATES = f"rates: {NEEDS_RESPONSES}; the truth should have response_rates (in Python JointRates)"

EQUAL = 1e-12
"""Probabilities that differ by less than this share of themselves, or of what they lack to 1, are equal."""


@dataclass(frozen=True, eq=False, kw_only=True)
class JointPlan(Plan):
    """A design that decides by DLTs and responses; M is the largest number of patients that a dose can have."""

    doses: int
    moves: NDArray[np.int8]  # int8[M + 1, M + 1], BELOW, BESIDE or ABOVE, by patients and DLTs at the last dose
    toxic: NDArray[np.bool_]  # bool[M + 1, M + 1], by patients and DLTs: whether they close a dose and all above
    futile: NDArray[np.bool_]  # bool[M + 1, M + 1], by patients and responses: whether they close a dose
    # float64[M + 1, W + 1], by patients and the sum of their utilities in units of `unit`: how desirable a dose is.
    desirability: Floats
    utilities: tuple[int, int, int, int]  # from 0 to 100, in the order of `trial.joint.OUTCOMES`
    limit: float  # the highest acceptable DLT rate
    explore_from: int | None  # patients at a dose from which an untried one above is next, unless the rate leads down
    enough: int | None  # patients at a dose with which the trial ends
    ties: int  # RANDOM, LOWEST or HIGHEST: which of equally desirable doses is next

    @property
    def levels(self) -> int:
        """Number of dose levels."""
        return self.doses

    @property
    def joint(self) -> "JointPlan":
        """Itself."""
        return self

    @property
    def unit(self) -> int:
        """Largest number that all utilities are multiples of."""
        return gcd(*self.utilities)

    @property
    def is_additive(self) -> bool:
        """Whether DLTs and responses each are worth the same with or without the other."""
        none, eff, tox, both = self.utilities
        return eff + tox == none + both

    @cached_property
    def ranks(self) -> NDArray[np.int64]:
        """The order of desirability, equal ones alike, int64[M + 1, W + 1]."""
        return ranked(self.desirability)

    @cached_property
    def arrays(self) -> JointArrays:
        """The plan as the kernels read it."""
        conduct, (none, eff, tox, both) = self.conduct.arrays(self.doses), self.utilities
        return JointArrays(
            sizes=conduct.sizes,
            trial_sizes=conduct.trial_sizes,
            most=conduct.max_patients,
            start=conduct.start,
            moves=np.ascontiguousarray(self.moves, np.int8),
            toxic=np.ascontiguousarray(self.toxic),
            futile=np.ascontiguousarray(self.futile),
            ranks=self.ranks,
            unit=self.unit,
            worth=np.array([[none, eff], [tox, both]], np.int64) // self.unit,
            explore_from=NO_LIMIT if self.explore_from is None else self.explore_from,
            enough=NO_LIMIT if self.enough is None else self.enough,
            ties=self.ties,
            limit=float(self.limit),
        )

    def settler(self, packing: Packing, cells: NDArray[np.int16]) -> Settle:  # noqa: ARG002
        """None: what follows depends on responses."""
        raise StateSpaceError(f"{NEEDS_RESPONSES}: exact only under truths that have them")

    def escalation(
        self,
        counts: NDArray[np.int64],  # noqa: ARG002
        limits: NDArray[np.int64],  # noqa: ARG002
        clock: ClockArrays,  # noqa: ARG002
    ) -> Escalate:
        """None: patients have responses."""
        raise DesignError(NEEDS_RATES)

    def open_doses(self, state: State) -> tuple[bool, ...]:
        """Whether each dose may be given: not too toxic, nor any below, and not futile."""
        assert state.responses is not None
        lowest = self.lowest_eliminated(state)
        seen = zip(state.patients, state.responses, strict=True)
        futile = [bool(self.futile[n, sum(responses)]) for n, responses in seen]
        return tuple(dose < lowest and not futile[dose] for dose in range(self.doses))

    def candidates(self, state: State, highest: int | None = None) -> tuple[tuple[int, ...], bool]:
        """Among which doses is chosen, by index; and whether exploration goes before that, to an untried one.

        Those who conduct the trial may let none above `highest` be given.
        """
        dose = state.last_dose
        may_be = [one and (highest is None or place <= highest) for place, one in enumerate(self.open_doses(state))]
        below = [other for other in range(dose) if may_be[other]][-1:]
        here = [dose] if may_be[dose] else []
        above = [other for other in range(dose + 1, self.doses) if may_be[other]][:1]
        n, t = state.patients[dose], state.dlts[dose]
        if self.moves[n, t] == BELOW:
            return tuple(below or here), False
        found = below + here if self.moves[n, t] == BESIDE else below + here + above
        explores = self.explore_from is not None and n >= self.explore_from
        if found and explores and above and state.patients[above[0]] == 0:
            return tuple(above), True
        return tuple(found), False

    def desirable(self, state: State, dose: int) -> float:
        """How desirable a dose is."""
        return float(self.desirability[state.patients[dose], self._units(state, dose)])

    def rank(self, state: State, dose: int) -> int:
        """The place of a dose in the order of desirability."""
        return int(self.ranks[state.patients[dose], self._units(state, dose)])

    def worth(self, state: State, dose: int) -> int:
        """Sum of the utilities of the patients at a dose."""
        assert state.responses is not None
        none, eff, tox, both = self.utilities
        (n, t), (well, ill) = (state.patients[dose], state.dlts[dose]), state.responses[dose]
        return none * (n - t - well) + eff * well + tox * (t - ill) + both * ill

    def decide(self, state: State, *, titrating: bool = False, highest: int | None = None) -> Decision:  # noqa: ARG002
        """The next dose, of which several may be `tied`; none where none may be given."""
        found, explores = self.candidates(state, highest)
        if not found:
            return Decision(None)
        ranks = [self.rank(state, dose) for dose in found]
        best = tuple(dose for dose, rank in zip(found, ranks, strict=True) if rank == max(ranks))
        if self.ties == LOWEST or len(best) == 1:
            return Decision(best[0], exploring=explores)
        return Decision(best[-1]) if self.ties == HIGHEST else Decision(None, tied=best)

    def closed(self, state: State) -> tuple[bool, ...]:
        """Whether each dose may not be given."""
        return tuple(not may_be for may_be in self.open_doses(state))

    def lowest_eliminated(self, state: State) -> int:
        """Index of the lowest dose that its counts eliminate for toxicity; the number of doses for none."""
        counts = enumerate(zip(state.patients, state.dlts, strict=True))
        return next((dose for dose, (n, t) in counts if self.toxic[n, t]), self.doses)

    def recommend(self, patients: Counts, dlts: Counts, choices: NDArray[np.int8] | None = None) -> NDArray[np.int16]:  # noqa: ARG002
        """The MTD of each ending."""
        from escalation.kernels.joint import closest_of_each

        recommended = np.empty(len(patients), np.int16)
        closest_of_each(self.arrays, patients, dlts, recommended)
        return recommended

    def eliminating_by(self, eliminates: NDArray[np.bool_]) -> Self:  # noqa: ARG002
        """None: such a rule is refused."""
        raise DesignError("restrict: doses are eliminated by the design's own options alone")

    def rates(self, patients: NDArray[np.int64], dlts: NDArray[np.int64]) -> Floats:
        """The isotonic estimates of the DLT rates of tried doses, each of the same weight."""
        from scipy.optimize import isotonic_regression  # it takes a tenth of a second, and running trials alone need it

        return np.asarray(isotonic_regression(dlts / patients).x, np.float64)

    def chosen(self, state: State, highest: int | None = None) -> tuple[int, int]:
        """Indices of the MTD and of the optimal dose if the trial ended now; or NO_DOSE, or a key of NO_OPTIMAL_DOSE.

        Those who conduct the trial may let none above `highest` be chosen.
        """
        counts = np.array([state.patients], np.int16), np.array([state.dlts], np.int16)
        found = self.recommend(*counts)
        if highest is not None and found[0] > highest:
            found = self.recommend_below(*counts, found, np.array([highest + 1]))
        mtd = int(found[0])
        if mtd == NO_DOSE:
            return mtd, NO_DOSE
        tried = [dose for dose in range(mtd + 1) if state.patients[dose]]
        may_be = self.open_doses(state)
        candidates = [dose for dose in tried if may_be[dose]]
        if not candidates:
            return mtd, FUTILE if tried else NOTHING_TRIED
        return mtd, min(candidates, key=lambda dose: (-self.mean_utility(state, dose), dose))

    def mean_utility(self, state: State, dose: int) -> Fraction:
        """Posterior mean utility at a dose, from 0 to 100."""
        return Fraction(100 + self.worth(state, dose), 2 + state.patients[dose])

    def _units(self, state: State, dose: int) -> int:
        return self.worth(state, dose) // self.unit


def desirability_table(utilities: tuple[int, int, int, int], benchmark: float, most: int) -> Floats:
    """P(utility > benchmark | data), by patients at a dose up to `most` and the sum of their utilities in units.

    The utility of n patients with a sum of 100 x is Beta(1 + x, 1 + n - x); NaN where there can be no such sum. The
    benchmark is from 0 to 100. Source: Lin et al. (2020).
    """
    unit = gcd(*utilities)
    patients, units = np.indices((most + 1, 100 // unit * most + 1))
    x = units * unit / 100
    above = special.betainc(np.where(x <= patients, 1 + patients - x, np.nan), 1 + x, 1 - benchmark / 100)
    return np.asarray(above, np.float64)


def ranked(scores: Floats) -> NDArray[np.int64]:
    """The place of each score in their order, equal ones alike, from 0; -1 for NaN."""
    flat = scores.ravel()
    order = np.argsort(flat)
    known = order[: int((~np.isnan(flat)).sum())]
    values = flat[known]
    apart = np.diff(values) > EQUAL * np.minimum(values[1:], 1 - values[:-1])
    ranks = np.full(flat.shape, -1, np.int64)
    ranks[known] = np.concatenate([[0], np.cumsum(apart)]) if len(known) else known
    return ranks.reshape(scores.shape)
