"""The group of all commands, and what becomes of errors."""

import errno
import io
import sys
from typing import Any, NoReturn

import click

from escalation.errors import EscalationError
from escalation.version import __version__

EXIT_FAILED = 1
EXIT_BAD_INPUT = 2


def fail(message: str) -> NoReturn:
    """End the command: not for what it was given, but for what became of it."""
    click.echo(f"error: {message}", err=True)
    sys.exit(EXIT_FAILED)


class _Group(click.Group):
    """Turns the package's errors, and those of writing to the screen, into messages on standard error."""

    def invoke(self, ctx: click.Context) -> Any:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")  # names may hold letters that the terminal does not have
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except EscalationError as error:
            for line in str(error).splitlines():
                click.echo(f"error: {line}", err=True)
            sys.exit(EXIT_BAD_INPUT)
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise  # click ends quietly when nobody reads on
            fail(error.strerror or str(error))
        return result


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="escalation")
def main() -> None:
    """Operating characteristics of phase I dose-escalation designs, exact and simulated."""
