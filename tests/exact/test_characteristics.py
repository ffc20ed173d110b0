"""Operating characteristics worked out by hand, and their Monte Carlo standard errors."""

import numpy as np
import pytest
from scipy import stats

from escalation import BOIN, CRM, DesignError, ThreePlusThree, Trial, exact, operating_characteristics, simulate
from escalation.engines.outcomes import Outcomes
from escalation.kernels.codes import ENOUGH_AT_DOSE, MAX_PATIENTS, NO_DOSE, REASON_NAMES, RULE_COMPLETE, TOO_TOXIC
from escalation.numbers import clopper_pearson_table
from escalation.trial.rates import correct_doses
from tests.support import levels

TRIAL = Trial(doses=levels(2), target=0.25, max_patients=10, cohort_size=5)


def outcomes(trials=None) -> Outcomes:
    """Four endings with probabilities .4 .3 .2 .1; dose 2 exceeds the target."""
    return Outcomes(
        trial=TRIAL,
        rates=np.array([0.20, 0.40]),
        patients=np.array([[5, 5], [10, 0], [5, 0], [2, 8]], np.int16),
        dlts=np.array([[1, 2], [2, 0], [4, 0], [0, 4]], np.int16),
        recommended=np.array([1, 0, NO_DOSE, 0], np.int16),
        reason=np.array([MAX_PATIENTS, RULE_COMPLETE, TOO_TOXIC, ENOUGH_AT_DOSE], np.int8),
        probability=np.array([0.4, 0.3, 0.2, 0.1]),
        trials=trials,
    )


def test_by_hand():
    oc = operating_characteristics(outcomes())
    assert oc.selection == pytest.approx((0.4, 0.4))
    assert oc.no_selection == pytest.approx(0.2)
    assert oc.pcs == pytest.approx(0.4), "dose 1, at 0.20, is closest to 0.25"
    assert oc.patients == pytest.approx((0.4 * 5 + 0.3 * 10 + 0.2 * 5 + 0.1 * 2, 0.4 * 5 + 0.1 * 8))
    assert oc.dlts == pytest.approx((0.4 * 1 + 0.3 * 2 + 0.2 * 4, 0.4 * 2 + 0.1 * 4))
    assert oc.sample_size.mean == pytest.approx(9)
    assert oc.sample_size.sd == pytest.approx(2)
    assert (oc.sample_size.q05, oc.sample_size.q50, oc.sample_size.q95) == (5, 10, 10)
    assert oc.sample_size.distribution == ((5, pytest.approx(0.2)), (10, pytest.approx(0.8)))
    assert oc.total_dlts.mean == pytest.approx(3.0)
    assert oc.total_dlts.distribution == tuple((y, pytest.approx(p)) for y, p in ((2, 0.3), (3, 0.4), (4, 0.3)))
    assert oc.dlt_rate.mean_of_rates == pytest.approx(0.4 * 0.3 + 0.3 * 0.2 + 0.2 * 0.8 + 0.1 * 0.4)
    assert oc.dlt_rate.rate_of_means == pytest.approx(3 / 9)
    assert oc.share_above_target == pytest.approx(2.8 / 9)
    assert oc.above_mtd == oc.share_above_target
    assert oc.patients_above_mtd == oc.patients_above_target
    assert oc.overdosing_60 == pytest.approx(0.1)
    assert oc.overdosing_80 == pytest.approx(0.0), "8 of 10 is not more than 80 %"
    assert oc.poor_allocation == pytest.approx(0.1), "fewer than 10 / 2 at dose 1"
    assert oc.early_stop == pytest.approx(0.3)
    assert oc.stop_toxic == pytest.approx(0.2), "one ending is too toxic"
    assert oc.stop_enough == pytest.approx(0.1), "one has enough patients at a dose"
    assert oc.stop_reasons == pytest.approx(
        dict.fromkeys((name for name in REASON_NAMES.values() if name != "futility"), 0)
        | {"max_patients": 0.4, "rule_complete": 0.3, "too_toxic": 0.2, "enough_at_dose": 0.1}
    )
    # Estimates at the recommended dose: 2/5 against .40, 2/10 and 0/2 against .20, with weights 4 : 3 : 1.
    assert oc.estimate.bias == pytest.approx(-0.2 / 8)
    assert oc.estimate.rmse == pytest.approx((0.04 / 8) ** 0.5)
    assert oc.estimate.coverage == pytest.approx(1)
    assert oc.mcse is None


def test_standard_errors_of_plain_means():
    oc = operating_characteristics(outcomes(trials=400))
    assert oc.mcse["selection"] == pytest.approx(((0.24 / 400) ** 0.5,) * 2)
    assert oc.mcse["sample_size"]["mean"] == pytest.approx(2 / 20)
    assert [value for value, _ in oc.mcse["sample_size"]["distribution"]] == [5, 10]
    assert "q50" not in oc.mcse["sample_size"]
    assert set(oc.mcse) == set(oc.to_dict()) - {"expansion", "further", "time"}


def leaves(tree, path=""):
    if isinstance(tree, dict):
        for name, part in tree.items():
            yield from leaves(part, f"{path}.{name}")
    elif isinstance(tree, list | tuple):
        for number, part in enumerate(tree):
            yield from leaves(part, f"{path}[{number}]")
    elif tree is not None:
        yield path, tree


def test_standard_errors_match_the_spread_over_repeated_simulations():
    """200 simulations of 500 trials: the spread of each number, over its stated error, is 1 within its own error.

    The ratio of a standard deviation from 200 values to the truth has a standard error of 1 / sqrt(2 x 199) = 0.05.
    """
    trial = Trial(doses=levels(3), target=0.25, max_patients=18)
    design = BOIN(stop_at=9)
    runs = [
        operating_characteristics(simulate(design, trial, [0.1, 0.25, 0.45], trials=500, seed=seed))
        for seed in range(200)
    ]
    values = [dict(leaves(run.to_dict())) for run in runs]
    errors = [dict(leaves(run.mcse)) for run in runs]
    compared = 0
    for path in errors[0]:
        if "distribution" in path or not all(path in one for one in errors):
            continue
        stated = np.array([one[path] for one in errors])
        if stated.min() <= 0.002:
            continue  # too rare in 500 trials for its error to be estimated well
        spread = np.std([one[path] for one in values], ddof=1)
        assert spread / stated.mean() == pytest.approx(1, abs=4 * 0.05), path
        compared += 1
    assert compared >= 20


def test_simulation_approaches_exact_for_every_number():
    """Every number with a standard error, not only the means: within five of them in 20,000 trials."""
    trial = Trial(doses=levels(4), target=0.25, max_patients=21)
    design = CRM(half_width=0.06, prior_mtd=2, stop_if_too_toxic={"threshold": 0.9}, stop_at=12)
    rates = [0.12, 0.25, 0.42, 0.55]
    expected = dict(leaves(operating_characteristics(exact(design, trial).outcomes(rates)).to_dict()))
    simulated = operating_characteristics(simulate(design, trial, rates, trials=20_000, seed=2))
    values = dict(leaves(simulated.to_dict()))
    compared = 0
    for path, error in leaves(simulated.mcse):
        if "distribution" in path:
            continue
        assert abs(values[path] - expected[path]) <= 5 * error + 5 / 20_000, path
        compared += 1
    assert compared >= 30
    assert simulated.sample_size.q05 == expected[".sample_size.q05"]


@pytest.mark.parametrize(
    ("rates", "correct"),
    [
        ([0.05, 0.12, 0.25, 0.40], (3,)),
        ([0.20, 0.30], (1, 2)),
        ([0.35, 0.50], (1,)),
        ([0.36, 0.50], ()),
        ([0.25, 0.25, 0.25], (1, 2, 3)),
        ([0.0], (1,)),
    ],
)
def test_correct_doses(rates, correct):
    assert correct_doses(rates, 0.25) == correct


def test_pcs_without_a_correct_dose():
    oc = operating_characteristics(outcomes(), correct=())
    assert oc.pcs == oc.no_selection
    assert oc.poor_allocation is None
    several = operating_characteristics(outcomes(), correct=(1, 2))
    assert several.pcs == pytest.approx(0.8)


@pytest.mark.parametrize("correct", [[0], [-1], [3], 1, "none", [1.0]])
def test_correct_doses_that_are_none(correct):
    with pytest.raises(DesignError, match="should be a list of dose levels from 1 to 2"):
        operating_characteristics(outcomes(), correct=correct)


def test_one_trial_has_no_standard_error():
    assert operating_characteristics(simulate(BOIN(), TRIAL, [0.1, 0.2], trials=1)).mcse is None


def test_clopper_pearson_by_its_definition():
    lower, upper = clopper_pearson_table(12)
    for n in range(1, 13):
        assert lower[n, 0] == 0
        assert upper[n, n] == 1
        for y in range(n + 1):
            if y > 0:
                assert stats.binom.sf(y - 1, n, lower[n, y]) == pytest.approx(0.025)
            if y < n:
                assert stats.binom.cdf(y, n, upper[n, y]) == pytest.approx(0.025)
    assert np.isnan(lower[0, 0])
    assert np.isnan(upper[3, 4])


def test_estimate_is_none_when_nothing_is_recommended():
    oc = operating_characteristics(exact(BOIN(), TRIAL).outcomes([1.0, 1.0]))
    assert oc.estimate is None
    assert oc.no_selection == pytest.approx(1)


def test_untried_recommendation_has_no_estimate():
    """The CRM may recommend a dose without patients; such trials do not enter the estimate's quality."""
    trial = Trial(doses=levels(3), target=0.3, max_patients=3)
    design = CRM(half_width=0.05, prior_mtd=2, recommend_untried=True)
    oc = operating_characteristics(exact(design, trial).outcomes([0.0, 0.1, 0.2]))
    assert oc.selection[0] == 0
    assert oc.estimate is None


def test_survival_of_the_rp2d():
    """Up to six patients lead in; of three more, two with a DLT reject the dose."""
    rule = {"rule": "pocock", "alpha": 0.2}  # at a limit of 0.25, stops at 2 of 3: P = 0.156
    trial = Trial(doses=levels(1), target=0.25, max_patients=6, expansion={"patients": 3, "monitoring": rule})
    oc = operating_characteristics(exact(ThreePlusThree(), trial).outcomes([0.3]))
    alone = exact(ThreePlusThree(), trial.model_copy(update={"expansion": None})).outcomes([0.3])
    assert oc.expansion.declared == pytest.approx(operating_characteristics(alone).selection, abs=1e-12)
    assert oc.expansion.survival == pytest.approx(stats.binom.cdf(1, 3, 0.3), abs=1e-12)
    assert oc.selection[0] == pytest.approx(oc.expansion.declared[0] * oc.expansion.survival, abs=1e-12)


def test_toxic_stops_by_hand():
    """A 3+3 on one dose and the monitoring of its expansion: the last look of either is no stop."""
    expansion = {"patients": 4, "cohort_size": 2, "monitoring": {"limit": 0.25, "threshold": 0.8, "prior": [1, 1]}}
    trial = Trial(doses=["one"], target=0.25, max_patients=9, expansion=expansion)
    rate = 0.3
    of_three, of_two = (stats.binom(n, rate).pmf for n in (3, 2))
    escalation = of_three(2) + of_three(3) + of_three(1) * (1 - of_three(0))
    declared = {0: of_three(0) ** 2, 1: of_three(0) * of_three(1) + of_three(1) * of_three(0)}
    # Of three without a DLT the next three may have one: with two or three more the six have too many.
    escalation += of_three(0) * (of_three(2) + of_three(3))
    stopped = sum(
        share * of_two(more)
        for seen, share in declared.items()
        for more in range(3)
        if stats.beta(1 + seen + more, 1 + 8 - seen - more).sf(0.25) > 0.8
    )
    assert escalation + sum(declared.values()) == pytest.approx(1)
    assert stopped > 0
    oc = operating_characteristics(exact(ThreePlusThree(), trial).outcomes([rate]))
    assert oc.stop_reasons["too_toxic"] == pytest.approx(escalation)
    assert oc.stop_toxic == pytest.approx(escalation + stopped)
    assert oc.stop_enough == 0
    assert oc.early_stop == pytest.approx(oc.stop_toxic)
    simulated = operating_characteristics(simulate(ThreePlusThree(), trial, [rate], trials=100_000, seed=1))
    assert simulated.stop_toxic == pytest.approx(oc.stop_toxic, abs=4 * simulated.mcse["stop_toxic"])


def test_enough_is_no_toxic_stop_by_hand():
    """A BOIN that stays on one dose with 3 of 12 is stopped at 6 patients: only four DLTs or more are too toxic."""
    trial = Trial(doses=["one"], target=0.25, max_patients=12)
    oc = operating_characteristics(exact(BOIN(stop_at=6), trial).outcomes([0.3]))
    toxic = stats.binom(3, 0.3).pmf(3) + sum(
        stats.binom(3, 0.3).pmf(first) * stats.binom(3, 0.3).sf(3 - first) for first in range(3)
    )
    assert oc.stop_toxic == pytest.approx(toxic)
    assert oc.stop_enough == pytest.approx(1 - toxic)
    assert oc.stop_enough == pytest.approx(oc.stop_reasons["enough_at_dose"])
