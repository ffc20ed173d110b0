"""The optimal dose as it stands in a running trial: every outcome of every pending patient, in plain Python."""

from functools import cache
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escalation import BOIN, TITEBOIN, InterimData, ThreePlusThree, Trial, next_dose
from escalation.running import responses as module
from escalation.trial.choice import Choice
from tests.naive.optimal_dose import optimal_dose
from tests.support import levels

UTILITY = {"eff": 100, "none": 50, "both": 30, "tox": 0}  # not additive
EFFICACY = {"min_response": 0.3, "max_toxicity": 0.4, "utility": UTILITY}
TRIAL = Trial(doses=levels(3), target=0.3, max_patients=12, cohort_size=3, efficacy=EFFICACY)
CHOICES = [
    Choice(by="max_response", futility=0.7),
    Choice(by="unimodal", futility=0.6),
    Choice(by="utility", futility=0.8),
    Choice(by="plateau", margin=0.1, futility=1.0),
]
LETTERS = {"N": "N", "E": "E", "T": "T", "B": "B", "N?": "NE", "T?": "TB", "P": "NETB", "P5E": "EB"}
"""What is written of a patient, and what may come of it."""


def cells_of(text):
    """Patients with N, E, T and B at each dose, of complete outcomes."""
    cells = [[0, 0, 0, 0] for _ in range(TRIAL.levels)]
    for cohort in text.split():
        for letter in cohort[1:]:
            cells[int(cohort[0]) - 1]["NETB".index(letter)] += 1
    return tuple(map(tuple, cells))


def endings(cohorts):
    """Every way in which the outcomes of patients turn out: outcomes by cohort, and as text with responses or not."""
    for outcomes in product(*(product(*(LETTERS[one] for one in patients)) for _, patients in cohorts)):
        text = " ".join(f"{dose}{''.join(letters)}" for (dose, _), letters in zip(cohorts, outcomes, strict=True))
        toxicity = text.replace("E", "N").replace("B", "T")
        yield outcomes, text, toxicity


@st.composite
def running(draw):
    cohorts = []
    for _ in range(draw(st.integers(1, 3))):
        known = st.sampled_from(["N", "E", "T", "B"])
        patients = draw(st.lists(known, min_size=1, max_size=3))
        cohorts.append((draw(st.integers(1, 3)), patients))
    for _ in range(draw(st.integers(0, 4))):
        cohort = draw(st.sampled_from(cohorts))
        cohort[1].append(draw(st.sampled_from(["N?", "T?", "P", "P5E"])))
    return cohorts


@settings(deadline=None)
@given(running(), st.sampled_from(CHOICES), st.sampled_from([BOIN, ThreePlusThree]))
def test_it_is_decided_where_every_filling_gives_the_same(cohorts, choice, kind):
    """By plain fractions for each patient; also at which doses it is decided."""
    design = kind(optimal_dose=choice)
    text = " ".join(f"{dose}{''.join(sorted(patients, key=lambda one: one[0] == 'P'))}" for dose, patients in cohorts)
    found = next_dose(design, TRIAL, text).optimal_dose
    recommended = cache(lambda toxicity: next_dose(kind(), TRIAL.model_copy(update={"efficacy": None}), toxicity))
    chosen = {}
    for outcomes, whole, toxicity in endings(cohorts):
        highest = recommended(toxicity).recommended_dose
        best = optimal_dose(choice, TRIAL.efficacy, cells_of(whole), None if highest is None else highest - 1)
        chosen[outcomes] = best + 1 if isinstance(best, int) else None
    expected = set(chosen.values())
    assert set(found.possible) == expected
    assert len(found.possible) == len(expected)
    assert found.decided == (len(expected) == 1)
    assert found.dose == (expected.pop() if found.decided else None)
    decisive = set()
    for dose in {dose for dose, _ in cohorts}:
        others = {}
        for outcomes, best in chosen.items():
            # as counts: who of the patients at a dose had which outcome does not matter, but in which cohort a DLT was
            rest = [0, 0, 0, 0] * TRIAL.levels
            for (at, _), letters in zip(cohorts, outcomes, strict=True):
                for letter in letters:
                    rest[4 * (at - 1) + "NETB".index(letter)] += at != dose
            others.setdefault(tuple(rest), set()).add(best)
        if any(len(bests) > 1 for bests in others.values()):
            decisive.add(dose)
    assert set(found.decisive) == (set() if found.decided else decisive)


BY_UTILITY = BOIN(optimal_dose=Choice(by="utility"))


@pytest.mark.parametrize(
    ("design", "text", "dose", "reason"),
    [
        (
            BY_UTILITY,
            "1NNE 2EEN 3TTT",
            2,
            "the one with the largest posterior mean utility, of the doses up to the recommended one that are not "
            "futile",
        ),
        (
            BOIN(optimal_dose=Choice(by="plateau", margin=0.1, futility=1)),
            "1NNE 2EEN 3TBB",
            2,
            "the lowest one whose response rate by isotonic regression is no more than 0.1 below the highest, of the "
            "doses up to the recommended one",
        ),
        (BY_UTILITY, "1TTB", None, "no dose is recommended"),
        (BY_UTILITY, "", None, "no dose is recommended"),
        (BY_UTILITY, "1NNN 1NNN 1NNN", None, "every dose up to the recommended one is futile"),
        (
            BY_UTILITY,
            "1NNN 2EEEN? 3TTT",
            2,
            "whatever the outcome of 1 patient who is pending, the one with the largest posterior mean utility, of the "
            "doses up to the recommended one that are not futile",
        ),
    ],
)
def test_why_it_is_this_dose(design, text, dose, reason):
    found = next_dose(design, TRIAL, text).optimal_dose
    assert (found.dose, found.reason, found.decided, found.decisive) == (dose, reason, True, ())


@pytest.mark.parametrize(
    ("text", "reason", "possible", "decisive"),
    [
        (
            "1NNE 2NEN? 3TTT",
            "not decided while the outcome of 1 patient is pending: dose level 1 or 2, by that at dose level 2",
            (1, 2),
            (2,),
        ),
        (
            "1N?NE 2NEN? 3TTT",
            "not decided while the outcomes of 2 patients are pending: dose level 1 or 2, by those at dose levels 1 "
            "and 2",
            (1, 2),
            (1, 2),
        ),
        (
            "1NNN 1NNN 1NN?",
            "not decided while the outcome of 1 patient is pending: dose level 1 or none, by that at dose level 1",
            (1, None),
            (1,),
        ),
    ],
)
def test_what_it_waits_for(text, reason, possible, decisive):
    found = next_dose(BY_UTILITY, TRIAL, text).optimal_dose
    assert (found.reason, found.possible, found.decisive) == (reason, possible, decisive)
    assert (found.dose, found.decided) == (None, False)


def test_too_many_ways_are_not_looked_at(monkeypatch):
    monkeypatch.setattr(module, "MOST_FILLINGS", 7)
    assert next_dose(BY_UTILITY, TRIAL, "1NNE 2N?N? 3N?").optimal_dose.possible
    found = next_dose(BY_UTILITY, TRIAL, "1NN?E 2N?N? 3N?").optimal_dose
    assert found.reason == (
        "not decided while the outcomes of 4 patients are pending: they can turn out in 12 ways, and at most 7 are "
        "looked at"
    )
    assert (found.dose, found.decided, found.possible, found.decisive) == (None, False, (), ())


def test_a_late_onset_design_waits_for_the_dlts():
    of = TRIAL.model_copy(update={"dlt_window_days": 28.0})
    design = TITEBOIN(optimal_dose=Choice(by="utility"))
    found = next_dose(design, of, "1NNE 2ENP20")
    assert found.next_dose == 3
    assert found.optimal_dose.reason == (
        "not decided while the outcome of 1 patient is pending: the recommended dose comes from complete data"
    )
    assert found.responses[1].responses == 1
    assert next_dose(design, of, "1NNE 2ENE").optimal_dose.dose == 2


def test_counts_say_nothing_of_responses():
    found = next_dose(BY_UTILITY, TRIAL, InterimData.from_counts([3, 3], [0, 1], 3))
    assert found.responses is None
    assert found.recommended_dose == 2
    assert found.optimal_dose.reason.startswith("not known, because these counts say nothing of responses")
    data = InterimData.from_counts([3, 3], [0, 1], 3, responses=[(0, 0), (2, 0)])
    assert next_dose(BY_UTILITY, TRIAL, data).optimal_dose.dose == 2


def test_what_is_known_of_the_responses():
    low, middle, high = next_dose(BY_UTILITY, TRIAL, "1NNN 1NNN 2EBTN?P 3P5E").responses
    assert (low.patients, low.responses, low.with_dlt, low.observed, low.futile) == (6, 0, 0, 0.0, True)
    assert low.below_min == pytest.approx(1 - 0.7**7)
    assert low.utility == pytest.approx((100 + 6 * 50) / 8)
    assert (middle.patients, middle.responses, middle.with_dlt) == (3, 2, 1)
    assert (middle.pending, middle.responded, middle.futile) == (2, 0, False)
    assert middle.utility == pytest.approx((100 + 100 + 30 + 0) / 5)
    assert (high.patients, high.pending, high.responded) == (0, 0, 1)
    assert (high.observed, high.utility, high.below_min, high.futile) == (None, None, None, False)
    assert next_dose(BOIN(), TRIAL, "1NNN").optimal_dose is None
    assert next_dose(BOIN(), TRIAL, "1NNN").responses[0].futile is None
    bare = next_dose(BOIN(), TRIAL.model_copy(update={"efficacy": None}), "1NNN")
    assert (bare.responses, bare.optimal_dose) == (None, None)
