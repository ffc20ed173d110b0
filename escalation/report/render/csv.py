"""A run as comma-separated values: a row for each number, at full precision."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from escalation.studies.run import Run

COLUMNS = ["scenario", "design", "truth", "engine", "quantity", "dose", "value", "mcse"]


def to_csv(runs: Sequence[Run]) -> str:
    """All runs in one table.

    `quantity` names an operating characteristic (`sample_size.q95`, `stop_reasons.too_toxic`); for a distribution it
    ends in the value (`sample_size.distribution.36`). `dose` is the dose level, from 1, where each dose has a number.
    `mcse` is empty where a number is exact or has no standard error. `optimal` is the benchmark of the truth.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for run in runs:
        for result in run.results:
            names = (run.scenario.name, result.design, result.truth.name)
            for engine, oc in (("exact", result.exact), ("simulated", result.simulated)):
                if oc is None:
                    continue
                errors = dict(_numbers(result.standard_errors(oc) or {}))
                for (quantity, dose), value in _numbers(result.numbers(oc)):
                    error = errors.get((quantity, dose), "")
                    writer.writerow([*names, engine, quantity, dose, value, error])
            if result.benchmark is not None:
                for (quantity, dose), value in _numbers({"optimal": asdict(result.benchmark)}):
                    writer.writerow([*names, "exact", quantity, dose, value, ""])
    return text.getvalue()


def _numbers(tree: dict[str, Any], path: str = "") -> Iterator[tuple[tuple[str, int | str], float]]:
    """The numbers of a tree with their names and dose levels."""
    for name, part in tree.items():
        where = f"{path}.{name}" if path else name
        if isinstance(part, dict):
            yield from _numbers(part, where)
        elif name == "distribution":
            yield from (((f"{where}.{value}", ""), probability) for value, probability in part)
        elif isinstance(part, tuple):
            yield from (((where, dose), value) for dose, value in enumerate(part, 1))
        elif part is not None:
            yield (where, ""), part
