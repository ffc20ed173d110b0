"""A+B designs, of which the 3+3 design is one.

A patients at a dose: fewer than C with a DLT, escalate; more than D, the dose is too toxic; else treat B more. Of A + B
patients: at most E with a DLT, escalate; more, too toxic. With de-escalation, after a dose has proved too toxic, the
dose below is filled up to A + B patients; without it the trial ends at once.

Source: Lin Y, Shih WJ (2001) Biostatistics 2:203-215.
"""

from collections.abc import Iterator
from typing import Literal, Self

import numpy as np
from pydantic import model_validator

from escalation.conduct import Criterion, Stop
from escalation.counts import count_grid
from escalation.designs.base import Design, decision_table, never_reached, patients_reach
from escalation.fields import CohortSize, Count, Flag, Whole
from escalation.kernels.codes import ELIMINATE, ESCALATE, LAST_DOSE, NEXT_DOSE, RULE_COMPLETE
from escalation.plans import HighestCleared, TablePlan
from escalation.trial import Trial


def two_stage_plan(
    trial: Trial, *, a: int, b: int, c: int, d: int, e: int, de_escalate: bool, full_at_top: bool
) -> TablePlan:
    """The plan of an A+B design; with `full_at_top` the highest dose, too, needs A + B patients."""
    patients, dlts = count_grid(trial.max_patients)
    first, both = patients == a, patients == a + b
    # At other counts, which only a last, smaller cohort can leave, the dose is neither cleared nor too toxic: stay.
    codes = decision_table(
        trial.levels,
        [
            ((first & (dlts > d)) | (both & (dlts > e)), ELIMINATE),
            ((first & (dlts < c)) | both, ESCALATE),
        ],
    )
    completes = np.zeros(codes.shape, np.bool_)
    if not de_escalate:
        completes |= codes == ELIMINATE
    if not full_at_top:
        completes[-1] |= codes[-1] == ESCALATE
    ever = np.arange(trial.max_patients + 1)
    return TablePlan(
        codes=codes,
        selection=HighestCleared(((patients >= a) & (dlts < c)) | (both & (dlts <= e))),
        sizes=np.minimum(np.where(ever < a, a - ever, np.maximum(a + b - ever, 1)), trial.max_patients),
        max_patients=trial.max_patients,
        start=trial.start_dose - 1,
        stops=(
            Stop(RULE_COMPLETE, (Criterion(LAST_DOSE, completes),)),
            *patients_reach(a + b, NEXT_DOSE, RULE_COMPLETE, trial.levels, trial.max_patients),
        ),
    )


class APlusB(Design):
    """A+B design: A patients at a dose, then B more when the first leave it open.

    The MTD is the highest dose with fewer than C DLTs in A or more patients, or at most E in A + B, below every dose
    found too toxic.

    Parameters
    ----------
    a : int
        Patients treated at a dose at first. The trial's cohort_size is not used.
    b : int
        Patients added when the first leave it open.
    c : int
        Fewer DLTs than this among the first a: escalate.
    d : int
        More DLTs than this among the first a: too toxic.
    e : int
        More DLTs than this among all a + b: too toxic; otherwise escalate.
    de_escalate : bool, default True
        After a dose proved too toxic, fill the dose below up to a + b patients.
    full_at_top : bool, default True
        Treat a + b patients at the highest dose before it is recommended.
    """

    kind: Literal["a+b"] = "a+b"
    a: CohortSize
    b: CohortSize
    c: Count
    d: Whole
    e: Whole
    de_escalate: Flag = True
    full_at_top: Flag = True

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if not self.c - 1 <= self.d < self.a:
            raise ValueError(f"d: {self.d} should be at least c - 1 = {self.c - 1} and below a = {self.a}")
        if not self.c - 1 <= self.e < self.a + self.b:
            raise ValueError(f"e: {self.e} should be at least c - 1 = {self.c - 1} and below a + b = {self.a + self.b}")
        return self

    def _cautions(self, trial: Trial) -> Iterator[str]:
        if trial.cohort_size != self.a:
            yield f"a+b treats {self.a}, then {self.b}; the trial's cohort_size of {trial.cohort_size} is not used"
        yield from never_reached("a", self.a, trial)
        if self.a <= trial.max_patients:
            yield from never_reached("a + b", self.a + self.b, trial)

    def _plan(self, trial: Trial) -> TablePlan:
        return two_stage_plan(
            trial,
            a=self.a,
            b=self.b,
            c=self.c,
            d=self.d,
            e=self.e,
            de_escalate=self.de_escalate,
            full_at_top=self.full_at_top,
        )
