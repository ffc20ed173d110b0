"""Outcomes as people write them down: `1NNN 2NTT`, a word for each cohort.

The dose level comes first, then a letter for each patient: N for no DLT, T for a DLT, P for an outcome that is pending
(P14: followed for 14 days so far), I for a patient who cannot be evaluated. A DLT may have its day (T9). Lower case,
commas between cohorts and a space after the dose level are understood. The notation is that of the R package escalation
(K. Brock); P, I and days are ours.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NoReturn

from escalation.errors import OutcomesError, brief

LETTERS = {"N": "no DLT", "T": "DLT", "P": "pending", "I": "inevaluable"}

WORD = re.compile(r'(?P<dose>"[^"]*"|[0-9]+)?\s*(?P<letters>[^\s,"]*)')
AMBIGUOUS_COMMA = re.compile(r"[0-9],[0-9]")
MOST_DIGITS = 9

AROUND = 60
"""Letters on either side of a place that a message shows."""

Days = int | float

Word = tuple[int, str, list[Days | None], list[Days]]
"""Dose level from 1, the letters of its patients but for those who are pending, the days of those, if known, and the
days of DLTs, as far as they are known."""


def read_words(text: str, levels: int, labels: Sequence[str] | None) -> Iterator[Word]:
    """The cohorts of a text, in order; OutcomesError shows where it cannot be read."""
    place = 0
    while place < len(text):
        if text[place].isspace() or text[place] == ",":
            if AMBIGUOUS_COMMA.match(text, max(place - 1, 0)):
                _refuse(
                    text, place, "a comma between digits may be a decimal: days are P0.5; a space goes before a cohort"
                )
            place += 1
            continue
        word = WORD.match(text, place)
        assert word is not None
        if word["dose"] is None:
            quoted = " (a closing quotation mark is missing)" if text[place] == '"' else ""
            _refuse(text, place, f"a cohort begins with its {'label' if labels else 'dose level, a number'}{quoted}")
        level = _level(text, place, word["dose"], levels, labels)
        yield level, *_patients(text, word.start("letters"), word["letters"])
        place = word.end()


def _level(text: str, place: int, dose: str, levels: int, labels: Sequence[str] | None) -> int:
    """The dose level, from 1, that a number or a label stands for."""
    if labels is not None:
        label = dose.strip('"')
        if label not in labels:
            _refuse(
                text,
                place,
                f"there is no dose labelled {brief(label)}; the labels are {', '.join(map(quoted, labels))}",
            )
        return labels.index(label) + 1
    if dose.startswith('"'):
        _refuse(text, place, "the doses of this trial have no labels: a cohort begins with its dose level, a number")
    if len(dose) > MOST_DIGITS or not 1 <= int(dose) <= levels:
        there_are = "there is only dose level 1" if levels == 1 else f"the dose levels are 1 to {levels}"
        _refuse(text, place, f"dose level {brief(dose)} does not exist; {there_are}")
    return int(dose)


def quoted(label: str) -> str:
    """A label as outcomes have it: in quotation marks unless it is an unsigned whole number."""
    return label if label.isascii() and label.isdigit() else f'"{label}"'


def _patients(text: str, start: int, letters: str) -> tuple[str, list[Days | None], list[Days]]:
    """Letters of the patients who are not pending, days of those who are, and of DLTs."""
    known, pending, toxic = "", list[Days | None](), list[Days]()
    for patient in re.finditer(r"(.)([0-9]*(?:\.[0-9]+)?)", letters):
        letter, days = patient[1].upper(), patient[2]
        place = start + patient.start()
        if letter not in LETTERS:
            shown = repr(patient[1]) if patient[1].isprintable() else ascii(patient[1])
            meanings = ", ".join(f"{one} ({meaning})" for one, meaning in LETTERS.items())
            _refuse(text, place, f"{shown} should be {meanings.replace(', I', ' or I')}")
        if len(days.partition(".")[0]) > MOST_DIGITS:
            _refuse(text, place + 1, "so many days cannot be")
        elif days and letter not in "PT":
            _refuse(text, place + 1, "only P and T can have a number of days; a space goes before the next cohort")
        number = (float(days) if "." in days else int(days)) if days else None
        if letter == "P":
            pending.append(number)
        else:
            known += letter
            toxic += [] if number is None else [number]
    if not known and not pending:
        _refuse(
            text, start, "a letter for each patient should follow: N (no DLT), T (DLT), P (pending) or I (inevaluable)"
        )
    return known, pending, toxic


def _refuse(text: str, place: int, problem: str) -> NoReturn:
    """Raise an error that shows the text with a caret under one place."""
    before, after = text[max(0, place - AROUND) : place], text[place : place + AROUND]
    shown = "".join(" " if letter.isspace() else letter if letter.isprintable() else "?" for letter in before + after)
    left, right = "... " * (len(before) < place), " ..." * (place + len(after) < len(text))
    raise OutcomesError(f"outcomes: {problem}\n  {left}{shown}{right}\n  {' ' * len(left + before)}^")
