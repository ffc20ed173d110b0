"""TODO."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from escalation.kernels.codes import DE_ESCALATE, ESCALATE
from escalation.kernels.layout import TableArrays
from escalation.plans.conduct import Conduct

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ClosestIsotonic:
    """Recommend the tried dose, below eliminated ones, whose isotonic estimate is closest to the target.

    Attributes
    ----------
    estimates, precisions : float64[N + 1, N + 1]
        Estimated DLT rate, and its weight in the isotonic regression, by patients and DLTs at a dose.
    target : float
    bound : float
        Doses with a larger isotonic estimate are not recommended.
    """

    estimates: Floats
    precisions: Floats
    target: float
    bound: float = np.inf


@dataclass(frozen=True, eq=False)
class HighestCleared:
    """Recommend the highest cleared dose below the eliminated ones.

    Attributes
    ----------
    cleared : bool[N + 1, N + 1]
        Whether a dose with so many patients and DLTs may be recommended.
    """

    cleared: NDArray[np.bool_]


@dataclass(frozen=True, eq=False, kw_only=True)
class TablePlan(Conduct):
    """A design whose decisions look up the counts at the dose just given.

    ELIMINATE overrides everything: the dose and all above are closed for good and the next cohort gets the dose below;
    at the lowest dose the trial ends with no recommendation. Escalation to a closed or missing dose is a stay, and so
    is de-escalation below the lowest.

    Attributes
    ----------
    codes : int8[D, N + 1, N + 1]
        ESCALATE, STAY, DE_ESCALATE or ELIMINATE, by dose, patients and DLTs there.
    selection : ClosestIsotonic or HighestCleared
        The recommendation at the end.
    """

    codes: NDArray[np.int8]
    selection: ClosestIsotonic | HighestCleared

    @property
    def levels(self) -> int:
        """Number of dose levels."""
        return len(self.codes)

    @property
    def moves(self) -> bool:
        """Whether any decision is to escalate or de-escalate; if not, a dose is only monitored."""
        return bool(np.isin(self.codes, (ESCALATE, DE_ESCALATE)).any())

    def arrays(self) -> TableArrays:
        """The plan as the kernels read it."""
        return TableArrays(codes=np.ascontiguousarray(self.codes, np.int8), conduct=self.conduct_arrays())
