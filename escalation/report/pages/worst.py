"""What is said of the least favourable truths: a page, a tree, and a tidy table."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from escalation.report.blocks import Block, Heading, TextTable
from escalation.report.preamble import closing, head, opening, refusal_warnings
from escalation.report.wording import percent, rates_text
from escalation.studies.least_favourable import Quantity, WorstTruth
from escalation.studies.worst import WorstCases
from escalation.tidy import Column, Table, columns

TITLES: dict[Quantity, str] = {
    "pcs": "Smallest probability of correct selection (PCS)",
    "overdosing": "Largest probability of overdosing",
}

NAMES: dict[Quantity, str] = {"pcs": "PCS %", "overdosing": "overdosing %"}


def worst_blocks(cases: WorstCases) -> Iterator[Block]:
    """A page: the trial, and for each quantity the least favourable truth of each design and position of the MTD."""
    yield from opening(cases.scenario, cases.found, class_line(cases))
    for quantity, title in TITLES.items():
        found = [(label, one) for label, one in _found(cases) if one.quantity == quantity]
        if found:
            yield Heading(title)
            yield _table(cases, quantity, found)
    yield from closing(footnotes(cases), cases.refusals)


def _found(cases: WorstCases) -> Iterator[tuple[str, WorstTruth]]:
    """Every truth that was found, with the label of its design."""
    return ((label, one) for label, own in cases.found.items() for one in own)


def class_line(cases: WorstCases) -> str:
    """Which truths are looked at."""
    trial = cases.scenario.trial
    if trial.levels == 1:
        return f"the one dose has the target as its true rate ({percent(trial.target)} %): there is nothing to search"
    return (
        f"all truths with the target ({percent(trial.target)} %) at one dose and its neighbours at least "
        f"{100 * cases.delta:.4g} percentage points away, rates not decreasing"
    )


def _table(cases: WorstCases, quantity: Quantity, found: list[tuple[str, WorstTruth]]) -> TextTable:
    searched = cases.scenario.trial.levels > 1
    optimal = "optimal %" if searched and quantity == "pcs" else None
    header = ["MTD, design", NAMES[quantity], optimal, *(("true DLT rates %", "agreed") if searched else (None, None))]
    groups = []
    for mtd, name in enumerate(cases.scenario.trial.dose_names, 1):
        rows = []
        for label, one in found:
            if one.mtd == mtd:
                search = rates_text(one.rates), f"{one.agreed} of {one.searches}"
                rows.append([f"  {label}", percent(one.value), percent(one.optimal_pcs), *search])
        if rows:
            groups.append([[f"MTD at {name}", *[""] * (len(header) - 1)], *rows])
    return TextTable.of(header, groups, words=frozenset({3}))


def footnotes(cases: WorstCases) -> Iterator[str]:
    """What the columns mean."""
    yield "Values are exact."
    designs = cases.scenario.designs.values()
    if cases.scenario.trial.efficacy is not None:
        yield "Toxicity alone: responses and the choice of an optimal dose are not looked at."
    elif any(design.chooses_by_exposure for design in designs):
        yield "Toxicity alone: exposures and the choice of an optimal dose are not looked at."
    if cases.scenario.trial.levels > 1:
        yield "Optimal: PCS of the non-parametric optimal benchmark there."
        yield "Overdosing: probability that more than 60 % of patients are above the MTD."
        yield "With the MTD at the highest dose there is none."
        yield f"Agreed: searches from different starts (seed {cases.seed}) that found this value."
        yield "A search is local: that no truth is worse is likely, not proved."


def to_tree(cases: WorstCases) -> dict[str, Any]:
    """The least favourable truths for JSON."""
    return {
        **head(cases.scenario, refusal_warnings(cases.refusals)),
        "delta": cases.delta,
        "seed": cases.seed,
        "worst": [{"design": label, **asdict(one)} for label, one in _found(cases)],
    }


def table_of(cases: WorstCases) -> Table:
    """A row for each design, quantity and position of the MTD."""
    rates = (f"dlt_rate.{dose + 1}" for dose in range(cases.scenario.trial.levels))
    return Table.of(
        (
            *columns("scenario", "design", "quantity"),
            Column("mtd", "dose level", int),
            *columns("value", "optimal_pcs", unit="probability", kind=float),
            *columns("searches", "agreed", unit="searches", kind=int),
            *columns(*rates, unit="DLT rate", kind=float),
        ),
        (
            (
                *(cases.scenario.name, label, one.quantity, one.mtd),
                *(one.value, one.optimal_pcs, one.searches, one.agreed, *one.rates),
            )
            for label, one in _found(cases)
        ),
    )
