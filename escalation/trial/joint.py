"""A patient's response beside the DLT: the probabilities of both at a dose, and which dose is the optimal one.

The four outcomes of a patient are N, neither; E, a response only; T, a DLT only; B, both. The two rates of a dose leave
one number open, P(B). It is given by an association that is the same at all doses: the global odds ratio
P(N) P(B) / (P(E) P(T)), or the correlation of two normal variables of which each decides on one of the events.

Sources: Plackett RL (1965) A class of bivariate distributions. J Am Stat Assoc 60:516-522. Owen DB (1956) Tables for
computing bivariate normal probabilities. Ann Math Stat 27:1075-1090.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator
from scipy import special

from escalation.fields import Frozen, Real
from escalation.kernels.codes import NO_DOSE, SLACK
from escalation.numbers import Floats
from escalation.trial.efficacy import Efficacy, Utility

OUTCOMES = "NETB"
"""In the order of cells: neither, response only, DLT only, both."""


class Association(Frozen):
    """How a patient's DLT and response go together; exactly one of the two.

    Parameters
    ----------
    odds_ratio : float, optional
        The odds of a response with a DLT, over those without one; 1 is independence.
    latent_correlation : float, optional
        Of a Gaussian copula, strictly between -1 and 1; 0 is independence. It is not the correlation of the two events.
    """

    odds_ratio: Annotated[Real, Field(gt=0)] | None = None
    latent_correlation: Annotated[Real, Field(gt=-1, lt=1)] | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.odds_ratio is None) == (self.latent_correlation is None):
            raise ValueError("should be either odds_ratio or latent_correlation")
        return self


INDEPENDENT = Association(odds_ratio=1.0)


@dataclass(frozen=True, eq=False)
class JointRates:
    """DLTs and responses at D dose levels, of one truth; of T truths all have another axis, which comes first.

    Attributes
    ----------
    dlt, response : float64[D]
        P(DLT) and P(response).
    cells : float64[D, 4]
        Probabilities of the outcomes, in the order of `OUTCOMES`, which sum to these.
    """

    dlt: Floats
    response: Floats
    cells: Floats

    @property
    def response_given_dlt(self) -> Floats:
        """P(response | DLT), float64[D]; P(response) where nobody has a DLT."""
        return _share(self.cells[..., 3], self.dlt, self.response)

    @property
    def response_given_no_dlt(self) -> Floats:
        """P(response | no DLT), float64[D]; P(response) where everybody has a DLT."""
        return _share(self.cells[..., 1], self.cells[..., 0] + self.cells[..., 1], self.response)

    def mean_utility(self, utility: Utility) -> Floats:
        """Utility of a patient, on average, float64[D]."""
        return self.cells @ np.array(utility.of_outcomes, np.float64)

    def optimal_dose(self, efficacy: Efficacy) -> int | None:
        """The optimal dose of one truth, 1-based; None where no dose is acceptable."""
        found = int(self.optimal_doses(efficacy))
        return None if found == NO_DOSE else found + 1

    def optimal_doses(self, efficacy: Efficacy) -> NDArray[np.int64]:
        """Index of the true optimal dose of each truth, int64[T]; NO_DOSE where no dose is acceptable.

        The largest mean utility among the doses whose DLT rate is at most `max_toxicity`, which has to be there, and
        whose response rate is at least `min_response`; the lowest of equal ones.
        """
        assert efficacy.max_toxicity is not None
        acceptable = self.dlt <= efficacy.max_toxicity + SLACK
        acceptable &= self.response >= efficacy.min_response - SLACK
        worth = np.where(acceptable, self.mean_utility(efficacy.utility), -np.inf)
        best = np.argmax(worth >= worth.max(axis=-1, keepdims=True) - SLACK, axis=-1)
        return np.asarray(np.where(acceptable.any(axis=-1), best, NO_DOSE), np.int64)

    def of(self, truths: slice | int) -> "JointRates":
        """Those of some of the truths, or of one."""
        return JointRates(self.dlt[truths], self.response[truths], self.cells[truths])

    @classmethod
    def stacked(cls, truths: Sequence["JointRates"]) -> "JointRates":
        """Single truths as many."""
        return cls(*(np.stack([getattr(one, name) for one in truths]) for name in ("dlt", "response", "cells")))


def joint_rates(
    dlt_rates: Sequence[float] | Floats, response_rates: Sequence[float] | Floats, association: Association
) -> JointRates:
    """The rates of D doses with their association; of T truths, float64[T, D] each, those of all."""
    dlt, response = np.asarray(dlt_rates, np.float64), np.asarray(response_rates, np.float64)
    if association.odds_ratio is not None:
        both = _with_odds_ratio(dlt, response, association.odds_ratio)
    else:
        assert association.latent_correlation is not None
        both = _with_correlation(dlt, response, association.latent_correlation)
    both = np.clip(both, np.maximum(dlt + response - 1, 0), np.minimum(dlt, response))
    neither = np.maximum(1 - dlt - response + both, 0)
    return JointRates(dlt, response, np.stack([neither, response - both, dlt - both, both], axis=-1))


def _share(part: Floats, whole: Floats, of_none: Floats) -> Floats:
    return np.minimum(np.divide(part, whole, out=of_none.copy(), where=whole > 0), 1.0)


def _with_odds_ratio(dlt: Floats, response: Floats, odds_ratio: float) -> Floats:
    """P(both), float64[D]: of the two roots of the quadratic equation the one between the bounds."""
    if odds_ratio == 1:
        return dlt * response
    beyond = odds_ratio - 1
    linear = 1 + (dlt + response) * beyond
    root = np.sqrt(np.maximum(linear**2 - 4 * odds_ratio * beyond * dlt * response, 0))
    # Two forms of one root: each loses digits on the other side of zero.
    upper = np.where(linear >= 0, linear + root, 1)
    return np.where(linear >= 0, 2 * odds_ratio * dlt * response / upper, (linear - root) / (2 * beyond))


def _with_correlation(dlt: Floats, response: Floats, correlation: float) -> Floats:
    """P(both), float64[D], by Owen's function T, which is accurate to 1e-16."""
    certain = (dlt == 0) | (dlt == 1) | (response == 0) | (response == 1)
    high, wide = (special.ndtri(np.where(certain, 0.25, rates)) + 0.0 for rates in (dlt, response))  # no -0
    both = (special.ndtr(high) + special.ndtr(wide)) / 2
    both -= _owen(high, wide, correlation) + _owen(wide, high, correlation)
    both -= np.where((high * wide < 0) | ((high * wide == 0) & (high + wide < 0)), 0.5, 0.0)
    centre = 0.25 + np.arcsin(correlation) / (2 * np.pi)
    return np.where(certain, dlt * response, np.where((high == 0) & (wide == 0), centre, both))


def _owen(own: Floats, other: Floats, correlation: float) -> NDArray[np.float64]:
    apart = np.sqrt((1 - correlation) * (1 + correlation))
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = (other - correlation * own) / (own * apart)
    return np.asarray(special.owens_t(own, np.where(np.isnan(slope), 0.0, slope)), np.float64)
