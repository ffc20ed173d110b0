"""What is said of a comparison: a page, a tree, and a tidy table."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, fields, replace
from itertools import groupby
from typing import Any

from escalation.characteristics.paired import EVERY, PATIENTS_AT_OBD, PCS_OBD, Difference
from escalation.engines.outcomes import DURATION
from escalation.report.blocks import Block, Heading, Lines, TextTable
from escalation.report.preamble import head, opening, refusal_warnings, refusal_words
from escalation.report.verdict import agreement_lines, agreement_tree, trials_text, verdict_lines
from escalation.report.wording import ROUNDING, correct_names, percent, rates_text
from escalation.studies.compare import Comparison
from escalation.tidy import OF_THE_QUANTITY, Column, Table, columns
from escalation.trial.calendar import DAYS_PER_MONTH

NAMES = dict(
    zip(
        EVERY,
        (
            "PCS %",
            "patients > target",
            "patients",
            "DLTs",
            "toxic stop %",
            "months",
            "patients at OBD",
            "correct OBD %",
        ),
        strict=True,
    )
)
"""What the quantities are called on a page."""

SHARES = {"pcs", "stop_toxic", PCS_OBD}
"""The quantities that are probabilities."""


def comparison_blocks(comparison: Comparison) -> Iterator[Block]:
    """A page on a comparison: its trial, a section for each truth, and how exact and simulated differences agree."""
    yield from opening(comparison.scenario, comparison.compared)
    yield from difference_blocks(comparison)


def difference_blocks(comparison: Comparison) -> Iterator[Block]:
    """A section for each truth, and how exact and simulated differences agree."""
    trial = comparison.scenario.trial
    truths = {truth.name: truth for truth in comparison.scenario.truth}
    for name, differences in groupby(comparison.differences, key=lambda one: one.truth):
        correct = correct_names(trial, truths[name].correct_doses(trial.target))
        yield Heading(name)
        yield Lines(f"true DLT rates {rates_text(truths[name].dlt_rates)} %; correct: {correct}")
        yield difference_table(list(differences), simulated=comparison.trials > 0)
    yield Lines(*footnotes(comparison), listed=True)
    yield verdict(comparison)


def difference_table(differences: Sequence[Difference], *, simulated: bool) -> TextTable:
    """The pairs of designs under one truth: a row for each quantity, below one that names the pair."""
    header = ["design - reference", "values", "difference", "simulated (95 % CI)" if simulated else None]
    groups = []
    for (design, reference), found in groupby(differences, lambda one: (one.design, one.reference)):
        pair = list(found)
        refused = all(one.exact is None for one in pair)
        rows = [[f"{design} - {reference}{' ~' if refused else ''}", *[""] * (len(header) - 1)]]
        for one in pair:
            exact = "" if one.exact is None else signed(one.exact, one.quantity)
            name = f"  {NAMES[one.quantity]}{' ~' if one.exact is None and not refused else ''}"
            rows.append([name, values(one), exact, interval(one)])
        groups.append(rows)
    return TextTable.of(header, groups)


def values(one: Difference) -> str:
    """The values of a design and its reference: exact, or both simulated where one is not exact."""
    pair = one.design_exact, one.reference_exact
    if one.exact is None:  # the exact engine refused a design
        pair = one.design_simulated, one.reference_simulated
    return " - ".join(plain_number(value, one.quantity) for value in pair if value is not None)


def plain_number(value: float, quantity: str) -> str:
    """A probability in percent with one decimal, a mean count or days in months with two; none is 0 unless it is."""
    if quantity in SHARES:
        return percent(value)
    value = value / DAYS_PER_MONTH if quantity == DURATION else value
    return "<0.01" if 0 < value < 0.005 else f"{value:.2f}"


def signed(value: float, quantity: str) -> str:
    """A difference with its sign, in the decimals of its quantity; what is zero, but for rounding, has no sign."""
    shown, decimals = (100 * value, 1) if quantity in SHARES else (value, 2)
    shown = shown / DAYS_PER_MONTH if quantity == DURATION else shown
    return f"{shown:+.{decimals}f}" if abs(value) > ROUNDING else f"{0:.{decimals}f}"


def interval(one: Difference) -> str:
    """The simulated difference and its 95 % interval; a single trial has none."""
    if one.simulated is None:
        return ""
    text = signed(one.simulated, one.quantity)
    if one.lower is None or one.upper is None:
        return text
    return f"{text} ({signed(one.lower, one.quantity)}, {signed(one.upper, one.quantity)})"


def footnotes(comparison: Comparison) -> Iterator[str]:
    """What the rows and columns mean."""
    yield "PCS: probability of correct selection. Toxic stop: that the trial is stopped as"
    yield "too toxic, in dose escalation or its expansion. The rest are means per trial."
    yield "> target: at doses whose true rate exceeds the target."
    if any(one.quantity == DURATION for one in comparison.differences):
        yield "Months: of 30.4 days, from the first arrival to the last completion."
    if any(one.quantity == PATIENTS_AT_OBD for one in comparison.differences):
        yield "At OBD: at the truth's optimal dose, mean."
    if any(one.quantity == PCS_OBD for one in comparison.differences):
        yield "Correct OBD: the truth's optimal dose is chosen, or none where it has none."
    if comparison.trials > 0:
        yield "Simulated: mean difference in trials with the same patients, 95 % interval."
    if comparison.gains:
        gains = ", ".join(f"{NAMES[name]} {gain:.1f}".replace(" %", "") for name, gain in comparison.gains.items())
        yield f"Without shared patients the same precision takes more trials, median times: {gains}."


def verdict(comparison: Comparison) -> Lines:
    """Whether the differences are exact, and how the simulated ones agree."""
    lines: list[str] = []
    simulated = trials_text(comparison.trials, comparison.seed)
    agreement = comparison.agreement
    if agreement is not None:
        lines += agreement_lines("Exact differences", simulated, agreement, "No z value")
    elif comparison.trials == 0:
        lines += ["Exact differences; no trials were simulated."]
    if any(one.exact is None for one in comparison.differences):
        lines += [f"~ no exact difference; values are means of {simulated}."]
    return verdict_lines(lines, refusal_words(comparison.refusals, comparison.compared), agreement)


def table_of(comparison: Comparison) -> Table:
    """A row for each difference."""
    named = ("truth", "design", "reference", "quantity")
    numbers = [field.name for field in fields(Difference) if field.name not in named]
    units = {"z": "standard deviations", "p_value": "probability", "gain": "ratio"}
    return Table.of(
        (
            *columns("scenario", *named),
            *(Column(name, units.get(name, OF_THE_QUANTITY), float) for name in numbers),
        ),
        ((comparison.scenario.name, *astuple(one)) for one in _under_both_names(comparison.differences)),
    )


def _under_both_names(differences: Iterable[Difference]) -> Iterator[Difference]:
    """A quantity's older name says MTD and means the target: where programs read, it has both."""
    for one in differences:
        yield one
        if one.quantity == "patients_above_mtd":
            yield replace(one, quantity="patients_above_target")


def to_tree(comparison: Comparison) -> dict[str, Any]:
    """A comparison for JSON."""
    refusals = refusal_warnings(comparison.refusals, comparison.compared)
    first = {name: part for name, part in head(comparison.scenario, refusals).items() if name != "doses"}
    return {
        **first,
        "designs": comparison.compared,
        "trials": comparison.trials,
        "seed": comparison.seed,
        "agreement": agreement_tree(comparison.agreement),
        "gains": comparison.gains,
        "differences": list(table_of(comparison).without("scenario").records()),
    }
