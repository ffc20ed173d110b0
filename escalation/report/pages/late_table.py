"""What is said of the decisions of a late-onset design while patients are pending: a table, a tree, and tidy rows."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from math import inf, isfinite
from typing import Any

from escalation.designs.tables.rows import LETTERS
from escalation.kernels.codes import DE_ESCALATE, ELIMINATE, ESCALATE, STAY, SUSPEND
from escalation.report.blocks import Block, Lines, TextTable
from escalation.report.wording import with_unit
from escalation.running.late_tables import MOST_PATIENTS, PendingRow, PendingTable
from escalation.trial.trial import Trial

WHILE_PENDING, ALL_KNOWN = "while patients are pending", "all outcomes known"
"""What the two kinds of table of such a design are for."""

SUSPENDED = "W"
"""The letter of a decision to wait, beside those of `designs.tables.rows`."""

HEADS = {"escalate": ESCALATE, "stay": STAY, "de-escalate": DE_ESCALATE, "suspend": SUSPEND}
NEVER = "-"

MEASURES = {
    "STFT": "STFT: the sum of the shares of the DLT window for which the pending patients have been followed.",
    "ESS": "ESS: the number of known outcomes, plus the sum of the shares of the DLT window for which the pending "
    "patients have been followed.",
}


def pending_blocks(parts: Sequence[PendingTable], trial: Trial, *, every: bool) -> Iterator[Block]:
    """The tables of one design, and what their columns mean."""
    for part in parts:
        names = with_unit(", ".join(trial.dose_names[dose - 1] for dose in part.doses), trial)
        captions = [WHILE_PENDING] + [f"by {part.measure}"] * bool(part.measure)
        captions += [f"at {names}"] * (len(part.doses) < trial.levels)
        rows = [row for row in part.rows if every or row.occurs]
        groups = [
            [_cells(alike) for alike in _alike(list(of_number))]
            for _, of_number in groupby(rows, key=lambda row: row.patients)
        ]
        heads = ["patients", "DLTs", "pending", *HEADS]
        yield TextTable(heads, groups, words=frozenset(range(1, len(heads))), caption=", ".join(captions))
    most = max(row.patients for part in parts for row in part.rows)
    yield Lines(*_conventions(parts, most if most == MOST_PATIENTS < trial.max_patients else None), listed=True)


def _alike(rows: list[PendingRow]) -> Iterator[list[PendingRow]]:
    """Rows of one number of patients, those together that differ in the DLTs and the most who can be pending alone."""
    together: list[PendingRow] = []
    for row in rows:
        whole = row.pending == (0, row.patients - row.dlts) and not row.cuts
        if together and not (whole and row.codes == together[-1].codes and together[-1].pending[0] == 0):
            yield together
            together = []
        together.append(row)
        if not whole:
            yield together
            together = []
    if together:
        yield together


def _cells(rows: Sequence[PendingRow]) -> list[str]:
    first, last = rows[0], rows[-1]
    cells = [_range(first, code) for code in HEADS.values()]
    if ELIMINATE in first.codes:
        cells[list(HEADS).index("de-escalate")] = "eliminate"
    pending = "any" if len(rows) > 1 else _span(*first.pending)
    return [str(first.patients), _span(first.dlts, last.dlts), pending, *cells]


def _span(low: int, high: int) -> str:
    return str(low) if low == high else f"{low}-{high}"


def _range(row: PendingRow, code: int) -> str:
    """The follow-up with a decision: a cut belongs to the decision below where that is to de-escalate."""
    ends = row.between(code)
    if ends is None:
        return NEVER
    low, high = ends
    if not isfinite(low) and not isfinite(high):
        return "yes"
    above = ">" if row.codes[row.codes.index(code) - 1] == DE_ESCALATE and isfinite(low) else ">="
    below = "<=" if code == DE_ESCALATE else "<"
    parts = [f"{above} {low:.2f}"] * isfinite(low) + [f"{below} {high:.2f}"] * isfinite(high)
    return ", ".join(parts)


def _conventions(parts: Sequence[PendingTable], most: int | None) -> Iterator[str]:
    measures = dict.fromkeys(part.measure for part in parts if part.measure)
    yield "pending: of the patients at the dose those without a DLT whose DLT window has not passed."
    yield from (MEASURES[measure] for measure in measures)
    yield "eliminate: de-escalate, and never give this dose or a higher one again."
    yield "suspend: enrolment waits until more is known."
    if measures:
        yield "Cuts are rounded to two decimals; `next` and JSON have them in full."
    if most is not None:
        yield f"With more than {most} patients at a dose `next` gives the decisions."
    yield "Where there is no dose above, or below, the same dose is given again."


def pending_tree(part: PendingTable) -> dict[str, Any]:
    """A table for JSON: every number of patients, with whether the cohorts make it."""
    return {"doses": list(part.doses), "measure": part.measure or None, "rows": [_row_tree(row) for row in part.rows]}


def _row_tree(row: PendingRow) -> dict[str, Any]:
    return {
        "patients": row.patients,
        "occurs": row.occurs,
        "dlts": row.dlts,
        "pending_from": row.pending[0],
        "pending_to": row.pending[1],
        "decisions": list(map(_letter, row.codes)),
        **_cuts(row),
    }


def _cuts(row: PendingRow) -> dict[str, float | None]:
    """The follow-up up to which, or from which, a decision is taken; None where it is never, or always."""
    down, up, held = (row.between(code) for code in (DE_ESCALATE, ESCALATE, SUSPEND))
    return {
        "de_escalate_to": None if down is None or down[1] == inf else down[1],
        "escalate_from": None if up is None or up[0] == -inf else up[0],
        "suspend_from": None if held is None or held[0] == -inf else held[0],
    }


def _letter(code: int) -> str:
    return SUSPENDED if code == SUSPEND else LETTERS[code]


def pending_cells(part: PendingTable) -> Iterator[tuple[Any, ...]]:
    """The same as rows of a tidy table, from its column `patients` on."""
    for row in part.rows:
        letters = " ".join(map(_letter, row.codes))
        cuts = _cuts(row).values()
        yield (row.patients, row.occurs, *(None,) * 5, letters, row.dlts, *row.pending, *cuts)
