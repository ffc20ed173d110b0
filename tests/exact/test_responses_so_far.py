"""How a running trial with responses may end: every path in plain Python, and simulated trials."""

from collections import defaultdict
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from escalation import (
    BOIN,
    CRM,
    Association,
    Expansion,
    InterimData,
    OutcomesError,
    Scenario,
    Trial,
    exact,
    joint_rates,
    next_dose,
    run,
    simulate,
)
from escalation.characteristics.agreement import agreement
from escalation.characteristics.responses import exact_responses, response_characteristics, simulated_responses
from escalation.engines.optimal import ResponseLaws, chosen_in_trials, counted, exact_choice
from escalation.kernels.codes import NO_OPTIMAL_DOSE
from escalation.plans.choice import choice_plan
from escalation.scenario.file import parse_scenario
from escalation.trial.choice import Choice
from tests.naive import rules
from tests.naive.optimal_dose import every_path, optimal_dose, with_waiting
from tests.support import levels

UTILITY = {"eff": 100, "none": 50, "both": 30, "tox": 0}  # not additive
EFFICACY = {"min_response": 0.3, "max_toxicity": 0.4, "utility": UTILITY}
TRIAL = Trial(doses=levels(3), target=0.3, max_patients=8, cohort_size=2, efficacy=EFFICACY)
RULE = rules.Boin(3, 0.3, 8, 2, 1)
RATES = {
    "independent": joint_rates((0.1, 0.25, 0.5), (0.2, 0.5, 0.45), Association(odds_ratio=1.0)),
    "associated": joint_rates((0.1, 0.25, 0.5), (0.2, 0.5, 0.45), Association(odds_ratio=4.0)),
}
CHOICES = [
    Choice(by="max_response"),
    Choice(by="unimodal", futility=0.6),
    Choice(by="utility", futility=0.7),
    Choice(by="plateau", margin=0.1, futility=1.0),
]
DATA = {  # and the cohort that is not full yet: patients, DLTs
    "1NE": (0, 0),
    "1N?E 2BN?": (0, 0),
    "1NN? 2T?T?": (0, 0),
    "1EE 2N": (1, 0),
    "1EN? 2B": (0, 0),  # a DLT in one patient leads down
    "1N?": (1, 0),
    "1NE 2EN 3NB 2ET?": (0, 0),  # all have been treated
    "": (0, 0),
}


def known_cohorts(data: InterimData, begun: tuple[int, int]) -> list:
    """The history as `tests.naive` has it, but for a cohort that goes on."""
    cohorts = data.cohorts[: len(data.cohorts) - (begun[0] > 0)]
    return [(one.dose, (1,) * one.dlts + (0,) * (one.patients - one.dlts)) for one in cohorts]


@cache
def paths(text, rates):
    data, cells = InterimData.of(text, TRIAL), RATES[rates].cells.tolist()
    states = with_waiting(data.complete, data.response_pending, cells)
    return every_path(RULE, cells, known_cohorts(data, DATA[text]), states, DATA[text])


@pytest.mark.parametrize("rates", RATES)
@pytest.mark.parametrize("text", DATA)
def test_every_path(text, rates):
    joint, data = RATES[rates], InterimData.of(text, TRIAL)
    endings = exact(BOIN(), TRIAL, after=data)
    outcomes = endings.outcomes(joint.dlt)
    for choice in CHOICES:
        plan = choice_plan(choice, TRIAL.efficacy, TRIAL.most_patients)
        law = exact_choice(endings, plan, 60).law(outcomes.probability, joint)
        expected, at_chosen = defaultdict(float), defaultdict(float)
        decide = cache(lambda cells, highest, choice=choice: optimal_dose(choice, TRIAL.efficacy, cells, highest))
        for (cells, highest), probability in paths(text, rates).items():
            found = decide(cells, highest)
            expected[found] += probability
            if isinstance(found, int):
                n, e = sum(cells[found]), cells[found][1] + cells[found][3]
                at_chosen[found, n * (n + 1) // 2 + e] += probability
        named = {**dict(enumerate(law.selection)), **dict(zip(NO_OPTIMAL_DOSE.values(), law.none, strict=True))}
        for name, share in named.items():
            assert share == pytest.approx(expected[name], abs=1e-12), (choice, name)
        for place, share in np.ndenumerate(law.at_chosen):
            assert share == pytest.approx(at_chosen[place], abs=1e-12), (choice, place)


@pytest.mark.parametrize("rates", RATES)
@pytest.mark.parametrize("text", DATA)
def test_numbers_of_every_path(text, rates):
    joint, utility = RATES[rates], TRIAL.efficacy.utility
    outcomes = exact(BOIN(), TRIAL, after=text).outcomes(joint.dlt)
    found = response_characteristics(exact_responses(outcomes, joint, utility, 2, None))[0]
    sums, worth, size = np.zeros(3), 0.0, 0.0
    for (cells, _), probability in paths(text, rates).items():
        counts = np.array(cells)
        sums += probability * (counts[:, 1] + counts[:, 3])
        worth += probability * float((counts @ np.array(utility.of_outcomes)).sum())
        size += probability * counts.sum()
    assert found.responses == pytest.approx(sums, abs=1e-12)
    assert found.total_responses == pytest.approx(sums.sum(), abs=1e-12)
    assert found.mean_utility == pytest.approx(worth / size, abs=1e-12)
    assert found.response_rate == pytest.approx(sums.sum() / size, abs=1e-12)


RUNNING = {
    "begun": (BOIN(), TRIAL, "1NE 2N?"),
    "pending": (BOIN(), TRIAL, "1N?E 2BN?"),
    "crm": (CRM(skeleton=(0.1, 0.2, 0.35)), TRIAL, "1N?E 1NT?"),
    "expansion": (BOIN(), TRIAL.model_copy(update={"expansion": Expansion(patients=4, cohort_size=2)}), "1NE 2EN?"),
    "expanding": (
        BOIN(),
        TRIAL.model_copy(update={"expansion": Expansion(patients=4, cohort_size=2)}),
        "1NE 2EN? 3NB 2ET? 2N?E",
    ),
}


@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: choice.by)
@pytest.mark.parametrize("running", RUNNING)
def test_engines_agree(running, choice):
    design, of, text = RUNNING[running]
    joint, data = RATES["associated"], InterimData.of(text, of)
    plan = choice_plan(choice, of.efficacy, of.most_patients)
    expected = exact(design, of, after=data).outcomes(joint.dlt)
    simulated = simulate(design, of, joint, after=data, trials=6000, seed=3)
    told = joint, of.efficacy.utility, joint.optimal_dose(of.efficacy)
    law = exact_choice(expected, plan, 60).law(expected.probability, joint)
    chosen = chosen_in_trials(simulated, plan)
    both = (
        exact_responses(expected, *told, law),
        simulated_responses(simulated, *told, (chosen, counted(simulated, chosen))),
    )
    assert agreement(expected, simulated, [2], both).agrees
    bare = simulate(design, of, joint.dlt, after=data, trials=6000, seed=3)
    for name in ("patients", "dlts", "recommended", "reason"):
        assert np.array_equal(getattr(bare, name), getattr(simulated, name)), name
    known, most = np.array(data.responses), np.array(data.response_pending)
    new = np.stack([simulated.patients - simulated.dlts, simulated.dlts], axis=2).astype(int)
    new -= np.stack([np.array(data.patients) - data.dlts, data.dlts], axis=1)
    assert (simulated.responses >= known).all()
    assert (simulated.responses <= known + most + new).all()


WRONG = {
    "known responses are drawn again": lambda data: replace(data, responses=((0, 0),) * 3),
    "those that are pending are none": lambda data: replace(data, response_pending=((0, 0),) * 3),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_responses_that_are_taken_for_others_are_seen(wrong):
    joint, data = RATES["associated"], InterimData.of("1EN? 2EN?", TRIAL)
    other = WRONG[wrong](data)
    laws = [exact(BOIN(), TRIAL, after=one).outcomes(joint.dlt) for one in (data, other)]
    means = [exact_responses(one, joint, TRIAL.efficacy.utility, 2, None).by_dose @ np.arange(9) for one in laws]
    assert np.abs(means[0] - means[1]).max() > 0.2


def test_a_patient_to_come_responds_whatever_the_design():
    """The first whose response is not known has the same number under a design that fills up a cohort and others."""
    joint = joint_rates((0.0, 0.0, 0.0), (0.4, 0.4, 0.4), Association(odds_ratio=1.0))
    single = TRIAL.model_copy(update={"cohort_size": 1})
    found = [simulate(BOIN(), of, joint, after="1N?E 1E", trials=2500, seed=2) for of in (TRIAL, single)]
    totals = [outcomes.responses.sum(axis=(1, 2)) for outcomes in found]
    np.testing.assert_array_equal(*totals)
    assert totals[0].min() >= 2
    assert abs(totals[0].mean() - 2 - 6 * 0.4) < 4 * (6 * 0.24 / 2500) ** 0.5


def scenario(**efficacy) -> Scenario:
    return parse_scenario(
        {
            "name": "running",
            "trial": {"doses": [1, 2, 3], "target": 0.3, "max_patients": 12, "efficacy": {**EFFICACY, **efficacy}},
            "design": [
                {"kind": "boin", "optimal_dose": {"by": "utility"}},
                {"kind": "boin", "label": "plateau", "optimal_dose": {"by": "plateau", "margin": 0.1}},
                {"kind": "3+3"},
            ],
            "truth": [
                {"name": "second", "dlt_rates": [0.1, 0.25, 0.5], "response_rates": [0.2, 0.5, 0.45]},
                {"name": "none", "dlt_rates": [0.1, 0.25, 0.5], "response_rates": [0.05, 0.1, 0.15]},
            ],
        }
    )


def test_a_run_goes_on_with_the_responses():
    found = run(scenario(), after="1NNE 2EN?B", trials=2000, seed=1)
    assert found.agreement.agrees
    for result in found.results:
        assert result.exact.response.responses[0] >= 1
        assert (result.exact.response.pcs_obd is None) == (result.design == "3+3")
    high, low = (
        run(scenario(), after=text, trials=0, designs=["boin"], truths=["second"]).results[0].exact.response
        for text in ("1NNN 2EEE", "1EEE 2NNN")
    )
    assert high.obd_selection[1] > low.obd_selection[1] + 0.3
    assert low.obd_selection[0] > high.obd_selection[0] + 0.3


def test_more_patients_than_planned():
    """The futility of doses with more patients than the trial has is known, too."""
    text = "1NNE 2NNN 2NNN 2NNN 2NNN 2NNN"
    one = run(scenario(), after=text, trials=200, designs=["boin"], truths=["second"]).results[0]
    assert one.exact.response.obd_selection == one.simulated.response.obd_selection == (1.0, 0.0, 0.0)


def test_a_trial_that_is_over_has_its_optimal_dose():
    of = scenario()
    for text, chosen in (("1NNE 2EEE 3TTN 2EEN", 1), ("1NNE 2EN?N 3TTN 2EEN", None)):
        for design in ("boin", "plateau"):
            law = run(of, after=text, trials=0, designs=[design], truths=["second"]).results[0].exact.response
            now = next_dose(of.designs[design], of.trial, text)
            assert now.stop
            if now.optimal_dose.decided:
                assert law.obd_selection[now.optimal_dose.dose - 1] == pytest.approx(1)
            else:
                likely = [dose for dose, share in enumerate(law.obd_selection, 1) if share > 0]
                assert likely == [dose for dose in now.optimal_dose.possible if dose is not None]
            assert chosen is None or now.optimal_dose.dose == chosen + 1


def test_counts_without_responses():
    data = InterimData.from_counts([3, 3], [0, 1], 3, dose=2)
    with pytest.raises(OutcomesError, match="design 'boin' chooses an optimal dose: these counts say nothing of resp"):
        run(scenario(), after=data)
    assert run(scenario(), after=data, designs=["3+3"], trials=100).results[0].exact.response is None
    with pytest.raises(
        OutcomesError, match="these counts say nothing of responses; give the outcomes cohort by cohort"
    ):
        simulate(BOIN(), TRIAL, RATES["independent"], after=data)
    with pytest.raises(OutcomesError, match="nothing of responses"):
        ResponseLaws.of(RATES["independent"], data)
