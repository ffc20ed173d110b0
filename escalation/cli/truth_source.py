"""Options that say under which truths designs are judged."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from escalation.cli import options
from escalation.defaults import TRUTHS

if TYPE_CHECKING:
    from escalation.scenario.file import Scenario
    from escalation.scenario.truths.sets import TruthSet, TruthSource

DRAWN = ("clertant", "paoletti", "logistic")


@dataclass(frozen=True)
class TruthOptions:
    """What the options of `truth_source` were given."""

    truths: tuple[str, ...]
    generator: str
    count: int
    seed: int
    odds_ratio: float | None = None


def truth_source(default: str, *, calibration_set: bool = False) -> Callable[[options.Command], options.Command]:
    """Truths of the file, published, drawn, or a calibration set; the command gets what was given as `source`."""

    def add(command: options.Command) -> options.Command:
        @wraps(command)
        def with_source(**given: Any) -> Any:
            typed = {field.name: given.pop(field.name) for field in fields(TruthOptions) if field.name in given}
            return command(source=TruthOptions(**typed), **given)

        wrapped: options.Command = with_source
        odds_ratio = click.option(
            "--odds-ratio",
            type=float,
            metavar="R",
            help="Instead of other truths: each dose in turn is the MTD, odds of a DLT grow by R from dose to dose.",
        )
        own: list[Callable[[options.Command], options.Command]] = [
            *([odds_ratio] if calibration_set else []),
            options.random_seed("drawn truths"),
            click.option(
                "--count",
                type=click.IntRange(min=1, max=1_000_000),
                default=TRUTHS,
                show_default=True,
                help="How many truths are drawn.",
            ),
            click.option(
                "--generator",
                type=click.Choice(("scenario", "published", *DRAWN)),
                default=default,
                show_default=True,
                help="Where the truths come from: the file, papers, or drawn; see the page on random truths.",
            ),
            options.some_truths,
        ]
        for option in own:
            wrapped = option(wrapped)
        return wrapped

    return add


def source_of(source: TruthOptions) -> "TruthSource":
    """Where truths come from, unless options contradict each other."""
    from escalation.scenario.truths.sets import TruthSource

    if source.truths and source.generator != "scenario":
        raise click.UsageError("--truth: only with --generator scenario")
    if source.generator not in DRAWN and _given() & {"--count", "--seed"}:
        raise click.UsageError("--count, --seed: only with a --generator that draws truths")
    return TruthSource(source.generator, source.truths, source.count, source.seed)  # type: ignore[arg-type]


def judged_truths(scenario: "Scenario", source: TruthOptions) -> "TruthSet":
    """The truths that the options name."""
    if source.odds_ratio is None:
        return source_of(source).of(scenario, scenario.trial)
    if others := _given() - {"--odds-ratio"}:
        raise click.UsageError(f"--odds-ratio: not with {', '.join(sorted(others))}")
    from escalation.scenario.truths.sets import calibration_truths

    return calibration_truths(scenario.trial, odds_ratio=source.odds_ratio)


def _given() -> set[str]:
    """Which of the options were typed."""
    context = click.get_current_context()
    options = {"truths": "--truth"} | {name: f"--{name}" for name in ("generator", "count", "seed")}
    return {
        option for name, option in options.items() if context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    }
