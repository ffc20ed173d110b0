"""A+B designs."""

from dataclasses import dataclass

from tests.naive.rules.history import History, Stop, Treat, stop_as_too_toxic, totals


@dataclass(frozen=True)
class APlusB:
    """An A+B design (Lin & Shih, Biostatistics 2001; 2:203).

    A patients are treated at a dose. Fewer than C with a DLT: escalate. More than D: too toxic. Otherwise B more are
    treated; at most E of A + B with a DLT: escalate, more: too toxic. A dose that is too toxic is closed, with all
    doses above it. With ``de_escalate`` the dose below it is then filled up to A + B, otherwise the trial ends. With
    ``full_at_top`` the highest dose is not recommended on A patients alone.
    """

    doses: int
    max_patients: int
    a: int
    b: int
    c: int
    d: int
    e: int
    de_escalate: bool = True
    full_at_top: bool = True

    def verdict(self, n: int, y: int) -> str:
        """Say what y DLTs in n patients mean: "safe", "toxic", or "open" when they decide nothing yet."""
        if n >= self.a + self.b:
            return "safe" if y <= self.e else "toxic"
        if n <= self.a:
            return "toxic" if y > self.d else "safe" if n == self.a and y < self.c else "open"
        fewest_in_the_first_a = max(y - (n - self.a), 0)  # the others may all have had one
        if y > self.e or fewest_in_the_first_a > self.d:
            return "toxic"
        return "safe" if y < self.c else "open"

    def next(self, history: History) -> Treat | Stop:
        """Return what to do after this history."""
        if not history:
            return Treat(1, min(self.a, self.max_patients))
        patients, dlts = totals(history, self.doses)
        verdicts = [self.verdict(n, y) for n, y in zip(patients, dlts, strict=True)]
        highest = verdicts.index("toxic") if "toxic" in verdicts else self.doses
        if highest == 0:
            return stop_as_too_toxic(patients, self.max_patients)
        current = history[-1][0]
        full = patients[current - 1] == self.a + self.b
        following: int | None
        if current > highest:
            following = current - 1 if self.de_escalate and patients[current - 2] < self.a + self.b else None
        elif verdicts[current - 1] == "open":
            following = current
        elif current < highest:
            following = current + 1
        else:
            following = None if full or (current == self.doses and not self.full_at_top) else current
        if following is None:
            return Stop(self.recommended(patients, dlts, highest), "rule_complete")
        left = self.max_patients - sum(patients)
        if left == 0:
            return Stop(self.recommended(patients, dlts, highest), "max_patients")
        at_dose = patients[following - 1]
        return Treat(following, min(self.a if at_dose == 0 else self.a + self.b - at_dose, left))

    def recommended(self, patients, dlts, highest: int) -> int | None:
        """Return the highest dose below the closed ones that has been found safe."""
        for dose in range(highest, 0, -1):
            n, y = patients[dose - 1], dlts[dose - 1]
            if (n >= self.a and y < self.c) or self.verdict(n, y) == "safe":
                return dose
        return None
