"""A trial event by event: arrivals, outcomes, leaving and openings in a list, the earliest first.

Written from what the options of `[trial.time]` say, not from the compiled clock, which goes from patient to patient and
knows the future of each.
"""

import heapq
import math
from dataclasses import dataclass, field, replace
from itertools import count

from escalation.designs import Design
from escalation.plans.decision import Decision
from escalation.running.decider import decider_of
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
    """The day by which a share of the DLTs has occurred, by bisection on what the definitions say."""
    assert trial.time is not None
    window, onset = trial.dlt_window_days, trial.time.onset
    assert window is not None
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

    def by(day: float) -> float:
        if onset.kind == "weibull":
            exponent = math.log(math.log(1 - rate) / math.log(1 - early), 2)
            return 1 - math.exp(math.log(1 - rate) * (day / window) ** exponent)
        odds, early_odds = rate / (1 - rate), early / (1 - early)
        exponent = math.log(odds / early_odds, 2)
        at = odds * (day / window) ** exponent
        return at / (1 + at)

    low, high = 0.0, window
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if by(middle) < share * rate else (low, middle)
    return (low + high) / 2


@dataclass
class Patient:
    """Somebody who was treated."""

    dlt: bool
    evaluable: bool
    until: float  # the day on which the outcome is known, or of leaving
    known: bool = False


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
        self.push(patient.until, OUTCOME, patient)
        self.enrolled += 1
        self.last, self.end = self.now, max(self.end, patient.until)
        return patient


def play(design: Design, trial: Trial, rates: list[float], tolerances: list[float], key: int) -> Played:
    """One trial of a design that waits for complete data; its counts are in `state`."""
    time, decider = trial.time, decider_of(design, trial)
    assert time is not None
    played = Played(trial, rates, tolerances, key)
    state = decider.start
    decision = decider.decide(state)
    opening = 0.0
    most = time.max_enrolled or 10**9
    waiting: list[float] = []  # the days on which those who wait arrived
    arrival: float | None = 0.0  # of the next patient
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
        state, opening, arrival = _cohort(played, decision, state, opening, waiting, arrival, decider, room)
        full = played.enrolled >= (most if time.replace else min(most, trial.max_patients))
        if full and not decision.expanding:  # of fewer evaluable patients than planned
            smaller = trial.model_copy(update={"max_patients": state.treated})
            decider = decider_of(design, smaller) if state.treated else decider
        decision = decider.decide(state)
    played.state = state  # type: ignore[attr-defined]
    played.decider = decider  # type: ignore[attr-defined]
    return played


def _cohort(played, decision, state, opening, waiting, arrival, decider, room):
    """Treat a cohort and observe it; where the trial stands then, when the next opens, and the next arrival."""
    trial, time = played.trial, played.trial.time
    dose, most = decision.next_dose, played.enrolled + room
    size = decision.size if time.replace else min(decision.size, room)
    before = state.patients[dose]
    singly = trial.equal_cohorts == 1
    spaced = before == 0 or singly or time.gap_at == "cohort"
    members: list[Patient] = []
    first_member = before if singly else 0
    closed = False
    events = [event for event in played.events if event[1] == OUTCOME]  # those of others who are still observed
    played.events = []
    for day, kind, _, patient in events:
        played.push(day, kind, patient)
    if played.enrolled and opening > played.last:
        played.holds += 1
        played.hold_days += opening - played.last
    if arrival is not None:
        played.push(arrival, ARRIVAL)
    reopened = bool(played.enrolled)

    def earliest() -> float:
        found = opening
        number = first_member + len(members)
        if spaced and 0 < number <= len(time.gap_days):
            found = max(found, played.last + time.gap_days[number - 1])
        return found

    if played.enrolled:
        played.push(max(opening, earliest()), OPENING)

    def places() -> int:
        gone = sum(1 for one in members if not one.evaluable and one.known and time.replace)
        return size - (len(members) - gone)

    def may_enrol() -> bool:
        return (
            not closed and places() > 0 and played.now >= earliest() - CLOSE * trial.dlt_window_days
            and played.enrolled < most
        )

    def enrol(arrived: float) -> None:
        nonlocal reopened, arrival, closed
        played.waiting_days += played.now - arrived
        played.away += played.turned_away  # those after the last patient found a trial that was over
        played.turned_away = 0
        patient = played.treat(dose)
        members.append(patient)
        reopened = False
        number = first_member + len(members)
        if spaced and number <= len(time.gap_days):
            played.push(played.now + time.gap_days[number - 1], OPENING)
        if time.while_closed in ("wait", "ready"):
            arrival = played.now + played.gap()
            played.push(arrival, ARRIVAL)
        if (
            time.sentinel_dlt == "close" and spaced and len(members) == 1 and first_member == 0 and patient.dlt
            and patient.until - played.now <= time.gap_days[0]
        ):
            closed = True

    def complete() -> bool:
        full = closed or places() == 0 or played.enrolled >= most
        return full and bool(members) and all(one.known for one in members)

    while not complete():
        played.now, kind, _, patient = heapq.heappop(played.events)
        if kind == OUTCOME:
            patient.known = True
        elif kind == ARRIVAL:
            arrival = None
            if time.while_closed in ("lost", "queue"):
                arrival = played.now + played.gap()
                played.push(arrival, ARRIVAL)
            if time.while_closed == "lost" and not may_enrol():
                played.turned_away += 1
                continue
            waiting.append(played.now)
        if time.while_closed == "ready" and reopened and may_enrol():
            waiting[:] = [played.now]  # whoever is at hand
            pending = [event for event in played.events if event[1] == ARRIVAL]
            for event in pending:
                played.events.remove(event)
            heapq.heapify(played.events)
        while waiting and may_enrol():
            enrol(waiting.pop(0))
            if time.while_closed in ("wait", "ready"):
                break
    evaluable = [one for one in members if one.evaluable]
    counted = evaluable if time.replace else members
    opening = max(one.until for one in counted) + time.review_days if counted else played.now + time.review_days
    toxic = sum(one.dlt for one in evaluable)
    if not evaluable:
        return state, opening, arrival
    after = decider.treated(state, decision, dose, len(evaluable), toxic)
    return replace(after, missing=0), opening, arrival
