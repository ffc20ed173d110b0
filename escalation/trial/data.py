"""The data of a running trial, as people write them down.

`1NNN 2NTT` is a cohort at dose level 1 and one at dose level 2: a word for each cohort, the dose level and then a
letter for each patient, N for no DLT and T for a DLT. The notation is that of the R package escalation (K. Brock).

Counts by dose say less: not where the last cohort was treated, nor what happened in it. Both can be said beside them.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import index
from typing import Self

from escalation.defaults import MOST_PATIENTS
from escalation.errors import OutcomesError


@dataclass(frozen=True)
class Cohort:
    """Patients treated together.

    Attributes
    ----------
    dose : int
        Dose level, from 1.
    patients, dlts : int

    Raises
    ------
    OutcomesError
        A ValueError: no such cohort can be.
    """

    dose: int
    patients: int
    dlts: int

    def __post_init__(self) -> None:
        for name, least in (("dose", 1), ("patients", 1), ("dlts", 0)):
            object.__setattr__(self, name, _whole(getattr(self, name), f"cohort: {name}", least))
        if self.dlts > self.patients:
            raise OutcomesError(f"cohort: {self.dlts} DLTs in only {self.patients} patients")

    def __str__(self) -> str:
        return f"{self.dose}{'N' * (self.patients - self.dlts)}{'T' * self.dlts}"


@dataclass(frozen=True)
class InterimData:
    """What has been seen in a running trial.

    Attributes
    ----------
    patients, dlts : tuple of int
        At each dose level.
    dose : int or None
        Dose level of the last cohort, from 1; None when it is not known or nobody was treated.
    last_cohort : (int, int) or None
        Patients and DLTs of the last cohort.
    cohorts : tuple of Cohort or None
        All cohorts in order; None when only counts are known.

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

    def __post_init__(self) -> None:
        for name in ("patients", "dlts"):
            object.__setattr__(self, name, _counts(getattr(self, name), name))
        levels = len(self.patients)
        if len(self.dlts) != levels:
            raise OutcomesError(f"dlts: {len(self.dlts)} numbers, but {levels} numbers of patients")
        for level, (treated, toxic) in enumerate(zip(self.patients, self.dlts, strict=True), 1):
            if toxic > treated:
                raise OutcomesError(f"dose level {level}: {toxic} DLTs in only {treated} patients")
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
    def of(cls, data: object, levels: int) -> "InterimData":
        """The data that a user gives: outcomes as text, or data as they are; OutcomesError for anything else."""
        if isinstance(data, str):
            return cls.from_outcomes(data, levels)
        if not isinstance(data, InterimData):
            raise OutcomesError(f"outcomes: should be a text such as '1NNN 2NTT', or InterimData, not {data!r:.40}")
        return data

    @property
    def treated(self) -> int:
        """Patients at all doses."""
        return sum(self.patients)

    @classmethod
    def from_outcomes(cls, text: str, levels: int) -> Self:
        """Read outcomes such as `1NNN 2NTT`; an empty text for a trial that has not begun.

        Parameters
        ----------
        text : str
        levels : int
            Number of dose levels of the trial.

        Raises
        ------
        OutcomesError
            A ValueError that shows the bad character.

        Examples
        --------
        >>> InterimData.from_outcomes("1NNN 2NTT", levels=4).dlts
        (0, 2, 0, 0)
        """
        cohorts = [_cohort(text, word.start(), word[0], levels) for word in re.finditer(r"\S+", text)]
        return cls.from_cohorts(cohorts, levels)

    @classmethod
    def from_cohorts(cls, cohorts: Sequence[Cohort], levels: int) -> Self:
        """Data known cohort by cohort.

        Raises
        ------
        OutcomesError
            A ValueError: there are more patients than any trial has.
        """
        patients, dlts = [0] * levels, [0] * levels
        for cohort in cohorts:
            if cohort.dose > levels:
                raise OutcomesError(f"cohort: dose level {cohort.dose}, but the dose levels are 1 to {levels}")
            patients[cohort.dose - 1] += cohort.patients
            dlts[cohort.dose - 1] += cohort.dlts
        if not cohorts:
            return cls(tuple(patients), tuple(dlts), cohorts=())
        last = cohorts[-1]
        return cls(tuple(patients), tuple(dlts), last.dose, (last.patients, last.dlts), tuple(cohorts))

    @classmethod
    def from_counts(
        cls,
        patients: Sequence[int],
        dlts: Sequence[int],
        levels: int,
        *,
        dose: int | None = None,
        last_cohort: tuple[int, int] | None = None,
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
        none = (0,) * (levels - len(n))
        return cls((*n, *none), (*y, *none), dose, last_cohort, cohorts=None if any(n) else ())

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


def _counts(values: object, name: str) -> tuple[int, ...]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise OutcomesError(f"{name}: {values!r:.40} should be a list of whole numbers")
    return tuple(_whole(value, name, 0) for value in values)


def _cohort(text: str, start: int, word: str, levels: int) -> Cohort:
    """The cohort that a word means; `start` is where it begins in the text."""
    letters = word.lstrip("0123456789")
    digits = word.removesuffix(letters)
    if not digits:
        raise _pointed(text, start, "a cohort begins with its dose level, a number")
    if len(digits) > 9 or not 1 <= int(digits) <= levels:
        there_are = "there is only dose level 1" if levels == 1 else f"the dose levels are 1 to {levels}"
        raise _pointed(text, start, f"dose level {digits} does not exist; {there_are}")
    for place, letter in enumerate(letters):
        if letter not in "NT":
            problem = f"{repr(letter) if letter.isprintable() else ascii(letter)} should be N (no DLT) or T (DLT)"
            raise _pointed(text, start + len(digits) + place, problem)
    if not letters:
        raise _pointed(text, start + len(digits), "a letter for each patient should follow: N (no DLT) or T (DLT)")
    return Cohort(int(digits), len(letters), letters.count("T"))


def _pointed(text: str, place: int, problem: str) -> OutcomesError:
    """An error that shows the text with a caret under one place."""
    shown = "".join(" " if letter.isspace() else letter if letter.isprintable() else "?" for letter in text)
    return OutcomesError(f"outcomes: {problem}\n  {shown}\n  {' ' * place}^")
