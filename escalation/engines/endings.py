"""Every ending of a design's trials, and its probability under a truth.

With counts n, y at its doses, an ending that so many patient sequences lead to has under a truth p the probability

    sequences x prod_d p_d^y_d (1 - p_d)^(n_d - y_d).

The endings do not depend on the truth: another truth costs one pass over them.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from escalation.engines.outcomes import DURATION, HOLD, LAST_ENROLMENT, Outcomes, WhilePending
from escalation.errors import DesignError, EscalationError
from escalation.kernels.endings import count_nodes, ending_probabilities, grow_tree
from escalation.kernels.layout import CountTree
from escalation.numbers import cells_of
from escalation.plans.clock import evaluated_rates
from escalation.trial.data import InterimData
from escalation.trial.rates import check_rates
from escalation.trial.trial import Trial

WRONG = 1e-9
"""Rounding moves a sum of probabilities from 1 by some 1e-15; by more than this, something is wrong."""


@dataclass(frozen=True, eq=False)
class Enumeration:
    """Every ending of a design's trials.

    The same counts are listed apart when they end for different reasons and, under titration, after different numbers
    of cohorts.

    Attributes
    ----------
    trial : Trial
    patients, dlts : int16[E, D]
        Counts at each dose at each ending.
    recommended : int16[E]
        Recommended dose, as an index from 0; NO_DOSE (-1) for none.
    declared : int16[E] or None
        In a trial with an expansion, the RP2D that dose escalation declared; `recommended` is what is left of it.
    reason : int8[E]
        Why the trial ended: a key of `kernels.codes.REASON_NAMES`.
    sequences : float64[E]
        Number of patient sequences with this ending; of a late-onset design each counts by the shares of its DLTs that
        become known at the steps at which they do.
    states : int
        Number of states that were visited, endings included.
    after : InterimData or None
        The data of a running trial that all endings begin with. Sequences are those of the patients who follow.
    days : callable or None
        Of a trial with a clock: from a kind of days and the true rates the mean and the variance at each ending,
        float64[E, 2]. See `engines.durations`.
    while_pending : callable or None
        Of a late-onset design: from the true rates what is counted beside days. See `engines.late_onset`.
    """

    trial: Trial
    patients: NDArray[np.int16]
    dlts: NDArray[np.int16]
    recommended: NDArray[np.int16]
    declared: NDArray[np.int16] | None
    reason: NDArray[np.int8]
    sequences: NDArray[np.float64]
    states: int
    after: InterimData | None = None
    days: Callable[[str, NDArray[np.float64]], NDArray[np.float64]] | None = None
    while_pending: Callable[[NDArray[np.float64]], WhilePending] | None = None

    def __post_init__(self) -> None:
        for part in vars(self).values():
            if isinstance(part, np.ndarray):
                part.flags.writeable = False  # the outcomes under every truth share them

    def outcomes(self, rates: ArrayLike) -> Outcomes:
        """Probability of every ending under a truth.

        Parameters
        ----------
        rates : sequence of float
            True DLT rate of each dose level.

        Raises
        ------
        DesignError
            A ValueError: not one rate in [0, 1] for each dose level.
        EscalationError
            The probabilities do not sum to 1.
        """
        true_rates = check_rates(rates, self.trial)
        probability = self.probabilities(true_rates)
        check_total(float(probability.sum()))
        days, counted = self.days, self.while_pending
        return Outcomes(
            trial=self.trial,
            rates=true_rates,
            patients=self.patients,
            dlts=self.dlts,
            recommended=self.recommended,
            reason=self.reason,
            probability=probability,
            declared=self.declared,
            after=self.after,
            days=None if days is None else cache(lambda what: days(what, true_rates)),
            while_pending=None if counted is None else counted(true_rates),
        )

    def probabilities(self, rates: NDArray[np.float64]) -> NDArray[np.float64]:
        """That of each ending under true rates, float64[E]."""
        probability = np.empty(len(self.sequences))
        cells, seen_rates = cells_of(self.trial.most_patients), evaluated_rates(rates, self.trial)
        ending_probabilities(self.tree, self.sequences, cells, seen_rates, self.seen, probability)
        return probability

    def duration(self, rates: ArrayLike) -> tuple[float, float]:
        """Mean and standard deviation of the days from the first patient's enrolment to the last completion.

        Parameters
        ----------
        rates : sequence of float
            True DLT rate of each dose level.

        Raises
        ------
        DesignError
            A ValueError: as for `outcomes`; or the trial has no clock; or a rate is 1 where the day of a DLT has no
            distribution then.
        """
        return self._over_endings(DURATION, rates)

    def last_enrolment(self, rates: ArrayLike) -> tuple[float, float]:
        """Mean and standard deviation of the day of the last patient's enrolment; raises as `duration` does."""
        return self._over_endings(LAST_ENROLMENT, rates)

    def hold(self, rates: ArrayLike) -> float:
        """Mean days from a cohort's last enrolment until the next may open, summed; raises as `duration` does."""
        return self._over_endings(HOLD, rates)[0]

    def _over_endings(self, what: str, rates: ArrayLike) -> tuple[float, float]:
        """Mean and standard deviation over all endings."""
        if self.days is None:
            calendar = self.trial.time
            if calendar is None:
                raise DesignError("durations need a clock: when patients arrive, and how long they are followed")
            if self.after is not None:
                raise DesignError("the days of a running trial's patients are not known")
            inexact = calendar.inexact_days
            if inexact is None and self.trial.efficacy is not None:
                inexact = self.trial.efficacy.inexact_days
            raise DesignError(inexact or "of a late-onset design with an expansion days are simulated")
        return mean_days(self.outcomes(rates), what)

    @cached_property
    def tree(self) -> CountTree:
        """The endings by what they have in common; see `kernels.endings`."""
        starts = np.empty(self.trial.levels + 1, np.int64)
        count_nodes(self.patients, self.dlts, starts)
        tree = CountTree(np.empty(starts[-1], np.int32), np.empty(starts[-1], np.int32), starts)
        grow_tree(self.patients, self.dlts, tree)
        return tree

    @cached_property
    def seen(self) -> NDArray[np.int64]:
        """Patients and DLTs at each dose that all endings begin with, int64[2, D]."""
        if self.after is None:
            return np.zeros((2, self.trial.levels), np.int64)
        return np.array([self.after.patients, self.after.dlts])


def mean_days(outcomes: Outcomes, what: str) -> tuple[float, float]:
    """Mean and standard deviation of days of a kind over exact outcomes that have them."""
    assert outcomes.days is not None
    means, variances = outcomes.days(what).T
    mean = float(outcomes.probability @ means)
    return mean, math.sqrt(float(outcomes.probability @ (variances + (means - mean) ** 2)))


def check_total(total: float) -> None:
    """Raise EscalationError where the probabilities of all endings do not sum to 1."""
    if not abs(total - 1) < WRONG:
        raise EscalationError(f"the probabilities of all endings sum to {total:g}: an error in this package")
