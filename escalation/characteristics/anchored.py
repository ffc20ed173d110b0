"""Simulated means that lean on exact ones: control variates.

A design that decides while patients are pending meets the same virtual patients as the design that waits for complete
data, whose means are exact. What goes alike in both trials is taken out: with quantities c of the trial that waits,
their exact means E[c], and the coefficients b of the regression of a quantity v of the other trial on them,

    mean(v) - b (mean(c) - E[c])

has the variance of the residuals. Controls are whether each dose is recommended, the patients and DLTs at each, and the
duration where its mean is exact. The coefficients come from the same trials, which the standard errors account for.

Source: Lavenberg SS, Welch PD (1981) Management Science 27:322-335.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from escalation.characteristics.distributions import laws_of, trial_quantities
from escalation.characteristics.one_truth import DLTRate, OperatingCharacteristics
from escalation.engines.endings import mean_days
from escalation.engines.outcomes import DURATION, Outcomes
from escalation.errors import StateSpaceError
from escalation.kernels.codes import END, LAST_ENROLMENT, NO_DOSE

Floats = NDArray[np.float64]

TRIALS_A_CONTROL = 20
"""Fewest trials for each control: with fewer the coefficients would cost more than they bring."""

LEAST_GAIN = 1.1
"""Largest gain of any mean below which nothing is anchored."""

SAME = 1e-9
"""Share of a variance that is rounding: a control with less of its own is a combination of others."""

AT_ONCE = 16_384
"""Trials whose quantities are laid out side by side."""


@dataclass(frozen=True)
class Anchor:
    """The same trials as they go when they wait for complete data: the exact outcomes, and the simulated ones."""

    exact: Outcomes
    simulated: Outcomes


@dataclass(frozen=True)
class Means:
    """A number for each mean that is anchored, under the names of `OperatingCharacteristics`; days come last."""

    selection: tuple[float, ...]
    no_selection: float
    pcs: float
    patients: tuple[float, ...]
    dlts: tuple[float, ...]
    sample_size: float
    total_dlts: float
    patients_above_target: float
    stop_toxic: float
    duration: float
    last_enrolment: float

    @classmethod
    def of(cls, numbers: Floats, levels: int) -> "Means":
        """From all of them in a row."""
        found: dict[str, Any] = {}
        for name in cls.__dataclass_fields__:
            if name in BY_DOSE:
                found[name], numbers = tuple(numbers[:levels].tolist()), numbers[levels:]
            else:
                found[name], numbers = float(numbers[0]), numbers[1:]
        return cls(**found)


BY_DOSE = ("selection", "patients", "dlts")
"""Names of means of which each dose has one."""


@dataclass(frozen=True)
class Anchored:
    """Anchored means under one truth.

    Attributes
    ----------
    means : Means
        Probabilities are kept within 0 and 1, patients at a dose at 0 or above, their DLTs within 0 and the patients.
    errors : Means
        Their standard errors.
    gains : Means
        How many times as many trials would be needed without exact values to lean on: the variance of the plain mean
        over that of the anchored one, at most 1e9, where all is alike. 1 of what does not vary.
    """

    means: Means
    errors: Means
    gains: Means

    def within(self, oc: OperatingCharacteristics) -> OperatingCharacteristics:
        """The operating characteristics of the simulated trials with these means in place of the plain ones.

        Standard deviations, quantiles and distributions stay, and so do the standard errors of shares of patients,
        which these means do not say.
        """
        means, size = self.means, self.means.sample_size
        counts = {
            name: replace(getattr(oc, name), mean=getattr(means, name))
            for name in ("sample_size", "total_dlts", "patients_above_target")
        }
        above = means.patients_above_target / size
        numbers = {name: getattr(means, name) for name in (*BY_DOSE, "no_selection", "pcs", "stop_toxic")}
        assert oc.time is not None
        assert oc.time.last_enrolment is not None
        time = replace(
            oc.time,
            duration=replace(oc.time.duration, mean=means.duration),
            last_enrolment=replace(oc.time.last_enrolment, mean=means.last_enrolment),
        )
        return replace(
            oc,
            **numbers,
            **counts,
            patients_above_mtd=counts["patients_above_target"],
            dlt_rate=DLTRate(oc.dlt_rate.mean_of_rates, means.total_dlts / size),
            share_above_target=above,
            above_mtd=above,
            time=time,
            mcse=self._errors_within(oc.mcse or {}),
        )

    def _errors_within(self, plain: dict[str, Any]) -> dict[str, Any]:
        errors = {
            **plain,
            **{name: getattr(self.errors, name) for name in (*BY_DOSE, "no_selection", "pcs", "stop_toxic")},
        }
        for name in ("sample_size", "total_dlts", "patients_above_target"):
            errors[name] = {**plain[name], "mean": getattr(self.errors, name)}
        errors["patients_above_mtd"] = errors["patients_above_target"]
        days = {
            name: {**plain["time"][name], "mean": getattr(self.errors, name)} for name in ("duration", "last_enrolment")
        }
        return {**errors, "time": {**plain["time"], **days}}

    def to_dict(self) -> dict[str, Any]:
        """As nested dictionaries and tuples of plain numbers."""
        return {**asdict(self.means), "mcse": asdict(self.errors), "gain": asdict(self.gains)}


def anchored(simulated: Outcomes, anchor: Anchor, correct: Sequence[int]) -> Anchored | None:
    """The means of simulated trials with a calendar, anchored; None where that gains nothing.

    Parameters
    ----------
    simulated : Outcomes
    anchor : Anchor
        As many trials of the same patients.
    correct : sequence of int
        The correct doses, 1-based.
    """
    levels, trials = simulated.trial.levels, len(simulated.patients)
    expected = _exact_controls(anchor.exact, correct)
    if trials < TRIALS_A_CONTROL * (len(expected) + 1):
        return None
    mean, spread = _moments(_rows(simulated, anchor, correct, len(expected)), trials)
    wanted = len(mean) - len(expected)
    own, across, among = spread.diagonal()[:wanted], spread[wanted:, :wanted], spread[wanted:, wanted:]
    inverse, rank = _inverse(among)
    coefficients = inverse @ across
    residual = np.maximum(own - (across * coefficients).sum(axis=0), SAME * own) * trials / (trials - 1 - rank)
    distance = mean[wanted:] - expected
    varies = own > SAME * np.maximum(mean[:wanted] ** 2, 1.0)
    variance = np.where(varies, residual * (1 + distance @ inverse @ distance) / trials, 0.0)
    gain = np.divide(own / trials, variance, out=np.ones(wanted), where=variance > 0)
    if gain.max() < LEAST_GAIN:
        return None
    means = mean[:wanted] - np.where(varies, distance @ coefficients, 0.0)
    means[_probabilities(levels)] = means[_probabilities(levels)].clip(0, 1)
    patients, dlts = (slice(first, first + levels) for first in (levels + 2, 2 * levels + 2))
    means[patients] = means[patients].clip(0)
    means[dlts] = means[dlts].clip(0, means[patients])
    return Anchored(*(Means.of(numbers, levels) for numbers in (means, np.sqrt(variance), gain)))


def _exact_controls(exact: Outcomes, correct: Sequence[int]) -> Floats:
    """Exact means of the controls, float64[3 D], or float64[3 D + 1] with the duration."""
    arrays = laws_of(exact, correct).arrays
    counts = np.arange(arrays.patients.shape[1])
    means = [*arrays.recommended[1:], *(arrays.patients @ counts), *(arrays.dlts @ counts)]
    if exact.days is not None:
        with suppress(StateSpaceError):  # counts alone are a help
            means.append(mean_days(exact, DURATION)[0])
    return np.array(means)


def _rows(simulated: Outcomes, anchor: Anchor, correct: Sequence[int], controls: int) -> Iterator[Floats]:
    """What is anchored and its controls, trial by trial, float64[T, M + C], some trials at a time."""
    waiting = anchor.simulated
    for first in range(0, len(simulated.patients), AT_ONCE):
        some, others = (one.part(slice(first, first + AT_ONCE)) for one in (simulated, waiting))
        assert some.times is not None
        assert others.times is not None
        quantities = trial_quantities(some, correct)
        columns = [_chosen(some), some.recommended == NO_DOSE, quantities["pcs"], some.patients, some.dlts]
        columns += [quantities[name] for name in ("sample_size", "total_dlts", "above_target", "stop_toxic")]
        columns += [some.times[:, END], some.times[:, LAST_ENROLMENT]]
        columns += [
            np.column_stack([_chosen(others), others.patients, others.dlts, others.times[:, END]])[:, :controls]
        ]
        yield np.column_stack(columns).astype(np.float64)


def _chosen(outcomes: Outcomes) -> NDArray[np.bool_]:
    """Whether each dose is recommended, bool[T, D]."""
    return outcomes.recommended[:, None] == np.arange(outcomes.trial.levels)


def _probabilities(levels: int) -> NDArray[np.intp]:
    """Places of what is a probability among all that is anchored: the first of them, and the toxic stop."""
    return np.array([*range(levels + 2), 3 * levels + 5])


def _moments(rows: Iterator[Floats], trials: int) -> tuple[Floats, Floats]:
    """Mean and covariance matrix of the columns of rows."""
    totals: Floats | float = 0.0
    products: Floats | float = 0.0
    for some in rows:
        totals = totals + some.sum(axis=0)
        products = products + some.T @ some
    mean = np.asarray(totals / trials)
    return mean, np.asarray(products / trials) - np.outer(mean, mean)


def _inverse(among: Floats) -> tuple[Floats, int]:
    """Inverse of the controls' covariance matrix, of those that are no combination of others, and their number."""
    scale = np.sqrt(np.maximum(among.diagonal(), 0.0))
    scale[scale == 0] = 1.0
    values, vectors = np.linalg.eigh(among / np.outer(scale, scale))
    kept = values > SAME * max(values.max(), SAME)
    vectors = vectors[:, kept] / scale[:, None]
    return (vectors / values[kept]) @ vectors.T, int(kept.sum())
