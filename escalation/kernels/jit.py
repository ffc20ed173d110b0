"""How every kernel is compiled, decided in one place.

Kernels are compiled on first use and kept on disk. numba does not notice when a function that a cached kernel
calls has changed in another file, so the folder that holds the compiled code is named after a digest of all kernel
sources: an edit anywhere starts a new folder. The digest is complete because kernels import nothing else of ours.
"""

import contextlib
import hashlib
import tempfile
from pathlib import Path

import numba
import numpy as np
from numba.core import config

at = np.uintp
"""A place in an array. Signed ones may count from its end; to find out whether they do takes a fifth of the time."""

_SOURCES = Path(__file__).parent


def _is_writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _cache_folder() -> str | None:
    """Folder for compiled kernels: the user's choice, else beside the sources, else the user's cache, else none."""
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(_SOURCES.glob("*.py")))).hexdigest()
    parents = [Path(config.CACHE_DIR)] if config.CACHE_DIR else [_SOURCES / "__pycache__"]
    with contextlib.suppress(RuntimeError):  # no home folder can be determined
        parents.append(Path.home() / ".cache" / "escalation")
    folders = [parent / f"kernels-{digest[:16]}" for parent in parents]
    return next((str(folder) for folder in folders if _is_writable(folder)), None)


_CACHE = _cache_folder()


def kernel(function):
    """Compile a module-level function.

    cache: a compilation costs about a second, and a statistician starts many short runs. Where no folder can be written
        to, kernels are compiled again in every process.
    nogil: blocks of simulated trials run on Python threads; numba's own threading layers cost half a second at
        start-up and the one that is always present aborts when used from two threads.
    error_model="numpy": drops the zero-division branch; kernels never divide by a count that can be zero.
    No fastmath: reassociated sums can flip a tie, and differ between processors.
    """
    options = {"nogil": True, "error_model": "numpy"}
    if _CACHE is None:
        return numba.njit(function, **options)
    # numba takes the folder from its configuration when a function is decorated; other packages keep theirs.
    before = config.CACHE_DIR
    config.CACHE_DIR = _CACHE
    try:
        return numba.njit(function, cache=True, **options)
    finally:
        config.CACHE_DIR = before
