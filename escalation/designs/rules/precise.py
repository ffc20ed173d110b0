"""Stop when the DLT rate at a dose is known precisely enough."""

from functools import lru_cache
from typing import Annotated, Literal

import numpy as np
from pydantic import Field
from scipy import special

from escalation.designs.rules.base import Cells, Counts, DoseRule
from escalation.fields import Fraction, Positive
from escalation.kernels.codes import SLACK
from escalation.numbers import Floats, count_grid
from escalation.trial.trial import Trial


class Precise(DoseRule):
    """Stop when the equal-tailed credible interval of a dose's DLT rate, from its own data, is narrow enough.

    Parameters
    ----------
    width : float
        Largest width of the interval.
    probability : float, default 0.95
        Posterior probability that the interval holds.
    prior : (float, float), default (1, 1)
        Parameters of the Beta prior of the DLT rate.
    """

    rule: Literal["precise"] = "precise"
    width: Fraction
    probability: Annotated[Fraction, Field(ge=0.5)] = 0.95
    prior: tuple[Positive, Positive] = (1.0, 1.0)

    def holds(self, patients: Counts, dlts: Counts, trial: Trial) -> Cells:  # noqa: ARG002
        """Whether the rule holds at a dose, by the patients (at least one) and DLTs there."""
        widths = _widths(int(patients.max()), self.probability, self.prior)
        return widths[patients, dlts] <= self.width + SLACK

    def words(self, trial: Trial) -> str:
        """What the rule asks for, as the end of a sentence."""
        return (
            f"the equal-tailed {100 * self.probability:g} % credible interval of the DLT rate at {self.place(trial)} "
            f"is at most {self.width:g} wide (own data, Beta({self.prior[0]:g}, {self.prior[1]:g}) prior)"
        )


@lru_cache(maxsize=4)
def _widths(most: int, probability: float, prior: tuple[float, float]) -> Floats:
    """Width of the credible interval by the patients, 0 to `most`, and DLTs at a dose, float64[N + 1, N + 1].

    Remembered: rules of several widths mostly share them, and they are what takes the time.
    """
    patients, dlts = count_grid(most)
    a, b = prior[0] + dlts, prior[1] + np.maximum(patients - dlts, 0)  # more DLTs than patients: nobody asks
    tail = (1 - probability) / 2
    widths: Floats = special.betaincinv(a, b, 1 - tail) - special.betaincinv(a, b, tail)
    return widths
