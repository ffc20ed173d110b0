"""What the designs share that decide by a model of the dose-toxicity curve."""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy import special

from escalation.designs.base import Design, with_room
from escalation.designs.rules import NeverSkip, Restriction
from escalation.designs.rules.base import Basis, PosteriorRule
from escalation.fields import Flag, Fraction, Frozen, Real
from escalation.kernels.codes import COHERENT_COHORT, COHERENT_DOSE, COHERENT_OFF, COHERENT_RECENT
from escalation.numbers import Floats
from escalation.plans.conduct import Belief, Conduct
from escalation.plans.curves import CurvePlan
from escalation.plans.model import ModelPlan
from escalation.plans.readings import Reading
from escalation.trial.trial import Trial

Above = Callable[[Floats, NDArray[np.int64]], Floats]
"""P(rate > limit | data) as a function of limits, float64[K], and of the dose of each, int64[K]; float64[K]."""

COHERENT = {
    "cohort": COHERENT_COHORT,
    "dose": COHERENT_DOSE,
    "recent": COHERENT_RECENT,
    "off": COHERENT_OFF,
}


LOGITS = (-700.0, 36.0)
"""Beyond these a floating-point rate is 0 or 1."""


WIDENINGS = 8
"""So often made four times as wide, a bracket of a tenth has all of these in it."""


class TooToxic(Frozen):
    """End the trial when P(rate at the lowest dose > target + margin | data) > threshold.

    Not the stopping rule 'too toxic': the probability is the model's, from the data at all doses.

    Parameters
    ----------
    threshold : float
        Posterior probability above which the trial ends.
    margin : float, default 0
        How far above the target a rate is too toxic.
    """

    threshold: Fraction
    margin: Real = Field(default=0.0, gt=-1, lt=1)

    def words(self, trial: Trial) -> str:
        """The rule, as a sentence."""
        return (
            "The trial ends, and no dose is recommended, when P(DLT rate at the lowest dose > "
            f"{trial.target + self.margin:g} | data) > {self.threshold:g} under the model."
        )

    def misfits(self, trial: Trial) -> Iterator[tuple[str, str]]:
        """What does not fit the trial: (name of the design's option, what is wrong)."""
        if not 0 < trial.target + self.margin < 1:
            yield "stop_if_too_toxic.margin", "target + margin should be strictly between 0 and 1"


class RateEstimates(NamedTuple):
    """What a model says of the DLT rate at each dose, float64[D] each; NaN where it says nothing."""

    rate: Floats
    lower: Floats  # 95 % limits
    upper: Floats
    above_target: Floats  # probability that the rate exceeds the target


class ModelDesign(Design):
    """A design that decides by a model of the dose-toxicity curve.

    Parameters
    ----------
    no_skip : bool or "highest_tried", default True
        Give at most the dose one above the last, or above the highest given so far (as R's dtpcrm).
    coherent : {"cohort", "dose", "recent", "off"}
        No escalation when the DLT rate of the last cohort is at or above the target ("cohort"), when the rate among
        all patients at the current dose is above it ("dose"), or when a DLT has become known since the dose was last
        decided on ("recent"): with complete data, when the last cohort had one.
    recommend_untried : bool, default False
        Recommend the model's choice even where nobody was treated; if not, the highest tried dose not above it.
    """

    no_skip: Flag | Literal["highest_tried"] = True
    coherent: Literal["cohort", "dose", "recent", "off"] = "off"
    recommend_untried: Flag = False

    skips_down: ClassVar[bool] = True
    """Whether no_skip leaves the way down as it is."""

    @property
    def has_posterior(self) -> bool:
        """Whether it decides by a posterior."""
        return True

    def estimates(self, trial: Trial, patients: Sequence[int], dlts: Sequence[int]) -> RateEstimates:
        """DLT rates after counts at each dose.

        The rates are those that the design compares with the target, or else posterior means; the limits are the 2.5 %
        and 97.5 % quantiles of the posterior.
        """
        n, y = np.array(patients), np.array(dlts)
        return self._estimates(with_room(trial, int(n.sum())), n, y)

    def rates(self, trial: Trial, patients: Sequence[int], dlts: Sequence[int]) -> Floats:
        """The rates of `estimates` alone, float64[D]."""
        n, y = np.array(patients), np.array(dlts)
        return self._rates(with_room(trial, int(n.sum())), n, y)

    def _rates(self, trial: Trial, patients: NDArray[np.int64], dlts: NDArray[np.int64]) -> Floats:
        return self._estimates(trial, patients, dlts).rate

    @abstractmethod
    def _estimates(self, trial: Trial, patients: NDArray[np.int64], dlts: NDArray[np.int64]) -> RateEstimates:
        """As `estimates`, in a trial that has room for so many patients."""

    @abstractmethod
    def _plan(self, trial: Trial) -> ModelPlan:
        """The plan of the design's own rules."""

    def beliefs(self) -> tuple[Belief, ...]:
        """What its stopping rules ask the model."""
        rules = (rule for rule in self._stopping_rules if isinstance(rule, PosteriorRule) and rule.asks_model)
        return tuple(dict.fromkeys(belief for rule in rules for belief in rule.beliefs()))

    def _restrictions(self) -> tuple[Restriction, ...]:
        if self.no_skip is False:
            return ()
        above: Basis = "last" if self.no_skip is True else self.no_skip
        return (NeverSkip(above=above, when_deescalating=not self.skips_down),)

    def _limits_in_words(self, trial: Trial) -> Iterator[str]:  # noqa: ARG002
        if self.no_skip:
            yield f"No dose level is skipped on the way up{'' if self.skips_down else ' or down'}."
            if self.no_skip == "highest_tried":
                yield "On the way up only levels above all that were given count as skipped."
        else:
            yield "The design itself lets dose levels be skipped."
        high = {"cohort": "of the last cohort is at or", "dose": "among all patients at the current dose is"}
        if self.coherent == "recent" and self.is_late_onset:
            yield "There is no escalation when a DLT has become known, at any dose, since the dose was last decided on."
        elif self.coherent == "recent":
            yield "There is no escalation after a cohort with a DLT."
        elif self.coherent != "off":
            yield f"There is no escalation when the DLT rate {high[self.coherent]} above the target."

    def _recommendation_in_words(self, trial: Trial) -> Iterator[str]:  # noqa: ARG002
        if self.recommend_untried:
            yield "At the end the model's choice is recommended, whether or not it has been given."
        else:
            yield "At the end the highest dose that has been given and is not above the model's choice is recommended."

    def _curve_plan(
        self,
        trial: Trial,
        *,
        log_rates: tuple[Floats, Floats],
        log_weight: Floats,
        reading: Reading,
        above: Callable[[float], Floats],
        stop: TooToxic | None = None,
    ) -> CurvePlan:
        """The plan of a set of curves.

        P(rate > limit | data) at each dose is the posterior mean of `above` of the limit, float64[D, G].
        """
        return CurvePlan(
            log_dlt=log_rates[0],
            log_no_dlt=log_rates[1],
            log_weight=log_weight,
            target=trial.target,
            reading=reading,
            conduct=Conduct.of(trial),
            too_toxic=None if stop is None else above(trial.target + stop.margin)[0],
            too_toxic_threshold=1.0 if stop is None else stop.threshold,
            believing={belief: above(belief.low) - above(belief.high) for belief in self.beliefs()},
            coherent=COHERENT[self.coherent],
            recommends_untried=self.recommend_untried,
        )


def credible_limits(above: Above, near: Floats) -> tuple[Floats, Floats]:
    """The 2.5 % and 97.5 % quantiles of the posterior of each dose's rate, float64[D] each.

    They are looked for from rates near them on, float64[2, D].
    """
    from scipy.optimize import elementwise  # it takes a tenth of a second, and running trials alone need it

    levels = near.shape[1]
    shares = np.repeat([0.025, 0.975], levels)
    doses = np.tile(np.arange(levels), 2)
    guess = np.clip(special.logit(near.ravel()), *LOGITS)

    def excess(logit: Floats, dose: NDArray[np.int64], share: Floats) -> Floats:
        within = np.clip(logit, *LOGITS)
        below = 1 - above(special.expit(within), dose)
        # Nearly straight on these scales, so that few steps are needed. It goes on beyond, where a quantile may be.
        return special.ndtri(np.clip(below, 1e-15, 1 - 1e-15)) - special.ndtri(share) + logit - within

    bracket = elementwise.bracket_root(
        excess, guess - 0.05, guess + 0.05, args=(doses, shares), factor=4, maxiter=WIDENINGS
    )
    # A quantile that is not between floating-point rates is 0 or 1.
    found = np.where(bracket.f_bracket[1] < 0, np.inf, -np.inf)
    within = np.flatnonzero(bracket.success)
    if within.size:
        (left, right), places = bracket.bracket, (doses[within], shares[within])
        ends = left[within], right[within]
        found[within] = elementwise.find_root(excess, ends, args=places, tolerances={"xatol": 1e-8}).x
    lower, upper = special.expit(found).reshape(2, -1)
    return lower, upper
