"""What is said of a search for the size of a randomised comparison: a page, a tree, and a tidy table."""

from collections.abc import Iterator
from dataclasses import asdict, astuple, fields
from typing import Any

from escalation.report.blocks import Block, Heading, Lines, TextTable
from escalation.report.wording import count, percent, rates_text
from escalation.studies.merit import MeritDesign, MeritSearch
from escalation.tidy import Column, Table, columns
from escalation.trial.joint import INDEPENDENT, Association
from escalation.trial.randomised import MERIT
from escalation.version import __version__


def randomised_blocks(found: MeritSearch) -> Iterator[Block]:
    """A page on a search: what is asked for, the smallest design, its configurations, and the best of each size."""
    yield Heading(f"MERIT: {count(found.hypotheses.arms, 'arm')}, alpha {percent(found.alpha)} %", level=1)
    asked = found.hypotheses
    (toxic, safe), (inactive, active) = asked.dlt_rates, asked.response_rates
    yield Lines(
        f"DLT rate: unacceptable {percent(toxic)} %, acceptable {percent(safe)} %",
        f"response rate: unacceptable {percent(inactive)} %, acceptable {percent(active)} %",
        f"DLT and response: {_together(asked.association)}",
        f"wanted: power {found.power_type} of {100 * found.power:g} %",
    )
    if found.found is not None:
        one = found.found
        yield Heading(f"{one.patients_per_dose} patients in each arm")
        yield Lines(
            f"A dose is acceptable with at most {count(one.max_dlts, 'DLT')} and at least "
            f"{count(one.min_responses, 'response')}."
        )
        yield configuration_table(found)
    yield Heading("The best margins of every size")
    yield size_table(found)
    yield Lines(*footnotes(), listed=True)
    if found.unmet is not None:
        yield Lines(f"{found.unmet}.", alarm=True)


def _together(association: Association) -> str:
    """How a patient's DLT and response go together, in words."""
    if association == INDEPENDENT:
        return "independent"
    if association.odds_ratio is not None:
        return f"odds ratio {association.odds_ratio:g}"
    return f"latent correlation {association.latent_correlation:g}"


def configuration_table(found: MeritSearch) -> TextTable:
    """What the design does under each configuration, a row each."""
    groups: list[list[list[str]]] = [[], []]
    for one in found.configurations:
        numbers = [percent(value) for value in (one.alpha, one.power_i, one.power_ii)]
        groups[one.alpha is None].append([rates_text(one.dlt_rates), rates_text(one.response_rates), *numbers])
    return TextTable(["DLT rates %", "response rates %", "error %", "power I %", "power II %"], groups)


def size_table(found: MeritSearch) -> TextTable:
    """The best margins of every size, a row each; an asterisk where they have the power."""
    rows = []
    for one in found.designs:
        mark = "*" if one == found.found else ""
        shares = one.alpha, one.power_i, one.power_ii, one.alpha_if_independent
        margins = [str(one.max_dlts), str(one.min_responses)]
        rows.append([f"{mark}{one.patients_per_dose}", *margins, *map(percent, shares)])
    header = ["patients", "DLTs <=", "responses >=", "alpha %", "power I %", "power II %", "indep. %"]
    return TextTable(header, [rows])


def footnotes() -> Iterator[str]:
    """What the columns mean."""
    yield "Patients: in each arm. <=, >=: of an acceptable dose, by isotonic regression of the counts."
    yield "Error: that any dose is found acceptable where none is; alpha: the largest."
    yield "Power I: some dose is found acceptable, and no unacceptable one. Power II: at least one acceptable one."
    yield "Both are the least over the configurations with an acceptable dose. All numbers are exact."
    yield "Indep.: alpha of the same design if a patient's DLT and response are independent."
    yield f"Source: {MERIT}"


COLUMNS = (
    Column("arms", "arms", int),
    Column("patients_per_dose", "patients", int),
    Column("max_dlts", "DLTs", int),
    Column("min_responses", "responses", int),
    *columns("alpha", "power_i", "power_ii", "alpha_if_independent", unit="probability", kind=float),
    Column("found", "yes or no", bool),
)


def table_of(found: MeritSearch) -> Table:
    """A row for each size."""
    return Table.of(COLUMNS, ((found.hypotheses.arms, *astuple(one), one == found.found) for one in found.designs))


def to_tree(found: MeritSearch) -> dict[str, Any]:
    """A search for JSON."""
    asked = found.hypotheses
    return {
        "version": __version__,
        "rule": "merit",
        "arms": asked.arms,
        "dlt_rates": list(asked.dlt_rates),
        "response_rates": list(asked.response_rates),
        "association": asked.association.model_dump(mode="json", exclude_none=True),
        "alpha": found.alpha,
        "power": found.power,
        "power_type": found.power_type,
        "unmet": found.unmet,
        "warnings": [],
        "found": None if found.found is None else asdict(found.found),
        "configurations": [
            {name: value for name, value in asdict(one).items() if value is not None} for one in found.configurations
        ],
        "sizes": [{field.name: getattr(one, field.name) for field in fields(MeritDesign)} for one in found.designs],
    }
