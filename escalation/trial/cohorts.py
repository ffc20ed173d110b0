"""Cohorts of one size, and of sizes that vary over a trial."""

from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Discriminator, Field, Tag

from escalation.fields import CohortSize, Frozen

Cohorts = int | tuple[int, ...]
"""One size, or those of the first cohorts, the last also of all further ones."""

Sizes = Annotated[tuple[CohortSize, ...], Field(min_length=1)]


class CohortSizes(Frozen):
    """Sizes of cohorts by dose, by the DLTs seen in the trial, or both: then the larger of the two.

    In R's crmPack: CohortSizeRange, CohortSizeDLT and CohortSizeMax.

    Parameters
    ----------
    by_dose : sequence of int, optional
        One a dose level; at most 100.
    by_dlts : sequence of int, optional
        With no DLT in the trial, with one, and so on; the last is for as many or more. [1, 3] treats one patient at a
        time until the first DLT, then three.
    """

    by_dose: Sizes | None = None
    by_dlts: Sizes | None = None

    def problems(self, levels: int) -> Iterator[str]:
        """What does not fit a trial with so many dose levels."""
        if self.by_dose is None and self.by_dlts is None:
            yield "cohort_size: should be a number, a list by cohort, or a table with by_dose, by_dlts or both"
        if self.by_dose is not None and len(self.by_dose) != levels:
            yield f"cohort_size.by_dose: {len(self.by_dose)} sizes for {levels} dose levels"

    def cautions(self, max_patients: int) -> Iterator[str]:
        """What has no effect in a trial with so many patients."""
        if self.by_dlts is not None and len(self.by_dlts) > max_patients:
            yield f"cohort_size.by_dlts: {len(self.by_dlts) - 1} DLTs are never reached before the last cohort"


def _kind(value: Any) -> str:
    if isinstance(value, CohortSizes | dict):
        return "<table>"
    return "<list>" if isinstance(value, list | tuple) else "<number>"


def _one_size(given: "int | tuple[int, ...] | CohortSizes") -> "int | tuple[int, ...] | CohortSizes":
    """Sizes that are all the same as the number that they are."""
    sizes: tuple[int, ...] | None = given if isinstance(given, tuple) else None
    if isinstance(given, CohortSizes):
        parts = [part for part in (given.by_dose, given.by_dlts) if part is not None]
        sizes = parts[0] if len(parts) == 1 else None
    return sizes[0] if sizes is not None and len(set(sizes)) == 1 else given


AnyCohortSize = Annotated[
    Annotated[CohortSize, Tag("<number>")] | Annotated[Sizes, Tag("<list>")] | Annotated[CohortSizes, Tag("<table>")],
    Discriminator(_kind),
    AfterValidator(_one_size),
]
"""One size; sizes of the first cohorts, the last also of all further ones; or sizes by dose and by DLTs."""


def by_dose(given: AnyCohortSize, levels: int) -> tuple[int, ...]:
    """The size of a cohort at each dose, as far as it depends on the dose: 1 where it does not."""
    if isinstance(given, int):
        return (given,) * levels
    if isinstance(given, CohortSizes) and given.by_dose is not None:
        return given.by_dose
    return (1,) * levels


def in_trial(given: AnyCohortSize, max_patients: int) -> NDArray[np.int64] | None:
    """The least size of the next cohort by patients and DLTs in the trial, int64[N + 1, K]; None where it is the same.

    The last column is for as many DLTs or more. Which cohort of a list is next follows from the patients treated so
    far: the first one before which the list has at least as many.
    """
    if isinstance(given, tuple):
        sizes = np.resize(given[-1], max_patients + len(given))
        sizes[: len(given)] = given
        before = np.concatenate([[0], np.cumsum(sizes)])
        return sizes[np.searchsorted(before, np.arange(max_patients + 1))][:, None]
    if isinstance(given, CohortSizes) and given.by_dlts is not None:
        return np.tile(np.array(given.by_dlts), (max_patients + 1, 1))
    return None


def treated_in(given: Cohorts, patients: int) -> list[int]:
    """The sizes of the cohorts in which so many patients were treated, the last be it a smaller one."""
    sizes, first = list[int](), (given,) if isinstance(given, int) else given
    while patients > 0:
        sizes.append(min(first[min(len(sizes), len(first) - 1)], patients))
        patients -= sizes[-1]
    return sizes


def largest(given: AnyCohortSize) -> int:
    """Patients of the largest cohort."""
    if isinstance(given, int):
        return given
    parts = (given,) if isinstance(given, tuple) else (given.by_dose or (1,), given.by_dlts or (1,))
    return max(max(part) for part in parts)


def in_words(given: AnyCohortSize) -> str:
    """The cohorts as a sentence says it: "cohorts of 1, 1, then 3"."""
    if isinstance(given, int):
        return f"cohorts of {given}"
    if isinstance(given, tuple):
        *first, last = given
        return f"cohorts of {', '.join(map(str, first))}, then {last}" if first else f"cohorts of {last}"
    parts = []
    if given.by_dose is not None:
        parts.append(f"{_series(given.by_dose)} at the dose levels in turn")
    if given.by_dlts is not None:
        counts = [f"{size} {_seen(dlts)}" for dlts, size in enumerate(given.by_dlts)]
        parts.append(", ".join(counts))
    larger = ", whichever is larger" if len(parts) == 2 else ""
    return f"cohorts of {', or of '.join(parts)}{larger}"


def _seen(dlts: int) -> str:
    if dlts == 0:
        return "before the first DLT"
    return f"from {'the first DLT' if dlts == 1 else f'{dlts} DLTs'} on"


def _series(sizes: tuple[int, ...]) -> str:
    *first, last = map(str, sizes)
    return f"{', '.join(first)} and {last}" if first else last
