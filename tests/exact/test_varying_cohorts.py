"""Cohorts of more than one size: by cohort, by dose, by the DLTs in the trial."""

import pytest
from pydantic import ValidationError

from escalation import (
    BOIN,
    CRM,
    APlusB,
    DesignError,
    InterimData,
    Monitoring,
    OutcomesError,
    ThreePlusThree,
    Trial,
    exact,
    next_dose,
    operating_characteristics,
    paths,
)
from escalation.studies.size import whole_cohorts
from escalation.trial.cohorts import CohortSizes
from tests.support import levels


def trial(cohort_size, doses=3, max_patients=14, **options) -> Trial:
    return Trial(doses=levels(doses), target=0.25, max_patients=max_patients, cohort_size=cohort_size, **options)


def sizes_of(node) -> list[list[int]]:
    """Of each path the sizes of its cohorts."""
    return [[cohort.patients for cohort in leaf.cohorts] for leaf in node.leaves]


def test_by_cohort():
    assert {tuple(path) for path in sizes_of(paths(BOIN(), trial([1, 1, 3]), cohorts=4).root)} >= {(1, 1, 3, 3)}
    assert all(path == [1, 1, 3, 3][: len(path)] for path in sizes_of(paths(BOIN(), trial([1, 1, 3]), cohorts=4).root))
    assert next_dose(BOIN(), trial([2, 1]), "").cohort_size == 2
    assert next_dose(BOIN(), trial([2, 1]), "1NN").cohort_size == 1
    assert next_dose(BOIN(), trial([2]), "1NN 2NN").cohort_size == 2


@pytest.mark.parametrize(
    ("outcomes", "size"),
    [
        ("", 1),
        ("1N", 1),
        ("1N 2N", 3),
        ("1NN", 3),  # a patient too many: as many as the first two cohorts have
        ("1NNN", 3),
        ("1I", 1),  # nobody yet who can be evaluated
        ("1N 2N 3NNN", 3),
        ("1N 2N 3NNN 3NNN 3NNN 3NNN", 0),
    ],
)
def test_which_cohort_is_next_follows_from_the_patients(outcomes, size):
    assert next_dose(BOIN(), trial([1, 1, 3]), outcomes).cohort_size == size


def test_a_cohort_of_the_list_is_filled_up_first():
    answer = next_dose(BOIN(), trial([1, 1, 3]), "1N 2N 3N")
    assert (answer.next_dose, answer.cohort_size, answer.missing) == (3, 2, 2)


def test_by_dlts_and_by_dose():
    one_until_dlt = trial({"by_dlts": [1, 3]})
    assert next_dose(BOIN(), one_until_dlt, "1N").cohort_size == 1
    assert next_dose(BOIN(), one_until_dlt, "1N 2T").cohort_size == 3
    larger = trial({"by_dose": [1, 2, 4], "by_dlts": [1, 3]})
    assert [next_dose(BOIN(), larger, outcomes).cohort_size for outcomes in ("", "1N", "1N 2NN", "1N 2NT")] == [
        1,
        2,
        4,
        3,
    ]


def test_the_last_cohort_is_smaller():
    assert next_dose(BOIN(), trial([1, 1, 3], max_patients=4), "1N 2N").cohort_size == 2


def test_a_list_of_one_size_is_that_size():
    rates = [0.1, 0.25, 0.4]
    one, listed = (operating_characteristics(exact(BOIN(), trial(size)).outcomes(rates)) for size in (3, [3]))
    assert one == listed
    by_dose = operating_characteristics(exact(BOIN(), trial({"by_dose": [3, 3, 3]})).outcomes(rates))
    assert one == by_dose


@pytest.mark.parametrize(
    ("cohort_size", "said"),
    [
        ([], "at least 1 item"),
        ([1, 0], "greater than or equal to 1"),
        (0, "greater than or equal to 1"),
        ([1, 20], "cohort_size: a cohort of 20 is larger than the trial (14 patients)"),
        ({"by_dlts": [1, 15]}, "cohort_size: a cohort of 15 is larger than the trial (14 patients)"),
        ({"by_dose": [1, 3]}, "cohort_size.by_dose: 2 sizes for 3 dose levels"),
        ({}, "should be a number, a list by cohort, or a table with by_dose, by_dlts or both"),
        ({"by_dosis": [1]}, "by_dosis"),
        ("three", "valid integer"),
        ([True], "valid integer"),
        (2.5, "valid integer"),
    ],
)
def test_what_is_no_cohort_size(cohort_size, said):
    with pytest.raises(ValidationError) as error:
        trial(cohort_size)
    assert said in str(error.value)


def test_an_expansion_needs_a_size_of_its_own():
    with pytest.raises(ValidationError, match="needed, because the trial's cohorts are not all of one size"):
        trial([1, 3], expansion={"patients": 6})
    assert trial([1, 3], expansion={"patients": 6, "cohort_size": 3}).expansion_cohorts is not None
    problems = dict(BOIN(expansion={"patients": 6}).problems(trial([1, 3])))
    assert problems == {"expansion.cohort_size": "needed, because the trial's cohorts are not all of one size"}


def test_titration_goes_with_one_size():
    assert dict(BOIN(titration=True).problems(trial([1, 3])))["titration"].startswith("needs cohorts of one size")
    assert not list(ThreePlusThree(titration=True).problems(trial([1, 3])))


@pytest.mark.parametrize("design", [ThreePlusThree(), APlusB(a=3, b=3, c=1, d=1, e=1)])
def test_designs_with_cohorts_of_their_own(design):
    own = exact(design, trial(3)).outcomes([0.1, 0.2, 0.4])
    varied = exact(design, trial([1, 1, 3])).outcomes([0.1, 0.2, 0.4])
    assert operating_characteristics(own) == operating_characteristics(varied)
    assert any(
        caution.endswith("the trial's cohorts of 1, 1, then 3 are not used")
        for caution in design.cautions(trial([1, 1, 3]))
    )


def test_sizes_that_are_all_the_same_are_one():
    for same in ([3, 3], {"by_dose": [3, 3, 3]}, {"by_dlts": [3, 3]}):
        assert trial(same).cohort_size == 3
        assert not list(BOIN(titration=True, expansion={"patients": 6}).problems(trial(same)))


def test_sizes_that_have_no_effect():
    assert list(trial([1, 1, 3]).cautions()) == []
    (caution,) = trial([5, 5, 4, 3]).cautions()
    assert caution == "cohort_size: 14 patients are treated before the last of these cohorts"
    (caution,) = trial({"by_dlts": [1, *[2] * 14]}).cautions()
    assert caution == "cohort_size.by_dlts: 14 DLTs are never reached before the last cohort"


@pytest.mark.parametrize("rule", ["pocock", "obrien-fleming", "bayes"])
def test_monitoring_is_calibrated_to_the_planned_looks(rule):
    one_dose = trial([1, 1, 3], doses=1, max_patients=12)
    options = {} if rule == "bayes" else {"alpha": 0.1}
    design = Monitoring(rule=rule, **options)
    outcomes = exact(design, one_dose).outcomes([0.25])
    stopped = 1 - operating_characteristics(outcomes).selection[0]
    assert design.crossing_probability(one_dose, 0.25) == pytest.approx(stopped, abs=1e-12)
    if rule != "bayes":
        assert stopped <= 0.1
        # After the second patient and the fifth, but not after the third, there is a look.
        assert "no look is planned after 3" in design.grounds(one_dose, 0, 3, 1)
        assert "no look" not in design.grounds(one_dose, 0, 5, 1)


def test_monitoring_needs_planned_looks():
    assert dict(Monitoring().problems(trial({"by_dlts": [1, 3]}, doses=1))) == {
        "kind": "monitoring needs cohort sizes that are planned: not by DLTs"
    }
    with pytest.raises(DesignError, match="planned: not by DLTs"):
        Monitoring().plan(trial({"by_dlts": [1, 3]}, doses=1))


def test_sizes_that_are_searched():
    assert whole_cohorts(trial([1, 1, 3]), smallest=1, largest=14) == [1, 2, 5, 8, 11, 14]
    assert whole_cohorts(trial({"by_dlts": [1, 3]}), smallest=5, largest=14) == [6, 9, 12, 14]


@pytest.mark.parametrize(
    ("cohort_size", "words"),
    [
        (3, "cohorts of 3"),
        ((1, 1, 3), "cohorts of 1, 1, then 3"),
        ((3, 3), "cohorts of 3"),
        (CohortSizes(by_dlts=(3, 3)), "cohorts of 3"),
        (CohortSizes(by_dose=(1, 2, 3)), "cohorts of 1, 2 and 3 at the dose levels in turn"),
        (CohortSizes(by_dlts=(1, 3)), "cohorts of 1 before the first DLT, 3 from the first DLT on"),
        (
            CohortSizes(by_dose=(1, 2, 3), by_dlts=(1, 2, 4)),
            "cohorts of 1, 2 and 3 at the dose levels in turn, or of 1 before the first DLT, 2 from the first DLT on, "
            "4 from 2 DLTs on, whichever is larger",
        ),
    ],
)
def test_words(cohort_size, words):
    assert trial(cohort_size).cohorts_in_words == words
    if words != "cohorts of 3":
        assert f"in {words}; the last cohort is smaller" in BOIN().description(trial(cohort_size))


UNCHANGED = {"rule": "unchanged", "cohorts": 3}


@pytest.mark.parametrize(
    ("outcomes", "stops"),
    [
        ("1NNT 1NNT", False),
        ("1NNT 1NNT 1NNT", True),
        ("1NNT 1NNN 2NNT 1NNT 1NNT", False),  # it has changed
        ("1NNT 1NN 1T 1NNT", True),  # the second in two parts
        ("1NNT 1NNT 1NN", True),  # not full, but whatever the third has the trial ends
        ("2NNN 2NNT 2NNT 2NN", True),
        ("2NNT 2NNT 2NN", False),  # not full, and the third may lead down
    ],
)
def test_cohorts_in_a_row(outcomes, stops):
    design = CRM(skeleton=[0.25, 0.5, 0.7], stop_when=UNCHANGED)
    answer = next_dose(design, trial(3, max_patients=30), outcomes)
    assert answer.stop == stops


def test_cohorts_in_a_row_by_counts_alone():
    design = CRM(skeleton=[0.25, 0.5, 0.7], stop_when=UNCHANGED, coherent="off")
    with pytest.raises(OutcomesError, match="cohort by cohort"):
        next_dose(design, trial(3, max_patients=30), InterimData((9, 3, 0), (3, 3, 0), dose=2))
    # Three cohorts at the lowest dose, all that the design can have given.
    assert next_dose(design, trial(3, max_patients=30), InterimData((9, 0, 0), (3, 0, 0))).stop
