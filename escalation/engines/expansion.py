"""The exact engine's expansion cohorts: what each way a dose escalation can end becomes.

What happens in the expansion depends on the counts at the RP2D alone. So it is worked out once for each pair of
patients and DLTs that an RP2D can have, all pairs side by side, and then joined to the endings of dose escalation.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from escalation.engines.timing import TimeTables
from escalation.kernels.codes import NO_DOSE
from escalation.plans.expansion import ExpansionPlan


class Continued(NamedTuple):
    """Endings of trials after their expansion, R of them."""

    before: NDArray[np.int64]  # (R,), the ending of dose escalation that it continues
    patients: NDArray[np.int16]  # (R,), patients of the expansion
    dlts: NDArray[np.int16]  # (R,)
    sequences: NDArray[np.float64]  # (R,), patient sequences of the expansion
    rejected: NDArray[np.bool_]  # (R,)
    early: NDArray[np.bool_]  # (R,), whether patients are left
    days: NDArray[np.float64]  # (R, 2), mean and variance of the days of the expansion; 0 without a clock


def walk(
    plan: ExpansionPlan, patients: NDArray[np.int64], dlts: NDArray[np.int64], times: TimeTables | None = None
) -> Continued:
    """Every way an expansion can end, from S counts at the RP2D at the end of dose escalation, int64[S] each.

    `times` are those at the RP2D of each, float64[S, m + 1, m + 1, 2].
    """
    most = int(plan.cohorts.sum())
    days = np.zeros((len(patients), most + 1, 2))
    living = np.zeros((len(patients), most + 1))  # patient sequences, by start and DLTs in the expansion
    living[:, 0] = 1
    treated = 0
    parts: list[tuple[NDArray[np.generic], ...]] = []
    for number, size in enumerate(plan.cohorts):
        reached = _one_more(living, int(size))
        treated += int(size)
        last = number == len(plan.cohorts) - 1
        y = np.arange(most + 1)
        n, toxicities = (0, y) if plan.own else (patients[:, None], dlts[:, None] + y)
        rejected = np.zeros(living.shape, np.bool_)
        rejected[:] = plan.rejects[n + treated, toxicities]
        ends = (reached > 0) & (rejected | last)
        start, y_end = np.nonzero(ends)
        counts = np.full(len(start), treated, np.int16), y_end.astype(np.int16)
        over = days if times is None else _days_after(days, living, reached, int(size), times.closing)
        parts.append((start, *counts, reached[ends], rejected[ends], np.full(len(start), not last), over[ends]))
        days = days if times is None else _days_after(days, living, reached, int(size), times.opening)
        living = np.where(ends, 0.0, reached)
    joined = [np.concatenate(part) for part in zip(*parts, strict=True)]
    order = np.argsort(joined[0], kind="stable")
    return Continued(*(part[order] for part in joined))


def _one_more(living: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Patient sequences by start and DLTs after a cohort more, from those before."""
    reached = np.zeros_like(living)
    for toxic in range(size + 1):
        reached[:, toxic:] += special.comb(size, toxic) * living[:, : living.shape[1] - toxic]
    return reached


def _days_after(
    days: NDArray[np.float64],
    living: NDArray[np.float64],
    reached: NDArray[np.float64],
    size: int,
    cohort: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Mean and variance of the days by start and DLTs after a cohort more; see `engines.timing`."""
    found, so_far = np.zeros_like(days), np.zeros_like(reached)
    for toxic in range(size + 1):
        places = living.shape[1] - toxic
        ways = special.comb(size, toxic) * living[:, :places]
        so_far[:, toxic:] += ways
        share = np.divide(ways, so_far[:, toxic:], out=np.zeros_like(ways), where=ways > 0)
        mean, variance = found[:, toxic:, 0], found[:, toxic:, 1]
        own = days[:, :places] + cohort[:, None, size, toxic]
        apart = own[..., 0] - mean
        mean += share * apart
        variance += share * (own[..., 1] - variance + (1 - share) * apart**2)
    return found


def endings_after(
    plan: ExpansionPlan,
    patients: NDArray[np.int16],
    dlts: NDArray[np.int16],
    recommended: NDArray[np.int16],
    limit: int,
    times: TimeTables | None = None,
) -> Continued | None:
    """What each of E endings of dose escalation becomes, in order; None when that are more than `limit` endings.

    An ending that recommends no dose stays as it is.
    """
    rows = np.flatnonzero(recommended != NO_DOSE)
    dose = recommended[rows]
    seen = dose if times is not None else np.zeros_like(dose)  # without a clock it does not matter which dose it is
    at_dose = np.stack([patients[rows, dose], dlts[rows, dose], seen], axis=1).astype(np.int64)
    starts, number = np.unique(at_dose, axis=0, return_inverse=True)
    own = None if times is None else TimeTables(times.opening[starts[:, 2]], times.closing[starts[:, 2]])
    ways = walk(plan, starts[:, 0], starts[:, 1], own)
    # The ways of each start, and one more, in which nothing follows, for endings that recommend no dose.
    first = np.append(np.searchsorted(ways.before, np.arange(len(starts) + 1)), len(ways.before) + 1)
    start = np.full(len(recommended), len(starts))
    start[rows] = number.ravel()
    counts = np.diff(first)[start]
    if counts.sum() > limit:
        return None
    before = np.repeat(np.arange(len(recommended)), counts)
    place = np.arange(len(before)) - np.repeat(np.cumsum(counts) - counts, counts)
    way = first[start[before]] + place
    told: tuple[NDArray[Any], ...] = ways[1:-1]
    nothing: tuple[Any, ...] = np.int16(0), np.int16(0), 1.0, False, False
    parts = [np.append(part, none)[way] for part, none in zip(told, nothing, strict=True)]
    parts.append(np.append(ways.days, [[0.0, 0.0]], axis=0)[way])
    return Continued(before, *parts)
