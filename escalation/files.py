"""Files: read up to a size if they are ordinary ones, written whole or not at all."""

import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from escalation.errors import InputError, OutputError

PICTURES = ("svg", "png", "pdf")
"""Endings of files for figures."""

MOST_BYTES = 1_000_000
"""Of a scenario file, or of a decision table's: these take some kilobytes."""

LONGEST = 255
"""Characters of a file's name."""


def read_bytes(path: Path) -> bytes:
    """What an ordinary file holds, up to MOST_BYTES; an InputError for devices, pipes, folders and larger files."""
    reason = "it is no ordinary file"
    try:
        # Looked at before it is opened, which alone can wait, or move a tape; and again, in case it was exchanged.
        if stat.S_ISDIR(mode := path.stat().st_mode):
            reason = os.strerror(errno.EISDIR)
        elif stat.S_ISREG(mode):
            with open(path, "rb", opener=_without_waiting) as file:
                if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    content = file.read(MOST_BYTES + 1)
                    if len(content) <= MOST_BYTES:
                        return content
                    reason = f"it has more than {MOST_BYTES:,} bytes"
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        reason = getattr(error, "strerror", None) or str(error)
    raise InputError(f"cannot be read: {reason}")


def _without_waiting(path: str, flags: int) -> int:
    """Open a file, but do not wait for the other end of a pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def read_text(path: Path) -> str:
    """The text of an ordinary file in UTF-8, as `read_bytes`."""
    try:
        return read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"not a text file in UTF-8 (byte {error.start})") from None


def is_same(path: Path, other: Path) -> bool:
    """Whether two names lead to one file, by links of either kind as well."""
    try:
        return path.samefile(other)
    except (OSError, ValueError):  # one is not there
        return os.path.realpath(path) == os.path.realpath(other)


def check_writable(path: Path) -> None:
    """Raise OutputError for a file that could not be written, before any work is done."""
    try:
        if path.is_dir():
            raise OutputError(f"{path}: cannot be written: it is a folder")
        if not path.parent.is_dir():
            raise OutputError(f"{path}: cannot be written: there is no folder {path.parent}")
        if _is_special(path):
            return
        with tempfile.TemporaryFile(dir=path.resolve().parent):
            pass
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        raise OutputError(f"{path}: cannot be written: {getattr(error, 'strerror', None) or error}") from None


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a text, in UTF-8, or bytes, as `whole_file` does. Pipes and devices are written to as they are."""
    whole = content.encode() if isinstance(content, str) else content
    if _is_special(path):
        try:
            path.write_bytes(whole)
        except OSError as error:
            raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from None
    else:
        with whole_file(path) as file:
            file.write(whole)


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """Write to a temporary file beside the path, which is renamed when the block ends without an error.

    Readers see the old file or the new, never a part; after an OutputError nothing is left behind. A link stays a link,
    to the new file.
    """
    try:
        target = path.resolve()
        with ExitStack() as undone:
            with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".escalation-", delete=False) as file:
                temporary = Path(file.name)
                undone.callback(temporary.unlink, missing_ok=True)
                yield file.file
                file.flush()
                os.fsync(file.fileno())
                os.chmod(file.fileno(), 0o666 & ~_umask())
            temporary.replace(target)
            undone.pop_all()
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from None


def _is_special(path: Path) -> bool:
    """Whether it is there and no ordinary file: a pipe, a device."""
    return path.exists() and not path.is_file()


def _umask() -> int:
    """The permissions that new files do not get; temporary files are made private."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
