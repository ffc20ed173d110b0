"""How a study is worked out, whatever it asks; nothing here changes a number."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypedDict

from escalation.engines.allowance import Allowance

Progress = Callable[[int, str], AbstractContextManager[Callable[[], None]]]
"""Shows progress as `silent` does not."""


@contextmanager
def silent(total: int, what: str) -> Iterator[Callable[[], None]]:  # noqa: ARG001 (others show them)
    """Show no progress: the default of the studies' `progress`, and the form of any other.

    It is called with the number of steps and what they are, such as "designs x truths"; what it yields is called after
    each step, while the block runs.

    Examples
    --------
    >>> from contextlib import contextmanager
    >>> @contextmanager
    ... def printed(total, what):
    ...     print(total, what)
    ...     yield lambda: print("done")
    >>> from escalation import BOIN, Trial, pcs_surface
    >>> surface = pcs_surface(BOIN(), Trial(doses=[1], target=0.25, max_patients=6), points=(9, 2), progress=printed)
    1 rows of points
    done
    """
    yield lambda: None


class Limits(TypedDict, total=False):
    """What work may take; see `engines.allowance.Allowance`."""

    # A design or setting for which the exact engine would take more is left out, and said to be; a run simulates it all
    # the same. Simulated trials that would take more are an error before any work is done.
    max_states: int | None
    max_seconds: float | None
    max_memory: float | None  # GB


def allowance(limits: Limits, **shared: Any) -> Allowance:
    """The limits as the engines look at them; for what else see there."""
    found = limits.get("max_states"), limits.get("max_seconds"), limits.get("max_memory")
    return Allowance(*found, **shared)


def limits_of(settings: Mapping[str, Any]) -> Limits:
    """The limits among other settings."""
    found: Limits = {}
    for name in ("max_states", "max_seconds", "max_memory"):
        if settings.get(name) is not None:
            found[name] = settings[name]
    return found


class Effort(Limits, total=False):
    """The last keywords of every study, in any order."""

    progress: Progress  # shows how far the work is; by default `silent`


class Work(Effort, total=False):
    """Those of a study whose pieces of work, each some kilobytes, other processes and machines can share."""

    executor: Executor | None  # what runs them; by default threads of this process. The numbers are the same.
