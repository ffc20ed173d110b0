"""Operating characteristics of outcomes, exact or simulated alike.

Every number is a mean over trials, a ratio of two, or a function of the law of a count; see `distributions`. Where a
simulated number has a Monte Carlo standard error it comes from its influence function: the mean square of a trial's
pull on the number, divided by the number of trials.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from escalation.characteristics.distributions import Laws, laws_of, reason_names
from escalation.characteristics.duration import TimeCharacteristics, time_characteristics
from escalation.characteristics.exposures import ExposureCharacteristics, Exposures, exposure_characteristics
from escalation.characteristics.responses import ResponseCharacteristics, Responses, response_characteristics
from escalation.engines.outcomes import Outcomes
from escalation.kernels.codes import SLACK
from escalation.numbers import cells_of, clopper_pearson_table
from escalation.trial.data import InterimData
from escalation.trial.rates import correct_doses

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class CountSummary:
    """Distribution of a count over trials."""

    mean: float
    sd: float
    q05: int  # quantiles: the smallest value whose cumulative probability is at least 5, 50, 95 %
    q50: int
    q95: int
    distribution: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class DLTRate:
    """The DLT rate per trial, in its two meanings."""

    mean_of_rates: float  # E[Y / N]: mean over trials of the trial's share of patients with a DLT
    rate_of_means: float  # E[Y] / E[N]: share of all patients over many trials


@dataclass(frozen=True)
class EstimateQuality:
    """The observed DLT rate y/n at the recommended dose, given that a dose with patients is recommended."""

    bias: float  # mean and root mean square of y/n minus the true rate
    rmse: float
    coverage: float  # probability that the 95 % Clopper-Pearson interval holds the true rate


@dataclass(frozen=True)
class ExpansionQuality:
    """What an expansion cohort does to the RP2D."""

    declared: tuple[float, ...]  # probability that dose escalation declares each dose the RP2D
    none_declared: float  # probability that it declares none
    # Probability that an RP2D, once declared, is still recommended at the end; None when none ever is.
    survival: float | None


@dataclass(frozen=True)
class FurtherCourse:
    """What is still to come in a running trial."""

    patients: CountSummary  # further patients, and DLTs among them
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
    share_above_target : float
        E[patients at doses whose true rate exceeds the target] / E[patients].
    patients_above_target : CountSummary
        Number of patients at such doses.
    above_mtd, patients_above_mtd
        The same two numbers under older names, which say MTD and mean the target.
    overdosing_60, overdosing_80 : float
        Probability that more than 60 %, 80 % of a trial's patients were at such doses.
    poor_allocation : float or None
        Probability that fewer than max_patients / doses patients were at a correct dose; None when none is correct.
    early_stop : float
        Probability that the trial stopped for toxicity, with enough patients at a dose, by a rule in `stop_when`, or
        within the expansion.
    stop_toxic : float
        Probability that the trial stopped as too toxic: in dose escalation, or by the monitoring of its expansion.
    stop_enough : float
        Probability that it stopped early otherwise: with enough patients at a dose, or by a rule in `stop_when` that
        does not ask whether a dose is too toxic. The two add up to `early_stop`.
    stop_reasons : dict
        Probability of each reason.
    estimate : EstimateQuality or None
        None when no dose with patients is ever recommended.
    expansion : ExpansionQuality or None
        None in a trial without an expansion.
    further : FurtherCourse or None
        None but for outcomes that begin with the data of a running trial. All other numbers include these data.
    time : TimeCharacteristics or None
        None in a trial without a calendar, and for what begins with the data of a running trial.
    response : ResponseCharacteristics or None
        None where patients have no responses.
    exposure : ExposureCharacteristics or None
        None under a truth without exposures.
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
    share_above_target: float
    patients_above_mtd: CountSummary
    patients_above_target: CountSummary
    overdosing_60: float
    overdosing_80: float
    poor_allocation: float | None
    early_stop: float
    stop_toxic: float
    stop_enough: float
    stop_reasons: dict[str, float]
    estimate: EstimateQuality | None
    expansion: ExpansionQuality | None = None
    further: FurtherCourse | None = None
    time: TimeCharacteristics | None = None
    response: ResponseCharacteristics | None = None
    exposure: ExposureCharacteristics | None = None
    mcse: dict[str, Any] | None = field(default=None, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """As nested dictionaries and lists of plain numbers, without the standard errors.

        What responses and exposures add is beside the rest, where there are any.
        """
        tree = asdict(self)
        del tree["mcse"], tree["response"], tree["exposure"]
        for found in (self.response, self.exposure):
            tree |= {} if found is None else found.to_dict()
        return tree

    def with_responses(self, found: Responses | None) -> "OperatingCharacteristics":
        """These with what responses add, if there are any, and its standard errors."""
        if found is None:
            return self
        response, errors = response_characteristics(found)
        mcse = None if self.mcse is None else {**self.mcse, **errors}
        return replace(self, response=response, mcse=mcse)

    def with_exposures(self, found: Exposures | None) -> "OperatingCharacteristics":
        """These with what exposures add, if there are any, and its standard errors."""
        if found is None:
            return self
        exposure = exposure_characteristics(found)
        mcse = None if self.mcse is None else {**self.mcse, **exposure.mcse}
        return replace(self, exposure=exposure, mcse=mcse)


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
        A ValueError: `correct` names a dose level that the trial does not have, or an ending is none that it can have.
    """
    if correct is None:
        correct = correct_doses(outcomes.rates, outcomes.trial.target)
    laws = laws_of(outcomes, correct)
    work = _Arithmetic(laws)
    arrays, size = laws.arrays, laws.counts[:, None]
    share_above = work.ratio(arrays.size_above, laws.counts, size)
    patients_above = work.summary(laws.above_target)
    numbers = {
        "selection": work.shares(arrays.recommended[1:]),
        "no_selection": work.share(arrays.recommended[0]),
        "pcs": work.share(laws.pcs),
        "patients": work.means(arrays.patients),
        "dlts": work.means(arrays.dlts),
        "sample_size": work.summary(laws.sample_size),
        "total_dlts": work.summary(laws.total_dlts),
        "dlt_rate": _Number.of(
            DLTRate,
            mean_of_rates=work.ratio(arrays.size_dlts, laws.rates),
            rate_of_means=work.ratio(arrays.size_dlts, laws.counts, size),
        ),
        "above_mtd": share_above,
        "share_above_target": share_above,
        "patients_above_mtd": patients_above,
        "patients_above_target": patients_above,
        "overdosing_60": work.share(laws.overdosing(3)),
        "overdosing_80": work.share(laws.overdosing(4)),
        "poor_allocation": NOTHING if laws.poor_allocation is None else work.share(laws.poor_allocation),
        "early_stop": work.share(laws.early_stop),
        "stop_toxic": work.share(laws.stop_toxic),
        "stop_enough": work.share(laws.stop_enough),
        "stop_reasons": _Number.of(
            dict, **{name: work.share(arrays.reason[code]) for code, name in reason_names(outcomes).items()}
        ),
        "estimate": _estimate_quality(work),
        "expansion": NOTHING if outcomes.declared is None else _expansion_quality(work),
        "time": _Number(*time_characteristics(outcomes)),
        "further": NOTHING if outcomes.after is None else _further_course(work, outcomes.after),
    }
    mcse = {name: number.error for name, number in numbers.items() if number.error is not None}
    return OperatingCharacteristics(**{name: number.value for name, number in numbers.items()}, mcse=mcse or None)


class _Number(NamedTuple):
    """A number, or several together, and the Monte Carlo standard errors; no error where none exists."""

    value: Any
    error: Any = None

    @classmethod
    def of(cls, kind: Callable[..., Any], **parts: "_Number | int") -> "_Number":
        """Several numbers under names; whole numbers have no errors."""
        values = {name: part.value if isinstance(part, _Number) else part for name, part in parts.items()}
        errors = {
            name: part.error for name, part in parts.items() if isinstance(part, _Number) and part.error is not None
        }
        return cls(kind(**values), errors or None)


NOTHING = _Number(None)


class _Arithmetic:
    """Works out numbers from the laws of outcomes, with errors when at least two trials were simulated."""

    def __init__(self, laws: Laws) -> None:
        self.laws = laws
        trials = laws.outcomes.trials
        self.trials = None if trials == 1 else trials  # a single trial tells nothing of the spread

    def share(self, probability: float) -> _Number:
        """The probability of an event."""
        value = min(float(probability), 1.0)  # a sum may be rounded up
        if self.trials is None:
            return _Number(value)
        return _Number(value, math.sqrt(max(value * (1 - value), 0.0) / self.trials))

    def shares(self, probabilities: Floats) -> _Number:
        """The probabilities of several events."""
        values, errors = zip(*map(self.share, probabilities.tolist()), strict=True)
        return _Number(values, errors if self.trials else None)

    def means(self, laws: Floats) -> _Number:
        """The means of several counts; a row is the law of one."""
        counts = self.laws.counts
        means = (laws * counts).sum(axis=1)
        if self.trials is None:
            return _Number(tuple(means.tolist()))
        variances = (laws * (counts - means[:, None]) ** 2).sum(axis=1)
        return _Number(tuple(means.tolist()), tuple(np.sqrt(variances / self.trials).tolist()))

    def ratio(self, law: Floats, numerator: Floats, denominator: Floats | float = 1.0) -> _Number:
        """E[numerator] / E[denominator] under a law; without a denominator, a mean."""
        below = 1.0 if isinstance(denominator, float) else float(np.sum(law * denominator))
        value = float(np.sum(law * numerator)) / below
        if self.trials is None:
            return _Number(value)
        influence = (numerator - value * denominator) / below
        return _Number(value, math.sqrt(float(np.sum(law * influence**2)) / self.trials))

    def root(self, square: _Number) -> _Number:
        """Square root of a number, its error by the delta method."""
        value = math.sqrt(square.value)
        if square.error is None:
            return _Number(value)
        return _Number(value, square.error / (2 * value) if value > 0 else 0.0)

    def summary(self, law: Floats, first: int = 0) -> _Number:
        """The distribution of a count, of which `first` are not counted."""
        law = law[first:]
        counts = self.laws.counts[: len(law)]
        mean = self.ratio(law, counts)
        q05, q50, q95 = np.searchsorted(np.cumsum(law), np.array([0.05, 0.50, 0.95]) - 1e-12).tolist()
        possible = np.flatnonzero(law).tolist()
        shares = self.shares(law[possible])
        distribution = _Number(tuple(zip(possible, shares.value, strict=True)))
        if self.trials is not None:
            distribution = distribution._replace(error=tuple(zip(possible, shares.error, strict=True)))
        sd = self.root(self.ratio(law, (counts - mean.value) ** 2))
        return _Number.of(CountSummary, mean=mean, sd=sd, q05=q05, q50=q50, q95=q95, distribution=distribution)


def _estimate_quality(work: _Arithmetic) -> _Number:
    outcomes = work.laws.outcomes
    most = outcomes.trial.most_patients
    dose, cell = np.nonzero(work.laws.arrays.at_recommended)
    patients, dlts = cells_of(most)[:, cell]
    dose, cell, patients, dlts = (part[patients > 0] for part in (dose, cell, patients, dlts))
    if len(dose) == 0:
        return NOTHING
    law, rate = work.laws.arrays.at_recommended[dose, cell], outcomes.rates[dose]
    given = np.ones(len(law))
    lower, upper = (limits[patients, dlts] for limits in clopper_pearson_table(most))
    deviation = dlts / patients - rate
    covered = (lower <= rate + SLACK) & (rate <= upper + SLACK)
    return _Number.of(
        EstimateQuality,
        bias=work.ratio(law, deviation, given),
        rmse=work.root(work.ratio(law, deviation**2, given)),
        coverage=work.ratio(law, covered.astype(np.float64), given),
    )


def _expansion_quality(work: _Arithmetic) -> _Number:
    arrays = work.laws.arrays
    ever, survives = float(arrays.declared[1:].sum()), float(arrays.recommended[1:].sum())
    # An RP2D that survives was declared: the law of (declared, survives) has two cells.
    law = np.array([ever - survives, survives])
    return _Number.of(
        ExpansionQuality,
        declared=work.shares(arrays.declared[1:]),
        none_declared=work.share(arrays.declared[0]),
        survival=work.ratio(law, np.array([0.0, 1.0]), np.ones(2)) if ever > 0 else NOTHING,
    )


def _further_course(work: _Arithmetic, seen: InterimData) -> _Number:
    return _Number.of(
        FurtherCourse,
        patients=work.summary(work.laws.sample_size, seen.treated),
        dlts=work.summary(work.laws.total_dlts, sum(seen.dlts)),
    )
