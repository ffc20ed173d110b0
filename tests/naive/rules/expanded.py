"""A rule followed by an expansion cohort."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.naive.rules.history import History, Stop, Treat, totals


@dataclass(frozen=True)
class Expanded:
    """Treat ``patients`` more at the dose that a rule recommends, ``cohort_size`` at a time.

    ``rejects`` is asked after each of these cohorts, about the patients and DLTs at the dose: all of them, or with
    ``own`` those of the expansion. When it says yes the trial ends with no recommendation.
    """

    rule: Any
    patients: int
    cohort_size: int
    rejects: Callable[[int, int], bool]
    own: bool = False

    @property
    def doses(self) -> int:
        """The number of dose levels."""
        return self.rule.doses

    def next(self, history: History) -> Treat | Stop:
        """Return what to do after this history."""
        for cohorts in range(len(history) + 1):
            decision = self.rule.next(history[:cohorts])
            if isinstance(decision, Stop):
                break
        else:
            return decision
        dose = decision.recommended
        if dose is None:
            return decision
        added = history[cohorts:]
        patients, dlts = totals(added if self.own else history, self.doses)
        treated = sum(len(outcomes) for _, outcomes in added)
        if added and self.rejects(patients[dose - 1], dlts[dose - 1]):
            return Stop(None, "expansion_stopped" if treated < self.patients else decision.reason)
        if treated == self.patients:
            return decision
        return Treat(dose, min(self.cohort_size, self.patients - treated))
