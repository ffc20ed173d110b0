"""How a dose is read off a posterior over dose-toxicity curves.

The engines read plans in compiled code, millions of times; here the numbers of one trial are kept, to be shown.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from escalation.kernels.codes import INTERVALS, NO_DOSE, PLUG_IN, POSTERIOR_MEAN, SCORE, SLACK
from escalation.plans.conduct import Belief

Floats = NDArray[np.float64]


def mean_over(posterior: Floats, functions: Floats) -> Floats:
    """Posterior means of functions of the curve, float64[K, G]; without the threads of a product of matrices."""
    return np.einsum("kg,g->k", functions, posterior)


class Reading(ABC):
    """What a model prefers."""

    kind: ClassVar[int]
    rate_name: ClassVar[str] = "fitted DLT rate"  # what of a dose is close to the target
    takes_highest: bool = False  # whether it prefers the highest dose that is not excluded, whatever else is said of it

    @property
    def slopes(self) -> tuple[Floats, Floats] | None:
        """In place of a posterior: see MaximumLikelihood."""
        return None

    @property
    def limits(self) -> Floats:
        """What the posterior mean of the first function is compared with, float64[D - 1] or none."""
        return np.empty(0)

    @property
    def most_overdosing(self) -> float:
        """A dose with a larger probability of an overdose may not be given."""
        return 1.0

    @abstractmethod
    def functions(self, log_dlt: Floats) -> Floats:
        """Functions of the curve whose posterior means decide, float64[K, G]."""

    def means(self, log_dlt: Floats, posterior: Floats) -> Floats:
        """What `prefer` looks at, from the posterior probability of each curve, float64[G]."""
        return mean_over(posterior, self.functions(log_dlt))

    def overdosing(self, posterior: Floats) -> Floats | None:  # noqa: ARG002
        """Probability of an overdose at each dose, float64[D], where the model looks at it."""
        return None

    @abstractmethod
    def prefer(self, means: Floats, target: float, highest: int) -> int:
        """Index of the dose that is preferred among those up to `highest`, the lower of two."""


@dataclass(frozen=True, eq=False)
class PlugIn(Reading):
    """Prefer the dose closest to the target under the curve of the mean parameter."""

    parameter: Floats  # float64[G], each curve's parameter
    # float64[D - 1], the values above which the posterior mean of the parameter means the next higher dose.
    cuts: Floats

    kind: ClassVar[int] = PLUG_IN

    @property
    def limits(self) -> Floats:
        """The cuts."""
        return self.cuts

    def functions(self, log_dlt: Floats) -> Floats:  # noqa: ARG002
        """The parameter."""
        return self.parameter[None]

    def prefer(self, means: Floats, target: float, highest: int) -> int:  # noqa: ARG002
        """The dose between whose cuts the mean parameter is."""
        return min(int((means[0] > self.cuts + SLACK).sum()), highest)


@dataclass(frozen=True, eq=False)
class PosteriorMean(Reading):
    """Prefer the dose whose posterior mean DLT rate is closest to the target."""

    kind: ClassVar[int] = POSTERIOR_MEAN
    rate_name: ClassVar[str] = "posterior mean DLT rate"

    def functions(self, log_dlt: Floats) -> Floats:
        """The rate at each dose."""
        return np.exp(log_dlt)

    def prefer(self, means: Floats, target: float, highest: int) -> int:
        """The dose with the mean rate closest to the target."""
        distance = np.abs(means - target)
        return min(int(np.argmax(distance <= distance.min() + SLACK)), highest)


@dataclass(frozen=True, eq=False)
class Intervals(Reading):
    """Prefer the dose that is most probably in the target interval, or the highest, of those not probably overdoses."""

    # float64[D, G], their posterior means are the probabilities that a dose's DLT rate is in the target interval, or
    # above it.
    in_target: Floats
    overdose: Floats
    # A dose with a larger probability of being above may not be given; nor may higher ones. When that is the lowest,
    # the trial ends as too toxic.
    ewoc: float
    takes_highest: bool = False

    kind: ClassVar[int] = INTERVALS

    @property
    def most_overdosing(self) -> float:
        """The bound of escalation with overdose control."""
        return self.ewoc

    def functions(self, log_dlt: Floats) -> Floats:
        """Of each dose in turn, the two.

        The kernels prefer the largest mean of the first. So that this is the highest dose, the level takes its place.
        """
        preferred = self.in_target
        if self.takes_highest:
            preferred = np.broadcast_to(np.arange(1.0, len(self.overdose) + 1)[:, None], self.overdose.shape)
        return np.stack([preferred, self.overdose], axis=1).reshape(-1, log_dlt.shape[1])

    def means(self, log_dlt: Floats, posterior: Floats) -> Floats:  # noqa: ARG002
        """The probability of the target interval at each dose."""
        return mean_over(posterior, self.in_target)

    def overdosing(self, posterior: Floats) -> Floats:
        """The probability of a rate above it."""
        return mean_over(posterior, self.overdose)

    def prefer(self, means: Floats, target: float, highest: int) -> int:  # noqa: ARG002
        """The dose with the largest probability, or the highest."""
        if self.takes_highest:
            return highest
        shares = means[: highest + 1]
        return int(np.argmax(shares >= shares.max() - SLACK))


@dataclass(frozen=True, eq=False)
class MaximumLikelihood(Reading):
    """Prefer the dose closest to the target under the curve of largest likelihood.

    The log likelihood of one parameter rises up to its largest value and falls from there. So that value is above a cut
    between two doses where the slope at the cut is positive, and a slope is a sum over patients: no curve is needed.
    Before the first DLT the largest value is at the end of the range. Until then each cohort goes one dose up.
    """

    # float64[D, D - 1], slope of the log probability of a DLT, and of none, at each dose and each cut.
    slope_dlt: Floats
    slope_no_dlt: Floats

    kind: ClassVar[int] = SCORE

    @property
    def slopes(self) -> tuple[Floats, Floats]:
        """After a DLT and after none."""
        return self.slope_dlt, self.slope_no_dlt

    def functions(self, log_dlt: Floats) -> Floats:
        """None."""
        return np.empty((0, log_dlt.shape[1]))

    def prefer(self, means: Floats, target: float, highest: int) -> int:  # noqa: ARG002
        """The dose above the last cut at which the likelihood, whose slopes these are, still rises."""
        rising = means > SLACK
        return min(len(rising) if rising.all() else int(np.argmin(rising)), highest)


@dataclass(frozen=True, eq=False)
class Judgement:
    """What a model says of the data of one trial, as far as the design looks at it."""

    reading: Reading
    levels: int
    target: float
    too_toxic_threshold: float
    means: Floats  # as `Reading.means`; under MaximumLikelihood the slope of the log likelihood at each cut
    overdose: Floats | None = None  # probability of an overdose at each dose, where the model looks at it
    toxicity: float = 0.0  # the posterior probability that the stop for toxicity looks at; zero where there is none
    # What rules ask for, with its posterior probability at each dose, float64[D].
    believed: Mapping[Belief, Floats] = field(default_factory=dict)
    eliminated_from: int | None = (
        None  # index of the lowest dose that is eliminated by its own counts, whatever the model says
    )

    @property
    def too_toxic(self) -> bool:
        """Whether the trial ends, with no recommendation."""
        return self.toxicity > self.too_toxic_threshold + SLACK or self.highest_open < 0

    @property
    def highest_open(self) -> int:
        """Index of the highest dose that is neither eliminated nor a probable overdose; minus one for none."""
        eliminated_from = self.levels if self.eliminated_from is None else self.eliminated_from
        return min(self.highest_by_model, eliminated_from - 1)

    @property
    def highest_by_model(self) -> int:
        """Index of the highest dose that is not excluded as a probable overdose; minus one where all are."""
        if self.overdose is None:
            return self.levels - 1
        excluded = self.overdose > self.reading.most_overdosing + SLACK
        return int(np.argmax(excluded)) - 1 if excluded.any() else self.levels - 1

    @property
    def choice_by_model(self) -> int:
        """Index of the dose that the model would prefer were none eliminated."""
        return replace(self, eliminated_from=None).choice

    @property
    def choice(self) -> int:
        """Index of the dose that the model prefers; NO_DOSE when the trial is too toxic."""
        return NO_DOSE if self.too_toxic else self.prefer(self.levels - 1)

    def prefer(self, highest: int) -> int:
        """Index of the dose that the model prefers among open ones up to `highest`, the lower of two."""
        return self.reading.prefer(self.means, self.target, min(highest, self.highest_open))
