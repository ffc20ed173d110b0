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


def verdict_lines(lines: Iterable[str], refused: Mapping[str, str], found: Agreement | None) -> Lines:
    """The lines, and what becomes of designs that are refused; an alarm when exact and simulated numbers disagree."""
    refusals = (f"{label}: {words}." for label, words in refused.items())
    return Lines(*lines, *refusals, alarm=found is not None and not found.agrees, listed=True)


def agreement_tree(found: Agreement | None) -> dict[str, Any] | None:
    """The agreement for JSON."""
    return None if found is None else {**asdict(found), "agrees": found.agrees}
