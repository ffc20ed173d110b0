"""Whether simulated trials agree with the exact answer.

For every mean and probability the exact outcomes also give the standard deviation between trials, so that the simulated
mean has a z value with no estimate in it. Where fewer than 20 simulated trials are expected on one side of the mean the
normal approximation is poor: there the number of trials on that side is compared with its exact binomial distribution
instead. The p value is familywise (Bonferroni), so that an honest run does not alarm however many numbers are compared.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy import special

from escalation.characteristics.distributions import laws_of
from escalation.characteristics.responses import Responses
from escalation.engines.endings import mean_days
from escalation.engines.outcomes import DURATION, Outcomes
from escalation.errors import DesignError
from escalation.kernels.codes import END

FEWEST_EXPECTED = 20
"""Simulated trials expected on either side of a mean for the normal approximation to be used."""

FEWEST_TIMED = 400
"""Simulated trials for the normal approximation of a mean number of days."""

CERTAIN = 1e-9
"""Durations that differ by less, as a share, are the same."""

ALARM = 1e-3
"""Familywise p value below which simulated and exact values are said to disagree."""


@dataclass(frozen=True)
class Agreement:
    """Comparison of simulated with exact outcomes.

    Attributes
    ----------
    max_abs_z : float or None
        Largest |z|; None when every quantity is too rare for one.
    p_value : float
        Familywise: min(1, comparisons x smallest p value).
    worst : str
        Name of the quantity with the smallest p value.
    """

    max_abs_z: float | None
    p_value: float
    worst: str

    @property
    def agrees(self) -> bool:
        """Whether an honest run would give such a p value once in a while."""
        return self.p_value >= ALARM


def agreement(
    exact: Outcomes,
    simulated: Outcomes,
    correct: Sequence[int],
    responses: tuple[Responses, Responses] | None = None,
) -> Agreement:
    """Compare simulated outcomes with exact ones under the same truth.

    Parameters
    ----------
    exact, simulated : Outcomes
    correct : sequence of int
        The correct doses, 1-based.
    responses : (Responses, Responses), optional
        Of the exact and of the simulated outcomes.

    Raises
    ------
    DesignError
        A ValueError: `simulated` holds no simulated trials, or those of another trial; `correct` names a dose level
        that the trial does not have; or an ending is none that it can have.
    """
    if simulated.trials is None:
        raise DesignError("simulated: these outcomes are exact")
    if simulated.trial != exact.trial:
        raise DesignError("simulated: these outcomes are those of another trial")
    trials = simulated.trials
    observed, expected_laws = laws_of(simulated, correct).by_quantity(), laws_of(exact, correct).by_quantity()
    if responses is not None:
        expected_laws |= responses[0].by_quantity()
        observed |= responses[1].by_quantity()
    zs: list[float] = []
    p_values: dict[str, float] = {}
    for name, law in expected_laws.items():
        mean = law.mean
        # Rounding must not put a quantity that never varies on either side of its mean.
        slack = 1e-9 * max(1.0, abs(mean))
        above, below = law.values > mean + slack, law.values < mean - slack
        expected = [trials * float(law.probability[side].sum()) for side in (above, below)]
        if min(expected) >= FEWEST_EXPECTED:
            z = (observed[name].mean - mean) / (law.sd / math.sqrt(trials))
            zs.append(abs(z))
            p_values[name] = float(2 * special.ndtr(-abs(z)))
        for side, number, where in ((above, expected[0], "above"), (below, expected[1], "below")):
            if number < FEWEST_EXPECTED:
                seen = round(trials * float(observed[name].probability[side].sum()))
                p_values[f"{name} {where} its mean"] = binomial_p_value(seen, trials, number / trials)
    if exact.days is not None and simulated.times is not None and trials >= FEWEST_TIMED:
        mean, sd = mean_days(exact, DURATION)
        difference, error = float(simulated.times[:, END].mean()) - mean, sd / math.sqrt(trials)
        if abs(difference) > CERTAIN * mean:
            zs.append(abs(difference) / max(error, CERTAIN * mean))
            p_values["duration"] = float(2 * special.ndtr(-zs[-1]))
    worst = min(p_values, key=lambda name: p_values[name])
    return Agreement(
        max_abs_z=max(zs, default=None),
        p_value=min(1.0, len(p_values) * p_values[worst]),
        worst=worst,
    )


def overall(agreements: Sequence[Agreement]) -> Agreement:
    """One comparison made of several, at least one, again familywise."""
    worst = min(agreements, key=lambda agreement: agreement.p_value)
    return Agreement(
        max_abs_z=max((one.max_abs_z for one in agreements if one.max_abs_z is not None), default=None),
        p_value=min(1.0, len(agreements) * worst.p_value),
        worst=worst.worst,
    )


def binomial_p_value(seen: int, trials: int, probability: float) -> float:
    """Two-sided exact p value of a count: twice the smaller tail, at most 1."""
    probability = min(max(probability, 0.0), 1.0)
    at_most = special.bdtr(seen, trials, probability)
    at_least = special.bdtrc(seen - 1, trials, probability) if seen > 0 else 1.0
    return float(min(1.0, 2 * min(at_most, at_least)))
