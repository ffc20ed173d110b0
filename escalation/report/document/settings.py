"""The trial and what is assumed of it, with the reasons that the scenario file gives."""

from collections.abc import Iterator

from escalation.report.blocks import Block, Lines, TextTable
from escalation.report.document.facts import run_designs
from escalation.report.pages.run import by_truth
from escalation.report.preamble import refusal_warnings
from escalation.report.render.toml import quoted, to_toml
from escalation.report.wording import count, days, dose_list, dose_name, percent
from escalation.studies.run import Run
from escalation.trial.calendar import Calendar
from escalation.trial.onset import Onset

ASSUMED, DEFAULT, STATED = "assumed", "default of the software", "as stated"
NOT_STATED, NO_EXPANSION, NO_CALENDAR = "not stated", "none", "none: no durations"


def settings(run: Run) -> Iterator[Block]:
    """Every setting of the trial, whether it is assumed, and why."""
    scenario, trial = run.scenario, run.scenario.trial
    window = trial.dlt_window_days
    stated = (
        ("doses", "dose levels", dose_list(trial)),
        ("start_dose", "starting dose", dose_name(trial, trial.start_dose)),
        ("target", "target DLT rate", f"{percent(trial.target)} %"),
        ("dlt_window_days", "DLT window", NOT_STATED if window is None else days(window)),
        *_calendar(trial.time),
        ("cohort_size", "cohorts", trial.cohorts_in_words),
        ("max_patients", "most patients in dose escalation", count(trial.max_patients, "patient")),
        ("expansion", "expansion at the RP2D", "; ".join(_expansions(run)) or NO_EXPANSION),
        *([] if trial.efficacy is None else [("efficacy", "responses", to_toml(trial.efficacy))]),
        *([] if trial.randomised is None else [("randomised", "randomised comparison", to_toml(trial.randomised))]),
        ("designs", "designs", ", ".join(run_designs(run))),
        ("truths", "truths", ", ".join(results[0].truth.name for results in by_truth(run.results))),
    )
    rows = []
    written = trial.model_fields_set | (trial.time.model_fields_set if trial.time is not None else set())
    defaulted = {*type(trial).model_fields, *Calendar.model_fields} - written
    for key, name, value in stated:
        basis = DEFAULT if key in defaulted else STATED
        if key == "expansion" and value != NO_EXPANSION:
            basis = STATED  # by the trial or by a design
        if key in scenario.assumptions:
            basis = ASSUMED
        if value == NOT_STATED:
            basis = ""
        rows.append([name, value, basis, scenario.assumptions.get(key, "")])
    known = {key for key, *_ in stated}
    others = [[key, "", ASSUMED, reason] for key, reason in scenario.assumptions.items() if key not in known]
    record = f"the registry record {scenario.registry}" if scenario.registry else "a registry record"
    yield Lines(
        f"“{ASSUMED}”: the scenario file marks the setting as one that {record} does not contain, and gives the "
        f"reason. “{STATED}”: the file states it and does not mark it as assumed."
    )
    yield TextTable(
        ["setting", "value", "basis", "reason"],
        [rows, *([others] if others else [])],
        words=frozenset({1, 2, 3}),
        caption="The trial's settings, and what they rest on",
    )
    cautions = [*scenario.warnings, *refusal_warnings(run.refusals, run.shown)]
    if cautions:
        yield Lines("What is unusual, though not wrong:")
        yield Lines(*cautions, listed=True)


def _calendar(time: Calendar | None) -> Iterator[tuple[str, str, str]]:
    """Key, name and value of each setting of the calendar, under the file's own names: each has a basis of its own."""
    if time is None:
        yield "time", "calendar", NO_CALENDAR
        return
    for key, value in time:
        yield key, f"calendar: {key}", _onset(time.onset) if key == "onset" else to_toml(value) or "none"


def _onset(onset: Onset) -> str:
    """When DLTs occur; the kind stands there even when it is the default."""
    return to_toml(onset) if onset != Onset() else quoted(onset.kind)


def _expansions(run: Run) -> Iterator[str]:
    """The trial's expansion, and those that designs have of their own."""
    if run.scenario.trial.expansion is not None:
        yield to_toml(run.scenario.trial.expansion)
    for name, design in run_designs(run).items():
        if design.expansion is not None:
            yield f"{name}: {to_toml(design.expansion)}"
