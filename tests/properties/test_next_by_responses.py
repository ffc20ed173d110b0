"""The next dose of a running BOIN12 trial: that of the rule in plain Python, and waiting where it is not certain."""

import re
from itertools import product
from random import Random

import pytest
from scipy import stats

from escalation import BOIN12, InterimData, OutcomesError, next_dose
from tests.exact.test_boin12 import pair, trial
from tests.naive.boin12 import Boin12

LETTERS = "NETB"


def history(twin, random, levels=4, most=27, size=3):
    """Cohorts of a random trial: words, cells, and the last dose."""
    cells, dose, words = [(0, 0, 0, 0)] * levels, 0, []
    rates = [random.choice([(5, 3, 1, 1), (3, 4, 2, 1), (2, 2, 4, 2), (8, 1, 1, 0)]) for _ in range(levels)]
    for _ in range(random.randint(1, most // size)):
        seen = random.choices(LETTERS, rates[dose], k=size)
        words.append(f"{dose + 1}{''.join(seen)}")
        cells[dose] = tuple(n + seen.count(letter) for n, letter in zip(cells[dose], LETTERS, strict=True))
        if twin.ends(cells, dose, most):
            break
        last, dose = dose, random.choice(sorted(twin.next_doses(cells, dose)))
    else:
        return words, cells, last
    return words, cells, dose


def told(answer):
    """What an answer says."""
    tied = answer.tied or (() if answer.next_dose is None else (answer.next_dose,))
    return set(tied), answer.stop_reason


def expected(twin, cells, dose, most):
    reason = twin.ends(cells, dose, most)
    return (set(), reason) if reason else ({one + 1 for one in twin.next_doses(cells, dose)}, None)


@pytest.mark.parametrize("setting", ["default", "no stop", "lowest"])
def test_after_each_cohort(setting):
    twin, design = pair(setting)
    of, random = trial(count=4, patients=27, size=3), Random(setting)
    for _ in range(60):
        words, cells, dose = history(twin, random)
        found = next_dose(design, of, " ".join(words))
        assert told(found) == expected(twin, cells, dose, 27), words
        assert found.warnings == ()
        assert found.decided == (not found.tied)
        mtd, obd = twin.mtd(cells), twin.obd(cells)
        assert found.recommended_dose == (None if mtd is None else mtd + 1)
        if found.stop_reason == "futility":
            obd = None
        assert found.optimal_dose.dose == (obd + 1 if isinstance(obd, int) else None), words


CAN_BE = {"P": "NETB", "P3E": "EB", "N?": "NE", "T?": "TB"}


def test_while_outcomes_are_pending():
    twin, design = pair("default")
    of, random, settled = trial(count=3, patients=18, size=3), Random(7), set()
    for _ in range(60):
        words, _, dose = history(twin, random, levels=3, most=18)
        hidden = []
        for at in random.sample(range(len(words)), k=min(len(words), 2)):
            place = 3  # behind it nothing can be read as a part of it
            kind = random.choice([one for one, letters in CAN_BE.items() if words[at][place] in letters])
            hidden.append((at, place, kind))
        shown = [[*word] for word in words]
        for at, place, kind in hidden:
            shown[at][place] = kind
        answers = []
        for outcome in product(*(CAN_BE[kind] for _, _, kind in hidden)):
            filled = [[*word] for word in words]
            for (at, place, _), letter in zip(hidden, outcome, strict=True):
                filled[at][place] = letter
            cells = [
                tuple(sum(word[1:].count(letter) for word in filled if word[0] == str(level)) for letter in LETTERS)
                for level in (1, 2, 3)
            ]
            doses, reason = expected(twin, cells, dose, 18)
            final = (twin.mtd(cells), "futility" if reason == "futility" else twin.obd(cells)) if reason else None
            answers.append((tuple(sorted(doses)), reason, final))
        found = next_dose(design, of, " ".join("".join(word) for word in shown))
        same = len(set(answers)) == 1
        settled.add(same)
        if same:
            assert told(found) == (set(answers[0][0]), answers[0][1]), shown
            assert found.hold is None
        else:
            assert (found.next_dose, found.stop, found.decided, found.tied) == (None, False, False, ()), shown
            assert found.hold is not None
            assert {one.next_dose for one in found.completions} >= {
                doses[0] for doses, *_ in answers if len(doses) == 1
            }
    assert settled == {True, False}


@pytest.mark.parametrize(
    ("outcomes", "following", "size", "said"),
    [
        ("", 1, 3, "starts at dose level 1"),
        ("1NE", 1, 1, "1 more fills it up"),
        ("1NNE 2T", 1, 3, "down"),  # what leads down does not wait for the cohort to be full
        ("1NNE 2E", 2, 2, "2 more fill it up"),
        ("1NNE 2TT", 1, 3, "lambda_d"),
        ("1NNE 2TTN", 1, 3, "down"),
        ("1NNN 1NNN 1NNN", 2, 3, "is explored"),
    ],
)
def test_what_is_next(outcomes, following, size, said):
    found = next_dose(BOIN12(), trial(count=3, patients=27, size=3), outcomes)
    assert (found.next_dose, found.cohort_size) == (following, size)
    assert said in found.reason


def test_ties_are_drawn_by_lot():
    design, of = BOIN12(explore_from="never", confine_from=3), trial(count=3, patients=27, size=3)
    found = next_dose(design, of, "1NNE 2NET")  # inside the interval: dose levels 1 and 2 have 120 and 140
    assert found.tied == ()
    twin = Boin12(0.35, 0.3, explore=None, n_star=3)
    cells = [(2, 1, 0, 0), (2, 0, 0, 1), (0, 0, 0, 0)]
    tied = twin.next_doses(cells, 1)
    found = next_dose(design, of, "1NNE 2NNB")
    assert told(found)[0] == {one + 1 for one in tied}
    assert found.decided == (len(tied) == 1)


def test_rulings():
    of = trial(count=3, patients=27, size=3)
    assert next_dose(BOIN12(), of, "1NNE").next_dose == 2
    assert next_dose(BOIN12(), of, "1NNE", stay=True).next_dose == 1
    assert next_dose(BOIN12(), of, "1NNE", closed_from=2).next_dose == 1
    found = next_dose(BOIN12(), of, "1NNN 2NEE", closed_from=2)
    assert (found.next_dose, found.recommended_dose, found.optimal_dose.dose) == (1, 1, 1)
    with pytest.raises(OutcomesError, match="to fill up the last cohort"):
        next_dose(BOIN12(), of, "1NNE 2N", closed_from=2)


@pytest.mark.parametrize(
    ("outcomes", "warning"),
    [
        ("1NNE 3NNN", "cohort 2 .3NNN.: the design gives dose level 2"),
        ("1NNE 2NNEE", "4 patients, where 3 are planned"),
        ("1TTT 1NNN", "ends the trial"),
        ("1NN 2NNN", "cohort 2 .2NNN.: the design gives dose level 1"),
    ],
)
def test_departures(outcomes, warning):
    found = next_dose(BOIN12(), trial(count=3, patients=27, size=3), outcomes)
    assert any(re.search(warning, one) for one in found.warnings), found.warnings


def test_counts_without_responses_are_asked_for():
    of = trial(count=3, patients=27, size=3)
    with pytest.raises(OutcomesError, match="decides by responses"):
        next_dose(BOIN12(), of, InterimData.from_counts([3, 3], [0, 1], 3, dose=2))
    data = InterimData.from_counts([3, 3], [0, 1], 3, dose=2, responses=[(1, 0), (1, 0)])
    assert next_dose(BOIN12(), of, data).next_dose == next_dose(BOIN12(), of, "1NNE 2NET").next_dose


def test_too_many_ways():
    of = trial(count=3, patients=60, size=10)
    with pytest.raises(OutcomesError, match="at most 5,000 are looked at"):
        next_dose(BOIN12(stop_at="never"), of, "1PPPPPPPPPP 2PPPPPPPPPP")


def test_futility_waits_until_the_cohort_is_full():
    """A response among those who are missing may be enough; too many DLTs are too many whoever follows."""
    of = trial(count=4, patients=18, size=3)
    begun = next_dose(BOIN12(), of, "1NTT 1NNT 1TN")
    assert (begun.next_dose, begun.cohort_size, begun.stop, begun.missing) == (1, 1, False, 1)
    filled = {one.responses[0]: (one.next_dose, one.stop) for one in begun.filled}
    assert filled[0, 0] == (None, True)
    assert filled[1, 0] == (1, False)
    for letter, stops in (("N", True), ("E", False)):
        found = next_dose(BOIN12(), of, f"1NTT 1NNT 1TN{letter}")
        assert (found.stop_reason == "futility") == stops
    assert next_dose(BOIN12(), of, "1TTT 1T").stop_reason == "too_toxic"
    data = InterimData.from_counts([8], [4], 4, dose=1, responses=[(0, 0)])
    assert next_dose(BOIN12(), of, data).next_dose == 1


def test_counts_of_several_cohort_sizes_are_asked_about():
    of = trial(count=3, patients=18, size=[2, 3])
    data = InterimData.from_counts([5], [0], 3, dose=1, responses=[(2, 0)])
    with pytest.raises(OutcomesError, match="give the outcomes cohort by cohort"):
        next_dose(BOIN12(), of, data)
    assert next_dose(BOIN12(), of, "1EN 1NEN").cohort_size == 3


def test_rulings_are_said():
    of = trial(count=3, patients=27, size=3)
    held = next_dose(BOIN12(), of, "1NNN", stay=True)
    assert held.next_dose == 1
    assert "By the design alone it would be dose level 2" in held.reason
    assert "by the design alone" not in next_dose(BOIN12(), of, "1NNN").reason.lower()
    with pytest.raises(OutcomesError, match="no dose is left that may be given"):
        next_dose(BOIN12(), of, "1NNN 1NNN 1NNN", stay=True)


def test_what_is_above_the_limit():
    """The design's own limit, not the trial's target."""
    of = trial(count=3, patients=27, size=3)
    found = next_dose(BOIN12(), of, "1NTT")
    assert (found.toxicity_limit, of.target) == (0.35, 0.3)
    assert found.estimates[0].above_target == pytest.approx(stats.beta.sf(0.35, 3, 2), abs=1e-12)


def test_completions_say_by_which_outcomes():
    found = next_dose(BOIN12(), trial(count=3, patients=27, size=3), "1NN?E")
    assert {(one.dlts[0], one.responses[0]) for one in found.completions} == {(0, (1, 0)), (0, (2, 0))}
