"""Monitoring of a single dose against published examples, and against what other programs print."""

import pytest
from scipy.stats import binom

from escalation import Monitoring, Trial
from escalation.kernels.codes import ELIMINATE
from tests.support import exact_characteristics

# Zhou & Lee, BTOX manual (MD Anderson): limit 0.3, threshold 0.7, Beta(.5, .5) prior, looks at 5, 10 and 15 patients.
TRIAL = Trial(doses=[1], target=0.3, max_patients=15, cohort_size=5)
DESIGN = Monitoring(limit=0.3, threshold=0.7, prior=(0.5, 0.5))


def boundary(design: Monitoring, trial: Trial) -> dict[int, int]:
    """Fewest DLTs that stop, by patients, at looks; one more than the patients where none do."""
    codes = design.plan(trial).codes[0]
    looks = [*range(trial.cohort_size, trial.max_patients, trial.cohort_size), trial.max_patients]
    fewest = {n: min((y for y in range(n + 1) if codes[n, y] == ELIMINATE), default=n + 1) for n in looks}
    for n, stop in fewest.items():
        assert [codes[n, y] == ELIMINATE for y in range(n + 1)] == [y >= stop for y in range(n + 1)]
    return fewest


def test_boundary():
    assert boundary(DESIGN, TRIAL) == {5: 2, 10: 4, 15: 6}


@pytest.mark.parametrize(
    ("rate", "stop_early", "too_toxic", "patients", "dlts", "observed"),
    [
        (0.1, 0.0845, 0.0849, 14.17, 1.417, 0.1178),
        (0.3, 0.5357, 0.5633, 9.9627, 2.9888, 0.3602),
        (0.5, 0.8965, 0.9325, 6.4551, 3.2275, 0.5400),
    ],
)
def test_operating_characteristics(rate, stop_early, too_toxic, patients, dlts, observed):
    oc = exact_characteristics(DESIGN, TRIAL, [rate])
    assert round(oc.early_stop, 4) == stop_early
    assert round(oc.no_selection, 4) == too_toxic
    assert oc.sample_size.mean == pytest.approx(patients, abs=0.6e-2 if rate == 0.1 else 0.6e-4)
    assert oc.total_dlts.mean == pytest.approx(dlts, abs=0.6e-3 if rate == 0.1 else 0.6e-4)
    assert round(oc.dlt_rate.mean_of_rates, 4) == observed
    assert round(DESIGN.crossing_probability(TRIAL, rate), 4) == too_toxic


@pytest.mark.parametrize(
    ("limit", "threshold", "prior", "expected"),
    [
        (0.2, 0.80, (0.5, 0.5), [1, 1, 2, 2, 2, 2, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 5, 6, 6]),
        (0.2, 0.80, (1.0, 1.0), [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 5, 6]),
        (0.2, 0.90, (0.5, 0.5), [1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 6, 6, 6, 6, 7, 7]),
        (0.2, 0.90, (1.0, 1.0), [1, 2, 2, 2, 2, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 6, 6, 6, 6, 7]),
        (0.2, 0.95, (0.5, 0.5), [1, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5, 6, 6, 6, 6, 7, 7, 7, 8]),
        (0.2, 0.95, (1.0, 1.0), [1, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5, 5, 6, 6, 6, 7, 7, 7, 7]),
        (0.25, 0.80, (0.5, 0.5), [1, 1, 2, 2, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 6, 6, 6, 7, 7, 7]),
        (0.25, 0.80, (1.0, 1.0), [1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5, 5, 6, 6, 6, 7, 7]),
        (0.25, 0.90, (0.5, 0.5), [1, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5, 6, 6, 6, 7, 7, 7, 8, 8]),
        (0.25, 0.90, (1.0, 1.0), [1, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5, 6, 6, 6, 7, 7, 7, 8, 8]),
        (0.25, 0.95, (0.5, 0.5), [2, 2, 3, 3, 3, 4, 4, 5, 5, 5, 6, 6, 6, 7, 7, 7, 8, 8, 8, 9]),
        (0.25, 0.95, (1.0, 1.0), [2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 6, 6, 6, 7, 7, 7, 8, 8, 8, 9]),
        (0.3, 0.80, (0.5, 0.5), [1, 2, 2, 2, 3, 3, 4, 4, 4, 5, 5, 5, 6, 6, 6, 7, 7, 8, 8, 8]),
        (0.3, 0.80, (1.0, 1.0), [1, 2, 2, 2, 3, 3, 3, 4, 4, 5, 5, 5, 6, 6, 6, 7, 7, 7, 8, 8]),
        (0.3, 0.90, (0.5, 0.5), [1, 2, 2, 3, 3, 4, 4, 5, 5, 5, 6, 6, 7, 7, 7, 8, 8, 8, 9, 9]),
        (0.3, 0.90, (1.0, 1.0), [1, 2, 2, 3, 3, 4, 4, 4, 5, 5, 6, 6, 6, 7, 7, 8, 8, 8, 9, 9]),
        (0.3, 0.95, (0.5, 0.5), [2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 6, 7, 7, 8, 8, 8, 9, 9, 10, 10]),
        (0.3, 0.95, (1.0, 1.0), [2, 2, 3, 3, 4, 4, 5, 5, 5, 6, 6, 7, 7, 8, 8, 8, 9, 9, 9, 10]),
    ],
)
def test_boundaries_for_1_to_20_patients(limit, threshold, prior, expected):
    """Computed separately from the Beta posterior."""
    trial = Trial(doses=[1], target=limit, max_patients=20, cohort_size=1)
    assert list(boundary(Monitoring(threshold=threshold, prior=prior), trial).values()) == expected


@pytest.mark.parametrize(
    ("limit", "level", "crossing", "expected"),
    [
        (0.10, 0.025637, 0.048826, [2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 5, 5, 5, 5, 5, 6, 6, 6]),
        (0.15, 0.021935, 0.047955, [2, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 6, 6, 6, 6, 7, 7, 7, 7, 7]),
        (0.20, 0.019581, 0.048400, [2, 3, 3, 4, 4, 4, 5, 5, 5, 6, 6, 6, 7, 7, 7, 8, 8, 8, 9, 9]),
        (0.25, 0.017300, 0.049787, [2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 7, 8, 8, 8, 9, 9, 10, 10, 10]),
        (0.30, 0.021619, 0.048922, [2, 3, 4, 4, 5, 5, 6, 6, 7, 7, 7, 8, 8, 9, 9, 10, 10, 10, 11, 11]),
        (0.33, 0.018549, 0.048649, [2, 3, 4, 4, 5, 5, 6, 7, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12]),
    ],
)
def test_pocock_for_1_to_20_patients(limit, level, crossing, expected):
    """Ivanova, Qaqish & Schell (2005), phi = 0.05: computed separately from their definition."""
    trial = Trial(doses=[1], target=limit, max_patients=20, cohort_size=1)
    design = Monitoring(rule="pocock")
    fewest = boundary(design, trial)
    assert list(fewest.values()) == expected
    assert round(design.crossing_probability(trial, limit), 6) == crossing
    # The level of each look: the largest tail that stops.
    assert round(max(binom.sf(y - 1, n, limit) for n, y in fewest.items()), 6) == level


# R package stoppingrule, README of versions 0.3.0 (Pocock), 0.2.0 (Pocock, 50 patients) and 0.5.2 (beta-binomial, the
# method of Geller et al. 2003): p0 = 0.2, alpha = 0.1, one by one. By the number of patients from which each holds.
# The expected events of the older versions exceed rate x patients by 2 rate^2: opchars.bin counted the two DLTs in two
# patients, where three would stop, as those of a trial that ends there. Corrected since.
POCOCK_30 = {3: 3, 5: 4, 8: 5, 11: 6, 14: 7, 17: 8, 21: 9, 25: 10, 28: 11}
POCOCK_50 = {3: 3, 5: 4, 7: 5, 10: 6, 13: 7, 17: 8, 20: 9, 24: 10, 27: 11, 31: 12, 35: 13, 39: 14, 42: 15, 46: 16,
             50: 17}  # fmt: skip
GELLER_30 = {3: 3, 5: 4, 7: 5, 11: 6, 14: 7, 18: 8, 21: 9, 25: 10, 29: 11}


@pytest.mark.parametrize(
    ("options", "max_patients", "steps", "rejection", "patients", "dlts"),
    [
        (
            {"rule": "pocock"},
            30,
            POCOCK_30,
            [0.09915263, 0.23312769, 0.42603085, 0.63398556, 0.80576733],
            [28.16703, 26.04001, 22.98251, 19.37012, 15.75017],
            [5.713406, 6.635003, 7.074752, 7.024542, 6.620068],
        ),
        (
            {"rule": "pocock"},
            50,
            POCOCK_50,
            [0.09977254, 0.27689051, 0.53974016, 0.78266569, 0.92684148],
            [46.72419, 41.93172, 34.66321, 26.59365, 19.62976],
            [9.424838, 10.607931, 10.578964, 9.552777, 8.171903],
        ),
        (
            {"rule": "beta-binomial", "prior": (0.6, 2.4)},
            30,
            GELLER_30,
            [0.09957367, 0.23832301, 0.43615256, 0.64555222, 0.81491087],
            None,
            [5.651197, 6.536293, 6.926712, 6.819377, 6.355803],
        ),
    ],
)
def test_tables_of_stoppingrule(options, max_patients, steps, rejection, patients, dlts):
    trial = Trial(doses=[1], target=0.2, max_patients=max_patients, cohort_size=1)
    design = Monitoring(alpha=0.1, **options)
    expected, fewest = {1: 2, 2: 3}, 3
    for n in range(3, max_patients + 1):
        fewest = expected[n] = steps.get(n, fewest)
    assert boundary(design, trial) == expected
    for column, rate in enumerate([0.2, 0.25, 0.3, 0.35, 0.4]):
        oc = exact_characteristics(design, trial, [rate])
        assert round(oc.no_selection, 8) == rejection[column]
        counted_twice = 0 if patients is None else 2 * rate**2
        assert round(oc.total_dlts.mean + counted_twice, 6) == dlts[column]
        assert patients is None or round(oc.sample_size.mean, 5) == patients[column]


def acceptable(text: str) -> dict[int, int]:
    """clinfun's "1/3 2/8": at most one DLT in up to 3 patients, two in up to 8."""
    steps = [tuple(map(int, step.split("/"))) for step in text.split()]
    return {n: min(most for most, last in steps if n <= last) for n in range(2, steps[-1][1] + 1)}


FOUR = (20, 40, 60, 75)
# R package clinfun, page of toxbdry: the DLTs that are still acceptable, and at two rates the probability of crossing,
# of stopping before the last look, and the expected sample size. "High" keeps cP0, and "low" is the next boundary of
# the same family: the one with an alpha that its own crossing probability fits into. In the last example the package
# calibrates to the probability of crossing at 0.3 instead, so there either boundary is found with its own alpha.
CLINFUN = [
    ("1 high", 0.2, 0.35, 0.1, dict(zip(FOUR, (7, 12, 17, 21), strict=True)),
     [0.088, 0.911], [0.079, 0.859], [72.0, 39.9]),
    ("1 low", 0.2, 0.35, 0.1015, dict(zip(FOUR, (7, 12, 17, 20), strict=True)),
     [0.101, 0.935], [0.079, 0.859], [72.0, 39.9]),
    ("2 high", 0.2, 0.3, 0.15, dict(zip(FOUR, (7, 12, 16, 20), strict=True)), [0.117, 0.758], None, [71.6, 51.0]),
    ("2 low", 0.2, 0.3, 0.1525, dict(zip(FOUR, (6, 12, 16, 20), strict=True)), [0.152, 0.777], None, [69.1, 45.9]),
    ("3 high", 0.1, 0.3, 0.1, acceptable("1/3 2/8 3/13 4/19 5/26 6/30"), [0.097, 0.898], None, [28.1, 12.7]),
    ("3 low", 0.1, 0.3, 0.1005, acceptable("1/3 2/8 3/13 4/20 5/26 6/30"),
     [0.100, 0.901], [0.099, 0.891], [28.1, 12.6]),
    ("4 high", 0.1, 0.3, 0.1405, acceptable("1/4 2/10 3/16 4/22 5/25"), [0.140, 0.893], None, None),
    ("4 low", 0.1, 0.3, 0.1465, acceptable("1/4 2/10 3/16 4/23 5/25"), [0.146, 0.902], None, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("low", "high", "alpha", "most", "crossing", "early", "patients"),
    [pytest.param(*case, id=name) for name, *case in CLINFUN],
)
def test_boundaries_of_clinfun(low, high, alpha, most, crossing, early, patients):
    cohort_size, max_patients = (20 if 75 in most else 1), max(most)
    trial = Trial(doses=[1], target=low, max_patients=max_patients, cohort_size=cohort_size)
    design = Monitoring(rule="pocock", alpha=alpha, min_patients=min(most))
    assert {n: fewest - 1 for n, fewest in boundary(design, trial).items() if n >= min(most)} == most
    for column, rate in enumerate((low, high)):
        oc = exact_characteristics(design, trial, [rate])
        assert round(oc.no_selection, 3) == crossing[column]
        assert early is None or round(oc.early_stop, 3) == early[column]
        assert patients is None or round(oc.sample_size.mean, 1) == patients[column]
