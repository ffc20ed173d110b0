"""Python programs, timed from their start to their end."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence

import click

from benchmarks.measuring import ROOT, last_line


def environment(kernels: str = "") -> dict[str, str]:
    """The environment of a program, with a folder for compiled kernels if one is named.

    Bytecode is written, as it is where a package is installed: it is not what is timed.
    """
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | ({"NUMBA_CACHE_DIR": kernels} if kernels else {})


def run_program(program: Sequence[str], kernels: str = "") -> subprocess.CompletedProcess[str]:
    """Run Python with these arguments, in the project's folder.

    Raises
    ------
    click.ClickException
        It failed; with the last line that it said.
    """
    ended = subprocess.run(
        [sys.executable, *program], cwd=ROOT, env=environment(kernels), capture_output=True, text=True, check=False
    )
    if ended.returncode:
        said = last_line(ended.stderr) or last_line(ended.stdout) or f"exit code {ended.returncode}"
        raise click.ClickException(f"python {' '.join(program)}: {said}")
    return ended


def prepare(*, program: list[str], kernels: str = "", fresh_in: str = "") -> Callable[[int], float]:
    """A program to be timed.

    Parameters
    ----------
    program : list of str
        What Python is called with.
    kernels : str
        Folder of compiled kernels; the package's own if empty.
    fresh_in : str
        If not empty, each run gets an empty folder of its own for compiled kernels, in this one, and it stays there. If
        empty, there is a first run that is not timed: it reads files that the system then still knows.

    Returns
    -------
    function
        Of a number of repetitions: seconds that they take.
    """
    if not fresh_in:
        run_program(program, kernels)

    def seconds(loops: int) -> float:
        taken = 0.0
        for _ in range(loops):
            folder = tempfile.mkdtemp(dir=fresh_in) if fresh_in else kernels
            start = time.perf_counter()
            run_program(program, folder)
            taken += time.perf_counter() - start
        return taken

    return seconds


def modules_loaded(program: Sequence[str], kernels: str = "") -> set[str]:
    """Names of the modules that a program imports, Python's own included, as far as Python reports their import."""
    reported = run_program(["-X", "importtime", *program], kernels).stderr
    lines = [line for line in reported.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip() for line in lines[1:]}
