"""Published decision tables, written as files and used as designs."""

import pytest

from escalation import BOIN, DecisionTable, Trial, exact
from escalation.kernels.codes import DE_ESCALATE, ELIMINATE, ESCALATE, STAY
from tests.support import levels, next_dose

CODES = {"E": ESCALATE, "S": STAY, "D": DE_ESCALATE, "DU": ELIMINATE}

# Each with the published decisions by patients, from no DLT on; target 0.3 in all.
TPI = {  # Ji, Li & Bekele (2007) Clin Trials 4:235, table 1
    3: "E S D DU",
    6: "E S S D DU DU DU",
    9: "E E S S S D DU DU DU DU",
    12: "E E E S S S D DU DU DU DU DU DU",
}
MTPI = {  # Ji, Liu, Li & Bekele (2010) Clin Trials 7:653, figure 2
    3: "E S D DU",
    6: "E E S S DU DU DU",
    9: "E E S S S DU DU DU DU DU",
    12: "E E E S S S D DU DU DU DU DU DU",
}
MTPI_2 = {  # Guo, Wang, Yang, Lynn & Ji (2017) Contemp Clin Trials 58:23, figure 3
    3: "E S D DU",
    6: "E E S D DU DU DU",
    9: "E E E S D DU DU DU DU DU",
    10: "E E E S D D DU DU DU DU DU",
}


def wide(published: dict[int, str]) -> str:
    """As papers print it: a line for each number of DLTs, nothing where there are more of them than patients."""
    columns = {patients: decisions.split() for patients, decisions in published.items()}
    lines = [
        [str(dlts), *(column[dlts] if dlts < len(column) else "" for column in columns.values())]
        for dlts in range(max(columns) + 1)
    ]
    return "".join(",".join(line) + "\n" for line in [["dlts", *map(str, columns)], *lines])


@pytest.mark.parametrize("published", [TPI, MTPI, MTPI_2], ids=["TPI", "mTPI", "mTPI-2"])
def test_every_published_cell(published, tmp_path):
    (tmp_path / "table.csv").write_text(wide(published))
    design = DecisionTable.model_validate({"file": "table.csv"}, context={"folder": tmp_path})
    trial = Trial(doses=levels(1), target=0.3, max_patients=max(published))
    codes = design.plan(trial).codes[0]
    for patients, decisions in published.items():
        assert codes[patients, : patients + 1].tolist() == [CODES[decision] for decision in decisions.split()]
    # The rules of these papers are monotone and coherent.
    assert [caution for caution in design.cautions(trial) if "no trial reaches" not in caution] == []


# Yan et al. (2020) J Stat Softw 94(13): BOIN, target 0.3, cohorts of 3: escalate at this many DLTs or fewer,
# de-escalate or eliminate at this many or more.
BOUNDARIES = zip(
    range(3, 31, 3),
    [0, 1, 2, 2, 3, 4, 4, 5, 6, 7],
    [2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
    [3, 4, 5, 7, 8, 9, 10, 11, 12, 14],
    strict=True,
)
PROTOCOL = "patients,dlts,decision\n" + "".join(
    f"{n},<={up},escalate\n{n},{up + 1}-{down - 1},stay\n{n},{down}-{out - 1},de-escalate\n{n},>={out},eliminate\n"
    for n, up, down, out in BOUNDARIES
)


@pytest.fixture
def boin_table(tmp_path):
    (tmp_path / "boin.csv").write_text(PROTOCOL)
    return DecisionTable.model_validate({"file": "boin.csv"}, context={"folder": tmp_path})


def test_published_boundaries_are_the_design(boin_table):
    trial = Trial(doses=levels(5), target=0.3, max_patients=30)
    assert list(boin_table.cautions(trial)) == []
    table, built_in = exact(boin_table, trial), exact(BOIN(), trial)
    assert table.states == built_in.states
    rates = [0.05, 0.15, 0.30, 0.45, 0.60]
    assert table.outcomes(rates).probability.tolist() == built_in.outcomes(rates).probability.tolist()
    assert table.recommended.tolist() == built_in.recommended.tolist()


def test_trial_of_the_tutorial(boin_table):
    """BOIN tutorial (Han et al. 2019), p. 25: after 4TTT dose 4 is closed, so 'escalate' stays at 3."""
    steps = [("1NNN", 2), ("2NNN", 3), ("3NTT", 2), ("2NTN", 3), ("3NNN", 3), ("3NNN", 4), ("4TTT", 3), ("3NTN", 3)]
    path = ""
    for cohort, following in steps:
        path = f"{path} {cohort}".strip()
        assert next_dose(boin_table, {"doses": levels(5), "target": 0.3}, path) == following, path
