"""A patient's exposure, such as the AUC or Cmax of the cells, beside the DLT."""

import math
from typing import Annotated

import numpy as np
from pydantic import Field

from escalation.fields import Frozen, Positive, Real
from escalation.numbers import Floats


class Exposure(Frozen):
    """Exposure of patients at each dose, under one truth; log-normal, independent of DLT and response.

    log X ~ N(log geometric mean, log(1 + cv^2)).

    Parameters
    ----------
    geometric_means : sequence of float
        One, above 0, for each dose level, in any unit. They need not increase.
    cv : float
        Coefficient of variation between the patients at a dose, the same at all doses; above 0, at most 100.
    """

    geometric_means: Annotated[tuple[Positive, ...], Field(min_length=1)]
    cv: Annotated[Real, Field(gt=0, le=100)]

    @property
    def log_means(self) -> Floats:
        """Mean of the log exposure at each dose, float64[D]."""
        return np.log(np.array(self.geometric_means, np.float64))

    @property
    def log_sd(self) -> float:
        """Standard deviation of the log exposure."""
        return math.sqrt(math.log1p(self.cv**2))
