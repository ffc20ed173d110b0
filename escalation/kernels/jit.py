"""How every kernel is compiled, decided in one place.

Kernels are compiled on first use and kept on disk. numba does not notice when a function that a cached kernel
calls has changed in another file, so the folder that holds the compiled code is named after a digest of all kernel
sources: an edit anywhere starts a new folder. The digest is complete because kernels import nothing else of ours.
"""

import hashlib
import tempfile
from pathlib import Path

import numba
from numba.core import config

_SOURCES = Path(__file__).parent


def _is_writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _cache_folder() -> Path:
    """Folder for compiled kernels: beside the sources, else the user's cache, else a temporary folder."""
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(_SOURCES.glob("*.py")))).hexdigest()
    name = f"kernels-{digest[:16]}"
    beside = _SOURCES / "__pycache__" / name
    if _is_writable(beside):
        return beside
    try:
        personal = Path.home() / ".cache" / "escalation" / name
    except RuntimeError:  # no home folder can be determined
        return Path(tempfile.mkdtemp(prefix="escalation-"))
    return personal if _is_writable(personal) else Path(tempfile.mkdtemp(prefix="escalation-"))


if not config.CACHE_DIR:  # a user's NUMBA_CACHE_DIR wins
    config.CACHE_DIR = str(_cache_folder())


def kernel(function):
    """Compile a module-level function.

    cache: a compilation costs about a second, and a statistician starts many short runs.
    nogil: blocks of simulated trials run on Python threads; numba's own threading layers cost half a second at
        start-up and the one that is always present aborts when used from two threads.
    error_model="numpy": drops the zero-division branch; kernels never divide by a count that can be zero.
    No fastmath: reassociated sums can flip a tie, and differ between processors.
    """
    return numba.njit(function, cache=True, nogil=True, error_model="numpy")
