"""Compiled kernels against their twins in plain Python: equal decisions, trial by trial, on the same patients."""

import numpy as np
import pytest

from escalation import BOIN, Trial, simulate
from escalation.designs import CRM
from escalation.engines import exact as enumeration
from escalation.engines.clock import STOPPED
from escalation.engines.patients import BLOCK, PARTS, tolerance_limits, tolerances
from escalation.kernels import (
    codes,
    layout,
    posterior,
    selection,
)
from escalation.kernels import (
    endings as probability,
)
from escalation.kernels import (
    exact_curves as curve_states,
)
from escalation.kernels import (
    exact_states as states,
)
from escalation.kernels import (
    simulated_curves as curve_trials,
)
from escalation.numbers import cells_of
from escalation.plans.conduct import Conduct
from escalation.plans.curves import CurvePlan
from escalation.plans.readings import Intervals, Judgement, PlugIn, PosteriorMean
from escalation.plans.table import ClosestIsotonic
from tests.conformance.test_every_design import CASES, rising
from tests.naive import plans
from tests.support import in_each_case, levels, preferred

SEED = 3
FEW = 60


@in_each_case([case for case in CASES if case.values[1].expansion is None])
def test_simulated_trials(design, trial):
    plan = design.plan(trial)
    play = plans.run_curve_trial if isinstance(plan, CurvePlan) else plans.run_table_trial
    rates = rising(trial)
    simulated = simulate(design, trial, rates, trials=FEW, seed=SEED)
    for row, patients in enumerate(tolerances(SEED, 0, trial.max_patients)[:FEW]):
        counts, dlts, recommended, reason = play(plan, rates, patients / PARTS)
        assert simulated.patients[row].tolist() == counts
        assert simulated.dlts[row].tolist() == dlts
        assert simulated.recommended[row] == recommended
        assert simulated.reason[row] == reason


def test_patients_are_uniform_and_in_order_of_enrolment():
    drawn = tolerances(1, 0, 30)
    assert drawn.shape == (BLOCK, 30)
    assert drawn.dtype == np.uint32
    # Means of 30,000 uniforms: within four standard errors of 1/2.
    assert abs(drawn.mean() / PARTS - 0.5) < 4 / np.sqrt(12 * drawn.size)
    # Shares of 1,000 in each tenth: a chi-squared statistic with nine degrees of freedom.
    tenths = np.bincount((drawn.ravel() / PARTS * 10).astype(int), minlength=10)
    assert np.sum((tenths - 3000) ** 2 / 3000) < 28
    assert np.array_equal(tolerances(1, 0, 12), drawn[:, :12])
    assert not np.array_equal(tolerances(1, 1, 30), drawn)
    assert not np.array_equal(tolerances(2, 0, 30), drawn)


def test_limits_of_tolerances():
    """A patient has a DLT exactly when the tolerance, as a number, is below the rate."""
    rates = np.array([0.0, 1e-12, 1 / PARTS, 0.1, 0.25, 0.3, 1.0])
    limits = tolerance_limits(rates)
    assert limits.tolist()[:3] == [0, 1, 1]
    assert limits[-1] == PARTS
    for rate, limit in zip(rates, limits, strict=True):
        near = [part for part in range(limit - 2, limit + 2) if 0 <= part < PARTS]
        assert [part / PARTS < rate for part in near] == [part < limit for part in near]


def test_isotonic_regression():
    draw = np.random.default_rng(7)
    for _ in range(300):
        count = draw.integers(1, 7)
        values, weights = draw.integers(0, 6, count) / 5, draw.uniform(0.1, 5, count)
        fitted, scratch, sizes = np.empty(count), np.empty(count), np.empty(count, np.int64)
        selection.pool_adjacent_violators(values, weights, count, fitted, scratch, sizes)
        assert fitted == pytest.approx(plans.isotonic(values, weights), abs=1e-9)


def test_recommendation_over_all_counts_of_a_small_trial():
    for bound_mtd in (False, True):
        plan = BOIN(bound_mtd=bound_mtd).plan(Trial(doses=levels(3), target=0.3, max_patients=5, cohort_size=1))
        assert isinstance(plan.selection, ClosestIsotonic)
        cells = [(n, y) for n in range(6) for y in range(n + 1)]
        rows = [(a, b, c) for a in cells for b in cells for c in cells]
        patients, dlts = (np.array([[cell[part] for cell in row] for row in rows], np.int16) for part in (0, 1))
        ours = plan.recommend(patients, dlts)
        for row in np.random.default_rng(1).choice(len(rows), 1500, replace=False):
            assert ours[row] == plans.recommended(plan, patients[row], dlts[row])


def test_closest_dose_ties():
    def choose(estimates, target=0.3, bound=np.inf):
        return selection.closest_dose(np.array(estimates, float), len(estimates), target, bound)

    assert choose([0.1, 0.2, 0.2, 0.6]) == 2, "equal and below the target: the highest"
    assert choose([0.4, 0.4, 0.6]) == 0, "equal and above the target: the lowest"
    assert choose([0.3, 0.3]) == 0, "at the target: the lowest"
    assert choose([0.2, 0.2, 0.4, 0.4]) == 1, "either side: the lower estimate, its highest dose"
    assert choose([0.1, 0.35, 0.5], bound=0.2) == 0
    assert choose([0.35, 0.5], bound=0.2) == codes.NO_DOSE
    assert choose([]) == codes.NO_DOSE


def test_sums():
    draw = np.random.default_rng(2)
    for length in range(12):
        left, right = draw.random(length), draw.random(length)
        assert posterior.dot(left, right) == pytest.approx(sum(left * right), abs=1e-12)
        assert posterior.total(left) == pytest.approx(sum(left), abs=1e-12)


@pytest.mark.parametrize(("doses", "max_patients", "words"), [(3, 12, 1), (4, 36, 1), (7, 36, 2), (12, 30, 2)])
def test_children_are_merged(doses, max_patients, words):
    """Random living states, dealt to streams and merged, against a dictionary of everything that can happen."""
    draw = np.random.default_rng(doses)
    packing, cells = enumeration.packing_of(doses, max_patients), cells_of(max_patients)
    living = set()
    while len(living) < 500:
        patients = draw.multinomial(draw.integers(max_patients - 3), draw.dirichlet(np.ones(doses)))
        row = tuple(states.cell(int(n), int(draw.integers(n + 1))) for n in patients)
        living.add((row, int(draw.integers(doses)), int(draw.integers(1, 4))))
    in_order = sorted({(row, dose): size for row, dose, size in living}.items())
    rows = np.zeros((len(in_order), words), np.uint64)
    for s, ((row, _), _) in enumerate(in_order):
        for dose, number in enumerate(row):
            rows[s, packing.words[dose]] |= np.uint64(number) << packing.shifts[dose]
    next_doses = np.array([dose for (_, dose), _ in in_order], np.int16)
    sizes = np.array([size for _, size in in_order], np.int16)

    expected: dict[tuple[int, ...], set[tuple[int, int]]] = {}
    for s, ((row, dose), size) in enumerate(in_order):
        patients, dlts = (int(part) for part in cells[:, row[dose]])
        for toxic in range(size + 1):
            child = (*row[:dose], states.cell(patients + size, dlts + toxic), *row[dose + 1 :])
            expected.setdefault(child, set()).add((s, toxic))
    children = enumeration.children_of(packing, rows, next_doses, sizes, cells, 10**6)
    assert children is not None
    counts = np.empty((len(children.rows), doses), np.int16), np.empty((len(children.rows), doses), np.int16)
    states.unpack(packing, children.rows, cells, *counts)
    numbers = counts[0].astype(int) * (counts[0] + 1) // 2 + counts[1]
    assert [tuple(row) for row in numbers.tolist()] == sorted(expected)
    for r, child in enumerate(sorted(expected)):
        ways = slice(children.starts[r], children.starts[r + 1])
        found = list(zip(children.parents[ways].tolist(), children.toxic[ways].tolist(), strict=True))
        assert len(found) == len(set(found))
        assert set(found) == expected[child]
    assert enumeration.children_of(packing, rows, next_doses, sizes, cells, len(expected)) is not None
    assert enumeration.children_of(packing, rows, next_doses, sizes, cells, len(expected) - 1) is None


def test_cells_are_numbered_without_gaps():
    pairs = [(n, y) for n in range(20) for y in range(n + 1)]
    assert [states.cell(n, y) for n, y in pairs] == list(range(len(pairs)))


@pytest.mark.parametrize("levels", [1, 2, 4])
def test_ending_probabilities(levels):
    draw = np.random.default_rng(5)
    trial = Trial(doses=range(1, levels + 1), target=0.25, max_patients=12)
    seen = np.array([[3] + [0] * (levels - 1), [1] + [0] * (levels - 1)])
    for ordered in (False, True):
        dlts = draw.integers(0, 3, (60, levels)).astype(np.int16)
        patients = (dlts + draw.integers(0, 2, (60, levels))).astype(np.int16)
        patients += seen[0].astype(np.int16)
        dlts += seen[1].astype(np.int16)
        if ordered:  # neighbours that share counts, up to all of them
            order = np.lexsort(np.stack([patients, dlts], axis=2).reshape(60, -1)[:, ::-1].T)
            patients, dlts = patients[order], dlts[order]
        starts = np.empty(levels + 1, np.int64)
        probability.count_nodes(patients, dlts, starts)
        tree = layout.CountTree(np.empty(starts[-1], np.int32), np.empty(starts[-1], np.int32), starts)
        probability.grow_tree(patients, dlts, tree)
        nodes = np.diff(starts)
        assert nodes[-1] == 60
        if ordered:
            for depth in range(levels - 1):
                upto = np.hstack([patients[:, : depth + 1], dlts[:, : depth + 1]])
                assert nodes[depth] == len(np.unique(upto, axis=0))
        sequences = draw.integers(1, 99, 60).astype(float)
        for rates in (draw.random(levels), np.zeros(levels), np.ones(levels)):
            ours = np.empty(60)
            cells = cells_of(trial.max_patients)
            probability.ending_probabilities(tree, sequences, cells, rates, seen, ours)
            y, n = dlts - seen[1], patients - seen[0]
            theirs = sequences * np.prod(rates**y * (1 - rates) ** (n - y), axis=1)
            assert ours == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize("estimate", ["plugin", "mean"])
def test_model_choice(estimate):
    trial = Trial(doses=levels(4), target=0.25, max_patients=24)
    design = CRM(half_width=0.06, prior_mtd=3, estimate=estimate, stop_if_too_toxic={"threshold": 0.9})
    plan = design.plan(trial)
    cells = np.array([(n, y) for n in range(25) for y in range(n + 1)])
    evidence = plan.evidence(cells[:, 0], cells[:, 1])
    draw = np.random.default_rng(6)
    seen = set()
    for _ in range(400):
        n = draw.multinomial(draw.integers(1, 25), draw.dirichlet(np.ones(4)))
        y = draw.binomial(n, draw.random())
        choice = preferred(plan, evidence, n * (n + 1) // 2 + y)
        assert choice == plans.model_choice(plan, n, y)
        seen.add(choice)
    assert seen == {codes.NO_DOSE, 0, 1, 2, 3}


def curve_arrays(**changes):
    """Two doses and two curves, in which every posterior quantity is a plain number."""
    plan = CurvePlan(
        log_dlt=np.log([[0.1, 0.3], [0.4, 0.6]]),
        log_no_dlt=np.log([[0.9, 0.7], [0.6, 0.4]]),
        log_weight=np.zeros(2),
        target=0.35,
        **{
            "reading": PosteriorMean(),
            "coherent": codes.COHERENT_OFF,
            "conduct": Conduct(sizes=np.ones((2, 3), int), max_patients=2, start=0),
            **changes,
        },
    )
    return plan.arrays().reading


EVEN = np.array([0.5, 0.5])
TINY = 1e-12  # a rounding error, far below the slack
CLEAR = 1e-6


@pytest.mark.parametrize(("excess", "dose"), [(-CLEAR, 0), (-TINY, 0), (0, 0), (TINY, 0), (CLEAR, 1)])
def test_plugin_tie_goes_to_the_lower_dose(excess, dose):
    reading = curve_arrays(reading=PlugIn(np.array([0.0, 2.0]), np.array([1.0 - excess])))
    assert posterior.choose(reading, EVEN, 1.0, 2, 1) == dose


@pytest.mark.parametrize(("shift", "dose"), [(-CLEAR, 0), (-TINY, 0), (0, 0), (TINY, 0), (CLEAR, 1)])
def test_mean_tie_goes_to_the_lower_dose(shift, dose):
    """Posterior mean rates of 0.2 and 0.5: equally far from a target of 0.35."""
    reading = curve_arrays()._replace(target=0.35 + shift)
    assert posterior.choose(reading, EVEN, 1.0, 2, 1) == dose


@pytest.mark.parametrize(("shift", "stops"), [(-CLEAR, True), (-TINY, False), (0, False), (CLEAR, False)])
def test_toxicity_at_the_threshold_does_not_stop(shift, stops):
    reading = curve_arrays(too_toxic=np.array([0.0, 1.0]), too_toxic_threshold=0.5 + shift)
    assert (posterior.choose(reading, EVEN, 1.0, 2, 1) == codes.NO_DOSE) == stops


@pytest.mark.parametrize(
    ("overdose", "in_target", "highest", "dose"),
    [
        ([0.1, 0.25], [0.3, 0.3 + CLEAR], 1, 1),
        ([0.1, 0.25], [0.3, 0.3 + TINY], 1, 0),
        ([0.1, 0.25 + TINY], [0.2, 0.5], 1, 1),
        ([0.1, 0.25 + CLEAR], [0.2, 0.5], 1, 0),
        ([0.1, 0.2], [0.2, 0.5], 0, 0),
        ([0.25 + CLEAR, 0.25], [0.2, 0.5], 1, codes.NO_DOSE),
    ],
)
def test_most_probably_in_the_target_interval(overdose, in_target, highest, dose):
    """Of two equally probable doses the lower; none that is an overdose with more than 25 %, nor any above it."""
    parts = (np.repeat(np.array(part)[:, None], 2, axis=1) for part in (in_target, overdose))
    reading = curve_arrays(reading=Intervals(*parts, ewoc=0.25))
    assert posterior.choose(reading, EVEN, 1.0, 2, highest) == dose


@pytest.mark.parametrize(
    ("overdose", "highest", "dose"),
    [
        ([0.1, 0.2, 0.25], 2, 2),
        ([0.1, 0.2, 0.25 + TINY], 2, 2),
        ([0.1, 0.2, 0.25 + CLEAR], 2, 1),
        ([0.1, 0.2, 0.25], 1, 1),
        ([0.1, 0.25 + CLEAR, 0.2], 2, 0),
        ([0.25 + CLEAR, 0.1, 0.1], 2, codes.NO_DOSE),
    ],
)
def test_the_highest_that_is_not_an_overdose(overdose, highest, dose):
    """Although the lowest is the only one that can be in the target interval; in one trial as in the engines."""
    overdose, in_target = np.repeat(np.array(overdose)[:, None], 2, axis=1), np.array([[0.9, 0.9], [0, 0], [0, 0]])
    reading = Intervals(in_target, overdose, ewoc=0.25, takes_highest=True)
    assert posterior.choose(curve_arrays(reading=reading), EVEN, 1.0, 3, highest) == dose
    judged = Judgement(reading, 3, 0.25, 1.0, means=reading.means(overdose, EVEN), overdose=reading.overdosing(EVEN))
    assert (codes.NO_DOSE if judged.too_toxic else judged.prefer(highest)) == dose


def test_a_posterior_is_multiplied():
    weight = np.array([0.25, 0.75])
    assert curve_trials.learn(False, weight, np.array([0.5, 0.5])) == 0.5
    assert weight.tolist() == [0.125, 0.375]
    assert curve_trials.learn(True, weight, np.array([1.0, -1.0])) == 1
    assert weight.tolist() == [1.125, -0.625]


def test_a_posterior_whose_factors_underflow():
    """After 6 patients with a DLT and none without one, by logarithms far beyond what a number can be."""
    log_weight, logs = np.array([0.0, -3000.0, -5000.0]), np.array([[-1000.0, -500.0, -1.0]])
    found = np.empty(3)
    mass = posterior.weigh_in_logs(log_weight, logs, logs, np.array([6]), np.array([6]), found)
    assert found.tolist() == [0.0, 0.0, 1.0]  # -6000, -6000, -5006
    assert mass == 1
    mass = posterior.weigh_in_logs(log_weight, logs, logs, np.array([5]), np.array([0]), found)
    assert found == pytest.approx([1, 0, np.exp(-5)])  # -5000, -5500, -5005
    assert mass == pytest.approx(1 + np.exp(-5))


@pytest.mark.parametrize(
    ("coherent", "target", "escalates"),
    [
        (codes.COHERENT_OFF, 1 / 3, [True, True, True, True]),
        (codes.COHERENT_COHORT, 1 / 3, [True, False, False, False]),
        (codes.COHERENT_COHORT, 1 / 3 + TINY, [True, False, False, False]),
        (codes.COHERENT_COHORT, 1 / 3 + CLEAR, [True, True, False, False]),
        (codes.COHERENT_DOSE, 1 / 3, [True, True, False, False]),
        (codes.COHERENT_DOSE, 1 / 3 - TINY, [True, True, False, False]),
        (codes.COHERENT_DOSE, 1 / 3 - CLEAR, [True, False, False, False]),
        (codes.COHERENT_RECENT, 0.9, [True, False, False, False]),
    ],
)
def test_no_escalation_after_too_many_dlts(coherent, target, escalates):
    """A model that always favours the highest of three doses; a first cohort of 3 at the lowest with 0 to 3 DLTs."""
    plan = CurvePlan(
        log_dlt=np.log([[0.1], [0.2], [0.3]]),
        log_no_dlt=np.log([[0.9], [0.8], [0.7]]),
        log_weight=np.zeros(1),
        target=target,
        conduct=Conduct(sizes=np.full((3, 7), 3), max_patients=6, start=0, ceiling=np.array([[1, 2, 2]])),
        reading=PlugIn(np.ones(1), np.zeros(2)),
        coherent=coherent,
    )
    first_cohorts = np.array([[0] * dlts + [1] * (3 - dlts) for dlts in range(4)])
    tolerances = np.hstack([first_cohorts, np.ones((4, 3))]).astype(np.uint32)
    patients, dlts = np.zeros((4, 3), np.int16), np.zeros((4, 3), np.int16)
    curve_trials.run_curve_trials(
        plan.arrays(),
        STOPPED,
        (np.ones((3, 1, 4, 1)), np.zeros(4, np.int64)),
        np.ones(3, np.int64),
        tolerances,
        np.zeros(1, np.uint64),
        patients,
        dlts,
        np.zeros(4, np.int16),
        np.zeros(4, np.int8),
        np.zeros((1, codes.TIMES)),
    )
    assert (patients[:, 1] == 3).tolist() == escalates
    assert not patients[:, 2].any(), "no dose is skipped"
    for toxic in range(4):
        assert curve_states.may_escalate(coherent, target, 3, toxic, 3, toxic) == escalates[toxic]
