"""How a trial is conducted, whatever decides on its doses: the part that all kinds of plan share."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from escalation.kernels.codes import ARRIVE, LAST_DOSE, LEAVE, NEXT_DOSE, RANK, SAME_DOSE, STAY_AT
from escalation.kernels.layout import ConductArrays, StopArrays
from escalation.trial.trial import Trial

NO_LIMIT = np.iinfo(np.int32).max
"""In place of a number of patients or DLTs that no trial can reach."""


@dataclass(frozen=True, eq=False)
class Criterion:
    """What counts must be for a rule to end the trial."""

    place: int  # whose counts: NEXT_DOSE, SAME_DOSE, LAST_DOSE, ANY_DOSE or ALL_DOSES
    # bool[D, N + 1, N + 1], by dose, patients and DLTs there. For ALL_DOSES the first dose's part is read, with the
    # sums over doses.
    holds: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Stop:
    """A rule that ends the trial after a cohort, when all its criteria hold."""

    # RULE_COMPLETE, TOO_TOXIC (which recommends no dose), DOSE_TOO_TOXIC (none from the lowest toxic dose on),
    # ENOUGH_AT_DOSE or STOPPING_RULE.
    reason: int
    criteria: tuple[Criterion, ...]
    words: str  # the rule as the end of a sentence: "at least 12 patients have been treated in the trial"
    # Under DOSE_TOO_TOXIC those that say which doses are too toxic.
    toxic: tuple[Criterion, ...] = ()

    @property
    def is_single(self) -> bool:
        """Whether it looks at the counts at one dose: the last or the next."""
        return len(self.criteria) == 1 and self.criteria[0].place in (NEXT_DOSE, SAME_DOSE, LAST_DOSE)


@dataclass(frozen=True, eq=False, kw_only=True)
class Conduct:
    """How a trial is conducted, whatever decides on its doses."""

    # int64[N + 1], size of the next cohort at a dose, by the patients it has had; the last cohort is smaller when fewer
    # remain.
    sizes: NDArray[np.int64]
    max_patients: int  # N; the trial ends when it is reached
    start: int  # dose index of the first cohort
    # One patient a dose until the first DLT or the highest dose; then that dose's cohort is filled up. For cohorts of
    # two or more. Until then decisions and stops rest.
    titration: bool = False
    # int64[D], highest dose that may follow each dose. By default the highest.
    ceiling: NDArray[np.int64] | None = None
    # int64[D], lowest dose that may follow each dose, unless that is eliminated or a probable overdose. By
    # default the lowest.
    floor: NDArray[np.int64] | None = None
    hold_at: int = NO_LIMIT  # no dose above the last from so many DLTs on, in the whole trial
    # After each cohort those that hold end the trial. The reason is the one that counts first: that it is too toxic,
    # that a dose is, that a rule is complete, that it is full, the others.
    stops: tuple[Stop, ...] = ()

    @classmethod
    def of(cls, trial: Trial, *, sizes: NDArray[np.int64] | None = None, stops: tuple[Stop, ...] = ()) -> "Conduct":
        """That of a trial, in cohorts of its size unless a design has `sizes` of its own."""
        equal = np.full(trial.max_patients + 1, trial.cohort_size, np.int64)
        return cls(
            sizes=equal if sizes is None else sizes,
            max_patients=trial.max_patients,
            start=trial.start_dose - 1,
            stops=stops,
        )

    def arrays(self, levels: int) -> ConductArrays:
        """How a trial with so many dose levels is conducted, as the kernels read it."""
        return ConductArrays(
            sizes=np.ascontiguousarray(self.sizes, np.int64),
            ceiling=np.ascontiguousarray(
                np.full(levels, levels - 1) if self.ceiling is None else self.ceiling, np.int64
            ),
            floor=np.ascontiguousarray(np.zeros(levels) if self.floor is None else self.floor, np.int64),
            hold_at=int(self.hold_at),
            titration=bool(self.titration),
            max_patients=int(self.max_patients),
            start=int(self.start),
            reasons=self._reasons(levels),
            joint=self._joint(levels),
        )

    def lowest_toxic(self, patients: NDArray[np.int16], dlts: NDArray[np.int16]) -> NDArray[np.int64]:
        """Index of the lowest dose that is too toxic for rules that recommend a dose below it, int64[E].

        By the counts at each dose, int16[E, D], alone: whatever else these rules ask for, and whichever of them held. D
        where no dose is.
        """
        endings, levels = patients.shape
        found = np.zeros((endings, levels), np.bool_)
        for stop in self.stops:
            for criterion in stop.toxic:
                for dose in range(levels):
                    found[:, dose] |= criterion.holds[dose, patients[:, dose], dlts[:, dose]]
        return np.where(found.any(axis=1), np.argmax(found, axis=1), levels)

    def holds(self, dlts: tuple[int, ...]) -> bool:
        """Whether so many DLTs at each dose are too many for anything to go up."""
        return sum(dlts) >= self.hold_at

    def highest_after(self, dose: int, levels: int) -> int:
        """Index of the highest dose that may follow a dose."""
        return levels - 1 if self.ceiling is None else int(self.ceiling[dose])

    def lowest_after(self, dose: int) -> int:
        """Index of the lowest dose that may follow a dose."""
        return 0 if self.floor is None else int(self.floor[dose])

    def _reasons(self, levels: int) -> NDArray[np.int8]:
        """Why the rules that look at one dose end the trial: all of them in one table, to be looked up at once."""
        single = [stop for stop in self.stops if stop.is_single]
        size = self.max_patients + 1
        reasons = np.zeros((3, levels, size, size) if single else (3, 0, 0, 0), np.int8)
        for stop in sorted(single, key=lambda stop: -RANK[stop.reason]):  # the last one written is the one that counts
            place, holds = stop.criteria[0].place, stop.criteria[0].holds
            for where in {NEXT_DOSE: (STAY_AT, ARRIVE), SAME_DOSE: (STAY_AT,), LAST_DOSE: (STAY_AT, LEAVE)}[place]:
                reasons[where][holds] = stop.reason
        return reasons

    def _joint(self, levels: int) -> StopArrays:
        stops = [stop for stop in self.stops if not stop.is_single]
        criteria = [criterion for stop in stops for criterion in stop.criteria]
        holds = np.empty((len(criteria), levels, self.max_patients + 1, self.max_patients + 1), np.bool_)
        for part, criterion in enumerate(criteria):
            holds[part] = criterion.holds
        return StopArrays(
            reasons=np.array([stop.reason for stop in stops], np.int8),
            starts=np.cumsum([0, *(len(stop.criteria) for stop in stops)], dtype=np.int64),
            places=np.array([criterion.place for criterion in criteria], np.int8),
            holds=holds,
        )
