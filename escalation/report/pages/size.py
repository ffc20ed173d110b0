"""What is said of a search for the sample size: a page, a tree, and a tidy table."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from escalation.report.blocks import Block, Heading, Lines, TextTable
from escalation.report.pages.calibrate import ASSESSED, CHOSEN, OVERDOSING
from escalation.report.preamble import head, opening
from escalation.report.wording import count, mean, percent
from escalation.studies.evaluate import IN_WORDS, OF_OBD, Assessment
from escalation.studies.size import SizeSearch
from escalation.studies.size_plateau import Plateau
from escalation.tidy import Column, Table, columns


def size_blocks(found: SizeSearch) -> Iterator[Block]:
    """A page on a search: the smallest size for each design, and PCS at every size."""
    yield from opening(found.scenario, [curve.design for curve in found.curves])
    limits = "".join(f"; {limit.words}" for limit in found.limits)
    yield Heading(f"{IN_WORDS[found.objective]} of {100 * found.pcs:g} %{limits}")
    yield Lines(found.truths.description, *left_out(found))
    yield answer_table(found)
    yield curve_table(found)
    flat = list(plateau_lines(found))
    if flat:
        yield Lines(*flat)
    yield Lines(*footnotes(found), listed=True)
    if found.unmet is not None:
        yield Lines(f"{found.unmet}.", alarm=True)


def left_out(found: SizeSearch) -> Iterator[str]:
    """For each design the sizes of which nothing is known, with the first reason; and why there is no formula."""
    for curve in found.curves:
        if not curve.assessments:
            yield f"{curve.design} is left out: {next(iter(curve.left_out.values()))}"
        elif curve.left_out:
            size, reason = next(iter(curve.left_out.items()))
            yield f"{curve.design}: {count(len(curve.left_out), 'size')} left out, the first of them {size}: {reason}"
        if curve.no_formula is not None:
            yield f"{curve.design}: no formula: {curve.no_formula}"


def plateau_lines(found: SizeSearch) -> Iterator[str]:
    """For each design that more patients do not help, from where on, and what holds it there."""
    for curve in found.curves:
        flat = curve.plateau
        if flat is not None:
            yield (
                f"{curve.design}: from {flat.start} patients on more do not raise {found.what}, {percent(flat.pcs)} % "
                f"at {flat.end} (mean size {mean(flat.patients)}); {_held_by(flat)}."
            )


def _held_by(flat: Plateau) -> str:
    if flat.holding:
        without = " and ".join(f"{one.option} (without it {percent(one.pcs)} %)" for one in flat.holding)
        return f"held there by {without}"
    if flat.tried:
        return f"its own rules hold it there: it is no higher without {', '.join(flat.tried)}"
    return "its own rules hold it there, and no option that could be lifted"


def answer_table(found: SizeSearch) -> TextTable:
    """The smallest size of each design, a row each."""
    formula = "formula" if any(curve.formula is not None for curve in found.curves) else None
    pcs = "OBD %" if found.objective in OF_OBD else "PCS %"
    header = ["design", "smallest", "from then on", pcs, _overdosing(found), "mean size", formula]
    rows = []
    for curve in found.known:
        numbers = [""] * 3
        if curve.smallest is not None:
            one = curve.assessments[curve.smallest]
            numbers = [percent(one.objective(found.objective)), percent(one.overdosing), mean(one.patients)]
        sizes = ["none" if size is None else str(size) for size in (curve.smallest, curve.lasting)]
        rows.append([curve.design, *sizes, *numbers, "" if curve.formula is None else str(curve.formula)])
    return TextTable.of(header, [rows])


def curve_table(found: SizeSearch) -> TextTable:
    """PCS at every size, a column for each design; an asterisk where it is large enough."""
    header: list[str | None] = ["patients"]
    for curve in found.known:
        header += [f"{curve.design} %", _overdosing(found, f"{curve.design} ")]
    rows = []
    for size in found.sizes:
        row = [str(size)]
        for curve in found.known:
            row += _cells(found, curve.assessments.get(size))
        rows.append([*row, percent(found.benchmark.get(size))])
    return TextTable.of([*header, "optimal %" if found.benchmark else None], [rows])


def _cells(found: SizeSearch, one: Assessment | None) -> list[str]:
    if one is None:
        return ["", ""]
    mark = "*" if found.enough(one) else ""
    return [f"{mark}{percent(one.objective(found.objective))}", percent(one.overdosing)]


def _overdosing(found: SizeSearch, whose: str = "") -> str | None:
    """The head of a column of overdosing, which is shown where it is limited."""
    return f"{whose}overdosing %" if found.limits else None


def footnotes(found: SizeSearch) -> Iterator[str]:
    """What the columns mean."""
    what = "Mean" if found.objective.startswith("mean") else "Least"
    if found.objective in OF_OBD:
        yield f"OBD: {what.lower()} probability, over the truths, that their optimal dose is chosen,"
        yield "or none where there is none; * large enough."
    else:
        yield f"{what} PCS over the truths; * large enough."
    yield "Sizes: whole cohorts, and the file's own."
    yield "From then on: the smallest from which all larger ones are enough."
    if any(curve.smallest != curve.lasting for curve in found.curves):
        yield "Between the two some sizes are not enough."
    yield "Mean size: patients per trial, over the truths. All numbers are exact."
    if found.limits:
        yield OVERDOSING
    if any(curve.formula is not None for curve in found.curves):
        yield f"Formula: Cheung (2013) at an odds ratio of {found.odds_ratio:g}, for cohorts of one."
    if found.benchmark:
        yield "Optimal: the benchmark that sees every patient at every dose."


def table_of(found: SizeSearch) -> Table:
    """A row for each design and size; where the truths cannot say, there is no number."""
    assessed = (*ASSESSED, *(CHOSEN if found.objective in OF_OBD else ()))
    return Table.of(
        (
            *columns("scenario", "design"),
            Column("max_patients", "patients", int),
            *assessed,
            Column("enough", "yes or no", bool),
            Column("optimal_pcs", "probability", float),
        ),
        (
            (
                *(found.scenario.name, curve.design, size),
                *(getattr(one, column.name) for column in assessed),
                *(found.enough(one), found.benchmark.get(size)),
            )
            for curve in found.curves
            for size, one in curve.assessments.items()
        ),
    )


def to_tree(found: SizeSearch) -> dict[str, Any]:
    """A search for JSON."""
    sizes: dict[str, list[dict[str, Any]]] = {curve.design: [] for curve in found.curves}
    for record in table_of(found).without("scenario", "optimal_pcs").records():
        sizes[str(record.pop("design"))].append(record)
    return {
        **head(found.scenario),
        "objective": found.objective,
        "pcs": found.pcs,
        "limits": {limit.quantity: limit.bound for limit in found.limits},
        "odds_ratio": found.odds_ratio,
        "truths": {"description": found.truths.description, "count": len(found.truths)},
        "unmet": found.unmet,
        "designs": [
            {
                "design": curve.design,
                "smallest": curve.smallest,
                "lasting": curve.lasting,
                "formula": curve.formula,
                "no_formula": curve.no_formula,
                "plateau": None if curve.plateau is None else asdict(curve.plateau),
                "sizes": sizes[curve.design],
                "left_out": [{"max_patients": size, "reason": reason} for size, reason in curve.left_out.items()],
            }
            for curve in found.curves
        ],
        "optimal_pcs": [{"max_patients": size, "pcs": pcs} for size, pcs in found.benchmark.items()],
    }
