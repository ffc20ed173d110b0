"""Measuring all axes: size by size, so that what will take too long is seen beforehand and left out."""

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import zip_longest
from pathlib import Path

from benchmarks.growth.axes import EXACT, Axis, Setting
from benchmarks.growth.fits import predicted
from benchmarks.growth.work import engine_work
from benchmarks.measuring import Effort, Measurement, Task, measure
from benchmarks.section import Scale
from escalation import StateSpaceError
from escalation.engines.allowance import Allowance
from escalation.engines.bound import check_bound
from escalation.plans.table import TablePlan
from escalation.running.start import start_of

BRIEF = Effort(rounds=1, values=3, shortest=0.0)
"""Work repeats itself until the clock can tell."""

LONG = Effort(rounds=1, values=1, shortest=0.0)
"""For work of more than LONG_SECONDS."""

LONG_SECONDS = 2.0


@dataclass(frozen=True)
class Point:
    """One size of one series.

    Attributes
    ----------
    axis : Axis
    size : int
    setting : Setting
    measurement : Measurement or None
        None where it was not run.
    extra_bytes : int
        The most memory above that of the same engine and design with next to nothing to do.
    states : int
        Of the exact engine, else 0.
    reason : str
        Why it was not run: "refused", or how long it would take.
    """

    axis: Axis
    size: int
    setting: Setting
    measurement: Measurement | None
    extra_bytes: int = 0
    states: int = 0
    reason: str = ""

    @property
    def seconds(self) -> float:
        """The median of the values; of a point that was measured."""
        assert self.measurement is not None
        return self.measurement.seconds

    @property
    def spread(self) -> float | None:
        """Half the distance between the smallest and the largest value, as a share of the median."""
        assert self.measurement is not None
        values = [value for values in self.measurement.rounds for value in values]
        return None if len(values) == 1 else (max(values) - min(values)) / 2 / self.seconds


class Campaign:
    """Measurements of settings; none is measured twice.

    Parameters
    ----------
    scale : Scale
    """

    def __init__(self, scale: Scale) -> None:
        self._scale = scale
        self._measured: dict[Setting, tuple[Measurement, int]] = {}

    def points(self, axes: Iterable[Axis]) -> list[Point]:
        """All axes, series by series; sizes that are refused or take too long are there without a measurement."""
        series: dict[tuple[Axis, str, str], list[Point]] = {
            (axis, engine, design): [] for axis in axes for engine, design in axis.series
        }
        tiny = {axis.setting(engine, design, axis.sizes[0]).tiny for axis, engine, design in series}
        for setting in tiny:
            engine_work(setting)()  # where nothing was compiled yet, so that no compiler's memory is measured
        self._measure((setting, 0.0) for setting in sorted(tiny, key=str))
        # The same rank of all series is one batch: each needs what came before it.
        ranks = zip_longest(*([(key, size) for size in key[0].sizes] for key in series))
        for rank in ranks:
            chosen = [(key, size) for key, size in filter(None, rank)]
            expected = [_expected(size, series[key]) for key, size in chosen]
            settings = [axis.setting(engine, design, size) for (axis, engine, design), size in chosen]
            reasons = [
                _reason(setting, key[0], seconds, series[key])
                for setting, (key, _), seconds in zip(settings, chosen, expected, strict=True)
            ]
            runs = zip(settings, expected, reasons, strict=True)
            self._measure((setting, seconds) for setting, seconds, reason in runs if not reason)
            for (key, size), setting, reason in zip(chosen, settings, reasons, strict=True):
                series[key].append(self._point(key[0], size, setting, reason))
        return [point for points in series.values() for point in points]

    def _point(self, axis: Axis, size: int, setting: Setting, reason: str) -> Point:
        if reason:
            return Point(axis, size, setting, None, reason=reason)
        measurement, states = self._measured[setting]
        baseline, _ = self._measured[setting.tiny]
        return Point(axis, size, setting, measurement, measurement.peak_bytes - baseline.peak_bytes, states)

    def _measure(self, settings: Iterable[tuple[Setting, float]]) -> None:
        """Measure settings, with the seconds that each is expected to take, if that has not been done."""
        wanted = {setting: seconds for setting, seconds in settings if setting not in self._measured}
        with tempfile.TemporaryDirectory() as folder:
            for effort, is_long in ((self._scale.effort if self._scale.small else BRIEF, False), (LONG, True)):
                part = [setting for setting, seconds in wanted.items() if (seconds > LONG_SECONDS) == is_long]
                files = [Path(folder, str(number)) for number in range(len(part))]
                tasks = [_task(setting, file) for setting, file in zip(part, files, strict=True)]
                found = measure(tasks, effort, self._scale.told)
                for setting, task, file in zip(part, tasks, files, strict=True):
                    self._measured[setting] = found[task.name], int(file.read_text(encoding="utf-8"))


def _task(setting: Setting, states_to: Path) -> Task:
    named = asdict(setting)
    name = ", ".join(f"{value} {what.replace('_', ' ')}" for what, value in named.items() if not isinstance(value, str))
    return Task(
        name=f"{setting.engine} {setting.design}: {name}",
        prepare="benchmarks.growth.work:prepare",
        arguments={"states_to": str(states_to), **named},
        own_clock=True,
    )


def _expected(size: int, before: Sequence[Point]) -> float:
    """Seconds that the next size will take, from the sizes before it."""
    known = [point for point in before if point.measurement is not None]
    if not known:
        return 0.0
    return predicted([point.size for point in known], [point.seconds for point in known], size)


def _reason(setting: Setting, axis: Axis, seconds: float, before: Sequence[Point]) -> str:
    """Why a setting is not run; empty if it is."""
    if setting.engine == EXACT and is_refused(setting):
        return "refused"
    left_out = any(point.measurement is None for point in before)
    if seconds > axis.longest or left_out:
        return f"not run, >{axis.longest:.0f} s"
    return ""


def is_refused(setting: Setting, max_states: int | None = None) -> bool:
    """Whether the exact engine refuses by its bound, without which it would have to go on until it is at its limit."""
    plan = start_of(setting.design_made(), setting.trial(), None).plan
    try:
        if isinstance(plan, TablePlan):
            check_bound(plan, Allowance(max_states).most_states(plan))
    except StateSpaceError:
        return True
    return False
