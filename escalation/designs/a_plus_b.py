"""A+B designs, of which the 3+3 design is one.

A patients at a dose: fewer than C with a DLT, escalate; more than D, the dose is too toxic; else treat B more. Of A + B
patients: at most E with a DLT, escalate; more, too toxic. With de-escalation, after a dose has proved too toxic, the
dose below is filled up to A + B patients; without it the trial ends at once.

Real cohorts have other numbers of patients too. There a dose is too toxic as soon as more patients could only confirm
it, and cleared with fewer than C DLTs in A or more patients, or at most E in A + B or more; else it has to wait.

Source: Lin Y, Shih WJ (2001) Biostatistics 2:203-215.
"""

from collections.abc import Iterator
from typing import ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from escalation.designs.base import Design, by_first_rule, never_reached, patients_reach
from escalation.designs.words import observed
from escalation.fields import CohortSize, Count, Flag, Whole
from escalation.kernels.codes import ELIMINATE, ESCALATE, LAST_DOSE, NEXT_DOSE, RULE_COMPLETE
from escalation.numbers import count_grid
from escalation.plans.conduct import Conduct, Criterion, Stop
from escalation.plans.table import HighestCleared, TablePlan
from escalation.trial.trial import Trial

Numbers = NDArray[np.int64]
Cells = NDArray[np.bool_]

KORN = (
    "Korn EL, Midthune D, Chen TT, Rubinstein LV, Christian MC, Simon RM (1994). A comparison of two phase I trial "
    "designs. Stat Med 13:1799-1806."
)
LIN_SHIH = (
    "Lin Y, Shih WJ (2001). Statistical properties of the traditional algorithm-based designs for phase I cancer "
    "clinical trials. Biostatistics 2:203-215."
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

    has_own_cohorts: ClassVar[bool] = True
    sources: ClassVar[tuple[str, ...]] = (LIN_SHIH, KORN)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if not self.c - 1 <= self.d < self.a:
            raise ValueError(f"d: {self.d} should be at least c - 1 = {self.c - 1} and below a = {self.a}")
        if not self.c - 1 <= self.e < self.a + self.b:
            raise ValueError(f"e: {self.e} should be at least c - 1 = {self.c - 1} and below a + b = {self.a + self.b}")
        return self

    def _cautions(self, trial: Trial) -> Iterator[str]:
        if trial.cohort_size != self.a:
            yield f"a+b treats {self.a}, then {self.b}; the trial's {trial.cohorts_in_words} are not used"
        yield from never_reached("a", self.a, trial)
        if self.a <= trial.max_patients:
            yield from never_reached("a + b", self.a + self.b, trial)

    def _plan(self, trial: Trial) -> TablePlan:
        patients, dlts = count_grid(trial.max_patients)
        too_toxic, cleared = self._too_toxic(patients, dlts), self._cleared(patients, dlts)
        codes = by_first_rule(trial.levels, [(too_toxic, ELIMINATE), (cleared, ESCALATE)])
        completes = []
        if not self.de_escalate:
            completes.append((codes == ELIMINATE, "a dose has proved too toxic"))
        if not self.full_at_top:
            at_top = np.arange(trial.levels)[:, None, None] == trial.levels - 1
            completes.append((at_top & (codes == ESCALATE), "the highest dose has been cleared"))
        own = [Stop(RULE_COMPLETE, (Criterion(LAST_DOSE, at),), words) for at, words in completes]
        ever = np.arange(trial.max_patients + 1)
        sizes = np.where(ever < self.a, self.a - ever, np.maximum(self.a + self.b - ever, 1))
        return TablePlan(
            codes=codes,
            selection=HighestCleared(cleared),
            conduct=Conduct.of(
                trial,
                sizes=np.minimum(sizes, trial.max_patients),
                stops=(*own, *patients_reach(self.a + self.b, NEXT_DOSE, RULE_COMPLETE, trial)),
            ),
        )

    def _too_toxic(self, patients: Numbers, dlts: Numbers) -> Cells:
        """Whether the DLTs are more than a whole stage may have: what patients are to come can only add to them."""
        beyond_first = np.maximum(patients - self.a, 0)  # who may have had as many of the DLTs
        in_first = (dlts - beyond_first > self.d) & (patients < self.a + self.b)
        return in_first | ((dlts > self.e) & (patients > self.a))

    def _cleared(self, patients: Numbers, dlts: Numbers) -> Cells:
        """Whether the DLTs are few enough for a stage that is whole, unless they are too many for the next."""
        return ((patients >= self.a) & (dlts < self.c)) | ((patients >= self.a + self.b) & (dlts <= self.e))

    def _grounds(self, trial: Trial, dose: int, patients: int, dlts: int, code: int) -> str:  # noqa: ARG002
        seen, both = observed(patients, dlts), self.a + self.b
        if code == ELIMINATE:
            return f"{seen}, {self._too_many(patients, dlts)}: the dose is too toxic"
        if code == ESCALATE:
            limit, whole = (f"at most {self.e}", both) if patients >= both else (f"fewer than {self.c}", self.a)
            planned = patients in (self.a, both)
            return f"{seen}, {limit}{'' if planned else f' in {whole} or more'}: the dose is cleared"
        if patients == self.a:
            return f"{seen}: {self.b} more are treated at the dose"
        return f"{seen}: nothing is decided before there are {self.a if patients < self.a else both}"

    def _too_many(self, patients: int, dlts: int) -> str:
        """What so many DLTs are too many for, as the end of a clause."""
        by_both = patients > self.a and dlts > self.e
        limit, whole = (self.e, self.a + self.b) if by_both else (self.d, self.a)
        return f"more than {limit}" if patients == whole else f"more than the {limit} that {whole} may have"

    def _decisions_in_words(self, trial: Trial) -> Iterator[str]:  # noqa: ARG002
        yield (
            f"Dose escalation follows an A+B design (Lin & Shih 2001) with A = {self.a}, B = {self.b}, C = {self.c}, "
            f"D = {self.d} and E = {self.e}."
        )
        yield from self.stages_in_words()

    def stages_in_words(self) -> Iterator[str]:
        """How the two stages decide, in sentences."""
        both, otherwise = self.a + self.b, ""
        if self.c <= self.d:  # the first patients can leave it open
            dlts = f"{self.c} to {self.d} DLTs" if self.c < self.d else f"{self.c} {'DLT' if self.c == 1 else 'DLTs'}"
            otherwise = f"; with {dlts}, {self.b} more {'patient is' if self.b == 1 else 'patients are'} treated at it"
        yield (
            f"At first {self.a} {'patient is' if self.a == 1 else 'patients are'} treated at a dose. With "
            f"{self._fewer} among them the dose is cleared and the next cohort gets the next higher dose; with more "
            f"than {self.d} {'DLT' if self.d == 1 else 'DLTs'} the dose is too toxic{otherwise}."
        )
        yield (
            f"Of {both} patients at most {self.e} with a DLT clear the dose and the next cohort gets the next higher "
            "one; with more the dose is too toxic."
        )
        filled_up = f"the dose below is then filled up to {both} patients"
        then = filled_up if self.de_escalate else "there is no de-escalation"
        yield f"A dose that is too toxic is not given again, nor is any higher one; {then}."
        yield "When the lowest dose is too toxic the trial ends and no dose is recommended."
        if self.full_at_top:
            yield f"The highest dose, too, is given to {both} patients before it is recommended."
        else:
            yield f"At the highest dose {self.a} patients with {self._fewer} suffice."

    @property
    def _fewer(self) -> str:
        return "no DLT" if self.c == 1 else f"fewer than {self.c} DLTs"

    def _recommendation_in_words(self, trial: Trial) -> Iterator[str]:  # noqa: ARG002
        yield (
            f"The MTD is the highest dose with {self._fewer} in at least {self.a} patients, or with at most {self.e} "
            f"in {self.a + self.b}, below every dose found too toxic; without such a dose none is recommended."
        )
