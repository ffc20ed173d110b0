"""Exact means of a design's trials under many truths.

`one_truth` answers everything about one truth. Here thousands of truths are asked for what can be compared: the
probabilities of events and the mean counts. One compiled pass over the endings a truth, and nothing is kept of them.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from escalation.characteristics.distributions import EARLY, ENOUGH, TOXIC
from escalation.characteristics.many_responses import ResponseMeans, response_means_of
from escalation.engines.endings import Enumeration, check_total
from escalation.engines.outcomes import DURATION, Outcomes
from escalation.errors import DesignError, StateSpaceError
from escalation.kernels.codes import NO_DOSE, SLACK
from escalation.kernels.many_truths import expected_counts
from escalation.numbers import cells_of
from escalation.plans.clock import evaluated_rates
from escalation.trial.joint import JointRates
from escalation.trial.rates import are_correct, check_truths
from escalation.trial.trial import Trial

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

STOPS = 3
"""Classes of endings: not early, with enough known, and as too toxic."""

NO_DAYS = np.empty(0)
"""Of endings whose days are not wanted."""

EXCESSES = 3
"""Classes of overdosing: up to 60 % of a trial's patients at doses above the target, up to 80 %, and more.

Each is divided by whether more than 60 % are at doses above the MTD.
"""


@dataclass(frozen=True, eq=False)
class Expectations:
    """Exact means of a design's trials, of T truths.

    The names mean what they mean in `OperatingCharacteristics`; `overdosing` is new.
    """

    trial: Trial  # as the design runs it: with the design's own expansion, if it has one
    rates: Floats  # float64[T, D]
    correct: Flags  # bool[T, D], the correct doses; none in a row without any
    selection: Floats  # float64[T, D]
    no_selection: Floats  # float64[T]
    patients: Floats  # float64[T, D]
    dlts: Floats
    overdosing_60: Floats  # float64[T]
    overdosing_80: Floats
    early_stop: Floats
    stop_toxic: Floats
    stop_enough: Floats
    # float64[T], probability that more than 60 % of a trial's patients are at doses above the MTD: those whose rate
    # exceeds the target, but for a correct one. Where no dose is correct every patient is.
    overdosing: Floats
    duration: Floats  # float64[T], mean days; NaN where they were not asked for, or are not known for many truths
    responses: ResponseMeans | None = None  # where the truths have responses, and they were asked for

    @property
    def pcs(self) -> Floats:
        """Probability of correct selection, float64[T]: of a correct dose, or of none when no dose is correct."""
        right: Floats = np.where(self.correct, self.selection, 0.0).sum(axis=1)
        return np.where(self.correct.any(axis=1), np.minimum(right, 1.0), self.no_selection)

    @property
    def sample_size(self) -> Floats:
        """Mean number of patients, float64[T]."""
        return self.patients.sum(axis=1)

    @property
    def total_dlts(self) -> Floats:
        """Mean number of DLTs, float64[T]."""
        return self.dlts.sum(axis=1)

    @property
    def dlt_rate(self) -> Floats:
        """E[DLTs] / E[patients], float64[T]."""
        return self.total_dlts / self.sample_size

    @property
    def share_above_target(self) -> Floats:
        """E[patients at doses whose true rate exceeds the target] / E[patients], float64[T]."""
        above: Floats = np.where(self.rates > self.trial.target + SLACK, self.patients, 0.0).sum(axis=1)
        return above / self.sample_size

    @property
    def above_mtd(self) -> Floats:
        """`share_above_target` under an older name, which says MTD and means the target."""
        return self.share_above_target

    def by_quantity(self) -> dict[str, Floats]:
        """Every quantity by name, float64[T] each; doses are numbered from 1. With a calendar there is a duration."""
        doses, share_above = range(self.trial.levels), self.share_above_target
        return {
            "pcs": self.pcs,
            **{f"selection.{d + 1}": self.selection[:, d] for d in doses},
            "no_selection": self.no_selection,
            "sample_size": self.sample_size,
            **{f"patients.{d + 1}": self.patients[:, d] for d in doses},
            "total_dlts": self.total_dlts,
            **{f"dlts.{d + 1}": self.dlts[:, d] for d in doses},
            "dlt_rate": self.dlt_rate,
            "above_mtd": share_above,
            "share_above_target": share_above,
            "overdosing": self.overdosing,
            "overdosing_60": self.overdosing_60,
            "overdosing_80": self.overdosing_80,
            "early_stop": self.early_stop,
            "stop_toxic": self.stop_toxic,
            "stop_enough": self.stop_enough,
            **({} if self.trial.time is None else {"duration": self.duration}),
            **({} if self.responses is None else self.responses.by_quantity()),
        }


def expectations(
    endings: Enumeration, rates: ArrayLike, correct: ArrayLike | None = None, *, timed: bool = False
) -> Expectations:
    """Exact means under T truths, whose true DLT rates are float[T, D].

    The correct doses, bool[T, D], are by default those whose true rate is closest to the target, none when even the
    lowest rate exceeds it by more than 0.10. `timed` asks for mean durations, too, which take another enumeration; they
    are known where the trial has a calendar whose days can be worked out, and do not depend on the truth. Raises
    DesignError unless there is one rate in [0, 1], and one `correct`, for each dose level of each truth;
    EscalationError where the probabilities of all endings do not sum to 1.

    >>> from escalation import BOIN, Trial, exact
    >>> trial = Trial(doses=[50, 150, 300, 600], target=0.25, max_patients=36)
    >>> found = expectations(exact(BOIN(), trial), [[0.05, 0.12, 0.25, 0.40], [0.25, 0.40, 0.50, 0.60]])
    >>> found.pcs.round(4)
    array([0.6035, 0.7074])
    """
    trial = endings.trial
    true_rates = check_truths(rates, trial)
    right = are_correct(true_rates, trial.target) if correct is None else np.asarray(correct)
    if right.shape != true_rates.shape or right.dtype != np.bool_:
        raise DesignError("correct: should be true or false for each dose level of each truth")
    truths, levels = true_rates.shape
    shares = np.empty((truths, (levels + 1) * STOPS * EXCESSES * 2))
    patients, dlts = np.empty((truths, levels)), np.empty((truths, levels))
    seen_rates = evaluated_rates(true_rates, trial)
    above_target = true_rates > trial.target + SLACK
    days, duration = mean_days_of(endings) if timed else NO_DAYS, np.full(truths, np.nan)
    for chosen, above, above_mtd in _alike(above_target, above_target & ~right):
        part = (
            np.empty((len(chosen), shares.shape[1])),
            np.empty((len(chosen), levels)),
            np.empty((len(chosen), levels)),
            np.empty(len(chosen)),
        )
        expected_counts(
            endings.tree,
            endings.sequences,
            cells_of(trial.most_patients),
            _classes(endings, above, above_mtd),
            endings.seen,
            days,
            seen_rates[chosen],
            *part,
        )
        shares[chosen], patients[chosen], dlts[chosen] = part[:3]
        if len(days):
            duration[chosen] = part[3]
    for total in shares.sum(axis=1).tolist():
        check_total(total)
    shares = shares.reshape(truths, levels + 1, STOPS, EXCESSES, 2)
    # Rounding may leave a sum of probabilities above 1.
    selection = np.minimum(shares.sum(axis=(2, 3, 4)), 1.0)
    excess = shares.sum(axis=(1, 2, 4))
    return Expectations(
        trial=trial,
        rates=true_rates,
        correct=right,
        selection=selection[:, 1:],
        no_selection=selection[:, 0],
        patients=patients,
        dlts=dlts,
        overdosing_60=np.minimum(excess[:, 1] + excess[:, 2], 1.0),
        overdosing_80=np.minimum(excess[:, 2], 1.0),
        early_stop=np.minimum(shares[:, :, 1:].sum(axis=(1, 2, 3, 4)), 1.0),
        stop_toxic=np.minimum(shares[:, :, 2].sum(axis=(1, 2, 3)), 1.0),
        stop_enough=np.minimum(shares[:, :, 1].sum(axis=(1, 2, 3)), 1.0),
        overdosing=np.minimum(shares[..., 1].sum(axis=(1, 2, 3)), 1.0),
        duration=duration,
    )


def expectations_of(
    outcomes: Sequence[Outcomes], joint: JointRates, obd: NDArray[np.int64], correct: Flags
) -> Expectations:
    """The same of a design that decides by responses, by its exact outcomes under each of T truths; with responses."""
    trial, truths = outcomes[0].trial, len(outcomes)
    selection, patients, dlts = np.empty((3, truths, trial.levels))
    events = np.empty((7, truths))
    for at, one in enumerate(outcomes):
        p, above = one.probability, joint.dlt[at] > trial.target + SLACK
        size = one.patients.sum(axis=1, dtype=np.int64)
        over, beyond = (one.patients[:, doses].sum(axis=1, dtype=np.int64) for doses in (above, above & ~correct[at]))
        chosen = one.recommended[:, None] == np.arange(trial.levels)
        selection[at], patients[at], dlts[at] = p @ chosen, p @ one.patients, p @ one.dlts
        early = (np.isin(one.reason, reasons) for reasons in (EARLY, TOXIC, ENOUGH))
        holds = one.recommended == NO_DOSE, 5 * over > 3 * size, 5 * over > 4 * size, 5 * beyond > 3 * size, *early
        events[:, at] = [p @ one_holds for one_holds in holds]
    none, over_60, over_80, overdosing, stopped, toxic, enough = np.minimum(events, 1.0)
    return Expectations(
        trial=trial,
        rates=joint.dlt,
        correct=correct,
        selection=np.minimum(selection, 1.0),
        no_selection=none,
        patients=patients,
        dlts=dlts,
        overdosing_60=over_60,
        overdosing_80=over_80,
        early_stop=stopped,
        stop_toxic=toxic,
        stop_enough=enough,
        overdosing=overdosing,
        duration=np.full(truths, np.nan),
        responses=response_means_of(outcomes, joint, obd, correct),
    )


def mean_days_of(endings: Enumeration) -> Floats:
    """The mean duration at each ending, float64[E], where it is known and does not depend on the truth; else none."""
    calendar = endings.trial.time
    if calendar is not None and endings.days is not None and not calendar.onset.depends_on_rate:
        with suppress(StateSpaceError):  # with their days there may be too many states
            return np.ascontiguousarray(endings.days(DURATION, np.zeros(endings.trial.levels))[:, 0])
    return NO_DAYS


def _alike(above: Flags, above_mtd: Flags) -> Iterator[tuple[NDArray[np.int64], Flags, Flags]]:
    """Truths that agree in which doses are above the target, and the MTD: their numbers, and these doses, bool[D]."""
    patterns, number = np.unique(np.stack([above, above_mtd], axis=1), axis=0, return_inverse=True)
    for place, (doses, doses_above_mtd) in enumerate(patterns):
        yield np.flatnonzero(number.reshape(-1) == place), doses, doses_above_mtd


def _classes(endings: Enumeration, above: Flags, above_mtd: Flags) -> NDArray[np.int16]:
    """Endings by the recommended dose (none first), how they stop early, and overdosing, int16[E]."""
    size = endings.patients.sum(axis=1, dtype=np.int64)
    overdosed, beyond = (endings.patients[:, doses].sum(axis=1, dtype=np.int64) for doses in (above, above_mtd))
    excess = (5 * overdosed > 3 * size).astype(np.int64) + (5 * overdosed > 4 * size)
    stop = np.isin(endings.reason, ENOUGH) + 2 * np.isin(endings.reason, TOXIC)
    classes = (((endings.recommended + 1) * STOPS + stop) * EXCESSES + excess) * 2 + (5 * beyond > 3 * size)
    return classes.astype(np.int16)
