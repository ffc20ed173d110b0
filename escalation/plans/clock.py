"""The clock of a trial, in days: when patients arrive, how long they are followed, and on which day a DLT shows."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from escalation.errors import DesignError

Floats = NDArray[np.float64]

UNIFORM, WEIBULL, LOG_LOGISTIC, QUANTILES = ONSETS = ("uniform", "weibull", "loglogistic", "quantiles")
POISSON, FIXED = ARRIVALS = ("poisson", "fixed")
READY, WAIT, LOST = WHILE_CLOSED = ("ready", "wait", "lost")

MOST_DAYS = 1e6
"""No number of days is larger, some 2,700 years."""

MOST_ARRIVALS = 100_000
"""Patients that may arrive within a window, on average: the work of exact durations grows with them."""

MOST_POINTS = 100
"""Points of the distribution of the day of a DLT; the work of exact durations grows with them."""

NO_RATE = 1e-12
"""At a true DLT rate of no more, the distribution is its limit at 0."""

LEAST_SHAPE = 1e-9
"""Shape of a time to toxicity where rounding leaves none: nearly all DLTs are on the first day."""


@dataclass(frozen=True)
class Onset:
    """The distribution of the day of a DLT, counted from the patient's enrolment, given that it is within the window.

    Under "uniform" and "quantiles" it is the same at every dose. Under "weibull" and "loglogistic" it depends on the
    dose's true DLT rate p: the time to toxicity X has this distribution with P(X <= W) = p for the window W and
    P(X <= W / 2) = (1 - late_share) p, and is taken given X <= W.

    Attributes
    ----------
    kind : "uniform", "weibull", "loglogistic" or "quantiles"
    window : float
        Days in which a toxicity counts as a DLT.
    late_share : float, optional
        Of "weibull" and "loglogistic": P(DLT in the second half of the window | DLT), strictly between 0 and 1.
    points : sequence of (day, share)
        Of "quantiles": the share of all DLTs that have shown by a day, in between along straight lines from (0, 0). The
        last is (window, 1).

    Source of "weibull" and "loglogistic": Yuan Y et al. (2018) Clin Cancer Res 24:4921-4930; Lin R, Yuan Y (2020)
    Biostatistics 21:807-824.
    """

    kind: str
    window: float
    late_share: float | None = None
    points: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in ONSETS:
            raise DesignError(f"onset: {self.kind!r} should be one of {', '.join(ONSETS)}")
        _check_days("window", self.window, above=0)
        if (self.late_share is not None) != self.depends_on_rate:
            needed = "needed by weibull and loglogistic, and by them alone"
            raise DesignError(f"late_share: {needed}; the onset is {self.kind}")
        if self.late_share is not None and not 0 < _number("late_share", self.late_share) < 1:
            raise DesignError(f"late_share: {self.late_share!r} should be strictly between 0 and 1")
        if (self.kind == QUANTILES) != bool(self.points):
            raise DesignError(f"points: needed by quantiles, and by them alone; the onset is {self.kind}")
        if self.points:
            self._check_points()

    def _check_points(self) -> None:
        if len(self.points) > MOST_POINTS:
            raise DesignError(f"points: {len(self.points)} are more than the {MOST_POINTS} that there may be")
        if any(not isinstance(point, list | tuple) or len(point) != 2 for point in self.points):
            raise DesignError("points: each should be a day and the share of DLTs that have shown by then")
        days, shares = ([_number("points", number) for number in part] for part in zip(*self.points, strict=True))
        object.__setattr__(self, "points", tuple(zip(days, shares, strict=True)))  # lists have no hash
        if any(later <= day for day, later in zip([0, *days], days, strict=False)):
            raise DesignError("points: the days should increase, from above 0")
        if any(later < share for share, later in zip([0, *shares], shares, strict=False)):
            raise DesignError("points: the shares should not decrease, nor be below 0")
        if (days[-1], shares[-1]) != (self.window, 1):
            raise DesignError(f"points: the last should be ({self.window:g}, 1), the window and all DLTs")

    @property
    def depends_on_rate(self) -> bool:
        """Whether the distribution depends on the dose's true DLT rate."""
        return self.kind in (WEIBULL, LOG_LOGISTIC)

    @property
    def kinks(self) -> tuple[float, ...]:
        """Days strictly within the window at which the distribution function has a kink."""
        return tuple(float(day) for day, _ in self.points[:-1])

    def cdf(self, day: ArrayLike, rate: ArrayLike) -> Floats:
        """The share of DLTs that have shown by a day, at a dose with this true DLT rate; arrays broadcast.

        Raises DesignError where the rate is 1 and the distribution depends on it: it has none then.
        """
        part = np.clip(np.asarray(day, np.float64) / self.window, 0.0, 1.0)
        p = self._rates(rate)
        if self.kind == UNIFORM:
            return part + 0 * p
        if self.kind == QUANTILES:
            days, shares = np.array([(0.0, 0.0), *self.points]).T
            return np.asarray(np.interp(part, days / self.window, shares) + 0 * p)
        power = part ** self._shape(p)
        if self.kind == LOG_LOGISTIC:
            return power / (1 - p + p * power)
        some = np.where(p > NO_RATE, p, 0.5)
        return np.asarray(np.where(p > NO_RATE, np.expm1(np.log1p(-some) * power) / -some, power))

    def quantile(self, share: ArrayLike, rate: ArrayLike) -> Floats:
        """The day by which this share of DLTs has shown, at a dose with this true DLT rate; arrays broadcast.

        Raises DesignError where the rate is 1 and the distribution depends on it: it has none then.
        """
        s, p = np.asarray(share, np.float64), self._rates(rate)
        if self.kind == UNIFORM:
            return self.window * s + 0 * p
        if self.kind == QUANTILES:
            days, shares = np.array([(0.0, 0.0), *self.points]).T
            return np.asarray(np.interp(s, shares, days) + 0 * p)
        if self.kind == LOG_LOGISTIC:
            power = s * (1 - p) / (1 - s * p)
        else:
            some = np.where(p > NO_RATE, p, 0.5)
            power = np.where(p > NO_RATE, np.log1p(-s * some) / np.log1p(-some), s)
        return np.asarray(self.window * power ** (1 / self._shape(p)))

    def _rates(self, rate: ArrayLike) -> Floats:
        p = np.asarray(rate, np.float64)
        if self.depends_on_rate and (p >= 1).any():
            raise DesignError(f"at a true DLT rate of 1 the day of a DLT has no {self.kind} distribution")
        return p

    def _shape(self, p: Floats) -> Floats:
        """The shape of the distribution of the time to toxicity."""
        assert self.late_share is not None
        early = 1 - self.late_share
        if self.kind == LOG_LOGISTIC:
            ratio = (1 - early * p) / ((1 - p) * early)
        else:
            some = np.where(p > NO_RATE, p, 0.5)
            ratio = np.where(p > NO_RATE, np.log1p(-some) / np.log1p(-early * some), 1 / early)
        return np.maximum(np.log2(ratio), LEAST_SHAPE)


@dataclass(frozen=True)
class Clock:
    """When patients arrive and how long they are followed, in a trial that waits for every cohort's complete data.

    The first patient is enrolled on day 0. A cohort is complete when each of its patients has had a DLT or finished
    the window. The trial ends with the last completion. Patients of a cohort arrive a gap apart.

    Attributes
    ----------
    mean_gap : float
        Mean days between two arrivals.
    arrivals : "poisson" or "fixed"
        Gaps with an exponential distribution, or all alike.
    while_closed : "ready", "wait" or "lost"
        Who is the first patient of the next cohort. Under "ready" somebody is there when it opens; under "wait" the
        one patient who arrives a gap after the last enrolment waits until then, and later gaps start at that
        enrolment; under "lost" who arrives before is turned away, and the next to arrive is enrolled.
    window : float
        Days that a patient without a DLT is followed.
    review : float
        Days from a cohort's completion to the opening of the next.
    onset : Onset
        The day of a DLT.
    """

    mean_gap: float
    arrivals: str
    while_closed: str
    window: float
    review: float
    onset: Onset

    def __post_init__(self) -> None:
        for name, allowed in (("arrivals", ARRIVALS), ("while_closed", WHILE_CLOSED)):
            if getattr(self, name) not in allowed:
                raise DesignError(f"{name}: {getattr(self, name)!r} should be one of {', '.join(allowed)}")
        _check_days("mean_gap", self.mean_gap, above=0)
        _check_days("window", self.window, above=0)
        _check_days("review", self.review)
        if self.onset.window != self.window:
            raise DesignError(
                f"onset: its window of {self.onset.window:g} days is not the {self.window:g} of the trial"
            )
        if self.mean_gap * MOST_ARRIVALS < self.window + self.review:
            raise DesignError(f"mean_gap: more than {MOST_ARRIVALS:,} patients would arrive in window and review")


def _number(name: str, given: Any) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float | np.number) or not math.isfinite(given):
        raise DesignError(f"{name}: {given!r} should be a number")
    return float(given)


def _check_days(name: str, given: Any, above: float | None = None) -> None:
    days = _number(name, given)
    if (days < 0 if above is None else days <= above) or days > MOST_DAYS:
        least = "from 0" if above is None else f"above {above:g}"
        raise DesignError(f"{name}: {given!r} should be a number of days {least}, up to {MOST_DAYS:,.0f}")
