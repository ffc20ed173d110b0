"""The designs and rules that a scenario file can name, with their options."""

import inspect
from collections.abc import Iterable
from typing import Literal, TextIO, get_args, get_origin

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from escalation.designs import REGISTRY, Design, TooToxic
from escalation.designs.pending import PENDING
from escalation.designs.rules import RESTRICTIONS, RULES
from escalation.fields import Frozen
from escalation.report.render.toml import to_toml
from escalation.trial.choice import Choice
from escalation.trial.expansion import Expansion
from escalation.trial.safety import SafetyRule


def print_designs(file: TextIO) -> None:
    """Print each design with its options, their defaults, and its source; then what goes with every design."""
    console = Console(file=file, highlight=False, markup=False, emoji=False)
    for kind, design in REGISTRY.items():
        shared = set(Design.model_fields) - (set() if design.waits_as is None else {"pending"})
        _print_options(console, kind, design, set(design.model_fields) - shared)
        for source in design.sources:
            console.print(Padding(Text(f"Source: {source}"), (0, 0, 0, 2)))
        console.print()
    _print_options(console, "every design", Design, set(Design.model_fields) - {"kind"})
    for option, rules in (("stop_when", RULES), ("restrict", RESTRICTIONS), ("pending", PENDING)):
        for name, rule in rules.items():
            console.print()
            _print_options(console, f"{option}: {name}", rule, set(rule.model_fields) - {"rule"})
    for option, model in (
        ("expansion", Expansion),
        ("expansion.monitoring", SafetyRule),
        ("optimal_dose", Choice),
        ("stop_if_too_toxic", TooToxic),
    ):
        console.print()
        _print_options(console, option, model, model.model_fields)


def _print_options(console: Console, name: str, model: type[Frozen], wanted: Iterable[str]) -> None:
    console.print(Text.assemble((name, "bold"), f"  {inspect.cleandoc(model.__doc__ or '').splitlines()[0]}"))
    options = Table.grid(padding=(0, 2))
    options.add_column(no_wrap=True, style="bold")
    options.add_column(no_wrap=True)
    texts = model.field_texts()
    for option, field in model.model_fields.items():
        if option in wanted:
            options.add_row(option, to_toml(field.default), texts[option] + _choices(field.annotation, texts[option]))
    console.print(Padding(options, (0, 0, 0, 2)))


def _choices(annotation: object, text: str) -> str:
    """The texts that an option can be, unless its own text names them."""
    choices = get_args(annotation) if get_origin(annotation) is Literal else ()
    named = [choice for choice in choices if isinstance(choice, str)]
    missing = [choice for choice in named if f'"{choice}"' not in text]
    return f" One of {', '.join(map(to_toml, named))}." if missing else ""
