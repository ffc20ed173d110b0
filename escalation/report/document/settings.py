"""The trial and what is assumed of it, with the reasons that the scenario file gives."""

from collections.abc import Iterator

from escalation.report.blocks import Block, Lines, TextTable
from escalation.report.document.facts import by_truth, dose_list, run_designs
from escalation.report.numbers import count, days, percent
from escalation.report.render.toml import to_toml
from escalation.studies.run import Run

ASSUMED, DEFAULT, STATED = "assumed", "default of the software", "as stated"
NOT_STATED, NO_EXPANSION = "not stated", "none"


def settings(run: Run) -> Iterator[Block]:
    """Every setting of the trial, whether it is assumed, and why."""
    scenario, trial = run.scenario, run.scenario.trial
    values = {
        "doses": dose_list(run),
        "start_dose": " ".join(filter(None, (trial.dose_names[trial.start_dose - 1], trial.dose_unit))),
        "target": f"{percent(trial.target)} %",
        "dlt_window_days": NOT_STATED if trial.dlt_window_days is None else days(trial.dlt_window_days),
        "cohort_size": count(trial.cohort_size, "patient"),
        "max_patients": count(trial.max_patients, "patient"),
        "expansion": "; ".join(_expansions(run)) or NO_EXPANSION,
        "designs": ", ".join(run_designs(run)),
        "truths": ", ".join(results[0].truth.name for results in by_truth(run)),
    }
    rows = []
    for key, name in NAMES.items():
        basis = DEFAULT if key in type(trial).model_fields and key not in trial.model_fields_set else STATED
        if key == "expansion" and values[key] != NO_EXPANSION:
            basis = STATED  # by the trial or by a design
        if key in scenario.assumptions:
            basis = ASSUMED
        if values[key] == NOT_STATED:
            basis = ""
        rows.append([name, values[key], basis, scenario.assumptions.get(key, "")])
    others = [[key, "", ASSUMED, reason] for key, reason in scenario.assumptions.items() if key not in NAMES]
    record = f"the registry record {scenario.registry}" if scenario.registry else "a registry record"
    yield Lines(
        (
            f"“{ASSUMED}”: the scenario file marks the setting as one that {record} does not contain, and gives the "
            f"reason. “{STATED}”: the file states it and does not mark it as assumed.",
        )
    )
    yield TextTable(
        ["setting", "value", "basis", "reason"],
        [rows, *([others] if others else [])],
        words=frozenset({1, 2, 3}),
        caption="The trial's settings, and what they rest on",
    )
    cautions = [*scenario.warnings, *(f"design '{name}': not exact: {why}" for name, why in run.refusals.items())]
    if cautions:
        yield Lines(("What is unusual, though not wrong:",))
        yield Lines(tuple(cautions), listed=True)


def _expansions(run: Run) -> Iterator[str]:
    """The trial's expansion, and those that designs have of their own."""
    if run.scenario.trial.expansion is not None:
        yield to_toml(run.scenario.trial.expansion)
    for name, design in run_designs(run).items():
        if design.expansion is not None:
            yield f"{name}: {to_toml(design.expansion)}"


NAMES = {
    "doses": "dose levels",
    "start_dose": "starting dose",
    "target": "target DLT rate",
    "dlt_window_days": "DLT window",
    "cohort_size": "cohort size",
    "max_patients": "most patients in dose escalation",
    "expansion": "expansion at the RP2D",
    "designs": "designs",
    "truths": "truths",
}
"""What the settings of a scenario file are called in a report, by their keys."""
