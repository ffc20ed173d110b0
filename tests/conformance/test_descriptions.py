"""Descriptions for a protocol mention every option that is set, with its value; the words of stops and limits."""

import re
from pathlib import Path

import pytest

from escalation import BOIN, CRM, Efficacy, Monitoring, Trial
from escalation.designs import REGISTRY, Design
from escalation.designs.a_plus_b import APlusB
from escalation.designs.rules import RESTRICTIONS, RULES
from escalation.designs.rules.combination import stops
from escalation.kernels.codes import REASON_NAMES
from escalation.trial.expansion import Expansion
from tests.conformance.test_every_design import BY_RESPONSES, CASES, EFFICACY, LATE_ONSET, SETTINGS
from tests.support import in_each_case

DOCS = Path(__file__).parents[2] / "docs" / "designs"
TRIAL = Trial(doses=[50, 150, 300], dose_unit="mg", target=0.25, max_patients=24)
ONE = Trial(doses=[800], dose_unit="mg", target=0.25, max_patients=20)
SKELETON = {"skeleton": [0.1, 0.25, 0.4]}
TABLE = [{"patients": ">=1", "dlts": 0, "decision": "E"}, {"patients": ">=1", "dlts": ">=1", "decision": "D"}]
A_PLUS_B = {"a": 3, "b": 3, "c": 1, "d": 1, "e": 1}

# By kind: the other options that are set, the option, its value, and what the description says then but not before.
OPTIONS = {
    "3+3": [
        ({}, "de_escalate", False, "there is no de-escalation"),
        ({}, "six_at_top", False, "At the highest dose 3 patients with no DLT suffice"),
    ],
    "a+b": [
        (A_PLUS_B, "a", 4, "A = 4"),
        (A_PLUS_B, "b", 2, "Of 5 patients"),
        (A_PLUS_B | {"d": 2}, "c", 2, "fewer than 2 DLTs"),
        (A_PLUS_B, "d", 2, "more than 2 DLTs the dose is too toxic; with 1 to 2 DLTs, 3 more patients"),
        (A_PLUS_B, "e", 2, "at most 2 with a DLT"),
        (A_PLUS_B, "de_escalate", False, "a dose has proved too toxic"),
        (A_PLUS_B, "full_at_top", False, "the highest dose has been cleared"),
    ],
    "boin": [
        ({}, "p_saf", 0.12, "0.12 is deemed too low"),
        ({}, "p_tox", 0.45, "one of 0.45 too high"),
        ({}, "cutoff_eli", 0.9, "> 0.9 under a uniform prior"),
        ({}, "extra_safe", True, "The lowest dose is eliminated as soon as that probability exceeds 0.9."),
        ({"extra_safe": True}, "offset", 0.15, "exceeds 0.8."),
        ({}, "stop_at", 9, "at least 9 patients have been treated at the current dose and it would be given again"),
        ({}, "bound_mtd", True, "and whose estimate is at most 0.298"),
    ],
    "crm": [
        (SKELETON, "model", "logistic", "logit p = 3 + exp(b) (logit skeleton - 3)"),
        (SKELETON | {"model": "logistic"}, "intercept", 1.5, "logit p = 1.5 + exp(b) (logit skeleton - 1.5)"),
        (SKELETON | {"model": "logistic"}, "intercept", -0.4, "logit p = -0.4 + exp(b) (logit skeleton + 0.4)"),
        (SKELETON | {"model": "logistic"}, "intercept", 0, "logit p = exp(b) logit skeleton, with"),
        (SKELETON, "skeleton", [0.1, 0.2, 0.35], "the skeleton 0.1, 0.2 and 0.35"),
        ({"half_width": 0.05, "prior_mtd": 2}, "half_width", 0.04, "half-width 0.04"),
        ({"half_width": 0.05, "prior_mtd": 2}, "prior_mtd", 3, "dose level 3 as the prior MTD"),
        (SKELETON, "method", "mle", "curve of largest likelihood"),
        (SKELETON, "prior", "exponential", "exp(b) has an exponential prior with rate 1"),
        (SKELETON, "prior_sd", 0.8, "standard deviation 0.8"),
        (SKELETON | {"prior": "gamma", "prior_shape": 1.0}, "prior_shape", 2.5, "prior with shape 2.5 and rate 2.5"),
        (SKELETON | {"prior": "exponential"}, "prior_rate", 1.5, "with rate 1.5"),
        (SKELETON, "estimate", "mean", "whose posterior mean DLT rate is closest"),
        (SKELETON, "no_skip", False, "lets dose levels be skipped"),
        (SKELETON, "coherent", "dose", "among all patients at the current dose is above the target"),
        (SKELETON, "coherent", "off", None),
        (SKELETON, "stop_if_too_toxic", {"threshold": 0.9, "margin": 0.05}, "lowest dose > 0.3 | data) > 0.9"),
        (SKELETON, "stop_at", 9, "at least 9 patients have been treated at the dose that would be given next"),
        (SKELETON, "recommend_untried", True, "the model's choice is recommended, whether or not"),
    ],
    "bma-crm": [
        ({"skeletons": [[0.1, 0.2, 0.3]]}, "skeletons", [[0.1, 0.2, 0.3], [0.2, 0.3, 0.4]], "0.2, 0.3 and 0.4 (prior"),
        ({"skeletons": [[0.1, 0.2, 0.3], [0.2, 0.3, 0.4]]}, "weights", [3, 1], "(prior probability 0.75)"),
        ({"skeletons": [[0.1, 0.2, 0.3]]}, "prior_sd", 0.8, "standard deviation 0.8"),
        ({"skeletons": [[0.1, 0.2, 0.3]]}, "no_skip", False, "lets dose levels be skipped"),
        ({"skeletons": [[0.1, 0.2, 0.3]]}, "coherent", "cohort", "rate of the last cohort is at or above the target"),
        ({"skeletons": [[0.1, 0.2, 0.3]]}, "stop_if_too_toxic", False, None),
        ({"skeletons": [[0.1, 0.2, 0.3]]}, "stop_if_too_toxic", {"threshold": 0.8}, "> 0.25 | data) > 0.8"),
        ({"skeletons": [[0.1, 0.2, 0.3]]}, "recommend_untried", True, "whether or not it has been given"),
    ],
    "blrm": [
        ({}, "prior_mean", [-1.5, 0.2], "means -1.5 and 0.2"),
        ({}, "prior_sd", [1.2, 0.7], "deviations 1.2 and 0.7"),
        ({}, "prior_correlation", 0.3, "correlation 0.3"),
        ({}, "reference_dose", 200.0, "log(dose / 200 mg)"),
        ({}, "intervals", [0.16, 0.33, 0.5], "target interval from 0.16 to 0.33"),
        ({}, "intervals", [0.2, 0.35, 0.7], "apart above DLT rates of 0.7"),
        ({}, "ewoc", 0.3, "> 0.3; of the others"),
        ({}, "choose", "highest", "of the others the next cohort gets the highest. The probability of the target"),
        ({}, "no_skip", False, "lets dose levels be skipped"),
        ({}, "coherent", "dose", "among all patients at the current dose is above the target"),
        ({}, "recommend_untried", True, "whether or not it has been given"),
    ],
    "monitoring": [
        ({}, "rule", "pocock", "the Pocock boundary"),
        ({}, "rule", "obrien-fleming", "the O'Brien-Fleming boundary"),
        ({}, "limit", 0.3, "P(DLT rate > 0.3 | data)"),
        ({"rule": "pocock"}, "limit", 0.3, "a dose with a DLT rate of 0.3 is stopped"),
        ({}, "threshold", 0.9, "> 0.9 under"),
        ({}, "prior", [0.5, 1.5], "Beta(0.5, 1.5)"),
        ({"rule": "beta-binomial"}, "prior", [0.5, 1.5], "Beta(0.5, 1.5)"),
        ({}, "min_patients", 6, "once at least 6 patients"),
        ({"rule": "pocock"}, "min_patients", 6, "once at least 6 patients"),
        ({"rule": "pocock"}, "alpha", 0.1, "probability of at most 0.1"),
        ({"rule": "wang-tsiatis", "delta": 0.5}, "delta", 0.2, "delta = 0.2"),
        ({"rule": "sprt", "p1": 0.4}, "p1", 0.5, "against a DLT rate of 0.5"),
    ],
    "i3+3": [
        ({}, "epsilon1", 0.1, "from 0.15 to 0.3"),
        ({}, "epsilon2", 0.1, "from 0.2 to 0.35"),
        ({}, "cutoff_eli", 0.9, "> 0.9 under a uniform prior"),
        ({}, "stop_at", 9, "at least 9 patients"),
    ],
    "tpi": [
        ({}, "k1", 1.2, "to 1.2 above it"),
        ({}, "k2", 1.7, "from 1.7 posterior standard deviations"),
        ({}, "cutoff_eli", 0.9, "> 0.9 under a Beta(0.005, 0.005) prior"),
        ({}, "stop_at", 9, "at least 9 patients"),
    ],
    "keyboard": [
        ({}, "half_width", 0.08, "from 0.17 to 0.33"),
        ({}, "cutoff_eli", 0.9, "> 0.9 under a uniform prior"),
        ({}, "stop_at", 9, "at least 9 patients"),
    ],
    "ccd": [
        ({}, "half_width", 0.07, "at most 0.18, de-escalated when it is at least 0.32"),
        ({}, "cutoff_eli", 0.9, "> 0.9 under a uniform prior"),
        ({}, "stop_at", 9, "at least 9 patients"),
    ],
    "table": [
        ({"rows": TABLE}, "rows", [TABLE[0], TABLE[1] | {"decision": "DU"}], ">=1 of >=1, eliminate"),
        ({"rows": TABLE}, "recommend", "highest_cleared", "whose own patients and DLTs say escalate"),
        ({"rows": TABLE}, "cap", 6, "at least 6 patients have been treated at the dose that would be given next"),
    ],
    "boin12": [
        ({}, "p_saf", 0.25, "is above 0.298 (lambda_e)"),
        ({}, "p_tox", 0.55, "is at least 0.449 (lambda_d)"),
        ({}, "cutoff_eli", 0.9, "P(DLT rate > 0.35 | data) exceeds 0.9 under a uniform prior"),
        ({}, "dlts_to_eliminate", 2, "With at least 3 patients and 2 DLTs a dose is eliminated"),
        ({}, "futility", 0.95, "P(response rate < 0.25 | data) exceeds 0.95"),
        ({}, "confine_from", 9, "(lambda_e) with at least 9 patients at the dose"),
        ({}, "explore_from", 6, "With at least 6 patients at a dose whose observed DLT rate does not lead down"),
        ({}, "explore_from", "never", None),
        ({}, "stop_at", 9, "It ends when the last cohort's dose has at least 9 patients."),
        ({}, "stop_at", "never", None),
        ({}, "ties", "lowest", "of equally desirable ones the lowest"),
        ({}, "ties", "highest", "of equally desirable ones the highest"),
    ],
}  # fmt: skip
OPTIONS["mtpi"] = OPTIONS["mtpi2"] = OPTIONS["i3+3"]
# The rolling six has none: those of 3+3 have to be as they are.
for kind, late in LATE_ONSET.items():
    OPTIONS[kind] = [] if kind == "rolling-six" else OPTIONS[late.waits_as.model_fields["kind"].default]
FIXED = {"rolling-six": {"de_escalate", "six_at_top"}, "tite-crm": {"method"}}
OPTIONS["tite-crm"] = [case for case in OPTIONS["crm"] if case[1:3] != ("method", "mle")]

SHARED = [
    ("titration", True, "first tried on one patient each"),
    ("stop_when", {"rule": "patients", "at_least": 12}, "at least 12 patients have been treated in the trial"),
    ("restrict", [{"rule": "no_escalation", "dlts": 4}], "once 4 DLTs have been seen in the trial"),
    ("expansion", {"patients": 14}, "14 further patients are treated at it in cohorts of 3"),
    (
        "optimal_dose",
        {"by": "max_response"},
        "the one with the highest observed response rate, of equal ones the lowest",
    ),
]
SHARED_BASES = {
    "a+b": A_PLUS_B,
    "crm": SKELETON,
    "bma-crm": {"skeletons": [[0.1, 0.2, 0.3]]},
    "table": {"rows": TABLE},
}
SHARED_BASES["tite-crm"] = SHARED_BASES["crm"]


def trial_for(kind: str) -> Trial:
    trial = ONE if kind == "monitoring" else TRIAL
    return trial.model_copy(update={"efficacy": Efficacy(**EFFICACY)}) if kind in BY_RESPONSES else trial


@pytest.mark.parametrize(
    ("kind", "base", "option", "value", "phrase"),
    [pytest.param(kind, *case, id=f"{kind}-{case[1]}={case[2]}") for kind, cases in OPTIONS.items() for case in cases],
)
def test_each_option_is_mentioned(kind, base, option, value, phrase):
    before, after = (
        REGISTRY[kind](**options).description(trial_for(kind)) for options in (base, base | {option: value})
    )
    assert before != after
    if phrase is not None:
        assert phrase in after
        assert phrase not in before


def test_no_option_is_forgotten():
    assert set(OPTIONS) == set(REGISTRY)
    for kind, cases in OPTIONS.items():
        own = set(REGISTRY[kind].model_fields) - set(Design.model_fields) - {"file"}  # a file is read into rows
        own -= FIXED.get(kind, set())
        assert {option for _, option, _, _ in cases} == own, kind
    shared = set(Design.model_fields) - {"kind", "label", "pending"}  # which fits some designs: see test_pending_rules
    assert {option for option, _, _ in SHARED} == shared


@pytest.mark.parametrize("kind", REGISTRY)
@pytest.mark.parametrize(("option", "value", "phrase"), SHARED, ids=[option for option, _, _ in SHARED])
def test_what_every_design_shares(kind, option, value, phrase):
    base, trial = SHARED_BASES.get(kind, {}), trial_for(kind)
    if kind in LATE_ONSET and option == "titration":
        refused = dict(REGISTRY[kind](**base | {option: value}).problems(trial))
        assert any("titration" in f"{name}: {why}" for name, why in refused.items())
        return
    if kind in BY_RESPONSES:  # which have rules of their own
        assert option in dict(REGISTRY[kind](**base | {option: value}).problems(trial))
        return
    trial = trial.model_copy(update={"efficacy": Efficacy(min_response=0.2, max_toxicity=0.4)})
    assert phrase in REGISTRY[kind](**base | {option: value}).description(trial)
    assert phrase not in REGISTRY[kind](**base).description(trial)


@pytest.mark.parametrize("kind", REGISTRY)
def test_the_trial_is_mentioned(kind):
    trial, design = trial_for(kind), REGISTRY[kind](**SHARED_BASES.get(kind, {}))
    text = design.description(trial)
    assert "0.25" in text or kind in ("3+3", "a+b", "rolling-six")  # these have no target
    assert f"At most {trial.max_patients} patients are treated" in text
    assert f"dose level 1 ({trial.dose_names[0]} mg)" in text
    if kind not in ("3+3", "a+b", "rolling-six"):
        assert "in cohorts of 3" in text
    if kind != "monitoring":
        later = trial.model_copy(update={"start_dose": 2})
        assert "The first cohort gets dose level 2 (150 mg)." in design.description(later)


def test_expansion_in_words():
    def text(**options) -> str:
        trial = TRIAL.model_copy(update={"expansion": Expansion(patients=14, **options)})
        return BOIN().description(trial)

    assert "The expansion does not question the RP2D." in text()
    assert "14 further patients are treated at it in cohorts of 4" in text(cohort_size=4)
    assert "P(DLT rate > 0.25 | data) > 0.8" in text(monitoring={"threshold": 0.8})
    assert "all patients at the dose are counted" in text(monitoring={})
    assert "the patients of the expansion are counted" in text(monitoring={"rule": "pocock"})
    own = BOIN(expansion={"patients": 5}).description(TRIAL.model_copy(update={"expansion": Expansion(patients=14)}))
    assert "5 further patients" in own
    assert "14 further" not in own


@in_each_case(CASES)
def test_prose(design, trial):
    """Two paragraphs of sentences, in which nothing is said twice and no number is left out or not one."""
    text = design.description(trial)
    first, second = text.split("\n\n")
    for paragraph in (first, second):
        assert re.fullmatch(r"[A-Zlb].*\.", paragraph)
        assert not re.search(r"  |\bNone\b|\bnan\b|\binf\b|\{|\}|[a-z]_[a-z]+\(|\.\.", paragraph), paragraph
    sentences = re.split(r"(?<=\.) (?=[A-Z])", text.replace("\n\n", " "))
    assert len(set(sentences)) == len(sentences)


@pytest.mark.parametrize("kind", REGISTRY)
def test_references(kind):
    """Full references, each of which the design's page names, too."""
    page = (DOCS / f"{kind}.md").read_text()
    assert REGISTRY[kind].sources
    for reference in REGISTRY[kind].sources:
        author, year = re.match(r"([^,(]+?)(?:,.*?)? \((\d{4})\)\. .*\.$", reference).groups()
        assert author in page
        assert year in page
    for options in SETTINGS[kind]:
        assert set(REGISTRY[kind](**options).references()) <= set(REGISTRY[kind].sources)


def test_references_of_what_is_used():
    assert "O'Quigley J, Shen LZ (1996)" in CRM(**SKELETON, method="mle").references()[0]
    assert any("Lee SM" in reference for reference in CRM(half_width=0.05, prior_mtd=2).references())
    assert not any("Lee SM" in reference for reference in CRM(**SKELETON).references())
    assert Monitoring(rule="sprt", p1=0.5).references()[0].startswith("Goldman AI (1987)")
    pocock = {"patients": 9, "monitoring": {"rule": "pocock"}}
    assert BOIN(expansion=pocock).references()[-1].startswith("Ivanova A")
    trial = TRIAL.model_copy(update={"expansion": Expansion(**pocock)})
    assert BOIN().references(trial)[-1].startswith("Ivanova A")
    assert len(BOIN().references()) == 2


RULE_WORDS = [
    ({"rule": "patients", "at_least": 18}, "at least 18 patients have been treated in the trial"),
    (
        {"rule": "patients_at_dose", "at_least": 9},
        "at least 9 patients have been treated at the dose that would be given next",
    ),
    (
        {"rule": "patients_at_dose", "at_least": 9, "dose": 2},
        "at least 9 patients have been treated at dose level 2 (150 mg)",
    ),
    (
        {"rule": "too_toxic", "threshold": 0.9, "limit": 0.3, "dose": "any"},
        "P(DLT rate > 0.3) > 0.9 at any of the doses (own data, Beta(1, 1) prior)",
    ),
    (
        {"rule": "too_toxic", "threshold": 0.9},
        "P(DLT rate > 0.25) > 0.9 at the lowest dose (own data, Beta(1, 1) prior)",
    ),
    (
        {"rule": "precise", "width": 0.3, "probability": 0.9, "prior": [0.5, 0.5]},
        "the equal-tailed 90 % credible interval of the DLT rate at the dose that would be given next is at most 0.3 "
        "wide (own data, Beta(0.5, 0.5) prior)",
    ),
    ({"rule": "dlts", "at_least": 4}, "at least 4 DLTs have been seen in the trial"),
    (
        {"rule": "unchanged", "cohorts": 3},
        "the last 3 cohorts have all been treated at the dose that would be given next",
    ),
    (
        {"rule": "target_probability", "interval": [0.2, 0.35], "at_least": 0.5, "dose": 3},
        "P(0.2 <= DLT rate <= 0.35) >= 0.5 at dose level 3 (300 mg) (own data, Beta(1, 1) prior)",
    ),
    (
        {"rule": "within_limits", "limits": [0.1, 0.5], "probability": 0.9},
        "the equal-tailed 90 % credible interval of the DLT rate at the dose that would be given next lies within 0.1 "
        "and 0.5 (own data, Beta(1, 1) prior)",
    ),
]


@pytest.mark.parametrize(("rule", "words"), RULE_WORDS)
def test_words_of_a_rule(rule, words):
    design = BOIN(stop_when=rule)
    (stop,) = stops(design.stop_when, TRIAL)
    assert stop.words == words
    nothing = ", and no dose is recommended" if rule["rule"] == "too_toxic" else ""
    assert f"The trial ends when {words}{nothing}." in design.description(TRIAL)


def test_every_rule_has_words():
    assert {rule["rule"] for rule, _ in RULE_WORDS} == set(RULES)
    assert {rule["rule"] for rule, _ in RESTRICTION_WORDS} == set(RESTRICTIONS)


def test_words_of_combined_rules():
    both = {"all": [RULE_WORDS[0][0], RULE_WORDS[1][0]]}
    (stop,) = BOIN(stop_when=both).plan(TRIAL).conduct.stops
    assert stop.words == f"{RULE_WORDS[0][1]} and {RULE_WORDS[1][1]}"
    one_of = BOIN(stop_when={"any": [both, RULE_WORDS[5][0]]})
    assert [stop.words for stop in one_of.plan(TRIAL).conduct.stops] == [stop.words, RULE_WORDS[5][1]]
    assert f"any of the following holds: (1) {stop.words}; (2) {RULE_WORDS[5][1]}." in one_of.description(TRIAL)


RESTRICTION_WORDS = [
    ({"rule": "never_skip"}, "The next dose is at most one level above the last cohort's."),
    (
        {"rule": "never_skip", "when_deescalating": True},
        "The next dose is at most one level above and at most one below the last cohort's.",
    ),
    (
        {"rule": "no_escalation", "dlts": 1},
        "No dose above the last cohort's is given once a DLT has been seen in the trial.",
    ),
    ({"rule": "max_step", "levels": 2}, "The next dose is at most 2 levels above the last cohort's."),
    ({"rule": "max_step", "levels": 1}, "The next dose is at most one level above the last cohort's."),
    ({"rule": "max_step", "factor": 2.5}, "The next dose is at most 2.5 times the last cohort's."),
    (
        {"rule": "never_skip", "above": "highest_tried"},
        "The next dose is at most one level above the highest dose given so far.",
    ),
    (
        {"rule": "max_step", "factor": [2, 1.33], "from_dlts": [0, 1]},
        "The next dose is at most 2 times the last cohort's; once a DLT has been seen, at most 1.33 times it.",
    ),
    (
        {"rule": "max_step", "levels": [3, 2, 1], "from_dlts": [0, 1, 3]},
        "The next dose is at most 3 levels above the last cohort's; once a DLT has been seen, at most 2 levels above "
        "it; once 3 DLTs have been seen, at most one level above it.",
    ),
    (
        {"rule": "max_step", "amount": [100, 150], "from_dose": [0, 150], "above": "highest_tried"},
        "The next dose is at most 100 mg above the highest dose given so far; from a dose of 150 mg on, at most 150 mg "
        "above it.",
    ),
    (
        {"rule": "eliminate", "threshold": 0.95, "limit": 0.3},
        "A dose and all above are eliminated while P(DLT rate > 0.3) > 0.95 at the dose (own data, Beta(1, 1) prior); "
        "when that is the lowest dose the trial ends and no dose is recommended.",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "words"), RESTRICTION_WORDS)
def test_words_of_a_restriction(rule, words):
    assert words in BOIN(restrict=rule).description(TRIAL)


@in_each_case(CASES)
def test_every_stop_has_words(design, trial):
    for stop in design.plan(trial).conduct.stops:
        assert stop.reason in REASON_NAMES
        assert re.fullmatch(r"(at least|a |the |P\().*[a-z)]", stop.words), stop.words


def test_a_plus_b_completes():
    variants = APlusB(**A_PLUS_B, de_escalate=False, full_at_top=False).plan(TRIAL).conduct.stops
    assert [stop.words for stop in variants] == [
        "a dose has proved too toxic",
        "the highest dose has been cleared",
        "at least 6 patients have been treated at the dose that would be given next",
    ]


class Own(Design):
    """A user's own design, which says nothing of itself."""

    kind: str = "own"

    def _plan(self, trial):
        return BOIN()._plan(trial)


def test_a_design_of_ones_own_needs_no_words():
    assert Own().grounds(TRIAL, 1, 3, 2) == "2 of 3 patients with a DLT"
    text = Own(titration=True).description(TRIAL)
    assert text.startswith("Doses are decided on by the design 'own' with a target DLT rate of 0.25.\n\n")
    assert "first tried on one patient each" in text
    assert Own().references() == []
    assert Own().parameters(TRIAL) == {}
