"""`escalation designs` and `escalation schema`: what a scenario file can hold."""

import sys

import click

from escalation.cli.group import main


@main.command("designs")
def designs_command() -> None:
    """List the designs, their options with the defaults, and their sources."""
    from escalation.report.pages.designs import print_designs

    print_designs(sys.stdout)


@main.command("schema")
def schema_command() -> None:
    """Print the JSON Schema of scenario files, for editors that complete and check them."""
    from escalation.report.render.json import scenario_schema

    click.echo(scenario_schema())
