"""Progress of a study: the study says how much there is to do, and whoever asked for it may show it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

Progress = Callable[[int, str], AbstractContextManager[Callable[[], None]]]
"""Shows progress as `silent` does not."""


@contextmanager
def silent(total: int, what: str) -> Iterator[Callable[[], None]]:  # noqa: ARG001 (others show them)
    """Show no progress: the default of the studies' `progress`, and the form of any other.

    Parameters
    ----------
    total : int
        Steps to do.
    what : str
        What they are, such as "designs x truths".

    Yields
    ------
    function
        Called after each step, while the block runs.

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
