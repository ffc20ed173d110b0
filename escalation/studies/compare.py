"""Designs against each other under the same truths, exactly and in the same simulated trials."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations, groupby
from statistics import median
from typing import NamedTuple, Unpack

from escalation.characteristics.agreement import Agreement, overall
from escalation.characteristics.paired import (
    EVERY,
    PATIENTS_AT_OBD,
    PCS_OBD,
    Difference,
    Moments,
    Sample,
    agreement_numbers,
    exact_numbers,
    moments,
    samples,
    simulated_numbers,
)
from escalation.defaults import SEED, TRIALS
from escalation.engines.outcomes import DURATION, Outcomes
from escalation.errors import EscalationError
from escalation.names import choose
from escalation.scenario.file import Scenario
from escalation.studies.run import Evidence, Pass, Result, Run, nothing_known, result_of
from escalation.studies.work.options import Effort
from escalation.studies.work.refusal import Refused


@dataclass(frozen=True)
class Comparison:
    """The designs of a scenario against each other.

    Attributes
    ----------
    scenario : Scenario
    differences : tuple of Difference
        Truth by truth, pair by pair within, and quantity by quantity within a pair.
    trials, seed : int
        Simulated trials for each design and truth (0: none), and the seed of their patients.
    refusals : dict of str to str
        Designs for which the exact engine refused, and why.
    """

    scenario: Scenario
    differences: tuple[Difference, ...]
    trials: int
    seed: int
    refusals: dict[str, str]

    @property
    def compared(self) -> list[str]:
        """Labels of the designs that were compared, in the order of the file."""
        found = {label for one in self.differences for label in (one.design, one.reference)}
        return [label for label in self.scenario.designs if label in found]

    @property
    def left_out(self) -> dict[str, str]:
        """Labels of the designs of which no difference is known, and why."""
        return {label: reason for label, reason in self.refusals.items() if label not in self.compared}

    @property
    def agreement(self) -> Agreement | None:
        """How all simulated differences agree with the exact ones, familywise; None when nothing was compared."""
        compared = [
            Agreement(
                max_abs_z=None if one.z is None else abs(one.z),
                p_value=one.p_value,
                worst=f"{one.quantity}, {one.design} - {one.reference}, {one.truth}",
            )
            for one in self.differences
            if one.p_value is not None
        ]
        return overall(compared) if compared else None

    @property
    def gains(self) -> dict[str, float]:
        """For each quantity the median gain over pairs and truths, without differences that do not vary."""
        known = {
            name: [one.gain for one in self.differences if one.quantity == name and one.gain is not None]
            for name in EVERY
        }
        return {name: median(gains) for name, gains in known.items() if gains}


def compare(
    scenario: Scenario,
    *,
    designs: Iterable[str] = (),
    truths: Iterable[str] = (),
    reference: str | None = None,
    trials: int = TRIALS,
    seed: int = SEED,
    **effort: Unpack[Effort],
) -> Comparison:
    """Compare the designs of a scenario with each other under its truths.

    Parameters
    ----------
    scenario : Scenario
    designs, truths : iterable of str
        Labels and names of those to compare; all when empty.
    reference : str, optional
        Label of the design that all others are compared with; it need not be among `designs`. By default each design is
        compared with every earlier one.
    trials : int
        Simulated trials for each design and truth; 0 for none.
    seed : int
    max_states, max_seconds, max_memory, progress : optional
        As for every study; see `studies.work.options.Effort`. A step is a design under a truth.

    Raises
    ------
    EscalationError
        An unknown label or name, fewer than two designs, or a refusal of the exact engine when no trials are simulated.

    Examples
    --------
    >>> from escalation import BOIN, Scenario, ThreePlusThree, Trial, Truth
    >>> trial = Trial(doses=[50, 150, 300, 600], target=0.25, max_patients=36)
    >>> truth = Truth(name="MTD at 300", dlt_rates=[0.05, 0.12, 0.25, 0.40])
    >>> scenario = Scenario(name="example", trial=trial, design=[ThreePlusThree(), BOIN()], truth=[truth])
    >>> for one in compare(scenario, trials=0).differences:
    ...     print(f"{one.quantity}, {one.design} - {one.reference}: {one.exact:+.3f}")
    pcs, boin - 3+3: +0.256
    patients_above_mtd, boin - 3+3: +3.013
    sample_size, boin - 3+3: +20.636
    total_dlts, boin - 3+3: +4.335
    stop_toxic, boin - 3+3: -0.027
    """
    labels = _compared(scenario, designs, reference)
    names = choose(truths, (truth.name for truth in scenario.truth), "truth")
    pairs = len(labels) - 1 if reference is not None else len(labels) * (len(labels) - 1) // 2
    passed = Pass(scenario, labels, names, trials, seed, pairs=pairs, **effort)
    found = _read(passed, passed.evidence(), reference)
    if not found.differences:
        raise nothing_known(found.refusals)
    return found


class RunSettings(Effort, total=False):
    """Keywords of `run_and_compare`, as for `run`."""

    designs: Iterable[str]
    truths: Iterable[str]
    trials: int
    seed: int


def run_and_compare(
    scenario: Scenario,
    *,
    designs: Iterable[str] = (),
    truths: Iterable[str] = (),
    trials: int = TRIALS,
    seed: int = SEED,
    **effort: Unpack[Effort],
) -> tuple[Run, Comparison | None]:
    """A run, and its designs against each other where there are several, from one pass over both."""
    labels = choose(designs, scenario.designs, "design")
    names = choose(truths, (truth.name for truth in scenario.truth), "truth")
    pairs = len(labels) * (len(labels) - 1) // 2
    passed = Pass(scenario, labels, names, trials, seed, pairs=pairs, is_reported=True, **effort)
    results: list[Result] = []

    def noted() -> Iterator[Evidence]:
        for one in passed.evidence():
            if one.is_known:
                results.append(result_of(one, scenario.trial))
            yield one

    found = _read(passed, noted(), None)
    if not results:
        raise nothing_known(found.refusals)
    return Run(scenario, tuple(results), trials, seed, found.refusals), found if found.differences else None


def _compared(scenario: Scenario, designs: Iterable[str], reference: str | None) -> list[str]:
    """Labels of the designs that take part in a comparison, in the order of the file; at least two."""
    subtracted = [] if reference is None else choose([reference], scenario.designs, "design")
    wanted = list(designs)
    labels = choose([*wanted, *subtracted] if wanted else [], scenario.designs, "design")
    if len(labels) < 2:
        raise EscalationError(f"two designs are needed for a comparison; there is only '{labels[0]}'")
    return labels


class _Numbers(NamedTuple):
    """What the engines say of a design under a truth, by quantity: all that is kept of its outcomes."""

    exact: dict[str, Moments] | None
    simulated: dict[str, Sample] | None


def _read(passed: Pass, evidence: Iterable[Evidence], reference: str | None) -> Comparison:
    """The differences, truth by truth: no more is held than the designs' numbers under one."""
    pairs = list(combinations(passed.designs, 2))  # of the design that is subtracted and the one that it is from
    if reference is not None:
        pairs = [(reference, label) for label in passed.designs if label != reference]
    differences: list[Difference] = []
    refusals = {}
    for truth, group in groupby(evidence, key=lambda one: one.truth.name):
        found = {}
        for one in group:
            found[one.design] = _Numbers(
                moments(one.exact, one.correct_doses, one.chosen[0]) if isinstance(one.exact, Outcomes) else None,
                None if one.simulated is None else samples(one.simulated, one.correct_doses, one.chosen[1]),
            )
            if isinstance(one.exact, Refused):
                refusals[one.design] = one.exact.reason
            if not one.is_known:
                del found[one.design]
        for subtracted, design in pairs:
            if not {subtracted, design} <= found.keys():
                continue
            differences += _differences((truth, design, subtracted), found[design], found[subtracted])
    return Comparison(passed.scenario, tuple(differences), passed.trials, passed.seed, refusals)


def _differences(names: tuple[str, str, str], design: _Numbers, reference: _Numbers) -> Iterator[Difference]:
    for quantity in EVERY:
        exact = [None if found.exact is None else found.exact.get(quantity) for found in (design, reference)]
        samples = [None if found.simulated is None else found.simulated.get(quantity) for found in (design, reference)]
        if quantity == DURATION and not any(exact) and not any(samples):
            continue  # there is no calendar, or nothing is known of the days
        of_optimal_dose = quantity in (PATIENTS_AT_OBD, PCS_OBD)
        if of_optimal_dose and not all(one or other for one, other in zip(exact, samples, strict=True)):
            continue  # the truth has no optimal dose, or one of them chooses none
        numbers = exact_numbers(*exact)
        sample, other = samples
        if sample is not None and other is not None:
            numbers |= simulated_numbers(sample, other)
            if exact[0] is not None and exact[1] is not None:
                numbers |= agreement_numbers((exact[0], sample), (exact[1], other))
        yield Difference(names[0], names[1], names[2], quantity, **numbers)
