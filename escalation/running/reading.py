"""What a model-based design reads off the data of one trial.

The engines do the same in compiled code, millions of times; here the numbers are kept, to be shown.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from escalation.kernels.codes import NO_DOSE, SLACK
from escalation.plans.curves import CurvePlan, Intervals, MaximumLikelihood, PlugIn

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Reading:
    """A posterior, as far as the design looks at it.

    Attributes
    ----------
    plan : CurvePlan
    means : float64[K]
        Under PlugIn the mean parameter, under PosteriorMean the mean rate at each dose, under Intervals the probability
        of the target interval at each dose, under MaximumLikelihood the slope of the log likelihood at each cut.
    overdose : float64[D]
        Under Intervals the probability of an overdose at each dose; else zeros.
    toxicity : float
        The posterior probability that the design's stop for toxicity looks at; zero where there is none.
    """

    plan: CurvePlan
    means: Floats
    overdose: Floats
    toxicity: float

    @property
    def too_toxic(self) -> bool:
        """Whether the trial ends, with no recommendation."""
        return self.toxicity > self.plan.too_toxic_threshold + SLACK or self.highest_open < 0

    @property
    def highest_open(self) -> int:
        """Index of the highest dose that is not excluded as a probable overdose; minus one where all are."""
        excluded = self.overdose > self._overdose_limit + SLACK
        return int(np.argmax(excluded)) - 1 if excluded.any() else self.plan.levels - 1

    @property
    def choice(self) -> int:
        """Index of the dose that the model prefers; NO_DOSE when the trial is too toxic."""
        return NO_DOSE if self.too_toxic else self.prefer(self.plan.levels - 1)

    def prefer(self, highest: int) -> int:
        """Index of the dose that the model prefers among those up to `highest`, the lower of two."""
        reading = self.plan.reading
        if isinstance(reading, PlugIn):
            return min(int((self.means[0] > reading.cuts + SLACK).sum()), highest)
        if isinstance(reading, MaximumLikelihood):
            rising = self.means > SLACK
            return min(len(rising) if rising.all() else int(np.argmin(rising)), highest)
        if isinstance(reading, Intervals):
            shares = self.means[: min(highest, self.highest_open) + 1]
            return int(np.argmax(shares >= shares.max() - SLACK))
        distance = np.abs(self.means - self.plan.target)
        return min(int(np.argmax(distance <= distance.min() + SLACK)), highest)

    @property
    def _overdose_limit(self) -> float:
        reading = self.plan.reading
        return reading.ewoc if isinstance(reading, Intervals) else 1.0


def read_model(plan: CurvePlan, patients: tuple[int, ...], dlts: tuple[int, ...]) -> Reading:
    """What a plan reads off counts at each dose."""
    n, y = np.array(patients), np.array(dlts)
    reading, none = plan.reading, np.zeros(plan.levels)
    if isinstance(reading, MaximumLikelihood):
        return Reading(plan, y @ reading.slope_dlt + (n - y) @ reading.slope_no_dlt, none, 0.0)
    posterior = plan.posterior(n, y)
    toxicity = 0.0 if plan.too_toxic is None else float(plan.too_toxic @ posterior)
    if isinstance(reading, PlugIn):
        return Reading(plan, np.array([reading.parameter @ posterior]), none, toxicity)
    if isinstance(reading, Intervals):
        return Reading(plan, reading.in_target @ posterior, reading.overdose @ posterior, toxicity)
    return Reading(plan, np.exp(plan.log_dlt) @ posterior, none, toxicity)
