"""Bayesian monitoring of a single dose."""

from dataclasses import dataclass

from tests.naive.rules.history import History, Stop, Treat, greater, probability_above, stop_as_too_toxic, totals


@dataclass(frozen=True)
class Monitoring:
    """Bayesian monitoring of the DLT rate at a single dose (Thall & Simon, Biometrics 1994; 50:337).

    The rate has a Beta(a, b) prior. After each cohort, once ``min_patients`` were treated, the dose is
    eliminated when P(rate > limit), for a rate distributed as Beta(a + y, b + n - y), is greater than the
    threshold. The dose is recommended unless it is eliminated.
    """

    limit: float
    threshold: float
    prior: tuple[float, float]
    min_patients: int
    max_patients: int
    cohort_size: int

    @property
    def doses(self) -> int:
        """The number of dose levels: one."""
        return 1

    def next(self, history: History) -> Treat | Stop:
        """Return what to do after this history."""
        patients, dlts = totals(history, self.doses)
        n, y = patients[0], dlts[0]
        if self.eliminated(n, y):
            return stop_as_too_toxic(patients, self.max_patients)
        if n == self.max_patients:
            return Stop(1, "max_patients")
        return Treat(1, min(self.cohort_size, self.max_patients - n))

    def eliminated(self, n: int, y: int) -> bool:
        """Say whether y DLTs in n patients rule the dose out."""
        a, b = self.prior
        looked_at = n > 0 and n >= self.min_patients
        return looked_at and greater(probability_above(self.limit, a + y, b + n - y), self.threshold)
