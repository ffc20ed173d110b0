"""Decision tables as publications print them, from the designs that they define."""

import pytest

from escalation import BOIN, MTPI, MTPI2, TPI, I3Plus3, Keyboard, Monitoring, ThreePlusThree, Trial, decision_table
from escalation.designs.tables.rows import LETTERS
from tests.published.test_interval_designs import I3PLUS3, MTPI2_2017, MTPI_2010, TPI_2007
from tests.support import levels


def occurring(design, trial: Trial, dose: int = 1):
    part = next(part for part in decision_table(design, trial).table if dose in part.doses)
    return {row.patients: row for row in part.rows if row.occurs}


@pytest.mark.parametrize(
    ("design", "target", "published"),
    [
        (TPI(), 0.3, TPI_2007),
        (MTPI(), 0.3, MTPI_2010),
        (MTPI2(), 0.3, MTPI2_2017),
        (Keyboard(), 0.3, MTPI2_2017),
        *((I3Plus3(), target, table) for target, table in I3PLUS3.items()),
    ],
)
def test_letters(design, target, published):
    """Each decision of the papers' tables, and the boundaries that one reads off them."""
    trial = Trial(doses=levels(2), target=target, max_patients=max(published), cohort_size=1)
    (part,) = decision_table(design, trial).table
    rows = {row.patients: row for row in part.rows}
    for patients, text in published.items():
        letters, row = text.split(), rows[patients]
        assert [LETTERS[code] for code in row.codes.tolist()] == letters
        assert row.is_monotone
        assert row.escalate_if_at_most == (letters.count("E") - 1 if "E" in letters else None)
        assert row.eliminate_if_at_least == (letters.index("DU") if "DU" in letters else None)
        down = [dlts for dlts, letter in enumerate(letters) if letter in ("D", "DU")]
        assert row.de_escalate_if_at_least == (min(down) if down else None)
        stay = [dlts for dlts, letter in enumerate(letters) if letter == "S"]
        assert row.stay_if == ((min(stay), max(stay)) if stay else None)


def test_three_plus_three():
    """Korn et al. (1994) Stat Med 13:1799: 0/3 up, 1/3 three more, 2/3 too toxic; 1/6 up, 2/6 too toxic."""
    rows = occurring(ThreePlusThree(), Trial(doses=levels(4), target=0.25, max_patients=36))
    assert list(rows) == [3, 6]
    three, six = rows[3], rows[6]
    assert (three.escalate_if_at_most, three.stay_if, three.eliminate_if_at_least) == (0, (1, 1), 2)
    assert (six.escalate_if_at_most, six.stay_if, six.eliminate_if_at_least) == (1, None, 2)


def test_boin_tutorial():
    """Yan et al. (2020) J Stat Softw 94(13): target 0.3, cohorts of 3, 30 patients."""
    rows = occurring(BOIN(), Trial(doses=levels(5), target=0.3, max_patients=30)).values()
    assert [row.patients for row in rows] == list(range(3, 31, 3))
    assert [row.escalate_if_at_most for row in rows] == [0, 1, 2, 2, 3, 4, 4, 5, 6, 7]
    assert [row.de_escalate_if_at_least for row in rows] == [2, 3, 4, 5, 6, 7, 8, 9, 10, 11]
    assert [row.eliminate_if_at_least for row in rows] == [3, 4, 5, 7, 8, 9, 10, 11, 12, 14]


def test_btox():
    """Zhou & Lee, BTOX manual (MD Anderson): looks at 5, 10 and 15 patients."""
    trial = Trial(doses=[1], target=0.3, max_patients=15, cohort_size=5)
    printed = decision_table(Monitoring(limit=0.3, threshold=0.7, prior=(0.5, 0.5)), trial)
    (part,) = printed.table
    assert not part.moves
    assert {row.patients: row.eliminate_if_at_least for row in part.rows if row.occurs} == {5: 2, 10: 4, 15: 6}
    assert printed.parameters == {"limit": 0.3, "threshold": 0.7}
