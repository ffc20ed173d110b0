"""The course of one trial, decision by decision, leads to the endings of the exact engine, for every design."""

from collections import Counter
from functools import lru_cache
from math import comb

import numpy as np
import pytest

from escalation import Enumeration, Trial, exact, operating_characteristics, simulate
from escalation.characteristics.agreement import agreement
from escalation.designs import Design
from escalation.errors import OutcomesError
from escalation.kernels.codes import NO_DOSE
from escalation.plans.decision import State
from escalation.running.decider import Decider, decider_of
from escalation.running.explanation import explanation
from escalation.running.standing import standing
from escalation.trial.cohorts import largest
from escalation.trial.data import Cohort, InterimData
from escalation.trial.rates import correct_doses
from tests.conformance.test_every_design import CASES, TRIALS, listed, rising
from tests.support import in_each_case


class Course:
    """All that can happen in a trial from any state on, of which a design is asked once."""

    def __init__(self, decider: Decider):
        self.decider = decider
        self.follows: dict[State, tuple[State, ...]] = {}  # by the DLTs in the next cohort
        self.ends: dict[State, tuple[int, int]] = {}  # recommended dose, reason

    def endings(self, start: State) -> Counter:
        """Patient sequences by ending: counts, recommended dose, reason."""
        living: dict[State, int] = {start: 1}
        endings: Counter = Counter()
        while living:
            reached: Counter = Counter()
            for state, sequences in living.items():
                if state not in self.follows and state not in self.ends:
                    self._ask(state)
                if state in self.ends:
                    endings[state.patients, state.dlts, *self.ends[state]] += sequences
                    continue
                following = self.follows[state]
                for dlts, then in enumerate(following):
                    reached[then] += sequences * comb(len(following) - 1, dlts)
            living = reached
        return endings

    def _ask(self, state: State) -> None:
        decision = self.decider.decide(state)
        if decision.next_dose is None:
            dose = self.decider.recommended(state)
            self.ends[state] = NO_DOSE if dose is None else dose, decision.reason
            return
        assert decision.size > 0
        self.follows[state] = tuple(self.decider.after(state, decision, dlts) for dlts in range(decision.size + 1))


@lru_cache(maxsize=len(TRIALS))
def course_of(design: Design, trial: Trial) -> Course:
    """From the first cohort on; the tests of a design in a trial follow each other."""
    return Course(decider_of(design, trial))


def sequences_by_ending(enumerated: Enumeration) -> Counter:
    """The same of an enumeration."""
    found: Counter = Counter()
    rows = zip(
        map(tuple, enumerated.patients.tolist()),
        map(tuple, enumerated.dlts.tolist()),
        enumerated.recommended.tolist(),
        enumerated.reason.tolist(),
        enumerated.sequences.tolist(),
        strict=True,
    )
    for *key, sequences in rows:
        found[tuple(key)] += int(sequences)
    return found


def some_cohorts(decider: Decider, number: int, generator: np.random.Generator) -> tuple[State, list[Cohort]]:
    """The course of one trial, for so many cohorts or to its end."""
    state, cohorts = decider.start, []
    for _ in range(number):
        decision = decider.decide(state)
        if decision.next_dose is None:
            break
        dlts = int(generator.binomial(decision.size, 0.2))
        cohorts.append(Cohort(decision.next_dose + 1, decision.size, dlts))
        state = decider.after(state, decision, dlts)
    return state, cohorts


def any_cohorts(trial: Trial, generator: np.random.Generator) -> list[Cohort]:
    """Cohorts of any doses and sizes, fewer patients than the trial has."""
    cohorts, left = [], trial.max_patients - 1
    for _ in range(4):
        size = int(generator.integers(1, largest(trial.cohort_size) + 2))
        if size <= left:
            dose = int(generator.integers(1, trial.levels + 1))
            cohorts.append(Cohort(dose, size, int(generator.binomial(size, 0.2))))
            left -= size
    return cohorts


@in_each_case(CASES)
class TestEveryDesign:
    def test_endings_are_those_of_the_exact_engine(self, design, trial):
        course = course_of(design, trial)
        assert course.endings(course.decider.start) == sequences_by_ending(listed(design, trial))

    def test_so_are_those_of_a_running_trial(self, design, trial):
        course, generator = course_of(design, trial), np.random.default_rng(1)
        decider = course.decider
        for number in (0, 1, 3, 20):
            state, cohorts = some_cohorts(decider, number, generator)
            data = InterimData.from_cohorts(cohorts, trial.levels)
            given = exact(design, trial, after=data)
            # Before the first cohort: those of the test above.
            expected = course.endings(state) if cohorts else sequences_by_ending(listed(design, trial))
            assert expected == sequences_by_ending(given)
            assert given.outcomes(rising(trial)).probability.sum() == pytest.approx(1, abs=1e-12)
            standing_now = standing(design, trial, data)
            assert standing_now.state == state
            assert standing_now.departures == ()

    def test_simulated_trials_go_on_as_the_exact_ones(self, design, trial):
        decider, generator = decider_of(design, trial), np.random.default_rng(2)
        for number in (2, 4):
            _, cohorts = some_cohorts(decider, number, generator)
            data = InterimData.from_cohorts(cohorts, trial.levels)
            expected = exact(design, trial, after=data).outcomes(rising(trial))
            simulated = simulate(design, trial, rising(trial), trials=2000, seed=7, after=data)
            correct = correct_doses(rising(trial), trial.target)
            assert agreement(expected, simulated, correct).p_value > 1e-4 / len(CASES)

    def test_data_that_the_design_would_not_have_led_to(self, design, trial):
        """Any doses, any sizes: exact endings, those of the course and simulated trials go on from them alike."""
        generator = np.random.default_rng(4)
        for _ in range(2):
            cohorts = any_cohorts(trial, generator)
            data = InterimData.from_cohorts(cohorts, trial.levels)
            now = standing(design, trial, data)
            given = exact(design, trial, after=data)
            assert Course(now.decider).endings(now.state) == sequences_by_ending(given)
            expected = given.outcomes(rising(trial))
            simulated = simulate(design, trial, rising(trial), trials=1000, seed=8, after=data)
            assert agreement(expected, simulated, correct_doses(rising(trial), trial.target)).p_value > 1e-7
            assert now.decision.next_dose is None or now.decision.size > 0
            assert explanation(now.decider, now.state, now.decision).endswith(".")

    def test_total_probability(self, design, trial):
        """What is expected after each outcome of the first cohort is, on average, what is expected before it."""
        rates = rising(trial)
        before = operating_characteristics(listed(design, trial).outcomes(rates))
        decider = decider_of(design, trial)
        first = decider.decide(decider.start)
        selection, patients = np.zeros(trial.levels), np.zeros(trial.levels)
        for dlts in range(first.size + 1):
            data = InterimData.from_cohorts([Cohort(first.next_dose + 1, first.size, dlts)], trial.levels)
            then = operating_characteristics(exact(design, trial, after=data).outcomes(rates))
            rate = rates[first.next_dose]
            probability = comb(first.size, dlts) * rate**dlts * (1 - rate) ** (first.size - dlts)
            selection += probability * np.array(then.selection)
            patients += probability * np.array(then.patients)
        assert selection == pytest.approx(np.array(before.selection), abs=1e-12)
        assert patients == pytest.approx(np.array(before.patients), abs=1e-11)

    def test_counts_say_the_same_or_ask(self, design, trial):
        """With the last cohort known, counts lead to the decision of the outcomes, or are refused as ambiguous."""
        decider, generator = decider_of(design, trial), np.random.default_rng(3)
        asked = 0
        for number in (1, 2, 3, 4, 6):
            state, cohorts = some_cohorts(decider, number, generator)
            last = cohorts[-1]
            data = InterimData.from_counts(
                state.patients,
                state.dlts,
                trial.levels,
                dose=last.dose,
                last_cohort=(last.patients, last.dlts),
            )
            expected = decider.decide(state)
            refusal = ""
            try:
                found = standing(design, trial, data)
            except OutcomesError as error:
                refusal = str(error)
            if refusal:
                asked += 1
                assert "give the outcomes cohort by cohort" in refusal
                assert trial.expansion is not None or design.titration
                continue
            assert found.departures == ()
            assert (found.decision.next_dose, found.decision.size) == (expected.next_dose, expected.size)
            assert found.decision.reason == expected.reason
        assert asked < 5
