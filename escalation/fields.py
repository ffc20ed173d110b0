"""Kinds of numbers and texts that trials, designs and scenario files are made of."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _number(value: Any) -> Any:
    """Refuse what Python would silently turn into a number."""
    if isinstance(value, bool | str | bytes):
        raise ValueError("should be a number")  # noqa: TRY004 (pydantic reports ValueError as a problem of the field)
    return value


def _text(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("should be a text in quotes")  # noqa: TRY004
    if not value.strip() or not value.isprintable():
        raise ValueError("should be a printable text that is not blank")
    return value


Real = Annotated[float, BeforeValidator(_number), Field(allow_inf_nan=False)]
Whole = Annotated[int, BeforeValidator(_number)]
Flag = Annotated[bool, Field(strict=True)]
Text = Annotated[str, BeforeValidator(_text)]

Rate = Annotated[Real, Field(ge=0, le=1)]
"""A probability, 0 and 1 included."""

Fraction = Annotated[Real, Field(gt=0, lt=1)]
"""A probability strictly between 0 and 1."""

Positive = Annotated[Real, Field(gt=0)]
Count = Annotated[Whole, Field(ge=1)]
"""A number of patients, or a 1-based dose level."""


class Frozen(BaseModel):
    """Immutable, validated, and closed to unknown names."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)
