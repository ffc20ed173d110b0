"""Grids of settings: every combination of values of a trial's and its designs' options.

A key names an option: `trial.target`; or the label of a design and one of its options, `boin.p_tox`. An option that is
a table has options itself: `crm.stop_if_too_toxic.threshold`. An option need not be set in the scenario file.

A design's settings combine the trial's values with its own; those of other designs do not multiply them.
"""

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

from pydantic import ValidationError

from escalation.defaults import MOST_SETTINGS
from escalation.designs import Design
from escalation.errors import GridError, ScenarioError, brief
from escalation.fields import Frozen
from escalation.names import choose, listed, suggestion
from escalation.scenario.file import Scenario
from escalation.scenario.problems import findings
from escalation.scenario.toml import parse_toml
from escalation.trial.trial import Trial

Value = Any
"""What TOML can write: a number, a text, true or false, a list or a table of these."""

P = TypeVar("P", bound=Frozen)

OF_THE_DESIGN = ("kind", "label")
"""What makes a design the one that it is, and so is no setting."""


class Setting(NamedTuple):
    """A design and its trial at one point of a grid."""

    number: int  # from 0, in the order of the grid
    label: str  # of the design, in the scenario
    values: dict[str, Value]  # by key: those of the trial, and the design's own
    design: Design
    trial: Trial

    @property
    def name(self) -> str:
        """For messages."""
        return f"{self.label} ({_shown(self.values)})" if self.values else self.label


@dataclass(frozen=True)
class Grid:
    """The settings of a scenario's designs, made one at a time; see `grid`.

    Attributes
    ----------
    scenario : Scenario
    values : dict of str to list of values
        By key.
    labels : tuple of str
        Of the designs.
    """

    scenario: Scenario
    values: dict[str, list[Value]]
    labels: tuple[str, ...]

    @cached_property
    def keys_of(self) -> dict[str, list[str]]:
        """The keys that make up each design's settings, by label: the trial's come first."""
        owners = {key: _owner(self.scenario, key)[0] for key in self.values}
        return {
            label: [key for owner in (None, label) for key in self.values if owners[key] == owner]
            for label in self.labels
        }

    @cached_property
    def sizes(self) -> dict[str, int]:
        """How many settings each design has, by label."""
        return {label: math.prod(len(self.values[key]) for key in keys) for label, keys in self.keys_of.items()}

    def __len__(self) -> int:
        return sum(self.sizes.values())

    def __getitem__(self, number: int) -> Setting:
        """A setting by its number.

        Raises
        ------
        ScenarioError
            A ValueError: its values are not possible, alone or together.
        """
        label, values = self._place(number)
        changed_trial, designs = _changed(self.scenario, values, [label])
        return Setting(number, label, values, designs[label], changed_trial)

    def values_of(self, number: int) -> dict[str, Value]:
        """The values of a setting by its number, possible or not."""
        return self._place(number)[1]

    def _place(self, number: int) -> tuple[str, dict[str, Value]]:
        """The label and the values of a setting."""
        if not 0 <= number < len(self):
            raise IndexError(number)
        labels = iter(self.labels)
        label = next(labels)
        while number >= self.sizes[label]:
            number -= self.sizes[label]
            label = next(labels)
        values = {}
        for key in reversed(self.keys_of[label]):  # the last key changes fastest
            number, place = divmod(number, len(self.values[key]))
            values[key] = self.values[key][place]
        return label, dict(reversed(values.items()))

    def __iter__(self) -> Iterator[Setting]:
        return map(self.__getitem__, range(len(self)))


def grid(
    scenario: Scenario,
    values: Mapping[str, Sequence[Value]],
    *,
    designs: Iterable[str] = (),
    most: int = MOST_SETTINGS,
) -> Grid:
    """The settings that combine the values of some options.

    Parameters
    ----------
    scenario : Scenario
    values : dict of str to sequence of values
        By key.
    designs : iterable of str
        Labels of the designs; all when empty.
    most : int
        No more settings than this.

    Returns
    -------
    Grid
        A sequence of `Setting`: design by design, the first key changing slowest. Each is validated when it is made.

    Raises
    ------
    GridError
        A ValueError: an unknown key, a key of a design that is left out, values that are missing or repeated, or too
        many settings.
    EscalationError
        An unknown label.

    Examples
    --------
    >>> from escalation.scenario.file import parse_scenario
    >>> scenario = parse_scenario({
    ...     "name": "example", "trial": {"doses": [1, 2], "target": 0.25, "max_patients": 12},
    ...     "design": [{"kind": "boin"}, {"kind": "3+3"}], "truth": [{"name": "t", "dlt_rates": [0.1, 0.3]}]})
    >>> settings = grid(scenario, {"trial.max_patients": [12, 18], "boin.p_tox": [0.35, 0.4]})
    >>> len(settings), settings[1].values
    (6, {'trial.max_patients': 12, 'boin.p_tox': 0.4})
    """
    chosen = tuple(choose(designs, scenario.designs, "design"))
    for key, alternatives in values.items():
        owner, _ = _owner(scenario, key)
        if owner is not None and owner not in chosen:
            raise GridError(f"grid: {key}: the design '{owner}' is left out")
        if not alternatives:
            raise GridError(f"grid: {key}: no values")
        repeated, given = Counter(map(in_toml, alternatives)).most_common(1)[0]
        if given > 1:
            raise GridError(f"grid: {key}: {brief(repeated)} is given {'twice' if given == 2 else f'{given} times'}")
    found = Grid(scenario, {key: list(alternatives) for key, alternatives in values.items()}, chosen)
    settings = sum(found.sizes.values())  # len() would overflow
    if settings > most:
        sizes = " + ".join(f"{size:,} of '{brief(label)}'" for label, size in found.sizes.items())
        raise GridError(f"grid: {settings:,} settings ({sizes}); at most {most:,} are allowed")
    return found


def changed(scenario: Scenario, values: Mapping[str, Value]) -> Scenario:
    """The scenario with other values of some options, by key.

    A GridError if a key is unknown, a ScenarioError if the values are not possible, alone or together.
    """
    trial, designs = _changed(scenario, values, scenario.designs)
    content = {name: getattr(scenario, name) for name in scenario.model_fields_set}
    try:
        return Scenario(**content | {"trial": trial, "design": tuple(designs.values())})
    except ValidationError as error:
        raise ScenarioError(f"setting {_shown(values)}", findings(error, {}, "scenario")) from None


def parse_grid(text: str) -> tuple[str, list[Value]]:
    """A key and its values from a text such as `boin.p_tox=0.35,0.4`; a GridError if it cannot be read.

    Values are written as in TOML, with commas between. A label that holds an equals sign is put in quotes.
    """
    if not text.isprintable():
        raise GridError(f"grid: {brief(text)}: should be printable")
    if text[:1] in ("'", '"'):
        label, quote, rest = text[1:].partition(text[0])
        option, equals, values = rest.partition("=")
        key = f"{label}{option}".strip()
    else:
        key, equals, values = text.partition("=")
        key, quote = key.strip(), "."
    if not (quote and equals and key):
        raise GridError(f"grid: '{brief(text)}': should be a key and its values, such as boin.p_tox=0.35,0.4")
    try:
        parse_toml(f"values = [{values}]")  # not if a comment takes the bracket away
        alternatives = parse_toml(f"values = [{values}\n]")["values"]
    except ValueError:
        raise GridError(
            f"grid: {brief(key)}: '{brief(values)}' should be values as in TOML with commas between; texts are in "
            f'quotes, which the shell should not take away: \'{brief(key)}="one","two"\''
        ) from None
    return key, alternatives


def in_toml(value: Value) -> str:
    """A value as TOML, or a table's as JSON: on one line, and exact."""
    return json.dumps(value, ensure_ascii=False, default=str)


def _owner(scenario: Scenario, key: str) -> tuple[str | None, tuple[str, ...]]:
    """Whose option a key is, the label of a design or None for the trial, and the option, part by part."""
    labels = list(scenario.designs)
    owner: str | None = None
    part: Frozen = scenario.trial
    if key.startswith("trial."):
        if "trial" in labels:
            raise GridError(f"grid: {key}: a design has the label 'trial'; give it another")
    else:
        owner = max((label for label in labels if key.startswith(f"{label}.")), key=len, default=None)
        if owner is None:
            label, known = key.partition(".")[0], ["trial", *labels]
            problem = "names no option" if label in known else f"no design of that label{suggestion(label, known)}"
            raise GridError(
                f"grid: {brief(key)}: {problem}; a key is trial.OPTION or LABEL.OPTION, of the labels {listed(labels)}"
            )
        part = scenario.designs[owner]
    path = key.removeprefix(f"{owner or 'trial'}.").split(".")
    known = [option for option in type(part).model_fields if owner is None or option not in OF_THE_DESIGN]
    if path[0] not in known:
        problem = "not a setting, but what the design is" if path[0] in OF_THE_DESIGN else "unknown option"
        raise GridError(f"grid: {brief(key)}: {problem}{suggestion(path[0], known)}")
    return owner, tuple(path)


def _changed(scenario: Scenario, values: Mapping[str, Value], labels: Iterable[str]) -> tuple[Trial, dict[str, Design]]:
    """The trial and some designs with other values, validated as those of a file are."""
    contents: dict[str | None, Any] = {}
    for key, value in values.items():
        owner, path = _owner(scenario, key)
        before = contents.get(owner, scenario.trial if owner is None else scenario.designs[owner])
        contents[owner] = _with(before, path, value)
    problems: list[str] = []
    trial = _validated(scenario.trial, contents.get(None), "trial", problems)
    designs = {label: _validated(scenario.designs[label], contents.get(label), label, problems) for label in labels}
    if not problems:
        problems = [
            f"{label}.{option}: {problem}"
            for label, design in designs.items()
            for option, problem in design.problems(trial)
        ]
    if problems:
        raise ScenarioError(f"setting {_shown(values)}", problems)
    return trial, designs


def _with(part: Any, path: tuple[str, ...], value: Value) -> Any:
    """What makes a part of a scenario with another value of an option."""
    if not path:
        return value
    content: dict[str, Any] = {}
    if isinstance(part, Frozen):
        # A rule is known by its name, which one made in Python need not have been given.
        named = {"kind", "rule"} & set(type(part).model_fields)
        content = {name: getattr(part, name) for name in part.model_fields_set | named}
    elif isinstance(part, dict):
        content = dict(part)
    content[path[0]] = _with(content.get(path[0], getattr(part, path[0], None)), path[1:], value)
    return content


def _validated(part: P, content: Any, place: str, problems: list[str]) -> P:
    """The part of the scenario, or what has been made of it; problems are noted."""
    if content is None:
        return part
    try:
        return type(part).model_validate(content)
    except ValidationError as error:
        problems += findings(error, content, place)
        return part


def _shown(values: Mapping[str, Value]) -> str:
    return ", ".join(f"{key}={brief(in_toml(value), 200)}" for key, value in values.items())
