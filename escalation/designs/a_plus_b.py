"""A+B designs, of which the 3+3 design is one.

A patients at a dose: fewer than C with a DLT, escalate; more than D, the dose is too toxic; else treat B more. Of A + B
patients: at most E with a DLT, escalate; more, too toxic. With de-escalation, after a dose has proved too toxic, the
dose below is filled up to A + B patients; without it the trial ends at once.

Source: Lin Y, Shih WJ (2001) Biostatistics 2:203-215.
"""

from collections.abc import Iterator
from typing import ClassVar, Literal, Self, TypedDict

import numpy as np
from pydantic import model_validator

from escalation.designs.base import Design, decision_table, never_reached, patients_reach
from escalation.designs.words import observed
from escalation.fields import CohortSize, Count, Flag, Whole
from escalation.kernels.codes import ELIMINATE, ESCALATE, LAST_DOSE, NEXT_DOSE, RULE_COMPLETE
from escalation.numbers import count_grid
from escalation.plans.conduct import Conduct, Criterion, Stop
from escalation.plans.table import HighestCleared, TablePlan
from escalation.trial.trial import Trial

KORN = (
    "Korn EL, Midthune D, Chen TT, Rubinstein LV, Christian MC, Simon RM (1994). A comparison of two phase I trial "
    "designs. Stat Med 13:1799-1806."
)
LIN_SHIH = (
    "Lin Y, Shih WJ (2001). Statistical properties of the traditional algorithm-based designs for phase I cancer "
    "clinical trials. Biostatistics 2:203-215."
)


class TwoStage(TypedDict):
    """The numbers of an A+B design, whether it de-escalates, and whether the highest dose needs A + B patients."""

    a: int
    b: int
    c: int
    d: int
    e: int
    de_escalate: bool
    full_at_top: bool


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
    completes = []
    if not de_escalate:
        completes.append(
            Stop(RULE_COMPLETE, (Criterion(LAST_DOSE, codes == ELIMINATE),), "a dose has proved too toxic")
        )
    if not full_at_top:
        cleared = codes == ESCALATE
        cleared[:-1] = False
        completes.append(Stop(RULE_COMPLETE, (Criterion(LAST_DOSE, cleared),), "the highest dose has been cleared"))
    ever = np.arange(trial.max_patients + 1)
    return TablePlan(
        codes=codes,
        selection=HighestCleared(((patients >= a) & (dlts < c)) | (both & (dlts <= e))),
        conduct=Conduct.of(
            trial,
            sizes=np.minimum(np.where(ever < a, a - ever, np.maximum(a + b - ever, 1)), trial.max_patients),
            stops=(*completes, *patients_reach(a + b, NEXT_DOSE, RULE_COMPLETE, trial)),
        ),
    )


def two_stage_grounds(rule: TwoStage, patients: int, dlts: int, code: int) -> str:
    """Why the table of an A+B design says what it says, as `Design.grounds`."""
    seen, both = observed(patients, dlts), rule["a"] + rule["b"]
    if code == ELIMINATE:
        return f"{seen}, more than {rule['d'] if patients == rule['a'] else rule['e']}: the dose is too toxic"
    if code == ESCALATE:
        limit = f"fewer than {rule['c']}" if patients == rule["a"] else f"at most {rule['e']}"
        return f"{seen}, {limit}: the dose is cleared"
    if patients == rule["a"]:
        return f"{seen}: {rule['b']} more are treated at the dose"
    following = [number for number in (rule["a"], both) if number > patients]
    return f"{seen}: nothing is decided " + (f"before there are {following[0]}" if following else f"beyond {both}")


def two_stage_decisions(rule: TwoStage) -> Iterator[str]:
    """How an A+B design decides, in sentences."""
    a, b, c, d, e = (rule[name] for name in ("a", "b", "c", "d", "e"))
    fewer = "no DLT" if c == 1 else f"fewer than {c} DLTs"
    yield (
        f"At first {a} {'patient is' if a == 1 else 'patients are'} treated at a dose. With {fewer} among them the "
        f"dose is cleared and the next cohort gets the next higher dose; with more than {d} "
        f"{'DLT' if d == 1 else 'DLTs'} the dose is too toxic"
        + (
            f"; with {_range(c, d)}, {b} more {'patient is' if b == 1 else 'patients are'} treated at it."
            if c <= d
            else "."
        )
    )
    yield (
        f"Of {a + b} patients at most {e} with a DLT clear the dose and the next cohort gets the next higher one; with "
        "more the dose is too toxic."
    )
    closed = "A dose that is too toxic is not given again, nor is any higher one"
    if rule["de_escalate"]:
        yield f"{closed}; the dose below is then filled up to {a + b} patients."
    else:
        yield f"{closed}; there is no de-escalation."
    yield "When the lowest dose is too toxic the trial ends and no dose is recommended."
    if rule["full_at_top"]:
        yield f"The highest dose, too, is given to {a + b} patients before it is recommended."
    else:
        yield f"At the highest dose {a} patients with {fewer} suffice."


def two_stage_recommendation(rule: TwoStage) -> str:
    """What an A+B design recommends, in a sentence."""
    fewer = "no DLT" if rule["c"] == 1 else f"fewer than {rule['c']} DLTs"
    return (
        f"The MTD is the highest dose with {fewer} in at least {rule['a']} patients, or with at most {rule['e']} in "
        f"{rule['a'] + rule['b']}, below every dose found too toxic; without such a dose none is recommended."
    )


def _range(low: int, high: int) -> str:
    if low == high:
        return f"{low} {'DLT' if low == 1 else 'DLTs'}"
    return f"{low} to {high} DLTs"


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
            yield f"a+b treats {self.a}, then {self.b}; the trial's cohort_size of {trial.cohort_size} is not used"
        yield from never_reached("a", self.a, trial)
        if self.a <= trial.max_patients:
            yield from never_reached("a + b", self.a + self.b, trial)

    def _plan(self, trial: Trial) -> TablePlan:
        return two_stage_plan(trial, **self._rule)

    @property
    def _rule(self) -> "TwoStage":
        return {
            "a": self.a,
            "b": self.b,
            "c": self.c,
            "d": self.d,
            "e": self.e,
            "de_escalate": self.de_escalate,
            "full_at_top": self.full_at_top,
        }

    def _grounds(self, trial: Trial, dose: int, patients: int, dlts: int, code: int) -> str:  # noqa: ARG002
        return two_stage_grounds(self._rule, patients, dlts, code)

    def _decisions_in_words(self, trial: Trial) -> Iterator[str]:  # noqa: ARG002
        yield (
            f"Dose escalation follows an A+B design (Lin & Shih 2001) with A = {self.a}, B = {self.b}, C = {self.c}, "
            f"D = {self.d} and E = {self.e}."
        )
        yield from two_stage_decisions(self._rule)

    def _recommendation_in_words(self, trial: Trial) -> Iterator[str]:  # noqa: ARG002
        yield two_stage_recommendation(self._rule)
