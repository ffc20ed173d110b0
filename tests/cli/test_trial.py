"""The trial object."""

import pytest

from escalation import Trial


def test_dose_names_keep_every_digit():
    trial = Trial(doses=[1_000_000, 1_000_001, 2_500_000.5, 3e6], target=0.25, max_patients=12)
    assert trial.dose_names == ("1000000", "1000001", "2500000.5", "3000000")


def test_texts():
    trial = Trial(doses=["low [fresh]", " high "], target=0.25, max_patients=12)
    assert trial.dose_names == ("low [fresh]", "high")


def test_trials_are_immutable():
    trial = Trial(doses=[1], target=0.25, max_patients=12)
    with pytest.raises(ValueError, match="frozen"):
        trial.target = 0.3
