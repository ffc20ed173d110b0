"""`escalation randomised`: the size of a randomised comparison of doses."""

from pathlib import Path
from typing import Any

import click

from escalation.cli import options
from escalation.cli.group import main
from escalation.errors import EscalationError


@main.command("randomised")
@click.option(
    "--dlt-rates",
    type=float,
    nargs=2,
    required=True,
    metavar="BAD GOOD",
    help="An unacceptable and an acceptable DLT rate, such as 0.4 0.2.",
)
@click.option(
    "--response-rates",
    type=float,
    nargs=2,
    required=True,
    metavar="BAD GOOD",
    help="An unacceptable and an acceptable response rate, such as 0.2 0.4.",
)
@click.option(
    "--alpha",
    type=float,
    required=True,
    metavar="P",
    help="Largest probability of finding a dose acceptable where none is, such as 0.1.",
)
@click.option("--power", type=float, required=True, metavar="P", help="Power that is wanted, such as 0.6.")
@click.option(
    "--power-type",
    type=click.Choice(("I", "II")),
    default="II",
    show_default=True,
    help="I: some dose is found acceptable and no unacceptable one; II: at least one acceptable one is.",
)
@click.option(
    "--correlation",
    type=float,
    default=0.0,
    show_default=True,
    metavar="R",
    help="Latent correlation of a patient's DLT and response; 0 is independence.",
)
@click.option(
    "--arms", type=click.IntRange(min=2, max=3), default=2, show_default=True, help="Doses that are compared."
)
@click.option(
    "--from", "smallest", type=click.IntRange(min=1), metavar="N", help="Smallest size of an arm.  [default: 10]"
)
@click.option(
    "--to",
    "largest",
    type=click.IntRange(min=1),
    metavar="N",
    help="Largest size of an arm.  [default: 60, or 40 with three arms]",
)
@options.output_format("table", "json", "csv", "markdown")
@options.output_file
def randomised_command(
    dlt_rates: tuple[float, float],
    response_rates: tuple[float, float],
    correlation: float,
    arms: int,
    smallest: int | None,
    largest: int | None,
    form: str,
    output: Path | None,
    **wanted: Any,
) -> None:
    """Search for the size of a randomised comparison of doses: patients in each arm, and margins for their counts.

    MERIT's rule: a dose is acceptable with few enough DLTs and enough responses, both made to increase with the dose.
    All numbers are exact. Alpha depends on how a patient's DLT and response go together; what it is if they are
    independent stands beside it.
    """
    from escalation.report.pages.randomised import randomised_blocks, table_of, to_tree
    from escalation.report.progress import progress_bar
    from escalation.studies.merit import find_merit, sizes_between
    from escalation.trial.joint import INDEPENDENT, Association
    from escalation.trial.merit import Hypotheses

    options.check_output(output)
    if not -1 < correlation < 1:
        raise EscalationError(f"correlation: {correlation:g} should be above -1 and below 1")
    association = INDEPENDENT if correlation == 0 else Association(latent_correlation=correlation)
    hypotheses = Hypotheses(dlt_rates, response_rates, association, arms)
    found = find_merit(hypotheses, sizes=sizes_between(smallest, largest, arms), progress=progress_bar, **wanted)
    options.emit(form, output, [randomised_blocks(found)], lambda: to_tree(found), lambda: table_of(found))
    if found.unmet is not None:
        raise EscalationError(found.unmet)
