"""Decision tables, as a protocol prints them."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from escalation.designs.tables.rows import LETTERS
from escalation.kernels.codes import DE_ESCALATE, ELIMINATE, ESCALATE, STAY
from escalation.report.blocks import Block, Grid, Heading, Lines, Picture
from escalation.report.numbers import count, percent
from escalation.report.pages.pathways import pathway_tree, tree_lines
from escalation.running.tables import DoseTable, ExpansionTable, PatientsRow, ProtocolTable
from escalation.scenario.file import Scenario
from escalation.trial.trial import Trial
from escalation.version import __version__

NEVER = "-"
LETTER_HEAD = "0 DLTs"
"""The second column of a table that is shown cell by cell."""
COLUMNS = [
    "scenario",
    "design",
    "part",
    "doses",
    "patients",
    "occurs",
    "escalate_if_at_most",
    "stay_from",
    "stay_to",
    "de_escalate_if_at_least",
    "eliminate_if_at_least",
    "decisions",
]


def table_page(scenario: Scenario, tables: Mapping[str, ProtocolTable], *, every: bool = False) -> Iterator[Block]:
    """A page with the decision tables of a scenario's designs, by their labels."""
    trial = scenario.trial
    yield Heading(scenario.title or scenario.name, level=1)
    facts = [scenario.registry] if scenario.registry else []
    facts += [f"target DLT rate {percent(trial.target)} %", f"at most {trial.max_patients} patients"]
    yield Lines(("; ".join([*facts, f"cohorts of {trial.cohort_size}"]),))
    for label, table in tables.items():
        yield from decision_table_blocks(label, table, scenario.designs[label].applied_to(trial), every=every)
        if table.pathways is not None:
            yield Heading(f"Pathways of the first {count(table.pathways.cohorts, 'cohort')}", level=3)
            yield Picture(tuple(tree_lines(table.pathways)))


def decision_table_blocks(label: str, table: ProtocolTable, trial: Trial, *, every: bool = False) -> Iterator[Block]:
    """The section on one design: its tables, what their columns mean, and what else decides.

    Parameters
    ----------
    label : str
    table : ProtocolTable
    trial : Trial
        As the design runs it.
    every : bool
        Whether to show every number of patients; if not, those that the cohorts can make.
    """
    yield Heading(label)
    yield from boundary_blocks(table, trial, every=every)
    yield Heading("What else decides", level=3)
    yield Lines(table.rules, listed=True)


def boundary_blocks(table: ProtocolTable, trial: Trial, *, every: bool = False) -> Iterator[Block]:
    """The tables of one design and what their columns mean, or why there is none."""
    if table.reason is not None:
        yield Lines((table.reason,))
    if table.parameters:
        yield Lines((", ".join(f"{name} = {value:.6g}" for name, value in table.parameters.items()),))
    if table.table is not None:
        grids = [_dose_grid(part, trial, every=every) for part in table.table]
        yield from grids
        yield Lines(tuple(_conventions(table.table, grids, every=every)), listed=True)
    if table.expansion is not None:
        yield _expansion_grid(table.expansion, every=every)
        yield Lines(tuple(_expansion_conventions(table.expansion)), listed=True)


def _dose_grid(part: DoseTable, trial: Trial, *, every: bool) -> Grid:
    rows = [row for row in part.rows if every or row.occurs]
    caption = "" if len(part.doses) == trial.levels else _named_doses(part, trial)
    if not all(row.is_monotone for row in rows):
        return _letters(rows, caption)
    columns = dict(_columns(part))
    return Grid(["patients", *columns], [[[str(row.patients), *_cells(row, columns)] for row in rows]], caption=caption)


def _named_doses(part: DoseTable, trial: Trial) -> str:
    unit = f" {trial.dose_unit}" if trial.dose_unit else ""
    return f"at {', '.join(trial.dose_names[dose - 1] for dose in part.doses)}{unit}"


def _columns(part: DoseTable) -> Iterator[tuple[str, int]]:
    """Heads of the columns that the table needs, and the decision that each is for."""
    if not part.moves:
        yield "stop >=", ELIMINATE
        return
    heads = {ESCALATE: "escalate <=", STAY: "stay", DE_ESCALATE: "de-escalate >=", ELIMINATE: "eliminate >="}
    yield from ((head, code) for code, head in heads.items() if code in part.decisions)


def _cells(row: PatientsRow, columns: Mapping[str, int]) -> Iterator[str]:
    for code in columns.values():
        if code == STAY:
            fewest, most = row.stay_if or (None, None)
            yield NEVER if fewest is None else str(fewest) if fewest == most else f"{fewest}-{most}"
        else:
            limits = {
                ESCALATE: row.escalate_if_at_most,
                DE_ESCALATE: row.de_escalate_if_at_least,
                ELIMINATE: row.eliminate_if_at_least,
            }
            yield NEVER if limits[code] is None else str(limits[code])


def _letters(rows: Sequence[PatientsRow], caption: str) -> Grid:
    """Cell by cell, for decisions that boundaries cannot give."""
    most = max(row.patients for row in rows)
    cells = [
        [str(row.patients), *(LETTERS[code] for code in row.codes.tolist()), *[""] * (most - row.patients)]
        for row in rows
    ]
    head = ["patients", LETTER_HEAD, *map(str, range(1, most + 1))]
    return Grid(head, [cells], words=frozenset(range(1, most + 2)), caption=caption)


def _conventions(parts: Sequence[DoseTable], grids: Sequence[Grid], *, every: bool) -> Iterator[str]:
    """What the columns and letters mean."""
    yield "patients: treated so far at the current dose. The numbers beside them are of those who had a DLT."
    by_letter = [LETTER_HEAD in grid.header for grid in grids]
    meanings = {
        ESCALATE: ("escalate <=", "with so many DLTs or fewer the next cohort gets the next higher dose"),
        STAY: ("stay", "with so many DLTs it gets the same dose"),
        DE_ESCALATE: ("de-escalate >=", "with so many DLTs or more it gets the next lower dose"),
        ELIMINATE: (
            "eliminate >=",
            "with so many DLTs or more it gets the next lower dose, and this dose and all above are never given again; "
            "at the lowest dose the trial ends and no dose is recommended",
        ),
    }
    if any(part.moves and not letters for part, letters in zip(parts, by_letter, strict=True)):
        found = frozenset().union(*(part.decisions for part in parts))
        yield from (f"{head}: {meaning}." for code, (head, meaning) in meanings.items() if code in found)
    elif not all(by_letter):
        yield "stop >=: with so many DLTs or more the dose is stopped; with fewer it is given again."
    if any(by_letter):
        yield "E: escalate; S: stay; D: de-escalate; DU: de-escalate and never give this dose or a higher one again."
    if any(NEVER in row for grid in grids for row in grid.groups[0]):
        yield f"{NEVER}: no number of DLTs does."
    if not every:
        yield "Numbers of patients that the cohorts cannot make are left out."


def _expansion_grid(expansion: ExpansionTable, *, every: bool) -> Grid:
    rows = [row for row in expansion.rows if every or row.occurs]
    columns = {"stop >=": ELIMINATE}
    whose = "its own patients" if expansion.own else "all patients at the dose"
    return Grid(
        ["patients", *columns],
        [[[str(row.patients), *_cells(row, columns)] for row in rows]],
        caption=f"expansion, by {whose}",
    )


def _expansion_conventions(expansion: ExpansionTable) -> Iterator[str]:
    whose = "in the expansion" if expansion.own else "at the dose, those of dose escalation included"
    yield f"patients: treated so far {whose}."
    yield "stop >=: with so many DLTs or more the dose is stopped and no longer recommended."


def to_tree(label: str, table: ProtocolTable) -> dict[str, Any]:
    """The decision table of one design, as JSON has it: every number of patients, with whether the cohorts make it."""
    expansion = table.expansion
    return {
        "design": label,
        "reason": table.reason,
        "parameters": table.parameters,
        "table": None
        if table.table is None
        else [{"doses": list(part.doses), "rows": [_row(row) for row in part.rows]} for part in table.table],
        "expansion": None
        if expansion is None
        else {
            "counts": "expansion" if expansion.own else "dose",
            "rows": [
                {"patients": row.patients, "occurs": row.occurs, "stop_if_at_least": row.eliminate_if_at_least}
                for row in expansion.rows
            ],
        },
        "rules": list(table.rules),
        "pathways": None if table.pathways is None else pathway_tree(table.pathways),
    }


def _row(row: PatientsRow) -> dict[str, Any]:
    return {
        "patients": row.patients,
        "occurs": row.occurs,
        "monotone": row.is_monotone,
        "escalate_if_at_most": row.escalate_if_at_most,
        "stay_if": None if row.stay_if is None else list(row.stay_if),
        "de_escalate_if_at_least": row.de_escalate_if_at_least,
        "eliminate_if_at_least": row.eliminate_if_at_least,
        "decisions": [LETTERS[code] for code in row.codes.tolist()],
    }


def tables_to_tree(scenario: Scenario, tables: Mapping[str, ProtocolTable]) -> dict[str, Any]:
    """The decision tables of a scenario's designs, as JSON has them."""
    return {
        "version": __version__,
        "scenario": scenario.name,
        "trial": scenario.trial.model_dump(mode="json"),
        "designs": [to_tree(label, table) for label, table in tables.items()],
    }


def tables_to_csv(scenario: Scenario, tables: Mapping[str, ProtocolTable]) -> str:
    """A row for each number of patients, with its decisions from no DLT on; no rows for designs without a table.

    `part` is "doses" with the dose levels, or "expansion"; what is never decided is empty, and so are the boundaries
    of decisions that are not monotone.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for label, table in tables.items():
        for part in table.table or ():
            writer.writerows(_values(scenario, label, "doses", part.doses, row) for row in part.rows)
        if table.expansion is not None:
            writer.writerows(_values(scenario, label, "expansion", (), row) for row in table.expansion.rows)
    return text.getvalue()


def _values(scenario: Scenario, label: str, part: str, doses: Sequence[int], row: PatientsRow) -> list[object]:
    return [
        scenario.name,
        label,
        part,
        " ".join(map(str, doses)),
        row.patients,
        str(row.occurs).lower(),
        row.escalate_if_at_most,
        *(row.stay_if or (None, None)),
        row.de_escalate_if_at_least,
        row.eliminate_if_at_least,
        " ".join(LETTERS[code] for code in row.codes.tolist()),
    ]
