"""The data of a running trial: its cohorts, or counts by dose.

Counts by dose say less: not where the last cohort was treated, nor what happened in it. Both can be said beside them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import product
from math import inf, prod
from operator import index
from typing import Self

import numpy as np

from escalation.defaults import MOST_PATIENTS
from escalation.errors import OutcomesError
from escalation.trial.notation import quoted, read_words
from escalation.trial.trial import Trial

MOST_COMPLETIONS = 1_000
"""Ways in which the outcomes of pending patients can turn out, at each dose or in each cohort."""


@dataclass(frozen=True)
class Cohort:
    """Patients treated together.

    Attributes
    ----------
    dose : int
        Dose level, from 1.
    patients : int
        Who can be evaluated, those who are pending included.
    dlts : int
    pending : tuple of float or None
        For each patient whose outcome is not known yet the days of follow-up, None where they are not known.
    inevaluable : int, default 0
        Patients who were treated but cannot be evaluated; `patients` does not count them.
    dlt_days : tuple of float, default ()
        Days after the first dose on which DLTs came, of those of which the day is known.

    Raises
    ------
    OutcomesError
        A ValueError: no such cohort can be.
    """

    dose: int
    patients: int
    dlts: int
    pending: tuple[float | None, ...] = ()
    inevaluable: int = 0
    dlt_days: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        for name, least in (("dose", 1), ("patients", 0), ("dlts", 0), ("inevaluable", 0)):
            object.__setattr__(self, name, _whole(getattr(self, name), f"cohort: {name}", least))
        if self.patients + self.inevaluable == 0:
            raise OutcomesError("cohort: patients: 0 should be at least 1")
        for name, given in (("pending", self.pending), ("dlt_days", self.dlt_days)):
            if isinstance(given, str) or not isinstance(given, Iterable):
                other = ", or None for each" if name == "pending" else ""
                raise OutcomesError(f"cohort: {name}: {given!r:.40} should be a list of days{other}")
        days = (one if one is None else _days(one, "cohort: pending: days") for one in self.pending)
        object.__setattr__(self, "pending", tuple(days))
        object.__setattr__(self, "dlt_days", tuple(_days(one, "cohort: dlt_days") for one in self.dlt_days))
        if self.dlts + len(self.pending) > self.patients:
            beside = f" and {len(self.pending)} pending" if self.pending else ""
            raise OutcomesError(f"cohort: {self.dlts} DLTs{beside} in only {self.patients} patients")
        if len(self.dlt_days) > self.dlts:
            raise OutcomesError(f"cohort: dlt_days: {len(self.dlt_days)} days of {self.dlts} DLTs")

    def __str__(self) -> str:
        return self.written()

    def written(self, labels: Sequence[str] | None = None) -> str:
        """The cohort as outcomes have it, such as 2NTT; with the dose's label where there are any."""
        dose = str(self.dose) if labels is None else quoted(labels[self.dose - 1])
        without = self.patients - self.dlts - len(self.pending)
        pending = "".join("P" if days is None else f"P{_written(days)}" for days in self.pending)
        toxic = "T" * (self.dlts - len(self.dlt_days)) + "".join(f"T{_written(days)}" for days in self.dlt_days)
        return f"{dose}{'N' * without}{toxic}{pending}{'I' * self.inevaluable}"


@dataclass(frozen=True)
class InterimData:
    """What has been seen in a running trial.

    Attributes
    ----------
    patients, dlts : tuple of int
        At each dose level. Patients who are pending are counted, those who cannot be evaluated are not.
    dose : int or None
        Dose level of the last cohort, from 1; None when it is not known or nobody was treated.
    last_cohort : (int, int) or None
        Patients and DLTs of the last cohort.
    cohorts : tuple of Cohort or None
        All cohorts in order; None when only counts are known.
    pending, inevaluable : tuple of int
        Patients whose outcome is not known yet, and who cannot be evaluated, at each dose level. Default: none.

    Raises
    ------
    OutcomesError
        A ValueError: the parts contradict each other.
    """

    patients: tuple[int, ...]
    dlts: tuple[int, ...]
    dose: int | None = None
    last_cohort: tuple[int, int] | None = None
    cohorts: tuple[Cohort, ...] | None = None
    pending: tuple[int, ...] = ()
    inevaluable: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        levels = len(self.patients)
        for name in ("patients", "dlts", "pending", "inevaluable"):
            counts = _counts(getattr(self, name), name)
            if not counts and name in ("pending", "inevaluable"):
                counts = (0,) * levels
            object.__setattr__(self, name, counts)
            if len(counts) != levels:
                raise OutcomesError(f"{name}: {len(counts)} numbers, but {levels} numbers of patients")
        counts_by_level = zip(self.patients, self.dlts, self.pending, strict=True)
        for level, (treated, toxic, open_) in enumerate(counts_by_level, 1):
            if toxic + open_ > treated:
                beside = f" and {open_} pending" if open_ else ""
                raise OutcomesError(f"dose level {level}: {toxic} DLTs{beside} in only {treated} patients")
        if self.treated > MOST_PATIENTS:
            raise OutcomesError(f"{self.treated} patients; at most {MOST_PATIENTS} are possible")
        if self.treated == 0 and (self.dose is not None or self.last_cohort is not None):
            raise OutcomesError("dose, last cohort: nobody was treated yet")
        if self.dose is not None:
            object.__setattr__(self, "dose", _whole(self.dose, "dose", 1))
            if self.dose > levels:
                raise OutcomesError(f"dose: {self.dose}, but the dose levels are 1 to {levels}")
            if self.patients[self.dose - 1] == 0:
                raise OutcomesError(f"dose: nobody was treated at dose level {self.dose}")
        if self.last_cohort is not None:
            self._check_last_cohort()

    def _check_last_cohort(self) -> None:
        last = _counts(self.last_cohort, "last cohort")
        if len(last) != 2 or not 0 <= last[1] <= last[0] or last[0] == 0:
            raise OutcomesError("last cohort: should be two numbers, its patients and its DLTs, such as 3, 1")
        object.__setattr__(self, "last_cohort", last)
        if not any(self.may_have_ended_at(level) for level in range(1, len(self.patients) + 1)):
            where = "no dose level has" if self.dose is None else f"dose level {self.dose} does not have"
            raise OutcomesError(f"last cohort: {where} {last[0]} patients of whom {last[1]} had a DLT")

    @classmethod
    def of(cls, data: object, trial: Trial) -> "InterimData":
        """The data that a user gives: outcomes as text, or data as they are; OutcomesError for anything else."""
        if isinstance(data, str):
            return cls.from_outcomes(data, trial.levels, labels=trial.labels)
        if not isinstance(data, InterimData):
            raise OutcomesError(f"outcomes: should be a text such as '1NNN 2NTT', or InterimData, not {data!r:.40}")
        return data

    @property
    def treated(self) -> int:
        """Patients at all doses, but for those who cannot be evaluated."""
        return sum(self.patients)

    def without_pending(self) -> Self:
        """The data were those who are pending known to have no DLT."""
        known = None if self.cohorts is None else tuple(replace(cohort, pending=()) for cohort in self.cohorts)
        if known:
            return self.from_cohorts(known, len(self.patients))
        return replace(self, pending=())

    def completions(self) -> Iterator["InterimData"]:
        """The data that these can become when no patient is pending any more, from no further DLT to the most.

        Cohort by cohort where cohorts are known, else dose by dose.

        Raises
        ------
        OutcomesError
            A ValueError: there are too many.
        """
        open_ = self.pending if self.cohorts is None else [len(cohort.pending) for cohort in self.cohorts]
        if (ways := prod(number + 1 for number in open_)) > MOST_COMPLETIONS:
            raise OutcomesError(
                f"{sum(self.pending)} patients are pending: their outcomes can turn out in {ways:,} ways, and at most "
                f"{MOST_COMPLETIONS:,} are looked at"
            )
        for more in product(*(range(number + 1) for number in open_)):
            if self.cohorts is None:
                dlts = tuple(map(sum, zip(self.dlts, more, strict=True)))
                yield replace(self, dlts=dlts, pending=())
            else:
                cohorts = zip(self.cohorts, more, strict=True)
                known = [replace(cohort, dlts=cohort.dlts + added, pending=()) for cohort, added in cohorts]
                yield self.from_cohorts(known, len(self.patients))

    @classmethod
    def from_outcomes(cls, text: str, levels: int, *, labels: Sequence[str] | None = None) -> Self:
        """Read outcomes such as `1NNN 2NTP`; an empty text for a trial that has not begun.

        A word for each cohort: the dose level, then a letter for each patient: N for no DLT, T for a DLT, P for an
        outcome that is pending, perhaps with the days of follow-up, as in P14, and I for a patient who cannot be
        evaluated. A DLT may have the day on which it came, as in T9. Days may be fractions, as in P0.5.

        Parameters
        ----------
        text : str
        levels : int
            Number of dose levels of the trial.
        labels : sequence of str, optional
            What the doses are called: the words then begin with a label, in quotation marks unless it is an unsigned
            whole number, as in '"-1"NNN 1NNT'.

        Raises
        ------
        OutcomesError
            A ValueError that shows the bad character.

        Examples
        --------
        >>> InterimData.from_outcomes("1NNN 2NTT", levels=4).dlts
        (0, 2, 0, 0)
        """
        words = read_words(text, levels, labels)
        cohorts = [
            Cohort(
                level,
                len(known) + len(days) - known.count("I"),
                known.count("T"),
                tuple(days),
                known.count("I"),
                tuple(toxic),
            )
            for level, known, days, toxic in words
        ]
        return cls.from_cohorts(cohorts, levels)

    @classmethod
    def from_cohorts(cls, cohorts: Sequence[Cohort], levels: int) -> Self:
        """Data known cohort by cohort.

        Raises
        ------
        OutcomesError
            A ValueError: there are more patients than any trial has.
        """
        counts = [[0] * levels for _ in range(4)]
        for cohort in cohorts:
            if cohort.dose > levels:
                raise OutcomesError(f"cohort: dose level {cohort.dose}, but the dose levels are 1 to {levels}")
            added = cohort.patients, cohort.dlts, len(cohort.pending), cohort.inevaluable
            for numbers, number in zip(counts, added, strict=True):
                numbers[cohort.dose - 1] += number
        patients, dlts, pending, inevaluable = map(tuple, counts)
        evaluable = [cohort for cohort in cohorts if cohort.patients]
        last = evaluable[-1] if evaluable else None
        return cls(
            patients,
            dlts,
            None if last is None else last.dose,
            None if last is None else (last.patients, last.dlts),
            tuple(cohorts),
            pending,
            inevaluable,
        )

    @classmethod
    def from_counts(
        cls,
        patients: Sequence[int],
        dlts: Sequence[int],
        levels: int,
        *,
        dose: int | None = None,
        last_cohort: tuple[int, int] | None = None,
        pending: Sequence[int] = (),
    ) -> Self:
        """Data known as counts.

        Parameters
        ----------
        patients, dlts : sequence of int
            At each dose level from the lowest; none at those left out.
        levels : int
            Number of dose levels of the trial.
        dose : int, optional
            Dose level of the last cohort, from 1.
        last_cohort : (int, int), optional
            Patients and DLTs of the last cohort.
        pending : sequence of int, optional
            Of the patients, those whose outcome is not known yet, at each dose level from the lowest.

        Raises
        ------
        OutcomesError
            A ValueError: the counts contradict each other or the trial.
        """
        n, y = _counts(patients, "patients"), _counts(dlts, "dlts")
        if len(y) != len(n):
            raise OutcomesError(f"dlts: {len(y)} numbers, but {len(n)} numbers of patients")
        if len(n) > levels:
            raise OutcomesError(f"patients: {len(n)} numbers, but there are only {levels} dose levels")
        open_ = _counts(pending, "pending")
        if len(open_) > len(n):
            raise OutcomesError(f"pending: {len(open_)} numbers, but {len(n)} numbers of patients")
        if any(open_) and last_cohort is not None:
            raise OutcomesError(
                "last cohort: with patients pending its DLTs are not known; give the outcomes cohort by cohort"
            )
        n, y, open_ = ((*counts, *(0,) * (levels - len(counts))) for counts in (n, y, open_))
        return cls(n, y, dose, last_cohort, None if any(n) else (), open_)

    def may_have_ended_at(self, level: int) -> bool:
        """Whether the last cohort may have been treated at a dose level, from 1."""
        if self.dose not in (None, level):
            return False
        n, y = self.patients[level - 1], self.dlts[level - 1]
        size, toxic = self.last_cohort or (1, min(y, 1))
        return size <= n and 0 <= y - toxic <= n - size


def _whole(value: object, name: str, least: int) -> int:
    """A whole number; numpy's are welcome, truth values are not."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise OutcomesError(f"{name}: {value!r:.40} should be a whole number")
    number = index(value)
    if number < least:
        raise OutcomesError(f"{name}: {number} should be at least {least}")
    return number


def _days(value: object, name: str) -> float:
    """A number of days, whole where it is given so."""
    if isinstance(value, float | np.floating):
        if not 0 <= value < inf:
            raise OutcomesError(f"{name}: {value:g} should be a number of days, at least 0")
        return float(value)
    return _whole(value, name, 0)


def _written(days: float) -> str:
    """Days as outcomes have them: in decimals, as many as are needed."""
    return f"{Decimal(repr(days)):f}" if isinstance(days, float) else str(days)


def _counts(values: object, name: str) -> tuple[int, ...]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise OutcomesError(f"{name}: {values!r:.40} should be a list of whole numbers")
    return tuple(_whole(value, name, 0) for value in values)
