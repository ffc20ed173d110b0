"""How simulated trials agree with exact values."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from escalation.characteristics.agreement import Agreement
from escalation.report.blocks import Lines


def trials_text(trials: int, seed: int) -> str:
    """Simulated trials, in words."""
    return f"{trials:,} simulated trials (seed {seed})"


def agreement_lines(what: str, simulated: str, found: Agreement, no_z: str) -> Iterator[str]:
    """Whether they agree, and by how much; `no_z` stands where there is no z value."""
    word = "agree" if found.agrees else f"DISAGREE in {found.worst}"
    largest = no_z if found.max_abs_z is None else f"Largest |z| {found.max_abs_z:.2f}"
    yield f"{what}; {simulated} {word}."
    yield f"{largest}, p = {found.p_value:.2g}."


def verdict_lines(
    lines: Iterable[str], refusals: Mapping[str, str], found: Agreement | None, *, simulated: bool
) -> Lines:
    """The lines, and designs that are not exact; an alarm when exact and simulated numbers disagree."""
    refused = (f"{label}: {refused_words(simulated=simulated)}: {reason}." for label, reason in refusals.items())
    return Lines(*lines, *refused, alarm=found is not None and not found.agrees, listed=True)


def refused_words(*, simulated: bool) -> str:
    """What becomes of a design for which the exact engine refuses."""
    return "not exact" if simulated else "left out"


def agreement_tree(found: Agreement | None) -> dict[str, Any] | None:
    """The agreement for JSON."""
    return None if found is None else {**asdict(found), "agrees": found.agrees}
