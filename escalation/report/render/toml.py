"""Settings as a scenario file would write them."""

import json
from typing import Literal, get_args, get_origin

from pydantic_core import PydanticUndefined

from escalation.fields import Frozen


def to_toml(value: object) -> str:
    """A setting or a default; nothing where there is none."""
    if value is PydanticUndefined:
        return "needed"
    if value is None:
        return ""
    if isinstance(value, Frozen):
        fields = type(value).model_fields
        parts = {name: part for name, part in value if part != fields[name].default or _names(fields[name].annotation)}
        return f"{{ {', '.join(f'{name} = {to_toml(part)}' for name, part in parts.items())} }}"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(map(to_toml, value))}]"
    if isinstance(value, int | float):
        return f"{value:g}"
    # A design of somebody's own may have options of any type, functions as well.
    return quoted(value) if isinstance(value, str) else getattr(value, "__qualname__", None) or str(value)


def quoted(text: str) -> str:
    """A text in quotation marks, with nothing in it that ends it."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")  # TOML has the escapes that JSON has


def _names(annotation: object) -> bool:
    """Whether a field can have one value only: it is the name of a rule."""
    return get_origin(annotation) is Literal and len(get_args(annotation)) == 1
