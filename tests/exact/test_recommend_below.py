"""Stopping rules that recommend a dose below the one that is too toxic, in both engines, `next`, paths and prose."""

import numpy as np
import pytest
from scipy import stats

from escalation import (
    BLRM,
    BOIN,
    CRM,
    ThreePlusThree,
    Trial,
    agreement,
    exact,
    next_dose,
    operating_characteristics,
    paths,
    simulate,
)
from escalation.engines.patients import PARTS, tolerances
from escalation.kernels.codes import NO_DOSE, REASON_NAMES
from escalation.plans.curves import CurvePlan
from escalation.scenario.file import parse_scenario
from escalation.trial.rates import correct_doses
from tests.naive import plans
from tests.support import levels

BELOW = {"rule": "too_toxic", "dose": "any", "threshold": 0.7, "then": "recommend_below"}
TWO = BELOW | {"dose": 2}
DESIGNS = [
    ThreePlusThree(stop_when=BELOW),
    BOIN(stop_when=TWO),
    BOIN(stop_when=BELOW, titration=True, stop_at=9),
    BOIN(stop_when=BELOW | {"dose": "next"}),
    CRM(half_width=0.06, prior_mtd=3, stop_when=BELOW),
    CRM(half_width=0.06, prior_mtd=3, stop_when=BELOW, recommend_untried=True, no_skip=False),
    CRM(half_width=0.06, prior_mtd=2, method="mle", stop_when=TWO),
    BLRM(stop_when=BELOW, ewoc=0.6, no_skip=False),
    BLRM(stop_when=BELOW, ewoc=0.6, recommend_untried=True),
    BOIN(stop_when={"any": [TWO, {"rule": "too_toxic", "threshold": 0.9}, {"rule": "patients", "at_least": 9}]}),
    BOIN(stop_when={"all": [TWO, {"rule": "too_toxic", "threshold": 0.4}]}),
]
TRIAL = Trial(doses=[10, 20, 40], target=0.25, max_patients=15)
RATES = [0.1, 0.35, 0.5]


@pytest.mark.parametrize("design", DESIGNS, ids=lambda design: f"{design.kind}")
class TestEveryDesign:
    def test_simulated_trials_are_those_of_plain_python(self, design):
        plan = design.plan(TRIAL)
        play = plans.run_curve_trial if isinstance(plan, CurvePlan) else plans.run_table_trial
        simulated = simulate(design, TRIAL, RATES, trials=150, seed=3)
        for row, patients in enumerate(tolerances(3, 0, TRIAL.max_patients)[:150]):
            counts, dlts, recommended, reason = play(plan, RATES, patients / PARTS)
            assert simulated.patients[row].tolist() == counts
            assert simulated.dlts[row].tolist() == dlts
            assert (simulated.recommended[row], simulated.reason[row]) == (recommended, reason)

    def test_exact_and_simulated_agree(self, design):
        endings = exact(design, TRIAL)
        simulated = simulate(design, TRIAL, RATES, trials=4000, seed=5)
        assert agreement(endings.outcomes(RATES), simulated, correct_doses(RATES, TRIAL.target)).agrees

    def test_paths_and_next_recommend_the_same(self, design):
        """Every path to its end, by the rules asked one state at a time, is among the endings of the exact engine."""
        small = TRIAL.model_copy(update={"max_patients": 9})
        endings = exact(design, small)
        listed = set(
            zip(
                map(tuple, endings.patients.tolist()),
                map(tuple, endings.dlts.tolist()),
                endings.recommended.tolist(),
                (REASON_NAMES[reason] for reason in endings.reason.tolist()),
                strict=True,
            )
        )
        found = set()
        for leaf in paths(design, small, cohorts=9, most=100_000).root.leaves:
            patients, dlts = np.zeros(3, int), np.zeros(3, int)
            for cohort in leaf.cohorts:
                patients[cohort.dose - 1] += cohort.patients
                dlts[cohort.dose - 1] += cohort.dlts
            recommended = NO_DOSE if leaf.recommended is None else leaf.recommended - 1
            found.add((tuple(patients.tolist()), tuple(dlts.tolist()), recommended, leaf.reason))
        assert found == listed


def test_a_clean_dose_below_by_hand():
    """Dose 1 is clean: with three of three DLTs at dose 2 the trial ends, by default without a dose."""
    trial = Trial(doses=levels(3), target=0.25, max_patients=15)
    rule = {"rule": "too_toxic", "dose": 2, "threshold": 0.9}
    assert stats.beta(1 + 3, 1).sf(0.25) > 0.9
    none = next_dose(BOIN(stop_when=rule), trial, "1NNN 2TTT")
    assert (none.stop_reason, none.recommended_dose) == ("too_toxic", None)
    lower = next_dose(BOIN(stop_when=rule | {"then": "recommend_below"}), trial, "1NNN 2TTT")
    assert (lower.stop_reason, lower.recommended_dose) == ("dose_too_toxic", 1)
    assert "only a lower dose may be recommended" in lower.reason
    last = trial.model_copy(update={"max_patients": 6})
    full = next_dose(BOIN(stop_when=rule | {"then": "recommend_below"}), last, "1NNN 2TTT")
    assert (full.stop_reason, full.recommended_dose) == ("max_patients", 1)
    assert "Only a dose below the lowest that is too toxic may be recommended" in full.reason


def test_by_hand():
    """A trial of two cohorts that always escalates after none of three: P(1 recommended, stopped) is a product."""
    trial = Trial(doses=levels(3), target=0.25, max_patients=9)
    design = BOIN(stop_when={"rule": "too_toxic", "dose": 2, "threshold": 0.9, "then": "recommend_below"})
    toxic = [y for y in range(4) if stats.beta(1 + y, 4 - y).sf(0.25) > 0.9]
    assert toxic == [2, 3]
    rates = [0.05, 0.4, 0.6]
    first, second = stats.binom(3, rates[0]), stats.binom(3, rates[1])
    # BOIN escalates after 0 of 3, stays after 1: then only the third cohort can be at dose 2, and the trial is full.
    stopped = first.pmf(0) * (second.pmf(2) + second.pmf(3))
    oc = operating_characteristics(exact(design, trial).outcomes(rates))
    assert oc.stop_reasons["dose_too_toxic"] == pytest.approx(stopped)
    assert oc.stop_toxic >= oc.stop_reasons["dose_too_toxic"]


def test_one_that_recommends_none_goes_first():
    trial = Trial(doses=levels(3), target=0.25, max_patients=15)
    both = BOIN(stop_when={"any": [TWO, TWO | {"then": "recommend_none"}]})
    assert next_dose(both, trial, "1NNN 2TTT").stop_reason == "too_toxic"
    together = BOIN(stop_when={"all": [TWO, TWO | {"then": "recommend_none"}]})
    assert next_dose(together, trial, "1NNN 2TTT").recommended_dose is None


def test_an_expansion_follows_at_the_lower_dose():
    trial = Trial(doses=levels(3), target=0.25, max_patients=15, expansion={"patients": 6})
    design = BOIN(stop_when=TWO)
    found = next_dose(design, trial, "1NNN 2TTT")
    assert (found.next_dose, found.expansion) == (1, True)
    oc = operating_characteristics(exact(design, trial).outcomes(RATES))
    simulated = simulate(design, trial, RATES, trials=4000, seed=5)
    assert agreement(exact(design, trial).outcomes(RATES), simulated, (1,)).agrees
    assert oc.expansion.declared[0] > 0


def test_words_and_cautions():
    words = BOIN(stop_when=TWO).description(TRIAL)
    assert "and only doses below the lowest that is too toxic may be recommended" in words
    scenario = parse_scenario(
        {
            "name": "s",
            "trial": {"doses": [1, 2], "target": 0.25, "max_patients": 9},
            "design": [{"kind": "boin", "stop_when": BELOW | {"dose": "lowest"}}],
            "truth": [{"name": "t", "dlt_rates": [0.1, 0.2]}],
        }
    )
    assert any("no dose is below the lowest" in warning for warning in scenario.warnings)
