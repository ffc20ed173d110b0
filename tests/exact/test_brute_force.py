"""The exact engine against every path walked one by one, by rules written independently and without tables or plans."""

from collections import Counter
from functools import cache

import numpy as np
import pytest
from scipy import special, stats

from escalation import (
    BLRM,
    BOIN,
    CCD,
    CRM,
    MTPI,
    MTPI2,
    TPI,
    APlusB,
    I3Plus3,
    Keyboard,
    Monitoring,
    ThreePlusThree,
    Trial,
    exact,
    simulate,
)
from escalation.designs.models.logistic_grid import BivariateNormal
from escalation.engines.patients import PARTS, tolerances
from escalation.kernels.codes import NO_DOSE, REASON_NAMES
from tests.exact.test_logistic_grid import Exact
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


def blrm(name, rates, max_patients, cohort, intervals=(0.2, 0.35), sd=(2, 1), **options):
    """The posterior by Gauss-Legendre quadrature."""
    prior = BivariateNormal((float(special.logit(0.25)), 0.0), sd, 0.0)
    quadrature = Exact(np.log(np.array(levels(len(rates))) / len(rates)), prior, intervals)

    @cache
    def probabilities(patients, dlts):
        above, overdose = quadrature(np.array(patients), np.array(dlts))
        return above - overdose, overdose

    return case(
        f"blrm {name}",
        BLRM(intervals=intervals, prior_sd=sd, **options),
        rules.Blrm(len(rates), probabilities, max_patients, cohort, **options),
        rates,
        max_patients=max_patients,
        cohort_size=cohort,
    )


def a_plus_b(name, rates, max_patients, **options):
    return case(
        f"a+b {name}",
        APlusB(**options),
        rules.APlusB(len(rates), max_patients, **options),
        rates,
        max_patients=max_patients,
    )


def composed(name, base, stop_when=None, restrict=(), options=None, cohort_size=None, **naive):
    """A case with rules or other options added, in the words of a scenario file and as functions."""
    design, trial, rule, rates = base.values
    added = {"stop_when": stop_when, "restrict": restrict, **(options or {})}
    built = type(design)(**design.model_dump() | added)
    if cohort_size is not None:
        trial = trial.model_validate(trial.model_dump() | {"cohort_size": cohort_size})
    return pytest.param(built, trial, rules.Composed(rule, **naive), rates, id=f"{design.kind}, {name}")


def probability_above(limit, seen, a=1, b=1):
    n, y = seen
    return stats.beta.sf(limit, a + y, b + n - y)


def lowest_toxic(seen, threshold, limit=0.25):
    """The lowest tried dose whose rate probably exceeds the limit."""
    doses = range(1, len(seen.patients) + 1)
    toxic = (d for d in doses if seen.patients[d - 1] > 0 and probability_above(limit, seen.at(d)) > threshold)
    return next(toxic, None)


def width(n, y):
    lower, upper = stats.beta.interval(0.95, 1 + y, 1 + n - y)
    return upper - lower


def within(counts, low, high, probability):
    n, y = counts
    lower, upper = stats.beta.interval(probability, 1 + y, 1 + n - y)
    return low <= lower and upper <= high


def calibrated(name, max_patients, cohort_size, min_patients=1, prior=(1, 1), **options):
    given = {"prior": prior} if name == "beta-binomial" else {}
    return case(
        f"monitoring {name} {max_patients}",
        Monitoring(rule=name, limit=0.3, min_patients=min_patients, **given, **options),
        rules.Monitoring(0.3, 0.95, prior, min_patients, max_patients, cohort_size, rule=name, **options),
        [0.45],
        max_patients=max_patients,
        cohort_size=cohort_size,
    )


def expanded(name, base, patients, cohort_size, rejects, monitoring=None, own=False, in_trial=True):
    """A case with an expansion cohort, of the trial or of the design."""
    design, trial, rule, rates = base.values
    expansion = {"patients": patients, "cohort_size": cohort_size, "monitoring": monitoring}
    where = trial if in_trial else design
    built = type(where)(**where.model_dump() | {"expansion": expansion})
    parts = (design, built) if in_trial else (built, trial)
    return pytest.param(
        *parts,
        rules.Expanded(rule, patients, cohort_size, rejects, own),
        rates,
        id=f"{design.kind}, then {name}",
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
    crm("logistic, intercept 0", THREE, 12, 3, model="logistic", intercept=0.0),
    crm("logistic mean, intercept 6", THREE, 9, 1, model="logistic", estimate="mean", intercept=6.0),
    crm("too toxic, low intercept", [0.4, 0.6], 12, 3, too_toxic=(0.7, 0.05), model="logistic", intercept=-0.6),
    crm("too toxic", [0.4, 0.6], 15, 3, too_toxic=(0.8, 0.0)),
    crm("too toxic, logistic with a margin", [0.4, 0.6], 12, 2, too_toxic=(0.7, 0.05), model="logistic"),
    crm("stop at 6", THREE, 18, 3, stop_at=6),
    crm("untried", THREE, 9, 3, recommend_untried=True, start=2),
    crm("from the top", THREE, 12, 3, start=3),
    crm("one dose", [0.3], 15, 3, too_toxic=(0.8, 0.0), skeleton=(0.25,)),
    blrm("default", THREE, 12, 3),
    blrm("most probable, half of it overdoses", THREE, 9, 2, ewoc=0.5),
    blrm("highest", THREE, 12, 3, choose="highest"),
    blrm("highest, half of it overdoses", THREE, 9, 2, choose="highest", ewoc=0.5),
    blrm("highest, skipping", THREE, 9, 3, intervals=(0.15, 0.3), choose="highest", ewoc=0.4, no_skip=False),
    a_plus_b("2+3", THREE, 15, a=2, b=3, c=1, d=1, e=1),
    a_plus_b("3+3", THREE, 18, a=3, b=3, c=1, d=1, e=1),
    a_plus_b("4+2, no de-escalation", THREE, 15, a=4, b=2, c=2, d=2, e=3, de_escalate=False),
    a_plus_b("1+2, top on one", [0.1, 0.3, 0.4, 0.6], 8, a=1, b=2, c=1, d=0, e=0, full_at_top=False),
    a_plus_b("out of patients", THREE, 7, a=3, b=1, c=1, d=1, e=1),
    composed(
        "stop at 9, or 6 at the next dose",
        boin("", THREE, 15, 3),
        {"any": [{"rule": "patients", "at_least": 9}, {"rule": "patients_at_dose", "at_least": 6}]},
        stop=lambda seen: sum(seen.patients) >= 9 or seen.at()[0] >= 6,
    ),
    composed(
        "stop at 6, but not before 6 at any dose",
        crm("", THREE, 15, 3),
        {
            "all": [
                {"rule": "patients", "at_least": 6},
                {"rule": "patients_at_dose", "dose": "any", "at_least": 6},
            ]
        },
        stop=lambda seen: sum(seen.patients) >= 6 and max(seen.patients) >= 6,
    ),
    composed(
        "lowest dose too toxic",
        crm("", [0.4, 0.5, 0.6], 14, 3),
        {"rule": "too_toxic", "threshold": 0.8},
        too_toxic=lambda seen: seen.patients[0] > 0 and probability_above(0.25, seen.at(1)) > 0.8,
    ),
    composed(
        "any dose too toxic, by a prior",
        boin("", THREE, 14, 3),
        {"rule": "too_toxic", "dose": "any", "threshold": 0.7, "limit": 0.3, "prior": [0.5, 1.5]},
        too_toxic=lambda seen: any(
            seen.patients[d] > 0 and probability_above(0.3, seen.at(d + 1), 0.5, 1.5) > 0.7 for d in range(3)
        ),
    ),
    composed(
        "second dose too toxic, then one below",
        boin("", THREE, 14, 3),
        {"rule": "too_toxic", "dose": 2, "threshold": 0.6, "then": "recommend_below"},
        below=lambda seen: 2 if seen.patients[1] > 0 and probability_above(0.25, seen.at(2)) > 0.6 else None,
    ),
    composed(
        "any dose too toxic, then one below",
        boin("", [0.2, 0.3, 0.4, 0.5], 14, 3),
        {"rule": "too_toxic", "dose": "any", "threshold": 0.7, "then": "recommend_below"},
        below=lambda seen: lowest_toxic(seen, 0.7),
    ),
    composed(
        "any dose too toxic, then one below, by the model",
        crm("", THREE, 14, 3),
        {"rule": "too_toxic", "dose": "any", "threshold": 0.6, "then": "recommend_below"},
        below=lambda seen: lowest_toxic(seen, 0.6),
        by_dose=False,
    ),
    composed(
        "second dose too toxic, then one below, after 6, or the lowest too toxic, then none",
        crm("", THREE, 12, 2, target=0.3),
        {
            "any": [
                {
                    "all": [
                        {"rule": "too_toxic", "dose": 2, "threshold": 0.5, "then": "recommend_below"},
                        {"rule": "patients", "at_least": 6},
                    ]
                },
                {"rule": "too_toxic", "threshold": 0.8},
            ]
        },
        too_toxic=lambda seen: seen.patients[0] > 0 and probability_above(0.3, seen.at(1)) > 0.8,
        below=lambda seen: (
            2 if sum(seen.patients) >= 6 and seen.patients[1] > 0 and probability_above(0.3, seen.at(2)) > 0.5 else None
        ),
        by_dose=False,
    ),
    composed(
        "precise at the next dose, with 3 at the second",
        crm("", THREE, 12, 2, target=0.3),
        {"all": [{"rule": "precise", "width": 0.55}, {"rule": "patients_at_dose", "dose": 2, "at_least": 3}]},
        stop=lambda seen: seen.at()[0] > 0 and width(*seen.at()) <= 0.55 and seen.patients[1] >= 3,
    ),
    composed(
        "too toxic and enough seen, or too many",
        three_plus_three("", [0.3, 0.4, 0.5], 18),
        {
            "any": [
                {
                    "all": [
                        {"rule": "too_toxic", "threshold": 0.4},
                        {"any": [{"rule": "patients", "at_least": 6}, {"rule": "precise", "width": 0.75}]},
                    ]
                },
                {"rule": "patients", "at_least": 12},
            ]
        },
        too_toxic=lambda seen: (
            probability_above(0.25, seen.at(1)) > 0.4
            and (sum(seen.patients) >= 6 or (seen.at()[0] > 0 and width(*seen.at()) <= 0.75))
        ),
        stop=lambda seen: sum(seen.patients) >= 12,
    ),
    composed(
        "no escalation after 2 DLTs",
        crm("", THREE, 15, 3),
        restrict=[{"rule": "no_escalation", "dlts": 2}],
        highest=lambda last, dlts: last if dlts >= 2 else 3,
    ),
    composed(
        "no escalation after 1 DLT",
        boin("", THREE, 12, 2, target=0.3),
        restrict=[{"rule": "no_escalation", "dlts": 1}],
        highest=lambda last, dlts: last if dlts >= 1 else 3,
    ),
    composed(
        "never skip",
        crm("", THREE, 12, 3, no_skip=False, coherent="off"),
        restrict=[{"rule": "never_skip"}],
        highest=lambda last, dlts: last + 1,
    ),
    composed(
        "never skip either way",
        crm("", [0.1, 0.2, 0.3, 0.5], 12, 3, coherent="off", start=4, skeleton=(0.05, 0.15, 0.25, 0.4)),
        restrict=[{"rule": "never_skip", "when_deescalating": True}],
        highest=lambda last, dlts: last + 1,
        lowest=lambda last: last - 1,
    ),
    composed(
        "at most twice the dose",
        crm("", [0.05, 0.1, 0.2, 0.4], 12, 3, no_skip=False, skeleton=(0.05, 0.15, 0.25, 0.4)),
        restrict=[{"rule": "max_step", "factor": 2}],
        highest=lambda last, dlts: {1: 2, 2: 4, 3: 4, 4: 4}[last],
    ),
    composed(
        "two levels, and the third dose for ever",
        crm("", [0.05, 0.1, 0.2, 0.4], 12, 3, no_skip=False, skeleton=(0.05, 0.15, 0.25, 0.4)),
        restrict=[{"rule": "max_step", "levels": 2}, {"rule": "max_step", "factor": 1.3}],
        highest=lambda last, dlts: {1: 1, 2: 2, 3: 3, 4: 4}[last],
    ),
    composed(
        "doses and patients by the DLTs, by cohort",
        crm("", [0.05, 0.1, 0.2, 0.4], 10, 1, no_skip=False, skeleton=(0.05, 0.15, 0.25, 0.4)),
        cohort_size=[1, 1, 3],
        restrict=[{"rule": "max_step", "factor": [3, 1.5], "from_dlts": [0, 1]}],
        highest=lambda last, dlts: {1: 1, 2: 3, 3: 4, 4: 4}[last] if dlts else {1: 3, 2: 4, 3: 4, 4: 4}[last],
        size=lambda seen: [1, 1, 3, 3, 3, 3][len(seen.history)],
    ),
    composed(
        "one or three patients by the DLTs, or two by the dose",
        boin("", THREE, 10, 1),
        cohort_size={"by_dose": [1, 2, 1], "by_dlts": [1, 3]},
        size=lambda seen: max((1, 2, 1)[seen.following - 1], 3 if sum(seen.dlts) else 1),
    ),
    composed(
        "steps by the dose, and one level above the highest given",
        crm("", [0.05, 0.1, 0.2, 0.4], 10, 2, no_skip=False, coherent="off", skeleton=(0.05, 0.15, 0.25, 0.4)),
        restrict=[
            {"rule": "max_step", "amount": [3, 1], "from_dose": [0, 2]},
            {"rule": "never_skip", "above": "highest_tried"},
        ],
        highest=lambda last, dlts: {1: 4, 2: 3, 3: 4, 4: 4}[last],
        highest_after=lambda tried: tried + 1,
    ),
    composed(
        "no skipping from the highest given, by the design's option",
        crm("", [0.05, 0.1, 0.2, 0.4], 12, 3, no_skip=False, coherent="off", skeleton=(0.05, 0.15, 0.25, 0.4)),
        options={"no_skip": "highest_tried"},
        highest_after=lambda tried: tried + 1,
    ),
    composed(
        "doses eliminated by their own data",
        crm("", THREE, 12, 3, coherent="off"),
        restrict=[{"rule": "eliminate", "threshold": 0.6}],
        eliminated=lambda seen: lowest_toxic(seen, 0.6),
        by_dose=False,
    ),
    composed(
        "doses eliminated by their own data, beside the design's",
        boin("", THREE, 12, 3),
        restrict=[{"rule": "eliminate", "threshold": 0.6, "limit": 0.3}],
        eliminated=lambda seen: lowest_toxic(seen, 0.6, 0.3),
    ),
    composed(
        "the same dose three times",
        boin("", [0.2, 0.3, 0.4], 12, 2, target=0.3),
        {"rule": "unchanged", "cohorts": 3},
        stop=lambda seen: seen.in_a_row >= 3,
    ),
    composed(
        "the same dose twice and 3 DLTs, or 4 DLTs",
        crm("", THREE, 12, 2, target=0.3),
        {
            "any": [
                {"all": [{"rule": "unchanged", "cohorts": 2}, {"rule": "dlts", "at_least": 3}]},
                {"rule": "dlts", "at_least": 4},
            ]
        },
        stop=lambda seen: (seen.in_a_row >= 2 and sum(seen.dlts) >= 3) or sum(seen.dlts) >= 4,
    ),
    composed(
        "probably in the target interval",
        boin("", THREE, 12, 3),
        {"rule": "target_probability", "interval": [0.1, 0.4], "at_least": 0.55, "prior": [0.5, 1.5]},
        stop=lambda seen: (
            seen.at()[0] > 0
            and probability_above(0.1, seen.at(), 0.5, 1.5) - probability_above(0.4, seen.at(), 0.5, 1.5) >= 0.55
        ),
    ),
    composed(
        "the credible interval within limits",
        crm("", THREE, 12, 3),
        {"rule": "within_limits", "limits": [0.02, 0.6], "probability": 0.8},
        stop=lambda seen: seen.at()[0] > 0 and within(seen.at(), 0.02, 0.6, 0.8),
    ),
    expanded("5 more", boin("", THREE, 9, 3), 5, 2, lambda n, y: False),
    expanded(
        "5 more, Bayes",
        boin("", THREE, 12, 3),
        5,
        2,
        lambda n, y: probability_above(0.25, (n, y)) > 0.8,
        {"threshold": 0.8},
    ),
    expanded(
        "6 more, Bayes from 8 patients on",
        crm("", [0.2, 0.3, 0.5], 9, 3),
        6,
        3,
        lambda n, y: n >= 8 and probability_above(0.3, (n, y), 0.5, 0.5) > 0.7,
        {"threshold": 0.7, "limit": 0.3, "prior": [0.5, 0.5], "min_patients": 8},
        in_trial=False,
    ),
    expanded(
        "7 more, Pocock",
        three_plus_three("", [0.2, 0.4], 12),
        7,
        2,
        rules.Monitoring(0.25, 0.95, (1, 1), 1, 7, 2, rule="pocock", alpha=0.2).eliminated,
        {"rule": "pocock", "alpha": 0.2},
        own=True,
    ),
    expanded(
        "4 more where nobody was treated",
        crm("", THREE, 6, 3, recommend_untried=True),
        4,
        4,
        lambda n, y: probability_above(0.25, (n, y)) > 0.9,
        {"threshold": 0.9},
    ),
    expanded(
        "3 more, one dose",
        three_plus_three("", [0.3], 20),
        3,
        1,
        lambda n, y: probability_above(0.25, (n, y)) > 0.5,
        {"threshold": 0.5},
    ),
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
    calibrated("pocock", 10, 1),
    calibrated("obrien-fleming", 14, 3, alpha=0.1),
    calibrated("wang-tsiatis", 11, 2, delta=0.2),
    calibrated("sprt", 13, 2, p1=0.55, min_patients=4),
    calibrated("beta-binomial", 12, 2, alpha=0.1, prior=(0.6, 2.4)),
    calibrated("pocock", 6, 3, alpha=0.001),
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
    for row, patients in enumerate(tolerances(9, 0, design.applied_to(trial).most_patients)[:40]):
        ours = key(simulated.patients[row], simulated.dlts[row], simulated.recommended[row], simulated.reason[row])
        assert ours == run_trial(rule, rates, patients / PARTS)
