"""`escalation table`: the decision tables that a protocol prints."""

from pathlib import Path

import click

from escalation.cli import options
from escalation.cli.group import main


@main.command("table")
@options.scenario_file
@options.some_designs
@click.option(
    "--every", is_flag=True, help="Show every number of patients; JSON and CSV always have them, marked if they occur."
)
@options.output_format("table", "json", "csv", "markdown")
@options.output_file
def table_command(file: Path, designs: tuple[str, ...], every: bool, form: str, output: Path | None) -> None:
    """Print the decision table of each design of a scenario file.

    For each number of patients at a dose: how many DLTs escalate, stay, de-escalate and eliminate; for late-onset
    designs also with how many pending patients and how much follow-up; for designs that decide by responses how
    desirable the dose is, by DLTs and responses; and in words what decides besides the table.
    """
    from escalation.names import choose
    from escalation.report.pages.table import table_blocks, table_of, to_tree
    from escalation.running.tables import decision_table

    options.check_output(output)
    scenario = options.read_designs(file)
    labelled = scenario.designs
    chosen = choose(designs, labelled, "design")
    tables = {label: decision_table(labelled[label], scenario.trial) for label in chosen}
    pages = [table_blocks(scenario, tables, every=every)]
    options.emit(form, output, pages, lambda: to_tree(scenario, tables), lambda: table_of(scenario, tables))
