"""Kinds of numbers and texts that trials, designs and scenario files are made of."""

import inspect
from abc import abstractmethod
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

LONGEST_TEXT = 1_000
"""Characters of a name, a label, a title."""

LONGEST_PROSE = 20_000
"""Characters of a text that may go over several lines."""


def _printable(text: str) -> str:
    if not text.strip() or not text.isprintable():  # neither control characters nor marks that turn a line around
        raise ValueError("should be a printable text that is not blank")
    return text.strip()


def _readable(text: str) -> str:
    return _not_longer(_printable(text), LONGEST_TEXT)


def _prose(text: str) -> str:
    return _not_longer(_printable(" ".join(text.split())), LONGEST_PROSE)


def _not_longer(text: str, most: int) -> str:
    if len(text) > most:
        raise ValueError(f"should have at most {most:,} characters")
    return text


# Strict: neither texts nor true and false are taken for numbers.
Real = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Whole = Annotated[int, Field(strict=True)]
Flag = Annotated[bool, Field(strict=True)]
Text = Annotated[str, Field(strict=True), AfterValidator(_readable)]
Prose = Annotated[str, Field(strict=True), AfterValidator(_prose)]
"""A text that may go over several lines in the file."""

Rate = Annotated[Real, Field(ge=0, le=1)]
"""A probability, 0 and 1 included."""

Fraction = Annotated[Real, Field(gt=0, lt=1)]
"""A probability strictly between 0 and 1."""

Positive = Annotated[Real, Field(gt=0)]
LARGEST_COUNT = 100_000
Count = Annotated[Whole, Field(ge=1, le=LARGEST_COUNT)]
"""A number of patients, or a 1-based dose level."""

CohortSize = Annotated[Whole, Field(ge=1, le=100)]


class Frozen(BaseModel):
    """Immutable, validated, and closed to unknown names."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    only_if_given: ClassVar[frozenset[str]] = frozenset()
    """Options that settings are written without where there is none."""

    @model_serializer(mode="wrap")
    def _written(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = write(self)
        for name in self.only_if_given:
            if name in written and written[name] is None:
                del written[name]
        return written

    @classmethod
    def field_texts(cls) -> dict[str, str]:
        """What the docstrings of the class and its bases say of each parameter."""
        texts: dict[str, list[str]] = {}
        for base in reversed(cls.__mro__):
            names: list[str] = []
            _, _, section = inspect.cleandoc(base.__doc__ or "").partition("Parameters\n----------\n")
            for line in section.split("\n\n")[0].splitlines():
                if line.startswith(" "):
                    for name in names:
                        texts[name].append(line.strip())
                else:
                    names = line.partition(" : ")[0].split(", ")
                    texts |= {name: [] for name in names}
        return {name: " ".join(lines) for name, lines in texts.items()}

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """The JSON Schema with the docstring's texts, for editors to show."""
        schema = handler.resolve_ref_schema(handler(core_schema))
        schema["description"] = inspect.cleandoc(cls.__doc__ or "").splitlines()[0]
        for name, text in cls.field_texts().items():
            if text and name in schema.get("properties", {}):
                schema["properties"][name]["description"] = text
        return schema


class FitsTogether(Frozen):
    """What is right or wrong as a whole: all problems are told at once."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        problems = list(self._problems())
        if problems:
            raise ValueError("\n".join(problems))
        return self

    @abstractmethod
    def _problems(self) -> Iterator[str]:
        """What does not fit together, each named by its option."""
