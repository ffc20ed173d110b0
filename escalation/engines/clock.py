"""The clock of a trial as the kernels read it, and the random numbers of its patients' times."""

import numpy as np
from numpy.typing import NDArray

from escalation.engines.patients import BLOCK
from escalation.kernels import codes
from escalation.kernels.layout import ClockArrays
from escalation.plans.clock import clock_of
from escalation.trial.trial import Trial

CLOCK_STREAM = 1
"""Number of the stream of arrivals and of leaving; see `engines.patients`."""

ARRIVALS = {"poisson": codes.POISSON, "fixed": codes.FIXED, "uniform": codes.UNIFORM}
WHILE_CLOSED = {"wait": codes.WAIT, "lost": codes.LOST, "ready": codes.READY, "queue": codes.QUEUE}
ONSETS = {"weibull": codes.WEIBULL, "loglogistic": codes.LOGLOGISTIC}

_NOTHING = np.empty(0)

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


def clock_arrays(trial: Trial, rates: NDArray[np.float64], largest: int, *, expanding: bool = False) -> ClockArrays:
    """The clock of dose escalation, or of the expansion after it, under true DLT rates, float64[D].

    No cohort has more patients than `largest`.
    """
    calendar, clock = trial.time, clock_of(trial)
    if calendar is None or clock is None:
        return STOPPED
    onset = clock.onset
    days, shares, exponents = np.zeros(1), np.zeros(1), np.zeros(1)
    if onset.depends_on_rate:
        exponents = 1 / onset.shape(onset.checked(rates))
    else:
        days, shares = np.array([(0.0, 0.0), *(onset.points or ((clock.window, 1.0),))]).T
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
        onset=ONSETS.get(onset.kind, codes.BY_SHARES),
        days=np.ascontiguousarray(days),
        shares=np.ascontiguousarray(shares),
        rates=np.ascontiguousarray(rates, np.float64),
        exponents=exponents,
    )


def keys_of(seed: int, block: int) -> NDArray[np.uint64]:
    """A key for each trial of a block, uint64[BLOCK]."""
    state = np.random.SeedSequence(seed, spawn_key=(CLOCK_STREAM, block)).generate_state(BLOCK, np.uint64)
    return state.astype(np.uint64, copy=False)
