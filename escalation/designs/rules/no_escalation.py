"""No escalation once the trial has seen so many DLTs."""

from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from escalation.designs.rules.base import Restriction
from escalation.fields import Count
from escalation.trial.trial import Trial


class NoEscalation(Restriction):
    """No dose above the last cohort's from so many DLTs on, in the whole trial.

    Parameters
    ----------
    dlts : int
        DLTs at all doses together.
    """

    rule: Literal["no_escalation"] = "no_escalation"
    dlts: Count

    def ceiling(self, trial: Trial) -> NDArray[np.int64]:
        """Highest dose index that may follow each dose, by DLTs in the trial, int64[T, D]."""
        free = np.full((min(self.dlts, trial.max_patients + 1), trial.levels), trial.levels - 1)
        return np.vstack([free, np.arange(trial.levels)])

    def words(self, trial: Trial) -> str:  # noqa: ARG002
        """What the rule says, as a sentence."""
        seen = "a DLT has" if self.dlts == 1 else f"{self.dlts} DLTs have"
        return f"No dose above the last cohort's is given once {seen} been seen in the trial."

    def cautions(self, trial: Trial) -> Iterator[str]:
        """What a user should know of the rule on this trial, although it can run."""
        if self.dlts > trial.max_patients:
            yield f"rule 'no_escalation': {self.dlts} DLTs are never reached"
