"""Start-up: what is imported and compiled, in counts that do not depend on the machine; and a small run."""

import re

import click
import pytest
from click.testing import CliRunner

from benchmarks.__main__ import main
from benchmarks.measuring import Measurement
from benchmarks.programs import environment, modules_loaded, prepare, run_program
from benchmarks.startup import (
    BARE,
    FIRST,
    HELP,
    NEXT,
    NUMBA,
    PROGRAMS,
    SMALL,
    USUAL,
    WORK,
    Kernels,
    compiled_in,
    heavy,
    in_words,
    scenario_work,
)

HELP_MODULES = 23
"""Modules of ours that `escalation --help` imports, at most: one for each command, and what they share."""

LEAVE_A_FILE = "import os, pathlib; pathlib.Path(os.environ['NUMBA_CACHE_DIR'], 'kernel').touch(exist_ok=False)"


@pytest.mark.long
def test_small_run():
    done = CliRunner().invoke(main, ["startup", "--smoke"], catch_exceptions=False)
    assert done.exit_code == 0
    said = " ".join(done.stdout.split())
    for name in (BARE, NUMBA, HELP, FIRST, NEXT, WORK):
        assert name in said
    compiled = re.search(r"compiles (\d+) kernels for (\d+) signatures\. It", said)
    assert compiled is not None, "one signature each"
    assert compiled[1] == compiled[2] != "0"
    assert "it waits for no heavy package" in said


def test_help_imports_little():
    loaded = modules_loaded(PROGRAMS[HELP])
    assert heavy(loaded) == []
    ours = {name for name in loaded if name.startswith("escalation")}
    assert "escalation.cli.run" in ours
    assert len(ours) <= HELP_MODULES


def test_engines_wait_for_no_pages():
    loaded = modules_loaded(PROGRAMS["import its engines"])
    assert heavy(loaded) == ["numpy", "scipy", "numba", "pydantic"]
    assert not [name for name in loaded if name.startswith(("escalation.report", "escalation.cli"))]


def test_modules_are_those_imported():
    assert "json.decoder" in modules_loaded(["-c", "import json"]) - modules_loaded(["-c", "pass"])
    assert heavy({"numba.core", "json", "numpy"}) == ["numpy", "numba"]


def test_every_first_run_has_a_folder_of_its_own(tmp_path):
    seconds = prepare(program=["-c", LEAVE_A_FILE], fresh_in=str(tmp_path))
    assert list(tmp_path.iterdir()) == [], "nothing runs before it is timed"
    assert 0 < seconds(1) < seconds(3)
    assert len(list(tmp_path.glob("*/kernel"))) == 4


def test_next_run_finds_the_folder_warm(tmp_path):
    prepare(program=["-c", LEAVE_A_FILE], kernels=str(tmp_path))
    with pytest.raises(click.ClickException, match="FileExistsError"):
        run_program(["-c", LEAVE_A_FILE], str(tmp_path))


def test_failures_in_words():
    with pytest.raises(click.ClickException, match=r"python -m escalation run nothing.toml: .*nothing.toml"):
        run_program(["-m", "escalation", "run", "nothing.toml"])
    with pytest.raises(click.ClickException, match="exit code 3"):
        run_program(["-c", "raise SystemExit(3)"])


def test_bytecode_is_written(monkeypatch):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    assert not {"PYTHONDONTWRITEBYTECODE", "NUMBA_CACHE_DIR"} & set(environment())
    assert environment("here")["NUMBA_CACHE_DIR"] == "here"


def test_compiled_kernels_are_counted(tmp_path):
    for name in ("a-7.1f.kernel", "b-9.1f.kernel", "b-9.2e.kernel", "other"):
        (tmp_path / name).touch()
    assert compiled_in(tmp_path) == Kernels(functions=2, signatures=3)


def test_commands():
    assert USUAL.command == "escalation run scenarios/lucar-dks1.toml"
    assert SMALL.program[-5:] == ["--design", "monitoring", "--trials", "100", "--no-exact"]


def test_work_is_that_of_the_job():
    ran = scenario_work(scenario="tak-007.toml", designs=("monitoring",), trials=100, exact=False)()
    assert ran.trials == 100
    assert {result.design for result in ran.results} == {"monitoring"}


def test_words_follow_the_numbers():
    seconds = {FIRST: 12.0, NEXT: 2.0, WORK: 0.5, NUMBA: 0.4}
    measured = {name: Measurement(((value,),), 0) for name, value in seconds.items()}
    modules = {BARE: {"sys"}, HELP: {"sys", "click", "numpy"}}
    said = list(in_words(measured, modules, Kernels(3, 4)))
    assert said[0].endswith("imports 3 modules, 2 more than bare Python; of the heavy packages it waits for numpy.")
    assert said[1].endswith(
        "3 kernels for 4 signatures: some of them more than once. It takes 10 s longer than the next."
    )
    assert said[2].startswith("Of the next run's 2.0 s, 500 ms are work (25 %)")
