"""The process in which one task is timed. pyperf starts it; see `measuring`."""

import importlib
import json
import time
from argparse import Namespace
from collections.abc import Callable
from functools import cache
from typing import Any

import pyperf


def main() -> None:
    """Time the task that the first argument describes."""
    runner = pyperf.Runner(program_args=("-m", "benchmarks.worker"), add_cmdline_args=_pass_task)
    runner.argparser.add_argument("task")
    task = json.loads(runner.parse_args().task)

    @cache
    def work() -> Callable[..., Any]:
        # Prepared in the process that runs it only: pyperf's managing process never imports what is timed.
        module, _, function = task["prepare"].partition(":")
        prepared: Callable[..., Any] = getattr(importlib.import_module(module), function)(**task["arguments"])
        if not task["own_clock"]:
            prepared()
        return prepared

    def seconds(loops: int) -> float:
        run = work()
        if task["own_clock"]:
            return float(run(loops))
        start = time.perf_counter()
        for _ in range(loops):
            run()
        return time.perf_counter() - start

    runner.bench_time_func(task["name"], seconds)


def _pass_task(command: list[str], arguments: Namespace) -> None:
    command.append(arguments.task)


if __name__ == "__main__":
    main()
