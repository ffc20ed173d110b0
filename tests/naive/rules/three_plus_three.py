"""The 3+3 design."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.naive.rules.history import History, Stop, Treat, stop_as_too_toxic, totals


@dataclass(frozen=True)
class ThreePlusThree:
    """The 3+3 design (Korn et al., Statistics in Medicine 1994; 13:1799).

    Three patients are treated at a dose. None of 3 with a DLT: escalate. One of 3: treat 3 more. Two or
    more of 3: too toxic. At most one of 6: escalate. Two or more of 6: too toxic. A dose that is too toxic
    is closed, with all doses above it.

    With ``de_escalate`` the dose below a closed dose is given until it has 6 patients, otherwise a closed
    dose ends the trial. With ``six_at_top`` the highest dose level needs 6 patients as well, otherwise 0 of
    3 is enough there. The recommended dose is the highest one that is cleared and not closed.

    Two DLTs are too many in any number of patients: more patients cannot undo them. A dose is cleared by no
    DLT in 3 or more patients, or at most one in 6 or more.
    """

    doses: int
    max_patients: int
    start_dose: int = 1
    de_escalate: bool = True
    six_at_top: bool = True

    def next(self, history: History) -> Treat | Stop:
        """Return what to do after this history."""
        if not history:
            return Treat(self.start_dose, min(3, self.max_patients))
        patients, dlts = totals(history, self.doses)
        highest = self.highest_open(patients, dlts)
        if highest == 0:
            return stop_as_too_toxic(patients, self.max_patients)
        dose = self.next_dose(history[-1][0], highest, patients, dlts)
        if dose is None:
            return Stop(self.recommended(patients, dlts), "rule_complete")
        remaining = self.max_patients - sum(patients)
        if remaining == 0:
            return Stop(self.recommended(patients, dlts), "max_patients")
        return Treat(dose, min(3, remaining))

    def highest_open(self, patients: Sequence[int], dlts: Sequence[int]) -> int:
        """Return the dose just below the lowest one found too toxic, 0 when that is dose 1."""
        for dose, (n, y) in enumerate(zip(patients, dlts, strict=True), start=1):
            if n and y >= 2:
                return dose - 1
        return self.doses

    def next_dose(self, current: int, highest: int, patients: Sequence[int], dlts: Sequence[int]) -> int | None:
        """Return the dose of the next cohort, or None when the rule has its answer."""
        n, y = patients[current - 1], dlts[current - 1]
        if current > highest:
            below = current - 1
            return below if self.de_escalate and patients[below - 1] < 6 else None
        if not cleared(n, y):
            return current
        if current < highest:
            return current + 1
        three_are_enough = current == self.doses and not self.six_at_top
        return None if n >= 6 or three_are_enough else current

    def recommended(self, patients: Sequence[int], dlts: Sequence[int]) -> int | None:
        """Return the highest cleared dose that is not closed, or None."""
        for dose in range(self.highest_open(patients, dlts), 0, -1):
            if cleared(patients[dose - 1], dlts[dose - 1]):
                return dose
        return None


def cleared(n: int, y: int) -> bool:
    """Return whether so few DLTs in so many patients clear a dose."""
    return n >= 3 and y <= (1 if n >= 6 else 0)
