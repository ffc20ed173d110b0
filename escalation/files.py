"""Files that are written whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from escalation.errors import OutputError

PICTURES = ("svg", "png", "pdf")
"""Endings of files for figures."""


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
