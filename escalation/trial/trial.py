"""The trial: what every design is given."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from escalation.defaults import MOST_PATIENTS
from escalation.fields import Count, FitsTogether, Fraction, Real, Text, Whole
from escalation.trial import cohorts
from escalation.trial.calendar import Calendar
from escalation.trial.cohorts import AnyCohortSize, Cohorts
from escalation.trial.efficacy import Efficacy
from escalation.trial.expansion import Expansion
from escalation.trial.randomised import Randomised

NOT_WITH_EXPANSION = "not with an expansion, which is at one dose; leave one of them out"

Amount = Annotated[Whole, Field(ge=0, le=10**15)] | Annotated[Real, Field(ge=0, le=1e15)]


class Trial(FitsTogether):
    """A phase I trial: its dose levels, target and size.

    Parameters
    ----------
    doses : sequence of numbers in increasing order, or of texts
        Dose levels, the lowest first; at most 50.
    target : float
        Target DLT rate, strictly between 0 and 1.
    max_patients : int
        No more patients than this are treated in dose escalation; the last cohort is smaller when fewer than a cohort
        remain. At most 1000: the number of patient sequences, up to 2^1000, is still a floating-point number.
    cohort_size : int, sequence of int, CohortSizes or {"by_dose": ..., "by_dlts": ...}, default 3
        At most 100. A list gives the sizes of the first cohorts in turn, the last also of all further ones; which is
        next follows from the patients treated so far.
    start_dose : int, default 1
        Dose level of the first cohort; the lowest is 1.
    dose_unit : str, optional
    labels : sequence of str, optional
        What the protocol calls the dose levels, such as "-1", "1", "2", where that is not 1, 2, 3. Outcomes and outputs
        then have the labels; options are given by the number of the level all the same.
    dlt_window_days : float, optional
        Days after the first dose in which a toxicity counts as a DLT; at most 100,000.
    time : Calendar, optional
        When patients arrive and are observed; without it a trial has no duration.
    expansion : Expansion, optional
        What follows dose escalation at the RP2D.
    efficacy : Efficacy, optional
        Responses beside DLTs, and which doses are acceptable for both.
    randomised : Randomised, optional
        Doses that are compared in randomised patients when dose escalation is over.

    Raises
    ------
    pydantic.ValidationError
        A ValueError; it names every field that is wrong.

    Examples
    --------
    >>> Trial(doses=[50, 150, 300, 600], target=0.25, max_patients=36).levels
    4
    """

    doses: tuple[Amount | Text, ...] = Field(min_length=1, max_length=50)
    dose_unit: Text | None = None
    labels: tuple[Text, ...] | None = None
    target: Fraction
    max_patients: Annotated[Whole, Field(ge=1, le=MOST_PATIENTS)]
    cohort_size: AnyCohortSize = 3
    start_dose: Count = 1
    dlt_window_days: Real | None = Field(default=None, gt=0, le=100_000)
    time: Calendar | None = None
    expansion: Expansion | None = None
    efficacy: Efficacy | None = None
    randomised: Randomised | None = None

    only_if_given: ClassVar[frozenset[str]] = frozenset({"efficacy", "randomised"})

    def _problems(self) -> Iterator[str]:
        numbers = [dose for dose in self.doses if not isinstance(dose, str)]
        if len(numbers) not in (0, self.levels):
            yield "doses: should be all numbers or all texts"
        elif any(low >= high for low, high in pairwise(numbers)):
            yield "doses: should increase from each level to the next"
        elif len(set(self.doses)) < self.levels:
            yield "doses: each level should be named once"
        yield from self._label_problems()
        size, most = cohorts.largest(self.cohort_size), self.max_patients
        if isinstance(self.cohort_size, cohorts.CohortSizes):
            yield from self.cohort_size.problems(self.levels)
        if size > most:
            yield f"cohort_size: a cohort of {size} is larger than the trial ({most} patients)"
        if self.start_dose > self.levels:
            yield f"start_dose: there are only {self.levels} dose levels"
        if self.time is not None:
            for option, problem in self.time.problems(self.dlt_window_days, most):
                yield f"time.{option}: {problem}" if option else f"time: {problem}"
        if self.expansion is not None:
            for option, problem in self.expansion_problems(self.expansion):
                yield f"expansion.{option}: {problem}"
        if self.efficacy is not None:
            for option, problem in self._efficacy_problems(self.efficacy):
                yield f"efficacy.{option}: {problem}"
        yield from self._randomised_problems()

    def _randomised_problems(self) -> Iterator[str]:
        if self.randomised is None:
            return
        for option, problem in self.randomised.problems(self.levels, self.efficacy, self.max_patients):
            yield f"randomised.{option}: {problem}" if option else f"randomised: {problem}"
        if self.expansion is not None:
            yield f"randomised: {NOT_WITH_EXPANSION}"

    def _efficacy_problems(self, efficacy: Efficacy) -> Iterator[tuple[str, str]]:
        """What of responses does not fit the trial: (name of the option, what is wrong)."""
        yield from efficacy.problems(self.target, self.dlt_window_days, timed=self.time is not None)
        if self.time is not None and efficacy.window_days is not None:
            yield from (("window_days", problem) for problem in self.time.arrival_problems(efficacy.window_days))

    def expansion_problems(self, expansion: Expansion) -> Iterator[tuple[str, str]]:
        """What of an expansion does not fit the trial: (name of the option, what is wrong)."""
        yield from expansion.problems(self.target, self.max_patients)
        most = None if self.time is None else self.time.max_enrolled
        if most is not None and most < self.max_patients + expansion.patients:
            yield "patients", f"{self.max_patients + expansion.patients} patients in all; max_enrolled is {most}"
        if self.equal_cohorts is None and expansion.cohort_size is None:
            yield "cohort_size", "needed, because the trial's cohorts are not all of one size"

    def _label_problems(self) -> Iterator[str]:
        labels = self.labels or ()
        if self.labels is not None and len(labels) != self.levels:
            yield f"labels: {len(labels)} labels for {self.levels} dose levels"
        if len(set(labels)) < len(labels):
            yield "labels: each should be there once"
        if any('"' in label for label in labels):
            yield "labels: a label cannot have a quotation mark in it"

    def cautions(self) -> Iterator[str]:
        """What a user should know about the trial, although it can run."""
        if isinstance(self.cohort_size, cohorts.CohortSizes):
            yield from self.cohort_size.cautions(self.max_patients)
        elif isinstance(self.cohort_size, tuple) and sum(self.cohort_size[:-1]) >= self.max_patients:
            yield f"cohort_size: {self.max_patients} patients are treated before the last of these cohorts"
        if self.time is not None:
            yield from self.time.cautions()
        if self.expansion is not None:
            yield from self.expansion_cautions(self.expansion)

    def expansion_cautions(self, expansion: Expansion) -> Iterator[str]:
        """What to know about an expansion that fits the trial."""
        yield from expansion.cautions(self.target, self.max_patients, self.expansion_cohorts(expansion))

    def expansion_cohorts(self, expansion: Expansion) -> int:
        """Patients between two looks of an expansion that fits the trial."""
        size = self.equal_cohorts if expansion.cohort_size is None else expansion.cohort_size
        assert size is not None
        return size

    @property
    def levels(self) -> int:
        """Number of dose levels."""
        return len(self.doses)

    @property
    def equal_cohorts(self) -> int | None:
        """The size of all cohorts but a smaller last one; None where it varies."""
        return self.cohort_size if isinstance(self.cohort_size, int) else None

    @property
    def planned_cohorts(self) -> Cohorts | None:
        """The sizes of all cohorts, where outcomes do not change them, as `trial.cohorts` has them; None if they do."""
        given = self.cohort_size
        if not isinstance(given, cohorts.CohortSizes):
            return given
        return given.by_dose[0] if self.levels == 1 and given.by_dose is not None and given.by_dlts is None else None

    @property
    def sizes_by_dose(self) -> tuple[int, ...]:
        """The size of a cohort at each dose, as far as it depends on the dose alone; 1 where it does not."""
        return cohorts.by_dose(self.cohort_size, self.levels)

    @property
    def sizes_in_trial(self) -> NDArray[np.int64] | None:
        """The least size of a cohort by patients and DLTs in the trial, int64[N + 1, K]; None where it is the same."""
        return cohorts.in_trial(self.cohort_size, self.max_patients)

    @property
    def cohorts_in_words(self) -> str:
        """The cohorts as a sentence says it."""
        return cohorts.in_words(self.cohort_size)

    @property
    def level_names(self) -> tuple[str, ...]:
        """What each dose level is called: its label or else its number."""
        return self.labels or tuple(str(level) for level in range(1, self.levels + 1))

    def at_level(self, dose: int) -> str:
        """A dose level in words, by its index from 0: "dose level 2", or what its label is."""
        return f"dose level {self.level_names[dose]}"

    @property
    def most_patients(self) -> int:
        """The most patients that are treated, expansion included."""
        return self.max_patients + (0 if self.expansion is None else self.expansion.patients)

    @property
    def amounts(self) -> tuple[str, ...]:
        """The doses as a person would write them."""
        return tuple(str(dose).removesuffix(".0") for dose in self.doses)

    @property
    def dose_names(self) -> tuple[str, ...]:
        """What tables call the doses: what they are, after their labels where they have any."""
        return self.amounts if self.labels is None else self.numbered

    @property
    def numbered(self) -> tuple[str, ...]:
        """The doses after what their levels are called: "2: 150"."""
        return tuple(f"{name}: {dose}" for name, dose in zip(self.level_names, self.amounts, strict=True))
