"""Sets of truths that designs are judged by: those of a scenario file, drawn ones, and published ones."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from importlib import resources
from math import inf, log
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

from escalation.defaults import SEED, TRUTHS
from escalation.errors import DesignError, EscalationError, GridError
from escalation.kernels.codes import NO_DOSE, SLACK
from escalation.names import choose
from escalation.scenario.file import Scenario
from escalation.scenario.truths.random import CITED, GENERATORS, Generator, random_truths
from escalation.scenario.truths.random_joint import random_joint_truths
from escalation.scenario.truths.truth import Truth
from escalation.trial.efficacy import Efficacy
from escalation.trial.joint import JointRates
from escalation.trial.rates import are_correct
from escalation.trial.trial import Trial

Joint = Literal["shi"]
"""Truths that are drawn with responses; see `random_joint`."""

Source = Literal["scenario", "published"] | Generator | Joint
DRAWN: tuple[Source, ...] = (*GENERATORS, "shi")
SOURCES: tuple[Source, ...] = ("scenario", "published", *DRAWN)

KEPT = 2
"""Drawn truths that a process keeps: most settings share them."""


@dataclass(frozen=True, eq=False)
class TruthSet:
    """T truths of a trial with D dose levels.

    Attributes
    ----------
    description : str
        What they are, in a few words for a page.
    names : tuple of str
        The name of each; those without one are numbered from 1.
    rates : float64[T, D]
        True DLT rates.
    correct : bool[T, D]
        The correct doses; none is correct in a row without any.
    drawn : bool
        Whether they are a random sample, so that means over them have a standard error.
    joint : JointRates or None
        DLTs and responses, where all of them have responses and it is known which dose is optimal.
    obd : int64[T] or None
        Index of the optimal dose, NO_DOSE where none is; likewise.
    """

    description: str
    names: tuple[str, ...]
    rates: NDArray[np.float64]
    correct: NDArray[np.bool_]
    drawn: bool = False
    joint: JointRates | None = None
    obd: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.rates)

    @property
    def mtd(self) -> NDArray[np.int64]:
        """Index of the correct dose, the lowest where several are; NO_DOSE where none is. int64[T]."""
        return np.where(self.correct.any(axis=1), self.correct.argmax(axis=1), NO_DOSE)

    def part(self, first: int, last: int) -> "TruthSet":
        """The truths from `first` up to but not including `last`."""
        chosen = slice(first, last)
        part = replace(self, names=self.names[chosen], rates=self.rates[chosen], correct=self.correct[chosen])
        if self.joint is None or self.obd is None:
            return part
        return replace(part, joint=self.joint.of(chosen), obd=self.obd[chosen])


def scenario_truths(scenario: Scenario, names: Iterable[str] = ()) -> TruthSet:
    """The truths of a scenario file.

    Parameters
    ----------
    scenario : Scenario
    names : iterable of str
        Of those that are wanted; all when empty.

    Raises
    ------
    EscalationError
        A name that the scenario does not have.
    """
    chosen = choose(names, (truth.name for truth in scenario.truth), "truth")
    truths = [truth for truth in scenario.truth if truth.name in chosen]
    rates = np.array([truth.dlt_rates for truth in truths], np.float64)
    correct = np.zeros(rates.shape, np.bool_)
    for row, truth in zip(correct, truths, strict=True):
        row[[dose - 1 for dose in truth.correct_doses(scenario.trial.target)]] = True
    many = f"{len(truths)} truths" if len(truths) > 1 else "one truth"
    found = TruthSet(f"{many} of the scenario", tuple(chosen), rates, correct)
    return _with_responses(found, truths, scenario.trial.efficacy)


def _with_responses(found: TruthSet, truths: list[Truth], efficacy: Efficacy | None) -> TruthSet:
    """The truths with their responses, where all have some and it is known which dose is optimal."""
    joint = [truth.joint for truth in truths if truth.joint is not None]
    if efficacy is None or len(joint) < len(truths):
        return found
    if efficacy.max_toxicity is None and any(truth.obd is None for truth in truths):
        return found
    best = [truth.optimal_dose(efficacy) for truth in truths]
    obd = np.array([NO_DOSE if dose is None else dose - 1 for dose in best], np.int64)
    return replace(found, joint=JointRates.stacked(joint), obd=obd)


def calibration_truths(trial: Trial, *, odds_ratio: float) -> TruthSet:
    """The calibration set that sample sizes and skeletons of the CRM are judged by: a logistic curve for each dose.

    In turn each dose is the MTD with the target as its rate, and the odds of a DLT grow by the same ratio from every
    dose to the next.

    Source: Cheung YK (2011) Dose Finding by the Continual Reassessment Method, CRC; dfcrm::getn calls it the logistic
    calibration set.

    Raises
    ------
    DesignError
        A ValueError: the odds ratio is not a number above 1.

    Examples
    --------
    >>> from escalation import Trial
    >>> calibration_truths(Trial(doses=[1, 2, 3], target=0.25, max_patients=18), odds_ratio=2).rates.round(3)
    array([[0.25 , 0.4  , 0.571],
           [0.143, 0.25 , 0.4  ],
           [0.077, 0.143, 0.25 ]])
    """
    if isinstance(odds_ratio, bool) or not isinstance(odds_ratio, int | float) or not 1 < odds_ratio < inf:
        raise DesignError(f"odds_ratio: {odds_ratio!r} should be a number above 1")
    dose = np.arange(trial.levels)
    rates = special.expit(special.logit(trial.target) + log(odds_ratio) * (dose - dose[:, None]))
    np.fill_diagonal(rates, trial.target)  # exactly
    many = f"{trial.levels} truths" if trial.levels > 1 else "one truth"
    return _numbered(f"{many} with an odds ratio of {odds_ratio:g}", rates, trial.target)


def drawn_truths(generator: Generator, trial: Trial, *, count: int, seed: int) -> TruthSet:
    """Random truths, of which the closest dose to the target is correct; see `random_truths`.

    Raises
    ------
    DesignError
        A ValueError: an argument is out of range.
    """
    rates = random_truths(generator, trial, count=count, seed=seed)
    truths = _numbered(f"{count:,} random truths ({CITED[generator]}; seed {seed})", rates, trial.target)
    return replace(truths, drawn=True)


def drawn_joint_truths(trial: Trial, *, count: int, seed: int) -> TruthSet:
    """Random truths with responses, of which the closest dose to the target is correct; see `random_joint_truths`.

    Raises
    ------
    DesignError
        A ValueError: an argument is out of range, or the trial does not say which doses are acceptable.
    """
    joint = random_joint_truths(trial, count=count, seed=seed)
    assert trial.efficacy is not None
    truths = _numbered(f"{count:,} random truths (Shi, Lin and Lin; seed {seed})", joint.dlt, trial.target)
    return replace(truths, drawn=True, joint=joint, obd=joint.optimal_doses(trial.efficacy))


@dataclass(frozen=True, eq=False)
class PublishedTruths:
    """Truths that papers on interval designs compare designs by."""

    target: float
    rates: NDArray[np.float64]  # [T, D]
    name: str  # in short, the paper they are from; or the collection, where it names none


@cache
def published_lists() -> tuple[PublishedTruths, ...]:
    """All published lists of truths: one for each target and number of dose levels."""
    content = json.loads(resources.files("escalation.scenario.truths").joinpath("published_truths.json").read_bytes())
    return tuple(
        PublishedTruths(part["target"], np.array(part["truths"], np.float64), part["name"]) for part in content["lists"]
    )


def published_truths(trial: Trial) -> TruthSet:
    """The published truths for a trial's target and number of dose levels: for five levels 16 for each target.

    Raises
    ------
    EscalationError
        There are none.
    """
    for part in published_lists():
        if abs(part.target - trial.target) <= SLACK and part.rates.shape[1] == trial.levels:
            return _numbered(f"{len(part.rates)} published truths ({part.name})", part.rates, trial.target)
    known: dict[int, list[str]] = {}
    for part in published_lists():
        known.setdefault(part.rates.shape[1], []).append(f"{part.target:.2f}")
    listed = "; ".join(f"{levels} doses: {', '.join(targets)}" for levels, targets in known.items())
    raise EscalationError(
        f"no truths are published for {trial.levels} dose levels and a target of {trial.target:g}; there are "
        f"targets for {listed}"
    )


def _numbered(description: str, rates: NDArray[np.float64], target: float) -> TruthSet:
    return TruthSet(description, _numbers(len(rates)), rates, are_correct(rates, target))


@dataclass(frozen=True)
class TruthSource:
    """Where the truths of a setting come from.

    Parameters
    ----------
    source : {"scenario", "published", "clertant", "paoletti", "logistic", "shi"}
        Those of the scenario, the published ones for the trial's target and dose levels, or drawn ones; "shi" has
        responses.
    names : tuple of str
        Of "scenario": those that are wanted; all when empty.
    count, seed : int
        Of drawn truths.
    """

    source: Source = "scenario"
    names: tuple[str, ...] = ()
    count: int = TRUTHS
    seed: int = SEED

    def of(self, scenario: Scenario, trial: Trial) -> TruthSet:
        """The truths for a trial, which is the scenario's with some options changed.

        Raises
        ------
        EscalationError
            There are none: an unknown name, other dose levels than the scenario's truths have, or nothing published.
        DesignError
            A ValueError: `count` or `seed` is out of range.
        """
        if self.source != "scenario":
            return self.made(trial)
        if trial.levels != scenario.trial.levels:
            raise GridError(
                f"grid: trial.doses: {trial.levels} dose levels, but the scenario's truths have "
                f"{scenario.trial.levels}; drawn truths fit any trial"
            )
        return scenario_truths(scenario.model_copy(update={"trial": trial}), self.names)

    def made(self, trial: Trial) -> TruthSet:
        """The truths for a trial where they are drawn or published."""
        return _made(self, trial.levels, trial.target, trial.efficacy if self.source == "shi" else None)

    def has_responses(self, scenario: Scenario, trial: Trial) -> bool:
        """Whether the truths for a trial have responses, and it is known which dose is optimal."""
        if self.source != "scenario":
            return self.source == "shi"
        return self.of(scenario, trial).joint is not None

    def names_for(self, scenario: Scenario, trial: Trial) -> tuple[str, ...]:
        """The names of the truths for a trial; drawn ones, which are numbered, are not drawn for that."""
        if self.source in ("scenario", "published"):
            return self.of(scenario, trial).names
        return _numbers(self.count)


@lru_cache(maxsize=1)
def _numbers(count: int) -> tuple[str, ...]:
    return tuple(str(number) for number in range(1, count + 1))


@lru_cache(maxsize=KEPT)
def _made(truths: TruthSource, levels: int, target: float, efficacy: Efficacy | None) -> TruthSet:
    """Truths depend on the number of doses, the target and what is acceptable, not on the rest of a trial."""
    trial = Trial(doses=range(1, levels + 1), target=target, max_patients=1, cohort_size=1, efficacy=efficacy)
    if truths.source == "published":
        return published_truths(trial)
    assert truths.source != "scenario"
    if truths.source == "shi":
        return drawn_joint_truths(trial, count=truths.count, seed=truths.seed)
    return drawn_truths(truths.source, trial, count=truths.count, seed=truths.seed)
