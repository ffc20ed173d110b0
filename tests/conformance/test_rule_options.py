"""Options of rules that do not go together or do not fit a trial, one clear line each; those without effect."""

import pytest
from pydantic import ValidationError

from escalation import BOIN, Trial
from escalation.designs.rules import MaxStep, NeverSkip, NoEscalation

TRIAL = Trial(doses=[50, 150, 300, 600], target=0.25, max_patients=12)
NAMED = Trial(doses=["low", "middle", "high"], target=0.25, max_patients=12)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "levels: give one of levels, factor and amount"),
        ({"levels": 1, "factor": 2}, "levels: give one of levels, factor and amount"),
        ({"levels": [1, 2]}, "levels: 2 steps need from_dlts or from_dose, as many bounds"),
        ({"factor": [2, 1.5], "from_dlts": [0, 1, 2]}, "from_dlts: 3 bounds for 2 steps"),
        ({"factor": 2, "from_dose": [0, 100]}, "from_dose: 2 bounds for 1 steps"),
        ({"factor": [2, 1.5], "from_dlts": [1, 2]}, "from_dlts: should begin with 0 and increase"),
        ({"factor": [2, 1.5], "from_dose": [0, 0]}, "from_dose: should begin with 0 and increase"),
        ({"factor": [1.5, 2], "from_dlts": [0, 1]}, "factor: steps should not become larger as DLTs are seen"),
        ({"levels": [2, 1], "from_dlts": [0, 1], "from_dose": [0, 9]}, "from_dose: give either from_dlts or from_dose"),
        ({"levels": [2, 1], "from_dlts": [0, 1], "above": "highest_tried"}, 'from_dlts: goes with above = "last" only'),
        ({"factor": 1}, "greater than 1"),
        ({"levels": 0}, "greater than or equal to 1"),
        ({"amount": 0}, "greater than 0"),
        ({"levels": []}, "at least 1 item"),
        ({"levels": 1, "above": "first"}, "'last' or 'highest_tried'"),
    ],
)
def test_steps(options, said):
    with pytest.raises(ValidationError) as error:
        MaxStep(**options)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"rule": "target_probability", "interval": [0.4, 0.2], "at_least": 0.5}, "the first limit should be below"),
        ({"rule": "target_probability", "interval": [0.2, 1.4], "at_least": 0.5}, "less than or equal to 1"),
        ({"rule": "target_probability", "interval": [0.2], "at_least": 0.5}, "Field required"),
        ({"rule": "target_probability", "interval": [0.2, 0.4], "at_least": 1}, "less than 1"),
        ({"rule": "within_limits", "limits": [0.3, 0.3]}, "limits: the first should be below the second"),
        ({"rule": "within_limits", "limits": [0, 0.3], "probability": 0.4}, "greater than or equal to 0.5"),
        ({"rule": "within_limits", "limits": [0, 0.3], "posterior": "mine"}, "'own' or 'model'"),
        ({"rule": "dlts", "at_least": 0}, "greater than or equal to 1"),
        ({"rule": "unchanged"}, "Field required"),
    ],
)
def test_stops(rule, said):
    with pytest.raises(ValidationError) as error:
        BOIN(stop_when=rule)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("options", "option"),
    [({"factor": 2}, "factor"), ({"amount": 9}, "amount"), ({"levels": [2, 1], "from_dose": [0, 9]}, "from_dose")],
)
def test_doses_that_are_texts(options, option):
    assert list(BOIN(restrict={"rule": "max_step", **options}).problems(NAMED)) == [
        ("restrict", f"rule 'max_step': {option}: the doses of this trial are texts; give levels")
    ]


@pytest.mark.parametrize(
    ("rule", "cautions"),
    [
        (MaxStep(levels=[2, 1], from_dlts=[0, 40]), ["rule 'max_step': 40 DLTs are never reached"]),
        (MaxStep(factor=[9, 8], from_dose=[0, 900]), ["rule 'max_step': no dose is as high as 900"]),
        (
            MaxStep(factor=[3, 1.5], from_dlts=[0, 2]),
            ["rule 'max_step': after 2 DLTs in the trial no higher dose can follow 50 or 150 or 300"],
        ),
        (NoEscalation(dlts=13), ["rule 'no_escalation': 13 DLTs are never reached"]),
        (NeverSkip(above="highest_tried"), []),
    ],
)
def test_cautions(rule, cautions):
    assert list(rule.cautions(TRIAL)) == cautions


def test_steps_are_counted_from_the_last_dose_or_the_highest_given():
    """By hand: doses 50, 150, 300, 600."""
    by_dlts = MaxStep(factor=[4, 2], from_dlts=[0, 2])
    assert by_dlts.ceiling(TRIAL).tolist() == [[1, 3, 3, 3], [1, 3, 3, 3], [0, 2, 3, 3]]
    by_dose = MaxStep(amount=[250, 300], from_dose=[0, 300])
    assert by_dose.ceiling(TRIAL).tolist() == [[2, 2, 3, 3]]
    highest = MaxStep(levels=2, above="highest_tried")
    assert highest.ceiling(TRIAL).tolist() == [[3, 3, 3, 3]]
    assert highest.tried_ceiling(TRIAL).tolist() == [2, 3, 3, 3]
    # A third more than 300 is 399, and 1.4 times 90 is 126, whatever floating-point numbers make of it.
    exact_limits = Trial(doses=[90, 126, 300, 399], target=0.25, max_patients=12)
    assert MaxStep(factor=1.4).ceiling(exact_limits)[0].tolist() == [1, 1, 3, 3]
    assert MaxStep(factor=1.33).ceiling(exact_limits)[0].tolist() == [0, 1, 3, 3]
