"""The tables of growth, and its CSV."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence

from benchmarks.growth.axes import EXACT, Axis, grid_points
from benchmarks.growth.campaign import Point
from benchmarks.growth.fits import Growth, growth
from benchmarks.units import duration, memory
from escalation.report.blocks import TextTable

TELLING_BYTES = 4e6
"""Less memory than this is too little for an exponent."""

COLUMNS = (
    "axis",
    "size",
    "engine",
    "design",
    "doses",
    "patients",
    "cohort_size",
    "truths",
    "trials",
    "grid_points",
    "states",
    "seconds",
    "spread",
    "bytes_above_baseline",
    "not_run",
)

Series = tuple[str, str]


def by_series(points: Iterable[Point]) -> dict[Axis, dict[Series, list[Point]]]:
    """Points by axis, engine and design, in their order."""
    found: dict[Axis, dict[Series, list[Point]]] = {}
    for point in points:
        series = found.setdefault(point.axis, {})
        series.setdefault((point.setting.engine, point.setting.design), []).append(point)
    return found


def measured(points: Iterable[Point]) -> list[Point]:
    """Those that were run."""
    return [point for point in points if point.measurement is not None]


def growth_of(points: Sequence[Point], value: Callable[[Point], float], least: float = 0.0) -> Growth | None:
    """How a value of the points of one series grows, as far as it is above `least`."""
    chosen = [point for point in measured(points) if value(point) > least]
    return growth([point.size for point in chosen], [value(point) for point in chosen])


def size_table(axis: Axis, series: dict[Series, list[Point]]) -> TextTable:
    """Time and memory at every size; of the exact engine the states too."""
    header, columns = [axis.unit], [[f"{size:,}" for size in axis.sizes]]
    for (engine, design), points in series.items():
        if engine == EXACT:
            header.append(f"{design} states")
            columns.append([f"{point.states:,}" if point.measurement else "" for point in points])
        header.append(f"{engine} {design}")
        columns.append([_cell(point) for point in points])
    rows = [list(row) for row in zip(*columns, strict=True)]
    return TextTable(header, [rows], caption=f"{axis.unit[0].upper()}{axis.unit[1:]}: time, memory; {axis.about}.")


def _cell(point: Point) -> str:
    if point.measurement is None:
        return point.reason
    return f"{duration(point.seconds)}, {memory(point.extra_bytes)}"


def exponent_table(found: dict[Axis, dict[Series, list[Point]]]) -> TextTable:
    """The exponents of time, memory and states."""
    header = ["growing", "engine, design", "upper part"]
    header += ["time", "at the end", "overall", "memory", "at the end", "states", "at the end"]
    groups = []
    for axis, series in found.items():
        rows = []
        for (engine, design), points in series.items():
            time = growth_of(points, lambda point: point.seconds)
            space = growth_of(points, lambda point: point.extra_bytes, TELLING_BYTES)
            states = growth_of(points, lambda point: point.states)
            part = "" if time is None else f"{time.part[0]:,} to {time.part[1]:,}"
            rows.append(
                [
                    *(axis.unit, f"{engine} {design}", part),
                    *(*_pair(time), "" if time is None else digits(time.overall), *_pair(space), *_pair(states)),
                ]
            )
        groups.append(rows)
    caption = (
        "Exponents: growth with this power of the size. Fitted over the upper part of the sizes, of the last step "
        "(at the end), and over all sizes (overall). Memory: of the sizes that take more than 4 MB."
    )
    return TextTable(header, groups, words=frozenset({1, 2}), caption=caption)


def _pair(found: Growth | None) -> tuple[str, str]:
    return ("", "") if found is None else (digits(found.upper), digits(found.last))


def digits(exponent: float) -> str:
    """An exponent for people."""
    return f"{round(exponent, 1) + 0.0:.1f}"  # no minus before a zero


def to_csv(points: Iterable[Point]) -> bytes:
    """A row for each size, engine and design; what was not run has a reason in place of numbers."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(map(list, map(_row, points)))
    return text.getvalue().encode()


def _row(point: Point) -> Iterator[object]:
    setting = point.setting
    is_exact, has_curves = setting.engine == EXACT, setting.design == "crm"
    yield from (point.axis.name, point.size, setting.engine, setting.design)
    yield from (setting.doses, setting.patients, setting.cohort_size, setting.truths)
    yield "" if is_exact else setting.trials
    yield grid_points(setting.patients, setting.doses) * setting.copies if has_curves else ""
    if point.measurement is None:
        yield from ("", "", "", "", point.reason)
        return
    yield point.states if is_exact else ""
    yield from (f"{point.seconds:.6g}", "" if point.spread is None else f"{point.spread:.3f}", point.extra_bytes, "")
