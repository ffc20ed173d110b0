"""Defaults of a run, apart from everything heavy so that `--help` can show them at once."""

TRIALS = 10_000
"""Simulated trials for each design and truth."""

SEED = 20260901
"""Seed of whatever is random."""

TRUTHS = 10_000
"""Random truths."""

JOINT_TRUTHS = 2000
"""Random truths with responses, which take longer."""

DELTA = 0.10
"""Of least favourable truths: distance of the rates next to the MTD from the target."""

MOST_SETTINGS = 1_000_000
"""A grid of more settings is refused: at some 10 milliseconds each they keep a core for hours."""

SWEEP_STATES = 5_000_000
"""States that a setting of a sweep may have: a fixed number, so that the same ones are refused on every machine. They
take a second or two, and some 500 MB."""


MOST_PATIENTS = 1000

EXACT_SECONDS = 10
"""Estimated seconds that the exact engine may take for a design."""

ALL_SECONDS = 60
"""Estimated seconds that the exact values of all designs may take, and all results and simulated trials."""
