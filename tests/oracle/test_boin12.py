"""BOIN12 against other programs: desirability, decisions, and exact operating characteristics."""

import numpy as np
import pytest

from escalation import BOIN12, Association, Trial, decision_table, joint_rates, simulate
from escalation.engines.allowance import Allowance
from escalation.engines.joint import exact_outcomes
from escalation.kernels.codes import NO_DOSE
from escalation.plans.decision import State
from escalation.running.start import start_of
from tests.naive.boin12 import Boin12
from tests.support import each, levels, records


def trial_of(limits, count, patients=36, **options):
    eff, none, both, tox = (int(worth) for worth in limits["utilities"])
    efficacy = {
        "min_response": limits["phi_E"],
        "max_toxicity": limits["phi_T"],
        "utility": {"eff": eff, "none": none, "both": both, "tox": tox},
    }
    target = min(0.1, limits["phi_T"])
    return Trial(doses=levels(count), target=target, max_patients=patients, efficacy=efficacy, **options)


def design_of(limits, **options):
    given = {"cutoff_eli": limits["c_T"], "futility": limits["c_E"]}
    given |= {"confine_from": limits["n_star"]} if "n_star" in limits else {}
    return BOIN12(**given | options)


def twin_of(limits, **options):
    eff, none, both, tox = (int(worth) for worth in limits["utilities"])
    fixed = {"c_t": limits["c_T"], "c_e": limits["c_E"], "n_star": limits["n_star"]}
    return Boin12(limits["phi_T"], limits["phi_E"], (none, eff, tox, both), **fixed | options)


def state_of(cells, dose):
    return State(
        patients=tuple(sum(cell) for cell in cells),
        dlts=tuple(cell[2] + cell[3] for cell in cells),
        dose=dose,
        responses=tuple((cell[1], cell[3]) for cell in cells),
    )


def cells_of(outcomes, count):
    """Patients with N, E, T and B at each dose, and the last dose, of '1NNE 2EBT'."""
    cells, dose = [[0] * 4 for _ in range(count)], None
    for cohort in outcomes.split():
        dose = int(cohort[0]) - 1
        for letter in cohort[1:]:
            cells[dose]["NETB".index(letter)] += 1
    return [tuple(cell) for cell in cells], dose


def decided(plan, state):
    """The doses of which one is next, from 1."""
    decision = plan.decide(state, titrating=False)
    found = decision.tied if decision.next_dose is None else (decision.next_dose,)
    return [dose + 1 for dose in found]


@each(records("boin12_rds"))
def test_desirability_ranks(record):
    plan = design_of(record).plan(trial_of(record, 2))
    counts = np.array([row[:3] for row in record["rows_n_tox_eff_rds"]])
    given = np.array([row[3] is not None for row in record["rows_n_tox_eff_rds"]])
    states = [State((n, 0), (t, 0), 0, responses=((e, 0), (0, 0))) for n, t, e in counts.tolist()]
    found = np.array([plan.desirable(state, 0) for state in states])[given].round(12)
    below, alike = (found[:, None] > found).sum(axis=1), (found[:, None] == found).sum(axis=1)
    expected = [row[3] for row in record["rows_n_tox_eff_rds"] if row[3] is not None]
    assert (below + (alike + 1) / 2).tolist() == expected
    untried = plan.desirable(states[0], 1)
    assert untried == pytest.approx(1 - plan_benchmark(record), abs=1e-12)


def plan_benchmark(record):
    return BOIN12().benchmark(trial_of(record, 1).efficacy) / 100


@each(records("boin12_app_decisions"))
def test_decisions_of_the_application(record):
    count = record["num_doses"]
    cells, dose = cells_of(record["outcomes"], count)
    plan = design_of(record).plan(trial_of(record, count))
    found = decided(plan, state_of(cells, dose))
    assert found == sorted(one + 1 for one in twin_of(record).next_doses(cells, dose))
    if "app" in record:
        assert found == []
    else:
        assert record["next_dose"] in found


def test_fewer_dlts_eliminate_where_the_application_goes_on():
    record = next(one for one in records("boin12_app_decisions") if one["outcomes"] == "1NTB" and one["phi_T"] == 0.15)
    (cells, dose), count = cells_of("1NTB", 5), record["num_doses"]
    assert (record["next_dose"], dose) == (1, 0)
    trial = trial_of(record, count)
    assert decided(design_of(record).plan(trial), state_of(cells, 0)) == [1]
    assert decided(design_of(record, dlts_to_eliminate=2).plan(trial), state_of(cells, 0)) == []


@each(records("boin12_decisions"))
def test_decisions_after_random_histories(record):
    limits = record["settings"]
    count = limits["num_doses"]
    cells = [tuple(cell) for cell in record["joint_counts_NETB"]]
    dose = cells_of(record["outcomes"], count)[1]
    assert cells_of(record["outcomes"], count)[0] == cells
    design, trial = design_of(limits), trial_of(limits, count, patients=60)
    plan, state = design._plan_with_room(trial, 60), state_of(cells, dose)
    assert design.benchmark(trial.efficacy) == pytest.approx(record["benchmark_percent"], abs=1e-9)
    found = [100 * plan.desirable(state, place) for place in range(count)]
    np.testing.assert_allclose(found, record["prob_utility_above_benchmark_percent"], rtol=0, atol=1e-7)
    expected = record["rule_next_doses"] or []  # none where the trial ends
    assert decided(plan, state) == expected
    assert list(plan.open_doses(state)) == record["rule_admissible"]
    twin = twin_of(limits)
    assert [one + 1 for one in sorted(twin.next_doses(cells, dose))] == expected
    highest = plan.recommend(np.array([state.patients], np.int16), np.array([state.dlts], np.int16))[0]
    assert highest == (NO_DOSE if twin.mtd(cells) is None else twin.mtd(cells))
    obd = twin.obd(cells)
    assert (obd + 1 if isinstance(obd, int) else None) == (record["rule_obd"] or None)


TIES = {"random": "random", "high": "highest", "low": "lowest"}
SMALL, LARGE = (
    [record for record in records("boin12_oc_exact") if (record["states"] > 1e6) == large] for large in (False, True)
)


def check_exact(record):
    """The selections and mean numbers of patients of a record."""
    limits = record | {"n_star": record["n_star"]}
    cohorts = {"cohort_size": record["cohort_size"], "start_dose": record["start_dose"]}
    trial = trial_of(limits, len(record["true_tox"]), record["cohorts"] * record["cohort_size"], **cohorts)
    given = {"explore_from": record["n_explore"] or "never", "stop_at": record["n_stop_at_dose"] or "never"}
    correlation = Association(latent_correlation=record["latent_gaussian_correlation"])
    joint = joint_rates(record["true_tox"], record["true_eff"], correlation)
    start = start_of(design_of(limits, ties=TIES[record["tie"]], **given), trial, None)
    outcomes = exact_outcomes(start, [joint], Allowance(states=50_000_000))[0]
    optimal = outcomes.response_sums.optimal
    found = [optimal.none.sum(), *optimal.selection]
    np.testing.assert_allclose(found, record["select_none_then_doses"], rtol=0, atol=1e-9)
    np.testing.assert_allclose(outcomes.probability @ outcomes.patients, record["mean_patients"], rtol=0, atol=1e-9)


@each(SMALL)
def test_exact_characteristics(record):
    check_exact(record)


@pytest.mark.long
def test_exact_characteristics_at_the_size_of_a_trial():
    for record in LARGE:
        check_exact(record)


def test_the_optimal_dose_is_that_of_the_largest_mean_utility():
    """The application's figures tell the two rules apart that programs have for the same trials."""
    (record,) = records("boin12_application")
    efficacy = {"min_response": record["phi_E"], "max_toxicity": record["phi_T"]}
    count, patients = len(record["true_tox"]), 3 * record["cohorts"]
    of = Trial(doses=levels(count), target=0.3, max_patients=patients, cohort_size=3, efficacy=efficacy)
    design, trials = BOIN12(explore_from="never", stop_at=record["n_stop_at_dose"]), 1_000_000
    truth = joint_rates(record["true_tox"], record["true_eff"], Association(odds_ratio=1.0))
    found = simulate(design, of, truth, trials=trials)
    by_mean = 100 * np.array([np.mean(found.optimal < 0), *(np.mean(found.optimal == dose) for dose in range(count))])
    by_probability = 100 * chosen_by_probability(design.plan(of).joint, found)
    for dose, percent in record["select_percent"].items():
        error = np.sqrt(percent * (100 - percent) / record["trials"])
        assert abs(by_mean[int(dose)] - percent) < 2 * error
        assert abs(by_probability[int(dose)] - percent) > 6 * error
    np.testing.assert_allclose(by_mean, record["by_mean_utility_percent"], rtol=0, atol=0.2)
    np.testing.assert_allclose(by_probability, record["by_probability_percent"], rtol=0, atol=0.35)


def chosen_by_probability(plan, found):
    """Shares of no dose and of each, were the most desirable one up to the MTD chosen, be it untried or closed."""
    n, t = found.patients.astype(np.int64), found.dlts.astype(np.int64)
    well, ill = found.responses[..., 0].astype(np.int64), found.responses[..., 1].astype(np.int64)
    worth = np.stack([n - t - well, well, t - ill, ill], axis=-1) @ np.array(plan.utilities)
    ranks = np.where(np.arange(plan.doses) <= found.recommended[:, None], plan.ranks[n, worth // plan.unit], -1)
    chosen = np.where(found.recommended >= 0, ranks.argmax(axis=1), NO_DOSE)
    return np.array([np.mean(chosen == dose) for dose in range(-1, plan.doses)])


@each([one for one in records("boin12_rds") if all(number % 3 == 0 for number in one["sample_sizes"])])
def test_the_printed_table(record):
    """Ranks, and where doses are closed, of counts that the table lists; it closes doses with one DLT here."""
    of = trial_of(record, 2, patients=max(record["sample_sizes"]), cohort_size=3)
    printed = decision_table(design_of(record, dlts_to_eliminate=1, stop_at="never"), of)
    found = {(row.patients, row.dlts, row.responses): row for row in printed.desirability if row.occurs}
    expected = {(n, t, e): rank for n, t, e, rank in record["rows_n_tox_eff_rds"]}
    assert {counts: row.rank for counts, row in found.items()} == expected
    assert {counts for counts, row in found.items() if row.eliminated or row.futile} == {
        counts for counts, rank in expected.items() if rank is None
    }
