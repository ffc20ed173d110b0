"""What every design has in common."""

from abc import abstractmethod
from collections.abc import Iterator
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, model_validator

from escalation.defaults import MOST_PATIENTS
from escalation.designs.pending import AnyPending, Complete
from escalation.designs.rules import AnyRestriction, Eliminate, PatientsAtDose, Restriction
from escalation.designs.rules.base import MOST_RULES, StoppingRule, lowest_ceiling
from escalation.designs.rules.combination import Condition, alternatives, each_rule, stops
from escalation.designs.words import (
    MONITORING_REFERENCES,
    above_limit,
    conduct_sentences,
    expansion_sentences,
    observed,
    out_of_reach,
    stop_sentences,
)
from escalation.errors import DesignError
from escalation.fields import Flag, Frozen, Text
from escalation.kernels.codes import ELIMINATE, SAME_DOSE, STAY
from escalation.numbers import count_grid
from escalation.plans.choice import ChoicePlan, choice_plan
from escalation.plans.conduct import Criterion, Stop
from escalation.plans.pending import PendingPlan
from escalation.plans.plan import Plan
from escalation.plans.weighed_curves import WeighedCurves
from escalation.trial.choice import Choice
from escalation.trial.expansion import Expansion
from escalation.trial.trial import NOT_WITH_EXPANSION, Trial


def _listed(value: object) -> object:
    """A single rule needs no list around it."""
    return [value] if isinstance(value, dict) else value


class Design(Frozen):
    """Options that every design takes.

    Parameters
    ----------
    label : str, optional
        Name in tables. Default: the kind, then crm-2, crm-3 for repeats.
    titration : bool, default False
        Treat one patient a dose, from the lowest, until the first DLT or the highest dose; then fill up the cohort.
    stop_when : condition, optional
        End the trial when a rule holds, or any or all of several.
    restrict : rule or sequence of rules
        Rules that limit how far the next dose may be from the last.
    expansion : Expansion, optional
        What follows dose escalation at the RP2D. Default: the trial's.
    pending : rule, default { rule = "complete" }
        What is decided while outcomes are pending; such a late-onset design is simulated, and needs `[trial.time]`.
    optimal_dose : Choice, optional
        How an optimal dose is chosen by responses, or by exposure, when the trial is over, up to the RP2D.
    """

    kind: str
    label: Text | None = None
    titration: Flag = False
    stop_when: Condition | None = None
    restrict: Annotated[tuple[AnyRestriction, ...], BeforeValidator(_listed)] = ()
    expansion: Expansion | None = None
    pending: AnyPending = Complete()
    optimal_dose: Choice | None = None

    only_if_given: ClassVar[frozenset[str]] = frozenset({"optimal_dose"})
    sources: ClassVar[tuple[str, ...]] = ()
    """Where the design comes from, as full references."""
    has_own_cohorts: ClassVar[bool] = False
    """Whether the trial's cohort_size is not used."""
    tuned: ClassVar[dict[str, tuple[Any, ...]]] = {}
    """What `tuning` gives, where that is the same in every trial."""
    looks_at_responses: ClassVar[bool] = False
    """Whether doses are decided on by responses beside DLTs."""
    waits_as: ClassVar[type["Design"] | None] = None
    """Of a late-onset design with a name of its own: the design that waits for complete data instead."""

    @model_validator(mode="after")
    def _few_stops(self) -> Self:
        if self.stop_when is None:
            return self
        if sum(1 for _ in each_rule(self.stop_when)) > MOST_RULES:
            raise ValueError(f"stop_when: there are more than {MOST_RULES} rules")
        if len(alternatives(self.stop_when)) > MOST_RULES:
            raise ValueError(f"stop_when: there are more than {MOST_RULES} ways to pick one rule of each `any`")
        return self

    def problems(self, trial: Trial) -> Iterator[tuple[str, str]]:
        """Options that do not fit the trial: (name of the option, what is wrong)."""
        yield from self._problems(trial)
        if self.titration and trial.equal_cohorts is None and not self.has_own_cohorts:
            yield "titration", "needs cohorts of one size, which the last titrated dose's is filled up to"
        for option, rules in (("stop_when", self._stopping_rules), ("restrict", self.restrict)):
            for rule in rules:
                if isinstance(rule, StoppingRule) and rule.asks_model and not self.has_posterior:
                    yield option, f"rule '{rule.rule}': posterior: \"model\" needs a design with a model's posterior"
                yield from ((option, f"rule '{rule.rule}': {problem}") for problem in rule.problems(trial))
        if self.expansion is not None:
            for option, problem in trial.expansion_problems(self.expansion):
                yield f"expansion.{option}", problem
        if self.is_late_onset:
            yield from self._pending_problems(trial)
        if self.optimal_dose is not None:
            yield from self.optimal_dose.problems(trial.efficacy)
        if trial.randomised is not None:
            yield from self._randomised_problems()

    def cautions(self, trial: Trial) -> Iterator[str]:
        """What a user should know about this design on this trial, although it can run."""
        yield from self._cautions(trial)
        if self.titration and not self._titrates(self._plan(trial)):
            yield "titration has no effect with cohorts of 1"
        elif self.titration and trial.start_dose > 1:
            yield f"titration starts at the lowest dose; start_dose = {trial.start_dose} is not used"
        for rule in (*self._stopping_rules, *self.restrict):
            if not any(rule.problems(trial)):
                yield from rule.cautions(trial)
        if self.expansion is not None:
            yield from trial.expansion_cautions(self.expansion)
        if self.is_late_onset and not any(self.pending.problems(self.waiting, trial)):
            yield from self.pending.cautions(self.waiting, trial)
        if not self.looks_at_responses and not any(self.problems(trial)):
            yield from out_of_reach(trial, self.plan(trial))

    def applied_to(self, trial: Trial) -> Trial:
        """The trial as this design runs it: with the design's own expansion, if it has one."""
        return trial if self.expansion is None else trial.model_copy(update={"expansion": self.expansion})

    def choice_plan(self, trial: Trial) -> ChoicePlan | None:
        """How an optimal dose is chosen by responses on a trial that it fits, compiled; None where none is."""
        if self.optimal_dose is None or self.optimal_dose.by_exposure or trial.efficacy is None:
            return None
        return choice_plan(self.optimal_dose, trial.efficacy, self.applied_to(trial).most_patients)

    def eliminating(self, trial: Trial, patients: int, dlts: int) -> Eliminate | None:
        """The rule of `restrict` under which counts at a dose eliminate it, if one does."""
        rules = (rule for rule in self.restrict if isinstance(rule, Eliminate))
        counts = np.array([patients]), np.array([dlts])
        return next((rule for rule in rules if rule.holds(*counts, trial)[0]), None)

    @property
    def chooses_optimal_dose(self) -> bool:
        """Whether an optimal dose is chosen by responses, be it at the end or on the way."""
        at_end = self.optimal_dose is not None and not self.optimal_dose.by_exposure
        return at_end or self.looks_at_responses

    @property
    def chooses_by_exposure(self) -> bool:
        """Whether an optimal dose is chosen by exposure at the end."""
        return self.optimal_dose is not None and self.optimal_dose.by_exposure

    def waits_for_responses(self, trial: Trial) -> bool:
        """Whether decisions, or the end of a trial, wait for responses with a window of their own."""
        return self.chooses_optimal_dose and trial.efficacy is not None and trial.efficacy.window_days is not None

    @property
    def is_late_onset(self) -> bool:
        """Whether doses are decided on while outcomes are pending."""
        return not isinstance(self.pending, Complete)

    @property
    def waiting(self) -> "Design":
        """The design that waits for complete data instead."""
        if self.waits_as is None:
            return self.model_copy(update={"pending": Complete()})
        given = self.model_fields_set - {"kind", "pending"}
        return self.waits_as(**{option: getattr(self, option) for option in given})

    def pending_plan(self, trial: Trial) -> PendingPlan | WeighedCurves | None:
        """What is decided while outcomes are pending, compiled; None where complete data are waited for.

        Raises
        ------
        DesignError
            An option does not fit the trial.
        """
        return self.pending.plan(self.waiting, trial) if self.is_late_onset else None

    def _randomised_problems(self) -> Iterator[tuple[str, str]]:
        """What does not go with a trial in which doses are compared in randomised patients."""
        if self.expansion is not None:
            yield "expansion", f"trial.randomised: {NOT_WITH_EXPANSION}"
        if self.optimal_dose is not None or self.looks_at_responses:
            yield (
                "optimal_dose" if self.optimal_dose is not None else "kind",
                "not with [trial.randomised], which chooses the optimal dose of all designs; leave one of them out",
            )

    def _pending_problems(self, trial: Trial) -> Iterator[tuple[str, str]]:
        for option, problem in self.pending.problems(self.waiting, trial):
            yield "pending" if option == "rule" else f"pending.{option}", problem
        if self.titration:
            instead = "leave out titration, or wait for complete data"
            yield (
                "pending",
                f"late-onset trials are not simulated with titration, which waits for each patient; {instead}",
            )

    def unsimulated(self, trial: Trial) -> Iterator[tuple[str, str]]:
        """Why trials of a design that fits the trial cannot be simulated: (name of the option, what is wrong).

        The next dose of one trial may be asked for all the same.
        """
        if not self.is_late_onset:
            return
        if trial.time is None:
            named = f'rule = "{self.pending.rule}"' if self.waits_as is None else f'kind = "{self.kind}"'
            yield "pending", f"{named} needs [trial.time]: how long patients are pending decides"

    @property
    def has_posterior(self) -> bool:
        """Whether it decides by a model's posterior, which rules can look at."""
        return False

    @property
    def _stopping_rules(self) -> tuple[StoppingRule, ...]:
        return () if self.stop_when is None else tuple(each_rule(self.stop_when))

    @property
    def beta_prior(self) -> tuple[float, float]:
        """Parameters of the Beta prior under which a single dose's rate is looked at; here uniform."""
        return (1.0, 1.0)

    def plan(self, trial: Trial, *, treated: int = 0) -> Plan:
        """Compile the design for a trial.

        Parameters
        ----------
        trial : Trial
        treated : int, default 0
            Patients that were treated already. They may be more than the trial has: there is then room for them, and
            the design decides as it was planned.

        Raises
        ------
        DesignError
            An option does not fit the trial.
        """
        problems = [f"{self.kind}: {option}: {problem}" for option, problem in self.problems(trial)]
        if problems:
            raise DesignError("\n".join(problems))
        plan = self._plan_with_room(trial, treated)
        restrictions = (*self._restrictions(), *self.restrict)
        eliminated = [rule.eliminates(with_room(trial, treated)) for rule in restrictions]
        if any(cells is not None for cells in eliminated):
            cells = np.logical_or.reduce([cells for cells in eliminated if cells is not None])
            cells[1, 0] &= not self._titrates(plan)  # a patient without a DLT eliminates no dose of a titration
            plan = plan.eliminating_by(np.tile(cells, (trial.levels, 1, 1)))
        if self._titrates(plan):
            plan = plan.titrated()
        if restrictions:
            plan = plan.conducted(
                ceiling=lowest_ceiling([rule.ceiling(trial) for rule in restrictions]),
                tried_ceiling=np.min([rule.tried_ceiling(trial) for rule in restrictions], axis=0),
                floor=np.max([rule.floor(trial) for rule in restrictions], axis=0),
            )
        if self.stop_when is not None:
            plan = plan.conducted(stops=(*plan.conduct.stops, *stops(self.stop_when, with_room(trial, treated))))
        return plan.conducted(max_patients=trial.max_patients)

    def tuning(self, trial: Trial) -> dict[str, tuple[Any, ...]]:  # noqa: ARG002
        """What a calibration tries unless it is told: values of the options that are usually tuned, by option.

        None of an option stands for leaving it out. Values that do not go together may be among them.
        """
        return dict(self.tuned)

    def parameters(self, trial: Trial) -> dict[str, float]:  # noqa: ARG002
        """The numbers that the design compares the data at a dose with, by name."""
        return {}

    def grounds(self, trial: Trial, dose: int, patients: int, dlts: int, *, plan: Plan | None = None) -> str:
        """Why the design's table says what it says, as one clause of a sentence.

        Parameters
        ----------
        trial : Trial
        dose : int
            Index of the dose, from 0.
        patients, dlts : int
            At the dose.
        plan : Plan, optional
            The design's for the trial with room for so many patients, where it is at hand; else it is compiled.

        Raises
        ------
        DesignError
            There is no such dose, or there can be no such counts.

        Examples
        --------
        >>> from escalation.designs import BOIN
        >>> BOIN().grounds(Trial(doses=[50, 150], target=0.25, max_patients=36), 0, 3, 2)
        '2 of 3 patients with a DLT is a rate of 0.667, above lambda_d = 0.298'
        """
        if not 0 <= dose < trial.levels:
            raise DesignError(f"dose: index {dose} should be from 0 to {trial.levels - 1}")
        if not 1 <= patients <= MOST_PATIENTS:
            raise DesignError(f"patients: {patients} should be from 1 to {MOST_PATIENTS}")
        if not 0 <= dlts <= patients:
            raise DesignError(f"dlts: {dlts} should be from 0 to {patients}")
        rule = self.eliminating(trial, patients, dlts)
        if rule is None and plan is not None and plan.table is not None and not plan.conduct.titration:
            return self._grounds(trial, dose, patients, dlts, int(plan.table.codes[dose, patients, dlts]))
        codes, titrated = _own_codes(self, trial, max(patients - trial.max_patients, 0))
        code = None if codes is None else int(codes[dose, patients, dlts])
        rule = None if code == ELIMINATE else rule
        if titrated and (code == ELIMINATE or rule is not None) and (patients, dlts) == (1, 0):
            return f"{observed(patients, dlts)}, which eliminates no dose after titration"
        if rule is not None:
            return above_limit(rule.limit_in(trial), patients, dlts, rule.prior, rule.threshold)
        if code is None:
            return observed(patients, dlts)
        return self._grounds(trial, dose, patients, dlts, code)

    def description(self, trial: Trial) -> str:
        """The design in the words of a protocol's methods section.

        Returns
        -------
        str
            Two paragraphs with a blank line between them: how doses are decided on, and what else decides.

        Raises
        ------
        DesignError
            An option does not fit the trial.
        """
        plan = self.plan(trial)
        decisions = self.pending.in_place or " ".join(self._decisions_in_words(trial))
        return f"{decisions}\n\n{' '.join(self.further_rules(trial, plan))}"

    def further_rules(self, trial: Trial, plan: Plan) -> Iterator[str]:
        """What else decides under the design's plan, in sentences: the conduct, when it ends, what is recommended."""
        trial = self.applied_to(trial)
        yield from conduct_sentences(trial, plan)
        yield from self._limits_in_words(trial)
        yield from (rule.words(trial) for rule in self.restrict)
        if self.is_late_onset:
            yield self.pending.words(self.waiting, trial)
        yield from stop_sentences(plan, expands=trial.expansion is not None)
        yield from self._recommendation_in_words(trial)
        yield from expansion_sentences(trial)
        if self.optimal_dose is not None and (words := self.optimal_dose.words(trial.efficacy)):
            yield words
        if trial.randomised is not None and trial.efficacy is not None:
            yield trial.randomised.words(trial.efficacy)

    def references(self, trial: Trial | None = None) -> list[str]:
        """Full references of the design with these options, and of its expansion's monitoring, or the trial's."""
        expansion = self.expansion if self.expansion is not None or trial is None else trial.expansion
        monitored = None if expansion is None else expansion.monitoring
        late = self.pending.references(self.waiting) if self.is_late_onset else ()
        itself = self.waiting if self.is_late_onset else self
        found = [*itself._references(), *late, *(() if monitored is None else MONITORING_REFERENCES[monitored.rule])]
        found += () if self.optimal_dose is None else self.optimal_dose.references
        found += () if trial is None or trial.randomised is None else trial.randomised.references
        return list(dict.fromkeys(found))

    def _references(self) -> tuple[str, ...]:
        return self.sources

    def _grounds(self, trial: Trial, dose: int, patients: int, dlts: int, code: int) -> str:  # noqa: ARG002
        """As `grounds`, for a design with a table whose code for these counts is given."""
        return observed(patients, dlts)

    def _decisions_in_words(self, trial: Trial) -> Iterator[str]:
        """Sentences on how the design's own rules decide on the next dose."""
        yield f"Doses are decided on by the design {self.kind!r} with a target DLT rate of {trial.target:g}."

    def _limits_in_words(self, trial: Trial) -> Iterator[str]:  # noqa: ARG002
        """Sentences on the design's own limits to escalation, and on what ends the trial but for its plan's stops."""
        yield from ()

    def _recommendation_in_words(self, trial: Trial) -> Iterator[str]:  # noqa: ARG002
        """Sentences on the dose that the design recommends at the end."""
        yield from ()

    def _restrictions(self) -> tuple[Restriction, ...]:
        """The rules that are options of the design's own."""
        return ()

    def _titrates(self, plan: Plan) -> bool:
        return self.titration and bool(plan.conduct.sizes[0, 0] > 1)

    def _problems(self, trial: Trial) -> Iterator[tuple[str, str]]:  # noqa: ARG002
        """What of the design's own options does not fit the trial, as `problems`."""
        yield from ()

    def _cautions(self, trial: Trial) -> Iterator[str]:  # noqa: ARG002
        """What to know about the design's own options, as `cautions`."""
        yield from ()

    @abstractmethod
    def _plan(self, trial: Trial) -> Plan:
        """The plan of the design's own rules."""

    def _plan_with_room(self, trial: Trial, treated: int) -> Plan:
        """The plan of the design's own rules, with tables for all who were treated."""
        return self._plan(with_room(trial, treated))


@lru_cache(maxsize=4)
def _own_codes(design: Design, trial: Trial, beyond: int) -> tuple[NDArray[np.int8] | None, bool]:
    """The design's own table, if it has one, with more patients than planned; and whether titration goes before it."""
    plan = design._plan_with_room(trial, trial.max_patients + beyond)
    return None if plan.table is None else plan.table.codes, design._titrates(plan)


def with_room(trial: Trial, treated: int) -> Trial:
    """The trial, or one for as many patients as were treated."""
    return trial.model_copy(update={"max_patients": max(trial.max_patients, treated)})


def never_reached(option: str, patients: int | None, trial: Trial) -> Iterator[str]:
    """A caution about a number of patients at which something would happen, if the trial is smaller."""
    if patients is not None and patients > trial.max_patients:
        yield f"{option} = {patients} is never reached: the trial has at most {trial.max_patients} patients"


def patients_reach(number: int | None, place: int, reason: int, trial: Trial) -> tuple[Stop, ...]:
    """The rule 'patients at dose' as a design's own option, which gives a reason of its own; none for None."""
    if number is None:
        return ()
    rule = PatientsAtDose(at_least=number)
    criterion, words = rule.criterion(trial), rule.words(trial)
    if place == SAME_DOSE:  # unlike the rule it lets a trial come to a dose with so many patients from another
        words = f"at least {number} patients have been treated at the current dose and it would be given again"
    return (Stop(reason, (Criterion(place, criterion.holds),), words),)


def by_first_rule(levels: int, rules: list[tuple[NDArray[np.bool_], int]]) -> NDArray[np.int8]:
    """Codes that are the same at every dose, int8[D, N + 1, N + 1]: of the first rule that applies, else STAY.

    A rule is bool[N + 1, N + 1], by patients and DLTs, and a code. Cells that no trial can reach, without patients or
    with more DLTs than patients, say STAY.
    """
    applies, codes = zip(*rules, strict=True)
    patients, dlts = count_grid(len(applies[0]) - 1)
    table = np.select(applies, codes, STAY)
    table[(patients == 0) | (dlts > patients)] = STAY
    return np.repeat(table[None].astype(np.int8), levels, axis=0)
