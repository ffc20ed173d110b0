"""Names that people type: choosing among what there is, and what they may have meant."""

from collections.abc import Iterable
from difflib import get_close_matches

from escalation.errors import EscalationError, brief

MOST_LISTED = 20
"""Names that a message lists."""


def suggestion(name: str, known: Iterable[str]) -> str:
    """The nearest known name, as the end of a message; nothing when none is near."""
    close = get_close_matches(name, list(known), n=1)
    return f"; did you mean '{brief(close[0])}'?" if close else ""


def listed(names: Iterable[str]) -> str:
    """Names in quotation marks, the first of them where there are many."""
    known = list(names)
    more = f" and {len(known) - MOST_LISTED} more" * (len(known) > MOST_LISTED)
    return ", ".join(f"'{brief(name)}'" for name in known[:MOST_LISTED]) + more


def choose(wanted: Iterable[str], available: Iterable[str], what: str) -> list[str]:
    """The wanted names in the order in which they are available; all when none is wanted."""
    names = list(available)
    asked = list(wanted)
    for name in asked:
        if name not in names:
            raise EscalationError(f"no {what} '{brief(name)}'{suggestion(name, names)}; there are {listed(names)}")
    return [name for name in names if name in asked] if asked else names
