"""The bound on the states of a table plan: never too low, and seldom much too high."""

import numpy as np
import pytest

from escalation import BLRM, BOIN, Monitoring, StateSpaceError, ThreePlusThree, Trial, exact, simulate
from escalation.defaults import EXACT_SECONDS
from escalation.designs import Design
from escalation.designs.base import patients_reach
from escalation.engines import allowance
from escalation.engines.allowance import MEMORY_SHARE, MOST_STATES, Allowance
from escalation.engines.bound import has_bound, most_states
from escalation.engines.packing import bits_per_cell, state_bytes, words_per_row
from escalation.engines.patients import PARTS, tolerances
from escalation.kernels.codes import (
    ALL_DOSES,
    ANY_DOSE,
    DE_ESCALATE,
    ELIMINATE,
    ENOUGH_AT_DOSE,
    ESCALATE,
    LAST_DOSE,
    NEXT_DOSE,
    RULE_COMPLETE,
    SAME_DOSE,
    STAY,
    STOPPING_RULE,
    TOO_TOXIC,
    UNCHANGED,
)
from escalation.numbers import cells_of, count_grid
from escalation.plans.conduct import Conduct, Criterion, Stop
from escalation.plans.table import HighestCleared, TablePlan
from tests.conformance.test_every_design import CASES, TABLE_KINDS
from tests.naive.plans import run_table_trial
from tests.support import in_each_case, levels


def bound_and_states(design: Design, trial: Trial) -> tuple[float, int]:
    plan = design.plan(trial)
    assert isinstance(plan, TablePlan)
    return most_states(plan), exact(design, trial).states


def bounded(design: Design, trial: Trial) -> bool:
    return design.kind in TABLE_KINDS and trial.expansion is None and has_bound(design.plan(trial))


@in_each_case([case for case in CASES if bounded(*case.values)])
def test_bound_holds(design, trial):
    bound, states = bound_and_states(design, trial)
    assert states <= bound


@pytest.mark.parametrize("doses", [1, 2, 3, 4])
@pytest.mark.parametrize("start", [1, 2, 4])
@pytest.mark.parametrize("max_patients", [1, 3, 12, 20, 27])
@pytest.mark.parametrize("cohort_size", [1, 2, 3])
def test_bound_holds_for_every_shape(doses, start, max_patients, cohort_size):
    if start > doses or cohort_size > max_patients:
        return
    trial = Trial(doses=levels(doses), target=0.3, max_patients=max_patients, cohort_size=cohort_size, start_dose=start)
    for design in (
        BOIN(),
        BOIN(stop_at=2),
        BOIN(stop_at=9),
        BOIN(titration=True),
        BOIN(extra_safe=True, offset=0.05),
        Monitoring(),
    ):
        if next(iter(design.problems(trial)), None) is None:
            bound, states = bound_and_states(design, trial)
            assert states <= bound


def random_plan(draw: np.random.Generator) -> TablePlan:
    """Decisions that rise with the DLT rate, with noise, and every rule that ends a trial."""
    doses, cohort_size = int(draw.integers(1, 5)), int(draw.integers(2, 5))
    max_patients = int(draw.integers(cohort_size, 19))
    trial = Trial(doses=levels(doses), target=0.3, max_patients=max_patients, cohort_size=1)
    patients, dlts = count_grid(max_patients)
    titration, trial_sizes = bool(draw.random() < 0.3), None
    sizes = np.full((doses, max_patients + 1), cohort_size)
    if draw.random() < 0.3:
        sizes = draw.integers(1, cohort_size + 1, sizes.shape)
        sizes[:, 0] = max(sizes[0, 0], 2)
    if draw.random() < 0.3 and not titration:
        trial_sizes = draw.integers(1, cohort_size + 1, (max_patients + 1, int(draw.integers(1, 4))))
    ceiling = tried_ceiling = None
    if draw.random() < 0.3:
        shape = int(draw.integers(1, 4)), doses
        ceiling = np.maximum(np.arange(doses), draw.integers(doses, size=shape))
    if draw.random() < 0.2:
        tried_ceiling = np.maximum(np.arange(doses), draw.integers(doses, size=doses))

    def at_random(low: int, high: int) -> int | None:
        return int(draw.integers(low, high)) if draw.random() < 0.5 else None

    joint: list[Stop] = []
    if draw.random() < 0.3:
        places = draw.choice([NEXT_DOSE, SAME_DOSE, LAST_DOSE, ANY_DOSE, ALL_DOSES], 2, replace=False)
        holds = draw.random((2, doses, *patients.shape)) < 0.5
        reason = int(draw.choice([TOO_TOXIC, STOPPING_RULE]))
        joint.append(
            Stop(reason, tuple(Criterion(int(place), part) for place, part in zip(places, holds, strict=True)), "")
        )
    if draw.random() < 0.3:
        run = np.broadcast_to(patients >= draw.integers(1, 4), (doses, *patients.shape))
        joint.append(Stop(STOPPING_RULE, (Criterion(UNCHANGED, run),), ""))
    noisy = dlts / np.maximum(patients, 1) + draw.normal(0, 0.1, (doses, *patients.shape))
    codes = np.select([noisy > 0.8, noisy > 0.4, noisy < 0.25], [ELIMINATE, DE_ESCALATE, ESCALATE], STAY)
    return TablePlan(
        codes=codes.astype(np.int8),
        selection=HighestCleared((patients > 0) & (dlts == 0)),
        conduct=Conduct(
            sizes=sizes,
            max_patients=max_patients,
            start=int(draw.integers(doses)),
            trial_sizes=trial_sizes,
            titration=titration,
            ceiling=ceiling,
            tried_ceiling=tried_ceiling,
            stops=(
                Stop(RULE_COMPLETE, (Criterion(LAST_DOSE, draw.random(codes.shape) < draw.choice([0, 0.1])),), ""),
                *patients_reach(at_random(3, 10), NEXT_DOSE, RULE_COMPLETE, trial),
                *patients_reach(at_random(2, 10), SAME_DOSE, ENOUGH_AT_DOSE, trial),
                *joint,
            ),
        ),
    )


class Planned(BOIN):
    """A design with a plan of its own, for the engines."""

    def plan(self, trial):
        return self._made

    @classmethod
    def of(cls, plan: TablePlan) -> "Planned":
        design = cls()
        object.__setattr__(design, "_made", plan)
        return design


@pytest.mark.parametrize("seed", range(150))
def test_random_plans(seed):
    """The bound holds; trials of the simulation, and of its twin in plain Python, end as the exact engine lists."""
    draw = np.random.default_rng(seed)
    plan = random_plan(draw)
    trial = Trial(doses=levels(plan.levels), target=0.3, max_patients=plan.conduct.max_patients, cohort_size=1)
    endings = exact(Planned.of(plan), trial)
    assert not has_bound(plan) or endings.states <= most_states(plan)
    rates = np.sort(draw.random(plan.levels))
    assert endings.outcomes(rates).probability.sum() == pytest.approx(1, abs=1e-12)
    simulated = simulate(Planned.of(plan), trial, rates, trials=200, seed=seed)
    # The same counts can end a full trial with and without a recommendation: a rule may have found it too toxic.
    columns = endings.reason.tolist(), endings.recommended.tolist()
    listed = set(zip(map(bytes, endings.patients), map(bytes, endings.dlts), *columns, strict=True))
    for row in range(200):
        counts = bytes(simulated.patients[row]), bytes(simulated.dlts[row])
        assert (*counts, int(simulated.reason[row]), int(simulated.recommended[row])) in listed
    for patient_outcomes in tolerances(seed, 0, plan.conduct.max_patients)[:20] / PARTS:
        counts, dlts, recommended, reason = run_table_trial(plan, rates, patient_outcomes)
        assert (bytes(np.array(counts, np.int16)), bytes(np.array(dlts, np.int16)), reason, recommended) in listed


def test_a_row_can_hold_a_trial_that_goes_on_and_one_that_has_ended():
    """At a dose with enough patients: the dose above was closed just now, or before, and an escalation is a stay."""
    trial = Trial(doses=levels(2), target=0.12, max_patients=6, cohort_size=1, start_dose=2)
    bound, states = bound_and_states(BOIN(stop_at=2), trial)
    assert states == 35
    assert states <= bound < 1.2 * states


@pytest.mark.parametrize(
    ("design", "doses", "max_patients", "excess"),
    [
        (BOIN(), 1, 36, 1.001),
        (BOIN(), 4, 36, 1.07),
        (BOIN(), 5, 45, 1.07),
        (BOIN(), 2, 120, 1.01),
        (BOIN(stop_at=12), 4, 36, 1.17),
        (ThreePlusThree(), 4, 24, 1.001),
        (ThreePlusThree(), 8, 48, 1.001),
        (BOIN(titration=True), 4, 36, 2.1),
    ],
)
def test_bound_is_close(design, doses, max_patients, excess):
    bound, states = bound_and_states(design, Trial(doses=levels(doses), target=0.25, max_patients=max_patients))
    assert states <= bound <= excess * states


def test_no_cell_has_all_bits_set():
    """Such a row would be taken for the end of all rows."""
    for max_patients in range(1, 200):
        assert cells_of(max_patients).shape[1] - 1 < (1 << bits_per_cell(max_patients)) - 1
    assert words_per_row(4, 36) == 1
    assert words_per_row(6, 60) == 2


def test_default_limit_follows_the_memory(monkeypatch):
    plan = BOIN().plan(Trial(doses=levels(6), target=0.25, max_patients=60))
    monkeypatch.setattr(allowance, "machine_memory", lambda: 8 * 10**9)
    assert Allowance().most_states(plan).states == int(MEMORY_SHARE * 8 * 10**9 / state_bytes(plan))
    monkeypatch.setattr(allowance, "machine_memory", lambda: 8 * 10**12)
    assert Allowance().most_states(plan).states == MOST_STATES


def test_default_limit_follows_the_time_under_a_model():
    """A state of a BLRM takes its thousands of curves; the message says how long the limit takes."""
    trial = Trial(doses=[10, 20, 40, 60, 80, 100, 150, 200, 300, 400], target=0.25, max_patients=60)
    plan = BLRM().plan(trial)
    assert Allowance().most_states(plan).states == int(
        (EXACT_SECONDS - plan.cost.making - plan.cost.counting) / plan.cost.state
    )
    assert 100_000 < Allowance().most_states(plan).states < 3_000_000
    small = exact(BLRM(), trial.model_copy(update={"max_patients": 12}))
    assert small.states < Allowance().most_states(plan).states
    with pytest.raises(StateSpaceError, match=r"where at most 200,000 \([0-9.]+ GB, about [0-9]+ s\) are allowed"):
        exact(BLRM(), trial.model_copy(update={"max_patients": 30, "cohort_size": 1}), max_states=200_000)


def test_the_bound_is_given_up_where_it_would_take_longer_than_the_enumeration():
    """For 50 doses and 300 patients one at a time it took 40 seconds; the enumeration is at its limit after ten."""
    trial = Trial(doses=levels(6), target=0.25, max_patients=60)
    plan = BOIN().plan(trial)
    assert most_states(plan, most_matches=1000) is None
    assert most_states(plan, most_matches=10**7) == most_states(plan)
    titrated = BOIN(titration=True).plan(trial)
    assert most_states(titrated, most_matches=1000) is None
