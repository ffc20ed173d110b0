"""What a report says of designs over many truths."""

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import groupby
from math import isnan
from typing import Any

from escalation.kernels.codes import NO_DOSE
from escalation.report.blocks import Block, Grid, Heading, Lines
from escalation.report.numbers import ROUNDING, count, mean, percent
from escalation.report.pages.run import trial_heading
from escalation.studies.robust import ALL, NONE, Contrast, Robustness, Spread, Summary
from escalation.trial.trial import Trial
from escalation.version import __version__

TAILS = {"pcs": "q05", "overdosing": "q95"}
"""Quantities of which there is a spread, and what its tail is called."""

COLUMNS = ["scenario", "mtd", "design", "reference", "truths", "quantity", "value", "truth"]


def robustness_blocks(found: Robustness) -> Iterator[Block]:
    """A page: the trial and its truths, PCS, overdosing, designs against each other, and the worst truths."""
    trial = found.scenario.trial
    summaries = list(found.summaries())
    title, lines = trial_heading(found.scenario, found.expectations)
    yield Heading(title, level=1)
    yield Lines((*lines, found.truths.description))
    yield Heading("Probability of correct selection (PCS), %")
    yield _by_position(summaries, trial, ["mean", "+-", "5 %", "worst", "optimal", "efficiency %"], _pcs_row)
    yield Heading("Overdosing and sample size")
    header = ["mean %", "95 %", "worst", "> target %", "patients"]
    yield _by_position(summaries, trial, header, _overdosing_row)
    contrasts = [one for one in found.contrasts() if one.mtd == ALL]
    if contrasts:
        yield Heading("Designs against each other under the same truths")
        rows = [_contrast_row(one) for one in contrasts]
        yield Grid(["design - reference", "PCS %", "+-", "better in %", "worse in %"], [rows])
    yield Heading("Truths with the lowest PCS")
    yield _by_position(
        summaries,
        trial,
        ["PCS %", "optimal %", "truth", "true DLT rates %"],
        lambda one: _worst_row(found, one),
        frozenset({3, 4}),
    )
    yield Lines(tuple(footnotes(found)), listed=True)
    if found.refusals:
        yield Lines(tuple(f"{label} is left out: {reason}." for label, reason in found.refusals.items()), listed=True)


def _by_position(
    summaries: list[Summary],
    trial: Trial,
    header: list[str],
    row: Callable[[Summary], list[str]],
    words: frozenset[int] = frozenset(),
) -> Grid:
    """A row for each design, below one that names the position of the MTD."""
    groups = []
    for (mtd, truths), designs in groupby(summaries, key=lambda one: (one.mtd, one.truths)):
        first = [f"{position_name(mtd, trial)}: {count(truths, 'truth')}", *[""] * len(header)]
        groups.append([first, *([f"  {one.design}", *row(one)] for one in designs)])
    return Grid(["MTD, design", *header], groups, words=words)


def position_name(mtd: str, trial: Trial) -> str:
    """What a position of the MTD is called on a page."""
    if mtd == ALL:
        return "all"
    return "no dose correct" if mtd == NONE else f"MTD at {trial.dose_names[int(mtd) - 1]}"


def _pcs_row(one: Summary) -> list[str]:
    numbers = percent(one.pcs.mean), _error(one.pcs.standard_error), percent(one.pcs.tail), percent(one.pcs.worst)
    return [*numbers, *("" if part is None else percent(part) for part in (one.optimal_pcs, one.efficiency))]


def _overdosing_row(one: Summary) -> list[str]:
    risk = one.overdosing
    numbers = ["", "", ""] if risk is None else [*map(percent, (risk.mean, risk.tail, risk.worst))]
    return [*numbers, percent(one.above_mtd), mean(one.sample_size)]


def _contrast_row(one: Contrast) -> list[str]:
    shown = f"{100 * one.mean:+.1f}" if abs(one.mean) > ROUNDING else "0.0"
    name = f"{one.design} - {one.reference}"
    return [name, shown, _error(one.standard_error), percent(one.better), percent(one.worse)]


def _worst_row(found: Robustness, one: Summary) -> list[str]:
    place = one.pcs.worst_truth
    optimal = found.optimal_pcs[place]
    rates = ", ".join(map(percent, found.truths.rates[place].tolist()))
    return [percent(one.pcs.worst), "" if isnan(optimal) else percent(optimal), found.truths.names[place], rates]


def _error(standard_error: float | None) -> str:
    if standard_error is None:
        return ""
    return percent(standard_error if standard_error > ROUNDING else 0.0)


def footnotes(found: Robustness) -> list[str]:
    """What the columns mean."""
    errors = ["+-: standard error of the mean, because the truths are a sample."] if found.truths.drawn else []
    return [
        "Exact under each truth; means, quantiles and worst values are over truths.",
        *errors,
        "5 %: the smallest value such that at least 5 % of truths have no larger one.",
        "95 %: likewise. Worst: the smallest PCS, the largest overdosing.",
        "Optimal: PCS of the non-parametric optimal benchmark; efficiency: PCS / optimal.",
        "These and overdosing are over truths with a correct dose.",
        "Overdosing: probability that more than 60 % of patients are above the MTD.",
        "> target: patients at doses whose true rate exceeds it. Patients: mean.",
        "Better, worse: share of truths with a larger, a smaller PCS.",
    ]


def to_tree(found: Robustness) -> dict[str, Any]:
    """The summaries for JSON, at full precision."""
    scenario, truths = found.scenario, found.truths
    return {
        "version": __version__,
        "scenario": scenario.name,
        "target": scenario.trial.target,
        "doses": list(scenario.trial.doses),
        "warnings": [
            *scenario.warnings,
            *(f"design '{label}': left out: {reason}" for label, reason in found.refusals.items()),
        ],
        "designs": list(found.expectations),
        "truths": {"description": truths.description, "count": len(truths), "drawn": truths.drawn},
        "summaries": [
            asdict(one)
            | {"mtd": _level(one.mtd)}
            | {name: _spread(found, getattr(one, name), tail) for name, tail in TAILS.items()}
            for one in found.summaries()
        ],
        "contrasts": [asdict(one) | {"mtd": _level(one.mtd)} for one in found.contrasts()],
    }


def _level(mtd: str) -> int | str:
    """A dose level as a number."""
    return mtd if mtd in (ALL, NONE) else int(mtd)


def _spread(found: Robustness, spread: Spread | None, tail: str) -> dict[str, Any] | None:
    if spread is None:
        return None
    return {
        "mean": spread.mean,
        "standard_error": spread.standard_error,
        tail: spread.tail,
        "worst": spread.worst,
        "worst_truth": found.truths.names[spread.worst_truth],
        "worst_dlt_rates": found.truths.rates[spread.worst_truth].tolist(),
    }


def to_csv(found: Robustness) -> str:
    """A row for each design, position of the MTD and number, at full precision.

    `reference` is the design that PCS is compared with; `truth` the one with the worst value.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    tree = to_tree(found)
    for one in tree["summaries"]:
        for quantity, tail in TAILS.items():
            spread = one[quantity] or {}
            for name in ("mean", "standard_error", tail, "worst"):
                truth = spread.get("worst_truth", "") if name == "worst" else ""
                writer.writerow(_row(found, one, "", f"{quantity}.{name}", spread.get(name), truth))
        for quantity in ("above_mtd", "sample_size", "optimal_pcs"):
            writer.writerow(_row(found, one, "", f"{quantity}.mean", one[quantity], ""))
        writer.writerow(_row(found, one, "", "efficiency", one["efficiency"], ""))
    for one in tree["contrasts"]:
        for name in ("mean", "standard_error", "better", "worse"):
            writer.writerow(_row(found, one, one["reference"], f"pcs_difference.{name}", one[name], ""))
    return text.getvalue()


def _row(
    found: Robustness, one: dict[str, Any], reference: str, quantity: str, value: float | None, truth: str
) -> list[Any]:
    return [found.scenario.name, one["mtd"], one["design"], reference, one["truths"], quantity, value, truth]


def each_to_csv(found: Robustness) -> str:
    """A row for each truth and design with every number, at full precision."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    truths = found.truths
    mtd = ["none" if dose == NO_DOSE else dose + 1 for dose in truths.mtd.tolist()]
    rates = [f"dlt_rate.{dose + 1}" for dose in range(found.scenario.trial.levels)]
    quantities = next(iter(found.expectations.values())).by_quantity()
    writer.writerow(["scenario", "truth", "mtd", *rates, "optimal_pcs", "design", *quantities])
    optimal = ["" if value != value else value for value in found.optimal_pcs.tolist()]  # noqa: PLR0124 (not a number)
    columns = {
        label: zip(*(values.tolist() for values in one.by_quantity().values()), strict=True)
        for label, one in found.expectations.items()
    }
    for name, position, truth, best in zip(truths.names, mtd, truths.rates.tolist(), optimal, strict=True):
        for label, numbers in columns.items():
            writer.writerow([found.scenario.name, name, position, *truth, best, label, *next(numbers)])
    return text.getvalue()
