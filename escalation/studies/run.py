"""A scenario run: every design under every truth, exact and simulated."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from escalation.characteristics.agreement import Agreement, agreement, overall
from escalation.characteristics.anchored import Anchor, Anchored, anchored
from escalation.characteristics.benchmark import optimal_pcs, optimal_selection
from escalation.characteristics.exposures import Exposures
from escalation.characteristics.one_truth import OperatingCharacteristics, operating_characteristics
from escalation.characteristics.responses import Responses, exact_responses, simulated_responses
from escalation.defaults import SEED, TRIALS
from escalation.designs import Design
from escalation.engines.allowance import Allowance
from escalation.engines.endings import Enumeration
from escalation.engines.joint import JointEndings
from escalation.engines.late_onset import EndingsByTruth
from escalation.engines.optimal import ExactChoice, chosen_in_trials, counted, exact_choice
from escalation.engines.outcomes import OptimalDoses, Outcomes
from escalation.engines.randomised import ExactComparison, Stage, compared_in_trials
from escalation.errors import EscalationError, OutcomesError, StateSpaceError
from escalation.kernels.codes import SLACK
from escalation.names import choose
from escalation.plans.choice import ChoicePlan
from escalation.plans.clock import clock_of
from escalation.plans.randomised import RandomisedPlan, randomised_plan
from escalation.running.standing import DEPENDS_ON_DAYS
from escalation.running.start import departures_of, start_of
from escalation.scenario.file import Scenario
from escalation.scenario.truths.truth import Truth
from escalation.studies.one_design import endings_within, simulate, under_each_truth
from escalation.studies.work.options import Effort, Progress, silent
from escalation.studies.work.refusal import Refused, answered
from escalation.trial.data import NO_EXPOSURES, NO_RESPONSES, InterimData
from escalation.trial.joint import JointRates
from escalation.trial.trial import Trial

EVALUATION = 3e-8
"""Seconds for which a state is looked at again for all operating characteristics under a truth."""

RESULT, RESULT_OF_A_TRIAL = 9e-3, 4e-7
"""Seconds for all that is made of a design under a truth, its page included; and for each of its simulated trials."""

TIMED_PATIENT = 6e-8
"""And for each patient who comes to a simulated trial with a calendar."""

RESPONDING_PATIENT = 4e-8
"""And for each patient who may respond."""

EXPOSED_PATIENT = 7e-8
"""And for each patient by whose exposure a dose may be chosen."""

PAIR, PAIR_OF_A_TRIAL = 3e-3, 1e-7
"""Likewise for a pair of designs under a truth."""

PAIR_OF_A_TIMED_TRIAL = 2e-7
"""And for their difference in days in each trial with a calendar."""

REPORT_ON_A_TRUTH, REPORT_ON_A_RESULT = 0.25, 0.13
"""And for the figures of a report: on a truth, and on each design under it."""

RESPONSES_ON_A_TRUTH, RESPONSES_ON_A_RESULT = 0.3, 0.05
"""Likewise for those of responses."""


@dataclass(frozen=True)
class Benchmark:
    """What complete information about every patient would give under one truth."""

    selection: tuple[float, ...]  # probability that each dose is recommended
    pcs: float | None  # probability that a correct dose is; None where no dose is correct

    def efficiency(self, pcs: float) -> float | None:
        """The PCS of a design as a share of the benchmark's; None where the benchmark has none, or is never correct."""
        return None if self.pcs is None or self.pcs < SLACK else pcs / self.pcs


@dataclass(frozen=True)
class Result:
    """One design under one truth."""

    design: str  # its label
    truth: Truth
    correct_doses: tuple[int, ...]  # 1-based; empty when no dose is correct
    exact: OperatingCharacteristics | None
    simulated: OperatingCharacteristics | None
    agreement: Agreement | None  # where both were asked for and could be had
    # That of the truth; None for a single dose, where it has no choice, and given the data of a running trial.
    benchmark: Benchmark | None
    anchored: Anchored | None = None  # means of simulated trials that lean on exact ones, where that gains anything

    @cached_property
    def best(self) -> OperatingCharacteristics:
        """The exact operating characteristics, else those of simulated trials with their anchored means."""
        if self.exact is not None:
            return self.exact
        assert self.simulated is not None
        return self.simulated if self.anchored is None else self.anchored.within(self.simulated)

    def numbers(self, oc: OperatingCharacteristics) -> dict[str, Any]:
        """Operating characteristics of either engine as a tree, with the `efficiency` of the design."""
        return {**oc.to_dict(), "efficiency": self._efficiency(oc.pcs)}

    def standard_errors(self, oc: OperatingCharacteristics) -> dict[str, Any] | None:
        """Their Monte Carlo standard errors, under the same names; None where they have none."""
        return None if oc.mcse is None else {**oc.mcse, "efficiency": self._efficiency(oc.mcse["pcs"])}

    def _efficiency(self, pcs: float) -> float | None:
        return None if self.benchmark is None else self.benchmark.efficiency(pcs)


@dataclass(frozen=True)
class Run:
    """The results of a scenario."""

    scenario: Scenario
    results: tuple[Result, ...]  # truth by truth, and design by design within
    trials: int  # simulated ones for each result; 0 for none
    seed: int  # of their patients
    refusals: dict[str, str]  # designs for which the exact engine refused, and why
    after: InterimData | None = None  # the data of a running trial that all results are given
    departures: tuple[str, ...] = ()  # where these data are not what a design would have done

    @property
    def shown(self) -> set[str]:
        """Labels of the designs of which there are results."""
        return {result.design for result in self.results}

    @property
    def left_out(self) -> dict[str, str]:
        """Labels of the designs of which there are none, and why."""
        return {label: reason for label, reason in self.refusals.items() if label not in self.shown}

    @property
    def agreement(self) -> Agreement | None:
        """How all simulated trials of the run agree with the exact values; None when nothing was compared."""
        compared = [result.agreement for result in self.results if result.agreement is not None]
        return overall(compared) if compared else None


@dataclass(frozen=True)
class Evidence:
    """What both engines say of a design under a truth."""

    design: str  # its label
    truth: Truth
    correct_doses: tuple[int, ...]  # 1-based; empty when no dose is correct
    exact: Outcomes | Refused | None  # None where it was not asked for
    simulated: Outcomes | None
    anchor: Anchor | None = None  # the same trials as they wait for complete data, of a design that does not
    exact_responses: Responses | None = None  # where the truth has any
    simulated_responses: Responses | None = None
    exact_exposures: Exposures | None = None  # where the truth has any
    simulated_exposures: Exposures | None = None

    @property
    def chosen(self) -> tuple[Responses | Exposures | None, Responses | Exposures | None]:
        """What decides on the optimal dose, exact and simulated; of a design that chooses none, either."""
        by_exposure = self.simulated_exposures is not None and self.simulated_exposures.pcs is not None
        responses, exposures = (
            (self.exact_responses, self.simulated_responses),
            (self.exact_exposures, self.simulated_exposures),
        )
        return exposures if by_exposure or responses == (None, None) else responses

    @property
    def is_known(self) -> bool:
        """Whether either engine says anything: without simulated trials a design that is refused is left out."""
        return self.simulated is not None or isinstance(self.exact, Outcomes)


Endings = Enumeration | EndingsByTruth | JointEndings | Refused
"""What can be asked for exact outcomes under a truth, or why there are none."""


@dataclass(frozen=True)
class Pass:
    """One pass over designs and truths, for what a run and a comparison make of the evidence."""

    scenario: Scenario
    designs: list[str]  # labels
    truths: list[str]  # names
    trials: int  # simulated ones of each design under each truth; 0 for none
    seed: int
    exact: bool = True
    after: InterimData | None = None
    max_states: int | None = None
    max_seconds: float | None = None
    max_memory: float | None = None
    progress: Progress = silent
    pairs: int = 0  # of designs that are compared with each other
    is_reported: bool = False  # with figures

    @property
    def has_responses(self) -> bool:
        """Whether responses can be had where a truth has any: from the first patient, or from data that have them."""
        return self.after is None or self.after.responses is not None

    @property
    def allowance(self) -> Allowance:
        """What it may take."""
        designs = len(self.designs)
        evaluation = EVALUATION * len(self.truths)
        return Allowance(self.max_states, self.max_seconds, self.max_memory, evaluation, designs, at_once=designs)

    @cached_property
    def _joints(self) -> dict[str, JointRates | None]:
        """DLTs and responses under each truth."""
        return {truth.name: truth.joint for truth in self.scenario.truth}

    def check(self) -> None:
        """Refuse what would take too long or too much memory, by estimate."""
        trial = self.scenario.trial
        designs = ((label, self.scenario.designs[label]) for label in self.designs)
        simulated = [
            (label, one)
            for label, design in designs
            for one in ([design, design.waiting] if self._leans(design) else [design])
        ]
        plans = ((label, start_of(design, trial, self.after).plan) for label, design in simulated)
        on_truth, on_result = REPORT_ON_A_TRUTH, REPORT_ON_A_RESULT
        if trial.efficacy is not None:
            on_truth, on_result = on_truth + RESPONSES_ON_A_TRUTH, on_result + RESPONSES_ON_A_RESULT
        result = RESULT + RESULT_OF_A_TRIAL * self.trials + on_result * self.is_reported
        truth = len(self.designs) * result + on_truth * self.is_reported
        pair = PAIR_OF_A_TRIAL + PAIR_OF_A_TIMED_TRIAL * (trial.time is not None)
        truth += self.pairs * (PAIR + pair * self.trials)
        replace(self.allowance, at_once=1).check_trials(
            plans,
            trials=self.trials,
            truths=len(self.truths),
            timed=_timed(trial)
            + RESPONDING_PATIENT * _responding(trial)
            + EXPOSED_PATIENT * trial.most_patients * any(one.chooses_by_exposure for _, one in simulated),
            further=len(self.truths) * truth,
        )

    def evidence(self) -> Iterator[Evidence]:
        """Truth by truth, and design by design within; one at a time, because simulated trials are large."""
        self.check()
        trial = self.scenario.trial
        designs = {label: self.scenario.designs[label] for label in self.designs}
        with self.progress(len(self.designs) * len(self.truths), "designs x truths") as step:
            endings = {label: self._endings(design) for label, design in designs.items()} if self.exact else {}
            choices = OptimalDoseChoices(self) if trial.randomised is None else RandomisedComparisons(self)
            waiting: dict[str, Enumeration | None] = {}
            for truth in self.scenario.truth:
                for label, design in designs.items() if truth.name in self.truths else ():
                    expected = self._expected(endings, label, truth)
                    simulated = self._simulated(design, truth) if self.trials else None
                    if isinstance(expected, Refused) and label not in waiting:
                        waiting[label] = self._waiting(design)
                    anchors, anchor = waiting.get(label), None
                    if anchors is not None:
                        anchor = Anchor(anchors.outcomes(truth.dlt_rates), self._simulated(design.waiting, truth))
                    found = Evidence(label, truth, truth.correct_doses(trial.target), expected, simulated, anchor)
                    yield choices.added_to(_with_exposures(found))
                    step()

    def _simulated(self, design: Design, truth: Truth) -> Outcomes:
        return simulate(
            design,
            self.scenario.trial,
            truth if self.has_responses else truth.dlt_rates,
            trials=self.trials,
            seed=self.seed,
            after=self.after,
            max_memory=self.max_memory,
        )

    def _leans(self, design: Design) -> bool:
        """Whether simulated trials can lean on the exact means of the design that waits for complete data."""
        return design.is_late_onset and self.exact and self.trials > 0

    def _waiting(self, design: Design) -> Enumeration | None:
        """The endings of the design that waits, where trials can lean on them and the exact engine does not refuse."""
        if not self._leans(design):
            return None
        found = answered(endings_within, (design.waiting, self.scenario.trial, self.after, self.allowance))
        return found if isinstance(found, Enumeration) else None

    def _endings(self, design: Design) -> Endings:
        """The endings of a design, or why there are none."""
        joints = [self._joints[truth.name] for truth in self.scenario.truth if truth.name in self.truths]
        return answered(under_each_truth, (design, self.scenario.trial, self.after, self.allowance, joints))

    def _expected(self, endings: dict[str, Endings], label: str, truth: Truth) -> Outcomes | Refused | None:
        """What a design is expected to do under a truth; what is refused under one is not tried under the next."""
        known = endings.get(label)
        if known is None or isinstance(known, Refused):
            return known
        asked = self._joints[truth.name] if isinstance(known, JointEndings) else truth.dlt_rates
        found = answered(known.outcomes, (asked,))
        if isinstance(found, Refused):
            endings[label] = found
        return found


class OptimalDoseChoices:
    """What responses add to the evidence of a pass; what all truths share of a choice is worked out once."""

    def __init__(self, passed: Pass) -> None:
        self.passed = passed
        self.known: dict[str, tuple[NDArray[np.int16], ExactChoice]] = {}

    def added_to(self, one: Evidence) -> Evidence:
        """Evidence with its responses; without its exact part where the choice of an optimal dose takes too long."""
        joint, efficacy = one.truth.joint, self.passed.scenario.trial.efficacy
        known = next((found for found in (one.exact, one.simulated) if isinstance(found, Outcomes)), None)
        if joint is None or efficacy is None or known is None or not self.passed.has_responses:
            return one
        plan = self.passed.scenario.designs[one.design].choice_plan(known.trial)
        best = one.truth.optimal_dose(efficacy) if one.truth.knows_optimal_dose(efficacy) else None
        told = joint, efficacy.utility, best
        expected, simulated = one.exact, one.simulated
        if isinstance(expected, Outcomes):
            law = None if plan is None else answered(self._law, (one.design, expected, plan, joint))
            if isinstance(law, Refused):
                one = replace(one, exact=law)
            else:
                one = replace(one, exact_responses=exact_responses(expected, *told, law))
        if simulated is not None:
            chosen = simulated.optimal if plan is None else chosen_in_trials(simulated, plan)
            counts = None if chosen is None else (chosen, counted(simulated, chosen))
            one = replace(one, simulated_responses=simulated_responses(simulated, *told, counts))
        return one

    def _law(self, design: str, exact: Outcomes, plan: ChoicePlan, joint: JointRates) -> OptimalDoses:
        """The law of the optimal dose over exact outcomes; raises StateSpaceError where that takes too long."""
        patients, choice = self.known.get(design, (None, None))
        if choice is None or patients is not exact.patients:
            choice = exact_choice(exact, plan, self.passed.allowance.seconds_each)
            self.known[design] = exact.patients, choice
        return choice.law(exact.probability, joint)


class RandomisedComparisons:
    """What responses add to the evidence of a pass where doses are compared in randomised patients."""

    def __init__(self, passed: Pass) -> None:
        self.passed, self.plan = passed, randomised_plan(passed.scenario.trial)
        self.known: dict[str, tuple[NDArray[np.int16], ExactComparison]] = {}

    def added_to(self, one: Evidence) -> Evidence:
        """Evidence with its responses and its comparison; without its exact part where that takes too long."""
        joint, efficacy = one.truth.joint, self.passed.scenario.trial.efficacy
        assert joint is not None
        assert efficacy is not None
        assert self.plan is not None
        told = joint, efficacy.utility, one.truth.optimal_dose(efficacy)
        expected = one.exact
        if isinstance(expected, Outcomes):
            law = answered(self._law, (one.design, expected, self.plan, joint))
            if isinstance(law, Refused):
                one = replace(one, exact=law)
            else:
                found = replace(exact_responses(expected, *told, law[0]), stage=law[1])
                one = replace(one, exact_responses=found)
        if one.simulated is not None:
            chosen, doses, stage = compared_in_trials(one.simulated, self.plan, joint, self.passed.seed)
            drawn = simulated_responses(one.simulated, *told, (chosen, doses))
            one = replace(one, simulated_responses=replace(drawn, stage=stage))
        return one

    def _law(self, design: str, exact: Outcomes, plan: RandomisedPlan, joint: JointRates) -> tuple[OptimalDoses, Stage]:
        """The law of the optimal dose over exact outcomes; raises StateSpaceError where that takes too long."""
        patients, comparison = self.known.get(design, (None, None))
        if comparison is None or patients is not exact.patients:
            comparison = ExactComparison(exact, plan, self.passed.allowance.seconds_each)
            self.known[design] = exact.patients, comparison
        return comparison.law(exact.probability, joint)


def _responding(trial: Trial) -> int:
    """How many patients of a simulated trial may respond, at most."""
    if trial.efficacy is None:
        return 0
    compared = 0 if trial.randomised is None else trial.randomised.doses * trial.randomised.patients_per_dose
    return trial.most_patients + compared


def _with_exposures(one: Evidence) -> Evidence:
    """Evidence with what its truth's exposures add."""
    if one.truth.exposure is None:
        return one
    best = one.truth.optimal_dose(None) if one.truth.knows_optimal_dose(None) else None
    index = None if best is None else best - 1
    return replace(
        one,
        exact_exposures=Exposures(one.exact, index) if isinstance(one.exact, Outcomes) else None,
        simulated_exposures=None if one.simulated is None else Exposures(one.simulated, index),
    )


def _timed(trial: Trial) -> float:
    """Seconds that a simulated trial's calendar takes: for patients who come, be it in vain or to be replaced."""
    clock = clock_of(trial)
    if clock is None or trial.time is None:
        return 0.0
    waited = clock.window if trial.efficacy is None else trial.efficacy.window_days or clock.window
    comers = 1 / (1 - trial.time.inevaluable) + (waited + clock.review) / clock.mean_gap
    return TIMED_PATIENT * comers * trial.most_patients


def run(
    scenario: Scenario,
    *,
    designs: Iterable[str] = (),
    truths: Iterable[str] = (),
    trials: int = TRIALS,
    seed: int = SEED,
    exact: bool = True,
    after: InterimData | str | None = None,
    **effort: Unpack[Effort],
) -> Run:
    """Run the designs of a scenario under its truths.

    Parameters
    ----------
    scenario : Scenario
    designs, truths : iterable of str
        Labels and names of those to run; all when empty.
    trials : int
        Simulated trials for each design and truth; 0 for none.
    seed : int
    exact : bool
        Whether to enumerate. A design for which the exact engine refuses is simulated only; without simulated trials it
        is left out.
    after : InterimData or str, optional
        The data of a running trial, such as "1NNN 2NTT": its conditional operating characteristics.
    max_states, max_seconds, max_memory, progress : optional
        As for every study; see `studies.work.options.Effort`. A step is a design under a truth.

    Raises
    ------
    EscalationError
        An unknown label or name, data that cannot be read, or designs left with neither an exact nor a simulated
        result.
    """
    if not exact and trials == 0:
        raise EscalationError("neither exact values nor simulated trials are asked for")
    labels = choose(designs, scenario.designs, "design")
    names = choose(truths, (truth.name for truth in scenario.truth), "truth")
    data = None if after is None else InterimData.of(after, scenario.trial)
    departures = []
    choosing = [label for label in labels if scenario.designs[label].chooses_optimal_dose]
    if data is not None and data.responses is None and choosing:
        raise OutcomesError(f"outcomes: design '{choosing[0]}' chooses an optimal dose: {NO_RESPONSES}")
    if data is not None and scenario.trial.randomised is not None:
        raise EscalationError(
            "trial.randomised: a comparison is not gone on with from the data of a running trial; leave out "
            "[trial.randomised] or these data"
        )
    exposed = [label for label in labels if scenario.designs[label].chooses_by_exposure]
    if data is not None and exposed:
        raise OutcomesError(f"outcomes: design '{exposed[0]}' chooses an optimal dose by exposure: {NO_EXPOSURES}")
    results, refusals = [], {}
    if data is not None:
        late = [label for label in labels if scenario.designs[label].is_late_onset]
        if len(late) < len(labels):
            refusals = dict.fromkeys(late, f"{DEPENDS_ON_DAYS}, and is not gone on with from data")
            labels = [label for label in labels if label not in refusals]
        for label in labels:
            found = departures_of(scenario.designs[label], scenario.trial, data)
            departures += [f"design '{label}': {departure}" for departure in found]
    passed = Pass(scenario, labels, names, trials, seed, exact, data, **effort)
    for one in passed.evidence():
        if isinstance(one.exact, Refused):
            refusals[one.design] = one.exact.reason
        if one.is_known:
            results.append(result_of(one, scenario.trial, benchmarked=data is None))
    if not results:
        raise nothing_known(refusals)
    return Run(scenario, tuple(results), trials, seed, refusals, data, tuple(departures))


def nothing_known(refusals: Mapping[str, str]) -> StateSpaceError:
    """The error where every design is refused and no trials are simulated instead."""
    label, reason = next(iter(refusals.items()))
    return StateSpaceError(f"{label}: {reason}; simulated trials (--trials, in Python trials) need no exact values")


def result_of(one: Evidence, trial: Trial, *, benchmarked: bool = True) -> Result:
    """The operating characteristics of a design under a truth."""
    expected = one.exact if isinstance(one.exact, Outcomes) else None
    simulated, correct = one.simulated, one.correct_doses
    means = None if simulated is None or one.anchor is None else anchored(simulated, one.anchor, correct)
    drawn = None if simulated is None else operating_characteristics(simulated, correct)
    if drawn is not None:
        drawn = drawn.with_responses(one.simulated_responses).with_exposures(one.simulated_exposures)
    responses = one.exact_responses, one.simulated_responses
    both = None if responses[0] is None or responses[1] is None else (responses[0], responses[1])
    if drawn is not None and drawn.time is not None and means is not None:
        drawn = replace(drawn, time=replace(drawn.time, gain=means.gains.duration))
    known = None if expected is None else operating_characteristics(expected, correct)
    if known is not None:
        known = known.with_responses(one.exact_responses).with_exposures(one.exact_exposures)
    return Result(
        design=one.design,
        truth=one.truth,
        correct_doses=correct,
        exact=known,
        simulated=drawn,
        anchored=means,
        agreement=None if expected is None or simulated is None else agreement(expected, simulated, correct, both),
        benchmark=_benchmark(one.truth, trial) if benchmarked and trial.levels > 1 else None,
    )


@lru_cache(maxsize=1)
def _benchmark(truth: Truth, trial: Trial) -> Benchmark:
    """The benchmark under a truth, which all designs share."""
    correct = truth.correct_doses(trial.target)
    chosen = np.isin(np.arange(1, trial.levels + 1), correct)
    pcs = float(optimal_pcs(truth.dlt_rates, chosen, trial)) if correct else None
    return Benchmark(tuple(optimal_selection(truth.dlt_rates, trial).tolist()), pcs)
