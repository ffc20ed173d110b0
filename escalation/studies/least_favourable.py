"""The least favourable truth: where, among all truths with the MTD at a given dose, a design does worst.

With the MTD at dose k, the target T and a distance delta, the class of truths is

    0 <= p_1 <= ... <= p_{k-1} <= T - delta,    p_k = T,    T + delta <= p_{k+1} <= ... <= p_D <= 1:

a product of two simplices, whose corners have every dose below the MTD at 0 or T - delta, and every dose above it at
T + delta or 1. Over it the probability of a set of endings is a polynomial in the rates,

    f(p) = sum over endings e in the set of sequences_e prod_d p_d^y_d (1 - p_d)^(n_d - y_d),

and its gradient needs no more than f itself, the mean counts over these endings:

    df / dp_d = E[y_d; e in the set] / p_d - E[n_d - y_d; e in the set] / (1 - p_d).

Within the class the same dose is correct everywhere and the same doses are above the target. So PCS is such a
polynomial, and so is the probability that more than 60 % of a trial's patients are above the target.

The search is local, by sequential quadratic programming, from several corners and random truths of the class. It finds
a least value near each start; that none is smaller elsewhere is not proved. How many searches ended at the same value
is part of the answer.

Source of the programming: Kraft D (1988) A software package for sequential quadratic programming, DFVLR-FB 88-28; it is
SLSQP of scipy.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from escalation.characteristics.benchmark import optimal_pcs
from escalation.characteristics.many_truths import NO_DAYS
from escalation.defaults import DELTA, SEED
from escalation.engines.endings import Enumeration
from escalation.errors import DesignError
from escalation.kernels.codes import SLACK
from escalation.kernels.many_truths import expected_counts
from escalation.numbers import cells_of, is_whole
from escalation.trial.trial import Trial

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

CORNERS, DRAWN = 8, 8
"""From how many corners and how many random truths a search starts: from the worst of each."""

CANDIDATES = 200
"""Random truths of which the worst are starts."""

INSIDE = 1e-8
"""The gradient is taken so far from rates 0 and 1.

There it differs from that on the border by at most (N INSIDE) N for a trial of N patients, less than it needs to be
known by; and 1 - p keeps eight digits.
"""

DECIMALS = 6
"""Of the rates that are given; values are those of these rates."""

SAME = 1e-6
"""Values that differ by less are the same: some rates hardly matter."""

Quantity = Literal["pcs", "overdosing"]


@dataclass(frozen=True)
class WorstTruth:
    """Where a design does worst among the truths with the MTD at one dose.

    Attributes
    ----------
    quantity : {"pcs", "overdosing"}
        What is worst: the smallest PCS, or the largest probability that more than 60 % of a trial's patients are at
        doses above it.
    mtd : int
        Dose level of the MTD, from 1.
    rates : tuple of float
        The truth.
    value : float
        The quantity under this truth, exactly; that of no end of a search is worse by more than 1e-6.
    optimal_pcs : float or None
        PCS of the non-parametric optimal benchmark under it; a single dose has none.
    searches, agreed : int
        How many searches there were, and how many ended within 1e-6 of the worst. A class of a single truth has none.
    """

    quantity: Quantity
    mtd: int
    rates: tuple[float, ...]
    value: float
    optimal_pcs: float | None
    searches: int
    agreed: int


def worst_truth(
    endings: Enumeration, quantity: Quantity, mtd: int, *, delta: float = DELTA, seed: int = SEED
) -> WorstTruth:
    """The least favourable truth for one design, with the MTD at one dose level, from 1.

    The doses next to the MTD have rates at least delta from the target; the seed is of the random truths from which
    searches start. A DesignError if an argument is out of range.
    """
    trial = endings.trial
    if quantity not in get_args(Quantity):
        raise DesignError(f"quantity: {quantity!r} should be one of {', '.join(get_args(Quantity))}")
    if not is_whole(mtd) or not 1 <= mtd <= trial.levels:
        raise DesignError(f"mtd: {mtd!r} should be a dose level from 1 to {trial.levels}")
    check_delta(delta, trial)
    if trial.time is not None and trial.time.inevaluable > 0:
        raise DesignError(
            "time.inevaluable: should be 0 here: searches are over trials whose patients are all evaluable"
        )
    event = Event(endings, bad_endings(endings, quantity, mtd))
    cases = TruthClass(trial.levels, mtd - 1, trial.target, delta)
    starts = _starts(cases, event, seed)
    ends = [cases.settled(_searched(cases, event, start)) for start in starts] or [np.empty(0)]
    truths = cases.truths(np.array(ends))
    values = event.probabilities(truths)
    worst = np.flatnonzero(values >= values.max() - SAME)
    # Of ends that are as bad the one whose rates are closest to the target.
    most = worst[np.abs(truths[worst] - trial.target).sum(axis=1).argmin()]
    correct = np.arange(trial.levels) == mtd - 1
    return WorstTruth(
        quantity=quantity,
        mtd=mtd,
        rates=tuple(truths[most].tolist()),
        value=float(1 - values[most] if quantity == "pcs" else values[most]),
        optimal_pcs=float(optimal_pcs(truths[most], correct, trial)) if trial.levels > 1 else None,
        searches=len(starts),
        agreed=len(worst) if len(starts) else 0,
    )


def check_delta(delta: float, trial: Trial) -> None:
    """Refuse a distance for which there are no truths, by a DesignError."""
    most = min(trial.target, 1 - trial.target) if trial.levels > 1 else 1.0
    if not 0 < delta <= most + SLACK:
        below = "" if trial.levels == 1 else ": rates lie between 0 and 1"
        raise DesignError(f"delta: {delta:.12g} should be above 0 and at most {most:g}{below}")


def bad_endings(endings: Enumeration, quantity: Quantity, mtd: int) -> Flags:
    """What is more probable the worse a truth is: that another dose than the MTD is recommended, or overdosing."""
    bad: Flags = endings.recommended != mtd - 1
    if quantity == "overdosing":
        above = endings.patients[:, mtd:].sum(axis=1, dtype=np.int64)
        bad = 5 * above > 3 * endings.patients.sum(axis=1, dtype=np.int64)
    return bad


class Event:
    """A set of endings, chosen by bool[E], with its probability under any truth and the gradient."""

    def __init__(self, endings: Enumeration, chosen: Flags) -> None:
        self._endings = endings
        self._weights = endings.sequences * chosen
        self._weights.flags.writeable = False  # as an enumeration's: another kind of array is another compilation
        self._classes = np.zeros(len(chosen), np.int16)

    def probabilities(self, rates: Floats) -> Floats:
        """Under truths [T, D], float64[T]."""
        return self._means(rates)[0]

    def with_gradient(self, rates: Floats) -> tuple[float, Floats]:
        """Under one truth [D]: the probability, and its derivative with respect to each rate, float64[D]."""
        within = np.clip(rates, INSIDE, 1 - INSIDE)
        chance, patients, dlts = self._means(within[None])
        return float(chance[0]), dlts[0] / within - (patients[0] - dlts[0]) / (1 - within)

    def _means(self, rates: Floats) -> tuple[Floats, Floats, Floats]:
        """The probability of the set, and the mean patients and DLTs over it."""
        truths, levels = rates.shape
        chance, patients, dlts = np.empty((truths, 1)), np.empty((truths, levels)), np.empty((truths, levels))
        endings = self._endings
        told = endings.tree, self._weights, cells_of(endings.trial.most_patients), self._classes, endings.seen
        expected_counts(*told, NO_DAYS, rates, chance, patients, dlts, np.empty(truths))
        return chance[:, 0], patients, dlts


class TruthClass:
    """The truths with the MTD at one dose, its index from 0, by the rates of the other doses."""

    def __init__(self, levels: int, mtd: int, target: float, delta: float) -> None:
        self.target, self.others = target, np.delete(np.arange(levels), mtd)
        self.below, self.above = mtd, levels - 1 - mtd
        self.lowest = np.repeat([0.0, min(round(target + delta, 12), 1.0)], [self.below, self.above])
        self.highest = np.repeat([max(round(target - delta, 12), 0.0), 1.0], [self.below, self.above])

    def truths(self, others: Floats) -> Floats:
        """Whole truths, float64[T, D], of the rates of the other doses."""
        rates = np.full((len(others), len(self.others) + 1), self.target)
        rates[:, self.others] = others
        return rates

    def corners(self) -> Floats:
        """All corners, float64[(below + 1) (above + 1), D - 1]: first doses are low, then high, on either side."""
        below = np.triu(np.ones((self.below + 1, self.below), np.bool_))
        above = np.tri(self.above + 1, self.above, -1, np.bool_)[:, ::-1]
        high = np.hstack([np.repeat(below, len(above), axis=0), np.tile(above, (len(below), 1))])
        return np.where(high, self.highest, self.lowest)

    def drawn(self, count: int, seed: int) -> Floats:
        """Random members, uniform in the class, float64[count, D - 1]."""
        share = np.random.default_rng(seed).random((count, len(self.others)))
        share[:, : self.below].sort(axis=1)
        share[:, self.below :].sort(axis=1)
        return self.lowest + share * (self.highest - self.lowest)

    def steps(self) -> Floats:
        """Rows that give the rise from each of the other doses to the next on the same side of the MTD."""
        rise = np.diff(np.eye(len(self.others)), axis=0)
        return np.delete(rise, self.below - 1, axis=0) if 0 < self.below < len(self.others) else rise

    def settled(self, others: Floats) -> Floats:
        """The member with so many decimals."""
        return np.clip(others.round(DECIMALS), self.lowest, self.highest)


def _starts(cases: TruthClass, event: Event, seed: int) -> list[Floats]:
    """The worst corners and the worst random truths; a class of one truth has none."""
    if not len(cases.others):
        return []
    starts: list[Floats] = []
    for candidates, count in ((cases.corners(), CORNERS), (cases.drawn(CANDIDATES, seed), DRAWN)):
        worst = np.argsort(-event.probabilities(cases.truths(candidates)), kind="stable")
        starts.extend(candidates[worst[:count]])
    return starts


def _searched(cases: TruthClass, event: Event, start: Floats) -> Floats:
    """Where a search from one start ends."""

    def loss(others: Floats) -> tuple[float, Floats]:
        chance, slope = event.with_gradient(cases.truths(others[None])[0])
        return -chance, -slope[cases.others]

    rise = cases.steps()
    end: Floats = optimize.minimize(
        loss,
        start,
        jac=True,
        method="SLSQP",
        bounds=optimize.Bounds(cases.lowest, cases.highest),
        constraints=[optimize.LinearConstraint(rise, 0.0, np.inf)] if len(rise) else [],
        options={"ftol": 1e-12, "maxiter": 200},
    ).x
    return end
