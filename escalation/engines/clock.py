"""The clock of a trial as the kernels read it, and the random numbers of its patients' times."""

import numpy as np
from numpy.typing import NDArray

from escalation.engines.patients import BLOCK
from escalation.errors import DesignError
from escalation.kernels import codes
from escalation.kernels.layout import ClockArrays, ResponseClockArrays
from escalation.plans.clock import Onset, ResponseClock, clock_of
from escalation.trial.trial import Trial

Floats = NDArray[np.float64]

CLOCK_STREAM = 1
"""Number of the stream of arrivals and of leaving; see `engines.patients`."""

ARRIVALS = {"poisson": codes.POISSON, "fixed": codes.FIXED, "uniform": codes.UNIFORM}
WHILE_CLOSED = {"wait": codes.WAIT, "lost": codes.LOST, "ready": codes.READY, "queue": codes.QUEUE}
ONSETS = {"weibull": codes.WEIBULL, "loglogistic": codes.LOGLOGISTIC}

_NOTHING = np.empty(0)

NO_KEYS, NO_TIMES = np.zeros(BLOCK, np.uint64), np.zeros((1, codes.TIMES))
"""Of trials without a calendar."""

STOPPED = ClockArrays(
    is_running=False,
    mean_gap=0.0,
    arrivals=0,
    while_closed=0,
    window=0.0,
    review=0.0,
    gaps=_NOTHING,
    gaps_at_new_dose=False,
    singly=False,
    closes=False,
    inevaluable=0.0,
    replaces=False,
    max_enrolled=0.0,
    onset=0,
    days=_NOTHING,
    shares=_NOTHING,
    rates=_NOTHING,
    exponents=_NOTHING,
)
"""That of a trial without times."""

NOT_AWAITED = ResponseClockArrays(0.0, True, 0, _NOTHING, _NOTHING, _NOTHING, _NOTHING)
"""That of responses which are not waited for."""


def clock_arrays(trial: Trial, rates: NDArray[np.float64], largest: int, *, expanding: bool = False) -> ClockArrays:
    """The clock of dose escalation, or of the expansion after it, under true DLT rates, float64[D].

    No cohort has more patients than `largest`.
    """
    calendar, clock = trial.time, clock_of(trial)
    if calendar is None or clock is None:
        return STOPPED
    kind, days, shares, exponents = _onset(clock.onset, rates)
    most = np.inf if calendar.max_enrolled is None else float(calendar.max_enrolled)
    if not calendar.replace:
        most = min(most, float(trial.most_patients if expanding else trial.max_patients))
    return ClockArrays(
        is_running=True,
        mean_gap=float(clock.mean_gap),
        arrivals=ARRIVALS[calendar.arrivals],
        while_closed=WHILE_CLOSED[calendar.while_closed],
        window=clock.window,
        review=clock.review,
        gaps=np.array(calendar.gap_days, np.float64),
        gaps_at_new_dose=calendar.gap_at == "new_dose",
        singly=largest == 1,
        closes=calendar.sentinel_dlt == "close",
        inevaluable=float(calendar.inevaluable),
        replaces=bool(calendar.replace),
        max_enrolled=most,
        onset=kind,
        days=days,
        shares=shares,
        rates=np.ascontiguousarray(rates, np.float64),
        exponents=exponents,
    )


def response_clock_arrays(clock: ResponseClock | None, rates: Floats) -> ResponseClockArrays:
    """The clock of responses under true response rates, float64[D]; one without days where there is none.

    Raises DesignError where a rate is 1 and the day of a response has no distribution then.
    """
    if clock is None:
        return NOT_AWAITED
    if clock.onset.depends_on_rate and (rates >= 1).any():
        raise DesignError(f"at a true response rate of 1 the day of a response has no {clock.onset.kind} distribution")
    kind, days, shares, exponents = _onset(clock.onset, rates)
    return ResponseClockArrays(
        clock.window, clock.at_end, kind, days, shares, np.ascontiguousarray(rates, np.float64), exponents
    )


def _onset(onset: Onset, rates: Floats) -> tuple[int, Floats, Floats, Floats]:
    """Its kind, days and shares, and exponents, as `ClockArrays` has them."""
    days, shares, exponents = np.zeros(1), np.zeros(1), np.zeros(1)
    if onset.depends_on_rate:
        exponents = 1 / onset.shape(onset.checked(rates))
    else:
        days, shares = np.array([(0.0, 0.0), *(onset.points or ((onset.window, 1.0),))]).T
    kind = ONSETS.get(onset.kind, codes.BY_SHARES)
    return kind, np.ascontiguousarray(days), np.ascontiguousarray(shares), exponents


def keys_of(seed: int, block: int) -> NDArray[np.uint64]:
    """A key for each trial of a block, uint64[BLOCK]."""
    state = np.random.SeedSequence(seed, spawn_key=(CLOCK_STREAM, block)).generate_state(BLOCK, np.uint64)
    return state.astype(np.uint64, copy=False)
