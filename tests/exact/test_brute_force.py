"""The exact engine against every path walked one by one, by rules written independently and without tables or plans."""

from collections import Counter

import pytest

from escalation import (
    BOIN,
    CCD,
    CRM,
    MTPI,
    MTPI2,
    TPI,
    I3Plus3,
    Keyboard,
    Monitoring,
    ThreePlusThree,
    Trial,
    exact,
    simulate,
)
from escalation.kernels.codes import NO_DOSE, REASON_NAMES
from escalation.patients import PARTS, tolerances
from tests.naive import rules
from tests.naive.play import every_path, run_trial
from tests.support import levels

SKELETON = (0.08, 0.2, 0.35)


def case(name, design, rule, rates, **trial):
    settings = {"doses": levels(len(rates)), "target": 0.25, "cohort_size": 3} | trial
    return pytest.param(design, Trial(**settings), rule, rates, id=name)


def three_plus_three(name, rates, max_patients, start=1, cohort_size=3, **options):
    return case(
        f"3+3 {name}",
        ThreePlusThree(**options),
        rules.ThreePlusThree(len(rates), max_patients, start, **options),
        rates,
        max_patients=max_patients,
        start_dose=start,
        cohort_size=cohort_size,
    )


def boin(name, rates, max_patients, cohort, target=0.25, start=1, **options):
    return case(
        f"boin {name}",
        BOIN(**options),
        rules.Boin(len(rates), target, max_patients, cohort, start, **options),
        rates,
        max_patients=max_patients,
        cohort_size=cohort,
        target=target,
        start_dose=start,
    )


def crm(name, rates, max_patients, cohort, target=0.25, start=1, skeleton=SKELETON, too_toxic=None, **options):
    stop = None if too_toxic is None else {"threshold": too_toxic[0], "margin": too_toxic[1]}
    return case(
        f"crm {name}",
        CRM(skeleton=skeleton[: len(rates)], stop_if_too_toxic=stop, **options),
        rules.Crm(
            skeleton[: len(rates)],
            target,
            max_patients,
            cohort,
            start,
            stop_if_too_toxic=too_toxic,
            **options,
        ),
        rates,
        max_patients=max_patients,
        cohort_size=cohort,
        target=target,
        start_dose=start,
    )


RULES = {
    CCD: rules.CumulativeCohorts,
    I3Plus3: rules.I3Plus3,
    Keyboard: rules.Keyboard,
    MTPI: rules.Mtpi,
    MTPI2: rules.MtpiTwo,
    TPI: rules.Tpi,
}


def interval(design, name, rates, max_patients, cohort, target=0.25, start=1, **options):
    built = design(**options)
    return case(
        f"{built.kind} {name}",
        built,
        RULES[design](len(rates), target, max_patients, cohort, start, **options),
        rates,
        max_patients=max_patients,
        cohort_size=cohort,
        target=target,
        start_dose=start,
    )


THREE = [0.1, 0.25, 0.45]
CASES = [
    three_plus_three("default", [0.1, 0.25, 0.4, 0.6], 24),
    three_plus_three("no de-escalation", THREE, 18, de_escalate=False),
    three_plus_three("three at the top", THREE, 18, six_at_top=False),
    three_plus_three("both off", THREE, 18, de_escalate=False, six_at_top=False),
    three_plus_three("one dose", [0.3], 20),
    three_plus_three("out of patients", THREE, 11),
    three_plus_three("out of patients in a revisit", THREE, 13, six_at_top=False),
    three_plus_three("from the middle", THREE, 18, start=2),
    three_plus_three("fewer patients than a cohort", [0.2, 0.4], 2, cohort_size=1),
    boin("default", THREE, 15, 3),
    boin("last cohort smaller", THREE, 14, 3),
    boin("cohorts of 1", [0.2, 0.5], 9, 1),
    boin("cohorts of 2", THREE, 11, 2, target=0.3),
    boin("from the top", THREE, 15, 3, start=3),
    boin("stop at 6", THREE, 18, 3, stop_at=6),
    boin("extra safe", [0.4, 0.5], 18, 3, extra_safe=True, offset=0.1),
    boin("bound on the MTD", [0.35, 0.45, 0.5], 12, 3, bound_mtd=True),
    boin("own boundaries", THREE, 15, 3, p_saf=0.1, p_tox=0.45, cutoff_eli=0.8),
    boin("titration", [0.1, 0.2, 0.3, 0.5], 13, 3, titration=True),
    boin("titration to the last patient", [0.05, 0.1, 0.2, 0.3], 4, 3, titration=True),
    boin("titration in pairs, start ignored", THREE, 8, 2, titration=True, start=2),
    boin("high target", THREE, 12, 3, target=0.55, extra_safe=True),
    boin("one dose", [0.4], 20, 3),
    crm("default", THREE, 15, 3),
    crm("last cohort smaller", THREE, 14, 3),
    crm("cohorts of 1", THREE, 8, 1),
    crm("skipping, incoherent", THREE, 12, 3, no_skip=False, coherent="off"),
    crm("coherent by dose", THREE, 12, 2, coherent="dose", target=0.3),
    crm("mean", THREE, 12, 2, estimate="mean"),
    crm("logistic", THREE, 12, 3, model="logistic"),
    crm("logistic mean, wide prior", THREE, 9, 1, model="logistic", estimate="mean", prior_sd=2.0),
    crm("too toxic", [0.4, 0.6], 15, 3, too_toxic=(0.8, 0.0)),
    crm("too toxic, logistic with a margin", [0.4, 0.6], 12, 2, too_toxic=(0.7, 0.05), model="logistic"),
    crm("stop at 6", THREE, 18, 3, stop_at=6),
    crm("untried", THREE, 9, 3, recommend_untried=True, start=2),
    crm("from the top", THREE, 12, 3, start=3),
    crm("one dose", [0.3], 15, 3, too_toxic=(0.8, 0.0), skeleton=(0.25,)),
    interval(I3Plus3, "default", THREE, 15, 3),
    interval(I3Plus3, "cohorts of 2, stop at 4", THREE, 11, 2, target=0.3, start=2, stop_at=4),
    interval(I3Plus3, "cohorts of 1, uneven", [0.2, 0.5], 9, 1, target=0.2, epsilon1=0.1, epsilon2=0.05),
    interval(TPI, "default", THREE, 15, 3),
    interval(TPI, "cohorts of 2, stop at 4", THREE, 11, 2, target=0.3, start=2, stop_at=4),
    interval(TPI, "cohorts of 1, other intervals", [0.2, 0.5], 9, 1, k1=1.5, k2=0.5, cutoff_eli=0.999),
    interval(MTPI, "default", THREE, 15, 3),
    interval(MTPI, "cohorts of 2, stop at 4", THREE, 11, 2, target=0.3, start=2, stop_at=4),
    interval(MTPI, "cohorts of 1, uneven", [0.2, 0.5], 9, 1, target=0.2, epsilon1=0.1, epsilon2=0.05),
    interval(MTPI2, "default", THREE, 15, 3),
    interval(MTPI2, "cohorts of 2, stop at 4", THREE, 11, 2, target=0.3, start=2, stop_at=4),
    interval(MTPI2, "cohorts of 1, uneven", [0.2, 0.5], 9, 1, target=0.2, epsilon1=0.1, epsilon2=0.05),
    interval(Keyboard, "default", THREE, 15, 3),
    interval(Keyboard, "cohorts of 2, stop at 4", THREE, 11, 2, target=0.3, start=2, stop_at=4),
    interval(Keyboard, "cohorts of 1, low target", [0.05, 0.2], 9, 1, target=0.1, half_width=0.04),
    interval(CCD, "half-width 0.1", THREE, 15, 3, target=0.3, half_width=0.1),
    interval(CCD, "cohorts of 2, stop at 4", THREE, 11, 2, target=0.3, start=2, stop_at=4, half_width=0.1),
    interval(CCD, "cohorts of 1", [0.2, 0.5], 10, 1, target=0.3, half_width=0.2, cutoff_eli=0.8),
    case(
        "monitoring",
        Monitoring(limit=0.3, threshold=0.8, prior=(0.5, 0.5), min_patients=3),
        rules.Monitoring(0.3, 0.8, (0.5, 0.5), 3, 11, 2),
        [0.35],
        max_patients=11,
        cohort_size=2,
    ),
    case(
        "monitoring one by one",
        Monitoring(),
        rules.Monitoring(0.25, 0.95, (1, 1), 1, 10, 1),
        [0.4],
        max_patients=10,
        cohort_size=1,
    ),
]


def key(patients, dlts, recommended, reason):
    dose = None if recommended == NO_DOSE else int(recommended) + 1
    return tuple(map(int, patients)), tuple(map(int, dlts)), dose, REASON_NAMES[int(reason)]


@pytest.mark.parametrize(("design", "trial", "rule", "rates"), CASES)
def test_every_ending_has_the_probability_of_its_paths(design, trial, rule, rates):
    outcomes = exact(design, trial).outcomes(rates)
    ours: Counter[tuple] = Counter()
    for *ending, probability in zip(
        outcomes.patients,
        outcomes.dlts,
        outcomes.recommended,
        outcomes.reason,
        outcomes.probability,
        strict=True,
    ):
        ours[key(*ending)] += probability
    walked = every_path(rule, rates)
    assert set(ours) == set(walked)
    for ending, probability in walked.items():
        assert ours[ending] == pytest.approx(probability, abs=1e-12), ending


@pytest.mark.parametrize(("design", "trial", "rule", "rates"), CASES)
def test_simulated_trials_follow_the_rules(design, trial, rule, rates):
    simulated = simulate(design, trial, rates, trials=40, seed=9)
    for row, patients in enumerate(tolerances(9, 0, trial.max_patients)[:40]):
        ours = key(simulated.patients[row], simulated.dlts[row], simulated.recommended[row], simulated.reason[row])
        assert ours == run_trial(rule, rates, patients / PARTS)
