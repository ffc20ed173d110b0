"""Bayesian monitoring against the published example of BTOX."""

import pytest

from escalation import Monitoring, Trial
from escalation.kernels.codes import ELIMINATE
from tests.support import exact_characteristics

# Zhou & Lee, BTOX manual (MD Anderson): limit 0.3, threshold 0.7, Beta(.5, .5) prior, looks at 5, 10 and 15 patients.
TRIAL = Trial(doses=[1], target=0.3, max_patients=15, cohort_size=5)
DESIGN = Monitoring(limit=0.3, threshold=0.7, prior=(0.5, 0.5))


def test_boundary():
    codes = DESIGN.plan(TRIAL).codes[0]
    stops = [min(y for y in range(n + 1) if codes[n, y] == ELIMINATE) for n in (5, 10, 15)]
    assert stops == [2, 4, 6]


@pytest.mark.parametrize(
    ("rate", "stop_early", "too_toxic", "patients", "dlts", "observed"),
    [
        (0.1, 0.0845, 0.0849, 14.17, 1.417, 0.1178),
        (0.3, 0.5357, 0.5633, 9.9627, 2.9888, 0.3602),
        (0.5, 0.8965, 0.9325, 6.4551, 3.2275, 0.5400),
    ],
)
def test_operating_characteristics(rate, stop_early, too_toxic, patients, dlts, observed):
    oc = exact_characteristics(DESIGN, TRIAL, [rate])
    assert round(oc.early_stop, 4) == stop_early
    assert round(oc.no_selection, 4) == too_toxic
    assert oc.sample_size.mean == pytest.approx(patients, abs=0.6e-2 if rate == 0.1 else 0.6e-4)
    assert oc.total_dlts.mean == pytest.approx(dlts, abs=0.6e-3 if rate == 0.1 else 0.6e-4)
    assert round(oc.dlt_rate.mean_of_rates, 4) == observed


@pytest.mark.parametrize(
    ("limit", "threshold", "prior", "boundary"),
    [
        (0.2, 0.80, (0.5, 0.5), [1, 1, 2, 2, 2, 2, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 5, 6, 6]),
        (0.2, 0.90, (1.0, 1.0), [1, 2, 2, 2, 2, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 6, 6, 6, 6, 7]),
        (0.25, 0.95, (1.0, 1.0), [2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 6, 6, 6, 7, 7, 7, 8, 8, 8, 9]),
        (0.3, 0.90, (0.5, 0.5), [1, 2, 2, 3, 3, 4, 4, 5, 5, 5, 6, 6, 7, 7, 7, 8, 8, 8, 9, 9]),
        (0.3, 0.95, (1.0, 1.0), [2, 2, 3, 3, 4, 4, 5, 5, 5, 6, 6, 7, 7, 8, 8, 8, 9, 9, 9, 10]),
    ],
)
def test_boundaries_for_1_to_20_patients(limit, threshold, prior, boundary):
    """Fewest DLTs that stop, computed separately from the Beta posterior; where they exceed the patients, none stop."""
    trial = Trial(doses=[1], target=limit, max_patients=20, cohort_size=1)
    codes = Monitoring(threshold=threshold, prior=prior).plan(trial).codes[0]
    for n, fewest in enumerate(boundary, 1):
        assert [codes[n, y] == ELIMINATE for y in range(n + 1)] == [y >= fewest for y in range(n + 1)], n
