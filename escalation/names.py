"""Names that people type: choosing among what there is, and what they may have meant."""

from collections.abc import Iterable
from difflib import get_close_matches

from escalation.errors import EscalationError


def printable(name: str) -> str:
    """A name from the file with nothing in it that a terminal would obey."""
    return name if name.isprintable() and name else repr(name)


def suggestion(name: str, known: Iterable[str]) -> str:
    """The nearest known name, as the end of a message; nothing when none is near."""
    close = get_close_matches(name, list(known), n=1)
    return f"; did you mean '{close[0]}'?" if close else ""


def choose(wanted: Iterable[str], available: Iterable[str], what: str) -> list[str]:
    """The wanted names in the order in which they are available; all when none is wanted."""
    names = list(available)
    asked = list(wanted)
    for name in asked:
        if name not in names:
            listed = ", ".join(f"'{known}'" for known in names)
            raise EscalationError(f"no {what} '{name}'{suggestion(name, names)}; there are {listed}")
    return [name for name in names if name in asked] if asked else names
