"""Calibration: each number by another route, and the choice by its definition."""

import math
import pickle
from concurrent.futures import Executor, Future
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest

from escalation import BOIN, CRM, Keyboard, Monitoring, Trial, Truth, calibrate, calibration_truths, exact, run
from escalation.designs import REGISTRY
from escalation.errors import DesignError, EscalationError, GridError
from escalation.scenario.file import Scenario, load_scenario, parse_scenario
from escalation.scenario.grid import changed
from escalation.scenario.truths.sets import scenario_truths
from escalation.studies.calibrate import Calibration, Candidate
from escalation.studies.evaluate import Assessment, Limit
from tests.conformance.test_every_design import SETTINGS, WAITING
from tests.naive.quantities import overdosing
from tests.support import Steps

SCENARIOS = Path(__file__).parents[2] / "scenarios"
LUCAR = load_scenario(SCENARIOS / "lucar-dks1.toml")
TAK = load_scenario(SCENARIOS / "tak-007.toml")
SMALL = changed(LUCAR, {"trial.max_patients": 18})


def by_run(scenario: Scenario, label: str) -> Assessment:
    """The numbers from full operating characteristics, truth by truth, as `escalation run` has them."""
    results = run(scenario, designs=[label], trials=0).results
    ocs = [result.exact for result in results]
    endings = exact(scenario.designs[label], scenario.trial)
    over = [
        overdosing(endings.outcomes(result.truth.dlt_rates), result.correct_doses)
        for result in results
        if result.correct_doses
    ]
    right = [oc.no_selection for oc, result in zip(ocs, results, strict=True) if result.correct_doses]
    wrong = [oc.no_selection for oc, result in zip(ocs, results, strict=True) if not result.correct_doses]
    return Assessment(
        mean_pcs=math.fsum(oc.pcs for oc in ocs) / len(ocs),
        worst_pcs=min(oc.pcs for oc in ocs),
        overdosing=math.fsum(over) / len(over),
        false_stopping=max(right, default=None),
        power=min(wrong, default=None),
        patients=math.fsum(oc.sample_size.mean for oc in ocs) / len(ocs),
    )


def close(found: Assessment, expected: Assessment) -> bool:
    return all(getattr(found, name) == pytest.approx(getattr(expected, name), abs=1e-12) for name in vars(expected))


@pytest.mark.parametrize(
    ("scenario", "label", "values"),
    [
        (SMALL, "boin", {"p_saf": [0.1, 0.15], "p_tox": [0.3, 0.4], "cutoff_eli": [0.9]}),
        (SMALL, "crm", {"half_width": [0.03, 0.08], "prior_mtd": [2], "stop_if_too_toxic.threshold": [0.8]}),
        (TAK, "monitoring", {"threshold": [0.8, 0.97]}),
        (TAK, "3+3 lead-in", {"expansion.patients": [6, 9]}),
    ],
)
def test_every_number_is_that_of_a_run_of_the_changed_scenario(scenario, label, values):
    found = calibrate(scenario, design=label, values=values)
    assert close(found.own, by_run(scenario, label))
    assert [one.values for one in found.candidates] == [
        dict(zip(values, chosen, strict=True)) for chosen in product(*values.values())
    ]
    assert [one.number for one in found.candidates] == list(range(1, len(found.candidates) + 1))
    for one in found.candidates:
        settled = changed(scenario, {f"{label}.{option}": value for option, value in one.values.items()})
        assert close(one.assessment, by_run(settled, label)), one.values
    again = found.chosen_scenario()
    assert close(found.chosen.assessment, by_run(again, label))


def test_monitoring_by_its_boundary():
    """Type I error and power from the boundary alone, which the engine does not see."""
    truths = [Truth(name="at the limit", dlt_rates=(0.25,)), Truth(name="too toxic", dlt_rates=(0.5,))]
    scenario = Scenario(
        name="m", trial=TAK.trial, truth=truths, design=[Monitoring(), Monitoring(rule="pocock", label="p")]
    )
    for label, option, values in (("monitoring", "threshold", [0.8, 0.95, 0.98]), ("p", "alpha", [0.05, 0.1, 0.2])):
        found = calibrate(scenario, design=label, values={option: values}, limits={"false_stopping": 0.1, "power": 0.6})
        within = []
        for one in found.candidates:
            design = scenario.designs[label].model_copy(update=one.values)
            error, power = (design.crossing_probability(TAK.trial, rate) for rate in (0.25, 0.5))
            assert one.assessment.false_stopping == pytest.approx(error, abs=1e-12)
            assert one.assessment.power == pytest.approx(power, abs=1e-12)
            assert one.assessment.mean_pcs == pytest.approx((1 - error + power) / 2, abs=1e-12)
            within += [(power - error, one)] if error <= 0.1 and power >= 0.6 else []
        assert found.chosen is max(within, key=lambda pair: pair[0])[1]


def invented(seed: int, levels: int = 2) -> Calibration:
    """Settings with numbers that coincide often."""
    stream = np.random.default_rng(seed)

    def number() -> float:
        return float(stream.integers(0, 6)) / 10

    candidates = tuple(
        Candidate(place + 1, {"p_tox": place}, Assessment(number(), number(), number(), number(), number(), 10.0))
        for place in range(40)
    )
    trial = Trial(doses=list(range(levels)), target=0.25, max_patients=6)
    scenario = Scenario(name="i", trial=trial, design=[BOIN()], truth=[Truth(name="t", dlt_rates=[0.25] * levels)])
    limits = (Limit("overdosing", 0.3), Limit("false_stopping", 0.4), Limit("power", 0.1))
    objective = ("mean-pcs", "worst-pcs")[seed % 2]
    return Calibration(scenario, "boin", scenario_truths(scenario), objective, limits, candidates, (), None)


@pytest.mark.parametrize("levels", [1, 2])
@pytest.mark.parametrize("seed", range(12))
def test_choice_and_front_by_their_definitions(seed, levels):
    found = invented(seed, levels)
    gain = "mean_pcs" if found.objective == "mean-pcs" else "worst_pcs"
    cost = "overdosing" if levels > 1 else "false_stopping"
    places = [(getattr(one.assessment, gain), getattr(one.assessment, cost)) for one in found.candidates]
    allowed = [
        place
        for place, one in enumerate(found.candidates)
        if one.assessment.overdosing <= 0.3 and one.assessment.false_stopping <= 0.4 and one.assessment.power >= 0.1
    ]
    best = min(allowed, key=lambda place: (-places[place][0], places[place][1], place))
    assert found.chosen.number == best + 1

    def beaten(place: int) -> bool:
        own = places[place]
        return (
            any(other[0] >= own[0] and other[1] <= own[1] and other != own for other in places)
            or own in (places[:place])
        )

    front = [place + 1 for place in range(len(places)) if not beaten(place)]
    assert sorted(one.number for one in found.front) == front
    for low, high in pairwise(found.front):
        assert getattr(low.assessment, cost) < getattr(high.assessment, cost)


def test_limits_that_nothing_meets():
    truths = scenario_truths(SMALL)
    found = calibrate(SMALL, design="boin", values={"p_tox": [0.3, 0.35, 0.45]}, limits={"overdosing": 0.001})
    least = min(found.candidates, key=lambda one: one.assessment.overdosing)
    assert found.chosen is None
    assert found.unmet == (
        f"no setting has overdosing at most 0.1 %: the nearest has {100 * least.assessment.overdosing:.4g} %, "
        f"p_tox = {least.values['p_tox']}"
    )
    with pytest.raises(EscalationError, match="no setting has overdosing"):
        found.chosen_scenario()
    both = calibrate(
        SMALL,
        design="boin",
        values={"cutoff_eli": [0.7, 0.95]},
        truths=truths,
        limits={"false_stopping": 0.3, "power": 0.95},
    )
    assert both.candidates[0].assessment.power >= 0.95
    assert "of those with false stopping at most 30 % has power at least 95 %" in both.unmet
    assert found.front
    assert calibrate(SMALL, design="boin", values={"p_tox": [0.3]}).unmet is None


def test_settings_that_are_not_possible_are_left_out_with_their_reasons():
    found = calibrate(SMALL, design="crm", values={"half_width": [0.05, 0.25, 0.3], "prior_mtd": [1, 4]})
    assert [one.values["half_width"] for one in found.candidates] == [0.05, 0.05]
    assert [values["half_width"] for values, _ in found.left_out] == [0.25, 0.25, 0.3, 0.3]
    assert "half_width" in found.left_out[0][1]
    with pytest.raises(EscalationError, match=r"no setting of the grid is possible; p_tox = 0.1: .*p_tox"):
        calibrate(SMALL, design="boin", values={"p_tox": [0.1, 0.2]})
    with pytest.raises(EscalationError, match=r"no setting of the grid is possible; p_tox = 0.3: .*states"):
        calibrate(SMALL, design="boin", values={"p_tox": [0.3, 0.4]}, max_states=10)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"design": "bion"}, "no design 'bion'; did you mean 'boin'"),
        ({"design": "3+3"}, "grid: needed: '3\\+3' has no options that are usually tuned"),
        ({"values": {"p_tax": [0.3]}}, "grid: boin.p_tax: unknown option; did you mean 'p_tox'"),
        ({"values": {"p_tox": []}}, "grid: boin.p_tox: no values"),
        ({"values": {"p_tox": [0.3, 0.3]}}, "grid: boin.p_tox: 0.3 is given twice"),
        ({"values": {"p_tox": [i / 1e6 for i in range(300_000, 301_001)], "p_saf": range(1000)}}, "settings"),
        ({"objective": "pcs"}, "objective: 'pcs' should be one of mean-pcs, worst-pcs"),
        ({"limits": {"overdoing": 0.1}}, "no limit 'overdoing'; did you mean 'overdosing'"),
        ({"limits": {"overdosing": 10}}, "overdosing: 10 should be a probability"),
        ({"limits": {"overdosing": math.nan}}, "overdosing: nan should be a probability"),
        ({"limits": {"patients": math.inf}}, "mean number of patients: inf should be a number of patients"),
        ({"limits": {"power": 0.8}, "truths": "MTD at 300"}, "power: cannot be limited: a dose is correct in every"),
        ({"limits": {"false_stopping": 0.1}, "truths": "all too toxic"}, "false stopping: cannot be limited"),
        (
            {"limits": {"overdosing": 0.1}, "truths": "all too toxic"},
            "no dose is correct in any truth",
        ),
    ],
)
def test_refused_before_any_work(monkeypatch, changes, message):
    monkeypatch.setattr("escalation.studies.calibrate.evaluate", None)
    changes = {"design": "boin", **changes}
    if "truths" in changes:
        changes["truths"] = scenario_truths(SMALL, [changes["truths"]])
    with pytest.raises(EscalationError, match=message):
        calibrate(SMALL, **changes)


class Elsewhere(Executor):
    """Runs pieces as another machine would, the last first: what is sent and what comes back are bytes."""

    def __init__(self):
        self.waiting = []
        self.most_bytes = 0

    def submit(self, work, /, *arguments):
        sent = pickle.dumps((work, arguments))
        self.most_bytes = max(self.most_bytes, len(sent))
        function, received = pickle.loads(sent)
        future = Future()
        future.set_result(pickle.loads(pickle.dumps(function(*received))))
        return future


def test_any_executor_gives_the_same():
    elsewhere = Elsewhere()
    values = {"half_width": [0.04, 0.06, 0.3], "prior_mtd": [2, 3]}
    here = calibrate(SMALL, design="crm", values=values)
    there = calibrate(SMALL, design="crm", values=values, executor=elsewhere)
    assert there.candidates == here.candidates
    assert there.left_out == here.left_out
    assert there.own == here.own
    assert elsewhere.most_bytes < 10_000


def test_steps_are_counted():
    """Of two settings, of which one is not possible, and the design as it is."""
    steps = Steps()
    calibrate(SMALL, design="crm", values={"half_width": [0.04, 0.3], "prior_mtd": [2]}, progress=steps)
    assert (steps.asked, steps.done) == ([(3, "settings")], 3)


def possible(kind: str, levels: int):
    """A design of a kind with a trial that it fits, if there is one."""
    trial = Trial(doses=list(range(1, levels + 1)), target=0.25, max_patients=6)
    for options in SETTINGS[kind]:
        design = REGISTRY[kind](**options)
        if not list(design.problems(trial)):
            return Scenario(name="s", trial=trial, design=[design], truth=[Truth(name="t", dlt_rates=[0.25] * levels)])
    return None


POSSIBLE = {
    f"{kind}-{levels}": scenario
    for kind in WAITING
    for levels in (1, 4)
    if (scenario := possible(kind, levels)) is not None
}


@pytest.mark.parametrize("scenario", POSSIBLE.values(), ids=POSSIBLE)
def test_default_grids_hold_settings_that_are_possible(scenario):
    (label,) = scenario.designs
    grid = scenario.designs[label].tuning(scenario.trial)
    if not grid:
        with pytest.raises(GridError, match="has no options that are usually tuned"):
            calibrate(scenario, design=label)
        return
    found = calibrate(scenario, design=label)
    assert len(found.candidates) + len(found.left_out) == math.prod(map(len, grid.values()))
    assert len(found.candidates) > len(found.left_out)


def test_default_grids_are_documented():
    """In the row of each design of the page's table."""
    page = (SCENARIOS.parent / "docs" / "calibration.md").read_text()
    kinds = [scenario.design[0].kind for scenario in POSSIBLE.values()]
    assert set(kinds) == set(WAITING)
    for kind, scenario in zip(kinds, POSSIBLE.values(), strict=True):
        options = scenario.design[0].tuning(scenario.trial)
        rows = [row for row in page.splitlines() if row.startswith("| [") and f"[{kind}]" in row]
        assert bool(rows) >= bool(options), kind
        assert all(f"`{option}`" in rows[0] for option in options), kind


def test_default_grids():
    trial = LUCAR.trial
    assert Keyboard().tuning(trial)["half_width"][0] == 0.01
    assert {name: len(values) for name, values in BOIN().tuning(trial).items()} == {
        "p_saf": 5,
        "p_tox": 5,
        "cutoff_eli": 3,
    }
    limits = BOIN()._limits(trial.target)
    assert limits[0] in BOIN().tuning(trial)["p_saf"]
    assert limits[1] in BOIN().tuning(trial)["p_tox"]
    assert CRM(skeleton=(0.1, 0.2, 0.3, 0.4)).tuning(trial)["skeleton"] == (None,)
    assert list(Monitoring(rule="pocock").tuning(TAK.trial)) == ["alpha"]
    assert CRM(skeleton=(0.25,), stop_if_too_toxic={"threshold": 0.9}).tuning(TAK.trial).keys() == {
        "stop_if_too_toxic.threshold"
    }


def test_a_skeleton_gives_way_to_half_widths():
    scenario = parse_scenario(
        {
            "name": "s",
            "trial": {"doses": [1, 2, 3], "target": 0.25, "max_patients": 6},
            "design": [{"kind": "crm", "skeleton": [0.1, 0.2, 0.3]}],
            "truth": [{"name": "t", "dlt_rates": [0.1, 0.25, 0.4]}],
        }
    )
    found = calibrate(scenario, design="crm")
    assert found.options == ["half_width", "prior_mtd"]
    design = found.chosen_scenario().designs["crm"]
    assert design.skeleton is None
    assert design.half_width == found.chosen.values["half_width"]


class Cautious(BOIN):
    """A design of one's own with an option that is usually tuned."""

    kind: str = "cautious"

    def tuning(self, trial):
        return {"cutoff_eli": (0.8, 0.9)}


def test_a_design_of_ones_own():
    scenario = Scenario(name="s", trial=SMALL.trial, design=[Cautious()], truth=SMALL.truth)
    found = calibrate(scenario, design="cautious")
    plain = calibrate(SMALL, design="boin", values={"cutoff_eli": [0.8, 0.9]})
    assert [one.assessment for one in found.candidates] == [one.assessment for one in plain.candidates]


def test_calibration_set():
    """Odds that grow by the ratio from dose to dose, and the target on the diagonal."""
    truths = calibration_truths(LUCAR.trial, odds_ratio=1.8)
    odds = truths.rates / (1 - truths.rates)
    assert odds[:, 1:] / odds[:, :-1] == pytest.approx(1.8)
    assert truths.rates.diagonal().tolist() == [0.25] * 4
    assert truths.mtd.tolist() == [0, 1, 2, 3]
    for wrong in (1, 0.5, math.nan, math.inf, True, "2"):
        with pytest.raises(DesignError, match=r"odds_ratio: .* should be a number above 1"):
            calibration_truths(LUCAR.trial, odds_ratio=wrong)


def test_a_quarter_of_the_target_is_a_good_half_width():
    """The half width that dfcrm::getn assumes is within half a percentage point of the best, on its calibration set."""
    trial = Trial(doses=[1, 2, 3, 4, 5], target=0.2, max_patients=18, cohort_size=1, start_dose=3)
    design = CRM(half_width=0.05, prior_mtd=3, recommend_untried=True)
    scenario = Scenario(name="s", trial=trial, design=[design], truth=[Truth(name="t", dlt_rates=[0.2] * 5)])
    widths = [0.01, 0.03, 0.05, 0.06, 0.07, 0.09]
    found = calibrate(
        scenario, design="crm", values={"half_width": widths}, truths=calibration_truths(trial, odds_ratio=2)
    )
    assert found.chosen.assessment.mean_pcs - found.own.mean_pcs < 0.005
    assert found.own.mean_pcs - found.candidates[0].assessment.mean_pcs > 0.05
