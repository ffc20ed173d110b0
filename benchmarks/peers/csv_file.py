"""All times and agreements as a CSV, whose numbers are not rounded for the page."""

import csv
import io
from collections.abc import Iterator, Sequence

from benchmarks.measuring import Measurement
from benchmarks.peers.comparison import Beside, Comparison, Ours

COLUMNS = (
    "setting",
    "rules",
    "who",
    "kind",
    "trials timed",
    "seconds",
    "spread",
    "seconds per 1,000 trials",
    "ratio to exact at 1,000",
    "ratio of rates",
    "trials compared",
    "largest |z|",
    "p",
    "agrees",
)

Cell = str | int | float | None


def to_csv(compared: Sequence[Comparison]) -> bytes:
    """A line for each of our times and each contender; what does not apply is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in compared:
        for rules in one.rules:
            ours = one.ours[rules.name]
            lines = [*_own(ours), *(_theirs(row, ours) for row in one.beside if row.contender.rules is rules)]
            writer.writerows([one.setting.name, rules.name, *map(_told, line)] for line in lines)
    return text.getvalue().encode()


def _own(ours: Ours) -> Iterator[list[Cell]]:
    nothing_compared: list[Cell] = [None] * 4
    exactly = ours.exact
    yield ["this package", "exact", None, *_time(exactly), None, 1.0, None, *nothing_compared]
    most = ours.simulated[ours.most]
    for trials, measured in ours.simulated.items():
        each = measured.seconds / trials
        ratios = measured.ratio(exactly) * 1000 / trials, measured.ratio(most) * ours.most / trials
        yield ["this package", "simulated", trials, *_time(measured), 1000 * each, *ratios, *nothing_compared]


def _theirs(row: Beside, ours: Ours) -> list[Cell]:
    """A contender's line; an answer that does not agree gets no ratios, as on the page."""
    each, found = row.seconds_per_trial, row.verdict
    who, timed = row.contender.name, _time(row.measured)
    start: list[Cell] = (
        [who, "exact", None, *timed, None] if each is None else [who, "simulated", row.trials, *timed, 1000 * each]
    )
    ratios = (
        row.times_exact(ours, 1000) if found.agrees else None,
        row.times_simulated(ours) if found.agrees and each is not None else None,
    )
    return [*start, *ratios, row.answer.trials, found.max_abs_z, found.p_value, "yes" if found.agrees else "NO"]


def _time(measured: Measurement) -> tuple[float, float]:
    return measured.seconds, measured.spread


def _told(cell: Cell) -> str:
    if cell is None:
        return ""
    return f"{cell:.6g}" if isinstance(cell, float) else str(cell)
