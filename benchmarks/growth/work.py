"""What is timed: one engine, from a design to the outcomes under its truths. It runs in a process of its own."""

import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks.growth.axes import EXACT, Setting
from escalation import exact, simulate

SHORTEST = 0.05
"""Seconds: shorter work is repeated for so long."""


def engine_work(setting: Setting) -> Callable[[], int]:
    """What takes a setting from the design to the outcomes; it returns the exact engine's states, of the other 0.

    Nothing is kept, so that a repetition needs no more memory than one run. The engines run on one thread.
    """
    design, trial, truths = setting.design_made(), setting.trial(), setting.rates()
    seeds = count()  # other patients each time: those of a short run are kept, and would not be drawn again

    def enumerated() -> int:
        endings = exact(design, trial)
        for rates in truths:
            endings.outcomes(rates)
        return endings.states

    def simulated() -> int:
        for rates in truths:
            simulate(design, trial, rates, trials=setting.trials, seed=next(seeds), threads=1)
        return 0

    return enumerated if setting.engine == EXACT else simulated


def prepare(*, states_to: str, **sizes: Any) -> Callable[[int], float]:
    """Load the compiled code by a tiny trial.

    Parameters
    ----------
    states_to : str
        Where the number of states is written.
    sizes
        Of the setting.

    Returns
    -------
    function
        Of a number of repetitions: seconds that they take.
    """
    setting = Setting(**sizes)
    engine_work(setting.tiny)()
    work = engine_work(setting)

    def seconds(loops: int) -> float:
        repeated, start, taken = 0, time.perf_counter(), 0.0
        while taken < SHORTEST:
            states = work()
            repeated += 1
            taken = time.perf_counter() - start
        Path(states_to).write_text(str(states), encoding="utf-8")
        return loops * taken / repeated

    return seconds
