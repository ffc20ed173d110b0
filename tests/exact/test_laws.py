"""The laws of counts against the same counts of every single trial."""

import numpy as np
import pytest

from escalation import BOIN, CRM, DesignError, ThreePlusThree, Trial, exact, operating_characteristics, simulate
from escalation.characteristics.distributions import laws_of
from escalation.engines.outcomes import Outcomes
from escalation.kernels.codes import MAX_PATIENTS
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


@pytest.mark.parametrize("trials", [10_000, 1_000_000])
def test_simulated_shares_are_counts_over_trials(trials):
    """As rounded as one division can be, whatever the number of trials."""
    trial = Trial(doses=levels(2), target=0.25, max_patients=6)
    oc = operating_characteristics(simulate(BOIN(), trial, [0.0, 0.0], trials=trials, seed=1))
    assert (oc.selection, oc.no_selection, oc.pcs) == ((0, 1), 0, 1)
    assert (oc.sample_size.mean, oc.sample_size.sd, oc.sample_size.distribution) == (6, 0, ((6, 1),))
    assert oc.mcse["selection"] == (0, 0)


@pytest.mark.parametrize(("few", "trials", "quantile"), [(95_000, 100_000, "q95"), (500_000, 1_000_000, "q50")])
def test_quantiles_at_exact_ties(few, trials, quantile):
    """The smallest value whose cumulative probability is at least that, though 1 / trials is rounded."""
    patients = np.full((trials, 1), 6, np.int16)
    patients[:few] = 3
    outcomes = Outcomes(
        trial=Trial(doses=[1], target=0.25, max_patients=6),
        rates=np.array([0.2]),
        patients=patients,
        dlts=np.zeros_like(patients),
        recommended=np.zeros(trials, np.int16),
        reason=np.full(trials, MAX_PATIENTS, np.int8),
        probability=np.full(trials, 1 / trials),
        trials=trials,
    )
    assert getattr(operating_characteristics(outcomes).sample_size, quantile) == 3


@pytest.mark.parametrize(
    "changed",
    [
        {"patients": [[4, 3], [6, 0]]},
        {"patients": [[3, 3], [-1, 0]]},
        {"dlts": [[0, 0], [7, 0]]},
        {"dlts": [[0, -1], [0, 0]]},
        {"recommended": [0, 2]},
        {"recommended": [-2, 0]},
        {"declared": [5, 0]},
        {"reason": [0, 100]},
    ],
)
def test_endings_that_the_trial_cannot_have(changed):
    """An engine that errs so is told of it, and nothing is written outside the laws."""
    right = {
        "patients": [[3, 3], [6, 0]],
        "dlts": [[0, 1], [0, 0]],
        "recommended": [0, 1],
        "declared": [0, 1],
        "reason": [MAX_PATIENTS] * 2,
    }

    def outcomes(parts):
        kinds = {"reason": np.int8}
        arrays = {name: np.array(part, kinds.get(name, np.int16)) for name, part in parts.items()}
        trial = Trial(doses=levels(2), target=0.25, max_patients=6)
        return Outcomes(trial=trial, rates=np.array([0.1, 0.3]), probability=np.array([0.5, 0.5]), **arrays)

    assert laws_of(outcomes(right), (2,)).pcs == 0.5
    with pytest.raises(DesignError, match=r"^outcomes: ending [12] is none that the trial can have: patients"):
        laws_of(outcomes(right | changed), (2,))


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
