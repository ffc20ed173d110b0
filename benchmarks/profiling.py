"""Where the time of some work goes, by the functions that are known to take it."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any, NamedTuple

REST = "the rest"


class Part(NamedTuple):
    """A function that a module calls by this name, and what it does."""

    module: str
    function: str
    what: str


def profile(work: Callable[[], Any], parts: Sequence[Part], repeats: int) -> dict[str, float]:
    """Shares of the time of some work, by what it is spent on; the parts must not call each other.

    Python's own profilers do not see compiled functions.

    Parameters
    ----------
    work : callable
        Without arguments; its first run is not looked at.
    parts : sequence of Part
    repeats : int
    """
    work()
    spent = dict.fromkeys((part.what for part in parts), 0.0)
    with _watched(parts, spent):
        start = time.perf_counter()
        for _ in range(repeats):
            work()
        whole = time.perf_counter() - start
    return {what: seconds / whole for what, seconds in spent.items()} | {REST: 1 - sum(spent.values()) / whole}


@contextmanager
def _watched(parts: Sequence[Part], spent: dict[str, float]) -> Iterator[None]:
    """While the block runs, the parts add the seconds that they take."""
    originals = [getattr(import_module(part.module), part.function) for part in parts]

    def watch(function: Callable[..., Any], what: str) -> Callable[..., Any]:
        def watched(*arguments: Any, **options: Any) -> Any:
            start = time.perf_counter()
            try:
                return function(*arguments, **options)
            finally:
                spent[what] += time.perf_counter() - start

        return watched

    for part, original in zip(parts, originals, strict=True):
        setattr(import_module(part.module), part.function, watch(original, part.what))
    try:
        yield
    finally:
        for part, original in zip(parts, originals, strict=True):
            setattr(import_module(part.module), part.function, original)
