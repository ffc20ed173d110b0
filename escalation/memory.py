"""How much memory this process may use: the machine's, or less where a limit is set."""

import os
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

UNKNOWN = 4_000_000_000
"""Bytes, where the system does not tell."""


def machine_memory(root: Path | None = None) -> int:
    """Bytes of the machine, or of what a control group (a container, a job) or `ulimit -v` allows if that is less.

    `root` is where /proc and /sys lie if not at the top.
    """
    groups = _of_own_control_groups() if root is None else tuple(_of_control_groups(root))
    return min([_physical(), *groups, *_of_limits()])


@cache
def _of_own_control_groups() -> tuple[int, ...]:
    """Read once: reading takes as long as a small enumeration."""
    return tuple(_of_control_groups(Path("/")))


def _physical() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return UNKNOWN


def _of_limits() -> Iterator[int]:
    """Limits of the process itself: of its addresses and its data."""
    try:
        import resource
    except ModuleNotFoundError:  # as on Windows
        return
    for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA):
        allowed, _ = resource.getrlimit(kind)
        if allowed != resource.RLIM_INFINITY:
            yield allowed


def _of_control_groups(root: Path) -> Iterator[int]:
    """Limits of the groups that the process is in, and of those that these are in, of either version."""
    try:
        memberships = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for membership in memberships:  # such as 0::/user.slice or 7:memory:/docker/4b
        _, controllers, group = [*membership.split(":", 2), "", ""][:3]
        if controllers == "":
            top, name = root / "sys/fs/cgroup", "memory.max"
        elif "memory" in controllers.split(","):
            top, name = root / "sys/fs/cgroup/memory", "memory.limit_in_bytes"
        else:
            continue
        # In a container the path may be the host's, of which only the top is there to see.
        parts = [part for part in group.split("/") if part not in ("", "..")]
        for depth in range(len(parts) + 1):
            with suppress(OSError, ValueError):  # ValueError: "max"
                yield int(top.joinpath(*parts[:depth], name).read_text())
