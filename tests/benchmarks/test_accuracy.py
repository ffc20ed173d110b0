"""Accuracy: the numbers behind the tables against known answers, and the command."""

from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import click
import numpy as np
import pytest
from click.testing import CliRunner
from scipy import integrate, special

from benchmarks import quadrature, simulation_error
from benchmarks.__main__ import main
from benchmarks.common_patients import Gain, gains, paired_blocks
from benchmarks.crm_decisions import Difference, check, compare, decision_blocks, differences, headline, largest_of
from benchmarks.crm_states import NONE, walk
from benchmarks.settings import LUCAR_RATES, lucar
from benchmarks.simulation_error import Errors, errors_of, size_of_errors, slope_of_errors
from escalation import BOIN, CRM, TooToxic, Trial, exact, operating_characteristics
from escalation.plans.curves import CurvePlan

SKELETON = np.array([0.06, 0.14, 0.25, 0.38])
CURVES = [quadrature.Curve(form, SKELETON, sd) for form in ("power", "logistic") for sd in (0.5, 1.1576)]
NOBODY = np.zeros((1, 4), np.int64)


def test_smoke():
    said = CliRunner().invoke(main, ["accuracy", "--smoke"], env={"COLUMNS": "300"})
    assert said.exit_code == 0, said.output
    assert "Of 182 decisions none differ" in said.stdout
    assert "to the power -0.5" in said.stdout
    assert "The same patients are worth between" in said.stdout


@pytest.mark.parametrize("curve", CURVES)
def test_quadrature_of_the_prior(curve):
    """Without patients b is normal, and so is the probability that its curve is above a limit."""
    found = quadrature.posterior(curve, NOBODY, NOBODY, 0.25)
    b = curve.parameter_at(0.25)
    assert curve.rates(np.array([b]))[0, 0] == pytest.approx(0.25, abs=1e-14)
    assert found.parameter[0] == pytest.approx(0, abs=1e-12)
    assert found.above[0] == pytest.approx(special.ndtr(b / curve.prior_sd), abs=1e-12)
    z = np.linspace(-10, 10, 2001)
    density = np.exp(-(z**2) / 2)
    rates = density @ curve.rates(curve.prior_sd * z) / density.sum()
    assert found.rates[0] == pytest.approx(rates, abs=1e-10)


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize(
    ("patients", "dlts"),
    [([3, 0, 0, 0], [3, 0, 0, 0]), ([3, 6, 9, 18], [0, 0, 0, 0]), ([6, 12, 18, 0], [0, 3, 5, 0])],
)
def test_quadrature_of_a_posterior(curve, patients, dlts):
    """One data set alone, by scipy's `quad`, between narrow break points."""
    n, y = np.array([patients]), np.array([dlts])
    found = quadrature.posterior(curve, n, y, 0.25)
    centre = float(found.parameter[0])

    def weight(b: float) -> float:
        point = np.array([b])
        return float(np.exp(curve.log_posterior(n, y, point) - curve.log_posterior(n, y, np.array([centre])))[0])

    def integral(function, low: float, high: float) -> float:
        panels = pairwise(np.linspace(low, high, 40))
        return sum(integrate.quad(lambda b: weight(b) * function(b), *ends, epsabs=1e-13)[0] for ends in panels)

    ends = centre - 8, centre + 8
    mass = integral(lambda _: 1.0, *ends)
    assert found.parameter[0] == pytest.approx(integral(lambda b: b, *ends) / mass, abs=1e-10)
    lowest = integral(lambda b: curve.rates(np.array([b]))[0, 0], *ends) / mass
    assert found.rates[0, 0] == pytest.approx(lowest, abs=1e-10)
    limit = curve.parameter_at(0.25)
    tail = integral(lambda _: 1.0, min(centre, limit) - 8, limit)
    assert found.above[0] == pytest.approx(tail / mass, abs=1e-10)


def test_quadrature_says_when_it_fails(monkeypatch):
    monkeypatch.setattr(quadrature, "TOLERANCE", 1e-30)
    with pytest.raises(ArithmeticError, match="the quadrature reached"):
        quadrature.posterior(CURVES[0], NOBODY, NOBODY, 0.25)


SMALL_TRIALS = [
    Trial(doses=[1, 2, 3], target=0.25, max_patients=10, cohort_size=3),
    Trial(doses=[1, 2, 3, 4], target=0.3, max_patients=7, cohort_size=2),
]


@pytest.mark.parametrize("trial", SMALL_TRIALS)
@pytest.mark.parametrize("model", ["power", "logistic"])
@pytest.mark.parametrize("estimate", ["plugin", "mean"])
def test_walk_meets_every_state(trial, model, estimate):
    """A last, smaller cohort included."""
    design = CRM(
        model=model, estimate=estimate, half_width=0.06, prior_mtd=2, stop_if_too_toxic=TooToxic(threshold=0.9)
    )
    rates = tuple(np.linspace(0.1, 0.5, trial.levels).tolist())
    found = compare(design, trial, [rates])
    assert found.differences == ()
    assert found.quadrature_states == found.package_states
    assert found.means < 1e-12
    assert found.selection < 1e-14
    walked = walk(design, trial)
    assert NONE in walked.choices
    assert sum(walked.endings.values()) > 1
    everything = walked.selection(rates).sum()
    assert 0.5 < everything < 1


def test_a_wrong_decision_is_found(monkeypatch):
    """The posterior mean a little off: some data set is decided otherwise, which is no tie, and the command fails."""
    judge = CurvePlan.judge

    def shifted(*data):
        judgement = judge(*data)
        return replace(judgement, means=judgement.means + 0.02)

    monkeypatch.setattr(CurvePlan, "judge", shifted)
    said = CliRunner().invoke(main, ["accuracy", "--smoke"])
    assert said.exit_code == 1
    assert "the CRM decides otherwise than quadrature after" in said.stderr
    assert "not a tie" in said.stderr


def test_a_missed_stop_is_found(monkeypatch):
    judge = CurvePlan.judge
    monkeypatch.setattr(CurvePlan, "judge", lambda *data: replace(judge(*data), toxicity=0.0))
    design, trial = lucar().designs["crm"], lucar().trial.model_copy(update={"max_patients": 12})
    wrong = compare(design, trial, [LUCAR_RATES]).wrong
    assert wrong
    assert {difference.quadrature for difference in wrong} == {NONE}
    assert "dose 1 by the package, none by quadrature, not a tie" in str(wrong[0])


def test_a_tie_is_listed_and_no_error():
    tie = Difference((3, 3), (0, 1), quadrature=0, package=1, tied=True)
    trial = lucar().trial.model_copy(update={"max_patients": 6})
    found = replace(compare(lucar().designs["crm"], trial, [LUCAR_RATES]), differences=(tie,))
    compared = {("power", "plugin"): found}
    check(compared)
    *_, listed, verdict = decision_blocks(compared, 6)
    assert listed.lines == ("power, plugin: 0/3 1/3: dose 2 by the package, dose 1 by quadrature, a tie",)
    assert "1, each a tie, differ" in verdict.lines[0]
    assert headline(compared).figure == "none differs but for 1 tie"
    assert largest_of({("power", "plugin"): replace(found, means=1.21e-12, toxicity=0.0)})["means"] == "1.3e-12"
    with pytest.raises(click.ClickException):
        check({("power", "plugin"): replace(found, differences=(replace(tie, tied=False),))})


@pytest.mark.parametrize("changed", [{"package_states": 1}, {"selection": 1e-6}])
def test_an_engine_that_does_not_follow_is_found(changed):
    trial = lucar().trial.model_copy(update={"max_patients": 6})
    found = compare(lucar().designs["crm"], trial, [LUCAR_RATES])
    check({("power", "plugin"): found})
    with pytest.raises(click.ClickException, match="power, plugin: the same decisions, but"):
        check({("power", "plugin"): replace(found, **changed)})


def test_ties_are_told_from_errors():
    """By the distances from the target, and where the trial may stop by the probability of that."""
    design = lucar().designs["crm"]
    walked = SimpleNamespace(
        patients=np.full((4, 4), 3),
        dlts=np.zeros((4, 4), np.int64),
        choices=np.array([0, 0, NONE, NONE]),
        posterior=SimpleNamespace(above=np.array([0.1, 0.1, 0.95 + 5e-10, 0.951])),
    )
    judgements = [SimpleNamespace(choice=choice) for choice in (1, 2, 0, 0)]
    distances = np.array([[0.1, 0.1 + 5e-10, 0.2, 0.3]] * 4)
    found = differences(design, walked, judgements, distances)
    assert [difference.tied for difference in found] == [True, False, True, False]


def made_up(trials: int, scaled: np.ndarray) -> Errors:
    return Errors(trials, scaled, pcs=0.1, patients=0.1, pcs_expected=0.1, patients_expected=0.1)


def test_slope_and_size_of_errors():
    """Errors that are as large as theory says; then others, which fall by another power or are larger."""
    random = np.random.default_rng(5)
    drawn = {trials: random.standard_normal((100, 9)) for trials in (1000, 10_000, 100_000)}
    right = [made_up(trials, scaled) for trials, scaled in drawn.items()]
    slope, size = slope_of_errors(right), size_of_errors(right)
    assert abs(slope.value + 0.5) < 4 * slope.error
    assert abs(size.value - 1) < 4 * size.error
    # A run's mean of nine squares varies by a share of 2 / 9 of its square; three points, a decade apart.
    assert slope.error == pytest.approx(np.sqrt(2 / 9 / 100) / 2 / (np.sqrt(2) * np.log(10)), rel=0.2)
    assert size.error == pytest.approx(np.sqrt(2 / 9 / 300) / 2, rel=0.2)

    slow = slope_of_errors([made_up(trials, scaled * trials ** (1 / 6)) for trials, scaled in drawn.items()])
    assert slow.value == pytest.approx(slope.value + 1 / 6, abs=1e-12)
    large = size_of_errors([made_up(trials, 1.2 * scaled) for trials, scaled in drawn.items()])
    assert large.value == pytest.approx(1.2 * size.value)
    (line,) = simulation_error._error_sentence(
        "wrong", [made_up(trials, 1.2 * scaled) for trials, scaled in drawn.items()]
    ).lines
    assert "DISAGREES" in line


def test_expected_errors_are_those_of_the_exact_engine():
    trial = lucar().trial
    found = errors_of(BOIN(), trial, LUCAR_RATES, 1000, range(20))
    oc = operating_characteristics(exact(BOIN(), trial).outcomes(LUCAR_RATES))
    assert found.pcs_expected == pytest.approx(np.sqrt(oc.pcs * (1 - oc.pcs) / 1000), rel=1e-12)
    assert found.scaled.shape == (20, 13)
    # 20 runs of 13 numbers that go together: some 60 independent squares at least.
    assert abs(size_of_errors([found]).value - 1) < 4 * np.sqrt(1 / 120)


def test_gain_of_the_same_patients():
    trial, designs = lucar().trial, lucar().designs
    found = {one.quantity: one for one in gains(designs["crm"], BOIN(), trial, LUCAR_RATES, runs=60, trials=1000)}
    ocs = [operating_characteristics(exact(d, trial).outcomes(LUCAR_RATES)) for d in (designs["crm"], BOIN())]
    pcs = found["pcs"]
    assert pcs.exact_other == pytest.approx(sum(oc.pcs * (1 - oc.pcs) for oc in ocs) / 1000, rel=1e-12)
    assert found["total_dlts"].exact_other == pytest.approx(sum(oc.total_dlts.sd**2 for oc in ocs) / 1000, rel=1e-12)
    for one in found.values():
        assert abs(one.z) < 4
        assert one.reported > 1.3
        # The variance within runs is some 1/sqrt(30) from that between 60 of them.
        assert one.same == pytest.approx(one.exact_other / one.reported, rel=4 / np.sqrt(30))


def test_interval_of_a_gain():
    """F distribution: 97.5 % quantile 2.526 with 19 and 19 degrees of freedom."""
    one = Gain("pcs", runs=20, same=1.0, other=3.0, exact_other=2.0, reported=2.0)
    assert one.ratio == 3
    assert one.interval == pytest.approx((3 / 2.526, 3 * 2.526), rel=1e-3)
    assert one.z == pytest.approx(0.5 * np.sqrt(9.5))


def test_disagreements_are_said():
    wrong = Gain("pcs", runs=1000, same=1.0, other=3.0, exact_other=2.0, reported=2.0)
    *_, sentences = paired_blocks({"a - b": [wrong]})
    assert sentences.alarm
    assert "DISAGREE" in sentences.lines[0]
