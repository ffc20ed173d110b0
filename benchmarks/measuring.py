"""Timing: tasks take turns, each in processes of its own.

pyperf times a task: it starts the processes, finds how often the work must be repeated for the clock, and keeps the
machine's facts with the numbers. Tasks that are compared take turns, round after round, so that a slow spell of the
machine meets all of them.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import pyperf

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Task:
    """Work to be timed.

    Attributes
    ----------
    name : str
    prepare : str
        "module:function" of what prepares the work in the process that is to run it. It returns the work: a callable
        without arguments. Neither the preparation nor a first run, which loads compiled code, is timed.
    arguments : mapping
        What `prepare` is called with; numbers, texts and lists of them.
    own_clock : bool
        The work times itself: it is called with a number of repetitions and returns the seconds that they took.
        There is no first run then.
    """

    name: str
    prepare: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    own_clock: bool = False


@dataclass(frozen=True)
class Effort:
    """How long is measured.

    Attributes
    ----------
    rounds : int
        Turns of each task.
    values : int
        Values a turn.
    shortest : float
        Seconds that a value should take at least; work is repeated until it does. With 0 it is run once.
    """

    rounds: int = 5
    values: int = 3
    shortest: float = 0.1


ONCE = Effort(rounds=1, values=1, shortest=0.0)
"""To see that a benchmark works, not to learn from it."""


@dataclass(frozen=True)
class Measurement:
    """The values of one task.

    Attributes
    ----------
    rounds : tuple of tuple of float
        Seconds, by round.
    peak_bytes : int
        The most memory that a process running the task held.
    """

    rounds: tuple[tuple[float, ...], ...]
    peak_bytes: int

    @property
    def seconds(self) -> float:
        """The median of all values."""
        return statistics.median(value for values in self.rounds for value in values)

    @property
    def spread(self) -> float:
        """Half the distance between the fastest and the slowest round, as a share of the median."""
        medians = [statistics.median(values) for values in self.rounds]
        return (max(medians) - min(medians)) / 2 / self.seconds

    def ratio(self, other: "Measurement") -> float:
        """How many times as long this takes as `other`: the median over rounds, in each of which both had a turn."""
        pairs = zip(self.rounds, other.rounds, strict=True)
        return statistics.median(statistics.median(mine) / statistics.median(theirs) for mine, theirs in pairs)


def measure(
    tasks: Sequence[Task], effort: Effort, told: Callable[[str], None] = lambda _: None
) -> dict[str, Measurement]:
    """Time tasks, whose names differ, in turns.

    Parameters
    ----------
    tasks : sequence of Task
    effort : Effort
    told : callable
        Told what is being timed.

    Returns
    -------
    dict
        Measurements, by the tasks' names.

    Raises
    ------
    click.ClickException
        A task failed; with the last line that it said.
    """
    turns: dict[str, list[pyperf.Benchmark]] = {task.name: [] for task in tasks}
    for number in range(effort.rounds):
        for task in tasks:
            told(f"{task.name}, round {number + 1} of {effort.rounds}")
            earlier = turns[task.name]
            # Work is repeated as often as in the first round, where pyperf found out how often that must be; what has a
            # clock of its own knows how long it must work.
            loops = 1 if effort.shortest == 0 or task.own_clock else earlier[0].get_loops() if earlier else 0
            earlier.append(_turn(task, effort, loops))
    return {
        name: Measurement(
            tuple(turn.get_values() for turn in rounds),
            max(run.get_metadata()["mem_max_rss"] for turn in rounds for run in turn.get_runs()),
        )
        for name, rounds in turns.items()
    }


def _turn(task: Task, effort: Effort, loops: int) -> pyperf.Benchmark:
    described = {
        "name": task.name,
        "prepare": task.prepare,
        "arguments": dict(task.arguments),
        "own_clock": task.own_clock,
    }
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "run.json")
        options = {
            "--processes": 1,
            "--values": effort.values,
            "--warmups": 0,
            "--min-time": effort.shortest,
            "--loops": loops,
            "--output": file,
        }
        said = subprocess.run(
            [
                *(sys.executable, "-m", "benchmarks.worker", "--quiet", "--copy-env"),
                *(str(part) for option in options.items() for part in option),
                json.dumps(described),
            ],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if said.returncode:
            # The last traceback is that of the managing process, which says that the other one failed.
            why = said.stderr.rpartition("Traceback")[0] or said.stderr or said.stdout
            raise click.ClickException(f"{task.name}: {last_line(why)}")
        return pyperf.Benchmark.load(str(file))


def last_line(text: str) -> str:
    """The last line that is not empty: of a traceback, what went wrong."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
