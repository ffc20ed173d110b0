"""How good a design is on a set of truths, in the few numbers that settings and sizes are chosen by."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from escalation.characteristics.many_truths import Expectations
from escalation.defaults import MOST_PATIENTS
from escalation.designs import Design
from escalation.errors import EscalationError, StateSpaceError
from escalation.kernels.codes import SLACK
from escalation.names import suggestion
from escalation.scenario.truths.sets import TruthSet
from escalation.studies.work.pieces import exact_expectations
from escalation.trial.trial import Trial

Objective = Literal["mean-pcs", "worst-pcs"]
OBJECTIVES: tuple[Objective, ...] = get_args(Objective)


@dataclass(frozen=True)
class Assessment:
    """A design on a set of truths; exact. None where no truth of the set can say.

    Attributes
    ----------
    mean_pcs, worst_pcs : float
        Mean and least probability of correct selection.
    overdosing : float or None
        Mean probability that more than 60 % of the patients are treated above the MTD, of the truths in which a dose is
        correct.
    false_stopping : float or None
        Largest probability of recommending no dose, of the truths in which a dose is correct. For a single dose this is
        the type I error of stopping it.
    power : float or None
        Least probability of recommending no dose, of the truths in which none is correct.
    patients : float
        Mean number.
    """

    mean_pcs: float
    worst_pcs: float
    overdosing: float | None
    false_stopping: float | None
    power: float | None
    patients: float

    def objective(self, objective: Objective) -> float:
        """The PCS that is asked for."""
        return self.mean_pcs if objective == "mean-pcs" else self.worst_pcs


def assessed(found: Expectations) -> Assessment:
    """The numbers of a design's exact means."""
    right = found.correct.any(axis=1)
    return Assessment(
        mean_pcs=float(found.pcs.mean()),
        worst_pcs=float(found.pcs.min()),
        overdosing=float(found.overdosing[right].mean()) if right.any() else None,
        false_stopping=float(found.no_selection[right].max()) if right.any() else None,
        power=float(found.no_selection[~right].min()) if not right.all() else None,
        patients=float(found.sample_size.mean()),
    )


def assess(design: Design, trial: Trial, truths: TruthSet, max_states: int | None = None) -> Assessment:
    """Enumerate a design's trials and assess them.

    Raises
    ------
    DesignError
        A ValueError: the design or the truths do not fit the trial.
    StateSpaceError
        The exact engine refuses.
    """
    return assessed(exact_expectations(design, trial, truths, max_states=max_states))


def attempt(design: Design, trial: Trial, truths: TruthSet, max_states: int | None = None) -> Assessment | str:
    """As `assess`, or why the exact engine refuses."""
    try:
        return assess(design, trial, truths, max_states)
    except StateSpaceError as refusal:
        return str(refusal)


@dataclass(frozen=True)
class Limit:
    """A bound on a number of an assessment.

    Attributes
    ----------
    quantity : str
        An attribute of `Assessment`.
    bound : float
        Power is to be at least this, everything else at most.
    """

    quantity: str
    bound: float

    @property
    def words(self) -> str:
        """The limit for a page."""
        if self.quantity == "patients":
            return f"{NAMES[self.quantity]} at most {self.bound:g}"
        relation = "at least" if self.quantity == "power" else "at most"
        return f"{NAMES[self.quantity]} {relation} {100 * self.bound:g} %"

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
}
"""Numbers that can be limited, as a page calls them."""


def limits_of(bounds: Iterable[tuple[str, float]], truths: TruthSet) -> tuple[Limit, ...]:
    """Limits, of which the truths can say whether they are met.

    Raises
    ------
    EscalationError
        An unknown name, a bound that is no probability or no number of patients, or truths that cannot say.
    """
    right = truths.correct.any(axis=1)
    silent = {
        "overdosing": None if right.any() else "no dose is correct in any truth",
        "false_stopping": None if right.any() else "no dose is correct in any truth",
        "power": None if not right.all() else "a dose is correct in every truth; give one in which none is",
    }
    limits = []
    for name, bound in bounds:
        if name not in NAMES:
            raise EscalationError(f"no limit '{name}'{suggestion(name, NAMES)}; there are {', '.join(NAMES)}")
        most, wanted = (MOST_PATIENTS, "a number of patients") if name == "patients" else (1, "a probability, 0 to 1")
        if isinstance(bound, bool) or not isinstance(bound, int | float) or not 0 <= bound <= most:
            raise EscalationError(f"{NAMES[name]}: {bound!r} should be {wanted}")
        if silent.get(name):
            raise EscalationError(f"{NAMES[name]}: cannot be limited: {silent[name]}")
        limits.append(Limit(name, float(bound)))
    return tuple(limits)
