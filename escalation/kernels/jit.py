"""How every kernel is compiled, decided in one place.

Kernels are compiled on first use and kept on disk. What a kernel is compiled to depends on the functions that it calls,
in whatever file; so the folder that holds the compiled code is named after a digest of all kernel sources: an edit
anywhere starts a new folder. The digest is complete because kernels import nothing else of ours.
"""

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

try:
    import numba
    from numba.core import config
except ValueError as error:  # of its settings in the environment, such as NUMBA_NUM_THREADS=0
    raise ImportError(f"numba cannot be imported: {error}") from None

import numpy as np

from escalation.kernels.cache import KernelFiles, usable_folder

at = np.uintp
"""A place in an array. Signed ones may count from its end; to find out whether they do takes a fifth of the time."""

_SOURCES = Path(__file__).parent


def _folders() -> Iterator[Path]:
    """Folders for compiled kernels: in the user's choice, else beside the sources, and in the user's cache.

    Never in a folder for everybody's temporary files.
    """
    sources = b"".join(path.read_bytes() for path in sorted(_SOURCES.glob("*.py")))
    versions = f"{sys.implementation.cache_tag} {numba.__version__} {np.__version__}"
    name = f"kernels-{hashlib.sha256(sources + versions.encode()).hexdigest()[:16]}"
    yield (Path(config.CACHE_DIR) if config.CACHE_DIR else _SOURCES / "__pycache__") / name
    try:
        yield Path.home() / ".cache" / "escalation" / name
    except RuntimeError:  # no home folder can be determined
        return


_CACHE = usable_folder(_folders())


def kernel(function):
    """Compile a module-level function that makes no arrays of its own.

    cache: a compilation costs about a second, and a statistician starts many short runs. Where no folder can be written
        to, kernels are compiled again in every process.
    nogil: blocks of simulated trials run on Python threads; numba's own threading layers cost half a second at
        start-up and the one that is always present aborts when used from two threads.
    error_model="numpy": drops the zero-division branch; kernels never divide by a count that can be zero.
    _nrt: the function borrows its arrays. To count who holds them takes a third of the time where a function is called
        for every cohort. So none may be returned.
    No fastmath: reassociated sums can flip a tie, and differ between processors.
    """
    return _compiled(function, makes_arrays=False)


def allocating(function):
    """As `kernel`, for a function that makes arrays."""
    return _compiled(function, makes_arrays=True)


def _compiled(function, *, makes_arrays):
    compiled = numba.njit(function, nogil=True, error_model="numpy", _nrt=makes_arrays)
    if _CACHE is not None:
        # In place of numba's own files, of which a damaged one is run or ends the program.
        compiled._cache = KernelFiles(_CACHE, f"{function.__module__.rpartition('.')[2]}-{function.__name__}")
    return compiled
