"""The optimal dose by exposure in simulated trials.

Exposures are continuous: no counts at an ending tell them, so that nothing of this is exact.
"""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from escalation.engines.outcomes import ByExposure
from escalation.kernels.exposure import choose_by_exposure
from escalation.trial.choice import Choice
from escalation.trial.exposure import Exposure


@dataclass(frozen=True, eq=False)
class ExposureRule:
    """How an optimal dose is chosen by exposure under a truth.

    Attributes
    ----------
    log_means : float64[D]
        True mean of the log exposure at each dose.
    log_sd : float
        Standard deviation between patients.
    log_ratio : float
        How far below the largest fitted mean a dose on the plateau may be, as a number not above 0.
    """

    log_means: NDArray[np.float64]
    log_sd: float
    log_ratio: float

    @classmethod
    def of(cls, choice: Choice | None, exposure: Exposure | None) -> Self | None:
        """The rule of a choice under a truth; None where it is not by exposure, or the truth has none."""
        if choice is None or choice.ratio is None or exposure is None:
            return None
        return cls(exposure.log_means, exposure.log_sd, math.log(choice.ratio))

    def choose(
        self,
        notes: NDArray[np.float64],
        keys: NDArray[np.uint64],
        recommended: NDArray[np.int16],
        found: ByExposure,
    ) -> None:
        """Choose the dose of each trial by what was noted of it, in place."""
        told = self.log_means, self.log_sd, self.log_ratio
        choose_by_exposure(notes, keys, *told, recommended, found.chosen, found.deviation)
