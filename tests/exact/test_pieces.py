"""Truths in sets, and work in pieces."""

import pickle
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from itertools import count
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from escalation import BOIN, CRM, DesignError, EscalationError, StateSpaceError, Trial, grid, load_scenario
from escalation.engines.allowance import Allowance
from escalation.kernels.codes import NO_DOSE
from escalation.scenario.truths.sets import drawn_truths, published_lists, published_truths, scenario_truths
from escalation.studies.evaluate import divided, evaluate, possible, whole
from escalation.studies.work import pieces
from escalation.studies.work.pieces import IN_FLIGHT, endings_of, exact_expectations, finished
from escalation.studies.work.refusal import Refused
from escalation.trial.rates import correct_doses
from tests.support import Steps, levels

TRIAL = Trial(doses=levels(4), target=0.25, max_patients=18)
LUCAR = load_scenario(Path(__file__).parents[2] / "scenarios" / "lucar-dks1.toml")


def test_truths_of_a_scenario():
    truths = scenario_truths(LUCAR)
    assert truths.names == tuple(truth.name for truth in LUCAR.truth)
    assert truths.rates.tolist() == [list(truth.dlt_rates) for truth in LUCAR.truth]
    assert truths.mtd.tolist() == [3, 3, 3, 2, 1, 0, 1, NO_DOSE]
    two = scenario_truths(LUCAR, ["all too toxic", "MTD at 300"])
    assert two.names == ("MTD at 300", "all too toxic")
    assert two.part(1, 2).correct.tolist() == [[False] * 4]
    with pytest.raises(EscalationError, match="no truth 'MTD at 3000'; did you mean 'MTD at 300'"):
        scenario_truths(LUCAR, ["MTD at 3000"])


def test_declared_correct_doses_count():
    changed = LUCAR.model_copy(update={"truth": (LUCAR.truth[0].model_copy(update={"rp2d": (1, 3)}),)})
    assert scenario_truths(changed).correct.tolist() == [[True, False, True, False]]


def test_drawn_truths():
    truths = drawn_truths("paoletti", TRIAL, count=50, seed=4)
    assert truths.names == tuple(map(str, range(1, 51)))
    assert "Paoletti" in truths.description
    assert "seed 4" in truths.description
    for rates, correct in zip(truths.rates, truths.correct, strict=True):
        assert correct_doses(rates, 0.25) == tuple(np.flatnonzero(correct) + 1)


def test_published_truths():
    """16 for each target and five doses, and those of other numbers of doses; none decreases."""
    sizes = {(part.target, part.rates.shape[1]): len(part.rates) for part in published_lists()}
    assert {target for target, doses in sizes if doses == 5} == {0.15, 0.2, 0.25, 0.3}
    assert all(size == 16 for (_, doses), size in sizes.items() if doses == 5)
    for part in published_lists():
        assert (np.diff(part.rates, axis=1) >= 0).all()
    truths = published_truths(Trial(doses=levels(5), target=0.3, max_patients=30))
    assert truths.rates[0].tolist() == [0.3, 0.4, 0.5, 0.6, 0.7]
    assert truths.description == "16 published truths (Yuan et al. 2016)"
    with pytest.raises(EscalationError, match=r"for 4 dose levels and a target of 0\.25; there"):
        published_truths(TRIAL)


def square(number):
    return number * number


def fail_at(number):
    if number == 3:
        raise DesignError("the third")
    return number


def test_results_carry_the_number_of_their_piece():
    assert dict(finished(square, ((n,) for n in range(600)))) == {n: n * n for n in range(600)}


def root(number, *, allowance):
    if number < 0:
        raise StateSpaceError(f"{number} has none")
    return number**0.5


def test_answers_are_in_order_with_the_refusals_among_them():
    steps = Steps()
    answers = evaluate(root, [(4,), Refused("is not possible"), (-1,), (9,)], (4, "roots"), progress=steps)
    assert answers == [2, Refused("is not possible"), Refused("-1 has none"), 3]
    assert (steps.asked, steps.done) == ([(4, "roots")], 4)
    assert whole(answers) == Refused("is not possible")
    assert whole(answers[:1]) == [2]
    assert divided(dict(enumerate(answers))) == ({0: 2, 3: 3}, {1: "is not possible", 2: "-1 has none"})


def test_settings_that_are_not_possible_are_refused():
    settings = grid(LUCAR, {"boin.p_tox": [0.3, 0.1]}, designs=["boin"])
    first, second = possible(settings, "asked")
    assert first == (settings[0].design, LUCAR.trial, "asked")
    assert second.reason.startswith("boin.p_tox: 0.1 should")


def test_pieces_are_taken_as_they_are_needed():
    taken = []

    def pieces():
        for number in count():
            taken.append(number)
            yield (number,)

    with ThreadPoolExecutor(2) as executor:
        results = finished(square, pieces(), executor)
        for _ in range(5):
            next(results)
        results.close()
        assert executor.submit(square, 3).result() == 9  # it is left open
    assert len(taken) <= IN_FLIGHT + 10


def test_an_error_ends_the_work():
    with pytest.raises(DesignError, match="the third"):
        list(finished(fail_at, ((n,) for n in count())))
    assert not [thread for thread in threading.enumerate() if "ThreadPool" in thread.name]


def test_processes_give_the_same_bits():
    truths = drawn_truths("clertant", TRIAL, count=30, seed=1)
    designs = BOIN(), CRM(half_width=0.06, prior_mtd=2)
    pieces = [(design, TRIAL, truths.part(first, first + 10)) for design in designs for first in (0, 10, 20)]
    here = dict(finished(exact_expectations, pieces))
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
        there = dict(finished(exact_expectations, pieces, executor))
    for number, found in here.items():
        for name, values in found.by_quantity().items():
            assert there[number].by_quantity()[name].tolist() == values.tolist()


def test_refusals_reach_the_caller():
    truths = drawn_truths("clertant", TRIAL, count=3, seed=1)
    with pytest.raises(StateSpaceError):
        exact_expectations(BOIN(), TRIAL, truths, allowance=Allowance(10))


def test_a_piece_is_some_kilobytes():
    truths = drawn_truths("clertant", TRIAL, count=1000, seed=1)
    size = len(pickle.dumps((CRM(half_width=0.06, prior_mtd=2), TRIAL, truths)))
    assert size < 50_000


def test_endings_are_enumerated_once_however_many_ask(monkeypatch):
    asked = []
    original = pieces.endings_within

    def slowly(design, trial, after, allowance):
        asked.append(allowance.states)
        time.sleep(0.1)
        return original(design, trial, after, allowance)

    monkeypatch.setattr(pieces, "endings_within", slowly)
    trial = Trial(doses=levels(2), target=0.25, max_patients=9, cohort_size=1)  # of no other test
    with ThreadPoolExecutor(4) as executor:
        found = list(executor.map(endings_of, [BOIN()] * 8, [trial] * 8))
        refused = [executor.submit(endings_of, BOIN(), trial, Allowance(5)) for _ in range(8)]
    assert all(one is found[0] for one in found)
    assert {str(one.exception()) for one in refused} == {str(refused[0].exception())}
    assert isinstance(refused[0].exception(), StateSpaceError)
    assert asked == [None, 5]
