"""The optimal dose at the end of trials that look at toxicity alone, exactly and in simulated trials.

Responses do not change how such a trial goes: given the counts at an ending, those of patients without and of patients
with a DLT are binomial at each dose. So the law of the optimal dose takes one more pass over the endings, and no state
more. Given the data of a running trial, responses that are known are part of it, and those of all others binomial.
Where each dose has a score of its own, the probability that it is the largest is a product of distribution functions.
Where a fit looks at all doses, endings with the same patients at each dose and the same recommended dose are decided on
together, for all responses that they can have.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from scipy import special

from escalation.engines.allowance import duration
from escalation.engines.endings import Enumeration
from escalation.engines.outcomes import OptimalDoses, Outcomes
from escalation.errors import OutcomesError, StateSpaceError
from escalation.kernels.codes import BY_RESPONSE, BY_UNIMODAL, NO_DOSE, NO_OPTIMAL_DOSE, ON_PLATEAU
from escalation.kernels.optimal import (
    add_over_responses,
    choose_by_scores,
    choose_in_trials,
    decide_on_responses,
)
from escalation.numbers import cells_of
from escalation.plans.choice import ChoicePlan
from escalation.trial.data import NO_RESPONSES, InterimData
from escalation.trial.joint import JointRates
from escalation.trial.trial import Trial

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

AT_ONCE = 64
"""Truths that are gone through together: what is looked up for one is looked up for all."""

MOST_AT_ONCE = 4_000_000
"""Probabilities that are held for them: of endings, or of patients and responses at the chosen dose."""

SORTED, WEIGHED = 3e-7, 2e-8
"""Seconds for which responses of patients without and with a DLT are sorted by their score, once for all truths, and
for which each truth gives them a probability."""

SCORED = 5e-9
"""Seconds for which a score is looked up among those of another dose, for all truths that are gone through together."""

DECIDED = {BY_UNIMODAL: 2e-7, ON_PLATEAU: 3e-8}
LISTED, LOOKED_UP = 3e-9, 3e-9
"""Seconds for each dose, for which responses at all of them are decided on, by the rule; for each dose, for which they
are listed; and for which their probability at an ending is looked up; the last two for truths that go together."""

MULTIPLIED = 7e-10
"""Seconds for which a probability is multiplied."""


class ExactChoice(Protocol):
    """The choice of an optimal dose over all endings of a design's trials: what all truths share."""

    def laws(self, probability: Floats, joint: JointRates) -> OptimalDoses:
        """The laws under probabilities of the endings, float64[E, T], which follow from the DLT rates of `joint`.

        Raises StateSpaceError where they would take too long.
        """

    def law(self, probability: Floats, joint: JointRates) -> OptimalDoses:
        """The law under one truth, likewise."""
        found = self.laws(probability[:, None], JointRates.stacked([joint]))
        return OptimalDoses(found.at_chosen[0], found.none[0])


def at_once(endings: Enumeration | Outcomes) -> int:
    """How many truths to go through together."""
    held = max(len(endings.recommended), endings.trial.levels * _cells(endings.trial))
    return max(1, min(AT_ONCE, MOST_AT_ONCE // held))


def _cells(trial: Trial) -> int:
    """Possible patients and responses at a dose."""
    return (trial.most_patients + 1) * (trial.most_patients + 2) // 2


def exact_choice(endings: Enumeration | Outcomes, plan: ChoicePlan, seconds: float, truths: int = 1) -> ExactChoice:
    """The choice over endings, for so many truths.

    Raises StateSpaceError where it would take more seconds under all of them, by estimate.
    """
    return (_ByScores if plan.looks_at_doses_apart else _OverResponses)(endings, plan, seconds, truths)


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
    levels, width, trials = outcomes.trial.levels, _cells(outcomes.trial), len(chosen)
    rows = np.flatnonzero(chosen >= 0)
    dose = chosen[rows].astype(np.int64)
    n = outcomes.patients[rows, dose].astype(np.int64)
    e = outcomes.responses[rows, dose].sum(axis=1, dtype=np.int64)
    at_chosen = np.bincount(dose * width + n * (n + 1) // 2 + e, minlength=levels * width).reshape(levels, width)
    none = np.array([(chosen == reason).sum() for reason in NO_OPTIMAL_DOSE])
    return OptimalDoses(at_chosen / trials, none / trials)


@dataclass(frozen=True, eq=False)
class ResponseLaws:
    """The laws of responses, given the counts at an ending and the data that all endings begin with.

    Attributes
    ----------
    rates : float64[2, D], or float64[2, D, T] of T truths
        P(response | no DLT) and P(response | DLT) at each dose.
    known, responses : int64[2, D]
        Of patients without and with a DLT, those whose response is known, and their responses. All others respond or do
        not, each on their own.
    """

    rates: Floats
    known: Whole
    responses: Whole

    @classmethod
    def of(cls, joint: JointRates, after: InterimData | None) -> Self:
        """The laws under a truth; OutcomesError where the data of a running trial say nothing of responses."""
        rates = np.stack([joint.response_given_no_dlt.T, joint.response_given_dlt.T])
        if after is None:
            return cls(rates, *np.zeros((2, *rates.shape[:2]), np.int64))
        if after.complete is None:
            raise OutcomesError(f"outcomes: {NO_RESPONSES}")
        none, eff, tox, both = np.array(after.complete, np.int64).T
        return cls(rates, np.stack([none + eff, tox + both]), np.stack([eff, both]))

    @property
    def alike(self) -> NDArray[np.bool_]:
        """At which doses it does not matter who has had a DLT, bool[D]."""
        # Rounding apart, as in a quotient of a product.
        alike = np.isclose(self.rates[0], self.rates[1], rtol=1e-14, atol=0.0)
        return np.asarray(alike.reshape(len(alike), -1).all(axis=1))

    def pooled(self) -> Self:
        """The same where at these doses everybody counts as without a DLT."""
        known, responses = (
            np.where(self.alike, np.stack([counts.sum(axis=0), np.zeros_like(counts[0])]), counts)
            for counts in (self.known, self.responses)
        )
        return replace(self, known=known, responses=responses)

    def at(self, dose: int, patients: int, dlts: int) -> Floats:
        """Probability of every number of responses at a dose, of patients without and with a DLT, by these counts.

        float64[n - y + 1, y + 1], of T truths with another axis, the last.
        """
        well, ill = self._of(0, dose, patients - dlts), self._of(1, dose, dlts)
        return np.asarray(well[:, None] * ill[None, :])

    def _of(self, kind: int, dose: int, patients: int) -> Floats:
        """Probability of every number of responses of patients without (0) or with (1) a DLT, float64[n + 1, ...]."""
        rate, known, first = np.asarray(self.rates[kind, dose]), self.known[kind, dose], self.responses[kind, dose]
        found, others = np.zeros((patients + 1, *rate.shape)), patients - known
        found[first : first + others + 1] = _binomial(int(others), rate)
        return found


def summed(law: Floats) -> Floats:
    """Probability of every number of responses in all, float64[n + 1, ...], from that of both parts."""
    well, ill = law.shape[:2]
    result = np.zeros((well + ill - 1, *law.shape[2:]))
    for responses in range(ill):
        result[responses : responses + well] += law[:, responses]
    return result


def _binomial(trials: int, rate: Floats) -> Floats:
    seen = np.arange(trials + 1).reshape(-1, *[1] * rate.ndim)
    return np.asarray(special.comb(trials, seen) * rate**seen * (1 - rate) ** (trials - seen), np.float64)


def _nothing(outcomes: Enumeration | Outcomes, truths: int) -> tuple[Floats, Floats]:
    """Room for the law of the optimal dose, as the kernels have it: the truths last."""
    shape = outcomes.trial.levels, _cells(outcomes.trial), truths
    return np.zeros(shape), np.zeros((len(NO_OPTIMAL_DOSE), truths))


def _by_truth(at_chosen: Floats, none: Floats) -> OptimalDoses:
    return OptimalDoses(np.moveaxis(at_chosen, -1, 0), none.T)


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


class _ByScores(ExactChoice):
    """Where each dose has a score of its own."""

    def __init__(self, endings: Enumeration | Outcomes, plan: ChoicePlan, seconds: float, truths: int) -> None:
        self.endings, levels, cells = endings, endings.trial.levels, cells_of(endings.trial.most_patients)
        n, y = endings.patients.astype(np.int64), endings.dlts.astype(np.int64)
        candidate = (n > 0) & (np.arange(levels) <= endings.recommended[:, None])
        cell = n * (n + 1) // 2 + y
        self.kinds = [np.unique(cell[candidate[:, dose], dose]) for dose in range(levels)]
        every = np.unique(np.concatenate(self.kinds))
        pairs = int(((cells[0, every] - cells[1, every] + 1).astype(np.int64) * (cells[1, every] + 1)).sum())
        sorting = SORTED * pairs * levels
        _refuse(sorting, seconds, f"{pairs:,} pairs of responses without and with a DLT")
        self.known = {int(code): _scores(plan, *cells[:, code].tolist()) for code in every}
        self.slots, counts, laws = np.zeros(n.shape, np.int64), np.zeros(n.shape, np.int64), 0
        for dose, kind in enumerate(self.kinds):
            here = np.flatnonzero(candidate[:, dose])
            place = np.searchsorted(kind, cell[here, dose])
            self.slots[here, dose] = laws + place
            counts[here, dose] = np.array([len(self.known[int(code)].scores) for code in kind], np.int64)[place]
            laws += len(kind)
        compared = float((counts.sum(axis=1) * candidate.sum(axis=1)).sum())
        rounds = -(-truths // at_once(endings))
        work = sorting + WEIGHED * truths * pairs * levels + compared * (SCORED * rounds + MULTIPLIED * truths)
        _refuse(work, seconds, f"{counts.sum():,} scores at its endings", truths)

    def laws(self, probability: Floats, joint: JointRates) -> OptimalDoses:
        """The products of distribution functions, over all endings."""
        cells, laws = cells_of(self.endings.trial.most_patients), []
        responses = ResponseLaws.of(joint, self.endings.after)
        for dose, kind in enumerate(self.kinds):
            found = ((int(code), responses.at(dose, *cells[:, code].tolist())) for code in kind)
            laws += [_law(self.known[code], law) for code, law in found]
        result = _nothing(self.endings, probability.shape[1])
        told = self.endings.patients, self.endings.recommended, np.ascontiguousarray(probability), self.slots
        choose_by_scores(*told, _in_rows(laws, probability.shape[1]), *result)
        return _by_truth(*result)


def _law(found: _Scores, law: Floats) -> tuple[Floats, Floats, Whole, Floats]:
    """Scores of what is not futile, their probabilities, their responses, and the sums of the probabilities."""
    mass = np.add.reduceat(law.reshape(-1, law.shape[-1])[found.order], found.starts)
    kept = ~found.futile
    sums = np.cumsum(np.concatenate([mass[found.futile].sum(axis=0, keepdims=True), mass[kept]]), axis=0)
    return found.scores[kept], mass[kept], found.responses[kept], sums


def _in_rows(
    laws: list[tuple[Floats, Floats, Whole, Floats]], truths: int
) -> tuple[Whole, Whole, Floats, Floats, Whole, Floats]:
    """Laws one after the other; see `kernels.optimal.choose_by_scores`."""
    counts = np.array([len(law[0]) for law in laws], np.int64)
    none = np.empty(0), np.empty((0, truths)), np.empty(0, np.int64), np.empty((0, truths))
    scores, mass, responses, sums = (np.concatenate(part) for part in zip(none, *laws, strict=True))
    return np.cumsum(counts) - counts, counts, scores, mass, responses.astype(np.int64), sums


class _OverResponses(ExactChoice):
    """Where a fit looks at all doses: decided for all responses of endings with the same patients and RP2D at once."""

    def __init__(self, endings: Enumeration | Outcomes, plan: ChoicePlan, seconds: float, truths: int) -> None:
        self.endings, self.seconds, self.truths, levels = endings, seconds, truths, endings.trial.levels
        self.rows = np.flatnonzero(endings.recommended != NO_DOSE)
        patients, highest = endings.patients[self.rows].astype(np.int64), endings.recommended[self.rows]
        groups, group = np.unique(np.column_stack([patients, highest]), axis=0, return_inverse=True)
        self.patients, self.group = np.ascontiguousarray(groups[:, :levels]), group.ravel()
        self.vectors = np.prod(self.patients + 1.0, axis=1)
        what = f"{self.vectors.sum():,.0f} vectors of responses"
        self.deciding = DECIDED[plan.rule] * levels * float(self.vectors.sum())
        _refuse(self.deciding, seconds, what)
        self._check(self.vectors)  # as many at least
        self.chosen = np.empty(int(self.vectors.sum()), np.int8)
        decide_on_responses(plan.arrays, self.patients, np.ascontiguousarray(groups[:, levels]), self.chosen)
        self.alike: dict[bytes, tuple[Whole, Whole]] = {}

    def _check(self, multiplied: Floats) -> None:
        """Refuse what would take too long: so many responses and DLTs, of each group, have probabilities."""
        rounds = -(-self.truths // at_once(self.endings))
        listing = self.patients.shape[1] * LISTED * rounds * float(self.vectors.sum())
        work = self.deciding + listing + (LOOKED_UP * rounds + MULTIPLIED * self.truths) * float(multiplied.sum())
        _refuse(work, self.seconds, f"{multiplied.sum():,.0f} responses and DLTs at its endings", self.truths)

    def laws(self, probability: Floats, joint: JointRates) -> OptimalDoses:
        """The probabilities of all responses, group by group."""
        laws = ResponseLaws.of(joint, self.endings.after).pooled()
        same = laws.alike
        if same.tobytes() not in self.alike:
            y = self.endings.dlts[self.rows].astype(np.int64)
            y[:, same] = 0
            kinds, place = np.unique(np.column_stack([self.group, y]), axis=0, return_inverse=True)
            self.alike[same.tobytes()] = kinds, place.ravel()
        kinds, place = self.alike[same.tobytes()]
        starts = np.searchsorted(kinds[:, 0], np.arange(len(self.patients) + 1))
        self._check(self.vectors * np.diff(starts))
        of_truths = (np.bincount(place, weights=one, minlength=len(kinds)) for one in probability[self.rows].T)
        weight = np.stack(list(of_truths), axis=1)
        result = _nothing(self.endings, probability.shape[1])
        result[1][0] = probability[self.endings.recommended == NO_DOSE].sum(axis=0)
        told = _masses(self.patients[kinds[:, 0]], kinds[:, 1:], laws)
        add_over_responses(self.chosen, self.patients, starts, told[0], weight, told[1], *result)
        return _by_truth(*result)


def _masses(n: Whole, y: Whole, laws: ResponseLaws) -> tuple[Whole, Floats]:
    """Where the laws of the responses of each ending and dose begin, int64[E, D], and all in a row, float64[., T]."""
    places, parts, taken = np.empty(n.shape, np.int64), [np.empty((0, laws.rates.shape[2]))], 0
    for dose in range(n.shape[1]):
        cells, place = np.unique(np.stack([n[:, dose], y[:, dose]], axis=1), axis=0, return_inverse=True)
        begins = []
        for patients, dlts in cells.tolist():
            begins.append(taken)
            parts.append(summed(laws.at(dose, patients, dlts)))
            taken += patients + 1
        places[:, dose] = np.array(begins, np.int64)[place.ravel()]
    return places, np.concatenate(parts)


def _refuse(work: float, seconds: float, what: str, truths: int = 1) -> None:
    if work > seconds:
        under, fewer = (f" under {truths:,} truths", "fewer truths, ") if truths > 1 else ("", "fewer ")
        raise StateSpaceError(
            f"the optimal dose follows from {what}{under}: about {duration(work)}, where {duration(seconds)} are "
            f"allowed; {fewer}patients or doses have fewer, a higher --max-seconds (in Python max_seconds) allows more"
        )
