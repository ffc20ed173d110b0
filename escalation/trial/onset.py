"""When a DLT occurs, given that it occurs in the window.

One tolerance v says whether and when: a patient has a DLT at a dose with true rate p when v < p, and v / p, again
uniform on [0, 1), is the share of such patients whose DLT is no later.

Sources: Cheung YK, Chappell R (2000) Biometrics 56:1177-1182 (uniform); Yuan Y et al. (2018) Clin Cancer Res
24:4921-4930 (Weibull); Lin R, Yuan Y (2020) Biostatistics 21:807-824 (Weibull and log-logistic).
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import model_validator

from escalation.fields import Fraction, Frozen, Rate, Real

Floats = NDArray[np.float64]

_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(64)
NODES = ((1 + _POINTS) / 2) ** 4
NODES_WEIGHT = _WEIGHTS / 2 * 4 * ((1 + _POINTS) / 2) ** 3
"""Nodes of a quadrature over [0, 1] with the variable's fourth root, and their weights."""


class Onset(Frozen):
    """The day of a DLT, given that it occurs in the window.

    Parameters
    ----------
    kind : {"uniform", "weibull", "loglogistic", "quantiles"}, default "uniform"
        "weibull" and "loglogistic" are of the time to toxicity without an end, of which the true rate of a dose is the
        part in the window; their shape depends on that rate.
    late_share : float, optional
        Of "weibull" and "loglogistic": share of DLTs in the second half of the window.
    quantiles : sequence of (float, float), optional
        Of "quantiles": days and the share of DLTs by then, both increasing; linear between, from (0, 0), and up to all
        DLTs at the end of the window.
    """

    kind: Literal["uniform", "weibull", "loglogistic", "quantiles"] = "uniform"
    late_share: Fraction | None = None
    quantiles: tuple[tuple[Real, Rate], ...] | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        problems = list(self._problems())
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _problems(self) -> Iterator[str]:
        if self.depends_on_rate:
            if self.late_share is None:
                yield f'late_share: needed by kind = "{self.kind}": the share of DLTs in the second half of the window'
        elif self.late_share is not None:
            yield f'late_share: not an option of kind = "{self.kind}"'
        if self.kind != "quantiles":
            if self.quantiles is not None:
                yield f'quantiles: not an option of kind = "{self.kind}"'
            return
        if not self.quantiles:
            yield 'quantiles: needed by kind = "quantiles": [day, share of DLTs by then] pairs'
            return
        points = [(0.0, 0.0), *(point for point in self.quantiles if point != (0.0, 0.0))]
        if any(early[0] >= late[0] for early, late in pairwise(points)):
            yield "quantiles: the days should increase, from above 0"
        if any(early[1] > late[1] for early, late in pairwise(points)):
            yield "quantiles: the shares should not decrease"

    def problems(self, window: float) -> Iterator[str]:
        """What does not fit a window of so many days."""
        if not self.quantiles:
            return
        day, share = self.quantiles[-1]
        if day > window:
            yield f"quantiles: day {day:g} is after the window of {window:g} days"
        elif day == window and share < 1:
            yield f"quantiles: by the end of the window, day {window:g}, the share is 1, not {share:g}"

    @property
    def depends_on_rate(self) -> bool:
        """Whether the days depend on the true rate of the dose."""
        return self.kind in ("weibull", "loglogistic")

    def points(self, window: float) -> tuple[Floats, Floats]:
        """Of what does not depend on the rate: days and shares, float64[K] each, linear between."""
        given = self.quantiles if self.quantiles else ()
        points = [(0.0, 0.0), *(point for point in given if 0 < point[0] < window), (window, 1.0)]
        days, shares = np.array(points).T
        return days, shares

    def shape(self, rate: float) -> float:
        """Of what depends on the rate, strictly between 0 and 1: the exponent of the time."""
        assert self.late_share is not None
        early = (1 - self.late_share) * rate
        if self.kind == "weibull":
            return float(np.log2(np.log1p(-rate) / np.log1p(-early)))
        return float(np.log2(rate / (1 - rate) * (1 - early) / early))

    def share_by(self, days: ArrayLike, rate: float, window: float) -> Floats:
        """Share of the DLTs at a dose with this true rate that occur by a day, 0 to 1."""
        day = np.clip(np.asarray(days, np.float64), 0, window)
        if not self.depends_on_rate:
            return np.interp(day, *self.points(window))
        if rate == 0:
            return day / window  # of no DLT
        scaled = (day / window) ** self.shape(rate)
        if self.kind == "weibull":
            return np.asarray(-np.expm1(scaled * np.log1p(-rate)) / rate)
        odds = scaled * rate / (1 - rate)
        return np.asarray(odds / (1 + odds) / rate)

    def day_of(self, shares: ArrayLike, rate: float, window: float) -> Floats:
        """The day by which this share of the DLTs at a dose with this true rate has occurred: the inverse."""
        share = np.asarray(shares, np.float64)
        if not self.depends_on_rate:
            days, by_day = self.points(window)
            rising = np.concatenate([[True], np.diff(by_day) > 0])  # a day of several with the same share: the first
            return np.interp(share, by_day[rising], days[rising])
        if rate == 0:
            return share * window
        if self.kind == "weibull":
            scaled = np.log1p(-rate * share) / np.log1p(-rate)
        else:
            scaled = (rate * share / (1 - rate * share)) / (rate / (1 - rate))
        return np.asarray(window * scaled ** (1 / self.shape(rate)))

    def mean_share(self, rate: float, window: float) -> float:
        """Mean day of a DLT, at a dose with this true rate, as a share of the window."""
        if not self.depends_on_rate:
            days, shares = self.points(window)
            return float(np.sum(np.diff(shares) * (days[1:] + days[:-1]) / 2)) / window
        # Close to 0 the day is a power of the share: so many nodes there that it is known to 12 digits.
        return float(NODES_WEIGHT @ self.day_of(NODES, rate, window)) / window
