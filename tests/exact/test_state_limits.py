"""The bound on the states of a table plan: never too low, and seldom much too high."""

import pytest

from escalation import BOIN, Monitoring, ThreePlusThree, Trial, exact
from escalation.designs import Design
from escalation.enumeration import cells_of
from escalation.plans import TablePlan
from escalation.state_limits import (
    MEMORY_SHARE,
    MOST_STATES,
    bits_per_cell,
    default_max_states,
    most_states,
    state_bytes,
    words_per_row,
)
from tests.conformance.test_every_design import CASES
from tests.support import levels


def bound_and_states(design: Design, trial: Trial) -> tuple[float, int]:
    plan = design.plan(trial)
    assert isinstance(plan, TablePlan)
    return most_states(plan), exact(design, trial).states


@pytest.mark.parametrize(
    ("design", "trial"), [case for case in CASES if isinstance(case.values[0].plan(case.values[1]), TablePlan)]
)
def test_bound_holds(design, trial):
    bound, states = bound_and_states(design, trial)
    assert states <= bound


@pytest.mark.parametrize("doses", [1, 2, 3, 4])
@pytest.mark.parametrize("start", [1, 2, 4])
@pytest.mark.parametrize("max_patients", [1, 3, 12, 20, 27])
@pytest.mark.parametrize("cohort_size", [1, 2, 3])
def test_bound_holds_for_every_shape(doses, start, max_patients, cohort_size):
    if start > doses or cohort_size > max_patients:
        return
    trial = Trial(doses=levels(doses), target=0.3, max_patients=max_patients, cohort_size=cohort_size, start_dose=start)
    for design in (BOIN(), BOIN(stop_at=9), BOIN(titration=True), BOIN(extra_safe=True, offset=0.05), Monitoring()):
        if next(iter(design.problems(trial)), None) is None:
            bound, states = bound_and_states(design, trial)
            assert states <= bound


@pytest.mark.parametrize(
    ("design", "doses", "max_patients", "excess"),
    [
        (BOIN(), 1, 36, 1.001),
        (BOIN(), 4, 36, 1.07),
        (BOIN(), 5, 45, 1.07),
        (BOIN(), 2, 120, 1.01),
        (BOIN(stop_at=12), 4, 36, 1.14),
        (ThreePlusThree(), 4, 24, 1.001),
        (ThreePlusThree(), 8, 48, 1.001),
        (BOIN(titration=True), 4, 36, 2.1),
    ],
)
def test_bound_is_close(design, doses, max_patients, excess):
    bound, states = bound_and_states(design, Trial(doses=levels(doses), target=0.25, max_patients=max_patients))
    assert states <= bound <= excess * states


def test_no_cell_has_all_bits_set():
    """Such a row would be taken for the end of all rows."""
    for max_patients in range(1, 200):
        assert cells_of(max_patients).shape[1] - 1 < (1 << bits_per_cell(max_patients)) - 1
    assert words_per_row(4, 36) == 1
    assert words_per_row(6, 60) == 2


def test_default_limit_follows_the_memory(monkeypatch):
    from escalation import state_limits

    plan = BOIN().plan(Trial(doses=levels(6), target=0.25, max_patients=60))
    monkeypatch.setattr(state_limits, "machine_memory", lambda: 8 * 10**9)
    assert default_max_states(plan) == int(MEMORY_SHARE * 8 * 10**9 / state_bytes(plan))
    monkeypatch.setattr(state_limits, "machine_memory", lambda: 8 * 10**12)
    assert default_max_states(plan) == MOST_STATES
