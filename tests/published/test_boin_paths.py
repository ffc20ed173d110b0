"""Paths of a BOIN with one-patient cohorts that ends where it would go below the lowest dose.

Source: the R package precautionary (DC Norris), exec/prolog/boin.pl and ccd.pl: every path of a BOIN with a target of
0.25, at most 6 patients a dose and 24 in all, by constraint programming; its test test-boin.R has the same from a
second program, in R. Elimination is that of BOIN, from three patients on. A trial ends when the next dose has 6, when
all are treated, and when the lowest dose is to be left downwards, be it eliminated or not. So its table has rows of its
own for dose 1, where D is DU.
"""

from collections import Counter
from math import log

import pytest
from scipy import stats

from escalation import BOIN, DecisionTable, Trial, decision_table, exact, paths

TARGET, AT_A_DOSE, IN_ALL = 0.25, 6, 24
PATHS = {1: 10, 2: 170, 3: 949, 4: 7139, 5: 31475}
"""By the number of doses, as boin.pl gives them."""

PATIENTS = {5: 3, 6: 1, 7: 5, 8: 12, 9: 18, 10: 38, 11: 79, 12: 145, 13: 167, 14: 129, 15: 97, 16: 77, 17: 100, 18: 76}
"""Paths by patients for three doses, but for one with a single patient and one with three: BOIN25-3-6-24.tab there."""


def boundary(low: float, high: float) -> float:
    """Where BOIN's two hypotheses are equally likely (Liu and Yuan 2015, equations 2 and 3)."""
    return log((1 - low) / (1 - high)) / log(high * (1 - low) / (low * (1 - high)))


def decision(patients: int, dlts: int) -> str:
    if patients >= 3 and stats.beta(1 + dlts, 1 + patients - dlts).sf(TARGET) > 0.95:
        return "DU"
    if dlts / patients <= boundary(0.6 * TARGET, TARGET):
        return "E"
    return "D" if dlts / patients >= boundary(TARGET, 1.4 * TARGET) else "S"


CELLS = [(n, y) for n in range(1, AT_A_DOSE + 1) for y in range(n + 1)]


def table(doses: int) -> DecisionTable:
    rows = [
        {"dose": 1, "patients": n, "dlts": y, "decision": decision(n, y).replace("DU", "D").replace("D", "DU")}
        for n, y in CELLS
    ]
    if doses > 1:
        rows += [{"dose": ">=2", "patients": n, "dlts": y, "decision": decision(n, y)} for n, y in CELLS]
    return DecisionTable(rows=rows, cap=AT_A_DOSE)


def trial(doses: int) -> Trial:
    return Trial(doses=range(1, doses + 1), target=TARGET, max_patients=IN_ALL, cohort_size=1)


@pytest.mark.parametrize(("doses", "number"), PATHS.items())
def test_number_of_paths(doses, number):
    """A path is a sequence of patients: their number is the sum over endings."""
    assert exact(table(doses), trial(doses)).sequences.sum() == number


def test_paths_by_their_number_of_patients():
    endings = exact(table(3), trial(3))
    found = Counter()
    for patients, sequences in zip(endings.patients.sum(axis=1).tolist(), endings.sequences.tolist(), strict=True):
        found[patients] += int(sequences)
    assert found == PATIENTS | {1: 1, 3: 1}


@pytest.mark.parametrize("doses", [2, 3])
def test_plain_walk_and_listed_paths(doses):
    """The same from a walk in plain Python, and from the paths that are listed one by one."""
    ended = []

    def walk(dose: int, highest: int, counts: tuple[tuple[int, int], ...]) -> None:
        for toxic in (0, 1):
            n, y = counts[dose][0] + 1, counts[dose][1] + toxic
            now = (*counts[:dose], (n, y), *counts[dose + 1 :])
            verdict = decision(n, y)
            top = dose - 1 if verdict == "DU" else highest
            following = {"E": min(dose + 1, top), "S": dose}.get(verdict, dose - 1)
            if following < 0 or now[following][0] >= AT_A_DOSE or sum(n for n, _ in now) >= IN_ALL:
                ended.append(now)
            else:
                walk(following, top, now)

    walk(0, doses - 1, ((0, 0),) * doses)
    assert len(ended) == PATHS[doses]
    listed = paths(table(doses), trial(doses), cohorts=IN_ALL, most=10_000).root.leaves
    assert len(list(listed)) == PATHS[doses]


def test_the_decisions_are_boins():
    rows = decision_table(BOIN(), trial(3)).table[0].rows[:AT_A_DOSE]
    assert [(row.escalate_if_at_most, row.de_escalate_if_at_least) for row in rows] == [
        (
            max(y for y in range(n + 1) if decision(n, y) == "E"),
            min(y for y in range(n + 1) if decision(n, y) in ("D", "DU")),
        )
        for n in range(1, AT_A_DOSE + 1)
    ]
