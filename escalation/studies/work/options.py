"""How a study is worked out, whatever it asks; nothing here changes a number."""

from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TypedDict

from escalation.studies.work.progress import Progress, silent


@dataclass(frozen=True)
class Effort:
    """The last keywords of every study, in any order.

    Parameters
    ----------
    max_states : int, optional
        As for `escalation.exact`. A design or setting for which the exact engine refuses is left out, and said to be; a
        run simulates it all the same.
    progress : function, optional
        Shows how far the work is; by default `studies.work.progress.silent`, which says what it is called with.
    """

    max_states: int | None = None
    progress: Progress = silent


@dataclass(frozen=True)
class Work(Effort):
    """Those of a study whose pieces of work, each some kilobytes, other processes and machines can share.

    Parameters
    ----------
    executor : concurrent.futures.Executor, optional
        What runs them; by default threads of this process. The numbers are the same.
    """

    executor: Executor | None = None


class EffortOptions(TypedDict, total=False):
    """Keywords of `Effort`."""

    max_states: int | None
    progress: Progress


class WorkOptions(EffortOptions, total=False):
    """Keywords of `Work`."""

    executor: Executor | None
