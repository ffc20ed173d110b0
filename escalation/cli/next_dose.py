"""`escalation next`: the next dose of a running trial."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from escalation.cli import options
from escalation.cli.group import main, say

if TYPE_CHECKING:
    from escalation.trial.data import InterimData
    from escalation.trial.trial import Trial


def _numbers(_context: click.Context, _option: click.Parameter, text: str | None) -> tuple[int, ...] | None:
    """Whole numbers with commas between."""
    if text is None:
        return None
    parts = text.split(",")
    if not all(part.strip().isascii() and part.strip().isdigit() and len(part.strip()) < 7 for part in parts):
        raise click.BadParameter(f"'{text}' should be whole numbers with commas between, such as 3,3")
    return tuple(map(int, parts))


@main.command("next")
@options.scenario_file
@click.argument("outcomes", required=False)
@options.one_design
@click.option(
    "--patients", callback=_numbers, metavar="N,N,...", help="Instead of OUTCOMES: patients at each dose level."
)
@click.option("--dlts", callback=_numbers, metavar="Y,Y,...", help="With --patients: DLTs at each dose level.")
@click.option(
    "--pending",
    callback=_numbers,
    metavar="P,P,...",
    help="With --patients: those of them whose outcome is not known yet, at each dose level.",
)
@click.option(
    "--responses",
    callback=_numbers,
    metavar="E,E,...",
    help="With --patients: responses at each dose level, all of them known.",
)
@click.option(
    "--both",
    callback=_numbers,
    metavar="B,B,...",
    help="With --responses: those of them of patients with a DLT, at each dose level.",
)
@click.option("--dose", metavar="LEVEL", help="With --patients: dose level of the last cohort, or its label.")
@click.option(
    "--last-cohort",
    callback=_numbers,
    metavar="N,Y",
    help="With --patients: patients and DLTs of the last cohort, for a design that looks at it.",
)
@click.option(
    "--closed",
    metavar="LEVEL",
    help="Those who conduct the trial have closed this dose level, or label, and all above.",
)
@click.option("--stay", is_flag=True, help="They let no dose above the last cohort's follow.")
@options.output_format("table", "json", "markdown")
@options.output_file
def next_command(
    file: Path,
    outcomes: str | None,
    design: str | None,
    form: str,
    output: Path | None,
    closed: str | None,
    stay: bool,
    **counts: Any,
) -> None:
    """The next dose of a running trial.

    OUTCOMES are its cohorts so far, such as '1NNN 2NTP': the dose level, then a letter for each patient, N for no DLT,
    T for a DLT, P for an outcome that is pending (P14: followed for 14 days), I for a patient who cannot be evaluated;
    '' before the first patient. In a trial with [trial.efficacy], N is neither, T a DLT only, E a response only, B
    both; N? and T? have the response pending, P both, and P14E has responded while the DLT outcome is pending.

    Prints the next dose, or why the trial stops or has to wait and until when, with the rule that decided; the
    recommended dose if the trial ended now, and the optimal dose; and what is known of each dose. Data that the design
    would not have led to get a warning. The last line is for the minutes of the meeting.
    """
    from escalation.report.pages.next_dose import minutes_of, next_dose_blocks, next_dose_tree
    from escalation.report.pages.run import data_text
    from escalation.running.next_dose import next_dose

    options.check_output(output)
    scenario = options.read_designs(file)
    label = options.choose_design(scenario, design)
    chosen = scenario.designs[label]
    trial = scenario.trial
    data = _data(trial, outcomes, **counts)
    closed_from = _level(trial, "--closed", closed)
    found = next_dose(chosen, trial, data, closed_from=closed_from, stay=stay)
    if form != "table" or output is not None:  # the page has them
        for warning in found.warnings:
            say("warning", warning)
    ruled = [f"ruled: closed from dose level {closed}"] * (closed is not None) + ["ruled: stay"] * stay
    minutes = minutes_of(label, trial, chosen, file, [data_text(trial, data), *ruled])
    pages = [next_dose_blocks(label, trial, found, minutes)]
    options.emit(form, output, pages, lambda: next_dose_tree(trial, found, minutes))


def _level(trial: "Trial", option: str, text: str | None) -> int | None:
    """The dose level, from 1, that a label stands for, or where there are none a number."""
    names = trial.level_names
    if text is None:
        return None
    if text.strip('"') in names:
        return names.index(text.strip('"')) + 1
    what = "one of the labels" if trial.labels else "one of the dose levels"
    raise click.UsageError(f"{option}: '{text}' should be {what} {', '.join(names)}")


def _data(
    trial: "Trial",
    outcomes: str | None,
    *,
    patients: tuple[int, ...] | None,
    dlts: tuple[int, ...] | None,
    pending: tuple[int, ...] | None,
    responses: tuple[int, ...] | None,
    both: tuple[int, ...] | None,
    dose: str | None,
    last_cohort: tuple[int, ...] | None,
) -> "InterimData":
    from escalation.trial.data import InterimData

    beside: dict[str, object] = {"--dlts": dlts, "--pending": pending, "--responses": responses, "--both": both}
    beside |= {"--dose": dose, "--last-cohort": last_cohort}
    if outcomes is not None:
        for option, value in {"--patients": patients, **beside}.items():
            if value is not None:
                raise click.UsageError(f"give either OUTCOMES or {option}, not both")
        return InterimData.of(outcomes, trial)
    if patients is None or dlts is None:
        raise click.UsageError("give OUTCOMES, such as '1NNN 2NTT', or --patients with --dlts")
    if last_cohort is not None and len(last_cohort) != 2:
        raise click.UsageError("--last-cohort: two numbers, its patients and its DLTs, such as 3,1")
    last = None if last_cohort is None else (last_cohort[0], last_cohort[1])
    at = _level(trial, "--dose", dose)
    data = InterimData.from_counts(
        patients,
        dlts,
        trial.levels,
        dose=at,
        last_cohort=last,
        pending=pending or (),
        responses=_responses(dlts, responses, both),
    )
    return InterimData.of(data, trial)


def _responses(
    dlts: tuple[int, ...], responses: tuple[int, ...] | None, both: tuple[int, ...] | None
) -> list[tuple[int, int]] | None:
    """Responses of patients without and with a DLT at each dose."""
    if responses is None:
        if both is not None:
            raise click.UsageError("--both: needs --responses, of which these are a part")
        return None
    toxic = list(both or ())
    if both is None and any(y and e for y, e in zip(dlts, responses, strict=False)):
        raise click.UsageError("--both: needed: how many of --responses are of patients with a DLT, at each dose level")
    if len(toxic) > len(responses) or any(b > e for b, e in zip(toxic, responses, strict=False)):
        raise click.UsageError("--both: should be no more than --responses at each dose level")
    toxic += [0] * (len(responses) - len(toxic))
    return [(e - b, b) for e, b in zip(responses, toxic, strict=True)]
