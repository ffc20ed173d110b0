"""The Bayesian logistic regression model with overdose control."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.naive.rules.history import History, Stop, Treat, greater, stop_as_too_toxic, totals

Probabilities = Callable[[tuple[int, ...], tuple[int, ...]], tuple[Sequence[float], Sequence[float]]]
"""P(DLT rate in the target interval) and P(overdose) of each dose, after patients and DLTs at each."""


@dataclass(frozen=True)
class Blrm:
    """The BLRM (Neuenschwander, Branson & Gsponer, Stat Med 2008; 27:2420), whose posterior is given.

    A dose is open when neither it nor a lower one is an overdose with a probability greater than ``ewoc``; when
    the lowest is not, the trial ends without a dose. The next cohort gets the open dose that is most probably in
    the target interval, the lowest on a tie, or with ``choose = "highest"`` the highest open one; with
    ``no_skip`` among doses at most one level above the last. The recommended dose is the highest tried one not
    above the choice among all open doses.
    """

    doses: int
    probabilities: Probabilities
    max_patients: int
    cohort_size: int
    ewoc: float = 0.25
    choose: str = "most_probable"
    no_skip: bool = True

    def next(self, history: History) -> Treat | Stop:
        """Return what to do after this history."""
        if not history:
            return Treat(1, min(self.cohort_size, self.max_patients))
        patients, dlts = totals(history, self.doses)
        choice = self.choice(patients, dlts, self.doses)
        if choice is None:
            return stop_as_too_toxic(patients, self.max_patients)
        remaining = self.max_patients - sum(patients)
        if remaining == 0:
            tried = [dose for dose in range(1, choice + 1) if patients[dose - 1] > 0]
            return Stop(max(tried, default=None), "max_patients")
        if self.no_skip:
            choice = self.choice(patients, dlts, min(history[-1][0] + 1, self.doses))
        return Treat(choice, min(self.cohort_size, remaining))

    def choice(self, patients: tuple[int, ...], dlts: tuple[int, ...], highest: int) -> int | None:
        """Return the choice among the open doses up to ``highest``, or None."""
        in_target, overdose = self.probabilities(patients, dlts)
        best = None
        for dose in range(1, highest + 1):
            if greater(overdose[dose - 1], self.ewoc):
                break
            if best is None or self.choose == "highest" or greater(in_target[dose - 1], in_target[best - 1]):
                best = dose
        return best
