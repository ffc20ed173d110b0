"""Compiled kernels: where they are kept, and what happens when they cannot be."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

SMALL_JOB = """
import numba
from escalation.kernels import jit
from escalation.kernels.exact_states import cell
print(jit._CACHE)
print(numba.config.CACHE_DIR)
print(cell(3, 1))
"""


def run(**environment: str) -> list[str]:
    result = subprocess.run(
        [sys.executable, "-c", SMALL_JOB],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stderr == ""
    return result.stdout.splitlines()


def test_folder_of_the_users_choice_still_follows_the_sources(tmp_path):
    folder, setting, answer = run(NUMBA_CACHE_DIR=str(tmp_path / "mine"))
    assert Path(folder).parent == tmp_path / "mine"
    assert Path(folder).name.startswith("kernels-")
    assert list(Path(folder).glob("cell-*.kernel")), "the compiled kernel is there"
    assert setting == str(tmp_path / "mine"), "other packages keep their folder"
    assert answer == "7"


def test_home_is_used_where_the_first_choice_cannot_be_written(tmp_path):
    blocked = tmp_path / "file"
    blocked.touch()
    folder, _, answer = run(NUMBA_CACHE_DIR=str(blocked / "below"), HOME=str(tmp_path))
    assert Path(folder).parent == tmp_path / ".cache" / "escalation"
    assert answer == "7"


def test_no_folder_at_all(tmp_path):
    blocked = tmp_path / "file"
    blocked.touch()
    folder, _, answer = run(NUMBA_CACHE_DIR=str(blocked / "below"), HOME=str(blocked))
    assert folder == "None"
    assert answer == "7"


def test_two_processes_on_an_empty_cache(tmp_path):
    command = [sys.executable, "-c", SMALL_JOB]
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    both = [subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [process.communicate(timeout=120)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert outputs[0] == outputs[1]


@pytest.mark.long
def test_first_runs_that_are_killed(tmp_path):
    """Killed as soon as there is one compiled kernel, then when there are four: the next run works all the same."""
    command = [sys.executable, "-m", "escalation", "run", "scenarios/tak-007.toml", "--design", "boin"]
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    for kernels in (1, 4):
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        while process.poll() is None and len(list(tmp_path.rglob("*.kernel"))) < kernels:
            time.sleep(0.005)
        assert process.poll() is None, "it was killed on the way"
        process.kill()
        process.communicate()
    after = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    usual = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert after.stdout == usual.stdout
    assert after.stderr == ""


@pytest.mark.skipif(os.geteuid() == 0, reason="to root nothing is read-only")
def test_read_only_home(tmp_path):
    blocked = tmp_path / "file"
    blocked.touch()
    tmp_path.chmod(0o500)
    try:
        folder, _, answer = run(NUMBA_CACHE_DIR=str(blocked / "below"), HOME=str(tmp_path))
    finally:
        tmp_path.chmod(0o700)
    assert folder == "None"
    assert answer == "7"
