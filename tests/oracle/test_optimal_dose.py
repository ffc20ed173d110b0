"""The choice of an optimal dose against other programs: scores of doses, and the dose that is chosen."""

import numpy as np

from escalation import Efficacy
from escalation.kernels.optimal import fit_with_mode, optimal_dose, score_doses
from escalation.plans.choice import choice_plan
from escalation.trial.choice import Choice
from tests.support import each, records

EFFICACY = {"min_response": 0.25, "max_toxicity": 0.35}


def told(by, counts, utility=None, futility=1.0, min_response=0.25):
    """A choice and the data, as the kernels take them; `counts` are patients with neither, E, T and both."""
    counts = np.array(counts, np.int64)
    efficacy = Efficacy(**EFFICACY | {"min_response": min_response} | ({} if utility is None else {"utility": utility}))
    plan = choice_plan(Choice(by=by, futility=futility), efficacy, int(counts.sum()))
    worth = counts @ np.array(efficacy.utility.of_outcomes)
    return plan.arrays, counts.sum(axis=1), counts[:, [1, 3]].sum(axis=1), worth


def room(levels):
    tried, scores = np.empty((3, levels), np.int64), np.full(levels, np.nan)
    return tried, scores, np.empty((6, levels)), np.empty(levels, np.int64)


def scores_of(data):
    space = room(len(data[1]))
    score_doses(*data, *space)
    return space[1]


def chosen(data, highest):
    """From 1; None for none."""
    found = optimal_dose(*data, np.int64(highest - 1), *room(len(data[1])))
    return found + 1 if found >= 0 else None


def best(scores, doses):
    """The dose with the best score among some, from 1, the lowest of equal ones."""
    return min(doses, key=lambda dose: (-round(scores[dose - 1], 9), dose), default=None)


def without_dlts(record):
    return [[n - e, e, 0, 0] for n, e in zip(record["n"], record["responses"], strict=True)]


@each(records("boinet_optimal_dose"))
def test_unimodal_fits(record):
    levels, rates = len(record["n"]), np.array(record["responses"]) / record["n"]
    for mode, expected in enumerate(record["unimodal_by_mode"]):
        _, fitted, space, sizes = room(levels)
        fit_with_mode(rates, levels, mode, fitted, space, sizes)
        np.testing.assert_allclose(fitted, expected, rtol=0, atol=1e-9)
    found = scores_of(told("unimodal", without_dlts(record)))
    np.testing.assert_allclose(found, record["multi_iso"], rtol=0, atol=1e-9)


def ceiling(record):
    """None where rates below and above the target are equally near: of these the program takes one by its last bit."""
    rates = np.array(record["isotonic_dlt_rates"])
    distance = np.abs(rates - record["target"]).round(9)
    nearest = rates[distance == distance[np.array(record["candidates"]) - 1].min()]
    return None if nearest.max() > nearest.min() + 1e-9 else int(np.flatnonzero(rates == nearest.max()).max()) + 1


@each([record for record in records("boinet_optimal_dose") if record["candidates"]])
def test_highest_response_rate(record):
    highest = ceiling(record)
    if highest is None:
        return
    candidates = [dose for dose in record["candidates"] if dose <= highest]
    for by, name in (("max_response", "observed"), ("unimodal", "multi_iso")):
        data = told(by, without_dlts(record))
        assert (best(scores_of(data), candidates) or 0) == record["obd"][name]
        if candidates == list(range(1, highest + 1)):
            assert chosen(data, highest) == record["obd"][name]


def test_few_ties_are_left_out():
    found = [record for record in records("boinet_optimal_dose") if record["candidates"]]
    assert sum(ceiling(record) is None for record in found) < 10 < len(found) - 100


@each(records("boin12_optimal_dose"))
def test_mean_utility(record):
    data = told("utility", record["counts"], record["utility"], 0.9, record["min_response"])
    tried = data[1] > 0
    np.testing.assert_allclose(scores_of(data)[tried], np.array(record["mean_utility"])[tried], rtol=0, atol=1e-9)
    highest = record["mtd"] or 0
    admissible = [dose for dose in range(1, highest + 1) if tried[dose - 1] and record["admissible"][dose - 1]]
    assert best(scores_of(data), admissible) == record["obd"]
    # The program's own rules close doses up to the MTD, which is why it may know of none.
    futile = [dose for dose, over in enumerate(record["p_response_over"], 1) if 1 - over > 0.9 + 1e-9]
    if admissible == [dose for dose in range(1, highest + 1) if tried[dose - 1] and dose not in futile]:
        assert chosen(data, highest) == record["obd"]
