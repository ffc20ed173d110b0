"""Options at the edge of what fits a trial: on which side of it the edge itself lies."""

import numpy as np
import pytest

from escalation import BOIN, CRM, DesignError, Monitoring, Trial, skeleton
from escalation.designs import Design
from tests.support import levels


def trial(target: float = 0.25, max_patients: int = 12) -> Trial:
    return Trial(doses=levels(3), target=target, max_patients=max_patients)


def problems(design: Design, target: float = 0.25) -> list[str]:
    return [option for option, _ in design.problems(trial(target))]


@pytest.mark.parametrize(
    ("options", "target", "expected"),
    [
        ({"p_saf": 0.24}, 0.25, []),
        ({"p_saf": 0.25}, 0.25, ["p_saf"]),
        ({"p_saf": 0.26}, 0.25, ["p_saf"]),
        ({"p_tox": 0.26}, 0.25, []),
        ({"p_tox": 0.25}, 0.25, ["p_tox"]),
        ({"p_tox": 0.24}, 0.25, ["p_tox"]),
        ({"p_saf": 0.3, "p_tox": 0.2}, 0.25, ["p_saf", "p_tox"]),
        ({}, 0.7, []),
        ({}, 0.75, ["p_tox"]),
        ({}, 0.9, ["p_tox"]),
        ({"p_tox": 0.95}, 0.9, []),
        ({"extra_safe": True, "offset": 0.2, "cutoff_eli": 0.3}, 0.25, []),
        ({"extra_safe": True, "offset": 0.3, "cutoff_eli": 0.3}, 0.25, ["offset"]),
        ({"extra_safe": True, "offset": 0.4, "cutoff_eli": 0.3}, 0.25, ["offset"]),
        ({"offset": 0.4, "cutoff_eli": 0.3}, 0.25, []),
    ],
)
def test_boin(options, target, expected):
    assert problems(BOIN(**options), target) == expected


@pytest.mark.parametrize("offset", [0, -0.05, 0.5, 0.7])
def test_boin_offset_between_zero_and_one_half(offset):
    with pytest.raises(ValueError, match="offset"):
        BOIN(offset=offset)


@pytest.mark.parametrize(
    ("options", "target"),
    [
        ({"p_saf": 0.3}, 0.25),
        ({"p_saf": 0.25}, 0.25),
        ({"p_tox": 0.2}, 0.25),
        ({"p_tox": 0.25}, 0.25),
        ({}, 0.8),
    ],
)
def test_boin_has_no_boundaries_unless_its_rates_increase(options, target):
    with pytest.raises(DesignError, match="should increase between 0 and 1"):
        BOIN(**options).boundaries(target)


def test_monitoring_is_for_one_dose():
    for doses in (1, 2, 3):
        found = list(Monitoring().problems(Trial(doses=levels(doses), target=0.25, max_patients=12)))
        assert bool(found) == (doses > 1)


def test_a_rule_that_is_never_reached_is_worth_a_word():
    for design in (BOIN(stop_at=13), CRM(half_width=0.05, prior_mtd=2, stop_at=13)):
        assert list(design.cautions(trial())) == ["stop_at = 13 is never reached: the trial has at most 12 patients"]
    for stop_at in (12, 11, None):
        assert list(BOIN(stop_at=stop_at).cautions(trial())) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"target": 0}, "target: 0 should"),
        ({"target": -0.1}, "target: -0.1 should"),
        ({"target": 1}, "target: 1 should"),
        ({"target": 1.5}, "target: 1.5 should"),
        ({"half_width": 0}, "half_width: 0 should"),
        ({"half_width": -0.01}, "half_width: -0.01 should"),
        ({"half_width": 0.25}, "half_width: 0.25 should"),
        ({"target": 0.8, "half_width": 0.2}, "half_width: 0.2 should"),
        ({"prior_mtd": 0}, "prior_mtd: 0 should"),
        ({"prior_mtd": 4}, "prior_mtd: 4 should"),
        ({"prior_mtd": 2.0}, "prior_mtd: 2.0 should"),
        ({"doses": 3.0}, "prior_mtd: 2 should"),
        ({"model": "hyperbolic"}, "model: 'hyperbolic' should"),
    ],
)
def test_skeleton(arguments, message):
    good = {"half_width": 0.05, "target": 0.25, "prior_mtd": 2, "doses": 3}
    assert np.all(np.diff(skeleton(**good)) > 0)
    with pytest.raises(DesignError, match=f"^{message}"):
        skeleton(**good | arguments)
