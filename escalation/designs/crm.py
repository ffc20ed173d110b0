"""The continual reassessment method.

A one-parameter curve is fitted to all data after each cohort, and the next cohort gets the dose whose rate under the
fitted curve is closest to the target, within what `no_skip` and `coherent` allow.

Source: O'Quigley J, Pepe M, Fisher L (1990) Biometrics 46:33-48; O'Quigley J, Shen LZ (1996) Biometrics 52:673-684 for
maximum likelihood; the defaults are those of the R package dfcrm (Cheung YK 2011), but for recommend_untried.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from itertools import pairwise
from math import sqrt
from typing import ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator
from scipy import special

from escalation.designs.base import never_reached, patients_reach, with_room
from escalation.designs.model_based import ModelDesign, RateEstimates, TooToxic
from escalation.designs.models import curves
from escalation.designs.models.indifference import skeleton
from escalation.designs.words import listed
from escalation.errors import DesignError
from escalation.fields import Count, Fraction, Real
from escalation.kernels.codes import ENOUGH_AT_DOSE, NEXT_DOSE
from escalation.numbers import Floats
from escalation.plans.curves import CurvePlan
from escalation.plans.readings import MaximumLikelihood, PlugIn, PosteriorMean, Reading
from escalation.trial.trial import Trial

BAYES = (
    "O'Quigley J, Pepe M, Fisher L (1990). Continual reassessment method: a practical design for phase 1 clinical "
    "trials in cancer. Biometrics 46:33-48."
)
LIKELIHOOD = "O'Quigley J, Shen LZ (1996). Continual reassessment method: a likelihood approach. Biometrics 52:673-684."
CHEUNG = "Cheung YK (2011). Dose Finding by the Continual Reassessment Method. CRC."
SKELETONS = "Lee SM, Cheung YK (2009). Model calibration in the continual reassessment method. Clin Trials 6:227-238."


class CRM(ModelDesign):
    """The continual reassessment method (CRM) with a one-parameter model.

    Parameters
    ----------
    model : {"power", "logistic"}
        p = skeleton^exp(b), or logit p = intercept + exp(b) (logit skeleton - intercept).
    intercept : float, optional
        Of the logistic model; dfcrm's `intcpt`. Above the log odds of every skeleton value and of the target: no rate
        is as high as that of these log odds. Default: 3.
    skeleton : sequence of float, optional
        Prior guesses of the DLT rates, increasing, one a dose.
    half_width : float, optional
        Instead of a skeleton, with prior_mtd: half width of the indifference interval (Lee & Cheung 2009).
    prior_mtd : int, optional
        Dose level, from 1, whose skeleton value is the target.
    method : {"bayes", "mle"}
        Fit by a posterior or by maximum likelihood; the latter goes one dose up after each cohort until the first DLT.
    prior : {"normal", "exponential", "gamma"}
        A normal prior of b, or an exponential or gamma prior of exp(b).
    prior_sd : float, default sqrt(1.34)
        Standard deviation of the normal prior of b; dfcrm's `scale`.
    prior_shape : float, optional
        Shape of the gamma prior.
    prior_rate : float, optional
        Rate of the gamma or exponential prior. Default: the shape (1 for the exponential), for a mean of 1.
    estimate : {"plugin", "mean"}
        The fitted rates: those at the posterior mean of the parameter that has the prior, b (as dfcrm) or exp(b); or
        their posterior means.
    coherent : {"cohort", "dose", "recent", "off"}
        No escalation when the DLT rate of the last cohort is at or above the target ("cohort", as dfcrm's `restrict`),
        when the rate among all patients at the current dose is above it ("dose", as dtpcrm), or when a DLT has become
        known since the dose was last decided on ("recent"): with complete data, when the last cohort had one.
    stop_if_too_toxic : TooToxic or {"threshold": ..., "margin": ...}, optional
        End the trial, recommending no dose, when the lowest dose is probably too toxic.
    stop_at : int, optional
        End the trial when the next cohort would get a dose with this many patients.
    recommend_untried : bool, default False
        Recommend the model's choice even where nobody was treated (as dfcrm); if not, the highest tried dose not above
        it.
    """

    kind: Literal["crm"] = "crm"
    model: Literal["power", "logistic"] = "power"
    intercept: Real | None = Field(default=None, ge=curves.INTERCEPTS[0], le=curves.INTERCEPTS[1])
    skeleton: tuple[Fraction, ...] | None = Field(default=None, min_length=1)
    half_width: Fraction | None = None
    prior_mtd: Count | None = None
    method: Literal["bayes", "mle"] = "bayes"
    prior: Literal["normal", "exponential", "gamma"] = "normal"
    prior_sd: Real = Field(default=sqrt(1.34), gt=0.01, le=10)
    prior_shape: Real | None = Field(default=None, ge=0.2, le=1000)
    prior_rate: Real | None = Field(default=None, ge=0.001, le=1000)
    estimate: Literal["plugin", "mean"] = "plugin"
    coherent: Literal["cohort", "dose", "recent", "off"] = "cohort"
    stop_if_too_toxic: TooToxic | None = None
    stop_at: Count | None = None

    sources: ClassVar[tuple[str, ...]] = (BAYES, LIKELIHOOD, CHEUNG, SKELETONS)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.intercept is not None and self.model != "logistic":
            raise ValueError('intercept: only with model = "logistic"')
        if self.skeleton is not None and (self.half_width is not None or self.prior_mtd is not None):
            raise ValueError("skeleton: give either a skeleton or half_width with prior_mtd, not both")
        if self.skeleton is None and (self.half_width is None or self.prior_mtd is None):
            raise ValueError("skeleton: needed, or else both half_width and prior_mtd")
        if self.skeleton is not None:
            if any(low >= high for low, high in pairwise(self.skeleton)):
                raise ValueError("skeleton: should increase from each dose to the next")
            if self._family.scale(self.skeleton[-1]) >= 0:
                raise ValueError(self._too_high_a_skeleton(self.skeleton[-1]))
        if self.method == "mle" and self.estimate == "mean":
            raise ValueError('estimate: "mean" is a posterior mean; it needs method = "bayes"')
        if self.method == "mle" and self.stop_if_too_toxic is not None:
            raise ValueError('stop_if_too_toxic: needs a posterior, method = "bayes"; or use stop_when')
        if self.method == "bayes" and self.prior == "gamma" and self.prior_shape is None:
            raise ValueError("prior_shape: needed for the gamma prior")
        return self

    @property
    def has_posterior(self) -> bool:
        """Whether it decides by a posterior; by maximum likelihood it does not."""
        return self.method == "bayes"

    def _too_high_a_skeleton(self, highest: float) -> str:
        if self.intercept is None:
            model = f"{self.model} model with an intercept of {self._intercept:g}"
            return f"skeleton: should stay below {self._family.highest:.4f} for the {model}"
        odds = f"{special.logit(highest):.4f}, the log odds of the highest skeleton value ({highest:g})"
        return f"intercept: {self.intercept:g} should be above {odds}"

    def _problems(self, trial: Trial) -> Iterator[tuple[str, str]]:
        if self.skeleton is not None and len(self.skeleton) != trial.levels:
            yield "skeleton", f"{len(self.skeleton)} values for {trial.levels} dose levels"
        if self.skeleton is None:
            try:
                self.prior_rates(trial)
            except DesignError as error:
                option, problem = str(error).split(": ", 1)
                yield option, problem
        if self.stop_if_too_toxic is not None:
            yield from self.stop_if_too_toxic.misfits(trial)
        yield from self._out_of_the_model(trial)

    def _out_of_the_model(self, trial: Trial) -> Iterator[tuple[str, str]]:
        """Rates that are compared with the model's, which are never so high."""
        stop = self.stop_if_too_toxic
        # A skeleton from half_width looks at the target itself.
        compared = {} if self.skeleton is None else {"the target": trial.target}
        if stop is not None and trial.target + stop.margin < 1:
            compared["target + margin of stop_if_too_toxic"] = trial.target + stop.margin
        for what, rate in compared.items():
            if self._family.scale(rate) >= 0:
                yield (
                    "intercept",
                    f"{self._intercept:g} should be above {special.logit(rate):.4f}, the log odds of {what} ({rate:g})",
                )

    def _cautions(self, trial: Trial) -> Iterator[str]:
        yield from never_reached("stop_at", self.stop_at, trial)
        read = {"normal": ("prior_sd",), "exponential": ("prior_rate",), "gamma": ("prior_shape", "prior_rate")}
        used, reason = {"prior", *read[self.prior]}, f'prior = "{self.prior}"'
        if self.method == "mle":
            used, reason = set(), 'method = "mle"'
        for option in ("prior", "prior_sd", "prior_shape", "prior_rate"):
            if option in self.model_fields_set - used and getattr(self, option) is not None:
                yield f"{option} is not used with {reason}"

    def tuning(self, trial: Trial) -> dict[str, tuple[float | int | None, ...]]:
        """Half width of the indifference interval and prior MTD (Lee & Cheung 2009), in place of any skeleton.

        A single dose has neither; there it is the threshold of the stop for toxicity, if there is one.
        """
        if trial.levels == 1:
            thresholds = tuple(percent / 100 for percent in range(70, 100))
            return {} if self.stop_if_too_toxic is None else {"stop_if_too_toxic.threshold": thresholds}
        widths = tuple(percent / 100 for percent in range(1, 11))
        no_skeleton = {} if self.skeleton is None else {"skeleton": (None,)}
        return {**no_skeleton, "half_width": widths, "prior_mtd": tuple(range(1, trial.levels + 1))}

    def prior_rates(self, trial: Trial) -> Floats:
        """The skeleton for a trial, float64[D].

        Raises
        ------
        DesignError
            half_width or prior_mtd does not fit the trial.
        """
        if self.skeleton is not None:
            return np.array(self.skeleton)
        assert self.half_width is not None
        assert self.prior_mtd is not None
        return skeleton(
            half_width=self.half_width,
            target=trial.target,
            prior_mtd=self.prior_mtd,
            doses=trial.levels,
            model=self.model,
            intercept=self.intercept,
        )

    def _plan(self, trial: Trial) -> CurvePlan:
        return _compiled(self, trial)

    def _compile(self, trial: Trial) -> CurvePlan:
        model, rates = self._family, self.prior_rates(trial)
        if self.method == "mle":
            b, log_weight = np.empty(0), np.empty(0)
            cuts = curves.cuts_between_doses(model, rates, trial.target)
            reading: Reading = MaximumLikelihood(*curves.slopes_at(model, rates, cuts))
        else:
            prior = self._prior()
            b = _grid(self, trial)
            log_weight = curves.log_prior_weights(prior, b)
            if self.estimate == "mean":
                reading = PosteriorMean()
            else:
                cuts = curves.cuts_between_doses(model, rates, trial.target)
                reading = PlugIn(b, cuts) if self.prior == "normal" else PlugIn(np.exp(b), np.exp(cuts))
        plan = self._curve_plan(
            trial,
            log_rates=model.log_rates(rates, b),
            log_weight=log_weight,
            reading=reading,
            above=partial(curves.tails_above, model, rates, b),
            stop=self.stop_if_too_toxic,
        )
        return plan.conducted(stops=patients_reach(self.stop_at, NEXT_DOSE, ENOUGH_AT_DOSE, trial))

    def estimates(self, trial: Trial, patients: Sequence[int], dlts: Sequence[int]) -> RateEstimates:
        """DLT rates after counts at each dose.

        Under maximum likelihood the limits are those of the likelihood ratio; there is no posterior probability.
        """
        return super().estimates(trial, patients, dlts)

    def _estimates(self, trial: Trial, patients: NDArray[np.int64], dlts: NDArray[np.int64]) -> RateEstimates:
        model, rates = self._family, self.prior_rates(trial)
        if self.method == "mle":
            none = np.full(trial.levels, np.nan)
            if patients.sum() == 0:
                return RateEstimates(none, none, none, none)
            limits = curves.likelihood_interval(model, rates, patients, dlts)
            best, low, high = (model.rates_at(rates, b) for b in limits)
            return RateEstimates(best, high, low, none)  # rates fall as b grows
        return self._estimates_by(trial, self._plan(trial).posterior(patients, dlts))

    def weighed_estimates(self, trial: Trial, treated: int, posterior: Floats) -> RateEstimates:
        """As `estimates`, by the posterior of each curve, float64[G], of a plan with room for all who were treated."""
        return self._estimates_by(with_room(trial, treated), posterior)

    def _estimates_by(self, trial: Trial, posterior: Floats) -> RateEstimates:
        model, rates = self._family, self.prior_rates(trial)
        b, fitted = _grid(self, trial), self._fitted(self._plan(trial), posterior, rates)
        low, high = curves.parameter_limits(b, posterior, np.array([0.025, 0.975])).tolist()
        above = curves.probabilities_above(model, rates, b, posterior, np.full(trial.levels, trial.target))
        return RateEstimates(fitted, model.rates_at(rates, high), model.rates_at(rates, low), above)

    def _rates(self, trial: Trial, patients: NDArray[np.int64], dlts: NDArray[np.int64]) -> Floats:
        if self.method == "mle":
            return super()._rates(trial, patients, dlts)
        plan = self._plan(trial)
        return self._fitted(plan, plan.posterior(patients, dlts), self.prior_rates(trial))

    def _fitted(self, plan: CurvePlan, posterior: Floats, skeleton: Floats) -> Floats:
        """The rates that the design compares, float64[D]."""
        means = plan.reading.means(plan.log_dlt, posterior)
        if self.estimate == "mean":
            return means
        (mean,) = means.tolist()
        b = mean if self.prior == "normal" else float(np.log(mean))
        return self._family.rates_at(skeleton, b)

    @property
    def _intercept(self) -> float:
        return curves.INTERCEPT if self.intercept is None else self.intercept

    @property
    def _family(self) -> curves.Model:
        return curves.model_of(self.model, self.intercept)

    def _prior(self) -> curves.Prior:
        return curves.normal_prior(self.prior_sd) if self.prior == "normal" else curves.gamma_prior(*self._gamma)

    @property
    def _gamma(self) -> tuple[float, float]:
        """Shape and rate of the gamma prior; the exponential is one."""
        shape = 1.0 if self.prior == "exponential" or self.prior_shape is None else self.prior_shape
        return shape, shape if self.prior_rate is None else self.prior_rate

    def _references(self) -> tuple[str, ...]:
        fit = LIKELIHOOD if self.method == "mle" else BAYES
        return (fit, CHEUNG) if self.skeleton is not None else (fit, CHEUNG, SKELETONS)

    def _decisions_in_words(self, trial: Trial) -> Iterator[str]:
        source = "O'Quigley & Shen 1996" if self.method == "mle" else "O'Quigley et al. 1990"
        yield (
            f"Dose escalation follows the continual reassessment method (CRM; {source}) with a target DLT rate of "
            f"{trial.target:g}."
        )
        yield f"The DLT rate p at a dose is modelled as {self._curve}, with {self._skeleton_in_words(trial)}."
        if self.method == "bayes":
            yield self._prior_in_words()
            parameter = "b" if self.prior == "normal" else "exp(b)"
            plugin = f"DLT rate at the posterior mean of {parameter}"
            rate = plugin if self.estimate == "plugin" else "posterior mean DLT rate"
        else:
            rate = "DLT rate under the curve of largest likelihood"
        yield (
            f"After each cohort the model is fitted to all data, and the next cohort gets the dose whose {rate} is "
            "closest to the target, the lower of two."
        )
        if self.method == "mle":
            yield "Before the first DLT each cohort goes one dose up."

    def _limits_in_words(self, trial: Trial) -> Iterator[str]:
        yield from super()._limits_in_words(trial)
        if self.stop_if_too_toxic is not None:
            yield self.stop_if_too_toxic.words(trial)

    @property
    def _curve(self) -> str:
        if self.model == "power":
            return "p = skeleton^exp(b)"
        a = self._intercept
        if a == 0:
            return "logit p = exp(b) logit skeleton"
        return f"logit p = {a:g} + exp(b) (logit skeleton {'-' if a > 0 else '+'} {abs(a):g})"

    def _skeleton_in_words(self, trial: Trial) -> str:
        skeleton = f"the skeleton {listed(self.prior_rates(trial).tolist())}"
        if self.half_width is None:
            return skeleton
        return (
            f"{skeleton}, from indifference intervals of half-width {self.half_width:g} about the target and dose "
            f"level {self.prior_mtd} as the prior MTD (Lee & Cheung 2009)"
        )

    def _prior_in_words(self) -> str:
        shape, rate = self._gamma
        return {
            "normal": f"b has a normal prior with mean 0 and standard deviation {self.prior_sd:g}.",
            "exponential": f"exp(b) has an exponential prior with rate {rate:g}.",
            "gamma": f"exp(b) has a gamma prior with shape {shape:g} and rate {rate:g}.",
        }[self.prior]


@lru_cache(maxsize=4)
def _grid(design: CRM, trial: Trial) -> Floats:
    """The b that carry every posterior of a trial: its plan has them, and its estimates."""
    grid = curves.parameter_grid(design._family, design.prior_rates(trial), design._prior(), trial.max_patients)
    grid.flags.writeable = False
    return grid


@lru_cache(maxsize=2)
def _compiled(design: CRM, trial: Trial) -> CurvePlan:
    """The plan of a design: what it decides asks for it, and every estimate."""
    return design._compile(trial)
