"""The command line: a file for each command, which parses, makes one call and renders.

Options that a command does not look at itself have the names of that call's keywords, and go to it as they are.

Everything heavy is imported inside the command that needs it, so that `--help` answers at once.
"""

from escalation.cli import (  # noqa: F401 (each adds its commands to the group)
    calibrate,
    compare,
    listing,
    next_dose,
    paths,
    plot,
    randomised,
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
