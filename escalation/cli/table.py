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

    For each number of patients at a dose: how many DLTs escalate, stay, de-escalate and eliminate; and in words what
    decides besides the table.
    """
    from escalation.names import choose
    from escalation.report.pages.tables import table_page, tables_to_csv, tables_to_tree
    from escalation.report.render.json import to_json
    from escalation.running.tables import decision_table

    options.check_output(output)
    (scenario,) = options.read_scenarios([file])
    labelled = scenario.designs
    chosen = choose(designs, labelled, "design")
    tables = {label: decision_table(labelled[label], scenario.trial) for label in chosen}
    others = {
        "json": lambda: to_json(tables_to_tree(scenario, tables)),
        "csv": lambda: tables_to_csv(scenario, tables),
    }
    options.emit(form, output, [table_page(scenario, tables, every=every)], others)
