"""A BOIN whose table is changed so that 1 of 3 stays, written as docs/designs/table.md has it."""

from collections.abc import Callable

import numpy as np
import pytest

from escalation import BOIN, DecisionTable, Trial, decision_table, exact, operating_characteristics, simulate
from escalation.kernels.codes import DE_ESCALATE, STAY
from tests.support import levels

TRIAL = Trial(doses=levels(4), target=0.25, max_patients=36)
RATES = [0.05, 0.12, 0.25, 0.40]


def table(changed: Callable[[int, int, str], str]) -> DecisionTable:
    rows = []
    for row in decision_table(BOIN(), TRIAL).table[0].rows:
        for y in range(row.patients + 1):
            letter = "E" if y <= row.escalate_if_at_most else "S"
            if row.de_escalate_if_at_least is not None and y >= row.de_escalate_if_at_least:
                letter = "D"
            if row.eliminate_if_at_least is not None and y >= row.eliminate_if_at_least:
                letter = "DU"
            rows.append({"patients": row.patients, "dlts": y, "decision": changed(row.patients, y, letter)})
    return DecisionTable(rows=rows)


STAYS = table(lambda n, y, letter: "S" if (n, y) == (3, 1) else letter)


def test_unchanged_the_table_is_boin():
    rewritten, boin = table(lambda n, y, letter: letter), BOIN()
    assert (rewritten.plan(TRIAL).codes == boin.plan(TRIAL).codes)[:, 3:].all()
    found = [operating_characteristics(exact(design, TRIAL).outcomes(RATES)) for design in (rewritten, boin)]
    assert found[0].selection == pytest.approx(found[1].selection, abs=1e-12)


def test_one_cell_differs():
    ours, boin = STAYS.plan(TRIAL).codes, BOIN().plan(TRIAL).codes
    apart = np.argwhere(ours != boin)
    assert {(n, y) for _, n, y in apart.tolist() if n and n % 3 == 0} == {(3, 1)}
    assert (boin[:, 3, 1] == DE_ESCALATE).all()
    assert (ours[:, 3, 1] == STAY).all()


def test_six_at_the_second_dose_by_hand():
    """Of two cohorts at dose 2 the second comes after 1 of 3; BOIN goes down. The trial has nine patients."""
    short = TRIAL.model_copy(update={"max_patients": 9})
    first, one_of_three = (1 - RATES[0]) ** 3, 3 * RATES[1] * (1 - RATES[1]) ** 2
    for design, share in ((STAYS, first * one_of_three), (BOIN(), 0)):
        endings = exact(design, short)
        six = (endings.patients[:, 0] == 3) & (endings.patients[:, 1] == 6)
        assert endings.outcomes(RATES).probability[six].sum() == pytest.approx(share, abs=1e-12)


def test_simulated_trials_agree():
    exactly = operating_characteristics(exact(STAYS, TRIAL).outcomes(RATES))
    simulated = operating_characteristics(simulate(STAYS, TRIAL, RATES, trials=40_000, seed=2))
    assert simulated.pcs == pytest.approx(exactly.pcs, abs=4 * simulated.mcse["pcs"])
