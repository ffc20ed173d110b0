"""Never skip a dose on the way up. In R's escalation: dont_skip_doses."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from escalation.rules.base import Restriction
from escalation.trial import Trial


class NeverSkip(Restriction):
    """At most one dose level above the last cohort's."""

    rule: Literal["never_skip"] = "never_skip"

    def ceiling(self, trial: Trial) -> NDArray[np.int64]:
        """Highest dose index that may follow each dose, int64[D]."""
        return np.minimum(np.arange(trial.levels) + 1, trial.levels - 1)
