"""Rules for pending patients against plain renderings of the papers, at random states; and against complete data."""

import random
from collections.abc import Iterator

import numpy as np
import pytest

from escalation import BOIN, CRM, MTPI, MTPI2, TPI, I3Plus3, Keyboard, ThreePlusThree, Trial
from escalation.designs.ccd import CCD
from escalation.designs.pending import Complete, Predict, Roll, Weigh
from escalation.kernels.codes import DE_ESCALATE, ELIMINATE, ESCALATE, STAY, SUSPEND, UNDECIDED
from escalation.plans.pending import Effective, Imputed, Predicted
from escalation.plans.weighed_curves import adaptive_weights
from tests.naive import pending as naive
from tests.support import levels

TARGETS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.33, 0.35, 0.4, 0.45, 0.5)
LETTERS = {ESCALATE: "E", STAY: "S", DE_ESCALATE: "D", ELIMINATE: "DE", SUSPEND: "SUS"}
DESIGNS = (BOIN(), Keyboard(), MTPI(), MTPI2(), TPI(), CCD(), I3Plus3())
PATIENTS = 24

State = tuple[int, int, list[float]]


def trial(target: float, patients: int = PATIENTS) -> Trial:
    return Trial(doses=levels(3), target=target, max_patients=patients)


def random_states(seed: int, number: int, most: int = PATIENTS, most_pending: int = PATIENTS) -> Iterator[State]:
    """Patients, DLTs, and shares of pending patients; some on a grid of days, where cuts and ties are met."""
    draw = random.Random(seed)
    for _ in range(number):
        n = draw.randint(1, most)
        y = min(n, int(draw.expovariate(0.5)))
        shares = [
            draw.randrange(28) / 28 if draw.random() < 0.5 else draw.random()
            for _ in range(draw.randint(0, min(n - y, most_pending)))
        ]
        yield n, y, shares


def letter(plan, state: State, **ends: bool) -> str:
    return LETTERS[plan.decide(*state, **ends).code]


def differing(plan, expected, states: Iterator[State], **ends: bool) -> list[tuple]:
    """States at which a compiled rule says other than expected."""
    found = [(state, letter(plan, state, **ends), expected(*state)) for state in states]
    return [(state, said, wanted) for state, said, wanted in found if said != wanted]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(("most_pending", "least"), [(0.5, 0.0), (0.49, 0.25), (1.0, 0.0)])
def test_imputation(target, most_pending, least):
    plan = Weigh(most_pending=most_pending, least_follow_up=least).plan(BOIN(), trial(target))
    wrong = differing(
        plan,
        lambda n, y, shares: naive.tite_boin(target, n, y, shares, most_pending, least),
        random_states(round(1000 * target), 3000),
    )
    assert not wrong, wrong[:5]


@pytest.mark.parametrize(
    ("rule", "design"), [(Weigh(), BOIN()), (Weigh(), Keyboard()), (Weigh(), MTPI()), (Predict(), MTPI2())]
)
def test_random_states_meet_every_decision(rule, design):
    """Of patients who are pending."""
    plan = rule.plan(design, trial(0.3))
    assert {letter(plan, state) for state in random_states(9, 3000) if state[2]} == set(LETTERS.values())


def test_ties_at_the_target_the_other_way_are_noticed():
    """De-escalation at y/n = target is what the tables of the paper have: where it is forbidden states differ."""

    class Forbidding(Imputed):
        def cell(self, patients, dlts, pending):
            up, down = super().cell(patients, dlts, pending)
            return (up, -np.inf) if dlts <= self.target * patients + 1e-12 else (up, down)

    plan = Weigh().plan(BOIN(), trial(0.2))
    other = Forbidding(**vars(plan))
    states = list(random_states(5, 20_000))
    wrong = differing(other, lambda n, y, shares: naive.tite_boin(0.2, n, y, shares), states)
    assert wrong
    assert all(5 * y == n and (said, wanted) == ("S", "D") for (n, y, _), said, wanted in wrong)
    assert letter(plan, (15, 3, [0.1, 0.0, 0.2])) == "D"


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    ("design", "rule", "fewest"),
    [
        (Keyboard(), naive.keyboard, 3),
        (MTPI(), naive.mtpi, 1),
        (MTPI2(), naive.keyboard, 1),
        (BOIN(), naive.boin_ess, 3),
    ],
)
def test_effective_sample_size(design, rule, fewest, target):
    """The cuts, found by halving, against the posterior by adaptive quadrature at each state."""
    plan = Weigh(method="ess").plan(design, trial(target))
    wrong = differing(
        plan,
        lambda n, y, shares: naive.tite_ess(rule, target, n, y, shares, fewest),
        (state for state in random_states(round(1000 * target), 250) if any(state[2]) or not state[2]),
    )
    assert not wrong, wrong[:5]


@pytest.mark.parametrize("design", DESIGNS, ids=lambda design: design.kind)
@pytest.mark.parametrize("target", [0.1, 0.3, 0.5])
def test_cuts_are_where_the_design_decides_otherwise(design, target):
    """On both sides of each cut, a millionth of a patient apart, and nowhere else on a fine grid."""
    if target == 0.1 and design.kind == "ccd":
        design = CCD(half_width=0.04)
    plan = Weigh(method="ess").plan(design, trial(target))
    for dlts in range(PATIENTS + 1):
        up, down = plan.escalate_from[dlts], plan.de_escalate_to[dlts]
        assert down < up
        fewest = max(dlts, 1e-3)
        grid = np.concatenate([np.linspace(fewest, PATIENTS, 500), [up - 1e-6, up + 1e-6, down - 1e-6, down + 1e-6]])
        grid = grid[(grid >= fewest) & (grid <= PATIENTS)]
        said = np.where(grid >= up, ESCALATE, np.where(grid <= down, DE_ESCALATE, STAY))
        assert np.array_equal(design.moves(target, grid, np.full(len(grid), dlts)), said), dlts


def test_cuts_of_the_largest_trial():
    """A thousand patients; the cuts rise with the DLTs."""
    plan = Weigh().plan(Keyboard(), Trial(doses=levels(2), target=0.3, max_patients=1000))
    for cuts in (plan.escalate_from, plan.de_escalate_to):
        assert len(cuts) == 1001
        assert np.all(cuts[1:] >= cuts[:-1])
    assert isinstance(plan, Effective)
    assert letter(plan, (1000, 300, [0.5] * 100)) == "S"


@pytest.mark.parametrize("fewest_complete", [0, 1, 2, 3])
def test_fewest_complete_patients_hold_back_escalation_alone(fewest_complete):
    plan = Weigh(fewest_complete=fewest_complete).plan(Keyboard(), trial(0.3))
    wrong = differing(
        plan,
        lambda n, y, shares: naive.tite_ess(naive.keyboard, 0.3, n, y, shares, 3, fewest_complete),
        (state for state in random_states(fewest_complete, 300, most=6) if any(state[2]) or not state[2]),
    )
    assert not wrong, wrong[:5]


def test_no_follow_up_at_all_is_nothing_to_decide_on():
    plan = Weigh(fewest_complete=0).plan(Keyboard(), trial(0.3))
    assert letter(plan, (3, 0, [0.0, 0.0, 0.0])) == "SUS"
    assert letter(plan, (3, 0, [0.0, 0.0, 0.01])) == "E"


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("suspend", ["probability", "half", "disagreement", "off"])
@pytest.mark.parametrize("end", ["", "lowest", "highest"])
def test_prediction(target, suspend, end):
    """Against every single outcome of the pending patients."""
    plan = Predict(suspend=suspend).plan(MTPI2(), trial(target))
    seed = f"{target} {suspend} {end}"
    wrong = differing(
        plan,
        lambda n, y, shares: naive.pod_tpi(_mtpi2, target, n, y, shares, suspend, 1, end),
        random_states(sum(map(ord, seed)), 100, most=15, most_pending=5),
        lowest=end == "lowest",
        highest=end == "highest",
    )
    assert not wrong, wrong[:5]


@pytest.mark.parametrize("target", [0.2, 0.25, 0.3])
@pytest.mark.parametrize("suspend", ["probability", "half", "disagreement", "off"])
def test_prediction_of_i3plus3(target, suspend):
    plan = Predict(suspend=suspend).plan(I3Plus3(), trial(target))
    wrong = differing(
        plan,
        lambda n, y, shares: naive.pod_tpi(naive.i3plus3, target, n, y, shares, suspend, 1),
        random_states(len(suspend), 200, most=15, most_pending=5),
    )
    assert not wrong, wrong[:5]


_KEYS: dict[tuple[float, float, int], str] = {}


def _mtpi2(target: float, n: float, y: int) -> str:
    if (target, n, y) not in _KEYS:
        _KEYS[target, n, y] = naive.keyboard(target, n, y)
    return _KEYS[target, n, y]


def test_laws_of_pending_outcomes():
    plan = Predict().plan(MTPI2(), trial(0.3))
    for n, y, shares in random_states(1, 300, most_pending=6):
        found = plan.probabilities(n, y, shares)
        assert found == pytest.approx(naive.outcome_law(n, y, shares), abs=1e-9)
        assert found.sum() == pytest.approx(1, abs=1e-12)


def test_the_law_of_very_many_pending_outcomes():
    """Nothing overflows; with no follow-up the law is the beta-binomial's, here uniform."""
    plan = Predict().plan(MTPI2(), Trial(doses=levels(2), target=0.3, max_patients=1000))
    assert plan.probabilities(1000, 0, np.zeros(1000)) == pytest.approx(np.full(1001, 1 / 1001), rel=1e-9)


def reachable(patients: int) -> Iterator[tuple[int, int]]:
    return ((n, y) for n in range(1, patients + 1) for y in range(n + 1))


@pytest.mark.parametrize("design", DESIGNS, ids=lambda design: design.kind)
@pytest.mark.parametrize("target", [0.2, 0.3, 0.5])
def test_nobody_pending_is_the_design_for_complete_data(design, target):
    """At every count, at the lowest dose and at others; with elimination at the lowest earlier, and with a rule."""
    designs = [design]
    if isinstance(design, BOIN):
        designs += [BOIN(extra_safe=True), BOIN(restrict={"rule": "eliminate", "threshold": 0.8})]
    for one in designs:
        codes = one.plan(trial(target)).table.codes
        rules = [Weigh(), Weigh(method="ess"), Predict()]
        for rule in rules:
            plan = rule.plan(one, trial(target))
            for n, y in reachable(PATIENTS):
                assert plan.decide(n, y, []).code == codes[1, n, y], (rule, n, y)
                low = codes[0, n, y]
                expected = STAY if low == DE_ESCALATE else low
                assert plan.decide(n, y, [], lowest=True).code == expected, (rule, n, y)


@pytest.mark.parametrize("design", DESIGNS, ids=lambda design: design.kind)
def test_elimination_is_the_table_s_own_with_all_enrolled(design):
    """Whatever is pending, but under a prediction."""
    table = design.plan(trial(0.25)).table.codes
    for rule in (Weigh(), Weigh(method="ess", most_pending=0.5)):
        plan = rule.plan(design, trial(0.25))
        for n, y, shares in random_states(3, 2000):
            for lowest in (False, True):
                said = plan.decide(n, y, shares, lowest=lowest).code == ELIMINATE
                assert said == (table[0 if lowest else 1, n, y] == ELIMINATE)


def test_where_there_is_no_dose_to_go_to_nothing_holds_the_same_dose_back():
    plan = Weigh(least_follow_up=0.25).plan(BOIN(), trial(0.3))
    state = (9, 0, [0.1, 0.5])
    assert [letter(plan, state, highest=highest) for highest in (False, True)] == ["SUS", "S"]
    assert [letter(plan, (6, 3, [0.1]), lowest=lowest) for lowest in (False, True)] == ["D", "S"]
    assert letter(plan, (9, 0, [0.1] * 5), highest=True) == "SUS", "the limit of pending patients holds everywhere"


def test_waiting_for_all():
    plan = Complete().plan(ThreePlusThree(), trial(0.3))
    assert plan.decide(3, 1, [0.9]).code == SUSPEND
    assert plan.decide(3, 3, []).code == UNDECIDED


CRM_DESIGN = CRM(skeleton=(0.05, 0.15, 0.3, 0.45), recommend_untried=True)
CRM_TRIAL = Trial(doses=levels(4), target=0.3, max_patients=24, cohort_size=1)


def crm_states(seed: int, number: int):
    """Patients and DLTs at each dose, pending patients with their shares, and the times of DLTs."""
    draw = random.Random(seed)
    for _ in range(number):
        patients = [draw.randint(0, 5) for _ in range(4)]
        dlts = [min(n, draw.choice((0, 0, 1, 2))) for n in patients]
        pending = [
            (dose, draw.random())
            for dose, (n, y) in enumerate(zip(patients, dlts, strict=True))
            for _ in range(draw.randint(0, n - y))
        ]
        if sum(patients):
            yield patients, dlts, pending, [draw.random() for _ in range(sum(dlts))]


@pytest.mark.parametrize("weights", ["linear", "adaptive"])
def test_weighed_curves(weights):
    """The model's mean by adaptive quadrature, and the dose that it means."""
    plan = Weigh(weights=weights).plan(CRM_DESIGN, CRM_TRIAL)
    skeleton = CRM_DESIGN.skeleton
    for patients, dlts, pending, times in crm_states(1, 60):
        toxic = [dose for dose, y in enumerate(dlts) for _ in range(y)]
        known = list(patients)
        for dose, _ in pending:
            known[dose] -= 1
        others = [(dose, 1.0) for dose in range(4) for _ in range(known[dose] - dlts[dose])]
        others += [(dose, naive.adaptive(u, times) if weights == "adaptive" else u) for dose, u in pending]
        mean = naive.tite_crm_mean(skeleton, 1.34**0.5, toxic, others)
        said = plan.decide(patients, dlts, pending, 1, times)
        assert said.judgement.means[0] == pytest.approx(mean, abs=1e-7)
        rates = [abs(rate ** np.exp(mean) - 0.3) for rate in skeleton]
        assert said.choice == rates.index(min(rates))
        assert said.code == np.sign(said.choice - 1)


def test_nobody_pending_is_the_crm():
    plan, complete = Weigh().plan(CRM_DESIGN, CRM_TRIAL), CRM_DESIGN.plan(CRM_TRIAL)
    for patients, dlts, *_ in crm_states(2, 100):
        judged = complete.judge(tuple(patients), tuple(dlts))
        said = plan.decide(patients, dlts, [], 0)
        assert said.choice == judged.choice
        assert np.array_equal(said.judgement.means, judged.means)


def test_weights():
    draw = random.Random(4)
    for _ in range(2000):
        times = [draw.randrange(1, 28) / 28 for _ in range(draw.randint(0, 6))]
        shares = [draw.randrange(28) / 28 for _ in range(5)]
        expected = [naive.adaptive(u, times) for u in shares]
        assert adaptive_weights(np.array(shares), np.array(times)) == pytest.approx(expected, abs=1e-12)
    off = adaptive_weights(np.array([0.5]), np.array([0.2, 0.4]))
    assert off != pytest.approx([naive.adaptive(0.5, [0.2])], abs=0.01), "a step of the weights is noticed"


def test_dlts_on_the_same_day_or_the_last_divide_nothing_by_zero():
    found = adaptive_weights(np.array([0.25, 0.5, 0.75]), np.array([0.5, 0.5, 1.0, 1.0]))
    assert found == pytest.approx([0.1, 0.4, 0.5])


def test_a_held_dose_of_the_crm():
    plan = Weigh(most_pending=0.5).plan(CRM_DESIGN, CRM_TRIAL)
    said = [plan.decide([6, 0, 0, 0], [0, 0, 0, 0], [(0, 0.5)] * pending, 0).code for pending in (3, 4)]
    assert said == [ESCALATE, SUSPEND]


def test_rolling_six():
    plan = Roll().plan(ThreePlusThree(), trial(0.3))
    states = [(n, y, c) for n in range(1, 7) for y in range(n + 1) for c in range(n - y + 1)]
    assert len(states) == 83, "84 with an untried dose"
    for n, y, c in states:
        assert letter(plan, (n, y, [0.5] * c)) == naive.rolling_six(n, y, c), (n, y, c)


def test_rolling_six_is_3_plus_3_when_nobody_is_pending():
    codes = ThreePlusThree().plan(trial(0.3)).table.codes
    plan = Roll().plan(ThreePlusThree(), trial(0.3))
    for n, y in reachable(6):
        expected = codes[1, n, y]
        if n == 6:
            assert expected != STAY
        assert plan.decide(n, y, []).code == expected, (n, y)


def test_where_the_program_rollingsix_differs():
    """It escalates at three states with pending patients and waits at one; the paper does the reverse."""
    plan = Roll().plan(ThreePlusThree(), trial(0.3))
    program = {(4, 0, 1): "E", (5, 0, 1): "E", (5, 0, 2): "E", (6, 0, 1): "SUS"}
    ours = {state: letter(plan, (*state[:2], [0.5] * state[2])) for state in program}
    assert ours == {(4, 0, 1): "S", (5, 0, 1): "S", (5, 0, 2): "S", (6, 0, 1): "E"}


def test_rolling_six_at_the_highest_dose():
    """Six patients, all of them waited for."""
    plan = Roll().plan(ThreePlusThree(), trial(0.3))
    states = [(n, y, c) for n in range(1, 7) for y in range(2) for c in range(n - y + 1)]
    for patients, dlts, c in states:
        expected = "S" if patients < 6 or not c else "SUS"
        assert letter(plan, (patients, dlts, [0.5] * c), highest=True) == expected, (patients, dlts, c)


def test_a_compiled_rule_holds_no_table_by_patients_dlts_and_pending():
    """The largest trial has a thousand patients."""
    for rule, design in ((Weigh(), BOIN()), (Weigh(), MTPI()), (Predict(), MTPI2())):
        plan = rule.plan(design, Trial(doses=levels(2), target=0.3, max_patients=1000))
        parts = [*vars(plan).values(), *vars(plan.cuts).values()]
        assert sum(part.size for part in parts if isinstance(part, np.ndarray)) <= 6 * 1001
        assert isinstance(plan, Imputed | Effective | Predicted)
