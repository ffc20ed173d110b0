"""Exponents of growth.

Where something grows with a power of the size, its logarithm is a straight line over that of the size, and the slope is
the exponent. At small sizes fixed costs hide it; so it is fitted to the upper part of the sizes too. Where growth is
faster than any power, the exponent rises from step to step: that of the last step is then above the fitted one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RISING = 0.05
"""An exponent is larger only if it is so much larger."""


@dataclass(frozen=True)
class Growth:
    """How something grows with the size.

    Attributes
    ----------
    overall : float
        The exponent, by least squares over all sizes.
    upper : float
        The same over the upper part.
    last : float
        The exponent of the last step alone.
    step : float
        The factor of the last step.
    part : (int, int)
        First and last size of the upper part.
    """

    overall: float
    upper: float
    last: float
    step: float
    part: tuple[int, int]

    @property
    def rises(self) -> bool:
        """Whether the exponent is larger in each later part, so that no one power describes the growth."""
        return abs(self.last) > RISING + abs(self.upper) > 2 * RISING + abs(self.overall)


def exponent(sizes: Sequence[float], values: Sequence[float]) -> float:
    """The slope of log values over log sizes, by least squares."""
    x, y = np.log(sizes), np.log(values)
    x -= x.mean()
    return float(x @ y / (x @ x))


def growth(sizes: Sequence[int], values: Sequence[float]) -> Growth | None:
    """How positive values grow with the sizes, which are in the order of growing problems; None for less than two.

    The upper part is the larger half of the sizes, but at least three of them.
    """
    if len(sizes) < 2:
        return None
    upper = max(-(-len(sizes) // 2), min(3, len(sizes)))
    return Growth(
        overall=exponent(sizes, values),
        upper=exponent(sizes[-upper:], values[-upper:]),
        last=exponent(sizes[-2:], values[-2:]),
        step=values[-1] / values[-2],
        part=(sizes[-upper], sizes[-1]),
    )


def predicted(sizes: Sequence[int], values: Sequence[float], size: int) -> float:
    """The value at the next size, when it grows with the power of the last step, or in proportion if that is less.

    Of one value nothing can be foretold; then it stays as it is.
    """
    if len(sizes) < 2:
        return values[-1] if len(values) else 0.0
    power = exponent(sizes[-2:], values[-2:])
    least = 1.0 if sizes[-1] > sizes[0] else -1.0  # cohorts shrink when problems grow
    power = max(power, least) if least > 0 else min(power, least)
    return float(values[-1] * (size / sizes[-1]) ** power)
