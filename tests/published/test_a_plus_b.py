"""A+B designs against the closed form of Lin & Shih (2001), and 3+3 as one of them."""

import numpy as np
import pytest
from scipy import stats

from escalation import APlusB, ThreePlusThree, Trial, exact, operating_characteristics
from tests.support import levels

RATES = [0.05, 0.12, 0.25, 0.4, 0.55]


def cleared(p: float, a: int, b: int, c: int, d: int, e: int) -> float:
    """Probability that a dose is cleared: fewer than C of A, or from C to D of A and at most E of A + B."""
    first, second = stats.binom(a, p), stats.binom(b, p)
    return float(first.cdf(c - 1) + sum(first.pmf(k) * second.cdf(e - k) for k in range(c, d + 1)))


@pytest.mark.parametrize(
    ("a", "b", "c", "d", "e"),
    [(3, 3, 1, 1, 1), (2, 3, 1, 1, 1), (4, 2, 1, 2, 2), (3, 1, 1, 2, 2), (5, 5, 2, 2, 3), (1, 2, 1, 0, 0)],
)
def test_mtd_without_de_escalation(a, b, c, d, e):
    """The MTD is dose i when doses 1 to i are cleared and dose i + 1 is not (Lin & Shih 2001, section 2)."""
    trial = Trial(doses=levels(5), target=0.25, max_patients=5 * (a + b))
    design = APlusB(a=a, b=b, c=c, d=d, e=e, de_escalate=False, full_at_top=False)
    oc = operating_characteristics(exact(design, trial).outcomes(RATES))
    clears = [cleared(p, a, b, c, d, e) for p in RATES]
    reached = np.cumprod([1.0, *clears])
    expected = reached * (1 - np.array([*clears, 0.0]))
    assert oc.no_selection == pytest.approx(expected[0], abs=1e-12)
    assert oc.selection == pytest.approx(expected[1:], abs=1e-12)
    # Patients: A at each dose that is reached, B more when the first are from C to D.
    more = [stats.binom(a, p).cdf(d) - stats.binom(a, p).cdf(c - 1) for p in RATES]
    assert oc.patients == pytest.approx([r * (a + b * m) for r, m in zip(reached[:-1], more, strict=True)], abs=1e-12)


@pytest.mark.parametrize("de_escalate", [True, False])
@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("max_patients", [24, 17, 8])
def test_three_plus_three_is_one(de_escalate, full, max_patients):
    trial = Trial(doses=levels(4), target=0.25, max_patients=max_patients)
    ours = exact(APlusB(a=3, b=3, c=1, d=1, e=1, de_escalate=de_escalate, full_at_top=full), trial)
    theirs = exact(ThreePlusThree(de_escalate=de_escalate, six_at_top=full), trial)
    for part in ("states", "patients", "dlts", "recommended", "reason", "sequences"):
        np.testing.assert_array_equal(getattr(ours, part), getattr(theirs, part))
