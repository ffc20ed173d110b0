"""Least favourable truths: the gradient against the polynomial itself, the optimum against grids and random truths."""

import numpy as np
import pytest

from escalation import BOIN, CRM, Monitoring, ThreePlusThree, Trial, exact, operating_characteristics
from escalation.characteristics.many_truths import expectations
from escalation.studies.least_favourable import SAME, Event, TruthClass, bad_endings, worst_truth
from escalation.trial.rates import correct_doses
from tests.support import levels

THREE = Trial(doses=levels(3), target=0.25, max_patients=15)
CASES = [
    (ThreePlusThree(), THREE),
    (BOIN(), THREE),
    (BOIN(stop_at=6, titration=True), THREE),
    (CRM(half_width=0.06, prior_mtd=2), THREE),
    (BOIN(), Trial(doses=levels(3), target=0.25, max_patients=27)),
    (
        BOIN(),
        Trial(doses=levels(3), target=0.3, max_patients=9, expansion={"patients": 6, "monitoring": {"rule": "bayes"}}),
    ),
]
QUESTIONS = [("pcs", 1), ("pcs", 2), ("pcs", 3), ("overdosing", 1), ("overdosing", 2)]


def polynomial(endings, chosen, rates):
    """The probability of a set of endings under rates that may be complex."""
    terms = endings.sequences[chosen].astype(complex)
    for dose, rate in enumerate(rates):
        patients, dlts = endings.patients[chosen, dose].astype(int), endings.dlts[chosen, dose].astype(int)
        terms = terms * rate**dlts * (1 - rate) ** (patients - dlts)
    return terms.sum()


def slopes(endings, chosen, rates, step=1e-40):
    """Its derivatives, by steps into the complex plane: without any difference, and so without its rounding."""
    found = []
    for dose in range(len(rates)):
        moved = np.array(rates, complex)
        moved[dose] += 1j * step
        found.append(polynomial(endings, chosen, moved).imag / step)
    return found


@pytest.mark.parametrize(("design", "trial"), CASES)
@pytest.mark.parametrize(("quantity", "mtd"), QUESTIONS)
def test_gradient(design, trial, quantity, mtd):
    endings = exact(design, trial)
    chosen = bad_endings(endings, quantity, mtd)
    event = Event(endings, chosen)
    for rates in ([0.1, 0.25, 0.4], [0.001, 0.3, 0.999], [0.25, 0.25, 0.25]):
        value, slope = event.with_gradient(np.array(rates))
        assert value == pytest.approx(polynomial(endings, chosen, rates).real, rel=1e-12, abs=1e-14)
        assert slope == pytest.approx(slopes(endings, chosen, rates), rel=1e-9, abs=1e-11)
    for rates in ([0.0, 0.25, 1.0], [0.0, 0.0, 0.25], [0.25, 1.0, 1.0]):
        value, slope = event.with_gradient(np.array(rates))
        assert value == pytest.approx(polynomial(endings, chosen, rates).real, abs=1e-6)
        assert slope == pytest.approx(slopes(endings, chosen, rates), abs=2e-6 * trial.most_patients)
        assert event.probabilities(np.array([rates]))[0] == pytest.approx(
            polynomial(endings, chosen, rates).real, abs=1e-13
        )


def members(trial, mtd, delta, points):
    """Truths of the class on a grid with so many points on either side of the target."""
    low = np.linspace(0, trial.target - delta, points)
    high = np.linspace(trial.target + delta, 1, points)
    axes = [low] * (mtd - 1) + [np.array([trial.target])] + [high] * (trial.levels - mtd)
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, trial.levels)
    return grid[(np.diff(grid, axis=1) >= 0).all(axis=1)]


def randomly(trial, mtd, delta, count):
    """Random truths of the class, each side raised to a random power: also near its corners."""
    rng = np.random.default_rng(8)
    rates = np.full((count, trial.levels), trial.target)
    power = np.exp(rng.uniform(-3, 3, (count, 1)))
    below = np.sort(rng.random((count, mtd - 1)) ** power, axis=1)
    above = np.sort(rng.random((count, trial.levels - mtd)) ** power, axis=1)
    rates[:, : mtd - 1] = below * (trial.target - delta)
    rates[:, mtd:] = trial.target + delta + above * (1 - trial.target - delta)
    return rates


def values_of(endings, quantity, mtd, rates):
    """By the means under many truths, whose code has no part in the search."""
    correct = np.zeros(rates.shape, bool)
    correct[:, mtd - 1] = True
    return expectations(endings, rates, correct).by_quantity()[quantity]


@pytest.mark.parametrize("delta", [0.05, 0.1])
@pytest.mark.parametrize(("design", "trial"), CASES)
@pytest.mark.parametrize(("quantity", "mtd"), QUESTIONS)
def test_no_truth_is_worse(design, trial, quantity, mtd, delta):
    endings = exact(design, trial)
    found = worst_truth(endings, quantity, mtd, delta=delta)
    sign = 1 if quantity == "pcs" else -1
    grid = (sign * values_of(endings, quantity, mtd, members(trial, mtd, delta, 41))).min()
    drawn = (sign * values_of(endings, quantity, mtd, randomly(trial, mtd, delta, 4000))).min()
    assert sign * found.value <= min(grid, drawn) + SAME
    assert sign * found.value >= grid - 2e-3, "a grid with steps below 0.02 comes as near"
    assert found.value == pytest.approx(values_of(endings, quantity, mtd, np.array([found.rates]))[0], abs=1e-12)


def test_four_doses_and_twenty_thousand_truths():
    trial = Trial(doses=levels(4), target=0.25, max_patients=18)
    for design in (BOIN(stop_at=6), CRM(half_width=0.06, prior_mtd=3)):
        endings = exact(design, trial)
        for quantity, mtd in (("pcs", 3), ("overdosing", 2)):
            sign = 1 if quantity == "pcs" else -1
            drawn = sign * values_of(endings, quantity, mtd, randomly(trial, mtd, 0.1, 20_000))
            assert sign * worst_truth(endings, quantity, mtd, delta=0.1).value <= drawn.min() + SAME


def test_optimum_inside_the_class():
    """Where the highest dose is neither as low nor as high as it may be, the slope there is zero."""
    trial = Trial(doses=levels(3), target=0.25, max_patients=24)
    endings = exact(BOIN(stop_at=6), trial)
    found = worst_truth(endings, "overdosing", 1, delta=0.1)
    assert found.rates[:2] == (0.25, 0.35)
    assert 0.36 < found.rates[2] < 0.5
    line = np.linspace(0.35, 1, 20_001)
    along = values_of(endings, "overdosing", 1, np.column_stack([np.tile(found.rates[:2], (20_001, 1)), line]))
    assert found.rates[2] == pytest.approx(line[along.argmax()], abs=2e-4)
    assert found.value == pytest.approx(along.max(), abs=1e-7)
    _, slope = Event(endings, bad_endings(endings, "overdosing", 1)).with_gradient(np.array(found.rates))
    assert slope[2] == pytest.approx(0, abs=1e-5)
    assert slope[1] < 0, "a lower second rate would be worse still, but is not in the class"


def test_values_are_operating_characteristics():
    endings = exact(BOIN(), THREE)
    for quantity, mtd in QUESTIONS:
        found = worst_truth(endings, quantity, mtd)
        oc = operating_characteristics(endings.outcomes(found.rates), (mtd,))
        expected = oc.pcs if quantity == "pcs" else oc.overdosing_60
        assert found.value == pytest.approx(expected, abs=1e-12)
        assert correct_doses(found.rates, THREE.target) == (mtd,)


@pytest.mark.parametrize("delta", [0.02, 0.1, 0.24])
@pytest.mark.parametrize("mtd", range(5))
def test_class(mtd, delta):
    cases = TruthClass(5, mtd, 0.25, delta)

    def belongs(rates):
        return (
            (np.diff(rates, axis=1) >= 0).all()
            and (rates[:, mtd] == 0.25).all()
            and (mtd == 0 or (rates[:, :mtd] <= 0.25 - delta + 1e-12).all())
            and (mtd == 4 or (rates[:, mtd + 1 :] >= 0.25 + delta - 1e-12).all())
            and ((rates >= 0) & (rates <= 1)).all()
        )

    corners, drawn = cases.truths(cases.corners()), cases.truths(cases.drawn(300, 1))
    assert len(corners) == (mtd + 1) * (5 - mtd)
    assert len(np.unique(corners, axis=0)) == len(corners)
    assert belongs(corners)
    assert belongs(drawn)
    assert len(np.unique(drawn, axis=0)) == 300
    assert belongs(cases.truths(cases.settled(cases.drawn(50, 2))))
    rise = cases.steps()
    assert rise.shape == (max(mtd - 1, 0) + max(3 - mtd, 0), 4)
    assert (cases.corners() @ rise.T >= 0).all()
    broken = cases.drawn(1, 3)[0][::-1]
    assert not len(rise) or (rise @ broken < 0).any()


def test_one_dose_has_nothing_to_search():
    trial = Trial(doses=[1], target=0.25, max_patients=20)
    endings = exact(Monitoring(), trial)
    found = worst_truth(endings, "pcs", 1)
    assert (found.rates, found.searches, found.agreed) == ((0.25,), 0, 0)
    assert found.value == pytest.approx(operating_characteristics(endings.outcomes([0.25])).pcs, abs=1e-14)


def test_searches_that_fail_are_seen():
    """Where the MTD stands out, with rates of 0 below and 1 above, the slope is zero: a search from there stays."""
    endings = exact(BOIN(), THREE)
    found = worst_truth(endings, "pcs", 2)
    assert 1 < found.agreed < found.searches


def test_rates_stay_in_order():
    """A CRM that may skip doses does worst where dose 3 is as toxic as can be; dose 4 then does not matter."""
    trial = Trial(doses=levels(4), target=0.2, max_patients=18)
    endings = exact(CRM(half_width=0.06, prior_mtd=1, coherent="off", no_skip=False), trial)
    found = worst_truth(endings, "pcs", 2, delta=0.1)
    assert found.rates == (0.1, 0.2, 1.0, 1.0)
    unordered = values_of(endings, "pcs", 2, np.array([[0.1, 0.2, 1.0, 0.3]]))[0]
    assert unordered == pytest.approx(found.value, abs=1e-12), "only the order keeps its rate at 1"
    steps = (found.value - values_of(endings, "pcs", 2, members(trial, 2, 0.1, 21))).max()
    assert steps <= SAME
