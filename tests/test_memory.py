"""How much memory there is to use: limits of control groups, of either version, and of the process."""

import subprocess
import sys

import pytest

from escalation.memory import machine_memory

MEGABYTE = 2**20
SMALL = 64 * MEGABYTE


@pytest.fixture
def groups(tmp_path):
    """A machine with the control groups of a process, and their limits by file."""

    def made(memberships: str, **limits: str):
        (tmp_path / "proc/self").mkdir(parents=True)
        (tmp_path / "proc/self/cgroup").write_text(memberships)
        for path, limit in limits.items():
            file = tmp_path / "sys/fs/cgroup" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{limit}\n")
        return machine_memory(tmp_path)

    return made


def test_without_limits(groups, tmp_path):
    whole = machine_memory(tmp_path)
    assert whole > SMALL
    assert groups("0::/\n", **{"memory.max": "max"}) == whole


@pytest.mark.parametrize(
    ("memberships", "limits"),
    [
        ("0::/\n", {"memory.max": SMALL}),
        ("0::/job/step\n", {"job/step/memory.max": SMALL, "memory.max": "max"}),
        ("0::/job/step\n", {"job/step/memory.max": "max", "job/memory.max": SMALL}),
        ("0::/job/step\n", {"job/step/memory.max": 2 * SMALL, "job/memory.max": SMALL}),
        ("0::/../../job\n", {"job/memory.max": SMALL}),
        ("0::/of/the/host\n", {"memory.max": SMALL}),
        ("3:cpu:/\n7:memory:/docker/4b\n", {"memory/docker/4b/memory.limit_in_bytes": SMALL}),
        ("7:memory,hugetlb:/docker/4b\n", {"memory/memory.limit_in_bytes": SMALL}),
        ("7:memory:/\n0::/\n", {"memory/memory.limit_in_bytes": SMALL, "memory.max": "max"}),
        ("7:memory:/a:b\n", {"memory/a:b/memory.limit_in_bytes": SMALL}),
    ],
)
def test_the_smallest_limit_of_the_groups_counts(groups, memberships, limits):
    assert groups(memberships, **limits) == SMALL


@pytest.mark.parametrize(
    ("memberships", "limits"),
    [
        ("7:memory:/\n", {"memory/memory.limit_in_bytes": 9223372036854771712}),
        ("", {}),
        ("nonsense\n:\n::\n", {"memory.max": "nonsense"}),
        ("3:cpu:/job\n", {"job/memory.max": SMALL}),
    ],
)
def test_what_is_no_limit(groups, tmp_path, memberships, limits):
    assert groups(memberships, **limits) > SMALL


def limited(program: str, kilobytes: int) -> str:
    shell = f"ulimit -v {kilobytes} && exec {sys.executable} -c '{program}'"
    return subprocess.run(["/bin/sh", "-c", shell], capture_output=True, text=True, check=True).stdout


@pytest.mark.skipif(sys.platform != "linux", reason="limits of addresses")
def test_limit_of_addresses():
    program = "from escalation.memory import machine_memory; print(machine_memory())"
    assert int(limited(program, 500_000)) == 500_000 * 1024
