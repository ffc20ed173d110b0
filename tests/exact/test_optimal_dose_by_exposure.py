"""The optimal dose by exposure: trial by trial in plain Python, by the normal distribution, and what is refused."""

import json
from dataclasses import replace
from math import exp, log, log1p, nan, sqrt

import numpy as np
import pytest
from scipy import special

from escalation import (
    BOIN,
    CRM,
    DesignError,
    EscalationError,
    OutcomesError,
    Scenario,
    ScenarioError,
    Sweep,
    ThreePlusThree,
    Trial,
    Truth,
    calibrate,
    compare,
    exact,
    find_size,
    grid,
    next_dose,
    paths,
    robust,
    run,
    scenario_truths,
    simulate,
    write_sweep,
)
from escalation.characteristics.exposures import Exposures, exposure_characteristics
from escalation.engines import patients as virtual
from escalation.engines import simulated as engine
from escalation.engines.course import course_of
from escalation.engines.simulated import simulate_trials
from escalation.kernels.codes import NO_OPTIMAL_DOSE, NOTHING_TRIED
from escalation.kernels.exposure import normal_deviate
from escalation.running.start import start_of
from escalation.scenario.file import parse_scenario
from escalation.trial.choice import Choice
from tests.naive import rules
from tests.naive.exposure import ByExposure, normal
from tests.support import levels

RATES, MEANS, CV = (0.1, 0.2, 0.45), (14.0, 22.0, 20.0), 0.6  # so that fits see violators above the RP2D, too
PLATEAU = {"by": "exposure", "ratio": 0.8}
CRM_3 = CRM(skeleton=(0.1, 0.3, 0.5), optimal_dose=PLATEAU)


def trial(count=3, patients=18, cohort=3, **options) -> Trial:
    return Trial(**{"doses": levels(count), "target": 0.3, "max_patients": patients, "cohort_size": cohort} | options)


def truth(rates=RATES, means=MEANS, cv=CV, **options) -> Truth:
    given = {"name": "plateau", "dlt_rates": rates, "obd": 2, "exposure": {"geometric_means": means, "cv": cv}}
    return Truth(**given | options)


NAIVE = ByExposure(MEANS, CV, 0.8)
DESIGNS = {
    "boin": (BOIN(optimal_dose=PLATEAU), rules.Boin(3, 0.3, 18, 3, 1), trial()),
    "3+3": (ThreePlusThree(optimal_dose=PLATEAU), rules.ThreePlusThree(3, 18, 1), trial()),
    "from the middle": (BOIN(optimal_dose=PLATEAU), rules.Boin(3, 0.3, 6, 3, 2), trial(patients=6, start_dose=2)),
    "ones": (BOIN(optimal_dose=PLATEAU), rules.Boin(3, 0.3, 9, 1, 1), trial(patients=9, cohort=1)),
}


def twin(design, naive, trials, seed=7):
    """The optimal dose of each trial in plain Python, and the deviation there."""
    _, rule, of = DESIGNS[design]
    found = []
    for block in range(-(-trials // virtual.BLOCK)):
        keys = virtual.exposure_keys(seed, block)
        tolerances = virtual.tolerances(seed, block, of.most_patients) / virtual.PARTS
        for row, key in list(zip(tolerances, keys, strict=True))[: trials - block * virtual.BLOCK]:
            found.append(naive.of_trial(rule, RATES, row.tolist(), int(key)))
    return found


def named(chosen):
    return [NO_OPTIMAL_DOSE.get(one, one) for one in chosen.tolist()]


@pytest.mark.parametrize("design", DESIGNS)
def test_trial_by_trial(design):
    chooser, _, of = DESIGNS[design]
    found = simulate(chooser, of, truth(), trials=1300, seed=7).by_exposure
    expected = twin(design, NAIVE, 1300)
    assert named(found.chosen) == [chosen for chosen, _ in expected]
    np.testing.assert_allclose(found.deviation, [deviation for _, deviation in expected], atol=1e-9)
    assert set(named(found.chosen)) == {0, 1, 2, "safety"}


WRONG = {
    "unweighted": replace(NAIVE, weighted=False),
    "fitted up to the RP2D": replace(NAIVE, fitted_up_to_recommended=True),
    "largest of all doses": replace(NAIVE, largest_of_all=True),
    "highest": replace(NAIVE, highest=True),
    "another ratio": replace(NAIVE, ratio=0.75),
    "another spread": replace(NAIVE, cv=0.5),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_rule_is_seen(wrong):
    chooser, _, of = DESIGNS["boin"]
    found = named(simulate(chooser, of, truth(), trials=1000, seed=7).by_exposure.chosen)
    assert found != [chosen for chosen, _ in twin("boin", WRONG[wrong], 1000)]


def test_the_deviates_are_normal_and_a_stream_of_their_own():
    key = virtual.exposure_keys(3, 0)[5]
    found = np.array([normal_deviate(key, np.uint64(number)) for number in range(20_000)])
    np.testing.assert_allclose(found[:50], [normal(int(key), number) for number in range(50)], atol=1e-13)
    for power, moment, spread in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs((found**power).mean() - moment) < 4 * sqrt(spread / len(found)), power
    assert abs(np.corrcoef(found[:-1], found[1:])[0, 1]) < 4 / sqrt(len(found))
    assert not set(virtual.exposure_keys(3, 0).tolist()) & set(virtual.response_keys(3, 0).tolist())
    assert len(set(virtual.exposure_keys(3, 0).tolist()) | set(virtual.exposure_keys(3, 1).tolist())) == 2000


@pytest.mark.parametrize(("means", "cv", "ratio"), [((10, 12), 0.5, 0.8), ((10, 30), 1.0, 0.6), ((10, 8), 0.3, 1.0)])
def test_two_patients_by_the_normal_distribution(means, cv, ratio):
    """One at each of two doses: the lower is chosen where the log exposures are no more than log(ratio) apart."""
    of = trial(count=2, patients=2, cohort=1)
    design = BOIN(optimal_dose={"by": "exposure", "ratio": ratio})
    outcomes = simulate(design, of, truth((0.0, 0.0), means, cv), trials=40_000, seed=4)
    assert (outcomes.patients == 1).all()
    assert (outcomes.recommended == 1).all()
    apart = log(means[0] / means[1]) - log(ratio)
    expected = special.ndtr(apart / sqrt(2 * log1p(cv**2)))
    assert 0.1 < expected < 0.9
    share = (outcomes.by_exposure.chosen == 0).mean()
    assert abs(share - expected) < 4 * sqrt(expected * (1 - expected) / 40_000)
    other = special.ndtr((apart + 2 * log(ratio)) / sqrt(2 * log1p(cv**2)))  # the ratio the wrong way round
    assert ratio == 1 or abs(share - other) > 4 * sqrt(other * (1 - other) / 40_000)


def test_the_bias_of_two_patients_by_the_normal_distribution():
    """With a ratio close to 0 the lowest dose is always chosen: no bias, and a standard error that is known."""
    of = trial(count=2, patients=2, cohort=1)
    design = BOIN(optimal_dose={"by": "exposure", "ratio": 1e-9})
    outcomes = simulate(design, of, truth((0.0, 0.0), (5, 9), 0.8, obd=1), trials=20_000, seed=4)
    found = exposure_characteristics(Exposures(outcomes, 0))
    assert found.obd_selection == (1.0, 0.0)
    assert found.pcs_obd == 1
    assert found.mcse["exposure_ratio"] == pytest.approx(sqrt(log1p(0.64) / 20_000), rel=0.03)
    assert abs(found.exposure_ratio - 1) < 4 * found.mcse["exposure_ratio"]
    # With a ratio of 1 the lower is chosen where it is the larger: E[X | X > Y] of two alike normal ones is known.
    alike = simulate(
        BOIN(optimal_dose={"by": "exposure", "ratio": 1.0}), of, truth((0.0, 0.0), (5, 5), 0.8), trials=20_000, seed=4
    )
    found = exposure_characteristics(Exposures(alike, 1))
    assert abs(found.exposure_ratio - exp(sqrt(log1p(0.64) / np.pi))) < 4 * found.mcse["exposure_ratio"]
    assert abs(found.pcs_obd - 0.5) < 4 * found.mcse["pcs_obd"]


@pytest.mark.parametrize(
    ("means", "best"), [((10, 18, 20), 1), ((20, 18.5, 20), 0), ((10, 14, 20), 2), ((9, 9, 10), 0)]
)
def test_many_patients_find_the_plateau(means, best):
    of = trial(patients=300, cohort=100)
    found = simulate(BOIN(optimal_dose=PLATEAU), of, truth((0.0, 0.0, 0.0), means, 0.15), trials=1000, seed=1)
    assert (found.patients == 100).all()
    assert (found.by_exposure.chosen == best).all()


def test_no_dose_up_to_the_recommended_one_was_given():
    design = CRM(skeleton=(0.1, 0.3, 0.5), recommend_untried=True, optimal_dose=PLATEAU)
    outcomes = simulate(design, trial(patients=6, start_dose=3), truth(), trials=1000, seed=1)
    tried = outcomes.patients > 0
    lowest = np.where(tried.any(axis=1), tried.argmax(axis=1), 3)
    nothing = lowest > outcomes.recommended
    assert 0 < nothing.sum() < 1000
    np.testing.assert_array_equal(outcomes.by_exposure.chosen == NOTHING_TRIED, nothing & (outcomes.recommended >= 0))
    assert np.isnan(outcomes.by_exposure.deviation[nothing]).all()
    found = exposure_characteristics(Exposures(outcomes, None))
    assert found.no_obd["nothing_acceptable"] == pytest.approx((outcomes.by_exposure.chosen == NOTHING_TRIED).mean())
    assert found.pcs_obd == pytest.approx(sum(found.no_obd.values()))
    assert found.patients_at_obd is None


TIMED = {"time": {"accrual_per_month": 3.0, "inevaluable": 0.25}, "dlt_window_days": 28.0}
ENGINES = {
    "table": (BOIN(optimal_dose=PLATEAU), trial()),
    "curves": (CRM_3, trial()),
    "titration": (BOIN(titration=True, optimal_dose=PLATEAU), trial()),
    "expansion": (BOIN(optimal_dose=PLATEAU), trial(patients=12, expansion={"patients": 9})),
    "clock": (BOIN(optimal_dose=PLATEAU), trial(**TIMED)),
    "clock and curves": (CRM_3, trial(patients=12, expansion={"patients": 6}, **TIMED)),
    "late onset": (BOIN(pending={"rule": "weigh"}, optimal_dose=PLATEAU), trial(**TIMED)),
}


@pytest.mark.parametrize("kind", ENGINES)
def test_trials_with_exposures_are_the_same_trials(kind):
    design, of = ENGINES[kind]
    bare, full = (simulate(design, of, given, trials=1500, seed=9) for given in (RATES, truth()))
    for name in ("patients", "dlts", "recommended", "reason", "times", "declared"):
        first, second = getattr(bare, name), getattr(full, name)
        assert (first is None) == (second is None)
        assert first is None or np.array_equal(first, second), name
    assert bare.by_exposure is None
    assert full.responses is None
    chosen = full.by_exposure.chosen
    assert ((chosen == -1) == (full.recommended == -1)).all()
    assert (chosen <= full.recommended).all()
    rows = np.flatnonzero(chosen >= 0)
    assert (full.patients[rows, chosen[rows]] > 0).all()
    assert np.isfinite(full.by_exposure.deviation[rows]).all()


@pytest.mark.parametrize("kind", ["clock", "clock and curves", "late onset"])
def test_patients_who_leave_do_not_count(kind):
    """Patient by patient from the course of each trial; with those who have left counted, another dose is chosen."""
    design, of = ENGINES[kind]
    start, rates = start_of(design, of, None), np.array(RATES)
    found = simulate(design, of, truth(), trials=150, seed=2)
    keys, unlike = virtual.exposure_keys(2, 0), 0
    for number in range(150):
        course = course_of(start, rates, number=number, seed=2)
        highest = int(course.outcomes.recommended[0])
        treated = [(one, NAIVE.exposure(one.dose, int(keys[number]), at)) for at, one in enumerate(course.patients)]
        evaluable = [(one.dose, value) for one, value in treated if not one.left]
        expected = NAIVE.optimal_dose(evaluable, None if highest < 0 else highest)
        assert named(found.by_exposure.chosen[number : number + 1]) == [expected]
        deviation = NAIVE.deviation(evaluable, expected) if isinstance(expected, int) else nan
        np.testing.assert_allclose(found.by_exposure.deviation[number], deviation, atol=1e-9)
        everybody = [(one.dose, value) for one, value in treated]
        unlike += expected != NAIVE.optimal_dose(everybody, None if highest < 0 else highest)
    assert unlike > 0


def test_a_patient_deviates_alike_at_every_dose_and_under_every_design():
    of = trial(count=1, patients=12)
    found = [
        simulate(design, of, truth((0.0,), (mean,), 0.5, obd=1), trials=1200, seed=3).by_exposure.deviation
        for design, mean in ((BOIN(optimal_dose=PLATEAU), 1.0), (BOIN(extra_safe=True, optimal_dose=PLATEAU), 400.0))
    ]
    np.testing.assert_allclose(found[0], found[1], atol=1e-9)
    # All twelve at the third dose, after one at each below, of a trial of one at a time: the same patients again.
    highest = simulate(
        CRM(skeleton=(0.01, 0.02, 0.03), no_skip=False, optimal_dose={"by": "exposure", "ratio": 1.0}),
        trial(patients=12, cohort=12, start_dose=3),
        truth((0.0, 0.0, 0.0), (1.0, 5.0, 70.0), 0.5),
        trials=1200,
        seed=3,
    )
    assert (highest.patients == [0, 0, 12]).all()
    np.testing.assert_allclose(highest.by_exposure.deviation, found[0], atol=1e-9)


def test_units_threads_and_numbers_of_trials_do_not_matter():
    design, of = ENGINES["table"]
    first = simulate(design, of, truth(), trials=1700, seed=5, threads=1).by_exposure
    for means, trials in ((MEANS, 1700), (tuple(1000 * mean for mean in MEANS), 1700), (MEANS, 900)):
        other = simulate(design, of, truth(means=means), trials=trials, seed=5, threads=2).by_exposure
        np.testing.assert_array_equal(first.chosen[:trials], other.chosen)
        np.testing.assert_allclose(first.deviation[:trials], other.deviation, atol=1e-9)


def test_responses_beside_exposures_change_nothing():
    design, of = ENGINES["table"]
    responding = of.model_copy(update={"efficacy": scenario().trial.efficacy})
    both = simulate(design, responding, truth(response_rates=(0.2, 0.5, 0.4)), trials=1500, seed=5)
    alone = simulate(design, of, truth(), trials=1500, seed=5)
    np.testing.assert_array_equal(both.by_exposure.chosen, alone.by_exposure.chosen)
    joint = truth(response_rates=(0.2, 0.5, 0.4)).joint
    np.testing.assert_array_equal(both.responses, simulate(design, responding, joint, trials=1500, seed=5).responses)
    assert simulate(BOIN(), of, truth(), trials=10, seed=5).by_exposure is None


def test_notes_that_do_not_fit_are_taken_again(monkeypatch):
    design, of = ENGINES["clock"]
    expected = simulate(design, of, truth(), trials=300, seed=1).by_exposure
    monkeypatch.setattr(engine, "NOTES_AT_ONCE", 100)
    monkeypatch.setattr(engine, "NOTES_A_PATIENT", 0.1)
    found = simulate(design, of, truth(), trials=300, seed=1).by_exposure
    np.testing.assert_array_equal(found.chosen, expected.chosen)
    np.testing.assert_array_equal(found.deviation, expected.deviation)


EXPOSURE = {"geometric_means": [10, 22, 25], "cv": 0.6}
EXPOSED = {"name": "plateau", "dlt_rates": [0.1, 0.2, 0.45], "exposure": EXPOSURE, "obd": 2}
EFFICACY = {"min_response": 0.3, "max_toxicity": 0.4}


def scenario(*designs, truths=(EXPOSED,), efficacy=EFFICACY, **more) -> Scenario:
    given = {
        "name": "example",
        "trial": {"doses": [1, 2, 3], "target": 0.3, "max_patients": 12} | ({"efficacy": efficacy} if efficacy else {}),
        "design": [{"kind": "boin", "optimal_dose": PLATEAU}, *designs],
        "truth": list(truths),
        **more,
    }
    return parse_scenario(given)


@pytest.mark.parametrize("efficacy", [None, {"min_response": 0.3}, EFFICACY], ids=["none", "no limit", "responses"])
def test_a_run(efficacy):
    truths = [EXPOSED, EXPOSED | {"name": "none", "dlt_rates": [0.7, 0.8, 0.9], "obd": "none"}]
    if efficacy:
        truths = [one | {"response_rates": [0.2, 0.5, 0.4]} for one in truths]
    found = run(scenario({"kind": "3+3"}, truths=truths, efficacy=efficacy), trials=2000, seed=1)
    assert found.agreement.agrees
    for result in found.results:
        known, drawn = result.exact.exposure, result.simulated.exposure
        assert (known.patients_at_obd is None) == (result.truth.name == "none")
        assert known.patients_at_obd is None or known.patients_at_obd == pytest.approx(result.exact.patients[1])
        assert known.obd_selection is known.no_obd is known.pcs_obd is known.exposure_ratio is None
        assert (drawn.pcs_obd is None) == (result.design == "3+3")
        assert (result.exact.response is None) == (efficacy is None)
        tree = result.numbers(result.simulated)
        if result.design == "boin":
            assert sum(tree["obd_selection"]) + sum(tree["no_obd"].values()) == pytest.approx(1)
            right = tree["obd_selection"][1] if result.truth.name == "plateau" else sum(tree["no_obd"].values())
            assert tree["pcs_obd"] == pytest.approx(right)
            assert tree["no_obd"]["safety"] == pytest.approx(tree["no_selection"])
            assert set(tree["no_obd"]) == {"safety", "nothing_acceptable"}
            assert set(drawn.to_dict()) <= set(result.simulated.mcse)
        assert not {"obd_selection", "pcs_obd", "exposure_ratio"} & set(result.exact.to_dict())
    json.dumps([result.numbers(result.simulated) for result in found.results])


def test_what_is_exact_stays_exact_to_the_bit():
    found = run(scenario(efficacy=None), trials=500, seed=1).results[0]
    bare = {key: value for key, value in EXPOSED.items() if key not in ("exposure", "obd")}
    given = {"doses": [1, 2, 3], "target": 0.3, "max_patients": 12}
    plain = parse_scenario({"name": "example", "trial": given, "design": [{"kind": "boin"}], "truth": [bare]})
    without = run(plain, trials=500, seed=1).results[0]
    for one, other in ((found.exact, without.exact), (found.simulated, without.simulated)):
        assert replace(one, exposure=None) == other


def test_a_run_without_trials_says_nothing_of_the_choice():
    found = run(scenario(efficacy=None), trials=0).results[0]
    assert found.simulated is None
    assert found.exact.exposure.to_dict() == {"patients_at_obd": pytest.approx(found.exact.patients[1])}


def test_designs_that_choose_otherwise_are_compared():
    one = EXPOSED | {"response_rates": [0.2, 0.5, 0.4]}
    designs = [{"kind": "ccd", "optimal_dose": {"by": "utility"}}, {"kind": "3+3"}]
    found = compare(scenario(*designs, truths=[one]), trials=2000, seed=1)
    differences = {(each.design, each.reference, each.quantity): each for each in found.differences}
    choice = differences["ccd", "boin", "pcs_obd"]
    assert choice.exact is choice.reference_exact is choice.z is None
    assert choice.design_exact is not None
    assert choice.simulated == pytest.approx(choice.design_simulated - choice.reference_simulated)
    assert ("3+3", "boin", "pcs_obd") not in differences
    at = differences["3+3", "boin", "patients_at_obd"]
    assert at.exact == pytest.approx(at.design_exact - at.reference_exact)
    result = next(each for each in run(scenario(*designs, truths=[one]), trials=2000, seed=1).results)
    assert choice.reference_simulated == pytest.approx(result.simulated.exposure.pcs_obd)


@pytest.mark.parametrize(
    ("optimal_dose", "problem"),
    [
        (
            {"by": "exposure"},
            'ratio: needed by "exposure": what share of the largest geometric mean a dose has to have',
        ),
        ({"by": "exposure", "ratio": 0}, "ratio: should be greater than 0"),
        ({"by": "exposure", "ratio": 1.2}, "ratio: should be less than or equal to 1"),
        ({"by": "exposure", "ratio": "0.8"}, "ratio: should be a number"),
        ({"by": "exposure", "ratio": 0.8, "margin": 0.1}, 'margin: not an option of by = "exposure"'),
        (
            {"by": "exposure", "ratio": 0.8, "futility": 0.9},
            'futility: not an option of by = "exposure", which looks at no responses',
        ),
        ({"by": "utility", "ratio": 0.8}, 'ratio: not an option of by = "utility"'),
        ({"by": "exposure", "ration": 0.8}, "ration: unknown key; did you mean 'ratio'?"),
    ],
)
def test_a_wrong_choice_is_said_in_one_line(optimal_dose, problem):
    with pytest.raises(ScenarioError) as error:
        scenario({"kind": "ccd", "optimal_dose": optimal_dose})
    assert error.value.problems == (f"design[2].optimal_dose.{problem}",)


WHY = "needed, because design[1] chooses an optimal dose by exposure"


@pytest.mark.parametrize(
    ("change", "problems"),
    [
        ({"exposure": None, "response_rates": [0.2, 0.5, 0.4]}, [f"exposure: {WHY}"]),
        ({"obd": None}, [f'obd: {WHY}: the dose level that is right to choose under this truth, or "none"']),
        ({"obd": 4}, ["obd: there are only 3 dose levels"]),
        (
            {"exposure": EXPOSURE | {"geometric_means": [1, 2]}},
            ["exposure.geometric_means: 2 geometric means for 3 dose levels"],
        ),
        (
            {"exposure": EXPOSURE | {"geometric_means": [1, 2, 0]}},
            ["exposure.geometric_means[3]: should be greater than 0"],
        ),
        ({"exposure": EXPOSURE | {"geometric_means": []}}, ["exposure.geometric_means: should not be empty"]),
        ({"exposure": EXPOSURE | {"cv": 0}}, ["exposure.cv: should be greater than 0"]),
        ({"exposure": EXPOSURE | {"cv": 101}}, ["exposure.cv: should be less than or equal to 100"]),
        ({"exposure": {"geometric_means": [1, 2, 3]}}, ["exposure.cv: needed"]),
        ({"exposure": EXPOSURE | {"sd": 1}}, ["exposure.sd: unknown key"]),
        ({"exposure": [10, 22, 25]}, ["exposure: should be a table"]),
        ({"association": {"odds_ratio": 2}}, ["association: needs response_rates"]),
    ],
)
def test_a_wrong_truth_is_said_in_one_line(change, problems):
    given = {key: value for key, value in (EXPOSED | change).items() if value is not None}
    with pytest.raises(ScenarioError) as error:
        scenario(truths=[given])
    assert error.value.problems == tuple(f"truth[1].{problem}" for problem in problems)


def test_an_optimal_dose_needs_something_to_be_optimal_for():
    with pytest.raises(ValueError, match="obd: needs response_rates or exposure"):
        Truth(name="bare", dlt_rates=[0.1], obd=1)
    with pytest.raises(DesignError, match="exposure: 3 geometric means for 2 dose levels"):
        simulate(BOIN(optimal_dose=PLATEAU), trial(count=2), truth((0.1, 0.2)))


def test_options_are_written_as_they_are_read():
    choice = Choice(by="exposure", ratio=0.8)
    assert choice.model_dump() == PLATEAU
    assert Choice(**choice.model_dump()) == choice
    assert json.loads(choice.model_dump_json()) == PLATEAU
    assert Choice(by="utility").model_dump() == {"by": "utility", "margin": None, "futility": 0.9}
    assert scenario().model_dump(mode="json")["truth"][0]["exposure"] == {
        "geometric_means": [10.0, 22.0, 25.0],
        "cv": 0.6,
    }


def test_a_design_says_how_it_chooses():
    design = BOIN(optimal_dose=PLATEAU)
    for of in (trial(), trial(efficacy=EFFICACY)):
        said = design.description(of)
        assert BOIN().description(of) in said
        assert "by the patients' exposure, among doses that have been given and are not above the recommended" in said
        assert "is at least 0.8 times the largest." in said
    assert design.references(trial()) == BOIN().references(trial())
    assert design.chooses_by_exposure
    assert not design.chooses_optimal_dose


ONLY = "it chooses an optimal dose by exposure, which is simulated only; without optimal_dose the rest is exact"


def test_studies_of_many_truths_refuse(tmp_path):
    given = scenario(efficacy=None)
    truths = scenario_truths(given)
    for ask in (
        lambda: robust(given, truths),
        lambda: find_size(given, pcs=0.3),
        lambda: calibrate(given, design="boin"),
    ):
        with pytest.raises(EscalationError, match=ONLY):
            ask()
    for ask in (
        lambda: find_size(given, pcs=0.3, objective="mean-pcs-obd"),
        lambda: calibrate(given, design="boin", objective="worst-pcs-obd"),
    ):
        with pytest.raises(EscalationError, match="-pcs-obd: exact, and an optimal dose by exposure is simulated only"):
            ask()
    settings = grid(given, {"boin.optimal_dose.ratio": [0.7, 0.8]})
    found = write_sweep(Sweep(settings), tmp_path / "sweep.csv")
    assert found.refused == 2
    assert all(refusal.endswith(ONLY) for refusal in found.refusals)
    beside = robust(scenario({"kind": "3+3"}, efficacy=None), truths)
    assert beside.refusals == {"boin": ONLY}
    assert exact(BOIN(optimal_dose=PLATEAU), given.trial).outcomes(RATES).patients.shape[1] == 3


def test_data_of_a_running_trial_have_no_exposures():
    given = scenario(efficacy=None)
    no_exposures = "chooses an optimal dose by exposure: the data have no exposures"
    with pytest.raises(OutcomesError, match=f"outcomes: design 'boin' {no_exposures}"):
        run(given, after="1NNN", trials=10)
    design = given.designs["boin"]
    with pytest.raises(OutcomesError, match=f"outcomes: the design {no_exposures}"):
        simulate(design, given.trial, given.truth[0], after="1NNN", trials=10)
    for of, data in ((given.trial, "1NNN 2NNT"), (given.trial, "1NNP"), (scenario().trial, "1NNE")):
        found = next_dose(design, of, data)
        assert found.next_dose == next_dose(BOIN(), of, data).next_dose
        assert found.recommended_dose == next_dose(BOIN(), of, data).recommended_dose
        assert found.optimal_dose.dose is None
        assert not found.optimal_dose.decided
        assert found.optimal_dose.reason == "not decided here: it is by exposure, and the data have no exposures"
    assert paths(design, given.trial, cohorts=1).chosen_by == "exposures"


def test_a_truth_that_no_design_asks_about():
    """Exposures may stand in a file without a design that chooses by them, and then need no optimal dose."""
    bare = {key: value for key, value in EXPOSED.items() if key != "obd"}
    given = {"doses": [1, 2, 3], "target": 0.3, "max_patients": 12}
    plain = parse_scenario({"name": "example", "trial": given, "design": [{"kind": "boin"}], "truth": [bare]})
    found = run(plain, trials=200, seed=1).results[0]
    assert found.exact.exposure.to_dict() == found.simulated.exposure.to_dict() == {}
    start = start_of(BOIN(), plain.trial, None)
    assert simulate_trials(start, np.array(RATES), trials=5, seed=1, threads=1).by_exposure is None
