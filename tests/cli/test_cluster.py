"""`--cluster`: a real scheduler and its workers, one of which is killed, give the bytes that one machine gives."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner
from distributed import Client

import escalation
from escalation import grid, load_scenario
from escalation.cli import main
from escalation.errors import ClusterError, ScenarioError
from escalation.studies.work import cluster
from escalation.studies.work.pieces import finished

LUCAR = Path(__file__).parents[2] / "scenarios" / "lucar-dks1.toml"
CUTOFFS = ",".join(f"0.{900 + number}" for number in range(60))
SWEEP = ["sweep", str(LUCAR), "--grid", f"boin.cutoff_eli={CUTOFFS}", "--generator", "logistic", "--count", "400"]
SWEEP += ["--design", "boin", "--quantity", "pcs"]


@contextmanager
def processes() -> Iterator[list[subprocess.Popen]]:
    """All that are started are ended, whatever happens."""
    started: list[subprocess.Popen] = []
    try:
        yield started
    finally:
        for process in started:
            process.kill()
        for process in started:
            process.wait()


def dask(started: list[subprocess.Popen], folder: Path, *arguments: str) -> subprocess.Popen:
    """`dask scheduler` or `dask worker`, as its documentation has them."""
    command = [sys.executable, "-m", "dask", *arguments]
    with (folder / f"{len(started)}.log").open("w") as log:
        started.append(subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT))
    return started[-1]


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory) -> Iterator[tuple[str, list[subprocess.Popen], Path]]:
    folder = tmp_path_factory.mktemp("cluster")
    told = folder / "scheduler.json"
    options = ["--host", "127.0.0.1", "--port", "0", "--dashboard-address", "127.0.0.1:0", "--no-show"]
    with processes() as started:
        dask(started, folder, "scheduler", *options, "--scheduler-file", str(told))
        deadline = time.monotonic() + 30
        while not (told.exists() and told.read_text().endswith("}")):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield json.loads(told.read_text())["address"], started, folder


def workers(scheduler, count: int, *, more: bool = False) -> list[subprocess.Popen]:
    """Start as many workers as are missing, or so many more."""
    address, started, folder = scheduler
    options = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1"]
    with Client(address, timeout=20, set_as_default=False) as client:
        there = len(client.nthreads())
        command = ["worker", address, *options, "--local-directory", str(folder)]
        found = [dask(started, folder, *command) for _ in range(count if more else count - there)]
        client.wait_for_workers(there + len(found), timeout=30)
    return found


@pytest.mark.long
def test_a_scheduler_without_workers(scheduler, monkeypatch):
    monkeypatch.setattr(cluster, "PATIENCE", 1)
    with pytest.raises(ClusterError, match="has no workers: `dask worker tcp"), cluster.cluster_executor(scheduler[0]):
        pass


@pytest.mark.long
def test_one_of_two_workers_is_killed(scheduler, tmp_path):
    alone, together = tmp_path / "alone.csv", tmp_path / "together.csv"
    assert CliRunner().invoke(main, [*SWEEP, "--output", str(alone)]).exit_code == 0
    first, second = workers(scheduler, 2, more=True)
    command = [sys.executable, "-m", "escalation", *SWEEP, "--output", together, "--cluster", scheduler[0]]
    with processes() as started:
        started.append(subprocess.Popen(command, stderr=subprocess.PIPE))
        log, seen = tmp_path / "together.csv.partial-wal", set()
        while len(seen) < 6 and started[0].poll() is None:
            if log.exists():
                seen.add(log.stat().st_mtime_ns)
            time.sleep(0.002)
        first.send_signal(signal.SIGKILL)
        still_at_work = started[0].poll() is None
        _, told = started[0].communicate(timeout=60)
    assert still_at_work
    assert (started[0].returncode, told) == (0, b"")
    assert second.poll() is None
    assert together.read_bytes() == alone.read_bytes()


@pytest.mark.long
@pytest.mark.parametrize(
    "command", [["robust", str(LUCAR), "--count", "2500", "--format", "csv"], ["worst", str(LUCAR)]]
)
def test_robust_and_worst(scheduler, command):
    workers(scheduler, 2)
    alone = CliRunner().invoke(main, command)
    together = CliRunner().invoke(main, [*command, "--cluster", scheduler[0]])
    assert (alone.exit_code, together.exit_code) == (0, 0), together.output
    assert together.stdout == alone.stdout


@pytest.mark.long
def test_other_versions_and_missing_packages(scheduler, tmp_path, monkeypatch):
    workers(scheduler, 1)
    address = scheduler[0]
    with monkeypatch.context() as here:
        here.setattr(escalation, "__version__", "0.0.1")
        with pytest.raises(ClusterError) as found, cluster.cluster_executor(address):
            pass
        assert str(found.value) == f"{address}: the scheduler has escalation 0.1.0, and this machine 0.0.1"
    (tmp_path / "only_here.py").write_text("__version__ = '1'")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(cluster, "SAME", ("only_here",))
    missing = "the scheduler has no only_here: No module named 'only_here'; the same pack"
    with pytest.raises(ClusterError, match=missing), cluster.cluster_executor(address):
        pass


@pytest.mark.long
def test_errors_of_workers_arrive_as_they_are(scheduler):
    workers(scheduler, 1)
    settings = grid(load_scenario(LUCAR), {"boin.p_tox": [2.0]})
    with cluster.cluster_executor(scheduler[0]) as executor, pytest.raises(ScenarioError) as found:
        executor.submit(list, settings).result(20)
    assert found.value.problems == ("boin.p_tox: should be less than 1",)


@pytest.mark.long
def test_a_piece_that_kills_its_workers(scheduler):
    """Lost workers are replaced until four have died of the same piece."""
    workers(scheduler, 4)
    address, killed = scheduler[0], "several workers died of one piece of work"
    with pytest.raises(ClusterError, match=killed), cluster.cluster_executor(address) as executor:
        list(finished(os._exit, [(1,)], executor))


@pytest.mark.long
def test_a_scheduler_that_is_lost(scheduler, monkeypatch):
    """The last of these tests: it ends the scheduler."""
    monkeypatch.setattr(cluster, "PATIENCE", 2)
    workers(scheduler, 1)
    address, lost = scheduler[0], "the connection to the scheduler was lost"
    begun = (scheduler[1][0].kill() or (0.2,) if number == 4 else (0.2,) for number in range(9))
    with pytest.raises(ClusterError, match=lost), cluster.cluster_executor(address) as executor:
        list(finished(time.sleep, begun, executor))
    with pytest.raises(ClusterError, match="no Dask scheduler answers"), cluster.cluster_executor(address):
        pass


def test_without_an_address_it_is_this_machine():
    with cluster.cluster_executor(None) as executor:
        assert executor is None


def test_without_dask(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    result = CliRunner().invoke(main, [*SWEEP, "--output", "sweep.csv", "--cluster", "tcp://127.0.0.1:8786"])
    assert result.exit_code == 2
    assert result.stderr == "error: a cluster needs distributed: pip install 'escalation[cluster]'\n"


@pytest.mark.parametrize(
    ("scheme", "said"), [("tcp", "no Dask scheduler answers"), ("tls", "cannot be reached by TLS: ")]
)
def test_what_accepts_a_connection_and_says_nothing(monkeypatch, scheme, said):
    monkeypatch.setattr(cluster, "PATIENCE", 1)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"{scheme}://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(ClusterError, match=said), cluster.cluster_executor(address):
            pass


@pytest.mark.parametrize("address", ["10.0.0.5", "tcp://u:p@10.0.0.5:1", "tcp://10.0.0.5:1?x=1", "http://10.0.0.5:1"])
def test_what_is_no_address(address):
    with (
        pytest.raises(ClusterError, match="should be the address of a Dask scheduler"),
        cluster.cluster_executor(address),
    ):
        pass
