"""`escalation calibrate`: the settings of a design that are best, within limits."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from escalation.cli import options
from escalation.cli.figure_file import check_files, write_figure
from escalation.cli.group import main
from escalation.cli.truth_source import TruthOptions, judged_truths, truth_source
from escalation.errors import EscalationError, OutputError

if TYPE_CHECKING:
    from escalation.scenario.file import Scenario
    from escalation.scenario.grid import Value


@main.command("calibrate")
@options.scenario_file
@options.one_design
@click.option(
    "--grid",
    "grids",
    metavar="OPTION=VALUE,...",
    multiple=True,
    help="Values of an option of the design to try; may be repeated, and then every combination is tried.",
)
@options.objective
@options.max_overdosing
@options.limit(
    "--max-false-stopping",
    "false_stopping",
    "Limit of the probability of recommending no dose where one is correct; for a single dose, the type I error.",
)
@options.limit("--min-power", "power", "Least probability of recommending none where none is correct.")
@options.limit("--max-size", "patients", "Limit of the mean number of patients.", "N")
@click.option(
    "--max-duration",
    "duration",
    type=click.FloatRange(min=0, min_open=True),
    metavar="MONTHS",
    help="Limit of the mean duration, in months of 30.4375 days, of a trial with a calendar.",
)
@truth_source("scenario", calibration_set=True)
@options.limits()
@options.cluster
@options.output_format("table", "json", "csv", "markdown")
@options.file_to_write(
    "--output", "Write the scenario with the chosen setting to this file, whole or not at all.", metavar="FILE.toml"
)
@options.file_to_write("--figure", "Draw all settings and the front in this file; it ends in .svg, .png or .pdf.")
def calibrate_command(
    file: Path,
    design: str | None,
    grids: tuple[str, ...],
    source: TruthOptions,
    cluster: str | None,
    form: str,
    output: Path | None,
    figure: Path | None,
    **asked: Any,
) -> None:
    """Calibrate a design: the setting of its options that is best on a set of truths.

    Every setting of the grid is evaluated exactly. The chosen one has the largest PCS of those within the limits; the
    front are the settings that no other beats without more overdosing or, for a single dose, more false stopping.

    Without --grid: half_width and prior_mtd of a CRM; p_saf, p_tox and cutoff_eli of BOIN; the half width or margins of
    Keyboard, CCD, mTPI, mTPI-2 and i3+3; ewoc of a BLRM; the threshold or alpha of monitoring.
    """
    from escalation.report.pages.calibrate import calibration_blocks, table_of, to_tree
    from escalation.studies.calibrate import calibrate
    from escalation.studies.evaluate import NAMES
    from escalation.trial.calendar import DAYS_PER_MONTH

    if output is not None and output.suffix != ".toml":
        raise OutputError(f"{output}: the name should end in .toml: the scenario with the chosen setting goes there")
    check_files(output=output, figure=figure)
    (scenario,) = options.read_scenarios([file])
    label = options.choose_design(scenario, design)
    limits = {name: bound for name in NAMES if (bound := asked.pop(name)) is not None}
    if "duration" in limits:
        limits["duration"] *= DAYS_PER_MONTH
    judged = judged_truths(scenario, source)
    wanted = _values(label, scenario, grids)
    if output is not None:
        _check_layout(file, scenario, label, wanted, output)
    with options.at_work(cluster) as work:
        found = calibrate(scenario, design=label, values=wanted, truths=judged, limits=limits, **work, **asked)
    options.emit(form, None, [calibration_blocks(found)], lambda: to_tree(found), lambda: table_of(found))
    write_figure("front", (found,), figure, scenario)
    if found.chosen is None:
        raise EscalationError(f"{file}: {found.unmet}{'' if output is None else f'; {output} is not written'}")
    if output is not None:
        from escalation.files import write_whole
        from escalation.report.pages.calibrate import scenario_comment

        write_whole(output, _retuned(file, scenario, label, found.chosen.values, scenario_comment(found), output))


def _values(label: str, scenario: "Scenario", texts: tuple[str, ...]) -> "dict[str, list[Value]] | None":
    """Values by option; the label before an option may be left out."""
    from escalation.errors import GridError
    from escalation.scenario.grid import parse_grid

    values: dict[str, list[Value]] = {}
    for text in texts:
        key, alternatives = parse_grid(text)
        option = key.removeprefix(f"{label}.")
        if option == key and key.startswith(tuple(f"{other}." for other in ("trial", *scenario.designs))):
            raise GridError(f"grid: {key}: should be an option of '{label}', the design that is calibrated")
        if option in values:
            raise GridError(f"grid: {option}: is given twice; give all its values at once")
        values[option] = alternatives
    return values or None


def _check_layout(
    file: Path, scenario: "Scenario", label: str, wanted: "dict[str, list[Value]] | None", output: Path
) -> None:
    """Refuse a scenario file that could not be written with other options, before any work is done."""
    from escalation.errors import ScenarioError
    from escalation.studies.calibrate import of_design, settings_to_try

    settings = settings_to_try(scenario, label, wanted)
    for number in range(len(settings)):
        with suppress(ScenarioError):
            _retuned(file, scenario, label, of_design(label, settings[number].values), [], output)
            return


def _retuned(
    file: Path, scenario: "Scenario", label: str, values: "dict[str, Value]", account: list[str], output: Path
) -> str:
    from escalation.files import read_text
    from escalation.scenario.rewrite import retuned

    try:
        return retuned(read_text(file), scenario, label, values, account, output.parent)
    except EscalationError as error:
        raise OutputError(f"{output}: cannot be written: {error}") from None
