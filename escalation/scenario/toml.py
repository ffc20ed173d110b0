"""TOML that is read in bounded time, whoever wrote it.

Python's parser takes the square of the number of parts of a dotted key, in time and memory: for 80 KB of them a minute
and gigabytes. Nothing that a scenario holds is more than a few tables deep.
"""

import re
import tomllib
from typing import Any

from escalation.errors import brief

DEEPEST = 20
"""Parts of a dotted key, and of the head of a table."""

LONGEST_NUMBER = 3_322
"""Bits of a whole number, a thousand digits: no field takes one so large, and those of thousands cannot be printed."""

# Texts and comments, the rest of the file where one is not closed; no part of one is looked at twice.
_NO_KEYS = re.compile(
    r'"""(?:[^"\\]++|\\.|"{1,2}+(?!"))*+(?:"{3,5}+|\Z)'
    r"|'''(?:[^']++|'{1,2}+(?!'))*+(?:'{3,5}+|\Z)"
    r'|"(?:[^"\\\n]++|\\.)*+"?'
    r"|'[^'\n]*+'?"
    r"|#[^\n]*+",
    re.DOTALL,
)
_BETWEEN_KEYS = re.compile(r"[=,{}\[\]\n]")


def parse_toml(text: str) -> dict[str, Any]:
    """What a TOML document says; a ValueError says in a line why it is none, or not one that is read."""
    for part in _BETWEEN_KEYS.split(_NO_KEYS.sub('""', text)):
        if part.count(".") >= DEEPEST:
            raise ValueError(f"a key has more than {DEEPEST} parts with dots between")
    try:
        content = tomllib.loads(text)
    except ValueError as error:  # also numbers of thousands of digits
        raise ValueError(f"not valid TOML: {error}") from None
    except RecursionError:
        raise ValueError("nested too deeply") from None
    check_numbers(content)
    return content


def check_numbers(value: object, place: str = "") -> None:
    """Raise a ValueError for whole numbers that no field takes and no message could show."""
    if isinstance(value, dict):
        for name, part in value.items():
            check_numbers(part, f"{place}.{brief(name)}".removeprefix("."))
    elif isinstance(value, list):
        for number, part in enumerate(value, 1):
            check_numbers(part, f"{place}[{number}]")
    elif isinstance(value, int) and value.bit_length() > LONGEST_NUMBER:
        raise ValueError(f"{place}: a whole number of more than a thousand digits")
