"""Options that say under which truths designs are judged."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import wraps
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from escalation.cli import options
from escalation.defaults import JOINT_TRUTHS, TRUTHS

if TYPE_CHECKING:
    from escalation.scenario.file import Scenario
    from escalation.scenario.truths.sets import TruthSet, TruthSource

JOINT = "shi"
"""Draws truths with responses."""

DRAWN = ("clertant", "paoletti", "logistic", JOINT)


@dataclass(frozen=True)
class TruthOptions:
    """What the options of `truth_source` were given."""

    truths: tuple[str, ...]
    generator: str
    count: int | None
    seed: int
    odds_ratio: float | None = None


def truth_source(
    default: str, *, calibration_set: bool = False, by_design: bool = False
) -> Callable[[options.Command], options.Command]:
    """Truths of the file, published, drawn, or a calibration set; the command gets what was given as `source`.

    `by_design` says that it draws other truths by default where a design chooses an optimal dose; see `fitting`.
    """

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
                help=f"How many truths are drawn.  [default: {TRUTHS:,}, of {JOINT} {JOINT_TRUTHS:,}]",
            ),
            click.option(
                "--generator",
                type=click.Choice(("scenario", "published", *DRAWN)),
                default=default,
                show_default=f"{default}, {JOINT} where a design chooses an optimal dose" if by_design else True,
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
    usual = JOINT_TRUTHS if source.generator == JOINT else TRUTHS
    count = usual if source.count is None else source.count
    return TruthSource(source.generator, source.truths, count, source.seed)  # type: ignore[arg-type]


def fitting(source: TruthOptions, scenario: "Scenario", designs: tuple[str, ...]) -> TruthOptions:
    """By default truths with responses where one of the designs chooses an optimal dose."""
    from escalation.names import choose

    chosen = (scenario.designs[label] for label in choose(designs, scenario.designs, "design"))
    if "--generator" in _given() or not any(design.chooses_optimal_dose for design in chosen):
        return source
    return replace(source, generator=JOINT)


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
