"""Responses and the optimal dose under many truths: the same as under each alone, and what the studies make of them."""

import csv
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from escalation import (
    BOIN,
    BOIN12,
    EscalationError,
    GridError,
    Scenario,
    StateSpaceError,
    Sweep,
    ThreePlusThree,
    Trial,
    Truth,
    TruthSource,
    calibrate,
    calibration_truths,
    compare,
    drawn_joint_truths,
    drawn_truths,
    exact,
    find_size,
    grid,
    robust,
    run,
    scenario_truths,
    write_sweep,
)
from escalation.characteristics.many_responses import response_means, response_names
from escalation.engines import optimal
from escalation.engines.optimal import exact_choice
from escalation.kernels.codes import NO_DOSE
from escalation.studies.sweep import summed_up
from escalation.studies.work.pieces import exact_expectations

TRIAL = Trial(
    doses=["low", "middle", "high"],
    target=0.3,
    max_patients=12,
    cohort_size=3,
    efficacy={"min_response": 0.3, "max_toxicity": 0.4, "utility": {"eff": 100, "none": 50, "both": 30, "tox": 0}},
)
CHOICES = {
    "utility": {"by": "utility"},
    "response": {"by": "max_response", "futility": 0.6},
    "unimodal": {"by": "unimodal"},
    "plateau": {"by": "plateau", "margin": 0.1},
}
TRUTHS = [
    Truth(name="plateau", dlt_rates=[0.05, 0.3, 0.55], response_rates=[0.4, 0.41, 0.45]),
    Truth(
        name="associated",
        dlt_rates=[0.1, 0.2, 0.35],
        response_rates=[0.2, 0.4, 0.7],
        association={"odds_ratio": 3},
    ),
    Truth(name="inactive", dlt_rates=[0.1, 0.2, 0.35], response_rates=[0.1, 0.2, 0.2]),
    Truth(name="no MTD", dlt_rates=[0.41, 0.6, 0.7], response_rates=[0.5, 0.6, 0.7], obd=1),
]
DESIGNS = [*(BOIN(label=name, optimal_dose=choice) for name, choice in CHOICES.items()), ThreePlusThree()]
SCENARIO = Scenario(name="s", trial=TRIAL, design=DESIGNS, truth=TRUTHS)


@pytest.fixture(scope="module")
def results():
    """Of a run, by design and truth."""
    return {(one.design, one.truth.name): one.exact for one in run(SCENARIO, trials=0).results}


@pytest.fixture(scope="module")
def found():
    return robust(SCENARIO, scenario_truths(SCENARIO))


def value_of(response, name):
    stem, _, part = name.partition(".")
    value = getattr(response, stem)
    if part:
        value = value[part] if isinstance(value, dict) else value[int(part) - 1]
    return np.nan if value is None else value


def test_the_same_as_under_each_truth(found, results):
    new = {"poor_allocation_obd", "favourable", "too_toxic"}
    for label, means in found.expectations.items():
        values = means.responses.by_quantity()
        assert tuple(values) == response_names(3, chooses=label != "3+3")
        for name in values.keys() - new:
            for truth, value in zip(TRUTHS, values[name].tolist(), strict=True):
                expected = value_of(results[label, truth.name].response, name)
                assert value == pytest.approx(expected, abs=1e-12, nan_ok=True), (label, name)


def test_what_is_new(found, results):
    """Which doses are favourable, and which too toxic, is written down by hand."""
    favourable = {"plateau": [1], "associated": [3], "inactive": None, "no MTD": None}
    too_toxic = {"plateau": [3], "associated": [], "inactive": [], "no MTD": [2, 3]}
    patients = {}
    for label, means in found.expectations.items():
        endings = exact(SCENARIO.designs[label], TRIAL)
        for place, truth in enumerate(TRUTHS):
            probability = endings.probabilities(np.array(truth.dlt_rates))
            best = truth.optimal_dose(TRIAL.efficacy)
            patients[truth.name] = best
            poor = np.nan if best is None else probability[endings.patients[:, best - 1] < 12 / 3].sum()
            assert means.responses.poor_allocation_obd[place] == pytest.approx(poor, abs=1e-12, nan_ok=True)
            if label == "3+3":
                continue
            selection = results[label, truth.name].response.obd_selection
            for name, doses in (("favourable", favourable[truth.name]), ("too_toxic", too_toxic[truth.name])):
                expected = np.nan if doses is None else sum(selection[dose - 1] for dose in doses)
                assert getattr(means.responses, name)[place] == pytest.approx(expected, abs=1e-12, nan_ok=True)
    assert patients == {"plateau": 1, "associated": 3, "inactive": None, "no MTD": 1}
    utility = scenario_truths(SCENARIO).joint.mean_utility(TRIAL.efficacy.utility)
    assert utility[0, 1] < 0.95 * utility[0, 0]
    assert not found.expectations["3+3"].responses.chooses


@pytest.mark.parametrize("label", CHOICES)
def test_a_few_truths_at_a_time(label, monkeypatch):
    truths, design = drawn_joint_truths(TRIAL, count=7, seed=1), SCENARIO.designs[label]
    endings = exact(design, TRIAL)
    means = exact_expectations(design, TRIAL, truths, responses=7)
    choice = exact_choice(endings, design.choice_plan(TRIAL), 60, 7)
    told = truths.joint, truths.obd, truths.correct, (means.patients, means.dlts)
    for at_once in (1, 3):
        monkeypatch.setattr(optimal, "AT_ONCE", at_once)
        few = response_means(endings, *told, choice)
        for name, values in few.by_quantity().items():
            assert values == pytest.approx(means.responses.by_quantity()[name], abs=1e-13), name


def test_a_design_that_decides_by_responses(monkeypatch):
    """All that a run says of each truth; what is new follows from its own numbers."""
    scenario, truths = Scenario(name="s", trial=TRIAL, design=[BOIN12()], truth=TRUTHS), scenario_truths(SCENARIO)
    ran = [one.exact for one in run(scenario, trials=0).results]
    means = exact_expectations(BOIN12(), TRIAL, truths, responses=len(TRUTHS))
    for name, values in {**means.by_quantity(), **means.responses.by_quantity()}.items():
        if name in {"poor_allocation_obd", "favourable", "too_toxic", "overdosing"}:
            continue
        for one, value in zip(ran, values.tolist(), strict=True):
            source = one.response if name in means.responses.by_quantity() else one
            expected = value_of(source, name)
            expected = getattr(expected, "mean", getattr(expected, "rate_of_means", expected))
            assert value == pytest.approx(expected, abs=1e-12, nan_ok=True), name
    selection = np.array([one.response.obd_selection for one in ran])
    assert means.responses.favourable[:2] == pytest.approx([selection[0, 0], selection[1, 2]], abs=1e-12)
    assert means.responses.too_toxic == pytest.approx([selection[0, 2], 0, 0, selection[3, 1:].sum()], abs=1e-12)
    monkeypatch.setattr("escalation.studies.work.pieces.TOGETHER", 3)
    apart = exact_expectations(BOIN12(), TRIAL, truths, responses=len(TRUTHS))
    assert apart.responses.pcs_obd == pytest.approx(means.responses.pcs_obd, abs=1e-15)


def test_truths_without_responses_are_refused():
    with pytest.raises(StateSpaceError, match="these truths have none"):
        exact_expectations(BOIN12(), TRIAL, drawn_truths("clertant", TRIAL, count=2, seed=1))


def test_summaries(found, results):
    summaries = {(one.design, one.obd): one for one in found.optimal_summaries()}
    assert {position for _, position in summaries} == {"1", "3", "none", "all"}
    assert {design for design, _ in summaries} == set(CHOICES)
    right = [results["utility", truth.name].response.pcs_obd for truth in TRUTHS]
    every = summaries["utility", "all"]
    assert every.pcs_obd.mean == pytest.approx(np.mean(right))
    assert every.pcs_obd.worst == pytest.approx(min(right))
    assert every.pcs_obd.worst_truth == int(np.argmin(right))
    assert every.favourable.mean == pytest.approx(
        np.mean([found.choosing["utility"].favourable[place] for place in (0, 1)])
    )
    assert summaries["utility", "1"].truths == 2
    none = summaries["utility", "none"]
    assert (none.favourable, none.poor_allocation_obd, none.patients_at_obd) == (None, None, None)
    assert none.pcs_obd.mean == pytest.approx(right[2])
    (one,) = [
        one
        for one in found.optimal_contrasts()
        if (one.mtd, one.design, one.reference) == ("all", "plateau", "utility")
    ]
    other = [results["plateau", truth.name].response.pcs_obd for truth in TRUTHS]
    assert one.mean == pytest.approx(np.mean(other) - np.mean(right))


def test_the_same_bits_in_parts(monkeypatch):
    truths = drawn_joint_truths(TRIAL, count=30, seed=1)
    whole = robust(SCENARIO, truths, designs=["unimodal"])
    monkeypatch.setattr("escalation.studies.robust.BLOCK", 10)
    with ThreadPoolExecutor(2) as threads:
        parts = robust(SCENARIO, truths, designs=["unimodal"], executor=threads)
    before, after = (one.choosing["unimodal"].by_quantity() for one in (whole, parts))
    for name, values in before.items():
        assert values == pytest.approx(after[name], abs=1e-15), name


def test_truths_without_responses_say_nothing():
    found = robust(SCENARIO, drawn_truths("clertant", TRIAL, count=5, seed=1), designs=["utility"])
    assert found.choosing == {}
    assert list(found.optimal_summaries()) == []
    assert "pcs_obd" not in found.expectations["utility"].by_quantity()


def test_a_choice_that_takes_too_long_under_so_many_truths_is_refused():
    truths = drawn_joint_truths(TRIAL, count=2000, seed=1)
    with pytest.raises(EscalationError) as error:
        robust(SCENARIO, truths, designs=["unimodal"], max_seconds=0.0015)
    assert "under 2,000 truths: about 1 s, where 1 s are allowed; fewer truths, patients or doses" in str(error.value)
    assert robust(SCENARIO, truths.part(0, 2), designs=["unimodal"], max_seconds=0.0015).choosing


def test_the_objective_of_a_size(results):
    found = find_size(SCENARIO, pcs=0.3, objective="worst-pcs-obd", sizes=[9, 12])
    curves = {curve.design: curve for curve in found.curves}
    for label in CHOICES:
        right = [results[label, truth.name].response.pcs_obd for truth in TRUTHS]
        one = curves[label].assessments[12]
        assert one.worst_pcs_obd == one.objective("worst-pcs-obd") == pytest.approx(min(right))
        assert one.mean_pcs_obd == pytest.approx(np.mean(right))
        enough = [size for size, each in curves[label].assessments.items() if each.worst_pcs_obd >= 0.3]
        assert curves[label].smallest == min(enough, default=None)
    assert curves["3+3"].left_out[9].startswith("it chooses no optimal dose")
    assert found.benchmark == {}
    assert found.unmet is None or "has a worst P(correct OBD) of 30 %" in found.unmet
    plain = find_size(SCENARIO, pcs=0.3, sizes=[12])
    assert {one.mean_pcs_obd for curve in plain.curves for one in curve.assessments.values()} == {None}


def test_calibration_of_a_choice():
    values = {"optimal_dose.futility": [0.5, 0.9, 1.0], "p_tox": [0.35, 0.4]}
    found = calibrate(SCENARIO, design="utility", values=values, objective="mean-pcs-obd")
    right = [one.assessment.mean_pcs_obd for one in found.candidates]
    assert found.chosen.assessment.mean_pcs_obd == pytest.approx(max(right))
    assert len(set(right[::2])) == 3  # futility makes a difference
    chosen = found.chosen_scenario()
    assert chosen.designs["utility"].optimal_dose.futility == found.chosen.values["optimal_dose.futility"]
    again = [one.exact.response.pcs_obd for one in run(chosen, designs=["utility"], trials=0).results]
    assert np.mean(again) == pytest.approx(max(right))


@pytest.mark.parametrize(
    ("design", "truths", "message"),
    [
        ("3+3", scenario_truths(SCENARIO), "it chooses no optimal dose, which optimal_dose"),
        (
            "utility",
            calibration_truths(TRIAL, odds_ratio=2),
            "objective mean-pcs-obd: 3 truths with an odds ratio of 2",
        ),
        (
            "utility",
            drawn_truths("logistic", TRIAL, count=3, seed=1),
            "not all have response rates and an optimal dose",
        ),
    ],
)
def test_an_objective_of_which_nothing_can_be_said(design, truths, message):
    asked = {"truths": truths, "objective": "mean-pcs-obd"}
    with pytest.raises(EscalationError) as error:
        find_size(SCENARIO, designs=[design], pcs=0.5, sizes=[12], **asked)
    assert message in str(error.value)
    with pytest.raises(EscalationError) as error:
        calibrate(SCENARIO, design=design, values={"titration": [False]}, **asked)
    assert message in str(error.value)


def swept(tmp_path, **options) -> dict[tuple[str, ...], str]:
    """Values by what stands before them in a row."""
    file = tmp_path / "sweep.csv"
    write_sweep(Sweep(**options), file)
    return {tuple(row[:-1]): row[-1] for row in csv.reader(file.read_text().splitlines())}


def test_a_sweep(tmp_path, results):
    settings = grid(SCENARIO, {"utility.optimal_dose.futility": [0.9, 1.0]}, designs=["utility", "3+3"])
    found = swept(tmp_path, grid=settings, quantities=("pcs_obd", "obd_selection", "patients_at_obd", "pcs"))
    for truth in TRUTHS:
        response = results["utility", truth.name].response
        assert float(found["utility", "0.9", truth.name, "pcs_obd"]) == pytest.approx(response.pcs_obd)
        for dose, share in enumerate(response.obd_selection, 1):
            assert float(found["utility", "0.9", truth.name, f"obd_selection.{dose}"]) == pytest.approx(share)
        assert ("utility", "1.0", truth.name, "pcs_obd") in found
        assert ("3+3", "", truth.name, "pcs") in found
        assert ("3+3", "", truth.name, "pcs_obd") not in found
    assert found["3+3", "", "inactive", "patients_at_obd"] == ""
    assert found["utility", "0.9", "plateau", "pcs_obd"] != found["utility", "1.0", "plateau", "pcs_obd"]


def test_a_sweep_asks_for_no_choice_that_it_does_not_show(tmp_path, monkeypatch):
    def refused(*_):
        raise AssertionError

    monkeypatch.setattr("escalation.studies.sweep.exact_choice", refused)
    found = swept(tmp_path, grid=grid(SCENARIO, {}, designs=["utility"]), quantities=("mean_utility",))
    assert set(found) == {("design", "truth", "quantity"), *(("utility", one.name, "mean_utility") for one in TRUTHS)}


def test_a_sweep_over_drawn_truths_judged_by_what_is_acceptable(tmp_path):
    settings = grid(SCENARIO, {"trial.efficacy.min_response": [0.1, 0.5]}, designs=["utility"])
    found = swept(
        tmp_path, grid=settings, truths=TruthSource("shi", count=20, seed=1), quantities=("pcs_obd",), summary=True
    )
    for place, least in enumerate((0.1, 0.5)):
        trial = settings[place].trial
        truths = drawn_joint_truths(trial, count=20, seed=1)
        assert trial.efficacy.min_response == least
        expected = exact_expectations(SCENARIO.designs["utility"], trial, truths, responses=20).responses.pcs_obd
        (mean,) = [key[3] for key in found if key[:2] == ("utility", str(least))]
        assert float(mean) == pytest.approx(expected.mean())


@pytest.mark.parametrize(
    ("designs", "truths", "quantity"),
    [
        (["utility"], "logistic", "mean_utility"),
        (["3+3"], "scenario", "pcs_obd"),
        (["3+3"], "scenario", "no_obd.safety"),
    ],
)
def test_a_quantity_that_no_setting_has(tmp_path, designs, truths, quantity):
    source = TruthSource(truths, count=5)
    with pytest.raises(GridError) as error:
        swept(tmp_path, grid=grid(SCENARIO, {}, designs=designs), truths=source, quantities=(quantity,))
    assert f"quantity '{quantity}': no setting has it: its truths have no responses, or no" in str(error.value)


def test_a_summary_leaves_out_truths_without_a_number():
    values = np.array([[0.1, np.nan, 0.3], [np.nan] * 3])
    found = summed_up(values)
    assert found[0] == pytest.approx([0.2, 0.1, 0.1, 0.3, 0.3])
    assert np.isnan(found[1]).all()


def test_patients_at_the_optimal_dose_are_compared():
    found = compare(SCENARIO, designs=["utility", "3+3"], truths=["plateau", "inactive"], trials=400)
    (one,) = [one for one in found.differences if one.quantity == "patients_at_obd"]
    assert one.truth == "plateau"
    alone = run(SCENARIO, designs=["utility", "3+3"], truths=["plateau"], trials=0).results
    utility, three = (result.exact.response.patients_at_obd for result in alone)
    assert one.exact == pytest.approx(three - utility)
    assert one.p_value > 1e-4
    assert abs(one.simulated - one.exact) < 5 * one.standard_error


def test_where_an_optimal_dose_is_known():
    assert scenario_truths(SCENARIO).obd.tolist() == [0, 2, NO_DOSE, 0]
    bare = SCENARIO.model_copy(update={"truth": (TRUTHS[0], Truth(name="bare", dlt_rates=[0.1, 0.2, 0.3]))})
    assert scenario_truths(bare).joint is None
    assert scenario_truths(bare, ["plateau"]).obd.tolist() == [0]
    open_ended = TRIAL.model_copy(update={"efficacy": TRIAL.efficacy.model_copy(update={"max_toxicity": None})})
    unknown = SCENARIO.model_copy(update={"trial": open_ended})
    assert scenario_truths(unknown).joint is None
    assert scenario_truths(unknown, ["no MTD"]).obd.tolist() == [0]


def test_a_refusal_names_what_would_take_too_long():
    design = SCENARIO.designs["utility"]
    endings = exact(design, TRIAL)
    with pytest.raises(StateSpaceError) as error:
        exact_choice(endings, design.choice_plan(TRIAL), 0.5, 10_000_000)
    assert "scores at its endings under 10,000,000 truths" in str(error.value)
