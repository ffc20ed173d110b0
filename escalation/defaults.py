"""Defaults of a run, apart from everything heavy so that `--help` can show them at once."""

TRIALS = 10_000
"""Simulated trials for each design and truth."""

SEED = 20260901
"""Seed of the simulated patients."""
