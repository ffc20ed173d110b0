"""How long trials take: days from the first arrival."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from escalation.engines.endings import mean_days
from escalation.engines.outcomes import DURATION, HOLD, Outcomes
from escalation.engines.outcomes import LAST_ENROLMENT as LAST_ENROLMENT_DAY
from escalation.errors import StateSpaceError
from escalation.kernels.codes import (
    AT_CLOSED_DOSE,
    DECIDED_WITH_PENDING,
    DECISIONS,
    END,
    ENROLLED,
    HOLD_DAYS,
    HOLDS,
    LAST_ENROLMENT,
    PENDING,
    TURNED_AWAY,
    WAITING_DAYS,
)
from escalation.numbers import quantile

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class DaySummary:
    """Distribution of a number of days over trials; quantiles, always simulated, are None beside exact means."""

    mean: float
    sd: float
    q05: float | None = None
    q50: float | None = None
    q95: float | None = None


@dataclass(frozen=True)
class TimeCharacteristics:
    """How long a trial takes under one truth, in days; None where exact values do not say.

    Attributes
    ----------
    duration : DaySummary
        From the first arrival to the last completion: the last patient's DLT, or the end of the observation.
    last_enrolment : DaySummary or None
        From the first arrival to the last patient's treatment.
    hold_days, holds : float or None
        Mean number of days on which accrual is held, and how often it is: of a design that waits from a cohort's last
        patient until the next cohort may open; of others, from the first time that a patient at hand may not be
        treated. Gaps are no holds.
    enrolled : float or None
        Mean number of patients treated, those who were replaced included.
    turned_away : float or None
        Mean number of patients who come too early, be it in a gap, and do not wait.
    waiting_days : float or None
        Mean number of days that all patients together wait for their treatment.
    pending_at_decision : float or None
        Mean number of patients whose outcome is not known at a decision on the dose of others; 0 of designs that wait.
    decided_with_pending : float or None
        Share of decisions that are taken while there are any.
    at_closed_dose : float or None
        Mean number of patients treated at a dose that complete data would have closed.
    gain : float or None
        How many times as many trials would be needed without exact values to lean on; None where there are none.
    """

    duration: DaySummary
    last_enrolment: DaySummary | None = None
    hold_days: float | None = None
    holds: float | None = None
    enrolled: float | None = None
    turned_away: float | None = None
    waiting_days: float | None = None
    pending_at_decision: float | None = None
    decided_with_pending: float | None = None
    at_closed_dose: float | None = None
    gain: float | None = None


def time_characteristics(outcomes: Outcomes) -> tuple[TimeCharacteristics | None, dict[str, Any] | None]:
    """How long trials take, and the standard errors of what was simulated; None without a calendar."""
    if outcomes.days is not None:
        return _exact(outcomes), None
    if outcomes.times is None:
        return None, None
    times = outcomes.times
    duration, error = _summary(times[:, END])
    last, error_of_last = _summary(times[:, LAST_ENROLMENT])
    counted = {
        "hold_days": HOLD_DAYS,
        "holds": HOLDS,
        "enrolled": ENROLLED,
        "turned_away": TURNED_AWAY,
        "waiting_days": WAITING_DAYS,
        "at_closed_dose": AT_CLOSED_DOSE,
    }
    shared = {"pending_at_decision": PENDING, "decided_with_pending": DECIDED_WITH_PENDING}
    decisions = times[:, DECISIONS]  # none of designs that wait
    a_decision = {name: _ratio(times[:, column], decisions) for name, column in shared.items()}
    found = TimeCharacteristics(
        duration,
        last,
        **{name: float(times[:, column].mean()) for name, column in counted.items()},
        **{name: mean for name, (mean, _) in a_decision.items()},
    )
    if len(times) < 2:
        return found, None
    errors = {name: _error(times[:, column]) for name, column in counted.items()}
    errors |= {name: error for name, (_, error) in a_decision.items()}
    return found, {"duration": error, "last_enrolment": error_of_last, **errors}


def _exact(outcomes: Outcomes) -> TimeCharacteristics | None:
    """Means and standard deviations; None where they would take too many states."""
    calendar = outcomes.trial.time
    assert calendar is not None
    try:
        duration = DaySummary(*mean_days(outcomes, DURATION))
        counted = _counted(outcomes)
        if calendar.onset.depends_on_rate and not counted:  # each further kind would take another enumeration
            return TimeCharacteristics(duration)
        enrolment = DaySummary(*mean_days(outcomes, LAST_ENROLMENT_DAY))
        return TimeCharacteristics(duration, enrolment, hold_days=mean_days(outcomes, HOLD)[0], **counted)
    except StateSpaceError:
        return None


def _counted(outcomes: Outcomes) -> dict[str, float]:
    """What is counted exactly beside days; of late-onset designs, which are lost patients while accrual is held."""
    told = outcomes.while_pending
    if told is None:
        return {}

    def mean(values: Floats) -> float:
        return float(outcomes.probability @ values)

    decisions = mean(told.decisions) or 1.0  # without any nothing is counted either
    return {
        "holds": mean(told.holds),
        "enrolled": mean(outcomes.patients.sum(axis=1).astype(np.float64)),
        "turned_away": mean(told.turned_away),
        "waiting_days": 0.0,
        "pending_at_decision": mean(told.pending) / decisions,
        "decided_with_pending": mean(told.with_pending) / decisions,
        "at_closed_dose": told.at_closed,
    }


def _summary(days: Floats) -> tuple[DaySummary, dict[str, float]]:
    """The distribution, and the standard errors of its mean and standard deviation."""
    mean, sd = float(days.mean()), float(days.std())
    quantiles = (float(quantile(days, level)) for level in (0.05, 0.50, 0.95))
    fourth = float(((days - mean) ** 4).mean())
    of_sd = math.sqrt(max(fourth - sd**4, 0.0) / len(days)) / (2 * sd) if sd > 0 else 0.0
    return DaySummary(mean, sd, *quantiles), {"mean": _error(days), "sd": of_sd}


def _ratio(values: Floats, decisions: Floats) -> tuple[float, float]:
    """Mean per decision over all trials, and its standard error; 0 without decisions."""
    made = float(decisions.mean())
    if made == 0:
        return 0.0, 0.0
    mean = float(values.mean()) / made
    return mean, _error(values - mean * decisions) / made


def _error(values: Floats) -> float:
    return float(values.std()) / math.sqrt(len(values))
