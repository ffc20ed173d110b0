"""The designs that a scenario file can name, with their options."""

import inspect
from typing import TextIO

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from escalation.designs import REGISTRY
from escalation.fields import Frozen


def print_designs(file: TextIO) -> None:
    """Print each design, its options with their defaults, and its source."""
    console = Console(file=file, highlight=False, markup=False, emoji=False)
    for number, (kind, design) in enumerate(REGISTRY.items()):
        if number:
            console.print()
        console.print(Text.assemble((kind, "bold"), f"  {inspect.cleandoc(design.__doc__ or '').splitlines()[0]}"))
        options = Table.grid(padding=(0, 2))
        options.add_column(no_wrap=True, style="bold")
        options.add_column(no_wrap=True)
        texts = design.field_texts()
        for name, field in design.model_fields.items():
            if name != "kind":
                options.add_row(
                    name, "" if field.is_required() or field.default is None else _toml(field.default), texts[name]
                )
        _, _, source = inspect.cleandoc(inspect.getmodule(design).__doc__ or "").rpartition("Source: ")
        console.print(Padding(options, (0, 0, 0, 2)))
        console.print(Padding(Text(f"Source: {' '.join(source.split())}"), (0, 0, 0, 2)))


def _toml(value: object) -> str:
    """A default as a scenario file would write it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, Frozen):
        settings = value.model_dump(exclude_defaults=True)
        return f"{{{', '.join(f'{name} = {_toml(setting)}' for name, setting in settings.items())}}}"
    return f'"{value}"' if isinstance(value, str) else f"{value:g}"
