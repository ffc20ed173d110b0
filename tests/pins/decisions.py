"""Designs whose decisions and words are pinned: every setting of the conformance suite on every trial that it fits."""

import hashlib

from escalation import Trial, fingerprint
from escalation.designs import Design
from tests.conformance.test_every_design import CASES

DIGITS = 16
"""Of a digest, hexadecimal."""


def digests() -> dict[str, dict[str, str]]:
    """Of each case: the fingerprint of its decisions, and a digest of its description and of its reasons."""
    return {case.id: digests_of(*case.values) for case in CASES}


def digests_of(design: Design, trial: Trial) -> dict[str, str]:
    return {"decisions": fingerprint(design, trial)[:DIGITS], "words": _digest(words(design, trial))}


def words(design: Design, trial: Trial) -> str:
    """All that a design says of itself on a trial, and of each count at each dose."""
    doses = range(trial.levels)
    cells = [(dose, n, y) for dose in doses for n in range(1, trial.max_patients + 1) for y in range(n + 1)]
    return "\n".join(
        [
            design.description(trial),
            *design.cautions(trial),
            *design.references(trial),
            str(design.parameters(trial)),
            str(design.tuning(trial)),
            str(design.model_dump()),
            *(design.grounds(trial, *cell) for cell in cells),
        ]
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]
