"""Table plans: decisions by the counts at the dose just given.

Kernels are imported where they are called: a design can be read, and listed, without waiting for numba.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from escalation.kernels.codes import DE_ESCALATE, ELIMINATE, ESCALATE, STAY, UNDECIDED
from escalation.kernels.layout import Children, ClockArrays, Packing, StateArrays, TableArrays
from escalation.numbers import binomials
from escalation.plans.decision import Bound, Decision, State, limited
from escalation.plans.plan import Block, Counts, Escalate, Plan, Settle

Floats = NDArray[np.float64]
Codes = NDArray[np.int8]


class Selection(ABC):
    """The recommendation at the end of a trial under a table plan, among doses below eliminated ones."""

    @abstractmethod
    def recommend(self, codes: Codes, patients: Counts, dlts: Counts, recommended: NDArray[np.int16]) -> None:
        """Write the recommended dose of each ending, or NO_DOSE."""

    @property
    def nothing(self) -> str:
        """Why no dose below eliminated ones is recommended, in words."""
        return "no dose that was tried meets what the design asks of one that it recommends"

    def rates(self, patients: NDArray[np.int64], dlts: NDArray[np.int64]) -> Floats:
        """The DLT rates of tried doses that the recommendation compares; here the observed ones."""
        return dlts / patients


@dataclass(frozen=True, eq=False)
class ClosestIsotonic(Selection):
    """Recommend the tried dose, below eliminated ones, whose isotonic estimate is closest to the target."""

    # float64[N + 1, N + 1], estimated DLT rate, and its weight in the isotonic regression, by patients and DLTs at a
    # dose.
    estimates: Floats
    precisions: Floats
    target: float
    bound: float = np.inf  # doses with a larger isotonic estimate are not recommended

    def recommend(self, codes: Codes, patients: Counts, dlts: Counts, recommended: NDArray[np.int16]) -> None:
        """Write the recommended dose of each ending."""
        from escalation.kernels.selection import recommend_isotonic

        numbers = self.estimates, self.precisions, float(self.target), float(self.bound)
        recommend_isotonic(patients, dlts, codes, *numbers, recommended)

    @property
    def nothing(self) -> str:
        """That no estimate is low enough."""
        return f"the estimated DLT rate of no dose that was tried is at most {self.bound:g}"

    def rates(self, patients: NDArray[np.int64], dlts: NDArray[np.int64]) -> Floats:
        """The isotonic estimates of tried doses."""
        from scipy.optimize import isotonic_regression  # it takes a tenth of a second, and running trials alone need it

        return isotonic_regression(self.estimates[patients, dlts], weights=self.precisions[patients, dlts]).x


@dataclass(frozen=True, eq=False)
class HighestCleared(Selection):
    """Recommend the highest cleared dose below the eliminated ones."""

    cleared: NDArray[np.bool_]  # bool[N + 1, N + 1], whether a dose with so many patients and DLTs may be recommended

    def recommend(self, codes: Codes, patients: Counts, dlts: Counts, recommended: NDArray[np.int16]) -> None:
        """Write the recommended dose of each ending."""
        from escalation.kernels.selection import recommend_highest

        recommend_highest(patients, dlts, codes, self.cleared, recommended)

    @property
    def nothing(self) -> str:
        """That none is cleared."""
        return "no dose has been cleared"


@dataclass(frozen=True, eq=False, kw_only=True)
class TablePlan(Plan):
    """A design whose decisions look up the counts at the dose just given.

    ELIMINATE overrides everything: the dose and all above are closed for good and the next cohort gets the dose below;
    at the lowest dose the trial ends with no recommendation. Escalation to a closed or missing dose is a stay, and so
    is de-escalation below the lowest.
    """

    # int8[D, N + 1, N + 1], ESCALATE, STAY, DE_ESCALATE, ELIMINATE or UNDECIDED, by dose, patients and DLTs there.
    codes: Codes
    selection: Selection  # the recommendation at the end

    @property
    def levels(self) -> int:
        """Number of dose levels."""
        return len(self.codes)

    @property
    def table(self) -> "TablePlan":
        """Itself."""
        return self

    @property
    def moves(self) -> bool:
        """Whether any decision is to escalate or de-escalate; if not, a dose is only monitored."""
        return bool(np.isin(self.codes, (ESCALATE, DE_ESCALATE)).any())

    def arrays(self) -> TableArrays:
        """The plan as the kernels read it."""
        return TableArrays(np.ascontiguousarray(self.codes, np.int8), self.conduct.arrays(self.levels))

    def settler(self, packing: Packing, cells: NDArray[np.int16]) -> Settle:
        """One cohort more for many states."""
        from escalation.kernels.exact_tables import settle_table

        arrays, ways = self.arrays(), binomials(self.conduct.largest)

        def settle(
            before: StateArrays, sizes: NDArray[np.int16], children: Children, living: StateArrays, endings: StateArrays
        ) -> tuple[int, int]:
            told = before.columns, sizes, before.sequences
            alive, ended = settle_table(arrays, packing, cells, ways, *told, children, living, endings)
            return alive, ended

        return settle

    def escalation(
        self,
        counts: NDArray[np.int64],  # noqa: ARG002
        limits: NDArray[np.int64],
        clock: ClockArrays,
    ) -> Escalate:
        """Dose escalation of a block of trials; what it starts from is in the block."""
        from escalation.kernels.simulated_tables import run_table_trials

        arrays = self.arrays()

        def escalate(block: Block) -> None:
            tolerances, keys, patients, dlts, recommended, reasons, times = block
            run_table_trials(arrays, clock, limits, tolerances, keys, patients, dlts, reasons, times)
            self.selection.recommend(arrays.codes, patients, dlts, recommended)

        return escalate

    def recommend(self, patients: Counts, dlts: Counts, choices: NDArray[np.int8] | None = None) -> NDArray[np.int16]:  # noqa: ARG002
        """The recommended dose of each ending."""
        recommended = np.empty(len(patients), np.int16)
        self.selection.recommend(np.ascontiguousarray(self.codes, np.int8), patients, dlts, recommended)
        return recommended

    def rates(self, patients: NDArray[np.int64], dlts: NDArray[np.int64]) -> Floats:
        """The DLT rates of tried doses as the recommendation compares them."""
        return self.selection.rates(patients, dlts)

    def decide(self, state: State, *, titrating: bool) -> Decision:
        """The next dose by the decision table, or none where the lowest dose is eliminated."""
        dose = state.last_dose
        code = int(self.codes[dose, state.patients[dose], state.dlts[dose]])
        if titrating:
            code = STAY if state.dlts[dose] else ESCALATE
        closed = self.lowest_eliminated(state)
        if code == UNDECIDED and closed > dose:
            return Decision(None, code=code)
        wanted = dose + {ESCALATE: 1, STAY: 0, UNDECIDED: 0, DE_ESCALATE: -1, ELIMINATE: -1}[code]
        bounds: list[Bound] = []
        next_dose = wanted
        if closed < dose:  # no trial of this design comes here
            next_dose = limited(wanted, closed - 1, Bound.CLOSED, bounds)
        elif code == ESCALATE:
            next_dose = limited(next_dose, self.levels - 1, Bound.HIGHEST, bounds)
            next_dose = limited(next_dose, closed - 1, Bound.CLOSED, bounds)
            for limit, bound in self.limits(state) if next_dose > dose else ():
                next_dose = limited(next_dose, limit, bound, bounds)
        elif code == DE_ESCALATE and wanted < 0:
            next_dose = 0
            bounds.append(Bound.LOWEST)
        if next_dose not in (-1, dose) and not titrating and self._is_undecided(state, next_dose):
            return Decision(None, code=UNDECIDED)  # whether it is eliminated there is no saying
        return Decision(next_dose if next_dose >= 0 else None, code=code, bounds=tuple(bounds), titrating=titrating)

    def closed(self, state: State) -> tuple[bool, ...]:
        """Whether each dose is eliminated."""
        lowest = self.lowest_eliminated(state)
        return tuple(dose >= lowest for dose in range(self.levels))

    def _is_undecided(self, state: State, dose: int) -> bool:
        """Whether the table has no row for what was seen at a dose, if anything was."""
        counts = state.patients[dose], state.dlts[dose]
        return counts[0] > 0 and int(self.codes[(dose, *counts)]) == UNDECIDED

    def undecided_dose(self, state: State) -> int:
        """Index of the dose whose counts leave open what comes next: the last cohort's, or else one next to it."""
        doses = (state.last_dose, state.last_dose + 1, state.last_dose - 1)
        return next(dose for dose in doses if 0 <= dose < self.levels and self._is_undecided(state, dose))

    def lowest_eliminated(self, state: State) -> int:
        """Index of the lowest eliminated dose; the number of doses when none is."""
        if self.titrates(state.patients):
            return self.levels
        counts = zip(state.patients, state.dlts, strict=True)
        found = (dose for dose, (n, y) in enumerate(counts) if self.codes[dose, n, y] == ELIMINATE)
        return next(found, self.levels)

    def never_rises_to(self, dose: int, most: int) -> bool:
        """Whether the doses on the way take as many patients as there are, or one of them is never left upwards."""
        if self.is_barred(dose):
            return True
        way = range(self.conduct.start, dose)
        return sum(self._least_patients(at, (ESCALATE,)) for at in way) >= most

    def never_falls_to(self, dose: int, most: int) -> bool:
        """As `never_rises_to`."""
        way = range(dose + 1, self.conduct.start + 1)
        if self.conduct.titration:  # which starts at the lowest dose
            return False
        return sum(self._least_patients(at, (DE_ESCALATE, ELIMINATE)) for at in way) >= most

    def _least_patients(self, dose: int, wanted: tuple[int, ...]) -> int:
        """At least so many patients have been at a dose when its table says one of these; all and more if never."""
        size = self.conduct.max_patients
        if self.conduct.titration or self.conduct.sizes_by_trial:
            return 1
        reached = np.zeros(size + 1, np.bool_)  # by DLTs
        reached[0] = True
        patients = 0
        sizes = self.conduct.sizes[dose]
        while patients + sizes[patients] <= size:
            cohort = int(sizes[patients])
            reached = np.convolve(reached, np.ones(cohort + 1))[: size + 1] > 0
            patients += cohort
            codes = self.codes[dose, patients]
            if np.isin(codes[reached], wanted).any():
                return patients
            reached &= codes != ELIMINATE
        return size + 1

    def eliminating_by(self, eliminates: NDArray[np.bool_]) -> Self:
        """The plan with further counts that eliminate a dose, bool[D, N + 1, N + 1]."""
        return replace(self, codes=np.where(eliminates, np.int8(ELIMINATE), self.codes))

    def titrated(self) -> Self:
        """The plan with titration, which leaves single patients behind; none without a DLT closes a dose."""
        codes = self.codes.copy()
        codes[:, 1, 0][(codes[:, 1, 0] == ELIMINATE) | (codes[:, 1, 0] == UNDECIDED)] = STAY
        return replace(super().titrated(), codes=codes)
