"""Before the tests: kernels are compiled once, not by each worker."""

import subprocess
import sys
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
    begin = "from escalation import load_scenario, run, worst_cases; scenario = load_scenario(sys.argv[1]); "
    scenario = ROOT / "scenarios" / "lucar-dks1.toml"
    compilers = [
        subprocess.Popen([sys.executable, "-c", f"import sys; {begin}{work}", scenario], cwd=ROOT)
        for work in (TABLES, CURVES)
    ]
    for compiler in compilers:
        compiler.wait()
