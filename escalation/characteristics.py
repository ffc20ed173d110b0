"""Operating characteristics of outcomes, exact or simulated alike.

Every number is a mean over trials, a ratio of two, or a function of the distribution of a count. Where a simulated
number has a Monte Carlo standard error it comes from its influence function: the mean square of a trial's pull on the
number, divided by the number of trials.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from escalation.errors import DesignError
from escalation.kernels.codes import (
    NO_DOSE,
    REASON_NAMES,
    SLACK,
)
from escalation.outcomes import Outcomes
from escalation.quantities import clopper_pearson, correct_doses, expectation, trial_quantities

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class CountSummary:
    """Distribution of a count over trials.

    Attributes
    ----------
    mean, sd : float
    q05, q50, q95 : int
        Quantiles: the smallest value whose cumulative probability is at least 5, 50, 95 %.
    distribution : tuple of (value, probability)
    """

    mean: float
    sd: float
    q05: int
    q50: int
    q95: int
    distribution: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class DLTRate:
    """The DLT rate per trial, in its two meanings.

    Attributes
    ----------
    mean_of_rates : float
        E[Y / N]: mean over trials of the trial's share of patients with a DLT.
    rate_of_means : float
        E[Y] / E[N]: share of all patients over many trials.
    """

    mean_of_rates: float
    rate_of_means: float


@dataclass(frozen=True)
class EstimateQuality:
    """The observed DLT rate y/n at the recommended dose, given that a dose with patients is recommended.

    Attributes
    ----------
    bias, rmse : float
        Mean and root mean square of y/n minus the true rate.
    coverage : float
        Probability that the 95 % Clopper-Pearson interval holds the true rate.
    """

    bias: float
    rmse: float
    coverage: float


@dataclass(frozen=True)
class ExpansionQuality:
    """What an expansion cohort does to the RP2D.

    Attributes
    ----------
    declared : tuple of float
        Probability that dose escalation declares each dose the RP2D.
    none_declared : float
        Probability that it declares none.
    survival : float or None
        Probability that an RP2D, once declared, is still recommended at the end; None when none ever is.
    """

    declared: tuple[float, ...]
    none_declared: float
    survival: float | None


@dataclass(frozen=True)
class FurtherCourse:
    """What is still to come in a running trial.

    Attributes
    ----------
    patients, dlts : CountSummary
        Further patients, and DLTs among them.
    """

    patients: CountSummary
    dlts: CountSummary


@dataclass(frozen=True)
class OperatingCharacteristics:
    """How a design performs under one truth.

    Attributes
    ----------
    selection : tuple of float
        Probability that each dose is recommended.
    no_selection : float
        Probability that none is.
    pcs : float
        Probability of correct selection: of a correct dose, or of none when no dose is correct.
    patients, dlts : tuple of float
        Mean number at each dose.
    sample_size, total_dlts : CountSummary
    dlt_rate : DLTRate
    above_mtd : float
        E[patients at doses whose true rate exceeds the target] / E[patients].
    patients_above_mtd : CountSummary
        Number of patients at such doses.
    overdosing_60, overdosing_80 : float
        Probability that more than 60 %, 80 % of a trial's patients were at such doses.
    poor_allocation : float or None
        Probability that fewer than max_patients / doses patients were at a correct dose; None when none is correct.
    early_stop : float
        Probability that the trial stopped for toxicity, with enough patients at a dose, by a rule in `stop_when`, or
        within the expansion.
    stop_reasons : dict
        Probability of each reason.
    estimate : EstimateQuality or None
        None when no dose with patients is ever recommended.
    expansion : ExpansionQuality or None
        None in a trial without an expansion.
    further : FurtherCourse or None
        None but for outcomes that begin with the data of a running trial. All other numbers include these data.
    mcse : dict or None
        For outcomes of at least two simulated trials: the Monte Carlo standard errors, under the same names, where
        one exists.
    """

    selection: tuple[float, ...]
    no_selection: float
    pcs: float
    patients: tuple[float, ...]
    dlts: tuple[float, ...]
    sample_size: CountSummary
    total_dlts: CountSummary
    dlt_rate: DLTRate
    above_mtd: float
    patients_above_mtd: CountSummary
    overdosing_60: float
    overdosing_80: float
    poor_allocation: float | None
    early_stop: float
    stop_reasons: dict[str, float]
    estimate: EstimateQuality | None
    expansion: ExpansionQuality | None = None
    further: FurtherCourse | None = None
    mcse: dict[str, Any] | None = field(default=None, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """As nested dictionaries and lists of plain numbers, without the standard errors."""
        tree = asdict(self)
        del tree["mcse"]
        return tree


def operating_characteristics(outcomes: Outcomes, correct: Sequence[int] | None = None) -> OperatingCharacteristics:
    """Operating characteristics of outcomes, whichever engine made them.

    Parameters
    ----------
    outcomes : Outcomes
    correct : sequence of int, optional
        The correct doses, 1-based; empty for none. By default those whose true rate is closest to the target, none when
        even the lowest rate exceeds it by more than 0.10.

    Returns
    -------
    OperatingCharacteristics

    Raises
    ------
    DesignError
        A ValueError: `correct` names a dose level that the trial does not have.
    """
    if correct is None:
        correct = correct_doses(outcomes.rates, outcomes.trial.target)
    if isinstance(correct, str | int) or not all(
        isinstance(dose, int) and 1 <= dose <= outcomes.trial.levels for dose in correct
    ):
        raise DesignError(f"correct: {correct!r} should be a list of dose levels from 1 to {outcomes.trial.levels}")
    quantities = trial_quantities(outcomes, correct)
    size, total_dlts = quantities["sample_size"], quantities["total_dlts"]
    means = {name: _ratio(outcomes, values) for name, values in quantities.items()}

    def per_dose(name: str) -> tuple[_Number, ...]:
        return tuple(means[f"{name}.{dose + 1}"] for dose in range(outcomes.trial.levels))

    numbers = {
        "selection": per_dose("selection"),
        "no_selection": means["no_selection"],
        "pcs": means["pcs"],
        "patients": per_dose("patients"),
        "dlts": per_dose("dlts"),
        "sample_size": _count_summary(outcomes, size),
        "total_dlts": _count_summary(outcomes, total_dlts),
        "dlt_rate": {
            "mean_of_rates": means["mean_of_rates"],
            "rate_of_means": _ratio(outcomes, total_dlts, size),
        },
        "above_mtd": _ratio(outcomes, quantities["above_target"], size),
        "patients_above_mtd": _count_summary(outcomes, quantities["above_target"]),
        "overdosing_60": means["overdosing_60"],
        "overdosing_80": means["overdosing_80"],
        "poor_allocation": means.get("poor_allocation"),
        "early_stop": means["early_stop"],
        "stop_reasons": {name: means[f"stop_reasons.{name}"] for name in REASON_NAMES.values()},
        "estimate": _estimate_quality(outcomes),
        "expansion": None,
        "further": None,
    }
    if outcomes.declared is not None:
        survives, declared = ~quantities["no_selection"], ~quantities["none_declared"]
        ever = expectation(outcomes, declared) > 0
        numbers["expansion"] = {
            "declared": per_dose("declared"),
            "none_declared": means["none_declared"],
            "survival": _ratio(outcomes, survives, declared) if ever else None,
        }
    if outcomes.after is not None:
        seen = outcomes.after
        numbers["further"] = {
            "patients": _count_summary(outcomes, size - seen.treated),
            "dlts": _count_summary(outcomes, total_dlts - sum(seen.dlts)),
        }
    values, errors = _values(numbers), _errors(numbers)
    further = values["further"]
    return OperatingCharacteristics(
        **values
        | {
            "sample_size": CountSummary(**values["sample_size"]),
            "total_dlts": CountSummary(**values["total_dlts"]),
            "dlt_rate": DLTRate(**values["dlt_rate"]),
            "patients_above_mtd": CountSummary(**values["patients_above_mtd"]),
            "estimate": None if values["estimate"] is None else EstimateQuality(**values["estimate"]),
            "expansion": None if values["expansion"] is None else ExpansionQuality(**values["expansion"]),
            "further": None
            if further is None
            else FurtherCourse(CountSummary(**further["patients"]), CountSummary(**further["dlts"])),
        },
        mcse=errors if _has_errors(outcomes) else None,
    )


class _Number(NamedTuple):
    """A number and its Monte Carlo standard error; no error where the number is exact or none exists."""

    value: float
    error: float | None


def _has_errors(outcomes: Outcomes) -> bool:
    """Whether numbers have a Monte Carlo standard error; a single trial tells nothing of its own."""
    return outcomes.trials is not None and outcomes.trials > 1


def _ratio(outcomes: Outcomes, numerator: NDArray[Any], denominator: NDArray[Any] | float = 1.0) -> _Number:
    """E[numerator] / E[denominator]; without a denominator, a mean."""
    below = denominator if isinstance(denominator, float) else expectation(outcomes, denominator)
    value = expectation(outcomes, numerator) / below
    if not _has_errors(outcomes):
        return _Number(value, None)
    influence = (numerator - value * denominator) / below
    return _Number(value, _error(outcomes, expectation(outcomes, influence**2)))


def _error(outcomes: Outcomes, variance: float) -> float:
    """Standard error of a mean over the simulated trials, from the variance between them."""
    assert outcomes.trials is not None
    return float(np.sqrt(max(variance, 0.0) / outcomes.trials))


def _root(square: _Number) -> _Number:
    """Square root of a number, its error by the delta method."""
    value = float(np.sqrt(square.value))
    if square.error is None:
        return _Number(value, None)
    return _Number(value, square.error / (2 * value) if value > 0 else 0.0)


def _count_summary(outcomes: Outcomes, counts: Floats) -> dict[str, Any]:
    probabilities = np.bincount(counts.astype(np.int64), weights=outcomes.probability)
    cumulative = np.cumsum(probabilities)
    mean = _ratio(outcomes, counts)
    quantiles = {f"q{percent:02d}": int(np.argmax(cumulative >= percent / 100 - 1e-12)) for percent in (5, 50, 95)}
    return {
        "mean": mean,
        "sd": _root(_ratio(outcomes, (counts - mean.value) ** 2)),
        **quantiles,
        "distribution": tuple(
            (int(value), _Number(p, _error(outcomes, p * (1 - p)) if _has_errors(outcomes) else None))
            for value, p in enumerate(probabilities.tolist())
            if p > 0
        ),
    }


def _estimate_quality(outcomes: Outcomes) -> dict[str, _Number] | None:
    recommended = np.flatnonzero(outcomes.recommended != NO_DOSE)
    dose = outcomes.recommended[recommended]
    treated = outcomes.patients[recommended, dose] > 0
    recommended, dose = recommended[treated], dose[treated]
    if outcomes.probability[recommended].sum() <= 0:
        return None
    patients, dlts = outcomes.patients[recommended, dose], outcomes.dlts[recommended, dose]
    rate = outcomes.rates[dose]
    lower, upper = clopper_pearson(outcomes.trial.most_patients)
    given = np.zeros(len(outcomes.probability))
    given[recommended] = 1

    def spread(values: Floats) -> Floats:
        whole = np.zeros_like(given)
        whole[recommended] = values
        return whole

    deviation = dlts / patients - rate
    covered = (lower[patients, dlts] <= rate + SLACK) & (rate <= upper[patients, dlts] + SLACK)
    return {
        "bias": _ratio(outcomes, spread(deviation), given),
        "rmse": _root(_ratio(outcomes, spread(deviation**2), given)),
        "coverage": _ratio(outcomes, spread(covered.astype(np.float64)), given),
    }


def _values(tree: Any) -> Any:
    """The values in a tree of numbers."""
    if isinstance(tree, _Number):
        return tree.value
    if isinstance(tree, dict):
        return {name: _values(part) for name, part in tree.items()}
    if isinstance(tree, tuple):
        return tuple(_values(part) for part in tree)
    return tree


def _errors(tree: Any) -> Any:
    """The standard errors in a tree of numbers, without the branches that have none; counts stay."""
    if isinstance(tree, _Number):
        return tree.error
    if isinstance(tree, dict):
        return {name: _errors(part) for name, part in tree.items() if isinstance(part, _Number | dict | tuple)}
    if isinstance(tree, tuple):
        return tuple(part if isinstance(part, int) else _errors(part) for part in tree)
    return tree
