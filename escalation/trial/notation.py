"""Outcomes as people write them down: `1NNN 2NTT`, a word for each cohort.

The dose level comes first, then a letter for each patient: N for no DLT, T for a DLT, P for an outcome that is pending
(P14: followed for 14 days so far), I for a patient who cannot be evaluated. A DLT may have its day (T9). Lower case,
commas between cohorts and a space after the dose level are understood. The notation is that of the R package escalation
(K. Brock); P, I and days are ours.

In a trial that looks at responses, N is neither a DLT nor a response, T a DLT only, E a response only and B both, as in
that package. N? and T? have the response pending; P has both pending, and P14E has responded already. These are ours.
`PE` is refused, because a patient who has responded and two patients look alike there.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple, NoReturn

from escalation.errors import OutcomesError, brief

LETTERS = {"N": "no DLT", "T": "DLT", "P": "pending", "I": "inevaluable"}
WITH_RESPONSES = {
    "N": "neither DLT nor response",
    "T": "DLT only",
    "E": "response only",
    "B": "DLT and response",
    "P": "DLT pending",
    "I": "inevaluable",
}
"""In trials that look at responses."""

RESPONSES = {
    "E": "is a response without a DLT",
    "B": "is a DLT and a response",
    "?": "is a response that is pending",
}
"""What only such trials have, as a part of a sentence."""

WORD = re.compile(r'(?P<dose>"[^"]*"|[0-9]+)?\s*(?P<letters>[^\s,"]*)')
AMBIGUOUS_COMMA = re.compile(r"[0-9],[0-9]")
MOST_DIGITS = 9

AROUND = 60
"""Letters on either side of a place that a message shows."""

Days = int | float


class Patient(NamedTuple):
    """What is written of a patient."""

    letter: str  # a key of `WITH_RESPONSES`
    days: Days | None = None  # of follow-up while the DLT outcome is pending, or the day of a DLT
    response_pending: bool = False  # of N and T, as far as responses are looked at
    has_responded: bool = False  # of P


Word = tuple[int, list[Patient]]
"""Dose level from 1, and its patients."""


def read_words(text: str, levels: int, labels: Sequence[str] | None, *, efficacy: bool) -> Iterator[Word]:
    """The cohorts of a text, in order; OutcomesError shows where it cannot be read.

    `efficacy` says whether the trial looks at responses.
    """
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
        yield level, _patients(text, word.start("letters"), word["letters"], efficacy=efficacy)
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


def _patients(text: str, start: int, letters: str, *, efficacy: bool) -> list[Patient]:
    """The patients of a cohort, whose letters begin at a place of the text."""
    if not letters:
        _refuse(text, start, f"a letter for each patient should follow: {_meanings(efficacy)}")
    patients: list[Patient] = []
    for found in re.finditer(r"(.)([0-9]*(?:\.[0-9]+)?)", letters):
        letter, days, place = found[1].upper(), found[2], start + found.start()
        before = patients[-1] if patients else None
        is_sign = efficacy and (letter == "?" or (letter in "EB" and before is not None and before.letter == "P"))
        if is_sign:
            patients[-1:] = [_with_sign(text, place, letter, before)]
        elif letter not in (WITH_RESPONSES if efficacy else LETTERS):
            _refuse(text, place, _unknown(found[1], efficacy))
        if len(days.partition(".")[0]) > MOST_DIGITS:
            _refuse(text, place + 1, "so many days cannot be")
        elif days and is_sign:
            _refuse(text, place + 1, f"days go before {letter}, as in {'T9?' if letter == '?' else 'P14E'}")
        elif days and letter not in ("PTB" if efficacy else "PT"):
            which = "P, T and B" if efficacy else "P and T"
            _refuse(text, place + 1, f"only {which} can have a number of days; a space goes before the next cohort")
        if not is_sign:
            patients.append(Patient(letter, (float(days) if "." in days else int(days)) if days else None))
    return patients


def _meanings(efficacy: bool) -> str:
    *most, last = (f"{letter} ({meaning})" for letter, meaning in (WITH_RESPONSES if efficacy else LETTERS).items())
    return f"{', '.join(most)} or {last}"


def _unknown(sign: str, efficacy: bool) -> str:
    """What is wrong with a letter that is none."""
    if sign.upper() in RESPONSES:
        meaning = RESPONSES[sign.upper()]
        return f"'{sign}' {meaning}, which needs [trial.efficacy] in the trial; without it outcomes are DLTs alone"
    shown = repr(sign) if sign.isprintable() else ascii(sign)
    return f"{shown} should be {_meanings(efficacy)}"


def _with_sign(text: str, place: int, sign: str, before: Patient | None) -> Patient:
    """The patient written before, with what E or ? behind says of that patient; all other signs are refused."""
    if before is None:
        _refuse(text, place, "'?', a response that is pending, goes behind the patient's letter: N? or T?")
    if sign == "B":
        _refuse(text, place, "B behind P: P14E is pending and has responded; another patient's B goes before the P")
    if sign == "E" and before.has_responded:
        _refuse(text, place, "E behind P14E: it has responded already; another patient's E goes before the P")
    if sign == "E" and before.days is None:
        one = "one patient who has responded has days of follow-up, as in P14E"
        _refuse(text, place, f"E right behind P: {one}; another patient's E goes before the P")
    if sign == "?" and (before.letter not in "NT" or before.response_pending):
        why = {"E": "has responded", "B": "has responded", "P": "has both pending", "I": "cannot be evaluated"}
        said = f": {before.letter} {why[before.letter]}" if before.letter in why else ", once"
        _refuse(text, place, f"'?', a response that is pending, goes behind N or T{said}")
    return before._replace(has_responded=True) if sign == "E" else before._replace(response_pending=True)


def _refuse(text: str, place: int, problem: str) -> NoReturn:
    """Raise an error that shows the text with a caret under one place."""
    before, after = text[max(0, place - AROUND) : place], text[place : place + AROUND]
    shown = "".join(" " if letter.isspace() else letter if letter.isprintable() else "?" for letter in before + after)
    left, right = "... " * (len(before) < place), " ..." * (place + len(after) < len(text))
    raise OutcomesError(f"outcomes: {problem}\n  {left}{shown}{right}\n  {' ' * len(left + before)}^")
