"""Tables by the patients and DLTs at a dose."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special


def count_grid(max_patients: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Patients and DLTs of every cell of a decision table, int64[N + 1, N + 1] each, impossible ones included."""
    patients, dlts = np.indices((max_patients + 1, max_patients + 1))
    return patients, dlts


def exceedance(limit: float, max_patients: int, prior: tuple[float, float] = (1.0, 1.0)) -> NDArray[np.float64]:
    """P(rate > limit | data) under a Beta prior, by patients and DLTs at a dose.

    Returns
    -------
    float64[N + 1, N + 1]
        NaN where DLTs exceed patients.
    """
    patients, dlts = count_grid(max_patients)
    possible = dlts <= patients
    tail = np.full(patients.shape, np.nan)
    # The other tail of the mirrored distribution: betaincc takes ten times as long.
    tail[possible] = special.betainc((prior[1] + patients - dlts)[possible], (prior[0] + dlts)[possible], 1 - limit)
    return tail


@lru_cache(maxsize=8)
def cells_of(max_patients: int) -> NDArray[np.int16]:
    """Patients and DLTs of each cell, int16[2, C]; see `kernels.states`."""
    patients = np.repeat(np.arange(max_patients + 1), np.arange(1, max_patients + 2))
    dlts = np.concatenate([np.arange(n + 1) for n in range(max_patients + 1)])
    cells = np.array([patients, dlts], np.int16)
    cells.flags.writeable = False
    return cells


def is_whole(value: object) -> bool:
    """Whether a value is a whole number, Python's or numpy's; True and False are none."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
