"""Scenario files that are drawn and damaged at random, through every command: an answer or a refusal, in time."""

import os
import random
import signal
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from escalation.cli import main
from tests.properties.test_fuzz import DESIGNS, EFFICACY, RESPONSES, TRIAL, TRUTH, by_responses, toml

FILES = 40
SECONDS = 60
"""More for a command would be a fault; all together take some 20 minutes."""

COMMANDS = (
    ("run", "--trials", "20", "--max-states", "20000"),
    ("compare", "--trials", "20", "--max-states", "20000"),
    ("table", "--format", "csv"),
    ("next", "1NNN", "--design", "first"),
    ("paths", "--cohorts", "2", "--design", "first"),
    ("report", "--trials", "20", "--max-states", "20000", "--format", "md", "--output", "report.md"),
    ("plot", "--what", "selection", "--trials", "20", "--max-states", "20000", "--output", "plot.svg"),
    ("robust", "--count", "5", "--generator", "logistic", "--max-states", "20000"),
    ("worst", "--max-states", "5000"),
    ("size", "--pcs", "0.5", "--to", "12", "--max-states", "20000"),
    ("calibrate", "--grid", "cutoff_eli=0.9,0.95", "--design", "first", "--output", "tuned.toml"),
    ("sweep", "--grid", "trial.max_patients=6,12", "--output", "sweep.csv", "--max-states", "20000"),
)

CSV = "patients,dlts,decision\n1-12,0,E\n1-12,1,S\n2-12,>=2,DU\n"

HOSTILE = [
    "0x" + "f" * 5_000, "9" * 5_000, "-1", "0", "1e308", "-0.0", "1e-320", "nan", "inf", "true", "{}", "[]", '""',
    "'none'", "[[[]]]", "2020-01-01", '"' + "a" * 3_000 + '"', '"\\u202e"', "'<b>&amp;</b>'", "'=1+1'", "[1, 'a', {}]",
    "1_0", "1.", "{a = {a = {a = 1}}}", "a.b.c.d", "'''x\ny'''", '"/dev/zero"', "'../own.csv'",
    "99999999999999999999", "0.3333333333",
]  # fmt: skip

ATTACKS = [
    '[[design]]\nkind = "table"\nfile = "pipe"', '[[design]]\nkind = "table"\nfile = "/dev/zero"',
    '[[design]]\nkind = "table"\nfile = "."', '[[design]]\nkind = "table"\nfile = "/proc/self/environ"',
    "[[design]]\nkind = 0x" + "f" * 5_000, '[[design]]\nkind = "boin"\nstop_when = {rule = 0x' + "f" * 5_000 + "}",
    '[[design]]\nkind = "boin"\nrestrict = [{rule = 0x' + "f" * 5_000 + "}]",
    '[[design]]\nkind = "' + "a" * 400_000 + '"', '[[design]]\nkind = "boin"\nlabel = "' + "a" * 400_000 + '"',
    ".".join("a" * 15_000) + " = 1", "[" + ".".join("a" * 15_000) + "]", '[[design]]\nkind = "boin"\n' * 3_000,
]  # fmt: skip
"""Each was one: a wait, gigabytes, a traceback, or a message of a million letters."""


def drawn(seed: int) -> bytes:
    """A scenario file: one that is valid, with up to four faults."""
    chance = random.Random(seed)
    designs = [dict(chance.choice(DESIGNS)) for _ in range(chance.randint(1, 2))]
    designs[0]["label"] = "first"
    for design in designs:
        if design.get("file") is not None:
            design["file"] = "own.csv"
    trial, truth = (TRIAL | {"efficacy": EFFICACY}, TRUTH | RESPONSES) if by_responses(designs) else (TRIAL, TRUTH)
    content = {"name": "hostile", "trial": trial, "design": designs, "truth": [truth, {**truth, "name": "u"}]}
    lines = list(toml(content))
    for _ in range(chance.choice((0, 0, 1, 1, 2, 4))):
        place = chance.randrange(len(lines))
        key, equals, _ = lines[place].partition(" = ")
        fault = chance.randrange(8)
        if fault <= 2 and equals:
            lines[place] = f"{key} = {chance.choice(HOSTILE)}"
        elif fault == 3:
            lines.insert(place, lines[chance.randrange(len(lines))])
        elif fault == 4 and len(lines) > 1:
            del lines[place]
        elif fault == 5:
            at = chance.randrange(len(lines[place]) + 1)
            lines[place] = lines[place][:at] + chance.choice("\x00\"'[]{}=.,#\\\n\x1b\u2028") + lines[place][at:]
        elif fault == 6:
            other = chance.randrange(len(lines))
            lines[place], lines[other] = lines[other], lines[place]
        elif equals:
            lines[place] = f"{key}{chance.choice(['', '.a', 'x', ' '])} = {chance.choice(HOSTILE)}"
    if chance.random() < 0.1:
        lines.append(chance.choice(ATTACKS))
    content = "\n".join(lines).encode()
    if chance.random() < 0.05:
        content = content[: chance.randrange(len(content))]
    if chance.random() < 0.03:
        content = chance.randbytes(chance.randrange(2_000))
    return content


class _TooLong(BaseException):
    """Not to be taken for one of the program's own."""


@contextmanager
def at_most(seconds: int) -> Iterator[None]:
    def stop(*_):
        raise _TooLong

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def outcome(command: tuple[str, ...]) -> str:
    """What became of a command in the present folder: its exit code, or what should not be."""
    for file in ("report.md", "plot.svg", "tuned.toml", "sweep.csv", "sweep.csv.partial"):
        Path(file).unlink(missing_ok=True)
    try:
        with at_most(SECONDS):
            result = CliRunner().invoke(main, [command[0], "hostile.toml", *command[1:]])
    except _TooLong:
        return "too long"
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        place = traceback.extract_tb(result.exception.__traceback__)[-1]
        return f"{type(result.exception).__name__} at {Path(place.filename).name}:{place.lineno}"
    lines = result.stderr.splitlines()
    if any("Aborted!" in line or len(line) > 2_500 for line in lines):
        return "no message for people"
    return f"exit {result.exit_code}" if result.exit_code in (0, 1, 2) else f"exit code {result.exit_code}"


def outcomes(seeds: Iterator[int] | range, folder: Path) -> Counter[str]:
    """How often each came of it; a file that brought forth what should not be is kept in the folder."""
    found = Counter[str]()
    os.chdir(folder)
    (folder / "own.csv").write_text(CSV)
    if not (folder / "pipe").exists():
        os.mkfifo(folder / "pipe")
    for seed in seeds:
        (folder / "hostile.toml").write_bytes(drawn(seed))
        for command in COMMANDS:
            became = outcome(command)
            found[became] += 1
            if not became.startswith("exit "):
                (folder / f"{command[0]}-{seed}.toml").write_bytes(drawn(seed))
    return found


@pytest.mark.skipif(os.name != "posix", reason="alarms")
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("seeds", [range(6), pytest.param(range(6, FILES), marks=pytest.mark.long)], ids=str)
def test_hostile_files(tmp_path, monkeypatch, seeds):
    monkeypatch.chdir(tmp_path)
    found = outcomes(seeds, tmp_path)
    assert set(found) <= {"exit 0", "exit 1", "exit 2"}, found
    assert found["exit 0"] > len(seeds)
    assert found["exit 2"] > len(seeds)
