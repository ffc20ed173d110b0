"""A question that is answered, or refused."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from escalation.errors import StateSpaceError

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Refused:
    """Why there is no answer: a setting is not possible, or the exact engine refuses it."""

    reason: str


def answered(work: Callable[..., Answer], question: tuple[Any, ...] | Refused) -> Answer | Refused:
    """What the work says to a question, its arguments, unless that is refused already or the exact engine refuses."""
    if isinstance(question, Refused):
        return question
    try:
        return work(*question)
    except StateSpaceError as refusal:
        return Refused(str(refusal))
