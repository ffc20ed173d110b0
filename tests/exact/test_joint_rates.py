"""DLTs and responses together: the four cells of a dose, and which dose is optimal."""

import json
import math

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import integrate, special

from escalation import Association, Efficacy, Scenario, Trial, Truth, Utility
from escalation.scenario.file import parse_scenario
from escalation.trial.joint import INDEPENDENT, joint_rates
from tests.cli.test_scenario import changed, problems
from tests.support import each, records

RATES = [0, 1e-6, 0.02, 0.25, 0.5, 0.7, 0.999, 1]
ASSOCIATIONS = [
    *({"odds_ratio": ratio} for ratio in (1e-6, 0.2, 1 - 1e-9, 1.0, 1 + 1e-9, 3.0, 1e6)),
    *({"latent_correlation": correlation} for correlation in (-0.99, -0.3, 0.0, 0.4, 0.999)),
]


def grid(association):
    """All pairs of rates as doses."""
    dlt, response = (rates.ravel() for rates in np.meshgrid(RATES, RATES))
    return dlt, response, joint_rates(dlt, response, association)


@each(records("joint_outcomes"))
def test_cells_as_recorded(record):
    found = joint_rates([record["dlt_rate"]], [record["response_rate"]], Association(**record["association"]))
    np.testing.assert_allclose(found.cells[0], record["cells"], rtol=0, atol=1e-12)


@pytest.mark.parametrize("association", ASSOCIATIONS)
def test_cells_are_probabilities_with_the_given_margins(association):
    dlt, response, found = grid(Association(**association))
    assert (found.cells >= 0).all()
    sums = found.cells[:, 2:].sum(axis=1), found.cells[:, [1, 3]].sum(axis=1), found.cells.sum(axis=1)
    for rate, given in zip(sums, (dlt, response, 1), strict=True):
        np.testing.assert_allclose(rate, given, rtol=0, atol=1e-15)
    assert (found.dlt == dlt).all()
    assert (found.response == response).all()
    for share in (found.response_given_dlt, found.response_given_no_dlt):
        assert ((share >= 0) & (share <= 1)).all()
    total = found.dlt * found.response_given_dlt + (1 - found.dlt) * found.response_given_no_dlt
    np.testing.assert_allclose(total, response, rtol=0, atol=1e-15)


@pytest.mark.parametrize("ratio", [0.01, 0.5, 2.0, 40.0])
def test_the_odds_ratio_is_that_of_the_cells(ratio):
    found = joint_rates([0.02, 0.3, 0.9], [0.4, 0.7, 0.8], Association(odds_ratio=ratio))
    neither, response, dlt, both = found.cells.T
    np.testing.assert_allclose(neither * both / (response * dlt), ratio, rtol=1e-9)


@pytest.mark.parametrize("correlation", [-0.95, -0.4, 0.1, 0.6, 0.99])
def test_the_copula_is_the_integral(correlation):
    """P(both) by quadrature over the variable of the DLT."""

    def both(dlt, response):
        limit = special.ndtri(response)
        spread = math.sqrt(1 - correlation**2)
        value, _ = integrate.quad(
            lambda x: math.exp(-(x**2) / 2) * special.ndtr((limit - correlation * x) / spread),
            *(-np.inf, special.ndtri(dlt)),
            epsabs=1e-13,
            epsrel=1e-12,
        )
        return value / math.sqrt(2 * math.pi)

    dlt, response = [0.01, 0.2, 0.5, 0.5, 0.5, 0.7], [0.3, 0.5, 0.5, 0.1, 0.9, 0.6]
    found = joint_rates(dlt, response, Association(latent_correlation=correlation)).cells[:, 3]
    np.testing.assert_allclose(found, [*map(both, dlt, response)], rtol=0, atol=1e-11)


def test_independence_has_three_names():
    by_name = [grid(association)[2].cells for association in (INDEPENDENT, Association(latent_correlation=0.0))]
    np.testing.assert_allclose(by_name[0], by_name[1], rtol=0, atol=1e-15)
    dlt, response, found = grid(INDEPENDENT)
    assert (found.cells[:, 3] == dlt * response).all()
    bare = Truth(name="one", dlt_rates=(0.1,), response_rates=(0.3,))
    np.testing.assert_array_equal(bare.joint.cells, joint_rates([0.1], [0.3], INDEPENDENT).cells)


def efficacy(**options) -> Efficacy:
    return Efficacy(**{"min_response": 0.25, "max_toxicity": 0.35} | options)


def optimal(dlt, response, **options):
    return Truth(name="one", dlt_rates=dlt, response_rates=response).optimal_dose(efficacy(**options))


def test_the_optimal_dose():
    assert optimal((0.05, 0.12, 0.25, 0.40), (0.20, 0.45, 0.60, 0.95)) == 3  # the fourth is too toxic
    assert optimal((0.05, 0.12, 0.25, 0.40), (0.10, 0.15, 0.20, 0.95)) is None
    assert optimal((0.05, 0.12, 0.25), (0.3, 0.3, 0.3)) == 1
    assert optimal((0.1, 0.1, 0.1), (0.2, 0.3, 0.3)) == 2  # ties to the lowest
    # A rate at the limit is acceptable; 0.1 + 0.25 is above 0.35 in the last digit.
    assert optimal((0.1, 0.1 + 0.25), (0.24, 0.95)) == 2
    assert optimal((0.1,), (0.25,)) == 1


def test_the_mean_utility_is_that_of_the_cells():
    found = joint_rates([0.2], [0.6], Association(odds_ratio=4.0))
    neither, response, dlt, both = found.cells[0]
    utility = Utility(eff=90, none=35, both=70, tox=5)
    assert found.mean_utility(utility)[0] == pytest.approx(35 * neither + 90 * response + 5 * dlt + 70 * both)
    # Independent, by default utilities: 100 q (1 - p) + 40 (1 - q)(1 - p) + 60 q p, the benchmark of BOIN12.
    assert joint_rates([0.35], [0.25], INDEPENDENT).mean_utility(Utility())[0] == pytest.approx(41.0)


def test_an_optimal_dose_of_ones_own():
    given = {"name": "one", "dlt_rates": (0.1, 0.2), "response_rates": (0.4, 0.5)}
    assert Truth(**given).optimal_dose(efficacy()) == 2
    assert Truth(**given, obd=1).optimal_dose(efficacy()) == 1
    assert Truth(**given, obd="none").optimal_dose(efficacy()) is None


def scenario(efficacy=None, **truth):
    trial = {"doses": [1, 2.5, 4], "target": 0.25, "max_patients": 12}
    if efficacy is not None:
        trial["efficacy"] = efficacy
    return changed(trial=trial, truth=[{"name": "one", "dlt_rates": [0.1, 0.25, 0.4], **truth}])


GIVEN = {"min_response": 0.25, "max_toxicity": 0.35}


def timed(truth=None, **efficacy):
    """Of a trial with a calendar."""
    content = scenario({**GIVEN, **efficacy}, **(truth or {"response_rates": [0.2, 0.3, 0.4]}))
    content["trial"] |= {"dlt_window_days": 28, "time": {"accrual_per_month": 5.0}}
    return content


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (scenario({}), "trial.efficacy.min_response: needed"),
        (scenario({"min_response": 1.5}), "trial.efficacy.min_response: should be less than 1"),
        (
            scenario({**GIVEN, "max_toxicity": 0.2}),
            "trial.efficacy.max_toxicity: 0.2 should be at least the target DLT rate, 0.25",
        ),
        (scenario({**GIVEN, "min_respons": 0.2}), "unknown key; did you mean 'min_response'?"),
        (
            scenario({**GIVEN, "window_days": 84}),
            "trial.efficacy.window_days: needs [trial.time]: it says when the responses of patients are known",
        ),
        (
            scenario({**GIVEN, "response_seen": "window_end"}),
            "trial.efficacy.response_seen: needs window_days: the days in which a response counts",
        ),
        (
            scenario({**GIVEN, "onset": {"kind": "uniform"}}),
            "trial.efficacy.onset: needs window_days: the days in which a response counts",
        ),
        (timed(window_days=27), "trial.efficacy.window_days: 27 should be at least dlt_window_days = 28"),
        (timed(window_days=0), "trial.efficacy.window_days: should be greater than 0"),
        (timed(window_days="84"), "trial.efficacy.window_days: should be a number"),
        (
            timed(window_days=90_000),
            "trial.efficacy.window_days: more than 10,000 patients arrive in the window of 90000 days",
        ),
        (
            timed(window_days=84, response_seen="at once"),
            "trial.efficacy.response_seen: should be 'window_end' or 'when_it_occurs'",
        ),
        (
            timed(window_days=84, onset={"kind": "weibull", "late_share": 0.7}),
            'trial.efficacy.onset: needs response_seen = "when_it_occurs"; responses are known at the end of the',
        ),
        (
            timed(window_days=84, response_seen="when_it_occurs", onset={"kind": "weibull"}),
            'trial.efficacy.onset.late_share: needed by kind = "weibull": the share in the second half of the window',
        ),
        (
            timed(
                window_days=84, response_seen="when_it_occurs", onset={"kind": "quantiles", "quantiles": [[90, 0.5]]}
            ),
            "trial.efficacy.onset: quantiles: day 90 is after the window of 84 days",
        ),
        (
            timed(window_days=84, response_seen="when_it_occurs", onset={"kin": "uniform"}),
            "trial.efficacy.onset.kin: unknown key; did you mean 'kind'?",
        ),
        (
            timed(
                {"response_rates": [0.2, 0.3, 1.0]},
                window_days=84,
                response_seen="when_it_occurs",
                onset={"kind": "weibull", "late_share": 0.7},
            ),
            "truth[1].response_rates: at a rate of 1 the day of a response has no weibull distribution",
        ),
        (
            scenario({**GIVEN, "utility": {"none": 110}}),
            "trial.efficacy.utility.none: should be less than or equal to 100",
        ),
        (
            scenario({**GIVEN, "utility": {"both": 33.3}}),
            "trial.efficacy.utility.both: should be a whole number",
        ),
        (
            scenario({**GIVEN, "utility": {"eff": 50}}),
            "trial.efficacy.utility.both: 60 should be from tox = 0 to eff = 50",
        ),
        (
            scenario({**GIVEN, "utility": {"eff": 40, "none": 40, "both": 40, "tox": 40}}),
            "trial.efficacy.utility.eff: 40 should be more than tox",
        ),
        (
            scenario(response_rates=[0.2, 0.3, 0.4]),
            "truth[1].response_rates: needs [trial.efficacy], which says what response is acceptable",
        ),
        (scenario(GIVEN, response_rates=[0.2, 0.3]), "truth[1].response_rates: 2 rates for 3 dose levels"),
        (
            scenario(GIVEN, response_rates=[0.2, 0.3, 1.4]),
            "truth[1].response_rates[3]: should be less than or equal to 1",
        ),
        (scenario(GIVEN, obd=2), "truth[1].obd: needs response_rates"),
        (scenario(GIVEN, association={"odds_ratio": 2.0}), "truth[1].association: needs response_rates"),
        (scenario(GIVEN, response_rates=[0.2] * 3, obd=4), "truth[1].obd: there are only 3 dose levels"),
        (
            scenario(GIVEN, response_rates=[0.2] * 3, obd="lowest"),
            'truth[1].obd: should be a dose level from 1, or "none"',
        ),
        (
            scenario(GIVEN, response_rates=[0.2] * 3, association={}),
            "truth[1].association: should be either odds_ratio or latent_correlation",
        ),
        (
            scenario(GIVEN, response_rates=[0.2] * 3, association={"odds_ratio": 2.0, "latent_correlation": 0.1}),
            "truth[1].association: should be either odds_ratio or latent_correlation",
        ),
        (
            scenario(GIVEN, response_rates=[0.2] * 3, association={"odds_ratio": 0.0}),
            "truth[1].association.odds_ratio: should be greater than 0",
        ),
        (
            scenario(GIVEN, response_rates=[0.2] * 3, association={"latent_correlation": 1.0}),
            "truth[1].association.latent_correlation: should be less than 1",
        ),
        (
            scenario(GIVEN, response_rates=[0.2] * 3, association={"odd_ratio": 1.0}),
            "truth[1].association.odd_ratio: unknown key; did you mean 'odds_ratio'?",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line(content, problem):
    found = problems(content)
    assert len(found) == 1
    assert problem in found[0]


def test_a_trial_without_responses_is_written_as_before():
    """Settings of trials and truths that have no responses do not speak of them."""
    bare, full = parse_scenario(scenario()), parse_scenario(scenario(GIVEN, response_rates=[0.2, 0.3, 0.4]))
    assert "efficacy" not in bare.trial.model_dump()
    assert set(bare.truth[0].model_dump()) == {"name", "dlt_rates", "rp2d"}
    for one in (bare, full):
        assert Scenario.model_validate(json.loads(one.model_dump_json())) == one
    assert full.trial.model_dump()["efficacy"]["utility"] == {"eff": 100, "none": 40, "both": 60, "tox": 0}


def test_in_python():
    with pytest.raises(ValidationError, match="should be at least the target"):
        Trial(doses=[1, 2], target=0.3, max_patients=6, efficacy={"min_response": 0.2, "max_toxicity": 0.2})
