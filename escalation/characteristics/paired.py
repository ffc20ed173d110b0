"""The difference between two designs in the same trials, and whether it agrees with the exact one.

Trial i meets the same virtual patients under every design. So a difference between two designs has a value in each
simulated trial, D_i, and its standard error is sd(D) / sqrt(trials). Designs that do well, or badly, with the same
patients have differences that vary little; with other patients for each design the variance would be the sum of the
two designs' variances.

The exact engine gives the mean of D, but the standard deviation of each design's part of it only, not how the two go
together. Whether the simulated D can have that mean is therefore judged by their empirical likelihood ratio: with
weights that give the D_i the exact mean d, the largest likelihood is lower than with equal weights by a factor of which

    z^2 = 2 sum log(1 + tilt (D_i - d)),   where   sum (D_i - d) / (1 + tilt (D_i - d)) = 0,

is minus twice the logarithm. z, with the sign of the simulated minus the exact difference, is close to a standard
normal variable. (simulated - exact) / standard error is not where few trials differ at all: those that happen to be
too few also make the standard error too small. Where fewer than 20 simulated trials are on either side of the exact
difference there is no z. There Bernstein's inequality bounds the p value of what is counted,

    P(|mean of D - d| >= t) <= 2 exp(-trials t^2 / (2 (v + b t / 3))),

with the largest variance v that the exact standard deviations allow, (sd + sd')^2, and the largest possible distance b
of a single D from its mean. Days have no largest distance, and are compared by z or not at all.

Source: Owen AB (1988) Empirical likelihood ratio confidence intervals for a single functional. Biometrika 75:237-249;
Boucheron S, Lugosi G, Massart P (2013) Concentration inequalities, Oxford University Press, section 2.8.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from escalation.characteristics.agreement import CERTAIN, FEWEST_EXPECTED, FEWEST_TIMED
from escalation.characteristics.distributions import Law, event, laws_of, trial_quantities
from escalation.characteristics.exposures import Exposures
from escalation.characteristics.responses import Responses
from escalation.engines.endings import mean_days
from escalation.engines.outcomes import DURATION, Outcomes
from escalation.errors import StateSpaceError
from escalation.kernels.codes import END
from escalation.numbers import CONFIDENCE

QUANTITIES = {
    "pcs": "pcs",
    "patients_above_mtd": "above_target",
    "sample_size": "sample_size",
    "total_dlts": "total_dlts",
    "stop_toxic": "stop_toxic",
}
"""What is compared: names of operating characteristics, and of the quantities of single trials whose means they are.

Of trials with a calendar also DURATION.
"""

PATIENTS_AT_OBD = "patients_at_obd"
"""And under truths that have an optimal dose."""

PCS_OBD = "pcs_obd"
"""And of designs that choose one."""

EVERY = (*QUANTITIES, DURATION, PATIENTS_AT_OBD, PCS_OBD)
"""All of them, in the order in which they are shown."""

ROUNDING = 1e-9
"""A quantity that never varies is not on either side of its mean, whatever rounding makes of it."""


@dataclass(frozen=True)
class Moments:
    """What exact outcomes say of a quantity of single trials."""

    mean: float
    sd: float
    least: float  # its smallest and largest possible value
    most: float


@dataclass(frozen=True, eq=False)
class Sample:
    """What simulated outcomes say of a quantity of single trials."""

    mean: float
    # int16[trials]: those of all designs are kept, and no count exceeds 1000; days are float64[trials].
    values: NDArray[np.int16] | NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """One quantity of a design minus that of its reference, under one truth.

    Attributes
    ----------
    truth, design, reference : str
    quantity : str
        A key of `QUANTITIES`: `pcs`, a probability, the mean number of `patients_above_mtd`, the mean `sample_size` or
        `total_dlts`, or `stop_toxic`, a probability; or of trials with a calendar the mean `duration` in days; or,
        where the truth has an optimal dose, the mean number of `patients_at_obd`; or, where both choose one, `pcs_obd`,
        a probability.
    design_exact, reference_exact, exact : float or None
        The exact value of either, and their difference; None for a design that the exact engine refused, or whose days
        are not known exactly, and then for the difference.
    design_simulated, reference_simulated, simulated : float or None
        The mean over simulated trials of either, and their difference; None when no trials were simulated.
    standard_error : float or None
        Of `simulated`, from the differences in single trials; None for fewer than two trials.
    lower, upper : float or None
        The 95 % interval: `simulated` -+ 1.96 standard errors.
    z : float or None
        How far `simulated` is from `exact`, as a standard normal variable: their distance in standard errors, corrected
        for skewness. None where too few trials are on either side of `exact`.
    p_value : float or None
        Of `simulated`, were `exact` true; None where one of them is.
    gain : float or None
        The variance that other patients for each design would give, over that of the paired difference: how many times
        as many trials would be needed without pairing. None where the difference does not vary.
    """

    truth: str
    design: str
    reference: str
    quantity: str
    design_exact: float | None = None
    reference_exact: float | None = None
    exact: float | None = None
    design_simulated: float | None = None
    reference_simulated: float | None = None
    simulated: float | None = None
    standard_error: float | None = None
    lower: float | None = None
    upper: float | None = None
    z: float | None = None
    p_value: float | None = None
    gain: float | None = None


def moments(
    outcomes: Outcomes, correct: Sequence[int], chosen: Responses | Exposures | None = None
) -> dict[str, Moments]:
    """The quantities of exact outcomes; `correct` are the correct doses, 1-based; `chosen` says of the optimal dose."""
    laws = laws_of(outcomes, correct).by_quantity()
    found = {name: _moments(laws[quantity]) for name, quantity in QUANTITIES.items()}
    if outcomes.days is not None:
        with suppress(StateSpaceError):  # with their days there may be too many states
            found[DURATION] = Moments(*mean_days(outcomes, DURATION), 0.0, np.inf)
    if chosen is not None and chosen.obd is not None:
        found[PATIENTS_AT_OBD] = _moments(laws[f"patients.{chosen.obd + 1}"])
    if chosen is not None and chosen.pcs is not None:
        found[PCS_OBD] = _moments(event(chosen.pcs))
    return found


def _moments(law: Law) -> Moments:
    return Moments(law.mean, law.sd, float(law.possible.min()), float(law.possible.max()))


def samples(
    outcomes: Outcomes, correct: Sequence[int], chosen: Responses | Exposures | None = None
) -> dict[str, Sample]:
    """The quantities of simulated outcomes; `correct` are the correct doses, 1-based."""
    laws = laws_of(outcomes, correct).by_quantity()
    values = trial_quantities(outcomes, correct)
    found = {
        name: Sample(laws[quantity].mean, values[quantity].astype(np.int16)) for name, quantity in QUANTITIES.items()
    }
    if outcomes.times is not None:
        days = outcomes.times[:, END].copy()  # and not a view that keeps all times
        found[DURATION] = Sample(float(days.mean()), days)
    if chosen is not None and chosen.obd is not None:
        patients = outcomes.patients[:, chosen.obd].astype(np.int16)
        found[PATIENTS_AT_OBD] = Sample(float(patients.mean()), patients)
    if chosen is not None and chosen.pcs is not None:
        found[PCS_OBD] = Sample(chosen.pcs, chosen.is_correct.astype(np.int16))
    return found


def exact_numbers(design: Moments | None, reference: Moments | None) -> dict[str, float | None]:
    """What the exact outcomes say of a difference: attributes of `Difference`."""
    return {
        "design_exact": None if design is None else design.mean,
        "reference_exact": None if reference is None else reference.mean,
        "exact": None if design is None or reference is None else design.mean - reference.mean,
    }


def simulated_numbers(design: Sample, reference: Sample) -> dict[str, float | None]:
    """What paired simulated trials say of a difference: attributes of `Difference`."""
    simulated = design.mean - reference.mean
    numbers: dict[str, float | None] = {
        "design_simulated": design.mean,
        "reference_simulated": reference.mean,
        "simulated": simulated,
    }
    paired = design.values - reference.values
    variance = float(np.var(paired))
    if variance > 0:
        numbers["gain"] = float(np.var(design.values) + np.var(reference.values)) / variance
    if len(paired) > 1:
        error = float(np.sqrt(variance / len(paired)))
        reach = float(special.ndtri((1 + CONFIDENCE) / 2)) * error
        numbers |= {"standard_error": error, "lower": simulated - reach, "upper": simulated + reach}
    return numbers


def agreement_numbers(design: tuple[Moments, Sample], reference: tuple[Moments, Sample]) -> dict[str, float | None]:
    """How a simulated difference agrees with the exact one: attributes of `Difference`."""
    (exact, sample), (exact_reference, sample_reference) = design, reference
    mean = exact.mean - exact_reference.mean
    distance = sample.mean - sample_reference.mean - mean
    paired = sample.values - sample_reference.values
    counted = np.isfinite(exact.most)
    slack = ROUNDING * max(1.0, abs(mean)) if counted else CERTAIN * max(exact.mean, exact_reference.mean)
    sides = int((paired > mean + slack).sum()), int((paired < mean - slack).sum())
    if min(sides) >= FEWEST_EXPECTED and (counted or len(paired) >= FEWEST_TIMED):
        z = float(np.copysign(likelihood_ratio_root(paired, mean), distance))
        return {"z": z, "p_value": float(2 * special.ndtr(-abs(z)))}
    if abs(distance) <= slack:
        return {"p_value": 1.0}
    if not counted:
        return {}
    variance = (exact.sd + exact_reference.sd) ** 2
    farthest = max(exact.most - exact_reference.least - mean, mean - (exact.least - exact_reference.most))
    return {"p_value": bernstein_bound(abs(distance), len(paired), variance, farthest)}


def likelihood_ratio_root(values: NDArray[np.integer] | NDArray[np.float64], mean: float) -> float:
    """Square root of the empirical likelihood ratio statistic of a mean that lies between some values."""
    found, counts = np.unique(values, return_counts=True)
    away = found - mean
    # No weight, 1 / (n (1 + tilt away)), is above 1.
    limits = (1 / len(values) - 1) / away[-1], (1 / len(values) - 1) / away[0]
    tilt = optimize.brentq(lambda tilt: float(np.sum(counts * away / (1 + tilt * away))), *limits)
    return float(np.sqrt(max(0.0, 2 * np.sum(counts * np.log1p(tilt * away)))))


def bernstein_bound(distance: float, trials: int, variance: float, farthest: float) -> float:
    """Largest probability that the mean of so many trials is so far, above 0, from its expectation; see the module.

    `variance` and `farthest` bound a single trial's variance, and its distance from the expectation.
    """
    spread = variance + farthest * distance / 3
    if spread <= 0:
        return 0.0
    return float(min(1.0, 2 * np.exp(-trials * distance**2 / (2 * spread))))
