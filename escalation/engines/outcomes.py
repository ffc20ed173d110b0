"""Outcomes: the weighted endings of trials, whichever engine lists them."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from escalation.errors import OutcomesError
from escalation.kernels.codes import (
    DOSE_TOO_TOXIC,
    FULL_AND_DOSE_TOO_TOXIC,
    FULL_AND_TOO_TOXIC,
    MAX_PATIENTS,
    NO_DOSE,
    NOT_DECIDED,
    TOO_TOXIC,
)
from escalation.plans.plan import Plan
from escalation.trial.data import InterimData
from escalation.trial.trial import Trial

DURATION, LAST_ENROLMENT, HOLD = "duration", "last enrolment", "hold"
"""Kinds of days that can be counted exactly."""


@dataclass(frozen=True, eq=False)
class WhilePending:
    """What exact outcomes of a design that decides while patients are pending count beside days.

    Attributes
    ----------
    holds, turned_away, decisions, pending, with_pending : float64[E]
        Mean at each ending: how often accrual is held; patients who come then; decisions on the dose of a cohort that
        was treated; patients pending at these, summed; decisions with any.
    at_closed : float
        Mean number of patients treated at a dose that the outcomes of all before them close.
    """

    holds: NDArray[np.float64]
    turned_away: NDArray[np.float64]
    decisions: NDArray[np.float64]
    pending: NDArray[np.float64]
    with_pending: NDArray[np.float64]
    at_closed: float


@dataclass(frozen=True, eq=False)
class OptimalDoses:
    """The law of the optimal dose under one truth; of T truths all have another axis, which comes first.

    Attributes
    ----------
    at_chosen : float64[D, C]
        Probability that a dose is chosen with so many patients and responses, by their cell.
    none : float64[3]
        Probability that none is, by the reasons of `kernels.codes.NO_OPTIMAL_DOSE`.
    """

    at_chosen: NDArray[np.float64]
    none: NDArray[np.float64]

    @property
    def selection(self) -> NDArray[np.float64]:
        """Probability that each dose is chosen, float64[D]."""
        return self.at_chosen.sum(axis=-1)

    @property
    def most_patients(self) -> int:
        """The most patients with whom a dose can be chosen."""
        return (math.isqrt(8 * self.at_chosen.shape[-1] + 1) - 3) // 2


@dataclass(frozen=True, eq=False)
class ResponseSums:
    """What exact outcomes of a design that decides by responses say of them.

    Attributes
    ----------
    by_dose : float64[D, N + 1]
        Probability of every number of responses at each dose.
    optimal : OptimalDoses
    """

    by_dose: NDArray[np.float64]
    optimal: OptimalDoses


@dataclass(frozen=True, eq=False)
class ByExposure:
    """The optimal dose by exposure in simulated trials.

    Attributes
    ----------
    chosen : int16[E]
        Of each trial, as an index, or a key of `kernels.codes.NO_OPTIMAL_DOSE`.
    deviation : float64[E]
        Observed minus true mean log exposure at that dose; NaN where none is chosen.
    """

    chosen: NDArray[np.int16]
    deviation: NDArray[np.float64]

    def part(self, rows: slice) -> "ByExposure":
        """Those of some of the trials."""
        return ByExposure(self.chosen[rows], self.deviation[rows])


@dataclass(frozen=True, eq=False)
class Outcomes:
    """How trials end under one truth.

    Attributes
    ----------
    trial : Trial
    rates : float64[D]
        The true DLT rates.
    patients, dlts : int16[E, D]
        Counts at each dose at each ending.
    recommended : int16[E]
        Recommended dose, as an index from 0; NO_DOSE (-1) for none.
    reason : int8[E]
        Why the trial ended: a key of `kernels.codes.REASON_NAMES`.
    probability : float64[E]
        Probability of each ending; simulated trials have 1 / trials each.
    trials : int or None
        Number of simulated trials; None when the endings are all there can be.
    declared : int16[E] or None
        In a trial with an expansion, the RP2D that dose escalation declared; `recommended` is what is left of it.
    times : float64[E, TIMES] or None
        Days and counts of each simulated trial, by the columns that `kernels.codes` names; None without a calendar.
    days : callable or None
        Of exact outcomes of a trial with a calendar: from DURATION, LAST_ENROLMENT or HOLD the mean and the variance of
        such days at each ending, float64[E, 2].
    while_pending : WhilePending or None
        Of exact outcomes of a late-onset design whose days can be counted.
    after : InterimData or None
        The data of a running trial that all endings begin with; probabilities are those given these data.
    responses : int16[E, D, 2] or None
        Of simulated trials whose patients have responses: how many at each dose, of those without and with a DLT.
    optimal : int16[E] or None
        Of simulated trials of a design that decides by responses: the optimal dose of each, as an index, or a key of
        `kernels.codes.NO_OPTIMAL_DOSE`.
    response_sums : ResponseSums or None
        Of exact outcomes of such a design.
    by_exposure : ByExposure or None
        Of simulated trials of a design that chooses an optimal dose by exposure, whose patients have one.
    """

    trial: Trial
    rates: NDArray[np.float64]
    patients: NDArray[np.int16]
    dlts: NDArray[np.int16]
    recommended: NDArray[np.int16]
    reason: NDArray[np.int8]
    probability: NDArray[np.float64]
    trials: int | None = None
    declared: NDArray[np.int16] | None = None
    times: NDArray[np.float64] | None = None
    after: InterimData | None = None
    days: Callable[[str], NDArray[np.float64]] | None = None
    while_pending: WhilePending | None = None
    responses: NDArray[np.int16] | None = None
    optimal: NDArray[np.int16] | None = None
    response_sums: ResponseSums | None = None
    by_exposure: ByExposure | None = None

    @property
    def decides_by_responses(self) -> bool:
        """Whether the design does."""
        return self.optimal is not None or self.response_sums is not None

    def part(self, rows: slice) -> "Outcomes":
        """Some of the simulated trials, each still with its probability among all."""
        return replace(
            self,
            patients=self.patients[rows],
            dlts=self.dlts[rows],
            recommended=self.recommended[rows],
            reason=self.reason[rows],
            probability=self.probability[rows],
            declared=None if self.declared is None else self.declared[rows],
            times=None if self.times is None else self.times[rows],
            responses=None if self.responses is None else self.responses[rows],
            optimal=None if self.optimal is None else self.optimal[rows],
            by_exposure=None if self.by_exposure is None else self.by_exposure.part(rows),
        )


def reject_too_toxic(
    plan: Plan,
    patients: NDArray[np.int16],
    dlts: NDArray[np.int16],
    recommended: NDArray[np.int16],
    reason: NDArray[np.int8],
) -> None:
    """In place: no dose is recommended where a rule found the trial too toxic, and what was full too says so.

    Where it found a dose too toxic, one below may be.
    """
    recommended[(reason == TOO_TOXIC) | (reason == FULL_AND_TOO_TOXIC)] = NO_DOSE
    reason[reason == FULL_AND_TOO_TOXIC] = MAX_PATIENTS
    rows = np.flatnonzero((reason == DOSE_TOO_TOXIC) | (reason == FULL_AND_DOSE_TOO_TOXIC))
    if len(rows):
        counts = patients[rows], dlts[rows]
        recommended[rows] = plan.recommend_below(*counts, recommended[rows], plan.conduct.lowest_toxic(*counts))
        reason[reason == FULL_AND_DOSE_TOO_TOXIC] = MAX_PATIENTS


def refuse_undecided(patients: NDArray[np.int16], dlts: NDArray[np.int16], reason: NDArray[np.int8]) -> None:
    """Raise OutcomesError where trials come to counts that the table does not decide on.

    A table is checked for all that its trials can come to; one that goes on from data of a running trial, which may
    have other numbers of patients than planned, can come to more.
    """
    for at in np.flatnonzero(reason == NOT_DECIDED)[:1]:
        counts = ", ".join(
            f"{y} of {n} at dose level {dose}"
            for dose, (n, y) in enumerate(zip(patients[at], dlts[at], strict=True), 1)
            if n
        )
        raise OutcomesError(
            "outcomes: from here the trial can come to counts that the table does not decide on: after DLTs in "
            f"{counts} it has no row for the last dose; add rows for such numbers of patients"
        )
