"""The continual reassessment method with several skeletons, averaged over the models they make.

Each skeleton is a power model with a prior probability. The posterior probability of a model is proportional to that
times its marginal likelihood, and a dose's fitted rate is the mean of its posterior mean rates, weighted with these.

Source: Yin G, Yuan Y (2009) J Am Stat Assoc 104:954-968.
"""

from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from math import sqrt
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from escalation.designs.model_based import ModelDesign, RateEstimates, TooToxic, credible_limits
from escalation.designs.models import curves
from escalation.designs.words import listed
from escalation.fields import Fraction, Positive, Real
from escalation.numbers import Floats
from escalation.plans.curves import CurvePlan
from escalation.plans.readings import PosteriorMean
from escalation.trial.trial import Trial

POWER = curves.MODELS["power"]


class BMACRM(ModelDesign):
    """The Bayesian model averaging continual reassessment method (BMA-CRM).

    In model k the DLT rate at dose d is skeleton_kd^exp(b), with b ~ N(0, prior_sd^2).

    Parameters
    ----------
    skeletons : sequence of sequences of float
        Prior guesses of the DLT rates, one skeleton a model; each increasing, one value a dose.
    weights : sequence of float, optional
        Prior weights of the models, divided by their sum. Default: equal.
    prior_sd : float, default sqrt(2)
        Standard deviation of the normal prior of b.
    no_skip : bool, default True
        Give at most the dose one above or one below the last, as the published algorithm.
    stop_if_too_toxic : TooToxic, {"threshold": ..., "margin": ...} or False, default threshold 0.9
        End the trial, recommending no dose, when the lowest dose is probably too toxic, as the published algorithm.
    """

    kind: Literal["bma-crm"] = "bma-crm"
    skeletons: tuple[Annotated[tuple[Fraction, ...], Field(min_length=1)], ...] = Field(min_length=1)
    weights: tuple[Positive, ...] | None = None
    prior_sd: Real = Field(default=sqrt(2), gt=0.01, le=10)
    stop_if_too_toxic: TooToxic | Literal[False] = TooToxic(threshold=0.9)

    skips_down: ClassVar[bool] = False
    sources: ClassVar[tuple[str, ...]] = (
        "Yin G, Yuan Y (2009). Bayesian model averaging continual reassessment method in phase I clinical trials. J "
        "Am Stat Assoc 104:954-968.",
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for number, skeleton in enumerate(self.skeletons, 1):
            if any(low >= high for low, high in pairwise(skeleton)):
                raise ValueError(f"skeletons: number {number} should increase from each dose to the next")
        if len({len(skeleton) for skeleton in self.skeletons}) > 1:
            raise ValueError("skeletons: should have equally many values")
        if self.weights is not None and len(self.weights) != len(self.skeletons):
            raise ValueError(f"weights: {len(self.weights)} values for {len(self.skeletons)} skeletons")
        return self

    def _problems(self, trial: Trial) -> Iterator[tuple[str, str]]:
        if len(self.skeletons[0]) != trial.levels:
            yield "skeletons", f"{len(self.skeletons[0])} values for {trial.levels} dose levels"
        if self.stop_if_too_toxic:
            yield from self.stop_if_too_toxic.misfits(trial)

    def _estimates(self, trial: Trial, patients: NDArray[np.int64], dlts: NDArray[np.int64]) -> RateEstimates:
        grids, plan = _grids(self, trial), self._plan(trial)
        posterior, rates = plan.posterior(patients, dlts), np.exp(plan.log_dlt)
        means = plan.reading.means(plan.log_dlt, posterior)
        parts = np.split(posterior, np.cumsum([len(b) for _, b in grids])[:-1])  # their sums: those of the models

        def above(limits: Floats, doses: NDArray[np.int64]) -> Floats:
            models = zip(grids, parts, strict=True)
            found: Floats = sum(
                (curves.probabilities_above(POWER, skeleton[doses], b, part, limits) for (skeleton, b), part in models),
                np.zeros(len(limits)),
            )
            return found

        doses, shares = np.arange(trial.levels), np.array([[0.025], [0.975]])
        # About where they are: the jumps of the posterior.
        order = np.argsort(rates, axis=1)
        reached = np.cumsum(posterior[order], axis=1) >= shares[:, None]
        near = rates[doses, order[doses, np.argmax(reached, axis=-1)]]
        at_target = above(np.full(trial.levels, trial.target), doses)
        return RateEstimates(means, *credible_limits(above, near), at_target)

    def _rates(self, trial: Trial, patients: NDArray[np.int64], dlts: NDArray[np.int64]) -> Floats:
        plan = self._plan(trial)
        return plan.reading.means(plan.log_dlt, plan.posterior(patients, dlts))

    @property
    def _model_weights(self) -> Floats:
        prior = np.ones(len(self.skeletons)) if self.weights is None else np.array(self.weights) / max(self.weights)
        return prior / prior.sum()

    def _decisions_in_words(self, trial: Trial) -> Iterator[str]:
        yield (
            "Dose escalation follows the Bayesian model averaging continual reassessment method (BMA-CRM; Yin & Yuan "
            f"2009) with a target DLT rate of {trial.target:g}."
        )
        models = "; ".join(
            f"{listed(skeleton)} (prior probability {weight:g})"
            for skeleton, weight in zip(self.skeletons, self._model_weights, strict=True)
        )
        yield f"In each model the DLT rate p at a dose is skeleton^exp(b), with the skeletons {models}."
        yield f"b has a normal prior with mean 0 and standard deviation {self.prior_sd:g}."
        yield (
            "After each cohort the models are fitted to all data, and the next cohort gets the dose whose posterior "
            "mean DLT rate, averaged over the models with their posterior probabilities, is closest to the target, "
            "the lower of two."
        )

    def _limits_in_words(self, trial: Trial) -> Iterator[str]:
        yield from super()._limits_in_words(trial)
        if self.stop_if_too_toxic:
            yield self.stop_if_too_toxic.words(trial)

    def _plan(self, trial: Trial) -> CurvePlan:
        return _compiled(self, trial)

    def _compile(self, trial: Trial) -> CurvePlan:
        grids, normal = _grids(self, trial), curves.normal_prior(self.prior_sd)
        log_dlt, log_no_dlt = zip(*(POWER.log_rates(skeleton, b) for skeleton, b in grids), strict=True)
        # Each grid has its own spacing: normalised by itself, it stands for one model.
        priors = zip(self._model_weights, grids, strict=True)
        log_weight = np.concatenate([np.log(share) + curves.log_prior_weights(normal, b) for share, (_, b) in priors])

        def above(limit: float) -> Floats:
            return np.concatenate([curves.tails_above(POWER, skeleton, b, limit) for skeleton, b in grids], axis=1)

        return self._curve_plan(
            trial,
            log_rates=(np.concatenate(log_dlt, axis=1), np.concatenate(log_no_dlt, axis=1)),
            log_weight=log_weight,
            reading=PosteriorMean(),
            above=above,
            stop=self.stop_if_too_toxic or None,
        )


@lru_cache(maxsize=4)
def _grids(design: BMACRM, trial: Trial) -> tuple[tuple[Floats, Floats], ...]:
    """Of each model the skeleton, float64[D], and the values of b that carry its posterior."""
    prior, size = curves.normal_prior(design.prior_sd), trial.max_patients
    return tuple((s, curves.parameter_grid(POWER, s, prior, size)) for s in map(np.array, design.skeletons))


@lru_cache(maxsize=2)
def _compiled(design: BMACRM, trial: Trial) -> CurvePlan:
    """The plan of a design: what it decides asks for it, and every estimate."""
    return design._compile(trial)
