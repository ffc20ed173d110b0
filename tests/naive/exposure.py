"""The optimal dose by exposure in plain Python, from its description: patient by patient, exposures themselves."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import cos, exp, log, pi, sqrt

from tests.naive.clock import hashed
from tests.naive.optimal_dose import isotonic
from tests.naive.play import Rule
from tests.naive.rules import Treat


def normal(key: int, number: int) -> float:
    """Standard normal deviate of the patient of a number."""
    return sqrt(-2 * log(hashed(key, 2 * number))) * cos(2 * pi * hashed(key, 2 * number + 1))


@dataclass(frozen=True)
class ByExposure:
    """The rule; its options are what can be got wrong, and are right by default."""

    geometric_means: Sequence[float]
    cv: float
    ratio: float
    weighted: bool = True
    fitted_up_to_recommended: bool = False
    largest_of_all: bool = False
    highest: bool = False

    def exposure(self, dose: int, key: int, number: int) -> float:
        """What the patient of a number has at a dose."""
        return self.geometric_means[dose] * exp(sqrt(log(1 + self.cv**2)) * normal(key, number))

    def optimal_dose(self, patients: Sequence[tuple[int, float]], recommended: int | None) -> int | str:
        """Index of the optimal dose of patients with their doses and exposures, or why there is none."""
        if recommended is None:
            return "safety"
        tried = sorted({dose for dose, _ in patients})
        if self.fitted_up_to_recommended:
            tried = [dose for dose in tried if dose <= recommended]
        logs = [[Fraction(log(value)) for at, value in patients if at == dose] for dose in tried]
        means = [sum(own) / len(own) for own in logs]
        fitted = dict(zip(tried, isotonic(means, [len(own) if self.weighted else 1 for own in logs]), strict=True))
        candidates = [dose for dose in tried if dose <= recommended]
        if not candidates:
            return "nothing_acceptable"
        largest = exp(max(fitted[dose] for dose in (tried if self.largest_of_all else candidates)))
        may_be = [dose for dose in candidates if exp(fitted[dose]) >= self.ratio * largest * (1 - 1e-9)]
        return (max if self.highest else min)(may_be, default="nothing_acceptable")

    def deviation(self, patients: Sequence[tuple[int, float]], dose: int) -> float:
        """Observed minus true mean log exposure at a dose."""
        own = [log(value) for at, value in patients if at == dose]
        return sum(own) / len(own) - log(self.geometric_means[dose])

    def of_trial(
        self, rule: Rule, rates: Sequence[float], tolerances: Sequence[float], key: int
    ) -> tuple[int | str, float]:
        """The optimal dose of a trial with given patients, and the deviation there."""
        history: list[tuple[int, tuple[int, ...]]] = []
        patients: list[tuple[int, float]] = []
        while isinstance(decision := rule.next(history), Treat):
            dose, first = decision.dose - 1, len(patients)
            numbers = range(first, first + decision.size)
            patients += [(dose, self.exposure(dose, key, number)) for number in numbers]
            history.append((decision.dose, tuple(int(tolerances[number] < rates[dose]) for number in numbers)))
        chosen = self.optimal_dose(patients, None if decision.recommended is None else decision.recommended - 1)
        return chosen, self.deviation(patients, chosen) if isinstance(chosen, int) else float("nan")
