"""A late-onset trial event by event, in plain Python: nothing is carried along but a list of patients and of events.

Written from what `[trial.time]` and the rules for pending patients say, not from the compiled clock, which goes from
question to question: whatever happens anywhere is an event here, and at each event everything is counted anew.
"""

import heapq
import math
from dataclasses import dataclass, field
from functools import cached_property

from escalation.kernels.codes import (
    ALL_DOSES,
    ANY_DOSE,
    DE_ESCALATE,
    ELIMINATE,
    ESCALATE,
    LAST_DOSE,
    MAX_PATIENTS,
    NEXT_DOSE,
    RANK,
    SAME_DOSE,
    SUSPEND,
    TOO_TOXIC,
    UNCHANGED,
)
from escalation.plans.pending import PendingPlan, Predicted, Rolled
from escalation.plans.table import TablePlan
from escalation.plans.verdict import Why
from escalation.trial.trial import Trial
from tests.naive.clock import LEAVING, TOLERANCE, day_of_dlt, hashed

PARTS = 2**32
BRIEF = 1e-9


@dataclass
class Patient:
    """Somebody who was treated."""

    dose: int
    entry: float
    until: float
    dlt: bool
    left: bool
    cohort: int


@dataclass
class LateTrial:
    """A trial under way, and what is counted of its time."""

    trial: Trial
    plan: TablePlan
    rule: PendingPlan
    rates: list[float]
    tolerances: list[float]  # uniform, of the first patients
    key: int
    patients: list[Patient] = field(default_factory=list)
    events: list[tuple[float, int]] = field(default_factory=list)  # day, and whether somebody arrives then
    line: list[float] = field(default_factory=list)  # the days on which those who wait arrived
    arrivals: int = 0
    at_hand: bool = False
    dose: int = 0
    size: int = 0
    cohort: int = 0
    before: int = 0  # patients that the dose had before the cohort
    run: int = 0
    closed: float = math.inf  # when the sentinel closed the cohort
    suspended: float | None = None  # the day of the last answer, of this decision, if that was to suspend
    has_held: bool = False  # whether any answer was, of this decision
    why: Why | None = None  # of the last answer
    place_again: float = -math.inf  # the last day on which a trial that was full had a place again
    full_before: bool = False
    quiet_until: float = -math.inf  # while a gap is waited for
    nobody: bool = False  # in the cohort is evaluable, at the last answer
    pending_then: list[Patient] = field(default_factory=list)  # when a dose was last decided on
    reason: int = 0
    counts: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.dose = self.plan.conduct.start
        nobody = (0,) * self.trial.levels
        self.size = self.plan.conduct.size(self.dose, nobody, nobody)
        self.run = self.plan.conduct.run
        self.counts = dict.fromkeys(
            ("hold_days", "holds", "turned_away", "waiting_days", "pending", "decisions", "with_pending", "at_closed"),
            0.0,
        )

    @cached_property
    def time(self):
        return self.trial.time

    @property
    def window(self) -> float:
        return self.trial.dlt_window_days

    @cached_property
    def slack(self) -> float:
        return BRIEF * self.window

    @property
    def singly(self) -> bool:
        """Whether all cohorts are of one."""
        return self.plan.conduct.largest == 1

    # What is known on a day.

    def is_known(self, patient: Patient, day: float) -> bool:
        return patient.until + self.time.review_days <= day + self.slack

    def counted(self, day: float) -> list[Patient]:
        return [one for one in self.patients if not (one.left and self.is_known(one, day))]

    def pending(self, day: float, dose: int | None = None) -> list[Patient]:
        return [one for one in self.patients if (dose is None or one.dose == dose) and not self.is_known(one, day)]

    def numbers(self, day: float) -> tuple[list[int], list[int]]:
        n, y = [0] * self.trial.levels, [0] * self.trial.levels
        for one in self.counted(day):
            n[one.dose] += 1
            y[one.dose] += one.dlt and self.is_known(one, day)
        return n, y

    def shares(self, day: float, dose: int) -> list[float]:
        told = day - self.time.review_days
        return [max((told - one.entry) / self.window, 0.0) for one in self.pending(day, dose)]

    def is_full(self, day: float) -> bool:
        treated = len(self.patients)
        counted = len(self.counted(day)) if self.time.replace else treated
        return counted >= self.trial.max_patients or treated >= (self.time.max_enrolled or math.inf)

    def is_over(self, day: float) -> bool:
        """Whether it is full and will be."""
        if not self.is_full(day):
            return False
        can = self.time.replace and len(self.patients) < (self.time.max_enrolled or math.inf)
        return not (can and any(one.left for one in self.pending(day)))

    # What follows.

    def cohort_is_whole(self, day: float) -> bool:
        members = [one for one in self.patients if one.cohort == self.cohort]
        if not members:
            return False
        if self.time.replace:
            members = [one for one in members if not (one.left and self.is_known(one, day))]
        return self.closed <= day + self.slack or len(members) >= self.size

    def anybody_evaluable(self, day: float) -> bool:
        return any(one.cohort == self.cohort and not (one.left and self.is_known(one, day)) for one in self.patients)

    def has_news(self, day: float) -> bool:
        """Whether anything is known of patients who were pending when a dose was last decided on."""
        return any(self.is_known(one, day) for one in self.pending_then)

    def answer(self, day: float, *, full: bool = False) -> tuple[str, int]:
        """go, hold or stop; and the dose, or the reason."""
        conduct, levels = self.plan.conduct, self.trial.levels
        n, y = self.numbers(day)
        highest = min(self.eliminated(day, n, y), default=levels) - 1
        if highest < 0:
            return "stop", MAX_PATIENTS if full else TOO_TOXIC
        if n[self.dose] == 0 and self.dose <= highest and not full:
            return "go", self.dose
        limit = min(
            conduct.highest_after(self.dose, tuple(y), levels),
            levels - 1
            if conduct.tried_ceiling is None
            else int(conduct.tried_ceiling[max(one.dose for one in self.patients)]),
        )
        self.nobody = not full and not self.anybody_evaluable(day)
        if self.nobody:  # the cohort has not shown that the dose can be left for a higher one
            limit = min(limit, self.dose)
        following = self.dose
        if self.dose > highest:
            following = highest
        if n[following] and (following == self.dose or isinstance(self.rule, Rolled)):
            is_highest = following + 1 > min(highest, limit)
            code = self.decide(n[following], y[following], self.shares(day, following), following == 0, is_highest)
            if code == SUSPEND:
                return "hold", following
            assert code != ELIMINATE
            following += {ESCALATE: 1, DE_ESCALATE: -1}.get(code, 0)
        reason = self.ends(n, y, following, full=full)
        return ("stop", reason) if reason else ("go", following)

    def decide(self, patients: int, dlts: int, shares: list[float], is_lowest: bool, is_highest: bool) -> int:
        """What the rule for pending patients says at a dose."""
        said = self.rule.decide(patients, dlts, shares, lowest=is_lowest, highest=is_highest)
        self.why = said.why
        return said.code

    def eliminated(self, day: float, n: list[int], y: list[int]) -> list[int]:
        """Doses that are, by their own counts."""
        return [
            dose
            for dose, (there, dlts) in enumerate(zip(n, y, strict=True))
            if there and self.rule.eliminates(there, dlts, len(self.pending(day, dose)), lowest=dose == 0)
        ]

    def closes(self, dose: int, n: int, y: int) -> bool:
        """Whether complete outcomes at a dose do."""
        return bool(self.plan.codes[dose, n, y] == ELIMINATE)

    def ends(self, n: list[int], y: list[int], following: int, *, full: bool) -> int:
        found = [MAX_PATIENTS] if full else []
        found += [
            stop.reason
            for stop in self.plan.conduct.stops
            if all(self.holds(criterion, n, y, following) for criterion in stop.counts)
        ]
        if not found:
            return 0
        reason = min(found, key=RANK.__getitem__)
        return MAX_PATIENTS if full and reason == TOO_TOXIC else reason

    def holds(self, criterion, n: list[int], y: list[int], following: int) -> bool:
        place, last = criterion.place, self.dose
        if place == ALL_DOSES:
            return bool(criterion.holds[0, sum(n), sum(y)])
        if place == ANY_DOSE:
            return any(criterion.holds[dose, n[dose], y[dose]] for dose in range(len(n)))
        if place == UNCHANGED:
            return following == last and bool(
                criterion.holds[0, min(self.run + 1 - self.nobody, self.trial.max_patients), 0]
            )
        at = following if place == NEXT_DOSE else last
        if place == SAME_DOSE and following != last:
            return False
        assert place in (NEXT_DOSE, SAME_DOSE, LAST_DOSE)
        return bool(criterion.holds[at, n[at], y[at]])

    def spaced_until(self, day: float, dose: int, *, fresh: bool) -> float:
        """The day before which nobody may be treated at a dose, for the patients there."""
        n, _ = self.numbers(day)
        there = n[dose] if fresh else self.before
        members = 0 if fresh else sum(one.cohort == self.cohort for one in self.patients)
        if self.singly:
            members += there
            kept = True
        else:
            kept = there == 0 or self.time.gap_at == "cohort"
        if not kept or not 0 < members <= len(self.time.gap_days):
            return -math.inf
        last = max(one.entry for one in self.patients if one.dose == dose)
        return last + self.time.gap_days[members - 1]

    # What happens.

    def gap(self) -> float:
        number, mean = self.arrivals, 30.4375 / self.time.accrual_per_month
        self.arrivals += 1
        if self.time.arrivals == "fixed":
            return mean
        share = hashed(self.key, number)
        return -mean * math.log(share) if self.time.arrivals == "poisson" else 2 * mean * share

    def push(self, day: float, arrives: int = 0) -> None:
        heapq.heappush(self.events, (day, arrives))

    def treat(self, day: float) -> None:
        number, dose = len(self.patients), self.dose
        if number < len(self.tolerances):
            tolerance = self.tolerances[number]
        else:
            tolerance = math.floor(hashed(self.key, TOLERANCE + number) * PARTS) / PARTS
        limit = math.ceil(self.rates[dose] * PARTS) / PARTS
        dlt, observed, left = tolerance < limit, self.window, False
        if dlt:
            observed = day_of_dlt(self.trial, self.rates[dose], (tolerance + 0.5 / PARTS) / limit)
        if self.time.inevaluable and hashed(self.key, LEAVING + 2 * number) < self.time.inevaluable:
            leaving = self.window * hashed(self.key, LEAVING + 2 * number + 1)
            if leaving < observed:
                dlt, observed, left = False, leaving, True
        evaluable = [one for one in self.patients if not one.left]
        for level in range(dose + 1):
            told = [one for one in evaluable if one.dose == level]
            if told and self.closes(level, len(told), sum(one.dlt for one in told)):
                self.counts["at_closed"] += 1
                break
        first = not any(one.cohort == self.cohort for one in self.patients)
        if self.singly:
            first = first and self.before == 0
        kept = self.before == 0 or self.singly or self.time.gap_at == "cohort"
        if self.time.sentinel_dlt == "close" and first and kept and dlt and observed <= self.time.gap_days[0]:
            self.closed = day + observed
            self.push(self.closed)
        self.patients.append(Patient(dose, day, day + observed, dlt, left, self.cohort))
        self.push(day + observed + self.time.review_days)
        for days in self.time.gap_days:
            self.push(day + days)
        least = getattr(getattr(self.rule, "limits", None), "least_follow_up", 0.0)
        self.push(day + self.time.review_days + least * self.window)
        self.push(day + self.time.review_days + 2 * self.slack)
        if self.time.while_closed in ("wait", "ready"):
            self.push(day + self.gap(), 1)
            self.at_hand = False

    def look(self, day: float) -> str:
        """Ask whether somebody who is there may be treated, and treat him: treated, closed, open or over."""
        if self.is_full(day):
            return "closed"
        if self.time.while_closed != "lost" and day < self.quiet_until:
            return "closed"
        alone = bool(self.patients) and not self.anybody_evaluable(day)
        news = self.has_news(day)
        whole = self.cohort_is_whole(day) or (alone and news)
        decided = whole and (news or not alone)
        said, what = self.answer(day) if decided else ("go", self.dose)
        if self.suspended is not None:
            self.counts["hold_days"] += day - self.suspended
            self.suspended = None
        if said == "hold":
            self.counts["holds"] += not self.has_held
            self.suspended, self.has_held = day, True
        if said == "stop":
            if not self.line and not self.at_hand:
                return "open"  # nobody is there yet; whoever comes next asks again
            self.reason = what
            return "over"
        if said == "hold":
            self.look_again(day)
        spacing = self.spaced_until(day, what, fresh=whole)
        if said == "hold" or day < spacing - self.slack:
            self.at_hand = self.at_hand or (whole and self.time.while_closed == "ready" and not self.line)
            if said == "go" and decided:  # asked again when the gap is over, or something becomes known
                ends = (one.until + self.time.review_days for one in self.pending(day))
                self.quiet_until = min(spacing, *ends, math.inf)
            return "closed"
        if not self.line and not self.at_hand:
            return "open"
        self.enrol(day, what, whole=whole, decided=decided)
        return "treated"

    def enrol(self, day: float, what: int, *, whole: bool, decided: bool) -> None:
        """Treat whoever is first in line, at a dose."""
        if self.at_hand:
            self.line.clear()
            self.events = [event for event in self.events if not event[1]]
            heapq.heapify(self.events)
        elif self.time.while_closed != "lost":
            self.counts["waiting_days"] += max(day - self.line[0], 0.0)
        if self.line:
            self.line.pop(0)
        if decided:
            pending = len(self.pending(day))
            self.counts["decisions"] += 1
            self.counts["pending"] += pending
            self.counts["with_pending"] += pending > 0
            self.run = self.run + 1 - self.nobody if what == self.dose else 0
            self.pending_then = self.pending(day)
        if whole:
            n, y = self.numbers(day)
            self.cohort, self.before, self.closed = self.cohort + 1, n[what], math.inf
            self.dose, self.size = what, self.plan.conduct.size(what, tuple(n), tuple(y))
            self.size = min(self.size, self.trial.max_patients - sum(n))
        self.has_held, self.quiet_until = False, -math.inf
        self.treat(day)
        self.full_before = self.is_full(day)

    def look_again(self, day: float) -> None:
        """Where probabilities change with time: the first day before the next outcome with another answer."""
        if not isinstance(self.rule, Predicted) or self.why not in (Why.RISKY, Why.IMPROBABLE):
            return
        last = min(one.until + self.time.review_days for one in self.pending(day))
        before = day
        for step in range(1, 301):
            at = min(day + (last - day) * step / 300, last - 1.01e-6 * self.window)
            if self.answer(at)[0] != "hold":
                low, high = before, at
                while high - low > self.slack / 4:
                    middle = (low + high) / 2
                    low, high = (middle, high) if self.answer(middle)[0] == "hold" else (low, middle)
                self.push(high)
                return
            before = at

    def play(self) -> "LateTrial":
        lost = self.time.while_closed == "lost"
        self.arrivals = 1
        self.push(0.0, 1)
        shut_out = 0  # who came to a full trial
        while self.events and not self.reason:
            day, arrives = heapq.heappop(self.events)
            if self.is_over(day):
                break
            if self.full_before and not self.is_full(day):
                self.place_again = day
            self.full_before = self.is_full(day)
            if arrives and self.time.while_closed in ("lost", "queue"):
                self.push(day + self.gap(), 1)
            if lost and arrives:
                if self.is_full(day):
                    shut_out += 1
                    continue
                self.counts["turned_away"] += shut_out
                shut_out = 0
                self.line = [day]
                if self.look(day) == "closed":
                    self.counts["turned_away"] += 1
                self.line = []
                continue
            if lost:
                continue
            if arrives:
                self.line.append(day)
            while not self.reason and (self.line or self.at_hand or self.probes(day)):
                if self.look(day) != "treated" or self.is_over(day):
                    break
        self.counts["turned_away"] += shut_out if not self.is_over(math.inf) else 0
        n, y = self.numbers(math.inf)
        if not self.reason:
            said, what = self.answer(math.inf, full=True)
            assert said == "stop"
            self.reason = what
        self.counts["end"] = max(one.until for one in self.patients)
        self.counts["last"] = self.patients[-1].entry
        self.n, self.y = n, y
        return self

    def probes(self, day: float) -> bool:
        """Whether it is looked at once whether accrual is held, though nobody is there: a cohort is whole."""
        if self.time.while_closed != "ready" or self.is_full(day) or not self.patients:
            return False
        began = max(self.patients[-1].entry, self.place_again)
        return abs(day - began) <= self.slack and self.cohort_is_whole(day)
