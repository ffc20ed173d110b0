"""Options that say under which truths designs are judged."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from escalation.cli import options
from escalation.defaults import SEED

if TYPE_CHECKING:
    from escalation.scenario import Scenario
    from escalation.truth_sets import TruthSet

COUNT = 1000
"""Truths that are drawn unless the user says how many: enough to tell settings apart, which share them."""

SOURCES = ("clertant", "paoletti", "logistic", "published")


@dataclass(frozen=True)
class TruthOptions:
    """What the options of `truth_source` were given."""

    truths: tuple[str, ...]
    generator: str | None
    count: int | None
    seed: int | None
    odds_ratio: float | None


def truth_source(command: Callable[..., Any]) -> Callable[..., Any]:
    """Truths of the file, drawn ones, published ones, or a calibration set; the command gets `source`."""

    @wraps(command)
    def with_source(**given: Any) -> Any:
        own = {name: given.pop(name) for name in ("truths", "generator", "count", "seed", "odds_ratio")}
        return command(source=TruthOptions(**own), **given)

    for option in (
        click.option(
            "--odds-ratio",
            type=float,
            metavar="R",
            help="Instead of the file's truths: each dose in turn the MTD, the odds of a DLT growing by R from dose to "
            "dose.",
        ),
        click.option("--seed", type=click.IntRange(min=0), help=f"Of drawn truths: their seed.  [default: {SEED}]"),
        click.option("--count", type=click.IntRange(min=1), help=f"Of drawn truths: how many.  [default: {COUNT}]"),
        click.option(
            "--generator",
            type=click.Choice(SOURCES),
            help="Instead of the file's truths: random ones, or published ones for the target and number of doses.",
        ),
        options.some_truths,
    ):
        with_source = option(with_source)
    return with_source


def judged_truths(scenario: "Scenario", source: TruthOptions) -> "TruthSet":
    """The truths that the options name."""
    from escalation.truth_sets import calibration_truths, drawn_truths, published_truths, scenario_truths

    truths, generator = source.truths, source.generator
    given = {
        "--truth": bool(truths),
        "--generator": generator is not None,
        "--odds-ratio": source.odds_ratio is not None,
    }
    named = [option for option, there in given.items() if there]
    if len(named) > 1:
        raise click.UsageError(f"give one of {' and '.join(named)}, not both")
    if generator in (None, "published"):
        for option, value in (("--count", source.count), ("--seed", source.seed)):
            if value is not None:
                raise click.UsageError(f"{option}: only with a --generator that draws truths")
    if source.odds_ratio is not None:
        return calibration_truths(scenario.trial, odds_ratio=source.odds_ratio)
    if generator is None:
        return scenario_truths(scenario, truths)
    if generator == "published":
        return published_truths(scenario.trial)
    return drawn_truths(
        generator,  # type: ignore[arg-type]
        scenario.trial,
        count=COUNT if source.count is None else source.count,
        seed=SEED if source.seed is None else source.seed,
    )
