"""How far simulated operating characteristics are from the exact ones, as the number of trials grows.

The error of a mean over `trials` simulated trials has standard deviation sd / sqrt(trials), with sd the exact standard
deviation between trials. An error divided by it is scaled: its mean square is 1 where the theory holds.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from escalation import Design, Outcomes, Trial, exact, simulate
from escalation.kernels.codes import NO_DOSE
from escalation.report.blocks import Block, Heading, Lines, TextTable
from escalation.trial.rates import correct_doses

Floats = NDArray[np.float64]

DOUBTFUL = 3.3
"""A normal variable is farther out than this once in a thousand times."""


def columns(outcomes: Outcomes) -> Floats:
    """Quantities of single trials, float64[Q, E], whose means are looked at.

    Whether each dose, and whether none, is recommended; the patients and DLTs at each dose.
    """
    recommended = [outcomes.recommended == dose for dose in (*range(outcomes.trial.levels), NO_DOSE)]
    return np.array([*recommended, *outcomes.patients.T, *outcomes.dlts.T], np.float64)


class Moments(NamedTuple):
    """Mean and standard deviation between trials of each quantity, float64[Q]."""

    mean: Floats
    sd: Floats


def exact_moments(outcomes: Outcomes) -> Moments:
    """The moments of exact outcomes."""
    quantities, probability = columns(outcomes), outcomes.probability
    mean = (quantities * probability).sum(axis=1)
    return Moments(mean, np.sqrt(((quantities - mean[:, None]) ** 2 * probability).sum(axis=1)))


@dataclass(frozen=True, eq=False)
class Errors:
    """Errors of runs with the same number of trials.

    Attributes
    ----------
    trials : int
    scaled : float64[R, Q]
        By run and quantity; see the module.
    pcs, patients : float
        Root mean squared error of the probability of correct selection, and of the mean number of patients at the
        correct dose.
    pcs_expected, patients_expected : float
        What the exact standard deviations say of these.
    """

    trials: int
    scaled: Floats
    pcs: float
    patients: float
    pcs_expected: float
    patients_expected: float

    @property
    def squares(self) -> Floats:
        """Mean square of the scaled errors of each run, float64[R]."""
        means: Floats = (self.scaled**2).mean(axis=1)
        return means


def errors_of(design: Design, trial: Trial, rates: Sequence[float], trials: int, seeds: range) -> Errors:
    """Errors of simulated runs, one a seed.

    Parameters
    ----------
    design : Design
    trial : Trial
    rates : sequence of float
        A truth with one correct dose.
    trials : int
        Of each run.
    seeds : range
    """
    outcomes = exact(design, trial).outcomes(rates)
    mean, sd = exact_moments(outcomes)
    runs = [columns(simulate(design, trial, rates, trials=trials, seed=seed)).mean(axis=1) for seed in seeds]
    errors = np.array(runs) - mean
    (correct,) = correct_doses(rates, trial.target)
    selected, treated = correct - 1, trial.levels + correct
    root = np.sqrt((errors**2).mean(axis=0))
    expected = sd / np.sqrt(trials)
    return Errors(
        trials=trials,
        scaled=errors / expected,
        pcs=float(root[selected]),
        patients=float(root[treated]),
        pcs_expected=float(expected[selected]),
        patients_expected=float(expected[treated]),
    )


class Estimate(NamedTuple):
    """A number and its standard error."""

    value: float
    error: float


def relative_variance(squares: Sequence[Floats]) -> float:
    """Variance of mean squares between runs, as a share of the square of their mean: that of all sizes together.

    Parameters
    ----------
    squares : sequence of float64[R]
        By number of trials, each with at least two runs.
    """
    deviations = sum(float(((values / values.mean() - 1) ** 2).sum()) for values in squares)
    return deviations / sum(len(values) - 1 for values in squares)


def slope_of_errors(found: Sequence[Errors]) -> Estimate:
    """Slope of the root mean squared relative error in the number of trials, both as logarithms.

    Least squares, each number of trials weighted by its number of runs. A relative error is one divided by the exact
    standard deviation between trials: a scaled error, divided by sqrt(trials).
    """
    share = relative_variance([errors.squares for errors in found])
    size = np.log([errors.trials for errors in found])
    error = np.array([np.log(errors.squares.mean() / errors.trials) / 2 for errors in found])
    # The logarithm of a root has half the relative error of what is under it.
    weight = np.array([len(errors.scaled) * 4 / share for errors in found])
    centre = np.average(size, weights=weight)
    spread = float((weight * (size - centre) ** 2).sum())
    return Estimate(float((weight * (size - centre) * error).sum() / spread), spread**-0.5)


def size_of_errors(found: Sequence[Errors]) -> Estimate:
    """Root mean square of all scaled errors: how large the errors are beside what the exact engine says."""
    squares = np.concatenate([errors.squares for errors in found])
    share = relative_variance([errors.squares for errors in found])
    root = float(np.sqrt(squares.mean()))
    return Estimate(root, root / 2 * float(np.sqrt(share / len(squares))))


def error_blocks(errors: Mapping[str, Sequence[Errors]]) -> Iterator[Block]:
    """Simulation error against exact."""
    yield Heading("Simulation error", 3)
    yield Lines(
        "Runs with different seeds, each beside the exact answer: root mean squared error of the PCS, in "
        "percentage points, and of the mean number of patients at the MTD. Expected: the exact standard deviation "
        "between trials, divided by the square root of their number. The last column takes all selection "
        "probabilities and all mean numbers of patients and DLTs at a dose together, each error divided by what is "
        "expected of it: their root mean square, 1 in theory. The designs meet the same patients, so that their "
        "errors go together."
    )
    header = ["design", "trials", "runs", "PCS", "expected", "patients", "expected", "found / expected, all"]
    groups = [[_error_row(name, one) for one in found] for name, found in errors.items()]
    yield TextTable(header, groups, caption="Error of simulated operating characteristics")
    yield from (_error_sentence(name, found) for name, found in errors.items())


def _error_row(name: str, found: Errors) -> list[str]:
    size = size_of_errors([found])
    errors = f"{100 * found.pcs:.3f}", f"{100 * found.pcs_expected:.3f}"
    patients = f"{found.patients:.4f}", f"{found.patients_expected:.4f}"
    return [name, f"{found.trials:,}", f"{len(found.scaled)}", *errors, *patients, f"{size.value:.3f}"]


def _error_sentence(name: str, found: Sequence[Errors]) -> Lines:
    slope, size = slope_of_errors(found), size_of_errors(found)
    parts = [
        ("the error falls with the number of trials to the power", slope, -0.5),
        ("its size is the expected one times", size, 1.0),
    ]
    clauses = [
        f"{words} {estimate.value:.3f} (standard error {estimate.error:.3f}; theory {theory:g}, "
        f"{_standard_errors(estimate, theory):.1f} standard errors away)"
        for words, estimate, theory in parts
    ]
    doubtful = any(_standard_errors(estimate, theory) > DOUBTFUL for _, estimate, theory in parts)
    verdict = "This DISAGREES with theory." if doubtful else "Both agree with theory."
    return Lines(f"{name}: {'; '.join(clauses)}. {verdict}", alarm=doubtful)


def _standard_errors(estimate: Estimate, theory: float) -> float:
    return abs(estimate.value - theory) / estimate.error
