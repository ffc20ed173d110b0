"""Rows of a decision table: the doses, patients and DLTs that each stands for, and what it decides."""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import PlainValidator, WithJsonSchema, model_validator

from escalation.fields import Frozen
from escalation.kernels.codes import DE_ESCALATE, ELIMINATE, ESCALATE, STAY, UNDECIDED
from escalation.trial.trial import Trial

CODES = {"E": ESCALATE, "S": STAY, "D": DE_ESCALATE, "DU": ELIMINATE}
"""The letters of the decision tables of Ji et al. (2010), and the codes of plans."""

LETTERS = {code: letter for letter, code in CODES.items()}

WORDS = {"escalate": "E", "stay": "S", "de-escalate": "D", "eliminate": "DU"}

LARGEST = 100_000
"""Where an open range ends: no trial goes further."""

MOST_ROWS = 10_000
NAMED = 3
"""How many of the same kind a message names."""

# Either dash, and a word as well: spreadsheets take 3-6 for a date.
_RANGE = re.compile(
    r"(?P<low>\d{1,6})(?:\s*(?:-|\u2013|to)\s*(?P<high>\d{1,6}))?|(?P<sign>>=|<=|\u2265|\u2264)\s*(?P<end>\d{1,6})",
    re.ASCII,
)


def bounds(numbers: int | str, lowest: int = 0) -> tuple[int, int]:
    """The first and the last of a range in any of the ways to write it; "<=6" begins with the lowest."""
    if isinstance(numbers, int):
        return numbers, numbers
    match = _RANGE.fullmatch(numbers.strip())
    if match is None:
        raise ValueError("not a range")
    if match["low"]:
        return int(match["low"]), int(match["high"] or match["low"])
    end = int(match["end"])
    return (end, LARGEST) if match["sign"] in (">=", "\u2265") else (lowest, end)


def _numbers_from(lowest: int) -> tuple[PlainValidator, WithJsonSchema]:
    """What makes a field a range of numbers from `lowest` on; it is kept in one way, however it was written."""

    def read(value: object) -> int | str:
        message = f"should be a whole number from {lowest} to {LARGEST}, or a range as '3-6', '>=3' or '<=6'"
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise ValueError(message)  # noqa: TRY004 (pydantic reports ValueErrors)
        try:
            low, high = bounds(value, lowest)
        except ValueError:
            raise ValueError(message) from None
        if not lowest <= low <= high <= LARGEST:
            raise ValueError(message)
        if low == high:
            return low
        return f">={low}" if high == LARGEST else f"{low}-{high}"

    schema = {"anyOf": [{"type": "integer", "minimum": lowest, "maximum": LARGEST}, {"type": "string"}]}
    return PlainValidator(read), WithJsonSchema(schema)


def _letter(value: object) -> str:
    text = value.strip() if isinstance(value, str) else ""
    letter = WORDS.get(text.lower(), text.upper())
    if letter not in CODES:
        raise ValueError("should be E, S, D or DU, for escalate, stay, de-escalate or eliminate")
    return letter


Numbers = Annotated[int | str, *_numbers_from(0)]
NumbersFromOne = Annotated[int | str, *_numbers_from(1)]
Letter = Annotated[
    Literal["E", "S", "D", "DU"], PlainValidator(_letter), WithJsonSchema({"enum": [*CODES, *WORDS], "type": "string"})
]


class Row(Frozen):
    """One row of a decision table.

    Parameters
    ----------
    dose : int or str, optional
        Dose level from 1, or a range of them. Without it the row holds at every dose.
    patients : int or str
        Patients treated at the dose: a number, or a range as "3-6", ">=3" or "<=6".
    dlts : int or str
        How many of them had a DLT: likewise.
    decision : {"E", "S", "D", "DU"}
        Escalate, stay, de-escalate, or de-escalate and never give this dose or a higher one again.
    """

    dose: NumbersFromOne | None = None
    patients: NumbersFromOne
    dlts: Numbers
    decision: Letter

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        if bounds(self.dlts)[0] > bounds(self.patients)[1]:
            raise ValueError(f"dlts: {self.dlts} of {self.patients} patients is impossible")
        return self

    @property
    def box(self) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
        """First and last dose level, number of patients and number of DLTs."""
        return (1, LARGEST) if self.dose is None else bounds(self.dose), bounds(self.patients), bounds(self.dlts)

    @property
    def indices(self) -> tuple[slice, slice, slice]:
        """Where the row stands in arrays [dose, patients, DLTs]."""
        (first, last), patients, dlts = self.box
        return slice(first - 1, last), slice(patients[0], patients[1] + 1), slice(dlts[0], dlts[1] + 1)

    def __str__(self) -> str:
        dose = "" if self.dose is None else f"dose {self.dose}, "
        return f"{dose}{self.dlts} of {self.patients}"


def decisions_of(rows: Sequence[Row], trial: Trial) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
    """Decision in each cell, UNDECIDED where the table has none, and whether it has one: [D, N + 1, N + 1] each."""
    size = trial.max_patients + 1
    codes = np.full((trial.levels, size, size), UNDECIDED, np.int8)
    decided = np.zeros(codes.shape, np.bool_)
    for row in rows:
        codes[row.indices] = CODES[row.decision]
        decided[row.indices] = True
    codes[:, ~np.tri(size, dtype=np.bool_)] = STAY  # more DLTs than patients
    return codes, decided


def contradictions(rows: Sequence[Row], name: Callable[[int], str]) -> Iterator[str]:
    """The first pairs of rows that decide differently on the same cell; `name` says what a row is called."""
    pairs = _first_contradicting(tuple(rows))
    for earlier, later in pairs[:NAMED]:
        first, second = rows[earlier], rows[later]
        dose, patients, dlts = (max(a, b) for (a, _), (b, _) in zip(first.box, second.box, strict=True))
        where = "" if first.dose is None and second.dose is None else f"dose {dose}, "
        yield (
            f"{name(earlier)} and {name(later)} decide differently on {where}{dlts} of {max(patients, dlts)}: "
            f"{first.decision} and {second.decision}"
        )
    if len(pairs) > NAMED:
        yield "and more rows like these"


@lru_cache(maxsize=8)
def _first_contradicting(rows: tuple[Row, ...]) -> list[tuple[int, int]]:
    """As many pairs as a message needs; kept, because many designs may have one long table."""
    return list(islice(_contradicting(rows), NAMED + 1))


def _contradicting(rows: Sequence[Row]) -> Iterator[tuple[int, int]]:
    low, high = np.array([row.box for row in rows]).transpose(2, 1, 0)
    decision = np.array([CODES[row.decision] for row in rows])
    for later in range(1, len(rows)):
        least = np.maximum(low[:, :later], low[:, later, None])
        most = np.minimum(high[:, :later], high[:, later, None])
        share = (least <= most).all(axis=0) & (least[2] <= most[1])  # no more DLTs than patients
        for earlier in np.flatnonzero(share & (decision[:later] != decision[later])):
            yield int(earlier), later
