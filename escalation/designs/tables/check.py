"""What is wrong with a decision table on a trial.

A cell is a number of patients and of DLTs at a dose. It is called *reachable* when

- cohorts lead to it from no patients over reachable cells that do not eliminate the dose and have fewer than `cap`
  patients, and
- the dose itself can be given: it is where the trial starts, or a reachable cell of the dose next to it, on the side of
  the start, leads there, and
- the trial has patients enough for it and for the fewest on the way to the dose; after a last, smaller cohort it has
  none left, so that all others must find room at the other doses.

Doses are looked at one by one, and what has to happen at several at once only in these numbers of patients. Every cell
that a trial reaches is therefore reachable; a few reachable ones may not be reached by any trial.

The rule on observed rates is long-term memory coherence: Liu S, Yuan Y (2015) JRSS C 64:507-523. (That of Cheung YK
(2005) Biometrika 92:863-873 looks at the last patient alone, and a table of counts does not know who was last.)
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby, product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from escalation.designs.tables.rows import LARGEST, NAMED, Row, decisions_of
from escalation.kernels.codes import DE_ESCALATE, ELIMINATE, ESCALATE, SLACK, STAY
from escalation.numbers import count_grid
from escalation.plans.conduct import NO_LIMIT
from escalation.trial.cohorts import largest
from escalation.trial.trial import Trial

Cells = NDArray[np.bool_]
Codes = NDArray[np.int8]

DOES = {ESCALATE: "escalates", STAY: "stays", DE_ESCALATE: "de-escalates", ELIMINATE: "eliminates"}


class Checked(NamedTuple):
    """A table on a trial, which ends when the next dose has `cap` patients."""

    rows: tuple[Row, ...]
    trial: Trial
    cap: int
    titration: bool


@lru_cache(maxsize=8)
def fatal_findings(table: Checked) -> list[str]:
    """What lets no trial be run by a table."""
    rows, trial = table.rows, table.trial
    _, decided, reachable = _cells(table)
    fatal, unknown = [], reachable & ~decided
    beyond = [f"row {number} ({row})" for number, row in enumerate(rows, 1) if trial.levels < row.box[0][1] < LARGEST]
    if beyond:
        fatal.append(f"the trial has {trial.levels} dose levels, and there are rows for higher ones: {_some(beyond)}")
    if unknown.any():
        fatal.append(f"no decision in cells that a trial may reach: {_named(unknown)}")
    return fatal


@lru_cache(maxsize=8)
def doubtful_findings(table: Checked) -> list[str]:
    """What else is wrong with a table: it takes as long again."""
    codes, decided, reachable = _cells(table)
    known = reachable & decided
    doubtful = [*_not_monotone(codes, known, table.trial), *_incoherent(codes, known, table.trial)]
    idle = [str(row) for row in table.rows if not reachable[row.indices].any()]
    if idle:
        doubtful.append(f"{len(idle)} of {len(table.rows)} rows are for cells that no trial reaches: {_some(idle)}")
    return doubtful


@lru_cache(maxsize=1)
def _cells(table: Checked) -> tuple[Codes, Cells, Cells]:
    """Of each cell its decision, whether there is one, and whether a trial may reach it; [D, N + 1, N + 1] each."""
    codes, decided = decisions_of(table.rows, table.trial)
    return codes, decided, reachable_cells(codes, table.trial, table.cap, titration=table.titration)


def reachable_cells(codes: Codes, trial: Trial, cap: int = NO_LIMIT, *, titration: bool = False) -> Cells:
    """Cells that a trial may reach under a decision table, bool[D, N + 1, N + 1]; see the module's text.

    Titration ends at some dose, where a cohort is filled up, and leaves one patient without a DLT at each dose below.
    """
    if not titration or trial.equal_cohorts in (None, 1):
        return _from(codes, trial, trial.start_dose - 1, 0, cap)
    reachable = np.zeros(codes.shape, np.bool_)
    for ends_at in range(min(trial.levels, trial.max_patients)):
        reachable |= _from(codes, trial, ends_at, 1, cap)
    return reachable


def _from(codes: Codes, trial: Trial, start: int, alone: int, cap: int) -> Cells:
    """Cells that a trial may reach from dose `start` on, with `alone` patients at each dose below before."""
    reachable = np.zeros(codes.shape, np.bool_)
    before = np.where(np.arange(trial.levels) < start, alone, 0)
    most = trial.max_patients - int(before.sum())
    reachable[np.arange(trial.levels), before, 0] = True  # where every dose begins; taken out in the end
    fewest = {start: 0}  # patients elsewhere, beyond those alone, before the first cohort at a dose
    _fill(reachable[start], codes[start], _sizes(trial, start), int(before[start]), most, cap)
    for step, leads_on in ((1, codes == ESCALATE), (-1, codes < STAY)):
        dose = start
        while 0 <= dose + step < trial.levels:
            at_dose = (reachable[dose] & leads_on[dose]).any(axis=1)
            leaving = np.flatnonzero(at_dose[before[dose] + 1 :]) + 1
            if not leaving.size:
                break
            fewest[dose + step] = fewest[dose] + int(leaving[0])
            dose += step
            _fill(reachable[dose], codes[dose], _sizes(trial, dose), int(before[dose]), most - fewest[dose], cap)
    after_whole_cohorts = {dose: np.flatnonzero(reachable[dose].any(axis=1)) - before[dose] for dose in fewest}
    most_added = sum(int(added[-1]) for added in after_whole_cohorts.values())
    for last, (dose, added) in product(_last_cohorts(trial, most), after_whole_cohorts.items()):
        for patients in added.tolist():
            if fewest[dose] <= most - last - patients <= most_added - added[-1]:
                _grow(reachable[dose], codes[dose], int(before[dose]) + patients, last, cap)
    reachable[np.arange(trial.levels), before, 0] = False
    return reachable


def _sizes(trial: Trial, dose: int) -> list[int]:
    """Sizes that a full cohort at a dose can have."""
    own, in_trial = trial.sizes_by_dose[dose], trial.sizes_in_trial
    return [own] if in_trial is None else sorted({max(own, size) for size in in_trial.ravel().tolist()})


def _last_cohorts(trial: Trial, most: int) -> Iterable[int]:
    """Sizes that a last cohort, smaller than a full one, can have in a trial of `most` patients."""
    if trial.equal_cohorts is None:
        return range(1, largest(trial.cohort_size))
    last = most % trial.equal_cohorts
    return (last,) if last else ()


def _fill(reachable: Cells, codes: Codes, sizes: Sequence[int], first: int, most: int, cap: int) -> None:
    """Mark what full cohorts of at most `most` patients lead to at one dose, from `first` patients on."""
    reached = {first}
    for patients in range(first, first + most):
        for size in sizes if patients in reached else ():
            if patients + size <= first + most:
                _grow(reachable, codes, patients, size, cap)
                reached.add(patients + size)


def _grow(reachable: Cells, codes: Codes, patients: int, cohort: int, cap: int) -> None:
    """Mark what one more cohort leads to from the cells of so many patients at one dose."""
    given_again = reachable[patients] & (codes[patients] != ELIMINATE)
    if patients < cap and given_again.any():
        after = np.convolve(given_again[: patients + 1], np.ones(cohort + 1, np.int64)) > 0
        reachable[patients + cohort, : patients + cohort + 1] |= after


def _not_monotone(codes: Codes, known: Cells, trial: Trial) -> Iterator[str]:
    """A decision should not lead higher after more DLTs, nor lower after as many DLTs in more patients."""
    lowest = np.minimum.accumulate(np.where(known, codes, ESCALATE), axis=2)
    higher = known & (codes > lowest)
    for dose, patients, dlts in np.argwhere(higher)[:1]:
        code = codes[dose, patients, dlts]
        fewer = np.flatnonzero(known[dose, patients, :dlts] & (codes[dose, patients, :dlts] < code))[-1]
        contrast = f"{DOES[codes[dose, patients, fewer]]} after fewer DLTs, {fewer} of {patients}"
        yield f"not monotone: {DOES[code]} at dose {dose + 1}, {dlts} of {patients}, but {contrast}{_others(higher)}"
    after_whole_cohorts = np.arange(trial.max_patients + 1)[:, None] % (trial.equal_cohorts or 1) == 0
    no_lower = known & ((codes == ESCALATE) | ((codes == STAY) & after_whole_cohorts))  # else it decides nothing
    lower = known & (codes < STAY) & np.logical_or.accumulate(no_lower, axis=1)
    for dose, patients, dlts in np.argwhere(lower)[:1]:
        code, fewer = codes[dose, patients, dlts], np.flatnonzero(no_lower[dose, :patients, dlts])[-1]
        contrast = f"{DOES[codes[dose, fewer, dlts]]} with as many DLTs in fewer patients, {dlts} of {fewer}"
        yield f"not monotone: {DOES[code]} at dose {dose + 1}, {dlts} of {patients}, but {contrast}{_others(lower)}"


def _incoherent(codes: Codes, known: Cells, trial: Trial) -> Iterator[str]:
    """A dose should not go up after an observed rate above the target, nor down after one below it; at it, either."""
    patients, dlts = count_grid(trial.max_patients)
    rate = dlts / np.maximum(patients, 1)
    for moves, does, side in (
        (known & (codes == ESCALATE) & (rate > trial.target + SLACK), "escalates", "above"),
        (known & (codes < STAY) & (rate < trial.target - SLACK), "de-escalates", "below"),
    ):
        if moves.any():
            yield f"{does} although the observed rate is {side} the target of {trial.target:g}: {_named(moves)}"


def _others(cells: Cells) -> str:
    more = int(cells.sum()) - 1
    return f" (and {more} more like it)" if more else ""


def _some(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    return "; ".join(names[:NAMED]) + (f"; and {more} more" if more > 0 else "")


def _named(cells: Cells) -> str:
    """The first of some cells by name, and their number; neighbours in DLTs at the same doses are named together."""
    found = (
        (int(patients), int(dlts), tuple(np.flatnonzero(cells[:, patients, dlts]) + 1))
        for patients, dlts in np.argwhere(cells.any(axis=0))
    )
    names: list[str] = []
    for (patients, doses, _), run in groupby(
        enumerate(found), lambda item: (item[1][0], item[1][2], item[1][1] - item[0])
    ):
        if len(names) == NAMED:
            return "; ".join(names) + f"; and others, {int(cells.sum())} in all"
        dlts = [cell[1] for _, cell in run]
        levels = f"dose {doses[0]}" if len(doses) == 1 else f"doses {_series(doses)}"
        names.append(f"{levels}, {_series(dlts)} of {patients}")
    return "; ".join(names)


def _series(numbers: Sequence[int]) -> str:
    """Rising numbers: 2, or 1-4 when none is left out, or 1, 3, 4."""
    if len(numbers) > 1 and numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"{numbers[0]}-{numbers[-1]}"
    return ", ".join(map(str, numbers))
