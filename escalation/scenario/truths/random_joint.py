"""Random truths with responses: DLT and response rates, drawn so that every dose is the optimal one equally often.

The optimal dose j is drawn, or given, and with probability 1/2 there is a plateau, unless j is the highest dose. Then
all of the following is drawn until it fits.

The MTD m is uniform on j..D. DLT rates are uniform on [0, B] and put in order, given that m is the closest to the
target, with B the largest of D - m numbers, uniform from the target to 1, and 0.10 above the target at least; for m = D
it is target + (1 - target) Beta(1/2, 1). So they are those of `random`'s clertant, but for the least bound and the MTD.

Response rates have a bound of their own, uniform from min_response + 0.10 to 1. Those of a plateau are uniform up to
it, rise to j and stay there. Others have a mode, uniform on j..D, whose rate is the largest of D numbers, uniform up to
the bound; the others are uniform up to the mode's, rise before it and fall after it. Where j is the highest dose all
are uniform up to the bound, and rise.

It fits where no dose up to m has a larger mean utility than j, whose response rate is at least min_response + 0.05.
Here it also has to fit what this package says of a truth: m is correct, and j is the optimal dose of all, whose DLT
rate is then at most max_toxicity. The source has target + 0.05 in its place, and one limit of toxicity for the MTD and
the optimal dose. DLT and response are independent.

Source: Shi H, Lin R, Lin X, comparison of model-assisted phase I/II designs; `simprob` of the R package phase12designs
0.3.1 (Cao A, Shi H).
"""

import numpy as np
from numpy.typing import NDArray

from escalation.errors import DesignError
from escalation.kernels.codes import SLACK
from escalation.numbers import Floats, is_whole
from escalation.scenario.truths.random import BLOCK, check_draw, rates_up_to
from escalation.trial.efficacy import Efficacy
from escalation.trial.joint import INDEPENDENT, JointRates, joint_rates
from escalation.trial.rates import are_correct
from escalation.trial.trial import Trial

Doses = NDArray[np.int64]

PLATEAU = 0.5
"""Probability of a plateau."""

ROOM = 0.10
"""The bounds of the rates are so much above the target and `min_response` at least."""

CLEAR = 0.05
"""And the response rate of the optimal dose above `min_response`."""

ROUNDS = 4000
"""Of `BLOCK` truths each, after which one that fits is looked for no more: some seconds."""


def random_joint_truths(trial: Trial, *, count: int, seed: int = 0, obd: int | None = None) -> JointRates:
    """Draw truths with responses for a trial.

    Parameters
    ----------
    trial : Trial
        Its dose levels, target, and `[trial.efficacy]` with max_toxicity.
    count : int
        At least 1.
    seed : int
        Not negative.
    obd : int, optional
        The optimal dose of all, 1-based. By default each is drawn.

    Returns
    -------
    JointRates
        Of `count` truths. The first n are the same whatever the count.

    Raises
    ------
    DesignError
        A ValueError: an argument is out of range, the trial does not say which doses are acceptable, or there are no
        truths, or hardly any, that fit.

    Examples
    --------
    >>> from escalation import Trial
    >>> trial = Trial(doses=[1, 2, 3], target=0.25, max_patients=18,
    ...               efficacy={"min_response": 0.3, "max_toxicity": 0.35})
    >>> random_joint_truths(trial, count=1000).response.shape
    (1000, 3)
    """
    check_draw(count, seed)
    levels, efficacy = trial.levels, trial.efficacy
    if efficacy is None or efficacy.max_toxicity is None:
        raise DesignError("random truths with responses need [trial.efficacy] with min_response and max_toxicity")
    if efficacy.min_response + ROOM >= 1:
        raise DesignError(
            f"min_response: {efficacy.min_response:g} should be below {1 - ROOM:g} for random truths with responses"
        )
    if obd is not None and (not is_whole(obd) or not 1 <= obd <= levels):
        raise DesignError(f"obd: {obd!r} should be a dose level, 1 to {levels}")
    blocks = [
        _block(np.random.default_rng([seed, block]), trial, efficacy, None if obd is None else obd - 1)
        for block in range(-(-count // BLOCK))
    ]
    dlt, response = (np.concatenate(part)[:count] for part in zip(*blocks, strict=True))
    return joint_rates(dlt, response, INDEPENDENT)


def _block(stream: np.random.Generator, trial: Trial, efficacy: Efficacy, obd: int | None) -> tuple[Floats, Floats]:
    levels = trial.levels
    best = stream.integers(levels, size=BLOCK) if obd is None else np.full(BLOCK, obd)
    flat = (stream.random(BLOCK) < PLATEAU) & (best < levels - 1)
    dlt, response, waiting = np.empty((BLOCK, levels)), np.empty((BLOCK, levels)), np.arange(BLOCK)
    for _ in range(ROUNDS):
        tried = np.resize(waiting, BLOCK)  # when few are left, each several times
        mtd = best[tried] + (stream.random(BLOCK) * (levels - best[tried])).astype(np.int64)
        drawn = _dlt_rates(stream, mtd, trial), _response_rates(stream, best[tried], flat[tried], trial, efficacy)
        fitting = np.flatnonzero(_fits(*drawn, best[tried], mtd, trial, efficacy))
        found, first = np.unique(tried[fitting], return_index=True)
        dlt[found], response[found] = (rates[fitting[first]] for rates in drawn)
        waiting = np.setdiff1d(waiting, found)
        if len(waiting) == 0:
            return dlt, response
    raise DesignError(
        f"random truths with responses: hardly any has its optimal dose at {best[waiting[0]] + 1} of {levels} with "
        "this [trial.efficacy] and target"
    )


def _dlt_rates(stream: np.random.Generator, mtd: Doses, trial: Trial) -> Floats:
    levels, target = trial.levels, trial.target
    above = levels - 1 - mtd
    bound = target + (1 - target) * stream.beta(np.maximum(above, 0.5), 1.0)
    bound = np.where(above > 0, np.maximum(bound, min(target + ROOM, 1.0)), bound)
    return rates_up_to(stream, mtd, bound, levels, target)


def _response_rates(
    stream: np.random.Generator, best: Doses, flat: NDArray[np.bool_], trial: Trial, efficacy: Efficacy
) -> Floats:
    levels, count = trial.levels, len(best)
    dose, rows = np.arange(levels), np.arange(count)
    least = efficacy.min_response + ROOM
    bound = least + (1 - least) * stream.random(count)
    highest = best == levels - 1
    rises = flat | highest  # up to the optimal dose, without a mode of its own
    mode = np.where(rises, best, best + (stream.random(count) * (levels - best)).astype(np.int64))
    top = bound * np.where(rises, 1.0, stream.random((count, levels)).max(axis=1))
    rates = top[:, None] * stream.random((count, levels))
    rates[rows[~rises], mode[~rises]] = top[~rises]
    before, after = dose <= mode[:, None], dose > mode[:, None]
    # Each side in order: what does not belong to it is put behind, or before, all of it.
    up = np.sort(np.where(before, rates, np.inf), axis=1)
    down = np.sort(np.where(after, rates, np.inf), axis=1)[:, ::-1]
    found = np.where(before, up, down)
    return np.where(flat[:, None] & after, found[rows, mode][:, None], found)


def _fits(
    dlt: Floats, response: Floats, best: Doses, mtd: Doses, trial: Trial, efficacy: Efficacy
) -> NDArray[np.bool_]:
    """Which of some truths have their optimal dose and MTD where they should be, bool[T]."""
    joint, rows = joint_rates(dlt, response, INDEPENDENT), np.arange(len(best))
    utility = joint.mean_utility(efficacy.utility)
    up_to_mtd = np.where(np.arange(trial.levels) <= mtd[:, None], utility, -np.inf)
    fits = (joint.optimal_doses(efficacy) == best) & (utility[rows, best] >= up_to_mtd.max(axis=1) - SLACK)
    fits &= response[rows, best] >= efficacy.min_response + CLEAR
    return np.asarray(fits & are_correct(dlt, trial.target)[rows, mtd])
