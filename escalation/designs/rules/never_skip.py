"""Never skip a dose on the way up, or either way. In R's escalation: dont_skip_doses."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from escalation.designs.rules.base import BASIS, Basis, Restriction
from escalation.fields import Flag
from escalation.trial.trial import Trial


class NeverSkip(Restriction):
    """At most one dose level above the last cohort's, or above the highest that was given.

    Parameters
    ----------
    above : {"last", "highest_tried"}, default "last"
        What a dose level above is skipped from: the last cohort's dose, or the highest given so far (as R's dtpcrm).
    when_deescalating : bool, default False
        At most one level below the last cohort's, too.
    """

    rule: Literal["never_skip"] = "never_skip"
    above: Basis = "last"
    when_deescalating: Flag = False

    def ceiling(self, trial: Trial) -> NDArray[np.int64]:
        """Highest dose index that may follow each dose, int64[1, D]."""
        return self._one_up(trial)[None] if self.above == "last" else super().ceiling(trial)

    def tried_ceiling(self, trial: Trial) -> NDArray[np.int64]:
        """Highest dose index that may follow, by the highest dose that was given, int64[D]."""
        return super().tried_ceiling(trial) if self.above == "last" else self._one_up(trial)

    def _one_up(self, trial: Trial) -> NDArray[np.int64]:
        return np.minimum(np.arange(trial.levels) + 1, trial.levels - 1)

    def floor(self, trial: Trial) -> NDArray[np.int64]:
        """Lowest dose index that may follow each dose, int64[D]."""
        return np.maximum(np.arange(trial.levels) - 1, 0) if self.when_deescalating else super().floor(trial)

    def words(self, trial: Trial) -> str:  # noqa: ARG002
        """What the rule says, as a sentence."""
        if self.above == "last":
            below = " and at most one below" if self.when_deescalating else ""
            return f"The next dose is at most one level above{below} the last cohort's."
        below = ", and at most one below the last cohort's" if self.when_deescalating else ""
        return f"The next dose is at most one level above {BASIS[self.above]}{below}."
