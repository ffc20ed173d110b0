"""A maximum step up, in dose levels or as a factor of the dose. In R's crmPack: IncrementsDoseLevels, -Relative."""

from collections.abc import Iterator
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from escalation.designs.rules.base import Restriction
from escalation.fields import Count, Real
from escalation.kernels.codes import SLACK
from escalation.trial.trial import Trial


class MaxStep(Restriction):
    """The next dose is at most so many levels above the last cohort's, or at most so many times that dose.

    Parameters
    ----------
    levels : int, optional
        Dose levels.
    factor : float, optional
        Ratio of the next dose to the last; 2 allows to double the dose.
    """

    rule: Literal["max_step"] = "max_step"
    levels: Count | None = None
    factor: Annotated[Real, Field(gt=1, le=1_000_000)] | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.levels is None) == (self.factor is None):
            raise ValueError("levels: give either levels or factor")
        return self

    def ceiling(self, trial: Trial) -> NDArray[np.int64]:
        """Highest dose index that may follow each dose, int64[D]."""
        if self.levels is not None:
            return np.minimum(np.arange(trial.levels) + self.levels, trial.levels - 1)
        assert self.factor is not None
        doses = np.array(trial.doses, np.float64)
        return np.searchsorted(doses, doses * self.factor * (1 + SLACK), side="right") - 1

    def words(self, trial: Trial) -> str:  # noqa: ARG002
        """What the rule says, as a sentence."""
        if self.levels is None:
            return f"The next dose is at most {self.factor:g} times the last cohort's."
        levels = "one level" if self.levels == 1 else f"{self.levels} levels"
        return f"The next dose is at most {levels} above the last cohort's."

    def problems(self, trial: Trial) -> Iterator[str]:
        """What of the rule does not fit the trial."""
        if self.factor is not None and isinstance(trial.doses[0], str):
            yield "factor: the doses of this trial are texts; give levels"
