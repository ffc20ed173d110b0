"""Options that several commands have, and writing where they say."""

import io
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from escalation.cli.group import say
from escalation.defaults import ALL_SECONDS, EXACT_SECONDS, SEED, TRIALS

if TYPE_CHECKING:
    from escalation.report.blocks import Block
    from escalation.running.tree import Pathways
    from escalation.scenario.file import Scenario, TrialDesigns
    from escalation.tidy import Table

Command = Callable[..., Any]

scenario_file = click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
"""One scenario file."""


def file_to_write(name: str, text: str, **how: Any) -> Callable[[Command], Command]:
    """A file that the command writes."""
    return click.option(name, type=click.Path(path_type=Path), help=text, **how)


output_file = file_to_write("--output", "Write to this file, whole or not at all, instead of the screen.")

one_design = click.option("--design", metavar="LABEL", help="The design; may be left out where the file has only one.")

some_designs = click.option(
    "--design", "designs", metavar="LABEL", multiple=True, help="Only this design; may be repeated."
)

some_truths = click.option("--truth", "truths", metavar="NAME", multiple=True, help="Only this truth; may be repeated.")


def most_states(text: str, default: int | None = None) -> Callable[[Command], Command]:
    """How many states the exact engine may visit for a design."""
    return click.option(
        "--max-states",
        type=click.IntRange(min=1),
        metavar="N",
        default=default,
        show_default=default is not None,
        help=text,
    )


def most_seconds(text: str, default: float | None = None) -> Callable[[Command], Command]:
    """How long work may take, by estimate."""
    return click.option(
        "--max-seconds",
        type=click.FloatRange(min=0, min_open=True),
        metavar="S",
        default=default,
        show_default=default is not None,
        help=text,
    )


max_memory = click.option(
    "--max-memory",
    type=click.FloatRange(min=0, min_open=True),
    metavar="GB",
    help="Memory that work may take, by estimate.  [default: half of what there is]",
)


def limits(trials: bool = False) -> Callable[[Command], Command]:
    """What work may take, of a command that simulates trials or does not."""
    exact = "No exact values for a design that may have more states.  [default: 50 million, or as many as the next two "
    exact += "leave; a number has neither count]"
    seconds = "Estimated seconds that the exact values of all designs may take"
    seconds += ", and all results and simulated trials" if trials else ""
    seconds += f".  [default: {ALL_SECONDS}, and {EXACT_SECONDS} for a design]"
    given = (most_states(exact), most_seconds(seconds), max_memory)

    def with_limits(command: Command) -> Command:
        for option in reversed(given):
            command = option(command)
        return command

    return with_limits


simulated_trials = click.option(
    "--trials",
    type=click.IntRange(min=0, max=10_000_000),
    default=TRIALS,
    show_default=True,
    help="Simulated trials for each design and truth; 0 for none.",
)


def random_seed(what: str) -> Callable[[Command], Command]:
    """The seed of what is drawn."""
    return click.option(
        "--seed", type=click.IntRange(min=0), default=SEED, show_default=True, help=f"Seed of the {what}."
    )


objective = click.option(
    "--objective",
    type=click.Choice(("mean-pcs", "worst-pcs", "mean-pcs-obd", "worst-pcs-obd")),
    default="mean-pcs",
    show_default=True,
    help="What is to be large: mean or least PCS over the truths; with -obd the probability that the optimal dose, "
    "which the design chooses, is correct.",
)


def limit(name: str, quantity: str, text: str, metavar: str = "P") -> Callable[[Command], Command]:
    """A bound on a number that a design is assessed by."""
    return click.option(name, quantity, type=float, metavar=metavar, help=text)


max_overdosing = limit(
    "--max-overdosing",
    "overdosing",
    "Limit of the mean probability that over 60 % of patients are above the MTD, where there is one.",
)

cluster = click.option(
    "--cluster",
    metavar="ADDRESS",
    help="Work on the Dask cluster with this scheduler, such as tcp://10.0.0.5:8786; see the page on large runs.",
)


@contextmanager
def at_work(address: str | None) -> Iterator[dict[str, Any]]:
    """Keywords of a study: what does the work, a cluster if there is an address, and the progress that is shown."""
    from escalation.report.progress import progress_bar
    from escalation.studies.work.cluster import cluster_executor

    with cluster_executor(address) as executor:
        yield {"executor": executor, "progress": progress_bar}


def output_format(*forms: str) -> Callable[[Command], Command]:
    """The formats that a command has."""
    return click.option(
        "--format", "form", type=click.Choice(forms), default=forms[0], show_default=True, help="Output format."
    )


def read_scenarios(paths: Sequence[Path]) -> "list[Scenario]":
    """The scenarios of files; their warnings go to standard error."""
    from escalation.scenario.file import load_scenario

    scenarios = [load_scenario(path) for path in paths]
    for path, scenario in zip(paths, scenarios, strict=True):
        for warning in scenario.warnings:
            say("warning", f"{path}: {warning}")
    return scenarios


def read_designs(path: Path) -> "TrialDesigns":
    """The trial and designs of a file that may lack truths; warnings go to standard error."""
    from escalation.scenario.file import load_designs

    found = load_designs(path)
    for warning in found.warnings:
        say("warning", f"{path}: {warning}")
    return found


def choose_design(scenario: "TrialDesigns", label: str | None) -> str:
    """The label of the one design that is asked for."""
    from escalation.names import choose

    if label is None and len(scenario.designs) > 1:
        listed = ", ".join(f"'{known}'" for known in scenario.designs)
        raise click.UsageError(f"--design is needed; there are {listed}")
    return choose([] if label is None else [label], scenario.designs, "design")[0]


def pathways_of(scenario: "TrialDesigns", label: str, cohorts: int, after: str, truths: Sequence[str]) -> "Pathways":
    """Dose transition pathways under the truths that are named; warnings go to standard error."""
    from escalation.names import choose
    from escalation.running.pathways import paths

    by_responses = scenario.designs[label].looks_at_responses
    rates = {
        truth.name: truth.joint if by_responses and truth.joint is not None else truth.dlt_rates
        for truth in getattr(scenario, "truth", ())
    }
    named = choose(truths, rates, "truth") if truths else []
    chosen = {name: rates[name] for name in named}
    found = paths(scenario.designs[label], scenario.trial, cohorts=cohorts, after=after, truths=chosen)
    for warning in found.warnings:
        say("warning", warning)
    return found


def check_output(path: Path | None) -> None:
    """Refuse an output file that could not be written, or is one that the command reads, before any work is done."""
    if path is None:
        return
    from escalation.errors import OutputError
    from escalation.files import check_writable, is_same
    from escalation.scenario.file import files_of

    given = click.get_current_context().params
    for scenario in (given.get("file"), *given.get("files", ())):
        if scenario is None:
            continue
        itself, *tables = files_of(scenario)
        if is_same(path, itself):
            raise OutputError(f"{path}: is the scenario file itself; give another name")
        if any(is_same(path, table) for table in tables):
            raise OutputError(f"{path}: is a decision table that {scenario} reads; give another name")
    check_writable(path)


def tell_left_out(form: str, file: Path, reasons: Mapping[str, str]) -> None:
    """A line for each design that is left out, where its reason has no other place: in CSV, not on pages or in JSON."""
    if form == "csv":
        for label, reason in reasons.items():
            say("warning", f"{file}: {label} is left out: {reason}")


def emit(
    form: str,
    output: Path | None,
    pages: "Iterable[Iterable[Block]]",
    tree: Callable[[], Any],
    table: "Callable[[], Table] | None" = None,
) -> None:
    """Write a result in one of its formats to the screen or a file; see `report.render`."""
    from escalation.files import write_whole
    from escalation.report.render import render

    if output is None:
        render(form, sys.stdout, pages, tree, table)
    else:
        text = io.StringIO()
        render(form, text, pages, tree, table)
        write_whole(output, text.getvalue())
