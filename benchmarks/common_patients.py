"""What it gains that two designs meet the same virtual patients.

The variance of a difference between two designs, over runs with other seeds: once both designs have the same seed and
so the same patients, once each has its own. In the latter case it is also known exactly: the sum of the variances of
either design, from the exact engine, divided by the number of trials.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from benchmarks.simulation_error import DOUBTFUL
from escalation import Design, Trial, exact, simulate
from escalation.characteristics.paired import Sample, moments, samples, simulated_numbers
from escalation.numbers import CONFIDENCE
from escalation.report.blocks import Block, Heading, Lines, TextTable
from escalation.trial.rates import correct_doses

Counts = NDArray[np.int16]
"""Quantities of single trials, by run and trial."""

NAMES = {
    "pcs": "PCS",
    "patients_above_mtd": "patients above the MTD",
    "total_dlts": "DLTs",
}
"""What is compared: keys of `paired.QUANTITIES`."""


@dataclass(frozen=True)
class Gain:
    """The variance of one difference between two designs.

    Attributes
    ----------
    quantity : str
    runs : int
    same, other : float
        Variance over runs with the same patients, and with other patients for each design.
    exact_other : float
        What the latter is, by the exact engine.
    reported : float
        The gain that the package reports of one run, from its single trials; here of the trials of all runs.
    """

    quantity: str
    runs: int
    same: float
    other: float
    exact_other: float
    reported: float

    @property
    def ratio(self) -> float:
        """How many times as large the variance is with other patients."""
        return self.other / self.same

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the ratio: that of two variances of normal samples, which means of many trials are."""
        reach = float(special.fdtri(self.runs - 1, self.runs - 1, (1 + CONFIDENCE) / 2))
        return self.ratio / reach, self.ratio * reach

    @property
    def z(self) -> float:
        """Of the variance with other patients, were it the exact one."""
        return (self.other / self.exact_other - 1) * float(np.sqrt((self.runs - 1) / 2))


def gains(
    design: Design, reference: Design, trial: Trial, rates: Sequence[float], *, runs: int, trials: int
) -> list[Gain]:
    """Compare two designs in many runs.

    Parameters
    ----------
    design, reference : Design
    trial : Trial
    rates : sequence of float
    runs : int
        Pairs of runs of each kind.
    trials : int
        Of each run.
    """
    correct = correct_doses(rates, trial.target)
    known = [moments(exact(part, trial).outcomes(rates), correct) for part in (design, reference)]

    def sampled(part: Design, seeds: range) -> dict[str, Counts]:
        found = [samples(simulate(part, trial, rates, trials=trials, seed=seed), correct) for seed in seeds]
        return {name: np.array([run[name].values for run in found]) for name in NAMES}

    first, second = range(runs), range(runs, 2 * runs)
    mine, theirs, theirs_apart = sampled(design, first), sampled(reference, first), sampled(reference, second)
    return [
        Gain(
            quantity=name,
            runs=runs,
            same=_variance(mine[name], theirs[name]),
            other=_variance(mine[name], theirs_apart[name]),
            exact_other=sum(part[name].sd ** 2 for part in known) / trials,
            reported=simulated_numbers(_pooled(mine[name]), _pooled(theirs[name]))["gain"] or 0.0,
        )
        for name in NAMES
    ]


def _variance(mine: Counts, theirs: Counts) -> float:
    """Variance between runs of the difference of two means; counts by run and trial."""
    return float(np.var(mine.mean(axis=1) - theirs.mean(axis=1), ddof=1))


def _pooled(values: Counts) -> Sample:
    """The trials of all runs as those of one."""
    return Sample(float(values.mean()), values.ravel())


def paired_blocks(paired: Mapping[str, Sequence[Gain]]) -> Iterator[Block]:
    """The effect of common random numbers."""
    yield Heading("The same patients for both designs", 3)
    runs = next(iter(paired.values()))[0].runs
    yield Lines(
        "Standard deviation, between runs of 1,000 trials, of a difference between two designs: when both meet the "
        "same virtual patients, as in this package, and when each has other patients. The latter is also known "
        f"exactly. {runs:,} runs of each kind. Gain: the ratio of the variances, with its 95 % interval; so many "
        "times as many trials would be needed with other patients. Reported: the gain that the package computes "
        "within a run."
    )
    header = ["difference", "of", "same patients", "other patients", "exact", "gain", "95 % interval", "reported"]
    groups = [[_gain_row(name, one) for one in found] for name, found in paired.items()]
    yield TextTable(header, groups, words=frozenset({1}), caption="Common random numbers")
    everything = [(name, one) for name, found in paired.items() for one in found]
    least, most = (chosen(everything, key=lambda pair: pair[1].reported) for chosen in (min, max))
    yield Lines(
        f"The same patients are worth between {least[1].reported:.2f} times as many trials "
        f"({NAMES[least[1].quantity]}, {least[0]}) and {most[1].reported:.2f} times as many "
        f"({NAMES[most[1].quantity]}, {most[0]})."
    )
    farthest = max(abs(one.z) for _, one in everything)
    inside = sum(one.interval[0] <= one.reported <= one.interval[1] for _, one in everything)
    yield Lines(
        f"With other patients the variances agree with the exact ones: largest |z| {farthest:.1f} of {len(everything)}."
        if farthest <= DOUBTFUL
        else f"With other patients the variances DISAGREE with the exact ones: largest |z| {farthest:.1f}.",
        f"The reported gain is within the interval in {inside} of {len(everything)}.",
        alarm=farthest > DOUBTFUL,
    )


def _gain_row(name: str, found: Gain) -> list[str]:
    factor = 100 if found.quantity == "pcs" else 1
    deviations = [f"{factor * np.sqrt(part):.3f}" for part in (found.same, found.other, found.exact_other)]
    low, high = found.interval
    unit = " (percentage points)" if found.quantity == "pcs" else ""
    return [
        name,
        NAMES[found.quantity] + unit,
        *deviations,
        f"{found.ratio:.2f}",
        f"{low:.2f} to {high:.2f}",
        f"{found.reported:.2f}",
    ]
