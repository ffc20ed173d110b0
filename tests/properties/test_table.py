"""Random decision tables: what the engine reaches is what the checker calls reachable."""

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from escalation import DecisionTable, Trial, exact
from escalation.designs.tables.check import reachable_cells
from escalation.plans.conduct import NO_LIMIT
from tests.support import levels, table_rows


@st.composite
def tables(draw):
    """A trial, and a design with a decision in every cell, other ones at every dose."""
    cohort, doses = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    trial = Trial(
        doses=levels(doses),
        target=0.25,
        max_patients=draw(st.integers(cohort, 6 if cohort == 1 else 4 * cohort)),
        cohort_size=cohort,
        start_dose=draw(st.integers(1, doses)),
    )
    size = trial.max_patients + 1
    # Half of the tables are random in every cell, half as sensible ones are: by the number of DLTs.
    wild = draw(st.booleans())
    seed = np.random.default_rng(draw(st.integers(0, 2**32)))
    codes = seed.integers(-2, 2, (doses, size, size))
    if not wild:
        codes = -np.sort(-codes, axis=2)
    rows = [{"dose": dose, **row} for dose, table in enumerate(codes, 1) for row in table_rows(table)]
    return trial, DecisionTable(rows=rows, cap=draw(st.none() | st.integers(1, 12)))


PROPERTY = settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def reached_cells(design: DecisionTable, trial: Trial) -> np.ndarray:
    """All cells of a trial's course: those at the end of this trial and of shorter ones."""
    reached = np.zeros((trial.levels, trial.max_patients + 1, trial.max_patients + 1), np.bool_)
    for patients in [*range(trial.cohort_size, trial.max_patients, trial.cohort_size), trial.max_patients]:
        endings = exact(design, trial.model_copy(update={"max_patients": patients}))
        for dose in range(trial.levels):
            reached[dose, endings.patients[:, dose], endings.dlts[:, dose]] = True
    reached[:, 0, 0] = False
    return reached


@PROPERTY
@given(tables())
def test_what_is_reached_is_reachable(case):
    trial, design = case
    codes = design.plan(trial).codes
    reachable = reachable_cells(codes, trial, NO_LIMIT if design.cap is None else design.cap)
    reached = reached_cells(design, trial)
    assert not np.any(reached & ~reachable)
    if trial.levels == 1:
        assert np.array_equal(reached, reachable)


@PROPERTY
@given(tables())
def test_reachable_cells_are_all_that_a_table_needs(case):
    """Without the rows that no trial reaches nothing is missing, and trials are the same; without another, it is."""
    trial, design = case
    reachable = reachable_cells(design.plan(trial).codes, trial, NO_LIMIT if design.cap is None else design.cap)
    needed = [row for row in design.rows if reachable[row.indices].any()]
    short = DecisionTable(rows=needed, cap=design.cap)
    assert list(short.problems(trial)) == []
    assert not any("no trial reaches" in caution for caution in short.cautions(trial))
    ours, all_rows = exact(short, trial), exact(design, trial)
    for part in ("patients", "dlts", "recommended", "reason", "sequences"):
        np.testing.assert_array_equal(getattr(ours, part), getattr(all_rows, part))
    for left_out in range(0, len(needed), 7):
        rest = needed[:left_out] + needed[left_out + 1 :]
        if rest:
            assert "no decision" in dict(DecisionTable(rows=rest, cap=design.cap).problems(trial))["rows"]


@PROPERTY
@given(tables())
def test_what_is_reached_after_titration_is_reachable(case):
    """But for the single patients, on whom nothing is decided."""
    trial, design = case
    titrated = design.model_copy(update={"titration": True})
    codes = titrated.plan(trial).codes
    reachable = reachable_cells(codes, trial, NO_LIMIT if design.cap is None else design.cap, titration=True)
    endings = exact(titrated, trial)
    for dose in range(trial.levels):
        several = endings.patients[:, dose] > 1
        assert np.all(reachable[dose, endings.patients[several, dose], endings.dlts[several, dose]])
