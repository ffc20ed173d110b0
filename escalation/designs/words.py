"""Designs in the words of a protocol: what every design's text needs, and the sentences that all of them share."""

from collections.abc import Iterator, Sequence

import numpy as np

from escalation.designs.rules.base import dose_level
from escalation.kernels.codes import DOSE_TOO_TOXIC, REASON_NAMES, SLACK, TOO_TOXIC
from escalation.numbers import exceedance
from escalation.plans.decision import Bound
from escalation.plans.plan import Plan
from escalation.plans.reach import End, reach
from escalation.trial.safety import SafetyRule
from escalation.trial.trial import Trial

DECIMALS = range(3, 11)
"""Three, or more where that is what it takes to see which of two numbers is larger."""

MONITORING_REFERENCES = {
    "bayes": (
        "Thall PF, Simon R (1994). Practical Bayesian guidelines for phase IIB clinical trials. Biometrics 50:337-349.",
    ),
    "pocock": (
        "Ivanova A, Qaqish BF, Schell MJ (2005). Continuous toxicity monitoring in phase II trials in oncology. "
        "Biometrics 61:540-545.",
    ),
    "wang-tsiatis": (
        "Wang SK, Tsiatis AA (1987). Approximately optimal one-parameter boundaries for group sequential trials. "
        "Biometrics 43:193-199.",
    ),
    "sprt": (
        "Goldman AI (1987). Issues in designing sequential stopping rules for monitoring side effects in clinical "
        "trials. Control Clin Trials 8:327-337.",
    ),
    "beta-binomial": (
        "Geller NL, Follmann D, Leifer ES, Carter SL (2003). Design of early trials in stem cell transplantation: a "
        "hybrid frequentist-Bayesian approach. In: Advances in Clinical Trial Biostatistics.",
    ),
}
"""Where the rules of `SafetyRule` come from."""
MONITORING_REFERENCES["obrien-fleming"] = MONITORING_REFERENCES["wang-tsiatis"]


def beside(value: float, *limits: float) -> list[str]:
    """A number and the limits that it is compared with, in decimals enough to see on which side of each it is.

    A limit of at most three decimals is written as it was given.

    >>> beside(2 / 3, 0.2983), beside(0.95001, 0.95), beside(0.1 + 0.2, 0.3)
    (['0.667', '0.298'], ['0.95001', '0.95'], ['0.300', '0.3'])
    """
    for decimals in DECIMALS:
        texts = [f"{value:.{decimals}f}"]
        texts += [f"{limit:g}" if abs(limit - round(limit, 3)) < SLACK else f"{limit:.{decimals}f}" for limit in limits]
        if all(
            _side(float(texts[0]), float(text)) == _side(value, limit)
            for text, limit in zip(texts[1:], limits, strict=True)
        ):
            break
    return texts


def above_limit(
    limit: float, patients: int, dlts: int, prior: tuple[float, float], threshold: float, relation: str = "exceeds"
) -> str:
    """P(DLT rate > limit | 4 of 6) = 0.987 exceeds 0.95: a dose's own posterior probability beside its threshold."""
    found, bound = beside(float(exceedance(limit, patients, dlts, prior)), threshold)
    return f"P(DLT rate > {limit:g} | {dlts} of {patients}) = {found} {relation} {bound}"


def deciding(limit: float, max_patients: int) -> str:
    """A limit of observed rates, in decimals enough for no rate to be on the other side of it.

    >>> deciding(0.196801, 36), deciding(0.196801, 66)  # 13 / 66 is 0.19697
    ('0.197', '0.1968')
    """
    patients = np.arange(1, max_patients + 1)
    for decimals in DECIMALS:
        text = f"{limit:.{decimals}f}"
        if np.array_equal(np.floor(float(text) * patients + SLACK), np.floor(limit * patients + SLACK)):
            break
    return text


def _side(value: float, limit: float) -> int:
    return 0 if abs(value - limit) <= SLACK else 1 if value > limit else -1


def ranked(values: Sequence[float]) -> list[str]:
    """Numbers in figures enough to see which is the largest; equal ones look alike."""
    largest = max(values)
    values = [largest if abs(value - largest) <= SLACK else value for value in values]
    for figures in DECIMALS:
        texts = [f"{value:.{figures}g}" for value in values]
        if all(
            (text == f"{largest:.{figures}g}") == (value == largest) for text, value in zip(texts, values, strict=True)
        ):
            break
    return texts


def observed(patients: int, dlts: int) -> str:
    """The counts at a dose: 2 of 3 patients with a DLT."""
    return f"{dlts} of {patients} {'patient' if patients == 1 else 'patients'} with a DLT"


def listed(numbers: Sequence[float]) -> str:
    """Numbers as a sentence lists them: 0.1, 0.2 and 0.3."""
    texts = [f"{number:g}" for number in numbers]
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"


def beta(prior: tuple[float, float]) -> str:
    """A Beta prior in words."""
    return "a uniform prior" if prior == (1, 1) else f"a Beta({prior[0]:g}, {prior[1]:g}) prior"


def conduct_sentences(trial: Trial, plan: Plan) -> Iterator[str]:
    """Where a trial starts, its cohorts and its titration."""
    sizes = np.unique(plan.conduct.sizes).tolist()
    varies = plan.conduct.sizes_by_trial or np.any(np.diff(plan.conduct.sizes, axis=0))
    first = dose_level(trial, plan.conduct.start + 1)
    if plan.conduct.titration:
        yield (
            f"Doses are first tried on one patient each, from {first} on, until the first DLT or the highest dose "
            f"that may be given; the cohort at that dose is then filled up to {plan.conduct.sizes[0, 0]} patients. "
            "Until then the design's rules, all stopping rules and whatever eliminates doses rest."
        )
    else:
        yield f"The first cohort gets {first}."
    cohorts = f", in cohorts of {sizes[0]}" if len(sizes) == 1 else ""  # a design's own text gives its numbers
    cohorts = f", in {trial.cohorts_in_words}" if varies else cohorts
    yield (
        f"At most {plan.conduct.max_patients} patients are treated"
        f"{'' if trial.expansion is None else ' in dose escalation'}{cohorts}; the last cohort is smaller when fewer "
        "remain."
    )
    if plan.table is not None and plan.table.moves:
        if trial.levels == 1:
            yield "There is one dose: where the rules say escalate or de-escalate, the next cohort gets the same dose."
        else:
            yield (
                "Where there is no higher dose that may be given, escalation means the same dose; so does "
                "de-escalation from the lowest."
            )


def stop_sentences(plan: Plan, *, expands: bool) -> Iterator[str]:
    """The rules that end a trial, or dose escalation where an expansion follows."""
    for reason in REASON_NAMES:
        words = [stop.words for stop in plan.conduct.stops if stop.reason == reason]
        nothing = {
            TOO_TOXIC: ", and no dose is recommended",
            DOSE_TOO_TOXIC: ", and only doses below the lowest that is too toxic may be recommended",
        }.get(reason, "")
        what = "Dose escalation" if expands and reason != TOO_TOXIC else "The trial"
        if len(words) == 1:
            yield f"{what} ends when {words[0]}{nothing}."
        elif words:
            numbered = "; ".join(f"({number}) {word}" for number, word in enumerate(words, 1))
            yield f"{what} ends{nothing} when any of the following holds: {numbered}."


def expansion_sentences(trial: Trial) -> Iterator[str]:
    """What follows dose escalation."""
    expansion = trial.expansion
    if expansion is None:
        return
    size = trial.expansion_cohorts(expansion)
    yield (
        f"After dose escalation has declared an RP2D, {expansion.patients} further patients are treated at it in "
        f"cohorts of {size}."
    )
    rule = expansion.monitoring
    if rule is None:
        yield "The expansion does not question the RP2D."
        return
    counted = "all patients at the dose" if rule.rule == "bayes" else "the patients of the expansion"
    yield f"After each of these cohorts {monitoring_clause(rule, trial.target)}; {counted} are counted."
    yield "A dose that is stopped is no longer recommended."


def monitoring_clause(rule: SafetyRule, target: float) -> str:
    """When a safety rule stops a dose, as a clause: "the dose is stopped when ..."."""
    limit = target if rule.limit is None else rule.limit
    wait = f", once at least {rule.min_patients} patients have been counted" if rule.min_patients > 1 else ""
    if rule.rule == "bayes":
        probability = f"P(DLT rate > {limit:g} | data) > {rule.threshold:g}"
        return f"the dose is stopped when {probability} under {beta(rule.prior)}{wait}"
    boundary = {
        "pocock": "the Pocock boundary (Ivanova et al. 2005)",
        "obrien-fleming": "the O'Brien-Fleming boundary (Wang & Tsiatis 1987 with delta = 0)",
        "wang-tsiatis": f"the Wang-Tsiatis boundary with delta = {rule.delta or 0:g} (Wang & Tsiatis 1987)",
        "sprt": f"the boundary of the sequential probability ratio test against a DLT rate of {rule.p1 or 0:g} "
        "(Goldman 1987)",
        "beta-binomial": f"the beta-binomial boundary under {beta(rule.prior)} (Geller et al. 2003)",
    }[rule.rule]
    alpha = 0.05 if rule.alpha is None else rule.alpha
    return (
        f"the dose is stopped when its DLTs reach {boundary}, calibrated so that a dose with a DLT rate of {limit:g} "
        f"is stopped at any look with a probability of at most {alpha:g}{wait}"
    )


def out_of_reach(trial: Trial, plan: Plan) -> Iterator[str]:
    """Cautions about doses that cannot be given, with what keeps them from it."""
    found = reach(plan)
    if found is None:
        return
    if found.above:
        never = "no trial can give" if found.proven_above else "a trial without any DLT does not give"
        yield f"{never} {_doses(trial, found.above)}: {_held(trial, plan, found.end)}"
    if found.below and found.proven_below:
        lower = _doses(trial, found.below)
        yield f"no trial can give {lower}, below the start dose: no outcomes lead down to it in time"


def _doses(trial: Trial, doses: tuple[int, ...]) -> str:
    names = [trial.level_names[dose] for dose in doses]
    return f"dose level {names[0]}" if len(names) == 1 else f"dose levels {', '.join(names[:-1])} and {names[-1]}"


def _held(trial: Trial, plan: Plan, end: End) -> str:
    """What keeps the course without any DLT, the likeliest to come up, below a dose."""
    course, stops = f"after {end.state.treated} patients without a DLT", end.decision.stops
    over = f"the trial has treated its {trial.max_patients} patients"
    if stops:
        over = f"the trial ends, because {stops[0].words}"
    wanted = end.wanted.next_dose
    if wanted is None:
        return f"{course} the trial ends, because even the lowest dose is too toxic"
    if wanted > end.highest:
        return f"{course}, the last at {trial.at_level(end.state.last_dose)}, {over}"
    return f"{course} {_kept(trial, plan, end)}, and {over}"


def _kept(trial: Trial, plan: Plan, end: End) -> str:
    """Why the plan itself goes no higher."""
    at, judgement = trial.at_level(end.highest), end.wanted.judgement
    if any(bound in (Bound.CEILING, Bound.CEILING_OF_TRIED, Bound.CLOSED) for bound in end.wanted.bounds):
        return f"the limits on escalation keep it at {at}"
    if judgement is None:
        return f"the decision table keeps it at {at}"
    above = end.highest + 1
    if judgement.overdose is not None and judgement.highest_open < above < plan.levels:
        probability, limit = beside(float(judgement.overdose[above]), judgement.reading.most_overdosing)
        excluded = f"overdose control still excludes {trial.at_level(above)}"
        return f"{excluded}: P(overdose) is {probability}, above ewoc = {limit}"
    return f"the model still prefers {at}"
