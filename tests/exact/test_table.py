"""Designs written as decision tables, and what is found wrong with a table."""

import numpy as np
import pytest

from escalation import BOIN, DecisionTable, DesignError, ThreePlusThree, Trial, exact
from escalation.designs.tables.check import reachable_cells
from escalation.designs.tables.rows import decisions_of
from tests.support import levels, table_rows

THREE_PLUS_THREE = [
    {"patients": 3, "dlts": 0, "decision": "E"},
    {"patients": 3, "dlts": 1, "decision": "S"},
    {"patients": 6, "dlts": "<=1", "decision": "E"},
    {"patients": 3, "dlts": ">=2", "decision": "DU"},
    {"patients": 6, "dlts": ">=2", "decision": "DU"},
]
# Left by a last, smaller cohort: no DLT in four or five clears the dose, two are too many in any number of patients.
SMALLER = [
    {"patients": "1-2", "dlts": "<=1", "decision": "S"},
    {"patients": "4-5", "dlts": 0, "decision": "E"},
    {"patients": "4-5", "dlts": 1, "decision": "S"},
    {"patients": "4-5", "dlts": ">=2", "decision": "DU"},
]
BOTH = {"patients": 2, "dlts": 2, "decision": "DU"}
"""Where the last cohort may have two patients at a dose of its own."""


def three_plus_three(*more: dict) -> DecisionTable:
    return DecisionTable(rows=[*THREE_PLUS_THREE, *more], recommend="highest_cleared", cap=6)


def assert_same(ours, built_in):
    """The same states, endings, recommendations, reasons and numbers of sequences, in the same order."""
    for part in ("states", "patients", "dlts", "recommended", "reason", "sequences"):
        np.testing.assert_array_equal(getattr(ours, part), getattr(built_in, part))


@pytest.mark.parametrize(
    ("doses", "max_patients", "start", "more"),
    [
        (1, 20, 1, []),
        (3, 18, 1, []),
        (4, 36, 1, []),
        (5, 18, 3, []),
        (2, 20, 1, []),  # never more than 12 patients: the last cohort is whole
        (3, 11, 1, [*SMALLER, BOTH]),
        (3, 13, 1, SMALLER),
        (5, 20, 4, [*SMALLER, BOTH]),
        (3, 8, 3, [*SMALLER, BOTH]),
    ],
)
def test_three_plus_three_as_a_table(doses, max_patients, start, more):
    trial = Trial(doses=levels(doses), target=0.25, max_patients=max_patients, start_dose=start)
    design = three_plus_three(*more)
    assert list(design.cautions(trial)) == []
    assert_same(exact(design, trial), exact(ThreePlusThree(), trial))


@pytest.mark.parametrize(
    ("doses", "max_patients", "cohort", "start"),
    [(4, 36, 3, 1), (1, 20, 3, 1), (5, 20, 3, 3), (3, 11, 1, 2), (5, 16, 4, 2)],
)
def test_boin_as_a_table(doses, max_patients, cohort, start):
    trial = Trial(doses=levels(doses), target=0.25, max_patients=max_patients, cohort_size=cohort, start_dose=start)
    design = DecisionTable(rows=table_rows(BOIN().plan(trial).codes[0]))
    assert [caution for caution in design.cautions(trial) if "no trial reaches" not in caution] == []
    assert_same(exact(design, trial), exact(BOIN(), trial))


def problems(rows, trial, **options) -> list[str]:
    return [f"{option}: {text}" for option, text in DecisionTable(rows=rows, **options).problems(trial)]


def cautions(rows, trial, **options) -> list[str]:
    design = DecisionTable(rows=rows, **options)
    assert list(design.problems(trial)) == []
    return [caution for caution in design.cautions(trial) if "can give dose level" not in caution]


def row(patients, dlts, decision, dose=None) -> dict:
    return {"dose": dose, "patients": patients, "dlts": dlts, "decision": decision}


TWO = Trial(doses=levels(2), target=0.25, max_patients=6)
WHOLE = [row(3, 0, "E"), row(3, 1, "S"), row(3, ">=2", "DU"), row(6, "0-1", "E"), row(6, ">=2", "DU")]


def test_missing_cells_are_named():
    assert problems(WHOLE, TWO) == []
    assert problems(WHOLE[1:], TWO) == ["rows: no decision in cells that a trial may reach: dose 1, 0 of 3"]
    # Dose 2 has at most three patients, as dose 1 has had three.
    assert problems(WHOLE[:3], TWO) == ["rows: no decision in cells that a trial may reach: dose 1, 0-4 of 6"]
    assert problems([row(3, 0, "E", dose=1)], TWO) == [
        "rows: no decision in cells that a trial may reach: dose 2, 0 of 3; doses 1-2, 1-3 of 3; dose 1, 0-6 of 6"
    ]
    longer = Trial(doses=levels(2), target=0.25, max_patients=30)
    (problem,) = problems([row(3, 0, "E"), row(3, "1-3", "S")], longer)
    assert problem.endswith(": doses 1-2, 0-6 of 6; doses 1-2, 0-9 of 9; doses 1-2, 0-12 of 12; and others, 311 in all")
    with pytest.raises(DesignError, match=r"^table: rows: no decision in cells"):
        DecisionTable(rows=WHOLE[1:]).plan(TWO)


def test_doses_that_are_never_given_need_no_decisions():
    stays = [row(3, "0-1", "S"), row(3, "2-3", "DU"), row(6, ">=0", "S")]
    five = Trial(doses=levels(5), target=0.25, max_patients=6, start_dose=3)
    by_dose = [row(3, "0-1", "S", "2-3"), row(3, "2-3", "DU", "2-3"), row(6, ">=0", "S", "2-3"), row(3, ">=0", "S", 1)]
    assert problems(stays, five) == problems(by_dose, five) == []


def test_last_smaller_cohort():
    """With 8 patients the last two join 3 or 6 others at their dose, or none, as long as the others have room."""
    trial = Trial(doses=levels(2), target=0.25, max_patients=8)
    codes, _ = decisions_of(DecisionTable(rows=[*WHOLE, *SMALLER]).rows, trial)
    counts = [np.flatnonzero(cells.any(axis=1)).tolist() for cells in reachable_cells(codes, trial)]
    assert counts == [[3, 5, 6, 8], [2, 3, 5]]
    one = Trial(doses=levels(1), target=0.25, max_patients=8)
    assert np.flatnonzero(reachable_cells(codes[:1], one)[0].any(axis=1)).tolist() == [3, 6, 8]
    # Dose 1 takes no more than 3 patients: the last two find no 6 at one other dose.
    assert [np.flatnonzero(cells.any(axis=1)).tolist() for cells in reachable_cells(codes, trial, cap=3)] == [[3], [3]]


def test_not_monotone():
    base = [row(3, 0, "E"), row(3, "2-3", "DU")]
    (text,) = cautions([*base, row(3, 1, "S"), row(6, 0, "S"), row(6, 1, "E"), row(6, ">=2", "DU")], TWO)
    assert text == "not monotone: escalates at dose 1, 1 of 6, but stays after fewer DLTs, 0 of 6"
    one = Trial(doses=levels(1), target=0.25, max_patients=6)
    found = cautions([*base, row(3, 1, "S"), row(6, 0, "S"), row(6, 1, "D"), row(6, ">=2", "DU")], one)
    assert found == [
        "not monotone: de-escalates at dose 1, 1 of 6, but stays with as many DLTs in fewer patients, 1 of 3",
        "de-escalates although the observed rate is below the target of 0.25: dose 1, 1 of 6",
    ]


def test_incoherent():
    """At the target itself neither move is: 1 of 4 for a target of a quarter."""
    trial = Trial(doses=levels(2), target=0.25, max_patients=4, cohort_size=4)
    for decision in ("E", "S", "D"):
        assert cautions([row(4, 0, "E"), row(4, 1, decision), row(4, ">=2", "D")], trial) == []
    assert cautions([row(4, "0-2", "E"), row(4, ">=3", "DU")], trial) == [
        "escalates although the observed rate is above the target of 0.25: dose 1, 2 of 4"
    ]
    assert cautions([row(4, ">=0", "DU")], trial) == [
        "de-escalates although the observed rate is below the target of 0.25: dose 1, 0 of 4"
    ]


def test_rows_for_nothing():
    (text,) = cautions([*WHOLE, row(4, 0, "E"), row(9, ">=5", "D"), row(6, 1, "E", 2)], TWO)
    assert text == "3 of 8 rows are for cells that no trial reaches: 0 of 4; >=5 of 9; dose 2, 1 of 6"
    assert "cap = 7 is never reached: the trial has at most 6 patients" in cautions(WHOLE, TWO, cap=7)


def test_dose_levels_beyond_the_trial():
    assert problems([*WHOLE, row(3, 0, "E", "2-3"), row(3, 1, "S", ">=3")], TWO) == [
        "rows: the trial has 2 dose levels, and there are rows for higher ones: row 6 (dose 2-3, 0 of 3)"
    ]


def test_one_meaning_of_cleared():
    """What is cleared is looked up by patients and DLTs alone."""
    rows = [row(3, 0, "E"), row(3, 1, "E", 1), row(3, 1, "S", 2), row(3, "2-3", "DU"), row(6, ">=0", "S")]
    assert problems(rows, TWO) == []
    (problem,) = problems(rows, TWO, recommend="highest_cleared")
    assert problem == "recommend: highest_cleared needs one answer at all doses; 1 of 3 has several"


def test_what_is_cleared_may_be_undecided_at_other_doses():
    """Dose 2 never has more than 3 patients, and nobody has 5 DLTs in 4."""
    by_dose = [
        *(row(3, dlts, decision, 1) for dlts, decision in [(0, "E"), (1, "S"), (">=2", "DU")]),
        *[row(6, "0-1", "E", 1), row(6, "2-4", "DU", 1), row("4-6", ">=5", "E", 1)],
        *[row("3-4", 0, "E", 2), row("3-4", 1, "S", 2), row("3-4", ">=2", "DU", 2)],
    ]
    assert problems(by_dose, TWO, recommend="highest_cleared") == []
    same = [*WHOLE[:4], row(6, "2-4", "DU"), row(6, ">=5", "E")]
    ours, expected = (exact(DecisionTable(rows=rows, recommend="highest_cleared"), TWO) for rows in (by_dose, same))
    assert_same(ours, expected)
    assert ours.recommended[(ours.patients[:, 0] == 6) & (ours.dlts[:, 0] == 1)].tolist() == [0]


def test_rows_may_differ_on_impossible_cells():
    rows = [row("1-3", ">=3", "DU"), row(2, ">=2", "D")]  # 3 DLTs in 2 patients
    assert len(DecisionTable(rows=rows).rows) == 2
    with pytest.raises(ValueError, match="row 1 and row 2 decide differently on 3 of 3: DU and D"):
        DecisionTable(rows=[rows[0], row("2-3", ">=2", "D")])


def test_one_row_in_many_spellings():
    def only(**parts):
        return DecisionTable(rows=[{"patients": 3, "dlts": 0, "decision": "E"} | parts]).rows[0]

    for spelling in ("0-1", " 0 - 1 ", "0 to 1", "<=1", "\u22641", "0\u20131"):
        assert only(dlts=spelling).dlts == "0-1"
    for spelling in (">=1", "\u2265 1"):
        assert only(dlts=spelling).dlts == ">=1"
    for spelling in (3, "3", "3-3", "03"):
        assert only(patients=spelling) == only()
    assert only(patients="<=3").patients == "1-3"
    for letter, spellings in {
        "E": ("e", "Escalate"),
        "S": ("stay",),
        "D": ("de-escalate", " D "),
        "DU": ("du", "ELIMINATE"),
    }.items():
        for spelling in spellings:
            assert only(decision=spelling).decision == letter
