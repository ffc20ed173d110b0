"""Options that say under which truths a design is chosen."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from escalation.cli import options

if TYPE_CHECKING:
    from escalation.scenario import Scenario
    from escalation.truth_sets import TruthSet


@dataclass(frozen=True)
class TruthOptions:
    """What the options of `truth_source` were given."""

    truths: tuple[str, ...]
    generator: str
    count: int
    seed: int
    odds_ratio: float | None


def truth_source(command: Callable[..., Any]) -> Callable[..., Any]:
    """Truths of the file, published or drawn ones, or a calibration set; the command gets them as `source`."""

    @wraps(command)
    def with_source(**given: Any) -> Any:
        own = (given.pop(name) for name in ("truths", "generator", "count", "seed", "odds_ratio"))
        return command(source=TruthOptions(*own), **given)

    odds_ratio = click.option(
        "--odds-ratio",
        type=float,
        metavar="R",
        help="Instead of other truths: each dose in turn is the MTD, odds of a DLT grow by R from dose to dose.",
    )
    return options.some_truths(options.truth_source("scenario")(odds_ratio(with_source)))


def judged_truths(scenario: "Scenario", source: TruthOptions) -> "TruthSet":
    """The truths that the options name."""
    context = click.get_current_context()
    given = {
        f"--{name.replace('_', '-')}"
        for name in ("generator", "count", "seed", "odds_ratio")
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    } | ({"--truth"} if source.truths else set())
    drawn = source.generator not in ("scenario", "published")
    if "--odds-ratio" in given and len(given) > 1:
        raise click.UsageError(f"--odds-ratio: not with {', '.join(sorted(given - {'--odds-ratio'}))}")
    if source.truths and source.generator != "scenario":
        raise click.UsageError("--truth: only with --generator scenario")
    if not drawn and given & {"--count", "--seed"}:
        raise click.UsageError("--count, --seed: only with a --generator that draws truths")
    if source.odds_ratio is not None:
        from escalation.truth_sets import calibration_truths

        return calibration_truths(scenario.trial, odds_ratio=source.odds_ratio)

    from escalation.sweeps import TruthSource

    found = TruthSource(source.generator, source.truths, source.count, source.seed)  # type: ignore[arg-type]
    return found.of(scenario, scenario.trial)
