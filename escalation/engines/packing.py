"""Counts at each dose, packed into 64-bit words, and the memory of a state."""

import numpy as np
from numpy.typing import NDArray

from escalation.kernels.layout import Packing
from escalation.plans.plan import Plan


def packed(packing: Packing, patients: NDArray[np.int64], dlts: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Counts at each dose as a row of packed cells, uint64[W]."""
    row = np.zeros(packing.words[-1] + 1, np.uint64)
    cells = (patients * (patients + 1) // 2 + dlts).astype(np.uint64)
    np.bitwise_or.at(row, packing.words, cells << packing.shifts)
    return row


def packing_of(levels: int, max_patients: int) -> Packing:
    """As many cells to a word as fit, the lowest dose in the highest bits."""
    bits, in_a_word = bits_per_cell(max_patients), cells_per_word(max_patients)
    word, place = np.divmod(np.arange(levels), in_a_word)
    return Packing(word, ((in_a_word - 1 - place) * bits).astype(np.uint64), np.uint64((1 << bits) - 1))


def state_bytes(plan: Plan, timed: bool = False) -> int:
    """Memory that a state takes, at most; with a clock its days and the parents of its ways are kept beside it."""
    row, days = 8 * words_per_row(plan.levels, plan.conduct.max_patients), 16 if timed else 0
    ending = 2 * (row + 2 + 8 + 1 + days) + 8 * plan.levels + 2  # held twice while the cohorts' parts are joined
    living = row + 2 + 8 + 1 + 2 + 2 + 4 + days + (plan.conduct.largest + 1) * (4 + 1 + (4 if timed else 0))
    return max(ending, living) + row + 8  # and the row it came from


def late_state_bytes(plan: Plan) -> int:
    """Memory that a state of a late-onset design takes, at most; see `kernels.exact_steps`."""
    row = 8 * (words_per_row(plan.levels, plan.conduct.max_patients) + 1)
    return 3 * (row + 8 + 9 * 8 + 4 * 8) // 2  # there is room for twice as many, and before and after it was made


def joint_state_bytes(truths: int) -> int:
    """Memory that a state of a design that decides by responses takes, at most, under so many truths."""
    return 8 * truths + 8  # of all cohorts' states at most a third are there at once, with room for twice as many


def bits_per_cell(max_patients: int) -> int:
    """Bits for a cell number; no cell has all of them set."""
    return ((max_patients + 1) * (max_patients + 2) // 2).bit_length()


def cells_per_word(max_patients: int) -> int:
    """Cell numbers that fit into 64 bits."""
    return 64 // bits_per_cell(max_patients)


def words_per_row(levels: int, max_patients: int) -> int:
    """64-bit words for the cells of all doses."""
    return -(-levels // cells_per_word(max_patients))
