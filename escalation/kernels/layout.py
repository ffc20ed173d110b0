"""What the kernels receive of a plan: named tuples of arrays and scalars. Imports no numba.

Shapes: D dose levels, N the largest number of patients in the trial, G curves.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Packing(NamedTuple):
    """Where the cell of each dose is in a row of packed counts; see `kernels.states`."""

    words: NDArray[np.int64]  # (D,)
    shifts: NDArray[np.uint64]  # (D,)
    mask: np.uint64


class Children(NamedTuple):
    """What the living states become by one cohort; `kernels.states.merge_children` says what the fields mean."""

    rows: NDArray[np.uint64]  # (R, W)
    starts: NDArray[np.int64]  # (R + 1,)
    parents: NDArray[np.int32]  # (A,)
    toxic: NDArray[np.int8]  # (A,)


class StateArrays(NamedTuple):
    """States of trials."""

    rows: NDArray[np.uint64]  # (S, W), packed counts; see `kernels.states`
    columns: NDArray[np.int8]  # (S,), dose of the next cohort, or why the trial has ended
    sequences: NDArray[np.float64]  # (S,), patient sequences that lead to the state
    choices: NDArray[np.int8]  # (S,), what the model chooses; without meaning under a table plan


class TableArrays(NamedTuple):
    """A table plan as the kernels read it; `plans.TablePlan` says what the fields mean."""

    codes: NDArray[np.int8]  # (D, N + 1, N + 1), by dose, patients and DLTs there
    completes: NDArray[np.bool_]  # (D, N + 1, N + 1)
    cap: int
    enough: int
    titration: bool
    cohort_size: int
    max_patients: int
    start: int


class CurveArrays(NamedTuple):
    """A curve plan as the kernels read it; `plans.CurvePlan` says what the fields mean."""

    rates: NDArray[np.float64]  # (D, G)
    weight: NDArray[np.float64]  # (G,)
    parameter: NDArray[np.float64]  # (G,)
    cuts: NDArray[np.float64]  # (D - 1,)
    plugin: bool
    too_toxic: NDArray[np.float64]  # (G,), or empty when the rule is off
    too_toxic_threshold: float
    target: float
    no_skip: bool
    coherent: int
    stop_at: int
    recommend_untried: bool
    cohort_size: int
    max_patients: int
    start: int
