"""Every cell of the interval designs' decision tables against the rules of the papers, one cell at a time."""

import pytest

from escalation import CCD, MTPI, MTPI2, TPI, I3Plus3, Keyboard, Trial
from escalation.kernels.codes import DE_ESCALATE, ELIMINATE, ESCALATE, STAY
from tests.naive import rules
from tests.support import levels

PATIENTS = 30
TARGETS = (0.1, 0.15, 0.2, 0.25, 0.3, 1 / 3, 0.5, 0.8)
CODES = {"up": ESCALATE, "stay": STAY, "down": DE_ESCALATE}


def assert_same(design, rule: type[rules.IntervalRule], target: float, **options):
    codes = design.plan(Trial(doses=levels(1), target=target, max_patients=PATIENTS)).codes[0]
    asked = rule(1, target, PATIENTS, 1, **options)
    for n in range(1, PATIENTS + 1):
        expected = [ELIMINATE if asked.eliminated(n, y) else CODES[asked.direction(n, y)] for y in range(n + 1)]
        assert codes[n, : n + 1].tolist() == expected, n


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("options", [{}, {"epsilon1": 0.09, "epsilon2": 0.02}, {"epsilon1": 0.02, "epsilon2": 0.15}])
@pytest.mark.parametrize(("design", "rule"), [(I3Plus3, rules.I3Plus3), (MTPI, rules.Mtpi), (MTPI2, rules.MtpiTwo)])
def test_equivalence_interval(design, rule, options, target):
    assert_same(design(**options), rule, target, **options)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("half_width", [0.02, 0.05, 0.08])
@pytest.mark.parametrize(("design", "rule"), [(Keyboard, rules.Keyboard), (CCD, rules.CumulativeCohorts)])
def test_half_width(design, rule, half_width, target):
    assert_same(design(half_width=half_width), rule, target, half_width=half_width)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("options", [{}, {"k1": 1.5, "k2": 1.0, "cutoff_eli": 0.7}, {"k1": 0.2, "k2": 4.0}])
def test_tpi(options, target):
    assert_same(TPI(**options), rules.Tpi, target, **options)


@pytest.mark.parametrize("target", [0.02, 0.3, 0.97])
def test_strongest_key_with_very_many_patients(target):
    """Far from the observed rate every key's probability is too small for a floating-point number."""
    codes = (
        Keyboard(half_width=0.01, cutoff_eli=0.999999)
        .plan(Trial(doses=levels(1), target=target, max_patients=1000))
        .codes[0, 1000]
    )
    down = [y for y in range(1001) if codes[y] in (DE_ESCALATE, ELIMINATE)]
    up = [y for y in range(1001) if codes[y] == ESCALATE]
    assert up == list(range(len(up))), "up, then stay, then down"
    assert down == list(range(1001 - len(down), 1001))
    assert abs(len(up) / 1000 - (target - 0.01)) < 0.002
    assert abs(1 - len(down) / 1000 - (target + 0.01)) < 0.002
