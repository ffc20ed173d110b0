"""A scenario file with other options of a design, otherwise as its author wrote it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import InlineTable, Item, Table

from escalation.errors import EscalationError, ScenarioError
from escalation.scenario.file import Scenario, parse_scenario
from escalation.scenario.grid import changed
from escalation.scenario.toml import parse_toml


def retuned(
    text: str, scenario: Scenario, design: str, values: Mapping[str, Any], account: Sequence[str], folder: Path
) -> str:
    """The text of a scenario file with other values of a design's options, and an account of them at its head.

    Comments and layout stay; a comment beside a value that changes gives way to the value it had. Values are by option,
    those of a table as `table.option`; None for an option to leave out. An EscalationError if the text cannot be
    changed so, or would not be the same scenario in the folder where it will lie.
    """
    try:
        document = tomlkit.parse(text)
        table = document["design"][list(scenario.designs).index(design)]
        for option, value in values.items():
            _set(table, option.split("."), value)
        written = _with_head(tomlkit.dumps(document), account)
        found = parse_scenario(parse_toml(written), "it", folder)
    except ScenarioError as error:
        raise EscalationError(f"the scenario cannot be written to this folder: {error.problems[0]}") from None
    except (TOMLKitError, ValueError, TypeError, KeyError, IndexError):
        raise EscalationError(_UNUSUAL) from None
    if found != changed(scenario, {f"{design}.{option}": value for option, value in values.items()}):
        raise EscalationError(_UNUSUAL)
    return written


_UNUSUAL = (
    "the scenario file has changed since it was read, or is laid out in a way in which options cannot be changed; "
    "write each design as [[design]]"
)


def _set(table: Any, path: Sequence[str], value: Any) -> None:
    """Give an option another value, if it does not have it."""
    if len(path) > 1:
        if path[0] not in table:
            table[path[0]] = tomlkit.inline_table()
            _remark(table, path[0], "calibrated")
        inner = table[path[0]]
        before = inner.as_string() if isinstance(inner, InlineTable) else None
        _set(inner, path[1:], value)
        if before not in (None, "{}", inner.as_string()):
            _remark(table, path[0], f"calibrated; was {before}")
        return
    (option,) = path
    before = table.get(option)
    if value is None:
        if before is not None:
            del table[option]
        return
    if before is not None and before.unwrap() == value and type(before.unwrap()) is type(value):
        return
    table[option] = _inline(value) if isinstance(value, dict) else value
    was = "" if before is None else f"; was {' '.join(before.as_string().split())}"
    _remark(table, option, f"calibrated{was}")


def _inline(values: Mapping[str, Any]) -> InlineTable:
    """A table on one line."""
    table = tomlkit.inline_table()
    table.update({name: _inline(value) if isinstance(value, dict) else value for name, value in values.items()})
    return table


def _remark(table: Any, option: str, words: str) -> None:
    """A comment after an option's value, where there may be one."""
    item = table[option]
    if isinstance(table, Table) and not isinstance(table, InlineTable) and isinstance(item, Item):
        item.comment(words)


def _with_head(text: str, account: Sequence[str]) -> str:
    """The text with comments at its head, after the line that names its schema to editors."""
    end = "\r\n" if "\r\n" in text else "\n"
    head = "".join(f"# {line}\n" for line in account)
    text = text.replace("\r\n", "\n")
    schema, _, rest = text.partition("\n") if text.startswith("#:schema") else ("", "", text)
    return "\n".join([*([schema, ""] if schema else []), head, rest.removeprefix("\n")]).replace("\n", end)
