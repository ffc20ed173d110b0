"""Virtual patients.

A virtual patient is a tolerance, uniform on [0, 1): the patient has a DLT at every dose whose true rate exceeds it. The
same patients meet every design and every truth, so that comparisons between designs are paired. Tolerances are kept as
whole numbers of 2^-32 parts: half the memory and less than half the time of 53 bits, and a DLT rate is rounded up by
less than 3e-10, some ten thousandths of the standard error after ten million trials.

Trials come in blocks of a fixed size, each with a random stream of its own that depends on the seed and the block's
number alone. Trial i therefore has the same patients whatever the number of trials or threads, and its first n patients
are the same whatever the largest number of patients.

Source for the random streams: Salmon JK, Moraes MA, Dror RO, Shaw DE (2011) Parallel random numbers: as easy as 1, 2, 3
(Philox).
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

BLOCK = 1000
"""Trials in a block. Part of what a seed means: another size gives other patients."""

DLT_STREAM = 0
"""Number of the stream of tolerances; other properties of patients will have other numbers."""


RESPONSE_STREAM = 2
"""Number of the stream of responses; that of arrivals is 1."""

RANDOMISED_STREAM = 4
"""Number of the stream of patients who are randomised after dose escalation."""
EXPOSURE_STREAM = 5
"""Number of the stream of exposures."""

PARTS = 2.0**32
"""Tolerances are counted in parts of 1 / PARTS."""


KEPT = 16
"""Blocks that are kept: the designs and truths of a run meet the same patients, one block after another."""


@lru_cache(maxsize=KEPT)
def tolerances(seed: int, block: int, max_patients: int) -> NDArray[np.uint32]:
    """Tolerances of the patients of one block of trials, uint32[BLOCK, max_patients]; read-only.

    In order of enrolment, in parts of 1 / PARTS.
    """
    return draw_tolerances(seed, block, np.empty((BLOCK, max_patients), np.uint32))


def draw_tolerances(seed: int, block: int, room: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """The same, drawn into `room`, uint32[BLOCK, max_patients], of which this is a read-only view.

    For runs of more blocks than are kept, which would keep each in vain; memory that has just been used is faster than
    new.
    """
    key = np.random.SeedSequence(seed, spawn_key=(DLT_STREAM, block)).generate_state(2, np.uint64)
    drawn = np.random.Philox(key=key).random_raw(room.size // 2)
    halves = drawn.astype("<u8", copy=False).view("<u4")  # the low half first
    np.copyto(room, halves.reshape(room.shape[::-1]).T)
    view = room.view()
    view.flags.writeable = False
    return view


def response_keys(seed: int, block: int) -> NDArray[np.uint64]:
    """A key for the responses of each trial of a block, uint64[BLOCK].

    Whether the patient of a number responds follows from the key and the number, as in `kernels.clock`: the same
    patient whatever the design and the dose, and however many follow.
    """
    return trial_keys(seed, RESPONSE_STREAM, block)


def exposure_keys(seed: int, block: int) -> NDArray[np.uint64]:
    """A key for the exposures of each trial of a block, likewise: how far a patient's is from the mean of any dose."""
    return trial_keys(seed, EXPOSURE_STREAM, block)


def trial_keys(seed: int, stream: int, block: int) -> NDArray[np.uint64]:
    """A key of another such stream for each trial of a block, uint64[BLOCK]."""
    key = np.random.SeedSequence(seed, spawn_key=(stream, block)).generate_state(2, np.uint64)
    return np.random.Philox(key=key).random_raw(BLOCK).astype(np.uint64, copy=False)


def tolerance_limits(rates: NDArray[np.float64]) -> NDArray[np.int64]:
    """Limits of tolerances, int64[D]: a patient has a DLT at a dose when the patient's tolerance is below its limit."""
    return np.ceil(rates * PARTS).astype(np.int64)
