"""What is said of the next dose of a running trial: a page and a tree."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from escalation.designs import Design
from escalation.errors import brief
from escalation.files import LONGEST, read_bytes
from escalation.report.blocks import Block, Heading, Lines, TextTable
from escalation.report.pages.arms import arms_at_end, arms_in_words
from escalation.report.preamble import alarms
from escalation.report.wording import count, dose_head, dose_text
from escalation.running.answer import DoseResponses, NextDose
from escalation.trial.efficacy import Efficacy
from escalation.trial.trial import Trial
from escalation.version import __version__

SHOWN = 12
"""Hexadecimal digits of a digest that are enough for people to compare."""


def minutes_of(label: str, trial: Trial, design: Design, file: Path, given: Sequence[str]) -> str:
    """One line for the minutes of a meeting: what was asked, of which version and which file, word for word.

    The fingerprint is that of all options of trial and design, given or by default; the hash that of the file's bytes.
    """
    options = json.dumps([trial.model_dump(mode="json"), design.model_dump(mode="json")], sort_keys=True)
    return "; ".join(
        [
            f"escalation {__version__}",
            f"design {label}, options {_digest(options.encode())}",
            f"{brief(file.name, LONGEST)}, SHA-256 {_digest(read_bytes(file))}",
            f"outcomes as read: {'; '.join(given)}",
        ]
    )


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:SHOWN]


def next_dose_blocks(label: str, trial: Trial, found: NextDose, minutes: str) -> Iterator[Block]:
    """A page on the decision, why it was taken, and what is known of the doses."""
    yield Heading(f"{label}: {_headline(trial, found)}", level=1)
    yield Lines(found.reason)
    yield Lines(*_recommendation(trial, found), *arms_in_words(trial, found))
    yield from alarms(found.warnings)
    yield _table(trial, found)
    yield Lines(*_footnotes(trial, found), listed=True)
    if trial.efficacy is not None and found.responses is not None:
        yield _responses(trial, trial.efficacy, found.responses)
        yield Lines(*_response_footnotes(trial.efficacy, found.responses), listed=True)
    yield Lines(minutes)


def next_dose_tree(trial: Trial, found: NextDose, minutes: str) -> dict[str, Any]:
    """The same as plain values; dose levels from 1, rates and probabilities as fractions."""
    tree = asdict(found)
    first = (
        "next_dose",
        "stop",
        "reason",
        "recommended_dose",
        "estimates",
        "warnings",
        "pending",
        "decided",
        "completions",
    )
    label = None if found.next_dose is None else trial.level_names[found.next_dose - 1]
    for name in ("responses", "optimal_dose", "tied", "toxicity_limit"):  # of trials and designs with responses
        if not tree[name]:
            del tree[name]
    for one in (*tree["completions"], *tree["filled"]):
        if one["responses"] is None:
            del one["responses"]
    arms = {} if trial.randomised is None else {"randomised_doses": list(arms_at_end(trial, found))}
    return {name: tree[name] for name in first} | tree | arms | {"next_dose_label": label, "minutes": minutes}


def _headline(trial: Trial, found: NextDose) -> str:
    if found.hold is not None and not found.completions:
        return "accrual is held"
    if found.tied:
        tied = " or ".join(trial.level_names[dose - 1] for dose in found.tied)
        return f"next cohort, {count(found.cohort_size, 'patient')}, at dose level {tied}, by lot"
    if not found.decided:
        return "wait" if len({(one.next_dose, one.stop) for one in found.completions}) > 1 else "not decided"
    if found.next_dose is None:
        assert found.stop_reason is not None
        return f"the trial stops ({found.stop_reason.replace('_', ' ')})"
    cohort = "expansion cohort" if found.expansion else "next cohort"
    if found.missing and found.cohort_size == found.missing:
        cohort = "to fill up the last cohort"
    return f"{cohort}, {count(found.cohort_size, 'patient')}, at {dose_text(trial, found.next_dose)}"


def _recommendation(trial: Trial, found: NextDose) -> Iterator[str]:
    if found.recommended_dose is not None:
        dose = dose_text(trial, found.recommended_dose)
    elif found.pending and found.not_recommended is None:
        dose = "depends on the pending outcomes"
    else:
        dose = f"none ({found.not_recommended})"
    when, optimal = "at the end" if found.stop else "if the trial ended now", found.optimal_dose
    if optimal is None:
        yield f"Recommended dose {when}: {dose}."
        return
    yield f"{'MTD' if found.toxicity_limit is not None else 'Recommended dose (RP2D)'} {when}: {dose}."
    if not optimal.decided:
        yield f"Optimal dose (OBD) {when}: {optimal.reason}."
        return
    why = f"none ({optimal.reason})" if optimal.dose is None else f"{dose_text(trial, optimal.dose)}, {optimal.reason}"
    yield f"Optimal dose (OBD) {when}: {why}."


def _table(trial: Trial, found: NextDose) -> TextTable:
    rows = []
    estimated = _estimated(found)
    for estimate, name in zip(found.estimates, trial.numbered, strict=True):
        shares = (estimate.observed, estimate.estimate, estimate.lower, estimate.upper, estimate.above_target)
        observed, rate, lower, upper, above = ("" if share is None else f"{100 * share:.1f}" for share in shares)
        interval, closed = f"{lower}-{upper}" if lower else "", "yes" if estimate.eliminated else ""
        beside = f"+{estimate.pending}P" * (estimate.pending > 0) + f"+{estimate.inevaluable}I" * (
            estimate.inevaluable > 0
        )
        counts = f"{estimate.patients}{beside}", str(estimate.dlts)
        fitted = [rate] if estimated else []
        rows.append([name, *counts, observed, *fitted, interval, above, closed])
    rates = ["rate", estimated] if estimated else ["rate"]
    return TextTable([dose_head(trial), "n", "DLTs", *rates, "95 %", _above(trial, found), "closed"], [rows])


def _above(trial: Trial, found: NextDose) -> str:
    """The DLT rate that is too high: above the target, or the limit of a design that has another one."""
    return f"> {100 * (trial.target if found.toxicity_limit is None else found.toxicity_limit):g} %"


def _estimated(found: NextDose) -> str:
    """What the design's own estimate of the DLT rate is called; empty where it is the observed rate."""
    if found.prior is None:
        return "model"
    return "pooled" if any(estimate.estimate != estimate.observed for estimate in found.estimates) else ""


def _footnotes(trial: Trial, found: NextDose) -> Iterator[str]:
    yield "n: patients. rate: DLTs among them, observed at the dose, in %."
    if any(estimate.pending for estimate in found.estimates):
        weighed = found.prior is None and found.pending and not found.completions
        yield f"P: pending, {'weighed by the model' if weighed else 'not counted'}."
    if any(estimate.inevaluable for estimate in found.estimates):
        yield "I: treated but inevaluable, not counted."
    above = _above(trial, found)
    if found.prior is None:
        yield f"model, 95 %, {above}: under the model, given the data at all doses."
    else:
        if _estimated(found):
            yield "pooled: the isotonic estimate, from doses pooled where observed rates do not increase."
        yield "95 %: Clopper-Pearson, from the dose's own patients."
        yield f"{above}: under a Beta({found.prior[0]:g}, {found.prior[1]:g}) prior, from the dose's own patients."
    limit, why = "the target", "excluded as a probable overdose"
    if found.toxicity_limit is not None:
        limit, why = "max_toxicity", "futile"
    yield f"{above}: probability in % that the DLT rate exceeds {limit}."
    yield f"closed: eliminated, {why}, or by a ruling."


def _responses(trial: Trial, efficacy: Efficacy, responses: Sequence[DoseResponses]) -> TextTable:
    rows = []
    for one, name in zip(responses, trial.numbered, strict=True):
        beside = f"+{one.pending}?" * (one.pending > 0) + f"+{one.responded}PE" * (one.responded > 0)
        shares = ("" if share is None else f"{100 * share:.1f}" for share in (one.observed, one.below_min))
        observed, below = shares
        utility = "" if one.utility is None else f"{one.utility:.1f}"
        futile = [] if one.futile is None else ["yes" if one.futile else ""]
        rows.append([name, f"{one.patients}{beside}", str(one.responses), observed, utility, below, *futile])
    futile = [] if responses[0].futile is None else ["futile"]
    return TextTable([dose_head(trial), "n", "responses", "rate", "utility", _below(efficacy), *futile], [rows])


def _below(efficacy: Efficacy) -> str:
    return f"< {100 * efficacy.min_response:g} %"


def _response_footnotes(efficacy: Efficacy, responses: Sequence[DoseResponses]) -> Iterator[str]:
    yield "n: patients whose DLT outcome and response are known. rate: responses among them, in %."
    if any(one.pending for one in responses):
        yield "?: response pending, not counted."
    if any(one.responded for one in responses):
        yield "PE: one patient each, who has responded while the DLT outcome is pending, not counted."
    yield "utility: posterior mean, from 0 to 100."
    yield f"{_below(efficacy)}: probability in % that the response rate is below min_response, under a uniform prior."
    if responses[0].futile is not None:
        yield "futile: that is too likely for an optimal dose."
