"""The sample size formula for the CRM against R package dfcrm."""

import json
import math
from pathlib import Path

import pytest

import escalation
from escalation import DesignError, crm_sample_size

RECORDED = json.loads(Path(__file__).with_name("data").joinpath("crm_sample_size.json").read_text())


def test_every_recorded_size():
    """Source: dfcrm::getn, as the file says."""
    assert len(RECORDED["records"]) == 500
    for record in RECORDED["records"]:
        size = crm_sample_size(
            pcs=record["apcs"],
            target=record["target"],
            doses=record["nlevel"],
            odds_ratio=record["psi"],
            correction=record["correction"],
        )
        assert size == record["n"], record
        assert isinstance(size, int)


GOOD = {"pcs": 0.6, "target": 0.25, "doses": 5, "odds_ratio": 1.8}


def test_exported():
    assert escalation.crm_sample_size(**GOOD) == 32


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"pcs": 0}, "pcs: 0 should be a number strictly between 0 and 1"),
        ({"pcs": 1.0}, "pcs: 1.0 should be"),
        ({"pcs": math.nan}, "pcs: nan should be"),
        ({"pcs": "0.6"}, "pcs: '0.6' should be"),
        ({"pcs": 0.2}, "pcs: 0.2 is so low that a guess among 5 doses would do"),
        ({"target": 0.0}, "target: 0.0 should be"),
        ({"target": True}, "target: True should be"),
        ({"doses": 1}, "doses: 1 should be a whole number from 2 to 1000"),
        ({"doses": 4.0}, "doses: 4.0 should be"),
        ({"odds_ratio": 1}, "odds_ratio: 1 should be a number above 1"),
        ({"odds_ratio": math.inf}, "odds_ratio: inf should be"),
        ({"odds_ratio": 1.000001}, "odds_ratio: 1.000001 is so close to 1 that 1,000,000 patients are too few"),
        ({"odds_ratio": 1e6}, "pcs: no benchmark has the accuracy that the formula asks for at an odds ratio of 1e"),
        ({"odds_ratio": 1e6, "correction": False}, "pcs: no benchmark has the accuracy"),
    ],
)
def test_outside_the_domain(changed, message):
    with pytest.raises(ValueError, match=message) as error:
        crm_sample_size(**GOOD | changed)
    assert isinstance(error.value, DesignError)
