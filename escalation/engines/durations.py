"""Durations exactly: of trials that wait for each cohort's complete data, which the clock does not change otherwise.

A trial whose end waits for responses, all known at the end of their window, ends so long after the last enrolment: that
window is no shorter than the one of a DLT. Where every cohort waits for them it takes a time that outcomes do not
change, and the days of a trial follow from the sizes of its cohorts.

Where the day of a DLT has the same distribution at every dose, the days of a patient sequence do not depend on the
truth, and one enumeration of them serves all. Otherwise each truth has one of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from escalation.engines.allowance import Allowance, MostStates
from escalation.engines.cohort_times import CohortTimes, cohort_times
from escalation.engines.endings import Enumeration
from escalation.engines.exact import cohort_by_cohort, escalated
from escalation.engines.expansion import endings_after
from escalation.engines.outcomes import DURATION, HOLD, LAST_ENROLMENT
from escalation.engines.timing import TimeTables, Timing
from escalation.kernels.codes import NO_DOSE
from escalation.plans.clock import UNIFORM, Clock, Onset, clock_of
from escalation.plans.start import Start
from escalation.trial import cohorts

Floats = NDArray[np.float64]


def with_days(endings: Enumeration, start: Start, allowance: Allowance, clock: Clock) -> Enumeration:
    """Endings that can be asked for their days, which are worked out then."""
    return replace(endings, days=Days(start, clock, allowance))


@dataclass(frozen=True, eq=False)
class Days:
    """Mean and variance of days at each ending."""

    start: Start
    clock: Clock
    allowance: Allowance
    known: dict[str, Floats] = field(default_factory=dict)  # what does not depend on the truth, by what it counts
    lock: Lock = field(default_factory=Lock)  # several threads may ask for the same

    def __call__(self, what: str, rates: Floats) -> Floats:
        """Days of a kind under true rates, float64[E, 2]: DURATION, LAST_ENROLMENT or HOLD."""
        if what == DURATION and self.start.responses is not None:
            return self(LAST_ENROLMENT, rates) + np.array([self.start.responses.window, 0.0])
        if self.clock.onset.depends_on_rate:
            return self._enumerated(what, rates)
        with self.lock:
            if what not in self.known:
                self.known[what] = self._enumerated(what, rates)
            return self.known[what]

    @property
    def limit(self) -> MostStates:
        """How many states may be visited with their days."""
        return self.allowance.most_states(self.start.plan, timed=True)

    def _enumerated(self, what: str, rates: Floats) -> Floats:
        start, tables = self.start, self.tables(what, rates)
        endings, closed = self._escalated(tables)
        if start.expansion is None:
            return closed
        # The last cohort of dose escalation is followed by another where there is a dose to expand.
        _, opened = self._escalated(replace(tables, closing=tables.opening))
        told = endings.patients, endings.dlts, endings.recommended
        after = endings_after(start.expansion, *told, self.limit.states - endings.states, tables)
        assert after is not None  # as many as without a clock
        followed = endings.recommended[after.before, None] != NO_DOSE
        return np.where(followed, opened[after.before] + after.days, closed[after.before])

    def _escalated(self, tables: TimeTables) -> tuple[Enumeration, Floats]:
        """The endings of dose escalation, and their days."""
        timing = Timing(self.start.plan, tables)
        return escalated(self.start, cohort_by_cohort(self.start, self.limit, timing)), timing.endings

    def tables(self, what: str, rates: Floats) -> TimeTables:
        """What cohorts add to days of a kind under true rates, which do not matter where the onset does not."""
        largest = self.start.plan.conduct.largest
        if self.start.expansion is not None:
            largest = max(largest, int(self.start.expansion.cohorts.max()))
        pairs = [_counted(what, cohort_times(self.clock, float(rate), largest)) for rate in rates]
        return TimeTables(*(np.stack(part) for part in zip(*pairs, strict=True)))


def days_by_size(start: Start, patients: NDArray[np.int16]) -> Callable[[str], Floats] | None:
    """The days at endings with such counts, of trials in which each cohort waits for all responses.

    None where there is no clock, where days or the sizes of cohorts depend on outcomes, or chance has more to say.
    """
    trial, clock, responses = start.trial, clock_of(start.trial), start.responses
    if clock is None or responses is None or trial.time is None or trial.time.inexact_days is not None:
        return None
    planned, window = trial.planned_cohorts, responses.window
    if planned is None or not responses.at_end:
        return None
    # As of patients without a DLT, in a window of this length.
    alike = replace(clock, window=window, onset=Onset(UNIFORM, window))
    times = cohort_times(alike, 0.0, cohorts.largest(planned))
    totals, place = np.unique(patients.sum(axis=1), return_inverse=True)

    def days(what: str) -> Floats:
        followed, last = (part[:, 0] for part in _counted(what, times))
        sizes = [cohorts.treated_in(planned, total) for total in totals.tolist()]
        return np.array([followed[some[:-1]].sum(axis=0) + last[some[-1]] for some in sizes])[place.ravel()]

    return days


def _counted(what: str, times: CohortTimes) -> tuple[Floats, Floats]:
    """What a cohort that another follows adds to days of a kind, and what the last one adds."""
    return {
        DURATION: (times.opening, times.completion),
        LAST_ENROLMENT: (times.opening, times.enrolment),
        HOLD: (times.hold, np.zeros_like(times.hold)),
    }[what]
