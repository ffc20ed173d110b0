"""The command line: a file for each command, which parses, makes one call and renders.

Everything heavy is imported inside the command that needs it, so that `--help` answers at once.
"""

from escalation.cli import (  # noqa: F401 (each adds its commands to the group)
    calibrate,
    compare,
    listing,
    next_dose,
    paths,
    plot,
    report,
    robust,
    run,
    size,
    sweep,
    table,
    worst,
)
from escalation.cli.group import main

__all__ = ["main"]
