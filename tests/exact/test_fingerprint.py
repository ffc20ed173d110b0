"""Fingerprints: the same for the same rule, another for any that decides differently in a trial that can be."""

import subprocess
import sys

import numpy as np
import pytest

from escalation import BLRM, BOIN, CRM, DecisionTable, Expansion, ThreePlusThree, Trial, exact
from escalation.studies.fingerprint import SHOWN, fingerprint
from tests.support import levels, table_rows

TRIAL = Trial(doses=levels(3), target=0.25, max_patients=12)


def of(design, trial=TRIAL) -> str:
    return fingerprint(design, trial)


@pytest.mark.parametrize("titration", [False, True])
def test_one_rule_written_twice(titration):
    table = DecisionTable(rows=table_rows(BOIN().plan(TRIAL).codes[0]), titration=titration)
    assert of(table) == of(BOIN(titration=titration))


def test_options_without_effect_and_names_do_not_matter():
    assert of(BOIN()) == of(BOIN(label="another", p_saf=0.6 * 0.25)) == of(BOIN(stop_at=99))
    amounts = TRIAL.model_copy(update={"doses": (10, 20, 40), "dose_unit": "mg"})
    assert of(BOIN(), amounts) == of(BOIN())


def test_whatever_changes_a_trial_changes_it():
    designs = [
        *[BOIN(), BOIN(cutoff_eli=0.9), BOIN(p_tox=0.45), BOIN(titration=True), BOIN(stop_at=6), BOIN(bound_mtd=True)],
        *[BOIN(stop_when={"rule": "patients", "at_least": 9}), BOIN(restrict={"rule": "no_escalation", "dlts": 2})],
        *[ThreePlusThree(), ThreePlusThree(de_escalate=False), ThreePlusThree(six_at_top=False)],
        *[CRM(skeleton=[0.1, 0.25, 0.4]), CRM(skeleton=[0.05, 0.1, 0.2]), BLRM()],
        *[BOIN(expansion=Expansion(patients=3)), BOIN(expansion=Expansion(patients=3, monitoring={"threshold": 0.8}))],
    ]
    assert len({of(design) for design in designs}) == len(designs)
    assert len({of(design)[:SHOWN] for design in designs}) == len(designs)


@pytest.mark.parametrize("patients", [3, 6, 9, 12])
def test_one_decision_of_many(patients):
    """Another decision in a single cell of the table, at any number of patients, is seen."""
    rows = table_rows(BOIN().plan(TRIAL).codes[0])
    found = [row for row in rows if row["patients"] == patients and row["decision"] == "S"]
    stays = found[0] if found else next(row for row in rows if row["patients"] == patients)
    changed = [row | {"decision": "DU"} if row is stays else row for row in rows]
    if patients < TRIAL.max_patients:
        assert of(DecisionTable(rows=changed)) != of(DecisionTable(rows=rows))
    elif not found:
        assert of(DecisionTable(rows=changed)) != of(DecisionTable(rows=rows)), "it changes the recommendation"


def test_the_way_there_counts():
    """Doses 1, 2, 1 whatever happens end as doses 1, 1, 2 do; the decisions on the way are others."""
    trial = Trial(doses=levels(2), target=0.25, max_patients=9)

    def table(*decisions: tuple[int, int, str]) -> DecisionTable:
        given = {(dose, patients): code for dose, patients, code in decisions}
        cells = [(dose, patients, given.get((dose, patients), "S")) for dose in (1, 2) for patients in (3, 6, 9)]
        rows = [{"dose": d, "patients": n, "dlts": f"0-{n}", "decision": code} for d, n, code in cells]
        return DecisionTable(rows=rows)

    up_and_down = table((1, 3, "E"), (2, 3, "D"))
    stay_first = table((1, 6, "E"))
    ends = [exact(design, trial) for design in (up_and_down, stay_first)]
    counts = [sorted(map(tuple, np.hstack([end.patients, end.dlts]).tolist())) for end in ends]
    assert counts[0] == counts[1]
    assert of(up_and_down, trial) != of(stay_first, trial)


def test_the_same_in_another_process():
    script = (
        "from escalation import BOIN, Trial, fingerprint;"
        "print(fingerprint(BOIN(), Trial(doses=[1, 2, 3], target=0.25, max_patients=12)))"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == of(BOIN())
