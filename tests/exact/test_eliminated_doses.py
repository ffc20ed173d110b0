"""Doses that counts eliminate: read anew from the counts by both engines and by `next`; not during titration."""

import numpy as np
import pytest

from escalation import (
    BLRM,
    BMACRM,
    BOIN,
    CRM,
    MTPI,
    MTPI2,
    TPI,
    Trial,
    exact,
    next_dose,
    operating_characteristics,
    simulate,
)

ELIMINATE = {"rule": "eliminate", "threshold": 0.9}  # after 1 of 1 already
RATES = [0.1, 0.25, 0.4]
DESIGNS = [
    CRM(skeleton=[0.1, 0.2, 0.35], titration=True, restrict=ELIMINATE),
    BLRM(titration=True, ewoc=0.5, restrict=ELIMINATE),
    BMACRM(skeletons=[[0.1, 0.2, 0.35]], titration=True, restrict=ELIMINATE),
    BOIN(titration=True, restrict=ELIMINATE),
    TPI(titration=True),
    MTPI(titration=True),
    MTPI2(titration=True),
]


def trial(**options) -> Trial:
    return Trial(**{"doses": [10, 20, 30], "target": 0.25, "max_patients": 12} | options)


@pytest.mark.parametrize("after", [None, "1T", "1N 2T"])
@pytest.mark.parametrize("design", DESIGNS, ids=lambda design: design.kind)
def test_elimination_rests_during_titration(design, after):
    """The dose of the first DLT is filled up, and its counts then decide; one patient with a DLT does not."""
    found = exact(design, trial(), after=after)
    simulated = simulate(design, trial(), RATES, trials=4000, seed=2, after=after)

    def rows(of) -> set[tuple[int, ...]]:
        return set(map(tuple, np.column_stack([of.patients, of.dlts, of.recommended, of.reason]).tolist()))

    assert rows(simulated) <= rows(found)
    expected = operating_characteristics(found.outcomes(RATES)).selection
    assert operating_characteristics(simulated).selection == pytest.approx(expected, abs=0.035)


@pytest.mark.parametrize("design", DESIGNS, ids=lambda design: design.kind)
def test_nothing_is_shown_as_closed_that_is_given(design):
    filling = next_dose(design, trial(), "1N 2T")
    assert (filling.next_dose, filling.cohort_size) == (2, 2)
    assert not any(estimate.eliminated for estimate in filling.estimates)
    assert next_dose(design, trial(), "1N 2T 2NN").warnings == ()


def test_a_dose_that_was_given_all_the_same():
    """2 of 3 eliminate dose 2; it gets a cohort for all that, after which it is 2 of 6."""
    design, shape = CRM(skeleton=[0.1, 0.2, 0.3], restrict=ELIMINATE), trial(target=0.3, max_patients=18)
    assert next_dose(design, shape, "1NNN 2NTT 2NNN").warnings == (
        "cohort 3 (2NNN): the design gives dose level 1, not 2",
        "dose level 2 was eliminated after cohort 2; by the numbers there now it is not, and these decide",
    )
    for after in ("1NNN 2NTT 2NN", "1NNN 2NTT 2NNN"):
        expected = operating_characteristics(exact(design, shape, after=after).outcomes(RATES)).selection
        simulated = simulate(design, shape, RATES, trials=4000, seed=4, after=after)
        assert operating_characteristics(simulated).selection == pytest.approx(expected, abs=0.035)


def test_an_end_before_a_cohort_is_full_is_the_same_however_it_is_filled():
    """4 patients end the trial, but with too many DLTs none is recommended: the rest of the cohort decides on that."""
    design = BOIN(stop_when={"rule": "patients", "at_least": 4})
    answer = next_dose(design, trial(max_patients=24), "1NNT 1T")
    assert (answer.next_dose, answer.cohort_size, answer.stop) == (1, 2, False)
    assert all(end.stop for end in answer.filled)
    assert ["as too toxic" in end.reason for end in answer.filled] == [False, False, True]
    assert next_dose(design, trial(max_patients=24), "1NNT 1N").stop


def test_recommended_is_below_what_is_eliminated():
    """3 of 3 at dose 2: the model prefers it still, having seen none in 15 below."""
    design = CRM(skeleton=[0.02, 0.05, 0.25], prior_sd=0.3, coherent="off", restrict=ELIMINATE)
    answer = next_dose(design, trial(max_patients=30), "1NNN 2NNN 3TTT")
    assert answer.next_dose == 2
    assert answer.recommended_dose == 2
    assert "Dose level 3: P(DLT rate > 0.25 | 3 of 3) = 0.996 exceeds 0.9" in answer.reason
    at_end = next_dose(design, trial(max_patients=9), "1NNN 2NNN 3TTT")
    assert at_end.recommended_dose == 2
    none = next_dose(design, trial(max_patients=9), "1TTT")
    assert none.not_recommended == "too toxic: the lowest dose is eliminated"
