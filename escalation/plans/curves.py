"""TODO."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from escalation.kernels.codes import INTERVALS, PLUG_IN, POSTERIOR_MEAN, SCORE
from escalation.kernels.layout import CurveArrays, ReadingArrays
from escalation.plans.conduct import Conduct

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PlugIn:
    """Prefer the dose closest to the target under the curve of the mean parameter.

    Attributes
    ----------
    parameter : float64[G]
        Each curve's parameter.
    cuts : float64[D - 1]
        The values above which the posterior mean of the parameter means the next higher dose.
    """

    parameter: Floats
    cuts: Floats


@dataclass(frozen=True, eq=False)
class PosteriorMean:
    """Prefer the dose whose posterior mean DLT rate is closest to the target."""


@dataclass(frozen=True, eq=False)
class Intervals:
    """Prefer the dose that is most probably in the target interval, among those that are not probably overdoses.

    Attributes
    ----------
    in_target, overdose : float64[D, G]
        Their posterior means are the probabilities that a dose's DLT rate is in the target interval, or above it.
    ewoc : float
        A dose with a larger probability of being above may not be given; nor may higher ones. When that is the lowest,
        the trial ends as too toxic.
    """

    in_target: Floats
    overdose: Floats
    ewoc: float


@dataclass(frozen=True, eq=False)
class MaximumLikelihood:
    """Prefer the dose closest to the target under the curve of largest likelihood.

    The log likelihood of one parameter rises up to its largest value and falls from there. So that value is above a cut
    between two doses where the slope at the cut is positive, and a slope is a sum over patients: no curve is needed.
    Before the first DLT the largest value is at the end of the range. Until then each cohort goes one dose up.

    Attributes
    ----------
    slope_dlt, slope_no_dlt : float64[D, D - 1]
        Slope of the log probability of a DLT, and of none, at each dose and each cut.
    """

    slope_dlt: Floats
    slope_no_dlt: Floats


@dataclass(frozen=True, eq=False, kw_only=True)
class CurvePlan(Conduct):
    """A design whose decisions come from a posterior over dose-toxicity curves.

    The posterior is discrete: a prior weight for each of G curves. Decisions after a cohort: the trial ends with no
    recommendation when the lowest dose is too toxic; else the next cohort gets the dose that the model prefers (the
    lower of two), but not above what `ceiling`, `hold_at` and `coherent` allow.

    Attributes
    ----------
    log_dlt, log_no_dlt : float64[D, G]
        Log probability of a DLT, and of none, at each dose under each curve. No curves under MaximumLikelihood.
    weight : float64[G]
        Prior weight of each curve; they sum to 1. Under MaximumLikelihood float64[D - 1], the slopes at the cuts before
        the first patient: zeros.
    target : float
    reading : PlugIn, PosteriorMean, Intervals or MaximumLikelihood
        What the model prefers.
    too_toxic : float64[G], optional
        The trial ends when the posterior mean of this exceeds `too_toxic_threshold`.
    too_toxic_threshold : float
    coherent : int
        COHERENT_OFF, COHERENT_COHORT or COHERENT_DOSE.
    recommend_untried : bool
        Whether the recommendation is the model's choice even where nobody was treated; if not, it is the highest tried
        dose not above the model's choice.
    """

    log_dlt: Floats
    log_no_dlt: Floats
    weight: Floats
    target: float
    reading: PlugIn | PosteriorMean | Intervals | MaximumLikelihood
    coherent: int
    too_toxic: Floats | None = None
    too_toxic_threshold: float = 1.0
    recommend_untried: bool = False

    @property
    def levels(self) -> int:
        """Number of dose levels."""
        return len(self.log_dlt)

    def arrays(self) -> CurveArrays:
        """The plan as the kernels read it."""
        return CurveArrays(
            weight=np.ascontiguousarray(self.weight, np.float64),
            reading=self._reading(),
            target=float(self.target),
            coherent=int(self.coherent),
            one_up_until_dlt=isinstance(self.reading, MaximumLikelihood),
            recommend_untried=bool(self.recommend_untried),
            conduct=self.conduct_arrays(),
        )

    def _reading(self) -> ReadingArrays:
        reading = self.reading
        functions = [] if self.too_toxic is None else [self.too_toxic]
        if isinstance(reading, PlugIn):
            kind, parts = PLUG_IN, [reading.parameter]
        elif isinstance(reading, PosteriorMean):
            kind, parts = POSTERIOR_MEAN, list(np.exp(self.log_dlt))
        elif isinstance(reading, Intervals):
            pairs = zip(reading.in_target, reading.overdose, strict=True)
            kind, parts = INTERVALS, [part for pair in pairs for part in pair]
        else:
            kind, parts = SCORE, []
        stacked = np.empty((len(functions) + len(parts), self.log_dlt.shape[1]))
        for row, function in enumerate([*functions, *parts]):
            stacked[row] = function
        return ReadingArrays(
            kind=kind,
            functions=stacked,
            cuts=np.ascontiguousarray(reading.cuts if isinstance(reading, PlugIn) else np.empty(0), np.float64),
            target=float(self.target),
            ewoc=float(reading.ewoc) if isinstance(reading, Intervals) else 1.0,
            too_toxic=self.too_toxic is not None,
            too_toxic_threshold=float(self.too_toxic_threshold),
        )

    def posterior(self, patients: NDArray[np.integer], dlts: NDArray[np.integer]) -> Floats:
        """Posterior probability of each curve, float64[G], after counts at each dose, int[D]."""
        with np.errstate(divide="ignore"):  # far out a weight may be too small for a floating-point number
            prior = np.log(self.weight)
        log = prior + dlts @ self.log_dlt + (patients - dlts) @ self.log_no_dlt
        likely = np.exp(log - log.max())
        posterior: Floats = likely / likely.sum()
        return posterior

    def learned(self, patients: NDArray[np.integer], dlts: NDArray[np.integer]) -> Floats:
        """What takes the place of `weight` after counts at each dose, int[D]."""
        if isinstance(self.reading, MaximumLikelihood):
            return dlts @ self.reading.slope_dlt + (patients - dlts) @ self.reading.slope_no_dlt
        return self.posterior(patients, dlts)

    def evidence(self, patients: NDArray[np.integer], dlts: NDArray[np.integer]) -> Floats:
        """What counts at each dose say of each curve: their likelihood, or under MaximumLikelihood the slopes.

        A posterior needs the likelihood only to a constant factor: each is divided by its largest value over the
        curves, so that no count, however unlikely, underflows everywhere.

        Parameters
        ----------
        patients, dlts : int[C]

        Returns
        -------
        float64[D, C, G]
            To be multiplied over doses. Under MaximumLikelihood float64[D, C, D - 1], to be added.
        """
        slopes = isinstance(self.reading, MaximumLikelihood)
        dlt = self.reading.slope_dlt if isinstance(self.reading, MaximumLikelihood) else self.log_dlt
        no_dlt = self.reading.slope_no_dlt if isinstance(self.reading, MaximumLikelihood) else self.log_no_dlt
        found = np.empty((self.levels, len(patients), dlt.shape[1]))
        for dose in range(self.levels):
            found[dose] = np.outer(dlts, dlt[dose]) + np.outer(patients - dlts, no_dlt[dose])
        if slopes:
            return found
        found -= found.max(axis=-1, keepdims=True)
        return np.exp(found, out=found)
