"""MERIT: which of several randomised doses are acceptable by counts of DLTs and responses, and how often that errs.

DLTs and responses at J doses with n patients each are made to increase with the dose, by isotonic regression with equal
weights. A dose is acceptable when its count of DLTs is then at most one margin, and that of responses at least another.
So the acceptable doses are a run: those up to one dose have few enough DLTs, those from another on enough responses.
Both follow from sums of counts less the margin, of which the regression's values are the slopes from below: those up to
the last place at which the sums are lowest have a value of at most the margin, those up to the first one below it.

Errors are judged where each rate has one of two values, unacceptable or acceptable. DLT rates are acceptable at the
first doses and not at the others, response rates unacceptable at the first and acceptable at the others. No dose is
acceptable for both where responses are unacceptable at all doses with an acceptable DLT rate.

Source: Yang P, Li D, Lin R, Huang B, Yuan Y (2024) Design and sample size determination for multiple-dose randomized
phase II trials for dose optimization. Stat Med 43:2972-2986.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from escalation.kernels.codes import SLACK
from escalation.numbers import Floats
from escalation.trial.joint import INDEPENDENT, Association, joint_rates

MOST_ARMS = 3
"""Of which error rates are worked out: the counts of one more take hours."""

MOST_NUMBERS = 12_000_000
"""Numbers that are held at once for the error rates: 100 MB, of which a few are needed."""


def largest_arm(arms: int) -> int:
    """The most patients in each of so many arms for which error rates are worked out."""
    return int((MOST_NUMBERS / (arms + 1)) ** (1 / (arms + 1))) - 1


def arm_law(patients: int, cells: Floats) -> Floats:
    """Probability of every number of DLTs and of responses in an arm, float64[n + 1, n + 1].

    `cells` are the probabilities of one patient's outcomes, in the order of `trial.joint.OUTCOMES`.
    """
    law = np.zeros((patients + 1, patients + 1))
    law[0, 0] = 1
    for _ in range(patients):
        after = law * cells[0]
        after[:, 1:] += law[:, :-1] * cells[1]
        after[1:] += law[:-1] * cells[2]
        after[1:, 1:] += law[:-1, :-1] * cells[3]
        law = after
    return law


def sums_less_margin(patients: int, arms: int, margin: int) -> NDArray[np.int64]:
    """Sums of the first 0, 1, ... counts less the margin, for all counts of the arms, int64[J + 1, n + 1, ...]."""
    counts = np.indices((patients + 1,) * arms)
    return np.concatenate([np.zeros_like(counts[:1]), np.cumsum(counts - margin, axis=0)])


def few_dlts(patients: int, arms: int, max_dlts: int) -> NDArray[np.intp]:
    """How many doses, from the lowest, have at most so many DLTs by isotonic regression, by the arms' counts."""
    return arms - np.argmin(sums_less_margin(patients, arms, max_dlts)[::-1], axis=0)


def few_responses(patients: int, arms: int, min_responses: int) -> NDArray[np.intp]:
    """How many doses, from the lowest, have fewer responses than that by isotonic regression, by the arms' counts."""
    return np.asarray(np.argmin(sums_less_margin(patients, arms, min_responses), axis=0))


def each_number(found: NDArray[np.intp], arms: int) -> Floats:
    """Which counts of the arms have each number of doses from 0 to J, 1 or 0, float64[J + 1, n + 1, ...]."""
    return np.stack([found == number for number in range(arms + 1)]).astype(np.float64)


def by_responses(laws: Sequence[Floats], counted: Floats) -> Floats:
    """Probability of something that DLTs decide with the arms' responses, float64[..., n + 1, ...].

    `laws` are those of the arms, from the lowest dose, by DLTs and responses; `counted` says for some things with which
    of the arms' DLTs each is so, float64[..., n + 1, ...].
    """
    for law in laws:  # the DLTs of the next arm take the place of those that are summed over
        counted = np.tensordot(counted, law, axes=(1, 0))
    return counted


@dataclass(frozen=True)
class Hypotheses:
    """What a comparison of J arms is judged by.

    Attributes
    ----------
    dlt_rates, response_rates : (float, float)
        The unacceptable rate and the acceptable one.
    association : Association, default independent
        How a patient's DLT and response go together.
    arms : int, default 2
    """

    dlt_rates: tuple[float, float]
    response_rates: tuple[float, float]
    association: Association = INDEPENDENT
    arms: int = 2

    def __post_init__(self) -> None:
        for name in ("dlt_rates", "response_rates"):
            object.__setattr__(self, name, tuple(getattr(self, name)))  # a list has no hash

    @property
    def places(self) -> list[tuple[int, int]]:
        """Each configuration: doses with an acceptable DLT rate, from the lowest; and with an unacceptable response."""
        return [(safe, dull) for safe in range(self.arms + 1) for dull in range(self.arms + 1)]

    @property
    def null(self) -> list[tuple[int, int]]:
        """Those without an acceptable dose."""
        return [(safe, dull) for safe, dull in self.places if dull >= safe]

    @property
    def alternatives(self) -> list[tuple[int, int]]:
        """Those with one."""
        return [(safe, dull) for safe, dull in self.places if dull < safe]

    def rates(self, safe: int, dull: int) -> tuple[list[float], list[float]]:
        """DLT and response rates of a configuration, dose by dose."""
        (toxic, low), (inactive, active) = self.dlt_rates, self.response_rates
        places = range(self.arms)
        return [low if at < safe else toxic for at in places], [inactive if at < dull else active for at in places]


@dataclass(frozen=True, eq=False)
class ErrorRates:
    """Of every pair of margins, with n patients in each arm; arrays are by the margins of DLTs and of responses.

    Attributes
    ----------
    false : float64[C, n + 1, n + 1]
        In each null configuration the probability that any dose is found acceptable.
    power_i : float64[A, n + 1, n + 1]
        In each alternative one, that any is and no unacceptable one.
    power_ii : float64[A, n + 1, n + 1]
        And that at least one acceptable dose is.
    """

    hypotheses: Hypotheses
    patients: int
    false: Floats
    power_i: Floats
    power_ii: Floats

    @cached_property
    def alpha(self) -> Floats:
        """The largest probability of an error over the null configurations, float64[n + 1, n + 1]."""
        return np.asarray(self.false.max(axis=0))

    def power(self, kind: str) -> Floats:
        """The least power "I" or "II" over the alternatives, float64[n + 1, n + 1]."""
        return np.asarray((self.power_i if kind == "I" else self.power_ii).min(axis=0))

    def best(self, alpha: float, kind: str) -> tuple[int, int] | None:
        """The margins with the largest power that keep to alpha, of equal ones the smallest; None if none do.

        They are the most DLTs and the fewest responses of an acceptable dose.
        """
        power = np.where(self.alpha <= alpha + SLACK, self.power(kind), -1.0)
        rows, columns = np.nonzero(power >= power.max() - SLACK)
        if power.max() < 0:
            return None
        at = int(np.argmin(self.alpha[rows, columns]))
        return int(rows[at]), int(columns[at])


@lru_cache(maxsize=64)
def error_rates(hypotheses: Hypotheses, patients: int) -> ErrorRates:
    """The error rates of all margins, exactly."""
    arms, margins = hypotheses.arms, range(patients + 1)
    few_each = np.concatenate([each_number(few_dlts(patients, arms, margin), arms) for margin in margins])
    lacking = np.concatenate([each_number(few_responses(patients, arms, margin), arms) for margin in margins])
    by_lacking = np.ascontiguousarray(lacking.reshape(len(lacking), -1).T)
    known = {(dlt, response): _law(hypotheses, patients, dlt, response) for dlt in (0, 1) for response in (0, 1)}
    few, dull = np.indices((arms + 1, arms + 1))  # of a run of acceptable doses the last, and what is before the first
    found: dict[str, list[Floats]] = {"false": [], "power_i": [], "power_ii": []}
    for safe, inactive in hypotheses.places:
        laws = [known[int(at < safe), int(at >= inactive)] for at in range(arms)]
        runs = by_responses(laws, few_each).reshape(len(few_each), -1) @ by_lacking
        # By the margin of DLTs and how many doses have few, then by that of responses and how many have too few.
        runs = runs.reshape(patients + 1, arms + 1, patients + 1, arms + 1)
        some = dull < few
        if inactive >= safe:
            found["false"].append(np.einsum("tdrf,df->tr", runs, some))
            continue
        right = some & (dull >= inactive) & (few <= safe)
        meets = np.maximum(dull, inactive) < np.minimum(few, safe)
        for name, counted in (("power_i", right), ("power_ii", meets)):
            found[name].append(np.einsum("tdrf,df->tr", runs, counted))
    return ErrorRates(hypotheses, patients, **{name: np.stack(part) for name, part in found.items()})


def _law(hypotheses: Hypotheses, patients: int, dlt: int, response: int) -> Floats:
    """The law of an arm by whether its DLT and its response rate are the second of each pair."""
    pair = [hypotheses.dlt_rates[dlt]], [hypotheses.response_rates[response]]
    return arm_law(patients, joint_rates(*pair, hypotheses.association).cells[0])
