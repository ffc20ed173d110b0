"""A trial event by event: arrivals, outcomes, leaving and openings in a list, the earliest first.

Written from what the options of `[trial.time]` say, not from the compiled clock, which goes from patient to patient and
knows the future of each.
"""

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count

from escalation.designs import Design
from escalation.plans.decision import Decision, State
from escalation.running.decider import Decider, decider_of
from escalation.trial.calendar import Calendar
from escalation.trial.onset import Onset
from escalation.trial.trial import Trial

MASK = (1 << 64) - 1
LEAVING, TOLERANCE = 1 << 40, 2 << 40

OUTCOME, OPENING, ARRIVAL = range(3)  # in this order at one instant
CLOSE = 1e-9


def hashed(key: int, number: int) -> float:
    """SplitMix64 of a stream, as a number strictly between 0 and 1."""
    z = (key + (number + 1) * 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return (((z ^ (z >> 31)) >> 12) + 0.5) * 2.0**-52


def day_of_dlt(trial: Trial, rate: float, share: float) -> float:
    """The day by which a share of the DLTs has occurred."""
    assert trial.time is not None
    assert trial.dlt_window_days is not None
    return day_within(trial.dlt_window_days, trial.time.onset, rate, share)


def day_within(window: float, onset: Onset, rate: float, share: float) -> float:
    """The day in a window by which a share of the events has occurred, by bisection on what the definitions say."""
    if onset.kind == "uniform":
        return share * window
    if onset.kind == "quantiles":
        assert onset.quantiles is not None
        before = (0.0, 0.0)
        for day, by_day in [*onset.quantiles, (window, 1.0)]:
            if by_day >= share and by_day > before[1]:
                return before[0] + (share - before[1]) / (by_day - before[1]) * (day - before[0])
            before = day, by_day
    assert onset.late_share is not None
    early = rate * (1 - onset.late_share)  # P(DLT in the first half of the window)

    odds = rate / (1 - rate)
    if onset.kind == "weibull":
        exponent = math.log(math.log(1 - rate) / math.log(1 - early), 2)
    else:
        exponent = math.log(odds / (early / (1 - early)), 2)

    def by(day: float) -> float:
        if onset.kind == "weibull":
            return 1 - math.exp(math.log(1 - rate) * (day / window) ** exponent)
        at = odds * (day / window) ** exponent
        return at / (1 + at)

    low, high = 0.0, window
    while low < (middle := (low + high) / 2) < high:
        low, high = (middle, high) if by(middle) < share * rate else (low, middle)
    return middle


@dataclass
class Patient:
    """Somebody who was treated."""

    dlt: bool
    evaluable: bool
    until: float  # the day on which the outcome is known, or of leaving
    known: bool = False
    dlt_day: float = math.inf
    responds: bool = False


@dataclass
class Played:
    """A trial, and what is counted of its time."""

    trial: Trial
    rates: list[float]
    tolerances: list[float]  # uniform, of the first patients
    key: int
    now: float = 0.0
    last: float = 0.0  # the last patient's treatment
    end: float = 0.0
    enrolled: int = 0
    arrivals: int = 0
    away: int = 0
    turned_away: int = 0  # since the last patient
    holds: int = 0
    hold_days: float = 0.0
    waiting_days: float = 0.0
    opening: float = 0.0  # of the next cohort
    last_at: dict[int, float] = field(default_factory=dict)  # the last patient's treatment at each dose
    arrival: float | None = 0.0  # of the next patient
    waiting: list[float] = field(default_factory=list)  # the days on which those who wait arrived
    events: list[tuple[float, int, int, Patient | None]] = field(default_factory=list)
    order: count = field(default_factory=count)  # type: ignore[type-arg]

    def push(self, day: float, kind: int, patient: Patient | None = None) -> None:
        heapq.heappush(self.events, (day, kind, next(self.order), patient))

    def gap(self) -> float:
        """Days to the next arrival."""
        time = self.trial.time
        assert time is not None
        number, mean = self.arrivals, 30.4375 / time.accrual_per_month
        self.arrivals += 1
        if time.arrivals == "fixed":
            return mean
        share = hashed(self.key, number)
        return -mean * math.log(share) if time.arrivals == "poisson" else 2 * mean * share

    def treat(self, dose: int) -> Patient:
        """The next patient, treated now."""
        time, window = self.trial.time, self.trial.dlt_window_days
        assert time is not None
        assert window is not None
        number = self.enrolled
        if number < len(self.tolerances):
            tolerance = self.tolerances[number]
        else:
            tolerance = math.floor(hashed(self.key, TOLERANCE + number) * 2**32) / 2**32
        limit = math.ceil(self.rates[dose] * 2**32) / 2**32
        dlt, observed = tolerance < limit, window
        if dlt:
            observed = day_of_dlt(self.trial, self.rates[dose], (tolerance + 0.5 / 2**32) / limit)
        evaluable = True
        if time.inevaluable and hashed(self.key, LEAVING + 2 * number) < time.inevaluable:
            leaving = window * hashed(self.key, LEAVING + 2 * number + 1)
            if leaving < observed:
                dlt, evaluable, observed = False, False, leaving
        patient = Patient(dlt, evaluable, self.now + observed)
        patient.dlt_day = patient.until if dlt else math.inf
        self.end = max(self.end, patient.until)
        self.respond(dose, patient)
        self.push(patient.until, OUTCOME, patient)
        self.enrolled += 1
        self.last_at[dose] = self.now
        self.last = self.now
        return patient

    def respond(self, dose: int, patient: Patient) -> None:
        """Nobody responds, or is waited for."""


def play(
    design: Design,
    trial: Trial,
    rates: list[float],
    tolerances: list[float],
    key: int,
    made: Callable[..., Played] = Played,
) -> tuple[Played, State]:
    """One trial of a design that waits for complete data, and where it stands in the end."""
    time, decider = trial.time, decider_of(design, trial)
    assert time is not None
    played = made(trial, rates, tolerances, key)
    state = decider.start
    decision = decider.decide(state)
    most = time.max_enrolled or 10**9
    played.arrivals = 1
    escalated = None  # patients who were treated before the expansion
    while decision.next_dose is not None and played.enrolled < most:
        room = most - played.enrolled
        if decision.expanding and escalated is None:
            escalated = played.enrolled
        if not time.replace:
            assert not decision.expanding or trial.expansion is not None
            planned = escalated + trial.expansion.patients if decision.expanding else trial.max_patients
            room = min(room, planned - played.enrolled)
            if room == 0:
                break
        state = _treated(played, decider, decision, state, room)
        full = played.enrolled >= (most if time.replace else min(most, trial.max_patients))
        if full and not decision.expanding:  # of fewer evaluable patients than planned
            smaller = trial.model_copy(update={"max_patients": state.treated})
            decider = decider_of(design, smaller) if state.treated else decider
        decision = decider.decide(state)
    return played, state


@dataclass
class Cohort:
    """A cohort while it is treated and observed."""

    played: Played
    dose: int
    size: int
    before: int  # patients that the dose has had
    opening: float
    most: int  # patients of the trial when no more are treated
    singly: bool  # whether all cohorts are of one
    members: list[Patient] = field(default_factory=list)
    closed: bool = False  # by its sentinel
    reopened: bool = False  # accrual was held until it opened, and nobody was treated since

    @property
    def time(self) -> Calendar:
        assert self.played.trial.time is not None
        return self.played.trial.time

    def gap(self, number: int) -> float:
        """Least days between the patient of this number and the next, from 1."""
        singly = self.singly
        number += self.before if singly else 0
        spaced = self.before == 0 or singly or self.time.gap_at == "cohort"
        return self.time.gap_days[number - 1] if spaced and 0 < number <= len(self.time.gap_days) else 0.0

    @property
    def earliest(self) -> float:
        """When the next patient may be treated."""
        played = self.played
        last = played.last_at.get(self.dose, 0.0) if self.singly else played.last
        return max(self.opening, last + self.gap(len(self.members))) if played.enrolled else 0.0

    @property
    def places(self) -> int:
        gone = sum(1 for one in self.members if not one.evaluable and one.known and self.time.replace)
        return self.size - (len(self.members) - gone)

    def may_enrol(self) -> bool:
        window = self.played.trial.dlt_window_days
        assert window is not None
        in_time = self.played.now >= self.earliest - CLOSE * window
        return not self.closed and self.places > 0 and in_time and self.played.enrolled < self.most

    def is_complete(self) -> bool:
        full = self.closed or self.places == 0 or self.played.enrolled >= self.most
        return full and bool(self.members) and all(one.known for one in self.members)

    def enrol(self, arrived: float) -> None:
        played = self.played
        played.waiting_days += played.now - arrived
        played.away += played.turned_away  # those after the last patient found a trial that was over
        played.turned_away = 0
        patient = played.treat(self.dose)
        self.members.append(patient)
        self.reopened = False
        played.push(played.now + self.gap(len(self.members)), OPENING)
        if self.time.while_closed in ("wait", "ready"):
            played.arrival = played.now + played.gap()
            played.push(played.arrival, ARRIVAL)
        first = len(self.members) == 1 and not (self.before and self.singly)
        if self.time.sentinel_dlt == "close" and first and patient.dlt:
            self.closed = patient.dlt_day - played.now <= self.gap(1)

    def arrives(self) -> None:
        """Somebody comes."""
        played, while_closed = self.played, self.time.while_closed
        played.arrival = None
        if while_closed in ("lost", "queue"):
            played.arrival = played.now + played.gap()
            played.push(played.arrival, ARRIVAL)
        if while_closed == "lost" and not self.may_enrol():
            played.turned_away += 1
        else:
            played.waiting.append(played.now)

    def observe(self) -> None:
        """Go from event to event until it is complete."""
        played = self.played
        played.events = [event for event in played.events if event[1] == OUTCOME]
        heapq.heapify(played.events)
        if played.enrolled:
            self.reopened = True
            played.push(max(self.opening, self.earliest), OPENING)
            if self.opening > played.last:
                played.holds += 1
                played.hold_days += self.opening - played.last
        if played.arrival is not None:
            played.push(played.arrival, ARRIVAL)
        while not self.is_complete():
            played.now, kind, _, patient = heapq.heappop(played.events)
            if patient is not None:
                patient.known = True
            if kind == ARRIVAL:
                self.arrives()
            if self.time.while_closed == "ready" and self.reopened and self.may_enrol():
                played.waiting = [played.now]  # whoever is at hand
                played.events = [event for event in played.events if event[1] != ARRIVAL]
                heapq.heapify(played.events)
            while played.waiting and self.may_enrol():
                self.enrol(played.waiting.pop(0))


def _treated(played: Played, decider: Decider, decision: Decision, state: State, room: int) -> State:
    """Treat a cohort and observe it; where the trial stands then."""
    time = played.trial.time
    assert time is not None
    assert decision.next_dose is not None
    size = decision.size if time.replace else min(decision.size, room)
    before = state.patients[decision.next_dose]
    sizes = decider.plan.conduct.sizes if not decision.expanding else decider.expansion.cohorts
    if decision.expanding and state.expanding is None:
        played.last_at[decision.next_dose] = played.last
    singly = bool((sizes == 1).all())
    cohort = Cohort(played, decision.next_dose, size, before, played.opening, played.enrolled + room, singly)
    cohort.observe()
    evaluable = [one for one in cohort.members if one.evaluable]
    counted = evaluable if time.replace else cohort.members
    played.opening = max([one.until for one in counted], default=played.now) + time.review_days
    if not evaluable:
        return state
    toxic = sum(one.dlt for one in evaluable)
    return replace(decider.treated(state, decision, decision.next_dose, len(evaluable), toxic), missing=0)
