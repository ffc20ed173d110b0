"""Simulated TITE-CRM trials against a list of events with its own posterior, trial by trial."""

import random
from collections.abc import Iterator

import pytest

from escalation import BMACRM, CRM, Trial
from escalation.designs import Design
from escalation.designs.pending import Weigh
from escalation.engines.clock import keys_of
from escalation.engines.outcomes import Outcomes
from escalation.engines.patients import tolerances
from tests.naive.late_onset_model import Curves, LateModelTrial
from tests.naive.test_late_onset import COUNTED, random_trial, simulated
from tests.support import levels


def curves_of(design: CRM | BMACRM, given: Weigh, trial: Trial) -> Curves:
    """The options of a design and its rule, as the list of events takes them."""
    single = isinstance(design, CRM)
    skeletons = [design.prior_rates(trial).tolist()] if single else design.skeletons
    shares = [1.0] if single else (design.weights or [1.0] * len(skeletons))
    stop = design.stop_if_too_toxic or None
    asked = design.stop_when if design.stop_when is not None and hasattr(design.stop_when, "interval") else None
    return Curves(
        target=trial.target,
        skeletons=skeletons,
        shares=shares,
        prior_sd=design.prior_sd,
        logistic=single and design.model == "logistic",
        plugin=single and design.estimate == "plugin",
        too_toxic=None if stop is None else (stop.threshold, stop.margin),
        coherent=design.coherent,
        adaptive=given.weights == "adaptive",
        most_pending=given.most_pending or 1.0,
        recommends_untried=design.recommend_untried,
        intervals=() if asked is None else (asked.interval,),
    )


def random_model(draw: random.Random, trial: Trial) -> tuple[Design, Weigh]:
    options: dict = {
        "coherent": draw.choice(["cohort", "dose", "recent", "off"]),
        "prior_sd": draw.choice([0.7, 1.34**0.5, 2.0]),
        "recommend_untried": draw.random() < 0.3,
    }
    if draw.random() < 0.4:
        options["no_skip"] = draw.choice([False, "highest_tried"])
    if draw.random() < 0.4:
        options["stop_if_too_toxic"] = {"threshold": draw.choice([0.7, 0.9]), "margin": draw.choice([0.0, 0.05])}
    if draw.random() < 0.3:
        options["stop_when"] = draw.choice(
            [
                {"rule": "patients_at_dose", "at_least": draw.choice([6, 9])},
                {"rule": "too_toxic", "threshold": 0.8},
                {"rule": "unchanged", "cohorts": 3},
                {"rule": "target_probability", "interval": (0.15, 0.35), "at_least": 0.55, "posterior": "model"},
            ]
        )
    if draw.random() < 0.3:
        options["restrict"] = [
            draw.choice([{"rule": "no_escalation", "dlts": 2}, {"rule": "eliminate", "threshold": 0.85}])
        ]
    given = {}
    if draw.random() < 0.4:
        given["weights"] = "adaptive"
    if draw.random() < 0.4:
        given["most_pending"] = draw.choice([0.25, 0.5, 0.75])
    if draw.random() < 0.2:
        skeletons = [
            [0.5 * (dose + k) / (trial.levels + 2) for dose in range(1, trial.levels + 1)]
            for k in range(draw.choice([1, 2, 3]))
        ]
        return BMACRM(skeletons=skeletons, **{"stop_if_too_toxic": False, **options}), Weigh(**given)
    options["half_width"] = draw.choice([0.04, 0.06, 0.08])
    options["prior_mtd"] = draw.randint(1, trial.levels)
    options["model"] = draw.choice(["power", "power", "logistic"])
    options["estimate"] = draw.choice(["plugin", "plugin", "mean"])
    return CRM(**options), Weigh(**given)


def differences(
    outcomes: Outcomes,
    design: CRM | BMACRM,
    given: Weigh,
    trial: Trial,
    seed: int,
    events: type[LateModelTrial] = LateModelTrial,
) -> Iterator[str]:
    """What is not as in the list of events, trial by trial."""
    keys, drawn = keys_of(seed, 0), tolerances(seed, 0, trial.most_patients)
    plan, curves = given.plan(design, trial).plan, curves_of(design, given, trial)
    for at in range(len(outcomes.reason)):
        told = [float(one) / 2**32 for one in drawn[at]]
        played = events(trial, plan, curves, outcomes.rates.tolist(), told, int(keys[at])).play()
        if played.n != outcomes.patients[at].tolist() or played.y != outcomes.dlts[at].tolist():
            yield f"trial {at}: {played.n} {played.y}, not {outcomes.patients[at]} {outcomes.dlts[at]}"
        reason = {7: 3, 9: 3}.get(played.reason, played.reason)
        if reason != outcomes.reason[at]:
            yield f"trial {at}: reason {reason}, not {outcomes.reason[at]}"
        if played.recommended() != outcomes.recommended[at]:
            yield f"trial {at}: {played.recommended()} recommended, not {outcomes.recommended[at]}"
        for name, column in COUNTED.items():
            if abs(played.counts[name] - outcomes.times[at, column]) > 1e-6:
                yield f"trial {at}: {name} {played.counts[name]}, not {outcomes.times[at, column]}"


def compared(seed: int, trials: int) -> tuple[object, list[str]]:
    """A random setting, and what is not as in the list of events."""
    draw = random.Random(seed)
    while True:
        trial = random_trial(draw, CRM(half_width=0.05, prior_mtd=1))
        design, given = random_model(draw, trial)
        if not any(design.problems(trial)) and not any(given.problems(design, trial)):
            break
    rates = sorted(draw.choice([0.02, 0.1, 0.2, 0.3, 0.4, 0.6]) for _ in range(trial.levels))
    outcomes = simulated(design, given.plan(design, trial), trial, rates, trials, seed)
    return (design, given, trial, rates), list(differences(outcomes, design, given, trial, seed))


@pytest.mark.parametrize("seed", range(16))
def test_trial_by_trial(seed):
    setting, wrong = compared(seed, 10)
    assert not wrong, (setting, wrong[:5])


@pytest.mark.long
@pytest.mark.parametrize("first", range(100, 250, 25))
def test_many_settings(first):
    for seed in range(first, first + 25):
        setting, wrong = compared(seed, 8)
        assert not wrong, (setting, wrong[:5])


class HoldIgnored(LateModelTrial):
    """Whoever comes is treated at the current dose while accrual should be held."""

    def answer(self, day, *, full=False):
        said, what = super().answer(day, full=full)
        return ("go", self.dose) if said == "hold" else (said, what)


class PendingForgotten(LateModelTrial):
    """Who is pending is left out of the likelihood."""

    def weight(self, one, day):
        return 0.0


class AllAlike(LateModelTrial):
    """Adaptive weights rise with time alone."""

    def weight(self, one, day):
        return max((day - one.entry) / self.window, 0.0)


class StepBehind(LateModelTrial):
    """Follow-up is told a day late."""

    def weight(self, one, day):
        return super().weight(one, max(day - 1, one.entry))


class ADayLater(LateModelTrial):
    """A window of 29 days in place of 28."""

    @property
    def window(self):
        return self.trial.dlt_window_days + 1


class CohortOnly(LateModelTrial):
    """A DLT of an earlier cohort bars no escalation."""

    def is_incoherent(self, day, n, y):
        return any(one.dlt and self.is_known(one, day) for one in self.counted(day) if one.cohort == self.cohort)


TIMED = Trial(
    doses=levels(4),
    target=0.25,
    max_patients=24,
    cohort_size=1,
    dlt_window_days=28,
    time={"accrual_per_month": 6, "onset": {"kind": "weibull", "late_share": 0.8}},
)


@pytest.mark.parametrize(
    ("wrong", "given", "coherent"),
    [
        (HoldIgnored, Weigh(most_pending=0.5), "off"),
        (PendingForgotten, Weigh(), "off"),
        (AllAlike, Weigh(weights="adaptive"), "off"),
        (StepBehind, Weigh(), "off"),
        (ADayLater, Weigh(), "off"),
        (CohortOnly, Weigh(), "recent"),
    ],
)
def test_what_is_wrong_is_noticed(wrong, given, coherent):
    design, rates = CRM(half_width=0.06, prior_mtd=3, coherent=coherent), [0.2, 0.35, 0.5, 0.6]
    outcomes = simulated(design, given.plan(design, TIMED), TIMED, rates, 60, 4)
    assert not list(differences(outcomes, design, given, TIMED, 4))
    assert any(differences(outcomes, design, given, TIMED, 4, wrong))
