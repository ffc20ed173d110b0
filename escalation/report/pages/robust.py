"""What is said of designs over many truths: a page, a tree, and tidy tables."""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import groupby
from math import isnan
from typing import Any

from escalation.kernels.codes import NO_DOSE
from escalation.report.blocks import Block, Heading, TextTable
from escalation.report.preamble import closing, head, opening, refusal_warnings
from escalation.report.wording import ROUNDING, count, mean, months, percent, rates_text
from escalation.studies.evaluate import TOO_MANY
from escalation.studies.robust import ALL, NONE, Contrast, Floats, Robustness, Spread, Summary
from escalation.tidy import OF_THE_QUANTITY, Column, Table, columns
from escalation.trial.trial import Trial

TAILS = {"pcs": "q05", "overdosing": "q95"}
"""Quantities of which there is a spread, and what its tail is called."""

COLUMNS = (
    *columns("scenario", "mtd", "design", "reference"),
    Column("truths", "truths", int),
    Column("quantity"),
    Column("value", OF_THE_QUANTITY, float),
    Column("truth"),
)

MEANS = {"sample_size": "patients", "patients": "patients", "total_dlts": "DLTs", "dlts": "DLTs", "duration": "days"}
"""Units of the means of counts and days; all other means are probabilities and shares."""


def robustness_blocks(found: Robustness) -> Iterator[Block]:
    """A page: the trial and its truths, PCS, overdosing, designs against each other, and the worst truths."""
    trial = found.scenario.trial
    summaries = list(found.summaries())
    yield from opening(found.scenario, found.expectations, found.truths.description)
    yield Heading("Probability of correct selection (PCS), %")
    yield _by_position(summaries, trial, ["mean", "+-", "5 %", "worst", "optimal", "efficiency %"], _pcs_row)
    timed = is_timed(summaries)
    yield Heading("Overdosing, sample size and duration" if timed else "Overdosing and sample size")
    header = ["mean %", "95 %", "worst", "> target %", "patients", *(["months"] if timed else [])]
    yield _by_position(summaries, trial, header, lambda one: [*_overdosing_row(one), *([months(one.duration)] * timed)])
    contrasts = [one for one in found.contrasts() if one.mtd == ALL]
    if contrasts:
        yield Heading("Designs against each other under the same truths")
        rows = [_contrast_row(one) for one in contrasts]
        yield TextTable(["design - reference", "PCS %", "+-", "better in %", "worse in %"], [rows])
    yield Heading("Truths with the lowest PCS")
    header = ["PCS %", "optimal %", "truth", "true DLT rates %"]
    yield _by_position(summaries, trial, header, lambda one: _worst_row(found, one), frozenset({3, 4}))
    yield from closing(footnotes(found), found.refusals)


def is_timed(summaries: list[Summary]) -> bool:
    """Whether it is known how long any of the trials take."""
    return any(one.duration is not None for one in summaries)


def _by_position(
    summaries: list[Summary],
    trial: Trial,
    header: list[str],
    row: Callable[[Summary], list[str]],
    words: frozenset[int] = frozenset(),
) -> TextTable:
    """A row for each design, below one that names the position of the MTD."""
    groups = []
    for (mtd, truths), designs in groupby(summaries, key=lambda one: (one.mtd, one.truths)):
        first = [f"{position_name(mtd, trial)}: {count(truths, 'truth')}", *[""] * len(header)]
        groups.append([first, *([f"  {one.design}", *row(one)] for one in designs)])
    return TextTable(["MTD, design", *header], groups, words=words)


def position_name(mtd: str, trial: Trial) -> str:
    """What a position of the MTD is called on a page."""
    if mtd == ALL:
        return "all"
    return "no dose correct" if mtd == NONE else f"MTD at {trial.dose_names[int(mtd) - 1]}"


def _pcs_row(one: Summary) -> list[str]:
    shares = one.pcs.tail, one.pcs.worst, one.optimal_pcs, one.efficiency
    return [percent(one.pcs.mean), _error(one.pcs.standard_error), *map(percent, shares)]


def _overdosing_row(one: Summary) -> list[str]:
    risk = one.overdosing
    numbers = ["", "", ""] if risk is None else [*map(percent, (risk.mean, risk.tail, risk.worst))]
    return [*numbers, percent(one.share_above_target), mean(one.sample_size)]


def _contrast_row(one: Contrast) -> list[str]:
    shown = f"{100 * one.mean:+.1f}" if abs(one.mean) > ROUNDING else "0.0"
    name = f"{one.design} - {one.reference}"
    return [name, shown, _error(one.standard_error), percent(one.better), percent(one.worse)]


def _worst_row(found: Robustness, one: Summary) -> list[str]:
    place = one.pcs.worst_truth
    optimal = found.optimal_pcs[place]
    rates = rates_text(found.truths.rates[place].tolist())
    return [percent(one.pcs.worst), percent(None if isnan(optimal) else optimal), found.truths.names[place], rates]


def _error(standard_error: float | None) -> str:
    return percent(0.0 if standard_error is not None and standard_error <= ROUNDING else standard_error)


def footnotes(found: Robustness) -> Iterator[str]:
    """What the columns mean."""
    yield "Exact under each truth; means, quantiles and worst values are over truths."
    if found.truths.drawn:
        yield "+-: standard error of the mean, because the truths are a sample."
    yield "5 %: the smallest value such that at least 5 % of truths have no larger one."
    yield "95 %: likewise. Worst: the smallest PCS, the largest overdosing."
    yield "Optimal: PCS of the non-parametric optimal benchmark; efficiency: PCS / optimal."
    yield "These and overdosing are over truths with a correct dose."
    yield "Overdosing: probability that more than 60 % of patients are above the MTD."
    yield "> target: patients at doses whose true rate exceeds it. Patients: mean."
    calendar = found.scenario.trial.time
    if is_timed(list(found.summaries())):
        yield "Months: of 30.4 days, from the first arrival to the last completion, mean."
    elif calendar is not None:
        efficacy = found.scenario.trial.efficacy
        inexact = calendar.inexact_over_truths or (None if efficacy is None else efficacy.inexact_days)
        yield f"How long trials take is not said: {inexact or TOO_MANY}."
    yield "Better, worse: share of truths with a larger, a smaller PCS."


def to_tree(found: Robustness) -> dict[str, Any]:
    """The summaries for JSON."""
    truths = found.truths
    return {
        **head(found.scenario, refusal_warnings(found.refusals)),
        "designs": list(found.expectations),
        "truths": {"description": truths.description, "count": len(truths), "drawn": truths.drawn},
        "summaries": [
            {name: part for name, part in asdict(one).items() if name != "duration" or found.scenario.trial.time}
            | {"mtd": _level(one.mtd)}
            | {name: _spread_tree(found, getattr(one, name), tail) for name, tail in TAILS.items()}
            for one in found.summaries()
        ],
        "contrasts": [asdict(one) | {"mtd": _level(one.mtd)} for one in found.contrasts()],
    }


def _level(mtd: str) -> int | str:
    """A dose level as a number."""
    return mtd if mtd in (ALL, NONE) else int(mtd)


def _spread_tree(found: Robustness, spread: Spread | None, tail: str) -> dict[str, Any] | None:
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


def table_of(found: Robustness) -> Table:
    """A row for each design, position of the MTD and number.

    `reference` is the design that PCS is compared with; `truth` the one with the worst value.
    """
    return Table.of(COLUMNS, ((found.scenario.name, *row) for row in _rows(found)))


def _rows(found: Robustness) -> Iterator[tuple[Any, ...]]:
    for one in found.summaries():
        place = one.mtd, one.design, None, one.truths
        for quantity, tail in TAILS.items():
            spread: Spread | None = getattr(one, quantity)
            for name, part in (("mean", "mean"), ("standard_error",) * 2, (tail, "tail"), ("worst", "worst")):
                value = None if spread is None else getattr(spread, part)
                truth = found.truths.names[spread.worst_truth] if spread is not None and part == "worst" else None
                yield (*place, f"{quantity}.{name}", value, truth)
        for quantity in ("above_mtd", "share_above_target", "sample_size", "optimal_pcs"):
            yield (*place, f"{quantity}.mean", getattr(one, quantity), None)
        yield (*place, "efficiency", one.efficiency, None)
        if found.scenario.trial.time is not None:
            yield (*place, "duration.mean", one.duration, None)
    for contrast in found.contrasts():
        pair = contrast.mtd, contrast.design, contrast.reference, contrast.truths
        for name in ("mean", "standard_error", "better", "worse"):
            yield (*pair, f"pcs_difference.{name}", getattr(contrast, name), None)


def each_table(found: Robustness) -> Table:
    """A row for each truth and design with every number."""
    truths, levels = found.truths, range(1, found.scenario.trial.levels + 1)
    names = next(iter(found.expectations.values())).by_quantity()
    mtd = ["none" if dose == NO_DOSE else str(dose + 1) for dose in truths.mtd.tolist()]
    optimal = _known(found.optimal_pcs)
    numbers = {
        label: zip(*(_known(values) for values in one.by_quantity().values()), strict=True)
        for label, one in found.expectations.items()
    }
    return Table.of(
        (
            *columns("scenario", "truth", "mtd"),
            *columns(*(f"dlt_rate.{dose}" for dose in levels), unit="DLT rate", kind=float),
            Column("optimal_pcs", "probability", float),
            Column("design"),
            *(Column(name, MEANS.get(name.partition(".")[0], "probability"), float) for name in names),
        ),
        (
            (found.scenario.name, name, position, *rates, best, label, *next(values))
            for name, position, rates, best in zip(truths.names, mtd, truths.rates.tolist(), optimal, strict=True)
            for label, values in numbers.items()
        ),
    )


def _known(values: Floats) -> list[float | None]:
    """Numbers, and None for those that are none."""
    return [None if isnan(value) else value for value in values.tolist()]
