"""The 3+3 design against the exact values of the R packages escalation 0.2.3 and bcrm 0.5.4."""

import pytest

from escalation import ThreePlusThree, Trial
from tests.support import exact_characteristics, levels, records


@pytest.mark.parametrize("record", records("three_plus_three"))
def test_exact(record):
    rates = record["true_prob_tox"]
    trial = Trial(doses=levels(len(rates)), target=0.3, max_patients=6 * len(rates))
    design = ThreePlusThree(de_escalate=record["allow_deescalate"], six_at_top=False)
    oc = exact_characteristics(design, trial, rates)
    assert oc.selection == pytest.approx(record["prob_recommend"], abs=1e-12)
    assert oc.selection == pytest.approx(record["bcrm_prob_recommend"], abs=1e-12)
    assert oc.no_selection == pytest.approx(record["prob_no_dose"], abs=1e-12)
    assert oc.patients == pytest.approx(record["expected_patients"], abs=1e-12)
    assert oc.dlts == pytest.approx(record["expected_tox"], abs=1e-12)
    distribution = {int(n): p for n, p in record["n_distribution"].items() if p > 0}
    assert dict(oc.sample_size.distribution) == pytest.approx(distribution, abs=1e-12)
