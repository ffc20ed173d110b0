"""The laws of counts against the same counts of every single trial."""

import numpy as np
import pytest

from escalation import BOIN, CRM, ThreePlusThree, Trial, exact, simulate
from escalation.laws import laws_of
from tests.naive.quantities import quantities
from tests.support import levels

RATES = [0.1, 0.25, 0.4]
TRIAL = Trial(doses=levels(3), target=0.25, max_patients=15)
EXPANDED = Trial(doses=levels(3), target=0.25, max_patients=9, expansion={"patients": 4})
SINGLE = Trial(doses=[1], target=0.25, max_patients=20)


@pytest.mark.parametrize(
    ("design", "trial", "rates", "correct"),
    [
        (BOIN(), TRIAL, RATES, (2,)),
        (BOIN(stop_at=6), TRIAL, [0.25, 0.25, 0.4], (1, 2)),
        (CRM(skeleton=RATES, stop_if_too_toxic={"threshold": 0.9}), TRIAL, [0.5, 0.6, 0.7], ()),
        (ThreePlusThree(), TRIAL, RATES, (2,)),
        (BOIN(), EXPANDED, RATES, (2,)),
        (BOIN(), SINGLE, [0.3], (1,)),
        (BOIN(), TRIAL, [0.0, 0.0, 1.0], (1, 2)),
    ],
)
@pytest.mark.parametrize("engine", ["exact", "simulated"])
def test_laws(design, trial, rates, correct, engine):
    if engine == "exact":
        outcomes = exact(design, trial).outcomes(rates)
    else:
        outcomes = simulate(design, trial, rates, trials=300, seed=2)
    laws = laws_of(outcomes, correct).by_quantity()
    single = quantities(outcomes, correct)
    assert list(laws) == list(single)
    for name, values in single.items():
        law = laws[name]
        assert law.probability.sum() == pytest.approx(1, abs=1e-12)
        assert law.values.shape == law.probability.shape
        for value in np.unique(np.concatenate([values.astype(float), law.values[law.probability > 0]])):
            expected = outcomes.probability[np.abs(values - value) < 1e-12].sum()
            assert law.probability[np.abs(law.values - value) < 1e-12].sum() == pytest.approx(expected, abs=1e-12)
        mean = np.sum(outcomes.probability * values)
        assert law.mean == pytest.approx(mean, abs=1e-12)
        assert law.sd**2 == pytest.approx(np.sum(outcomes.probability * (values - mean) ** 2), abs=1e-12)


def test_counts_at_the_recommended_dose():
    outcomes = exact(BOIN(), TRIAL).outcomes(RATES)
    found = laws_of(outcomes, (2,)).arrays.at_recommended
    expected = np.zeros_like(found)
    for ending, dose in enumerate(outcomes.recommended.tolist()):
        if dose >= 0:
            n, y = int(outcomes.patients[ending, dose]), int(outcomes.dlts[ending, dose])
            expected[dose, n * (n + 1) // 2 + y] += outcomes.probability[ending]
    assert found == pytest.approx(expected, abs=1e-15)
    assert found.sum() == pytest.approx(1 - (outcomes.probability * (outcomes.recommended < 0)).sum(), abs=1e-12)
