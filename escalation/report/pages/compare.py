"""What a report says of a comparison."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from itertools import groupby
from typing import Any

from escalation.characteristics.paired import QUANTITIES, Difference
from escalation.report.blocks import Block, Grid, Heading, Lines
from escalation.report.numbers import ROUNDING, percent
from escalation.report.pages.run import trial_heading
from escalation.scenario.file import Scenario
from escalation.scenario.truths.truth import Truth
from escalation.studies.compare import Comparison
from escalation.version import __version__

NAMES = dict(zip(QUANTITIES, ("PCS %", "patients > target", "patients", "DLTs"), strict=True))
"""What the quantities are called on a page."""


def comparison_blocks(comparison: Comparison) -> Iterator[Block]:
    """A page on a comparison: its trial, a section for each truth, and how exact and simulated differences agree."""
    title, lines = trial_heading(comparison.scenario, compared(comparison))
    yield Heading(title, level=1)
    yield Lines(tuple(lines))
    yield from difference_blocks(comparison)


def difference_blocks(comparison: Comparison) -> Iterator[Block]:
    """A section for each truth, and how exact and simulated differences agree."""
    scenario = comparison.scenario
    truths = {truth.name: truth for truth in scenario.truth}
    for name, differences in groupby(comparison.differences, key=lambda one: one.truth):
        yield Heading(name)
        yield Lines((truth_line(scenario, truths[name]),))
        yield difference_grid(list(differences), simulated=comparison.trials > 0)
    yield Lines(tuple(footnotes(comparison)), listed=True)
    lines, alarm = verdict(comparison)
    yield Lines(tuple(lines), alarm=alarm, listed=True)


def compared(comparison: Comparison) -> list[str]:
    """Labels of the designs that were compared, in the order of the file."""
    found = {label for one in comparison.differences for label in (one.design, one.reference)}
    return [label for label in comparison.scenario.designs if label in found]


def truth_line(scenario: Scenario, truth: Truth) -> str:
    """The rates of a truth, and which dose is correct."""
    names = [scenario.trial.dose_names[dose - 1] for dose in truth.correct_doses(scenario.trial.target)]
    rates = ", ".join(percent(rate) for rate in truth.dlt_rates)
    return f"true DLT rates {rates} %; correct: {', '.join(names) or 'none'}"


def difference_grid(differences: Sequence[Difference], *, simulated: bool) -> Grid:
    """The pairs of designs under one truth: a row for each quantity, below one that names the pair."""
    header = ["design - reference", "values", "difference", *(["simulated (95 % CI)"] if simulated else [])]
    groups = []
    for (design, reference, refused), pair in groupby(
        differences, lambda one: (one.design, one.reference, is_refused(one))
    ):
        rows = [[f"{design} - {reference}{' ~' if refused else ''}", *[""] * (len(header) - 1)]]
        for one in pair:
            exact = "" if one.exact is None else signed(one.exact, one.quantity)
            row = [f"  {NAMES[one.quantity]}", values(one), exact]
            rows.append([*row, *([interval(one)] if simulated else [])])
        groups.append(rows)
    return Grid(header, groups)


def is_refused(one: Difference) -> bool:
    """Whether there is no exact difference, because the exact engine refused a design."""
    return one.exact is None


def values(one: Difference) -> str:
    """The values of a design and its reference: exact, or both simulated where one is not exact."""
    pair = one.design_exact, one.reference_exact
    if is_refused(one):
        pair = one.design_simulated, one.reference_simulated
    return " - ".join(plain_number(value, one.quantity) for value in pair if value is not None)


def plain_number(value: float, quantity: str) -> str:
    """PCS in percent with one decimal, a mean count with two; neither is printed as 0 when it is not."""
    if quantity == "pcs":
        return percent(value)
    return "<0.01" if 0 < value < 0.005 else f"{value:.2f}"


def signed(value: float, quantity: str) -> str:
    """A difference with its sign, in the decimals of its quantity; what is zero, but for rounding, has no sign."""
    shown, decimals = (100 * value, 1) if quantity == "pcs" else (value, 2)
    return f"{shown:+.{decimals}f}" if abs(value) > ROUNDING else f"{0:.{decimals}f}"


def interval(one: Difference) -> str:
    """The simulated difference and its 95 % interval; a single trial has none."""
    if one.simulated is None:
        return ""
    text = signed(one.simulated, one.quantity)
    if one.lower is None or one.upper is None:
        return text
    return f"{text} ({signed(one.lower, one.quantity)}, {signed(one.upper, one.quantity)})"


def footnotes(comparison: Comparison) -> list[str]:
    """What the rows and columns mean."""
    lines = [
        "PCS: probability of correct selection. The other rows are means per trial.",
        "> target: at doses whose true rate exceeds the target.",
    ]
    if comparison.trials > 0:
        lines += ["Simulated: mean difference in trials with the same patients, 95 % interval."]
    if comparison.gains:
        gains = ", ".join(f"{NAMES[name]} {gain:.1f}".replace(" %", "") for name, gain in comparison.gains.items())
        lines += [f"Without shared patients the same precision takes more trials, median times: {gains}."]
    return lines


def verdict(comparison: Comparison) -> tuple[list[str], bool]:
    """Whether the differences are exact, how the simulated ones agree, and whether to raise an alarm."""
    lines = []
    simulated = f"{comparison.trials:,} simulated trials (seed {comparison.seed})"
    agreement = comparison.agreement
    alarm = agreement is not None and not agreement.agrees
    if agreement is not None:
        word = f"DISAGREE in {agreement.worst}" if alarm else "agree"
        largest = "No z value" if agreement.max_abs_z is None else f"Largest |z| {agreement.max_abs_z:.2f}"
        lines += [f"Exact differences; {simulated} {word}.", f"{largest}, p = {agreement.p_value:.2g}."]
    elif comparison.trials == 0:
        lines += ["Exact differences; no trials were simulated."]
    if any(map(is_refused, comparison.differences)):
        lines += [f"~ no exact difference; values are means of {simulated}."]
    lines += [f"{label}: not exact: {reason}." for label, reason in comparison.refusals.items()]
    return lines, alarm


def to_tree(comparison: Comparison) -> dict[str, Any]:
    """A comparison for JSON, at full precision."""
    scenario, agreement = comparison.scenario, comparison.agreement
    return {
        "version": __version__,
        "scenario": scenario.name,
        "target": scenario.trial.target,
        "warnings": [
            *scenario.warnings,
            *(f"design '{label}': not exact: {reason}" for label, reason in comparison.refusals.items()),
        ],
        "designs": compared(comparison),
        "trials": comparison.trials,
        "seed": comparison.seed,
        "agreement": None if agreement is None else {**asdict(agreement), "agrees": agreement.agrees},
        "gains": comparison.gains,
        "differences": [asdict(one) for one in comparison.differences],
    }


def to_csv(comparison: Comparison) -> str:
    """A row for each difference, at full precision; empty where there is no number."""
    text = io.StringIO()
    writer = csv.DictWriter(text, ["scenario", *(field.name for field in fields(Difference))], lineterminator="\n")
    writer.writeheader()
    writer.writerows({"scenario": comparison.scenario.name, **asdict(one)} for one in comparison.differences)
    return text.getvalue()
