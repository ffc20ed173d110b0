"""`escalation sweep`: designs at every setting of a grid."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from escalation.cli import options
from escalation.cli.group import fail, main, say
from escalation.cli.truth_source import TruthOptions, source_of, truth_source
from escalation.defaults import EXACT_SECONDS, MOST_SETTINGS, SWEEP_STATES
from escalation.errors import ClusterError, GridError, StateSpaceError


@main.command("sweep")
@options.scenario_file
@click.option(
    "--grid",
    "grids",
    metavar="KEY=V1,V2,...",
    multiple=True,
    help="An option and its values, as in TOML: trial.max_patients=24,30,36 or, of the design with that label, "
    "boin.p_tox=0.35,0.4; may be repeated.",
)
@options.some_designs
@truth_source("scenario")
@click.option(
    "--quantity",
    "quantities",
    metavar="NAME",
    multiple=True,
    help="Only this quantity, such as pcs, or patients for all doses; may be repeated.",
)
@click.option("--summary", is_flag=True, help="Mean, lowest, quantiles and highest over truths, not each truth.")
@options.file_to_write("--output", "File to write, whole or not at all; it ends in .csv or .parquet.", required=True)
@click.option("--resume", is_flag=True, help="Go on with what an interrupted run has finished.")
@click.option(
    "--max-settings",
    type=click.IntRange(min=1),
    default=MOST_SETTINGS,
    show_default=True,
    metavar="N",
    help="Refuse a grid of more settings.",
)
@options.most_states("Refuse settings that may have more states; their row says so.", SWEEP_STATES)
@options.most_seconds("And settings that may take longer, by estimate.", EXACT_SECONDS)
@options.max_memory
@options.cluster
def sweep_command(
    file: Path,
    grids: tuple[str, ...],
    designs: tuple[str, ...],
    output: Path,
    resume: bool,
    max_settings: int,
    cluster: str | None,
    source: TruthOptions,
    **asked: Any,
) -> None:
    """Exact operating characteristics at every setting of a grid.

    Each design of the file is worked out at all combinations of its own values and the trial's, under all truths, and
    written to one file: a row for each design, setting, truth and quantity. What is finished survives an interruption.
    """
    from escalation.scenario.grid import grid, parse_grid
    from escalation.studies.sweep import Sweep, check_output, journal_of, write_sweep
    from escalation.studies.work.journal import finished_in

    truths = source_of(source)
    options.check_output(output)
    check_output(output)
    (scenario,) = options.read_scenarios([file])
    values: dict[str, Any] = {}
    for text in grids:
        key, alternatives = parse_grid(text)
        if key in values:
            raise GridError(f"grid: {key}: given twice")
        values[key] = alternatives
    settings = grid(scenario, values, designs=designs, most=max_settings)
    sweep = Sweep(settings, truths, **asked)
    begun = False
    try:
        with _terminable(), options.at_work(cluster) as work:
            begun = True
            found = write_sweep(sweep, output, resume=resume, **work)
    except (KeyboardInterrupt, ClusterError) as stopped:
        journal = journal_of(output)
        done = finished_in(journal)
        if isinstance(stopped, ClusterError) and not (begun and done):
            raise
        kept = f"{done:,} of {len(settings):,} settings are kept in {journal}; the same command with --resume goes on"
        fail(f"{str(stopped) or 'interrupted'}: {kept if journal.exists() else 'nothing was begun'}")
    if not found.refused:
        return
    refused = f"{found.refused:,} of {found.settings:,} settings"
    lines = [f"{output}: the exact engine refused {refused}, whose rows say 'refused'", *found.refusals]
    lines += [f"and {found.refused - len(found.refusals):,} more"] * (found.refused > len(found.refusals))
    if found.refused == found.settings:
        raise StateSpaceError("\n".join(lines))
    say("warning", "\n".join(lines))


@contextmanager
def _terminable() -> Iterator[None]:
    """Take SIGTERM, by which job schedulers end programs, as Ctrl-C."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
