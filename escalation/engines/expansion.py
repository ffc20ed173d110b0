"""The exact engine's expansion cohorts: what each way a dose escalation can end becomes.

What happens in the expansion depends on the counts at the RP2D alone. So it is worked out once for each pair of
patients and DLTs that an RP2D can have, all pairs side by side, and then joined to the endings of dose escalation.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

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


def walk(plan: ExpansionPlan, patients: NDArray[np.int64], dlts: NDArray[np.int64]) -> Continued:
    """Every way an expansion can end, from S counts at the RP2D at the end of dose escalation, int64[S] each."""
    most = int(plan.cohorts.sum())
    living = np.zeros((len(patients), most + 1))  # patient sequences, by start and DLTs in the expansion
    living[:, 0] = 1
    treated = 0
    parts: list[tuple[NDArray[np.generic], ...]] = []
    for number, size in enumerate(plan.cohorts):
        reached = np.zeros_like(living)
        for toxic in range(size + 1):
            reached[:, toxic:] += special.comb(size, toxic) * living[:, : most + 1 - toxic]
        treated += int(size)
        last = number == len(plan.cohorts) - 1
        y = np.arange(most + 1)
        n, toxicities = (0, y) if plan.own else (patients[:, None], dlts[:, None] + y)
        rejected = np.zeros(living.shape, np.bool_)
        rejected[:] = plan.rejects[n + treated, toxicities]
        ends = (reached > 0) & (rejected | last)
        start, y_end = np.nonzero(ends)
        counts = np.full(len(start), treated, np.int16), y_end.astype(np.int16)
        parts.append((start, *counts, reached[ends], rejected[ends], np.full(len(start), not last)))
        living = np.where(ends, 0.0, reached)
    joined = [np.concatenate(part) for part in zip(*parts, strict=True)]
    order = np.argsort(joined[0], kind="stable")
    return Continued(*(part[order] for part in joined))


def endings_after(
    plan: ExpansionPlan,
    patients: NDArray[np.int16],
    dlts: NDArray[np.int16],
    recommended: NDArray[np.int16],
    limit: int,
) -> Continued | None:
    """What each of E endings of dose escalation becomes, in order; None when that are more than `limit` endings.

    An ending that recommends no dose stays as it is.
    """
    rows = np.flatnonzero(recommended != NO_DOSE)
    at_dose = np.stack([patients[rows, recommended[rows]], dlts[rows, recommended[rows]]], axis=1).astype(np.int64)
    starts, number = np.unique(at_dose, axis=0, return_inverse=True)
    ways = walk(plan, starts[:, 0], starts[:, 1])
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
    told: tuple[NDArray[Any], ...] = ways[1:]
    nothing: tuple[Any, ...] = np.int16(0), np.int16(0), 1.0, False, False
    return Continued(before, *(np.append(part, none)[way] for part, none in zip(told, nothing, strict=True)))
