"""A randomised comparison of doses after dose escalation."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from escalation.defaults import MOST_PATIENTS
from escalation.errors import DesignError
from escalation.fields import Count, FitsTogether, Flag, Fraction, Frozen, Positive, Rate, Whole
from escalation.trial.efficacy import Efficacy
from escalation.trial.joint import INDEPENDENT, Association
from escalation.trial.merit import MOST_ARMS, Hypotheses, error_rates, largest_arm

MOST_PER_DOSE = 500

Rule = Literal["merit", "difference", "utility"]

MARGINS = "max_dlts", "min_responses"
"""Of "merit", where they are given."""

RATES = "dlt_rates", "response_rates", "alpha"
"""Of "merit", where margins are worked out."""

OPTIONS: dict[Rule, tuple[str, ...]] = {
    "merit": (*MARGINS, *RATES, "association"),
    "difference": ("margin",),
    "utility": (),
}


class Interim(Frozen):
    """Looks at which an arm is closed.

    Parameters
    ----------
    after : sequence of int
        Patients in each arm at each look.
    dlt_limit : float, optional
        An arm is closed, with those above it, when P(DLT rate > this | its data) exceeds `dlt_threshold`.
    response_limit : float, optional
        An arm is closed when P(response rate < this | its data) exceeds `response_threshold`.
    dlt_threshold, response_threshold : float, default 0.95
    prior : (float, float), default (0.1, 0.1)
        The Beta prior of either rate.
    """

    after: Annotated[tuple[Count, ...], Field(min_length=1)]
    dlt_limit: Fraction | None = None
    response_limit: Fraction | None = None
    dlt_threshold: Fraction = 0.95
    response_threshold: Fraction = 0.95
    prior: tuple[Positive, Positive] = (0.1, 0.1)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if any(low >= high for low, high in pairwise(self.after)):
            raise ValueError("after: should increase from each look to the next")
        if self.dlt_limit is None and self.response_limit is None:
            raise ValueError("after: a look needs dlt_limit, response_limit or both")
        for what in ("dlt", "response"):
            if f"{what}_threshold" in self.model_fields_set and getattr(self, f"{what}_limit") is None:
                raise ValueError(f"{what}_threshold: has no effect without {what}_limit")
        return self

    def words(self) -> str:
        """The looks as a sentence."""
        looks = ", ".join(map(str, self.after[:-1]))
        looks = f"{looks} and {self.after[-1]}" if looks else str(self.after[-1])
        prior = f"under a Beta({self.prior[0]:g}, {self.prior[1]:g}) prior"
        found = []
        if self.dlt_limit is not None:
            found.append(
                f"with those above it when the probability of a DLT rate above {self.dlt_limit:g} exceeds "
                f"{self.dlt_threshold:g}"
            )
        if self.response_limit is not None:
            found.append(
                f"when the probability of a response rate below {self.response_limit:g} exceeds "
                f"{self.response_threshold:g}"
            )
        return (
            f"After {looks} patients in each arm an arm is closed {', and '.join(found)}, {prior} and by the arm's own "
            "patients. The dose of a closed arm is not chosen."
        )


class Randomised(FitsTogether):
    """Doses that patients are randomised to when dose escalation is over, and the choice between them.

    The arms are the RP2D and the next lower doses, those that have been given. Patients come on top of those in dose
    escalation.

    Parameters
    ----------
    patients_per_dose : int
        New patients in each arm.
    rule : {"merit", "difference", "utility"}
        "merit": the lowest dose that is acceptable by its numbers of DLTs and of responses, which are made to increase
        with the dose; none where no dose is. "difference": the lowest dose, but a higher one whose response rate is
        more than `margin` above that of the dose so far, arm by arm. "utility": the dose with the largest mean utility,
        the lowest of equal ones.
    doses : int, default 2
        Arms at most.
    max_dlts, min_responses : int, optional
        Of "merit": the most DLTs and the fewest responses of an acceptable dose, among `patients_per_dose`.
    dlt_rates, response_rates : (float, float), optional
        Of "merit", in place of the two: an unacceptable and an acceptable rate. The margins are then those with the
        largest power, of finding an acceptable dose, that keep to `alpha`.
    alpha : float, optional
        The largest probability of finding any dose acceptable where none is, over all ways that the doses can have
        these rates; for as many arms as `doses` says, and without interim looks.
    association : Association, optional
        How a patient's DLT and response go together where the margins are worked out. Default: they are independent.
    margin : float, optional
        Of "difference", which needs it.
    interim : Interim, optional
        Looks at which an arm is closed.
    pool_escalation : bool, default False
        Whether patients whom dose escalation treated at these doses count when the dose is chosen. Not with "merit",
        whose margins are for arms of one size.

    Source: `REFERENCES`; the rule of "difference" is published for two arms.
    """

    patients_per_dose: Annotated[Whole, Field(ge=1, le=MOST_PER_DOSE)]
    rule: Rule
    doses: Annotated[Whole, Field(ge=2, le=4)] = 2
    max_dlts: Annotated[Whole, Field(ge=0)] | None = None
    min_responses: Annotated[Whole, Field(ge=0)] | None = None
    dlt_rates: tuple[Fraction, Fraction] | None = None
    response_rates: tuple[Fraction, Fraction] | None = None
    alpha: Fraction | None = None
    association: Association | None = None
    margin: Rate | None = None
    interim: Interim | None = None
    pool_escalation: Flag = False

    only_if_given: ClassVar[frozenset[str]] = frozenset(
        {*MARGINS, *RATES, "association", "margin", "interim"},
    )

    def _problems(self) -> Iterator[str]:
        options = [option for names in OPTIONS.values() for option in names]
        given = [option for option in options if getattr(self, option) is not None]
        foreign = [option for option in given if option not in OPTIONS[self.rule]]
        for option in foreign:
            yield f'{option}: not an option of rule = "{self.rule}"'
        if self.rule == "difference" and self.margin is None:
            yield 'margin: needed by "difference": by how much a higher dose should have a higher response rate'
        if self.rule == "merit":
            yield from self._merit_problems(given)
        if self.rule == "merit" and self.pool_escalation:
            yield 'pool_escalation: not with "merit", whose margins are for arms of one size; leave it out'
        if self.interim is not None and self.interim.after[-1] >= self.patients_per_dose:
            yield (
                f"interim.after: a look after {self.interim.after[-1]} patients should be before the last of "
                f"{self.patients_per_dose}"
            )

    def _merit_problems(self, given: list[str]) -> Iterator[str]:
        margins, rates = [name for name in MARGINS if name in given], [name for name in RATES if name in given]
        if margins and rates:
            yield f"{rates[0]}: gives the margins as well; leave it out, or {' and '.join(margins)}"
        elif rates or "association" in given:
            yield from (f"{name}: needed, for margins that are worked out" for name in RATES if name not in given)
        elif len(margins) < len(MARGINS):
            missing = [name for name in MARGINS if name not in given]
            instead = ", ".join(RATES)
            yield from (f'{name}: needed by "merit", or {instead} for margins that are worked out' for name in missing)
        for name in margins:
            number = getattr(self, name)
            if number > self.patients_per_dose:
                yield f"{name}: {number} should be at most patients_per_dose = {self.patients_per_dose}"
        for option, problem in rate_problems(self.dlt_rates, self.response_rates):
            yield f"{option}: {problem}"
        if rates and self.doses > MOST_ARMS:
            yield f"doses: margins are worked out for at most {MOST_ARMS} arms; give max_dlts and min_responses"
        elif rates and self.patients_per_dose > largest_arm(self.doses):
            yield (
                f"patients_per_dose: margins are worked out for at most {largest_arm(self.doses)} in each of "
                f"{self.doses} arms; give max_dlts and min_responses"
            )

    def problems(self, levels: int, efficacy: Efficacy | None, escalated: int) -> Iterator[tuple[str, str]]:
        """What does not fit a trial with so many doses and patients in escalation: (name of the option, problem)."""
        if levels < 2:
            yield "doses", "a comparison needs two dose levels; the trial has one"
        if efficacy is None:
            yield "", "needs [trial.efficacy], which says which doses are acceptable"
        elif efficacy.max_toxicity is None:
            yield "", "needs max_toxicity in [trial.efficacy]: the highest acceptable DLT rate of an optimal dose"
        if escalated + self.patients_per_dose > MOST_PATIENTS:
            at_dose = escalated + self.patients_per_dose
            yield "patients_per_dose", f"{at_dose} patients at a dose in all; at most {MOST_PATIENTS} are possible"

    def arms(self, patients: Sequence[int], recommended: int) -> tuple[int, ...]:
        """The dose levels that are compared, from 1, by the patients at each dose and the recommended dose."""
        tried = [dose for dose in range(1, recommended + 1) if patients[dose - 1] > 0]
        return tuple(tried[-self.doses :])

    @property
    def hypotheses(self) -> Hypotheses | None:
        """What the margins are worked out for; None where they are given, or there are none."""
        if self.dlt_rates is None or self.response_rates is None:
            return None
        return Hypotheses(self.dlt_rates, self.response_rates, self.association or INDEPENDENT, self.doses)

    @property
    def margins(self) -> tuple[int, int]:
        """Of "merit": the most DLTs and the fewest responses of an acceptable dose, given or worked out.

        Raises
        ------
        DesignError
            None keep to alpha.
        """
        if self.max_dlts is not None and self.min_responses is not None:
            return self.max_dlts, self.min_responses
        assert self.hypotheses is not None
        assert self.alpha is not None
        found = error_rates(self.hypotheses, self.patients_per_dose).best(self.alpha, "II")
        if found is None:
            raise DesignError(
                f"trial.randomised.alpha: no margins keep to {self.alpha:g} with {self.patients_per_dose} patients "
                "an arm"
            )
        return found

    def words(self, efficacy: Efficacy) -> str:
        """The comparison as sentences."""
        lower = "the next lower one" if self.doses == 2 else f"up to {self.doses - 1} lower ones"
        pooled = "count as well" if self.pool_escalation else "do not count"
        looks = "" if self.interim is None else f" {self.interim.words()}"
        return (
            f"When dose escalation has recommended a dose, {self.patients_per_dose} new patients each are randomised "
            f"to that dose and {lower}, of those that have been given; where there is no lower one that dose is the "
            f"only arm.{looks} The optimal dose is then {self._chosen(efficacy)}. Patients whom dose escalation "
            f"treated at these doses {pooled}. Without a recommended dose there is no comparison and no optimal dose."
        )

    def _chosen(self, efficacy: Efficacy) -> str:
        if self.rule == "merit":
            dlts, responses = self.margins
            return (
                f"the lowest one with at most {dlts} DLTs and at least {responses} responses, when these numbers are "
                "made to increase with the dose by isotonic regression; none where there is no such dose"
            )
        if self.rule == "difference":
            return (
                f"the lowest one, unless the response rate of the next higher one is more than {self.margin:g} above it"
                + ("" if self.doses == 2 else "; so on from dose to dose")
            )
        worth = efficacy.utility
        return (
            f"the one with the largest mean utility (a response without a DLT is worth {worth.eff}, neither "
            f"{worth.none}, both {worth.both}, a DLT without a response {worth.tox}), of equal ones the lowest"
        )

    @property
    def references(self) -> tuple[str, ...]:
        """Where the rule comes from."""
        return REFERENCES[self.rule]


def rate_problems(
    dlt_rates: tuple[float, float] | None, response_rates: tuple[float, float] | None
) -> Iterator[tuple[str, str]]:
    """What is wrong with pairs of an unacceptable and an acceptable rate: (name of the option, what is wrong)."""
    if dlt_rates is not None and dlt_rates[0] <= dlt_rates[1]:
        yield "dlt_rates", f"the unacceptable rate, {dlt_rates[0]:g}, should be above the acceptable, {dlt_rates[1]:g}"
    if response_rates is not None and response_rates[0] >= response_rates[1]:
        low, high = response_rates
        yield "response_rates", f"the unacceptable rate, {low:g}, should be below the acceptable, {high:g}"


MERIT = (
    "Yang P, Li D, Lin R, Huang B, Yuan Y (2024) Design and sample size determination for multiple-dose randomized "
    "phase II trials for dose optimization. Stat Med 43:2972-2986."
)
ROSE = "Wang S, Yuan Y, Liu S (2025) ROSE: randomized optimal selection design for dose optimization. arXiv:2505.03898."
MEAN_UTILITY = (
    "Gu X, Xu C, Xu L, Yuan Y (2026) A utility score framework for dose optimization studies with binary "
    "efficacy-safety endpoints: sample size determination and bias characterization. arXiv:2603.15884."
)
REFERENCES: dict[Rule, tuple[str, ...]] = {"merit": (MERIT,), "difference": (ROSE,), "utility": (MEAN_UTILITY,)}
