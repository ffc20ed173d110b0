"""How a trial is conducted, whatever decides on its doses: the part that all kinds of plan share."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from escalation.kernels.codes import (
    ARRIVE,
    BELIEF,
    LAST_DOSE,
    LEAVE,
    NEXT_DOSE,
    RANK,
    SAME_DOSE,
    STAY_AT,
    UNCHANGED,
)
from escalation.kernels.layout import ConductArrays, StopArrays
from escalation.trial.trial import Trial

NO_LIMIT = np.iinfo(np.int32).max
"""In place of a number of patients or DLTs that no trial can reach."""


@dataclass(frozen=True, eq=False)
class Criterion:
    """What counts must be for a rule to end the trial."""

    place: int  # whose counts: NEXT_DOSE, SAME_DOSE, LAST_DOSE, ANY_DOSE, ALL_DOSES or UNCHANGED
    # bool[D, N + 1, N + 1], by dose, patients and DLTs there. For ALL_DOSES the first dose's part is read, with the
    # sums over doses; for UNCHANGED its first column, with the cohorts in a row that the next dose has had.
    holds: NDArray[np.bool_]


@dataclass(frozen=True)
class Belief:
    """What a model must say of the next dose for a rule to end the trial: P(low < DLT rate <= high | data) is enough.

    As dose-toxicity curves have densities, it does not matter to which side the limits belong.
    """

    low: float
    high: float
    at_least: float  # the probability that is enough

    place: ClassVar[int] = BELIEF


@dataclass(frozen=True, eq=False)
class Stop:
    """A rule that ends the trial after a cohort, when all its criteria hold."""

    # RULE_COMPLETE, TOO_TOXIC (which recommends no dose), DOSE_TOO_TOXIC (none from the lowest toxic dose on),
    # ENOUGH_AT_DOSE or STOPPING_RULE.
    reason: int
    criteria: tuple[Criterion | Belief, ...]
    words: str  # the rule as the end of a sentence: "at least 12 patients have been treated in the trial"
    # Under DOSE_TOO_TOXIC those that say which doses are too toxic.
    toxic: tuple[Criterion, ...] = ()

    @property
    def counts(self) -> tuple[Criterion, ...]:
        """The criteria that counts alone can meet."""
        return tuple(part for part in self.criteria if isinstance(part, Criterion))

    @property
    def beliefs(self) -> tuple[Belief, ...]:
        """The others, which a model must meet."""
        return tuple(part for part in self.criteria if isinstance(part, Belief))

    @property
    def is_single(self) -> bool:
        """Whether it looks at the counts at one dose: the last or the next."""
        return len(self.criteria) == 1 and self.criteria[0].place in (NEXT_DOSE, SAME_DOSE, LAST_DOSE)


@dataclass(frozen=True, eq=False, kw_only=True)
class Conduct:
    """How a trial is conducted, whatever decides on its doses."""

    # int64[D, N + 1], size of the next cohort by its dose and the patients that this has had; the last cohort is
    # smaller when fewer remain.
    sizes: NDArray[np.int64]
    max_patients: int  # N; the trial ends when it is reached
    start: int  # dose index of the first cohort
    # int64[N + 1, K], the next cohort is at least as large, by patients and DLTs in the trial; the last column is for
    # as many DLTs or more. By default it says nothing.
    trial_sizes: NDArray[np.int64] | None = None
    # One patient a dose until the first DLT or the highest dose; then that dose's cohort is filled up. For cohorts of
    # two or more, all of a size. Until then decisions and stops rest.
    titration: bool = False
    # int64[T, D], highest dose that may follow each dose, by DLTs in the trial, the last row for as many or more; and
    # int64[D], by the highest dose that was given. By default the highest.
    ceiling: NDArray[np.int64] | None = None
    tried_ceiling: NDArray[np.int64] | None = None
    # int64[D], lowest dose that may follow each dose, unless that is eliminated or a probable overdose. By default the
    # lowest.
    floor: NDArray[np.int64] | None = None
    # bool[D, N + 1, N + 1], whether counts at a dose eliminate it and all above, whatever a model says; the trial ends
    # as too toxic when that is the lowest. Tables eliminate doses by their codes instead.
    eliminates: NDArray[np.bool_] | None = None
    # After each cohort those that hold end the trial. The reason is the one that counts first: that it is too toxic,
    # that a dose is, that a rule is complete, that it is full, the others.
    stops: tuple[Stop, ...] = ()
    run: int = 0  # cohorts in a row that the start dose has had before the first cohort; of a running trial

    @classmethod
    def of(cls, trial: Trial, *, sizes: NDArray[np.int64] | None = None, stops: tuple[Stop, ...] = ()) -> "Conduct":
        """That of a trial, in its cohorts or a design's own: `sizes` by patients at a dose, int64[N + 1]."""
        shape = trial.levels, trial.max_patients + 1
        own = np.array(trial.sizes_by_dose)[:, None] if sizes is None else sizes
        return cls(
            sizes=np.broadcast_to(own, shape).astype(np.int64),
            trial_sizes=trial.sizes_in_trial if sizes is None else None,
            max_patients=trial.max_patients,
            start=trial.start_dose - 1,
            stops=stops,
        )

    def arrays(self, levels: int) -> ConductArrays:
        """How a trial with so many dose levels is conducted, as the kernels read it."""
        top, nothing = np.full(levels, levels - 1), np.zeros((levels, 0, 0), np.bool_)
        limited = self.ceiling is not None or self.tried_ceiling is not None
        return ConductArrays(
            sizes=_whole(self.sizes),
            trial_sizes=_whole(np.empty((0, 0)) if self.trial_sizes is None else self.trial_sizes),
            ceiling=_whole((top[None] if limited else np.empty((0, levels))) if self.ceiling is None else self.ceiling),
            tried_ceiling=_whole(top if self.tried_ceiling is None else self.tried_ceiling),
            floor=_whole(np.zeros(levels) if self.floor is None else self.floor),
            eliminates=np.ascontiguousarray(nothing if self.eliminates is None else self.eliminates),
            titration=bool(self.titration),
            max_patients=int(self.max_patients),
            start=int(self.start),
            runs=self.runs,
            run=int(self.run),
            reasons=self._reasons(levels),
            joint=self._joint(levels),
        )

    @property
    def largest(self) -> int:
        """Patients of the largest cohort."""
        return max(int(self.sizes.max()), 0 if self.trial_sizes is None else int(self.trial_sizes.max()))

    @property
    def sizes_by_trial(self) -> bool:
        """Whether the size of a cohort depends on more than its dose and the patients there."""
        return self.trial_sizes is not None

    @property
    def varies(self) -> bool:
        """Whether what is left for the last cohort depends on the trial."""
        return self.titration or self.sizes_by_trial or bool(np.ptp(self.sizes))

    def size(self, dose: int, patients: tuple[int, ...], dlts: tuple[int, ...]) -> int:
        """Patients of the next cohort at a dose, after counts at each dose, if as many remain."""
        size = int(self.sizes[dose, patients[dose]])
        if self.trial_sizes is None:
            return size
        seen = min(sum(dlts), self.trial_sizes.shape[1] - 1)
        return max(size, int(self.trial_sizes[sum(patients), seen]))

    @property
    def runs(self) -> int:
        """Cohorts in a row at a dose up to which a rule counts them, at least 1."""
        rows = [part.holds[0, :, 0] for stop in self.stops for part in stop.counts if part.place == UNCHANGED]
        return max((int(np.argmax(row)) if row.any() else 1 for row in rows), default=1)

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

    def highest_after(self, dose: int, dlts: tuple[int, ...], levels: int) -> int:
        """Index of the highest dose that may follow a dose, after DLTs at each dose."""
        if self.ceiling is None:
            return levels - 1
        return int(self.ceiling[min(sum(dlts), len(self.ceiling) - 1), dose])

    def highest_after_tried(self, patients: tuple[int, ...]) -> int:
        """Index of the highest dose that may follow the highest with patients."""
        levels = len(patients)
        if self.tried_ceiling is None:
            return levels - 1
        return int(self.tried_ceiling[max(dose for dose, n in enumerate(patients) if n)])

    def lowest_after(self, dose: int) -> int:
        """Index of the lowest dose that may follow a dose."""
        return 0 if self.floor is None else int(self.floor[dose])

    def lowest_eliminated(self, patients: tuple[int, ...], dlts: tuple[int, ...]) -> int:
        """Index of the lowest dose that its own counts eliminate; the number of doses for none."""
        if self.eliminates is None:
            return len(patients)
        counts = enumerate(zip(patients, dlts, strict=True))
        return next((dose for dose, (n, y) in counts if self.eliminates[dose, n, y]), len(patients))

    def _reasons(self, levels: int) -> NDArray[np.int8]:
        """Why the rules that look at one dose end the trial: all of them in one table, to be looked up at once."""
        single = [stop for stop in self.stops if stop.is_single]
        size = self.max_patients + 1
        reasons = np.zeros((3, levels, size, size) if single else (3, 0, 0, 0), np.int8)
        for stop in sorted(single, key=lambda stop: -RANK[stop.reason]):  # the last one written is the one that counts
            place, holds = stop.counts[0].place, stop.counts[0].holds
            for where in {NEXT_DOSE: (STAY_AT, ARRIVE), SAME_DOSE: (STAY_AT,), LAST_DOSE: (STAY_AT, LEAVE)}[place]:
                reasons[where][holds] = stop.reason
        return reasons

    def _joint(self, levels: int) -> StopArrays:
        stops = self._joint_stops
        parts = [part for stop in stops for part in stop.criteria]
        rows = np.zeros((len(parts), levels), np.int64)
        tables: dict[int, tuple[int, NDArray[np.bool_]]] = {}  # by where they are in memory: doses and rules share them
        asked = 0
        for row, part in zip(rows, parts, strict=True):
            if isinstance(part, Belief):
                row[0], asked = asked, asked + 1
                continue
            for dose, table in enumerate(part.holds):
                row[dose], _ = tables.setdefault(table.ctypes.data, (len(tables), table))
        size = self.max_patients + 1
        holds = np.empty((len(tables), size, size), np.bool_)
        for number, table in tables.values():
            holds[number] = table
        return StopArrays(
            reasons=np.array([stop.reason for stop in stops], np.int8),
            starts=np.cumsum([0, *(len(stop.criteria) for stop in stops)], dtype=np.int64),
            places=np.array([part.place for part in parts], np.int8),
            rows=rows,
            holds=holds,
            enough=np.array([part.at_least for part in parts if isinstance(part, Belief)], np.float64),
        )

    @property
    def beliefs(self) -> tuple[Belief, ...]:
        """What rules ask a model, in the order in which kernels read it."""
        return tuple(belief for stop in self._joint_stops for belief in stop.beliefs)

    @property
    def _joint_stops(self) -> list[Stop]:
        """The rules that are not looked up at one dose."""
        return [stop for stop in self.stops if not stop.is_single]


def _whole(numbers: NDArray[Any]) -> NDArray[np.int64]:
    return np.ascontiguousarray(numbers, np.int64)
