"""What the kernels receive of a plan: named tuples of arrays and scalars. Imports no numba.

Shapes: D dose levels, N the largest number of patients in the trial, G curves.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


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
