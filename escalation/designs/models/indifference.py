"""Skeletons of the CRM by indifference intervals.

A skeleton is calibrated so that the model cannot tell a dose from the target while its neighbours' true rates stay
within target +- half_width: going up from the prior MTD k, the b at which dose k has rate target - half_width is the b
at which dose k + 1 has target + half_width; going down, the other way round.

Source: Lee SM, Cheung YK (2009) Clin Trials 6:227-238; dfcrm::getprior.
"""

from typing import Literal

import numpy as np
from scipy.special import logit

from escalation.designs.models.curves import INTERCEPT, INTERCEPTS, MODELS, model_of
from escalation.errors import DesignError
from escalation.numbers import Floats


def skeleton(
    *,
    half_width: float,
    target: float,
    prior_mtd: int,
    doses: int,
    model: Literal["power", "logistic"] = "power",
    intercept: float | None = None,
) -> Floats:
    """Skeleton of a CRM from an indifference interval.

    Parameters
    ----------
    half_width : float
        Half the width of the indifference interval; target +- half_width lies strictly between 0 and 1.
    target : float
        Target DLT rate.
    prior_mtd : int
        1-based dose level whose skeleton value is the target.
    doses : int
        Number of dose levels.
    model : {"power", "logistic"}
    intercept : float, optional
        Of the logistic model, above the log odds of target + half_width. Default: 3.

    Returns
    -------
    float64[doses]

    Raises
    ------
    DesignError
        A ValueError; an argument is outside its domain, or two doses would get the same value.

    Examples
    --------
    >>> skeleton(half_width=0.06, target=0.25, prior_mtd=3, doses=4).round(4)
    array([0.0616, 0.14  , 0.25  , 0.3762])
    """
    if not 0 < target < 1:
        raise DesignError(f"target: {target:g} should be strictly between 0 and 1")
    if not 0 < half_width < min(target, 1 - target):
        raise DesignError(
            f"half_width: {half_width:g} should be positive and leave target +- half_width between 0 and 1"
        )
    if not isinstance(doses, int) or not isinstance(prior_mtd, int) or not 1 <= prior_mtd <= doses:
        raise DesignError(f"prior_mtd: {prior_mtd} should be one of the dose levels 1 to {doses}")
    if model not in MODELS:
        raise DesignError(f"model: {model!r} should be 'power' or 'logistic'")
    if intercept is not None and model != "logistic":
        raise DesignError("intercept: only with the model 'logistic'")
    if intercept is not None and not INTERCEPTS[0] <= intercept <= INTERCEPTS[1]:
        raise DesignError(f"intercept: {intercept:g} should be between {INTERCEPTS[0]:g} and {INTERCEPTS[1]:g}")
    family = model_of(model, intercept)
    if family.scale(target + half_width) >= 0:
        if intercept is not None:
            raise DesignError(
                f"intercept: {intercept:g} should be above {logit(target + half_width):.4f}, the log odds of target + "
                f"half_width ({target + half_width:g})"
            )
        raise DesignError(
            f"half_width: target + half_width should be below {family.highest:.4f} for the {model} model with an "
            f"intercept of {INTERCEPT:g}"
        )

    ratio = family.scale(target + half_width) / family.scale(target - half_width)
    steps = np.arange(1 - prior_mtd, doses - prior_mtd + 1, dtype=np.float64)
    rates = family.rate(family.scale(target) * np.power(ratio, steps))
    if rates[0] <= 0 or rates[-1] >= family.highest or np.any(np.diff(rates) <= 0):
        raise DesignError(
            f"half_width: {half_width:g} does not give {doses} different rates between 0 and {family.highest:.4g}"
        )
    return rates
