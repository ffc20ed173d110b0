"""A rule with stopping rules and limits on escalation around it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.naive.rules.history import History, Stop, Treat, stop_as_too_toxic, totals


@dataclass(frozen=True)
class Seen:
    """What a stopping rule may look at: patients and DLTs at each dose, and the dose that would be given next."""

    patients: Sequence[int]
    dlts: Sequence[int]
    following: int

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
    says which dose may at most follow, by the last dose and the number of DLTs; ``lowest`` which at least, by the last
    dose.
    """

    rule: Any
    too_toxic: Callable[[Seen], bool] = lambda seen: False
    stop: Callable[[Seen], bool] = lambda seen: False
    below: Callable[[Seen], int | None] = lambda seen: None
    by_dose: bool = True
    highest: Callable[[int, int], int] = lambda last, dlts: 10**6
    lowest: Callable[[int], int] = lambda last: 1

    @property
    def doses(self) -> int:
        """The number of dose levels."""
        return self.rule.doses

    def next(self, history: History) -> Treat | Stop:
        """Return what to do after this history."""
        decision = self.rule.next(history)
        if not history:
            return decision
        patients, dlts = totals(history, self.doses)
        last = history[-1][0]
        following = decision.dose if isinstance(decision, Treat) else last
        following = max(self.lowest(last), min(following, max(last, self.highest(last, sum(dlts)))))
        seen = Seen(patients, dlts, following)
        if self.too_toxic(seen):
            return stop_as_too_toxic(patients, self.rule.max_patients)
        limit = self.below(seen)
        if limit is not None and not (isinstance(decision, Stop) and decision.recommended is None):
            full = sum(patients) >= self.rule.max_patients
            return Stop(self._lower(history, limit), "max_patients" if full else "dose_too_toxic")
        if isinstance(decision, Stop):
            return decision
        if self.stop(seen):
            out_of_patients = replace(self.rule, max_patients=sum(patients)).next(history)
            assert isinstance(out_of_patients, Stop)
            return Stop(out_of_patients.recommended, "stopping_rule")
        return Treat(following, decision.size)

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
