"""Defaults of a run, apart from everything heavy so that `--help` can show them at once."""

TRIALS = 10_000
"""Simulated trials for each design and truth."""

SEED = 20260901
"""Seed of whatever is random."""

TRUTHS = 10_000
"""Random truths."""

DELTA = 0.10
"""Of least favourable truths: distance of the rates next to the MTD from the target."""
