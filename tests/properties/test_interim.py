"""Outcomes as people write them: read and written without loss, and every bad letter is pointed at."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalation import Cohort, InterimData, OutcomesError, Trial
from escalation.trial.efficacy import Efficacy
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


@st.composite
def cohorts_with_responses(draw) -> list[Cohort]:
    """Patients one by one, so that every letter can be there, with or without days."""
    found = []
    known_days = st.integers(0, 40) | st.sampled_from([0.5, 12.25])
    days = st.none() | known_days
    for _ in range(draw(st.integers(0, 6))):
        known = draw(st.lists(st.sampled_from(["N", "N?", "E", "T", "T?", "B"]), max_size=6))
        dated = draw(st.lists(st.tuples(st.sampled_from([False, True, None]), known_days), max_size=3))
        pending = draw(st.lists(st.tuples(days, st.booleans()), max_size=4))
        inevaluable = draw(st.integers(0 if known or dated or pending else 1, 2))
        toxic = [letter in ("T", "T?", "B") for letter in known]
        cohort = Cohort(
            draw(st.integers(1, LEVELS)),
            len(known) + len(dated) + len(pending),
            sum(toxic) + len(dated),
            tuple(day for day, _ in pending),
            inevaluable,
            tuple(day for _, day in dated),
            (known.count("E"), known.count("B") + sum(said is True for said, _ in dated)),
            (known.count("N?"), known.count("T?") + sum(said is None for said, _ in dated)),
            tuple(responded and days is not None for days, responded in pending),
            tuple(said for said, _ in dated),
        )
        found.append(cohort)
    return found


@given(cohorts_with_responses())
def test_round_trip_with_responses(given_cohorts):
    text = " ".join(map(str, given_cohorts))
    data = InterimData.from_outcomes(text, LEVELS, efficacy=True)
    assert list(data.cohorts) == given_cohorts
    assert data == InterimData.from_cohorts(given_cohorts, LEVELS, efficacy=True)
    assert " ".join(map(str, data.cohorts)) == text
    known = {letter: text.count(letter) for letter in "NTEB?P"}
    neither, only_response, only_dlt, both = map(sum, zip(*data.complete, strict=True))
    assert neither + only_dlt + known["?"] == known["N"] + known["T"]
    assert only_response + sum(data.responded) == known["E"]
    assert both == known["B"]
    assert data.responses_pending == known["?"] + known["P"] - sum(data.responded)
    counts = InterimData.from_counts(
        data.patients,
        data.dlts,
        LEVELS,
        pending=data.pending,
        responses=data.responses,
    )
    counts = replace(counts, response_pending=data.response_pending, responded=data.responded)
    assert counts.complete == data.complete


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


@given(st.data(), st.booleans())
def test_a_bad_letter_is_pointed_at(data, efficacy):
    text = " ".join(map(str, data.draw((cohorts_with_responses() if efficacy else cohorts()).filter(bool))))
    known = "NTPIEB" if efficacy else "NTPI"
    letters = [place for place, letter in enumerate(text) if letter in known]
    place = data.draw(st.sampled_from(letters))
    characters = st.characters(codec="ascii", categories=["Lu", "Ll", "Po"])
    bad = data.draw(characters.filter(lambda one: one.upper() not in known and one not in ',"' + "?" * efficacy))
    with pytest.raises(OutcomesError) as caught:
        InterimData.from_outcomes(text[:place] + bad + text[place + 1 :], LEVELS, efficacy=efficacy)
    _, shown, caret = str(caught.value).split("\n")
    assert set(caret) <= {" ", "^"}
    assert shown[caret.index("^")] == bad
    near = shown.strip().removeprefix("... ").removesuffix(" ...")  # of a long text the neighbourhood
    assert near in text[:place] + bad + text[place + 1 :]
    assert len(near) >= AROUND - 2 or near == (text[:place] + bad + text[place + 1 :]).strip()


@given(st.one_of(st.text(max_size=30), st.text("12NTEBPIebp?. ,", max_size=12)), st.booleans())
def test_any_text_is_read_or_refused_in_words(text, efficacy):
    problem, data = "", None
    try:
        data = InterimData.from_outcomes(text, LEVELS, efficacy=efficacy)
    except OutcomesError as error:
        problem = str(error)
    if data is None:
        assert problem.startswith("outcomes: ")
        assert len(problem.split("\n")[0]) < 200
    else:
        letters = "NTPIEB?" if efficacy else "NTPI"
        assert set(text.upper()) <= set(f"0123456789.,{letters}") | {letter for letter in text if letter.isspace()}
        assert InterimData.from_outcomes(" ".join(map(str, data.cohorts)), LEVELS, efficacy=efficacy) == data


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


def test_responses_are_read():
    data = InterimData.from_outcomes("1NNE 2TBE 3N?T9?P14E 3BP", 4, efficacy=True)
    assert data.complete == ((2, 1, 0, 0), (0, 1, 1, 1), (0, 0, 0, 1), (0, 0, 0, 0))
    assert data.responses == ((1, 0), (1, 1), (0, 1), (0, 0))
    assert data.response_pending == ((0, 0), (0, 0), (1, 1), (0, 0))
    assert (data.patients, data.dlts, data.pending) == ((3, 3, 5, 0), (0, 2, 2, 0), (0, 0, 2, 0))
    assert data.responded == (0, 0, 1, 0)
    assert data.cohorts[2].dlt_days == (9,)
    assert data.responses_pending == 3
    for text in ("1nne 2tbe 3n?t9?p14e 3bp", "1ENN, 2 BET,3T9?N?P14E 3BP"):
        assert InterimData.from_outcomes(text, 4, efficacy=True) == data


def test_nothing_is_said_of_responses_without_them():
    data = InterimData.from_outcomes("1NNN 2NTT", 4)
    assert (data.responses, data.response_pending, data.responded, data.complete) == (None,) * 4
    assert InterimData.from_counts([3], [1], 4).responses is None
    empty = InterimData.from_outcomes("", 2, efficacy=True)
    assert (empty.responses, empty.complete) == (((0, 0), (0, 0)), ((0, 0, 0, 0), (0, 0, 0, 0)))


@pytest.mark.parametrize("efficacy", [False, True])
def test_outcomes_are_read_as_the_trial_has_them(efficacy):
    trial = Trial(doses=[1, 2], target=0.25, max_patients=9, efficacy=Efficacy(min_response=0.3) if efficacy else None)
    if efficacy:
        assert InterimData.of("1NE", trial).responses == ((1, 0), (0, 0))
        return
    with pytest.raises(OutcomesError, match=r"needs \[trial.efficacy\]"):
        InterimData.of("1NE", trial)
    with pytest.raises(OutcomesError, match=r"need \[trial.efficacy\]"):
        InterimData.of(InterimData.from_outcomes("1NE", 2, efficacy=True), trial)


PE = (
    "E right behind P: one patient who has responded has days of follow-up, as in P14E; another patient's E goes "
    "before the P"
)


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        ("1NE?", 3, "'?', a response that is pending, goes behind N or T: E has responded"),
        ("1NB9?", 4, "'?', a response that is pending, goes behind N or T: B has responded"),
        ("1P14?", 4, "'?', a response that is pending, goes behind N or T: P has both pending"),
        ("1NI?", 3, "'?', a response that is pending, goes behind N or T: I cannot be evaluated"),
        ("1T9??", 4, "'?', a response that is pending, goes behind N or T, once"),
        ("1?N", 1, "'?', a response that is pending, goes behind the patient's letter: N? or T?"),
        ("1T?9", 3, "days go before ?, as in T9?"),
        ("1P14E9", 5, "days go before E, as in P14E"),
        ("1NPE", 3, PE),
        ("1PEN", 2, PE),
        ("1NE9", 3, "only P, T and B can have a number of days; a space goes before the next cohort"),
        ("1P14B", 4, "B behind P: P14E is pending and has responded; another patient's B goes before the P"),
        ("1P2EB", 4, "B behind P: P14E is pending and has responded; another patient's B goes before the P"),
        ("1P14EE", 5, "E behind P14E: it has responded already; another patient's E goes before the P"),
        (
            "1NX",
            2,
            "'X' should be N (neither DLT nor response), T (DLT only), E (response only), B (DLT and response), "
            "P (DLT pending) or I (inevaluable)",
        ),
    ],
)
def test_what_is_wrong_with_letters_of_responses(text, place, problem):
    with pytest.raises(OutcomesError) as caught:
        InterimData.from_outcomes(text, 4, efficacy=True)
    assert str(caught.value) == f"outcomes: {problem}\n  {text}\n  {' ' * place}^"


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        ("1NE", 2, "'E' is a response without a DLT"),
        ("1Ne", 2, "'e' is a response without a DLT"),
        ("1PE", 2, "'E' is a response without a DLT"),
        ("1NB", 2, "'B' is a DLT and a response"),
        ("1N?", 2, "'?' is a response that is pending"),
    ],
)
def test_letters_of_responses_need_a_trial_that_looks_at_them(text, place, what):
    with pytest.raises(OutcomesError) as caught:
        InterimData.from_outcomes(text, 4)
    first, shown, caret = str(caught.value).split("\n")
    assert first == f"outcomes: {what}, which needs [trial.efficacy] in the trial; without it outcomes are DLTs alone"
    assert (shown, caret) == (f"  {text}", f"  {' ' * place}^")


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"responses": (2, 0)}, "cohort: 2 responses in only 1 patients without a DLT"),
        ({"responses": (0, 1), "response_pending": (0, 1)}, "cohort: 1 responses and 1 pending in only 1 patients"),
        ({"response_pending": (0, 1)}, "cohort: response_pending: needs responses beside it"),
        ({"responses": (0, 0), "responded": ()}, "cohort: responded: \\(\\) should be 1 times True or False"),
        ({"responses": (0, 0), "responded": (1,)}, "cohort: responded: \\(1,\\) should be 1 times True or False"),
        ({"responses": 1}, "cohort: responses: 1 should be a list of whole numbers"),
        ({"responses": (1, 0, 0)}, "cohort: responses: .* should be two numbers"),
        ({"responses": (0, 0), "dlt_day_responses": (True,)}, "cohort: dlt_day_responses: 1 days of 0 patients B"),
    ],
)
def test_cohorts_that_cannot_be(given, problem):
    with pytest.raises(OutcomesError, match=problem):
        Cohort(1, 3, 1, (None,), 0, (9,), **given)


def test_counts_that_cannot_be():
    for beside, problem in (
        ({"responses": [(3, 0)]}, "dose level 1: 3 responses in only 2 patients without a DLT"),
        ({"responses": [(0, 0), (0, 0)]}, "responses: 2 dose levels, but 1 numbers of patients"),
    ):
        with pytest.raises(OutcomesError, match=problem):
            InterimData.from_counts([3], [1], 4, **beside)
    for beside, problem in (
        ({"responded": (1,)}, "responded: needs responses beside it"),
        ({"responses": ((0, 0),), "responded": (1,)}, "dose level 1: 1 responded of 0 pending"),
        ({"responses": ((0, 0),) * 2}, "responses: 2 dose levels, but 1 numbers of patients"),
        ({"responses": 3}, "responses: 3 should be two numbers for each dose level"),
        ({"responses": ((1, 2),)}, "dose level 1: 2 responses in only 1 patients with a DLT"),
        ({"responses": ((0, 1),), "response_pending": ((0, 1),)}, "1 responses and 1 pending in only 1 patients with"),
    ):
        with pytest.raises(OutcomesError, match=problem):
            InterimData((3,), (1,), **beside)


def test_completions_are_of_the_dlts():
    data = InterimData.from_outcomes("1NEB 2N?P14EP", 4, efficacy=True)
    completed = list(data.completions())
    assert [one.dlts for one in completed] == [(1, 0, 0, 0), (1, 1, 0, 0), (1, 2, 0, 0)]
    assert all(one.responses is None for one in completed)
    assert str(completed[0].cohorts[0]) == "1NEB"  # as messages show it
    assert data.without_pending() == completed[0]
