"""The group of all commands, and what becomes of errors."""

import errno
import io
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import click

from escalation.errors import EscalationError, brief
from escalation.version import __version__

EXIT_FAILED = 1
EXIT_BAD_INPUT = 2

LONGEST_LINE = 2_000
"""Characters of a line of a message."""


def say(kind: str, message: object) -> None:
    """A message on standard error, with nothing in it that a terminal would obey."""
    for line in str(message).splitlines():
        click.echo(f"{kind}: {line and brief(line, LONGEST_LINE)}", err=True)


def fail(message: str) -> NoReturn:
    """End the command: not for what it was given, but for what became of it."""
    say("error", message)
    sys.exit(EXIT_FAILED)


class _Closed(io.TextIOBase):
    """Standard output where there is none: nobody believes that a result was printed."""

    def write(self, text: str) -> int:  # noqa: ARG002 (it goes nowhere)
        raise OSError(errno.EBADF, "standard output is closed")


class _Group(click.Group):
    """Turns the package's errors, and those of the machine that it runs on, into messages on standard error."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        _open_streams()
        try:
            return super().main(*args, **kwargs)
        except MemoryError:
            fail("there is not enough memory")
        except RuntimeError as error:
            if "start new thread" not in str(error):  # for which there is no memory, or a limit of processes
                raise
            fail(f"{error}: there is not enough memory, or a limit of processes")
        except ImportError as error:
            if (error.name or "").partition(".")[0] == "escalation":
                raise
            fail(str(error))
        except OSError as error:  # of the help, too, which no command prints
            fail(error.strerror or str(error))

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        with _inert_usage():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        with warnings.catch_warnings(), _inert_usage():
            warnings.showwarning = lambda message, *_, **__: say("warning", message)
            try:
                result = super().invoke(ctx)
                sys.stdout.flush()
            except EscalationError as error:
                say("error", error)
                sys.exit(EXIT_BAD_INPUT)
        return result


@contextmanager
def _inert_usage() -> Iterator[None]:
    """What click says of what was typed, with nothing in it that a terminal would obey."""
    try:
        yield
    except click.ClickException as error:
        vars(error)["message"] = "\n".join(line and brief(line, LONGEST_LINE) for line in error.message.splitlines())
        raise


def _open_streams() -> None:
    """See to it that the three standard streams are there: else the next file would be opened as one of them."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if sys.stdout is None:
        sys.stdout = _Closed()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # names may hold letters that the terminal does not have


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="escalation")
def main() -> None:
    """Operating characteristics of phase I dose-escalation designs, exact and simulated."""
