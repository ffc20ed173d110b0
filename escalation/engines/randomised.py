"""Randomised comparisons of doses after dose escalation, exactly and in simulated trials.

Given how dose escalation has ended, the arms are independent of each other. So the law of the chosen dose is a mixture
over the arms that endings lead to; where patients of dose escalation count as well, also over their numbers at these
doses. Looks leave the arms independent, but for an arm that is closed for DLTs, which closes those above it: what these
would have come to is known up to every look, and how the lowest such arm ends does not depend on them.

Without DLTs in the rule the law of the best arm is a product over the arms. With margins for both, DLTs and responses
of an arm go together, and counts of all arms are looked at.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from escalation.engines.allowance import duration
from escalation.engines.endings import Enumeration
from escalation.engines.optimal import ResponseLaws, summed
from escalation.engines.outcomes import OptimalDoses, Outcomes
from escalation.engines.patients import BLOCK, RANDOMISED_STREAM, trial_keys
from escalation.errors import StateSpaceError
from escalation.kernels.codes import (
    BY_DIFFERENCE,
    CLOSED_FOR_DLTS,
    CLOSED_FOR_RESPONSES,
    NO_DOSE,
    NO_OPTIMAL_DOSE,
    NOTHING_TRIED,
    SLACK,
    WITHIN_MARGINS,
)
from escalation.kernels.randomised import compare_doses
from escalation.plans.randomised import RandomisedPlan
from escalation.trial.joint import JointRates
from escalation.trial.merit import by_responses, each_number, few_dlts, few_responses

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

TREATED, MULTIPLIED = 8e-9, 2e-9
"""Seconds for which one more patient is added to a state of an arm; and counts of arms are multiplied."""

ADDED, SORTED = 2.5e-8, 1e-8
"""And for which outcomes of dose escalation are added to those of an arm; and for one of all sums that there can be."""

COMPARED = 1.2e-4
"""And for which an arm is compared with the others of an ending."""

PATIENTS, DLTS, RESPONSES = range(3)
"""What is counted in an arm."""


@dataclass(frozen=True, eq=False)
class Stage:
    """What happens in the comparison, whatever is chosen.

    Attributes
    ----------
    arms : float64[J + 1]
        Probability of every number of arms; 0 where there is no comparison.
    laws : float64[3, D, n + 1]
        Probability of every number of new patients at each dose, of DLTs and of responses among them.
    closed : float64[2, D]
        Probability that a dose is an arm that is closed, for DLTs and for responses.
    counts : int16[T, 3, D] or None
        Of simulated trials the patients, DLTs and responses of each.
    """

    arms: Floats
    laws: Floats
    closed: Floats
    counts: NDArray[np.int16] | None = None


class _Ends(NamedTuple):
    """How an arm can end by its own patients; laws are by DLTs, responses and, where it matters, patients with both."""

    complete: Floats
    closed: tuple[Floats, Floats]  # float64[L, n + 1, n + 1] each, at every look for DLTs and for responses
    going: Floats  # float64[L, n + 1, n + 1], when it goes on after the look


class ExactComparison:
    """The comparison over all endings of a design's trials: what all truths share."""

    def __init__(self, endings: Enumeration | Outcomes, plan: RandomisedPlan, seconds: float) -> None:
        self.endings, self.plan = endings, plan
        tried = (endings.patients > 0) & (np.arange(endings.trial.levels) <= endings.recommended[:, None])
        self.untried = ~tried.any(axis=1) & (endings.recommended != NO_DOSE)
        from_above = np.cumsum(tried[:, ::-1], axis=1)[:, ::-1]
        arms = tried & (from_above <= plan.arms)
        told = [arms.astype(np.int16)]
        if plan.pools:
            told += [np.where(arms, endings.patients, np.int16(0)), np.where(arms, endings.dlts, np.int16(0))]
        kinds, kind = np.unique(np.concatenate(told, axis=1), axis=0, return_inverse=True)
        self.kind, levels = kind.ravel(), endings.trial.levels
        self.arms = [np.flatnonzero(row[:levels]) for row in kinds]
        none = np.zeros(levels, np.int16)
        self.before = [(row[levels : 2 * levels], row[2 * levels :]) if plan.pools else (none, none) for row in kinds]
        self._refuse_long(seconds)

    def _refuse_long(self, seconds: float) -> None:
        """Refuse what takes long, by estimate; for each truth once."""
        plan, width = self.plan, self.plan.patients + 1
        sizes = np.array([len(arms) for arms in self.arms] or [0])
        work = TREATED * plan.patients * float(width) ** (3 if plan.counts_both else 2) * self.endings.trial.levels
        if plan.rule == WITHIN_MARGINS:
            numbers = float(((sizes + 1) * sizes * float(width) ** (sizes + 1)).sum())
            work += MULTIPLIED * numbers * (2 if len(plan.looks) else 1)  # with fewer arms there are much fewer counts
        else:
            kinds = {
                (dose, int(n[dose]), int(y[dose]))
                for arms, (n, y) in zip(self.arms, self.before, strict=True)
                for dose in arms.tolist()
            }
            law = width ** (3 if plan.counts_both else 2)
            for _, n, y in kinds:
                work += ADDED * law * (n - y + 1) * (y + 1) + SORTED * _most_worth(plan) * (plan.patients + n) ** 2
            work += COMPARED * float(sizes.sum()) * (2 ** int(sizes.max()) if len(plan.looks) else 1)
        if work > seconds:
            raise StateSpaceError(
                f"the dose that is chosen among randomised ones follows from {len(self.arms):,} endings with up to "
                f"{sizes.max()} arms of {plan.patients} patients: about {duration(work)}, where {duration(seconds)} "
                "are allowed; fewer patients or arms take less, a higher --max-seconds (in Python max_seconds) allows "
                "more"
            )

    def law(self, probability: Floats, joint: JointRates) -> tuple[OptimalDoses, Stage]:
        """The law under probabilities of the endings, float64[E], which follow from the DLT rates of `joint`."""
        plan, levels = self.plan, self.endings.trial.levels
        given = _Given(plan, joint, most_at_dose(plan, self.endings))
        weights = np.bincount(self.kind, weights=probability, minlength=len(self.arms))
        at_chosen, none = np.zeros((levels, given.cells)), np.zeros(len(NO_OPTIMAL_DOSE))
        stage = Stage(np.zeros(plan.arms + 1), np.zeros((3, levels, plan.patients + 1)), np.zeros((2, levels)))
        none[SAFETY] = probability[self.endings.recommended == NO_DOSE].sum()
        none[UNACCEPTABLE] = probability[self.untried].sum()
        stage.laws[:, :, 0] = weights.sum()
        for weight, arms, before in zip(weights, self.arms, self.before, strict=True):
            stage.arms[len(arms)] += weight
            if not len(arms):
                continue
            given.add_arms(stage, weight, arms)
            none[UNACCEPTABLE] += weight * given.choose(arms, before, at_chosen, weight)
        return OptimalDoses(at_chosen, none), stage


SAFETY, UNACCEPTABLE = (list(NO_OPTIMAL_DOSE).index(reason) for reason in (NO_DOSE, NOTHING_TRIED))
"""Where the reasons for no dose are."""


def most_at_dose(plan: RandomisedPlan, outcomes: Enumeration | Outcomes) -> int:
    """The most patients that can count at a dose when one is chosen."""
    return plan.patients + (outcomes.trial.max_patients if plan.pools else 0)


class _Given:
    """A comparison under one truth: the arms' laws, each worked out once."""

    def __init__(self, plan: RandomisedPlan, joint: JointRates, most: int) -> None:
        self.plan, self.joint, self.cells = plan, joint, (most + 1) * (most + 2) // 2
        self.ends: dict[int, _Ends] = {}
        self.scores: dict[tuple[int, int, int], _Scores] = {}
        self.known: dict[tuple[int, ...], list[tuple[int, Floats]]] = {}

    def ends_at(self, dose: int) -> _Ends:
        """How the arm at a dose can end."""
        if dose not in self.ends:
            self.ends[dose] = _walk(self.plan, self.joint.cells[dose])
        return self.ends[dose]

    def add_arms(self, stage: Stage, weight: float, arms: Whole) -> None:
        """Add what happens in the arms, of such a weight."""
        looks = self.plan.looks
        going = np.ones(len(looks) + 1)  # that no arm below is closed for DLTs before each look, and at all
        for dose in arms.tolist():
            ends = self.ends_at(dose)
            many, few = (part.sum(axis=(1, 2)) for part in ends.closed)
            cut = going[:-1] - going[1:]  # that the lowest such look is this one
            law = going[-1] * ends.complete.sum(axis=2)
            at = np.zeros((3, self.plan.patients + 1))
            at[PATIENTS, self.plan.patients] = law.sum()
            at[DLTS], at[RESPONSES] = law.sum(axis=1), law.sum(axis=0)
            for look, treated in enumerate(looks.tolist()):
                # It ends here by itself, where it was not cut off before; or because it is cut off.
                here = going[look] * (ends.closed[0][look] + ends.closed[1][look]) + cut[look] * ends.going[look]
                at[PATIENTS, treated] += here.sum()
                at[DLTS] += here.sum(axis=1)
                at[RESPONSES] += here.sum(axis=0)
            stage.laws[:, dose] += weight * at
            stage.laws[:, dose, 0] -= weight
            stage.closed[0, dose] += weight * float(going[:-1] @ many + cut @ (ends.going.sum(axis=(1, 2)) + few))
            stage.closed[1, dose] += weight * float(going[1:] @ few)
            going = going * np.append(1.0, 1 - np.cumsum(many))

    def choose(
        self, arms: Whole, before: tuple[NDArray[np.int16], NDArray[np.int16]], at_chosen: Floats, weight: float
    ) -> float:
        """Add the probabilities of each choice, of such a weight; that of none, without it."""
        told = list(zip(arms.tolist(), before[0][arms].tolist(), before[1][arms].tolist(), strict=True))
        without = 0.0
        for share, places in self._open([dose for dose, *_ in told]):
            kept = [told[place] for place in places]
            found, none = self._chosen(kept) if kept else ([], 1.0)
            for (dose, n, _), law in zip(kept, found, strict=True):
                patients = n + self.plan.patients
                begins = patients * (patients + 1) // 2
                at_chosen[dose, begins : begins + patients + 1] += weight * share * law
            without += share * none
        return without

    def _open(self, doses: Sequence[int]) -> Iterator[tuple[float, list[int]]]:
        """Arms that may be open at the end, and a factor: the probability of what happens in those that are not."""
        if not len(self.plan.looks):
            yield 1.0, list(range(len(doses)))
            return
        sums = [[float(part.sum()) for part in self.ends_at(dose).closed] for dose in doses]
        for lowest in range(len(doses) + 1):  # the lowest arm that is closed for DLTs, by itself; or none is
            factor = sums[lowest][0] if lowest < len(doses) else 1.0
            for is_open in product((False, True), repeat=lowest):
                share = factor
                for place, here in enumerate(is_open):
                    share *= 1.0 if here else sums[place][1]
                places = [place for place, here in enumerate(is_open) if here]
                if share > 0:
                    yield share, places

    def _chosen(self, kept: Sequence[tuple[int, int, int]]) -> tuple[list[Floats], float]:
        """Probability that each open arm is chosen with so many responses, float64[n + 1] each; and that none is.

        An arm is its dose, and the patients and DLTs of dose escalation that count.
        """
        if self.plan.rule == WITHIN_MARGINS:
            laws = [self.ends_at(dose).complete.sum(axis=2) for dose, _, _ in kept]
            return _within_margins(laws, self.plan.max_dlts, self.plan.min_responses)
        scores = [self._scores(*one) for one in kept]
        by_difference = self.plan.rule == BY_DIFFERENCE
        return _by_difference(scores, self.plan.margin) if by_difference else _by_utility(scores), 0.0

    def _scores(self, dose: int, patients: int, dlts: int) -> "_Scores":
        """What is compared of an arm that is complete."""
        key = dose, patients, dlts
        if key not in self.scores:
            law = ResponseLaws.of(self.joint, None).at(dose, patients, dlts)
            self.scores[key] = _scores(self.plan, self.ends_at(dose).complete, law)
        return self.scores[key]


def _walk(plan: RandomisedPlan, cells: Floats) -> _Ends:
    """Patient by patient through an arm; `cells` are the probabilities of a patient's outcomes."""
    width = plan.patients + 1
    law = np.zeros((width, width, width if plan.counts_both else 1))
    law[0, 0, 0] = 1
    closed = np.zeros((2, len(plan.looks), width, width))
    going = np.zeros((len(plan.looks), width, width))
    looks = {treated: look for look, treated in enumerate(plan.looks.tolist())}
    for treated in range(1, width):
        after = law * cells[0]
        after[:, 1:] += law[:, :-1] * cells[1]
        after[1:] += law[:-1] * cells[2]
        if plan.counts_both:
            after[1:, 1:, 1:] += law[:-1, :-1, :-1] * cells[3]
        else:
            after[1:, 1:] += law[:-1, :-1] * cells[3]
        law = after
        look = looks.get(treated)
        if look is None:
            continue
        many = np.broadcast_to(plan.many_dlts[look][:, None], (width, width))
        few = plan.few_responses[look][None] & ~many
        here = law.sum(axis=2)
        closed[0, look], closed[1, look] = here * many, here * few
        law = law * ~(many | few)[:, :, None]
        going[look] = law.sum(axis=2)
    return _Ends(law, (closed[0], closed[1]), going)


def _within_margins(laws: Sequence[Floats], max_dlts: int, min_responses: int) -> tuple[list[Floats], float]:
    """The lowest acceptable arm: it is the first with enough responses, where it has few enough DLTs."""
    arms, patients = len(laws), len(laws[0]) - 1
    counted = each_number(few_dlts(patients, arms, max_dlts), arms)
    with_few = by_responses(laws, counted)  # float64[J + 1, n + 1, ...]
    lacking, seen = few_responses(patients, arms, min_responses), np.indices((patients + 1,) * arms)
    found = []
    for place in range(arms):
        likely = with_few[place + 1 :].sum(axis=0)
        here = lacking == place
        found.append(np.bincount(seen[place][here], weights=likely[here], minlength=patients + 1).astype(np.float64))
    none = [float(with_few[number][lacking >= number].sum()) for number in range(arms + 1)]
    return found, sum(none)


class _Scores(NamedTuple):
    """What an arm can score, increasing: K scores, with the responses that go with each, and how probable they are."""

    scores: Floats
    responses: Whole
    probability: Floats
    patients: int


def _scores(plan: RandomisedPlan, complete: Floats, law: Floats) -> _Scores:
    """The scores of a complete arm with patients of dose escalation, whose responses have this law."""
    dlts = law.shape[1] - 1
    patients = law.shape[0] - 1 + dlts
    t, e, b = np.nonzero(complete)
    mass, whole = complete[t, e, b], plan.patients + patients
    none, eff, tox, both = plan.utilities
    worth = none * (plan.patients - t - e + b) + eff * (e - b) + tox * (t - b) + both * b
    if plan.rule == BY_DIFFERENCE:
        worth = e
    if patients:
        well, ill = (part.ravel() for part in np.indices(law.shape))
        more = none * (patients - dlts - well) + eff * well + tox * (dlts - ill) + both * ill
        if plan.rule == BY_DIFFERENCE:
            before = summed(law)
            well, ill, more = np.arange(len(before)), np.zeros(len(before), np.int64), np.arange(len(before))
            law = before
        worth = (worth[:, None] + more).ravel()
        e = (e[:, None] + well + ill).ravel()
        mass = (mass[:, None] * law.ravel()).ravel()
    step = _step(plan)
    codes = worth.astype(np.int64) // step * (whole + 1) + e
    by_code = np.bincount(codes, weights=mass).astype(np.float64)
    found = np.flatnonzero(by_code)
    return _Scores(step * (found // (whole + 1)) / whole, found % (whole + 1), by_code[found], whole)


def _step(plan: RandomisedPlan) -> int:
    """What all sums that are compared are whole multiples of."""
    return 1 if plan.rule == BY_DIFFERENCE else math.gcd(*plan.utilities)


def _most_worth(plan: RandomisedPlan) -> int:
    """The largest part of a sum that one patient can have, in such steps."""
    return 1 if plan.rule == BY_DIFFERENCE else max(plan.utilities) // _step(plan)


def _by_difference(arms: Sequence[_Scores], margin: float) -> list[Floats]:
    """From the lowest arm up: a higher one is taken when it is better than that so far by more than the margin."""
    found: list[Floats] = []
    for arm in arms:
        taken = np.zeros(len(arm.scores))
        if not found:
            taken[:] = arm.probability
        for number, law in enumerate(found):
            beaten = arm.scores[:, None] > arms[number].scores + margin + SLACK
            taken += arm.probability * (beaten @ law)
            found[number] = law * (arm.probability @ ~beaten)
        found.append(taken)
    return [_by_count(arm, law) for arm, law in zip(arms, found, strict=True)]


def _by_utility(arms: Sequence[_Scores]) -> list[Floats]:
    """The best arm, of equal ones the lowest: a product of distribution functions."""
    sums = [np.append(0.0, np.cumsum(arm.probability)) for arm in arms]
    found = []
    for place, arm in enumerate(arms):
        law = arm.probability.copy()
        for other, beside in enumerate(arms):
            if other != place:
                limit = arm.scores + (-SLACK if other < place else SLACK)
                law *= sums[other][np.searchsorted(beside.scores, limit, side="right")]
        found.append(_by_count(arm, law))
    return found


def _by_count(arm: _Scores, law: Floats) -> Floats:
    """A law of scores as one of the number of responses."""
    return np.bincount(arm.responses, weights=law, minlength=arm.patients + 1).astype(np.float64)


def compared_in_trials(
    outcomes: Outcomes, plan: RandomisedPlan, joint: JointRates, seed: int
) -> tuple[NDArray[np.int16], OptimalDoses, Stage]:
    """The chosen dose of each simulated trial, as `engines.optimal.chosen_in_trials` has it; how often; and the stage.

    A trial's patients at a dose are the same whatever the design and the other arms.
    """
    assert outcomes.responses is not None
    trials, levels = outcomes.patients.shape
    cells, state = np.zeros((trials, levels, 4), np.int16), np.full((trials, levels), -1, np.int8)
    chosen = np.empty(trials, np.int16)
    rates = np.stack([joint.dlt, joint.response_given_no_dlt, joint.response_given_dlt], axis=1)
    arrays = plan.arrays
    for first in range(0, trials, BLOCK):
        rows = slice(first, min(first + BLOCK, trials))
        some = outcomes.part(rows)
        assert some.responses is not None
        keys = trial_keys(seed, RANDOMISED_STREAM, first // BLOCK)[: rows.stop - first]
        ended = some.patients, some.dlts, some.responses, some.recommended
        compare_doses(arrays, keys, rates, ended, cells[rows], state[rows], chosen[rows])
    parts = cells, cells[:, :, 2:], cells[:, :, 1::2]  # of the four outcomes all, those with a DLT, and with a response
    counts = np.stack([part.sum(axis=2, dtype=np.int16) for part in parts], axis=1)
    laws = np.zeros((3, levels, plan.patients + 1))
    for what, dose in np.ndindex(3, levels):
        laws[what, dose] = np.bincount(counts[:, what, dose], minlength=plan.patients + 1) / trials
    arms = np.bincount((state >= 0).sum(axis=1), minlength=plan.arms + 1) / trials
    closed = np.stack([(state == code).mean(axis=0) for code in (CLOSED_FOR_DLTS, CLOSED_FOR_RESPONSES)])
    stage = Stage(arms, laws, closed, counts)
    return chosen, _counted(outcomes, plan, chosen, counts), stage


def _counted(
    outcomes: Outcomes, plan: RandomisedPlan, chosen: NDArray[np.int16], counts: NDArray[np.int16]
) -> OptimalDoses:
    """The shares of simulated trials with each choice."""
    assert outcomes.responses is not None
    trials, levels, most = len(chosen), outcomes.trial.levels, most_at_dose(plan, outcomes)
    width = (most + 1) * (most + 2) // 2
    rows = np.flatnonzero(chosen >= 0)
    dose = chosen[rows].astype(np.int64)
    n, e = counts[rows, PATIENTS, dose].astype(np.int64), counts[rows, RESPONSES, dose].astype(np.int64)
    if plan.pools:
        n += outcomes.patients[rows, dose]
        e += outcomes.responses[rows, dose].sum(axis=1, dtype=np.int64)
    at_chosen = np.bincount(dose * width + n * (n + 1) // 2 + e, minlength=levels * width).reshape(levels, width)
    none = np.array([(chosen == reason).sum() for reason in NO_OPTIMAL_DOSE])
    return OptimalDoses(at_chosen / trials, none / trials)
