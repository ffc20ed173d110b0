"""Every path of a small late-onset trial, event by event in plain Python, and what follows for its characteristics.

Where a patient comes at each step, a patient's outcome is between which steps a DLT becomes known, or none. A trial is
played for every sequence of these, and the days of all patients are integrated over: no state, and no merging.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from escalation.plans.clock import clock_of
from tests.naive.late_onset import LateTrial

POINTS, WEIGHTS = np.polynomial.legendre.leggauss(24)
COUNTED = ("hold_days", "holds", "turned_away", "pending", "decisions", "with_pending", "at_closed")


class TooShortError(Exception):
    """The path is too short: one patient more is treated."""


@dataclass
class PathTrial(LateTrial):
    """A trial in which it is given what becomes of each patient: the number of steps after which a DLT is known."""

    path: tuple[int | None, ...] = ()
    spans: list[tuple[float, float]] = field(default_factory=list)  # the days in which each patient completes
    chance: float = 1.0

    def known(self, step: int) -> float:
        """The share of DLTs that are known after so many steps."""
        clock = clock_of(self.trial)
        day = step * clock.mean_gap - clock.review
        return 1.0 if day >= clock.window - self.slack else float(clock.onset.cdf(day, self.rates[self.dose]))

    def treat(self, day: float) -> None:
        number = len(self.patients)
        if number == len(self.path):
            raise TooShortError
        step, rate = self.path[number], self.rates[self.dose]
        gap, review = clock_of(self.trial).mean_gap, self.time.review_days
        if step is None:
            self.tolerances[number] = 1.0
            self.chance *= 1 - rate
            self.spans.append((day + self.window, day + self.window))
        else:
            before, after = self.known(step - 1), self.known(step)
            self.tolerances[number] = rate * (before + after) / 2
            self.chance *= rate * (after - before)
            days = (max((step - 1) * gap - review, 0.0), min(step * gap - review, self.window))
            self.spans.append((day + days[0], day + days[1]))
        super().treat(day)

    def last_completion(self) -> tuple[float, float]:
        """Mean of the day of the last completion and of its square, each DLT anywhere between its steps."""
        onset = clock_of(self.trial).onset
        least = max(start for start, _ in self.spans)
        most = max(end for _, end in self.spans)
        ends = {least, most, *(day for span in self.spans for day in span)}
        ends |= {one.entry + day for one in self.patients for day in (*onset.kinks, self.window)}
        ends = sorted(day for day in ends if least <= day <= most)
        mean, square = least, least**2
        for start, end in pairwise(ends):
            days = start + (end - start) * (1 + POINTS) / 2
            below = np.ones(len(days))
            for one, (first, last) in zip(self.patients, self.spans, strict=True):
                if first == last:
                    below *= days >= last
                    continue
                share = onset.cdf(days - one.entry, self.rates[one.dose])
                low, high = onset.cdf(np.array([first, last]) - one.entry, self.rates[one.dose])
                below *= np.clip((share - low) / (high - low), 0.0, 1.0)
            weights = WEIGHTS * (end - start) / 2
            mean += float(weights @ (1 - below))
            square += float(weights @ (2 * days * (1 - below)))
        return mean, square


def played(make, steps: int, path: tuple[int | None, ...] = ()) -> Iterator[PathTrial]:
    """Every trial, by what becomes of its patients in order."""
    trial = make(path)
    try:
        trial.play()
    except TooShortError:
        for step in (None, *range(1, steps + 1)):
            yield from played(make, steps, (*path, step))
        return
    if trial.chance > 0:
        yield trial


def characteristics(make, steps: int, *, timed: bool = True) -> dict[str, object]:
    """The probability of each ending, and means."""
    endings: dict[tuple[tuple[int, ...], tuple[int, ...], int], float] = {}
    sums = dict.fromkeys((*COUNTED, "last", "last_square", "end", "end_square", "chance"), 0.0)
    for trial in played(make, steps):
        reason = {7: 3, 9: 3}.get(trial.reason, trial.reason)
        ending = tuple(trial.n), tuple(trial.y), reason
        endings[ending] = endings.get(ending, 0.0) + trial.chance
        for name in COUNTED:
            sums[name] += trial.chance * trial.counts[name]
        sums["last"] += trial.chance * trial.counts["last"]
        sums["last_square"] += trial.chance * trial.counts["last"] ** 2
        end, square = trial.last_completion() if timed else (0.0, 0.0)
        sums["end"] += trial.chance * end
        sums["end_square"] += trial.chance * square
        sums["chance"] += trial.chance
    return {"endings": endings, **sums}
