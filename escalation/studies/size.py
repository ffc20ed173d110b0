"""The search for how many patients a trial needs: the smallest maximum with a probability of correct selection.

That is of the recommended dose, or of the optimal one where the design chooses it.

Every size of whole cohorts is enumerated and evaluated exactly under every truth. PCS is not monotone in the size: a
cohort more can move the last decision, or the counts at which doses are closed. So a size that is large enough need not
stay so, and the search says from which size on all larger ones looked at are.

For the CRM there is a formula to compare with: Cheung YK (2013) Clin Trials 10:852-861; see `size_formula`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from itertools import takewhile
from typing import Unpack

from escalation.characteristics.benchmark import optimal_pcs
from escalation.defaults import MOST_PATIENTS
from escalation.designs import CRM, Design
from escalation.errors import DesignError, EscalationError
from escalation.kernels.codes import SLACK
from escalation.names import choose
from escalation.scenario.file import Scenario
from escalation.scenario.grid import grid
from escalation.scenario.truths.sets import TruthSet, calibration_truths, scenario_truths
from escalation.studies.evaluate import (
    IN_WORDS,
    OF_OBD,
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
from escalation.studies.size_formula import crm_sample_size
from escalation.studies.size_plateau import Plateau, plateaus
from escalation.studies.work.options import Work
from escalation.trial import cohorts
from escalation.trial.boundaries import looks
from escalation.trial.trial import Trial


@dataclass(frozen=True)
class SizeCurve:
    """A design at every size."""

    design: str  # its label
    assessments: dict[int, Assessment]  # by maximum number of patients, the smallest first
    left_out: dict[int, str]  # sizes at which the design is not possible, or the exact engine refuses, and why
    smallest: int | None  # the first size that is large enough
    lasting: int | None  # the first from which on all larger ones looked at are
    formula: int | None  # Cheung's number of patients, for a CRM
    no_formula: str | None  # why the formula has no answer, where it was asked
    plateau: Plateau | None = None  # where more patients do not raise the PCS, and what holds it there


@dataclass(frozen=True)
class SizeSearch:
    """Designs at every size, on a set of truths.

    Attributes
    ----------
    scenario : Scenario
    truths : TruthSet
    objective : {"mean-pcs", "worst-pcs", "mean-pcs-obd", "worst-pcs-obd"}
    pcs : float
        Wanted of it.
    limits : tuple of Limit
    odds_ratio : float or None
        Of the formula.
    sizes : tuple of int
        That were looked at.
    curves : tuple of SizeCurve
        In the order of the scenario.
    benchmark : dict of int to float
        The same PCS of the optimal benchmark; empty when no dose is correct in a truth, of which it has none, and of
        optimal doses, of which it knows nothing.
    """

    scenario: Scenario
    truths: TruthSet
    objective: Objective
    pcs: float
    limits: tuple[Limit, ...]
    odds_ratio: float | None
    sizes: tuple[int, ...]
    curves: tuple[SizeCurve, ...]
    benchmark: dict[int, float]

    @property
    def what(self) -> str:
        """What is wanted, in the middle of a sentence."""
        return "P(correct OBD)" if self.objective in OF_OBD else "the PCS"

    @property
    def known(self) -> list[SizeCurve]:
        """The designs of which anything is known: with a size that is possible, and not refused."""
        return [curve for curve in self.curves if curve.assessments]

    @property
    def left_out(self) -> dict[str, str]:
        """Labels of the others, each with the first reason."""
        return {curve.design: next(iter(curve.left_out.values())) for curve in self.curves if not curve.assessments}

    def enough(self, assessment: Assessment) -> bool:
        """Whether a design has the PCS that is wanted, within the limits."""
        return _enough(assessment, self.objective, self.pcs, self.limits)

    @property
    def unmet(self) -> str | None:
        """That no design is good enough at any size, and the best found; None when one is."""
        if any(curve.smallest is not None for curve in self.curves):
            return None
        every = [
            (curve.design, size, one)
            for curve in self.curves
            for size, one in curve.assessments.items()
        ]  # fmt: skip
        within = [each for each in every if all(limit.met(each[2]) for limit in self.limits)]
        among = f" with {' and '.join(limit.words for limit in self.limits)}" if self.limits else ""
        sizes = f"{self.sizes[0]} to {self.sizes[-1]}"
        wanted = f"no size from {sizes} has a {IN_WORDS[self.objective]} of {100 * self.pcs:g} %{among}"
        if not within:
            design, size, one = min(every, key=lambda each: max(limit.excess(each[2]) for limit in self.limits))
            nearest = "; ".join(f"{100 * getattr(one, limit.quantity):.4g} %" for limit in self.limits)
            return f"{wanted}: the nearest has {nearest}, '{design}' with {size}"
        design, size, one = max(within, key=lambda each: each[2].objective(self.objective))
        return f"{wanted}: the best is {100 * one.objective(self.objective):.4g} %, '{design}' with {size}"


def find_size(
    scenario: Scenario,
    *,
    pcs: float,
    designs: Iterable[str] = (),
    truths: TruthSet | None = None,
    objective: Objective = "mean-pcs",
    overdosing: float | None = None,
    odds_ratio: float | None = None,
    sizes: Iterable[int] | None = None,
    **work: Unpack[Work],
) -> SizeSearch:
    """Look for the smallest maximum sample size with a probability of correct selection.

    Parameters
    ----------
    scenario : Scenario
    pcs : float
        Wanted of the objective, strictly between 0 and 1.
    designs : iterable of str
        Labels; all when empty.
    truths : TruthSet, optional
        By default the calibration set with the odds ratio, if there is one, else the truths of the scenario.
    objective : {"mean-pcs", "worst-pcs", "mean-pcs-obd", "worst-pcs-obd"}
        Which PCS over the truths, or probability of choosing the optimal dose.
    overdosing : float, optional
        The most of it, as in an `Assessment`.
    odds_ratio : float, optional
        Between the true DLT rates of neighbouring doses, for Cheung's formula beside a CRM.
    sizes : iterable of int, optional
        Patients in dose escalation. By default `whole_cohorts` of the trial.
    max_states, max_seconds, max_memory, progress, executor : optional
        As for every study; see `studies.work.options.Work`. A step is a design of a size.

    Raises
    ------
    EscalationError
        An argument is outside its domain, or no size is possible. That no size is large enough is no error, but
        `unmet`.

    Examples
    --------
    >>> from escalation.scenario.file import parse_scenario
    >>> scenario = parse_scenario({
    ...     "name": "example", "trial": {"doses": [1, 2, 3], "target": 0.25, "max_patients": 18},
    ...     "design": [{"kind": "boin"}], "truth": [{"name": "t", "dlt_rates": [0.1, 0.25, 0.4]}]})
    >>> curve, = find_size(scenario, pcs=0.5, sizes=range(6, 25, 3)).curves
    >>> curve.smallest, curve.lasting, [round(one.mean_pcs, 3) for one in curve.assessments.values()]
    (6, 12, [0.615, 0.407, 0.521, 0.549, 0.577, 0.578, 0.616])
    """
    if isinstance(pcs, bool) or not isinstance(pcs, int | float) or not 0 < pcs < 1:
        raise EscalationError(f"pcs: {pcs!r} should be a number strictly between 0 and 1")
    trial = scenario.trial
    chosen = choose(designs, scenario.designs, "design")
    if truths is None:
        truths = scenario_truths(scenario) if odds_ratio is None else calibration_truths(trial, odds_ratio=odds_ratio)
    check_objective(objective, truths, [scenario.designs[label] for label in chosen])
    limits = limits_of([] if overdosing is None else [("overdosing", overdosing)], truths, scenario.trial)
    looked_at = tuple(whole_cohorts(trial) if sizes is None else sorted(set(sizes)))
    if not looked_at:
        raise EscalationError("sizes: none")
    settings = grid(scenario, {"trial.max_patients": looked_at}, designs=chosen)
    asked_for = partial(assess, chosen=objective in OF_OBD)
    found = iter(evaluate(asked_for, possible(settings, truths), (len(settings), "designs x sizes"), **work))
    asked = odds_ratio if objective == "mean-pcs" else None  # of the formula, which is for that
    curves = []
    for label in chosen:
        assessments, left_out = divided({size: next(found) for size in looked_at})
        enough = [size for size, one in assessments.items() if _enough(one, objective, pcs, limits)]
        lasting = list(takewhile(enough.__contains__, reversed(assessments)))
        formula = _formula(scenario.designs[label], trial, pcs, asked)
        curves.append(
            SizeCurve(label, assessments, left_out, min(enough, default=None), min(lasting, default=None), *formula)
        )
    if not any(curve.assessments for curve in curves):
        first = curves[0]
        size, reason = next(iter(first.left_out.items()))
        raise EscalationError(f"no size is possible; '{first.design}' with {size} patients: {reason}")
    asked_of = {curve.design: (scenario.designs[curve.design], trial, curve.assessments) for curve in curves}
    held = plateaus(asked_of, truths, objective, **work)
    curves = [replace(curve, plateau=held.get(curve.design)) for curve in curves]
    benchmark = _benchmark(trial, truths, objective, looked_at)
    return SizeSearch(scenario, truths, objective, pcs, limits, odds_ratio, looked_at, tuple(curves), benchmark)


def whole_cohorts(trial: Trial, *, smallest: int | None = None, largest: int | None = None) -> list[int]:
    """Numbers of patients in whole cohorts, and the trial's own where that lies between.

    By default from a cohort for each dose level to twice the patients of the trial.
    """
    cohort = cohorts.largest(trial.cohort_size)
    first = trial.levels * cohort if smallest is None else smallest
    last = min(max(2 * trial.max_patients, first), MOST_PATIENTS) if largest is None else largest
    if last > MOST_PATIENTS:
        raise EscalationError(f"{last} patients: a trial has at most {MOST_PATIENTS}")
    after = looks(cohort if trial.planned_cohorts is None else trial.planned_cohorts, last + cohort)
    sizes = {patients for patients in after if max(first, 1) <= patients <= last}
    if first <= trial.max_patients <= last:
        sizes.add(trial.max_patients)
    if not sizes:
        raise EscalationError(f"there is no number of whole {trial.cohorts_in_words} from {first} to {last} patients")
    return sorted(sizes)


def _enough(assessment: Assessment, objective: Objective, pcs: float, limits: tuple[Limit, ...]) -> bool:
    return assessment.objective(objective) >= pcs - SLACK and all(limit.met(assessment) for limit in limits)


def _benchmark(trial: Trial, truths: TruthSet, objective: Objective, sizes: tuple[int, ...]) -> dict[int, float]:
    if objective in OF_OBD or not truths.correct.any(axis=1).all():
        return {}
    found = {}
    for size in sizes:
        pcs = optimal_pcs(truths.rates, truths.correct, trial.model_copy(update={"max_patients": size}))
        found[size] = float(pcs.mean() if objective == "mean-pcs" else pcs.min())
    return found


def _formula(design: Design, trial: Trial, pcs: float, odds_ratio: float | None) -> tuple[int | None, str | None]:
    """Cheung's number of patients for a CRM's mean PCS, or why there is none; neither where it is not asked."""
    if not isinstance(design, CRM) or odds_ratio is None:
        return None, None
    try:
        return crm_sample_size(pcs=pcs, target=trial.target, doses=trial.levels, odds_ratio=odds_ratio), None
    except DesignError as error:
        return None, str(error)
