"""The fewest patients in each randomised arm with which acceptable doses are found often enough."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from escalation.errors import EscalationError
from escalation.kernels.codes import SLACK
from escalation.numbers import is_whole
from escalation.studies.work.options import Progress, silent
from escalation.trial.joint import INDEPENDENT
from escalation.trial.merit import MOST_ARMS, ErrorRates, Hypotheses, error_rates, largest_arm
from escalation.trial.randomised import rate_problems

SMALLEST, LARGEST = 10, 60
"""Patients in each arm that are looked at unless a search is told."""

Power = Literal["I", "II"]


@dataclass(frozen=True)
class Configuration:
    """One way that the doses can have acceptable and unacceptable rates.

    Attributes
    ----------
    dlt_rates, response_rates : tuple of float
        Dose by dose.
    alpha : float or None
        Where no dose is acceptable, the probability that any is found to be.
    power_i, power_ii : float or None
        Where one is: the probability that any is found acceptable and no unacceptable one; and that at least one
        acceptable dose is.
    """

    dlt_rates: tuple[float, ...]
    response_rates: tuple[float, ...]
    alpha: float | None = None
    power_i: float | None = None
    power_ii: float | None = None


@dataclass(frozen=True)
class MeritDesign:
    """Arms of a size with the margins that have the largest power of the kind that is wanted, and keep to alpha.

    Attributes
    ----------
    patients_per_dose : int
    max_dlts, min_responses : int
        The most DLTs and the fewest responses of an acceptable dose.
    alpha : float
        The largest error over the configurations without an acceptable dose.
    power_i, power_ii : float
        The least over those with one.
    alpha_if_independent : float
        Alpha of the same design where a patient's DLT and response are independent.
    """

    patients_per_dose: int
    max_dlts: int
    min_responses: int
    alpha: float
    power_i: float
    power_ii: float
    alpha_if_independent: float

    def power(self, kind: Power) -> float:
        """Power of a kind."""
        return self.power_i if kind == "I" else self.power_ii


@dataclass(frozen=True)
class MeritSearch:
    """A search for the smallest MERIT design.

    Attributes
    ----------
    hypotheses : Hypotheses
    alpha, power : float
        What is asked for.
    power_type : {"I", "II"}
    sizes : tuple of int
        Patients in each arm that were to be looked at.
    designs : tuple of MeritDesign
        The best of every size, up to the one that is found; none of a size with which no margins keep to alpha.
    found : MeritDesign or None
        The smallest that has the power; None where none of the sizes does.
    configurations : tuple of Configuration
        Of what is found.
    """

    hypotheses: Hypotheses
    alpha: float
    power: float
    power_type: Power
    sizes: tuple[int, ...]
    designs: tuple[MeritDesign, ...]
    found: MeritDesign | None
    configurations: tuple[Configuration, ...]

    @property
    def unmet(self) -> str | None:
        """What no size achieves, in words; None where one does."""
        if self.found is not None:
            return None
        return (
            f"no number of patients in each arm from {self.sizes[0]} to {self.sizes[-1]} has a power {self.power_type} "
            f"of {100 * self.power:g} % at alpha {100 * self.alpha:g} %"
        )


def find_merit(
    hypotheses: Hypotheses,
    *,
    alpha: float,
    power: float,
    power_type: Power = "II",
    sizes: Iterable[int] | None = None,
    progress: Progress = silent,
) -> MeritSearch:
    """Search for the smallest MERIT design: patients in each arm, and margins of DLTs and responses.

    Parameters
    ----------
    hypotheses : Hypotheses
        An unacceptable and an acceptable rate of DLTs and of responses, how they go together, and the arms, two or
        three. Alpha depends on how they do; what it is under independence stands beside.
    alpha : float
        The largest probability of finding any dose acceptable where none is, over all ways that the doses can have
        these rates.
    power : float
        What is wanted at the least, over all ways that an acceptable dose can be among them.
    power_type : {"I", "II"}, default "II"
        "I": that any dose is found acceptable and no unacceptable one; "II": that at least one acceptable dose is.
    sizes : iterable of int, optional
        Patients in each arm to look at, in increasing order. By default from 10 to 60, or as many as can be.
    progress : optional
        As for every study; a step is a size.

    Raises
    ------
    EscalationError
        A rate, a probability, the arms or the sizes are out of range.

    Examples
    --------
    >>> from escalation import Association, Hypotheses
    >>> asked = Hypotheses((0.4, 0.2), (0.2, 0.4), Association(latent_correlation=0.5))
    >>> one = find_merit(asked, alpha=0.1, power=0.6).found
    >>> one.patients_per_dose, one.max_dlts, one.min_responses, round(one.alpha, 4), round(one.power_ii, 4)
    (26, 7, 9, 0.0952, 0.6033)
    >>> round(one.alpha_if_independent, 4)
    0.1232

    Source: Yang et al. (2024); see `trial.merit`.
    """
    asked = _checked_sizes(sizes, hypotheses.arms)
    _check(hypotheses, alpha, power, power_type)
    designs: list[MeritDesign] = []
    found, last = None, None
    with progress(len(asked), "sizes") as step:
        for size in asked:
            last = error_rates(hypotheses, size)
            one = _best(last, alpha, power_type)
            step()
            if one is None:
                continue
            designs.append(one)
            if one.power(power_type) >= power - SLACK:
                found = one
                break
    told = () if found is None or last is None else _configurations(last, found)
    return MeritSearch(hypotheses, alpha, power, power_type, asked, tuple(designs), found, told)


def _best(rates: ErrorRates, alpha: float, kind: Power) -> MeritDesign | None:
    """The margins of a size with the largest power; None where none keep to alpha."""
    at = rates.best(alpha, kind)
    if at is None:
        return None
    apart = error_rates(replace(rates.hypotheses, association=INDEPENDENT), rates.patients)
    powers = float(rates.power("I")[at]), float(rates.power("II")[at])
    return MeritDesign(rates.patients, *at, float(rates.alpha[at]), *powers, float(apart.alpha[at]))


def _configurations(rates: ErrorRates, one: MeritDesign) -> tuple[Configuration, ...]:
    """What a design does under each, those without an acceptable dose first."""
    at, hypotheses = (one.max_dlts, one.min_responses), rates.hypotheses
    found = []
    for number, place in enumerate(hypotheses.null):
        dlt, response = hypotheses.rates(*place)
        found.append(Configuration(tuple(dlt), tuple(response), alpha=float(rates.false[number][at])))
    for number, place in enumerate(hypotheses.alternatives):
        dlt, response = hypotheses.rates(*place)
        powers = float(rates.power_i[number][at]), float(rates.power_ii[number][at])
        found.append(Configuration(tuple(dlt), tuple(response), power_i=powers[0], power_ii=powers[1]))
    return tuple(found)


def sizes_between(smallest: int | None, largest: int | None, arms: int) -> range | None:
    """Sizes of an arm from the smallest to the largest, each by default a search's own; None where neither is given."""
    if smallest is None and largest is None:
        return None
    most = largest_arm(arms)
    first = SMALLEST if smallest is None else smallest
    last = max(first, min(LARGEST, most)) if largest is None else largest
    if first > last:
        raise EscalationError(f"sizes: from {first} to {last} there are none")
    return range(first, last + 1)


def _checked_sizes(sizes: Iterable[int] | None, arms: int) -> tuple[int, ...]:
    if not is_whole(arms) or not 2 <= arms <= MOST_ARMS:
        raise EscalationError(f"arms: {arms!r} should be 2 or {MOST_ARMS}")
    most = largest_arm(arms)
    if sizes is None:
        return tuple(range(SMALLEST, min(LARGEST, most) + 1))
    asked = tuple(sizes)
    if not asked:
        raise EscalationError("sizes: there are none")
    for size in asked:
        if not is_whole(size) or not 1 <= size <= most:
            raise EscalationError(f"sizes: {size!r} should be from 1 to {most} patients in each of {arms} arms")
    if any(low >= high for low, high in pairwise(asked)):
        raise EscalationError("sizes: should increase")
    return asked


def _check(hypotheses: Hypotheses, alpha: float, power: float, power_type: str) -> None:
    pairs = {"dlt_rates": hypotheses.dlt_rates, "response_rates": hypotheses.response_rates}
    for name, pair in pairs.items():
        if len(pair) != 2:
            raise EscalationError(f"{name}: should be the unacceptable rate and the acceptable one")
    given = [(name, rate) for name, pair in pairs.items() for rate in pair]
    for name, value in [*given, ("alpha", alpha), ("power", power)]:
        if not 0 < value < 1:
            raise EscalationError(f"{name}: {value:g} should be above 0 and below 1")
    for name, problem in rate_problems(**pairs):
        raise EscalationError(f"{name}: {problem}")
    if power_type not in ("I", "II"):
        raise EscalationError(f"power_type: {power_type!r} should be 'I' or 'II'")
