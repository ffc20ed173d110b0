"""What curves weigh while patients are pending, kept up from outcome to outcome, against all of it at once."""

import numpy as np
import pytest

from escalation import CRM, Trial
from escalation.designs.pending import Weigh
from escalation.kernels import weighed_posterior as kernels
from escalation.kernels.codes import COHERENT_COHORT, COHERENT_DOSE, COHERENT_OFF, COHERENT_RECENT
from escalation.kernels.posterior import FAINT
from escalation.kernels.weighed_posterior import FUNCTIONS, NOTHING, POSTERIOR
from tests.support import levels

LEVELS, MOST = 4, 400
SURE = 0.9999  # almost a whole window


class Kept:
    """The kernels, called as by a simulated trial."""

    def __init__(self) -> None:
        trial = Trial(doses=levels(LEVELS), target=0.25, max_patients=MOST)
        self.plan = Weigh().plan(CRM(half_width=0.06, prior_mtd=2, stop_if_too_toxic={"threshold": 0.9}), trial)
        self.model = self.plan.model
        self.book, self.sums = self.model.book.copy(), np.empty(2)
        self.learned = np.zeros((2, LEVELS), np.int64)
        self.n, self.y = np.zeros(LEVELS, np.int16), np.zeros(LEVELS, np.int16)
        self.all_curves = np.int64(0), np.int64(self.book.shape[1]), 0.0, 0.0
        self.within, self.anew, self.fewest = self.all_curves, 0, self.book.shape[1]

    def decide(self, outcomes: list[tuple[int, int]], pending: list[tuple[int, float]]) -> np.ndarray:
        """Means of the functions after further known outcomes, by dose, and with pending patients."""
        waiting = np.bincount([dose for dose, _ in pending], minlength=LEVELS)
        for dose, toxic in outcomes:
            self.n[dose] += 1
            self.y[dose] += toxic
        who, weights = np.zeros((MOST, 5)), np.zeros(MOST)
        for place, (dose, weight) in enumerate(pending):
            who[place, 0], weights[place] = dose, weight
        rates, told = FUNCTIONS + 2, (self.learned, who, weights, np.int64(len(pending)))
        counts = (self.n + waiting).astype(np.int16), self.y, waiting
        self.within = kernels.learn_outcomes(self.book, rates, self.learned, *counts, self.within)
        kernels.weigh_pending(self.book, rates + LEVELS, who, weights, len(pending), self.within)
        mass = kernels.sum_up(self.book, 2, self.within, self.sums)
        if mass < FAINT or self.within[2] + self.within[3] > NOTHING * mass:
            self.anew += 1
            self.within = self.all_curves
            mass = kernels.weigh_anew(self.book, rates, *told, 2, self.sums)
        self.within = kernels.leave_out(self.book, mass, self.within)
        self.fewest = min(self.fewest, int(self.within[1] - self.within[0]))
        return self.sums / mass

    def at_once(self, pending: list[tuple[int, float]]) -> np.ndarray:
        doses, weights = np.array([dose for dose, _ in pending], np.int64), np.array([weight for _, weight in pending])
        enrolled = self.n + np.bincount(doses, minlength=LEVELS)
        curves = self.plan.posterior(enrolled, self.y.astype(np.int64), doses, weights)
        return self.model.book[FUNCTIONS : FUNCTIONS + 2] @ curves


@pytest.mark.parametrize("seed", range(12))
def test_from_outcome_to_outcome(seed):
    draw = np.random.default_rng(seed)
    kept, rate = Kept(), draw.choice([0.0, 0.1, 0.3, 0.6, 1.0])
    for _ in range(40):
        outcomes = [(int(draw.integers(LEVELS)), int(draw.random() < rate)) for _ in range(draw.integers(0, 4))]
        pending = [(int(draw.integers(LEVELS)), float(draw.random())) for _ in range(draw.integers(0, 8))]
        assert kept.decide(outcomes, pending) == pytest.approx(kept.at_once(pending), abs=1e-11)
    assert kept.fewest < kept.book.shape[1] / 2
    assert not kept.anew


@pytest.mark.parametrize("first", [0, 1])
def test_what_was_left_out_comes_back(first):
    """The data turn about: curves that were as nothing are all that is left, and are weighed anew."""
    kept, pending = Kept(), [(3, 0.5), (1, SURE), (0, 0.25)]
    for step in range(160):
        toxic = first if step < 60 else 1 - first
        assert kept.decide([(0 if toxic else 3, toxic)], pending) == pytest.approx(kept.at_once(pending), abs=1e-9)
    assert kept.anew


def test_pending_patients_whose_likelihood_underflows():
    """After as many DLTs at the lowest dose: almost certain of whatever is left."""
    kept, pending = Kept(), [(3, SURE)] * 200
    kept.decide([(0, 1)] * 100, [])
    assert kept.decide([], pending) == pytest.approx(kept.at_once(pending), abs=1e-9)
    assert kept.anew
    assert kept.book[POSTERIOR].max() == 1


@pytest.mark.parametrize("shares", [[], [0.5], [0.2, 0.7], [0.7, 0.2, 0.2], [0.3, 1.0, 0.3, 1.0]])
def test_weights(shares):
    """As compiled for one decision, with DLTs on one day and on the last."""
    trial = Trial(doses=levels(LEVELS), target=0.25, max_patients=MOST)
    rule = Weigh(weights="adaptive").plan(CRM(half_width=0.06, prior_mtd=2), trial)
    followed = np.array([0.0, 0.1, 0.2, 0.3, 0.5, 0.69, 0.9, 0.999])
    dlts, edges, found = np.zeros((9, 3)), np.zeros(12), np.empty(len(followed))
    for row, share in enumerate([*shares, 0.4]):
        dlts[row] = 10 if row < len(shares) else 30, share, 0  # the last is not known yet
    who = np.zeros((len(followed), 5))
    who[:, 1] = 20 - 28 * followed
    pieces = kernels.divide_window(20.0, dlts, len(shares) + 1, edges)
    kernels.weigh_follow_up(20.0, 28.0, who, len(followed), edges, pieces, found)
    assert found == pytest.approx(rule.weights(followed + 1e-15, shares), abs=1e-12)


def test_what_bars_escalation():
    def barred(coherent: int, **told) -> bool:
        given = {"patients": 6, "dlts": 1, "in_cohort": (3, 0), "recent": 0} | told
        return bool(kernels.is_incoherent(coherent, 0.25, *given.values()))

    assert not barred(COHERENT_OFF, dlts=6, in_cohort=(3, 3), recent=3)
    assert not barred(COHERENT_COHORT, dlts=6, in_cohort=(4, 0), recent=3)
    assert barred(COHERENT_COHORT, in_cohort=(4, 1))
    assert not barred(COHERENT_DOSE, in_cohort=(3, 3), recent=3)
    assert barred(COHERENT_DOSE, dlts=2)
    assert not barred(COHERENT_DOSE, patients=8, dlts=2)
    assert barred(COHERENT_RECENT, recent=1)
    assert not barred(COHERENT_RECENT, dlts=6, in_cohort=(3, 3))
