"""The 3+3 design against published probabilities, path counts and closed forms."""

from math import comb, prod

import pytest

from escalation import ThreePlusThree, Trial
from tests.naive.play import count_paths
from tests.naive.rules import ThreePlusThree as NaiveThreePlusThree
from tests.support import exact_characteristics, levels


def trial(doses: int) -> Trial:
    return Trial(doses=levels(doses), target=0.3, max_patients=6 * doses)


def selection(design: ThreePlusThree, rates) -> list[float]:
    """Probability of recommending none, then each dose."""
    oc = exact_characteristics(design, trial(len(rates)), rates)
    return [oc.no_selection, *oc.selection]


FIVE = [0.1, 0.2, 0.3, 0.4, 0.5]
EIGHT = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]


def test_wheeler_2016_with_de_escalation():
    """Wheeler, Sweeting & Mander (2016) PLoS ONE 11:e0159026, the exact AplusB program, two decimals."""
    ours = selection(ThreePlusThree(de_escalate=True, six_at_top=False), FIVE)
    assert [round(p, 2) for p in ours] == [0.10, 0.28, 0.33, 0.20, 0.06, 0.02]


def test_wheeler_2016_without_de_escalation():
    ours = selection(ThreePlusThree(de_escalate=False, six_at_top=False), EIGHT)
    # For dose 2 the source has 0.33; the closed forms below, and the exact values of the R packages escalation and
    # bcrm, say .3247. The other eight numbers agree.
    assert [round(p, 2) for p in ours[:3]] == [0.09, 0.26, 0.32]
    assert [round(p, 2) for p in ours[3:]] == [0.22, 0.08, 0.02, 0.00, 0.00, 0.00]


def test_hand_computed_variants():
    """Worked by hand to four decimals, none first."""
    with_de_escalation = selection(ThreePlusThree(de_escalate=True, six_at_top=False), FIVE)
    assert [round(p, 4) for p in with_de_escalation] == [0.1004, 0.2846, 0.3335, 0.2033, 0.0613, 0.0169]
    without = selection(ThreePlusThree(de_escalate=False, six_at_top=False), EIGHT)
    assert [round(p, 4) for p in without[:7]] == [0.0939, 0.2640, 0.3247, 0.2192, 0.0813, 0.0155, 0.0013]


CHOW = [0.01, 0.014, 0.025, 0.056, 0.177, 0.594, 0.963]


def test_chow_shao_wang_expected_patients():
    """Chow, Shao & Wang, Sample Size Calculations in Clinical Research, examples 11.6.1 and 11.6.2."""
    without = exact_characteristics(ThreePlusThree(de_escalate=False, six_at_top=False), trial(7), CHOW)
    assert round(without.patients[0], 1) == 3.1
    with_de_escalation = exact_characteristics(ThreePlusThree(six_at_top=False), trial(7), CHOW)
    assert round(with_de_escalation.patients[6], 1) == 0.2


@pytest.mark.parametrize(("doses", "paths"), [(2, 46), (3, 154), (4, 442), (5, 1162)])
def test_number_of_paths(doses, paths):
    """Norris's exhaustive enumeration in the R package precautionary: both options on."""
    assert count_paths(NaiveThreePlusThree(doses, 6 * doses)) == paths


def binomial(n: int, y: int, p: float) -> float:
    return comb(n, y) * p**y * (1 - p) ** (n - y)


def lin_shih(rates, de_escalate: bool) -> list[float]:
    """Closed forms of Lin & Shih (2001) Biostatistics 2:203-215 for A = B = 3, with C = D = E = 1; none first.

    A dose is passed with 0/3, or with 1/3 and then 0/3. Without de-escalation dose i is the MTD when doses up to i are
    passed and i + 1 is not. With it, when dose k is not passed the doses below are revisited: one that had six patients
    is the MTD; one that had 0/3 gets three more and is the MTD unless two or more of them have a DLT.
    """
    at_once = [binomial(3, 0, p) for p in rates]
    second = [binomial(3, 1, p) * binomial(3, 0, p) for p in rates]
    passed = [first + later for first, later in zip(at_once, second, strict=True)]
    fails_revisit = [1 - binomial(3, 0, p) - binomial(3, 1, p) for p in rates]
    count = len(rates)
    chosen = [0.0] * count + [prod(passed)]  # indexed by the number of doses at or below the MTD
    for k in range(count):
        reached = prod(passed[:k]) * (1 - passed[k])
        if not de_escalate or k == 0:
            chosen[k] += reached
            continue
        # Go down from k: each dose in turn is the MTD or is found too toxic too.
        still = 1 - passed[k]
        for i in range(k - 1, -1, -1):
            holds = second[i] + at_once[i] * (1 - fails_revisit[i])
            chosen[i + 1] += prod(passed[:i]) * holds * still
            still *= at_once[i] * fails_revisit[i]
        chosen[0] += still
    return chosen


@pytest.mark.parametrize("de_escalate", [False, True])
@pytest.mark.parametrize("rates", [FIVE, EIGHT, CHOW, [0.3], [0.02, 0.9], [0.0, 0.5, 1.0]])
def test_lin_and_shih_closed_forms(rates, de_escalate):
    ours = selection(ThreePlusThree(de_escalate=de_escalate, six_at_top=False), rates)
    assert ours == pytest.approx(lin_shih(rates, de_escalate), abs=1e-14)
