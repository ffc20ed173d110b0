"""BOIN against its published boundaries, tables and examples."""

import numpy as np
import pytest

from escalation import BOIN, DesignError, Trial
from escalation.kernels.codes import DE_ESCALATE, ELIMINATE, ESCALATE
from tests.support import exact_characteristics, levels, next_dose


@pytest.mark.parametrize(
    ("target", "lambda_e", "lambda_d"),
    [
        (0.15, 0.118, 0.179),
        (0.20, 0.157, 0.238),
        (0.25, 0.197, 0.298),
        (0.30, 0.236, 0.359),
        (0.35, 0.276, 0.419),
        (0.40, 0.316, 0.480),
    ],
)
def test_lambdas(target, lambda_e, lambda_d):
    """Liu & Yuan (2015) JRSS C 64:507, table 1; Yuan et al. (2016) Clin Cancer Res 22:4291. Three decimals."""
    ours = BOIN().boundaries(target)
    assert [round(value, 3) for value in ours] == [lambda_e, lambda_d]


@pytest.mark.parametrize(("options", "target"), [({"p_saf": 0.25}, 0.25), ({}, 0.8), ({"p_tox": 0.2}, 0.25)])
def test_boundaries_need_rates_in_order(options, target):
    with pytest.raises(DesignError, match="should increase between 0 and 1"):
        BOIN(**options).boundaries(target)


def test_decision_table_of_the_tutorial():
    """Yan et al. (2020) J Stat Softw 94(13): target 0.3, cohorts of 3, 30 patients."""
    codes = BOIN().plan(Trial(doses=levels(5), target=0.3, max_patients=30)).codes[1]
    patients = range(3, 31, 3)
    escalate = [max(y for y in range(n + 1) if codes[n, y] == ESCALATE) for n in patients]
    down = [min(y for y in range(n + 1) if codes[n, y] in (DE_ESCALATE, ELIMINATE)) for n in patients]
    eliminate = [min(y for y in range(n + 1) if codes[n, y] == ELIMINATE) for n in patients]
    assert escalate == [0, 1, 2, 2, 3, 4, 4, 5, 6, 7]
    assert down == [2, 3, 4, 5, 6, 7, 8, 9, 10, 11]
    assert eliminate == [3, 4, 5, 7, 8, 9, 10, 11, 12, 14]


def test_trial_of_the_tutorial():
    """BOIN tutorial (Han et al. 2019), p. 25: after 4TTT dose 4 is closed, so 'escalate' stays at 3."""
    steps = [
        ("1NNN", 2),
        ("2NNN", 3),
        ("3NTT", 2),
        ("2NTN", 3),
        ("3NNN", 3),
        ("3NNN", 4),
        ("4TTT", 3),
        ("3NTN", 3),
        ("3NNT", 3),
        ("3TNN", 3),
    ]
    path = ""
    for cohort, following in steps:
        path = f"{path} {cohort}".strip()
        assert next_dose(BOIN(), {"doses": levels(5), "target": 0.3}, path) == following, path


def test_selection_example():
    """Yan et al. (2020), p. 15: 0/3, 0/3, 4/15, 4/9 and nobody; the MTD is dose 3."""
    plan = BOIN().plan(Trial(doses=levels(5), target=0.3, max_patients=30))
    patients = np.array([[3, 3, 15, 9, 0]], np.int16)
    assert plan.recommend(patients, np.array([[0, 0, 4, 4, 0]], np.int16)) == [2]


def test_get_oc_of_another_project():
    """BOIN 2.7.2 get.oc, 10,000 trials, target 0.3, 10 cohorts of 3 (fixture of the project mdanderson-stats)."""
    oc = exact_characteristics(
        BOIN(), Trial(doses=levels(5), target=0.3, max_patients=30), [0.05, 0.15, 0.30, 0.45, 0.60]
    )
    for ours, theirs in zip(oc.selection, [0.0112, 0.2374, 0.5455, 0.1919, 0.0139], strict=True):
        assert abs(ours - theirs) <= 4 * (ours * (1 - ours) / 10_000) ** 0.5
    assert oc.patients == pytest.approx([4.1601, 9.1197, 11.1366, 4.785, 0.7959], abs=4 * 6 / 100)
