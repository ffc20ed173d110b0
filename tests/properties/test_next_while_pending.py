"""`next` under late-onset designs, whatever the trial and the outcomes: an answer that can be followed, or a line."""

import random

import pytest

from escalation import CohortSizes, Trial, next_dose
from escalation.designs import Design
from escalation.errors import EscalationError
from tests.conformance.test_every_design import LATE_ONSET
from tests.support import levels

STOPS = [
    {"rule": "patients_at_dose", "at_least": 6},
    {"rule": "too_toxic", "threshold": 0.8, "dose": "any", "then": "recommend_below"},
    {"rule": "unchanged", "cohorts": 2},
]
RESTRICTIONS = [
    {"rule": "eliminate", "threshold": 0.8},
    {"rule": "no_escalation", "dlts": 2},
    {"rule": "never_skip", "above": "highest_tried"},
]
PENDING = {
    "weigh": [{}, {"most_pending": 1, "fewest_complete": 0}, {"least_follow_up": 0.5}, {"most_pending": 0.25}],
    "predict": [{}, {"suspend": "off"}, {"suspend": "half"}, {"suspend": "disagreement"}, {"fewest_known": 1}],
    "roll": [{}],
}


def random_trial(draw: random.Random) -> Trial:
    doses = draw.randint(1, 4)
    by_dose = CohortSizes(by_dose=tuple(draw.choice([1, 2, 3]) for _ in range(doses)))
    expansion = {"patients": 6, "cohort_size": 3, "monitoring": {"threshold": 0.8}}
    return Trial(
        doses=levels(doses),
        target=draw.choice([0.2, 0.25, 0.3]),
        max_patients=draw.choice([6, 9, 12, 24]),
        cohort_size=draw.choice([1, 2, 3, (1, 1, 3), CohortSizes(by_dlts=(1, 3)), by_dose]),
        start_dose=draw.randint(1, doses),
        dlt_window_days=draw.choice([None, 28, 28, 28]),
        expansion=draw.choice([None, None, expansion]),
    )


def random_design(draw: random.Random, kind: str, doses: int) -> Design:
    options = {"pending": draw.choice(PENDING[LATE_ONSET[kind].model_fields["pending"].default.rule])}
    if draw.random() < 0.3:
        options["stop_when"] = draw.choice(STOPS)
    if draw.random() < 0.2:
        options["restrict"] = draw.choice(RESTRICTIONS)
    if kind == "tite-crm":
        options["pending"] = draw.choice([{}, {"weights": "adaptive"}, {"most_pending": 0.5}])
        options |= {"skeleton": (0.1, 0.2, 0.3, 0.4)[:doses], "coherent": draw.choice(["off", "cohort", "dose"])}
        options |= {"no_skip": draw.choice([True, False, "highest_tried"])}
        if draw.random() < 0.4:
            options["stop_if_too_toxic"] = {"threshold": 0.8}
    return LATE_ONSET[kind](**options)


def random_outcomes(draw: random.Random, trial: Trial) -> str:
    dose, words = trial.start_dose, []
    for _ in range(draw.randint(0, 6)):
        word = str(dose)
        for _ in range(draw.randint(1, 4)):
            letter = draw.choice("NNNNTTPPPI")
            if letter == "P" and draw.random() < 0.95:
                letter += draw.choice(["0", "3", "14", "27.5", "0.25"])
            if letter == "T" and draw.random() < 0.5:
                letter += draw.choice(["0", "3", "14"])
            word += letter
        words.append(word)
        dose = min(max(dose + draw.choice([-1, 0, 0, 1]), 1), trial.levels)
    return " ".join(words)


@pytest.mark.parametrize("kind", LATE_ONSET)
def test_answers_can_be_followed(kind):
    draw, answered, refusals = random.Random(kind), 0, set[str]()
    for _ in range(120):
        trial = random_trial(draw)
        design, outcomes = random_design(draw, kind, trial.levels), random_outcomes(draw, trial)
        ruled = {"closed_from": draw.randint(2, trial.levels)} if trial.levels > 1 and draw.random() < 0.15 else {}
        ruled |= {"stay": True} if draw.random() < 0.15 else {}
        try:
            found = next_dose(design, trial, outcomes, **ruled)
        except EscalationError as refused:
            refusals.add(str(refused))
            continue
        answered += 1
        said = (design, trial, outcomes, ruled, found)
        assert found.reason
        if found.hold is not None:
            assert (found.next_dose, found.stop, found.decided, found.cohort_size) == (None, False, False, 0), said
            assert found.hold.days is None or found.hold.days > 0, said
        else:
            assert (found.next_dose is None) == found.stop, said
        if found.next_dose is not None:
            assert not found.estimates[found.next_dose - 1].eliminated, said
            assert found.next_dose < ruled.get("closed_from", trial.levels + 1), said
            assert found.cohort_size >= 1
    assert answered > 40
    assert all(len(refusal.splitlines()) == 1 for refusal in refusals)
