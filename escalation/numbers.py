"""Tables by the patients and DLTs at a dose."""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from escalation.kernels.codes import SLACK

Floats = NDArray[np.float64]


def count_grid(max_patients: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Patients and DLTs of every cell of a decision table, int64[N + 1, N + 1] each, impossible ones included."""
    patients, dlts = np.indices((max_patients + 1, max_patients + 1))
    return patients, dlts


def exceedance(
    limit: float, patients: NDArray[Any] | int, dlts: NDArray[Any] | int, prior: tuple[float, float] = (1.0, 1.0)
) -> Floats:
    """P(rate > limit | data) under a Beta prior, by patients and DLTs at a dose; NaN where DLTs exceed patients."""
    without = np.where(dlts <= patients, prior[1] + patients - dlts, np.nan)
    # The other tail of the mirrored distribution: betaincc takes ten times as long.
    return np.asarray(special.betainc(without, prior[0] + dlts, 1 - limit), np.float64)


def fewest_dlts(
    holds: Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.bool_]], patients: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Fewest DLTs among so many patients with which something holds, int64[K]; one more than there are where with none.

    `holds` is asked of patients and DLTs. What holds with some DLTs holds with more, so that the answer is halved for.
    """
    fewest, most = np.zeros_like(patients), patients + 1
    while (open_ones := np.flatnonzero(fewest < most)).size:
        middle = (fewest[open_ones] + most[open_ones]) // 2
        found = holds(patients[open_ones], middle)
        most[open_ones[found]] = middle[found]
        fewest[open_ones[~found]] = middle[~found] + 1
    return fewest


@lru_cache(maxsize=8)
def cells_of(max_patients: int) -> NDArray[np.int16]:
    """Patients and DLTs of each cell, int16[2, C]; see `kernels.exact_states`."""
    patients = np.repeat(np.arange(max_patients + 1), np.arange(1, max_patients + 2))
    dlts = np.concatenate([np.arange(n + 1) for n in range(max_patients + 1)])
    cells = np.array([patients, dlts], np.int16)
    cells.flags.writeable = False
    return cells


def binomials(most: int) -> NDArray[np.float64]:
    """Binomial coefficients up to those of `most`, float64[most + 1, most + 1]."""
    size = np.arange(most + 1)
    return special.comb(size[:, None], size).astype(np.float64)


def is_whole(value: object) -> bool:
    """Whether a value is a whole number, Python's or numpy's; True and False are none."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


CONFIDENCE = 0.95


def quantile(values: Floats, share: float) -> Any:
    """The smallest value such that at least this share of the values is not larger; along the last axis."""
    place = max(math.ceil(share * values.shape[-1] - SLACK) - 1, 0)
    return np.sort(values, axis=-1)[..., place]


@lru_cache(maxsize=8)
def clopper_pearson_table(max_patients: int) -> tuple[Floats, Floats]:
    """`clopper_pearson` by patients and DLTs, float64[N + 1, N + 1] each; NaN where impossible."""
    limits = clopper_pearson(*count_grid(max_patients))
    for limit in limits:
        limit.flags.writeable = False
    return limits


def clopper_pearson(patients: NDArray[np.int64], dlts: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Lower and upper 95 % limits of a rate; NaN without patients.

    Source: Clopper CJ, Pearson ES (1934) Biometrika 26:404-413.
    """
    impossible = (patients == 0) | (dlts > patients)
    tail = (1 - CONFIDENCE) / 2
    with np.errstate(invalid="ignore"):
        lower = np.where(dlts == 0, 0.0, special.betaincinv(dlts, patients - dlts + 1, tail))
        upper = np.where(dlts == patients, 1.0, special.betaincinv(dlts + 1, patients - dlts, 1 - tail))
    return np.where(impossible, np.nan, lower), np.where(impossible, np.nan, upper)


def halved(beyond: Callable[[Floats], NDArray[np.bool_]], inside: Floats, outside: Floats) -> Floats:
    """Where, between ends inside and outside, float64[K], `beyond` begins to hold; outside where it holds nowhere.

    Halved until nothing is left between floating-point numbers. To import a library's root finder would take longer
    than all else that a design needs.
    """
    for _ in range(100):
        middle = (inside + outside) / 2
        past = beyond(middle)
        inside, outside = np.where(past, inside, middle), np.where(past, middle, outside)
    return outside
