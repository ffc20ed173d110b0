"""The laws of what can be counted in a trial: the probability of every number of patients, DLTs, and so on.

Outcomes are listed once, by one compiled pass; every operating characteristic, its Monte Carlo standard error, and the
comparison of simulated with exact outcomes is worked out from the laws.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from escalation.engines.outcomes import Outcomes
from escalation.errors import DesignError
from escalation.kernels import codes
from escalation.kernels.distributions import tally
from escalation.kernels.layout import LawArrays
from escalation.numbers import is_whole

Floats = NDArray[np.float64]

TOXIC = (codes.TOO_TOXIC, codes.DOSE_TOO_TOXIC, codes.EXPANSION_STOPPED)
"""Reasons for which a trial stops as too toxic, by its dose escalation or by the monitoring of its expansion."""

ENOUGH = (codes.ENOUGH_AT_DOSE, codes.STOPPING_RULE)
"""Reasons for which a trial stops because it knows enough."""

EARLY = (*TOXIC, *ENOUGH, codes.FUTILITY)
"""Reasons for which a trial stops early."""


class Law(NamedTuple):
    """The law of one quantity of single trials."""

    values: Floats  # float64[...]; they may repeat
    probability: Floats  # of the same shape

    @property
    def mean(self) -> float:
        """The expectation."""
        return float(np.sum(self.probability * self.values))

    @property
    def sd(self) -> float:
        """The standard deviation between trials."""
        return float(np.sqrt(np.sum(self.probability * (self.values - self.mean) ** 2)))

    @property
    def possible(self) -> Floats:
        """The values that have a probability."""
        return self.values[self.probability > 0]


@dataclass(frozen=True, eq=False)
class Laws:
    """The laws of outcomes under one truth."""

    outcomes: Outcomes
    correct: tuple[int, ...]  # the correct doses, as indices from 0
    arrays: LawArrays

    @property
    def counts(self) -> Floats:
        """The values of every count, float64[N + 1]."""
        return np.arange(len(self.arrays.at_correct), dtype=np.float64)

    @property
    def sample_size(self) -> Floats:
        """Probability of every number of patients, float64[N + 1]."""
        return self.arrays.size_dlts.sum(axis=1)

    @property
    def total_dlts(self) -> Floats:
        """Probability of every number of DLTs, float64[N + 1]."""
        return self.arrays.size_dlts.sum(axis=0)

    @property
    def above_target(self) -> Floats:
        """Probability of every number of patients at doses whose true rate exceeds the target, float64[N + 1]."""
        return self.arrays.size_above.sum(axis=0)

    @property
    def rates(self) -> Floats:
        """The DLT rate of a trial, by its patients and DLTs, float64[N + 1, N + 1]; 0 where there is none."""
        sizes = self.counts[:, None]
        return np.divide(self.counts, sizes, out=np.zeros((len(sizes), len(sizes))), where=sizes > 0)

    @property
    def pcs(self) -> float:
        """Probability of correct selection."""
        places = [dose + 1 for dose in self.correct] or [0]
        return _at_most_1(self.arrays.recommended[places].sum())

    def overdosing(self, fifths: int) -> float:
        """Probability that more than so many fifths of a trial's patients were at doses above the target."""
        return _at_most_1(self.arrays.size_above[5 * self.counts > fifths * self.counts[:, None]].sum())

    @property
    def poor_allocation(self) -> float | None:
        """Probability of fewer than max_patients / doses patients at correct doses; None when none is correct."""
        if not self.correct:
            return None
        trial = self.outcomes.trial
        return _at_most_1(self.arrays.at_correct[self.counts * trial.levels < trial.max_patients].sum())

    @property
    def early_stop(self) -> float:
        """Probability that the trial stopped early."""
        return self._stopped(EARLY)

    @property
    def stop_toxic(self) -> float:
        """Probability that the trial stopped early as too toxic."""
        return self._stopped(TOXIC)

    @property
    def stop_enough(self) -> float:
        """Probability that the trial stopped early for another reason."""
        return self._stopped(ENOUGH)

    def _stopped(self, reasons: tuple[int, ...]) -> float:
        return _at_most_1(self.arrays.reason[list(reasons)].sum())

    def by_quantity(self) -> dict[str, Law]:
        """The law of each quantity of single trials whose mean is an operating characteristic, by name.

        Doses are numbered from 1.
        """
        arrays, counts = self.arrays, self.counts
        doses = range(self.outcomes.trial.levels)
        laws = {f"selection.{d + 1}": event(arrays.recommended[d + 1]) for d in doses}
        laws["no_selection"] = event(arrays.recommended[0])
        laws["pcs"] = event(self.pcs)
        laws |= {f"patients.{d + 1}": Law(counts, arrays.patients[d]) for d in doses}
        laws |= {f"dlts.{d + 1}": Law(counts, arrays.dlts[d]) for d in doses}
        laws["sample_size"] = Law(counts, self.sample_size)
        laws["total_dlts"] = Law(counts, self.total_dlts)
        laws["mean_of_rates"] = Law(self.rates, arrays.size_dlts)
        laws["above_target"] = Law(counts, self.above_target)
        laws["overdosing_60"] = event(self.overdosing(3))
        laws["overdosing_80"] = event(self.overdosing(4))
        if self.poor_allocation is not None:
            laws["poor_allocation"] = event(self.poor_allocation)
        laws["early_stop"] = event(self.early_stop)
        laws["stop_toxic"] = event(self.stop_toxic)
        laws["stop_enough"] = event(self.stop_enough)
        reasons = reason_names(self.outcomes)
        laws |= {f"stop_reasons.{name}": event(arrays.reason[code]) for code, name in reasons.items()}
        if self.outcomes.declared is not None:
            laws |= {f"declared.{d + 1}": event(arrays.declared[d + 1]) for d in doses}
            laws["none_declared"] = event(arrays.declared[0])
        return laws


def reason_names(outcomes: Outcomes) -> dict[int, str]:
    """Why trials may end, by name: for futility where a design decides by responses alone."""
    names = codes.REASON_NAMES
    return {code: name for code, name in names.items() if code != codes.FUTILITY or outcomes.decides_by_responses}


def _at_most_1(probability: float) -> float:
    """A sum of probabilities, which rounding may have left above 1."""
    return min(float(probability), 1.0)


def event(probability: float) -> Law:
    """The law of an event: 1 when it happens, else 0."""
    return Law(np.array([0.0, 1.0]), np.array([max(0.0, 1 - probability), probability]))


def laws_of(outcomes: Outcomes, correct: Sequence[int]) -> Laws:
    """The laws of outcomes, whichever engine made them; `correct` are dose levels from 1.

    Raises DesignError for a dose level that the trial does not have, or an ending that it cannot have.
    """
    levels, most = outcomes.trial.levels, outcomes.trial.most_patients
    if isinstance(correct, str | int) or not all(is_whole(dose) and 1 <= dose <= levels for dose in correct):
        raise DesignError(f"correct: {correct!r} should be a list of dose levels from 1 to {levels}")
    is_correct = np.zeros(levels, np.bool_)
    is_correct[[dose - 1 for dose in correct]] = True
    arrays = LawArrays(
        patients=np.zeros((levels, most + 1)),
        dlts=np.zeros((levels, most + 1)),
        size_dlts=np.zeros((most + 1, most + 1)),
        size_above=np.zeros((most + 1, most + 1)),
        at_correct=np.zeros(most + 1),
        recommended=np.zeros(levels + 1),
        declared=np.zeros(levels + 1),
        reason=np.zeros(codes.REASONS + 1),
        at_recommended=np.zeros((levels, (most + 1) * (most + 2) // 2)),
    )
    # Of trials that count alike whole numbers are added up: 1 / trials is rounded, and so would be every sum of it.
    alike = outcomes.trials == len(outcomes.probability)
    declared = outcomes.recommended if outcomes.declared is None else outcomes.declared
    impossible = tally(
        _read_only(outcomes.patients),
        _read_only(outcomes.dlts),
        _read_only(outcomes.recommended),
        _read_only(declared),
        _read_only(outcomes.reason),
        _read_only(np.ones(len(outcomes.probability)) if alike else outcomes.probability),
        outcomes.rates > outcomes.trial.target + codes.SLACK,
        is_correct,
        arrays,
    )
    if impossible >= 0:
        raise DesignError(
            f"outcomes: ending {impossible + 1} is none that the trial can have: patients "
            f"{outcomes.patients[impossible].tolist()}, DLTs {outcomes.dlts[impossible].tolist()}, recommended index "
            f"{outcomes.recommended[impossible]}, reason {outcomes.reason[impossible]}"
        )
    if alike:
        for part in arrays:
            np.divide(part, len(outcomes.probability), out=part)
    return Laws(outcomes, tuple(np.flatnonzero(is_correct).tolist()), arrays)


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    """Exact outcomes share arrays that are read-only, simulated ones do not: to a kernel these are different types."""
    view = array.view()
    view.flags.writeable = False
    return view


def trial_quantities(outcomes: Outcomes, correct: Sequence[int]) -> dict[str, NDArray[Any]]:
    """What designs are compared by, of every single trial: trials on the same patients differ by these.

    By the names of `Laws.by_quantity`: int64[E], or bool[E] where the mean is a probability.
    """
    return {
        "pcs": np.isin(outcomes.recommended, [dose - 1 for dose in correct] or [codes.NO_DOSE]),
        "above_target": outcomes.patients[:, outcomes.rates > outcomes.trial.target + codes.SLACK].sum(
            axis=1, dtype=np.int64
        ),
        "sample_size": outcomes.patients.sum(axis=1, dtype=np.int64),
        "total_dlts": outcomes.dlts.sum(axis=1, dtype=np.int64),
        "stop_toxic": np.isin(outcomes.reason, TOXIC),
    }
