"""What every registered design must do, on every kind of trial. A new design is tested here before it has tests."""

import json
from functools import cache

import numpy as np
import pytest
from pydantic import ValidationError

from escalation import BOIN, Trial, exact, operating_characteristics, simulate
from escalation.characteristics.agreement import agreement
from escalation.designs import REGISTRY
from escalation.kernels.codes import NO_DOSE, REASON_NAMES
from escalation.plans.table import TablePlan
from escalation.trial.rates import correct_doses
from tests.support import levels, table_rows

TABLE = table_rows(BOIN().plan(Trial(doses=[1], target=0.25, max_patients=20)).codes[0])

# Every kind of stopping rule, combined.
STOP = {
    "any": [
        {"rule": "too_toxic", "threshold": 0.85, "limit": 0.3},
        {"all": [{"rule": "patients_at_dose", "at_least": 6}, {"rule": "precise", "width": 0.6}]},
        {"all": [{"rule": "patients", "at_least": 9}, {"rule": "patients_at_dose", "dose": "lowest", "at_least": 6}]},
    ]
}

# Every kind of rule that looks at more than counts at one dose.
SETTLED = {
    "any": [
        {"rule": "unchanged", "cohorts": 3},
        {"all": [{"rule": "dlts", "at_least": 3}, {"rule": "unchanged", "cohorts": 2}]},
        {"rule": "target_probability", "interval": [0.15, 0.4], "at_least": 0.5},
        {"rule": "within_limits", "limits": [0, 0.6], "probability": 0.8},
    ]
}
BY_MODEL = {
    "any": [
        {"rule": "target_probability", "interval": [0.15, 0.4], "at_least": 0.6, "posterior": "model"},
        {"all": [{"rule": "patients", "at_least": 5}, {"rule": "unchanged", "cohorts": 2}]},
        {"rule": "within_limits", "limits": [0.02, 0.5], "probability": 0.8, "posterior": "model"},
    ]
}
# Every kind of limit, and a step that depends on the DLTs.
LIMITED = [
    {"rule": "eliminate", "threshold": 0.8},
    {"rule": "max_step", "factor": [3, 1.5], "from_dlts": [0, 2]},
    {"rule": "max_step", "amount": [2, 1], "from_dose": [0, 2]},
    {"rule": "never_skip", "above": "highest_tried"},
]

# At least the required options of each kind; several settings where options change the course of a trial.
SETTINGS = {
    "3+3": [
        {},
        {"de_escalate": False},
        {"six_at_top": False},
        {"de_escalate": False, "six_at_top": False},
        {"titration": True},
        {"stop_when": {"rule": "precise", "width": 0.5}, "restrict": [{"rule": "no_escalation", "dlts": 2}]},
    ],
    "a+b": [
        {"a": 2, "b": 3, "c": 1, "d": 1, "e": 1},
        {"a": 4, "b": 2, "c": 1, "d": 2, "e": 2, "de_escalate": False, "full_at_top": False},
        {"a": 3, "b": 2, "c": 2, "d": 1, "e": 1, "titration": True},
    ],
    "boin": [
        {},
        {"stop_at": 6},
        {"extra_safe": True, "bound_mtd": True, "p_tox": 0.45},
        {"titration": True},
        {"titration": True, "stop_at": 9, "cutoff_eli": 0.8},
        {"stop_when": {"rule": "too_toxic", "threshold": 0.8, "dose": "any"}, "titration": True},
        {"restrict": [{"rule": "no_escalation", "dlts": 3}, {"rule": "max_step", "factor": 1.5}]},
        {"stop_when": STOP, "stop_at": 9},
        {"label": "limited", "stop_when": SETTLED, "restrict": LIMITED},
        {"label": "titrated", "titration": True, "restrict": [{"rule": "eliminate", "threshold": 0.6}]},
    ],
    "crm": [
        {"half_width": 0.05, "prior_mtd": 1},
        {"half_width": 0.05, "prior_mtd": 1, "estimate": "mean", "coherent": "dose", "stop_at": 9},
        {"half_width": 0.04, "prior_mtd": 1, "model": "logistic", "no_skip": False, "coherent": "off"},
        {"half_width": 0.04, "prior_mtd": 1, "model": "logistic", "intercept": 1.5, "estimate": "mean"},
        {
            "half_width": 0.05,
            "prior_mtd": 1,
            "stop_if_too_toxic": {"threshold": 0.9},
            "recommend_untried": True,
        },
        {"half_width": 0.05, "prior_mtd": 1, "method": "mle"},
        {"half_width": 0.05, "prior_mtd": 1, "method": "mle", "no_skip": False, "model": "logistic", "stop_when": STOP},
        {"half_width": 0.05, "prior_mtd": 1, "method": "mle", "model": "logistic", "intercept": 0.0},
        {"half_width": 0.05, "prior_mtd": 1, "prior": "exponential", "titration": True},
        {"half_width": 0.05, "prior_mtd": 1, "prior": "gamma", "prior_shape": 2.5, "coherent": "off"},
        {
            "half_width": 0.05,
            "prior_mtd": 1,
            "no_skip": False,
            "titration": True,
            "restrict": [{"rule": "max_step", "levels": 2}, {"rule": "no_escalation", "dlts": 2}],
        },
        {
            "half_width": 0.05,
            "prior_mtd": 1,
            "coherent": "off",
            "restrict": [{"rule": "never_skip", "when_deescalating": True}],
        },
        {
            "label": "limited",
            "half_width": 0.05,
            "prior_mtd": 1,
            "no_skip": "highest_tried",
            "coherent": "off",
            "stop_when": BY_MODEL,
            "restrict": LIMITED,
        },
        {
            "label": "titrated",
            "half_width": 0.05,
            "prior_mtd": 1,
            "titration": True,
            "restrict": [{"rule": "eliminate", "threshold": 0.6}],
        },
        {
            "label": "limited, mle",
            "half_width": 0.05,
            "prior_mtd": 1,
            "method": "mle",
            "stop_when": SETTLED,
            "restrict": LIMITED,
        },
    ],
    "monitoring": [
        {},
        {"limit": 0.2, "threshold": 0.8, "prior": [0.5, 0.5], "min_patients": 4},
        {"rule": "pocock", "alpha": 0.1},
        {"rule": "obrien-fleming", "min_patients": 4},
        {"rule": "wang-tsiatis", "delta": 0.25, "limit": 0.15},
        {"rule": "sprt", "p1": 0.5},
        {"rule": "beta-binomial", "alpha": 0.2, "prior": [0.5, 1.5]},
    ],
    "i3+3": [{}, {"epsilon1": 0.1, "epsilon2": 0.02, "cutoff_eli": 0.8, "stop_at": 6}],
    "tpi": [{}, {"k1": 1.5, "k2": 0.5, "cutoff_eli": 0.8, "stop_at": 6}],
    "mtpi": [
        {},
        {"cutoff_eli": 0.5, "titration": True},
        {"epsilon1": 0.1, "epsilon2": 0.02, "cutoff_eli": 0.8, "stop_at": 6},
    ],
    "mtpi2": [{}, {"epsilon1": 0.1, "epsilon2": 0.02, "cutoff_eli": 0.8, "stop_at": 6}],
    "keyboard": [{}, {"half_width": 0.1, "cutoff_eli": 0.8, "stop_at": 6}],
    "ccd": [{}, {"half_width": 0.05, "cutoff_eli": 0.8, "stop_at": 6}],
    "table": [
        {"label": "isotonic", "rows": TABLE},
        {"label": "cap", "rows": TABLE, "cap": 6, "recommend": "highest_cleared"},
    ],
    "bma-crm": [
        {"skeletons": [[0.25]], "coherent": "cohort"},
        {"skeletons": [[0.1, 0.3], [0.3, 0.5]], "weights": [2, 1]},
        {"skeletons": [[0.05, 0.2, 0.4], [0.2, 0.3, 0.4]], "stop_if_too_toxic": False, "prior_sd": 1},
        {
            "skeletons": [[0.05, 0.12, 0.25, 0.4], [0.25, 0.4, 0.55, 0.65]],
            "stop_if_too_toxic": {"threshold": 0.8, "margin": 0.05},
            "coherent": "dose",
            "recommend_untried": True,
        },
        {"skeletons": [[0.05, 0.12, 0.25, 0.4, 0.55], [0.25, 0.4, 0.5, 0.6, 0.7]], "no_skip": False},
        {
            "label": "limited",
            "skeletons": [[0.1, 0.2, 0.3], [0.2, 0.4, 0.5]],
            "stop_when": BY_MODEL,
            "restrict": LIMITED,
        },
    ],
    "blrm": [
        {},
        {"prior_mean": [-1, 0.2], "prior_sd": [1, 0.7], "prior_correlation": 0.3, "reference_dose": 2.5, "ewoc": 0.5},
        {"no_skip": False, "recommend_untried": True, "intervals": [0.16, 0.33]},
        {"coherent": "cohort"},
        {"coherent": "dose", "ewoc": 0.4},
        {"choose": "highest", "ewoc": 0.5},
        {
            "choose": "highest",
            "no_skip": False,
            "titration": True,
            "restrict": [{"rule": "never_skip", "when_deescalating": True}],
            "stop_when": {"rule": "too_toxic", "threshold": 0.8, "dose": "any", "then": "recommend_below"},
        },
        {"ewoc": 0.5, "titration": True, "stop_when": STOP, "restrict": [{"rule": "max_step", "factor": 2}]},
        {"label": "limited", "ewoc": 0.5, "stop_when": BY_MODEL, "restrict": LIMITED},
    ],
    "tite-boin": [{}, {"pending": {"most_pending": 0.49, "least_follow_up": 0.25}, "stop_at": 6, "p_tox": 0.45}],
    "tite-keyboard": [{}, {"pending": {"fewest_complete": 3}, "half_width": 0.1}],
    "tite-mtpi": [{}, {"pending": {"most_pending": 0.5}, "epsilon1": 0.1}],
    "tite-mtpi2": [{}, {"pending": {"fewest_complete": 0}, "cutoff_eli": 0.8}],
    "tite-crm": [
        {"half_width": 0.05, "prior_mtd": 1},
        {"half_width": 0.05, "prior_mtd": 1, "pending": {"weights": "adaptive", "most_pending": 0.5}},
    ],
    "rolling-six": [{}, {"stop_when": {"rule": "patients", "at_least": 12}}],
    "pod-tpi": [{}, {"pending": {"suspend": "half"}, "epsilon2": 0.1}],
    "boin12": [
        {},
        {"stop_at": "never", "explore_from": "never", "ties": "highest"},
        {"p_saf": 0.2, "p_tox": 0.45, "cutoff_eli": 0.8, "dlts_to_eliminate": 1, "futility": 1, "stop_at": 6},
        {"confine_from": 3, "explore_from": 6, "futility": 0.8, "stop_at": 9, "ties": "lowest"},
    ],
}
LATE_ONSET = {kind: design for kind, design in REGISTRY.items() if design.waits_as is not None}
BY_RESPONSES = {kind: design for kind, design in REGISTRY.items() if design.looks_at_responses}
WAITING = {kind: design for kind, design in REGISTRY.items() if kind not in LATE_ONSET | BY_RESPONSES}
"""Designs by whether they decide while patients are pending, or by responses; what is exact is said of the others."""

EFFICACY = {"min_response": 0.25, "max_toxicity": 0.35}
"""What a trial needs whose design decides by responses."""

TRIALS = [
    Trial(doses=levels(1), target=0.25, max_patients=20),
    Trial(doses=levels(1), target=0.2, max_patients=7, cohort_size=1),
    Trial(doses=levels(2), target=0.3, max_patients=9, cohort_size=2),
    Trial(doses=levels(3), target=0.25, max_patients=11, cohort_size=1, start_dose=2),
    Trial(doses=levels(4), target=0.25, max_patients=20, cohort_size=3),
    Trial(doses=levels(5), target=0.3, max_patients=16, cohort_size=4, start_dose=3),
    Trial(
        doses=levels(3),
        target=0.3,
        max_patients=10,
        expansion={"patients": 5, "cohort_size": 2, "monitoring": {"threshold": 0.8}},
    ),
    Trial(doses=levels(3), target=0.25, max_patients=13, cohort_size=[1, 1, 3]),
    Trial(doses=levels(4), target=0.3, max_patients=11, cohort_size={"by_dose": [1, 2, 2, 3], "by_dlts": [1, 2, 3]}),
]


def cases():
    for kind, design in WAITING.items():
        for options in SETTINGS[kind]:
            for trial in TRIALS:
                # Cohorts of more than one size: under the first options of each kind and those with every rule.
                if trial.equal_cohorts is None and not (options is SETTINGS[kind][0] or "label" in options):
                    continue
                built = design(**options)
                if not list(built.problems(trial)):
                    more = f"+{trial.expansion.patients}" if trial.expansion else ""
                    text = built.label or ",".join(f"{name}={value}" for name, value in options.items())
                    yield pytest.param(
                        built,
                        trial,
                        id=f"{kind}({text})-{trial.levels}x{trial.max_patients}x{trial.cohort_size}{more}",
                    )


CASES = list(cases())
TABLE_KINDS = {kind for kind in WAITING if isinstance(REGISTRY[kind](**SETTINGS[kind][0]).plan(TRIALS[0]), TablePlan)}
"""The kinds of designs that are decision tables."""

listed = cache(exact)
"""The endings of a design in a trial; several tests ask for them."""


def rising(trial: Trial) -> np.ndarray:
    return np.linspace(0.08, 0.6, trial.levels)


def test_every_kind_has_settings():
    assert set(SETTINGS) == set(REGISTRY)


@pytest.mark.parametrize(("design", "trial"), CASES)
class TestEveryDesign:
    def test_probabilities_sum_to_one(self, design, trial):
        endings = listed(design, trial)
        for rates in (rising(trial), np.zeros(trial.levels), np.ones(trial.levels)):
            assert endings.outcomes(rates).probability.sum() == pytest.approx(1, abs=1e-12)

    def test_endings_are_merged(self, design, trial):
        endings = listed(design, trial)
        rows = np.column_stack([endings.patients, endings.dlts, endings.reason])
        different = len(np.unique(rows, axis=0))
        if trial.expansion is not None:
            assert len(rows) >= different  # an RP2D's counts in dose escalation are forgotten
        elif design.titration:
            # Cohorts of one and of more: the same counts after different numbers of cohorts are listed for each.
            assert len(rows) <= 2 * different
        elif trial.planned_cohorts is None and not design.has_own_cohorts:
            assert len(rows) <= 3 * different
        else:
            assert len(rows) == different

    def test_endings_are_possible(self, design, trial):
        endings = listed(design, trial)
        assert np.all(endings.patients >= endings.dlts)
        assert np.all(endings.dlts >= 0)
        total = endings.patients.sum(axis=1)
        assert np.all((total >= 1) & (total <= trial.most_patients))
        assert set(endings.reason.tolist()) <= set(REASON_NAMES)
        assert np.all((endings.recommended >= NO_DOSE) & (endings.recommended < trial.levels))
        assert np.all(endings.sequences >= 1)

    def test_no_dose_is_skipped_on_the_way_up(self, design, trial):
        start = design.plan(trial).conduct.start
        tried = listed(design, trial).patients > 0
        skipped = [row for row in tried[:, start:].tolist() if sorted(row, reverse=True) != row]
        if getattr(design, "no_skip", True):
            assert not skipped
        elif trial.equal_cohorts is None or trial.expansion is not None:
            pass  # whether levels are skipped depends on more
        elif not design.restrict and getattr(design, "method", "bayes") == "bayes":
            assert bool(skipped) == (trial.levels - start > 2)

    def test_simulated_trials_agree(self, design, trial):
        rates = rising(trial)
        correct = correct_doses(rates, trial.target)
        expected = listed(design, trial).outcomes(rates)
        simulated = simulate(design, trial, rates, trials=4000, seed=11)
        assert agreement(expected, simulated, correct).p_value > 1e-4

    def test_every_simulated_ending_is_enumerated(self, design, trial):
        endings = listed(design, trial)
        simulated = simulate(design, trial, rising(trial), trials=1000, seed=5)

        def keys(part):
            rows = np.column_stack([part.patients, part.dlts, part.recommended, part.reason])
            return set(map(tuple, rows.tolist()))

        assert keys(simulated) <= keys(endings)

    def test_certain_dlts(self, design, trial):
        """With a DLT in every patient no dose above the start gets a patient, and simulation is exact."""
        rates = np.ones(trial.levels)
        oc = operating_characteristics(listed(design, trial).outcomes(rates))
        assert oc.total_dlts.mean == oc.sample_size.mean
        if getattr(design, "coherent", "cohort") != "off":
            assert not any(oc.patients[trial.start_dose :])
        simulated = operating_characteristics(simulate(design, trial, rates, trials=50))
        assert simulated.patients == pytest.approx(oc.patients, abs=1e-12)

    def test_no_dlts(self, design, trial):
        rates = np.zeros(trial.levels)
        oc = operating_characteristics(listed(design, trial).outcomes(rates))
        assert oc.total_dlts.mean == 0
        assert oc.no_selection in (0, 1)  # nothing is left to chance
        simulated = operating_characteristics(simulate(design, trial, rates, trials=50))
        assert simulated.selection == pytest.approx(oc.selection, abs=1e-12)


@pytest.mark.parametrize(
    "design",
    [
        pytest.param(REGISTRY[kind](**options), id=f"{kind}-{n}")
        for kind in REGISTRY
        for n, options in enumerate(SETTINGS[kind])
    ],
)
class TestEverySetting:
    def test_is_immutable_and_validated(self, design):
        with pytest.raises(ValidationError):
            design.label = "another"
        with pytest.raises(ValidationError):
            type(design)(**design.model_dump(exclude={"kind"}), unknown_option=1)
        assert design == type(design)(**design.model_dump())
        hash(design)

    def test_survives_json(self, design):
        assert type(design).model_validate_json(design.model_dump_json()) == design
        json.dumps(type(design).model_json_schema())
