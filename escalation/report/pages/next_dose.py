"""What is said of the next dose of a running trial: a page and a tree."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from escalation.report.blocks import Block, Heading, Lines, TextTable
from escalation.report.preamble import alarms
from escalation.report.wording import count, dose_head, dose_text
from escalation.running.next_dose import NextDose
from escalation.trial.trial import Trial


def next_dose_blocks(label: str, trial: Trial, found: NextDose) -> Iterator[Block]:
    """A page on the decision, why it was taken, and what is known of the doses."""
    yield Heading(f"{label}: {_headline(trial, found)}", level=1)
    yield Lines(found.reason)
    yield Lines(_recommendation(trial, found))
    yield from alarms(found.warnings)
    yield _table(trial, found)
    yield Lines(*_footnotes(trial, found.prior), listed=True)


def next_dose_tree(found: NextDose) -> dict[str, Any]:
    """The same as plain values; dose levels from 1, rates and probabilities as fractions."""
    tree = asdict(found)
    first = ("next_dose", "stop", "reason", "recommended_dose", "estimates", "warnings")
    return {name: tree[name] for name in first} | tree


def _headline(trial: Trial, found: NextDose) -> str:
    if found.next_dose is None:
        assert found.stop_reason is not None
        return f"the trial stops ({found.stop_reason.replace('_', ' ')})"
    cohort = "expansion cohort" if found.expansion else "next cohort"
    return f"{cohort}, {count(found.cohort_size, 'patient')}, at {dose_text(trial, found.next_dose)}"


def _recommendation(trial: Trial, found: NextDose) -> str:
    if found.recommended_dose is None:
        dose = f"none ({found.not_recommended})"
    else:
        dose = dose_text(trial, found.recommended_dose)
    return f"Recommended dose {'at the end' if found.stop else 'if the trial ended now'}: {dose}."


def _table(trial: Trial, found: NextDose) -> TextTable:
    rows = []
    for estimate, name in zip(found.estimates, trial.dose_names, strict=True):
        shares = (estimate.estimate, estimate.lower, estimate.upper, estimate.above_target)
        rate, lower, upper, above = ("" if share is None else f"{100 * share:.1f}" for share in shares)
        interval, closed = f"{lower}-{upper}" if lower else "", "yes" if estimate.eliminated else ""
        counts = str(estimate.patients), str(estimate.dlts)
        rows.append([f"{estimate.dose}: {name}", *counts, rate, interval, above, closed])
    header = [dose_head(trial), "n", "DLTs", "rate %", "95 %", "> target %", "closed"]
    return TextTable(header, [rows])


def _footnotes(trial: Trial, prior: tuple[float, float] | None) -> Iterator[str]:
    if prior is None:
        yield "rate, 95 %, > target: under the model, given the data at all doses."
    else:
        yield "rate: the DLT rate as the design estimates it. 95 %: Clopper-Pearson, from the dose's own patients."
        yield f"> target: under a Beta({prior[0]:g}, {prior[1]:g}) prior, from the dose's own patients."
    yield f"> target: probability that the DLT rate exceeds {100 * trial.target:g} %."
    yield "closed: eliminated, or excluded as a probable overdose."
