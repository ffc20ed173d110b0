"""Doses compared after dose escalation: every path with every arm in plain Python, both engines, what is refused."""

from collections import defaultdict
from dataclasses import replace
from fractions import Fraction
from functools import cache
from math import prod

import numpy as np
import pytest

from escalation import (
    BOIN,
    CRM,
    Association,
    DesignError,
    EscalationError,
    Scenario,
    ScenarioError,
    ThreePlusThree,
    Trial,
    exact,
    joint_rates,
    run,
    simulate,
)
from escalation.characteristics.agreement import agreement
from escalation.characteristics.randomised import randomised_characteristics
from escalation.characteristics.responses import exact_responses, response_characteristics, simulated_responses
from escalation.engines import randomised as engine
from escalation.engines.randomised import ExactComparison, compared_in_trials
from escalation.kernels.codes import NO_OPTIMAL_DOSE
from escalation.plans.randomised import randomised_plan
from escalation.scenario.file import parse_scenario
from tests.naive import rules
from tests.naive.optimal_dose import every_path
from tests.naive.randomised import arms_of, comparisons, decided
from tests.support import levels

EFFICACY = {"min_response": 0.3, "max_toxicity": 0.4}
UTILITIES = {"eff": 100, "none": 50, "both": 30, "tox": 0}  # not additive: who responds of those with a DLT decides
LOOK = {"after": [2], "dlt_limit": 0.3, "response_limit": 0.4, "dlt_threshold": 0.8, "response_threshold": 0.8}
LOOKS = {"after": [1, 2], "dlt_limit": 0.35, "response_limit": 0.5, "dlt_threshold": 0.7, "response_threshold": 0.75}
TINY = {
    "margins": {"rule": "merit", "max_dlts": 1, "min_responses": 2},
    "margins, a look": {"rule": "merit", "max_dlts": 1, "min_responses": 2, "interim": LOOK},
    "margins, three arms": {"rule": "merit", "max_dlts": 1, "min_responses": 1, "doses": 3, "patients_per_dose": 2},
    "difference": {"rule": "difference", "margin": 0.25},
    "difference, pooled": {"rule": "difference", "margin": 0.2, "pool_escalation": True, "patients_per_dose": 3},
    "difference, three arms, looks": {
        "rule": "difference",
        "margin": 0.0,
        "doses": 3,
        "patients_per_dose": 3,
        "interim": LOOKS,
    },
    "utility": {"rule": "utility"},
    "utility, a look": {"rule": "utility", "interim": LOOK},
    "utility, pooled": {
        "rule": "utility",
        "pool_escalation": True,
        "patients_per_dose": 3,
        "interim": {"after": [2], "dlt_limit": 0.3},
    },
    "utility, three arms": {"rule": "utility", "doses": 3, "patients_per_dose": 2},
}


def trial(given, count=3, patients=8, cohort=2, utility=None, **options) -> Trial:
    efficacy = EFFICACY | ({} if utility is None else {"utility": utility})
    settings = {"doses": levels(count), "target": 0.3, "max_patients": patients, "cohort_size": cohort}
    return Trial(**settings, efficacy=efficacy, randomised={"patients_per_dose": 4, **given}, **options)


JOINT = joint_rates((0.1, 0.25, 0.5), (0.2, 0.5, 0.45), Association(odds_ratio=4.0))
CERTAIN = joint_rates((0.0, 0.3, 1.0), (1.0, 0.0, 0.6), Association(odds_ratio=2.0))
RULES = {
    "boin": (BOIN(), rules.Boin(3, 0.3, 8, 2, 1), {}),
    "3+3": (ThreePlusThree(), rules.ThreePlusThree(3, 12, 1), {"patients": 12, "cohort": 3}),
}


@cache
def paths(design, certain):
    return every_path(RULES[design][1], (CERTAIN if certain else JOINT).cells.tolist())


def exactly(design, of, joint):
    endings = exact(design, of)
    outcomes = endings.outcomes(joint.dlt)
    return outcomes, *ExactComparison(endings, randomised_plan(of), 60).law(outcomes.probability, joint)


def by_name(found) -> dict:
    return {**dict(enumerate(found.selection.tolist())), **dict(zip(NO_OPTIMAL_DOSE.values(), found.none, strict=True))}


def by_brute_force(of, joint, ended):
    """What can be counted, over all endings of dose escalation and all outcomes in the arms."""
    given, expected, at_chosen = of.randomised, defaultdict(float), defaultdict(float)
    ways = cache(lambda arms: comparisons(given, joint.cells.tolist(), arms))
    kinds = defaultdict(float)  # what endings have in common that matters for what follows
    for (cells, recommended), probability in ended.items():
        arms = tuple(arms_of([sum(cell) for cell in cells], recommended, given.doses))
        before = tuple(cell if dose in arms else None for dose, cell in enumerate(cells))
        kinds[arms, recommended is None, before if given.pool_escalation else None] += probability
    for (arms, is_unsafe, before), probability in kinds.items():
        expected["arms", len(arms)] += probability
        if not arms:
            expected["safety" if is_unsafe else "nothing_acceptable"] += probability
            continue
        for (counts, state), share in ways(arms).items():
            weight = probability * float(share)
            chosen = decided(given, of.efficacy, arms, counts, state, before)
            expected["nothing_acceptable" if chosen is None else chosen] += weight
            for arm, cells, end in zip(arms, counts, state, strict=True):
                told = sum(cells), cells[2] + cells[3], cells[1] + cells[3]
                for what, number in enumerate(told):
                    expected[what, arm, number] += weight
                expected[end, arm] += weight
                if arm == chosen:
                    n, e = told[0], told[2]
                    if given.pool_escalation:
                        n, e = n + sum(before[arm]), e + before[arm][1] + before[arm][3]
                    at_chosen[arm, n * (n + 1) // 2 + e] += weight
    return expected, at_chosen


@pytest.mark.parametrize("certain", [False, True], ids=["likely", "certain"])
@pytest.mark.parametrize("rule", TINY)
def test_every_path_with_every_arm(rule, certain):
    for name, (design, _, settings) in RULES.items():
        for utility in [None, UTILITIES] if "utility" in rule else [None]:
            of, joint = trial(TINY[rule], utility=utility, **settings), CERTAIN if certain else JOINT
            expected, at_chosen = by_brute_force(of, joint, paths(name, certain))
            _, law, stage = exactly(design, of, joint)
            for where, share in by_name(law).items():
                assert share == pytest.approx(expected[where], abs=1e-12), (name, where)
            for place, share in np.ndenumerate(law.at_chosen):
                assert share == pytest.approx(at_chosen[place], abs=1e-12), (name, place)
            for number, share in enumerate(stage.arms):
                assert share == pytest.approx(expected["arms", number], abs=1e-12), (name, number)
            for place, share in np.ndenumerate(stage.laws):
                if place[2] > 0:
                    assert share == pytest.approx(expected[place], abs=1e-12), (name, place)
            assert stage.laws.sum(axis=2) == pytest.approx(np.ones((3, 3)), abs=1e-12)
            for what, shares in zip(("dlts", "responses"), stage.closed, strict=True):
                for dose, share in enumerate(shares):
                    assert share == pytest.approx(expected[what, dose], abs=1e-12), (name, what, dose)


IN_FRACTIONS = {
    "margins": {"rule": "merit", "max_dlts": 2, "min_responses": 2},
    "margins, a look": {"rule": "merit", "max_dlts": 2, "min_responses": 2, "interim": LOOK},
    "difference": {"rule": "difference", "margin": 0.2},
    "utility, three arms": {"rule": "utility", "doses": 3, "patients_per_dose": 2},
}


@pytest.mark.parametrize("rule", IN_FRACTIONS)
def test_a_chain_in_fractions(rule):
    """Sequences of patients are whole numbers and rates are fractions: no rounding but that of the answer."""
    dlt, response = [Fraction(1, 10), Fraction(1, 4), Fraction(1, 2)], [Fraction(1, 5), Fraction(1, 2), Fraction(2, 5)]
    cells = [((1 - p) * (1 - q), (1 - p) * q, p * (1 - q), p * q) for p, q in zip(dlt, response, strict=True)]
    of = trial({"patients_per_dose": 5, **IN_FRACTIONS[rule]}, patients=12, cohort=3)
    endings, expected = exact(BOIN(), of), defaultdict(Fraction)
    weights = defaultdict(Fraction)
    for n, y, highest, sequences in zip(
        endings.patients.tolist(), endings.dlts.tolist(), endings.recommended, endings.sequences, strict=True
    ):
        ways = prod(p**k * (1 - p) ** (m - k) for p, m, k in zip(dlt, n, y, strict=True))
        arms = tuple(arms_of(n, None if highest < 0 else int(highest), of.randomised.doses))
        weights[arms] += int(sequences) * ways
    assert sum(weights.values()) == 1
    for arms, weight in weights.items():
        if not arms:
            expected["safety"] += weight
            continue
        for (counts, state), share in comparisons(of.randomised, cells, arms).items():
            chosen = decided(of.randomised, of.efficacy, arms, counts, state, None)
            expected["nothing_acceptable" if chosen is None else chosen] += weight * share
    assert sum(expected.values()) == 1
    joint = joint_rates([float(p) for p in dlt], [float(q) for q in response], Association(odds_ratio=1.0))
    for name, share in by_name(exactly(BOIN(), of, joint)[1]).items():
        assert share == pytest.approx(float(expected[name]), abs=1e-14), name


LARGER = {
    "margins": {"rule": "merit", "max_dlts": 5, "min_responses": 7},
    "margins, looks": {
        "rule": "merit",
        "max_dlts": 5,
        "min_responses": 7,
        "doses": 3,
        "interim": {"after": [7, 13], "dlt_limit": 0.2, "response_limit": 0.4, "dlt_threshold": 0.85},
    },
    "difference": {"rule": "difference", "margin": 0.1},
    "difference, pooled": {
        "rule": "difference",
        "margin": 0.1,
        "pool_escalation": True,
        "doses": 3,
        "interim": {"after": [10], "response_limit": 0.4, "response_threshold": 0.8},
    },
    "utility": {"rule": "utility", "interim": {"after": [5, 10, 15], "dlt_limit": 0.3, "dlt_threshold": 0.7}},
    "utility, pooled": {"rule": "utility", "pool_escalation": True},
}
TIMED = {"time": {"accrual_per_month": 3.0, "inevaluable": 0.2, "arrivals": "fixed"}, "dlt_window_days": 28.0}
DESIGNS = {
    "table": (BOIN(), {}),
    "curves": (CRM(skeleton=(0.1, 0.3, 0.5)), {}),
    "titration": (BOIN(titration=True), {}),
    "clock": (BOIN(), TIMED),
}


def drawn(design, of, joint, trials=20_000, seed=5):
    simulated = simulate(design, of, joint, trials=trials, seed=seed)
    return simulated, *compared_in_trials(simulated, randomised_plan(of), joint, seed)


def both(design, of, joint, plan=None, trials=20_000):
    """The responses of either engine; the exact one may go by another plan."""
    told = joint, of.efficacy.utility, joint.optimal_dose(of.efficacy)
    endings = exact(design, of)
    outcomes = endings.outcomes(joint.dlt)
    law, stage = ExactComparison(endings, plan or randomised_plan(of), 60).law(outcomes.probability, joint)
    simulated, chosen, counts, seen = drawn(design, of, joint, trials)
    return (
        (outcomes, replace(exact_responses(outcomes, *told, law), stage=stage)),
        (simulated, replace(simulated_responses(simulated, *told, (chosen, counts)), stage=seen)),
    )


def compared(design, of, joint, plan=None, trials=20_000):
    one, other = both(design, of, joint, plan, trials)
    return agreement(one[0], other[0], [2], (one[1], other[1]))


@pytest.mark.parametrize("rule", LARGER)
@pytest.mark.parametrize("design", DESIGNS)
def test_both_engines_agree(design, rule):
    made, options = DESIGNS[design]
    of = trial({"patients_per_dose": 20, **LARGER[rule]}, patients=18, cohort=3, **options)
    one, other = both(made, of, JOINT)
    found = agreement(one[0], other[0], [2], (one[1], other[1]))
    assert found.p_value > 0.001, found
    (expected, _), (seen, errors) = response_characteristics(one[1]), response_characteristics(other[1])
    for name in ("total_patients", "total_dlts", "total_responses", "patients_in_all", "dlts_in_all", "reached"):
        distance = abs(getattr(expected.randomised, name) - getattr(seen.randomised, name))
        assert distance < 4 * errors["randomised"][name] + 1e-12, name
    for name in ("bias", "rmse", "coverage"):
        distance = abs(getattr(expected.response_estimate, name) - getattr(seen.response_estimate, name))
        assert distance < 4 * errors["response_estimate"][name], name


def swapped_outcomes(plan):
    none, eff, tox, both_ = plan.utilities
    return replace(plan, utilities=(none, tox, eff, both_))


CORRUPTED = {
    "margins swapped": (
        "margins",
        lambda plan: replace(plan, max_dlts=plan.min_responses, min_responses=plan.max_dlts),
    ),
    "one DLT more": ("margins", lambda plan: replace(plan, max_dlts=plan.max_dlts + 1)),
    "looks swapped": (
        "margins, looks",
        lambda plan: replace(plan, many_dlts=plan.few_responses, few_responses=plan.many_dlts),
    ),
    "no looks": ("margins, looks", lambda plan: replace(plan, looks=plan.looks[:0])),
    "no margin": ("difference", lambda plan: replace(plan, margin=0.0)),
    "not pooled": ("difference, pooled", lambda plan: replace(plan, pools=False)),
    "outcomes swapped": ("utility", swapped_outcomes),
    "one arm": ("utility", lambda plan: replace(plan, arms=1)),
}


@pytest.mark.parametrize("corrupted", CORRUPTED)
def test_a_wrong_comparison_is_seen(corrupted):
    rule, wrong = CORRUPTED[corrupted]
    of = trial({"patients_per_dose": 20, **LARGER[rule]}, patients=18, cohort=3)
    assert compared(BOIN(), of, JOINT, trials=5000).agrees
    assert not compared(BOIN(), of, JOINT, wrong(randomised_plan(of)), trials=5000).agrees


def test_arms_that_go_on_above_a_toxic_one_are_seen(monkeypatch):
    of = trial({"patients_per_dose": 20, **LARGER["margins, looks"]}, patients=18, cohort=3)
    monkeypatch.setattr(engine._Given, "_open", lambda given, doses: independent(given, doses))  # noqa: PLW0108
    assert not compared(BOIN(), of, JOINT).agrees


def independent(given, doses):
    """As if every arm were closed by its own patients alone."""
    for is_open in np.ndindex(*(2,) * len(doses)):
        share = 1.0
        for dose, here in zip(doses, is_open, strict=True):
            share *= 1.0 if here else sum(float(part.sum()) for part in given.ends_at(dose).closed)
        yield share, [place for place, here in enumerate(is_open) if here]


def test_patients_at_a_dose_are_the_same_whatever_the_design():
    of = trial({"patients_per_dose": 12, "rule": "utility"}, patients=18, cohort=3)
    wider = trial({"patients_per_dose": 12, "rule": "difference", "margin": 0.1, "doses": 3}, patients=18, cohort=3)
    found = [
        drawn(design, one, JOINT, trials=2500)[3].counts for design, one in ((BOIN(), of), (CRM_3, of), (BOIN(), wider))
    ]
    for one in found[1:]:
        arms = (found[0][:, 0] > 0) & (one[:, 0] > 0)
        assert arms.sum() > 2500
        assert (found[0].transpose(0, 2, 1)[arms] == one.transpose(0, 2, 1)[arms]).all()
    fewer = drawn(BOIN(), trial({"patients_per_dose": 8, "rule": "utility"}, patients=18, cohort=3), JOINT, trials=2500)
    more = (found[0] - fewer[3].counts)[:, 1:]
    assert ((more >= 0) & (more <= 4)).all()


CRM_3 = CRM(skeleton=(0.1, 0.3, 0.5))


def test_without_a_comparison_nothing_changes():
    of = trial({"patients_per_dose": 12, "rule": "utility"}, patients=18, cohort=3)
    bare = of.model_copy(update={"randomised": None})
    for design in (BOIN(), CRM_3):
        one, other = (exact(design, each).outcomes(JOINT.dlt) for each in (of, bare))
        drawn_ones = [simulate(design, each, JOINT, trials=1500, seed=4) for each in (of, bare)]
        for pair in ((one, other), drawn_ones):
            for name in ("patients", "dlts", "recommended", "reason", "probability", "responses"):
                assert np.array_equal(getattr(pair[0], name), getattr(pair[1], name)), name
    assert "randomised" not in bare.model_dump()
    assert "randomised" not in Trial(**bare.model_dump()).model_dump(mode="json")


def scenario(given=None, designs=({"kind": "boin"},), truths=None, **settings) -> Scenario:
    efficacy = settings.pop("efficacy", EFFICACY)
    return parse_scenario(
        {
            "name": "example",
            "trial": {
                "doses": [1, 2, 3],
                "target": 0.3,
                "max_patients": 12,
                **({} if efficacy is None else {"efficacy": efficacy}),
                "randomised": {"patients_per_dose": 10, "rule": "utility"} if given is None else given,
                **settings,
            },
            "design": list(designs),
            "truth": truths
            or [
                {"name": "second", "dlt_rates": [0.1, 0.25, 0.5], "response_rates": [0.2, 0.5, 0.45]},
                {"name": "none", "dlt_rates": [0.1, 0.25, 0.5], "response_rates": [0.05, 0.1, 0.15]},
            ],
        }
    )


def test_a_run():
    found = run(scenario(designs=[{"kind": "boin"}, {"kind": "3+3"}]), trials=2000, seed=1)
    assert found.agreement.agrees
    for result in found.results:
        tree = result.numbers(result.exact)
        assert sum(tree["obd_selection"]) + sum(tree["no_obd"].values()) == pytest.approx(1)
        assert tree["no_obd"]["safety"] == pytest.approx(tree["no_selection"])
        assert tree["no_obd"]["futility"] == 0
        stage = tree["randomised"]
        assert sum(stage["arms"].values()) == pytest.approx(1)
        assert stage["patients_in_all"] == pytest.approx(tree["sample_size"]["mean"] + stage["total_patients"])
        assert stage["total_patients"] == pytest.approx(10 * (stage["arms"]["1"] + 2 * stage["arms"]["2"]))
        assert stage["dlts"] == pytest.approx([n * p for n, p in zip(stage["patients"], [0.1, 0.25, 0.5], strict=True)])
        assert set(stage) == set(result.simulated.mcse["randomised"])
        assert tree["sample_size"]["q95"] <= 12
    alone = run(scenario(), trials=1, exact=False).results[0].simulated
    assert alone.mcse is None
    assert alone.response.randomised.reached in (0, 1)


def test_a_dose_that_was_not_tried_is_no_arm():
    """A trial that starts at its second dose may recommend it, with nobody at the first."""
    of = trial({"patients_per_dose": 3, "rule": "utility"}, patients=6, cohort=3, start_dose=2)
    outcomes, law, stage = exactly(BOIN(), of, JOINT)
    only_second = (outcomes.recommended == 1) & (outcomes.patients[:, 0] == 0)
    assert only_second.any()
    assert stage.arms[1] >= outcomes.probability[only_second].sum()
    assert law.selection.sum() + law.none.sum() == pytest.approx(1, abs=1e-12)
    found = compared(BOIN(), of, JOINT)
    assert found.agrees


MERIT = {"patients_per_dose": 20, "rule": "merit"}
RATES = {"dlt_rates": [0.4, 0.2], "response_rates": [0.2, 0.4], "alpha": 0.1}


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"rule": "merit"}, "trial.randomised.patients_per_dose: needed"),
        ({"patients_per_dose": 20}, "trial.randomised.rule: needed"),
        ({**MERIT, "rule": "best"}, "trial.randomised.rule: should be 'merit', 'difference' or 'utility'"),
        (
            {**MERIT, "max_dlts": 3},
            'trial.randomised.min_responses: needed by "merit", or dlt_rates, response_rates, alpha for margins that '
            "are worked out",
        ),
        ({**MERIT, "max_dlts": 3, "min_responses": 21}, "min_responses: 21 should be at most patients_per_dose = 20"),
        (
            {**MERIT, **RATES, "max_dlts": 3},
            "trial.randomised.dlt_rates: gives the margins as well; leave it out, or max_dlts",
        ),
        ({**MERIT, **RATES, "alpha": None}, "trial.randomised.alpha: needed, for margins that are worked out"),
        (
            {**MERIT, **RATES, "dlt_rates": [0.2, 0.4]},
            "trial.randomised.dlt_rates: the unacceptable rate, 0.2, should be above the acceptable, 0.4",
        ),
        (
            {**MERIT, **RATES, "response_rates": [0.4, 0.2]},
            "trial.randomised.response_rates: the unacceptable rate, 0.4, should be below the acceptable, 0.2",
        ),
        ({**MERIT, **RATES, "margin": 0.1}, 'trial.randomised.margin: not an option of rule = "merit"'),
        (
            {**MERIT, **RATES, "pool_escalation": True},
            'trial.randomised.pool_escalation: not with "merit", whose margins are for arms of one size; leave it out',
        ),
        (
            {**MERIT, **RATES, "doses": 4},
            "trial.randomised.doses: margins are worked out for at most 3 arms; give max_dlts",
        ),
        (
            {**MERIT, **RATES, "doses": 3, "patients_per_dose": 41},
            "margins are worked out for at most 40 in each of 3 arms",
        ),
        (
            {"patients_per_dose": 20, "rule": "difference"},
            'trial.randomised.margin: needed by "difference": by how much a higher dose should have a higher response',
        ),
        ({"patients_per_dose": 20, "rule": "utility", "max_dlts": 3}, 'max_dlts: not an option of rule = "utility"'),
        ({"patients_per_dose": 0, "rule": "utility"}, "patients_per_dose: should be greater than or equal to 1"),
        ({"patients_per_dose": 10, "rule": "utility", "doses": 1}, "doses: should be greater than or equal to 2"),
        (
            {"patients_per_dose": 10, "rule": "utility", "interim": {"after": [10], "dlt_limit": 0.3}},
            "trial.randomised.interim.after: a look after 10 patients should be before the last of 10",
        ),
        (
            {"patients_per_dose": 10, "rule": "utility", "interim": {"after": [5]}},
            "trial.randomised.interim.after: a look needs dlt_limit, response_limit or both",
        ),
        (
            {"patients_per_dose": 10, "rule": "utility", "interim": {"after": [5, 5], "dlt_limit": 0.3}},
            "trial.randomised.interim.after: should increase from each look to the next",
        ),
        (
            {"patients_per_dose": 10, "rule": "utility", "interim": {"after": [5], "dlt_limits": 0.3}},
            "trial.randomised.interim.dlt_limits: unknown key; did you mean 'dlt_limit'?",
        ),
        (
            {"patients_per_dose": 10, "rule": "utility", "pool_escalaton": True},
            "trial.randomised.pool_escalaton: unknown key; did you mean 'pool_escalation'?",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line(given, problem):
    with pytest.raises(ScenarioError) as error:
        scenario({name: value for name, value in given.items() if value is not None})
    (told,) = error.value.problems
    assert problem in told


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"efficacy": None}, "trial.randomised: needs [trial.efficacy], which says which doses are acceptable"),
        (
            {"efficacy": {"min_response": 0.3}},
            "trial.randomised: needs max_toxicity in [trial.efficacy]: the highest acceptable DLT rate of an optimal",
        ),
        (
            {"expansion": {"patients": 10}},
            "trial.randomised: not with an expansion, which is at one dose; leave one of them out",
        ),
        (
            {"designs": [{"kind": "boin", "expansion": {"patients": 10}}]},
            "design[1].expansion: trial.randomised: not with an expansion, which is at one dose; leave one of them out",
        ),
        (
            {"designs": [{"kind": "boin", "optimal_dose": {"by": "utility"}}]},
            "design[1].optimal_dose: not with [trial.randomised], which chooses the optimal dose of all designs; leave "
            "one of them out",
        ),
        (
            {"truths": [{"name": "bare", "dlt_rates": [0.1, 0.2, 0.3]}]},
            "truth[1].response_rates: needed, because [trial.randomised] compares doses by them",
        ),
        (
            {"doses": [1], "truths": [{"name": "one", "dlt_rates": [0.1], "response_rates": [0.3]}]},
            "trial.randomised.doses: a comparison needs two dose levels; the trial has one",
        ),
        ({"max_patients": 991}, "trial.randomised.patients_per_dose: 1001 patients at a dose in all; at most 1000"),
    ],
)
def test_what_does_not_go_together(settings, problem):
    with pytest.raises(ScenarioError) as error:
        scenario(**settings)
    told = [line for line in error.value.problems if "needs [trial.efficacy], which says what" not in line]
    assert len(told) == 1
    assert problem in told[0]


def test_what_is_refused():
    with pytest.raises(EscalationError, match="a comparison is not gone on with"):
        run(scenario(), after="1NNN")
    few = trial({**RATES, "rule": "merit", "patients_per_dose": 1, "alpha": 0.01})
    with pytest.raises(DesignError, match=r"trial.randomised.alpha: no margins keep to 0.01 with 1 patients an arm"):
        randomised_plan(few)


def test_what_takes_too_long_is_refused_and_simulated():
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(engine, "COMPARED", 1e3)
        found = run(scenario(), trials=100, seed=1)
        assert "randomised ones follows from" in found.refusals["boin"]
        assert all(result.exact is None and result.simulated.response.pcs_obd is not None for result in found.results)


def test_margins_that_are_worked_out():
    of = trial({**RATES, "rule": "merit", "patients_per_dose": 26, "association": {"latent_correlation": 0.5}})
    assert of.randomised.margins == (7, 9)
    plan = randomised_plan(of)
    assert (plan.max_dlts, plan.min_responses) == (7, 9)


def test_a_design_says_what_follows():
    of = trial({**MERIT, "max_dlts": 5, "min_responses": 7, "interim": LOOK})
    told = BOIN().description(of)
    for words in (
        "20 new patients each are randomised to that dose and the next lower one",
        "After 2 patients in each arm an arm is closed with those above it when the probability of a DLT rate above",
        "the lowest one with at most 5 DLTs and at least 7 responses",
        "Patients whom dose escalation treated at these doses do not count.",
    ):
        assert words in told
    assert any("Stat Med 43:2972-2986" in source for source in BOIN().references(of))


def test_standard_errors_of_one_trial():
    of = trial({"patients_per_dose": 4, "rule": "utility"})
    simulated, _, _, stage = drawn(BOIN(), of, JOINT, trials=1)
    assert randomised_characteristics(stage, simulated)[1] is None
