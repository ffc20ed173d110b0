"""A truth: one vector of true DLT rates."""

from typing import Annotated, Literal

from pydantic import Field

from escalation.fields import Count, Frozen, Rate, Text
from escalation.trial.rates import correct_doses


class Truth(Frozen):
    """One vector of true DLT rates.

    Parameters
    ----------
    name : str
    dlt_rates : sequence of float
        One rate in [0, 1] for each dose level.
    rp2d : int, sequence of int or "none", optional
        The correct dose level or levels, 1-based. By default those whose rate is closest to the target, none when even
        the lowest rate exceeds it by more than 0.10.
    """

    name: Text
    dlt_rates: tuple[Rate, ...] = Field(min_length=1)
    rp2d: Count | Annotated[tuple[Count, ...], Field(min_length=1)] | Literal["none"] | None = None

    def correct_doses(self, target: float) -> tuple[int, ...]:
        """The correct dose levels, 1-based; empty when none is."""
        if self.rp2d is None:
            return correct_doses(self.dlt_rates, target)
        if self.rp2d == "none":
            return ()
        return (self.rp2d,) if isinstance(self.rp2d, int) else tuple(sorted(set(self.rp2d)))
