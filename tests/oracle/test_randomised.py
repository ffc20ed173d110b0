"""Two randomised arms against exact enumeration by another program, and MERIT's published design."""

from fractions import Fraction
from math import comb

import numpy as np
import pytest

from escalation import Association, Trial, find_merit, joint_rates
from escalation.engines.randomised import _Given
from escalation.plans.randomised import randomised_plan
from escalation.trial.joint import INDEPENDENT
from escalation.trial.merit import Hypotheses, arm_law, error_rates
from tests.naive.optimal_dose import isotonic
from tests.support import each, records

RECORDS = records("merit_two_arm")
EXACTLY = {"rel": 0, "abs": 1e-10}


def hypotheses(record) -> Hypotheses:
    rates = (record["tox_null"], record["tox_alt"]), (record["eff_null"], record["eff_alt"])
    return Hypotheses(*rates, Association(latent_correlation=record["latent_correlation"]))


@each([record for record in RECORDS if record["kind"] == "merit" and record["isotonic"]])
def test_merit(record):
    asked, at = hypotheses(record), (record["toxicity_max"], record["efficacy_min"])
    found = error_rates(asked, record["patients_per_arm"])
    assert found.alpha[at] == pytest.approx(record["alpha"], **EXACTLY)
    assert found.power("I")[at] == pytest.approx(record["power_I"], **EXACTLY)
    assert found.power("II")[at] == pytest.approx(record["power_II"], **EXACTLY)
    known = {(tuple(one["tox"]), tuple(one["eff"])): one for one in (*record["null_configs"], *record["alt_configs"])}
    assert len(known) == len(asked.places)
    for number, place in enumerate(asked.null):
        dlt, response = asked.rates(*place)
        error = known[tuple(dlt), tuple(response)]["error"]
        assert found.false[number][at] == pytest.approx(error, **EXACTLY)
    for number, place in enumerate(asked.alternatives):
        one = known[tuple(map(tuple, asked.rates(*place)))]
        assert found.power_i[number][at] == pytest.approx(one["power_I"], **EXACTLY)
        assert found.power_ii[number][at] == pytest.approx(one["power_II"], **EXACTLY)


@each([record for record in RECORDS if record["kind"] == "merit" and not record["isotonic"]])
def test_each_arm_by_its_own_counts(record):
    """Without isotonic regression it is a product over the arms, whose laws are those that are used with it."""
    asked, (most, fewest) = hypotheses(record), (record["toxicity_max"], record["efficacy_min"])

    def accepted(dlt, response):
        cells = joint_rates([dlt], [response], asked.association).cells[0]
        return arm_law(record["patients_per_arm"], cells)[: most + 1, fewest:].sum()

    for one in record["null_configs"]:
        low, high = (accepted(*rates) for rates in zip(one["tox"], one["eff"], strict=True))
        assert 1 - (1 - low) * (1 - high) == pytest.approx(one["error"], **EXACTLY)
    for one in record["alt_configs"]:
        pairs = list(zip(one["tox"], one["eff"], strict=True))
        good = [dlt == record["tox_alt"] and response == record["eff_alt"] for dlt, response in pairs]
        shares = [accepted(*pair) for pair in pairs]
        missed = np.prod([1 - share for share, right in zip(shares, good, strict=True) if right])
        clean = np.prod([1 - share for share, right in zip(shares, good, strict=True) if not right])
        assert 1 - missed == pytest.approx(one["power_II"], **EXACTLY)
        assert (1 - missed) * clean == pytest.approx(one["power_I"], **EXACTLY)


def chosen(given, dlt, response, correlation=0.0, utility=None):
    """Probability of choosing each of two arms, and none."""
    efficacy = {"min_response": 0.1, "max_toxicity": 0.9} | ({} if utility is None else {"utility": utility})
    trial = Trial(doses=[1, 2], target=0.3, max_patients=6, efficacy=efficacy, randomised=given)
    association = Association(latent_correlation=correlation)
    arms = _Given(randomised_plan(trial), joint_rates(dlt, response, association), given["patients_per_dose"])
    at_chosen, none = np.zeros((2, arms.cells)), np.zeros(2, np.int16)
    without = arms.choose(np.arange(2), (none, none), at_chosen, 1.0)
    return *at_chosen.sum(axis=1), without


@each([record for record in RECORDS if record["kind"] == "difference_rule"])
def test_difference(record):
    given = {"patients_per_dose": record["patients_per_arm"], "rule": "difference", "margin": record["margin"]}
    low, high, none = chosen(given, (0.1, 0.2), (record["rate_low"], record["rate_high"]), 0.3)
    assert low == pytest.approx(record["prob_select_low"], **EXACTLY)
    assert high == pytest.approx(record["prob_select_high"], **EXACTLY)
    assert none == 0


@each([record for record in RECORDS if record["kind"] == "mean_utility_rule"])
def test_mean_utility(record):
    given = {"patients_per_dose": record["patients_per_arm"], "rule": "utility"}
    utility = dict(zip(("eff", "none", "both", "tox"), record["utilities"], strict=True))
    low, high, _ = chosen(given, record["tox"], record["eff"], record["latent_correlation"], utility)
    assert low == pytest.approx(record["prob_dose1_higher"] + record["prob_tie"], **EXACTLY)
    assert high == pytest.approx(record["prob_dose2_higher"], **EXACTLY)


@each([record for record in RECORDS if record["kind"] == "merit" and record["isotonic"]])
def test_the_comparison_by_the_same_margins(record):
    """Whether any arm is chosen is whether any is acceptable."""
    margins = {"max_dlts": record["toxicity_max"], "min_responses": record["efficacy_min"]}
    given = {"patients_per_dose": record["patients_per_arm"], "rule": "merit", **margins}
    for one in record["null_configs"]:
        *_, none = chosen(given, one["tox"], one["eff"], record["latent_correlation"])
        assert 1 - none == pytest.approx(one["error"], **EXACTLY)


def test_the_published_design():
    asked = Hypotheses((0.4, 0.2), (0.2, 0.4), Association(latent_correlation=0.5))
    found = find_merit(asked, alpha=0.1, power=0.6)
    one = found.found
    assert (one.patients_per_dose, one.max_dlts, one.min_responses) == (26, 7, 9)
    assert one.alpha == pytest.approx(0.0952480937558, **EXACTLY)
    assert one.power_ii == pytest.approx(0.603250215438, **EXACTLY)
    assert one.alpha_if_independent == pytest.approx(0.12323785369, **EXACTLY)
    assert [design.patients_per_dose for design in found.designs] == list(range(10, 27))
    assert all(design.power_ii < 0.6 for design in found.designs[:-1])


def in_fractions(arms, patients, max_dlts, min_responses, dlt, response):
    """P(any of the doses is acceptable) with independent DLTs and responses, by sums over the arms' counts alone."""

    def law(rate):
        return [comb(patients, k) * rate**k * (1 - rate) ** (patients - k) for k in range(patients + 1)]

    def by_pattern(laws, is_good):
        found = {}
        for counts in np.ndindex(*(patients + 1,) * arms):
            pattern = tuple(is_good(value) for value in isotonic([Fraction(count) for count in counts], [1] * arms))
            share = Fraction(1)
            for one, count in zip(laws, counts, strict=True):
                share *= one[count]
            found[pattern] = found.get(pattern, 0) + share
        return found

    few = by_pattern([law(rate) for rate in dlt], lambda value: value <= max_dlts)
    many = by_pattern([law(rate) for rate in response], lambda value: value >= min_responses)
    return sum(
        one * other
        for good, one in few.items()
        for active, other in many.items()
        if any(a and b for a, b in zip(good, active, strict=True))
    )


@pytest.mark.parametrize(("arms", "patients", "margins"), [(2, 6, (2, 3)), (2, 5, (1, 2)), (3, 4, (1, 2))])
def test_sums_in_fractions(arms, patients, margins):
    asked = Hypotheses((0.5, 0.25), (0.25, 0.5), INDEPENDENT, arms)
    found = error_rates(asked, patients)
    for number, place in enumerate(asked.null):
        dlt, response = ([Fraction(rate) for rate in rates] for rates in asked.rates(*place))
        expected = in_fractions(arms, patients, *margins, dlt, response)
        assert found.false[number][margins] == pytest.approx(float(expected), abs=1e-14)


def test_swapped_margins_are_seen():
    record = next(one for one in RECORDS if one["kind"] == "merit" and one["isotonic"])
    found = error_rates(hypotheses(record), record["patients_per_arm"])
    assert abs(found.alpha[record["efficacy_min"], record["toxicity_max"]] - record["alpha"]) > 0.1
