"""i3+3, TPI, mTPI, mTPI-2, Keyboard and CCD against their published decision tables and operating characteristics."""

from fractions import Fraction
from math import comb

import pytest

from escalation import CCD, MTPI, MTPI2, TPI, I3Plus3, Keyboard, Trial
from escalation.designs import Design
from escalation.kernels.codes import DE_ESCALATE, ELIMINATE, ESCALATE, STAY
from tests.support import exact_characteristics, levels

WORDS = {ESCALATE: "E", STAY: "S", DE_ESCALATE: "D", ELIMINATE: "DU"}

# Decisions with target 0.3 by patients, from 0 DLTs up: E escalate, S stay, D de-escalate, DU de-escalate and never
# return. As the tests of the R package escalation have them from the papers.
TPI_2007 = {
    3: "E S D DU",
    6: "E S S D DU DU DU",
    9: "E E S S S D DU DU DU DU",
    12: "E E E S S S D DU DU DU DU DU DU",
}
MTPI_2010 = {
    3: "E S D DU",
    6: "E E S S DU DU DU",
    9: "E E S S S DU DU DU DU DU",
    12: "E E E S S S D DU DU DU DU DU DU",
    30: "E E E E E E E S S S S S S S DU DU DU DU DU DU DU DU DU DU DU DU DU DU DU DU DU",
}
MTPI2_2017 = {
    3: "E S D DU",
    6: "E E S D DU DU DU",
    9: "E E E S D DU DU DU DU DU",
    10: "E E E S D D DU DU DU DU DU",
}

# The rule of Liu, Wang & Ji (2020) worked out cell by cell, as the R functions get.decision.i3 and
# PhIdesign::get_i33_rules have it, with P(rate > target) > 0.95 under a uniform prior for DU.
I3PLUS3 = {
    0.3: {
        1: "E S",
        2: "E S DU",
        3: "E S D DU",
        4: "E S D DU DU",
        5: "E E S D DU DU",
        6: "E E S D DU DU DU",
        7: "E E S D D DU DU DU",
        8: "E E S D D DU DU DU DU",
        9: "E E E S D DU DU DU DU DU",
        10: "E E E S D D DU DU DU DU DU",
        11: "E E E S D D DU DU DU DU DU DU",
        12: "E E E S S D D DU DU DU DU DU DU",
    },
    0.25: {
        1: "E S",
        2: "E S DU",
        3: "E S D DU",
        4: "E S D DU DU",
        5: "E S D DU DU DU",
        6: "E E S D DU DU DU",
        7: "E E S D DU DU DU DU",
        8: "E E S D DU DU DU DU DU",
        9: "E E S D D DU DU DU DU DU",
        10: "E E S S D DU DU DU DU DU DU",
        11: "E E E S D D DU DU DU DU DU DU",
        12: "E E E S D D DU DU DU DU DU DU DU",
    },
    0.2: {
        1: "E DU",
        2: "E S DU",
        3: "E S DU DU",
        4: "E S D DU DU",
        5: "E S D DU DU DU",
        6: "E S D DU DU DU DU",
        7: "E E S D DU DU DU DU",
        8: "E E S D DU DU DU DU DU",
        9: "E E S D DU DU DU DU DU DU",
        10: "E E S D D DU DU DU DU DU DU",
        11: "E E S D D DU DU DU DU DU DU DU",
        12: "E E S S D DU DU DU DU DU DU DU DU",
    },
}


def decisions(design: Design, target: float, patients: int) -> str:
    codes = design.plan(Trial(doses=levels(2), target=target, max_patients=patients, cohort_size=1)).codes
    assert (codes[0] == codes[1]).all()
    return " ".join(WORDS[code] for code in codes[0, patients, : patients + 1].tolist())


@pytest.mark.parametrize(
    ("design", "table"),
    [
        pytest.param(TPI(), TPI_2007, id="Ji et al. (2007) Clin Trials 4:235, table 1"),
        pytest.param(MTPI(), MTPI_2010, id="Ji et al. (2010) Clin Trials 7:653, figure 2"),
        pytest.param(MTPI2(), MTPI2_2017, id="Guo et al. (2017) Contemp Clin Trials 58:23, figure 3"),
        pytest.param(Keyboard(), MTPI2_2017, id="Keyboard, from three patients on the same as mTPI-2"),
    ],
)
def test_decision_table(design, table):
    assert {patients: decisions(design, 0.3, patients) for patients in table} == table


@pytest.mark.parametrize("target", I3PLUS3)
def test_i3plus3(target):
    table = I3PLUS3[target]
    assert {patients: decisions(I3Plus3(), target, patients) for patients in table} == table


@pytest.mark.parametrize("target", [0.1, 0.2, 0.25, 0.3, 0.5])
@pytest.mark.parametrize("margin", [0.03, 0.05, 0.08])
def test_keyboard_is_mtpi2_with_an_elimination_from_three_patients(target, margin):
    trial = Trial(doses=levels(1), target=target, max_patients=36)
    keyboard = Keyboard(half_width=margin).plan(trial).codes[0]
    mtpi2 = MTPI2(epsilon1=margin, epsilon2=margin).plan(trial).codes[0]
    assert (keyboard[3:] == mtpi2[3:]).all()
    assert not (keyboard[:3] == ELIMINATE).any()


@pytest.mark.parametrize(
    ("target", "half_width"),
    [
        (0.1, 0.09),
        (0.15, 0.09),
        (0.2, 0.09),
        (0.25, 0.09),
        (0.3, 0.1),
        (1 / 3, 0.1),
        (0.35, 0.1),
        (0.4, 0.12),
        (0.45, 0.13),
        (0.5, 0.13),
    ],
)
def test_half_widths_of_the_ccd(target, half_width):
    """Ivanova, Flournoy & Chung (2007) J Stat Plan Inference 137:2316; the same in R. Lin's IntervalDesign."""
    trial = Trial(doses=levels(1), target=target, max_patients=36)
    assert (CCD().plan(trial).codes == CCD(half_width=half_width).plan(trial).codes).all()
    for other in (half_width - 0.01, half_width + 0.005):
        assert (CCD().plan(trial).codes != CCD(half_width=other).plan(trial).codes).any()


def test_boundaries_of_the_ccd():
    """Target 0.3: escalate at 0.2 n DLTs or fewer, de-escalate at 0.4 n or more; ends are met at 5, 10, 15, ...

    Fewest DLTs that eliminate: README of R. Lin's IntervalDesign.
    """
    patients = range(3, 37, 3)
    rows = [decisions(CCD(), 0.3, n).split() for n in patients]
    assert [row.count("E") - 1 for row in rows] == [0, 1, 1, 2, 3, 3, 4, 4, 5, 6, 6, 7]
    assert [len(row) - row.count("D") - row.count("DU") for row in rows] == [2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 14, 15]
    assert [row.index("DU") for row in rows] == [3, 4, 5, 7, 8, 9, 10, 11, 12, 14, 15, 16]
    assert decisions(CCD(), 0.3, 5).split()[:3] == ["E", "E", "D"]
    assert decisions(CCD(), 0.3, 10).split()[:5] == ["E", "E", "E", "S", "D"]


@pytest.mark.parametrize(
    ("design", "none", "selected"),
    [
        pytest.param(TPI(), 0.0, [0.13, 0.79, 0.08, 0.0, 0.0, 0.0, 0.0, 0.0], id="Ji et al. (2007), table 2"),
        pytest.param(MTPI(), 0.0, [0.14, 0.78, 0.08, 0.0, 0.0, 0.0, 0.0, 0.0], id="Ji et al. (2010), table 1"),
    ],
)
def test_simulated_selection(design, none, selected):
    """Scenario 1 of both papers. Two decimals, of simulations: 0.001 on top of the rounding."""
    rates = [0.05, 0.25, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95]
    oc = exact_characteristics(design, Trial(doses=levels(8), target=0.25, max_patients=30), rates)
    assert oc.no_selection == pytest.approx(none, abs=0.006)
    assert oc.selection == pytest.approx(selected, abs=0.006)
    assert oc.sample_size.mean > 29.9


def test_mtpi_of_another_project():
    """README of the R project dosefinder (C. Liu): 1,000 trials, target 0.3, 12 cohorts of 3."""
    trial = Trial(doses=levels(6), target=0.3, max_patients=36)
    oc = exact_characteristics(MTPI(), trial, [0.08, 0.10, 0.20, 0.30, 0.45, 0.60])
    for ours, theirs in zip(oc.selection, [0.004, 0.042, 0.320, 0.461, 0.161, 0.011], strict=True):
        assert abs(ours - theirs) <= 4 * (ours * (1 - ours) / 1000) ** 0.5


@pytest.mark.parametrize("patients", [2, 4, 6, 8, 10, 12, 16, 18, 20, 30])
def test_keyboard_at_exact_ties(patients):
    """With a target of 0.4 and keys of 0.2, half of the patients with a DLT leave two keys equally strong.

    0.3 to 0.5 and 0.5 to 0.7 mirror each other. The right one decides, exactly; what floating-point numbers make of the
    two probabilities differs from one number of patients to the next.
    """
    dlts = patients // 2

    def below(rate: Fraction) -> Fraction:
        """P(rate of a DLT < rate), the tail of a binomial distribution."""
        return sum(
            comb(patients + 1, k) * rate**k * (1 - rate) ** (patients + 1 - k) for k in range(dlts + 1, patients + 2)
        )

    tenths = [Fraction(k, 10) for k in range(11)]
    keys = [below(tenths[k + 2]) - below(tenths[k]) for k in (1, 3, 5, 7)]
    assert keys[1] == keys[2] == max(keys)
    trial = Trial(doses=levels(2), target=0.4, max_patients=30, cohort_size=1)
    codes = Keyboard(half_width=0.1).plan(trial).codes[0]
    assert codes[patients, dlts] == DE_ESCALATE
    assert codes[patients, dlts - 1] != DE_ESCALATE
