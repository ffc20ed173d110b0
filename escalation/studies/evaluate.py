"""One evaluation: what designs do at settings under truths, each exactly, or why there is nothing to say.

Every study that is exact asks questions: of a setting, which is a design with its trial, under some truths. Each gets
an answer or is refused. Here is what runs them, wherever, and the few numbers that settings and sizes are chosen by.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from math import isnan
from typing import Any, Literal, TypeVar, Unpack, get_args

from escalation.defaults import MOST_PATIENTS
from escalation.designs import Design
from escalation.engines.allowance import Allowance
from escalation.errors import EscalationError, ScenarioError, StateSpaceError, brief
from escalation.kernels.codes import SLACK
from escalation.names import suggestion
from escalation.scenario.grid import Grid
from escalation.scenario.truths.sets import TruthSet
from escalation.studies.work.options import Limits, Progress, Work, allowance, silent
from escalation.studies.work.pieces import DEFAULT, exact_expectations, finished
from escalation.studies.work.refusal import Refused, answered
from escalation.trial.calendar import DAYS_PER_MONTH
from escalation.trial.trial import Trial

Answer = TypeVar("Answer")
Key = TypeVar("Key")


def as_answered(
    work: Callable[..., Answer], questions: Iterable[tuple[Any, ...] | Refused], executor: Executor | None = None
) -> Iterator[tuple[int, Answer | Refused]]:
    """The number of each question, from 0, and its answer, as they come; see `pieces.finished`."""
    return finished(answered, ((work, question) for question in questions), executor)


def evaluate(
    work: Callable[..., Answer],
    questions: Iterable[tuple[Any, ...] | Refused],
    total: tuple[int, str],
    *,
    evaluation: float = 0.0,
    designs: int = 1,
    progress: Progress = silent,
    executor: Executor | None = None,
    **limits: Unpack[Limits],
) -> list[Answer | Refused]:
    """The answers in the order of the questions; `total` says how many steps there are, one for each, and of what.

    Each state is looked at again for the seconds of `evaluation` by all questions of a setting, if they say so;
    so many `designs` share the time.
    """
    at_once = 1 if executor is not None else os.cpu_count() or 1
    allowed = allowance(limits, evaluation=evaluation, designs=designs, at_once=at_once)
    found = {}
    with progress(*total) as step:
        for number, answer in as_answered(partial(work, allowance=allowed), questions, executor):
            found[number] = answer
            step()
    return [found[number] for number in range(len(found))]


def evaluate_designs(
    work: Callable[..., Answer],
    designs: Mapping[str, Design],
    asked: Sequence[tuple[Any, ...]],
    what: str,
    evaluation: float = 0.0,
    **how: Unpack[Work],
) -> tuple[dict[str, list[Answer]], dict[str, str]]:
    """What each design answers to the same questions, by label; and why those that the exact engine refuses do not.

    Raises an EscalationError if it refuses all.
    """
    questions = ((design, *one) for design in designs.values() for one in asked)
    found = iter(
        evaluate(work, questions, (len(designs) * len(asked), what), evaluation=evaluation, designs=len(designs), **how)
    )
    answers, refusals = divided({label: whole([next(found) for _ in asked]) for label in designs})
    if not answers:
        label, reason = next(iter(refusals.items()))
        raise EscalationError(f"no design can be evaluated exactly; '{brief(label)}': {reason}")
    return answers, refusals


def whole(answers: Iterable[Answer | Refused]) -> list[Answer] | Refused:
    """All answers, or the first refusal among them."""
    found: list[Answer] = []
    for answer in answers:
        if isinstance(answer, Refused):
            return answer
        found.append(answer)
    return found


def divided(found: Mapping[Key, Answer | Refused]) -> tuple[dict[Key, Answer], dict[Key, str]]:
    """The answers; and of what was refused, why."""
    return (
        {key: answer for key, answer in found.items() if not isinstance(answer, Refused)},
        {key: answer.reason for key, answer in found.items() if isinstance(answer, Refused)},
    )


def possible(settings: Grid, *asked: Any) -> Iterator[tuple[Any, ...] | Refused]:
    """A question of each setting: its design and trial, and what is asked of all; refused where it is not possible."""
    for number in range(len(settings)):
        try:
            setting = settings[number]
        except ScenarioError as error:
            yield Refused(error.problems[0])
        else:
            yield setting.design, setting.trial, *asked


Objective = Literal["mean-pcs", "worst-pcs", "mean-pcs-obd", "worst-pcs-obd"]
OBJECTIVES: tuple[Objective, ...] = get_args(Objective)

OF_OBD: tuple[Objective, ...] = ("mean-pcs-obd", "worst-pcs-obd")
"""Those that look at the optimal dose instead of the recommended one."""

IN_WORDS: dict[Objective, str] = {
    "mean-pcs": "mean PCS",
    "worst-pcs": "worst PCS",
    "mean-pcs-obd": "mean P(correct OBD)",
    "worst-pcs-obd": "worst P(correct OBD)",
}
"""What they are called on a page."""

NO_CHOICE = "it chooses no optimal dose, which optimal_dose = { by = ... } would say how to"
"""Why a design has no objective of these."""

MOST_DAYS = 1e9
"""Of a bound on the duration."""


@dataclass(frozen=True)
class Assessment:
    """A design on a set of truths; exact. None where no truth of the set can say."""

    mean_pcs: float  # probability of correct selection: mean
    worst_pcs: float  # and least
    # Mean probability that more than 60 % of the patients are treated above the MTD, where a dose is correct.
    overdosing: float | None
    # Largest probability of recommending no dose where one is correct; for a single dose the type I error of stopping.
    false_stopping: float | None
    power: float | None  # least probability of recommending no dose where none is correct
    patients: float  # mean number
    duration: float | None = None  # mean days; None without a calendar, or where they are not known
    # Probability that the truth's optimal dose is chosen, or none where it has none; None where it is not asked for.
    mean_pcs_obd: float | None = None
    worst_pcs_obd: float | None = None

    def objective(self, objective: Objective) -> float:
        """The probability that is asked for."""
        value = getattr(self, objective.replace("-", "_"))
        assert isinstance(value, float)
        return value


def assess(
    design: Design,
    trial: Trial,
    truths: TruthSet,
    allowance: Allowance = DEFAULT,
    *,
    timed: bool = False,
    chosen: bool = False,
) -> Assessment:
    """Enumerate a design's trials and assess them; how long they take, and the optimal dose, where that is asked for.

    Raises StateSpaceError where it takes too much, and where the design chooses no optimal dose that is asked for.
    """
    if chosen and not design.chooses_optimal_dose and not design.chooses_by_exposure:
        raise StateSpaceError(NO_CHOICE)
    responses = len(truths) if chosen else 0
    found = exact_expectations(design, trial, truths, timed=timed, responses=responses, allowance=allowance)
    duration = float(found.duration.mean())
    right = found.correct.any(axis=1)
    pcs_obd = None if found.responses is None else found.responses.pcs_obd
    return Assessment(
        mean_pcs=float(found.pcs.mean()),
        worst_pcs=float(found.pcs.min()),
        overdosing=float(found.overdosing[right].mean()) if right.any() else None,
        false_stopping=float(found.no_selection[right].max()) if right.any() else None,
        power=float(found.no_selection[~right].min()) if not right.all() else None,
        patients=float(found.sample_size.mean()),
        duration=None if isnan(duration) else duration,
        mean_pcs_obd=None if pcs_obd is None else float(pcs_obd.mean()),
        worst_pcs_obd=None if pcs_obd is None else float(pcs_obd.min()),
    )


def check_objective(objective: Objective, truths: TruthSet, designs: Iterable[Design]) -> None:
    """Refuse an objective that there is not, or of which truths or designs cannot say, with an EscalationError."""
    if objective not in OBJECTIVES:
        raise EscalationError(f"objective: {objective!r} should be one of {', '.join(OBJECTIVES)}")
    if objective in OF_OBD and truths.joint is None and any(design.chooses_by_exposure for design in designs):
        raise EscalationError(f"objective {objective}: exact, and an optimal dose by exposure is simulated only")
    if objective in OF_OBD and truths.joint is None:
        raise EscalationError(
            f"objective {objective}: {truths.description}: not all have response rates and an optimal dose; those of a "
            "file with [trial.efficacy] can, and the generator 'shi' draws some"
        )


@dataclass(frozen=True)
class Limit:
    """A bound on a number of an assessment."""

    quantity: str  # an attribute of `Assessment`
    bound: float  # power is to be at least this, everything else at most

    @property
    def words(self) -> str:
        """The limit for a page."""
        relation = "at least" if self.quantity == "power" else "at most"
        return f"{NAMES[self.quantity]} {relation} {self.shown(self.bound, 'g')}"

    def shown(self, value: float, form: str) -> str:
        """A value of the quantity for a page."""
        if self.quantity == "patients":
            return f"{value:{form}}"
        if self.quantity == "duration":
            return f"{value / DAYS_PER_MONTH:{form}} months"
        return f"{100 * value:{form}} %"

    def met(self, assessment: Assessment) -> bool:
        """Whether an assessment is within it."""
        return self.excess(assessment) <= SLACK

    def excess(self, assessment: Assessment) -> float:
        """How far an assessment is beyond it; negative inside."""
        value = getattr(assessment, self.quantity)
        assert isinstance(value, float)
        return self.bound - value if self.quantity == "power" else value - self.bound


NAMES = {
    "overdosing": "overdosing",
    "false_stopping": "false stopping",
    "power": "power",
    "patients": "mean number of patients",
    "duration": "mean duration",
}
"""Numbers that can be limited, as a page calls them."""


TOO_MANY = "with their days the trials have more states than are allowed"
"""Why a duration is not known where it could be."""

WANTED = {
    "patients": (MOST_PATIENTS, "a number of patients"),
    "duration": (MOST_DAYS, "a number of days"),
}
"""How large a bound can be, and what it is; all others are probabilities."""


def limits_of(bounds: Iterable[tuple[str, float]], truths: TruthSet, trial: Trial) -> tuple[Limit, ...]:
    """Limits, of which truths and trial can say whether they are met; anything else raises an EscalationError."""
    right = truths.correct.any(axis=1)
    silent = {
        "overdosing": None if right.any() else "no dose is correct in any truth",
        "false_stopping": None if right.any() else "no dose is correct in any truth",
        "power": None if not right.all() else "a dose is correct in every truth; give one in which none is",
        "duration": "the trial has no calendar; [trial.time] says when patients arrive"
        if trial.time is None
        else trial.time.inexact_over_truths,
    }
    limits = []
    for name, bound in bounds:
        if name not in NAMES:
            raise EscalationError(f"no limit '{brief(name)}'{suggestion(name, NAMES)}; there are {', '.join(NAMES)}")
        most, wanted = WANTED.get(name, (1, "a probability, 0 to 1"))
        if isinstance(bound, bool) or not isinstance(bound, int | float) or not 0 <= bound <= most:
            raise EscalationError(f"{NAMES[name]}: {bound!r} should be {wanted}")
        if silent.get(name):
            raise EscalationError(f"{NAMES[name]}: cannot be limited: {silent[name]}")
        limits.append(Limit(name, float(bound)))
    return tuple(limits)
