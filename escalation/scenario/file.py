"""Scenario files: one trial with its designs and truths, in TOML."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from itertools import pairwise
from operator import or_
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self, TypeVar

from pydantic import (
    Field,
    SerializeAsAny,
    TypeAdapter,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from escalation.designs import REGISTRY, Design
from escalation.errors import ScenarioError, brief
from escalation.fields import Frozen, Prose, Text
from escalation.files import read_text
from escalation.kernels.codes import SLACK
from escalation.names import suggestion
from escalation.scenario.problems import findings
from escalation.scenario.toml import check_numbers, parse_toml
from escalation.scenario.truths.truth import Truth
from escalation.trial.trial import Trial

MOST_TABLES = {"design": 200, "truth": 10_000}
"""Of a file."""

MOST_PROBLEMS = 50
"""How many are listed of a file that is wrong throughout."""


def _as_made(value: Any, by_kind: ValidatorFunctionWrapHandler) -> Any:
    """A design made in Python may be of a class that no scenario file can name; anything else is read by its kind."""
    return value if isinstance(value, Design) else by_kind(value)


if TYPE_CHECKING:
    AnyDesign = Design
else:
    AnyDesign = Annotated[
        reduce(or_, REGISTRY.values()), Field(discriminator="kind"), WrapValidator(_as_made), SerializeAsAny()
    ]


class TrialDesigns(Frozen):
    """A trial and designs for it: what a scenario says that needs no truth.

    Parameters
    ----------
    name : str
    title, registry : str, optional
    assumptions : dict of str to str, optional
        Settings that are assumed rather than registered, each with its reason.
    trial : Trial
    design : sequence of Design, also of classes of one's own

    Raises
    ------
    pydantic.ValidationError
        A ValueError; it names every field that is wrong.
    """

    name: Text
    title: Text | None = None
    registry: Text | None = None
    assumptions: dict[Text, Prose] = Field(default_factory=dict)
    trial: Trial
    design: tuple[AnyDesign, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        problems = _mismatches(self.trial, list(self.design), list(self._truths))
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def _truths(self) -> tuple[Truth, ...]:
        return ()

    @property
    def designs(self) -> dict[str, Design]:
        """The designs by label."""
        return dict(zip(labels(self.design), self.design, strict=True))

    @property
    def warnings(self) -> list[str]:
        """What is unusual, though not wrong."""
        cautions = [f"trial: {caution}" for caution in self.trial.cautions()]
        cautions += [
            f"design '{brief(label)}': {caution}"
            for label, design in self.designs.items()
            for caution in design.cautions(self.trial)
        ]
        return cautions


class Scenario(TrialDesigns):
    """A trial, the designs to compare and the truths to compare them under.

    Parameters
    ----------
    name, title, registry, assumptions, trial, design
        As for `TrialDesigns`.
    truth : sequence of Truth

    Raises
    ------
    pydantic.ValidationError
        A ValueError; it names every field that is wrong.
    """

    truth: tuple[Truth, ...] = Field(min_length=1)

    @property
    def _truths(self) -> tuple[Truth, ...]:
        return self.truth

    @property
    def warnings(self) -> list[str]:
        """What is unusual, though not wrong."""
        return super().warnings + [
            f"truth '{brief(truth.name)}': the DLT rate decreases from a dose to the next"
            for truth in self.truth
            if any(low > high + SLACK for low, high in pairwise(truth.dlt_rates))
        ]


Parts = TypeVar("Parts", bound=TrialDesigns)


def labels(designs: Iterable[Design]) -> list[str]:
    """Label of each design: its own, else its kind, numbered from the second of a kind on."""
    seen: Counter[str] = Counter()
    names = []
    for design in designs:
        name = design.label
        if name is None:
            seen[design.kind] += 1
            name = design.kind if seen[design.kind] == 1 else f"{design.kind}-{seen[design.kind]}"
        names.append(name)
    return names


def load_scenario(path: str | PathLike[str]) -> Scenario:
    """Read and validate a scenario file.

    Raises
    ------
    ScenarioError
        A ValueError that lists every problem of the file, each with its place.
    """
    return parse_scenario(*_content(path))


def load_designs(path: str | PathLike[str]) -> TrialDesigns:
    """Read and validate a scenario file that may lack truths; raises as `load_scenario` does."""
    content, source, folder = _content(path)
    return _parsed(content, source, folder, Scenario if "truth" in content else TrialDesigns, simulated=False)


def _content(path: str | PathLike[str]) -> tuple[dict[str, Any], str, Path]:
    """The content of a file, not validated; its name, and its folder."""
    source = str(path)
    try:
        content = parse_toml(read_text(Path(path)))
    except ValueError as error:
        raise ScenarioError(source, [str(error)]) from None
    return content, source, Path(path).parent


def files_of(path: Path) -> list[Path]:
    """The files that a scenario is read from: its own, and those of its decision tables, there or not."""
    try:
        content, _, folder = _content(path)
    except ScenarioError:
        return [path]
    designs = content.get("design")
    tables = [part.get("file") for part in designs if isinstance(part, dict)] if isinstance(designs, list) else []
    return [path, *(folder / file.strip() for file in tables if isinstance(file, str))]


def parse_scenario(
    content: dict[str, Any], source: str = "scenario", folder: Path = Path(), *, simulated: bool = True
) -> Scenario:
    """Validate the content of a scenario file; a ScenarioError lists every problem, each with its place.

    Every part is validated on its own, so that all problems are found at once. `folder` is where the files lie that
    the scenario names. Unless its trials are to be `simulated` it may lack what simulations need.
    """
    try:
        check_numbers(content)
    except ValueError as error:
        raise ScenarioError(source, [str(error)]) from None
    return _parsed(content, source, folder, Scenario, simulated=simulated)


def _parsed(content: dict[str, Any], source: str, folder: Path, kind: type[Parts], *, simulated: bool = True) -> Parts:
    problems: list[str] = []
    parts: dict[str, Any] = {}
    unknown = [name for name in content if name not in Scenario.model_fields]
    problems += [
        f"{brief(name)}: unknown key{suggestion(name, Scenario.model_fields)}" for name in unknown[:MOST_PROBLEMS]
    ]
    if len(unknown) > MOST_PROBLEMS:
        problems.append(f"and {len(unknown) - MOST_PROBLEMS:,} more unknown keys")
    for name, value in content.items():
        if name in Scenario.model_fields:
            parts[name] = _tables(name, value, problems) if name in ("design", "truth") else value
    for name, field in kind.model_fields.items():
        if name not in content and field.is_required():
            problems.append(f"{name}: needed{_HINTS.get(name, '')}")

    header = {name: parts[name] for name in ("name", "title", "registry", "assumptions") if name in parts}
    for name, value in header.items():
        _validated(TypeAdapter(_annotation(name)), value, name, problems)
    trial = _validated(TypeAdapter(Trial), parts["trial"], "trial", problems) if "trial" in parts else None
    context = {"folder": folder, "tables": {}}
    designs = [
        _validated(TypeAdapter(AnyDesign), value, f"design[{number}]", problems, context)
        for number, value in enumerate(parts.get("design", ()), 1)
    ]
    truths = [
        _validated(TypeAdapter(Truth), value, f"truth[{number}]", problems)
        for number, value in enumerate(parts.get("truth", ()), 1)
    ]
    problems += _mismatches(trial, designs, truths)
    if simulated and trial is not None:
        asked = [(number, design) for number, design in enumerate(designs, 1) if design is not None]
        problems += [f"design[{at}].{name}: {text}" for at, design in asked for name, text in design.unsimulated(trial)]
    if len(problems) > MOST_PROBLEMS:
        problems[MOST_PROBLEMS:] = [f"and {len(problems) - MOST_PROBLEMS:,} more problems"]
    if problems:
        raise ScenarioError(source, problems)
    more = {"truth": tuple(truths)} if "truth" in kind.model_fields else {}
    return kind(**header, trial=trial, design=tuple(designs), **more)


_HINTS = {
    "trial": ": a [trial] table",
    "design": ": at least one [[design]] table",
    "truth": ": at least one [[truth]] table",
}


def _annotation(name: str) -> Any:
    field = Scenario.model_fields[name]
    return Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation


def _tables(name: str, value: Any, problems: list[str]) -> list[Any]:
    if not isinstance(value, list) or not value or not all(isinstance(part, dict) for part in value):
        problems.append(f"{name}: should be at least one [[{name}]] table")
        return []
    if len(value) > MOST_TABLES[name]:
        problems.append(f"{name}: there are {len(value):,} tables; at most {MOST_TABLES[name]:,} are possible")
        return []
    return value


def _validated(
    adapter: TypeAdapter[Any], value: Any, place: str, problems: list[str], context: dict[str, Any] | None = None
) -> Any:
    """The validated value, or None with its problems noted."""
    try:
        return adapter.validate_python(value, context=context)
    except ValidationError as error:
        problems += findings(error, value, place)
        return None


def _mismatches(trial: Trial | None, designs: Sequence[Design | None], truths: Sequence[Truth | None]) -> list[str]:
    """What is wrong between the parts of a file, among those that are right by themselves."""
    problems = []
    for number, design in enumerate(designs, 1):
        if trial is not None and design is not None:
            problems += [f"design[{number}].{option}: {text}" for option, text in design.problems(trial)]
    for number, truth in enumerate(truths, 1):
        if trial is None or truth is None:
            continue
        if len(truth.dlt_rates) != trial.levels:
            problems.append(f"truth[{number}].dlt_rates: {len(truth.dlt_rates)} rates for {trial.levels} dose levels")
        if trial.time is not None and trial.time.onset.depends_on_rate and 1 in truth.dlt_rates:
            kind = trial.time.onset.kind
            problems.append(f"truth[{number}].dlt_rates: at a rate of 1 the day of a DLT has no {kind} distribution")
        if max(truth.correct_doses(trial.target), default=1) > trial.levels:
            problems.append(f"truth[{number}].rp2d: there are only {trial.levels} dose levels")
        problems += [f"truth[{number}].{option}: {text}" for option, text in _response_problems(trial, truth)]
    choosing = next(
        (at for at, design in enumerate(designs, 1) if design is not None and design.chooses_optimal_dose), None
    )
    why = None if choosing is None else f"design[{choosing}] chooses an optimal dose"
    if trial is not None and trial.randomised is not None:
        why = "[trial.randomised] compares doses by them"
    if why is not None:
        bare = [at for at, truth in enumerate(truths, 1) if truth is not None and truth.response_rates is None]
        problems += [f"truth[{at}].response_rates: needed, because {why}" for at in bare]
    problems += _unexposed(designs, truths)
    if None not in designs:
        problems += _repeated("design", "label", labels(design for design in designs if design is not None))
    problems += _repeated("truth", "name", [truth.name if truth is not None else None for truth in truths])
    return problems


def _unexposed(designs: Sequence[Design | None], truths: Sequence[Truth | None]) -> Iterator[str]:
    """What truths lack of a scenario in which a design chooses an optimal dose by exposure."""
    choosing = [at for at, design in enumerate(designs, 1) if design is not None and design.chooses_by_exposure]
    for at, truth in enumerate(truths, 1) if choosing else ():
        why = f"needed, because design[{choosing[0]}] chooses an optimal dose by exposure"
        if truth is not None and truth.exposure is None:
            yield f"truth[{at}].exposure: {why}"
        if truth is not None and truth.obd is None:
            yield f'truth[{at}].obd: {why}: the dose level that is right to choose under this truth, or "none"'


def _response_problems(trial: Trial, truth: Truth) -> Iterator[tuple[str, str]]:
    """What of a truth's responses and exposures does not fit the trial: (name of the option, what is wrong)."""
    if truth.exposure is not None and len(truth.exposure.geometric_means) != trial.levels:
        found = f"{len(truth.exposure.geometric_means)} geometric means for {trial.levels} dose levels"
        yield "exposure.geometric_means", found
    if isinstance(truth.obd, int) and truth.obd > trial.levels:
        yield "obd", f"there are only {trial.levels} dose levels"
    if truth.response_rates is None:
        return
    if trial.efficacy is None:
        yield "response_rates", "needs [trial.efficacy], which says what response is acceptable"
    onset = None if trial.efficacy is None else trial.efficacy.onset
    if onset is not None and onset.depends_on_rate and 1 in truth.response_rates:
        yield "response_rates", f"at a rate of 1 the day of a response has no {onset.kind} distribution"
    if len(truth.response_rates) != trial.levels:
        yield "response_rates", f"{len(truth.response_rates)} rates for {trial.levels} dose levels"


def _repeated(part: str, what: str, names: list[str] | list[str | None]) -> list[str]:
    first: dict[str, int] = {}
    problems = []
    for number, name in enumerate(names, 1):
        if name is not None and first.setdefault(name, number) != number:
            problems.append(f"{part}[{number}].{what}: '{brief(name)}' is already {part}[{first[name]}]")
    return problems
