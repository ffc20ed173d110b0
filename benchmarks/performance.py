"""Designs under published truths: their operating characteristics, and averages of these."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import NamedTuple

from benchmarks.published import TruthSet, designs_for
from escalation import (
    Design,
    OperatingCharacteristics,
    StateSpaceError,
    Trial,
    exact,
    operating_characteristics,
    simulate,
)
from escalation.report.wording import mean, percent
from escalation.trial.rates import correct_doses

EQUAL = 1e-9
"""Numbers that differ by less are equal."""


class Quantity(NamedTuple):
    """What is tabulated.

    Attributes
    ----------
    name : str
        In the CSV file.
    head : str
        Of the column.
    of : function
        From operating characteristics, the correct doses (1-based), and the doses above the target (1-based).
    shown : function
        How it is printed.
    """

    name: str
    head: str
    of: Callable[[OperatingCharacteristics, Sequence[int], Sequence[int]], float]
    shown: Callable[[float], str]


def _at(numbers: Sequence[float], doses: Sequence[int]) -> float:
    return sum(numbers[dose - 1] for dose in doses)


QUANTITIES = (
    Quantity("pcs", "PCS %", lambda oc, _, __: oc.pcs, percent),
    Quantity("selection_above", "too high %", lambda oc, _, above: _at(oc.selection, above), percent),
    Quantity("at_mtd", "at MTD %", lambda oc, right, _: _at(oc.patients, right) / oc.sample_size.mean, percent),
    Quantity("above_mtd", "above %", lambda oc, _, __: oc.above_mtd, percent),
    Quantity("overdosing_60", ">60 % above", lambda oc, _, __: oc.overdosing_60, percent),
    Quantity("overdosing_80", ">80 % above", lambda oc, _, __: oc.overdosing_80, percent),
    Quantity("poor_allocation", "poor alloc. %", lambda oc, _, __: oc.poor_allocation or 0.0, percent),
    Quantity("sample_size", "patients", lambda oc, _, __: oc.sample_size.mean, mean),
    Quantity("total_dlts", "DLTs", lambda oc, _, __: oc.total_dlts.mean, mean),
)


@dataclass(frozen=True)
class Performance:
    """A design under one truth.

    Attributes
    ----------
    kind : str
    target : float
    truth : int
        Its number, from 1.
    rates : tuple of float
    trials : int or None
        Simulated trials; None where the numbers are exact.
    values : dict of str to float
        By the names of `QUANTITIES`.
    """

    kind: str
    target: float
    truth: int
    rates: tuple[float, ...]
    trials: int | None
    values: dict[str, float]


def performances(
    kind: str, design: Design, trial: Trial, truths: Sequence[tuple[float, ...]], *, max_states: int | None, trials: int
) -> list[Performance]:
    """A design under every truth: exact, or simulated where the exact engine refuses.

    Parameters
    ----------
    kind : str
    design : Design
    trial : Trial
    truths : sequence of tuple of float
    max_states : int or None
        As for `exact`.
    trials : int
        To be simulated then.
    """
    try:
        enumeration = exact(design, trial, max_states=max_states)
    except StateSpaceError:
        enumeration = None
    found = []
    for number, rates in enumerate(truths, 1):
        outcomes = simulate(design, trial, rates, trials=trials) if enumeration is None else enumeration.outcomes(rates)
        oc = operating_characteristics(outcomes)
        right = correct_doses(rates, trial.target)
        above = [dose for dose, rate in enumerate(rates, 1) if rate > trial.target + EQUAL]
        values = {quantity.name: quantity.of(oc, right, above) for quantity in QUANTITIES}
        found.append(Performance(kind, trial.target, number, rates, outcomes.trials, values))
    return found


def everything(
    sets: Sequence[TruthSet],
    told: Callable[[str], None] = lambda _: None,
    max_states: int | None = None,
    trials: int = 100_000,
) -> list[Performance]:
    """Every design under every truth."""
    found = []
    for one in sets:
        for kind, design in designs_for(one.trial).items():
            told(f"target {one.target:g}, {kind}")
            found += performances(kind, design, one.trial, one.truths, max_states=max_states, trials=trials)
    return found


def by_kind(found: Sequence[Performance]) -> dict[str, list[Performance]]:
    """The performances of each design, in order."""
    kinds = dict.fromkeys(one.kind for one in found)
    return {kind: [one for one in found if one.kind == kind] for kind in kinds}


def average(found: Sequence[Performance], quantity: str) -> float:
    """Mean over truths."""
    return fmean(one.values[quantity] for one in found)


def complete(found: Sequence[Performance]) -> list[Performance]:
    """The performances of designs that have decisions for every target."""
    targets = {one.target for one in found}
    whole = {kind for kind, part in by_kind(found).items() if {one.target for one in part} == targets}
    return [one for one in found if one.kind in whole]


def wins(found: Sequence[Performance], reference: Sequence[Performance]) -> int:
    """Number of truths under which a design's PCS is above the reference's."""
    pairs = zip(found, reference, strict=True)
    return sum(mine.values["pcs"] > theirs.values["pcs"] + EQUAL for mine, theirs in pairs)


def alike(found: Sequence[Performance]) -> list[list[str]]:
    """Kinds of designs with equal numbers under every truth."""
    kinds = by_kind(found)
    groups: list[list[str]] = []
    for kind, part in kinds.items():
        for group in groups:
            if _equal(part, kinds[group[0]]):
                group.append(kind)
                break
        else:
            groups.append([kind])
    return [group for group in groups if len(group) > 1]


def _equal(mine: Sequence[Performance], theirs: Sequence[Performance]) -> bool:
    return all(
        abs(one.values[quantity.name] - other.values[quantity.name]) <= EQUAL
        for one, other in zip(mine, theirs, strict=True)
        for quantity in QUANTITIES
    )
