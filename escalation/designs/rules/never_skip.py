"""Never skip a dose on the way up, or either way. In R's escalation: dont_skip_doses."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from escalation.designs.rules.base import Restriction
from escalation.fields import Flag
from escalation.trial.trial import Trial


class NeverSkip(Restriction):
    """At most one dose level above the last cohort's.

    Parameters
    ----------
    when_deescalating : bool, default False
        At most one level below it, too.
    """

    rule: Literal["never_skip"] = "never_skip"
    when_deescalating: Flag = False

    def ceiling(self, trial: Trial) -> NDArray[np.int64]:
        """Highest dose index that may follow each dose, int64[D]."""
        return np.minimum(np.arange(trial.levels) + 1, trial.levels - 1)

    def floor(self, trial: Trial) -> NDArray[np.int64]:
        """Lowest dose index that may follow each dose, int64[D]."""
        return np.maximum(np.arange(trial.levels) - 1, 0) if self.when_deescalating else super().floor(trial)

    def words(self, trial: Trial) -> str:  # noqa: ARG002
        """What the rule says, as a sentence."""
        below = " and at most one below" if self.when_deescalating else ""
        return f"The next dose is at most one level above{below} the last cohort's."
