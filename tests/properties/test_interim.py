"""Outcomes as people write them: read and written without loss, and every bad letter is pointed at."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalation import Cohort, InterimData, OutcomesError

LEVELS = 12


@st.composite
def cohorts(draw) -> list[Cohort]:
    found = []
    for _ in range(draw(st.integers(0, 8))):
        patients = draw(st.integers(1, 7))
        found.append(Cohort(draw(st.integers(1, LEVELS)), patients, draw(st.integers(0, patients))))
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
    letters = [place for place, letter in enumerate(text) if letter in "NT"]
    place = data.draw(st.sampled_from(letters))
    bad = data.draw(st.characters(codec="ascii", categories=["Lu", "Ll", "Po"]).filter(lambda one: one not in "NT"))
    with pytest.raises(OutcomesError) as caught:
        InterimData.from_outcomes(text[:place] + bad + text[place + 1 :], LEVELS)
    _, shown, caret = str(caught.value).split("\n")
    assert shown[2:] == text[:place] + bad + text[place + 1 :]
    assert caret[2:] == " " * place + "^"


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
        assert set(text) <= set("0123456789NT") | {letter for letter in text if letter.isspace()}
        assert len(data.cohorts) == len(text.split())
