"""Outcomes as people write them: read and written without loss, and every bad letter is pointed at."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalation import Cohort, InterimData, OutcomesError
from escalation.trial.notation import AROUND

LEVELS = 12


@st.composite
def cohorts(draw) -> list[Cohort]:
    found = []
    for _ in range(draw(st.integers(0, 8))):
        patients = draw(st.integers(1, 7))
        dlts = draw(st.integers(0, patients))
        days = st.one_of(st.none(), st.integers(0, 40))
        pending = tuple(draw(st.lists(days, max_size=patients - dlts)))
        found.append(Cohort(draw(st.integers(1, LEVELS)), patients, dlts, pending, draw(st.integers(0, 2))))
    return found


@given(cohorts())
def test_round_trip(given_cohorts):
    data = InterimData.from_outcomes(" ".join(map(str, given_cohorts)), LEVELS)
    assert list(data.cohorts) == given_cohorts
    assert data == InterimData.from_cohorts(given_cohorts, LEVELS)
    assert data.treated == sum(cohort.patients for cohort in given_cohorts)
    assert sum(data.dlts) == sum(cohort.dlts for cohort in given_cohorts)
    assert data.dose == (given_cohorts[-1].dose if given_cohorts else None)


def test_order_within_a_cohort_does_not_matter():
    assert InterimData.from_outcomes("2TNT", 4) == InterimData.from_outcomes(" 2NTT ", 4)


@given(cohorts().filter(bool), st.data())
def test_a_bad_letter_is_pointed_at(given_cohorts, data):
    text = " ".join(map(str, given_cohorts))
    letters = [place for place, letter in enumerate(text) if letter in "NTPI"]
    place = data.draw(st.sampled_from(letters))
    characters = st.characters(codec="ascii", categories=["Lu", "Ll", "Po"])
    bad = data.draw(characters.filter(lambda one: one.upper() not in "NTPI" and one not in ',"'))
    with pytest.raises(OutcomesError) as caught:
        InterimData.from_outcomes(text[:place] + bad + text[place + 1 :], LEVELS)
    _, shown, caret = str(caught.value).split("\n")
    assert set(caret) <= {" ", "^"}
    assert shown[caret.index("^")] == bad
    near = shown.strip().removeprefix("... ").removesuffix(" ...")  # of a long text the neighbourhood
    assert near in text[:place] + bad + text[place + 1 :]
    assert len(near) >= AROUND - 2 or near == (text[:place] + bad + text[place + 1 :]).strip()


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused_in_words(text):
    problem, data = "", None
    try:
        data = InterimData.from_outcomes(text, LEVELS)
    except OutcomesError as error:
        problem = str(error)
    if data is None:
        assert problem.startswith("outcomes: ")
    else:
        assert set(text.upper()) <= set("0123456789NTPI,") | {letter for letter in text if letter.isspace()}
        assert InterimData.from_outcomes(" ".join(map(str, data.cohorts)), LEVELS) == data


def test_the_same_written_in_other_ways():
    written = InterimData.from_outcomes("1NNN 2NTP14I", 4)
    assert [str(cohort) for cohort in written.cohorts] == ["1NNN", "2NTP14I"]
    assert (written.patients, written.dlts) == ((3, 3, 0, 0), (0, 1, 0, 0))
    assert (written.pending, written.inevaluable) == ((0, 1, 0, 0), (0, 1, 0, 0))
    for text in ("1nnn 2ntp14i", "1NNN,2NTP14I", "1 NNN, 2 ntp14i", " 1NNN ,, 2 NTP14I "):
        assert InterimData.from_outcomes(text, 4) == written


def test_labels_stand_for_levels():
    labels = ["-1", "1", "2", "3"]
    labelled = InterimData.from_outcomes('"-1"NNN 1NNT "2"NNN', 4, labels=labels)
    assert labelled == InterimData.from_outcomes("1NNN 2NNT 3NNN", 4)
    assert [cohort.written(labels) for cohort in labelled.cohorts] == ['"-1"NNN', "1NNT", "2NNN"]
    for text, problem in (("4NNN", "there is no dose labelled 4"), ("-1NNN", "a cohort begins with its label")):
        with pytest.raises(OutcomesError, match=problem):
            InterimData.from_outcomes(text, 4, labels=labels)


def test_completions():
    data = InterimData.from_outcomes("1NNP 2NPP", 4)
    assert [completion.dlts for completion in data.completions()] == [(y, z, 0, 0) for y in (0, 1) for z in (0, 1, 2)]
    assert all(completion.patients == data.patients for completion in data.completions())
    counts = InterimData.from_counts([3, 3], [0, 0], 4, pending=[0, 2])
    assert [completion.dlts[1] for completion in counts.completions()] == [0, 1, 2]
    with pytest.raises(OutcomesError, match="2,048 ways"):
        list(InterimData.from_outcomes(" ".join(["1P"] * 11), 4).completions())
