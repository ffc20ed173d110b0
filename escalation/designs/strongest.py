"""Designs that move to where the posterior of a dose's DLT rate is the strongest, of adjacent intervals of rates."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import special

from escalation.designs.intervals import Moves, Numbers, moves_where
from escalation.designs.words import beside, observed, ranked
from escalation.kernels.codes import DE_ESCALATE, ESCALATE, SLACK

Floats = NDArray[np.float64]


def posterior_masses(
    edges: Sequence[float | Floats], patients: Numbers | int, dlts: Numbers | int, prior: tuple[float, float]
) -> Floats:
    """Posterior probabilities of K adjacent intervals under a Beta prior, float64[K, ...].

    The K + 1 edges increase; they may depend on the counts.
    """
    a, b = prior[0] + dlts, prior[1] + patients - dlts
    return np.diff([special.betainc(a, b, edge) for edge in edges], axis=0)


def mean_densities(edges: Sequence[float], patients: Numbers | int, dlts: Numbers | int) -> Floats:
    """Unit probability masses, float64[K, ...]: posterior probabilities under a uniform prior, by length."""
    return (posterior_masses(edges, patients, dlts, (1.0, 1.0)).T / np.diff(edges)).T


def by_strongest(strengths: Floats) -> Moves:
    """Escalate where the lowest of three intervals is the strongest, de-escalate where the highest is.

    The strengths are float64[3, ...]. A tie goes to the higher interval, the more cautious choice.
    """
    below, inside, above = strengths
    return moves_where(below > np.maximum(inside, above) + SLACK, above >= np.maximum(below, inside) - SLACK)


def by_strongest_key(key: tuple[float, float], patients: Numbers, dlts: Numbers) -> Moves:
    """Escalate where the strongest of equally wide keys is below the target key; of the rest, de-escalate where above.

    Keys as wide as the target key, [low, high], cover all rates; what is left at 0 and at 1 makes shorter ones. The
    strongest has the largest mean posterior density. The density rises up to its mode, y/n, and falls beyond it, and so
    do its means over adjacent keys: the strongest key is below the target key if and only if the target key's lower
    neighbour is stronger than the target key, and likewise above. Where the mode is beyond a neighbour no comparison is
    needed, and none could be made: all three may be too weak for floating-point numbers.
    """
    first, last = neighbours(key)
    near = by_strongest(mean_densities((first, *key, last), patients, dlts))
    # At the end of a neighbour the mode and the densities say the same, so that these comparisons need no slack.
    lowest, highest = dlts <= first * patients, dlts >= last * patients
    return moves_where((near == ESCALATE) | lowest, (near == DE_ESCALATE) | highest)


def neighbours(key: tuple[float, float]) -> tuple[float, float]:
    """Where the key below the target key begins, and where the one above it ends."""
    low, high = key
    return max(2 * low - high, 0.0), min(2 * high - low, 1.0)


def largest_of_three(
    patients: int, dlts: int, what: str, strengths: Floats, move: int, middle: str = "the equivalence interval"
) -> str:
    """That something is largest below, in or above the middle one of three intervals, as a clause with the numbers."""
    below, inside, above = ranked(strengths.tolist())
    where = {ESCALATE: "below", DE_ESCALATE: "above"}.get(move, "in")
    seen = observed(patients, dlts)
    return f"{seen}: the {what} is largest {where} {middle} ({below} below, {inside} in, {above} above)"


def place_by_key(key: tuple[float, float], patients: int, dlts: int, move: int, name: str) -> str:
    """Why the strongest key is where `by_strongest_key` finds it, as a clause; `name` is that of the target key."""
    first, last = neighbours(key)
    seen, rate, noun = observed(patients, dlts), dlts / patients, name.rsplit(maxsplit=1)[-1]
    if move == ESCALATE and dlts <= first * patients:
        shown, limit = beside(rate, first)
        return f"{seen} is a rate of {shown}, at most {limit}, where the {noun} below {name} begins"
    if move == DE_ESCALATE and dlts >= last * patients:
        shown, limit = beside(rate, last)
        return f"{seen} is a rate of {shown}, at least {limit}, where the {noun} above {name} ends"
    densities = mean_densities((first, *key, last), patients, dlts)
    return largest_of_three(patients, dlts, "mean posterior density", densities, move, name)
