"""BOIN12: every path in plain Python, both engines, and trials one by one against the same rule in plain Python."""

from collections import defaultdict
from functools import cache

import numpy as np
import pytest

from escalation import (
    BOIN12,
    Association,
    DesignError,
    InterimData,
    OutcomesError,
    Scenario,
    StateSpaceError,
    Trial,
    Truth,
    joint_rates,
    run,
    simulate,
)
from escalation.engines.allowance import Allowance
from escalation.engines.joint import exact_outcomes
from escalation.engines.patients import response_keys, tolerances
from escalation.kernels.codes import NO_OPTIMAL_DOSE, REASON_NAMES
from escalation.kernels.joint import DRAW
from escalation.running.start import start_of
from tests.naive.boin12 import Boin12, every_ending
from tests.support import levels

ADDITIVE, APART = (40, 100, 0, 60), (50, 100, 0, 30)
JOINT = {
    "independent": joint_rates((0.1, 0.25, 0.5), (0.2, 0.5, 0.45), Association(odds_ratio=1.0)),
    "associated": joint_rates((0.1, 0.25, 0.5), (0.2, 0.5, 0.45), Association(odds_ratio=4.0)),
    "certain": joint_rates((0.0, 0.3, 1.0), (1.0, 0.0, 0.6), Association(odds_ratio=2.0)),
}
SETTINGS = {
    "default": {},
    "early stop": {"stop": 4, "explore": 3, "n_star": 2},
    "no stop": {"stop": None, "explore": None, "n_star": 4},
    "lowest": {"ties": "lowest", "c_t": 0.8, "least_dlts": 1},
    "highest": {"ties": "highest", "c_e": 0.7, "explore": 2},
}
PLACES = {"safety": 0, "futility": 1, "nothing_acceptable": 2}


def trial(count=3, patients=8, size=2, utilities=ADDITIVE, limit=0.35, **options):
    none, eff, tox, both = utilities
    utility = {"none": none, "eff": eff, "tox": tox, "both": both}
    efficacy = {"min_response": 0.3, "max_toxicity": limit, "utility": utility}
    return Trial(
        doses=levels(count),
        target=min(0.3, limit),
        max_patients=patients,
        cohort_size=size,
        efficacy=efficacy,
        **options,
    )


def pair(setting, utilities=ADDITIVE):
    """The design and its twin."""
    given = SETTINGS[setting]
    twin = Boin12(0.35, 0.3, utilities, **given)
    return twin, BOIN12(
        cutoff_eli=twin.c_t,
        futility=twin.c_e,
        dlts_to_eliminate=twin.least_dlts,
        confine_from=twin.n_star,
        explore_from=twin.explore or "never",
        stop_at=twin.stop or "never",
        ties=twin.ties,
    )


def exact_under(design, of, *joints):
    return exact_outcomes(start_of(design, of, None), joints, Allowance())


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("utilities", [ADDITIVE, APART], ids=["additive", "apart"])
@pytest.mark.parametrize("setting", SETTINGS)
def test_every_path(setting, utilities, size):
    twin, design = pair(setting, utilities)
    joints = list(JOINT.values())
    # All truths go along together; with 8 patients in cohorts of 3 the last cohort is smaller.
    for joint, outcomes in zip(
        joints, exact_under(design, trial(size=size, utilities=utilities), *joints), strict=True
    ):
        expected, at_chosen, none, by_dose = defaultdict(float), defaultdict(float), np.zeros(3), np.zeros((3, 9))
        for (cells, reason, optimal), chance in every_ending(twin, joint.cells.tolist(), 8, size).items():
            counts = tuple((sum(cell), cell[2] + cell[3]) for cell in cells)
            expected[counts, reason, twin.mtd(cells)] += chance
            for dose, cell in enumerate(cells):
                by_dose[dose, cell[1] + cell[3]] += chance
            if isinstance(optimal, int):
                n, e = sum(cells[optimal]), cells[optimal][1] + cells[optimal][3]
                at_chosen[optimal, n * (n + 1) // 2 + e] += chance
            else:
                none[PLACES[optimal]] += chance
        found = defaultdict(float)
        endings = outcomes.patients, outcomes.dlts, outcomes.reason, outcomes.recommended, outcomes.probability
        for n, t, reason, dose, chance in zip(*endings, strict=True):
            counts = tuple(zip(n.tolist(), t.tolist(), strict=True))
            found[counts, REASON_NAMES[reason], int(dose) if dose >= 0 else None] += chance
        for ending in expected.keys() | found.keys():
            assert found[ending] == pytest.approx(expected[ending], abs=1e-13), ending
        laws = outcomes.response_sums
        np.testing.assert_allclose(laws.optimal.none, none, rtol=0, atol=1e-13)
        np.testing.assert_allclose(laws.by_dose, by_dose, rtol=0, atol=1e-13)
        for place, share in np.ndenumerate(laws.optimal.at_chosen):
            assert share == pytest.approx(at_chosen[place], abs=1e-13), place


SPREAD = 0x9E3779B97F4A7C15


def uniform(key, number):
    """Random number `number` of the stream `key`: splitmix64 (Steele, Lea & Flood 2014)."""
    whole = (1 << 64) - 1
    z = (key + (number + 1) * SPREAD) & whole
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & whole
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & whole
    return ((z ^ (z >> 31)) // 2**12 + 0.5) / 2**52


def played(twin, joint, drawn, key, most, size):
    """One trial in plain Python: cells, reason, MTD, and the optimal dose or why there is none."""
    cells, dose, treated, ties = [(0, 0, 0, 0)] * len(joint.dlt), 0, 0, 0
    while True:
        cell = list(cells[dose])
        last = min(treated + size, most)
        for patient in range(treated, last):
            ill = int(drawn[patient]) / 2**32 < joint.dlt[dose]
            rate = (joint.response_given_dlt if ill else joint.response_given_no_dlt)[dose]
            cell[2 * ill + (uniform(int(key), patient) < rate)] += 1
        cells[dose], treated = tuple(cell), last
        reason = twin.ends(cells, dose, most)
        if reason is not None:
            return cells, reason, twin.mtd(cells), "futility" if reason == "futility" else twin.obd(cells)
        following = sorted(twin.next_doses(cells, dose))
        dose = following[0]
        if len(following) > 1:
            dose = following[int(uniform(int(key), int(DRAW) + ties) * len(following))]
            ties += 1


@pytest.mark.parametrize("utilities", [ADDITIVE, APART], ids=["additive", "apart"])
@pytest.mark.parametrize("setting", SETTINGS)
def test_trial_by_trial(setting, utilities):
    twin, design = pair(setting, utilities)
    of, joint = trial(patients=20, size=3, utilities=utilities), JOINT["associated"]
    outcomes = simulate(design, of, joint, trials=150, seed=9)
    drawn, keys = tolerances(9, 0, 20), response_keys(9, 0)
    for number in range(150):
        cells, reason, mtd, optimal = played(twin, joint, drawn[number], keys[number], 20, 3)
        assert outcomes.patients[number].tolist() == [sum(cell) for cell in cells]
        assert outcomes.dlts[number].tolist() == [cell[2] + cell[3] for cell in cells]
        assert outcomes.responses[number].tolist() == [[cell[1], cell[3]] for cell in cells]
        assert REASON_NAMES[outcomes.reason[number]] == reason
        assert outcomes.recommended[number] == (-1 if mtd is None else mtd)
        found = int(outcomes.optimal[number])
        assert (found if found >= 0 else NO_OPTIMAL_DOSE[found]) == optimal


def test_the_same_trials_whatever_the_threads():
    one, two = (
        simulate(BOIN12(), trial(patients=24, size=3), JOINT["associated"], trials=2500, seed=3, threads=threads)
        for threads in (1, 2)
    )
    for name in ("patients", "dlts", "responses", "recommended", "optimal", "reason"):
        assert np.array_equal(getattr(one, name), getattr(two, name)), name


TRUTHS = [
    Truth(name="rising", dlt_rates=(0.05, 0.1, 0.3), response_rates=(0.1, 0.3, 0.6)),
    Truth(name="umbrella", dlt_rates=(0.05, 0.1, 0.2), response_rates=(0.3, 0.6, 0.2)),
    Truth(name="toxic", dlt_rates=(0.5, 0.6, 0.7), response_rates=(0.4, 0.4, 0.4)),
    Truth(name="futile", dlt_rates=(0.05, 0.1, 0.2), response_rates=(0.02, 0.03, 0.03)),
]


def test_a_run_has_both_engines_that_agree():
    scenario = Scenario(name="x", trial=trial(patients=18, size=3), design=[BOIN12()], truth=TRUTHS)
    found = run(scenario, trials=20_000)
    assert found.agreement.p_value > 0.01, found.agreement
    for result in found.results:
        exact, simulated = result.exact, result.simulated
        assert sum(exact.stop_reasons.values()) == pytest.approx(1, abs=1e-12)
        assert sum(exact.response.obd_selection) + sum(exact.response.no_obd.values()) == pytest.approx(1, abs=1e-12)
        errors = simulated.mcse
        for name in ("response_rate", "mean_utility", "pcs_obd", "patients_at_obd"):
            one, other = (getattr(each.response, name) for each in (exact, simulated))
            assert (one is None) == (other is None)
            assert one is None or abs(one - other) < 4.5 * errors[name], name
    toxic, futile = found.results[2].exact, found.results[3].exact
    assert toxic.response.no_obd["safety"] > 0.3
    assert futile.stop_reasons["futility"] > 0.5
    assert futile.response.pcs_obd == pytest.approx(
        futile.response.no_obd["futility"] + futile.response.no_obd["safety"]
    )


def by_ending(outcomes):
    rows = zip(outcomes.patients, outcomes.dlts, outcomes.reason, outcomes.probability, strict=True)
    return {(*n, *t, reason): chance for n, t, reason, chance in rows if chance}


@pytest.mark.parametrize(
    "sizes", [[1, 1, 3], {"by_dose": [2, 3, 3]}, {"by_dlts": [2, 3]}], ids=["list", "dose", "dlts"]
)
def test_cohorts_of_several_sizes(sizes):
    of = trial(patients=17, size=sizes, utilities=APART)
    found = run(Scenario(name="x", trial=of, design=[BOIN12(ties="highest")], truth=TRUTHS[:2]), trials=20_000)
    assert found.agreement.p_value > 0.01, found.agreement


def test_truths_do_not_know_of_each_other():
    of = trial(patients=12, size=3)
    together = exact_under(BOIN12(), of, *JOINT.values())
    for joint, found in zip(JOINT.values(), together, strict=True):
        alone = exact_under(BOIN12(), of, joint)[0]
        assert by_ending(alone) == by_ending(found)


def test_too_many_states_are_refused_with_what_would_help():
    with pytest.raises(StateSpaceError, match=r"more than 1,000 states .* stop_at"):
        exact_outcomes(start_of(BOIN12(), trial(patients=36, size=3), None), [JOINT["independent"]], Allowance(1000))
    with pytest.raises(StateSpaceError, match="more than states are numbered for"):
        exact_under(
            BOIN12(stop_at="never"),
            trial(count=9, patients=45, size=3),
            joint_rates([0.1] * 9, [0.2] * 9, Association(odds_ratio=1.0)),
        )
    one = joint_rates([0.2], [0.4], Association(odds_ratio=1.0))
    with pytest.raises(StateSpaceError, match=r"225,456 counts of patients, DLTs and responses .* stop_at"):
        exact_under(BOIN12(stop_at="never"), trial(count=1, patients=60, size=3, utilities=APART), one)
    with pytest.raises(DesignError, match=r"stop_at: .* 100,001,000 sums of utilities"):
        simulate(BOIN12(stop_at="never"), trial(count=1, patients=1000, utilities=(41, 100, 0, 61)), one, trials=10)


RUNNING = {
    "a cohort": ("1NNE 2NET", (1,), None),
    "not full": ("1NNE 2NE", (1,), 1),
    "after a full trial would go down": ("1NEN 2TTN", (0,), None),
    "by lot": ("1NNE 2NNT 2ETN", None, None),
}


def cells_after(outcomes, levels=3):
    words = outcomes.split()
    return tuple(
        tuple(sum(word[1:].count(letter) for word in words if word[0] == str(level + 1)) for letter in "NETB")
        for level in range(levels)
    )


@pytest.mark.parametrize("utilities", [ADDITIVE, APART], ids=["additive", "apart"])
@pytest.mark.parametrize("history", RUNNING)
def test_every_path_from_data(history, utilities):
    outcomes, doses, missing = RUNNING[history]
    twin, design = pair("default", utilities)
    cells, last = cells_after(outcomes), int(outcomes.split()[-1][0]) - 1
    if missing is None:
        doses = tuple(sorted(twin.next_doses(cells, last)))
    of, joint = trial(patients=13, size=3, utilities=utilities), JOINT["associated"]
    start = start_of(design, of, InterimData.of(outcomes, of))
    found = exact_outcomes(start, [joint], Allowance())[0]
    selected, none, counts = np.zeros(3), np.zeros(3), defaultdict(float)
    for (after, reason, optimal), chance in every_ending(
        twin, joint.cells.tolist(), 13, 3, cells, doses, missing
    ).items():
        counts[tuple(sum(cell) for cell in after), reason] += chance
        if isinstance(optimal, int):
            selected[optimal] += chance
        else:
            none[PLACES[optimal]] += chance
    np.testing.assert_allclose(found.response_sums.optimal.selection, selected, rtol=0, atol=1e-13)
    np.testing.assert_allclose(found.response_sums.optimal.none, none, rtol=0, atol=1e-13)
    seen = defaultdict(float)
    for n, reason, chance in zip(found.patients, found.reason, found.probability, strict=True):
        seen[tuple(n.tolist()), REASON_NAMES[reason]] += chance
    assert seen.keys() | counts.keys()
    for ending in seen.keys() | counts.keys():
        assert seen[ending] == pytest.approx(counts[ending], abs=1e-13), ending


@pytest.mark.parametrize("outcomes", ["1NNE 2NET", "1NNE 2NE", "1NNN 1NNN 1NNN 1NNN", "1TTT", "1NNE 2ENE 3TTN"])
def test_both_engines_agree_from_data(outcomes):
    scenario = Scenario(name="x", trial=trial(patients=18, size=3), design=[BOIN12()], truth=TRUTHS[:2])
    found = run(scenario, trials=4000, after=outcomes)
    assert found.agreement is None or found.agreement.p_value > 0.01, found.agreement
    for result in found.results:
        known = cells_after(outcomes)
        assert all(
            mean >= cell[1] + cell[3] - 1e-12 for mean, cell in zip(result.exact.response.responses, known, strict=True)
        )
        if found.agreement is None or len(result.simulated.to_dict()) == 0:
            continue
        assert result.exact.response.pcs_obd == pytest.approx(result.simulated.response.pcs_obd, abs=0.04)


def test_what_is_pending_is_not_gone_on_with():
    scenario = Scenario(name="x", trial=trial(patients=18, size=3), design=[BOIN12()], truth=TRUTHS[:1])
    with pytest.raises(OutcomesError, match=r"1 patient has an outcome that is pending.*next"):
        run(scenario, trials=10, after="1NNE 2NNN?")


def test_one_dose():
    twin, design = pair("default")
    joint = joint_rates([0.3], [0.4], Association(odds_ratio=1.0))
    outcomes = exact_under(design, trial(count=1, patients=9, size=3), joint)[0]
    endings = every_ending(twin, joint.cells.tolist(), 9, 3)
    chosen = sum(chance for (_, _, optimal), chance in endings.items() if optimal == 0)
    assert outcomes.response_sums.optimal.selection[0] == pytest.approx(chosen, abs=1e-13)


WRONG = {
    "outcomes swapped": {"utilities": tuple(ADDITIVE[place] for place in (0, 2, 1, 3))},
    "the floor in the place of the limit": {"phi_t": 0.3, "phi_e": 0.22},
    "ties to one side": {"ties": "highest"},
    "two DLTs eliminate": {"least_dlts": 2},
}


@pytest.mark.parametrize("change", WRONG)
def test_wrong_rules_are_noticed(change):
    joint = joint_rates((0.2, 0.35, 0.5), (0.3, 0.4, 0.4), Association(odds_ratio=1.0))
    right = cache(lambda rule: every_ending(rule, joint.cells.tolist(), 12, 3))
    of = {"phi_t": 0.22, "phi_e": 0.3, "utilities": ADDITIVE}
    outcomes = exact_under(pair("default")[1], trial(patients=12, size=3, limit=0.22), joint)[0].response_sums.optimal
    apart = []
    for rule in (Boin12(**of), Boin12(**of | WRONG[change])):
        chosen = np.zeros(3)
        for (_, _, optimal), chance in right(rule).items():
            if isinstance(optimal, int):
                chosen[optimal] += chance
        apart.append(np.abs(outcomes.selection - chosen).max())
    assert apart[0] < 1e-12
    assert apart[1] > 1e-4
