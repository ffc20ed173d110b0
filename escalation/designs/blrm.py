"""The Bayesian logistic regression model with overdose control.

A two-parameter logistic curve is fitted to all data after each cohort. Doses that are probably overdoses are excluded;
of the others the next cohort gets the one most probably in the target interval, or the highest.

Source: Neuenschwander B, Branson M, Gsponer T (2008) Stat Med 27:2420-2439; escalation with overdose control (EWOC):
Babb J, Rogatko A, Zacks S (1998) Stat Med 17:1103-1120.
"""

from collections.abc import Iterator, Sequence
from functools import cache, lru_cache, partial
from itertools import pairwise
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator
from scipy import special

from escalation.designs.model_based import COHERENT, ModelDesign, RateEstimates, credible_limits
from escalation.designs.models.logistic_grid import BivariateNormal, between, grid_size, logistic_grid
from escalation.designs.models.logistic_posterior import LogisticPosterior
from escalation.designs.words import listed
from escalation.fields import Fraction, Positive, Real
from escalation.kernels.codes import SLACK
from escalation.numbers import Floats
from escalation.plans.conduct import Conduct
from escalation.plans.curves import CurvePlan, LaterPlan
from escalation.plans.model import ModelPlan
from escalation.plans.readings import Intervals, Judgement
from escalation.trial.trial import Trial

# 95 % of the odds at the reference dose within a factor of 50 of their median, 95 % of the slopes within one of 7.
WEAK_SD = (2.0, 1.0)

AT_ONCE = 400
"""Doses times patients up to which the curves are made with the plan: in a tenth of a second. One decision among so
many curves is faster than a posterior of its own."""

FARTHEST_MEAN = 10
"""Prior means of log_alpha are from minus this to this."""

NEAREST = 1e-6
"""Limits of DLT rates are no nearer to 0 or 1."""

PLAUSIBLE = (0.001, 0.999)
"""A trial needs a dose with such a DLT rate."""

HARDLY = 1e-6
"""A prior under which no dose has such a rate with a probability as large contradicts any trial."""

MOST_CURVES = 150_000
"""Curves that a prior may take: about a second, 200 MB. A large trial takes more, whatever its prior."""

MOST_RATIO = 3
"""Times as many as under a weak prior, which a prior may take there."""


class BLRM(ModelDesign):
    """The Bayesian logistic regression model (BLRM) with escalation with overdose control (EWOC).

    logit p = log_alpha + exp(log_beta) log(dose / reference_dose), with a bivariate normal prior of log_alpha and
    log_beta. The doses of the trial are positive numbers.

    Parameters
    ----------
    prior_mean : (float, float), optional
        Prior means of the log odds of a DLT at the reference dose, and of the log slope. Default: the log odds of the
        target, and 0.
    prior_sd : (float, float), default (2, 1)
        Prior standard deviations of the two; from 0.05 up to 10 and 2.
    prior_correlation : float, default 0
        Prior correlation of the two; between -0.98 and 0.98.
    reference_dose : float, optional
        The dose at which log_alpha is the log odds of a DLT. Default: the highest dose.
    intervals : sequence of float, default (0.2, 0.35, 0.6)
        Limits of the intervals of the DLT rate: the first two bound the target interval, and all rates from the second
        on are overdoses. Further limits divide the overdoses in interval_probabilities.
    ewoc : float, default 0.25
        A dose is excluded while the probability that its DLT rate is an overdose exceeds this.
    choose : {"most_probable", "highest"}
        Of the other doses, the one whose DLT rate is most probably in the target interval, or the highest (as
        crmPack's `NextBestEWOC`); the first limit of the intervals then decides nothing.
    """

    kind: Literal["blrm"] = "blrm"
    prior_mean: (
        tuple[Annotated[Real, Field(ge=-FARTHEST_MEAN, le=FARTHEST_MEAN)], Annotated[Real, Field(ge=-5, le=5)]] | None
    ) = None
    prior_sd: tuple[Annotated[Real, Field(ge=0.05, le=10)], Annotated[Real, Field(ge=0.05, le=2)]] = WEAK_SD
    prior_correlation: Real = Field(default=0.0, ge=-0.98, le=0.98)
    reference_dose: Positive | None = None
    intervals: tuple[Fraction, ...] = Field(default=(0.2, 0.35, 0.6), min_length=2)
    ewoc: Fraction = 0.25
    choose: Literal["most_probable", "highest"] = "most_probable"

    tuned: ClassVar[dict[str, tuple[float, ...]]] = {"ewoc": tuple(percent / 100 for percent in range(10, 55, 5))}
    sources: ClassVar[tuple[str, ...]] = (
        "Neuenschwander B, Branson M, Gsponer T (2008). Critical aspects of the Bayesian approach to phase I cancer "
        "trials. Stat Med 27:2420-2439.",
        "Babb J, Rogatko A, Zacks S (1998). Cancer phase I clinical trials: efficient dose escalation with overdose "
        "control. Stat Med 17:1103-1120.",
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if any(low >= high for low, high in pairwise(self.intervals)):
            raise ValueError("intervals: should increase")
        return self

    def _problems(self, trial: Trial) -> Iterator[tuple[str, str]]:
        if any(isinstance(dose, str) or dose <= 0 for dose in trial.doses):
            yield "kind", "blrm needs doses that are positive numbers"
            return
        low, high = self.intervals[:2]
        if not low - SLACK <= trial.target < high - SLACK:
            yield "intervals", f"the target of {trial.target:g} should be in the target interval, {low:g} to {high:g}"
        for limit in self._limits():
            if not NEAREST <= limit <= 1 - NEAREST:
                yield "kind", f"blrm needs limits of DLT rates from {NEAREST:g} to 1 - {NEAREST:g}, not {limit!r}"
                return
        mean = self._mean(trial)[0]
        if abs(mean) > FARTHEST_MEAN:
            yield (
                "prior_mean",
                f"by default that of log_alpha is the log odds of the target, {mean:.4g}; it should be from "
                f"{-FARTHEST_MEAN:g} to {FARTHEST_MEAN:g}",
            )
            return
        yield from self._problems_of_prior(trial)

    def _problems_of_prior(self, trial: Trial) -> Iterator[tuple[str, str]]:
        doses, prior = self._model(trial)
        if between(doses, prior, PLAUSIBLE) < HARDLY:
            low, high = PLAUSIBLE
            yield (
                "reference_dose",
                f"under this prior no dose can have a DLT rate between {low:g} and {high:g}: is the reference dose, "
                f"{self._reference(trial):g}, in the unit of the doses, {trial.doses[0]:g} to {trial.doses[-1]:g}? If "
                "so another prior_mean or a larger prior_sd may be meant",
            )
            return
        curves = self._curves(trial)
        if curves > MOST_CURVES:
            weak = BivariateNormal((0.0, 0.0), WEAK_SD, 0.0)
            asked = tuple(self._limits()), trial.max_patients
            if curves > MOST_RATIO * _grid_size(tuple(doses.tolist()), weak, *asked):
                yield (
                    "prior_sd",
                    f"given its slope log_alpha has a prior standard deviation of {prior.sd_on_line:.2g}, too small "
                    f"beside all else that this prior leaves open: exact posteriors would take about {curves:,.0f} "
                    f"curves, {MOST_CURVES:,} at most are made; a larger prior_sd of log_alpha, a smaller one of "
                    "log_beta, a prior_correlation nearer to 0 or a reference_dose among the doses would be right",
                )

    def _cautions(self, trial: Trial) -> Iterator[str]:
        if any(True for _ in self._problems(trial)):
            return
        none = [0] * trial.levels
        overdose = self.interval_probabilities(trial, none, none)[trial.start_dose - 1, 2:].sum()
        if overdose > self.ewoc + SLACK:
            yield (
                f"under the prior alone ewoc excludes the start dose: its DLT rate is {self.intervals[1]:g} or more "
                f"with probability {overdose:.2f}; another prior_mean, prior_sd or reference_dose may be meant"
            )

    def interval_probabilities(self, trial: Trial, patients: Sequence[int], dlts: Sequence[int]) -> Floats:
        """Posterior probabilities that a dose's DLT rate lies in each interval.

        Parameters
        ----------
        trial : Trial
        patients, dlts : sequence of int
            At each dose.

        Returns
        -------
        float64[D, I + 1]
            By dose and interval: below the first limit, between two limits, from the last limit on.

        Examples
        --------
        >>> trial = Trial(doses=[50, 150, 300, 600], target=0.25, max_patients=36)
        >>> BLRM().interval_probabilities(trial, [3, 3, 0, 0], [0, 1, 0, 0])[1].round(3)
        array([0.628, 0.236, 0.124, 0.012])
        """
        n, y = np.asarray(patients), np.asarray(dlts)
        above = _above(self._posterior(trial, n, y), self.intervals, trial.levels)
        edges = np.vstack([np.ones(trial.levels), above, np.zeros(trial.levels)])
        return -np.diff(edges, axis=0).T

    def _estimates(self, trial: Trial, patients: NDArray[np.int64], dlts: NDArray[np.int64]) -> RateEstimates:
        posterior = self._posterior(trial, patients, dlts)
        rates = posterior.rates()
        limits = credible_limits(posterior.above, posterior.near_quantiles(np.array([0.025, 0.975])))
        return RateEstimates(rates, *limits, _above(posterior, [trial.target], trial.levels)[0])

    def _posterior(self, trial: Trial, patients: NDArray[np.int64], dlts: NDArray[np.int64]) -> LogisticPosterior:
        return LogisticPosterior(*self._model(trial), patients, dlts)

    def _model(self, trial: Trial) -> tuple[Floats, BivariateNormal]:
        """The doses as the model sees them, float64[D], and its prior."""
        # A quotient of the two may be too large or too small for a floating-point number.
        doses = np.log(np.array(trial.doses, dtype=np.float64)) - np.log(self._reference(trial))
        return doses, BivariateNormal(self._mean(trial), self.prior_sd, self.prior_correlation)

    def _reference(self, trial: Trial) -> float:
        return float(trial.doses[-1]) if self.reference_dose is None else self.reference_dose

    def _mean(self, trial: Trial) -> tuple[float, float]:
        return (float(special.logit(trial.target)), 0.0) if self.prior_mean is None else self.prior_mean

    def _decisions_in_words(self, trial: Trial) -> Iterator[str]:
        (low, high, *more), mean, sd = self.intervals, self._mean(trial), self.prior_sd
        unit = f" {trial.dose_unit}" if trial.dose_unit else ""
        yield (
            "Dose escalation follows the Bayesian logistic regression model (BLRM; Neuenschwander et al. 2008) with "
            f"escalation with overdose control (EWOC; Babb et al. 1998) and a target DLT rate of {trial.target:g}."
        )
        yield (
            "The DLT rate p at a dose is modelled as logit p = log_alpha + exp(log_beta) log(dose / "
            f"{self._reference(trial):g}{unit})."
        )
        yield (
            f"log_alpha and log_beta have a bivariate normal prior with means {mean[0]:g} and {mean[1]:g}, "
            f"standard deviations {sd[0]:g} and {sd[1]:g} and correlation {self.prior_correlation:g}."
        )
        interval = f"the target interval from {low:g} to {high:g}"
        chosen = {
            "most_probable": f"one whose DLT rate is most probably in {interval}, the lower of two",
            "highest": "highest",
        }[self.choose]
        yield (
            f"After each cohort the model is fitted to all data. A dose is excluded while P(DLT rate >= {high:g} | "
            f"data) > {self.ewoc:g}; of the others the next cohort gets the {chosen}."
        )
        if self.choose == "highest":
            yield f"The probability of {interval} is reported; it decides nothing."
        if more:
            yield f"Overdoses are reported apart above DLT rates of {listed(more)}; this decides nothing."

    def _limits_in_words(self, trial: Trial) -> Iterator[str]:
        yield from super()._limits_in_words(trial)
        yield "When every dose is excluded the trial ends and no dose is recommended."

    def _plan(self, trial: Trial) -> ModelPlan:
        if trial.levels * trial.max_patients <= AT_ONCE:
            return self._with_curves(trial)
        return LaterPlan(
            conduct=Conduct.of(trial),
            target=trial.target,
            coherent=COHERENT[self.coherent],
            recommends_untried=self.recommend_untried,
            doses=trial.levels,
            curves=cache(partial(self._with_curves, trial)),
            size=partial(self._curves, trial),
            answer=lru_cache(maxsize=64)(partial(self._judged, trial)),
        )

    def _curves(self, trial: Trial) -> float:
        """About how many curves carry the posteriors that a trial can give."""
        doses, prior = self._model(trial)
        return _grid_size(tuple(doses.tolist()), prior, tuple(self._limits()), trial.max_patients)

    def _with_curves(self, trial: Trial) -> CurvePlan:
        limits = self._limits()
        grid = logistic_grid(*self._model(trial), limits, trial.max_patients)
        tails = dict(zip(limits, grid.above, strict=True))
        target, overdose = (tails[limit] for limit in self.intervals[:2])

        def above(limit: float) -> Floats:
            return tails[limit] if limit in tails else np.full_like(overdose, float(limit <= 0))

        return self._curve_plan(
            trial,
            log_rates=(grid.log_dlt, grid.log_no_dlt),
            log_weight=grid.log_weight,
            above=above,
            reading=self._reading(target - overdose, overdose),
        )

    def _reading(self, in_target: Floats, overdose: Floats) -> Intervals:
        return Intervals(in_target, overdose, self.ewoc, takes_highest=self.choose == "highest")

    def _limits(self) -> list[float]:
        """DLT rates strictly between 0 and 1 about which the posterior is asked how probable higher ones are."""
        asked = (limit for belief in self.beliefs() for limit in (belief.low, belief.high) if 0 < limit < 1)
        return list(dict.fromkeys([*self.intervals[:2], *asked]))

    def _judged(self, trial: Trial, patients: tuple[int, ...], dlts: tuple[int, ...]) -> Judgement:
        posterior = self._posterior(trial, np.array(patients), np.array(dlts))
        limits = self._limits()
        tails = dict(zip(limits, _above(posterior, limits, trial.levels), strict=True))
        tails |= {0.0: np.ones(trial.levels), 1.0: np.zeros(trial.levels)}
        above, overdose = (tails[limit] for limit in self.intervals[:2])
        no_curves = np.empty((trial.levels, 0))
        reading = self._reading(no_curves, no_curves)
        believed = {belief: tails[belief.low] - tails[belief.high] for belief in self.beliefs()}
        asked = reading, trial.levels, trial.target, 1.0
        return Judgement(*asked, means=above - overdose, overdose=overdose, believed=believed)


@lru_cache(maxsize=64)
def _grid_size(doses: tuple[float, ...], prior: BivariateNormal, limits: tuple[float, ...], max_patients: int) -> float:
    """`grid_size`, remembered: the designs of a trial, and its settings, mostly have the same prior."""
    return grid_size(np.array(doses), prior, limits, max_patients)


def _above(posterior: LogisticPosterior, limits: Sequence[float], levels: int) -> Floats:
    """P(rate > limit | data) at each dose, float64[L, D]."""
    pairs = np.repeat(limits, levels), np.tile(np.arange(levels), len(limits))
    return posterior.above(*pairs).reshape(len(limits), levels)
