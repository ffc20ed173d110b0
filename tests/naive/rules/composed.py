"""A rule with stopping rules and limits on escalation around it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.naive.rules.history import History, Stop, Treat, stop_as_too_toxic, totals


@dataclass(frozen=True)
class Seen:
    """What a rule may look at: patients and DLTs at each dose, the dose that would be given next, and the cohorts."""

    patients: Sequence[int]
    dlts: Sequence[int]
    following: int
    history: History

    @property
    def tried(self) -> int:
        """Return the highest dose with patients."""
        return max(dose for dose, n in enumerate(self.patients, 1) if n)

    @property
    def in_a_row(self) -> int:
        """Return how many cohorts in a row have had the dose that would be given next."""
        others = [place for place, (dose, _) in enumerate(self.history) if dose != self.following]
        return len(self.history) - 1 - max(others, default=-1)

    def at(self, dose: int | None = None) -> tuple[int, int]:
        """Return patients and DLTs at a dose, by default the next."""
        index = (self.following if dose is None else dose) - 1
        return self.patients[index], self.dlts[index]


@dataclass(frozen=True)
class Composed:
    """Wrap a rule.

    ``too_toxic`` ends the trial with no recommendation, ``stop`` with the recommendation that the rule would give if it
    were out of patients. ``below`` gives the lowest dose that is too toxic, if one is: the trial ends, and a lower one
    may be recommended, by what was seen at lower doses (``by_dose``), or by the rule's choice on all data. ``highest``
    says which dose may at most follow, by the last dose and the number of DLTs; ``highest_after`` by the highest dose
    that was given; ``lowest`` which at least, by the last dose. ``eliminated`` gives the lowest dose that may not be
    given. ``size`` is that of the next cohort, by what was seen.
    """

    rule: Any
    too_toxic: Callable[[Seen], bool] = lambda seen: False
    stop: Callable[[Seen], bool] = lambda seen: False
    below: Callable[[Seen], int | None] = lambda seen: None
    by_dose: bool = True
    highest: Callable[[int, int], int] = lambda last, dlts: 10**6
    highest_after: Callable[[int], int] = lambda tried: 10**6
    lowest: Callable[[int], int] = lambda last: 1
    eliminated: Callable[[Seen], int | None] = lambda seen: None
    size: Callable[[Seen], int] | None = None

    @property
    def doses(self) -> int:
        """The number of dose levels."""
        return self.rule.doses

    def next(self, history: History) -> Treat | Stop:
        """Return what to do after this history."""
        decision = self.rule.next(history)
        patients, dlts = totals(history, self.doses)
        if not history:
            assert isinstance(decision, Treat)
            return self._treat(Seen(patients, dlts, decision.dose, history), decision.size)
        last = history[-1][0]
        following = decision.dose if isinstance(decision, Treat) else last
        seen = Seen(patients, dlts, following, history)
        highest = min(self.highest(last, sum(dlts)), self.highest_after(seen.tried))
        following = max(self.lowest(last), min(following, max(last, highest)))
        closed = self.eliminated(seen)
        if closed is not None:
            following = min(following, closed - 1)
        if following == 0:
            return stop_as_too_toxic(patients, self.rule.max_patients)
        if closed is not None and isinstance(decision, Stop) and decision.recommended is not None:
            decision = Stop(self._lower(history, closed), decision.reason)
        seen = Seen(patients, dlts, following, history)
        if self.too_toxic(seen):
            return stop_as_too_toxic(patients, self.rule.max_patients)
        limit = self.below(seen)
        if limit is not None and not (isinstance(decision, Stop) and decision.recommended is None):
            full = sum(patients) >= self.rule.max_patients
            return Stop(self._lower(history, limit), "max_patients" if full else "dose_too_toxic")
        if isinstance(decision, Stop):
            return decision
        if self.stop(seen):
            return Stop(self._lower(history, closed or self.doses + 1), "stopping_rule")
        return self._treat(seen, decision.size)

    def _treat(self, seen: Seen, size: int) -> Treat:
        """Return the next cohort."""
        left = self.rule.max_patients - sum(seen.patients)
        return Treat(seen.following, size if self.size is None else min(self.size(seen), left))

    def _lower(self, history: History, limit: int) -> int | None:
        """Return what the rule would recommend among doses below a limit, were it out of patients."""
        seen = [cohort for cohort in history if not self.by_dose or cohort[0] < limit]
        if not seen:
            return None
        patients, _ = totals(seen, self.doses)
        end = replace(self.rule, max_patients=sum(patients)).next(seen)
        assert isinstance(end, Stop)
        if end.recommended is None or end.recommended < limit:
            return end.recommended
        return max((dose for dose in range(1, limit) if patients[dose - 1]), default=None)
