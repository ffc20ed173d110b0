"""How long a cohort takes that is followed to its end: mean and variance, by its patients and DLTs.

The last patient without a DLT is followed for the whole window W, and by then everybody enrolled before is complete,
too. If k patients, all with DLTs, were enrolled afterwards, a cohort of n patients is complete at A + B_k: A is the sum
of the n - k - 1 gaps up to that patient, and, independent of it, B_k = max(W, S_1 + X_1, ..., S_k + X_k) with S_j the
sum of the j gaps after that patient and X_j the days to a DLT. As any of the patients can be those with DLTs, k has
probability C(n - k - 1, y - k) / C(n, y) when y of the n have one. Where all have one, nobody is followed for the
window, and the first of them enters at once.

Poisson gaps with mean g: let I_j(u) be the probability that within u from some day on j patients have entered, the
first a gap later, and are complete. Then I_0 = 1 and g I_j' = F I_(j-1) - I_j, with F the distribution function of the
day of a DLT. That is solved on panels between the kinks of F. From W on F is 1, and D_j = 1 - I_j can be integrated by
hand: g (D_0 + ... + D_j) at W. Who waits for the next cohort is one patient more, who needs no time to complete.

Fixed gaps: the distribution function of B_k is a product of F at the days since each enrolment. That is integrated, or
summed over the days on which somebody arrives.
"""

import math
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import NDArray
from scipy import special

from escalation.kernels.codes import SLACK
from escalation.plans.clock import FIXED, LOST, READY, WAIT, Clock

Floats = NDArray[np.float64]

NODES = 32
"""Points of a panel. Between them functions are taken for polynomials."""

HALVINGS = 45
"""So often the panels at the start of the window halve: F may be a small power of the day there."""

PANELS = 8
"""So many panels the window has at least."""

GAPS = 8
"""So many mean gaps a panel has at most, as long after a kink as patients of the cohort may still be on the way."""


class Moments(NamedTuple):
    """Mean and variance of what `engines.cohort_times` says, float64[m + 1, 2] each."""

    followed: Floats  # [k] of B_k, or what takes its place
    toxic: Floats  # [n] of cohorts of n patients who all have a DLT


class CohortTimes(NamedTuple):
    """Mean and variance of days, by the patients and DLTs of a cohort, float64[m + 1, m + 1, 2] each.

    They are 0 where there are no patients, or more DLTs than patients.
    """

    opening: Floats  # from the enrolment of the first patient to that of the next cohort's first patient
    completion: Floats  # from there to the completion of the cohort
    enrolment: Floats  # from there to the enrolment of its last patient
    hold: Floats  # from the enrolment of the last patient until the next cohort may open; the mean alone, variance 0


def cohort_times(clock: Clock, rate: float, largest: int) -> CohortTimes:
    """The times of cohorts of up to `largest` patients at a dose with this true DLT rate.

    Bounded work: some milliseconds for cohorts of up to 6 patients, 0.1 s for up to 100, a few seconds if the day of a
    DLT has 100 quantiles besides. Means and variances have errors of some 1e-12 of the mean and its square.

    Raises DesignError at a rate of 1 where the onset has no distribution.
    """
    # Where the onset is the same at every dose there is one entry for all rates.
    return _times(clock, float(rate) if clock.onset.depends_on_rate else 0.0, largest)


@lru_cache(maxsize=64)
def _times(clock: Clock, rate: float, largest: int) -> CohortTimes:
    gap, spread = clock.mean_gap, 0.0 if clock.arrivals == FIXED else clock.mean_gap**2
    size = np.arange(largest + 1.0)
    possible = (size[:, None] > 0) & (size <= size[:, None])
    complete, opened = (_fixed if clock.arrivals == FIXED else _poisson)(clock, rate, largest)
    completion, opening = (_by_dlts(part, gap, spread) for part in (complete, opened))
    enrolment = np.zeros_like(completion)
    enrolment += (np.maximum(size - 1, 0)[:, None] * [gap, spread])[:, None]
    hold = np.zeros_like(completion)
    hold[..., 0] = completion[..., 0] + clock.review - enrolment[..., 0]
    found = CohortTimes(*(np.where(possible[..., None], part, 0.0) for part in (opening, completion, enrolment, hold)))
    for part in found:
        part.flags.writeable = False
    return found


def _by_dlts(moments: Moments, gap: float, spread: float) -> Floats:
    """Mean and variance by patients and DLTs, where each gap has this mean and variance."""
    size = np.arange(len(moments.toxic))
    n, y, k = size[:, None, None], size[:, None], size
    share = np.where((k <= y) & (y < n), special.comb(n - k - 1, y - k) / np.maximum(special.comb(n, y), 1), 0.0)
    before = np.maximum(n - k - 1, 0)
    means, variances = before * gap + moments.followed[:, 0], before * spread + moments.followed[:, 1]
    found = np.zeros((len(size), len(size), 2))
    found[..., 0] = (share * means).sum(axis=2)
    found[..., 1] = (share * (variances + (means - found[..., :1]) ** 2)).sum(axis=2)
    found[size, size] = moments.toxic
    return found


def _shifted(moments: Moments, days: float, variance: float = 0.0) -> Moments:
    return Moments(*(part + np.array([days, variance]) for part in moments))


# Poisson gaps


def _poisson(clock: Clock, rate: float, largest: int) -> tuple[Moments, Moments]:
    """Of completions, and of the next cohort's opening with its first patient."""
    grid = _Grid.of(clock, rate, largest)
    complete = _maxima(grid, np.ones_like(grid.days), 1.0, largest)
    if clock.while_closed == WAIT:
        waiting = _maxima(
            grid,
            -np.expm1(-(grid.days + clock.review) / clock.mean_gap),
            -math.expm1(-(clock.window + clock.review) / clock.mean_gap),
            largest,
        )
        return complete, _shifted(waiting, clock.review)
    if clock.while_closed == LOST:
        return complete, _shifted(complete, clock.review + clock.mean_gap, clock.mean_gap**2)
    return complete, _shifted(complete, clock.review)


class _Grid(NamedTuple):
    """Panels of the window, P of them with N nodes each."""

    gap: float
    window: float
    days: Floats  # (P, N)
    weights: Floats  # (P, N), of an integral over days
    onset: Floats  # (P, N), F
    began: Floats  # (P, N), what I is on a panel for each unit that it is at its start
    grown: Floats  # (P, N, N), and for each unit of F I_(j-1)

    @classmethod
    def of(cls, clock: Clock, rate: float, largest: int) -> "_Grid":
        """The panels: short after each kink while gaps follow it, and towards the start of the window."""
        gap, window = clock.mean_gap, clock.window
        reach = largest + 12 * math.sqrt(largest) + 30  # gaps: beyond these the last patient is on the way with 1e-18
        near = np.arange(0.0, reach + GAPS, GAPS)
        after = np.append(near, near[-1] + GAPS * (2.0 ** np.arange(1, 40) - 1)) * gap
        parts = [_halvings(window)]
        for kink, following in pairwise((0.0, *clock.onset.kinks, window)):
            parts.append(kink + after[after < following - kink])
        ends = np.unique(np.concatenate([*parts, [window]]))
        half = np.diff(ends)[:, None] / 2
        nodes, integral = _chebyshev()
        days = ends[:-1, None] + half * (1 + nodes)
        rise = (half / gap)[..., None] * integral
        solved = np.linalg.inv(np.eye(NODES) + rise)  # of I = its start + the integral of (F I_(j-1) - I) / g
        return cls(
            gap, window, days, half * integral[-1], clock.onset.cdf(days, rate), solved.sum(axis=2), solved @ rise
        )


def _maxima(grid: _Grid, first: Floats, at_end: float, largest: int) -> Moments:
    """Moments, given I_0 on the grid and at its end."""
    late = np.empty(largest + 1)  # D_j(W)
    late[0] = 1 - at_end
    toxic = np.zeros((largest + 1, 2))
    reached = first  # I_j
    for patients in range(1, largest + 1):
        complete = grid.onset * reached
        open_still = (1 - complete) * grid.weights
        sums, doubled = np.cumsum(late[:patients]), np.cumsum(np.cumsum(late[:patients]))
        mean = open_still.sum() + grid.gap * sums[-1]
        square = (open_still * grid.days).sum() + grid.window * grid.gap * sums[-1] + grid.gap**2 * doubled[-1]
        toxic[patients] = mean, max(2 * square - mean * mean, 0.0)
        reached = _entering(grid, complete)
        late[patients] = 1 - reached[-1, -1]
    mean_after = grid.gap * np.cumsum(late)
    variance = 2 * grid.gap * np.cumsum(mean_after) - mean_after**2
    return Moments(np.stack([grid.window + mean_after, np.maximum(variance, 0.0)], axis=1), toxic)


def _entering(grid: _Grid, complete: Floats) -> Floats:
    """I_j from F I_(j-1)."""
    grown = (grid.grown @ complete[..., None])[..., 0]
    starts, start = np.empty((len(grown), 1)), 0.0
    for panel, (end, kept) in enumerate(zip(grown[:, -1].tolist(), grid.began[:, -1].tolist(), strict=True)):
        starts[panel] = start
        start = end + kept * start
    found: Floats = grown + starts * grid.began
    return found


@lru_cache(maxsize=1)
def _chebyshev() -> tuple[Floats, Floats]:
    """Nodes from -1 to 1, and the matrix that gives from values there the integral from -1 to each node."""
    nodes = -np.cos(np.pi * np.arange(NODES) / (NODES - 1))
    coefficients = np.linalg.inv(chebyshev.chebvander(nodes, NODES - 1))
    integral = chebyshev.chebvander(nodes, NODES) @ chebyshev.chebint(coefficients, lbnd=-1, axis=0)
    return nodes, np.asarray(integral, np.float64)


def _halvings(window: float) -> Floats:
    """Ends of panels of the window that are shorter towards its start."""
    return window * np.concatenate([[0.0], 0.5 ** np.arange(HALVINGS, 3, -1), np.arange(1, PANELS) / PANELS])


# Fixed gaps


def _fixed(clock: Clock, rate: float, largest: int) -> tuple[Moments, Moments]:
    """Of completions, and of the next cohort's opening with its first patient."""
    complete = _fixed_maxima(clock, rate, largest, 0.0)
    if clock.while_closed == READY:
        return complete, _shifted(complete, clock.review)
    if clock.while_closed == WAIT:  # who waits arrives a gap after the last patient
        waiting = _fixed_maxima(clock, rate, largest, clock.mean_gap - clock.review)
        return complete, _shifted(waiting, clock.review)
    return complete, _next_arrivals(clock, rate, largest)


def _fixed_maxima(clock: Clock, rate: float, largest: int, floor: float) -> Moments:
    """Moments of what is at least `floor` after the last enrolment.

    All in days after the last enrolment: by these k patients a gap apart are complete with the product of F at them, at
    them and a gap, and so on.
    """
    gap, window = clock.mean_gap, clock.window
    shifts = gap * np.arange(largest + 1)
    kinks = np.subtract.outer([*clock.onset.kinks, window], shifts).ravel()
    ends = np.concatenate([_halvings(window), kinks, [floor, window]])
    ends = np.unique(ends[(ends >= 0) & (ends <= window)])
    nodes, lengths = np.polynomial.legendre.leggauss(NODES)
    half = np.diff(ends)[:, None] / 2
    days, weights = ends[:-1, None] + half * (1 + nodes), half * lengths
    complete = np.ones_like(days)
    followed, toxic = np.zeros((2, largest + 1, 2))
    for k in range(largest + 1):
        if k > 0:
            complete *= clock.onset.cdf(days + shifts[k - 1], rate)
            toxic[k] = _above(max(floor, 0.0), shifts[k - 1], complete, days, weights)
        followed[k] = _above(max(floor, window - shifts[k], 0.0), shifts[k], complete, days, weights)
    return Moments(followed, toxic)


def _above(least: float, shift: float, complete: Floats, days: Floats, weights: Floats) -> tuple[float, float]:
    """Mean and variance of what is at least `least`, with this distribution function, `shift` added."""
    beyond = np.maximum(days - least, 0.0)
    still = np.where(days > least, (1 - complete) * weights, 0.0)
    mean = float(still.sum())
    return shift + least + mean, max(2 * float((still * beyond).sum()) - mean * mean, 0.0)


def _next_arrivals(clock: Clock, rate: float, largest: int) -> Moments:
    """Moments of the first arrival at or after a completion and the review, where arrivals go on a gap apart."""
    gap, review = clock.mean_gap, clock.review
    # Arrivals after the last enrolment, by number: who enters with it is complete by then with these probabilities.
    earliest, latest = (math.ceil(days / gap - SLACK) for days in (review, clock.window + review))
    onset = clock.onset.cdf(np.arange(latest + largest + 2) * gap - review, rate)
    followed, toxic = np.zeros((2, largest + 1, 2))
    complete = np.ones(latest + 2)  # by the number of the arrival after the last enrolment
    for k in range(largest + 1):
        if k > 0:
            complete = complete * onset[k - 1 : k + latest + 1]
            toxic[k] = _in_gaps(k - 1 + earliest, 1 - complete[earliest:], gap)
        # From the last patient who is followed for the window the next arrival is number `latest` or later.
        after = np.concatenate([np.ones(max(k - latest, 0)), 1 - complete[max(latest - k, 0) :]]) if k else np.zeros(1)
        followed[k] = _in_gaps(latest, after, gap)
    return Moments(followed, toxic)


def _in_gaps(least: int, later: Floats, gap: float) -> tuple[float, float]:
    """Mean and variance of a number of gaps, at least `least`; `later`: P(more than that), P(one more), and so on."""
    mean = later.sum()
    square = (later * (2 * np.arange(len(later)) + 1)).sum()
    return gap * (least + mean), gap * gap * max(square - mean * mean, 0.0)
