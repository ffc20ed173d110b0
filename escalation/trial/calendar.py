"""The calendar of a trial: when patients arrive, how they are observed, and what happens while accrual is held."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from escalation.defaults import MOST_PATIENTS
from escalation.fields import Flag, Frozen, Rate, Real, Whole
from escalation.trial.onset import Onset

DAYS_PER_MONTH = 30.4375
"""365.25 / 12."""

MOST_ARRIVALS = 10_000
"""Patients who arrive in a window and a review, on average: the work of a trial grows with them."""

Days = Annotated[Real, Field(ge=0, le=100_000)]


class Calendar(Frozen):
    """When patients arrive and are treated.

    Parameters
    ----------
    accrual_per_month : float
        Patients who arrive in a month of 30.4375 days, on average, while accrual is open. The first arrives on day 0.
    arrivals : {"poisson", "fixed", "uniform"}, default "poisson"
        Gaps between arrivals: exponential, all the same, or uniform between 0 and twice their mean.
    while_closed : {"wait", "lost", "ready", "queue"}, default "wait"
        What happens to arrivals while accrual is held. "wait": the next patient stays and is treated when the rule
        allows, further arrivals are counted from there. "lost": a patient who arrives is turned away, and the rule is
        asked again at the next arrival. "ready": as "wait", but somebody is always at hand when the next cohort opens.
        "queue": arrivals go on, and all wait in line.
    review_days : float, default 0
        Of designs that wait: the next cohort opens so long after the last one is complete. Of others: a decision uses
        what was known so long before.
    gap_days : sequence of float, default []
        Least days between the first patients of a cohort, in order: [7] is 7 days between the first and the second. A
        gap does not become shorter by a DLT. Where all cohorts are of one, between the first patients at a dose.
    gap_at : {"cohort", "new_dose"}, default "cohort"
        Whether gaps are kept in every cohort, or in the first at a dose only.
    sentinel_dlt : {"continue", "close"}, default "continue"
        "close": a DLT of the first patient within the first gap closes the cohort, and the design decides on the
        smaller one.
    inevaluable : float, default 0
        Probability that a patient leaves before the end of the window, on a day uniform in it, whether or not a DLT
        would follow. A DLT before leaving counts; without one the patient is not evaluable.
    replace : bool, default True
        Whether patients who are not evaluable are replaced: `max_patients` then counts those who are. If not, it counts
        all, and those who leave take no part in decisions.
    max_enrolled : int, optional
        No more patients than this are treated, replaced ones included.
    onset : Onset, default uniform
        When DLTs occur.
    """

    accrual_per_month: Annotated[Real, Field(ge=0.001, le=10_000)]
    arrivals: Literal["poisson", "fixed", "uniform"] = "poisson"
    while_closed: Literal["wait", "lost", "ready", "queue"] = "wait"
    review_days: Days = 0.0
    gap_days: Annotated[tuple[Days, ...], Field(max_length=100)] = ()
    gap_at: Literal["cohort", "new_dose"] = "cohort"
    sentinel_dlt: Literal["continue", "close"] = "continue"
    inevaluable: Annotated[Rate, Field(le=0.9)] = 0.0
    replace: Flag = True
    max_enrolled: Annotated[Whole, Field(ge=1, le=10 * MOST_PATIENTS)] | None = None
    onset: Onset = Onset()

    def problems(self, window: float | None, max_patients: int) -> Iterator[tuple[str, str]]:
        """What does not fit a trial: (name of the option, what is wrong)."""
        if window is None:
            yield "", "needs dlt_window_days: how long a patient is observed decides how long a trial takes"
            return
        for number, gap in enumerate(self.gap_days, 1):
            if gap > window:
                yield "gap_days", f"gap {number} of {gap:g} days is longer than the window of {window:g} days"
        if self.sentinel_dlt == "close" and not (self.gap_days and self.gap_days[0] > 0):
            yield "sentinel_dlt", '"close" needs gap_days: the first says how long the first patient is watched'
        if self.max_enrolled is not None and self.max_enrolled < max_patients:
            yield "max_enrolled", f"fewer than the {max_patients} patients of the trial"
        yield from (("accrual_per_month", problem) for problem in self.arrival_problems(window))
        yield from (("onset", problem) for problem in self.onset.problems(window))

    def arrival_problems(self, window: float) -> Iterator[str]:
        """What is wrong where too many arrive in a window of so many days."""
        if window + self.review_days > MOST_ARRIVALS * self.mean_gap:
            what = f"the window of {window:g} days" + (" and the review" if self.review_days else "")
            yield f"more than {MOST_ARRIVALS:,} patients arrive in {what}"

    @property
    def changes_counts(self) -> bool:
        """Whether patients or DLTs depend on it, and not only days."""
        return self.inevaluable > 0 or self.inexact_counts is not None

    @property
    def inexact_counts(self) -> str | None:
        """Why the counts of a trial cannot be enumerated, if so."""
        if self.sentinel_dlt == "close":
            return 'with sentinel_dlt = "close" the size of a cohort depends on the day of a DLT'
        if self.inevaluable > 0 and (not self.replace or self.max_enrolled is not None):
            return "where patients who leave are not all replaced, how many are evaluable depends on chance"
        return None

    @property
    def inexact_days(self) -> str | None:
        """Why the days of a trial cannot be worked out exactly, if so."""
        for holds, what in (
            (self.while_closed == "queue", 'while_closed = "queue"'),
            (self.arrivals == "uniform", 'arrivals = "uniform"'),
            (any(self.gap_days), "gap_days"),
            (self.inevaluable > 0, "inevaluable patients"),
        ):
            if holds:
                return f"with {what} days are simulated"
        return None

    @property
    def inexact_steps(self) -> str | None:
        """Why what is known while patients are pending does not follow from a number of steps, if so."""
        for holds, what in (
            (self.arrivals != "fixed", f'with arrivals = "{self.arrivals}", not "fixed",'),
            (self.while_closed != "lost", f'with while_closed = "{self.while_closed}", not "lost",'),
            (any(self.gap_days), "with gap_days"),
            (self.inevaluable > 0, "with inevaluable patients"),
        ):
            if holds:
                return f"{what} what is known when a dose is decided on depends on days"
        return None

    @property
    def inexact_over_truths(self) -> str | None:
        """Why mean days cannot be worked out for many truths at once, if so."""
        if self.onset.depends_on_rate:
            return f'with an onset of kind "{self.onset.kind}" days depend on the truth'
        return self.inexact_days

    def cautions(self) -> Iterator[str]:
        """What a user should know, although it can run."""
        if self.max_enrolled is not None and (self.inevaluable == 0 or not self.replace):
            yield "time.max_enrolled has no effect: nobody is replaced"
        if not self.replace and self.inevaluable == 0:
            yield "time.replace has no effect: nobody leaves"
        if self.gap_at == "new_dose" and not any(self.gap_days):
            yield "time.gap_at has no effect: there are no gap_days"
        if self.sentinel_dlt == "close":
            yield "time.sentinel_dlt: a cohort that its first patient closes is decided on alone, be it by one DLT"

    @property
    def mean_gap(self) -> float:
        """Days between arrivals, on average."""
        return DAYS_PER_MONTH / self.accrual_per_month
