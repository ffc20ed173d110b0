"""What every design says of its decisions: in its table, and in the clause for each cell."""

import json
import re
from itertools import product

import numpy as np
import pytest
from scipy.stats import beta

from escalation import BOIN, CRM, DecisionTable, DesignError, Monitoring, Trial, decision_table, exact
from escalation.designs.words import beside, ranked
from escalation.kernels.codes import DE_ESCALATE, ELIMINATE, ESCALATE, STAY
from escalation.plans.decision import State
from escalation.plans.expansion import expansion_plan
from escalation.plans.reach import escalated
from escalation.report.pages.table import decision_table_blocks, design_tree
from escalation.running.tables import numbers_of_patients
from escalation.trial.boundaries import looks
from tests.conformance.test_every_design import CASES, TABLE_KINDS
from tests.support import in_each_case, levels

TABLES = [case for case in CASES if case.values[0].kind in TABLE_KINDS]


def by_boundaries(row, dlts: int) -> int:
    """The decision as somebody reads it off the printed boundaries."""
    if row.eliminate_if_at_least is not None and dlts >= row.eliminate_if_at_least:
        return ELIMINATE
    if row.de_escalate_if_at_least is not None and dlts >= row.de_escalate_if_at_least:
        return DE_ESCALATE
    if row.escalate_if_at_most is not None and dlts <= row.escalate_if_at_most:
        return ESCALATE
    assert row.stay_if is not None
    assert row.stay_if[0] <= dlts <= row.stay_if[1]
    return STAY


@in_each_case(TABLES)
class TestTables:
    def test_boundaries_are_the_plan(self, design, trial):
        plan = design.plan(trial)
        parts = decision_table(design, trial).table
        assert sorted(dose for part in parts for dose in part.doses) == levels(trial.levels)
        for part in parts:
            decided = levels(trial.max_patients)
            if plan.conduct.titration:
                decided.remove(1)
            assert [row.patients for row in part.rows] == decided
            for row in part.rows:
                for dose in part.doses:
                    codes = plan.codes[dose - 1, row.patients, : row.patients + 1].tolist()
                    assert row.codes.tolist() == codes
                    if row.is_monotone:
                        assert [by_boundaries(row, dlts) for dlts in range(row.patients + 1)] == codes

    def test_clause_is_right_for_the_decision(self, design, trial):
        codes = design.plan(trial).codes
        for dose in range(trial.levels):
            for patients in levels(trial.max_patients):
                for dlts in range(patients + 1):
                    clause = design.grounds(trial, dose, patients, dlts)
                    assert meant(clause, trial, patients, dlts) == codes[dose, patients, dlts], clause


NUMBER = r"([\d.e+-]+)"
RELATIONS = {
    "at most": lambda rate, limit: rate <= limit,
    "below": lambda rate, limit: rate < limit,
    "above": lambda rate, limit: rate > limit,
    "at least": lambda rate, limit: rate >= limit,
}


def meant(clause: str, trial: Trial, patients: int, dlts: int) -> int:
    """The decision that a clause gives reasons for, after a check of each number and comparison in it."""
    if match := re.fullmatch(rf"P\(DLT rate > {NUMBER} \| (\d+) of (\d+)\) = {NUMBER} (.*?exceeds?) {NUMBER}", clause):
        limit, probability, threshold = (float(match[group]) for group in (1, 4, 6))
        assert (int(match[2]), int(match[3])) == (dlts, patients)
        assert any(
            probability == pytest.approx(beta.sf(limit, a + dlts, b + patients - dlts), abs=6e-4)
            for a, b in ((1, 1), (0.005, 0.005), (0.5, 0.5))
        )
        assert (probability > threshold) == (match[5] == "exceeds")
        return ELIMINATE if probability > threshold else STAY
    assert clause.startswith(f"{dlts} of {patients} patient")
    if match := re.search(rf"\({NUMBER} below, {NUMBER} in, {NUMBER} above\)", clause):
        below, inside, above = map(float, match.groups())
        where = re.search("largest (below|in|above)", clause)[1]
        expected = "below" if below > max(inside, above) else "above" if above >= max(below, inside) else "in"
        assert where == expected
        return {"below": ESCALATE, "in": STAY, "above": DE_ESCALATE}[where]
    if match := re.search(rf"is a rate of {NUMBER}, (.*)", clause):
        return _meant_by_rate(float(match[1]), match[2], patients, dlts)
    return _meant_by_counts(clause, trial, patients, dlts)


def _meant_by_rate(rate: float, comparisons: str, patients: int, dlts: int) -> int:
    assert rate == pytest.approx(dlts / patients, abs=5.01e-4)
    first, _, fewer = comparisons.partition("one DLT less it is ")
    found = re.findall(rf"(at most|below|above|at least) (?:lambda_[ed] = )?{NUMBER}", first)
    assert found
    assert all(RELATIONS[relation](rate, float(limit.rstrip("."))) for relation, limit in found)
    if fewer:
        less, relation, limit = re.fullmatch(rf"{NUMBER}, (below|at least) {NUMBER}", fewer).groups()
        assert float(less) == pytest.approx((dlts - 1) / patients, abs=5.01e-4)
        assert RELATIONS[relation](float(less), float(limit))
        return STAY if relation == "below" else DE_ESCALATE
    if len(found) == 2:
        return STAY
    return ESCALATE if found[0][0] in ("at most", "below") else DE_ESCALATE


def _meant_by_counts(clause: str, trial: Trial, patients: int, dlts: int) -> int:
    _, _, rest = clause.partition("with a DLT")
    if match := re.fullmatch(r": the table says (E|S|D|DU)", rest):
        return {"E": ESCALATE, "S": STAY, "D": DE_ESCALATE, "DU": ELIMINATE}[match[1]]
    if match := re.fullmatch(r", more than (?:the )?(\d+)(?: that (\d+) may have)?: the dose is too toxic", rest):
        assert dlts > int(match[1])
        assert match[2] is None or patients != int(match[2])
        return ELIMINATE
    if match := re.fullmatch(r", (fewer than|at most) (\d+)(?: in (\d+) or more)?: the dose is cleared", rest):
        assert dlts < int(match[2]) + (match[1] == "at most")
        assert match[3] is None or patients > int(match[3])
        return ESCALATE
    rest, _, look = rest.partition(" (no look is planned after ")
    if look:
        assert look == f"{patients}: the evidence that the looks ask for decides)"
        assert patients not in looks(trial.planned_cohorts, trial.max_patients)
        assert patients < trial.max_patients
    if match := re.fullmatch(r", (fewer than|at least) the (\d+) that stop the dose", rest):
        assert (dlts >= int(match[2])) == (match[1] == "at least")
        return ELIMINATE if match[1] == "at least" else STAY
    if match := re.fullmatch(r": (?:nothing is decided before there are|the dose is not stopped before) (\d+).*", rest):
        assert patients < int(match[1])
        return STAY
    assert re.fullmatch(
        r": \d+ more are treated at the dose|: after \d+ no number of DLTs stops the dose|"
        r", which eliminates no dose after titration",
        rest,
    ), clause
    return STAY


@pytest.mark.parametrize(
    "clause",
    [
        "2 of 3 patients with a DLT is a rate of 0.500, above lambda_d = 0.298",
        "2 of 3 patients with a DLT is a rate of 0.667, at most lambda_e = 0.298",
        "P(DLT rate > 0.25 | 2 of 3) = 0.996 exceeds 0.95",
        "2 of 3 patients with a DLT: the mass is largest below (1.0 below, 2.0 in, 0.5 above)",
        "2 of 3 patients with a DLT, fewer than 1: the dose is cleared",
    ],
)
def test_the_check_of_clauses_can_fail(clause):
    with pytest.raises(AssertionError):
        meant(clause, Trial(doses=[1], target=0.25, max_patients=3), 3, 2)


@in_each_case(CASES)
class TestEveryDesign:
    def test_numbers_of_patients(self, design, trial):
        """Every number of patients that a trial ends with is one that is said to occur."""
        escalation_only = trial.model_copy(update={"expansion": None})
        patients = exact(design, escalation_only).patients
        found = numbers_of_patients(design.plan(trial))
        for dose in range(trial.levels):
            ended = set(patients[:, dose].tolist()) - {0}
            assert ended <= found[dose]
            if trial.levels == 1:
                assert max(found[dose]) <= trial.max_patients

    def test_json(self, design, trial):
        printed = decision_table(design, trial)
        tree = json.loads(json.dumps(design_tree("label", printed), allow_nan=False))
        keys = {"design", "reason", "parameters", "titration", "table", "expansion", "rules", "pathways"}
        keys |= {"pending", "pending_reason"}
        assert set(tree) == keys
        assert (tree["table"] is None) == (tree["reason"] is not None)
        for part in tree["table"] or ():
            for row in part["rows"]:
                assert len(row["decisions"]) == row["patients"] + 1
                assert row["monotone"] or row["escalate_if_at_most"] is None
        assert all(rule.endswith(".") for rule in tree["rules"])
        assert list(decision_table_blocks("label", printed, trial))

    def test_expansion(self, design, trial):
        printed, plan = decision_table(design, trial), expansion_plan(design.applied_to(trial))
        if plan is None:
            assert printed.expansion is None
            return
        for row in printed.expansion.rows:
            stops = plan.rejects[row.patients, : row.patients + 1]
            fewest = row.eliminate_if_at_least
            assert [fewest is not None and dlts >= fewest for dlts in range(row.patients + 1)] == stops.tolist()
        # Cohorts of 2, 2 and 1, after every number of patients that the RP2D can have had.
        before = {0} if getattr(design, "recommend_untried", False) else set()
        before |= set().union(*numbers_of_patients(design.plan(trial)))
        assert {row.patients for row in printed.expansion.rows if row.occurs} == {
            number + added for number in before for added in (2, 4, 5)
        }


ONE = Trial(doses=[1], target=0.25, max_patients=20)


@pytest.mark.parametrize(
    ("design", "trial", "expected"),
    [
        (BOIN(), ONE, {3, 6, 9, 12, 15, 18, 20}),
        (BOIN(stop_at=6), ONE, {3, 6}),
        (BOIN(titration=True), ONE, {1, 3, 6, 9, 12, 15, 18, 20}),
        (BOIN(stop_when={"rule": "patients_at_dose", "at_least": 9}), ONE, {3, 6, 9}),
        (BOIN(), Trial(doses=levels(2), target=0.25, max_patients=8, cohort_size=4), {4, 8}),
        (BOIN(), Trial(doses=levels(2), target=0.25, max_patients=7, cohort_size=4), {3, 4, 7}),
        (BOIN(titration=True), Trial(doses=levels(2), target=0.25, max_patients=4), {1, 3, 4}),
    ],
)
def test_numbers_that_occur(design, trial, expected):
    """Counted by hand, at the lowest dose; the largest is reached by some trial."""
    assert numbers_of_patients(design.plan(trial))[0] == expected
    reached = exact(design, trial).patients[:, 0]
    assert max(expected) in reached


def test_a_model_has_no_table():
    trial = Trial(doses=levels(3), target=0.25, max_patients=12, expansion={"patients": 4, "monitoring": {}})
    printed = decision_table(CRM(half_width=0.05, prior_mtd=2), trial)
    assert printed.table is None
    assert printed.reason.startswith("The CRM decides on the data at all doses; no table")
    assert printed.expansion is not None
    assert CRM(half_width=0.05, prior_mtd=2).grounds(trial, 0, 3, 2) == "2 of 3 patients with a DLT"


def test_doses_that_are_decided_alike():
    trial = Trial(doses=levels(4), target=0.25, max_patients=12)
    assert [part.doses for part in decision_table(BOIN(), trial).table] == [(1, 2, 3, 4)]
    assert [part.doses for part in decision_table(BOIN(extra_safe=True), trial).table] == [(1,), (2, 3, 4)]


def test_decisions_that_are_not_monotone_have_no_boundaries():
    rows = [
        {"patients": 3, "dlts": 0, "decision": "S"},
        {"patients": 3, "dlts": 1, "decision": "E"},
        {"patients": 3, "dlts": ">=2", "decision": "DU"},
    ]
    trial = Trial(doses=levels(2), target=0.25, max_patients=3)
    printed = decision_table(DecisionTable(rows=rows), trial)
    (row,) = printed.table[0].rows
    assert not row.is_monotone
    assert row.codes.tolist() == [STAY, ESCALATE, ELIMINATE, ELIMINATE]
    assert {row.escalate_if_at_most, row.stay_if, row.de_escalate_if_at_least, row.eliminate_if_at_least} == {None}
    grid = list(decision_table_blocks("own", printed, trial))[1]
    assert grid.header == ["patients", "0 DLTs", "1", "2", "3"]
    assert grid.groups == [[["3", "S", "E", "DU", "DU"]]]


def test_looks_of_a_calibrated_boundary():
    trial = Trial(doses=[1], target=0.25, max_patients=10)
    (part,) = decision_table(Monitoring(rule="obrien-fleming"), trial).table
    assert {row.patients: row.eliminate_if_at_least for row in part.rows if row.occurs} == {3: None, 6: 5, 9: 5, 10: 6}


@pytest.mark.parametrize(
    ("place", "message"), [((2, 3, 0), "dose"), ((-1, 3, 0), "dose"), ((0, 0, 0), "patients"),
                           ((0, 1001, 0), "patients"), ((0, 3, 4), "dlts"), ((0, 3, -1), "dlts")],
)  # fmt: skip
def test_counts_that_cannot_be(place, message):
    with pytest.raises(DesignError, match=f"^{message}: "):
        BOIN().grounds(Trial(doses=levels(2), target=0.25, max_patients=12), *place)


def test_numbers_are_told_apart():
    assert beside(0.9500004, 0.95) == ["0.9500004", "0.95"]
    assert beside(0.95 + 1e-10, 0.95) == ["0.950", "0.95"]
    assert beside(1 / 3, 1 / 3 + 1e-6) == ["0.333333", "0.333334"]
    assert ranked([1.00001, 1.0, 0.5]) == ["1.00001", "1", "0.5"]
    assert ranked([2.0, 2.0 + 1e-12, 0.5]) == ["2", "2", "0.5"]
    assert np.isclose(float(ranked([1e-20, 3e-21, 0.0])[0]), 0)


@in_each_case(TABLES)
def test_every_printed_cell_is_what_a_running_trial_does(design, trial):
    """The code that decides on a trial with these counts; under titration the table's rows are for what follows it."""
    printed, plan = decision_table(design, trial), design.plan(trial)
    for part in printed.table:
        for row, dose in product((row for row in part.rows if row.occurs), part.doses):
            for dlts, code in enumerate(row.codes.tolist()):
                patients, toxic = ([0] * trial.levels for _ in range(2))
                patients[dose - 1], toxic[dose - 1] = row.patients, dlts
                state = State(tuple(patients), tuple(toxic), dose - 1, row.patients, dlts)
                assert escalated(plan, state)[0].code == code
    assert (printed.titration is None) == (not plan.conduct.titration)
    if printed.titration is not None:
        for dose in range(min(trial.levels, trial.max_patients)):
            alone = tuple(int(level <= dose) for level in range(trial.levels))
            for dlts, code in enumerate(printed.titration.codes.tolist()):
                toxic = tuple(dlts * (level == dose) for level in range(trial.levels))
                wanted, _ = escalated(plan, State(alone, toxic, dose, 1, dlts))
                assert (wanted.titrating, wanted.code) == (True, code)
