"""Before the tests: kernels are compiled once, not by each worker, and tests are not taken for garbage."""

import gc
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TABLES = "run(scenario, designs=['3+3', 'boin'], trials=100); worst_cases(scenario, designs=['3+3'])"
CURVES = "run(scenario, designs=['crm'], trials=100)"


def pytest_configure(config: pytest.Config) -> None:
    """Compile what is not there yet, the kernels of both kinds of plan at the same time.

    Where there are no workers, tests compile what they use themselves.
    """
    if hasattr(config, "workerinput") or not config.getoption("numprocesses", None):
        return
    # Workers share the processors: threads of a matrix product would wait for each other, and the work of waiting is
    # about a third of theirs.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    begin = "from escalation import load_scenario, run, worst_cases; scenario = load_scenario(sys.argv[1]); "
    scenario = ROOT / "scenarios" / "lucar-dks1.toml"
    compilers = [
        subprocess.Popen([sys.executable, "-c", f"import sys; {begin}{work}", scenario], cwd=ROOT)
        for work in (TABLES, CURVES)
    ]
    for compiler in compilers:
        compiler.wait()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Thousands of tests are no garbage: to look for some among them takes a third of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
