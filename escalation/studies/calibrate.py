"""Calibration: the settings of a design that are best on a set of truths, within limits.

Every setting of a grid is enumerated and evaluated exactly under every truth, so that settings are compared without
simulation error.

Source: Lee SM, Cheung YK (2009) Clin Trials 6:227-238 for the half width of the CRM, of which the other grids are
analogues.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain
from typing import Any, NamedTuple, TypeVar, Unpack

from escalation.errors import EscalationError, GridError
from escalation.kernels.codes import SLACK
from escalation.names import choose
from escalation.scenario.file import Scenario
from escalation.scenario.grid import Grid, Value, changed, grid, in_toml
from escalation.scenario.truths.sets import TruthSet, scenario_truths
from escalation.studies.evaluate import (
    OF_OBD,
    TOO_MANY,
    Assessment,
    Limit,
    Objective,
    assess,
    check_objective,
    divided,
    evaluate,
    limits_of,
    possible,
)
from escalation.studies.work.options import Work
from escalation.studies.work.refusal import Refused

V = TypeVar("V")


class Candidate(NamedTuple):
    """A setting of the design."""

    number: int  # from 1, in the order of the grid
    values: dict[str, Value]  # by option of the design; None for an option that is left out
    assessment: Assessment


@dataclass(frozen=True)
class Calibration:
    """A design's settings on a set of truths.

    Attributes
    ----------
    scenario : Scenario
    design : str
        Label of the design.
    truths : TruthSet
    objective : {"mean-pcs", "worst-pcs", "mean-pcs-obd", "worst-pcs-obd"}
    limits : tuple of Limit
    candidates : tuple of Candidate
        In the order of the grid.
    left_out : tuple of (dict of str to value, str)
        Settings of the grid that are not possible, or for which the exact engine refuses, each with the reason.
    own : Assessment or None
        Of the design as the scenario has it; None when the exact engine refuses.
    """

    scenario: Scenario
    design: str
    truths: TruthSet
    objective: Objective
    limits: tuple[Limit, ...]
    candidates: tuple[Candidate, ...]
    left_out: tuple[tuple[dict[str, Value], str], ...]
    own: Assessment | None

    @property
    def cost(self) -> str:
        """What the objective is weighed against: overdosing, or false stopping of a single dose."""
        return "overdosing" if self.scenario.trial.levels > 1 else "false_stopping"

    @property
    def options(self) -> list[str]:
        """The options that differ between settings, or all when there is one setting."""
        every = list(self.candidates[0].values)
        varied = [
            name
            for name in every
            if len({in_toml(candidate.values[name]) for candidate in self.candidates}) > 1
        ]  # fmt: skip
        return varied or every

    def gain_of(self, assessment: Assessment) -> float:
        """The objective."""
        return assessment.objective(self.objective)

    def cost_of(self, assessment: Assessment) -> float:
        """What it is weighed against; 0 when the truths cannot say."""
        return getattr(assessment, self.cost) or 0.0

    def admissible(self, candidate: Candidate) -> bool:
        """Whether a setting is within all limits."""
        return all(limit.met(candidate.assessment) for limit in self.limits)

    @cached_property
    def chosen(self) -> Candidate | None:
        """The largest objective within the limits; of equals the least cost, then the first. None when none is."""
        within = [candidate for candidate in self.candidates if self.admissible(candidate)]
        if not within:
            return None
        most = max(self.gain_of(one.assessment) for one in within) - SLACK
        within = [one for one in within if self.gain_of(one.assessment) >= most]
        least = min(self.cost_of(one.assessment) for one in within) + SLACK
        return next(one for one in within if self.cost_of(one.assessment) <= least)

    @cached_property
    def front(self) -> tuple[Candidate, ...]:
        """Settings than which no other has a larger objective at no more cost, the cheapest first; of equals one."""
        found: list[Candidate] = []
        ordered = sorted(
            self.candidates, key=lambda one: (self.cost_of(one.assessment), -self.gain_of(one.assessment), one.number)
        )
        for one in ordered:
            if not found or self.gain_of(one.assessment) > self.gain_of(found[-1].assessment) + SLACK:
                found.append(one)
        return tuple(found)

    @property
    def unmet(self) -> str | None:
        """Which limit no setting meets, and which comes nearest; None when a setting is within all limits."""
        within = list(self.candidates)
        before: list[str] = []
        for limit in self.limits:
            left = [one for one in within if limit.met(one.assessment)]
            if not left:
                nearest = min(within, key=lambda one: limit.excess(one.assessment))
                value = getattr(nearest.assessment, limit.quantity)
                among = f" of those with {' and '.join(before)}" if before else ""
                shown = limit.shown(value, ".4g")
                return f"no setting{among} has {limit.words}: the nearest has {shown}, {setting_words(nearest.values)}"
            within, before = left, [*before, limit.words]
        return None

    def chosen_scenario(self) -> Scenario:
        """The scenario with the chosen setting.

        Raises
        ------
        EscalationError
            No setting is within the limits.
        """
        if self.chosen is None:
            raise EscalationError(self.unmet or "")
        return changed(self.scenario, qualified(self.design, self.chosen.values))


def calibrate(
    scenario: Scenario,
    *,
    design: str,
    values: Mapping[str, Sequence[Value]] | None = None,
    truths: TruthSet | None = None,
    objective: Objective = "mean-pcs",
    limits: Mapping[str, float] | None = None,
    **work: Unpack[Work],
) -> Calibration:
    """Assess a design at every setting of a grid.

    Parameters
    ----------
    scenario : Scenario
    design : str
        Label of the design.
    values : dict of str to sequence of values, optional
        Values by option of the design, in TOML's types; None stands for leaving an option out. By default those that
        the design itself says are usually tuned.
    truths : TruthSet, optional
        By default those of the scenario.
    objective : {"mean-pcs", "worst-pcs", "mean-pcs-obd", "worst-pcs-obd"}
        What is to be large: the probability of recommending a correct dose, or of choosing the optimal one.
    limits : dict of str to float, optional
        On the numbers of an `Assessment`: at most so much "overdosing", "false_stopping", "patients" and "duration",
        which is in days, and at least so much "power".
    max_states, max_seconds, max_memory, progress, executor : optional
        As for every study; see `studies.work.options.Work`. A step is a setting, or the design as it is.

    Raises
    ------
    EscalationError
        An unknown name, a design without a grid of its own, limits of which the truths cannot say whether they are met,
        a limit of the duration where it is not exact, or no setting that is possible. That no setting is within the
        limits is no error, but `unmet`.

    Examples
    --------
    >>> from escalation.scenario.file import parse_scenario
    >>> scenario = parse_scenario({
    ...     "name": "example", "trial": {"doses": [1, 2, 3], "target": 0.25, "max_patients": 18},
    ...     "design": [{"kind": "boin"}], "truth": [{"name": "t", "dlt_rates": [0.1, 0.25, 0.4]}]})
    >>> found = calibrate(scenario, design="boin", values={"p_saf": [0.1, 0.15, 0.2]}, limits={"overdosing": 0.2})
    >>> found.chosen.values, round(found.chosen.assessment.mean_pcs, 4), round(found.own.mean_pcs, 4)
    ({'p_saf': 0.1}, 0.6043, 0.5773)
    """
    settings = settings_to_try(scenario, design, values)
    judged = scenario_truths(scenario) if truths is None else truths
    check_objective(objective, judged, [scenario.designs[design]])
    bounds = limits_of((limits or {}).items(), judged, scenario.trial)
    own_setting = scenario.designs[design], scenario.trial, judged
    questions = chain([own_setting], possible(settings, judged))
    asked = partial(assess, timed=scenario.trial.time is not None, chosen=objective in OF_OBD)
    own, *answers = evaluate(asked, questions, (len(settings) + 1, "settings"), **work)
    if any(bound.quantity == "duration" for bound in bounds):
        inexact = None if scenario.trial.efficacy is None else scenario.trial.efficacy.inexact_days
        answers = [_with_duration(answer, inexact or TOO_MANY) for answer in answers]
    tried = [of_design(design, settings.values_of(number)) for number in range(len(settings))]
    assessments, reasons = divided(dict(enumerate(answers)))
    if not assessments:
        raise EscalationError(f"no setting of the grid is possible; {setting_words(tried[0])}: {reasons[0]}")
    return Calibration(
        scenario,
        design,
        judged,
        objective,
        bounds,
        tuple(Candidate(number + 1, tried[number], one) for number, one in assessments.items()),
        tuple((tried[number], reason) for number, reason in reasons.items()),
        None if isinstance(own, Refused) else own,
    )


def _with_duration(answer: Assessment | Refused, why: str) -> Assessment | Refused:
    """What a limit of the duration can be held to; refused for a reason where it is not known."""
    return Refused(why) if isinstance(answer, Assessment) and answer.duration is None else answer


def settings_to_try(scenario: Scenario, design: str, values: Mapping[str, Sequence[Value]] | None = None) -> Grid:
    """The grid of a calibration, of values by option of the design; by default those that it says are usually tuned."""
    choose([design], scenario.designs, "design")
    chosen = scenario.designs[design]
    wanted: Mapping[str, Sequence[Any]] = chosen.tuning(scenario.trial) if values is None else values
    if not wanted:
        doses = "" if scenario.trial.levels > 1 else " for a single dose"
        raise GridError(
            f"grid: needed: '{chosen.kind}' has no options that are usually tuned{doses}; such as OPTION=VALUE,VALUE, "
            "of the options that `escalation designs` lists"
        )
    return grid(scenario, qualified(design, wanted), designs=[design])


def qualified(design: str, values: Mapping[str, V]) -> dict[str, V]:
    """Values by option of a design, by the keys of `grid`."""
    return {f"{design}.{option}": value for option, value in values.items()}


def of_design(design: str, values: Mapping[str, V]) -> dict[str, V]:
    """Values by the keys of `grid`, by option of their design."""
    return {key.removeprefix(f"{design}."): value for key, value in values.items()}


def setting_words(values: Mapping[str, Value]) -> str:
    """A setting for a message."""
    return ", ".join(f"{option} = {in_toml(value)}" for option, value in values.items() if value is not None)
