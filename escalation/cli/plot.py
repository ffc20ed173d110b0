"""`escalation plot`: a figure in a file, for slides."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from escalation.cli import options
from escalation.cli.figure_file import check_figure, write_figure
from escalation.cli.group import fail, main, say
from escalation.errors import EscalationError, StateSpaceError, brief

if TYPE_CHECKING:
    from escalation.scenario.file import Scenario
    from escalation.scenario.truths.truth import Truth
    from escalation.studies.surface import Surface

MOST_TRUTHS = 50
"""Truths that a figure has parts for: of more nothing could be read, and they would take minutes."""

FIGURES = (
    *("selection", "optimal-dose", "allocation", "sample-size", "bias"),
    *("duration", "frontier", "swimmer", "paths", "surface", "plane"),
)

TIMED = ("duration", "frontier", "swimmer")
"""Those that need a calendar."""

RESPONDING = ("optimal-dose", "plane")
"""Those that need responses."""


@main.command("plot")
@options.scenario_file
@click.option(
    "--what",
    type=click.Choice(FIGURES),
    required=True,
    help="RP2D selection, patients and DLTs at each dose, sample size, bias of the estimated DLT rate; with responses "
    "selection of the RP2D and the optimal dose, or the truths in the plane of DLT and response rates; with a calendar "
    "duration, PCS against duration, or one simulated trial patient by patient; dose transition pathways of one "
    "design, or PCS over a family of dose-toxicity curves.",
)
@options.file_to_write("--output", "File to write, whole or not at all; it ends in .svg, .png or .pdf.", required=True)
@options.some_designs
@options.some_truths
@options.simulated_trials
@options.random_seed("simulated patients")
@options.limits(trials=True)
@click.option("--cohorts", type=click.IntRange(min=1), help="Of paths: how many to look ahead.  [default: 3]")
@click.option("--from", "after", metavar="OUTCOMES", help="Of paths: start from the data of a running trial.")
@click.option(
    "--trial",
    "number",
    type=click.IntRange(min=1, max=10_000_000),
    metavar="N",
    help="Of swimmer: which of the simulated trials.  [default: 1]",
)
def plot_command(
    file: Path, what: str, output: Path, cohorts: int | None, after: str | None, number: int | None, **asked: Any
) -> None:
    """Draw a figure of a scenario file's designs.

    Exact values, checked by simulated trials; names of designs that could only be simulated get a tilde. Several truths
    get a part each. Pathways are those of one design, with their probabilities if a truth is named. A swimmer plot is
    of one simulated trial of one design under one truth.
    """
    designs, truths = asked["designs"], asked["truths"]
    if what != "paths" and (cohorts is not None or after is not None):
        raise click.UsageError("--cohorts, --from: only with --what paths")
    if what == "paths" and (len(designs) > 1 or len(truths) > 1):
        raise click.UsageError("--what paths: give one --design, and at most one --truth")
    if what != "swimmer" and number is not None:
        raise click.UsageError("--trial: only with --what swimmer")
    if what == "swimmer" and (len(designs) > 1 or len(truths) > 1):
        raise click.UsageError("--what swimmer: give one --design and one --truth")
    if what == "surface" and truths:
        raise click.UsageError("--truth: a surface has its own truths")
    check_figure(output, "plot")
    (scenario,) = options.read_scenarios([file])
    if what in TIMED and scenario.trial.time is None:
        raise EscalationError(f"{file}: the trial has no calendar; [trial.time] says when patients arrive")
    if what in RESPONDING:
        _check_responses(file, scenario, truths)
    if what == "plane":
        drawn: tuple[Any, ...] = _truths(scenario, truths), scenario.trial
    elif what == "surface":
        drawn = (_surfaces(scenario, designs, asked),)
    elif what == "paths":
        drawn = _pathways(scenario, designs, truths, 3 if cohorts is None else cohorts, after or "")
    elif what == "swimmer":
        drawn = _swimmer(scenario, designs, truths, number or 1, asked["seed"])
    else:
        drawn = _results(file, scenario, asked), scenario.trial
        if what in TIMED:
            _check_timed(file, drawn[0])
    write_figure({"paths": "pathways"}.get(what, what.replace("-", "_")), drawn, output, scenario)


def _results(file: Path, scenario: "Scenario", asked: dict[str, Any]) -> tuple[Any, ...]:
    """The results of a run; an error when the two engines disagree."""
    from escalation.report.preamble import refusal_words
    from escalation.report.progress import progress_bar
    from escalation.studies.run import run

    _truths(scenario, asked["truths"])
    finished = run(scenario, progress=progress_bar, **asked)
    for label, words in refusal_words(finished.refusals, finished.shown).items():
        say("warning", f"{file}: {label}: {words}")
    if finished.agreement is not None and not finished.agreement.agrees:
        fail(f"{file}: simulated trials and exact values DISAGREE; nothing is drawn")
    return finished.results


def _truths(scenario: "Scenario", names: tuple[str, ...]) -> "list[Truth]":
    """The truths of those names, or all, unless they are too many."""
    from escalation.names import choose

    chosen = choose(names, (truth.name for truth in scenario.truth), "truth")
    if len(chosen) > MOST_TRUTHS:
        raise click.UsageError(
            f"{len(chosen):,} truths are too many to draw (at most {MOST_TRUTHS}): name some of them by --truth"
        )
    return [truth for truth in scenario.truth if truth.name in chosen]


def _check_responses(file: Path, scenario: "Scenario", names: tuple[str, ...]) -> None:
    """Refuse truths without responses, before any work is done."""
    if scenario.trial.efficacy is None:
        raise EscalationError(f"{file}: patients have no responses; [trial.efficacy] says what response is acceptable")
    bare = next((truth.name for truth in _truths(scenario, names) if truth.response_rates is None), None)
    if bare is not None:
        raise EscalationError(f"{file}: truth '{brief(bare)}' has no response_rates")


def _check_timed(file: Path, results: tuple[Any, ...]) -> None:
    """Refuse results that do not say how long trials take."""
    from escalation.report.pages.run import is_timed

    if not is_timed(results):
        raise EscalationError(f"{file}: how long its trials take is only simulated, and --trials 0 asks for none")


def _pathways(
    scenario: "Scenario", designs: tuple[str, ...], truths: tuple[str, ...], cohorts: int, after: str
) -> tuple[Any, ...]:
    """Where the pathways of a design begin, the trial, and which probabilities are shown."""
    label = options.choose_design(scenario, designs[0] if designs else None)
    from escalation.report.figures import MOST_DRAWN

    found = options.pathways_of(scenario, label, cohorts, after, truths)
    leaves = sum(1 for _ in found.root.leaves)
    if leaves > MOST_DRAWN:
        raise click.UsageError(f"{leaves:,} paths are too many to draw (at most {MOST_DRAWN}): give fewer --cohorts")
    return found.root, found.trial, 0 if truths else None


def _swimmer(
    scenario: "Scenario", designs: tuple[str, ...], truths: tuple[str, ...], number: int, seed: int
) -> tuple[Any, ...]:
    """The course of a simulated trial, the trial, and what is said of it."""
    from escalation.names import choose, listed
    from escalation.report.figures import MOST_SWIMMERS
    from escalation.studies.one_design import course

    label = options.choose_design(scenario, designs[0] if designs else None)
    rates = {truth.name: truth.joint or truth.dlt_rates for truth in scenario.truth}
    if not truths and len(rates) > 1:
        raise click.UsageError(f"--truth is needed; there are {listed(rates)}")
    (truth,) = choose(truths, rates, "truth")
    found = course(scenario.designs[label], scenario.trial, rates[truth], number=number, seed=seed)
    if len(found.patients) > MOST_SWIMMERS:
        raise click.UsageError(f"{len(found.patients):,} patients are too many to draw (at most {MOST_SWIMMERS})")
    return found, scenario.trial, f"{label}, '{truth}': simulated trial {number:,} (seed {seed})"


def _surfaces(scenario: "Scenario", designs: tuple[str, ...], asked: dict[str, Any]) -> "dict[str, Surface]":
    """The surface of each design for which the exact engine does not refuse."""
    from escalation.names import choose
    from escalation.report.progress import progress_bar
    from escalation.studies.surface import pcs_surface
    from escalation.studies.work.options import limits_of

    surfaces: dict[str, Surface] = {}
    labels = choose(designs, scenario.designs, "design")
    for label in labels:
        try:
            surfaces[label] = pcs_surface(
                scenario.designs[label], scenario.trial, progress=progress_bar, **limits_of(asked)
            )
        except StateSpaceError as refusal:
            if label == labels[-1] and not surfaces:
                raise
            say("warning", f"{label} is left out, because a surface is exact: {refusal}")
    return surfaces
