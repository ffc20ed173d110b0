"""Names that users type: commands with their options."""

import click

from escalation.cli import main


def options() -> dict[str, list[str]]:
    """Arguments and options by command, as they are typed."""
    context = click.Context(main)
    found = {}
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        assert command is not None
        found[name] = [text for parameter in command.params for text in (*parameter.opts, *parameter.secondary_opts)]
    return found
