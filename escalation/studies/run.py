"""A scenario run: every design under every truth, exact and simulated."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from escalation.characteristics.agreement import Agreement, agreement, overall
from escalation.characteristics.benchmark import optimal_pcs, optimal_selection
from escalation.characteristics.one_truth import OperatingCharacteristics, operating_characteristics
from escalation.defaults import SEED, TRIALS
from escalation.engines.endings import Enumeration
from escalation.engines.outcomes import Outcomes
from escalation.errors import EscalationError, StateSpaceError
from escalation.kernels.codes import SLACK
from escalation.names import choose
from escalation.running.standing import standing
from escalation.scenario.file import Scenario
from escalation.scenario.truths.truth import Truth
from escalation.studies.one_design import exact as enumerate_endings
from escalation.studies.one_design import simulate
from escalation.trial.data import InterimData
from escalation.trial.trial import Trial


@dataclass(frozen=True)
class Benchmark:
    """What complete information about every patient would give under one truth; see `optimal`.

    Attributes
    ----------
    selection : tuple of float
        Probability that each dose is recommended.
    pcs : float or None
        Probability that a correct dose is; None where no dose is correct.
    """

    selection: tuple[float, ...]
    pcs: float | None

    def efficiency(self, pcs: float) -> float | None:
        """The PCS of a design as a share of the benchmark's; None where the benchmark has none, or is never correct."""
        return None if self.pcs is None or self.pcs < SLACK else pcs / self.pcs


@dataclass(frozen=True)
class Result:
    """One design under one truth.

    Attributes
    ----------
    design : str
        The design's label.
    truth : Truth
    correct_doses : tuple of int
        1-based; empty when no dose is correct.
    exact, simulated : OperatingCharacteristics or None
    agreement : Agreement or None
        Where both were asked for and could be had.
    benchmark : Benchmark or None
        That of the truth; None for a single dose, where it has no choice, and given the data of a running trial.
    """

    design: str
    truth: Truth
    correct_doses: tuple[int, ...]
    exact: OperatingCharacteristics | None
    simulated: OperatingCharacteristics | None
    agreement: Agreement | None
    benchmark: Benchmark | None

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
    """The results of a scenario.

    Attributes
    ----------
    scenario : Scenario
    results : tuple of Result
        Truth by truth, and design by design within.
    trials, seed : int
        Simulated trials for each result (0: none), and the seed of their patients.
    refusals : dict of str to str
        Designs for which the exact engine refused, and why.
    after : InterimData or None
        The data of a running trial that all results are given.
    departures : tuple of str
        Where these data are not what a design would have done.
    """

    scenario: Scenario
    results: tuple[Result, ...]
    trials: int
    seed: int
    refusals: dict[str, str]
    after: InterimData | None = None
    departures: tuple[str, ...] = ()

    @property
    def agreement(self) -> Agreement | None:
        """How all simulated trials of the run agree with the exact values; None when nothing was compared."""
        compared = [result.agreement for result in self.results if result.agreement is not None]
        return overall(compared) if compared else None


def run(
    scenario: Scenario,
    *,
    designs: Iterable[str] = (),
    truths: Iterable[str] = (),
    trials: int = TRIALS,
    seed: int = SEED,
    exact: bool = True,
    max_states: int | None = None,
    after: InterimData | str | None = None,
    step: Callable[[], None] = lambda: None,
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
        Whether to enumerate. A design for which the exact engine refuses is simulated only.
    max_states : int, optional
        As for `enumeration.exact`.
    after : InterimData or str, optional
        The data of a running trial, such as "1NNN 2NTT": its conditional operating characteristics.
    step : function, optional
        Called after each design and truth, to show progress.

    Raises
    ------
    EscalationError
        An unknown label or name, data that cannot be read, or a design left with neither an exact nor a simulated
        result.
    """
    if not exact and trials == 0:
        raise EscalationError("neither exact values nor simulated trials are asked for")
    labelled = scenario.designs
    chosen = choose(designs, labelled, "design")
    names = choose(truths, (truth.name for truth in scenario.truth), "truth")
    data = None if after is None else InterimData.of(after, scenario.trial.levels)
    departures = []
    if data is not None:
        for label in chosen:
            found = standing(labelled[label], scenario.trial, data).departures
            departures += [f"design '{label}': {departure}" for departure in found]
    endings, refusals = enumerations(
        scenario, chosen if exact else (), max_states=max_states, required=trials == 0, after=data
    )
    results = []
    for truth in scenario.truth:
        if truth.name not in names:
            continue
        benchmark = None if data is not None else _benchmark(truth, scenario.trial)
        for label in chosen:
            simulated = None
            if trials:
                simulated = simulate(
                    labelled[label], scenario.trial, truth.dlt_rates, trials=trials, seed=seed, after=data
                )
            results.append(_result(label, truth, scenario.trial.target, endings.get(label), simulated, benchmark))
            step()
    return Run(scenario, tuple(results), trials, seed, refusals, data, tuple(departures))


def enumerations(
    scenario: Scenario,
    labels: Iterable[str],
    *,
    max_states: int | None,
    required: bool,
    after: InterimData | None = None,
) -> tuple[dict[str, Enumeration], dict[str, str]]:
    """The endings of designs, by label; and of those for which the exact engine refuses, why.

    Raises
    ------
    StateSpaceError
        A refusal, where exact values are required.
    """
    endings: dict[str, Enumeration] = {}
    refusals: dict[str, str] = {}
    for label in labels:
        try:
            endings[label] = enumerate_endings(
                scenario.designs[label], scenario.trial, max_states=max_states, after=after
            )
        except StateSpaceError as refusal:
            if required:
                raise
            refusals[label] = str(refusal)
    return endings, refusals


def _benchmark(truth: Truth, trial: Trial) -> Benchmark | None:
    """The benchmark under a truth; None for a single dose."""
    if trial.levels == 1:
        return None
    correct = truth.correct_doses(trial.target)
    chosen = np.isin(np.arange(1, trial.levels + 1), correct)
    pcs = float(optimal_pcs(truth.dlt_rates, chosen, trial)) if correct else None
    return Benchmark(tuple(optimal_selection(truth.dlt_rates, trial).tolist()), pcs)


def _result(
    label: str,
    truth: Truth,
    target: float,
    endings: Enumeration | None,
    simulated: Outcomes | None,
    benchmark: Benchmark | None,
) -> Result:
    correct = truth.correct_doses(target)
    expected = None if endings is None else endings.outcomes(truth.dlt_rates)
    return Result(
        design=label,
        truth=truth,
        correct_doses=correct,
        exact=None if expected is None else operating_characteristics(expected, correct),
        simulated=None if simulated is None else operating_characteristics(simulated, correct),
        agreement=None if expected is None or simulated is None else agreement(expected, simulated, correct),
        benchmark=benchmark,
    )
