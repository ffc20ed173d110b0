"""The least favourable truths for the designs of a scenario, whatever dose is the MTD; see `least_favourable`."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Unpack

from escalation.defaults import DELTA, SEED
from escalation.designs import Design
from escalation.engines.allowance import Allowance
from escalation.names import choose
from escalation.scenario.file import Scenario
from escalation.studies.evaluate import evaluate_designs
from escalation.studies.least_favourable import Quantity, WorstTruth, check_delta, worst_truth
from escalation.studies.work.options import Work
from escalation.studies.work.pieces import EVALUATION, endings_of
from escalation.trial.trial import Trial

EVALUATIONS = 1200
"""Truths that a search looks at, about."""


@dataclass(frozen=True)
class WorstCases:
    """The least favourable truths for the designs of a scenario.

    Attributes
    ----------
    scenario : Scenario
    delta : float
        Distance of the neighbours' rates from the target.
    seed : int
        Of the random truths from which searches start.
    found : dict of str to tuple of WorstTruth
        By the designs' labels; quantity by quantity, and the MTD from the lowest dose to the highest. With the MTD at
        the highest dose no dose is above it: it has no truth of most overdosing.
    refusals : dict of str to str
        Designs for which the exact engine refused, and why.
    """

    scenario: Scenario
    delta: float
    seed: int
    found: dict[str, tuple[WorstTruth, ...]]
    refusals: dict[str, str]


def worst_cases(
    scenario: Scenario,
    *,
    designs: Iterable[str] = (),
    delta: float = DELTA,
    seed: int = SEED,
    **work: Unpack[Work],
) -> WorstCases:
    """Find the least favourable truths for the designs of a scenario.

    Parameters
    ----------
    scenario : Scenario
    designs : iterable of str
        Labels of those to look at; all when empty.
    delta : float
        The doses next to the MTD have rates at least so far from the target. Above 0; at most the target where there is
        a dose below the MTD, and at most 1 - target.
    seed : int
        Of the random truths from which searches start.
    max_states, max_seconds, max_memory, progress, executor : optional
        As for every study; see `studies.work.options.Work`. A step is a search: of a design, a quantity and an MTD.

    Raises
    ------
    EscalationError
        An unknown label, a `delta` out of range, or no design that the exact engine does not refuse.

    Examples
    --------
    >>> from escalation import BOIN, Scenario, Trial, Truth
    >>> trial = Trial(doses=[50, 150, 300, 600], target=0.25, max_patients=36)
    >>> truth = Truth(name="MTD at 300", dlt_rates=[0.05, 0.12, 0.25, 0.40])
    >>> scenario = Scenario(name="example", trial=trial, design=[BOIN()], truth=[truth])
    >>> for one in worst_cases(scenario).found["boin"][:4]:
    ...     print(one.mtd, one.rates, round(one.value, 3))
    1 (0.25, 0.35, 0.35, 0.35) 0.612
    2 (0.15, 0.25, 0.35, 0.35) 0.489
    3 (0.15, 0.15, 0.25, 0.35) 0.433
    4 (0.15, 0.15, 0.15, 0.25) 0.489
    """
    trial = scenario.trial
    chosen = {label: scenario.designs[label] for label in choose(designs, scenario.designs, "design")}
    check_delta(delta, trial)
    asked = [(trial, quantity, mtd) for quantity, mtd in questions(trial)]
    evaluation = EVALUATIONS * len(asked) * EVALUATION
    search = partial(_worst_truth, delta, seed)
    found, refusals = evaluate_designs(search, chosen, asked, "searches", evaluation, **work)
    return WorstCases(scenario, delta, seed, {label: tuple(worst) for label, worst in found.items()}, refusals)


def questions(trial: Trial) -> list[tuple[Quantity, int]]:
    """What is searched for each design: quantities and the dose level of the MTD."""
    every = range(1, trial.levels + 1)
    return [("pcs", mtd) for mtd in every] + [("overdosing", mtd) for mtd in every[:-1]]


def _worst_truth(
    delta: float, seed: int, design: Design, trial: Trial, quantity: Quantity, mtd: int, *, allowance: Allowance
) -> WorstTruth:
    return worst_truth(endings_of(design, trial, allowance), quantity, mtd, delta=delta, seed=seed)
