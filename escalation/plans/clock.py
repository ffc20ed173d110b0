"""The clock of a trial, in days: when patients arrive, how long they are followed, and on which day a DLT shows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from escalation.errors import DesignError
from escalation.trial.onset import Onset as Given
from escalation.trial.trial import Trial

Floats = NDArray[np.float64]

UNIFORM, WEIBULL, LOG_LOGISTIC, QUANTILES = ("uniform", "weibull", "loglogistic", "quantiles")
POISSON, FIXED = "poisson", "fixed"
READY, WAIT, LOST = "ready", "wait", "lost"

NO_RATE = 1e-12
"""At a true DLT rate of no more, the distribution is its limit at 0."""

LEAST_SHAPE = 1e-9
"""Shape of a time to toxicity where rounding leaves none: nearly all DLTs are on the first day."""


_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(64)
NODES, WEIGHTS = ((1 + _POINTS) / 2) ** 4, _WEIGHTS * 2 * ((1 + _POINTS) / 2) ** 3
"""Of a mean over the window: towards its start the share of DLTs is a power of the day, of whatever exponent."""


@dataclass(frozen=True)
class Onset:
    """The distribution of the day of a DLT, counted from the patient's enrolment, given that it is within the window.

    That of a response likewise, with its own window and the true response rate.

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
        p = self.checked(rate)
        if self.kind == UNIFORM:
            return part + 0 * p
        if self.kind == QUANTILES:
            days, shares = np.array([(0.0, 0.0), *self.points]).T
            return np.asarray(np.interp(part, days / self.window, shares) + 0 * p)
        power = part ** self.shape(p)
        if self.kind == LOG_LOGISTIC:
            return power / (1 - p + p * power)
        some = np.where(p > NO_RATE, p, 0.5)
        return np.asarray(np.where(p > NO_RATE, np.expm1(np.log1p(-some) * power) / -some, power))

    def quantile(self, share: ArrayLike, rate: ArrayLike) -> Floats:
        """The day by which this share of DLTs has shown, at a dose with this true DLT rate; arrays broadcast.

        Raises DesignError where the rate is 1 and the distribution depends on it: it has none then.
        """
        s, p = np.asarray(share, np.float64), self.checked(rate)
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
        return np.asarray(self.window * power ** (1 / self.shape(p)))

    def mean_share(self, rates: ArrayLike) -> Floats:
        """Mean day of a DLT as a share of the window, at doses with these true DLT rates, of any shape."""
        p = self.checked(rates)
        if not self.depends_on_rate:
            days, shares = np.array([(0.0, 0.0), *(self.points or ((self.window, 1.0),))]).T
            return np.full(p.shape, np.sum(np.diff(shares) * (days[1:] + days[:-1]) / 2) / self.window)
        return np.asarray(1 - self.cdf(NODES * self.window, p[..., None]) @ WEIGHTS)

    def checked(self, rate: ArrayLike) -> Floats:
        """The rates as an array; DesignError where one is 1 and the distribution depends on it."""
        p = np.asarray(rate, np.float64)
        if self.depends_on_rate and (p >= 1).any():
            raise DesignError(f"at a true DLT rate of 1 the day of a DLT has no {self.kind} distribution")
        return p

    def shape(self, p: Floats) -> Floats:
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


@dataclass(frozen=True)
class ResponseClock:
    """When the response of a patient is known, in a trial whose decisions or whose end wait for it.

    Patients who are not evaluable for a DLT are not for a response either, and are not waited for.

    Attributes
    ----------
    window : float
        Days after the enrolment in which a response counts, at least those of a DLT.
    at_end : bool
        Whether every response is known at the end of the window; if not it is known on its day, and that there is none
        at the end.
    onset : Onset
        The day of a response, of which the true response rate of the dose takes the place of the DLT rate.
    """

    window: float
    at_end: bool
    onset: Onset


def clock_of(trial: Trial) -> Clock | None:
    """The clock of a trial; None without a calendar."""
    calendar, window = trial.time, trial.dlt_window_days
    if calendar is None or window is None:
        return None
    return Clock(
        mean_gap=calendar.mean_gap,
        arrivals=calendar.arrivals,
        while_closed=calendar.while_closed,
        window=float(window),
        review=float(calendar.review_days),
        onset=_within(calendar.onset, float(window)),
    )


def response_clock_of(trial: Trial) -> ResponseClock | None:
    """The clock of responses; None without responses or a calendar.

    Without a window of their own they are known when that of a DLT ends.
    """
    efficacy, calendar, dlt_window = trial.efficacy, trial.time, trial.dlt_window_days
    if efficacy is None or calendar is None or dlt_window is None:
        return None
    window = float(dlt_window if efficacy.window_days is None else efficacy.window_days)
    return ResponseClock(window, not efficacy.seen_when_it_occurs, _within(efficacy.onset or Given(), window))


def _within(given: Given, window: float) -> Onset:
    """An onset in a window of so many days."""
    points = [point for point in given.quantiles or () if 0 < point[0] < window]
    return Onset(given.kind, window, given.late_share, (*points, (window, 1.0)) if given.quantiles else ())


def evaluated_rates(rates: Floats, trial: Trial) -> Floats:
    """DLT rates among the patients who are evaluable, of true rates of any shape.

    Where patients who leave before the end of their observation are replaced, the two differ: a DLT before leaving
    counts, so that those with a DLT remain more often than those without.
    """
    clock = None if trial.time is None or trial.time.inevaluable == 0 else clock_of(trial)
    if clock is None or trial.time is None:
        return rates
    leaving = trial.time.inevaluable
    # Who leaves does so on a day uniform in the window: before the DLT with the mean share of it.
    with_dlt = rates * (1 - leaving * clock.onset.mean_share(rates))
    return np.asarray(with_dlt / (with_dlt + (1 - rates) * (1 - leaving)))
