"""The optimal dose at the end of trials that look at toxicity alone, exactly and in simulated trials.

Responses do not change how such a trial goes: given the counts at an ending, those of patients without and of patients
with a DLT are binomial at each dose. So the law of the optimal dose takes one more pass over the endings, and no state
more. Where each dose has a score of its own, the probability that it is the largest is a product of distribution
functions. Where a fit looks at all doses, endings with the same patients at each dose and the same recommended dose are
decided on together, for all responses that they can have.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import special

from escalation.engines.allowance import duration
from escalation.engines.endings import Enumeration
from escalation.engines.outcomes import Outcomes
from escalation.errors import StateSpaceError
from escalation.kernels.codes import BY_RESPONSE, BY_UNIMODAL, NO_DOSE, NO_OPTIMAL_DOSE, ON_PLATEAU
from escalation.kernels.optimal import (
    add_over_responses,
    choose_by_scores,
    choose_in_trials,
    decide_on_responses,
)
from escalation.numbers import cells_of
from escalation.plans.choice import ChoicePlan
from escalation.trial.joint import JointRates

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

SORTED, SCORED = 3e-7, 3e-8
"""Seconds for which responses of patients without and with a DLT are sorted by their score, and a score is compared
with those of another dose."""

DECIDED = {BY_UNIMODAL: 2e-7, ON_PLATEAU: 3e-8}
LISTED, MULTIPLIED = 1.2e-8, 3e-9
"""Seconds for each dose, for which responses at all of them are decided on, by the rule; are listed; and have their
probability at an ending multiplied."""


@dataclass(frozen=True, eq=False)
class OptimalDoses:
    """The law of the optimal dose.

    Attributes
    ----------
    at_chosen : float64[D, C]
        Probability that a dose is chosen with so many patients and responses, by their cell.
    none : float64[3]
        Probability that none is, by the reasons of `kernels.codes.NO_OPTIMAL_DOSE`.
    """

    at_chosen: Floats
    none: Floats

    @property
    def selection(self) -> Floats:
        """Probability that each dose is chosen, float64[D]."""
        return self.at_chosen.sum(axis=1)

    @property
    def most_patients(self) -> int:
        """The most patients with whom a dose can be chosen."""
        return (math.isqrt(8 * self.at_chosen.shape[1] + 1) - 3) // 2


class ExactChoice(Protocol):
    """The choice of an optimal dose over all endings of a design's trials: what all truths share."""

    def law(self, probability: Floats, joint: JointRates) -> OptimalDoses:
        """The law under probabilities of the endings, float64[E], which follow from the DLT rates of `joint`.

        Raises StateSpaceError where it would take too long.
        """


def exact_choice(endings: Enumeration | Outcomes, plan: ChoicePlan, seconds: float) -> ExactChoice:
    """The choice over endings; raises StateSpaceError where that would take more than so many seconds, by estimate."""
    return (_ByScores if plan.looks_at_doses_apart else _OverResponses)(endings, plan, seconds)


def chosen_in_trials(outcomes: Outcomes, plan: ChoicePlan) -> NDArray[np.int16]:
    """The optimal dose of each simulated trial, int16[T]: an index, or a key of NO_OPTIMAL_DOSE."""
    assert outcomes.responses is not None
    chosen = np.empty(len(outcomes.recommended), np.int16)
    counts = outcomes.patients, outcomes.dlts, outcomes.responses
    choose_in_trials(plan.arrays, *counts, outcomes.recommended, chosen)
    return chosen


def counted(outcomes: Outcomes, chosen: NDArray[np.int16]) -> OptimalDoses:
    """The shares of simulated trials with each optimal dose."""
    assert outcomes.responses is not None
    levels, most, trials = outcomes.trial.levels, outcomes.trial.most_patients, len(chosen)
    width = (most + 1) * (most + 2) // 2
    rows = np.flatnonzero(chosen >= 0)
    dose = chosen[rows].astype(np.int64)
    n = outcomes.patients[rows, dose].astype(np.int64)
    e = outcomes.responses[rows, dose].sum(axis=1, dtype=np.int64)
    at_chosen = np.bincount(dose * width + n * (n + 1) // 2 + e, minlength=levels * width).reshape(levels, width)
    none = np.array([(chosen == reason).sum() for reason in NO_OPTIMAL_DOSE])
    return OptimalDoses(at_chosen / trials, none / trials)


def response_law(patients: int, dlts: int, without: float, with_dlt: float) -> Floats:
    """Probability of every number of responses, by those of patients without and with a DLT, float64[n - y + 1, y + 1].

    `without` and `with_dlt` are the response rates of both.
    """
    return np.outer(_binomial(patients - dlts, without), _binomial(dlts, with_dlt))


def summed(law: Floats) -> Floats:
    """Probability of every number of responses in all, float64[n + 1], from that of both parts."""
    well, ill = np.indices(law.shape)
    return np.asarray(np.bincount((well + ill).ravel(), weights=law.ravel()), np.float64)


def _binomial(trials: int, rate: float) -> Floats:
    seen = np.arange(trials + 1)
    return np.asarray(special.comb(trials, seen) * rate**seen * (1 - rate) ** (trials - seen), np.float64)


def _nothing(outcomes: Enumeration | Outcomes) -> OptimalDoses:
    most = outcomes.trial.most_patients
    cells = (most + 1) * (most + 2) // 2
    return OptimalDoses(np.zeros((outcomes.trial.levels, cells)), np.zeros(len(NO_OPTIMAL_DOSE)))


class _Scores(NamedTuple):
    """What a dose can score with given counts, increasing, K scores; equal ones are apart by their responses."""

    scores: Floats
    responses: Whole
    futile: NDArray[np.bool_]
    order: Whole  # of the responses of patients without and with a DLT, by their score
    starts: Whole  # int64[K], where in that order each score begins


def _scores(plan: ChoicePlan, patients: int, dlts: int) -> _Scores:
    well, ill = (part.ravel() for part in np.indices((patients - dlts + 1, dlts + 1)))
    none, eff, tox, both = plan.utilities
    worth = eff * well + none * (patients - dlts - well) + both * ill + tox * (dlts - ill)
    responses = well + ill
    scores = np.asarray(responses / patients if plan.rule == BY_RESPONSE else (100 + worth) / (2 + patients))
    order = np.lexsort((responses, scores))
    scores, responses = scores[order], responses[order]
    starts = np.flatnonzero(np.append(True, (np.diff(scores) > 0) | (np.diff(responses) > 0)))
    return _Scores(scores[starts], responses[starts], plan.futile[patients, responses[starts]], order, starts)


class _ByScores:
    """Where each dose has a score of its own."""

    def __init__(self, endings: Enumeration | Outcomes, plan: ChoicePlan, seconds: float) -> None:
        self.endings, levels, cells = endings, endings.trial.levels, cells_of(endings.trial.most_patients)
        n, y = endings.patients.astype(np.int64), endings.dlts.astype(np.int64)
        candidate = (n > 0) & (np.arange(levels) <= endings.recommended[:, None])
        cell = n * (n + 1) // 2 + y
        self.kinds = [np.unique(cell[candidate[:, dose], dose]) for dose in range(levels)]
        every = np.unique(np.concatenate(self.kinds))
        pairs = int(((cells[0, every] - cells[1, every] + 1).astype(np.int64) * (cells[1, every] + 1)).sum())
        _refuse(SORTED * pairs * levels, seconds, f"{pairs:,} pairs of responses without and with a DLT")
        self.known = {int(code): _scores(plan, *cells[:, code].tolist()) for code in every}
        self.slots, counts, laws = np.zeros(n.shape, np.int64), np.zeros(n.shape, np.int64), 0
        for dose, kind in enumerate(self.kinds):
            here = np.flatnonzero(candidate[:, dose])
            place = np.searchsorted(kind, cell[here, dose])
            self.slots[here, dose] = laws + place
            counts[here, dose] = np.array([len(self.known[int(code)].scores) for code in kind], np.int64)[place]
            laws += len(kind)
        compared = float((counts.sum(axis=1) * candidate.sum(axis=1)).sum())
        _refuse(SCORED * compared, seconds, f"{counts.sum():,} scores at its endings")

    def law(self, probability: Floats, joint: JointRates) -> OptimalDoses:
        """The products of distribution functions, over all endings."""
        cells, laws = cells_of(self.endings.trial.most_patients), []
        for dose, kind in enumerate(self.kinds):
            rates = float(joint.response_given_no_dlt[dose]), float(joint.response_given_dlt[dose])
            for code in kind:
                patients, dlts = cells[:, code].tolist()
                laws.append(_law(self.known[int(code)], response_law(patients, dlts, *rates)))
        result = _nothing(self.endings)
        told = self.endings.patients, self.endings.recommended, probability, self.slots
        choose_by_scores(*told, _in_rows(laws), result.at_chosen, result.none)
        return result


def _law(found: _Scores, law: Floats) -> tuple[Floats, Floats, Whole, Floats]:
    """Scores of what is not futile, their probabilities, their responses, and the sums of the probabilities."""
    mass = np.add.reduceat(law.ravel()[found.order], found.starts)
    kept = ~found.futile
    sums = np.cumsum([mass[found.futile].sum(), *mass[kept]])
    return found.scores[kept], mass[kept], found.responses[kept], sums


def _in_rows(laws: list[tuple[Floats, Floats, Whole, Floats]]) -> tuple[Whole, Whole, Floats, Floats, Whole, Floats]:
    """Laws one after the other; see `kernels.optimal.choose_by_scores`."""
    counts = np.array([len(law[0]) for law in laws], np.int64)
    scores, mass, responses, sums = (
        ([np.empty(0), *part] for part in zip(*laws, strict=True)) if laws else [[_NONE]] * 4
    )
    whole = np.concatenate(responses).astype(np.int64)
    return np.cumsum(counts) - counts, counts, np.concatenate(scores), np.concatenate(mass), whole, np.concatenate(sums)


_NONE = np.empty(0)


class _OverResponses:
    """Where a fit looks at all doses: decided for all responses of endings with the same patients and RP2D at once."""

    def __init__(self, endings: Enumeration | Outcomes, plan: ChoicePlan, seconds: float) -> None:
        self.endings, self.seconds, levels = endings, seconds, endings.trial.levels
        self.rows = np.flatnonzero(endings.recommended != NO_DOSE)
        patients, highest = endings.patients[self.rows].astype(np.int64), endings.recommended[self.rows]
        groups, group = np.unique(np.column_stack([patients, highest]), axis=0, return_inverse=True)
        self.patients, self.group = np.ascontiguousarray(groups[:, :levels]), group.ravel()
        self.vectors = np.prod(self.patients + 1.0, axis=1)
        what = f"{self.vectors.sum():,.0f} vectors of responses"
        _refuse(DECIDED[plan.rule] * levels * float(self.vectors.sum()), seconds, what)
        self.chosen = np.empty(int(self.vectors.sum()), np.int8)
        decide_on_responses(plan.arrays, self.patients, np.ascontiguousarray(groups[:, levels]), self.chosen)

    def law(self, probability: Floats, joint: JointRates) -> OptimalDoses:
        """The probabilities of all responses, group by group."""
        rates = joint.response_given_no_dlt, joint.response_given_dlt
        y = self.endings.dlts[self.rows].astype(np.int64)
        y[:, rates[0] == rates[1]] = 0  # with the same rate it does not matter who has had a DLT
        alike, place = np.unique(np.column_stack([self.group, y]), axis=0, return_inverse=True)
        weight = np.bincount(place.ravel(), weights=probability[self.rows], minlength=len(alike))
        starts = np.searchsorted(alike[:, 0], np.arange(len(self.patients) + 1))
        work = y.shape[1] * float((self.vectors * (LISTED + MULTIPLIED * np.diff(starts))).sum())
        _refuse(work, self.seconds, f"{(self.vectors * np.diff(starts)).sum():,.0f} responses and DLTs at its endings")
        result = _nothing(self.endings)
        result.none[0] = probability[self.endings.recommended == NO_DOSE].sum()
        told = _masses(self.patients[alike[:, 0]], alike[:, 1:], rates)
        add_over_responses(self.chosen, self.patients, starts, told[0], weight, told[1], result.at_chosen, result.none)
        return result


def _masses(n: Whole, y: Whole, rates: tuple[Floats, Floats]) -> tuple[Whole, Floats]:
    """Where the law of the responses of each ending and dose begins, int64[E, D], and all laws in a row."""
    places, parts, taken = np.empty(n.shape, np.int64), [], 0
    for dose in range(n.shape[1]):
        cells, place = np.unique(np.stack([n[:, dose], y[:, dose]], axis=1), axis=0, return_inverse=True)
        begins = []
        for patients, dlts in cells.tolist():
            begins.append(taken)
            parts.append(summed(response_law(patients, dlts, float(rates[0][dose]), float(rates[1][dose]))))
            taken += patients + 1
        places[:, dose] = np.array(begins, np.int64)[place.ravel()]
    return places, np.concatenate(parts) if parts else np.empty(0)


def _refuse(work: float, seconds: float, what: str) -> None:
    if work > seconds:
        raise StateSpaceError(
            f"the optimal dose follows from {what}: about {duration(work)}, where {duration(seconds)} are allowed; "
            "fewer patients or doses have fewer, a higher --max-seconds (in Python max_seconds) allows more"
        )
