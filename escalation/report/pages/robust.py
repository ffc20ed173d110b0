"""What is said of designs over many truths: a page, a tree, and tidy tables."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from math import isnan
from typing import Any, TypeVar

from escalation.kernels.codes import NO_DOSE
from escalation.report.blocks import Block, Heading, TextTable
from escalation.report.preamble import closing, head, opening, refusal_warnings
from escalation.report.wording import ROUNDING, count, mean, months, percent, rates_text
from escalation.studies.evaluate import TOO_MANY
from escalation.studies.robust import (
    ALL,
    NONE,
    OPTIMAL,
    Contrast,
    Floats,
    OptimalSummary,
    Places,
    Robustness,
    Spread,
    Summary,
)
from escalation.tidy import OF_THE_QUANTITY, Column, Table, columns
from escalation.trial.trial import Trial

Of = TypeVar("Of")

TAILS = {"pcs": "q05", "overdosing": "q95"}
"""Quantities of which there is a spread, and what its tail is called."""

OPTIMAL_TAILS = {name: "q05" if more_is_better else "q95" for name, more_is_better in OPTIMAL.items()}
"""Those of an optimal dose."""

BY_OBD = Column("obd")
"""In the table, beside the position of the MTD, where designs choose an optimal dose."""

COLUMNS = (
    *columns("scenario", "mtd", "design", "reference"),
    Column("truths", "truths", int),
    Column("quantity"),
    Column("value", OF_THE_QUANTITY, float),
    Column("truth"),
)

MEANS = {
    **dict.fromkeys(("sample_size", "patients", "patients_at_obd"), "patients"),
    **dict.fromkeys(("total_dlts", "dlts"), "DLTs"),
    **dict.fromkeys(("total_responses", "responses"), "responses"),
    "duration": "days",
    "mean_utility": "0 to 100",
}
"""Units of the means of counts, days and utilities; all other means are probabilities and shares."""


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
    if found.choosing:
        yield from optimal_blocks(found)
    yield from closing(footnotes(found), found.refusals)


def optimal_blocks(found: Robustness) -> Iterator[Block]:
    """The optimal dose, of the designs that choose one, by where the truth's is."""
    trial, summaries = found.scenario.trial, list(found.optimal_summaries())
    groups = [((one.obd, one.truths), one.design, one) for one in summaries]

    def table(
        header: list[str], row: Callable[[OptimalSummary], list[str]], words: frozenset[int] = frozenset()
    ) -> TextTable:
        return _grouped(groups, "OBD", lambda obd: obd_name(obd, trial), header, row, words)

    yield Heading("Correct optimal dose (OBD), %")
    yield table(["mean", "+-", "5 %", "worst"], _obd_row)
    yield Heading("OBD that is favourable, and too toxic, %")
    header = ["favourable", "5 %", "worst", "too toxic", "95 %", "worst"]
    yield table(header, lambda one: [*_spread_cells(one.favourable), *_spread_cells(one.too_toxic)])
    yield Heading("Patients at the truth's OBD, and utility")
    yield table(["at OBD", "poor %", "95 %", "worst", "utility"], _patients_row)
    contrasts = [one for one in found.optimal_contrasts() if one.mtd == ALL]
    if contrasts:
        yield Heading("Designs against each other by the correct OBD")
        header = ["design - reference", "correct OBD %", "+-", "better in %", "worse in %"]
        yield TextTable(header, [[_contrast_row(one) for one in contrasts]])
    yield Heading("Truths with the lowest probability of a correct OBD")
    header = ["correct %", "truth", "true DLT rates %", "true response rates %"]
    yield table(header, lambda one: _worst_obd_row(found, one), frozenset({2, 3, 4}))


def obd_name(obd: str, trial: Trial) -> str:
    """What a position of the OBD is called on a page."""
    if obd == ALL:
        return "all"
    return "no dose optimal" if obd == NONE else f"OBD at {trial.dose_names[int(obd) - 1]}"


def _obd_row(one: OptimalSummary) -> list[str]:
    shown = _spread_cells(one.pcs_obd)
    return [shown[0], _error(one.pcs_obd.standard_error), *shown[1:]]


def _patients_row(one: OptimalSummary) -> list[str]:
    at_obd = "" if one.patients_at_obd is None else mean(one.patients_at_obd)
    return [at_obd, *_spread_cells(one.poor_allocation_obd), mean(one.mean_utility)]


def _spread_cells(spread: Spread | None) -> list[str]:
    """Mean, tail and worst."""
    return ["", "", ""] if spread is None else [percent(part) for part in (spread.mean, spread.tail, spread.worst)]


def _worst_obd_row(found: Robustness, one: OptimalSummary) -> list[str]:
    place, joint = one.pcs_obd.worst_truth, found.truths.joint
    assert joint is not None
    rates = rates_text(joint.dlt[place].tolist()), rates_text(joint.response[place].tolist())
    return [percent(one.pcs_obd.worst), found.truths.names[place], *rates]


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
    groups = [((one.mtd, one.truths), one.design, one) for one in summaries]
    return _grouped(groups, "MTD", lambda mtd: position_name(mtd, trial), header, row, words)


def _grouped(
    summaries: Sequence[tuple[tuple[str, int], str, Of]],
    what: str,
    name: Callable[[str], str],
    header: list[str],
    row: Callable[[Of], list[str]],
    words: frozenset[int],
) -> TextTable:
    """A row for each of some summaries with its position, truths and design, below one that names the position."""
    groups = []
    for (position, truths), designs in groupby(summaries, key=lambda one: one[0]):
        first = [f"{name(position)}: {count(truths, 'truth')}", *[""] * len(header)]
        groups.append([first, *([f"  {design}", *row(one)] for _, design, one in designs)])
    return TextTable([f"{what}, design", *header], groups, words=words)


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
    if found.choosing:
        yield "Correct OBD: the truth's optimal dose is chosen, or none where it has none."
        yield "Favourable: that dose, or one up to the MTD with at most 5 % less mean utility."
        yield "Too toxic: a DLT rate over 10 points above max_toxicity. Poor: probability of"
        yield "fewer than max_patients / doses patients at the truth's OBD; at OBD: their mean."
        yield "Utility: mean per patient, from 0 to 100."
    elif any(found.scenario.designs[label].chooses_optimal_dose for label in found.expectations):
        yield "Nothing is said of an optimal dose: these truths have no responses."


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
        **(_optimal_tree(found) if found.choosing else {}),
    }


def _optimal_tree(found: Robustness) -> dict[str, Any]:
    return {
        "obd_summaries": [
            asdict(one)
            | {"obd": _level(one.obd)}
            | {name: _spread_tree(found, getattr(one, name), tail) for name, tail in OPTIMAL_TAILS.items()}
            for one in found.optimal_summaries()
        ],
        "obd_contrasts": [
            {"design": one.design, "reference": one.reference, "obd": _level(one.mtd)}
            | {name: getattr(one, name) for name in ("truths", "mean", "standard_error", "better", "worse")}
            for one in found.optimal_contrasts()
        ],
    }


def _level(mtd: str) -> int | str:
    """A dose level as a number."""
    return mtd if mtd in (ALL, NONE) else int(mtd)


def _spread_tree(found: Robustness, spread: Spread | None, tail: str) -> dict[str, Any] | None:
    if spread is None:
        return None
    joint = found.truths.joint
    return {
        "mean": spread.mean,
        "standard_error": spread.standard_error,
        tail: spread.tail,
        "worst": spread.worst,
        "worst_truth": found.truths.names[spread.worst_truth],
        "worst_dlt_rates": found.truths.rates[spread.worst_truth].tolist(),
        **({} if joint is None else {"worst_response_rates": joint.response[spread.worst_truth].tolist()}),
    }


def table_of(found: Robustness) -> Table:
    """A row for each design, position of the MTD and number; where optimal doses are chosen, of the OBD too.

    `reference` is the design that PCS is compared with; `truth` the one with the worst value.
    """
    if not found.choosing:
        return Table.of(COLUMNS, ((found.scenario.name, *row) for row in _rows(found)))
    whole = *COLUMNS[:2], BY_OBD, *COLUMNS[2:]
    rows = [(mtd, ALL, *row) for mtd, *row in _rows(found)]
    rows += [(ALL, *row) for row in _optimal_rows(found)]
    return Table.of(whole, ((found.scenario.name, *row) for row in rows))


def _rows(found: Robustness) -> Iterator[tuple[Any, ...]]:
    for one in found.summaries():
        place = one.mtd, one.design, None, one.truths
        for quantity, tail in TAILS.items():
            yield from ((*place, *row) for row in _spread_rows(found, quantity, tail, getattr(one, quantity)))
        for quantity in ("above_mtd", "share_above_target", "sample_size", "optimal_pcs"):
            yield (*place, f"{quantity}.mean", getattr(one, quantity), None)
        yield (*place, "efficiency", one.efficiency, None)
        if found.scenario.trial.time is not None:
            yield (*place, "duration.mean", one.duration, None)
    for contrast in found.contrasts():
        pair = contrast.mtd, contrast.design, contrast.reference, contrast.truths
        for name in ("mean", "standard_error", "better", "worse"):
            yield (*pair, f"pcs_difference.{name}", getattr(contrast, name), None)


def _optimal_rows(found: Robustness) -> Iterator[tuple[Any, ...]]:
    """Those on the optimal dose, which begin with the position of the OBD."""
    for one in found.optimal_summaries():
        place = one.obd, one.design, None, one.truths
        for quantity, tail in OPTIMAL_TAILS.items():
            yield from ((*place, *row) for row in _spread_rows(found, quantity, tail, getattr(one, quantity)))
        for quantity in ("patients_at_obd", "mean_utility"):
            yield (*place, f"{quantity}.mean", getattr(one, quantity), None)
    for contrast in found.optimal_contrasts():
        pair = contrast.mtd, contrast.design, contrast.reference, contrast.truths
        for name in ("mean", "standard_error", "better", "worse"):
            yield (*pair, f"pcs_obd_difference.{name}", getattr(contrast, name), None)


def _spread_rows(found: Robustness, quantity: str, tail: str, spread: Spread | None) -> Iterator[tuple[Any, ...]]:
    """Name, value and truth of each number of a spread."""
    for name, part in (("mean", "mean"), ("standard_error",) * 2, (tail, "tail"), ("worst", "worst")):
        value = None if spread is None else getattr(spread, part)
        truth = found.truths.names[spread.worst_truth] if spread is not None and part == "worst" else None
        yield f"{quantity}.{name}", value, truth


def each_table(found: Robustness) -> Table:
    """A row for each truth and design with every number; what a design does not have is empty."""
    truths, levels = found.truths, range(1, found.scenario.trial.levels + 1)
    names = list(dict.fromkeys(name for one in found.expectations.values() for name in one.by_quantity()))
    optimal = _known(found.optimal_pcs)
    given = [truths.names, _levels(truths.mtd), *truths.rates.T.tolist()]
    more: tuple[Column, ...] = ()
    if truths.joint is not None and truths.obd is not None:
        given += [_levels(truths.obd), *truths.joint.response.T.tolist()]
        rates = columns(*(f"response_rate.{dose}" for dose in levels), unit="response rate", kind=float)
        more = (BY_OBD, *rates)
    none = [None] * len(truths)
    numbers = {
        label: zip(*(_known(own[name]) if name in own else none for name in names), strict=True)
        for label, own in ((label, one.by_quantity()) for label, one in found.expectations.items())
    }
    return Table.of(
        (
            *columns("scenario", "truth", "mtd"),
            *columns(*(f"dlt_rate.{dose}" for dose in levels), unit="DLT rate", kind=float),
            *more,
            Column("optimal_pcs", "probability", float),
            Column("design"),
            *(Column(name, MEANS.get(name.partition(".")[0], "probability"), float) for name in names),
        ),
        (
            (found.scenario.name, *truth, best, label, *next(values))
            for *truth, best in zip(*given, optimal, strict=True)
            for label, values in numbers.items()
        ),
    )


def _levels(doses: Places) -> list[str]:
    """Doses by their level from 1, or `none`."""
    return [NONE if dose == NO_DOSE else str(dose + 1) for dose in doses.tolist()]


def _known(values: Floats) -> list[float | None]:
    """Numbers, and None for those that are none."""
    return [None if isnan(value) else value for value in values.tolist()]
