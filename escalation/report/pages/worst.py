"""What a report says of the least favourable truths."""

import csv
import io
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from escalation.report.blocks import Block, Grid, Heading, Lines
from escalation.report.numbers import percent
from escalation.report.pages.run import trial_heading
from escalation.studies.least_favourable import Quantity, WorstTruth
from escalation.studies.worst import WorstCases
from escalation.version import __version__

TITLES: dict[Quantity, str] = {
    "pcs": "Smallest probability of correct selection (PCS)",
    "overdosing": "Largest probability of overdosing",
}

NAMES: dict[Quantity, str] = {"pcs": "PCS %", "overdosing": "overdosing %"}


def worst_blocks(cases: WorstCases) -> Iterator[Block]:
    """A page: the trial, and for each quantity the least favourable truth of each design and position of the MTD."""
    title, lines = trial_heading(cases.scenario, cases.found)
    yield Heading(title, level=1)
    yield Lines((*lines, class_line(cases)))
    for quantity, heading in TITLES.items():
        found = {label: [one for one in own if one.quantity == quantity] for label, own in cases.found.items()}
        if any(found.values()):
            yield Heading(heading)
            yield _grid(cases, quantity, found)
    yield Lines(tuple(footnotes(cases)), listed=True)
    if cases.refusals:
        yield Lines(tuple(f"{label} is left out: {reason}." for label, reason in cases.refusals.items()), listed=True)


def class_line(cases: WorstCases) -> str:
    """Which truths are looked at."""
    trial = cases.scenario.trial
    if trial.levels == 1:
        return f"the one dose has the target as its true rate ({percent(trial.target)} %): there is nothing to search"
    return (
        f"all truths with the target ({percent(trial.target)} %) at one dose and its neighbours at least "
        f"{100 * cases.delta:.4g} percentage points away, rates not decreasing"
    )


def _grid(cases: WorstCases, quantity: Quantity, found: dict[str, list[WorstTruth]]) -> Grid:
    searched = cases.scenario.trial.levels > 1
    compared = searched and quantity == "pcs"
    beside = ["optimal %"] if compared else []
    header = ["MTD, design", NAMES[quantity], *beside, *(["true DLT rates %", "agreed"] if searched else [])]
    groups = []
    for mtd, name in enumerate(cases.scenario.trial.dose_names, 1):
        rows = [
            [
                f"  {label}",
                percent(one.value),
                *([percent(one.optimal_pcs)] if compared and one.optimal_pcs is not None else []),
                *([", ".join(map(percent, one.rates)), f"{one.agreed} of {one.searches}"] if searched else []),
            ]
            for label, own in found.items()
            for one in own
            if one.mtd == mtd
        ]
        if rows:
            groups.append([[f"MTD at {name}", *[""] * (len(header) - 1)], *rows])
    return Grid(header, groups, words=frozenset({2 + compared}))


def footnotes(cases: WorstCases) -> list[str]:
    """What the columns mean."""
    lines = ["Values are exact."]
    if cases.scenario.trial.levels > 1:
        lines += [
            "Optimal: PCS of the non-parametric optimal benchmark there.",
            "Overdosing: probability that more than 60 % of patients are above the MTD.",
            "With the MTD at the highest dose there is none.",
            f"Agreed: searches from different starts (seed {cases.seed}) that found this value.",
            "A search is local: that no truth is worse is likely, not proved.",
        ]
    return lines


def to_tree(cases: WorstCases) -> dict[str, Any]:
    """The least favourable truths for JSON, at full precision."""
    scenario = cases.scenario
    return {
        "version": __version__,
        "scenario": scenario.name,
        "target": scenario.trial.target,
        "doses": list(scenario.trial.doses),
        "warnings": [
            *scenario.warnings,
            *(f"design '{label}': left out: {reason}" for label, reason in cases.refusals.items()),
        ],
        "delta": cases.delta,
        "seed": cases.seed,
        "worst": [{"design": label, **asdict(one)} for label, own in cases.found.items() for one in own],
    }


def to_csv(cases: WorstCases) -> str:
    """A row for each design, quantity and position of the MTD, at full precision."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    rates = [f"dlt_rate.{dose + 1}" for dose in range(cases.scenario.trial.levels)]
    writer.writerow(["scenario", "design", "quantity", "mtd", "value", "optimal_pcs", "searches", "agreed", *rates])
    for label, own in cases.found.items():
        for one in own:
            numbers = one.value, one.optimal_pcs, one.searches, one.agreed
            writer.writerow([cases.scenario.name, label, one.quantity, one.mtd, *numbers, *one.rates])
    return text.getvalue()
