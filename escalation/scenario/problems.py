"""What is wrong with a part of a scenario file, in words for the person who wrote it."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import ValidationError

from escalation.designs import REGISTRY, TooToxic
from escalation.designs.pending import PENDING
from escalation.designs.rules import RESTRICTIONS, RULES
from escalation.errors import brief
from escalation.names import suggestion
from escalation.scenario.truths.truth import Truth
from escalation.trial.calendar import Calendar
from escalation.trial.choice import Choice
from escalation.trial.cohorts import CohortSizes
from escalation.trial.efficacy import Efficacy, Utility
from escalation.trial.expansion import Expansion
from escalation.trial.exposure import Exposure
from escalation.trial.joint import Association
from escalation.trial.onset import Onset
from escalation.trial.randomised import Interim, Randomised
from escalation.trial.safety import SafetyRule
from escalation.trial.trial import Trial

MOST_LOOKED_AT = 500
"""Findings of one part; a file may hold a list of a hundred thousand values, each of them wrong."""


def findings(error: ValidationError, value: Any, place: str) -> list[str]:
    """A line for each problem that pydantic found in a value, with its place in the file."""
    kind = value.get("kind") if isinstance(value, dict) else None
    known: Iterable[str] = {*Trial.model_fields, *Truth.model_fields}
    if isinstance(kind, str) and kind in REGISTRY:
        known = REGISTRY[kind].model_fields
    details = error.errors(include_url=False)
    outer = {detail["loc"][:end] for detail in details for end in range(len(detail["loc"]))}
    # A list of which every item is wrong is also called too short.
    details = [detail for detail in details if detail["type"] != "too_short" or detail["loc"] not in outer]
    found = [line for detail in details[:MOST_LOOKED_AT] for line in _problem(detail, place, known)]
    found += [f"{place}: more problems like these"] * (len(details) > MOST_LOOKED_AT)
    return list(dict.fromkeys(found))  # the alternatives of a union may say the same


_RULES = {**RULES, **RESTRICTIONS, **PENDING}
_STOPPING = {"any", "all", *(option for rule in RULES.values() for option in rule.model_fields)}
# Names that tables within a design or trial may hold, by the option that they are.
_NESTED: dict[str, Iterable[str]] = {
    "stop_when": _STOPPING,
    "any": _STOPPING,
    "all": _STOPPING,
    "restrict": {option for rule in RESTRICTIONS.values() for option in rule.model_fields},
    "pending": {option for rule in PENDING.values() for option in rule.model_fields},
    "expansion": Expansion.model_fields,
    "time": Calendar.model_fields,
    "onset": Onset.model_fields,
    "efficacy": Efficacy.model_fields,
    "utility": Utility.model_fields,
    "association": Association.model_fields,
    "exposure": Exposure.model_fields,
    "optimal_dose": Choice.model_fields,
    "randomised": Randomised.model_fields,
    "interim": Interim.model_fields,
    "monitoring": SafetyRule.model_fields,
    "stop_if_too_toxic": TooToxic.model_fields,
    "rows": ("dose", "patients", "dlts", "decision"),
    "cohort_size": CohortSizes.model_fields,
}

# Fields of which there are several kinds: one message instead of one for each kind.
_ALTERNATIVES = {
    "doses": "should be numbers from 0 to 1e15, or texts",
    "rp2d": 'should be a dose level from 1, a list of them, or "none"',
    "obd": 'should be a dose level from 1, or "none"',
    "no_skip": 'should be true, false or "highest_tried"',
}
# Fields that may be given in a short form, of which alone pydantic speaks.
_SHORT_FORMS = {
    ("restrict", "tuple_type"): "should be a table with a rule, or a list of them",
    ("cohort_size", "int_type"): "should be a whole number, a list of them, or a table with by_dose or by_dlts",
}

_WORDS = {
    "Input should": "should",
    "a valid tuple": "a list",
    "a valid string": "a text in quotes",
    "a valid boolean": "true or false",
    "a valid number": "a number",
    "a valid integer": "a whole number",
    "a valid dictionary or object to extract fields from": "a table",
    "a valid dictionary": "a table",
}


def _problem(detail: Any, place: str, known: Iterable[str]) -> list[str]:
    """What pydantic found, with its place, in words for the person who wrote the file."""
    message = str(detail["msg"]).removeprefix("Value error, ")
    message = re.sub(r" or (an )?instance of \w+", "", message)
    for theirs, ours in _WORDS.items():
        message = message.replace(theirs, ours)
    kind = detail["type"]
    path = _path(detail["loc"], place)
    key = str(path.pop()) if kind == "extra_forbidden" else None
    named = str(path[0]) if path and len([part for part in path if str(part).isidentifier()]) == 1 else ""
    if (named, kind) in _SHORT_FORMS and not any(isinstance(part, int) for part in path):
        return [f"{place}.{named}: {_SHORT_FORMS[named, kind]}"]
    for number, part in enumerate(path):
        if number == 0 and part in _ALTERNATIVES and kind not in ("too_short", "too_long"):
            return [f"{place}.{part}: {_ALTERNATIVES[part]}"]
        if isinstance(part, int):
            place += f"[{part + 1}]"
        elif part.isidentifier():
            place += f".{brief(part)}"
    if key is not None:
        table = next((part for part in reversed(path) if isinstance(part, str) and part.isidentifier()), "")
        rules = [part.strip("<>") for part in detail["loc"] if isinstance(part, str)]
        rule = next((_RULES[name] for name in reversed(rules) if name in _RULES), None)
        near = suggestion(key, _NESTED.get(table, known) if rule is None else rule.model_fields)
        return [f"{place}.{brief(key)}: unknown key{near}"]
    if kind in ("union_tag_not_found", "union_tag_invalid", "unknown_rule"):
        return [f"{place}{_unknown_kind(detail, message)}"]
    if kind == "too_short":
        least = detail["ctx"]["min_length"]
        return [f"{place}: should {'not be empty' if least == 1 else f'have at least {least} entries'}"]
    if kind == "too_long":
        return [f"{place}: should have at most {detail['ctx']['max_length']} entries"]
    if kind == "missing":
        return [f"{place}: needed"]
    if kind == "value_error" and ": " in message:  # of a table as a whole: each line names its option
        return [f"{place}.{line}" for line in message.splitlines()]
    return [f"{place}: {message[0].lower()}{message[1:]}"]


def _unknown_kind(detail: Any, message: str) -> str:
    """What is wrong with the kind of a design or the name of a rule."""
    if detail["type"] == "unknown_rule":
        given = detail["input"].get("rule") if isinstance(detail["input"], dict) else None
        if not isinstance(given, str) or given in RULES:
            return f": {message[0].lower()}{message[1:]}"
        return f".rule: unknown rule '{brief(given)}'{suggestion(given, RULES)}; {message}"
    of_rule = "rule" in detail["ctx"]["discriminator"]
    tag, what, known = ("rule", "rule", list(RESTRICTIONS)) if of_rule else ("kind", "design", list(REGISTRY))
    if of_rule and "pending" in detail["loc"]:
        known = list(PENDING)
    names = ", ".join(f"'{name}'" for name in known)
    if detail["type"] == "union_tag_not_found":
        return f".{tag}: needed: one of {names}"
    given = str(detail["ctx"]["tag"])
    return f".{tag}: unknown {what} '{brief(given)}'{suggestion(given, known)}; one of {names}"


def _path(loc: Sequence[str | int], place: str) -> list[str | int]:
    """Where in its part of the file a problem is, without the kinds of design and rule that were recognised."""
    path = list(loc)
    if place.startswith("design") and path and path[0] in REGISTRY:
        del path[0]
    if path[:1] == ["pending"] and len(path) > 1 and path[1] in PENDING:
        del path[1]
    if path[:1] == ["restrict"] and len(path) > 2:
        del path[2]
    return path
