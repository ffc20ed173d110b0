"""What is known of each dose of a running trial."""

from collections.abc import Sequence

import numpy as np
from scipy import special

from escalation.designs import ModelDesign
from escalation.designs.model_based import RateEstimates
from escalation.numbers import clopper_pearson
from escalation.plans.decision import State
from escalation.running.answer import DoseEstimate
from escalation.running.decider import Decider
from escalation.trial.data import InterimData


def dose_estimates(
    decider: Decider,
    state: State,
    data: InterimData,
    *,
    closed: Sequence[bool] | None = None,
    weighed: RateEstimates | None = None,
) -> tuple[DoseEstimate, ...]:
    """What is known of each dose; the state is that of the patients whose outcomes are known.

    Where pending patients say more, `closed` is which doses they eliminate, and `weighed` what a model says with them.
    """
    if isinstance(decider.design, ModelDesign):
        found = weighed or decider.design.estimates(decider.trial, state.patients, state.dlts)
        columns = np.array(found)
    else:
        columns = _from_counts(decider, state)
    known = [[None if np.isnan(number) else number for number in column] for column in columns.tolist()]
    observed = [y / n if n else None for n, y in zip(state.patients, state.dlts, strict=True)]
    counts = state.patients, state.dlts, data.pending, data.inevaluable
    ruled_out = decider.trial.levels if decider.ruling.closed_from is None else decider.ruling.closed_from
    shut = decider.closed(state) if closed is None else closed
    eliminated = [one or dose >= ruled_out for dose, one in enumerate(shut)]
    rows = zip(*counts, observed, *known, eliminated, strict=True)
    return tuple(DoseEstimate(dose, *row) for dose, row in enumerate(rows, 1))


def _from_counts(decider: Decider, state: State) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Estimate, 95 % limits and P(rate > target) of each dose, float64[4, D], NaN where nobody was treated."""
    n, y = np.array(state.patients), np.array(state.dlts)
    tried = n > 0
    found = np.full((4, len(n)), np.nan)
    if tried.any():
        found[0, tried] = decider.plan.rates(n[tried], y[tried])
    found[1], found[2] = clopper_pearson(n, y)
    a, b = decider.prior(state)
    found[3, tried] = special.betaincc(a + y[tried], b + (n - y)[tried], decider.trial.target)
    return found
