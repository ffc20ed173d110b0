"""What is said of decision tables, as a protocol prints them: a page, a tree, and a tidy table."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from escalation.designs.tables.file import UNDECIDED_LETTER
from escalation.designs.tables.rows import LETTERS
from escalation.kernels.codes import DE_ESCALATE, ELIMINATE, ESCALATE, STAY
from escalation.report.blocks import Block, Heading, Lines, Picture, TextTable
from escalation.report.pages.desirability_table import COLUMNS as DESIRABILITY_COLUMNS
from escalation.report.pages.desirability_table import desirability_blocks, desirability_tree
from escalation.report.pages.late_table import ALL_KNOWN, pending_blocks, pending_cells, pending_tree
from escalation.report.pages.paths import pathway_tree, tree_lines
from escalation.report.preamble import trial_facts
from escalation.report.wording import count, with_unit
from escalation.running.tables import DoseTable, ExpansionTable, PatientsRow, ProtocolTable
from escalation.scenario.file import TrialDesigns
from escalation.tidy import Column, Table, columns
from escalation.trial.trial import Trial
from escalation.version import __version__

NEVER = "-"
STOP = "stop >="  # the column of a dose that is only monitored
LETTER_HEAD = "0 DLTs"  # the second column of a table that is shown cell by cell

MEANINGS = {
    ESCALATE: (
        "escalate <=",
        "escalate_if_at_most",
        "with so many DLTs or fewer the next cohort gets the next higher dose",
    ),
    STAY: ("stay", "stay_if", "with so many DLTs it gets the same dose"),
    DE_ESCALATE: (
        "de-escalate >=",
        "de_escalate_if_at_least",
        "with so many DLTs or more it gets the next lower dose",
    ),
    ELIMINATE: (
        "eliminate >=",
        "eliminate_if_at_least",
        "with so many DLTs or more it gets the next lower dose, and this dose and all above are never given again; at "
        "the lowest dose the trial ends and no dose is recommended",
    ),
}
"""What each decision's column is called, where a row has its boundary, and what it means."""

TITRATION_HEADS = {MEANINGS[code][0]: code for code in (ESCALATE, STAY)}
TITRATION_NOTE = (
    "Titration: one patient a dose. Where the dose stays, or no higher one can follow, the cohort at it is filled up, "
    "and from then on the next table decides."
)

COLUMNS = (
    *columns("scenario", "design", "part", "doses"),
    Column("patients", "patients", int),
    Column("occurs", "yes or no", bool),
    *columns("escalate_if_at_most", "stay_from", "stay_to", unit="DLTs", kind=int),
    *columns("de_escalate_if_at_least", "eliminate_if_at_least", unit="DLTs", kind=int),
    Column("decisions"),
    *columns("dlts", "pending_from", "pending_to", unit="patients", kind=int),
    *columns("de_escalate_to", "escalate_from", "suspend_from", unit="follow-up", kind=float),
)


def table_blocks(
    scenario: TrialDesigns, tables: Mapping[str, ProtocolTable], *, every: bool = False
) -> Iterator[Block]:
    """A page with the decision tables of a scenario's designs, by their labels."""
    trial = scenario.trial
    yield Heading(scenario.title or scenario.name, level=1)
    yield Lines("; ".join(trial_facts(scenario)))
    for label, table in tables.items():
        yield from decision_table_blocks(label, table, scenario.designs[label].applied_to(trial), every=every)
        if table.pathways is not None:
            yield Heading(f"Pathways of the first {count(table.pathways.cohorts, 'cohort')}", level=3)
            yield Picture(*tree_lines(table.pathways))


def decision_table_blocks(label: str, table: ProtocolTable, trial: Trial, *, every: bool = False) -> Iterator[Block]:
    """The section on one design: its tables, what their columns mean, and what else decides.

    The trial is as the design runs it. `every` number of patients is shown, or those that the cohorts can make.
    """
    yield Heading(label)
    yield from boundary_blocks(table, trial, every=every)
    yield Heading("What else decides", level=3)
    yield Lines(*table.rules, listed=True)


def boundary_blocks(table: ProtocolTable, trial: Trial, *, every: bool = False) -> Iterator[Block]:
    """The tables of one design and what their columns mean, or why there is none."""
    if table.reason is not None:
        yield Lines(table.reason)
    if table.parameters:
        yield Lines(", ".join(f"{name} = {value:.6g}" for name, value in table.parameters.items()))
    if table.table is not None:
        if table.titration is not None:
            yield _boundary_table([table.titration], TITRATION_HEADS, "titration, until a DLT or the highest dose")
        shown = [_dose_table(part, trial, every=every) for part in table.table]
        if table.pending is not None or table.pending_reason is not None:
            shown = [replace(one, caption=", ".join(filter(None, (ALL_KNOWN, one.caption)))) for one in shown]
        yield from shown
        if table.titration is not None:
            yield Lines(TITRATION_NOTE, listed=True)
        yield Lines(*_conventions(table.table, shown, every=every), listed=True)
    if table.desirability is not None:
        yield from desirability_blocks(table.desirability, table.parameters["u_b"], every=every)
    if table.pending is not None:
        yield from pending_blocks(table.pending, trial, every=every)
    if table.pending_reason is not None:
        yield Lines(table.pending_reason)
    if table.expansion is not None:
        yield from _expansion_blocks(table.expansion, every=every)


def _dose_table(part: DoseTable, trial: Trial, *, every: bool) -> TextTable:
    rows = [row for row in part.rows if every or row.occurs]
    names = with_unit(", ".join(trial.dose_names[dose - 1] for dose in part.doses), trial)
    caption = "" if len(part.doses) == trial.levels else f"at {names}"
    if not all(row.is_monotone for row in rows):
        return _letters(rows, caption)
    return _boundary_table(rows, _columns(part), caption)


def _boundary_table(rows: Sequence[PatientsRow], heads: Mapping[str, int], caption: str) -> TextTable:
    cells = [[str(row.patients), *(_cell(row, code) for code in heads.values())] for row in rows]
    return TextTable(["patients", *heads], [cells], caption=caption)


def _columns(part: DoseTable) -> dict[str, int]:
    """Heads of the columns that the table needs, and the decision that each is for."""
    if not part.moves:
        return {STOP: ELIMINATE}
    return {head: code for code, (head, *_) in MEANINGS.items() if code in part.decisions}


def _cell(row: PatientsRow, code: int) -> str:
    limit = getattr(row, MEANINGS[code][1])
    if limit is None:
        return NEVER
    return "-".join(map(str, dict.fromkeys(limit))) if code == STAY else str(limit)


def _letter(code: int) -> str:
    return LETTERS.get(code, UNDECIDED_LETTER)


def _letters(rows: Sequence[PatientsRow], caption: str) -> TextTable:
    """Cell by cell, for decisions that boundaries cannot give."""
    most = max(row.patients for row in rows)
    cells = [[str(row.patients), *map(_letter, row.codes.tolist()), *[""] * (most - row.patients)] for row in rows]
    head = ["patients", LETTER_HEAD, *map(str, range(1, most + 1))]
    return TextTable(head, [cells], words=frozenset(range(1, most + 2)), caption=caption)


def _conventions(parts: Sequence[DoseTable], shown: Sequence[TextTable], *, every: bool) -> Iterator[str]:
    """What the columns and letters mean."""
    yield "patients: treated so far at the current dose. The numbers beside them are of those who had a DLT."
    by_letter = [LETTER_HEAD in table.header for table in shown]
    if any(part.moves and not letters for part, letters in zip(parts, by_letter, strict=True)):
        found = frozenset().union(*(part.decisions for part in parts))
        yield from (f"{head}: {meaning}." for code, (head, _, meaning) in MEANINGS.items() if code in found)
    elif not all(by_letter):
        yield "stop >=: with so many DLTs or more the dose is stopped; with fewer it is given again."
    if any(by_letter):
        yield "E: escalate; S: stay; D: de-escalate; DU: de-escalate and never give this dose or a higher one again."
    if any(UNDECIDED_LETTER in row for table in shown for row in table.groups[0]):
        yield f"{UNDECIDED_LETTER}: the table does not decide."
    if any(NEVER in row for table in shown for row in table.groups[0]):
        yield f"{NEVER}: no number of DLTs does."
    if not every:
        yield "Numbers of patients that the cohorts cannot make are left out."


def _expansion_blocks(expansion: ExpansionTable, *, every: bool) -> Iterator[Block]:
    rows = [row for row in expansion.rows if every or row.occurs]
    whose, where = "all patients at the dose", "at the dose, those of dose escalation included"
    if expansion.own:
        whose, where = "its own patients", "in the expansion"
    yield _boundary_table(rows, {STOP: ELIMINATE}, f"expansion, by {whose}")
    stop = "stop >=: with so many DLTs or more the dose is stopped and no longer recommended."
    yield Lines(f"patients: treated so far {where}.", stop, listed=True)


def to_tree(scenario: TrialDesigns, tables: Mapping[str, ProtocolTable]) -> dict[str, Any]:
    """The decision tables of a scenario's designs for JSON."""
    return {
        "version": __version__,
        "scenario": scenario.name,
        "trial": scenario.trial.model_dump(mode="json"),
        "designs": [design_tree(label, table) for label, table in tables.items()],
    }


def design_tree(label: str, table: ProtocolTable) -> dict[str, Any]:
    """The decision table of one design: every number of patients, with whether the cohorts make it."""
    parts = [{"doses": list(part.doses), "rows": [_row_tree(row) for row in part.rows]} for part in table.table or ()]
    responses = {} if table.desirability is None else {"desirability": desirability_tree(table.desirability)}
    return {
        "design": label,
        "reason": table.reason,
        "parameters": table.parameters,
        "titration": None if table.titration is None else _row_tree(table.titration),
        "table": None if table.table is None else parts,
        "expansion": None if table.expansion is None else _expansion_tree(table.expansion),
        "pending": None if table.pending is None else [pending_tree(part) for part in table.pending],
        "pending_reason": table.pending_reason,
        **responses,
        "rules": list(table.rules),
        "pathways": None if table.pathways is None else pathway_tree(table.pathways),
    }


def _row_tree(row: PatientsRow) -> dict[str, Any]:
    return {
        "patients": row.patients,
        "occurs": row.occurs,
        "monotone": row.is_monotone,
        **{name: getattr(row, name) for _, name, _ in MEANINGS.values()},
        "decisions": [_letter(code) for code in row.codes.tolist()],
    }


def _expansion_tree(expansion: ExpansionTable) -> dict[str, Any]:
    rows = [
        {"patients": row.patients, "occurs": row.occurs, "stop_if_at_least": row.eliminate_if_at_least}
        for row in expansion.rows
    ]
    return {"counts": "expansion" if expansion.own else "dose", "rows": rows}


def table_of(scenario: TrialDesigns, tables: Mapping[str, ProtocolTable]) -> Table:
    """A row for each number of patients, with its decisions from no DLT on; no rows for designs without a table.

    `part` is "doses" with the dose levels, "titration" or "expansion"; what is never decided has no value, and so have
    the boundaries of decisions that are not monotone. "pending" has a row for numbers of patients, DLTs and pending
    patients, its decisions as follow-up rises. "desirability", where a design decides by responses, has a row for all
    counts, and columns of its own.
    """
    rows: list[tuple[Any, ...]] = []
    for label, table in tables.items():
        for part in table.table or ():
            doses = " ".join(map(str, part.doses))
            rows += ((scenario.name, label, "doses", doses, *_boundaries(row)) for row in part.rows)
        if table.table is not None and table.titration is not None:
            rows.append((scenario.name, label, "titration", "", *_boundaries(table.titration)))
        if table.expansion is not None:
            rows += ((scenario.name, label, "expansion", "", *_boundaries(row)) for row in table.expansion.rows)
        rows = [(*row, *(None,) * (len(COLUMNS) - len(row))) for row in rows]
        for held in table.pending or ():
            doses = " ".join(map(str, held.doses))
            rows += ((scenario.name, label, "pending", doses, *cells) for cells in pending_cells(held))
    if all(table.desirability is None for table in tables.values()):
        return Table.of(COLUMNS, rows)
    rows = [(*row, *(None,) * len(DESIRABILITY_COLUMNS)) for row in rows]
    for label, table in tables.items():
        for found in desirability_tree(table.desirability or ()):
            told = {"scenario": scenario.name, "design": label, "part": "desirability"} | found
            rows.append(tuple(told.get(column.name) for column in (*COLUMNS, *DESIRABILITY_COLUMNS)))
    return Table.of((*COLUMNS, *DESIRABILITY_COLUMNS), rows)


def _boundaries(row: PatientsRow) -> tuple[Any, ...]:
    stay = row.stay_if or (None, None)
    decisions = " ".join(map(_letter, row.codes.tolist()))
    ends = row.de_escalate_if_at_least, row.eliminate_if_at_least
    return (row.patients, row.occurs, row.escalate_if_at_most, *stay, *ends, decisions)
