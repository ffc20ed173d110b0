"""Random truths with responses: what they promise, and the same as by the book in plain Python."""

import numpy as np
import pytest
from scipy import stats

from escalation import DesignError, Trial, TruthSource, drawn_joint_truths, random_joint_truths
from escalation.trial.rates import are_correct
from tests.support import levels

EFFICACY = {"min_response": 0.3, "max_toxicity": 0.3}


def trial(doses: int, efficacy=None, target: float = 0.25) -> Trial:
    return Trial(doses=levels(doses), target=target, max_patients=36, efficacy=efficacy or EFFICACY)


@pytest.mark.parametrize("doses", [1, 2, 4, 7])
@pytest.mark.parametrize("max_toxicity", [0.25, 0.45])
def test_every_truth_is_what_it_was_drawn_to_be(doses, max_toxicity):
    given = trial(doses, {"min_response": 0.2, "max_toxicity": max_toxicity})
    joint = random_joint_truths(given, count=2000, seed=7)
    assert joint.dlt.shape == joint.response.shape == (2000, doses)
    assert ((joint.cells >= 0) & (joint.cells <= 1)).all()
    assert joint.cells[:, :, 3] == pytest.approx(joint.dlt * joint.response)  # independent
    assert (np.diff(joint.dlt, axis=1) >= 0).all()
    obd, correct = joint.optimal_doses(given.efficacy), are_correct(joint.dlt, given.target)
    rows = np.arange(2000)
    assert (correct.sum(axis=1) == 1).all()
    assert (obd <= correct.argmax(axis=1)).all()
    assert (joint.dlt[rows, obd] <= max_toxicity).all()
    assert (joint.response[rows, obd] >= 0.25).all()
    if doses > 1:
        assert stats.chisquare(np.bincount(obd, minlength=doses)).pvalue > 1e-4
        lower = obd < doses - 1
        flat = np.array([np.ptp(rates[dose:]) == 0 for rates, dose in zip(joint.response, obd, strict=True)])
        assert stats.binomtest(int(flat[lower].sum()), int(lower.sum()), 0.5).pvalue > 1e-4
        rises_and_falls = [(np.diff(np.sign(np.diff(rates))) <= 0).all() for rates in joint.response]
        assert all(rises_and_falls)


def by_the_book(doses: int, target: float, min_response: float, count: int) -> list[tuple]:
    """One truth at a time by rejection, as the module describes it, for max_toxicity = target + 0.05."""
    draw, found = np.random.default_rng(5), []
    while len(found) < count:
        obd, wants_plateau = draw.integers(doses), draw.random() < 0.5
        while True:
            mtd = draw.integers(obd, doses)
            highest = target + (1 - target) * draw.beta(0.5, 1)
            if mtd < doses - 1:
                highest = max(target + 0.1, draw.uniform(target, 1, doses - 1 - mtd).max())
            dlt = np.sort(draw.uniform(0, highest, doses))
            while abs(dlt - target).argmin() != mtd:
                dlt = np.sort(draw.uniform(0, highest, doses))
            top = draw.uniform(min_response + 0.1, 1)
            if obd == doses - 1:
                response = np.sort(draw.uniform(0, top, doses))
            elif wants_plateau:
                rising = np.sort(draw.uniform(0, top, obd + 1))
                response = np.array([*rising, *[rising[-1]] * (doses - 1 - obd)])
            else:
                mode = draw.integers(obd, doses)
                most = draw.uniform(0, top, doses).max()
                falling = np.sort(draw.uniform(0, most, doses - 1 - mode))[::-1]
                response = np.array([*np.sort(draw.uniform(0, most, mode)), most, *falling])
            utility = 60 * response + 40 * (1 - dlt)
            acceptable = (dlt <= target + 0.05) & (response >= min_response)
            best = np.where(acceptable, utility, -1).argmax()
            fits = acceptable[obd] and response[obd] >= min_response + 0.05 and dlt.min() <= target + 0.1
            if fits and obd == best and utility[: mtd + 1].argmax() == obd:
                found.append((obd, mtd, dlt, response))
                break
    return found


def test_by_the_book():
    joint = random_joint_truths(trial(4), count=4000, seed=3)
    book = by_the_book(4, 0.25, 0.3, 500)
    obd = np.array([one[0] for one in book]), joint.optimal_doses(trial(4).efficacy)
    mtd = np.array([one[1] for one in book]), are_correct(joint.dlt, 0.25).argmax(axis=1)
    dlt = np.array([one[2] for one in book]), joint.dlt
    response = np.array([one[3] for one in book]), joint.response
    counts = [np.bincount(4 * best + highest, minlength=16) for best, highest in zip(obd, mtd, strict=True)]
    possible = np.sum(counts, axis=0) > 0
    assert stats.chi2_contingency(np.array(counts)[:, possible]).pvalue > 1e-4
    for rates in (dlt, response):
        for dose in range(4):
            assert stats.ks_2samp(rates[0][:, dose], rates[1][:, dose]).pvalue > 1e-4
        at_obd = [part[np.arange(len(part)), best] for part, best in zip(rates, obd, strict=True)]
        assert stats.ks_2samp(*at_obd).pvalue > 1e-4


def test_an_optimal_dose_that_is_given():
    for obd in (1, 3):
        joint = random_joint_truths(trial(3), count=50, seed=2, obd=obd)
        assert (joint.optimal_doses(trial(3).efficacy) == obd - 1).all()


def test_the_first_truths_do_not_depend_on_the_count():
    few, many = (random_joint_truths(trial(3), count=count, seed=4) for count in (5, 1200))
    assert (few.cells == many.cells[:5]).all()
    assert not (few.dlt == random_joint_truths(trial(3), count=5, seed=5).dlt).any()


def test_a_set():
    given = trial(4)
    truths = drawn_joint_truths(given, count=12, seed=1)
    joint = random_joint_truths(given, count=12, seed=1)
    assert (truths.rates == joint.dlt).all()
    assert (truths.joint.response == joint.response).all()
    assert (truths.obd == joint.optimal_doses(given.efficacy)).all()
    part = truths.part(3, 5)
    assert (part.joint.cells == joint.cells[3:5]).all()
    assert (part.obd == truths.obd[3:5]).all()
    stricter = given.model_copy(update={"efficacy": given.efficacy.model_copy(update={"min_response": 0.5})})
    source = TruthSource("shi", count=12, seed=1)
    assert (source.made(given).rates == joint.dlt).all()
    assert (source.made(stricter).joint.response.max(axis=1) >= 0.55).all()


@pytest.mark.parametrize(
    ("efficacy", "arguments", "message"),
    [
        ({"min_response": 0.3}, {}, "need [trial.efficacy] with min_response and max_toxicity"),
        ({"min_response": 0.95, "max_toxicity": 0.3}, {}, "min_response: 0.95 should be below 0.9"),
        (EFFICACY, {"obd": 4}, "obd: 4 should be a dose level, 1 to 3"),
        (EFFICACY, {"count": 0}, "count: 0 should be a whole number, at least 1"),
        (EFFICACY, {"seed": -1}, "seed: -1 should be a whole number, at least 0"),
    ],
)
def test_arguments_out_of_range(efficacy, arguments, message):
    with pytest.raises(DesignError) as error:
        random_joint_truths(trial(3, efficacy), **{"count": 10, **arguments})
    assert message in str(error.value)


def test_truths_that_there_are_not(monkeypatch):
    """Where a DLT alone counts the lowest dose is always the best."""
    monkeypatch.setattr("escalation.scenario.truths.random_joint.ROUNDS", 20)
    alone = {**EFFICACY, "utility": {"eff": 100, "none": 100, "both": 0, "tox": 0}}
    assert random_joint_truths(trial(2, alone), count=5, obd=1).dlt.shape == (5, 2)
    with pytest.raises(DesignError) as error:
        random_joint_truths(trial(2, alone), count=5, obd=2)
    assert "hardly any has its optimal dose at 2 of 2 with this [trial.efficacy] and target" in str(error.value)
