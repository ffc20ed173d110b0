"""`escalation sweep`: killed and interrupted runs go on where they were, and what is wrong gets one line."""

import contextlib
import gc
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from escalation.cli import main
from escalation.cli import sweep as sweep_command_module
from escalation.errors import ClusterError, JournalError
from escalation.studies import evaluate
from escalation.studies import sweep as sweep_study
from escalation.studies.work import journal as journal_module
from escalation.studies.work.journal import Journal, finished_in, journal

SCENARIOS = Path(__file__).parents[2] / "scenarios"
LUCAR = str(SCENARIOS / "lucar-dks1.toml")
FULL = Path("/dev/full")
CUTOFFS = ",".join(f"0.{900 + number}" for number in range(20))
TWENTY = [LUCAR, "--design", "boin", "--grid", f"boin.cutoff_eli={CUTOFFS}", "--quantity", "pcs"]
TWENTY += ["--generator", "clertant", "--count", "200"]

STOPS_ITSELF = """
import os, signal, sys
from escalation.cli import main
from escalation.studies.work import journal as journal_module
from escalation.studies.work.journal import Journal

keep, kept = Journal.keep, []

def keep_and_stop(journal, number, content):
    if len(kept) == 4:
        os.kill(os.getpid(), int(sys.argv[1]))
    keep(journal, number, content)
    kept.append(number)

Journal.keep = keep_and_stop
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background
main(sys.argv[2:])
"""


def sweep(*arguments: str):
    return CliRunner().invoke(main, ["sweep", *map(str, arguments)])


def finished_pieces(journal: Path) -> int:
    with closing(sqlite3.connect(journal)) as connection:
        return connection.execute("SELECT COUNT(*) FROM piece").fetchone()[0]


def stopped(output: Path, how: signal.Signals, *options: str) -> subprocess.CompletedProcess:
    """A run in a process of its own that gets a signal when it has kept four settings more."""
    command = [sys.executable, "-c", STOPS_ITSELF, str(int(how)), "sweep", *TWENTY, "--output", output, *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_killed_then_interrupted_then_resumed(tmp_path):
    """The same bytes as without; each time what had been finished is not done again."""
    output, whole = tmp_path / "sweep.csv", tmp_path / "whole.csv"
    journal = tmp_path / "sweep.csv.partial"
    killed = stopped(output, signal.SIGKILL)
    assert (killed.returncode, killed.stderr) == (-signal.SIGKILL, "")
    assert not output.exists()
    after_kill = finished_pieces(journal)
    assert after_kill == 4

    refused = sweep(*TWENTY, "--output", output)
    assert refused.exit_code == 2
    assert "sweep.csv.partial: holds what an earlier run has finished; --resume" in refused.stderr

    interrupted = stopped(output, signal.SIGINT, "--resume")
    assert interrupted.returncode == 1
    after_interrupt = finished_pieces(journal)
    assert after_interrupt == 8
    assert interrupted.stderr == (
        f"error: interrupted: {after_interrupt} of 20 settings are kept in {journal}; the same command with --resume "
        "goes on\n"
    )
    assert sweep(*TWENTY, "--output", output, "--resume").exit_code == 0
    assert sweep(*TWENTY, "--output", whole).exit_code == 0
    assert output.read_bytes() == whole.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sweep.csv", "whole.csv"]


@pytest.mark.long
@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_killed_at_any_moment(tmp_path, ending):
    """At moments from the start of the program to the writing of the file: the bytes are those of a run in one go."""
    chance = random.Random(ending)
    output, whole = tmp_path / f"sweep.{ending}", tmp_path / f"whole.{ending}"
    asked = [*TWENTY[:-1], "4000"]
    command = [sys.executable, "-m", "escalation", "sweep", *asked, "--output", output, "--resume"]
    before = time.monotonic()
    assert sweep(*asked, "--output", whole).exit_code == 0
    longest = 2 + time.monotonic() - before
    kept, killed = [], 0
    for _ in range(12):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=chance.uniform(0, longest))
        if process.poll() is None:
            process.kill()
            process.communicate()
            killed += 1
        if process.returncode == 0:
            break
        if output.exists():  # killed after the file was written: at most the journal is left
            output.with_name(f"{output.name}.partial").unlink(missing_ok=True)
            break
        assert process.returncode == -signal.SIGKILL
        journal = output.with_name(f"{output.name}.partial")
        kept.append(finished_in(journal))
    else:
        assert sweep(*asked, "--output", output, "--resume").exit_code == 0
    assert killed
    assert kept == sorted(kept), "nothing that was finished is lost"
    assert output.read_bytes() == whole.read_bytes()
    others = {path.name for path in tmp_path.iterdir()} - {output.name, whole.name}
    assert all(name.startswith(".escalation-") for name in others), "what a killed writer leaves"


@pytest.mark.skipif(os.name != "posix", reason="locks")
def test_two_processes_at_once(tmp_path):
    """One writes the file, the other is refused, whichever was first."""
    output = tmp_path / "sweep.csv"
    asked = [*TWENTY[:-1], "1500", "--output", output]
    command = [sys.executable, "-m", "escalation", "sweep", *asked]
    both = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate()[1] for process in both]
    assert sorted(process.returncode for process in both) == [0, 2]
    assert sorted(said) == ["", f"error: {output}.partial: cannot be used: another process is at work on it\n"]
    assert [path.name for path in tmp_path.iterdir()] == ["sweep.csv"]


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize("round_", range(3))
def test_runs_that_begin_at_the_same_moment(tmp_path, monkeypatch, resume, round_):
    """One has the journal, the other is told so: neither are both refused, nor is it said to be left over."""
    monkeypatch.setattr(journal_module, "PATIENCE", 0.4)
    together = threading.Barrier(2)

    def begin(_) -> str:
        together.wait()
        try:
            with journal(tmp_path / "j.partial", {"it": "this"}, resume=resume) as kept:
                time.sleep(1)
                kept.keep(0, b"0")
        except JournalError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(2) as threads:
        said = sorted(threads.map(begin, range(2)))
    assert said == ["", f"{tmp_path}/j.partial: cannot be used: another process is at work on it"]


def test_an_interruption_counts_what_is_kept(tmp_path, monkeypatch):
    """Also a setting that has been kept and not yet been shown as a step."""

    def keep_and_interrupt(kept, number, content):
        keep(kept, number, content)
        raise KeyboardInterrupt

    output, keep = tmp_path / "sweep.csv", Journal.keep
    with monkeypatch.context() as interrupted:
        interrupted.setattr(Journal, "keep", keep_and_interrupt)
        result = sweep(*TWENTY, "--output", output)
    assert finished_pieces(tmp_path / "sweep.csv.partial") == 1
    assert (result.exit_code, result.stderr) == (
        1,
        f"error: interrupted: 1 of 20 settings are kept in {output}.partial; the same command with --resume goes on\n",
    )


def test_a_cluster_that_does_not_answer_leaves_what_is_kept(tmp_path):
    """The work has not begun again: the line is of the cluster alone."""
    output = tmp_path / "sweep.csv"
    stopped(output, signal.SIGKILL)
    result = sweep(*TWENTY, "--output", output, "--resume", "--cluster", "nowhere")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: 'nowhere': should be the address of a Dask scheduler")
    assert finished_pieces(tmp_path / "sweep.csv.partial") == 4


def test_two_runs_at_once(tmp_path):
    """The second leaves the journal of the first alone."""
    output = tmp_path / "sweep.csv"
    stopped(output, signal.SIGKILL)
    with closing(sqlite3.connect(tmp_path / "sweep.csv.partial", isolation_level=None)) as first:
        first.execute("PRAGMA locking_mode = EXCLUSIVE")
        first.execute("BEGIN EXCLUSIVE")
        second = sweep(*TWENTY, "--output", output, "--resume")
    assert second.exit_code == 2
    assert second.stderr.endswith("sweep.csv.partial: cannot be used: another process is at work on it\n")


def test_a_journal_in_use_is_not_said_to_be_left_over(tmp_path):
    """Without --resume: to delete it, as the line says of one that is left over, would lose the first run's work."""
    output = tmp_path / "sweep.csv"
    kept = tmp_path / "sweep.csv.partial"
    with journal(kept, {"it": "this"}, resume=False) as first:
        first.keep(0, b"0")
        second = sweep(*TWENTY, "--output", output)
        assert (second.exit_code, second.stderr) == (
            2,
            f"error: {kept}: cannot be used: another process is at work on it\n",
        )
    assert finished_pieces(kept) == 1


def test_a_journal_that_is_gone_at_the_end(tmp_path, monkeypatch):
    """Another run that went on with it at the last moment has written the same file and removed it."""
    written = sweep_study._write

    def write_and_lose(swept, kept, output):
        kept.path.unlink()
        return written(swept, kept, output)

    monkeypatch.setattr(sweep_study, "_write", write_and_lose)
    result = sweep(LUCAR, "--design", "3+3", "--output", tmp_path / "sweep.csv")
    assert (result.exit_code, result.stderr) == (0, "")


@pytest.mark.skipif(os.name != "posix", reason="links")
@pytest.mark.parametrize("ending", ["", "-wal", "-shm", "-journal"])
@pytest.mark.parametrize("resume", [[], ["--resume"]])
def test_links_are_not_followed(tmp_path, ending, resume):
    """Where a link leads, nothing is made or changed."""
    link, elsewhere = tmp_path / f"sweep.csv.partial{ending}", tmp_path / "elsewhere"
    link.symlink_to(elsewhere)
    result = sweep(LUCAR, "--design", "3+3", "--output", tmp_path / "sweep.csv", *resume)
    assert (result.exit_code, result.stderr) == (2, f"error: {link}: cannot be used: it is a link\n")
    assert list(tmp_path.iterdir()) == [link]


@pytest.mark.skipif(os.name != "posix", reason="pipes")
def test_a_pipe_in_its_place(tmp_path):
    os.mkfifo(tmp_path / "sweep.csv.partial")
    result = sweep(LUCAR, "--design", "3+3", "--output", tmp_path / "sweep.csv", "--resume")
    assert result.exit_code == 2
    assert result.stderr.endswith("sweep.csv.partial: cannot be used: it is no ordinary file\n")


def test_a_cluster_that_is_lost(tmp_path, monkeypatch):
    """What had been finished is kept, and the line says how to go on."""

    def first_only(work, pieces, executor):
        yield 0, work(*next(iter(pieces)))
        raise ClusterError("tcp://10.0.0.5:8786: the connection to the scheduler was lost")

    output = tmp_path / "sweep.csv"
    with monkeypatch.context() as lost:
        lost.setattr(evaluate, "finished", first_only)
        result = sweep(LUCAR, "--output", output)
    assert (result.exit_code, result.stderr) == (
        1,
        f"error: tcp://10.0.0.5:8786: the connection to the scheduler was lost: 1 of 4 settings are kept in {output}"
        ".partial; the same command with --resume goes on\n",
    )
    assert sweep(LUCAR, "--output", output, "--resume").exit_code == 0


@pytest.mark.skipif(not FULL.exists(), reason="no device that is full")
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_what_is_finished_is_kept_when_the_file_cannot_be_written(tmp_path, monkeypatch, ending):
    output = tmp_path / f"sweep.{ending}"
    arguments = [LUCAR, "--design", "3+3", "--quantity", "pcs", "--output", output, "--generator", "logistic"]
    arguments += ["--count", "200"]
    table = sweep_study.TABLES[f".{ending}"]
    with monkeypatch.context() as broken, FULL.open("wb", buffering=0) as full:
        broken.setitem(sweep_study.TABLES, f".{ending}", lambda _, *grid, **kind: table(full, *grid, **kind))
        failed = sweep(*arguments)
    gc.collect()
    assert failed.exit_code == 2
    (line,) = failed.stderr.splitlines()
    assert line.startswith(f"error: {output}: cannot be written: ")
    assert line.endswith("No space left on device")
    assert [path.name for path in tmp_path.iterdir()] == [f"sweep.{ending}.partial"]
    assert finished_pieces(tmp_path / f"sweep.{ending}.partial") == 1
    assert sweep(*arguments, "--resume").exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == [output.name]


def test_a_journal_on_a_full_disk_keeps_what_it_holds(tmp_path):
    with journal(tmp_path / "j.partial", {"it": "this"}, resume=False) as kept:
        kept.keep(3, bytes(5000))
        kept._connection.execute("PRAGMA max_page_count = 6")
        with pytest.raises(JournalError, match=r"j\.partial: cannot be written: .* full; what it"):
            kept.keep(4, bytes(50_000))
    with journal(tmp_path / "j.partial", {"it": "this"}, resume=True) as kept:
        assert list(kept.contents()) == [(3, bytes(5000))]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--output", "sweep.csv", "--grid", "boin.p_tx=0.4"], "boin.p_tx: unknown option; did you mean 'p_tox'?"),
        (["--output", "sweep.csv", "--grid", "boin.p_tox=0.4", "--grid", "boin.p_tox=0.3"], "boin.p_tox: given twice"),
        (["--output", "sweep.csv", "--grid", "boin.p_tox=0.4,0.1"], "setting boin.p_tox=0.1: boin.p_tox: 0.1 should"),
        (["--output", "sweep.csv", "--grid", "trial.target=0.2,0.3", "--max-settings", "5"], "8 settings (2 of '3+3'"),
    ],
)  # fmt: skip
def test_what_is_wrong_gets_one_line(tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    result = sweep(LUCAR, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr.splitlines()[-1]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [b"text", b"SQLite format 3\0" + bytes(100)])
def test_a_file_that_is_no_journal_is_left_alone(tmp_path, content):
    other = tmp_path / "sweep.csv.partial"
    other.write_bytes(content)
    result = sweep(LUCAR, "--output", tmp_path / "sweep.csv", "--resume")
    assert result.exit_code == 2
    assert "sweep.csv.partial: cannot be used: it is no journal" in result.stderr
    assert other.read_bytes() == content


def test_a_database_of_something_else_is_left_alone(tmp_path):
    other = tmp_path / "sweep.csv.partial"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE mine (text)")
    result = sweep(LUCAR, "--output", tmp_path / "sweep.csv", "--resume")
    assert "it is no journal" in result.stderr
    with closing(sqlite3.connect(other)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("mine",)]


def test_without_pyarrow_it_is_said_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    result = sweep(LUCAR, "--output", tmp_path / "sweep.parquet")
    assert result.exit_code == 2
    assert result.stderr == (f"error: {tmp_path}/sweep.parquet: needs pyarrow: pip install 'escalation[sweep]'\n")


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE piece SET content = x'00' WHERE number = 1",
        "UPDATE piece SET content = 'text' WHERE number = 1",
        "UPDATE piece SET content = zeroblob(length(content)) WHERE number = 1",
        "UPDATE piece SET number = 99 WHERE number = 1",
    ],
)
def test_a_damaged_journal_is_refused(tmp_path, monkeypatch, damage):
    output = tmp_path / "sweep.csv"
    arguments = [LUCAR, "--design", "boin", "--grid", "trial.max_patients=12,15,18", "--output", output]
    with monkeypatch.context() as lost:
        lost.setattr(sweep_study, "_write", lambda *_: sys.exit(1))
        sweep(*arguments)
    kept = tmp_path / "sweep.csv.partial"
    with closing(sqlite3.connect(kept, isolation_level=None)) as connection:
        assert connection.execute(damage).rowcount == 1
    result = sweep(*arguments, "--resume")
    assert (result.exit_code, result.stderr) == (
        2,
        f"error: {kept}: is damaged; without the file the run starts over\n",
    )


FORGED = {
    "no JSON": b"{",
    "no table": b"[]\n",
    "nested": b"[" * 100_000,
    "no letters": b"\xff\n",
    "nothing": b"",
    "no quantities": b"{}\n",
    "not a list": b'{"quantities": 3}\n',
    "other quantities": b'{"quantities": ["dlt_rate"]}\n' + bytes(24),
    "one too many": b'{"quantities": ["pcs", "pcs"]}\n' + bytes(48),
    "too few numbers": b'{"quantities": ["pcs"]}\n' + bytes(16),
    "part of a number": b'{"quantities": ["pcs"]}\n' + bytes(23),
    "refused and found": b'{"refused": "why"}\n' + bytes(24),
}


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """A whole journal of a sweep under three truths, which was not written; and how to go on."""
    arguments = [LUCAR, "--design", "boin", "--grid", "trial.max_patients=12,15", "--quantity", "pcs"]
    arguments += [option for name in ("50", "150", "300") for option in ("--truth", f"MTD at {name}")]
    arguments += ["--output", tmp_path / "sweep.csv"]
    with monkeypatch.context() as lost:
        lost.setattr(sweep_study, "_write", lambda *_: sys.exit(1))
        sweep(*arguments)
    return tmp_path / "sweep.csv.partial", lambda: sweep(*arguments, "--resume")


@pytest.mark.parametrize("content", FORGED.values(), ids=FORGED)
def test_what_no_setting_can_have_is_refused(kept, content):
    """With the right digest: only the shape tells."""
    file, resume = kept
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        given = (content, journal_module._digest(1, content))
        assert connection.execute("UPDATE piece SET content = ?, digest = ? WHERE number = 1", given).rowcount == 1
    result = resume()
    assert (result.exit_code, result.stderr) == (
        2,
        f"error: {file}: is damaged; without the file the run starts over\n",
    )


@pytest.mark.parametrize("number", [-1, 2, 10**15])
def test_a_setting_that_the_sweep_does_not_have(kept, number):
    file, resume = kept
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        content = connection.execute("SELECT content FROM piece WHERE number = 1").fetchone()[0]
        given = number, content, journal_module._digest(number, content)
        connection.execute("INSERT INTO piece VALUES (?, ?, ?)", given)
    assert resume().stderr == f"error: {file}: is damaged; without the file the run starts over\n"


@pytest.mark.parametrize(
    "more",
    [
        "CREATE TRIGGER own AFTER INSERT ON piece BEGIN DELETE FROM piece; END",
        "CREATE TRIGGER own BEFORE UPDATE ON part BEGIN SELECT load_extension('x'); END",
        "CREATE VIEW own AS SELECT * FROM piece",
        "CREATE TABLE own (text)",
        "CREATE INDEX own ON piece (digest)",
        "ALTER TABLE piece ADD COLUMN own TEXT",
        "PRAGMA writable_schema = ON; UPDATE sqlite_master SET sql = 'CREATE TABLE piece (number' WHERE name = 'piece'",
    ],
)
def test_nothing_else_is_in_a_journal(kept, more):
    """Triggers would be run; whatever is there besides, the file is not a run's own."""
    file, resume = kept
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.executescript(more)
    result = resume()
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
    assert result.stderr.startswith(f"error: {file}: cannot be used: ")


def test_other_parts_are_named_without_being_repeated(kept):
    file, resume = kept
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("INSERT INTO part VALUES (?, 3)", (b"\x1b[31m",))
    assert resume().stderr == (
        f"error: {file}: is of another run, which differs in what it depends on; what it holds is kept\n"
    )


def test_sigterm_is_taken_as_an_interruption():
    with pytest.raises(KeyboardInterrupt), sweep_command_module._terminable():
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_every_setting_refused_is_an_error(tmp_path):
    """As of other commands: the exit code, and each with its reason. The file says the same."""
    output = tmp_path / "sweep.csv"
    result = sweep(LUCAR, "--max-states", "1", "--output", output)
    assert result.exit_code == 2
    first, *each = result.stderr.splitlines()
    assert first == f"error: {output}: the exact engine refused 4 of 4 settings, whose rows say 'refused'"
    assert [line.split(":")[1] for line in each] == [" 3+3", " boin", " crm", " tite-boin"]
    assert [row.split(",")[2] for row in output.read_text().splitlines()[1:]] == ["refused"] * 4


def test_settings_that_are_refused_are_listed(tmp_path):
    patients = [*range(60, 84), 12]
    grid = f"trial.max_patients={','.join(map(str, patients))}"
    result = sweep(LUCAR, "--design", "boin", "--grid", grid, "--max-states", "9000", "--output", tmp_path / "s.csv")
    assert result.exit_code == 0
    first, *each, last = result.stderr.splitlines()
    assert first.endswith("s.csv: the exact engine refused 24 of 25 settings, whose rows say 'refused'")
    assert len(each) == 20
    assert each[0].startswith("warning: boin (trial.max_patients=60): ")
    assert last == "warning: and 4 more"


def test_a_pyarrow_that_is_broken(tmp_path, monkeypatch):
    (tmp_path / "pyarrow.py").write_text('raise ImportError("libarrow.so: cannot open")')
    for name in [name for name in sys.modules if name.partition(".")[0] == "pyarrow"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(tmp_path)
    result = sweep(LUCAR, "--output", tmp_path / "sweep.parquet")
    assert result.exit_code == 2
    assert result.stderr.endswith("pyarrow cannot be imported: libarrow.so: cannot open\n")
