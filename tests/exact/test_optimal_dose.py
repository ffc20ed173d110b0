"""The optimal dose after a toxicity design: every path in plain Python, both engines, and what is told of it."""

import json
from collections import defaultdict
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from escalation import (
    BOIN,
    CRM,
    Association,
    DesignError,
    JointRates,
    Scenario,
    ScenarioError,
    StateSpaceError,
    ThreePlusThree,
    Trial,
    Truth,
    exact,
    joint_rates,
    run,
    simulate,
)
from escalation.characteristics.agreement import agreement
from escalation.characteristics.responses import exact_responses, response_characteristics, simulated_responses
from escalation.engines import optimal
from escalation.engines import simulated as engine
from escalation.engines.optimal import chosen_in_trials, counted, exact_choice
from escalation.kernels.codes import BY_UNIMODAL, NO_OPTIMAL_DOSE
from escalation.plans.choice import choice_plan
from escalation.scenario.file import parse_scenario
from escalation.trial.choice import Choice
from tests.naive import rules
from tests.naive.optimal_dose import every_path, optimal_dose
from tests.support import levels

EFFICACY = {"min_response": 0.3, "max_toxicity": 0.4}
UTILITIES = {"eff": 100, "none": 50, "both": 30, "tox": 0}  # not additive: who responds of those with a DLT decides
CHOICES = [
    Choice(by="max_response"),
    Choice(by="max_response", futility=1.0),
    Choice(by="unimodal", futility=0.6),
    Choice(by="utility"),
    Choice(by="plateau", margin=0.0, futility=1.0),
    Choice(by="plateau", margin=0.2, futility=0.7),
]


def trial(count=3, patients=8, cohort=2, **options) -> Trial:
    given = {"doses": levels(count), "target": 0.3, "max_patients": patients, "cohort_size": cohort}
    return Trial(**given | {"efficacy": EFFICACY} | options)


RATES = {
    "independent": joint_rates((0.1, 0.25, 0.5), (0.2, 0.5, 0.45), Association(odds_ratio=1.0)),
    "associated": joint_rates((0.1, 0.25, 0.5), (0.2, 0.5, 0.45), Association(odds_ratio=4.0)),
    "copula": joint_rates((0.05, 0.2, 0.3), (0.6, 0.5, 0.9), Association(latent_correlation=-0.5)),
    "certain": joint_rates((0.0, 0.3, 1.0), (1.0, 0.0, 0.6), Association(odds_ratio=2.0)),
}
DESIGNS = {
    "boin": (BOIN(), rules.Boin(3, 0.3, 8, 2, 1), trial()),
    "3+3": (ThreePlusThree(), rules.ThreePlusThree(3, 12, 1), trial(patients=12, cohort=3)),
}


@cache
def paths(design, rates):
    """Every ending with its responses, and its probability, in plain Python."""
    return every_path(DESIGNS[design][1], RATES[rates].cells.tolist())


decided = cache(optimal_dose)
"""The counts of an ending do not tell under which rates it came about."""


def by_name(found) -> dict:
    """The law of an optimal dose by what `tests.naive` calls it."""
    return {**dict(enumerate(found.selection.tolist())), **dict(zip(NO_OPTIMAL_DOSE.values(), found.none, strict=True))}


@pytest.mark.parametrize("rates", RATES)
@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("utility", [{}, UTILITIES], ids=["additive", "apart"])
def test_every_path(design, rates, utility):
    chosen_by, _, of = DESIGNS[design]
    of = of.model_copy(update={"efficacy": of.efficacy.model_validate({**EFFICACY, "utility": utility})})
    endings, joint = exact(chosen_by, of), RATES[rates]
    outcomes = endings.outcomes(joint.dlt)
    for choice in CHOICES if not utility else [Choice(by="utility"), Choice(by="utility", futility=0.7)]:
        law = exact_choice(endings, choice_plan(choice, of.efficacy, of.most_patients), 60).law(
            outcomes.probability, joint
        )
        expected, at_chosen = defaultdict(float), defaultdict(float)
        for (cells, highest), probability in paths(design, rates).items():
            found = decided(choice, of.efficacy, cells, highest)
            expected[found] += probability
            if isinstance(found, int):
                n, e = sum(cells[found]), cells[found][1] + cells[found][3]
                at_chosen[found, n * (n + 1) // 2 + e] += probability
        for name, share in by_name(law).items():
            assert share == pytest.approx(expected[name], abs=1e-12), (choice, name)
        for place, share in np.ndenumerate(law.at_chosen):
            assert share == pytest.approx(at_chosen[place], abs=1e-12), (choice, place)


@pytest.mark.parametrize("rates", ["associated", "copula"])
def test_numbers_of_every_path(rates):
    design, _, of = DESIGNS["boin"]
    joint, choice = RATES[rates], Choice(by="utility")
    endings = exact(design, of)
    outcomes = endings.outcomes(joint.dlt)
    law = exact_choice(endings, choice_plan(choice, of.efficacy, 8), 60).law(outcomes.probability, joint)
    obd = joint.optimal_dose(of.efficacy)
    found, errors = response_characteristics(exact_responses(outcomes, joint, of.efficacy.utility, obd, law))
    assert errors == {}
    worth = of.efficacy.utility.of_outcomes
    sums = defaultdict(float)
    for (cells, highest), probability in paths("boin", rates).items():
        patients = sum(map(sum, cells))
        sums["patients"] += probability * patients
        sums["total"] += probability * sum(cell[1] + cell[3] for cell in cells)
        sums["worth"] += probability * sum(u * n for cell in cells for u, n in zip(worth, cell, strict=True))
        sums["at_obd"] += probability * sum(cells[obd - 1])
        for dose, cell in enumerate(cells):
            sums[dose] += probability * (cell[1] + cell[3])
        chosen = optimal_dose(choice, of.efficacy, cells, highest)
        if isinstance(chosen, int):
            deviation = (cells[chosen][1] + cells[chosen][3]) / sum(cells[chosen]) - joint.response[chosen]
            sums["chosen"] += probability
            sums["bias"] += probability * deviation
            sums["mse"] += probability * deviation**2
            sums["right"] += probability * (chosen == obd - 1)
    close = {"abs": 1e-12, "rel": 1e-12}
    assert found.total_responses == pytest.approx(sums["total"], **close)
    assert found.responses == pytest.approx([sums[0], sums[1], sums[2]], **close)
    assert found.response_rate == pytest.approx(sums["total"] / sums["patients"], **close)
    assert found.mean_utility == pytest.approx(sums["worth"] / sums["patients"], **close)
    assert found.patients_at_obd == pytest.approx(sums["at_obd"], **close)
    assert found.pcs_obd == pytest.approx(sums["right"], **close)
    assert found.response_estimate.bias == pytest.approx(sums["bias"] / sums["chosen"], **close)
    assert found.response_estimate.rmse == pytest.approx((sums["mse"] / sums["chosen"]) ** 0.5, **close)


TIMED = {
    "time": {"accrual_per_month": 3.0, "inevaluable": 0.2, "arrivals": "fixed"},
    "dlt_window_days": 28.0,
}
CRM_3 = CRM(skeleton=(0.1, 0.3, 0.5))
ENGINES = {
    "table": (BOIN(), trial(patients=18, cohort=3)),
    "curves": (CRM_3, trial(patients=18, cohort=3)),
    "titration": (BOIN(titration=True), trial(patients=18, cohort=3)),
    "expansion": (BOIN(), trial(patients=12, cohort=3, expansion={"patients": 9})),
    "clock": (BOIN(), trial(patients=18, cohort=3, **TIMED)),
    "late onset": (
        BOIN(pending={"rule": "weigh"}),
        trial(
            patients=12,
            cohort=3,
            time={"accrual_per_month": 30.4375 / 14, "arrivals": "fixed", "while_closed": "lost"},
            dlt_window_days=28,
        ),
    ),
    "one dose": (BOIN(), trial(count=1, patients=12, cohort=3)),
    "clock and curves": (CRM_3, trial(patients=12, cohort=3, expansion={"patients": 6}, **TIMED)),
}


def rates_for(of):
    """The associated rates, or where there are fewer doses the lowest of them."""
    one = RATES["associated"]
    return JointRates(one.dlt[: of.levels], one.response[: of.levels], one.cells[: of.levels])


@pytest.mark.parametrize("choice", [CHOICES[0], CHOICES[2], CHOICES[3], CHOICES[5]], ids=lambda one: one.by)
@pytest.mark.parametrize("engine", ENGINES)
def test_both_engines_agree(engine, choice):
    design, of = ENGINES[engine]
    joint, plan = rates_for(of), choice_plan(choice, of.efficacy, of.most_patients)
    expected = exact(design, of).outcomes(joint.dlt)
    simulated = simulate(design, of, joint, trials=20_000, seed=5)
    law = exact_choice(expected, plan, 60).law(expected.probability, joint)
    assert law.selection.sum() + law.none.sum() == pytest.approx(1, abs=1e-12)
    chosen = chosen_in_trials(simulated, plan)
    told = joint, of.efficacy.utility, joint.optimal_dose(of.efficacy)
    responses = (
        exact_responses(expected, *told, law),
        simulated_responses(simulated, *told, (chosen, counted(simulated, chosen))),
    )
    found = agreement(expected, simulated, [of.levels - 1] if of.levels > 1 else [1], responses)
    assert found.p_value > 0.001, found
    one, other = (response_characteristics(each) for each in responses)
    for name in ("total_responses", "response_rate", "mean_utility", "pcs_obd", "patients_at_obd"):
        if getattr(one[0], name) is None:  # no dose is acceptable
            assert (name, of.levels) == ("patients_at_obd", 1)
            continue
        assert abs(getattr(one[0], name) - getattr(other[0], name)) < 4 * other[1][name], name
    for name in ("bias", "rmse", "coverage"):
        distance = abs(getattr(one[0].response_estimate, name) - getattr(other[0].response_estimate, name))
        assert distance < 4 * other[1]["response_estimate"][name], name


@pytest.mark.parametrize("engine", ENGINES)
def test_trials_with_responses_are_the_same_trials(engine):
    design, of = ENGINES[engine]
    joint = rates_for(of)
    bare, full = (simulate(design, of, given, trials=1500, seed=9) for given in (joint.dlt, joint))
    for name in ("patients", "dlts", "recommended", "reason", "times", "declared"):
        first, second = getattr(bare, name), getattr(full, name)
        assert (first is None) == (second is None)
        assert first is None or np.array_equal(first, second), name
    well, ill = full.responses[..., 0], full.responses[..., 1]
    assert (ill <= full.dlts).all()
    assert (well <= full.patients - full.dlts).all()


def test_a_patient_responds_whatever_the_design():
    """Where all doses have the same response rates the k-th patient of a trial responds under every design or none."""
    joint = joint_rates((0.0, 0.0, 0.0), (0.4, 0.4, 0.4), Association(odds_ratio=1.0))
    same = [
        simulate(design, trial(patients=n, cohort=cohort), joint, trials=2500, seed=2)
        for design, n, cohort in ((BOIN(), 12, 3), (CRM_3, 12, 1), (BOIN(), 9, 3))
    ]
    totals = [outcomes.responses.sum(axis=(1, 2)) for outcomes in same]
    np.testing.assert_array_equal(totals[0], totals[1])
    assert ((totals[0] - totals[2] >= 0) & (totals[0] - totals[2] <= 3)).all()
    assert abs(totals[0].mean() - 12 * 0.4) < 4 * (12 * 0.24 / 2500) ** 0.5
    assert simulate(BOIN(), trial(), joint.dlt, trials=9, seed=2).responses is None


def test_notes_that_do_not_fit_are_taken_again(monkeypatch):
    design, of = ENGINES["clock"]
    joint = RATES["associated"]
    expected = simulate(design, of, joint, trials=300, seed=1)
    monkeypatch.setattr(engine, "NOTES_AT_ONCE", 100)
    monkeypatch.setattr(engine, "NOTES_A_PATIENT", 0.1)
    found = simulate(design, of, joint, trials=300, seed=1)
    np.testing.assert_array_equal(found.responses, expected.responses)
    np.testing.assert_array_equal(found.times, expected.times)


def test_eliminated_doses_are_above_the_recommended_one():
    """So that none that may be chosen is eliminated."""
    for design, of in (ENGINES["table"], (BOIN(extra_safe=True), trial(patients=18, cohort=3))):
        plan, endings = design.plan(of), exact(design, of)
        codes = plan.table.codes
        for n, y, highest in zip(endings.patients, endings.dlts, endings.recommended, strict=True):
            assert not any(codes[dose, n[dose], y[dose]] == -2 for dose in range(highest + 1))


CORRUPTED = {
    "letters swapped": lambda plan: replace(
        plan, utilities=(plan.utilities[2], *plan.utilities[1:2], *plan.utilities[:1], plan.utilities[3])
    ),
    "a floor in the wrong slot": lambda plan: replace(plan, futile=plan.futile.T.copy()),
    "no futility": lambda plan: replace(plan, futile=np.zeros_like(plan.futile)),
}


@pytest.mark.parametrize("corrupted", CORRUPTED)
def test_a_wrong_choice_is_seen(corrupted):
    design, of = ENGINES["table"]
    joint, plan = RATES["associated"], choice_plan(Choice(by="utility", futility=0.7), of.efficacy, of.most_patients)
    expected = exact(design, of).outcomes(joint.dlt)
    simulated = simulate(design, of, joint, trials=5000, seed=5)
    told = joint, of.efficacy.utility, joint.optimal_dose(of.efficacy)

    def compared(one):
        law = exact_choice(expected, one, 60).law(expected.probability, joint)
        chosen = chosen_in_trials(simulated, plan)
        simulated_ones = simulated_responses(simulated, *told, (chosen, counted(simulated, chosen)))
        return agreement(expected, simulated, [2], (exact_responses(expected, *told, law), simulated_ones))

    assert compared(plan).agrees
    assert not compared(CORRUPTED[corrupted](plan)).agrees


def test_ties_to_the_other_side_are_seen(monkeypatch):
    """The exact engine compares scores with those below and above a dose; with the slack turned round ties go up."""
    design, _, of = DESIGNS["boin"]
    joint, choice = RATES["associated"], Choice(by="max_response")
    endings = exact(design, of)
    outcomes = endings.outcomes(joint.dlt)
    plan = choice_plan(choice, of.efficacy, of.most_patients)
    original = optimal.choose_by_scores

    def upside_down(patients, recommended, weight, slots, laws, at_chosen, none):
        begins, counts, scores, *others = laws
        tilted = scores.copy()
        for slot, (begin, count) in enumerate(zip(begins, counts, strict=True)):
            tilted[begin : begin + count] += 1e-6 * slot  # later laws are those of higher doses
        original(patients, recommended, weight, slots, (begins, counts, tilted, *others), at_chosen, none)

    right = exact_choice(endings, plan, 60).law(outcomes.probability, joint)
    monkeypatch.setattr(optimal, "choose_by_scores", upside_down)
    wrong = exact_choice(endings, plan, 60).law(outcomes.probability, joint)
    assert np.abs(right.selection - wrong.selection).max() > 0.01


def scenario(*designs, truths=None, **efficacy) -> Scenario:
    given = {
        "name": "example",
        "trial": {
            "doses": [1, 2, 3],
            "target": 0.3,
            "max_patients": 12,
            "efficacy": {**EFFICACY, **efficacy},
        },
        "design": [
            {"kind": "boin", "optimal_dose": {"by": "utility"}},
            {"kind": "3+3"},
            *designs,
        ],
        "truth": truths
        or [
            {"name": "second", "dlt_rates": [0.1, 0.25, 0.5], "response_rates": [0.2, 0.5, 0.45]},
            {"name": "none", "dlt_rates": [0.1, 0.25, 0.5], "response_rates": [0.05, 0.1, 0.15]},
        ],
    }
    return parse_scenario(given)


def test_a_run_has_both():
    found = run(scenario(), trials=2000, seed=1)
    assert found.agreement.agrees
    for result in found.results:
        of_each = [result.exact.response, result.simulated.response]
        for one in of_each:
            assert (one.pcs_obd is None) == (result.design == "3+3")
            assert (one.patients_at_obd is None) == (result.truth.name == "none")
        if result.design == "boin":
            tree = result.numbers(result.exact)
            assert sum(tree["obd_selection"]) + sum(tree["no_obd"].values()) == pytest.approx(1)
            right = tree["obd_selection"][1] if result.truth.name == "second" else sum(tree["no_obd"].values())
            assert tree["pcs_obd"] == pytest.approx(right)
            assert tree["no_obd"]["safety"] == pytest.approx(tree["no_selection"])
            assert set(result.simulated.response.to_dict()) <= set(result.simulated.mcse)
    json.dumps([result.numbers(result.exact) for result in found.results])


def test_a_truth_without_responses_is_as_before():
    bare = {"name": "bare", "dlt_rates": [0.1, 0.25, 0.5]}
    given = {
        "name": "example",
        "trial": {"doses": [1, 2, 3], "target": 0.3, "max_patients": 12},
        "design": [{"kind": "boin"}],
        "truth": [bare],
    }
    without = run(parse_scenario(given), trials=200, seed=1).results[0]
    given["trial"]["efficacy"] = EFFICACY
    with_efficacy = run(parse_scenario(given), trials=200, seed=1).results[0]
    assert without.exact == with_efficacy.exact
    assert without.simulated == with_efficacy.simulated
    assert not {"responses", "obd_selection"} & set(without.exact.to_dict())


@pytest.mark.parametrize(
    ("design", "change", "problem"),
    [
        (
            {"kind": "ccd", "optimal_dose": {"by": "plateau"}},
            {},
            'design[3].optimal_dose.margin: needed by "plateau": how far below the highest response rate a dose may be',
        ),
        (
            {"kind": "ccd", "optimal_dose": {"by": "utility", "margin": 0.1}},
            {},
            'design[3].optimal_dose.margin: not an option of by = "utility"',
        ),
        (
            {"kind": "ccd", "optimal_dose": {"by": "best"}},
            {},
            "design[3].optimal_dose.by: should be 'max_response', 'unimodal', 'utility', 'plateau' or 'exposure'",
        ),
        ({"kind": "ccd", "optimal_dose": {}}, {}, "design[3].optimal_dose.by: needed"),
        (
            {"kind": "ccd", "optimal_dose": {"by": "utility", "futility": 0}},
            {},
            "design[3].optimal_dose.futility: should be greater than 0",
        ),
        (
            {"kind": "ccd"},
            {"max_toxicity": None},
            "design[1].optimal_dose: needs max_toxicity in [trial.efficacy]: the highest acceptable DLT rate of an "
            "optimal dose",
        ),
        (
            {"kind": "ccd"},
            {"truths": [{"name": "bare", "dlt_rates": [0.1, 0.2, 0.3]}]},
            "truth[1].response_rates: needed, because design[1] chooses an optimal dose",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line(design, change, problem):
    with pytest.raises(ScenarioError) as error:
        scenario(design, **change)
    assert error.value.problems == (problem,)


def test_what_is_refused():
    joint = RATES["associated"]
    with pytest.raises(DesignError, match="3 values for 2 dose levels"):
        simulate(BOIN(), trial(count=2), joint)


def test_too_many_responses_are_refused_with_a_count():
    large = trial(count=5, patients=60, cohort=3)
    endings = exact(BOIN(), trial(count=3, patients=30, cohort=3))
    plan = choice_plan(Choice(by="unimodal"), large.efficacy, 60)
    with pytest.raises(StateSpaceError, match=r"[\d,]{5,} vectors of responses: about \d+ s, where 1 s are allowed"):
        exact_choice(endings, plan, 1e-3)
    plan = choice_plan(Choice(by="utility"), large.efficacy, 60)
    with pytest.raises(StateSpaceError, match="responses without and with a DLT"):
        exact_choice(endings, plan, 1e-6)
    # A design that is refused is simulated all the same, and says why.
    design = {"kind": "ccd", "label": "fit", "optimal_dose": {"by": "unimodal"}}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(optimal, "DECIDED", {BY_UNIMODAL: 1e3})
        found = run(scenario(design), designs=["fit"], trials=100, seed=1)
        assert "vectors of responses" in found.refusals["fit"]
        assert all(result.exact is None and result.simulated.response.pcs_obd is not None for result in found.results)
        with pytest.raises(StateSpaceError, match="vectors of responses"):
            run(scenario(design), designs=["fit"], trials=0)


def test_the_true_optimal_dose_of_a_run():
    truth = {"name": "own", "dlt_rates": [0.1, 0.25, 0.5], "response_rates": [0.2, 0.5, 0.45], "obd": 1}
    one = run(scenario(truths=[truth]), designs=["boin"], trials=0).results[0].exact.response
    assert one.pcs_obd == pytest.approx(one.obd_selection[0])
    assert Truth(**truth).joint.response.tolist() == [0.2, 0.5, 0.45]


def test_a_design_says_how_it_chooses():
    design = BOIN(optimal_dose={"by": "plateau", "margin": 0.1})
    assert "no more than 0.1 below the highest" in design.description(trial())
    assert any("Fraisse" in reference for reference in design.references(trial()))
    assert BOIN().description(trial()) in BOIN(optimal_dose={"by": "utility"}).description(trial())
